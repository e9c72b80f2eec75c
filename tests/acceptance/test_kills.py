"""kill -9 at any moment, and answers far larger than memory should ever hold: nothing that was shown as saved is lost."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.faults import EMAIL, FLOODS, PROTOCOLS, configure_now
from tests.acceptance.program import choose_model, rows, start
from tests.acceptance.safe import QUESTION, messages, nothing_lost
from tests.shell import COMMAND, Shell, clean_environment

#: Kilobytes that the process may hold at its peak. Without any answer it is some 90,000.
MOST_KB = 250_000
#: Runs a command and says at the end of standard error how much memory it had at its peak. The measuring process is small, because
#: the peak of a child begins with that of the process it was forked from.
MEASURE = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(status)
"""


# Kills -------------------------------------------------------------------------------------------------------------------------


def ask_and_kill(shell: Shell, conversation: str, question: str, after_s: float, *, shows_first: bool) -> tuple[str, int]:
    """Ask, and kill the program after so many seconds unless it has ended. What it had printed, and its status.

    `shows_first`: the seconds begin with the first piece of the answer, which a slow machine prints late.
    """
    process = subprocess.Popen(
        [COMMAND, *shell.options, "chat", "--conversation", conversation, "-c", "brief", question],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=clean_environment(),
    )
    assert process.stdout is not None
    shown = os.read(process.stdout.fileno(), 4096) if shows_first else b""
    until = time.monotonic() + after_s
    while (left := until - time.monotonic()) > 0:
        if select.select([process.stdout], [], [], left)[0]:
            piece = os.read(process.stdout.fileno(), 4096)
            if not piece:
                process.wait(30)
                break
            shown += piece
    process.kill()
    shown += process.stdout.read()
    process.stdout.close()
    return shown.decode(errors="ignore"), process.wait(30)


def test_kills_at_random_moments_lose_nothing_that_was_saved(data: Path, safe: tuple[Path, str]) -> None:
    shell, dice = Shell(data, EMAIL), random.Random(2)
    configure_now(data, {"base_urls": {}}, {"brief": ("simulator", "sim-markdown@400x300")})
    kept = messages(data, safe[1])
    cut = whole = 0
    for number in range(10):
        question = f"Question {number}"
        shows_first = number % 2 == 1
        after_s = dice.uniform(0.0, 0.5) if shows_first else dice.uniform(0.5, 2.2)
        shown, status = ask_and_kill(shell, safe[1], question, after_s, shows_first=shows_first)
        now = messages(data, safe[1])
        assert now[: len(kept)] == kept, "what was there before has not changed"
        assert rows(data, "PRAGMA integrity_check") == [("ok",)]
        added = now[len(kept) :]
        if shown or added:
            asked, (role, state, content) = added
            assert asked == ("user", "complete", question)
            assert role == "assistant"
            # It may be killed between the end of its answer and its own.
            assert state == "complete" if status == 0 else state in ("complete", "truncated")
            assert shown.startswith(str(content).rstrip()) or str(content).startswith(shown.rstrip()), "what is kept is what was shown"
            cut, whole = cut + (state == "truncated"), whole + (state == "complete")
        kept = now
    assert cut, "some were killed in mid-answer"
    nothing_lost(data, safe[1])


def test_a_kill_in_mid_answer_of_the_application(data: Path, safe: tuple[Path, str]) -> None:
    def saved() -> str:
        return "".join(str(row[0]) for row in rows(data, "SELECT content FROM message_parts ORDER BY message_id, ordinal"))

    with start(data, 120, 30) as terminal:
        terminal.until("Good to see you")
        terminal.press("alt+1")
        terminal.until(f"Chat › {QUESTION}")
        choose_model(terminal, "slow")
        before = len(saved())
        terminal.press("Will it be killed?", "enter")
        terminal.until(lambda _text: len(saved()) > before + 500)
        os.kill(terminal.process.pid, signal.SIGKILL)
        terminal.wait()
    shown = saved()
    with start(data, 120, 30) as terminal:
        terminal.until("Good to see you")
        terminal.press("alt+1")
        seen = terminal.until("The answer broke off. modeltrain ended while it was being written.")
        assert "Alt+C" in seen and "Ctrl+R" in seen
        assert saved() == shown
        terminal.press("ctrl+r")
        terminal.until("Esc stops the answer")
        terminal.press("esc")
        terminal.until("Stopped by you.")
        terminal.press("ctrl+q")
        assert terminal.wait() == 0
    assert rows(data, "SELECT state FROM messages ORDER BY id")[-2:] == [("truncated",), ("stopped",)]
    nothing_lost(data, safe[1])


# Floods ------------------------------------------------------------------------------------------------------------------------


ASKED = [(preset, model, ()) for preset in PROTOCOLS for model in FLOODS] + [
    ("openai-compatible", model, ("--no-stream",)) for model in FLOODS
]


@pytest.mark.parametrize(("preset", "model", "more"), ASKED, ids=lambda part: " ".join(part) if isinstance(part, tuple) else part)
def test_an_answer_of_a_hundred_megabytes(flooded: Shell, preset: str, model: str, more: tuple[str, ...]) -> None:
    question, came = f"a lot of {preset} {model} {more}", model == "flood" and not more
    command = [COMMAND, *flooded.options, "chat", "-c", f"{preset} sim-{model}@0", "--json", *more, question]
    done = subprocess.run([sys.executable, "-c", MEASURE, *command], capture_output=True, text=True, env=clean_environment())
    told, peak_kb = json.loads(done.stdout), int(done.stderr.split()[-1])
    assert (done.returncode, told["finish"]) == ((3, "truncated") if came else (4, "error"))
    assert told["error"]["code"] == "response_too_large"
    assert 8_000_000 < len(told["answer"]) < 8_500_000 if came else told["answer"] == ""
    assert peak_kb < MOST_KB
    kept = rows(
        flooded.data,
        "SELECT role, content FROM messages m LEFT JOIN message_parts ON id = message_id WHERE conversation_id = ? ORDER BY id, ordinal",
        told["conversation"],
    )
    assert kept[0] == ("user", question)
    assert "".join(str(content or "") for role, content in kept if role == "assistant") == told["answer"]


@pytest.fixture(scope="module")
def flooded(tmp_path_factory: pytest.TempPathFactory, simulator: dict[str, Any]) -> Shell:
    data = tmp_path_factory.mktemp("floods") / "data"
    Shell(data).user(EMAIL, "ann", admin=True)
    configure_now(
        data, simulator, {f"{preset} sim-{model}@0": (preset, f"sim-{model}@0") for preset in PROTOCOLS for model in FLOODS}, timeout_s=30
    )
    return Shell(data, EMAIL)


def test_a_flood_on_the_screen(data: Path) -> None:
    """The application stays small and quick at its keys, shows what came and why there is no more."""
    configure_now(data, {"base_urls": {}}, {"flood": ("simulator", "sim-flood@0")})
    with start(data, 120, 30) as terminal:
        terminal.until("Good to see you")
        terminal.press("alt+1")
        terminal.until(f"Chat › {QUESTION}")
        choose_model(terminal, "flood")
        terminal.press("a lot", "enter")
        terminal.until("The answer is too large. More than 8 MB came.", limit_s=60)
        terminal.press("still here")
        terminal.until("> still here")
        status = Path(f"/proc/{terminal.process.pid}/status").read_text()
        assert next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) < MOST_KB
        terminal.press("ctrl+q")
        assert terminal.wait() == 0
