"""The library of questions as a person uses it: made, read, searched, edited, versions, files, deleted; in both sizes and languages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from core.auth.principal import Principal
from core.questions.types import QuestionDraft, QuestionSet
from core.settings import Settings
from tests.tui.world import World, signed_in
from tui.screens.compare.questions.adding import ImportScreen, PreviewScreen
from tui.screens.compare.questions.edit import QuestionScreen
from tui.screens.compare.questions.one_set import SetScreen
from tui.screens.compare.questions.screen import QuestionsScreen
from tui.screens.compare.questions.versions import VersionsScreen
from tui.screens.compare.tabs import open_tab
from tui.widgets.file_picker import FilePicker

DRAFTS = (
    QuestionDraft("What is the capital of {{country}}?", "Paris", "geography", "contains", variables={"country": "France"}),
    QuestionDraft("3 + 4 = ?", "7", "arithmetic", "numeric"),
    QuestionDraft("中国的首都是哪里？", "北京", "地理", "contains", 2.0),
)


@asynccontextmanager
async def library(settings: Settings, *, size: tuple[int, int] = (120, 40)) -> AsyncIterator[World]:
    """The library in sight, with nothing in it."""
    async with signed_in(settings, size=size) as seen:
        await open_tab(seen.app, "questions")
        await seen.until(lambda: isinstance(seen.app.screen, QuestionsScreen) and seen.app.screen._loaded)
        yield seen


def who(seen: World) -> Principal:
    return seen.app.context.principal


async def made(seen: World, name: str = "Mixed 混合") -> QuestionSet:
    item = await seen.services.questions.create(who(seen), name, DRAFTS, tags=["demo"])
    await seen.until(name)
    return item


async def open_set(seen: World) -> SetScreen:
    await made(seen)
    await seen.press("enter")
    await seen.until(lambda: isinstance(seen.app.screen, SetScreen) and bool(seen.app.screen._questions))
    screen = seen.app.screen
    assert isinstance(screen, SetScreen)
    return screen


async def _empty_then_an_example(seen: World) -> None:
    assert "Press n to make the first" in seen.text
    await seen.press("n")
    await seen.until("from a file")
    await seen.press("e")
    await seen.until("Choose an example")
    await seen.type("everyday")
    await seen.press("enter")
    await seen.until("20 questions")
    await seen.until("Extract the data as a JSON object")
    assert seen.fits()
    await seen.press("slash")
    await seen.type("nothing like it")
    await seen.until("No question set matches.")
    await seen.press("escape")
    await seen.until("Everyday tasks")


async def _read_searched_and_edited(seen: World) -> None:
    screen = await open_set(seen)
    await seen.until("What is the capital of France?")
    await seen.press("slash")
    await seen.type("首都")
    await seen.press("enter")
    await seen.until(lambda: [question.number for question in screen._questions] == [3])
    await seen.until("weight: 2")
    await seen.press("escape")
    await seen.until(lambda: len(screen._questions) == 3)
    await seen.press("o")
    await seen.until(lambda: len(screen._questions) == 1)
    await seen.press("escape")
    await seen.until(lambda: len(screen._questions) == 3)
    await seen.press("home", "j", "e")
    await seen.until(lambda: isinstance(seen.app.screen, QuestionScreen))
    await seen.put("weight", "heavy")
    await seen.press("ctrl+s")
    await seen.until("is no number from 0 to 1,000,000")
    await seen.put("weight", "3")
    await seen.put("tolerance", "2%")
    await seen.press("ctrl+s")
    await seen.until("version 2")
    await seen.until(lambda: screen.question_in_hand is not None and screen.question_in_hand.weight == 3.0)
    question = await seen.services.questions.question(who(seen), screen._set_id, 2)
    assert (question.weight, question.options, question.expected) == (3.0, {"tolerance": "2%"}, "7")


async def _written_and_taken_out(seen: World) -> None:
    screen = await open_set(seen)
    await seen.press("n")
    await seen.until(lambda: isinstance(seen.app.screen, QuestionScreen))
    await seen.press("ctrl+s")
    await seen.until("The question is blank.")
    await seen.type("S")
    await seen.until("take it")
    await seen.type("ay {{word}}")
    await seen.press("ctrl+s")
    await seen.until("No value is given for word")
    await seen.press("escape")
    await seen.until("Save the changes?")
    await seen.press("s")
    await seen.until("version 2")
    await seen.until("4 questions")
    assert screen.rows.current_id == "4"
    await seen.press("home", "space", "space")
    await seen.until("2 marked: d removes")
    await seen.press("d")
    await seen.until("Take 2 questions out of the set?")
    await seen.press("y")
    await seen.until("version 3")
    await seen.until(lambda: [question.text for question in screen._questions] == ["中国的首都是哪里？", "Say {{word}}"])


async def _changed_meanwhile(seen: World) -> None:
    screen = await open_set(seen)
    await seen.press("e")
    await seen.until(lambda: isinstance(seen.app.screen, QuestionScreen))
    await seen.services.questions.edit(who(seen), screen._set_id, remove=[3])
    await seen.put("type", "changed")
    await seen.press("ctrl+s")
    await seen.until("was changed in the meantime")
    await seen.press("escape")
    await seen.press("d")
    await seen.until(lambda: seen.app.screen is screen)
    await seen.until("2 questions")


async def _versions(seen: World) -> None:
    item = await made(seen)
    await seen.services.questions.edit(
        who(seen), item.id, replace={2: QuestionDraft("3 + 5 = ?", "8")}, remove=[3], add=[QuestionDraft("New one?")]
    )
    await seen.press("v")
    await seen.until(lambda: isinstance(seen.app.screen, VersionsScreen))
    await seen.until("1 added, 1 changed, 1 removed, 1 the same")
    for told in ("~ 2  3 + 5 = ?", "was: 3 + 4 = ?", "= 7 → 8", "+ 3  New one?", "- 3  中国的首都是哪里？", "+1 ~1 -1"):
        assert told in seen.text
    await seen.press("j")
    await seen.until("The first version.")
    await seen.press("enter")
    await seen.until("What is the capital of France?")
    assert isinstance(seen.app.screen, SetScreen)
    assert not seen.app.screen.check_action("edit", ())
    await seen.press("escape", "u")
    await seen.until("Bring version 1")
    await seen.press("y")
    await seen.until("an older version again: 1")
    assert (await seen.services.questions.get(who(seen), item.id)).version == 3


async def _a_file(seen: World, tmp_path: Path) -> None:
    path = tmp_path / "问题.csv"
    await asyncio.to_thread(path.write_bytes, "问题,答案\n好吗？,是\n,没有问题\n坏\x1b[31m,行,多\n".encode("gb18030"))
    await seen.press("n", "f")
    await seen.until(lambda: isinstance(seen.app.screen, ImportScreen))
    picker = seen.app.screen.query_one(FilePicker)
    picker.go_to(f"{tmp_path}/")
    await seen.until("问题.csv")
    picker.field.value = str(path)
    await seen.press("enter")
    await seen.until(lambda: isinstance(seen.app.screen, PreviewScreen))
    await seen.until("CSV · gb18030 · 1 question · 2 places cannot be used")
    assert "line 3: there is no question" in seen.text
    assert "line 4: 3 cells where the heading has 2" in seen.text
    assert seen.fits()
    await seen.put("tags", "中文，新")
    await seen.press("ctrl+s")
    await seen.until("Import the rest without them?")
    await seen.press("y")
    await seen.until(lambda: isinstance(seen.app.screen, QuestionsScreen))
    await seen.until("1 question · 1 with an expected answer")
    assert (await seen.services.questions.get(who(seen), "问题")).tags == ("中文", "新")
    await seen.press("u")
    await seen.until(lambda: isinstance(seen.app.screen, ImportScreen))
    await asyncio.to_thread(path.write_text, "问题\n好吗？\n更好吗？\n", "utf-8")
    seen.app.screen.query_one(FilePicker).field.value = str(path)
    await seen.press("enter")
    await seen.until("CSV · utf-8 · 2 questions")
    await seen.press("ctrl+s")
    await seen.until("Version 2: 1 added, 1 changed")


async def _by_hand(seen: World) -> None:
    await seen.press("n", "w")
    await seen.until("Write the questions")
    await seen.type("One?")
    await seen.press("enter")
    await seen.type("Two?")
    await seen.press("ctrl+s")
    await seen.until("TXT · utf-8 · 2 questions")
    await seen.put("name", "")
    await seen.press("ctrl+s")
    await seen.until("Something must be here.")
    await seen.put("name", "By hand")
    await seen.press("ctrl+s")
    await seen.until("By hand")
    await seen.until("2 questions")


async def _names_tags_export_and_deletion(seen: World, tmp_path: Path) -> None:
    item = await made(seen)
    await made(seen, "Second")
    await seen.press("r")
    await seen.until("Name, note and tags of the set")
    await seen.put("name", "Renamed")
    await seen.put("tags", "a, b")
    await seen.press("ctrl+s")
    await seen.until("Renamed")
    await seen.press("o")
    await seen.until(lambda: [each.name for each in seen.app.screen._sets] == ["Renamed"])  # type: ignore[attr-defined]
    await seen.press("escape")
    await seen.until("Second")
    await seen.press("x")
    await seen.until("Export the set")
    await seen.put("path", str(tmp_path / "out.csv"))
    await seen.press("ctrl+s")
    await seen.until("Saved as")
    assert await asyncio.to_thread((tmp_path / "out.csv").exists)
    await seen.press("home", "space", "space", "d")
    await seen.until("Delete 2 question sets?")
    await seen.press("y")
    await seen.until("Press n to make the first")
    assert (await seen.services.questions.sets(who(seen))).total == 0
    assert item.count == 3


async def _a_long_set(seen: World) -> None:
    await seen.services.questions.create(who(seen), "long", [QuestionDraft(f"Question {number}?") for number in range(1, 701)])
    await seen.until("long")
    await seen.press("enter")
    await seen.until(lambda: isinstance(seen.app.screen, SetScreen) and len(seen.app.screen._questions) == 300)
    await seen.press("G")
    await seen.until(lambda: len(seen.app.screen._questions) == 600)  # type: ignore[attr-defined]
    await seen.press("G")
    await seen.until(lambda: len(seen.app.screen._questions) == 700)  # type: ignore[attr-defined]
    await seen.press("G")
    await seen.until("Question 700?")


async def _a_batch(seen: World) -> None:
    item = await made(seen)
    await seen.press("t")
    await seen.until(lambda: type(seen.app.screen).__name__ == "NewBatchScreen")
    await seen.until(item.name)


async def cleared(seen: World) -> None:
    """The library in sight again, with nothing in it."""
    while not isinstance(seen.app.screen, QuestionsScreen):
        seen.app.pop_screen()
        await seen.pilot.pause()
    every = await seen.services.questions.sets(who(seen))
    await seen.services.questions.delete(who(seen), [item.id for item in every.items])
    await seen.until("Press n to make the first")


async def test_sets_are_made_named_exported_and_deleted(settings: Settings, tmp_path: Path) -> None:
    async with library(settings) as seen:
        await _empty_then_an_example(seen)
        await cleared(seen)
        await _names_tags_export_and_deletion(seen, tmp_path)
        await _a_long_set(seen)
        await cleared(seen)
        await _a_batch(seen)


async def test_questions_are_read_edited_written_and_taken_out(settings: Settings) -> None:
    async with library(settings) as seen:
        for step in (_read_searched_and_edited, _written_and_taken_out, _changed_meanwhile, _versions):
            await step(seen)
            await cleared(seen)


async def test_questions_come_from_files_and_from_typing(settings: Settings, tmp_path: Path) -> None:
    async with library(settings) as seen:
        await _a_file(seen, tmp_path)
        await cleared(seen)
        await _by_hand(seen)


async def test_a_small_terminal_in_chinese(settings: Settings) -> None:
    async with library(settings, size=(80, 24)) as seen:
        assert seen.fits()
        await open_set(seen)
        seen.app.switch_language("zh_CN")
        await seen.until("What is the capital of France?")
        assert seen.fits()
        await seen.press("e")
        await seen.until(lambda: isinstance(seen.app.screen, QuestionScreen))
        assert seen.fits()
        await seen.press("escape", "v")
        await seen.until(lambda: isinstance(seen.app.screen, VersionsScreen) and bool(seen.app.screen._versions))
        assert seen.fits()
        await seen.press("escape", "escape")
        await seen.until(lambda: isinstance(seen.app.screen, QuestionsScreen))
        assert seen.fits()
