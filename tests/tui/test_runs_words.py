"""What the runs area says, without a running application: every rule of core has its sentence, figures are read as they are meant."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

from core.training.configurations_fields import FIELDS
from core.training.configurations_types import FieldSpec, Remark, TrainingDraft
from core.training.environment_types import InstallProgress, InstallStep
from core.training.options_rules import RULES
from core.training.preflight_types import Check, MemoryEstimate, Preflight, Remedy, Term
from core.training.types import RunState, WaitReason
from tui.glyphs import ASCII, UNICODE
from tui.preflight_sentences import CHECKS, REMEDIES, TERMS, TOPICS, check_words, remedy_words
from tui.rules import BY_RULE
from tui.screens.runs.following import figures_of, seconds_of
from tui.screens.runs.lists import bar
from tui.screens.runs.preflight_lines import memory_lines
from tui.screens.runs.retry import parsed
from tui.screens.runs.texts import install_lines
from tui.screens.runs.training_values import draft_of, text_of, value_of, with_ppo
from tui.training_fields import CHOICES, GROUPS, WORDS, choices, limits, remark_words
from tui.training_sentences import INSTALL_KINDS, ISSUES, RUN_STATES, WAITING, install_step, size, span, why_waiting

TRAINING = Path(__file__).resolve().parents[2] / "core" / "training"


def calls(name: str, pattern: str) -> list[list[list[str]]]:
    """For every call of `name` in the files that fit `pattern`: the literal texts within each of its first three arguments."""
    return [
        [_texts(argument) for argument in node.args[:3]]
        for path in TRAINING.glob(pattern)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name
    ]


def _texts(argument: ast.expr) -> list[str]:
    return [part.value for part in ast.walk(argument) if isinstance(part, ast.Constant) and isinstance(part.value, str)]


def test_every_check_before_a_start_and_every_remedy_has_words() -> None:
    made = calls("Check", "preflight*.py")
    rules = {rule for _topic, texts, *_rest in made for rule in texts}
    topics = {text for topic, *_rest in made for text in topic}
    assert len(rules) > 30
    # environment_missing and its like are made of the state; template_is_adapter and such come with their own literal.
    states = {f"environment_{state}" for state in ("missing", "installing", "broken", "ready")}
    unsaid = {rule for rule in rules | states if rule not in CHECKS and rule not in BY_RULE and not rule.endswith("_")}
    assert not unsaid, sorted(unsaid)
    assert topics <= set(TOPICS), sorted(topics - set(TOPICS))
    codes = {text for codes, *_rest in calls("Remedy", "preflight*.py") for text in codes}
    assert codes <= set(REMEDIES), sorted(codes - set(REMEDIES))
    terms = {text for names, *_rest in calls("Term", "memory*.py") for text in names}
    assert terms and terms <= set(TERMS), sorted(terms - set(TERMS))


def test_every_remark_about_a_draft_has_words() -> None:
    rules = {text for _level, rules, *_rest in calls("Remark", "*.py") for text in rules} | set(RULES)
    assert len(rules) > 25
    assert rules <= set(BY_RULE), sorted(rules - set(BY_RULE))
    for rule in sorted(rules):
        assert "{" not in remark_words(Remark("error", rule, "extra", {"key": "a", "limit": 3, "expected": "int"}))


def test_every_issue_of_the_environment_and_every_step_of_its_installation_has_words() -> None:
    issues = {text for rules, *_rest in calls("EnvironmentIssue", "*.py") for text in rules}
    assert issues and issues <= set(ISSUES), sorted(issues - set(ISSUES))
    assert set(INSTALL_KINDS) == {"none", "running", "done", "failed", "cancelled", "interrupted"}
    assert install_step("extra:vllm") == "vllm"


def test_every_field_of_a_draft_has_a_label_and_says_what_it_does() -> None:
    assert {field.name for field in fields(TrainingDraft)} == set(WORDS)
    assert {spec.group for spec in FIELDS} <= set(GROUPS)
    for name, words in CHOICES.items():
        spec = next(spec for spec in FIELDS if spec.name == name)
        assert set(words) - {"ppo", "oft"} <= set(spec.choices), name


def test_every_state_and_every_reason_to_wait_has_words() -> None:
    assert set(RUN_STATES) == {state.value for state in RunState}
    documented = set(re.findall(r"^    ([a-z_]+) {2,}\S", WaitReason.__doc__ or "", re.MULTILINE))
    assert documented and documented <= set(WAITING), sorted(documented - set(WAITING))


def test_why_a_run_waits_names_who_holds_the_gpu_and_nobody_elses_run() -> None:
    holders = [{"run_id": "1", "name": "mine", "gpu": "a"}, {"run_id": "", "name": "", "gpu": "b"}]
    said = why_waiting(WaitReason("no_gpu", {"wanted": 2, "free": 0, "total": 2, "holders": holders}))
    assert said == "It wants 2 of 2 GPUs, 0 free; held by “mine”, 1 run of somebody else."
    assert why_waiting(WaitReason("earlier", {"ahead": 3, "name": "", "run_id": ""})) == "Before it in the queue: 3."
    assert why_waiting(WaitReason("no such reason")) == "It waits (no such reason)."
    assert "\x1b" not in why_waiting(WaitReason("earlier", {"ahead": 1, "name": "a\x1b[31m"}))


@pytest.mark.parametrize(
    ("seconds", "said"), [(None, ""), (-1.0, ""), (4.4, "4 s"), (920.0, "15:20"), (11_220.0, "3:07 h"), (216_000.0, "2.5 d")]
)
def test_times_fit_into_eight_cells(seconds: float | None, said: str) -> None:
    assert span(seconds) == said and len(said) <= 8


def test_sizes_are_read_at_a_glance() -> None:
    assert [size(count) for count in (None, 0, 1023, 2048, 5 << 20, 41_000_000_000)] == ["", "0 B", "1023 B", "2 KB", "5.0 MB", "38.2 GB"]


def test_figures_come_from_the_end_of_the_metrics_and_time_left_from_the_steps_since_the_resume() -> None:
    lines = [
        b'{"current_steps": 50, "total_steps": 100, "loss": 0.5, "elapsed_time": "0:00:10"}',
        b"not json",
        b'{"current_steps": 60, "total_steps": 100, "eval_loss": 0.4, "elapsed_time": "0:00:20"}',
        b'{"current_steps": 99, "loss": 9.0',
    ]
    found = figures_of(b"\n".join(lines), 40)
    assert (found.loss, found.step, found.total, found.left_s) == (0.5, 60, 100, 40.0)
    assert figures_of(b"", 0) == figures_of(b'{"current_steps": "x"}\n[]\n', 0)
    assert figures_of(b'{"current_steps": 5, "total_steps": 9, "elapsed_time": "0:01:00"}\n', 5).left_s is None
    assert seconds_of("1 day, 2:03:04") == 86400 + 7384 and seconds_of("soon") is None


def test_a_bar_is_full_only_at_the_end() -> None:
    assert bar(0.999, 8, UNICODE).count(UNICODE.full) == 7
    assert bar(1.0, 8, ASCII) == ASCII.full * 8


def test_what_is_typed_becomes_the_value_that_the_draft_holds() -> None:
    specs = {spec.name: spec for spec in FIELDS}
    for name in ("learning_rate", "max_steps", "packing", "quantization_bit", "dataset_ids", "template", "gradient_checkpointing"):
        for value in (getattr(TrainingDraft(), name),):
            assert value_of(specs[name], text_of(value)) == value, name
    draft, problems = draft_of(TrainingDraft(), specs, {"learning_rate": "2e-4", "max_steps": "", "packing": "yes", "lora_rank": "x"})
    assert (draft.learning_rate, draft.max_steps, draft.packing) == (2e-4, None, True)
    assert [(problem.key, problem.rule) for problem in problems] == [("lora_rank", "not_an_integer")]
    assert draft_of(TrainingDraft(), specs, {"cutoff_len": " "})[1][0].rule == "required"
    assert text_of(0.1 + 0.2) == "0.30000000000000004" and text_of(5e-05) == "5e-05"


def test_ppo_can_be_chosen_so_that_it_says_why_it_cannot_be() -> None:
    stage = with_ppo(next(spec for spec in FIELDS if spec.name == "stage"))
    assert "ppo" in choices(stage)
    assert "PPO does not run" in remark_words(Remark("error", "ppo_not_in_this_version", "stage"))


def test_limits_that_nobody_comes_near_are_not_shown() -> None:
    assert limits(FieldSpec("x", "data", "int", minimum=1, maximum=1e8)) == "from 1"
    assert limits(FieldSpec("x", "data", "float", minimum=0, maximum=0.99)) == "0 to 0.99"
    assert limits(FieldSpec("x", "data", "int")) == ""


def test_a_check_and_its_remedy_are_sentences_with_their_figures() -> None:
    check = Check("memory", "memory_too_small", "fail", {"needed": 41_000_000_000, "free": 1, "capacity": 25_000_000_000})
    assert check_words(check) == "About 38.2 GB are needed, and there are 23.3 GB."
    assert remedy_words(Remedy("shorter_cutoff", {"cutoff_len": 1024})) == "Cut samples off at 1024 tokens."
    assert remedy_words(Remedy("of tomorrow", {"lora_rank": 4})) == "Set LoRA rank 4."
    assert check_words(Check("options", "unknown_key", "fail", {"key": "x\x07y"})).isprintable()


def test_the_memory_is_a_table_with_its_formula_and_a_bar() -> None:
    terms = (Term("weights", 16 << 30, "8,000,000,000 parameters x 2 bytes"), Term("adapter", 1 << 20, "262,144 x 4 bytes"))
    needed = MemoryEstimate(terms, 17 << 30, free=16 << 30, capacity=24 << 30, parameters=8_000_000_000, trainable=262_144)
    found = Preflight((), course=None, memory=needed)  # type: ignore[arg-type]
    lines = memory_lines(found, 100, UNICODE)
    text = "\n".join("".join(part for part, _token in line) for line in lines)
    assert "weights of the model" in text and "8,000,000,000 parameters x 2 bytes" in text
    assert "17.0 GB of 16.0 GB free (of 24.0 GB)" in text
    assert any(token == "bad" for line in lines for part, token in line if UNICODE.full in part), "it does not fit"


def test_an_installation_says_how_far_it_is_and_where_it_ended() -> None:
    steps = (InstallStep("venv", "done"), InstallStep("torch", "running"), InstallStep("llamafactory"))
    said = [text for text, _token in install_lines(InstallProgress("running", steps, line="Down\x1b[2Jloading", cpu=True))]
    assert said[0] == "The installation is under way." and said[1] == "1 of 3 steps · for the CPU · PyTorch"
    assert said[2].isprintable()
    failed = install_lines(InstallProgress("failed", steps, failed_step="torch", exit_status=1))
    assert ("It ended at: PyTorch. l shows its log.", "warn") in failed


@pytest.mark.parametrize(("text", "value"), [("", None), ("4", 4), ("2e-5", 2e-5), ("yes", True), ("false", False), ("all", "all")])
def test_values_of_a_retry_are_what_yaml_would_read(text: str, value: object) -> None:
    assert parsed(text) == value
