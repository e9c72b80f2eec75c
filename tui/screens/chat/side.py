"""The list of conversations at the left: a head line, a filter, the rows. Data in, messages of its parts out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from textual.app import ComposeResult
from textual.containers import Vertical

from core.chat.types import ConversationSummary
from core.sanitise import one_line
from tui import moments
from tui.glyphs import glyphs
from tui.i18n import N_, _, ngettext
from tui.widgets.fields import Field
from tui.widgets.frame import Paragraphs
from tui.widgets.rows import Column, Row, Rows

UNTITLED = N_("New conversation")


class Side(Vertical):
    """Shows what it is given; the screen listens to `Rows` and `Field` in it."""

    def compose(self) -> ComposeResult:
        yield Paragraphs(id="chat-count")
        yield Field(hint=N_("filter by title"), id="chat-filter", classes="hidden")
        yield Rows((Column("title", "", 12, grow=True), Column("when", "", 6, right=True)), header=False, markable=True, id="chat-rows")

    @property
    def rows(self) -> Rows:
        return self.query_one("#chat-rows", Rows)

    @property
    def filter(self) -> Field:
        return self.query_one("#chat-filter", Field)

    def show(
        self,
        items: Sequence[ConversationSummary],
        total: int,
        now: datetime,
        zone: tzinfo | None,
        keep: str | None,
        *,
        new: bool,
        others: bool = False,
    ) -> None:
        """Show these conversations of `total`; `new`: also the one that is not saved yet, as a row without id; `others`: shared ones."""
        count = ngettext("{count} conversation", "{count} conversations", total).format(count=f"{total:,}")
        unread = sum(1 for item in items if item.unread)
        if others:
            count = ngettext("{count} shared with you", "{count} shared with you", total).format(count=f"{total:,}")
        elif unread:
            count = ngettext("{count} not read yet, of {total}", "{count} not read yet, of {total}", unread).format(
                count=unread, total=f"{total:,}"
            )
        marked = len(self.rows.marked)
        if marked:
            count = ngettext("{count} marked: d delete", "{count} marked: d delete", marked).format(count=marked)
        elif self.filter.value:
            count = ngettext("{count} found", "{count} found", total).format(count=f"{total:,}")
        self.query_one("#chat-count", Paragraphs).show((" " + count, "dim"))
        rows = [self._row(item, now, zone) for item in items]
        if new:
            rows.insert(0, Row("new", {"title": _(UNTITLED), "when": ""}, {"title": "dim"}))
        self.rows.show(rows, empty=self._empty(others), keep=keep)

    def _row(self, item: ConversationSummary, now: datetime, zone: tzinfo | None) -> Row:
        signs = glyphs(self.app)
        title = one_line(item.title) or _(UNTITLED)
        if item.owner:
            title = f"{one_line(item.owner, 20)} {signs.crumb} {title}"
        elif item.shared:
            title = f"{signs.shared} {title}"
        if item.pinned:
            title = f"{signs.star} {title}"
        if item.unread:
            title = f"{signs.done if item.unread == 'complete' else signs.failed} {title}"
        when = signs.running if item.generating else moments.short(item.used_at, now, zone)
        tokens = {"when": "accent" if item.generating else "dim", "title": "accent" if item.unread else "text"}
        return Row(item.id, {"title": title, "when": when}, tokens)

    def _empty(self, others: bool) -> list[tuple[str, str]]:
        if self.filter.value:
            return [(_("No title has these words."), "text"), (_("Esc clears the filter."), "dim")]
        if others:
            return [(_("Nobody shares anything with you."), "text"), (_("o leads back to your own."), "dim")]
        return [(_("Nothing here yet."), "text"), (_("Your conversations are kept here."), "dim")]
