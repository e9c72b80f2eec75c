"""Every check, remedy, issue, remark and refusal of training has its sentence: the source is walked for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import core.training
from core.training.environment_folder import BREAKING
from core.training.environment_types import EnvironmentIssue
from core.training.install_plan import EXTRAS, steps
from core.training.memory import estimate
from core.training.memory_shape import shape_of_config
from core.training.options_rules import RULES
from core.training.preflight_types import Check, Remedy
from tests.unit.training.test_planning import BASE, QWEN_7B
from tui import preflight_sentences, training_errors, training_sentences
from tui.rules import BY_RULE

HERE = Path(core.training.__file__).parent
MINE = ("environment", "install", "options", "planning", "configurations", "preflight", "template_view", "deepspeed")
SOURCE = "\n".join(path.read_text() for name in MINE for path in sorted(HERE.glob(f"{name}*.py")))


def found(pattern: str) -> set[str]:
    return set(re.findall(pattern, SOURCE))


def test_every_check_says_something() -> None:
    rules = found(r'Check\(\s*"[a-z]+",\s*"([a-z_0-9]+)"')
    rules |= found(r'"(model_is_adapter|model_no_config|template_fits|template_not_checked)"')
    rules |= {f"environment_{state}" for state in ("missing", "installing", "broken")}
    assert len(rules) > 40
    assert not [rule for rule in rules if rule not in preflight_sentences.CHECKS]
    topics = found(r'Check\(\s*"([a-z]+)"')
    assert not [topic for topic in topics if topic not in preflight_sentences.TOPICS]


def test_every_remedy_says_something() -> None:
    codes = found(r'Remedy\(\s*"([a-z_0-9]+)"')
    assert len(codes) > 20
    assert not [code for code in codes if code not in preflight_sentences.REMEDIES]


def test_every_refusal_says_something() -> None:
    rules = (
        found(r'InvalidInput\(\s*(?:"[a-z_]+"|field|key),\s*"([a-z_0-9]+)"') | found(r'Remark\(\s*"[a-z]+",\s*"([a-z_0-9]+)"') | set(RULES)
    )
    assert len(rules) > 40
    assert not [rule for rule in rules if rule not in BY_RULE]
    conflicts = found(r'Conflict\(what="([a-z_]+)"') - {"dataset_unusable"}
    assert not [what for what in conflicts if what not in training_errors.TRAINING_CONFLICTS]
    problems = {what for what in found(r'what="(training_[a-z_]+)"') if what != "training_configuration"}
    assert not [what for what in problems if what not in training_errors.TRAINING_WHAT]


def test_every_issue_and_step_of_the_environment_has_words() -> None:
    issues = found(r'EnvironmentIssue\("([a-z_]+)"') | BREAKING | {"other_version", "wrong_version"}
    assert not [rule for rule in issues if rule not in training_sentences.ISSUES]
    names = [step["name"] for step in steps(Path("/env"), Path("/work"), cpu=True, extras=())]
    assert not [name for name in names if name not in training_sentences.INSTALL_STEPS]
    assert training_sentences.issue(EnvironmentIssue("missing_package", {"package": "torch\x1b[31m"})).count("\x1b") == 0
    assert "vllm" in EXTRAS


def test_every_part_of_the_memory_has_a_name() -> None:
    shape = shape_of_config(QWEN_7B)
    settings: list[tuple[Mapping[str, Any], bool]] = [
        (BASE, False),
        (BASE, True),
        (BASE | {"finetuning_type": "full", "stage": "dpo"}, False),
    ]
    names = {term.name for options, cpu in settings for term in estimate(shape, options, cpu=cpu).terms}
    assert {"weights", "adapter", "reference", "context", "program"} <= names
    assert not [name for name in names if name not in preflight_sentences.TERMS]


@pytest.mark.parametrize("hostile", ["\x1b[2J", "[bold]x[/]", "a\nb", "\u202e"])
def test_what_comes_from_outside_is_said_on_one_plain_line(hostile: str) -> None:
    for text in (
        preflight_sentences.check_words(Check("model", "model_no_config", "fail", {"path": f"/models/{hostile}"})),
        preflight_sentences.remedy_words(Remedy("use_template", {"template": hostile})),
    ):
        assert "\x1b" not in text and "\n" not in text and "\u202e" not in text
