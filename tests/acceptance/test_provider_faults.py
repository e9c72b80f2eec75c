"""Every fault of the simulator, on every wire format, as `modeltrain chat` tells it: what came is kept, the question stays, retry works.

The command line runs in this process, because starting one costs a second; tests/acceptance/test_shell.py starts some of them.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from core.llm.simulator.catalogue import FAULTY, STATUS
from core.llm.simulator.names import parse_name
from tests.acceptance.faults import EMAIL, FAULTS, FLOODS, PROTOCOLS, WORKING, Fault, Run, configure_now
from tests.shell import Shell

STATES = {0: "complete", 3: "truncated", 4: "failed"}
#: Faults that the program itself asks again after, and the answer is whole.
MENDED = ("flaky", "flaky-drop", "flaky-529")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, simulator: dict[str, Any]) -> Path:
    """Ann's data folder with a configuration for each model on each format."""
    data = tmp_path_factory.mktemp("faults") / "data"
    Shell(data).user(EMAIL, "ann", admin=True)
    models = [f"sim-{'flaky-' if fault.again else ''}{fault.model}@0x50" for fault in FAULTS]
    models += [f"sim-{name}@0x50" for name in (*WORKING, *MENDED)] + [f"sim-{name}@0" for name in FLOODS]
    configure_now(data, simulator, {f"{preset} {model}": (preset, model) for preset in PROTOCOLS for model in models})
    return data


@pytest.fixture
def ann(here: Run, installation: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`modeltrain ARGUMENTS` as Ann, in this process."""
    monkeypatch.setattr("core.llm.wire._PAUSES_S", (0.0, 0.0))
    return partial(here, installation, "--as", EMAIL)


def messages(ann: Run, conversation: str) -> list[dict[str, Any]]:
    shown = ann("conversation", "show", conversation, "--json")
    assert shown.status == 0, shown.err
    found: list[dict[str, Any]] = shown.json["messages"]
    return found


@pytest.mark.parametrize(
    ("fault", "preset"), [(fault, preset) for fault in FAULTS for preset in fault.only], ids=lambda part: getattr(part, "model", part)
)
def test_a_fault_is_told_kept_and_mended_by_asking_again(ann: Run, fault: Fault, preset: str) -> None:
    name, question = f"{preset} sim-{'flaky-' if fault.again else ''}{fault.model}@0x50", f"损失 {preset} {fault.model}"
    failed = ann("chat", "-c", name, "--json", question)
    told = failed.json
    assert (failed.status, told["finish"]) == (fault.status, fault.finish), failed
    assert (told["error"] or {}).get("code") == fault.code
    if fault.code is not None:
        assert told["error"]["message"] and told["error"]["remedy"].endswith(".")
    assert bool(told["answer"]) is fault.came
    asked, answered = messages(ann, told["conversation"])
    assert (asked["role"], asked["content"], asked["state"]) == ("user", question, "complete")
    assert (answered["content"], answered["reasoning"]) == (told["answer"], told["reasoning"])
    assert answered["state"] == STATES[fault.status]
    if fault.again:
        again = ann("chat", "-c", name, "--json", question)
        assert (again.status, again.json["finish"]) == (0, "stop"), again
        assert messages(ann, again.json["conversation"])[1]["content"] == again.json["answer"]
        assert messages(ann, told["conversation"]) == [asked, answered], "what came the first time is still there"


@pytest.mark.parametrize("preset", PROTOCOLS)
@pytest.mark.parametrize("model", [*WORKING, *MENDED])
def test_what_only_looks_like_a_fault_is_an_answer(ann: Run, preset: str, model: str) -> None:
    outcome = ann("chat", "-c", f"{preset} sim-{model}@0x50", "--json", f"{preset} {model}")
    assert (outcome.status, outcome.json["finish"], outcome.json["error"]) == (0, "stop", None), outcome
    assert outcome.json["answer"]
    assert outcome.json["usage"]["exact"] or model.startswith("no-")


def test_every_fault_of_the_simulator_is_among_them() -> None:
    shown = {parse_name(f"sim-{name}").model.name for name in (*(fault.model for fault in FAULTS), *WORKING, *MENDED, *FLOODS)}
    assert {model.name for model in (*STATUS, *FAULTY)} == shown


@pytest.mark.parametrize("fault", {fault.code: fault for fault in FAULTS if fault.code is not None}.values(), ids=lambda fault: fault.model)
def test_people_read_the_cause_and_the_remedy_after_what_came(ann: Run, fault: Fault) -> None:
    preset = fault.only[0]
    outcome = ann("chat", "-c", f"{preset} sim-{'flaky-' if fault.again else ''}{fault.model}@0x50", f"for people: {preset} {fault.model}")
    assert outcome.status == fault.status
    assert bool(outcome.out.strip()) is fault.came
    lines = outcome.err.strip().splitlines()
    assert len(lines) >= 2 and all(line.strip() for line in lines[-2:]), outcome.err
    assert "Traceback" not in outcome.err and "sk-test" not in outcome.err


def test_without_streaming_the_faults_are_the_same(ann: Run) -> None:
    for preset in PROTOCOLS:
        for model, code in (("401", "unauthorized"), ("cut", "stream_truncated"), ("html", "not_a_stream"), ("empty", "empty_stream")):
            asking = ("chat", "-c", f"{preset} sim-flaky-{model}@0x50", "--json", "--no-stream", f"whole {preset} {model}")
            outcome, again = ann(*asking), ann(*asking)
            assert (outcome.status, outcome.json["error"]["code"], outcome.json["answer"]) == (4, code, ""), outcome
            assert (again.status, again.json["finish"]) == (0, "stop"), again
