"""Every scorer by what it lets pass, the default choice, options that do not hold, and texts meant to hang it."""

from __future__ import annotations

import json
import pickle
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from core.scoring import json_schema
from core.scoring.scorers import SCORERS, default_scorer, score, validate
from core.scoring.types import Score, Scored


def scored(scorer: str, answer: str, expected: str | None = None, **options: Any) -> Score:
    return score(answer, Scored(expected, scorer, options))


def passes(scorer: str, answer: str, expected: str | None = None, **options: Any) -> bool | None:
    found = scored(scorer, answer, expected, **options)
    assert found.problem is None, found
    assert found.value == float(bool(found.passed))
    return found.passed


# exact and contains -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "expected", "options", "ok"),
    [
        (" Paris\n", "Paris", {}, True),
        ("a  b", "a b", {}, True),
        ("paris", "Paris", {}, False),
        ("paris", "Paris", {"ignore_case": True}, True),
        ("Paris.", "Paris", {}, False),
        ("Paris.", "Paris", {"ignore_punctuation": True}, True),
        ("\uff30\uff41\uff52\uff49\uff53", "Paris", {}, True),
        ("\uff30\uff41\uff52\uff49\uff53", "Paris", {"ignore_width": False}, False),
        ("**Paris**", "Paris", {}, False),
        ("**Paris**", "Paris", {"ignore_markup": True}, True),
        ("the cat", "cat", {"ignore_articles": True}, True),
        ("GPT 模型", "GPT模型", {"ignore_spaces": True}, True),
        ("Straße", "STRASSE", {"ignore_case": True}, True),
        ("Lutetia", "Paris", {"alternatives": ["Lutetia"]}, True),
        ("Lutetia", "Paris", {"alternatives": "Lutetia"}, True),
        ("", "Paris", {}, False),
    ],
)
def test_exact(answer: str, expected: str, options: dict[str, Any], ok: bool) -> None:
    assert passes("exact", answer, expected, **options) is ok


@pytest.mark.parametrize(
    ("answer", "expected", "options", "ok"),
    [
        ("The capital is **Paris**.", "paris", {}, True),
        ("the category", "cat", {}, False),
        ("the category", "cat", {"whole_words": False}, True),
        ("concatenate the cat", "cat", {}, True),
        ("首都是北京市。", "北京", {}, True),
        ("使用GPT模型", "GPT", {}, True),
        ("in C++ it is", "C++", {}, True),
        ("no idea", "Paris", {"alternatives": ["idea"]}, True),
        ("red and green", None, {"all_of": ["red", "green"]}, True),
        ("red only", None, {"all_of": ["red", "green"]}, False),
        ("red and blue", "red", {"none_of": "blue"}, False),
    ],
)
def test_contains(answer: str, expected: str | None, options: dict[str, Any], ok: bool) -> None:
    assert passes("contains", answer, expected, **options) is ok


# choice -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("B", "B"),
        ("(c)", "C"),
        ("**D**.", "D"),
        ("The answer is (B).", "B"),
        ("A dog is an animal, so the correct answer is C", "C"),
        ("First I thought the answer is A. But then: the answer is **D**.", "D"),
        ("B) because it is the largest", "B"),
        ("Option C", "C"),
        ("\\boxed{A}", "A"),
        ("$\\boxed{\\text{B}}$", "B"),
        ("故选B。", "B"),
        ("正确答案是：C", "C"),
        ("答案为（D）", "D"),
        ("I reason for long.\n\nC\n", "C"),
        ("A cat and a dog", None),
        ("I do not know.", None),
        ("", None),
    ],
)
def test_choice(answer: str, letter: str | None) -> None:
    found = scored("choice", answer, "B")
    assert found.details["found"] == letter
    assert found.passed is (letter == "B")


# regex --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "expected", "options", "ok"),
    [
        ("order 66", r"\d+", {}, True),
        ("order", r"\d+", {}, False),
        ("Order", None, {"pattern": "order"}, False),
        ("Order", None, {"pattern": "order", "ignore_case": True}, True),
        ("a\nb", None, {"pattern": "a.b"}, False),
        ("a\nb", None, {"pattern": "a.b", "dotall": True}, True),
        ("a\nb", None, {"pattern": "^b$"}, False),
        ("a\nb", None, {"pattern": "^b$", "multiline": True}, True),
        ("xay", None, {"pattern": "a", "whole": True}, False),
        ("Answer: A. No, Answer: B", "B", {"pattern": r"Answer: (\w)"}, True),
        ("Answer: A. No, Answer: B", "A", {"pattern": r"Answer: (\w)"}, False),
        ("答案：北京", "北京", {"pattern": r"答案：(\p{Han}+)"}, True),
        ("nothing", "B", {"pattern": r"Answer: (\w)"}, False),
    ],
)
def test_regex(answer: str, expected: str | None, options: dict[str, Any], ok: bool) -> None:
    assert passes("regex", answer, expected, **options) is ok


@pytest.mark.parametrize(
    ("pattern", "text"),
    [(r"(a|aa)+$", "a" * 5_000 + "b"), (r"(?:abcdefghijklmnop){e<=12}", "xyz" * 100_000)],
)
def test_a_catastrophic_pattern_is_stopped(pattern: str, text: str) -> None:
    began = time.monotonic()
    found = scored("regex", text, None, pattern=pattern)
    assert (found.value, found.passed, found.problem) == (None, None, "took_too_long")
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("pattern", ["(?R)*a", "((a)|(?1))*$", "(?<x>a(?&x)?)", "(?P<x>a(?P>x)?)", "(" * 1000, "(x", "a{3,1}", "x" * 2_001])
def test_patterns_that_cannot_be_used_are_named(pattern: str) -> None:
    (problem,) = validate("regex", {"pattern": pattern})
    assert problem.option == "pattern"
    assert scored("regex", "aaa", None, pattern=pattern).problem == "options"


def test_patterns_with_questions_in_brackets_are_fine() -> None:
    assert validate("regex", {"pattern": r"\(\?R\)(?:a|(?=b))"}) == ()


def test_an_answer_that_is_too_long_for_patterns_says_so() -> None:
    found = scored("regex", "a" * 500_001, "a")
    assert (found.problem, found.details) == ("too_long", {"limit": 500_000, "characters": 500_001})


# JSON ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "expected", "options", "ok"),
    [
        ('{"b": [1, 2], "a": 1.0}', '{"a": 1, "b": [1, 2]}', {}, True),
        ('Here you are:\n```json\n{"a": 1}\n```\nDone.', '{"a": 1}', {}, True),
        ('```\n{"a": 2}\n```\n\nBetter:\n\n~~~JSON\n{"a": 1}\n~~~', '{"a": 1}', {}, True),
        ('The result is {"a": {"b": [1]}} as asked, not [1].', '{"a": {"b": [1]}}', {}, True),
        ('{"a": 1, "b": 2}', '{"a": 1}', {}, False),
        ('{"a": 1, "b": 2}', '{"a": 1}', {"extra_keys": True}, True),
        ("[1, 2]", "[2, 1]", {}, False),
        ("[1, 2]", "[2, 1]", {"ignore_list_order": True}, True),
        ("[1, 1]", "[1, 2]", {"ignore_list_order": True}, False),
        ('{"a": true}', '{"a": 1}', {}, False),
        ('{"a": 1.04}', '{"a": 1}', {"tolerance": 0.05}, True),
        ('{"a": "YES"}', '{"a": "yes"}', {"ignore_case": True}, True),
        ('{"名": "值"}', '{"名": "\\u503c"}', {}, True),
        ('{"a": NaN}', '{"a": 1}', {}, False),
        ("no JSON here", "{}", {}, False),
        ("null", "null", {}, True),
        ('"text"', '"text"', {}, True),
    ],
)
def test_json(answer: str, expected: str, options: dict[str, Any], ok: bool) -> None:
    assert passes("json", answer, expected, **options) is ok


def test_json_says_where_it_differs() -> None:
    found = scored("json", '{"a": [1, {"b": 2}], "c": 3}', '{"a": [1, {"b": 4}]}')
    assert found.details["path"] == "$.a[1].b"
    assert scored("json", "{}", "not json").problem == "options"


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "{" * 1_000_000, "[1," * 200_000, "```json\n" * 50_000])
def test_json_that_never_ends_ends(text: str) -> None:
    assert scored("json", text, '{"a": 1}').passed is False


SCHEMA = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "pattern": "^[A-Z]"}}}


@pytest.mark.parametrize(
    ("answer", "schema", "ok"),
    [
        ('{"name": "Ada"}', SCHEMA, True),
        ('{"name": "Ada"}', json.dumps(SCHEMA), True),
        ('{"name": "ada"}', SCHEMA, False),
        ("{}", SCHEMA, False),
        ("[1]", {"type": "array", "items": {"type": "integer"}}, True),
        ("nothing", SCHEMA, False),
        ('{"x1": 5}', {"patternProperties": {"^x": {"type": "string"}}}, False),
    ],
)
def test_json_schema(answer: str, schema: object, ok: bool) -> None:
    assert passes("json_schema", answer, None, schema=schema) is ok


def test_a_schema_never_fetches_hangs_or_breaks() -> None:
    for reference in ("http://127.0.0.1:9/schema.json", "file:///etc/passwd"):
        found = scored("json_schema", "{}", None, schema={"$ref": reference})
        assert (found.problem, found.details["rule"]) == ("options", "not_a_schema")
    slow = scored("json_schema", json.dumps("a" * 5_000 + "b"), None, schema={"pattern": "(a|aa)+$"})
    assert slow.problem == "took_too_long"
    endless = scored("json_schema", "{}", None, schema={"$ref": "#"})
    assert endless.problem == "options"
    (problem,) = validate("json_schema", {"schema": {"type": "nothing"}})
    assert problem.rule == "not_a_schema"
    assert validate("json_schema", {"schema": "{"})[0].rule == "not_a_schema"
    assert validate("json_schema", {"schema": {"pattern": "("}})[0].rule == "not_a_schema"
    odds: tuple[Any, ...] = ([], 5)
    for odd in odds:
        assert validate("json_schema", {"schema": {"$schema": odd}})[0].rule == "not_a_schema"


def test_short_schemas_that_take_for_ever_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ways to hold a server up: looks that double with each step, elements each with each, patterns that nobody can interrupt."""
    monkeypatch.setattr(json_schema, "_WHOLE_S", 0.5)
    steps: dict[str, object] = {f"d{at}": {"anyOf": [{"$ref": f"#/$defs/d{at + 1}"}] * 2} for at in range(40)}
    doubling = {"$defs": steps | {"d40": {"type": "string"}}, "$ref": "#/$defs/d0"}
    assert scored("json_schema", "1", None, schema=doubling).problem == "took_too_long"
    many = json.dumps([{"a": number} for number in range(20_000)])
    assert scored("json_schema", many, None, schema={"uniqueItems": True}).passed
    slow = json.dumps({"a" * 5_000 + "b": 1})
    closed = {"additionalProperties": False, "patternProperties": {"^(a|aa)+$": {}}}
    assert scored("json_schema", slow, None, schema=closed).problem == "took_too_long"
    (problem,) = validate("json_schema", {"schema": {"unevaluatedProperties": False, "allOf": [{"patternProperties": {"a": {}}}]}})
    assert problem.rule == "not_a_schema"


@pytest.mark.parametrize(
    ("value", "schema", "holds"),
    [
        ([1, 1.0], {"uniqueItems": True}, False),
        ([1, True, "1", [1], {"a": 1}, {"a": True}, None], {"uniqueItems": True}, True),
        ([{"a": 1, "b": [2]}, {"b": [2.0], "a": 1}], {"uniqueItems": True}, False),
        ([1, 1], {"uniqueItems": False}, True),
        ({"a": 1, "x1": 2}, {"properties": {"a": {}}, "patternProperties": {"^x": {}}, "additionalProperties": False}, True),
        ({"a": 1, "y": 2}, {"properties": {"a": {}}, "additionalProperties": False}, False),
        ({"a": 1, "y": 2}, {"properties": {"a": {}}, "additionalProperties": {"type": "string"}}, False),
        ({"a": 1, "y": "2"}, {"properties": {"a": {}}, "additionalProperties": {"type": "string"}}, True),
        ({"a": 1}, {"additionalProperties": True}, True),
        ([1, 2], {"additionalProperties": False}, True),
        ({"a": 1}, {"properties": {"a": {}}, "unevaluatedProperties": False}, True),
    ],
)
def test_our_own_keywords_of_schemas_hold_to_the_standard(value: object, schema: dict[str, object], holds: bool) -> None:
    assert scored("json_schema", json.dumps(value), None, schema=schema).passed is holds
    assert Draft202012Validator(schema).is_valid(value) is holds


# Overlap ------------------------------------------------------------------------------------------------------------------


def test_texts_too_long_to_compare_say_so() -> None:
    for scorer in ("bleu", "chrf"):
        assert scored(scorer, "a " * 30_000, "a").problem == "too_long"
    assert scored("rouge_l", "我" * 30_000, "你" * 30_000).problem == "too_long"
    assert scored("rouge_l", "a " * 30_000, "a").value == pytest.approx(2 / 30_001)


def test_graded_scores_pass_from_where_they_are_told() -> None:
    for scorer in ("bleu", "chrf", "rouge_l"):
        assert scored(scorer, "the cat sat", "the cat sat").passed is None
        assert scored(scorer, "the cat sat there", "the cat sat there", pass_at=0.9).passed is True
        assert scored(scorer, "nothing", "the cat sat", pass_at=0.9).passed is False


@given(st.text(max_size=60), st.text(max_size=60))
def test_overlap_is_a_share_and_one_for_the_same(answer: str, expected: str) -> None:
    for scorer in ("bleu", "chrf", "rouge_l"):
        found = scored(scorer, answer, expected)
        if expected.strip():
            assert found.value is not None and 0 <= found.value <= 1
        else:
            assert found.problem == "no_expected"


@given(st.lists(st.sampled_from(["cat", "dog", "北", "京", "7"]), min_size=4, max_size=20).map(" ".join))
def test_the_same_text_has_full_overlap(text: str) -> None:
    for scorer in ("bleu", "chrf", "rouge_l"):
        assert scored(scorer, text, text).value == pytest.approx(1)


# All ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "options", "name"),
    [
        (None, {}, "none"),
        ("  ", {}, "none"),
        ("Paris", {}, "contains"),
        ("B", {}, "choice"),
        ("(c)", {}, "choice"),
        ("42", {}, "numeric"),
        ("1,234.5 km", {}, "numeric"),
        ("三百二十一", {}, "numeric"),
        ("50%", {}, "numeric"),
        ("Apollo 11 landed", {}, "contains"),
        ('{"a": 1}', {}, "json"),
        ("[see the text]", {}, "contains"),
        ("北京是中华人民共和国的首都" * 4, {}, "rouge_l"),
        ("A long sentence with a good many words in it, which no model will ever repeat to the letter.", {}, "rouge_l"),
        ("first line\nsecond line", {}, "rouge_l"),
        ("Paris", {"pattern": "P"}, "regex"),
        (None, {"schema": {}}, "none"),
        (None, {"schema": {"type": "object"}}, "json_schema"),
        ("Paris", {"rubric": "Be kind."}, "judge"),
        (None, {"all_of": ["a"]}, "contains"),
    ],
)
def test_the_default_fits_what_is_expected(expected: str | None, options: dict[str, Any], name: str) -> None:
    assert default_scorer(expected, options) == name


@pytest.mark.parametrize(
    ("scorer", "options", "option", "rule"),
    [
        ("nonsense", {}, "scorer", "unknown_scorer"),
        ("exact", {"ignore_cases": True}, "ignore_cases", "unknown_option"),
        ("exact", {"ignore_case": "yes"}, "ignore_case", "wrong_type"),
        ("exact", {"alternatives": [1]}, "alternatives", "wrong_type"),
        ("exact", {"alternatives": ["x"] * 201}, "alternatives", "too_long"),
        ("numeric", {"tolerance": -1}, "tolerance", "wrong_type"),
        ("numeric", {"tolerance": "much"}, "tolerance", "wrong_type"),
        ("numeric", {"tolerance": float("nan")}, "tolerance", "wrong_type"),
        ("numeric", {"which": "middle"}, "which", "not_a_choice"),
        ("bleu", {"pass_at": 2}, "pass_at", "out_of_range"),
        ("bleu", {"pass_at": True}, "pass_at", "wrong_type"),
        ("chrf", {"word_order": 1.5}, "word_order", "wrong_type"),
        ("judge", {"low": 5, "high": 5}, "high", "out_of_range"),
        ("judge", {"rubric": "x" * 100_001}, "rubric", "too_long"),
    ],
)
def test_problems_of_options_are_named(scorer: str, options: dict[str, Any], option: str, rule: str) -> None:
    assert [(problem.option, problem.rule) for problem in validate(scorer, options)] == [(option, rule)]
    found = scored(scorer, "an answer", "expected", **options)
    assert (found.value, found.problem) == (None, "options")


def test_options_that_hold_have_no_problems() -> None:
    assert validate("", {}) == ()
    assert validate("numeric", {"tolerance": "2%", "pattern": "of another scorer"}) == ()
    assert validate("judge", {"high": None, "low": 3}) == ()
    for info in SCORERS.values():
        assert validate(info.name, {option.name: option.default for option in info.options}) == ()
        assert (scored(info.name, "x").problem == "no_expected") is (info.needs_expected or info.name in ("regex", "json_schema"))


JUNK = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10), st.lists(st.text(max_size=3), max_size=3))
NAMES = st.sampled_from([*SCORERS, "", "nonsense"])
OPTIONS = st.dictionaries(
    st.sampled_from([*sorted({option.name for info in SCORERS.values() for option in info.options}), "unknown"]), JUNK, max_size=3
)


@given(st.text(max_size=40), st.one_of(st.none(), st.text(max_size=40)), NAMES, OPTIONS)
def test_nothing_makes_a_scorer_raise(answer: str, expected: str | None, name: str, options: dict[str, Any]) -> None:
    found = score(answer, Scored(expected, name, options))
    assert found.value is None or 0 <= found.value <= 1
    assert found.problem != "broke", found
    assert (found.value is None) == (found.problem is not None or found.scorer == "none")
    assert Score.from_json(json.loads(json.dumps(found.to_json()))).value == found.value
    assert pickle.loads(pickle.dumps(found)) == found
