"""The rules for what a person fills in: nothing raises, and nothing outside the ranges passes."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.llm.presets import presets
from core.llm.request import Parameters
from core.models.checks import ADVICE, EXTRA_DEPTH, STOP_COUNT, check_draft, check_parameters
from core.models.editing import free_name
from core.models.forms import parse_extra, parse_number, parse_parameters
from core.models.rows import parameters_from_json, parameters_to_json
from core.models.templates import PARAMETER_TEMPLATES, apply_template
from core.models.types import KEEP, ConfigurationDraft, mask

RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "top_k": (0, math.inf),
    "max_tokens": (1, math.inf),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
}
INTEGERS = {"top_k", "max_tokens", "seed"}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def draft(**changes: Any) -> ConfigurationDraft:
    return ConfigurationDraft(**{"name": "Fast", "provider_id": "simulator", "model": "sim-chat", **changes})


def rules(checked: ConfigurationDraft) -> dict[str, str]:
    return {field: problem.rule for field, problem in check_draft(checked).items()}


@given(st.sampled_from(sorted(RANGES)), st.floats() | st.integers(-(10**12), 10**12))
def test_a_number_passes_exactly_within_its_range(field: str, value: float) -> None:
    if field in INTEGERS and isinstance(value, float):
        expected = field
    else:
        low, high = RANGES[field]
        inside = low <= value <= min(high, 2**31 - 1 if field in INTEGERS else high)
        expected = "" if inside else field
    assert "".join(check_parameters(Parameters(**{field: value}))) == expected  # type: ignore[arg-type]


@given(st.builds(ConfigurationDraft, name=st.text(), provider_id=st.text() | st.sampled_from(sorted(presets())), model=st.text(),
                 endpoint=st.text() | st.just("https://host/v1"), key=st.none() | st.text() | st.just(KEEP), system_prompt=st.text(),
                 timeout_s=st.floats(), note=st.text()))  # fmt: skip
def test_checking_never_raises_and_names_real_fields(any_draft: ConfigurationDraft) -> None:
    fields = set(ConfigurationDraft.__dataclass_fields__) | set(Parameters.__dataclass_fields__)
    for field, problem in check_draft(any_draft).items():
        assert problem.field == field
        assert field in fields
        assert problem.rule


@given(json_values)
def test_extra_json_that_passes_survives_storage(value: Any) -> None:
    parameters = Parameters(extra=value) if isinstance(value, dict) else None
    if parameters is None:
        with pytest.raises(InvalidInput):
            parse_extra(json.dumps(value) or "0")
    elif not check_parameters(parameters):
        assert parse_extra(json.dumps(value)) == value
        assert parameters_from_json(parameters_to_json(parameters)) == parameters


@given(st.text())
def test_any_text_is_an_object_or_a_rule(text: str) -> None:
    try:
        assert isinstance(parse_extra(text), dict)
    except InvalidInput as problem:
        assert problem.field == "extra"


@given(st.text() | st.floats().map(str) | st.integers().map(str), st.sampled_from([*RANGES, "seed", "timeout_s"]))
def test_any_text_is_a_number_or_a_rule(text: str, field: str) -> None:
    try:
        value = parse_number(field, text)
    except InvalidInput as problem:
        assert problem.rule in {"not_a_number", "not_an_integer", "out_of_range"}
    else:
        assert (value is None) == (not text.strip())


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("[1]", "not_an_object"),
        ("1", "not_an_object"),
        ("{", "not_json"),
        ('{"a": NaN}', "not_finite"),
        ('{"a": -Infinity}', "not_finite"),
        ('{"a": 1e999}', "not_finite"),
        ('{"a": "\\ud800"}', "control_characters"),
        ('{"a": 1, "a": 2}', "twice"),
        ('{"model": "other"}', "reserved"),
        ('{"messages": []}', "reserved"),
        ('{"stream": false}', "reserved"),
        ('{"a":' * 3_000 + "1" + "}" * 3_000, "too_deep"),
        ('{"a":' + "[" * (EXTRA_DEPTH + 1) + "]" * (EXTRA_DEPTH + 1) + "}", "too_deep"),
        ('{"a": "' + "x" * 30_000 + '"}', "too_long"),
        ('{"a": ' + "9" * 5_000 + "}", "not_json"),
    ],
)
def test_extra_json_that_is_refused(text: str, rule: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_extra(text)
    assert (caught.value.field, caught.value.rule) == ("extra", rule)


def test_a_reserved_name_may_stand_deeper() -> None:
    assert parse_extra('{"chat_template_kwargs": {"model": 1}}') == {"chat_template_kwargs": {"model": 1}}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"name": " \x1b[31m "}, {"name": "required"}),
        ({"name": "x" * 101}, {"name": "too_long"}),
        ({"model": ""}, {"model": "required"}),
        ({"model": "m" * 201}, {"model": "too_long"}),
        ({"model": "a\x1b[2Jb"}, {"model": "control_characters"}),
        ({"model": "a\nb"}, {"model": "control_characters"}),
        ({"provider_id": "nobody"}, {"provider_id": "unknown"}),
        ({"timeout_s": 0.5}, {"timeout_s": "out_of_range"}),
        ({"timeout_s": math.nan}, {"timeout_s": "out_of_range"}),
        ({"timeout_s": 3600.1}, {"timeout_s": "out_of_range"}),
        ({"key": "sk with blank"}, {"key": "control_characters"}),
        ({"key": "sk-\r\nX-Evil: 1"}, {"key": "control_characters"}),
        ({"key": "schlüssel"}, {"key": "control_characters"}),
        ({"note": "n" * 2_001}, {"note": "too_long"}),
        ({"system_prompt": "half \ud800"}, {"system_prompt": "control_characters"}),
        ({"system_prompt": "nul \x00"}, {"system_prompt": "control_characters"}),
        ({"parameters": Parameters(stop=("a",) * (STOP_COUNT + 1))}, {"stop": "too_many"}),
        ({"parameters": Parameters(stop=("",))}, {"stop": "required"}),
        ({"parameters": Parameters(stop=("\n\n",))}, {}),
        ({"parameters": Parameters(temperature=True)}, {"temperature": "not_a_number"}),
        ({"parameters": Parameters(seed=2**63)}, {"seed": "out_of_range"}),
        ({"parameters": Parameters(seed=-1)}, {}),
        ({"endpoint": "ftp://host"}, {"endpoint": "scheme"}),
        ({"provider_id": "ollama", "endpoint": "simulator:"}, {"endpoint": "scheme"}),
        ({"provider_id": "openai-compatible"}, {"endpoint": "required"}),
        ({"provider_id": "openai"}, {"key": "key_needed"}),
        ({"provider_id": "openai", "key": "  "}, {"key": "key_needed"}),
        ({"provider_id": "openai", "key": "sk-x"}, {}),
    ],
)
def test_what_is_said_about_a_draft(changes: dict[str, Any], expected: dict[str, str]) -> None:
    assert rules(draft(**changes)) == expected


def test_everything_that_is_wrong_is_said_at_once() -> None:
    wrong = draft(name="", model="", endpoint="?", timeout_s=0, parameters=Parameters(temperature=3, top_p=-1, extra={"stream": 1}))
    assert set(rules(wrong)) == {"name", "model", "endpoint", "timeout_s", "temperature", "top_p", "extra"}


@pytest.mark.parametrize(
    ("provider", "temperature", "advice"),
    [
        ("anthropic", 1.2, "1"),
        ("zhipu", 2, "1"),
        ("baichuan", 1.01, "1"),
        ("anthropic", 1, None),
        ("openai", 2, None),
        ("zhipu", None, None),
    ],
)
def test_a_temperature_that_will_be_lowered_is_said_and_saved_all_the_same(
    provider: str, temperature: float | None, advice: str | None
) -> None:
    problem = check_draft(draft(provider_id=provider, key="sk-1", parameters=Parameters(temperature=temperature))).get("temperature")
    assert (problem.fields["maximum"] if problem is not None else None) == advice
    assert problem is None or problem.rule in ADVICE
    out_of_range = check_draft(draft(provider_id=provider, key="sk-1", parameters=Parameters(temperature=2.1)))["temperature"]
    assert out_of_range.rule == "out_of_range", "what is wrong for all goes first"


def test_a_taken_name_is_seen_in_its_stored_spelling() -> None:
    assert check_draft(draft(name="  Fast\x07 "), taken_names={"Fast"})["name"].rule == "taken"


def test_texts_become_parameters_and_remarks() -> None:
    texts = {"temperature": " 0.2 ", "top_k": "4.5", "max_tokens": "", "seed": "abc", "extra": '{"min_p": 0.1}', "top_p": "nan"}
    parameters, problems = parse_parameters(texts, ["END"])
    assert parameters == Parameters(temperature=0.2, stop=("END",), extra={"min_p": 0.1})
    assert {field: problem.rule for field, problem in problems.items()} == {
        "top_k": "not_an_integer",
        "seed": "not_a_number",
        "top_p": "out_of_range",
    }


@given(st.text(min_size=1, max_size=120).map(str.strip).filter(bool), st.sets(st.text(max_size=20), max_size=5))
def test_the_next_free_name_is_free_and_short_enough(name: str, taken: set[str]) -> None:
    found = free_name(name[:100], {name[:100], *taken})
    assert found not in {name[:100], *taken}
    assert len(found) <= 100


@pytest.mark.parametrize(
    ("name", "taken", "expected"),
    [
        ("Fast", {"Fast"}, "Fast 2"),
        ("Fast", {"Fast", "Fast 2"}, "Fast 3"),
        ("Fast 2", {"Fast", "Fast 2"}, "Fast 3"),
        ("GPT 4", {"GPT 4"}, "GPT 4 2"),
        ("n" * 100, {"n" * 100}, "n" * 98 + " 2"),
    ],
)
def test_names_of_copies(name: str, taken: set[str], expected: str) -> None:
    assert free_name(name, taken) == expected


@given(st.text())
def test_a_mask_shows_little(key: str) -> None:
    shown = mask(key)
    assert shown == "…" if len(key) < 12 else shown == f"{key[:3]}…{key[-4:]}"


def test_templates_are_valid_and_leave_the_rest() -> None:
    mine = Parameters(temperature=1.9, top_k=3, max_tokens=77, seed=5, stop=("END",), extra={"a": 1})
    for name, template in PARAMETER_TEMPLATES.items():
        assert not check_parameters(template)
        applied = apply_template(mine, name)
        assert (applied.temperature, applied.top_k) == (template.temperature, None)
        assert (applied.max_tokens, applied.seed, applied.stop, applied.extra) == (77, 5, ("END",), {"a": 1})


def test_a_draft_keeps_its_key_to_itself() -> None:
    assert "sk-very-secret" not in repr(draft(key="sk-very-secret"))
