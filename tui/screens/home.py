"""Home: where one was, what to do next, the way to every area."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

import core
from core.chat.types import Page
from core.events import ConfigurationsChanged, ConversationChanged, DatasetsChanged, Event
from core.sanitise import one_line
from tui import moments
from tui.areas import AREAS, HOME
from tui.glyphs import glyphs
from tui.i18n import N_, _, ngettext
from tui.screens.base import AreaScreen, ScreenCommand
from tui.screens.data.next_step import next_step
from tui.widgets.frame import Paragraphs, Rule
from tui.widgets.rows import Column, Row, Rows

if TYPE_CHECKING:
    from core.chat.types import ConversationSummary
    from core.models.types import Configuration
    from core.training.types import Run
    from tui.glyphs import Glyphs

_RECENT = 8


class HomeScreen(AreaScreen):
    """One list: the last conversations first, then the areas."""

    AREA = N_("Home")
    HELP = N_(
        "Home shows where you were and what can be done next. Enter opens the line in hand: a conversation goes on where it was, an area "
        "opens.\n\n"
        "From everywhere, Ctrl+G and a letter (or Alt and a digit) leads to another area, and Ctrl+P finds every action by its name."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", N_("new conversation"), id="home.new", tooltip=N_("Ask a model something new")),
        *(
            Binding(area.letter, f"app.go({area.name!r})", area.title, id=f"home.go.{area.name}", show=True, tooltip=area.about)
            for area in AREAS.values()
            if area.name != HOME
        ),
    ]

    def compose_body(self) -> Iterable[Any]:
        yield Paragraphs(id="home-greeting")
        yield Rule(id="home-runs-rule")
        yield Rows(
            (Column("state", "", 12), Column("name", N_("Run"), 24, grow=True), Column("progress", N_("Steps"), 20)),
            header=False,
            linked=True,
            id="home-runs",
        )
        yield Rule(id="home-recent-rule")
        yield Rows(
            (
                Column("title", N_("Conversation"), 30, grow=True),
                Column("model", N_("Model"), 24),
                Column("when", N_("Used"), 8, right=True),
            ),
            header=False,
            linked=True,
            id="home-recent",
        )
        yield Rule(id="home-areas-rule")
        yield Rows(
            (Column("letter", "", 2), Column("title", "", 12), Column("about", "", 30, grow=True), Column("key", "", 6, right=True)),
            header=False,
            linked=True,
            id="home-areas",
        )
        yield Paragraphs(id="home-foot")

    def on_mount(self) -> None:
        super().on_mount()
        self._page: Page | None = None
        self._unread = Page((), 0)
        self._greeted = False
        self._training = ""
        self._runs: tuple[Run, ...] = ()
        self._configurations: tuple[Configuration, ...] = ()
        self._draw()
        self.query_one("#home-areas").focus()
        self.start(self._load, group="load")

    def on_screen_resume(self) -> None:
        self.start(self._load, group="load")

    def core_event(self, event: Event) -> None:
        if isinstance(event, ConversationChanged) and event.shared:
            return
        if isinstance(event, ConversationChanged | ConfigurationsChanged | DatasetsChanged) and self.is_current:
            self.start(self._load, group="load")

    async def _load(self) -> None:
        if not self.context.signed_in:
            return
        self._page = await self.services.chat.conversations(self.principal, limit=_RECENT)
        self._unread = await self.services.chat.unread(self.principal, limit=_RECENT)
        self._configurations = await self.services.configurations.list(self.principal)
        self._training = await next_step(self.services, self.principal)
        if not self._greeted and self._page.items:
            self.query_one("#home-recent").focus()
        self._greeted = True
        self._draw()

    def retranslate(self) -> None:
        super().retranslate()
        self._draw()
        self.start(self._load, group="load")

    # Drawing ---------------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        if not self.context.signed_in:
            return
        greeting = [(_("Good to see you, {name}.").format(name=one_line(self.principal.nickname)), "bold")]
        below = (*self._last_sign_in(), self._waiting(), self._next_step(), (self._training, "dim"))
        greeting += [(text, token) for text, token in below if text]
        self.query_one("#home-greeting", Paragraphs).show(*greeting)
        self._draw_runs()
        self._draw_recent()
        self._draw_areas()
        self.query_one("#home-foot", Paragraphs).show((self._versions(), "dim"))

    def _last_sign_in(self) -> list[tuple[str, str]]:
        signed_in = self.context.signed_in_as
        if signed_in is None or signed_in.previous_sign_in is None:
            return [(_("This is your first sign-in."), "dim")]
        where = one_line(signed_in.previous_address) or _("this machine")
        when = moments.full(signed_in.previous_sign_in, self.modeltrain.zone)
        lines = [(_("Last sign-in: {when}, from {place}.").format(when=when, place=where), "dim")]
        if signed_in.new_address:
            lines.append((_("You were never signed in from this address before. If that surprises you, change your password."), "warn"))
        return lines

    def _waiting(self) -> tuple[str, str]:
        """How many answers ended that were not read: since the last sign-in, or while one was in another area."""
        count = self._unread.total
        if not count:
            return "", ""
        if all(item.used_at < self.modeltrain.places.since for item in self._unread.items):
            text = ngettext("{count} answer was finished while you were away.", "{count} answers were finished while you were away.", count)
        else:
            text = ngettext("{count} answer is there that you have not read.", "{count} answers are there that you have not read.", count)
        return text.format(count=count), "accent"

    def _next_step(self) -> tuple[str, str]:
        if self._page is None:
            return "", ""
        if not any(configuration.enabled for configuration in self._configurations):
            return _("Next: press {key} and make a configuration, so that there is a model to ask.").format(key="m"), "accent"
        if not self._page.total:
            return _("Next: press {key} and ask a model something.").format(key="n"), "accent"
        if all(configuration.provider_id == "simulator" for configuration in self._configurations):
            return _("Next: press {key} and add a real model; so far there is only the simulator.").format(key="m"), "accent"
        return "", ""

    def runs_looked_at(self) -> None:
        self._draw_runs()

    def _draw_runs(self) -> None:
        """What is at work, and what ended since one looked: nothing else of the runs belongs here."""
        self._runs = self.modeltrain.runs_kept.in_sight
        rows, rule = self.query_one("#home-runs", Rows), self.query_one("#home-runs-rule", Rule)
        rows.display = rule.display = bool(self._runs)
        rule.text = ngettext("{count} run", "{count} runs", len(self._runs)).format(count=len(self._runs))
        signs = glyphs(self.app)
        rows.show([_run_row(run, signs) for run in self._runs])

    def _draw_recent(self) -> None:
        page, rule, rows = self._page, self.query_one("#home-recent-rule", Rule), self.query_one("#home-recent", Rows)
        if page is None:
            rule.text = _("Conversations")
            return
        rule.text = ngettext("{count} conversation", "{count} conversations", page.total).format(count=page.total)
        waiting = {item.id for item in self._unread.items}
        rest = [item for item in page.items if item.id not in waiting]
        rows.show(
            [self._recent_row(item) for item in (*self._unread.items, *rest)][: max(_RECENT, len(waiting))],
            empty=[(_("Nothing yet: press {key} to begin the first conversation.").format(key="n"), "dim")],
        )

    def _recent_row(self, item: ConversationSummary) -> Row:
        title, tokens = item.title or _("New conversation"), {"model": "dim", "when": "dim"}
        model = item.model
        if item.unread:
            signs, done = glyphs(self.app), item.unread == "complete"
            title, model = f"{signs.done if done else signs.failed} {title}", _("finished") if done else _("broke off")
            tokens = {"title": "accent", "model": "good" if done else "warn", "when": "dim"}
        return Row(item.id, {"title": title, "model": model, "when": self._when(item)}, tokens)

    def _when(self, item: ConversationSummary) -> str:
        return moments.short(item.used_at, self.services.clock.now(), self.modeltrain.zone)

    def _draw_areas(self) -> None:
        self.query_one("#home-areas-rule", Rule).text = _("Areas")
        areas = [area for area in AREAS.values() if area.name != HOME]
        rows = self.query_one("#home-areas", Rows)
        rows.show(
            [
                Row(
                    area.name,
                    {
                        "letter": area.letter,
                        "title": _(area.title),
                        "about": _(area.about),
                        "key": area.key,
                    },
                    {"letter": "accent", "about": "dim", "key": "dim"},
                )
                for area in areas
            ]
        )

    def _versions(self) -> str:
        if self.context.terminal.kind != "local":
            return f"modeltrain {core.__version__}"  # where the server keeps its data is nothing to its guests
        return _("modeltrain {version} · Python {python} · data in {folder}").format(
            version=core.__version__, python=platform.python_version(), folder=one_line(str(self.modeltrain.settings.data_dir))
        )

    # Doing -----------------------------------------------------------------------------------------------------------

    async def on_rows_chosen(self, event: Rows.Chosen) -> None:
        if event.rows.id == "home-areas":
            await self.modeltrain.action_go(event.row_id)
        elif event.rows.id == "home-runs":
            self._open_run(event.row_id)
        else:
            await self.modeltrain.open_conversation(event.row_id)

    def _open_run(self, run_id: str) -> None:
        from tui.screens.runs.opening import open_run

        for run in self._runs:
            if run.id == run_id:
                open_run(self.app, run)

    async def action_new(self) -> None:
        await self.modeltrain.open_conversation(None)

    def commands(self) -> Iterable[ScreenCommand]:
        for item in self._page.items if self._page is not None else ():
            title = one_line(item.title)
            if title:
                yield ScreenCommand(
                    title, partial(self.modeltrain.open_conversation, item.id), key=moments.short(item.used_at, self.services.clock.now())
                )


def _run_row(run: Run, signs: Glyphs) -> Row:
    from tui.screens.runs.lists import Figures, progress
    from tui.training_sentences import state

    word, token = state(run, signs)
    cells = {"state": word, "name": run.name, "progress": progress(run, Figures(), signs)}
    return Row(run.id, cells, {"state": token, "progress": "dim"})
