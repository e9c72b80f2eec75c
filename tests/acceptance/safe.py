"""An installation with something to lose, what people read when it cannot be used, and that nothing was lost."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

from core.auth.principal import Principal, operator
from core.bootstrap import Services, build_services
from core.models.types import ConfigurationDraft
from core.settings import load_settings
from tests.acceptance.program import EMAIL, rows
from tests.terminal import Terminal

QUESTION = "What must not be lost?"


async def something_to_lose(services: Services, ann: Principal) -> str:
    """A conversation with a question and its answer; `echo` is asked by default. Returns its id."""
    for name, model in (("echo", "sim-echo@0"), ("slow", "sim-markdown@200x6000")):
        made = await services.configurations.create(ann, ConfigurationDraft(name=name, provider_id="simulator", model=model))
        if name == "echo":
            await services.configurations.set_default(ann, made.id)
    sent = await services.chat.send(ann, None, QUESTION)
    async for _update in services.chat.watch(ann, sent.answer_id):
        pass
    return sent.conversation_id


def copied(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    target.chmod(0o700)
    return target


def messages(data: Path, conversation: str) -> list[tuple[str, str, str]]:
    """(role, state, content) of ann's conversation, as a start of the program finds it. In this process, which takes no second."""

    async def read() -> list[tuple[str, str, str]]:
        services = await build_services(load_settings(data, {}))
        try:
            ann = await services.accounts.principal_for(operator("test"), EMAIL)
            view = await services.chat.open(ann, conversation)
            return [(message.role, message.state, message.content) for message in view.messages]
        finally:
            await services.close()

    return asyncio.run(read())


def nothing_lost(data: Path, conversation: str) -> None:
    """The conversation is as it was, and the file is sound."""
    asked, answered = messages(data, conversation)[:2]
    assert asked == ("user", "complete", QUESTION)
    assert answered[:2] == ("assistant", "complete") and QUESTION in answered[2]
    assert rows(data, "PRAGMA integrity_check") == [("ok",)]
    assert rows(data, "PRAGMA foreign_key_check") == []


def refused(status: int, text: str, says: str, remedy: str) -> None:
    """It ended with status 2, what is wrong and what to do, and without a secret or the inside of the program."""
    assert status == 2, text
    assert says in text and remedy in text, text
    assert "Traceback" not in text and "pa55word" not in text, text


def last_words(terminal: Terminal) -> str:
    """What stands on the person's own screen, once the application has given it back."""
    before, _, after = bytes(terminal.received).decode(errors="replace").rpartition("\x1b[?1049l")
    assert before, "the application had a screen of its own"
    for mode in ("1000", "1003", "1006", "2004", "1004"):
        assert before.rfind(f"\x1b[?{mode}h") <= (before + after).rfind(f"\x1b[?{mode}l"), f"mode {mode} is left on"
    assert (before + after).rfind("\x1b[?25h") > (before + after).rfind("\x1b[?25l"), "the cursor is hidden"
    return re.sub(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[=>]", "", after).replace("\r\n", "\n")
