"""What the models say: natural lengths, languages, tags split anywhere, hostile text, titles."""

from __future__ import annotations

import re

import pytest

from core.llm.simulator.catalogue import BY_NAME
from core.llm.simulator.compose import compose
from core.llm.simulator.content import HOSTILE, asks_for_title
from core.llm.simulator.names import parse_name
from core.llm.simulator.question import Plan, Question, tokens_of

TITLE_PROMPT = (
    "You name conversations. Answer with a title for the conversation below and nothing else: at most ten words, or ten characters in "
    "Chinese; in the language of the question; no quotation marks, no full stop, no Markdown, no explanation."
)


def question(name: str, text: str = "What is a token?", *, system: str = "", max_tokens: int | None = None, seed: int = 0) -> Question:
    return Question(name, parse_name(name), [("user", text)], system, True, max_tokens, seed, (), True)


def plan(name: str, text: str = "What is a token?", **more: object) -> Plan:
    return compose(question(name, text, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["", " ", "one", " one  two\n", "你好，world！", "a\u2028b", "\n\n```python\nx = 1\n```\n", "👩‍💻 e\u0301"]
)
def test_tokens_joined_are_the_text(text: str) -> None:
    assert "".join(tokens_of(text)) == text
    assert all(tokens_of(text))


def test_a_chinese_character_is_a_token() -> None:
    assert tokens_of("你好 two words") == ["你", "好", " two", " words"]


def test_echo_repeats_to_the_letter() -> None:
    text = "  Indented\n\n你好\tthere\ud800 \n"
    assert plan("sim-echo", text).text == text
    assert plan("sim-echo@0x2", "a b c").text == "a b"
    assert plan("sim-echo@0x5", "a b").text == "a b\na b\na"
    assert len(plan("sim-echo@0x5", "").pieces) == 5


def test_chat_speaks_the_language_of_the_question() -> None:
    english, chinese = plan("sim-chat", "What is LoRA?"), plan("sim-chat", "什么是 LoRA？")
    assert "What is LoRA?" in english.text
    assert "simulated" in english.text
    assert "什么是 LoRA？" in chinese.text
    assert "模拟" in chinese.text
    assert 20 < len(english.pieces) < 120


def test_braces_in_a_question_are_only_text() -> None:
    assert "{topic} {0} {" in plan("sim-chat", "{topic} {0} {").text
    assert "{topic}" in plan("sim-reasoning", "{topic}").reasoning


def test_a_long_question_is_quoted_in_short() -> None:
    said = plan("sim-chat", "word " * 5000).text
    assert "…" in said
    assert len(said) < 1500


def test_markdown_has_everything_a_renderer_meets() -> None:
    text = plan("sim-markdown").text
    for language in ("python", "bash", "sql", "yaml", "json", "rust", "javascript", "diff"):
        assert f"```{language}\n" in text
    for mark in ("\n## ", "\n### ", "\n1. ", "\n   - ", "\n> ", "\n> > ", "| --- |", "](https://", "$$", "**", "`", "- [x]", "\n* * *"):
        assert mark in text, mark
    assert text.count("```") % 2 == 0
    assert text.startswith("# What is a token?\n")
    assert len(plan("sim-markdown@0x5000").pieces) == 5000


def test_seed_and_question_decide_the_text() -> None:
    assert plan("sim-markdown").text == plan("sim-markdown").text
    assert plan("sim-markdown", seed=1).text != plan("sim-markdown", seed=2).text


def test_reasoning_comes_first_and_is_counted() -> None:
    thought = plan("sim-reasoning@0x100")
    kinds = [piece.is_reasoning for piece in thought.pieces]
    assert kinds == sorted(kinds, reverse=True)
    assert thought.reasoning_tokens == sum(kinds) == 40
    assert len(plan("sim-reasoning@0x1").text) > 0
    assert plan("sim-reasoning@0x2").reasoning_tokens == 1


@pytest.mark.parametrize("name", [name for name, model in BY_NAME.items() if model.reasoning == "tags"])
@pytest.mark.parametrize("seed", range(5))
def test_tags_are_whole_in_the_text_and_cut_in_the_stream(name: str, seed: int) -> None:
    opener, closer = BY_NAME[name].tags
    made = plan(name, seed=seed)
    assert made.reasoning == ""
    found = re.fullmatch(f"{re.escape(opener)}\n(.+)\n{re.escape(closer)}\n\n(.+)", made.text, re.DOTALL)
    assert found is not None
    assert found[2] == plan(name.replace(name, "sim-chat"), seed=seed).text or "simulated" in found[2]
    pieces = [piece.text for piece in made.pieces]
    assert not any(opener in piece or closer in piece for piece in pieces)
    assert all(pieces)


def test_tags_that_are_not_well_formed() -> None:
    no_opener, open_end, mixed = plan("sim-no-opener").text, plan("sim-unterminated").text, plan("sim-interleaved").text
    assert "<think>" not in no_opener
    assert no_opener.count("</think>") == 1
    assert open_end.startswith("<think>\n")
    assert "</think>" not in open_end
    assert (mixed.count("<think>"), mixed.count("</think>")) == (2, 2)
    assert not mixed.startswith("<think>")
    assert not mixed.endswith("</think>")


def test_hostile_text_holds_what_it_says() -> None:
    text = plan("sim-hostile").text
    for mark in (
        "\x1b]52;",
        "\x1b]0;",
        "\x1b]8;;",
        "\x1b[",
        "\x1bP",
        "\x9b",
        "\x9d",
        "\u202e",
        "\u2066",
        "\u200b",
        "\ufeff",
        "[/bold]",
        "[red]",
        "\x00",
        "\x07",
    ):
        assert mark in text, mark
    pieces = [piece.text for piece in plan("sim-hostile").pieces]
    half = pieces.index("\ud83d")
    assert pieces[half + 1] == "\ude00"
    assert len(pieces) == len(HOSTILE)


def test_the_length_finish_and_the_filter() -> None:
    assert plan("sim-length").finish == "length"
    assert plan("sim-filter").finish == "content_filter"


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        ("Question:\nHow do I train a LoRA adapter on two GPUs?\n\nAnswer:\nYou asked...", "How do I train a LoRA"),
        ("Question:\n怎样在两块显卡上训练一个适配器？\n\nAnswer:\n你问的是", "怎样在两块显卡上训练"),
        ("User: hello there!\nAssistant: hi", "hello there"),
        ("Question:\n\n\nAnswer:\n", "A simulated conversation"),
        ("plain", "plain"),
    ],
)
@pytest.mark.parametrize("name", ["sim-chat@0", "sim-reasoning@40", "sim-markdown@200x2000", "sim-think-tags"])
def test_a_title_is_short_whatever_the_model_and_its_length(name: str, asked: str, title: str) -> None:
    made = plan(name, asked, system=TITLE_PROMPT)
    assert made.text == title
    assert made.reasoning == ""


def test_a_prompt_that_only_speaks_of_titles_is_no_wish_for_one() -> None:
    assert not asks_for_title(question("sim-chat", system="You write job titles."))
    assert not asks_for_title(question("sim-chat", system="You are in a conversation."))
    assert plan("sim-hostile", "x", system=TITLE_PROMPT).text.count("\x1b") > 3
