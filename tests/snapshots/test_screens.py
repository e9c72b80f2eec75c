"""What every screen looks like: at 80x24 light in Chinese and 120x40 dark in English, the conversation in every combination.

A picture that changed on purpose is taken anew with `make test ARGS="tests/snapshots --snapshot-update"`; look at it first:
a failing run leaves snapshot_report.html with both pictures side by side.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from demo import EMAIL, HALTS, PASSWORD, TEXTS
from demo_batches import NAMES as BATCH_NAMES
from demo_compare import QUESTIONS
from demo_data import SENTENCES
from textual.pilot import Pilot

from core.auth.accounts import Enrolment, SignedIn
from core.auth.one_time import uri_of
from core.training.types import RunState
from tests.snapshots.conftest import MakeApp
from tests.tui.test_monitor import OneRun, make_run
from tui.app import ModeltrainApp
from tui.i18n import Locale
from tui.screens.account.second_factor import RecoveryCodes, SecondFactorScreen
from tui.screens.compare.tabs import open_tab
from tui.screens.runs.monitor import MonitorScreen
from tui.screens.welcome.code import CodeScreen

SIZES = {"80x24": (80, 24), "120x40": (120, 40)}
THEMES = {"dark": "night", "light": "day"}
LOOKS = (("120x40", "dark", "en"), ("80x24", "light", "zh_CN"))
ALL_LOOKS = tuple((size, theme, language) for size in SIZES for theme in THEMES for language in ("en", "zh_CN"))
#: Of no account: a random one would make another picture each time.
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
OTHER_THEMES = ("ember", "paper", "terminal")


class NeverSeen(AssertionError):
    """What was waited for did not come; holds the screen."""


@dataclass
class Visit:
    """A person at the application, in one language."""

    pilot: Pilot[Any]
    language: str

    @property
    def app(self) -> ModeltrainApp:
        assert isinstance(self.pilot.app, ModeltrainApp)
        return self.pilot.app

    @property
    def text(self) -> str:
        return "\n".join("".join(segment.text for segment in strip) for strip in self.app.screen._compositor.render_strips())

    async def see(self, wanted: str | Callable[[], bool], limit_s: float = 60.0) -> None:
        """Wait for a message (or its beginning, where it has placeholders) in the language of the picture, or for something to be so."""
        words = "" if callable(wanted) else Locale(self.language).gettext(wanted).split("{")[0].strip() or wanted
        deadline = asyncio.get_running_loop().time() + limit_s
        while not (wanted() if callable(wanted) else words in self.text):
            if self.app.unforeseen:
                raise self.app.unforeseen[0]
            if asyncio.get_running_loop().time() > deadline:
                raise NeverSeen(f"{words or wanted!r} in:\n{self.text}")
            await self.pilot.pause()
            await asyncio.sleep(0.005)
        await self.still()

    async def still(self) -> None:
        """Wait until the screen says the same twice with nothing left to do in between."""
        before = ""
        while (now := self.text) != before:
            before = now
            for _turn in range(3):
                await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def write(self, text: str) -> None:
        for character in text:
            await self.pilot.press("space" if character == " " else character)

    async def home(self) -> None:
        await self.see("Areas")
        await self.see(TEXTS[self.language].titles["loss"])

    async def open(self, name: str) -> None:
        """Open the conversation of the demo called `name`."""
        await self.home()
        page = await self.app.context.services.chat.conversations(self.app.context.principal)
        title = TEXTS[self.language].titles[name]
        await self.app.open_conversation(next(item.id for item in page.items if item.title == title))
        await self.see(lambda: getattr(self.app.screen, "opened", None) is not None and self.app.screen.opened.id is not None)  # type: ignore[attr-defined]
        await self.see(lambda: self.app.screen.title_line.opened == title)  # type: ignore[attr-defined]


Walk = Callable[[Visit], Awaitable[None]]
WALKS: dict[str, Walk] = {}
FRESH = {"wizard"}


def picture(walk: Walk) -> Walk:
    WALKS[walk.__name__] = walk
    return walk


# The entrance ------------------------------------------------------------------------------------------------------------


@picture
async def wizard(visit: Visit) -> None:
    await visit.see(lambda: visit.app.context.ready)
    for value in (EMAIL, TEXTS[visit.language].nickname, PASSWORD):
        await visit.write(value)
        await visit.press("tab")
    await visit.see("strong")
    await visit.see(lambda: visit.text.count(Locale(visit.language).gettext("free")) >= 2)


@picture
async def sign_in(visit: Visit) -> None:
    await visit.home()
    await visit.app.sign_out()
    await visit.see("Sign in with your e-mail or nickname, and your password.")
    await visit.write(EMAIL)
    await visit.press("tab")
    await visit.write("wrong")
    await visit.press("ctrl+s")
    await visit.see("The name or the password is wrong.")


@picture
async def sign_in_code(visit: Visit) -> None:
    await visit.home()
    await visit.app.sign_out()
    await visit.see("Sign in with your e-mail or nickname, and your password.")

    async def never(_signed_in: SignedIn) -> None:
        raise AssertionError("nobody answers")

    visit.app.switch_screen(CodeScreen("of no sign-in", never, lambda _problem: None))
    await visit.see("The code, please.")
    await visit.write("123 456")


@picture
async def registration(visit: Visit) -> None:
    await visit.home()
    await visit.app.sign_out()
    await visit.see("new account")
    await visit.press("ctrl+n")
    await visit.see("Make an account of your own.")
    await visit.write(EMAIL)
    await visit.press("tab", "C", "tab", "x", "tab")
    await visit.see("Already taken.")


# Finding one's way -------------------------------------------------------------------------------------------------------


@picture
async def home(visit: Visit) -> None:
    await visit.home()


@picture
async def areas(visit: Visit) -> None:
    await visit.home()
    await visit.press("ctrl+g")
    await visit.see("Go to")


@picture
async def palette(visit: Visit) -> None:
    await visit.home()
    await visit.press("ctrl+p")
    await visit.see("All commands")


@picture
async def help_page(visit: Visit) -> None:
    await visit.home()
    await visit.press("f1")
    await visit.see("Help: {screen}")


# Chat --------------------------------------------------------------------------------------------------------------------


@picture
async def chat(visit: Visit) -> None:
    await visit.open("loss")
    await visit.write(TEXTS[visit.language].draft)


@picture
async def chat_reasoning(visit: Visit) -> None:
    await visit.open("loss")
    await visit.press("escape", "k", "k", "t", "g")


@picture
async def chat_code(visit: Visit) -> None:
    await visit.open("code")


@picture
async def chat_failed(visit: Visit) -> None:
    await visit.open("failed")


@picture
async def chat_cut(visit: Visit) -> None:
    await visit.open("cut")


@picture
async def chat_empty(visit: Visit) -> None:
    await visit.home()
    await visit.press("n")
    await visit.see("Write your question below and press Enter.")


@picture
async def chat_list(visit: Visit) -> None:
    await visit.open("sql")
    await visit.press(*["ctrl+b"] * (1 if visit.app.size.width < 100 else 2), "down", "space")
    await visit.see("1 marked: d delete" if visit.language == "en" else "已标记 1 个")


@picture
async def chat_share(visit: Visit) -> None:
    await visit.open("code")
    await visit.press("escape", "S")
    await visit.see("Nobody but you.")


@picture
async def model_picker(visit: Visit) -> None:
    await visit.open("sql")
    await visit.press("ctrl+o")
    await visit.see("Which model answers from now on?")


@picture
async def system_prompt(visit: Visit) -> None:
    await visit.open("sql")
    await visit.press("ctrl+t")
    await visit.see("No system prompt of its own")


@picture
async def confirmation(visit: Visit) -> None:
    await visit.open("sql")
    await visit.press("escape", "d")
    await visit.see("yes")


@picture
async def trash(visit: Visit) -> None:
    await visit.open("sql")
    await visit.press("escape", "D")
    await visit.see("Conversations stay here for {days} days, then they are deleted for good.")


# Compare -----------------------------------------------------------------------------------------------------------------


async def _compare(visit: Visit) -> None:
    await visit.home()
    await visit.press("o")
    await visit.see(QUESTIONS[visit.language][1][:8])
    await visit.see("fastest")


@picture
async def compare(visit: Visit) -> None:
    await _compare(visit)


@picture
async def compare_verdict(visit: Visit) -> None:
    await _compare(visit)
    await visit.press("escape", "v")
    await visit.see("Which answer is better?")
    await visit.press("4", "a", "down", "2")


@picture
async def compare_diff(visit: Visit) -> None:
    await _compare(visit)
    await visit.press("escape", "w")
    await visit.see("next difference")


# Batches -----------------------------------------------------------------------------------------------------------------


async def _batches(visit: Visit) -> None:
    await visit.home()
    await open_tab(visit.app, "batches")
    await visit.see(BATCH_NAMES[visit.language])


@picture
async def batches(visit: Visit) -> None:
    await _batches(visit)


@picture
async def batch_answers(visit: Visit) -> None:
    await _batches(visit)
    await visit.press("enter")
    await visit.see("Latest answers")
    await visit.press("right")
    await visit.see("★★★★★")


@picture
async def batch_report(visit: Visit) -> None:
    await _batches(visit)
    await visit.press("enter")
    await visit.see("Latest answers")
    await visit.press("left")
    await visit.see(lambda: bool(getattr(visit.app.screen, "_times", ())))


# Models ------------------------------------------------------------------------------------------------------------------


async def _models(visit: Visit) -> None:
    await visit.home()
    await visit.press("m")
    await visit.see("deepseek")


@picture
async def models(visit: Visit) -> None:
    await _models(visit)


@picture
async def models_test(visit: Visit) -> None:
    await _models(visit)
    await visit.press("g", "j", "j", "t")
    await visit.see("✗")


@picture
async def configuration(visit: Visit) -> None:
    await _models(visit)
    await visit.press("g", "j", "e")
    await visit.see("Endpoint")
    await visit.press("ctrl+o")


@picture
async def providers(visit: Visit) -> None:
    await _models(visit)
    await visit.press("right")
    await visit.see("DeepSeek")


@picture
async def provider(visit: Visit) -> None:
    await providers(visit)
    await visit.press("enter")
    await visit.see("No models are known here yet.")


# Data --------------------------------------------------------------------------------------------------------------------


async def _data(visit: Visit) -> None:
    """The data area with the dataset in hand that needs repair."""
    await visit.home()
    await visit.press("d")
    await visit.see(SENTENCES[visit.language].names[2])
    await visit.see("usable after repair")


@picture
async def data(visit: Visit) -> None:
    await _data(visit)


@picture
async def data_about(visit: Visit) -> None:
    await _data(visit)
    await visit.press("j", "enter")
    await visit.see("Length of a row in characters")


@picture
async def data_problems(visit: Visit) -> None:
    await _data(visit)
    await visit.press("p")
    await visit.see(lambda: "$.conversations[1].value" in visit.text)


@picture
async def data_row(visit: Visit) -> None:
    await data_problems(visit)
    await visit.press("j", "enter")
    await visit.see("As it stands in the file")


@picture
async def data_rows(visit: Visit) -> None:
    await _data(visit)
    await visit.press("v")
    await visit.see("row {number} of {count}")
    await visit.press("j")


@picture
async def data_seen(visit: Visit) -> None:
    await _data(visit)
    await visit.press("w")
    await visit.see("There is no training environment yet.")


@picture
async def data_repair(visit: Visit) -> None:
    await _data(visit)
    await visit.press("R")
    await visit.see("yes")


@picture
async def data_versions(visit: Visit) -> None:
    await _data(visit)
    await visit.press("V")
    await visit.see("as it was added")


@picture
async def data_inbox(visit: Visit) -> None:
    await _data(visit)
    await visit.press("n")
    await visit.see(SENTENCES[visit.language].names[3])


@picture
async def data_split(visit: Visit) -> None:
    await _data(visit)
    await visit.press("j", "S")
    await visit.see("Seed")


# Account, settings -------------------------------------------------------------------------------------------------------


# Runs --------------------------------------------------------------------------------------------------------------------


async def _runs(visit: Visit) -> None:
    await visit.home()
    await visit.press("alt+5")
    await visit.see("1 Environment")


@picture
async def runs_way(visit: Visit) -> None:
    await _runs(visit)


@picture
async def runs_environment(visit: Visit) -> None:
    await _runs(visit)
    await visit.press("left")
    await visit.see("not there yet")


@picture
async def runs_new(visit: Visit) -> None:
    await _runs(visit)
    await visit.press("n")
    await visit.see("There is no GPU here: it runs on the CPU.")


@picture
async def training_configuration(visit: Visit) -> None:
    await _runs(visit)
    await visit.press("right")
    await visit.see("No training configuration yet.")
    await visit.press("n")
    await visit.see("Begin with")
    await visit.press("enter")
    await visit.see("Learning rate")
    await visit.see(lambda: visit.app.screen.focused is not None)


@picture
async def training_import(visit: Visit) -> None:
    await _runs(visit)
    await visit.press("right")
    await visit.see("No training configuration yet.")
    await visit.press("i")
    await visit.see("Paste YAML here, or Ctrl+R reads a file")
    await visit.write("output_dir: x")
    await visit.see("“{key}” is set by modeltrain at the start; yours is left out.")


async def _monitor(visit: Visit) -> None:
    """A run that is over, so that nothing depends on the time: its log, and the curves of a loss that falls."""
    await visit.home()
    services = visit.app.context.services
    folder = services.settings.data_dir / "a-run"
    lines = [f"[INFO|2026-03-14 11:{number // 60:02d}:{number % 60:02d}] trainer.py:123 >> step {number}" for number in range(1, 200)]
    lines[150:150] = ["[WARNING|2026-03-14 11:02:30] template.py:40 >> sample 5512 was truncated", "ValueError: a value that is none"]
    values = [
        {"current_steps": step, "total_steps": 3000, "loss": 0.7 + 4 / step**0.5 + step * 7 % 11 / 60, "lr": 5e-5 * (1 - step / 3000),
         "epoch": step / 1000, "elapsed_time": f"0:{step // 60 % 60:02d}:{step % 60:02d}"}
        for step in range(10, 1250, 10)
    ]  # fmt: skip
    history = [{"step": step, "grad_norm": 2.0 - step / 1000 + step * 3 % 7 / 10} for step in range(10, 1250, 10)]
    await asyncio.to_thread(_write_run, folder, lines, values, history)
    run = make_run(folder, state=RunState.PAUSED, step=1240, total_steps=3000, can_resume=True, attempts=1)
    vars(services)["runs"] = OneRun(run)
    await visit.app.push_screen(MonitorScreen(run.id))
    await visit.see(lambda: "1,240/3,000" in visit.text)


def _write_run(folder: Path, lines: list[str], values: list[dict[str, Any]], history: list[dict[str, Any]]) -> None:
    output = folder / "output"
    output.mkdir(parents=True)
    (folder / "log.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (output / "trainer_log.jsonl").write_text("".join(json.dumps(value) + "\n" for value in values), encoding="utf-8")
    (output / "trainer_state.json").write_text(json.dumps({"log_history": history}), encoding="utf-8")


@picture
async def monitor(visit: Visit) -> None:
    await _monitor(visit)
    await visit.see("gradient norm")


@picture
async def monitor_log(visit: Visit) -> None:
    await _monitor(visit)
    screen = visit.app.screen
    assert isinstance(screen, MonitorScreen)
    screen.show_view("log")
    await visit.press("E")
    await visit.see("ValueError: a value that is none")
    await visit.press("slash")
    await visit.write("truncated")
    await visit.press("enter")
    await visit.see(lambda: screen.log_view.finder is not None and not screen.log_view.finder.is_counting)
    await visit.see(lambda: screen.log_view.lines.hit is not None)


async def _account(visit: Visit) -> None:
    await visit.home()
    await visit.press("a")
    await visit.see("Member since")


@picture
async def account(visit: Visit) -> None:
    await _account(visit)


@picture
async def sessions(visit: Visit) -> None:
    await _account(visit)
    await visit.press("right")
    await visit.see("192.0.2.17")


@picture
async def keys(visit: Visit) -> None:
    await _account(visit)
    await visit.press("right", "right")
    await visit.see("laptop")


@picture
async def new_password(visit: Visit) -> None:
    await _account(visit)
    await visit.press("j", "j", "enter")
    await visit.see("Change your password")


@picture
async def second_factor(visit: Visit) -> None:
    await _account(visit)
    visit.app.push_screen(SecondFactorScreen(Enrolment(SECRET, uri_of(SECRET, EMAIL))))
    await visit.see("A second factor for your sign-in")
    await visit.write("123456")


@picture
async def recovery_codes(visit: Visit) -> None:
    await _account(visit)
    visit.app.push_screen(
        RecoveryCodes(
            tuple(f"{word}-{word[::-1]}-2345" for word in ["abcd", "efgh", "ijkl", "mnop", "qrst", "uvwx", "yzab", "cdef", "ghij", "klmn"])
        )
    )
    await visit.see("Your recovery codes")


@picture
async def settings(visit: Visit) -> None:
    await visit.home()
    await visit.press("s")
    await visit.see("Registration open")


# The snapshots -----------------------------------------------------------------------------------------------------------


def taken(
    snap_compare: Callable[..., bool], make_app: MakeApp, name: str, size: str, theme: str, language: str, walk: Walk | None = None
) -> bool:
    """Whether the screen looks as it did."""

    async def go(pilot: Pilot[Any]) -> None:
        visit = Visit(pilot, language)
        await (walk or WALKS[name])(visit)
        await visit.still()

    return snap_compare(make_app(language, theme, name in FRESH), terminal_size=SIZES[size], run_before=go)


@pytest.mark.parametrize(("size", "theme", "language"), LOOKS, ids=lambda value: value)
@pytest.mark.parametrize("name", [name for name in WALKS if name != "chat"])
def test_screen(snap_compare: Callable[..., bool], make_app: MakeApp, name: str, size: str, theme: str, language: str) -> None:
    assert taken(snap_compare, make_app, name, size, THEMES[theme], language)


@pytest.mark.parametrize(("size", "theme", "language"), ALL_LOOKS, ids=lambda value: value)
def test_conversation(snap_compare: Callable[..., bool], make_app: MakeApp, size: str, theme: str, language: str) -> None:
    assert taken(snap_compare, make_app, "chat", size, THEMES[theme], language)


@pytest.mark.parametrize("theme", OTHER_THEMES)
def test_other_themes(snap_compare: Callable[..., bool], make_app: MakeApp, theme: str) -> None:
    assert taken(snap_compare, make_app, "chat", "80x24", theme, "en")


def test_ascii(snap_compare: Callable[..., bool], make_app: MakeApp) -> None:
    """For terminals and fonts without other signs."""

    async def plain(visit: Visit) -> None:
        from tui.glyphs import ASCII

        visit.app.use_glyphs(ASCII)
        await chat_reasoning(visit)

    assert taken(snap_compare, make_app, "ascii", "80x24", "night", "en", plain)


def test_an_answer_being_written(snap_compare: Callable[..., bool], make_app: MakeApp) -> None:
    """It goes silent in its middle, so that the picture is the same each time; then the question whether to leave."""

    async def leaving(visit: Visit) -> None:
        await visit.open("sql")
        await visit.press("ctrl+o")
        await visit.see("Which model answers from now on?")
        await visit.write(HALTS)
        await visit.press("enter")
        await visit.see(lambda: visit.app.screen.title_line.in_hand == "half an answer")  # type: ignore[attr-defined]
        await visit.write("Why")
        await visit.press("enter")
        await visit.see("keep each answer")
        await visit.press("ctrl+q")
        await visit.see("An answer is still being written. Leave all the same?")

    assert taken(snap_compare, make_app, "leave", "80x24", "night", "en", leaving)
