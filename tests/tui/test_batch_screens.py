"""The screens of batches, driven by keys, with real batches against the simulator."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from core.questions.types import QuestionDraft
from core.settings import Settings
from tests.tui.batch_world import Fair, fair
from tui import batch_reports
from tui.screens.compare.batches import saving
from tui.screens.compare.batches.answer import AnswerScreen
from tui.screens.compare.batches.answers import AnswersPage
from tui.screens.compare.batches.new import NewBatchScreen
from tui.screens.compare.batches.plan import PlanScreen
from tui.screens.compare.batches.progress import ProgressPage
from tui.screens.compare.batches.report import ReportPage
from tui.screens.compare.batches.saving import SaveReport
from tui.screens.compare.batches.screen import BatchesScreen
from tui.screens.compare.questions.adding import ImportScreen
from tui.widgets.dialogs import Choose, Confirm
from tui.widgets.form import Form
from tui.widgets.sheet import Sheet


def told(there: Fair, text: str) -> bool:
    """Whether a notice says so, however its lines are broken."""
    return any(text in notice.message for notice in there.seen.app._notifications)


def form(there: Fair) -> Form:
    return there.seen.app.screen.query_one(Form)


async def test_a_new_person_makes_a_batch_and_sees_it_to_its_end(settings: Settings) -> None:
    async with fair(settings) as there:
        seen = there.seen
        await there.list()
        assert "Press n to make the first." in seen.text
        await seen.press("n")
        await seen.until(lambda: isinstance(seen.app.screen, NewBatchScreen) and bool(seen.app.screen.sets))
        await seen.press("ctrl+s")
        await seen.until("Something must be here.")
        await seen.press("enter")
        await seen.until(lambda: isinstance(seen.app.screen, Choose))
        assert "a file…" in seen.text and "example" in seen.text
        await seen.type("常识")
        await seen.press("enter")
        await seen.until("4 questions · 4 scored")
        await seen.press("tab", "enter")
        await seen.until("Which configurations are asked?")
        there.rows("#dialog-rows").marked = {there.configurations["Echo"], there.configurations["Refusing"]}
        await seen.press("enter")
        await seen.until("2 configurations")
        await seen.press("ctrl+s")
        await seen.until(lambda: isinstance(seen.app.screen, PlanScreen))
        assert "4 of “常识”, version 1" in seen.text and "Press s to start it." in seen.text and seen.fits()
        assert not (await seen.services.batches.batches(there.principal)).items, "nothing was made before the plan was seen"
        await seen.press("s")
        await seen.until(lambda: isinstance(seen.app.screen, ProgressPage))
        await seen.until("✓ completed")
        (made,) = (await seen.services.batches.batches(there.principal)).items
        assert (made.answered, made.failed, made.score) == (4, 4, 0.75)
        assert "4 failed" in seen.text and "Press R to ask the 4 failed ones again." in seen.text and seen.fits()
        await seen.press("escape")
        await seen.until(lambda: isinstance(seen.app.screen, BatchesScreen) and "8/8" in seen.text)


async def test_answers_are_filtered_opened_rated_and_asked_again(settings: Settings) -> None:
    async with fair(settings) as there:
        seen = there.seen
        made = await there.batch("Echo", "Refusing")
        await there.finished(made.id)
        page = await there.open(made.id, "right")
        assert isinstance(page, AnswersPage)
        assert len(there.rows("#answers-rows").rows) == 8 and seen.fits()
        await seen.press("o", "o")  # all, answered, failed
        await seen.until(lambda: len(there.rows("#answers-rows").rows) == 4 and "failed, 4" in seen.text)
        assert "The provider refuses the request (400)." in seen.text
        await seen.press("escape")
        await seen.until(lambda: len(there.rows("#answers-rows").rows) == 8)
        await seen.press("slash", *"北京", "enter")
        await seen.until(lambda: len(there.rows("#answers-rows").rows) == 2)
        await seen.press("enter")
        await seen.until(lambda: isinstance(seen.app.screen, AnswerScreen) and "Expected" in seen.text)
        await seen.press("4")
        await seen.until("★★★★")
        await seen.press("n")
        await seen.until("Why there is no answer")
        await seen.press("escape", "escape")
        await seen.until(lambda: len(there.rows("#answers-rows").rows) == 8 and "★★★★" in seen.text)
        rated = (await seen.services.batches.answers(there.principal, made.id, sort="-stars")).items[0]
        assert rated.stars == 4 and rated.question.number == 3
        await seen.press("s")
        await seen.until("In which order?")
        await seen.type("the best")
        await seen.press("enter")
        await seen.until(lambda: there.rows("#answers-rows").rows[0].cells["score"] == "100.0 %")
        await seen.press("R")
        await seen.until("The 4 failed ones are asked again.")
        again = await there.finished(made.id)
        assert again.failed == 4 and again.answered == 4, "what was answered was left alone"
        await there.open(made.id)
        there.rows("#batch-rows").move_to(made.configurations[0].configuration_id)
        await seen.press("enter")
        await seen.until(lambda: isinstance(seen.app.screen, AnswersPage) and len(there.rows("#answers-rows").rows) == 4)
        await seen.press("f")
        await seen.until("Questions of which type?")
        await seen.type("math")
        await seen.press("enter")
        await seen.until(lambda: [row.cells["question"] for row in there.rows("#answers-rows").rows] == ["42"])


async def test_pause_go_on_and_cancel_ask_where_something_is_lost(settings: Settings) -> None:
    questions = tuple(QuestionDraft(f"question {number} of this slow batch", expected=str(number)) for number in range(40))
    async with fair(settings, questions=questions, size=(80, 24)) as there:
        seen = there.seen
        made = await there.batch("Slow", start=False, concurrency=1)
        await there.open(made.id)
        assert "Press p to start it." in seen.text
        await seen.press("p")
        await seen.until("● running")
        await seen.until(lambda: seen.app.screen.item.answered > 0)  # type: ignore[attr-defined]
        await seen.press("p")
        await seen.until("‖ paused")
        assert "Press p to go on: what was answered is not asked again." in seen.text and seen.fits()
        paused = await seen.services.batches.batch(there.principal, made.id)
        assert 0 < paused.answered < 40
        await seen.press("p")
        await seen.until("● running")
        await seen.press("s")
        await seen.until(lambda: isinstance(seen.app.screen, Confirm) and "Cancel “Nightly” for good?" in seen.text)
        await seen.press("escape")
        await seen.until(lambda: isinstance(seen.app.screen, ProgressPage))
        await seen.press("s", "y")
        await seen.until("■ cancelled")
        cancelled = await seen.services.batches.batch(there.principal, made.id)
        assert cancelled.state == "cancelled" and cancelled.answered >= paused.answered
        await seen.press("escape", "d", "y")
        await seen.until("Press n to make the first.")


async def test_the_report_of_a_batch_that_ends_meanwhile_is_whole(settings: Settings) -> None:
    questions = tuple(QuestionDraft(f"question {number} of this slow batch", expected=str(number)) for number in range(16))
    async with fair(settings, questions=questions) as there:
        seen = there.seen
        made = await there.batch("Slow", start=False, concurrency=1)
        await there.open(made.id)
        await seen.press("p")
        await seen.until(lambda: seen.app.screen.item.answered > 0)  # type: ignore[attr-defined]
        await seen.press("left")
        await seen.until("are missing")
        await seen.until("✓ completed")
        await seen.until(lambda: "missing" not in seen.text)
        assert "$0.00" in seen.text


async def test_the_report_says_who_is_best_and_is_saved(settings: Settings, tmp_path: Path) -> None:
    async with fair(settings) as there:
        seen = there.seen
        made = await there.batch("Echo", "Slow", name="A/B 测试")
        await there.finished(made.id)
        page = await there.open(made.id, "left")
        assert isinstance(page, ReportPage)
        await seen.until("Total time of an answer")
        assert "Score, with 95 % intervals" in seen.text and "├" in seen.text and "McNemar" not in seen.text
        assert "“Echo” and “Slow” were scored alike on every one of 4 questions." in seen.text and seen.fits()
        target = tmp_path / "report.json"
        await seen.press("x")
        await seen.until(lambda: isinstance(seen.app.screen, SaveReport))
        assert form(there)["path"].endswith("A-B-测试.xlsx")
        field = form(there).field("form")
        while form(there)["form"] != "json":
            field.focus()
            await seen.press("right")
        assert form(there)["path"].endswith("A-B-测试.json")
        form(there).field("path").value = str(target)
        await seen.press("ctrl+s")
        await seen.until(lambda: told(there, "Saved as “"))
        assert json.loads(target.read_text(encoding="utf-8-sig"))
        await seen.press("x")
        await seen.until(lambda: isinstance(seen.app.screen, SaveReport))
        form(there).field("path").value = str(target)
        await seen.press("ctrl+s")
        await seen.until("is there already. Replace it?")
        await seen.press("escape")
        assert "{" in target.read_text(encoding="utf-8-sig")
        files, data = seen.services.files, await seen.services.batches.report_data(there.principal, made.id)
        upload = files.open_writing(there.principal, "exports/report.html")
        written = await asyncio.to_thread(saving._into_own, upload, data, "html", batch_reports.words(None))
        own = files.resolve(there.principal, "exports/report.html").read_bytes()
        assert len(own) == written.size and own.startswith(b"<!") and "测试".encode() in own


async def test_numbers_that_cannot_be_are_told_and_a_file_with_bad_lines_is_taken_after_asking(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text('{"question": "one"}\n{"question": \n{"question": "two", "expected": "2"}\n', encoding="utf-8")
    async with fair(settings, size=(80, 24)) as there:
        seen = there.seen
        await there.list()
        await seen.press("n")
        await seen.until(lambda: isinstance(seen.app.screen, NewBatchScreen) and bool(seen.app.screen.sets))
        await seen.put("concurrency", "0")
        await seen.until("From 1 to 512.")
        await seen.put("requests_per_minute", "ten")
        await seen.until("Not a whole number.")
        assert seen.fits()
        form(there).field("set_id").focus()
        await seen.pilot.pause()
        await seen.press("enter")
        await seen.until(lambda: isinstance(seen.app.screen, Choose))
        await seen.type("a file")
        await seen.press("enter")
        await seen.until(lambda: isinstance(seen.app.screen, ImportScreen))
        screen = seen.app.screen
        assert isinstance(screen, ImportScreen)
        screen.picker.go_to(str(path))
        await seen.until(lambda: screen.picker.current_path == str(path))
        await seen.press("enter")
        await seen.until("1 place cannot be used")
        await seen.press("ctrl+s")
        await seen.until("No question can be made of 1 place. Import the rest without it?")
        assert "2 questions are good." in seen.text
        await seen.press("y")
        await seen.until(lambda: isinstance(seen.app.screen, NewBatchScreen) and "2 questions · 1 scored" in seen.text)


async def test_the_end_is_told_elsewhere_and_many_answers_are_looked_at(settings: Settings) -> None:
    questions = tuple(QuestionDraft(f"{number} {'长' * 20_000 if number == 0 else ''}", expected=str(number)) for number in range(230))
    async with fair(settings, questions=questions, size=(80, 24)) as there:
        seen = there.seen
        made = await there.batch("Echo", concurrency=64, name="算术")
        await there.finished(made.id)
        await seen.until(lambda: told(there, "“算术” is completed, score 100.0 %."))
        assert seen.app.current_mode == "home"
        await there.open(made.id, "right")
        rows = there.rows("#answers-rows")
        await seen.until(lambda: len(rows.rows) == 200)
        assert "长长长" in seen.app.screen.query_one("#answers-detail", Sheet).lines[-1][-1][0] and seen.fits()
        await seen.press("G")
        await seen.until(lambda: len(rows.rows) == 230)
        await seen.press("G")
        await seen.until(lambda: rows.rows[rows.cursor].cells["number"] == "230")
        assert seen.fits()
