"""Errors in words, languages, themes, signs, keys, fields: what needs no running application."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.color import Color

from core import errors
from tui import i18n, rules, sentences
from tui.errors import INTERNAL, describe, duration, remark
from tui.glyphs import ASCII, UNICODE, can_show_unicode
from tui.i18n import Locale
from tui.keys import key_name
from tui.provider_sentences import BY_PROVIDER_REASON
from tui.themes import CONTRAST, THEMES, make_palette
from tui.widgets.fields import clusters, one_line_keeping
from tui.widgets.lines import fit, pad, wrap

ROOT = Path(__file__).resolve().parents[2]


def tree(kind: type[errors.ModeltrainError] = errors.ModeltrainError) -> list[type[errors.ModeltrainError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in tree(child))]


def raised(name: str, field: str, position: int | None = None) -> set[str]:
    """The literal values of `field` with which core raises the error `name`, anywhere in its source."""
    found = set()
    for path in (ROOT / "core").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or getattr(node.func, "attr", getattr(node.func, "id", "")) != name:
                continue
            values = [keyword.value for keyword in node.keywords if keyword.arg == field]
            if position is not None and len(node.args) > position:
                values.append(node.args[position])
            found |= {value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)}
    return found


@pytest.mark.parametrize("kind", [kind for kind in tree() if kind.__module__ == "core.errors"], ids=lambda kind: kind.__name__)
def test_every_error_of_the_tree_has_its_own_sentence_and_a_remedy(kind: type[errors.ModeltrainError]) -> None:
    error = kind(field="email", rule="taken") if issubclass(kind, errors.InvalidInput) else kind()
    problem = describe(error)
    assert kind.code in sentences.BY_CODE
    assert problem.title and problem.code.startswith(kind.code)
    assert "{" not in problem.sentence
    assert problem.remedy or kind is errors.InvalidInput


@pytest.mark.parametrize(
    ("name", "field", "position", "known"),
    [
        ("InvalidInput", "rule", 1, rules.BY_RULE),
        ("EnvironmentProblem", "what", None, sentences.BY_WHAT),
        ("Conflict", "what", None, sentences.BY_CONFLICT),
        ("NotFound", "kind", None, sentences.BY_KIND),
        ("SessionEnded", "why", None, sentences.BY_REASON),
    ],
)
def test_every_kind_that_core_raises_has_words(name: str, field: str, position: int | None, known: dict[str, object]) -> None:
    used = raised(name, field, position)
    assert used, "core raises it somewhere"
    assert used <= set(known), sorted(used - set(known))


def test_two_passwords_are_told_apart_without_a_field_to_blame() -> None:
    problem = describe(errors.InvalidInput("password", "not_the_same"))
    assert problem.sentence == "The two passwords are not the same. Type them again."
    assert problem.code == "invalid_input.not_the_same"


def test_whose_account_is_disabled_is_not_sent_to_sign_in_again() -> None:
    disabled, expired = describe(errors.SessionEnded(why="disabled")), describe(errors.SessionEnded(why="expired"))
    assert disabled.why == "The account is disabled."
    assert disabled.remedy == "Ask an administrator to enable it."
    assert expired.remedy == "Sign in again. What you were typing is kept."


#: Causes that the sentence of the code says well enough.
PLAIN_CAUSES = {("stream_truncated", "connection_closed"), ("connection_lost", "broken")}


@pytest.mark.parametrize(
    "kind", [kind for kind in tree(errors.ProviderError) if kind.__module__ == "core.errors"], ids=lambda kind: kind.__name__
)
def test_every_cause_of_a_providers_error_has_words(kind: type[errors.ModeltrainError]) -> None:
    causes = raised(kind.__name__, "reason") | raised(kind.__name__, "where")
    # Most are made as `origin.error(errors.Kind, reason="...")`.
    for path in (ROOT / "core" / "llm").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and getattr(node.args[0], "attr", "") == kind.__name__:
                constants = [inner for word in node.keywords if word.arg == "reason" for inner in ast.walk(word.value)]
                causes |= {inner.value for inner in constants if isinstance(inner, ast.Constant) and isinstance(inner.value, str)}
    known = {cause for code, cause in (*BY_PROVIDER_REASON, *PLAIN_CAUSES) if code == kind.code}
    assert causes <= known, sorted(causes - known)


@pytest.mark.parametrize(("code", "cause"), sorted(BY_PROVIDER_REASON))
def test_a_known_cause_is_said_with_its_remedy(code: str, cause: str) -> None:
    kind = next(kind for kind in tree(errors.ProviderError) if kind.code == code)
    name = {"reasoning": "where", "413": "status"}.get(cause, "reason")
    fields = {"partial": False} if cause == "nothing_came" else {name: cause}
    plain, told = describe(kind()), describe(kind(**fields, endpoint="https://host/v1", message="its words", address="10.0.0.1"))
    assert told.code == code, "scripts know the code, whatever the cause"
    assert told.remedy and told.sentence != plain.sentence
    assert "{" not in told.sentence


def test_causes_are_told_apart() -> None:
    refused, unreachable, timeout = (
        describe(errors.ConnectionRefused(reason=reason, endpoint="http://h/v1")) for reason in ("refused", "unreachable", "timeout")
    )
    assert len({refused.title, unreachable.title, timeout.title}) == len({refused.remedy, unreachable.remedy, timeout.remedy}) == 3
    assert "self-signed" in describe(errors.TlsFailed(reason="certificate", message="self-signed certificate")).why
    assert "http://" in describe(errors.TlsFailed(reason="not_tls")).remedy
    assert describe(errors.BadRequest(reason="redirect", status=307, location="https://b/v1")).why == "It points to https://b/v1."
    for kind in (errors.StreamStalled, errors.StreamTruncated, errors.ConnectionLost, errors.ResponseTooLarge):
        assert "is kept" not in describe(kind(partial=False, reason="broken")).sentence, "nothing came that could be kept"
        assert "is kept" in describe(kind(partial=True, reason="broken")).sentence
    assert "administrator" not in describe(errors.AddressNotAllowed(reason="never", address="169.254.169.254")).remedy


def test_errors_that_nobody_foresaw_show_nothing_of_themselves() -> None:
    problem = describe(ValueError("sk-secret"))
    assert problem.code == INTERNAL
    assert "sk-secret" not in problem.sentence


def test_fields_from_outside_are_clean_and_bounded() -> None:
    problem = describe(errors.ProviderFault(status=500, message="\x1b]0;x\x07[/bold]\n" + "x" * 10_000))
    assert "\x1b" not in problem.sentence and "\n" not in problem.sentence
    assert len(problem.sentence) < 600
    assert describe(errors.NotFound(kind="conversation", reference="{0}{name}")).title.count("{0}{name}") == 1


def test_times_are_rounded_up_in_words() -> None:
    assert [duration(seconds) for seconds in (0.2, 1, 61, 121, 900, 7200 * 2)] == [
        "1 second", "1 second", "61 seconds", "3 minutes", "15 minutes", "4 hours",
    ]  # fmt: skip
    assert describe(errors.TooManyAttempts(retry_after_s=900)).why == "Sign-in is closed for 15 minutes."


def test_remarks_use_the_most_telling_form_that_they_can_fill() -> None:
    assert remark("out_of_range", minimum=0, maximum=2) == "From 0 to 2."
    assert remark("out_of_range", minimum=1) == "At least 1."
    assert remark("too_long", limit=5) == "At most 5 characters."
    assert "no_such_rule" in remark("no_such_rule")


def test_candidates_end_with_one_that_needs_nothing() -> None:
    for table in (sentences.BY_CODE, sentences.BY_WHAT, sentences.BY_CONFLICT, BY_PROVIDER_REASON):
        for text in table.values():
            assert not [name for _text, name, _spec, _conversion in Formatter().parse(text.title[-1]) if name], text


# Languages -----------------------------------------------------------------------------------------------------------


async def test_a_switch_is_seen_by_every_task_of_the_session_and_by_no_other() -> None:
    async def session(language: str) -> list[str]:
        locale = Locale()
        i18n.use(locale)
        go, seen = asyncio.Event(), []

        async def part() -> None:
            await go.wait()
            seen.append(i18n.current().language)

        parts = [asyncio.create_task(part()) for _ in range(3)]
        locale.switch(language)
        go.set()
        await asyncio.gather(*parts)
        return seen

    first, second = await asyncio.gather(asyncio.create_task(session("zh_CN")), asyncio.create_task(session("en")))
    assert first == ["zh_CN"] * 3
    assert second == ["en"] * 3


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANGUAGE": "fr:zh-Hans:en"}, "zh_CN"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_the_environment_chooses_the_language(environment: dict[str, str], language: str) -> None:
    assert i18n.from_environment(environment) == language


def test_what_is_missing_is_english_and_the_header_never_shows() -> None:
    locale = Locale("zh_CN")
    assert locale.gettext("no such message") == "no such message"
    assert locale.gettext("") == ""
    assert Locale("tlh").language == "en"


@pytest.mark.parametrize(
    ("sentences", "text"),
    [
        (("It broke.", "", "Mend it."), "It broke. Mend it."),
        (("出错了。", "请重试（429）", "再试"), "出错了。请重试（429）再试"),
        (("It said: 不行", "Retry."), "It said: 不行。Retry."),
        (("It said: no such model", "Retry."), "It said: no such model. Retry."),
        ((), ""),
    ],
)
def test_sentences_stand_behind_one_another_as_their_script_wants(sentences: tuple[str, ...], text: str) -> None:
    assert i18n.joined(*sentences) == text


# Themes, signs, keys -------------------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    parts = [value / 255 for value in Color.parse(colour).rgb]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("tokens", [tokens for tokens in THEMES.values() if not tokens.ansi], ids=lambda tokens: tokens.name)
def test_text_keeps_its_contrast_on_every_ground(tokens: object) -> None:
    for ground in ("ground", "raised", "selection", "code"):
        for name in ("text", "dim", "accent", "good", "warn", "bad", "reasoning"):
            low, high = sorted((luminance(getattr(tokens, ground)), luminance(getattr(tokens, name))))
            assert (high + 0.05) / (low + 0.05) >= CONTRAST, (name, ground, (high + 0.05) / (low + 0.05))


def test_there_are_two_dark_two_light_and_the_terminals_own() -> None:
    kinds = [(tokens.dark, tokens.ansi) for tokens in THEMES.values()]
    assert kinds.count((True, False)) >= 2 and kinds.count((False, False)) >= 2 and (True, True) in kinds
    assert make_palette(THEMES["terminal"]).selection.reverse


def test_every_sign_is_one_cell_in_both_forms() -> None:
    for field in UNICODE.__slots__:
        for signs in (UNICODE, ASCII):
            value = getattr(signs, field)
            assert isinstance(value, bool) or cell_len(value) == 1, field
        assert isinstance(getattr(ASCII, field), bool) or getattr(ASCII, field).isascii()
    assert not can_show_unicode({"TERM": "linux", "LANG": "C.UTF-8"})
    assert not can_show_unicode({"TERM": "xterm", "LANG": "C"})
    assert can_show_unicode({"TERM": "xterm-256color"})


@pytest.mark.parametrize(
    ("key", "name"), [("ctrl+p", "Ctrl+P"), ("question_mark", "?"), ("f1", "F1"), ("escape", "Esc"), ("n", "n"), ("alt+1", "Alt+1")]
)
def test_keys_are_named_as_on_the_keyboard(key: str, name: str) -> None:
    assert key_name(key) == name


# Lines ---------------------------------------------------------------------------------------------------------------

any_text = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp", "Mn", "Me")), max_size=60)


@given(any_text, st.integers(0, 30))
def test_texts_are_cut_and_padded_by_cells(text: str, width: int) -> None:
    assert cell_len(fit(text, width)) <= width
    assert cell_len(pad(text, width)) == width


@given(any_text, st.integers(2, 30))
def test_wrapping_loses_nothing_but_blanks_and_keeps_the_width(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_closing_marks_do_not_begin_a_line() -> None:
    assert all(not line.startswith("，") for line in wrap("训练模型，然后评估。" * 6, 9))


@given(st.text(max_size=40))
def test_fields_draw_hostile_text_one_for_one(text: str) -> None:
    shown = one_line_keeping(text)
    assert len(shown) == len(text)
    assert "\x1b" not in shown and "\n" not in shown
    assert "".join(clusters(shown)) == shown
