"""Acceptance: naughty strings in every input of every screen, and from everything outside. The bytes of a real PTY are read.

After each the program lives, and nothing is sent to the terminal but what tests/escapes.py allows.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from core.auth.principal import Origin, Principal
from core.bootstrap import Services
from core.installation import DATABASE_FILE
from core.models.types import ConfigurationDraft
from tests.acceptance import hostile
from tests.acceptance.hostile import hostile_provider
from tests.acceptance.program import EMAIL, make_the_first_account, prepared, rows, start
from tests.escapes import Judge, attacks
from tests.shell import PASSWORD
from tests.terminal import Terminal, key_bytes

WIDTH, HEIGHT = 110, 32
END, CLEAR = key_bytes("end"), key_bytes("ctrl+u")


# The judge ---------------------------------------------------------------------------------------------------------------------


class Heard:
    """Stands for a terminal that received these bytes."""

    def __init__(self, data: bytes) -> None:
        self.received = bytearray(data)


@pytest.mark.parametrize("attack", [*hostile.SEQUENCES.split("\x07")[:2], *"\x07\x08\x0b\x7f\x9b\x9d\u202e\u2066\u200b\ufeff\u00ad\u2028"])
def test_the_judge_knows_an_attack(attack: str) -> None:
    with pytest.raises(AssertionError):
        Judge(Heard(f"\x1b[1;1Hfine {attack} \x1b[0m".encode()), 80, 24).check("attack", end=True)


@pytest.mark.parametrize(
    "attack",
    [
        "\x1b[2J", "\x1b[3J", "\x1b[1K", "\x1b[81X", "\x1b[81C", "\x1b[1;25r", "\x1bD", "\x1b[8m", "\x1b[25m",
        "\x1b[31m", "\x1b[5m", "\x1b[38;5;196m", "\x1b[6n", "\x1b[25;1H", "\x1b[1;82H", "\x1b[?66h", "\x1bc",
        "\x1b(0", "\x1bP+q544e\x1b\\", "\x1b_Gi=1;AAAA\x1b\\", "\x1b]8;;https://evil.example/\x1b\\", "\x1b]52;c;Zm9yZXZlcg", "\n", "\x1b",
    ],
)  # fmt: skip
def test_the_judge_knows_a_sequence(attack: str) -> None:
    with pytest.raises(AssertionError):
        Judge(Heard(attack.encode()), 80, 24).check("attack", end=True)


# Every input -------------------------------------------------------------------------------------------------------------------


class Attacker:
    """Puts every naughty string into the input that has the focus; the input is empty before and afterwards."""

    def __init__(self, terminal: Terminal, judge: Judge, data: Path) -> None:
        self.terminal, self.judge, self.data = terminal, judge, data
        self._marks = 0

    def attack(self, where: str, *, seen: bool = True, lines: bool = False) -> None:
        """`seen`: the input shows what is in it; else (passwords) nobody can wait for it. `lines`: it takes several lines."""
        clear = END + CLEAR * (6 if lines else 1)
        for name, text in hostile.PASTES.items():
            self.terminal.paste(text)
            self.wait(f"{where}: {name} pasted", seen)
            self.terminal.write(clear)
        self.terminal.write(hostile.TYPED)
        self.wait(f"{where}: typed", seen)
        self.terminal.write(clear)

    def wait(self, doing: str, seen: bool = True) -> None:
        """Wait until what was put in is on the screen, by a mark typed behind it, and judge what was sent."""
        self._marks += 1
        mark = f"zq{self._marks}q"
        self.terminal.write(mark)
        if seen:
            self.terminal.until(mark)
        assert self.terminal.process.poll() is None, doing
        self.judge.check(doing)

    def form(self, where: str, *fields: tuple[str, bool]) -> None:
        """Attack fields one after the other: (name, seen) each; Tab leads to the next, and in the end one further."""
        for name, seen in fields:
            self.attack(f"{where}, {name}", seen=seen)
            self.terminal.press("tab")


@contextmanager
def attacked(data: Path) -> Iterator[Attacker]:
    """The program with an attacker at its keys. It has to leave when it is told to, and to have met nothing unforeseen."""
    with start(data, WIDTH, HEIGHT) as terminal:
        judge = Judge(terminal, WIDTH, HEIGHT)
        yield Attacker(terminal, judge, data)
        terminal.press("ctrl+q")
        assert terminal.wait() == 0
        judge.check("leaving", end=True)
        assert not judge.copies
        crashes = data / "crash.log"
        assert not crashes.exists(), crashes.read_text()


def test_no_input_lets_anything_through(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with attacked(data) as attacker:
        before_the_sign_in(attacker)
        models(attacker)
        providers(attacker)
        chat(attacker)
        account(attacker)
        signing_in(attacker)


def before_the_sign_in(attacker: Attacker) -> None:
    terminal = attacker.terminal
    terminal.until("Keep me signed in")
    attacker.form("wizard", ("email", True), ("nickname", True), ("password", False), ("repeat", False))
    terminal.paste(hostile.SEQUENCES)
    terminal.press("up", "up", "up", "up")
    terminal.paste(f"{hostile.MARKUP}@example.org")
    terminal.press("tab")
    terminal.paste(hostile.OUTSIDE.replace("\ud83d", ""))
    terminal.press("ctrl+s")
    terminal.until("Not an e-mail address.")
    palette(attacker, "wizard")
    terminal.press("end", "ctrl+u", "tab", "end", "ctrl+u", "shift+tab")
    make_the_first_account(terminal)


def palette(attacker: Attacker, where: str) -> None:
    attacker.terminal.press("ctrl+p")
    attacker.terminal.until("All commands")
    attacker.attack(f"{where}, palette")
    attacker.terminal.press("esc")
    attacker.terminal.until(lambda text: "All commands" not in text)


def models(attacker: Attacker) -> None:
    terminal = attacker.terminal
    palette(attacker, "home")
    terminal.paste(hostile.PASTES["attacks"])
    terminal.press("alt+6")
    terminal.until("Simulator Markdown")
    terminal.press("/")
    attacker.attack("filter of the configurations")
    terminal.press("esc", "n")
    terminal.until("Template")
    configuration_form(attacker)


def configuration_form(attacker: Attacker) -> None:
    terminal = attacker.terminal
    attacker.attack("configuration, name")
    terminal.press("tab", "tab")
    attacker.form("configuration", ("endpoint", True), ("key", False), ("model", True))
    terminal.press("tab")
    attacker.form("configuration", ("temperature", True), ("tokens", True))
    # What is pasted into the system prompt opens its editor.
    terminal.paste(hostile.PASTES["attacks"])
    terminal.until("take it")
    editor(attacker)
    terminal.press("ctrl+s")
    terminal.until(lambda text: "take it" not in text)
    terminal.press("tab")
    attacker.form("configuration", ("note", True))
    terminal.press("ctrl+o")
    terminal.until("Silence allowed")
    advanced = ("top_p", "top_k", "presence", "frequency", "seed", "stop", "extra", "silence")
    attacker.form("configuration", *((name, True) for name in advanced))
    save_a_hostile_configuration(attacker)


def editor(attacker: Attacker) -> None:
    """The text area keeps what was put into it: nothing is taken out between two strings."""
    for name, text in hostile.PASTES.items():
        attacker.terminal.paste(text)
        attacker.wait(f"editor: {name}")
    attacker.terminal.write(hostile.TYPED)
    attacker.wait("editor: typed")


def save_a_hostile_configuration(attacker: Attacker) -> None:
    """Its name is drawn in lists, titles, notices and questions; its model repeats what is said to it."""
    terminal = attacker.terminal
    terminal.paste(hostile.MARKUP + hostile.EMOJI)
    terminal.press("tab", "tab")
    terminal.paste("simulator:")
    terminal.press("tab", "tab", "sim-echo@0", "tab", "tab", "0.5", "tab", "tab", "tab")
    terminal.paste(hostile.PASTES["attacks"] + hostile.PASTES["wide"])
    terminal.press("ctrl+s")
    terminal.until("Configurations 3")


def providers(attacker: Attacker) -> None:
    terminal = attacker.terminal
    terminal.press("right")
    terminal.until("Endpoint")
    terminal.press("G", "p")
    terminal.until("that everybody here may use")
    attacker.attack("shared key", seen=False)
    terminal.press("esc", "a")
    terminal.until("Allowed addresses")
    attacker.attack("allowed addresses, search")
    terminal.press("enter")
    terminal.until("Which address may be used?")
    attacker.attack("allowed addresses, new one")
    terminal.paste(hostile.PASTES["attacks"])
    terminal.press("enter")
    terminal.until("Code: ")
    attacker.judge.check("refused address")
    terminal.press("g", "j", "enter")
    terminal.until("models")
    one_provider(attacker)


def one_provider(attacker: Attacker) -> None:
    """The page of a provider, with its models."""
    terminal = attacker.terminal
    terminal.press("/")
    attacker.attack("search of the models")
    terminal.press("esc", "o")
    terminal.until("The default endpoint of")
    terminal.press("ctrl+u")
    attacker.attack("default endpoint")
    terminal.press("esc", "n")
    terminal.until("by hand")
    attacker.attack("model by hand")
    terminal.paste(hostile.MARKUP + hostile.EMOJI + hostile.WIDE)
    terminal.press("ctrl+s")
    terminal.until(lambda text: "For everybody" not in text and "[/bold][red]x" in text)
    terminal.press("d")
    terminal.until("Remove the model")
    terminal.press("esc", "esc")


def chat(attacker: Attacker) -> None:
    terminal = attacker.terminal
    terminal.press("alt+1")
    terminal.until("Write your question below")
    attacker.attack("composer", lines=True)
    terminal.press("ctrl+o")
    terminal.until("Which model answers")
    attacker.attack("choice of the model")
    terminal.press("esc", "ctrl+o")
    terminal.until("Which model answers")
    terminal.press("red", "enter")
    terminal.until(lambda text: "Which model" not in text)
    for name, text in hostile.PASTES.items():
        terminal.paste(text)
        attacker.wait(f"question: {name}")
    terminal.write(hostile.TYPED)
    terminal.press("enter")
    answered(attacker)
    attacker.judge.check("repeated question")
    terminal.press("ctrl+t")
    terminal.until("It is sent before every question")
    attacker.attack("system prompt", lines=True)
    terminal.paste(hostile.PASTES["attacks"])
    terminal.press("ctrl+s")
    terminal.until("The system prompt is sent from the next question on.")
    conversation(attacker)


def answered(attacker: Attacker) -> None:
    """Wait until no answer is being made, and none is shown as if it were."""
    states = "SELECT sum(state = 'generating'), count(*) FROM messages WHERE role = 'assistant'"
    attacker.terminal.until(lambda _text: rows(attacker.data, states)[0][0] == 0)
    attacker.terminal.until(lambda text: "Esc stops the answer" not in text)


def conversation(attacker: Attacker) -> None:
    """What can be typed about the one conversation there is."""
    terminal = attacker.terminal
    terminal.press("esc", "x")
    terminal.until("Save to which file?")
    terminal.press("ctrl+u")
    attacker.attack("name of a file")
    terminal.press("esc", "r")
    terminal.until("Rename the conversation")
    terminal.press("ctrl+u")
    attacker.attack("title")
    terminal.paste(hostile.MARKUP + hostile.EMOJI + hostile.WIDE)
    terminal.press("enter")
    terminal.until("Chat › [/bold][red]x[/]")
    terminal.press("d")
    terminal.until("Delete “[/bold][red]x[/]")
    terminal.press("enter")
    terminal.until("Chat › New conversation")
    terminal.press("esc", "D")
    terminal.until("Conversations stay here")
    terminal.press("enter")
    terminal.until(lambda text: "Conversations stay here" not in text and "[/bold][red]x" in text)
    terminal.press("/")
    attacker.attack("filter of the conversations")
    terminal.press("esc", "esc")


def account(attacker: Attacker) -> None:
    terminal = attacker.terminal
    terminal.press("alt+8")
    terminal.until("Enter changes it")
    terminal.press("g", "enter")
    terminal.until("Your nickname")
    terminal.press("ctrl+u")
    attacker.attack("nickname")
    terminal.press("esc", "j", "enter")
    terminal.until("Change your e-mail")
    terminal.press("ctrl+u")
    attacker.form("e-mail", ("new one", True), ("password", False))
    terminal.press("esc", "j", "enter")
    terminal.until("Change your password")
    attacker.form("password", ("old", False), ("new", False), ("again", False))
    terminal.press("esc", "j", "enter")
    terminal.until("Set up a second factor")
    attacker.attack("password for the second factor", seen=False)
    terminal.press("esc")
    for place, question in ((4, "Language"), (5, "Theme"), (6, "Time zone")):
        terminal.press("g", *("j",) * place, "enter")
        terminal.until("type to search")
        attacker.attack(question)
        terminal.press("esc")
    ssh_keys(attacker)


PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0uFVJHZ2ywmAJC6T1rBvkpG0n7Q0tRP3S4zzVqcsLk"


def ssh_keys(attacker: Attacker) -> None:
    terminal = attacker.terminal
    terminal.press("right", "right")
    terminal.until("No SSH key yet.")
    terminal.press("n")
    terminal.until("Add an SSH public key")
    attacker.form("SSH key", ("key", True), ("name", True))
    terminal.press("shift+tab", "shift+tab")
    terminal.paste(f"{PUBLIC_KEY} {hostile.PASTES['attacks']}{hostile.PASTES['wide']}")
    terminal.press("ctrl+s")
    terminal.until("SSH keys 1")
    terminal.press("r")
    terminal.until("Enter continue")
    terminal.press("ctrl+u")
    attacker.attack("name of the SSH key")
    terminal.press("esc", "d")
    terminal.until("Remove the SSH key")
    attacker.judge.check("SSH key")
    terminal.press("esc", "ctrl+g", "s")
    terminal.until("Changes take effect at once")
    for _choice in range(5):
        for text in hostile.PASTES.values():
            terminal.paste(text)
        terminal.press("down")
    palette(attacker, "settings")


def signing_in(attacker: Attacker) -> None:
    """Out, through sign-in and registration, and in again with all keys at once, as password managers type them."""
    terminal = attacker.terminal
    terminal.press("ctrl+p")
    terminal.until("All commands")
    terminal.press("sign out", "enter")
    terminal.until("Sign in with your e-mail or nickname")
    attacker.form("sign-in", ("email", True), ("password", False))
    terminal.press("shift+tab", "shift+tab")
    terminal.paste(hostile.PASTES["attacks"])
    terminal.press("tab", "wrong", "ctrl+s")
    terminal.until("Ctrl+S")
    terminal.press("ctrl+n")
    terminal.until("Make an account of your own.")
    attacker.form("registration", ("email", True), ("nickname", True), ("password", False), ("repeat", False))
    terminal.press("esc")
    terminal.until("Sign in with your e-mail or nickname")
    terminal.write(f"{EMAIL}\t{PASSWORD}\t\x13")
    terminal.until("Good to see you, ann.")


# Everything from outside -------------------------------------------------------------------------------------------------------

#: What is put into the database behind the program's back, so that no check on the way in helps: what is drawn has to be clean.
POISON = {
    "users": ("nickname", "last_sign_in_from"),
    "conversations": ("title", "model", "system_prompt"),
    "messages": ("model", "currency"),
    "message_parts": ("content",),
    "drafts": ("content",),
    "configuration_versions": ("system_prompt",),
    "configurations": ("note",),
    "provider_models": ("display_name", "parameters", "currency"),
    "sessions": ("address",),
    "ssh_keys": ("name", "kind", "fingerprint"),
    "allowed_addresses": ("address",),
}
OTHER = "bob@example.org"


async def hostile_world(services: Services, principal: Principal, provider: str, simulated: dict[str, str]) -> None:
    """Configurations on everything that is hostile, a conversation with an answer, a key, an address, and a second account."""
    configurations, chat, accounts = services.configurations, services.chat, services.accounts
    for model in ("says", "refuses", "breaks"):
        await configurations.create(principal, ConfigurationDraft(model, "openai-compatible", model, provider, key="sk-hostile"))
    for preset, endpoint in simulated.items():
        await configurations.create(principal, ConfigurationDraft(f"sim {preset}", preset, "sim-hostile@0", endpoint, key="sk-test"))
    await configurations.ensure_starter(principal)
    sent = await chat.send(principal, None, "An honest question")
    async for _update in chat.watch(principal, sent.answer_id):
        pass
    await chat.save_draft(principal, sent.conversation_id, "An honest draft")
    await accounts.add_ssh_key(principal, PUBLIC_KEY)
    await services.providers.allow(principal, "127.0.0.1:8000")
    await services.providers.refresh_models(principal, "openai-compatible", endpoint=provider, key="sk-hostile")
    await accounts.sign_in(EMAIL, PASSWORD, origin=Origin("ssh", "192.0.2.1"))
    await accounts.add_user(principal, OTHER, "bob", PASSWORD)
    await accounts.set_password(principal, OTHER, PASSWORD + " 2", must_change=True)


def poison(data: Path) -> None:
    """Put everything hostile into every text of the database that is shown."""
    text = hostile.OUTSIDE.replace("\ud83d", "")
    with closing(sqlite3.connect(data / DATABASE_FILE)) as database, database:
        for table, columns in POISON.items():
            for column in columns:
                changed = database.execute(f"UPDATE {table} SET {column} = ?", (text,)).rowcount
                assert changed, f"nothing in {table}"
    kept = {"language": text, "theme": text, "email": text + "\ud83d", "ascii": False}
    (data / "interface.json").write_text(json.dumps(kept), encoding="utf-8")


def test_nothing_from_outside_gets_through(tmp_path: Path, simulator: dict[str, Any]) -> None:
    urls = simulator["base_urls"]
    simulated = {"openai-compatible": urls["openai"], "ollama": urls["ollama"], "anthropic": urls["anthropic"]}
    # Where the data lies is shown, too.
    data = tmp_path / f"data{hostile.MARKUP.replace('/', '')}\x1b]0;owned\x07\x1b[31m{hostile.BIDI}"
    with hostile_provider() as provider:
        prepared(data, partial(hostile_world, provider=provider, simulated=simulated))
        poison(data)
        with attacked(data) as attacker:
            stored(attacker)
            hostile_models(attacker)
            answers(attacker)
            copies(attacker)
            new_password(attacker)


def stored(attacker: Attacker) -> None:
    """Every screen with what the database holds."""
    terminal, judge = attacker.terminal, attacker.judge
    terminal.until("Good to see you")
    for keys, seen in (
        (("ctrl+p",), "All commands"),
        (("esc", "f1"), "Help: Home"),
        (("esc", "alt+1"), "Chat ›"),
        (("ctrl+t",), "System prompt"),
        (("esc", "ctrl+o"), "Which model answers"),
        (("esc", "esc", "r"), "Rename the conversation"),
        (("esc", "d"), "Delete “"),
        (("esc", "f1"), "Help: Chat"),
        (("esc", "alt+8"), "Enter changes it"),
        (("right",), "Last seen"),
        (("right",), "Last used"),
        (("d",), "Remove the SSH key"),
        (("esc", "ctrl+g"), "Go to"),
        (("s",), "Changes take effect"),
    ):
        terminal.press(*keys)
        terminal.until(seen)
        judge.check(f"stored: {seen}")


def hostile_models(attacker: Attacker) -> None:
    """The models area: what a provider lists, what it says when it refuses, what is stored of configurations."""
    terminal, judge = attacker.terminal, attacker.judge
    terminal.press("alt+6")
    terminal.until("sim anthropic")
    terminal.press("/", "says", "enter")
    terminal.until("Configurations 1")
    terminal.press("t")
    terminal.until("The model answers.")
    judge.check("a test")
    terminal.press("e")
    terminal.until("Template")
    terminal.press("ctrl+r")
    terminal.until("Choose a model")
    terminal.until("hostile-1")
    terminal.press("hostile-0")
    terminal.until(lambda text: "hostile-1" not in text and "hostile-2" not in text)
    terminal.press("enter")
    terminal.until(lambda text: "Choose a model" not in text)
    judge.check("a list of models")
    terminal.press("ctrl+y")
    terminal.until("Your password, to show the key")
    attacker.attack("password for the key", seen=False)
    terminal.press("wrong", "enter")
    terminal.until("Code: ")
    terminal.press("ctrl+e")
    terminal.until("take it")
    judge.check("a stored system prompt")
    terminal.press("esc", "esc")
    terminal.until("Save the changes?")
    terminal.press("d")
    terminal.press("esc", "/", "refuses", "enter")
    terminal.until("Configurations 1")
    terminal.press("t")
    terminal.until("It said: refused")
    judge.check("a refusal")
    terminal.press("esc", "d")
    terminal.until("Delete the configuration")
    terminal.press("esc")


def answers(attacker: Attacker) -> None:
    """Answers, reasoning, titles and errors on every format, opened and closed."""
    terminal, judge = attacker.terminal, attacker.judge
    terminal.press("alt+1")
    terminal.until("Chat ›")
    for name in ("says", "refuses", "breaks", "sim openai-compatible", "sim ollama", "sim anthropic"):
        terminal.press("ctrl+n")
        terminal.until("Write your question below")
        terminal.press("ctrl+o")
        terminal.until("Which model answers")
        terminal.press(name, "enter")
        terminal.until(lambda text: "Which model" not in text)
        terminal.paste(f"Attack {hostile.PASTES['attacks']}")
        terminal.press("enter")
        terminal.until("Ctrl+R retry")
        terminal.press("esc", "t", "f", "T", "i")
        judge.check(f"an answer of {name}")
    terminal.press("ctrl+r")
    terminal.until("Ctrl+R retry")
    judge.check("a second answer")


def copies(attacker: Attacker) -> None:
    """A copy is the one sequence that carries what a model said: it is clean, too."""
    terminal, judge = attacker.terminal, attacker.judge
    terminal.press("esc", "y")
    terminal.until("clipboard")
    judge.check("a copy")
    (copied,) = judge.copies
    assert "text that attacks a terminal" in copied
    assert not attacks(copied)
    judge.copies.clear()


def new_password(attacker: Attacker) -> None:
    """Somebody else signs in, whose password an administrator set."""
    terminal = attacker.terminal
    terminal.press("ctrl+p")
    terminal.until("All commands")
    terminal.press("sign out", "enter")
    terminal.until("Sign in with your e-mail or nickname")
    terminal.write(f"{OTHER}\t{PASSWORD} 2\t\x13")
    terminal.until("Choose a password of your own.")
    attacker.form("new password", ("old", False), ("new", False), ("repeat", False))
