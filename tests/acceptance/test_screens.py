"""Acceptance: a new user's first hour, by keyboard only, in a real terminal: the installed command in a PTY."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from core.auth.principal import Principal
from core.bootstrap import Services
from tests.acceptance.program import add_a_configuration, ask, choose_model, make_the_first_account, prepared, rows, stamp, start
from tests.escapes import LAWFUL, Judge
from tests.shell import Shell
from tests.terminal import Terminal
from tui.i18n import Locale

CHINESE = Locale("zh_CN").gettext
WHY, MORE, CUT = "Why is the loss flat?", "Tell me everything", "Does this break?"
TITLE = "Loss stays flat"


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_the_first_hour_of_a_new_user(tmp_path: Path, width: int, height: int) -> None:
    data = tmp_path / "data"
    with start(data, width, height) as terminal:
        judge = Judge(terminal, width, height)
        make_the_first_account(terminal)
        add_a_configuration(terminal, "thinker", "sim-reasoning@60x90", test=True)
        add_a_configuration(terminal, "slow", "sim-markdown@30x2000")
        add_a_configuration(terminal, "breaks", "sim-flaky-cut@0x60")
        copied = ask_and_watch_it_think(terminal, judge)
        stop_one_answer(terminal)
        retry_one_that_broke(terminal)
        rename_delete_and_restore(terminal)
        ground = change_language_and_theme(terminal)
        leave(terminal)
        judge.check("the first hour", end=True)
    with start(data, width, height) as terminal:
        judge = Judge(terminal, width, height)
        find_everything_again(terminal, ground)
        leave(terminal)
        judge.check("coming back", end=True)
    check_what_was_kept(data, copied)


def ask_and_watch_it_think(terminal: Terminal, judge: Judge) -> str:
    """Ask the thinker; the reasoning is folded, opens and closes; the answer is copied. Returns the copy."""
    terminal.press("alt+1")
    terminal.until("Write your question below")
    choose_model(terminal, "thinker")
    ask(terminal, WHY)
    terminal.until("Thinking ")
    seen = terminal.until("Thought for ")
    assert "The question is about" not in seen, "the reasoning is folded while it comes"
    terminal.until("tok/s")
    terminal.press("esc", "t")
    terminal.until("▎ The question is about")
    terminal.press("t")
    terminal.until(lambda text: "▎" not in text and "▸ Thought for" in text)
    terminal.press("y")
    terminal.until("clipboard")
    judge.check("a copy")
    assert len(judge.copies) == 1
    return judge.copies[0]


def stop_one_answer(terminal: Terminal) -> None:
    terminal.press("i")
    choose_model(terminal, "slow")
    ask(terminal, MORE)
    terminal.until("This answer is simulated")
    terminal.write("\x1b")
    terminal.until("■ Stopped by you")  # what follows may lie under a notice


def retry_one_that_broke(terminal: Terminal) -> None:
    choose_model(terminal, "breaks")
    ask(terminal, CUT)
    terminal.until("The answer broke off.")
    terminal.press("ctrl+r")
    terminal.until(lambda text: "✗" not in text and "60 out" in text)


def rename_delete_and_restore(terminal: Terminal) -> None:
    terminal.press("esc", "r")
    terminal.until("Rename the conversation")
    terminal.press("ctrl+u", TITLE, "enter")
    terminal.until(f"Chat › {TITLE}")
    terminal.press("d")
    terminal.until(f"Delete “{TITLE}”?")
    terminal.press("enter")
    terminal.until("Chat › New conversation")
    terminal.press("esc")
    terminal.until("Nothing here yet.")
    terminal.press("D")
    terminal.until(lambda text: "Trash" in text and TITLE in text)
    terminal.press("enter")
    terminal.until(lambda text: "Trash" not in text and TITLE in text)
    terminal.press("g", "j", "enter")
    terminal.until(f"Chat › {TITLE}")
    terminal.until(CUT)


def change_language_and_theme(terminal: Terminal) -> str:
    """Both at once, on the settings screen. Returns the new colour of the ground."""
    terminal.press("ctrl+g", "s")
    terminal.until("Changes take effect at once")
    before = stamp(terminal, 2, 4)
    terminal.press("down", "right")
    terminal.until(lambda _text: stamp(terminal, 2, 4) != before)
    terminal.press("up", "right")
    terminal.until("简体中文")
    terminal.until(CHINESE("Theme"))
    return stamp(terminal, 2, 4)


def leave(terminal: Terminal) -> None:
    terminal.press("ctrl+q")
    assert terminal.wait() == 0


def find_everything_again(terminal: Terminal, ground: str) -> None:
    """No sign-in; language, theme, conversation, its answers and the configurations are as they were."""
    terminal.until(CHINESE("Good to see you, {name}.").format(name="ann"))
    terminal.until(TITLE)
    assert stamp(terminal, 2, 4) == ground
    terminal.press("enter")
    seen = terminal.until(CUT)
    assert TITLE in seen.split("\n")[0]
    terminal.press("esc", "g")
    terminal.until(WHY)
    terminal.press("alt+6")
    terminal.until(lambda text: all(name in text for name in ("thinker", "slow", "breaks")))


def check_what_was_kept(data: Path, copied: str) -> None:
    shell = Shell(data)
    (listed,) = shell.ok("conversation", "list", "--json").json
    shown = shell.ok("conversation", "show", listed["id"], "--json").json
    assert shown["title"] == TITLE
    assert [message["content"] for message in shown["messages"] if message["role"] == "user"] == [WHY, MORE, CUT]
    answers = [message for message in shown["messages"] if message["role"] == "assistant"]
    assert [answer["state"] for answer in answers] == ["complete", "stopped", "complete"]
    assert copied == answers[0]["content"]
    assert answers[0]["reasoning"]


# Accidents ---------------------------------------------------------------------------------------------------------------------


async def one_conversation(services: Services, principal: Principal) -> None:
    await services.configurations.ensure_starter(principal)
    await services.chat.create(principal, title=TITLE)


def drafted(data: Path, text: str) -> bool:
    return bool(rows(data, "SELECT 1 FROM drafts WHERE content = ?", text))


def test_what_is_typed_survives_a_kill(tmp_path: Path) -> None:
    data = tmp_path / "data"
    prepared(data, one_conversation)
    half, other = "A question that was not fin", "第二个问题，还没写完"
    with start(data) as terminal:
        terminal.until(TITLE)
        terminal.press("enter")
        terminal.until(f"Chat › {TITLE}")
        terminal.press(half)
        terminal.until(lambda _text: drafted(data, half))
        terminal.press("ctrl+n")
        terminal.until("Chat › New conversation")
        terminal.press(other)
        terminal.until(lambda _text: drafted(data, other))
        os.kill(terminal.process.pid, signal.SIGKILL)
        terminal.wait()
    with start(data) as terminal:
        terminal.until(TITLE)
        terminal.press("n")
        terminal.until(lambda text: "Chat › New conversation" in text and f"> {other}" in text)
        terminal.press("esc", "j", "enter")
        terminal.until(lambda text: f"Chat › {TITLE}" in text and f"> {half}" in text)
        leave(terminal)


SIZES = [(20, 5), (1, 1), (300, 100), (79, 23), (5, 40), (200, 3), (2, 2), (100, 10), (40, 60), (100, 30)]
#: Keys that lead to a screen from any other, and what is seen there at 100 x 30.
PLACES = [
    (("ctrl+g", "h"), "Good to see you"),
    (("alt+6",), "Configurations 2"),
    (("n",), "Template"),
    (("ctrl+p",), "All commands"),
    (("esc", "esc", "alt+8"), "Nickname"),
    (("f1",), "Help: Account"),
    (("esc", "ctrl+g", "s"), "Changes take effect"),
    (("alt+1",), "Ask, Alt+Enter"),
    (("ctrl+t",), "System prompt"),
]


def test_any_size_at_any_time_and_silence_at_the_end(tmp_path: Path) -> None:
    data = tmp_path / "data"
    prepared(data, one_conversation)
    with start(data, 100, 30) as terminal:
        judge = Judge(terminal, 300, 100, sixteen=True)
        terminal.until("Good to see you")
        for keys, seen in PLACES:
            terminal.press(*keys)
            terminal.until(seen)
            storm(terminal)
            terminal.until(seen)
        terminal.press("esc", "i")
        ask(terminal, WHY)
        terminal.until("Thinking ")
        storm(terminal, drawn=True)
        terminal.until("tok/s")
        terminal.press("esc", "y")
        terminal.until("clipboard")
        terminal.until(lambda text: "clipboard" not in text)
        up_and_down(terminal)
        # The title of the conversation, made by the model, comes a moment after the answer.
        terminal.until_quiet(2, limit_s=60)
        before = len(terminal.received)
        terminal.pump(3)
        assert len(terminal.received) == before, "nothing is sent while nothing changes"
        leave(terminal)
        judge.check("storms", end=True)
        assert set(judge.lawful) == set(LAWFUL), "what is lawful is what a harmless session sends, and no more"


def up_and_down(terminal: Terminal) -> None:
    """To the beginning of a conversation that is a little longer than the screen, and back: the terminal moves what only moved."""
    terminal.resize(80, 14)
    for _again in range(2):
        terminal.until(lambda text: "Thought for" in text and "tok/s" not in text)
        terminal.press("g")
        terminal.until("tok/s")
        terminal.press("G")


def storm(terminal: Terminal, *, drawn: bool = False) -> None:
    """Ten sizes in a row, the next before the one before is drawn, or once it is if `drawn`."""
    for width, height in SIZES:
        terminal.resize(width, height)
        if drawn:
            terminal.until_quiet(0.04, limit_s=1)
        else:
            terminal.pump(0.01)
