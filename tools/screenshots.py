"""Make the pictures of docs/: `python tools/screenshots.py [--only NAME ...] [--look 120-dark-en ...] [--part compare]`.

The program runs in a pseudo-terminal on the installation of tools/demo.py, is driven by keys, and what the terminal shows is drawn
into docs/pictures/NAME-WIDTH-THEME-LANGUAGE.png. Every screen is drawn in two looks, a few in all eight (LOOKS). The pictures of
training (walk_training.py) are of real runs and need the training environment (make training-env); those of comparing and of batches
(walk_compare.py) have weeks of verdicts in them (demo_votes.py).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from demo import EMAIL, EMAIL_OF_NEW, HALTS, PASSWORD, TEXTS, make  # noqa: E402
from demo_runs import add_environment, add_runs  # noqa: E402
from demo_votes import add_votes  # noqa: E402
from draw import draw  # noqa: E402
from walk_compare import COMPARING, side_by_side  # noqa: E402
from walk_training import TRAINING  # noqa: E402

from core.auth.principal import operator  # noqa: E402
from core.bootstrap import build_services  # noqa: E402
from core.settings import load_settings  # noqa: E402
from tests.terminal import Terminal  # noqa: E402
from tui.i18n import Locale  # noqa: E402
from tui.themes import THEMES  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
#: What the pictures show as the data folder: no folder of the machine that they are made on.
FOLDER = Path("/tmp/modeltrain-demo")
LANGUAGES = {"en": "en", "zh": "zh_CN"}
SIZES = {"80": (80, 24), "120": (120, 40)}
COLOURS = {"dark": "night", "light": "day"}


@dataclass(frozen=True)
class Look:
    """A size, a theme and a language."""

    size: str
    theme: str
    language: str

    def __str__(self) -> str:
        return f"{self.size}-{self.theme}-{self.language}"

    @property
    def narrow(self) -> bool:
        return self.size == "80"


ALL_LOOKS = tuple(Look(size, theme, language) for size in SIZES for theme in COLOURS for language in LANGUAGES)
#: Every screen is drawn in these; those of EVERYWHERE in all.
LOOKS = (Look("120", "dark", "en"), Look("80", "light", "zh"))
EVERYWHERE = ("chat", "home", "models", "configuration", "compare")


class Visit:
    """A person at the terminal."""

    def __init__(self, terminal: Terminal, look: Look, wanted: Callable[[str], bool]) -> None:
        self.terminal, self.look, self.wanted = terminal, look, wanted
        self.texts = TEXTS[LANGUAGES[look.language]]
        self.say = Locale(LANGUAGES[look.language]).gettext

    def press(self, *keys: str) -> None:
        self.terminal.press(*keys)

    def write(self, text: str) -> None:
        self.terminal.write(text)
        self.terminal.until_quiet()

    def see(self, message: str) -> None:
        """Wait for `message` (or for its beginning, where it has placeholders) in the language of the picture."""
        self.terminal.until(self.say(message).split("{")[0].strip() or message)

    def go(self, letter: str) -> None:
        """To an area by its letter, from anywhere."""
        self.press("esc")
        self.terminal.until_quiet()  # Esc may have led to another screen, which is not yet there to take the next key
        self.press("ctrl+g")
        self.see("Go to")
        self.press(letter)
        self.terminal.until_quiet()

    def open(self, name: str) -> None:
        """Open the conversation of the demo called `name`."""
        self.go("h")
        self.press("ctrl+p")
        self.see("All commands")
        self.write(self.texts.titles[name])
        self.press("enter")
        self.terminal.until_quiet()

    def shoot(self, name: str) -> None:
        """Draw the screen, once nothing changes any more."""
        if not self.wanted(name):
            return
        self.terminal.until_quiet(0.5)
        tokens = THEMES[COLOURS[self.look.theme]]
        path = PICTURES / f"{name}-{self.look}.png"
        draw(self.terminal.screen, path, foreground=tokens.text, background=tokens.ground)
        print(path.relative_to(ROOT))


# Before the sign-in ------------------------------------------------------------------------------------------------------


def wizard(visit: Visit) -> None:
    visit.see("E-mail")
    for value in (EMAIL, visit.texts.nickname, PASSWORD):
        visit.write(value)
        visit.press("tab")
    visit.shoot("wizard")


def entrance(visit: Visit) -> None:
    visit.see("E-mail or nickname")
    visit.write(EMAIL)
    visit.press("tab")
    visit.write("a wrong password")
    visit.press("ctrl+s")
    visit.see("The name or the password is wrong.")
    visit.shoot("sign-in")
    visit.press("ctrl+n")
    visit.see("Make an account of your own.")
    for value in (EMAIL, "Carla", "staple"):
        visit.write(value)
        visit.press("tab")
    visit.shoot("registration")
    visit.press("esc")
    visit.see("Sign in with your e-mail or nickname, and your password.")
    sign_in(visit, EMAIL_OF_NEW)
    visit.see("Choose a password of your own.")
    visit.shoot("new-password")


def sign_in(visit: Visit, email: str = EMAIL) -> None:
    visit.see("Sign in with your e-mail or nickname, and your password.")
    visit.write(email)
    visit.press("tab")
    visit.write(PASSWORD)
    visit.press("ctrl+s")


# Signed in ---------------------------------------------------------------------------------------------------------------


def home(visit: Visit) -> None:
    sign_in(visit)
    visit.see("Areas")
    visit.terminal.until(visit.texts.titles["loss"])
    visit.shoot("home")
    visit.press("ctrl+g")
    visit.see("Go to")
    visit.shoot("areas")
    visit.press("esc")
    visit.press("ctrl+p")
    visit.see("All commands")
    visit.shoot("palette")
    visit.press("esc")


def conversation(visit: Visit) -> None:
    visit.open("loss")
    visit.write(visit.texts.draft)
    visit.shoot("chat")
    visit.press("esc", "k", "k", "t", "g")
    visit.shoot("chat-reasoning")
    visit.press("f1")
    visit.see("Help: {screen}")
    visit.shoot("help")
    visit.press("esc")
    visit.open("code")
    visit.press("esc", "g")
    visit.shoot("chat-code")
    visit.open("failed")
    visit.shoot("chat-failed")
    visit.open("cut")
    visit.shoot("chat-cut")


def around_the_conversation(visit: Visit) -> None:
    visit.press("ctrl+n")
    visit.shoot("chat-empty")
    visit.press("ctrl+o")
    visit.see("Which model answers from now on?")
    visit.shoot("model-picker")
    visit.press("esc", "ctrl+t")
    visit.see("System prompt")
    visit.write(visit.texts.system_prompt)
    visit.shoot("system-prompt")
    visit.press("esc")
    visit.open("sql")
    # Where there is room the list is in sight already: hiding it and showing it again puts the cursor into it.
    visit.press(*["ctrl+b"] * (1 if visit.look.narrow else 2), "down", "space", "space")
    visit.shoot("chat-list")
    visit.press("d")
    visit.see("yes")
    visit.shoot("confirmation")
    visit.press("esc", "D")
    visit.see("Conversations stay here for {days} days, then they are deleted for good.")
    visit.shoot("trash")
    visit.press("esc")


# Models, account, settings -----------------------------------------------------------------------------------------------


def models(visit: Visit) -> None:
    visit.go("m")
    visit.see("Configurations")
    visit.shoot("models")
    visit.press("g", "j", "j", "t")
    visit.terminal.until("✗")
    visit.shoot("models-test")
    visit.press("g", "j", "e")
    visit.see("Endpoint")
    visit.shoot("configuration")
    visit.press("ctrl+o")
    visit.shoot("configuration-advanced")
    visit.press("ctrl+o", "esc")


def making_a_configuration(visit: Visit) -> None:
    visit.press("n")
    visit.see("Endpoint")
    visit.write("expired key")
    visit.press(*["tab"] * 4)
    visit.press("ctrl+r")
    visit.see("Choose a model")
    visit.shoot("choose-model")
    visit.write("sim-chat")
    visit.press("enter")
    visit.terminal.until_quiet()
    visit.press("ctrl+t")
    visit.see("The model answers.")
    visit.shoot("configuration-test")
    visit.press("esc")
    visit.see("Save the changes?")
    visit.shoot("save-changes")
    visit.press("d")


def providers(visit: Visit) -> None:
    visit.go("m")
    visit.press("right")
    visit.shoot("providers")
    visit.press("j", "j", "j", "a")
    visit.see("Allowed addresses")
    visit.shoot("allowed-addresses")
    visit.press("esc", "g", "enter")
    visit.terminal.until("sim-echo")
    visit.shoot("provider")
    visit.press("esc")
    visit.terminal.until_quiet()
    visit.press("left")


def account(visit: Visit) -> None:
    visit.go("a")
    visit.see("Profile")
    visit.shoot("account")
    visit.press("right")
    visit.shoot("account-sessions")
    visit.press("right")
    visit.shoot("account-keys")
    visit.press("n")
    visit.see("Add an SSH public key")
    visit.shoot("account-add-key")
    visit.press("esc", "left", "left", "g", "j", "j", "enter")
    visit.see("Change your password")
    for value in (PASSWORD, "tr0mbone and 3 horses"):
        visit.write(value)
        visit.press("tab")
    visit.shoot("account-password")
    visit.press("esc")
    visit.press("g", "j", "j", "j", "enter")
    visit.see("Set up a second factor")
    visit.write(PASSWORD)
    visit.press("enter")
    visit.see("A second factor for your sign-in")
    visit.shoot("account-second-factor")
    visit.press("esc")
    visit.go("s")
    visit.see("Language")
    visit.shoot("settings")


def answering(visit: Visit) -> None:
    """An answer that is being written, and the question whether to leave meanwhile."""
    visit.go("c")
    visit.press("ctrl+n", "ctrl+o")
    visit.see("Which model answers from now on?")
    visit.write(HALTS)
    visit.press("enter")
    visit.write(visit.texts.talks[-1].turns[0][1])
    visit.press("enter")
    visit.see("Esc stops the answer")
    visit.terminal.pump(2)
    visit.shoot("chat-answering")
    visit.press("ctrl+q")
    visit.see("An answer is still being written. Leave all the same?")
    visit.shoot("leave")
    visit.press("enter")


# Running -----------------------------------------------------------------------------------------------------------------

Step = Callable[[Visit], None]
BEFORE = (entrance,)
#: What the pictures of EVERYWHERE need.
SHORT = (home, conversation, models)
AFTER = (home, conversation, around_the_conversation, models, making_a_configuration, providers, account, answering)


@contextmanager
def installation(look: Look, source: Path | None) -> Iterator[None]:
    """A copy of the installation `source` (None: a new one) with the look's theme and language."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    if source is not None:
        shutil.copytree(source, FOLDER, symlinks=True)
    else:
        FOLDER.mkdir(mode=0o700)
    language, theme = LANGUAGES[look.language], COLOURS[look.theme]
    (FOLDER / "interface.json").write_text(json.dumps({"language": language, "theme": theme, "ascii": False, "email": ""}))
    try:
        yield
    except BaseException:
        for log in FOLDER.glob("*.log"):
            print(log.read_text(encoding="utf-8"), file=sys.stderr)
        raise
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)


@contextmanager
def program(look: Look, source: Path | None, wanted: Callable[[str], bool]) -> Iterator[Visit]:
    """The program on a copy of the installation `source`."""
    width, height = SIZES[look.size]
    command = [sys.executable, "-m", "tui.cli", "--data", FOLDER]
    with installation(look, source), Terminal(command, width=width, height=height, environment={"TZ": "UTC"}) as terminal:
        yield Visit(terminal, look, wanted)


@contextmanager
def shell(look: Look, prompt: str, aliases: str, wanted: Callable[[str], bool]) -> Iterator[Visit]:
    """A shell in which a person types. `aliases`: what stands for the commands of a real machine."""
    width, height = SIZES[look.size]
    environment = {"TZ": "UTC", "LANG": f"{LANGUAGES[look.language]}.UTF-8", "PS1": f"{prompt} $ ", "COLORTERM": ""}
    with Terminal(["bash", "--norc", "--noprofile"], width=width, height=height, environment=environment) as terminal:
        terminal.write(f"unset HISTFILE; shopt -s expand_aliases; {aliases}; clear\r")
        terminal.until_quiet()
        yield Visit(terminal, look, wanted)


def served(look: Look, source: Path, wanted: Callable[[str], bool]) -> None:
    """The server as it starts, and a person who signs in with OpenSSH's client."""
    modeltrain = f'modeltrain() {{ {sys.executable} -m tui.cli --data {FOLDER} "$@" 2>/dev/null; }}'
    with tempfile.TemporaryDirectory() as keys, installation(look, source), shell(look, "gpu-server", modeltrain, wanted) as desk:
        asyncio.run(prefer(look))
        desk.write("modeltrain serve\r")
        desk.see("Ctrl+C stops it.")
        desk.shoot("serve")
        config = Path(keys) / "config"
        config.write_text(
            f"Host gpu-server\n HostName 127.0.0.1\n Port 8022\n UserKnownHostsFile {keys}/known_hosts\n GlobalKnownHostsFile none\n"
            " PreferredAuthentications password\n HostKeyAlias gpu-server\n SendEnv LANG\n"
        )
        with shell(look, "laptop", f"alias ssh='ssh -F {config}'", wanted) as visit:
            over_ssh(visit)
        desk.press("ctrl+c")
        desk.terminal.until_quiet()


async def prefer(look: Look) -> None:
    """The account of the pictures prefers this theme and language: over SSH nothing is known before the sign-in."""
    services = await build_services(load_settings(FOLDER, {}))
    try:
        ann = await services.accounts.principal_for(operator("pictures"), EMAIL)
        await services.accounts.update_profile(ann, theme=COLOURS[look.theme], language=LANGUAGES[look.language])
    finally:
        await services.close()


def over_ssh(visit: Visit) -> None:
    visit.write(f"ssh {EMAIL}@gpu-server\r")
    visit.terminal.until("(yes/no")
    visit.write("yes\r")
    visit.terminal.until("password:")
    visit.shoot("ssh-sign-in")
    visit.write(f"{PASSWORD}\r")
    visit.see("Areas")
    visit.terminal.until(visit.texts.titles["loss"])
    visit.shoot("ssh-home")
    visit.open("loss")
    visit.shoot("ssh-chat")
    visit.press("esc", "S")
    visit.terminal.until_quiet()
    visit.shoot("share")
    visit.press("esc", "ctrl+q")
    visit.terminal.until("laptop $")
    visit.write(f"clear; ssh {EMAIL}@gpu-server conversation list\r")
    visit.terminal.until("password:")
    visit.write(f"{PASSWORD}\r")
    visit.terminal.until(visit.texts.titles["sql"])
    visit.shoot("ssh-command")


def train(source: Path, look: Look, trained: Path) -> None:
    """Make the installation `trained`: that of `source` with runs in it. It is made where it is shown, because runs name their folders."""

    async def work() -> None:
        services = await build_services(load_settings(FOLDER, {}))
        try:
            ann = await services.accounts.principal_for(operator("pictures"), EMAIL)
            await add_runs(services, ann, LANGUAGES[look.language], add_environment(FOLDER))
        finally:
            await services.close()

    with installation(look, source):
        asyncio.run(work())
        shutil.copytree(FOLDER, trained, symlinks=True)


def visit_all(look: Look, source: Path, wanted: Callable[[str], bool]) -> None:
    """All the pictures of one look, but those of training."""
    walks: tuple[tuple[Path | None, tuple[Step, ...]], ...] = ((None, (wizard,)), (source, BEFORE), (source, AFTER))
    if look not in LOOKS:
        walks = ((source, SHORT),)
    for source_or_none, steps in walks:
        with program(look, source_or_none, wanted) as visit:
            for step in steps:
                step(visit)
    if look in LOOKS:
        served(look, source, wanted)


def visit_training(look: Look, source: Path, wanted: Callable[[str], bool]) -> None:
    with program(look, source, wanted) as visit:
        sign_in(visit)
        visit.see("Areas")
        visit.terminal.until(visit.texts.titles["loss"])
        for step in TRAINING:
            step(visit)


def visit_compare(look: Look, source: Path, wanted: Callable[[str], bool]) -> None:
    with program(look, source, wanted) as visit:
        sign_in(visit)
        visit.see("Areas")
        visit.terminal.until(visit.texts.titles["loss"])
        for step in COMPARING if look in LOOKS else (side_by_side,):
            step(visit)


def wants(look: Look, only: list[str], name: str) -> bool:
    return (look in LOOKS or name in EVERYWHERE) and (not only or name in only)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], help="names of pictures")
    parser.add_argument("--look", nargs="*", default=[str(look) for look in ALL_LOOKS], help="such as 120-dark-en")
    parser.add_argument(
        "--part", choices=("all", "training", "compare", "others"), default="all", help="training: data, runs, results, SwanLab"
    )
    arguments = parser.parse_args()
    looks = [look for look in ALL_LOOKS if str(look) in arguments.look]
    with tempfile.TemporaryDirectory() as temporary:
        for short in sorted({look.language for look in looks}):
            asyncio.run(make(load_settings(Path(temporary) / short, {}), LANGUAGES[short], hurry=arguments.part == "training"))
        for look in looks if arguments.part in ("all", "others") else []:
            visit_all(look, Path(temporary) / look.language, partial(wants, look, arguments.only))
        for look in looks if arguments.part in ("all", "compare") else []:
            compared = Path(temporary) / f"{look.language}-compared"
            if not compared.exists():
                shutil.copytree(Path(temporary) / look.language, compared, symlinks=True)
                asyncio.run(add_votes(load_settings(compared, {}), LANGUAGES[look.language]))
            visit_compare(look, compared, partial(wants, look, arguments.only))
        for look in (look for look in looks if look in LOOKS and arguments.part in ("all", "training")):
            trained = Path(temporary) / f"{look.language}-trained"
            train(Path(temporary) / look.language, look, trained)
            visit_training(look, trained, partial(wants, look, arguments.only))
    return 0


if __name__ == "__main__":
    sys.exit(main())
