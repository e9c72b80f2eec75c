"""Nothing that comes from outside acts on a terminal or a page, wherever comparisons, batches, question sets and their reports show it.

Every text of the database that is shown is hostile. Then all commands that print it are run, and all screens that draw it are opened.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from core.auth.principal import Origin
from core.batches.types import BatchDraft
from core.bootstrap import build_services
from core.compare.types import VerdictDraft
from core.installation import DATABASE_FILE
from core.models.types import SIMULATOR, ConfigurationDraft
from core.questions.types import QuestionDraft
from core.settings import AuthSettings, Settings, load_settings
from tests.acceptance.hostile import OUTSIDE
from tests.escapes import attacks
from tests.shell import QuickShell
from tests.tui.world import EMAIL, PASSWORD, World, world
from tui.screens.compare.tabs import open_tab

#: As it is stored: no half character, which no database takes.
HOSTILE = OUTSIDE.replace("\ud83d", "")
SECRET = "sk-never-to-be-seen-77"
#: What is shown of what is stored.
POISON = {
    "batches": ("name", "set_name"),
    "batch_configurations": ("name", "model"),
    "batch_questions": ("content", "expected", "type", "system"),
    "batch_answers": ("content", "reasoning", "currency"),
    "comparisons": ("title", "type"),
    "comparison_candidates": ("configuration_name", "model"),
    "comparison_rounds": ("question",),
    "comparison_verdicts": ("note",),
    "message_parts": ("content",),
    "question_sets": ("name", "note"),
    "questions": ("text", "expected", "type", "system"),
}


async def prepare(settings: Settings) -> tuple[str, str, str]:
    """Two comparisons, a batch that has failed in part, a question set: (comparison, batch, set)."""
    services = await build_services(settings)
    try:
        ann = (await services.accounts.create_first_admin(EMAIL, "ann", PASSWORD, origin=Origin("shell"))).principal
        made = []
        for name, model in (("Echo", "sim-echo@max"), ("Chat", "sim-chat@max"), ("Refusing", "sim-400")):
            draft = ConfigurationDraft(name, SIMULATOR, model, key=SECRET)
            made.append((await services.configurations.create(ann, draft)).id)
        ids = []
        for _ in range(2):
            comparison = await services.comparisons.create(ann, made)
            ids.append(comparison.id)
            asked = await services.comparisons.ask(ann, comparison.id, "What is it?")
            for answer in asked.answers:
                assert answer.message is not None
                async for _update in services.comparisons.watch(ann, answer.message.id):
                    pass
            await services.comparisons.vote(ann, asked.id, VerdictDraft(winner=comparison.candidates[0].id, note="so so"))
        drafts = [QuestionDraft("one", expected="one", type="a", system="be"), QuestionDraft("two", expected="x", type="b", system="be")]
        questions = await services.questions.create(ann, "set", drafts)
        batch = await services.batches.create(ann, BatchDraft(questions.id, (made[0], made[2]), name="Nightly", retries=0))
        services.batches.begin_working()
        await services.batches.start(ann, batch.id)
        async for _seen in services.batches.watch(ann, batch.id, 0.02):
            pass
        return ids[0], batch.id, questions.id
    finally:
        await services.close()


def poison(data: Path) -> None:
    with closing(sqlite3.connect(data / DATABASE_FILE)) as database, database:
        for table, columns in POISON.items():
            for column in columns:
                assert database.execute(f"UPDATE {table} SET {column} = substr(?, 1, 190)", (HOSTILE,)).rowcount, table
        database.execute("UPDATE batch_answers SET content = ? WHERE state = 'answered'", (HOSTILE,))
        database.execute("UPDATE message_parts SET content = ?", (HOSTILE,))
        database.execute("UPDATE messages SET model = substr(?, 1, 60) || model WHERE model <> ''", (HOSTILE,))


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory: pytest.TempPathFactory) -> tuple[QuickShell, Settings, tuple[str, str, str]]:
    data = tmp_path_factory.mktemp("hostile")
    settings = replace(load_settings(data, {}), auth=AuthSettings(bcrypt_cost=4))
    ids = asyncio.run(prepare(settings))
    poison(data)
    return QuickShell(data, EMAIL), settings, ids


def test_no_command_prints_what_acts(poisoned: tuple[QuickShell, Settings, tuple[str, str, str]]) -> None:
    """Question sets as CSV and TXT are files: tests/unit/questions/test_shell.py says who gets them as they are."""
    shell, _settings, (comparison, batch, questions) = poisoned
    named = HOSTILE.replace("\x00", "")
    commands = (
        ("compare", "list"),
        ("--json", "compare", "list"),
        ("compare", "show", comparison),
        ("--json", "compare", "show", comparison),
        ("compare", "show", named),
        ("compare", "export", comparison, "--format", "markdown"),
        ("compare", "similar", "What is it?"),
        ("compare", "leaderboard"),
        ("batch", "list"),
        ("--json", "batch", "list"),
        ("batch", "status", batch),
        ("batch", "status", named),
        ("--json", "batch", "status", named),
        ("batch", "answers", batch),
        ("batch", "answers", batch, "--number", "1"),
        ("--json", "batch", "answers", batch),
        ("batch", "retry", batch),
        ("batch", "report", batch, "--format", "csv"),
        ("batch", "report", batch, "--format", "json"),
        ("batch", "report", batch, "--format", "junit"),
        ("batch", "plan", questions, "-c", "Echo"),
        ("questions", "list"),
        ("questions", "show", questions),
        ("--json", "questions", "show", questions),
        ("questions", "show", questions, "--versions"),
        ("questions", "export", questions),
    )
    for command in commands:
        done = shell.run(*command)
        assert done.status == 2 if named in command else done.status in (0, 4), (command, done.err)
        text = done.out.removeprefix("\ufeff").replace("\r\n", "\n") if "csv" in command else done.out
        found = attacks(text) + attacks(done.err)
        assert not found, (command[:3], found[:5])
        assert SECRET not in done.out + done.err


def judge(seen: World, where: str) -> None:
    """What is in sight acts on nothing, leads nowhere, and keeps to its lines."""
    found = attacks(seen.text)
    assert not found, (where, found[:5])
    assert seen.fits(), where
    for strip in seen.app.screen._compositor.render_strips():
        assert not [segment for segment in strip if segment.style is not None and segment.style.link], where
    assert SECRET not in seen.text


#: A word of the attacks that is text wherever it is drawn.
MARK = "[/bold][red]x"
#: From each tab, with its first row in hand: keys, and the screens that they lead to. What is hostile is drawn on all of them.
WALKS = {
    "records": "f FilterRecords escape RecordsScreen r Ask escape RecordsScreen d Confirm escape RecordsScreen a SimilarScreen "
    "escape RecordsScreen enter SideBySideScreen escape SideBySideScreen w DiffScreen w DiffScreen escape SideBySideScreen "
    "v VerdictDialog escape SideBySideScreen",
    "leaderboard": "t LeaderboardScreen",
    "batches": "d Confirm escape BatchesScreen r Ask escape BatchesScreen enter ProgressPage right AnswersPage enter AnswerScreen "
    "t AnswerScreen n AnswerScreen escape AnswersPage right ReportPage escape BatchesScreen",
    "questions": "d Confirm escape QuestionsScreen r NameAndTags escape QuestionsScreen v VersionsScreen escape QuestionsScreen "
    "enter SetScreen d Confirm escape SetScreen e QuestionScreen",
}


async def test_no_screen_draws_what_acts(poisoned: tuple[QuickShell, Settings, tuple[str, str, str]]) -> None:
    _shell, settings, _ids = poisoned
    async with world(settings, size=(100, 30)) as seen:
        await seen.until("Password")
        await seen.put("email", EMAIL)
        await seen.put("password", PASSWORD)
        await seen.press("ctrl+s")
        await seen.until(lambda: seen.app.current_mode == "home")
        for name, walk in WALKS.items():
            await open_tab(seen.app, name)
            await seen.until(MARK)
            judge(seen, name)
            steps = walk.split()
            for key, screen in zip(steps[::2], steps[1::2], strict=True):
                await seen.press(key)
                await seen.until(lambda: type(seen.app.screen).__name__ == screen and MARK in seen.text)  # noqa: B023 - awaited at once
                judge(seen, f"{name}: {key}: {screen}")
