"""The versions of a dataset: what each changed, and going back to one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from core.datasets.types import Dataset, DatasetVersion
from core.sanitise import one_line
from tui.glyphs import glyphs
from tui.i18n import N_, _
from tui.screens.data import lists, texts
from tui.screens.data.detail import change_lines
from tui.screens.data.loading import shown_place
from tui.screens.data.pages import DatasetPage, page_bindings
from tui.widgets.dialogs import Confirm
from tui.widgets.rows import Rows
from tui.widgets.sheet import Line, Sheet, wrapped


class VersionsPage(DatasetPage, inherit_bindings=False):
    """The list, the newest first; below it what the version in hand changed."""

    PAGE = "versions"
    HELP = N_(
        "Repair, taking duplicates out and adding a file anew each make a version; none is ever changed. The one with the star is in "
        "force: it is what a run gets.\n\n"
        "Enter puts the version in hand in force, so one can go back, and forward again. Runs that began with another one keep it."
    )
    BINDINGS: ClassVar[list[BindingType]] = page_bindings(
        Binding("enter,u", "use", N_("put in force"), id="data.versions.use", tooltip=N_("Use this version from now on")),
    )

    _versions: tuple[DatasetVersion, ...] = ()

    def compose_page(self) -> Iterable[Any]:
        yield Rows(lists.VERSION_COLUMNS, id="versions-rows")
        yield Sheet(still=True, pad_x=2, id="versions-detail")

    def on_mount(self) -> None:
        super().on_mount()
        self.rows.openable = False
        self.rows.focus()

    @property
    def rows(self) -> Rows:
        return self.query_one("#versions-rows", Rows)

    @property
    def _version(self) -> DatasetVersion | None:
        return next((version for version in self._versions if str(version.version) == self.rows.current_id), None)

    async def load(self, item: Dataset) -> None:
        self._versions = await self.services.datasets.versions(self.principal, item.id)

    def draw(self) -> None:
        if self.dataset is None:
            return
        current, zone, signs = self.dataset.current.version, self.modeltrain.zone, glyphs(self.app)
        self.rows.show([lists.version_row(version, current, signs, zone) for version in self._versions])
        self._draw_detail()

    def _draw_detail(self) -> None:
        version, sheet = self._version, self.query_one("#versions-detail", Sheet)
        if version is not None:
            sheet.show(partial(self._lines, version))
        self.refresh_bindings()

    def _lines(self, version: DatasetVersion, width: int) -> list[Line]:
        lines: list[Line] = []
        if self.dataset is not None and version.version != self.dataset.current.version:
            lines += wrapped(_("Enter puts version {number} in force.").format(number=version.version), "accent", width)
        older = [known for known in self._versions if known.version < version.version]
        lines += change_lines(version, max(older, key=lambda known: known.version) if older else None, width)
        facts = " · ".join((texts.format_of(version), texts.size(version.size)))
        return [
            *lines,
            *([()] if lines else []),
            *wrapped(facts, "text", width),
            *wrapped(shown_place(self.context, version.path), "dim", width),
        ]

    def on_rows_highlighted(self) -> None:
        self._draw_detail()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "use":
            return self.dataset is not None and self._version is not None and self._version.version != self.dataset.current.version
        return super().check_action(action, parameters)

    def action_use(self) -> None:
        version, item = self._version, self.dataset
        if version is None or item is None or version.version == item.current.version:
            return
        question = _("Use version {number} of “{name}” from now on?").format(number=version.version, name=one_line(item.name))

        async def decided(yes: bool | None) -> None:
            if yes:
                with self.reporting():
                    await self.services.datasets.use_version(self.principal, item.id, version.version)
                    self.reload()

        self.app.push_screen(Confirm(question, _("The other versions stay, and you can go back.")), decided)
