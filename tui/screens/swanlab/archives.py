"""What is done with archives in their list: looked at, restored, deleted."""

from __future__ import annotations

from core.sanitise import one_line
from core.swanlab.types import ArchiveInfo
from tui.i18n import _, ngettext
from tui.screens.base import AreaScreen
from tui.screens.swanlab import texts
from tui.widgets.dialogs import Confirm
from tui.widgets.rows import Rows


class ArchiveActions(AreaScreen):
    """The part of the SwanLab screen that works on archives."""

    _archives: tuple[ArchiveInfo, ...]

    @property
    def rows(self) -> Rows:
        """The list."""
        raise NotImplementedError

    def reload(self, keep: str | None = None) -> None:
        """Read everything anew."""
        raise NotImplementedError

    @property
    def archive_in_hand(self) -> ArchiveInfo | None:
        return next((item for item in self._archives if item.id == self.rows.current_id), None)

    @staticmethod
    def archive_lines(item: ArchiveInfo) -> texts.Lines:
        """What is in an archive, beside the list."""
        lines: texts.Lines = [(one_line(item.id), "bold")]
        if item.problem:
            return [*lines, (_("It is damaged, or was not made by this program: it cannot be restored."), "bad")]
        lines += [
            (_("Project: {value}").format(value=one_line(item.project)), "text"),
            (_("Made: {value}").format(value=texts.when(item.created_at)), "text"),
            (_("Size: {value}").format(value=texts.size(item.bytes)), "text"),
            ("", ""),
        ]
        lines += [(one_line(name, 60), "text") for name in item.names[:20]]
        if len(item.names) > 20:
            lines.append(("…", "dim"))
        return lines

    def action_restore(self) -> None:
        if self.archive_in_hand is not None:
            self.start(self._restore, self.archive_in_hand, group="change", exclusive=False)

    async def _restore(self, item: ArchiveInfo) -> None:
        count = len(item.experiments)
        question = ngettext(
            "Bring {count} experiment back into “{project}”?", "Bring {count} experiments back into “{project}”?", count
        ).format(count=count, project=one_line(item.project_id))
        explanation = _("The archive stays.") + "\n\n" + "\n".join(one_line(name, 60) for name in item.names[:12])
        if not await self.app.push_screen_wait(Confirm(question, explanation)):
            return
        done = await self.services.swanlab.restore(self.principal, item.id)
        text = ngettext("{count} experiment is back.", "{count} experiments are back.", len(done.experiments))
        said = [text.format(count=len(done.experiments))]
        said += [_("“{old}” is now called “{new}”.").format(old=one_line(old), new=one_line(new)) for old, new in done.renamed[:3]]
        self.modeltrain.say("\n".join(said))
        self.reload()

    def action_delete_archive(self) -> None:
        if self.archive_in_hand is not None:
            self.start(self._delete_archive, self.archive_in_hand, group="change", exclusive=False)

    async def _delete_archive(self, item: ArchiveInfo) -> None:
        question = _("Delete this archive for good ({size})?").format(size=texts.size(item.bytes))
        if await self.app.push_screen_wait(Confirm(question, f"{one_line(item.id)}\n{texts.archive_names(item)}", danger=True)):
            freed = await self.services.swanlab.delete_archive(self.principal, item.id)
            self.modeltrain.say(_("The archive was deleted, {size}.").format(size=texts.size(freed)))
            self.reload()
