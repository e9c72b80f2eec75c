"""modeltrain chat and modeltrain conversation: what tests/acceptance/test_shell.py does not ask. One process a command."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.auth.principal import Origin
from core.bootstrap import build_services
from core.chat.types import AnswerUpdate
from core.llm.simulator.server import Simulator
from core.models.configurations import ConfigurationDraft
from core.settings import Settings
from tests.shell import COMMAND, Shell, clean_environment
from tests.unit.chat.test_values import answer
from tui.commands.chat_output import AnswerPrinter

MODELS = ("sim-echo@0", "sim-markdown@400x9000", "sim-hostile@0", "sim-reasoning@0", "sim-chinese@0")


async def _serve(stop: asyncio.Event, ready: threading.Event, urls: dict[str, str]) -> None:
    simulator = Simulator()
    await simulator.start()
    urls.update(simulator.base_urls)
    ready.set()
    await stop.wait()
    await simulator.stop()


@pytest.fixture(scope="module")
def simulator() -> Iterator[str]:
    """A simulator in a thread of its own: its OpenAI-compatible address."""
    loop, ready, urls = asyncio.new_event_loop(), threading.Event(), dict[str, str]()
    stop = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(_serve(stop, ready, urls)))
    thread.start()
    assert ready.wait(60)
    yield urls["openai"]
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()


@pytest.fixture
async def ann(settings: Settings, simulator: str) -> Shell:
    """The shell of an account with a configuration for each of MODELS, named like it."""
    services = await build_services(settings)
    signed_in = await services.accounts.create_first_admin("ann@example.org", "ann", "correct horse 7 battery", origin=Origin())
    for model in MODELS:
        draft = ConfigurationDraft(name=model, provider_id="openai-compatible", endpoint=simulator, model=model)
        await services.configurations.create(signed_in.principal, draft)
    await services.close()
    return Shell(settings.data_dir, "ann@example.org")


def begin(shell: Shell, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(COMMAND), *shell.options, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment(),
    )


def only_answer(shell: Shell) -> dict[str, str]:
    conversation = shell.ok("conversation", "list", "--json").json[0]["id"]
    found: dict[str, str] = shell.ok("conversation", "show", conversation, "--json").json["messages"][1]
    return found


def test_a_reader_that_leaves_ends_the_answer_and_what_came_is_kept(ann: Shell) -> None:
    process = begin(ann, "chat", "-c", "sim-markdown@400x9000", "a long story")
    assert process.stdout is not None
    assert process.stderr is not None
    begun = process.stdout.read(200)
    process.stdout.close()
    assert process.wait(60) == 1
    assert process.stderr.read() == ""
    process.stderr.close()
    kept = only_answer(ann)
    assert kept["state"] == "stopped"
    assert kept["content"].strip()[:50] == begun.strip()[:50]
    assert ann.run("conversation", "list").status == 0


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_stops_the_answer_and_says_so_in_json(ann: Shell, number: signal.Signals, status: int) -> None:
    process = begin(ann, "chat", "--json", "-c", "sim-markdown@400x9000", "a long story")
    _until_something_is_saved(ann)
    process.send_signal(number)
    out, _err = process.communicate(timeout=60)
    assert process.returncode == status
    printed = json.loads(out)
    assert (printed["finish"], printed["error"]) == ("stopped", None)
    assert only_answer(ann)["content"] == printed["answer"] != ""


def _until_something_is_saved(shell: Shell) -> None:
    connection = sqlite3.connect(shell.data / "modeltrain.db")
    while not connection.execute(
        "SELECT 1 FROM message_parts p JOIN messages m ON m.id = p.message_id WHERE m.role = 'assistant'"
    ).fetchone():
        pass
    connection.close()


@pytest.mark.slow
def test_a_locked_database_is_told_and_a_second_ctrl_c_gives_up(ann: Shell) -> None:
    process = begin(ann, "chat", "-c", "sim-markdown@400x9000", "a long story")
    _until_something_is_saved(ann)
    lock = sqlite3.connect(ann.data / "modeltrain.db", isolation_level=None)
    lock.execute("PRAGMA busy_timeout=10000")
    lock.execute("BEGIN IMMEDIATE")
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert "The answer is not saved yet" in process.stderr.readline(), "in a sentence, and no log line before it"
    process.send_signal(signal.SIGINT)
    assert process.wait(90) == 130
    lock.execute("ROLLBACK")
    lock.close()
    process.communicate()
    assert only_answer(ann)["state"] == "truncated", "what had been saved before is kept"
    assert "could not be saved" in (ann.data / "modeltrain.log").read_text()


def test_json_is_safe_in_a_terminal_and_loses_nothing(ann: Shell) -> None:
    outcome = ann.ok("chat", "--json", "-c", "sim-hostile@0", "attack")
    assert not set(outcome.out) & set("\x1b\x07\x9b\x9d\x7f\u202e\u200b")
    assert "\x1b" in outcome.json["answer"], "it is there for who reads the JSON"
    conversation = outcome.json["conversation"]
    for command in (("show", conversation), ("show", conversation, "--reasoning"), ("export", conversation), ("list",)):
        shown = ann.ok("conversation", *command).out
        assert not set(shown) & set("\x1b\x07\x9b\x9d\x7f\u202e\u200b")
    assert json.loads(ann.ok("conversation", "export", conversation).out)["messages"][1]["content"] == outcome.json["answer"]


def test_an_export_to_a_file_is_private_and_whole(ann: Shell, tmp_path: Path) -> None:
    conversation = ann.ok("chat", "--json", "-c", "sim-reasoning@0", "hello 你好").json["conversation"]
    target = tmp_path / "out.md"
    target.write_text("old")
    ann.ok("conversation", "export", conversation, "--format", "markdown", "-o", str(target))
    written = target.read_text()
    assert written.startswith("# hello 你好\n")
    assert "## sim-reasoning@0" in written
    assert "<details>" in written
    assert target.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")] == []
    refused = ann.run("conversation", "export", conversation, "-o", str(tmp_path / "no" / "such" / "folder" / "x"))
    assert refused.status == 2
    assert "x" in refused.err
    assert ann.run("conversation", "export", conversation, "--format", "docx").status == 2


def test_deleting_restoring_and_listing(ann: Shell) -> None:
    made = [ann.ok("chat", "--json", "-c", "sim-echo@0", f"number {number}").json["conversation"] for number in range(3)]
    assert ann.run("conversation", "delete", made[0], "0" * 32).status == 2
    assert [item["id"] for item in ann.ok("conversation", "list", "--json").json] == made[::-1], "all or nothing"
    assert ann.ok("conversation", "delete", made[0], made[1], "--json").json == {"deleted": 2}
    assert ann.run("conversation", "show", made[0]).status == 2
    assert {item["id"] for item in ann.ok("conversation", "list", "--trash", "--json").json} == set(made[:2])
    assert "1" in ann.ok("conversation", "restore", made[0]).out
    listed = ann.ok("conversation", "list")
    assert [made[0] in listed.out, made[1] in listed.out, made[2] in listed.out] == [True, False, True]
    assert ann.ok("conversation", "list", "--json", "number 2").json[0]["id"] == made[2]
    assert "--limit" in ann.ok("conversation", "list", "--limit", "1").err
    refused = ann.run("chat", "--conversation", made[1], "more")
    assert refused.status == 2
    assert "trash" in refused.err


def test_questions_that_cannot_be(ann: Shell) -> None:
    for arguments, stdin in (
        (("chat",), "\n \n"),
        (("chat",), "x" * 2_100_000),
        (("chat", "--conversation", "0" * 32, "hi"), ""),
        (("chat", "-c", "no"), "hi"),
    ):
        outcome = ann.run(*arguments, stdin=stdin)
        assert outcome.status == 2
        assert outcome.err.strip()
        assert "Traceback" not in outcome.err
    assert ann.ok("conversation", "list", "--json").json == []


def test_words_make_one_question_and_bytes_that_are_not_utf8_do_no_harm(ann: Shell) -> None:
    assert "three plain words" in ann.ok("chat", "-c", "sim-echo@0", "three", "plain", "words").out
    odd = subprocess.run(
        [str(COMMAND), *ann.options, "chat", "-c", "sim-echo@0"],
        input=b"half \xe4\xbd a character",
        capture_output=True,
        check=False,
        env=clean_environment(),
    )
    assert odd.returncode == 0
    assert "half" in odd.stdout.decode()
    argument = subprocess.run(
        [os.fsencode(COMMAND), *map(os.fsencode, ann.options), b"chat", b"-c", b"sim-echo@0", b"bad \xff byte"],
        capture_output=True,
        check=False,
        env=clean_environment(),
    )
    assert argument.returncode == 0, argument.stderr


def test_a_terminal_that_is_not_utf8(ann: Shell) -> None:
    outcome = ann.ok("chat", "-c", "sim-chinese@0", "hello", environment={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert "?" in outcome.out
    outcome = ann.ok("chat", "--json", "-c", "sim-chinese@0", "hello", environment={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert any(character > "\u4e00" for character in outcome.json["answer"]), "JSON loses nothing"


def test_the_system_prompt_and_one_piece(ann: Shell) -> None:
    outcome = ann.ok("chat", "--json", "--no-stream", "--system", "Be kind.", "-c", "sim-echo@0", "hello")
    assert outcome.json["finish"] == "stop"
    assert outcome.json["usage"]["exact"] is True
    assert outcome.json["cost"] is None or outcome.json["cost"] >= 0


def test_reasoning_is_dim_in_a_terminal_only(ann: Shell) -> None:
    primary, secondary = pty.openpty()
    environment = {name: value for name, value in clean_environment().items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        [str(COMMAND), *ann.options, "chat", "-c", "sim-reasoning@0", "why"], stdout=subprocess.DEVNULL, stderr=secondary, env=environment
    )
    os.close(secondary)
    seen = b""
    try:
        while chunk := os.read(primary, 4096):
            seen += chunk
    except OSError:
        pass  # the other side is closed
    os.close(primary)
    assert process.wait(60) == 0
    assert b"\x1b[2m" in seen
    assert b"\x1b" not in ann.ok("chat", "-c", "sim-reasoning@0", "why").err.encode()


# The printer ------------------------------------------------------------------------------------------------------------


def show(*updates: AnswerUpdate, reasoning: bool = True) -> None:
    printer = AnswerPrinter(reasoning=reasoning, quiet=False)
    for update in updates:
        printer.show(update)


def update(text: str = "", reasoning: str = "", *, reset: bool = False, last: bool = False) -> AnswerUpdate:
    return AnswerUpdate("m", "generating", text, reasoning, reset=reset, message=answer(None, None, None) if last else None)


def test_sequences_split_between_updates_are_removed(capsys: pytest.CaptureFixture[str]) -> None:
    show(
        update("", "t\x1b]0;ow", reset=True),
        update("", "ned\x07h"),
        update("a\x1b"),
        update("[31mb\x1b]52;c;x\x1b"),
        update("\\", last=True),
    )
    captured = capsys.readouterr()
    assert captured.out == "ab\n"
    assert captured.err == "th\n\n"


def test_a_line_end_is_added_where_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    show(update("a\n", reset=True, last=True))
    show(update("b", reset=True, last=True))
    show(update("", reset=True, last=True))
    assert capsys.readouterr().out == "a\nb\n"


def test_reasoning_that_was_printed_as_an_answer_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    show(update("thinking", reset=True), update("the answer", "thinking", reset=True), update("!", last=True))
    captured = capsys.readouterr()
    assert captured.out == "thinking\nthe answer!\n"
    assert "was reasoning" in captured.err
    show(update("thinking", reset=True), update("the answer", "thinking", reset=True, last=True), reasoning=False)
    assert capsys.readouterr().out == "thinking\nthe answer\n"
