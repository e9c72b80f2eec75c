"""VersionsScreen: the versions of a question set, what differs between one and the one before it, and bringing one back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from core.questions.types import Diff, QuestionSet, SetVersion
from core.sanitise import one_line
from tui.glyphs import glyphs
from tui.i18n import N_, _
from tui.screens.base import AreaScreen, Framed
from tui.screens.compare.questions import lists
from tui.sentences_questions import PARTS, diff_line
from tui.widgets.dialogs import Confirm
from tui.widgets.rows import Rows
from tui.widgets.sheet import Line, Sheet, wrapped

_SHOWN = 100


class VersionsScreen(AreaScreen, inherit_bindings=False):
    """The list, the newest first; below it what the version in hand changed."""

    AREA = N_("Compare")
    HELP = N_(
        "Every change of a set makes a version, and none is ever changed: a batch keeps the one it was made with. The one with the star is "
        "the newest.\n\n"
        "Below the list stands what the version in hand added (+), changed (~) and took out (-). Enter shows its questions; u brings it "
        "back as a new version; x writes it into a file."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "restore", N_("bring back"), id="set-versions.restore", tooltip=N_("Its questions as a new version")),
        Binding("x", "export", N_("export"), id="set-versions.export", tooltip=N_("Write this version into a file")),
        Binding("escape", "close", N_("back"), id="set-versions.close"),
        *Framed.BINDINGS,
    ]

    def __init__(self, set_id: str) -> None:
        super().__init__()
        self._set_id = set_id
        self._item: QuestionSet | None = None
        self._versions: tuple[SetVersion, ...] = ()
        self._diffs: dict[int, Diff] = {}

    def compose_body(self) -> Iterable[Any]:
        yield Rows(lists.VERSION_COLUMNS, id="set-versions-rows")
        yield Sheet(pad_x=2, id="set-versions-detail")

    def on_mount(self) -> None:
        super().on_mount()
        self.rows.focus()
        self.start(self._load, group="load")

    @property
    def rows(self) -> Rows:
        return self.query_one("#set-versions-rows", Rows)

    @property
    def version_in_hand(self) -> SetVersion | None:
        return next((each for each in self._versions if str(each.version) == self.rows.current_id), None) if self.is_mounted else None

    async def _load(self) -> None:
        questions = self.services.questions
        self._item = await questions.get(self.principal, self._set_id)
        self._versions = await questions.versions(self.principal, self._set_id)
        self.draw()

    def draw(self) -> None:
        """Show what was read."""
        if self._item is None:
            return
        self.set_opened(_("versions of {name}").format(name=self._item.name))
        signs, zone = glyphs(self.app), self.modeltrain.zone
        self.rows.show([lists.version_row(each, self._item.version, signs, zone) for each in self._versions])
        self._draw_detail()

    def _draw_detail(self) -> None:
        version, sheet = self.version_in_hand, self.query_one("#set-versions-detail", Sheet)
        self.refresh_bindings()
        if version is None:
            return
        diff = self._diffs.get(version.version)
        sheet.show(lambda width: self._lines(version, diff, width))
        if diff is None and version.version > 1:
            self.start(self._load_diff, version.version, group="diff")

    async def _load_diff(self, version: int) -> None:
        self._diffs[version] = await self.services.questions.diff(self.principal, self._set_id, version - 1, version, limit=_SHOWN)
        if not self.gone:
            self._draw_detail()

    @staticmethod
    def _lines(version: SetVersion, diff: Diff | None, width: int) -> list[Line]:
        if version.version == 1:
            return wrapped(_("The first version."), "dim", width)
        if diff is None:
            return []
        against = _("against version {version}: {changes}").format(version=diff.old, changes=diff_line(diff))
        lines = wrapped(against, "bold", width)
        for change in diff.changes:
            text, token = lists.change_text(change)
            lines += wrapped(text, token, width)
            if change.before is not None and change.after is not None:
                lines += wrapped(", ".join(_(PARTS[name]) for name in change.fields), "dim", width, "    ")
                if "text" in change.fields:
                    lines += wrapped(_("was: {text}").format(text=one_line(change.before.text, 300)), "dim", width, "    ")
                if "expected" in change.fields:
                    was, now = (one_line(side.expected or "", 120) for side in (change.before, change.after))
                    lines += wrapped(f"= {was} → {now}", "dim", width, "    ")
        hidden = diff.added + diff.changed + diff.removed - len(diff.changes)
        if hidden > 0:
            lines += wrapped(_("and {count} more").format(count=f"{hidden:,}"), "dim", width)
        return lines

    def on_rows_highlighted(self) -> None:
        self._draw_detail()

    def on_rows_chosen(self) -> None:
        from tui.screens.compare.questions.one_set import SetScreen

        version, item = self.version_in_hand, self._item
        if version is not None and item is not None:
            self.app.push_screen(SetScreen(item.id, version.version))

    def retranslate(self) -> None:
        super().retranslate()
        self.draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        version, item = self.version_in_hand, self._item
        if action == "restore":
            return version is not None and item is not None and version.version != item.version
        return action != "export" or version is not None

    def action_restore(self) -> None:
        version, item = self.version_in_hand, self._item
        if version is None or item is None:
            return
        question = _("Bring version {version} of “{name}” back?").format(version=version.version, name=one_line(item.name))

        async def decided(yes: bool | None) -> None:
            if yes:
                with self.reporting():
                    await self.services.questions.restore(self.principal, item.id, version.version)
                    self.start(self._load, group="load")

        self.app.push_screen(Confirm(question, _("Its questions become the newest version; the others stay.")), decided)

    def action_export(self) -> None:
        from tui.screens.compare.questions.dialogs import export_set

        if self._item is not None and self.version_in_hand is not None:
            self.start(export_set, self, self._item, self.version_in_hand.version, group="export")

    def action_close(self) -> None:
        self.dismiss(None)
