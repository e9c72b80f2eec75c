"""Dialogs of the chat: the system prompt, the trash, and who may read a conversation. They return a value and never act."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from core.chat.sharing import EVERYONE
from core.chat.types import ConversationSummary, Share
from tui.i18n import N_, _
from tui.widgets.composer import Composer
from tui.widgets.dialogs import Dialog
from tui.widgets.rows import Column, Row, Rows


class PromptDialog(Dialog[str | None]):
    """The system prompt of a conversation. Returns the new text, "" for the configuration's own, None for Esc."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,ctrl+s", "save", N_("save"), id="dialog.save", priority=True),
    ]

    def __init__(self, prompt: str, inherited: str) -> None:
        explanation = _("It is sent before every question of this conversation. Empty: that of the configuration.")
        if inherited:
            explanation += "\n" + _("The configuration says: {prompt}").format(prompt=inherited)
        super().__init__(_("System prompt"), explanation)
        self._prompt = prompt

    def compose_answer(self) -> Iterable[Widget]:
        yield Composer(N_("No system prompt of its own"), id="dialog-prompt")

    def on_mount(self) -> None:
        composer = self.query_one(Composer)
        composer.load(self._prompt)
        composer.focus()

    def on_composer_submitted(self, event: Composer.Submitted) -> None:
        event.stop()
        self.dismiss(event.text.strip())

    def action_save(self) -> None:
        self.dismiss(self.query_one(Composer).text.strip())


class TrashDialog(Dialog[tuple[str, tuple[str, ...]] | None]):
    """What was deleted. Returns ("restore" or "purge", ids); None for Esc. `remarks`: by id, when it was deleted."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r,enter", "decide('restore')", N_("restore"), id="trash.restore", priority=True),
        Binding("d", "decide('purge')", N_("delete for good"), id="trash.purge"),
        Binding("space", "mark", N_("mark"), id="trash.mark", priority=True),
    ]

    def __init__(self, items: Sequence[ConversationSummary], remarks: dict[str, str], days: int) -> None:
        explanation = _("Conversations stay here for {days} days, then they are deleted for good.").format(days=days)
        super().__init__(_("Trash"), explanation)
        self._items, self._remarks = items, remarks

    def compose_answer(self) -> Iterable[Widget]:
        columns = (Column("title", "", 20, grow=True), Column("when", "", 10, right=True))
        yield Rows(columns, header=False, markable=True, id="dialog-rows")

    def on_mount(self) -> None:
        rows = [
            Row(item.id, {"title": item.title or _("New conversation"), "when": self._remarks.get(item.id, "")}, {"when": "dim"})
            for item in self._items
        ]
        self.query_one(Rows).show(rows, empty=[(_("The trash is empty."), "dim")])
        self.query_one(Rows).focus()

    def action_mark(self) -> None:
        self.query_one(Rows).action_mark()

    def action_decide(self, what: str) -> None:
        if ids := self.query_one(Rows).selected_ids:
            self.dismiss((what, tuple(ids)))


class ShareDialog(Dialog[tuple[str, str] | None]):
    """Who may read a conversation. Returns ("add", ""), ("everyone", "") or ("remove", reader's id); None for Esc.

    `remarks`: by reader's id, since when.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a,enter", "decide('add')", N_("add somebody"), id="share.add", priority=True),
        Binding("e", "decide('everyone')", N_("everyone"), id="share.everyone"),
        Binding("d", "remove", N_("take back"), id="share.remove"),
    ]

    def __init__(self, title: str, shares: Sequence[Share], remarks: dict[str, str]) -> None:
        explanation = _("They can read it and copy it, also what is added later, and change nothing. Reasoning is shown; system prompt, "
                        "draft and cost are not.")  # fmt: skip
        super().__init__(_("Who may read “{title}”?").format(title=title), explanation)
        self._shares, self._remarks = shares, remarks

    def compose_answer(self) -> Iterable[Widget]:
        yield Rows((Column("who", "", 20, grow=True), Column("since", "", 10, right=True)), header=False, id="dialog-rows")

    def on_mount(self) -> None:
        rows = [
            Row(
                share.reader_id or EVERYONE,
                {"who": _("Everyone here") if share.everyone else share.nickname, "since": self._remarks.get(share.reader_id, "")},
                {"who": "accent" if share.everyone else "text", "since": "dim"},
            )
            for share in self._shares
        ]
        self.query_one(Rows).show(
            rows, empty=[(_("Nobody but you."), "text"), (_("a adds a colleague, e shares it with everyone."), "dim")]
        )
        self.query_one(Rows).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "remove":
            return bool(self._shares)
        if action == "decide" and parameters == ("everyone",):
            return not any(share.everyone for share in self._shares)
        return True

    def action_decide(self, what: str) -> None:
        self.dismiss((what, ""))

    def action_remove(self) -> None:
        if reader := self.query_one(Rows).current_id:
            self.dismiss(("remove", reader))
