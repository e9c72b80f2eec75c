"""Two people on one server, each at a worker of their own: what is whose, what is shared, and what a broken link leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.auth.principal import operator
from core.bootstrap import build_services
from core.models.configurations import ConfigurationDraft
from core.settings import AuthSettings, load_settings
from tests.ssh.served import ServeProcess, serve_process
from tests.terminal import Terminal

GREETING = "Good to see you"


async def give_models(data: Path, model: str) -> None:
    """Both have the simulator's `model` as their default."""
    services = await build_services(replace(load_settings(data, {}), auth=AuthSettings(bcrypt_cost=4)))
    for name in ("ann", "bob"):
        principal = await services.accounts.principal_for(operator("test"), f"{name}@example.org")
        made = await services.configurations.create(principal, ConfigurationDraft(name="mine", provider_id="simulator", model=model))
        await services.configurations.set_default(principal, made.id)
    await services.close()


@pytest.fixture
def server(peopled: Path, client_folder: Path, request: pytest.FixtureRequest) -> Iterator[ServeProcess]:
    """`modeltrain serve` with two workers; the parameter is the model that answers."""
    asyncio.run(give_models(peopled, request.param))
    with serve_process(peopled, client_folder, "--workers", "2") as process:
        yield process


def enter(terminal: Terminal) -> None:
    """To an empty conversation."""
    terminal.until(GREETING)
    terminal.press("n")
    terminal.until("A new conversation with")


def up(terminal: Terminal) -> None:
    """From the text to what is above it."""
    terminal.press("esc")
    terminal.until("i write")


@pytest.mark.parametrize("server", ["sim-echo@0"], indirect=True)
def test_two_people_do_not_see_each_others_and_what_one_shares_the_other_sees(server: ServeProcess) -> None:
    with server.terminal("ann") as ann, server.terminal("bob") as bob:
        enter(ann)
        enter(bob)
        ann.write("words of ann\r")
        ann.until(lambda text: text.count("words of ann") >= 2 and "to first" in text)
        up(bob)
        bob.press("o")
        assert "words of ann" not in bob.until("Nobody shares")
        # Shared: it appears in the other's list without a key, and opens.
        up(ann)
        ann.press("S")
        ann.until("Nobody but you.")
        ann.press("a")
        ann.until("exactly as it is")
        ann.write("bob\r")
        ann.until(lambda text: "take back" in text and "bob" in text)
        ann.press("esc")
        ann.until("i write")
        bob.until("ann ›")
        bob.press("enter")
        shown = bob.until("ann shares this with you")
        # The questions stand under the name of who asked them.
        heads = [words[0] for line in shown.splitlines()[1:] if len(words := line.split("│")[-1].split()) == 2]
        assert "ann" in heads
        assert "bob" not in heads
        # What comes later is seen live, in the other process.
        ann.press("i")
        ann.write("later words of ann\r")
        bob.until("later words of ann")
        assert "later words of bob" not in ann.text
        # Taken back, it goes from under the reader's eyes.
        up(ann)
        ann.press("S")
        ann.until("take back")
        ann.press("d")
        ann.until("Nobody but you.")
        bob.until(lambda text: "words of ann" not in text)


@pytest.mark.parametrize("server", ["sim-markdown@40x200"], indirect=True)
def test_a_dropped_link_loses_neither_answer_nor_draft(server: ServeProcess) -> None:
    with server.terminal("ann") as ann:
        enter(ann)
        ann.write("a long story\r")
        ann.until("Esc stops the answer")
        ann.write("half a thought")
        ann.until("half a thought")
        ann.process.kill()
        ann.process.wait()
    with server.terminal("ann") as again:
        # The answer went on without anybody; it may still be coming, or wait to be read.
        again.until(lambda text: "finished while you were away" in text or "a long story" in text, limit_s=120)
        if "finished while you were away" in again.text:
            again.press("enter")
        again.until(lambda text: "half a thought" in text and "to first" in text, limit_s=120)


@pytest.mark.parametrize("server", ["sim-echo@0"], indirect=True)
def test_two_terminals_of_one_person_at_two_workers_show_the_same(server: ServeProcess) -> None:
    with contextlib.ExitStack() as open_ones:
        one = open_ones.enter_context(server.terminal("ann"))
        enter(one)
        two = open_ones.enter_context(server.terminal("ann"))
        two.until(GREETING)
        one.write("asked in the first\r")
        one.until("to first")
        two.until("1 conversation")  # on the home screen, which nobody touched
        two.press("up", "enter")
        two.until("asked in the first")
        one.write("and a second time\r")
        two.until("and a second time")
