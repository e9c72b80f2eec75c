"""Model names: which model, what argument, how fast, how long."""

from __future__ import annotations

import pytest

from core.llm.simulator.catalogue import MODELS
from core.llm.simulator.names import DEFAULT_RATE, UnknownModel, parse_name


@pytest.mark.parametrize(
    ("name", "model", "argument", "rate", "length"),
    [
        ("sim-chat", "sim-chat", "", DEFAULT_RATE, None),
        ("sim-markdown@200x2000", "sim-markdown", "", 200, 2000),
        ("sim-markdown@200", "sim-markdown", "", 200, None),
        ("sim-markdown@x2000", "sim-markdown", "", DEFAULT_RATE, 2000),
        ("sim-markdownx2000", "sim-markdown", "", DEFAULT_RATE, 2000),
        ("sim-chat@0x500", "sim-chat", "", 0, 500),
        ("sim-chat@maxx500", "sim-chat", "", 0, 500),
        ("sim-chat@max", "sim-chat", "", 0, None),
        ("sim-chat@0.5x1", "sim-chat", "", 0.5, 1),
        ("sim-chat:latest", "sim-chat", "", DEFAULT_RATE, None),
        ("sim-chat@30x5:7b-q4_0", "sim-chat", "", 30, 5),
        ("sim-reasoning-content@0", "sim-reasoning-content", "", 0, None),
        ("sim-429-30", "sim-429", "30", DEFAULT_RATE, None),
        ("sim-429-date@0", "sim-429", "date", 0, None),
        ("sim-cut-5@0x20", "sim-cut", "5", 0, 20),
        ("sim-flaky-error-in-200", "sim-flaky", "error-in-200", DEFAULT_RATE, None),
        ("sim-error-in-200-stream", "sim-error-in-200-stream", "", DEFAULT_RATE, None),
    ],
)
def test_a_name_says_model_pace_and_length(name: str, model: str, argument: str, rate: float, length: int | None) -> None:
    asked = parse_name(name)
    assert (asked.model.name, asked.argument, asked.rate, asked.length) == (model, argument, rate, length)


@pytest.mark.parametrize(
    "name",
    ["", "sim", "sim-", "chat", "gpt-4o", "sim-nothing", "sim-chat-5", "sim-chat@", "sim-chat@x", "sim-chat@-5", "sim-chat@max500",
     "sim-chat@1e9", "sim-chat@999999", "sim-chatx0", "sim-chat@0x1000001", "sim-429-soon", "sim-flaky-chat", "sim-flaky-flaky",
     "sim-chat@0x5\n", "SIM-CHAT", " sim-chat", "sim-chat@0x5x5"],
)  # fmt: skip
def test_other_names_are_unknown(name: str) -> None:
    with pytest.raises(UnknownModel):
        parse_name(name)


def test_endless_names_are_unknown_at_once() -> None:
    for name in ("sim-" + "a-" * 500_000, "sim-chat:" + "a" * 500_000, "sim-chat-" * 100_000):
        with pytest.raises(UnknownModel) as problem:
            parse_name(name)
        assert len(str(problem.value)) < 200


def test_every_listed_name_is_known_and_said_to_be_simulated() -> None:
    for model in MODELS:
        assert parse_name(model.name).model is model
        assert model.description.startswith("Simulated by modeltrain: ")
        assert model.description.endswith((".",))
        assert "\n" not in model.description
    assert len({model.name for model in MODELS}) == len(MODELS)
