"""Ctrl+P: every action of the screen and every screen, found by fuzzy search in all languages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.fuzzy import FuzzySearch
from textual.widget import Widget

from tui.areas import AREAS
from tui.i18n import LANGUAGES, N_, _, every_form
from tui.keys import key_name, usable_bindings
from tui.screens.base import Framed, ScreenCommand
from tui.screens.compare.tabs import TABS, open_tab
from tui.themes import THEMES
from tui.widgets.dialogs import Dialog
from tui.widgets.fields import Field
from tui.widgets.rows import Column, Row, Rows

if TYPE_CHECKING:
    from tui.app import ModeltrainApp

#: Better than this counts as found at all; FuzzySearch gives 0 for no match.
_NOTHING = 0.0


class Palette(Dialog[ScreenCommand | None]):
    """Returns the chosen command; whoever opened it runs it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "accept", N_("do it"), id="palette.accept", priority=True),
        Binding("down", "move(1)", N_("down"), show=False, priority=True),
        Binding("up", "move(-1)", N_("up a line"), show=False, priority=True),
        Binding("pagedown", "page(1)", N_("a page down"), show=False, priority=True),
        Binding("pageup", "page(-1)", N_("a page up"), show=False, priority=True),
    ]

    def __init__(self, commands: Iterable[ScreenCommand]) -> None:
        super().__init__(_("All commands"))
        self.offered = tuple(commands)

    def compose_answer(self) -> Iterable[Widget]:
        yield Field(id="dialog-field", hint=N_("type a part of what you want, in English or Chinese"))
        columns = (Column("label", "", 24, grow=True), Column("key", "", 10, right=True))
        yield Rows(columns, header=False, id="dialog-rows")

    def on_mount(self) -> None:
        self._narrow("")
        self.query_one("#dialog-field", Field).focus()

    def on_input_changed(self, event: Field.Changed) -> None:
        self._narrow(event.value)

    def _narrow(self, query: str) -> None:
        found = search(query, self.offered)
        rows = [
            Row(str(self.offered.index(command)), {"label": _capitalised(_(command.label)), "key": command.key}, {"key": "dim"})
            for command in found
        ]
        first = rows[0].id if rows else None
        self.query_one(Rows).show(rows, empty=[(_("Nothing matches."), "dim")], keep=first)

    def action_move(self, step: int) -> None:
        self.query_one(Rows).action_move(step)

    def action_page(self, direction: int) -> None:
        self.query_one(Rows).action_page(direction)

    def action_accept(self) -> None:
        chosen = self.query_one(Rows).current_id
        if chosen:
            self.dismiss(self.offered[int(chosen)])

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        self.dismiss(self.offered[int(event.row_id)])


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def search(query: str, commands: Iterable[ScreenCommand]) -> list[ScreenCommand]:
    """The commands that `query` matches in any language, the best first; all of them in order for a blank one."""
    query = query.strip()
    if not query:
        return list(commands)
    fuzzy = FuzzySearch(case_sensitive=False)
    scored = [
        (max((fuzzy.match(query, form)[0] for text in (command.label, command.help) for form in every_form(text)), default=0.0), command)
        for command in commands
    ]
    scored = [(score, command) for score, command in scored if score > _NOTHING]
    return [command for _score, command in sorted(scored, key=lambda pair: -pair[0])]


def commands_for(app: ModeltrainApp) -> list[ScreenCommand]:
    """What can be done on the screen in sight: its own first, then everywhere."""
    screen = app.screen
    found = [
        # The whole phrase of the help page, not the word of the key line.
        ScreenCommand(
            str(binding.tooltip or binding.description),
            partial(_run, app, binding.action, screen),
            binding.description,
            binding.key_display or key_name(binding.key),
        )
        for binding, where in usable_bindings(screen, hidden=True)
        if binding.id and where != "app" and not binding.action.startswith(("app.go", "app.help"))
    ]
    if isinstance(screen, Framed):
        found += screen.commands()
    if app.context.signed_in:
        found += [ScreenCommand(area.title, partial(app.action_go, area.name), area.about, area.key) for area in AREAS.values()]
        found += [ScreenCommand(tab.title, partial(open_tab, app, tab.name), tab.about, f"Ctrl+G {tab.letter}") for tab in TABS.values()]
        found.append(ScreenCommand(N_("SwanLab"), partial(_swanlab, app), N_("Experiments, archives, and dashboards in a browser")))
        found.append(ScreenCommand(N_("Sign out"), app.sign_out))
    found += [ScreenCommand(name, partial(_language, app, code)) for code, name in LANGUAGES.items()]
    found += [ScreenCommand(tokens.label, partial(_theme, app, name)) for name, tokens in THEMES.items()]
    found.append(ScreenCommand(N_("Leave modeltrain"), app.action_leave, key=key_name("ctrl+q")))
    return found


async def _run(app: ModeltrainApp, action: str, screen: Any) -> None:
    focused = screen.focused
    for node in (focused, screen) if focused is not None else (screen,):
        if await app.run_action(action, node):
            return


def _swanlab(app: ModeltrainApp) -> None:
    from tui.screens.swanlab.screen import SwanlabScreen

    if not isinstance(app.screen, SwanlabScreen):
        app.push_screen(SwanlabScreen())


async def _language(app: ModeltrainApp, code: str) -> None:
    app.switch_language(code)
    await app.remember(language=code)


async def _theme(app: ModeltrainApp, name: str) -> None:
    app.theme = name
    await app.remember(theme=name)


def open_palette(app: ModeltrainApp) -> None:
    """Show the palette and run what was chosen."""
    screen = app.screen

    async def chosen(command: ScreenCommand | None) -> None:
        if command is None:
            return
        reporting = screen.reporting if isinstance(screen, Framed) else None
        if reporting is None:
            await _call(command.run)
            return
        with reporting():
            await _call(command.run)

    app.push_screen(Palette(commands_for(app)), chosen)


async def _call(run: Callable[[], Any]) -> None:
    result = run()
    if hasattr(result, "__await__"):
        await result
