"""What is done with comparisons of before: open, ask again, rename, delete, save to a file, find similar questions."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from core.sanitise import one_line
from tui.i18n import N_, _, ngettext
from tui.screens.compare.tabs import CompareTab
from tui.widgets.dialogs import Ask, Confirm, Decide, TypeName

if TYPE_CHECKING:
    from core.compare.types import ComparisonSummary

_TITLE_LENGTH = 200
_NOT_IN_NAMES = re.compile(r"[^\w.-]+")
#: From this many on, deleting asks for the number to be typed.
_MANY = 10


class RecordActions(CompareTab):
    """The part of the records that changes them. Keys that do not apply to what is in hand are not offered."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("R", "again", N_("ask again"), id="records.again", tooltip=N_("Ask the same questions of the same models once more")),
        Binding("a", "similar", N_("asked before"), id="records.similar", tooltip=N_("The same question over time, with a chart")),
        Binding("r", "rename", N_("rename"), id="records.rename", tooltip=N_("Give it another title")),
        Binding("x", "export", N_("export"), id="records.export", tooltip=N_("Save what is marked as Markdown or JSON")),
        Binding("d", "delete", N_("delete"), id="records.delete", tooltip=N_("Delete for good, with answers and verdicts")),
    ]

    @property
    def in_hand(self) -> ComparisonSummary | None:
        """The comparison that the keys act on."""
        raise NotImplementedError

    @property
    def all_in_hand(self) -> Sequence[ComparisonSummary]:
        """Those that keys for several act on: the marked ones, or the one in hand."""
        raise NotImplementedError

    def reload(self, keep: str | None = None) -> None:
        """Read the list anew."""
        raise NotImplementedError

    # Opening ---------------------------------------------------------------------------------------------------------

    def open(self, comparison_id: str) -> None:
        """Show it side by side."""
        from tui.screens.compare.opening import open_comparison

        self.app.call_later(open_comparison, self.modeltrain, comparison_id)

    def action_again(self) -> None:
        item = self.in_hand
        if item is None:
            return
        question = _("Ask again: “{title}”?").format(title=one_line(item.title, 80))
        explanation = ngettext(
            "The question is asked of the same configurations as they are now, in a new comparison.",
            "Its {count} questions are asked of the same configurations as they are now, one after the other, in a new comparison.",
            item.rounds,
        ).format(count=item.rounds)

        def decided(yes: bool | None) -> None:
            if yes:
                self.start(self._again, item.id, group="again")

        self.app.push_screen(Confirm(question, explanation), decided)

    async def _again(self, comparison_id: str) -> None:
        made = await self.services.comparisons.run_again(self.principal, comparison_id)
        self.open(made.id)

    def action_similar(self) -> None:
        from tui.screens.compare.similar import SimilarScreen

        if self.in_hand is not None:
            self.app.push_screen(SimilarScreen(comparison_id=self.in_hand.id))

    # Names, files, end -----------------------------------------------------------------------------------------------

    def action_rename(self) -> None:
        item = self.in_hand
        if item is None:
            return

        async def decided(title: str | None) -> None:
            if title is not None and title.strip() and title.strip() != item.title:
                with self.reporting():
                    await self.services.comparisons.rename(self.principal, item.id, title.strip())
                    self.reload(item.id)

        self.app.push_screen(Ask(_("Which title?"), item.title, label=N_("Title")), decided)

    def action_export(self) -> None:
        if not self.all_in_hand:
            return
        forms = {"m": ("md", N_("Markdown")), "j": ("json", "JSON")}
        count = len(self.all_in_hand)
        question = ngettext("Save {count} comparison as what?", "Save {count} comparisons as what?", count).format(count=count)
        explanation = _("The files go into “{folder}” of your files.").format(folder="exports")

        def decided(form: str | None) -> None:
            if form:
                self.start(self._export, list(self.all_in_hand), form, group="export")

        self.app.push_screen(Decide(question, forms, explanation), decided)

    async def _export(self, items: list[ComparisonSummary], form: str) -> None:
        from tui.comparison_files import ALL_ROUNDS, as_json_text, as_markdown

        written: set[str] = set()
        for item in items:
            comparison = await self.services.comparisons.get(self.principal, item.id, tail=ALL_ROUNDS)
            text = await asyncio.to_thread(as_json_text if form == "json" else as_markdown, comparison)
            path = _file_name(item, form, written)
            written.add(path)
            await asyncio.to_thread(self._write, path, text.encode("utf-8", "replace"))
        if len(items) == 1:
            self.modeltrain.say(_("Saved as {path} of your files.").format(path=next(iter(written))))
        else:
            self.modeltrain.say(_("{count} files are in {folder} of your files.").format(count=len(items), folder="exports/"))

    def _write(self, path: str, data: bytes) -> None:
        upload = self.services.files.open_writing(self.principal, path)
        try:
            upload.write(0, data)
            upload.commit()
        except BaseException:
            upload.discard()
            raise

    def action_delete(self) -> None:
        items = list(self.all_in_hand)
        if not items:
            return
        if len(items) == 1:
            question = _("Delete the comparison “{title}”?").format(title=one_line(items[0].title, 80))
        else:
            question = ngettext("Delete {count} comparison?", "Delete {count} comparisons?", len(items)).format(count=len(items))
        explanation = _("Its answers and verdicts go with it, also from the leaderboard. There is no trash for comparisons.")

        async def decided(yes: bool | None) -> None:
            if yes:
                with self.reporting():
                    await self.services.comparisons.delete(self.principal, [item.id for item in items])
                    self.reload()

        many = len(items) >= _MANY
        self.app.push_screen(
            TypeName(question, str(len(items)), explanation) if many else Confirm(question, explanation, danger=True), decided
        )


def _file_name(item: ComparisonSummary, form: str, taken: set[str]) -> str:
    """Below exports/: the title, as far as a name may have it, and the day; with a number where one export would write over another."""
    stem = _NOT_IN_NAMES.sub("-", one_line(item.title, 50)).strip("-.") or "comparison"
    path, number = f"exports/{stem}-{item.created_at:%Y-%m-%d}.{form}", 2
    while path in taken:
        path, number = f"exports/{stem}-{item.created_at:%Y-%m-%d}-{number}.{form}", number + 1
    return path
