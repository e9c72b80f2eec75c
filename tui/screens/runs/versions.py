"""What a configuration was before: its versions, what changed from one to the next, and the way back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from core.sanitise import one_line
from core.training.configurations_types import TrainingConfiguration, TrainingDraft, TrainingVersion
from tui import moments
from tui.i18n import N_, _, ngettext
from tui.screens.base import AreaScreen
from tui.screens.runs.lists import moment
from tui.screens.runs.training_values import text_of
from tui.training_fields import label_words
from tui.widgets.dialogs import Confirm
from tui.widgets.frame import Rule
from tui.widgets.rows import Column, Row, Rows
from tui.widgets.sheet import Line, Sheet, wrapped

_COLUMNS = (Column("version", N_("Version"), 8), Column("when", N_("Saved"), 16), Column("what", N_("Changed"), 20, grow=True))


class VersionsScreen(AreaScreen):
    """Returns whether something was rolled back."""

    AREA = N_("Runs")
    HELP = N_("Every saved change made a version. Below is said what the one in hand changed. b makes it the one in force again.")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "back", N_("back to it"), id="versions.back", tooltip=N_("Save this version as the newest")),
        Binding("w", "whole", N_("against now"), id="versions.whole", tooltip=N_("Compare with the one in force, or with the one before")),
        Binding("y", "yaml", N_("YAML"), id="versions.yaml", tooltip=N_("The file of this version")),
        Binding("escape", "close", N_("back"), id="versions.close"),
    ]

    def __init__(self, item: TrainingConfiguration) -> None:
        super().__init__()
        self._item = item
        self._versions: tuple[TrainingVersion, ...] = ()
        self._against_now = False
        self._rolled = False

    def compose_body(self) -> Iterable[Any]:
        yield Rows(_COLUMNS, id="versions-rows")
        yield Rule(id="versions-rule")
        yield Sheet(id="versions-sheet")

    def on_mount(self) -> None:
        super().on_mount()
        self.set_opened(_("{name} · versions").format(name=self._item.name))
        self.rows.openable = False
        self.rows.focus()
        self.start(self._load, group="load")

    @property
    def rows(self) -> Rows:
        return self.query_one("#versions-rows", Rows)

    async def _load(self) -> None:
        self._versions = await self.services.training.versions(self.principal, self._item.id)
        self.rows.show([self._row(index, version) for index, version in enumerate(self._versions)])
        self._draw()

    def _row(self, index: int, version: TrainingVersion) -> Row:
        before = self._draft_before(index)
        if before is None:
            what = _("made")
        else:
            changed = self.services.training.differences(before, version.draft)
            what = ", ".join(label_words(difference.field) for difference in changed) or _("nothing")
        when = moments.full(moment(version.created_at), self.modeltrain.zone)
        cells = {"version": str(version.version), "when": when, "what": what}
        return Row(str(version.version), cells, {"when": "dim", "what": "dim" if index else "text"})

    def _draft_before(self, index: int) -> TrainingDraft | None:
        return self._versions[index + 1].draft if index + 1 < len(self._versions) else None

    @property
    def _in_hand(self) -> TrainingVersion | None:
        return next((version for version in self._versions if str(version.version) == self.rows.current_id), None)

    def on_rows_highlighted(self) -> None:
        self._draw()

    def _draw(self) -> None:
        version = self._in_hand
        if version is None:
            return
        index = self._versions.index(version)
        before = version.draft if self._against_now else self._draft_before(index)
        after = self._versions[0].draft if self._against_now else version.draft
        text = _("What changed since version {number}") if self._against_now else _("What version {number} changed")
        self.query_one("#versions-rule", Rule).text = text.format(number=version.version)
        self.query_one(Sheet).show(lambda width: self._lines(before, after, width))

    def _lines(self, before: TrainingDraft | None, after: TrainingDraft, width: int) -> list[Line]:
        if before is None:
            return wrapped(_("This is the first version."), "dim", width)
        changed = self.services.training.differences(before, after)
        lines: list[Line] = []
        for difference in changed:
            lines.append(((label_words(difference.field), "bold"),))
            lines += _side("-", difference.before, "bad", width)
            lines += _side("+", difference.after, "good", width)
        return lines or wrapped(_("Nothing is different."), "dim", width)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        version = self._in_hand
        return action != "back" or (self._item.mine and version is not None and version is not self._versions[0])

    def action_whole(self) -> None:
        self._against_now = not self._against_now
        self._draw()

    def action_yaml(self) -> None:
        if self._in_hand is not None:
            self.start(self._show_yaml, self._in_hand, group="yaml")

    async def _show_yaml(self, version: TrainingVersion) -> None:
        from tui.screens.runs.yaml_view import YamlScreen

        text = await self.services.training.to_yaml(self.principal, version.draft)
        name = _("{name}, version {number}").format(name=self._item.name, number=version.version)
        self.app.push_screen(YamlScreen(name, text))

    def action_back(self) -> None:
        version = self._in_hand
        if version is None:
            return
        count = self._versions[0].version - version.version
        question = _("Back to version {number} of “{name}”?").format(number=version.version, name=one_line(self._item.name))
        explanation = ngettext(
            "It is saved as the newest version; the {count} after it stays in the list.",
            "It is saved as the newest version; the {count} after it stay in the list.",
            count,
        ).format(count=count)

        async def decided(yes: bool | None) -> None:
            if yes:
                with self.reporting():
                    self._item = await self.services.training.roll_back(self.principal, self._item.id, version.version)
                    self._rolled = True
                    self.modeltrain.say(_("Version {number} is in force.").format(number=self._item.version))
                    await self._load()

        self.app.push_screen(Confirm(question, explanation), decided)

    def action_close(self) -> None:
        self.dismiss(self._rolled)


def _side(sign: str, value: Any, token: str, width: int) -> list[Line]:
    shown = text_of(value) or _("by itself")
    return [made for text in shown.splitlines() for made in wrapped(f"{sign} {one_line(text, 500)}", token, width, "  ")]
