"""Every fault of the simulator in the chat: what came stays in sight, cause, remedy and keys stand under it, and Ctrl+R asks again.

The three wire formats are told apart below the screen: tests/contract and tests/acceptance/test_provider_faults.py.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.models.types import ConfigurationDraft
from core.settings import ChatSettings, Settings
from tests.acceptance.faults import FAULTS, FLOODS, Fault
from tests.tui.test_chat_screen import answered, ask, chatting, screen
from tests.tui.widget_host import lines_of
from tests.tui.world import World
from tui.errors import describe

FIRST = "openai-compatible"  # the simulator inside the program is asked in the same format


async def choose(seen: World, model: str) -> None:
    """A new conversation in which `model` answers."""
    principal, services = seen.app.context.principal, seen.services
    draft = ConfigurationDraft(name=model, provider_id="simulator", model=model, timeout_s=2.0)
    made = await services.configurations.create(principal, draft)
    await services.configurations.set_default(principal, made.id)
    await seen.press("ctrl+n")
    await seen.until(f"A new conversation with {model}.")


def transcript(seen: World) -> str:
    """The conversation as one line, without its scroll bar."""
    return words("\n".join(line.rstrip(" ▐") for line in lines_of(screen(seen).transcript)))


def words(text: str) -> str:
    return " ".join(text.replace("\u00a0", " ").split())


async def seen_as(seen: World, fault: Fault) -> None:
    answer = screen(seen).opened.last_answer
    assert answer is not None
    assert answer.state == {3: "truncated", 4: "failed"}[fault.status], fault
    assert bool(answer.content) is fault.came, fault
    await seen.until("Ctrl+R\u00a0retry")
    shown = transcript(seen)
    if answer.error is not None:
        assert answer.error.code == fault.code
        problem = describe(answer.error)
        assert problem.title in shown and problem.remedy in shown, shown
    else:
        assert "Cut off: the limit of tokens" in shown or "content filter ended this answer" in shown, shown
    assert words(answer.content[-40:]) in shown, "what came is still to be read"
    assert ("Alt+C continue" in shown) is answer.can_continue


async def test_every_fault_is_explained_and_ctrl_r_mends_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.llm.wire._PAUSES_S", (0.0, 0.0))
    async with chatting(replace(settings, chat=ChatSettings(model_titles=False))) as seen:
        for fault in (fault for fault in FAULTS if FIRST in fault.only):
            question = f"fault {fault.model}"
            await choose(seen, f"sim-{'flaky-' if fault.again else ''}{fault.model}@0x50")
            screen(seen).composer.load(question)
            await ask(seen, "")
            await answered(seen)
            await seen_as(seen, fault)
            failed = screen(seen).opened.last_answer
            assert failed is not None and question in seen.text
            if fault.again:
                await seen.press("ctrl+r")
                await seen.until(lambda before=failed: screen(seen).opened.last_answer not in (None, before))  # type: ignore[misc]
                await answered(seen)
                again = screen(seen).opened.last_answer
                assert again is not None and (again.state, again.parent_id) == ("complete", failed.parent_id), fault
                await seen.until(lambda: "✗" not in seen.text)
            assert seen.fits()


async def test_a_flood_is_shown_up_to_its_limit(settings: Settings) -> None:
    limited = replace(settings, chat=ChatSettings(model_titles=False, answer_limit_bytes=200_000))
    async with chatting(limited) as seen:
        for model in FLOODS:
            await choose(seen, f"sim-{model}-1@0")
            await ask(seen, f"a {model}")
            await answered(seen)
            await seen.until("The answer is too large.")
            assert seen.fits()
            await seen.type("still here")
            await seen.until("> still here")
