"""Every failure that LLaMA-Factory is known for is produced for real, and explained: the rule, the line that proves it, what to change."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.training.failures import Evidence, Failure, LogExcerpt, explain, gather, warnings_of
from tests.training.failing.cases import Case, broken_models, cases, prepare
from tui import failure_sentences

pytestmark = pytest.mark.training
DRIVER = Path(__file__).with_name("failing") / "driver.py"
NAMES = [case.name for case in cases({"tiny": Path("/m/tiny"), "damaged": Path("/m"), "empty": Path("/m")})]


@dataclass(frozen=True)
class Ended:
    status: int | None
    signal: int | None


@dataclass(frozen=True)
class Outcome:
    case: Case
    folder: Path
    ended: Ended

    @property
    def evidence(self) -> Evidence:
        return gather(self.folder, exit=self.ended)


def quiet_environment(folder: Path) -> dict[str, str]:
    values = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "HF_DATASETS_CACHE": str(folder / "cache")}
    return {**os.environ, **values}


@pytest.fixture(scope="module")
def outcomes(training_env: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Outcome]]:
    """All cases, run in one go: LLaMA-Factory is imported once."""
    folder = tmp_path_factory.mktemp("failing")
    made = cases(broken_models(tiny_model, folder))
    orders = [prepare(case, folder / case.name, tiny_model) for case in made]
    (folder / "cases.json").write_text(json.dumps(orders))
    command = [training_env / "bin/python", DRIVER, folder / "cases.json"]
    done = subprocess.run(command, env=quiet_environment(folder), capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr[-3000:]
    yield {case.name: Outcome(case, folder / case.name, _ended(folder / case.name)) for case in made}


def _ended(folder: Path) -> Ended:
    value = json.loads((folder / "exit.json").read_text())
    return Ended(value["status"], value["signal"])


def found(outcome: Outcome) -> Failure:
    if not outcome.case.warning:
        return explain(outcome.evidence)
    return next((each for each in warnings_of(outcome.evidence) if each.rule == outcome.case.rule), Failure("nothing"))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_explained(outcomes: dict[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    case, failure = outcome.case, found(outcome)
    log = (outcome.folder / "log.txt").read_bytes()
    assert outcome.ended.status == (0 if case.warning else case.status), log[-2000:].decode(errors="replace")
    assert failure.rule == case.rule, log[-2000:].decode(errors="replace")
    assert failure.severity == ("warning" if case.warning else "failed")
    assert not case.proof or any(case.proof in proof.text for proof in failure.proof), failure.proof
    for name_, value in case.fields.items():
        assert failure.fields[name_] == value
    for option, value in case.changes.items():
        assert failure.remedies[0].changes[option] == value
    assert all(stands_there(proof, log) for proof in failure.proof), "a proof names its place in the log"
    assert failure_sentences.what(failure), "there is a sentence"
    assert failure_sentences.remedies(failure), "there is something to do"
    assert Failure.from_json(failure.to_json()) == failure


def stands_there(proof: LogExcerpt, log: bytes) -> bool:
    """Whether the place of the proof is right; -1 stands for the metrics, which are another file."""
    return proof.offset == -1 or log[proof.offset :].decode(errors="replace").startswith(proof.text.lstrip("\r\n")[:200])


def test_an_environment_without_llamafactory(training_env: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    with log.open("wb") as output:
        command = [training_env / "bin/python", "-S", training_env / "bin/llamafactory-cli", "train", "run.yaml"]
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT)
    failure = explain(gather(tmp_path, exit=Ended(done.returncode, None)))
    assert failure.rule == "environment_broken"
    assert "llamafactory" in failure.proof[0].text


def test_a_full_disk(training_env: Path, tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    order = prepare(Case("disk", "disk_full", options={"save_steps": 1, "finetuning_type": "full"}), folder, tiny_model)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", folder / "output"], capture_output=True)
    if os.geteuid() != 0 or mounted.returncode:
        pytest.skip("mounting a small disk needs root and the right to mount")
    try:
        (tmp_path / "cases.json").write_text(json.dumps([order]))
        subprocess.run(
            [training_env / "bin/python", DRIVER, tmp_path / "cases.json"], env=quiet_environment(tmp_path), check=True, timeout=300
        )
        failure = explain(gather(folder, exit=_ended(folder)))
    finally:
        subprocess.run(["umount", "-l", folder / "output"], check=True)
    assert failure.rule == "disk_full"
    assert "No space left" in failure.proof[0].text
    assert {"save_total_limit": 2} in [dict(each.changes) for each in failure.remedies]
