"""The records: listed, searched, filtered, renamed; what was asked before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.compare import naming
from core.compare.similarity import prepared
from core.errors import InvalidInput, NotFound
from tests.unit.compare.conftest import Table

ECHO, FAST, THINKING = "sim-echo@max", "sim-chat@max", "sim-reasoning@maxx40"


async def asked(table: Table, *questions: str, models: tuple[str, ...] = (ECHO, FAST), **more: Any) -> str:
    comparison = await table.compare(*models, **more)
    for question in questions:
        await table.ask(comparison, question)
    return comparison.id


async def found(table: Table, **filters: object) -> list[str]:
    page = await table.comparisons.records(table.ann, **filters)  # type: ignore[arg-type]
    assert page.total == len(page.items)
    return [each.title for each in page.items]


async def test_words_of_titles_and_questions_are_found_whatever_their_case(table: Table) -> None:
    await asked(table, "Why is the Loss flat?", "Straße 100%_sure, naïve")
    await asked(table, "如何微调一个模型？")
    await table.compare(ECHO, FAST)  # without a question: no record
    assert await found(table) == ["如何微调一个模型？", "Why is the Loss flat?"]
    for query in ("LOSS", "flat loss", "lo", "STRASSE", "100%_", "Naïve", "why sure"):
        assert await found(table, query=query) == ["Why is the Loss flat?"], query
    for query in ("微调", "模型 微调", "  "):
        assert "如何微调一个模型？" in await found(table, query=query)
    for query in ("gain", "loss gain", "1%e", "100x", "x" * 1000, "\x00", "\ud800", "?!"):
        assert await found(table, query=query) == [], query
    assert (await table.comparisons.records(table.bob)).total == 0


async def test_filters(table: Table) -> None:
    code = await asked(table, "one", type="code")
    await asked(table, "two", models=(ECHO, THINKING))
    assert await found(table, model=THINKING) == ["two"]
    assert await found(table, model=ECHO) == ["two", "one"]
    assert await found(table, configuration_id=await table.model(FAST)) == ["one"]
    assert await found(table, type="code") == ["one"] and await found(table, type="") == ["two"]
    assert await table.comparisons.models(table.ann) == (FAST, ECHO, THINKING)
    assert await table.comparisons.types(table.ann) == ("code",)
    one = await table.comparisons.get(table.ann, code)
    assert await found(table, since=one.used_at) == ["two", "one"]
    assert await found(table, since=one.used_at + timedelta(milliseconds=1)) == ["two"]
    assert await found(table, until=one.used_at) == []
    from core.compare.types import VerdictDraft

    await table.comparisons.vote(table.ann, one.rounds[0].id, VerdictDraft(one.candidates[1].id))
    assert await found(table, verdict="winner") == await found(table, verdict="given") == ["one"]
    assert await found(table, verdict="none") == ["two"] and await found(table, verdict="tie") == []
    await table.comparisons.set_type(table.ann, code, " maths ")
    assert await table.comparisons.types(table.ann) == ("maths",)
    with pytest.raises(InvalidInput):
        await table.comparisons.set_type(table.ann, code, "x" * 81)


async def test_pages_and_order(table: Table) -> None:
    first, second, third = [await asked(table, name) for name in ("one", "two", "three")]
    comparison = await table.comparisons.get(table.ann, first)
    await table.ask(comparison, "again")
    page = await table.comparisons.records(table.ann, limit=2)
    assert ([each.id for each in page.items], page.total) == ([first, third], 3)
    rest = await table.comparisons.records(table.ann, limit=2, offset=2)
    assert ([each.id for each in rest.items], rest.total) == ([second], 3)
    beyond = await table.comparisons.records(table.ann, limit=2, offset=9)
    assert (beyond.items, beyond.total) == ((), 3)
    summary = page.items[0]
    assert (summary.models, summary.rounds, summary.generating) == ((ECHO, FAST), 2, False)


async def test_a_new_title_is_found_and_the_old_one_is_not(table: Table) -> None:
    mine = await asked(table, "one two three")
    await table.comparisons.rename(table.ann, mine, "Loss curves")
    assert await found(table, query="curves") == await found(table, query="three") == ["Loss curves"]
    comparison = await table.comparisons.get(table.ann, mine)
    await table.ask(comparison, "four")
    assert await found(table, query="four") == ["Loss curves"]
    with pytest.raises(InvalidInput):
        await table.comparisons.rename(table.ann, mine, "  ")


async def test_words_without_room_are_found_too(table: Table) -> None:
    long = " ".join(f"word{number}" for number in range(400))
    await asked(table, long)
    assert await found(table, query="word399 word0") == [naming.title_of(long)]
    assert await found(table, query="word400") == []


def test_what_is_searched_has_each_word_once_and_an_end() -> None:
    text, cut = naming.searched("one two", ["two three one", "three four"])
    assert (text, cut) == ("one two three four", False)
    full, cut = naming.searched("", [" ".join(f"{number:09d}" for number in range(100))])
    assert cut and len(full) <= naming.SEARCHED and len(full.split()) == 50
    assert naming.searched(full, ["000000001"]) == (full, False)
    assert naming.wanted_words("  ") == () and naming.wanted_words("?!") is None
    assert naming.wanted_words("Größe größe 微调 模型") == (prepared("größe"), "微调", "模型")


async def test_similar_questions_with_what_was_answered(table: Table) -> None:
    mine = await asked(table, "What is the capital of France?", models=(FAST, "sim-500"))
    other = await asked(table, "what is the capital  of france")
    await asked(table, "Something else entirely, and much longer than that")
    similar = await table.comparisons.similar(table.ann, "What is the capital of France?!")
    assert [each.comparison_id for each in similar] in ([mine, other], [other, mine])
    assert [each.score for each in similar] == [1.0, 1.0]
    past = next(each for each in similar if each.comparison_id == mine)
    assert [(each.model, each.state, each.label) for each in past.answers] == [(FAST, "complete", "A"), ("sim-500", "failed", "B")]
    answer = past.answers[0]
    assert answer.ttft_ms is not None and answer.total_ms is not None and answer.output_tokens
    assert {each.comparison_id for each in await table.comparisons.similar_to(table.ann, mine)} == {mine, other}
    assert len(await table.comparisons.similar(table.ann, "What is the capital of Spain?", at_least=0.8)) == 2
    assert await table.comparisons.similar(table.ann, "What is the capital of Spain?", at_least=0.99) == ()
    assert await table.comparisons.similar(table.bob, "What is the capital of France?") == ()
    with pytest.raises(NotFound):
        await table.comparisons.similar_to(table.bob, mine)
