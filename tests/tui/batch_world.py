"""Batches against the real simulator for tests of screens: who is asked, what is asked, ways through the screens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from core.auth.principal import Principal
from core.batches.types import Batch, BatchDraft
from core.models.types import SIMULATOR, ConfigurationDraft
from core.questions.types import QuestionDraft
from core.settings import Settings
from tests.tui.world import World, signed_in
from tui.i18n import Locale
from tui.screens.compare.batches.pages import BatchPage
from tui.screens.compare.batches.screen import BatchesScreen
from tui.screens.compare.tabs import open_tab
from tui.widgets.rows import Rows

#: Name -> model. A question of the echo that is expected as it stands scores 1, another 0.
MODELS = {"Echo": "sim-echo@max", "Slow": "sim-echo@30", "Refusing": "sim-400"}
QUESTIONS = (
    QuestionDraft("42", expected="42", type="math"),
    QuestionDraft("The capital of France is Paris", expected="Paris", type="facts"),
    QuestionDraft("北京是中国的首都", expected="北京", type="facts"),
    QuestionDraft("blue", expected="green", type="facts"),
)


@dataclass
class Fair:
    """A signed-in application with what batches need."""

    seen: World
    principal: Principal
    configurations: dict[str, str]
    set_id: str

    async def batch(self, *names: str, start: bool = True, name: str = "Nightly", **more: object) -> Batch:
        """A batch over the questions, asked of the configurations of these names."""
        batches = self.seen.services.batches
        ids = tuple(self.configurations[each] for each in names)
        made = await batches.create(self.principal, BatchDraft(self.set_id, ids, name=name, **more))  # type: ignore[arg-type]
        return await batches.start(self.principal, made.id) if start else made

    async def finished(self, batch_id: str) -> Batch:
        """Wait until nothing goes on any more."""
        latest: Batch | None = None
        async for update in self.seen.services.batches.watch(self.principal, batch_id, 0.05):
            latest = update.batch
        assert latest is not None
        return latest

    async def list(self) -> None:
        """Show the list of batches."""
        await open_tab(self.seen.app, "batches")
        await self.seen.until(lambda: isinstance(self.seen.app.screen, BatchesScreen) and self.seen.app.screen._loaded)

    async def open(self, batch_id: str, *keys: str) -> BatchPage:
        """Open a batch from the list, then press `keys`."""
        await self.list()
        self.rows("#batches-rows").move_to(batch_id)
        await self.seen.press("enter")
        await self.seen.until(lambda: isinstance(self.seen.app.screen, BatchPage) and self.seen.app.screen.item is not None)
        for key in keys:
            before = self.seen.app.screen
            await self.seen.press(key)
            await self.seen.until(lambda: self.seen.app.screen is not before)  # noqa: B023 - awaited at once
            await self.seen.until(lambda: isinstance(self.seen.app.screen, BatchPage) and self.seen.app.screen.item is not None)
        assert isinstance(self.seen.app.screen, BatchPage)
        return self.seen.app.screen

    def rows(self, selector: str) -> Rows:
        return self.seen.app.screen.query_one(selector, Rows)


@asynccontextmanager
async def fair(
    settings: Settings, *, size: tuple[int, int] = (120, 40), locale: Locale | None = None, questions: tuple[QuestionDraft, ...] = QUESTIONS
) -> AsyncIterator[Fair]:
    """See the class."""
    async with signed_in(settings, size=size, locale=locale) as seen:
        principal, services = seen.app.context.principal, seen.services
        ids = {}
        for name, model in MODELS.items():
            ids[name] = (await services.configurations.create(principal, ConfigurationDraft(name, SIMULATOR, model))).id
        made = await services.questions.create(principal, "常识", questions)
        services.batches.begin_working()
        yield Fair(seen, principal, ids, made.id)
