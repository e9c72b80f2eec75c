"""The conversations themselves: the list, rename, pin, delete, the trash, model and system prompt of the one in sight."""

from __future__ import annotations

from core.chat.types import ConversationSummary
from core.sanitise import one_line
from tui import moments
from tui.i18n import _, ngettext
from tui.screens.chat.dialogs import PromptDialog, TrashDialog
from tui.screens.chat.sharing import Sharing
from tui.screens.chat.side import UNTITLED
from tui.widgets.dialogs import Ask, Choose, Confirm

#: Conversations read at first; more when the cursor nears the end.
_FIRST = 200
_LONGEST_TITLE = 200


class Conversations(Sharing):
    """The mixin of `ChatScreen` for the list and its actions."""

    total: int
    limit: int = _FIRST

    async def load_list(self, keep: str | None = None) -> None:
        if not self.context.signed_in:
            return
        query = self.side.filter.value.strip()
        others, read = self.others, self.services.chat.shared_with_me if self.others else self.services.chat.conversations
        page = await read(self.principal, limit=self.limit, query=query)
        if others != self.others:
            return  # the other list is on its way
        self.summaries = {item.id: item for item in page.items}
        self.total = page.total
        opened = self.opened.summary
        if opened is not None and opened.id in self.summaries:
            self.opened.summary = self.summaries[opened.id]
        self.draw_list(keep)
        self.draw_state()

    def draw_list(self, keep: str | None = None) -> None:
        """Show the list as it was read last."""
        scene = self.scene
        new = self.opened.id is None and not self.others and not self.side.filter.value and bool(self.summaries)
        wanted = keep if keep is not None else (self.opened.id or "new" if not self.side.rows.has_focus else None)
        self.side.show(list(self.summaries.values()), self.total, scene.now, scene.zone, wanted, new=new, others=self.others)

    def _in_hand(self) -> list[str]:
        """The ids that an action is for: the marked or current rows of the list if it has the focus, else the open conversation."""
        if self.side.rows.has_focus:
            return [row_id for row_id in self.side.rows.selected_ids if row_id in self.summaries and not self.summaries[row_id].owner]
        return [self.opened.id] if self.opened.id is not None and not self.opened.readonly else []

    # Rename, pin -----------------------------------------------------------------------------------------------------

    def action_rename(self) -> None:
        if (summary := self.own_in_hand()) is not None:
            self.start(self._rename, summary, group="dialog")

    async def _rename(self, summary: ConversationSummary) -> None:
        question = _("Rename the conversation")
        title = await self.app.push_screen_wait(Ask(question, one_line(summary.title), check=_check_title))
        if title is not None and title.strip():
            await self.services.chat.rename(self.principal, summary.id, title)
            await self.load_list()

    def action_pin(self) -> None:
        if (summary := self.own_in_hand()) is not None:
            self.start(self._pin, summary, group="change", exclusive=False)

    async def _pin(self, summary: ConversationSummary) -> None:
        await self.services.chat.pin(self.principal, summary.id, not summary.pinned)
        await self.load_list(summary.id)

    # Delete and trash ------------------------------------------------------------------------------------------------

    def action_delete(self) -> None:
        if ids := self._in_hand():
            self.start(self._delete, ids, group="dialog")

    async def _delete(self, ids: list[str]) -> None:
        summary = self.summaries.get(ids[0]) or self.opened.summary
        if len(ids) == 1 and summary is not None:
            question = _("Delete “{title}”?").format(title=one_line(summary.title, 60) or _(UNTITLED))
        else:
            question = ngettext("Delete {count} conversation?", "Delete {count} conversations?", len(ids)).format(count=len(ids))
        days = self.services.settings.chat.trash_days
        explanation = ngettext(
            "It goes to the trash, which {key} opens, and is deleted for good after {days} days.",
            "They go to the trash, which {key} opens, and are deleted for good after {days} days.",
            len(ids),
        ).format(key="D", days=days)
        if not await self.app.push_screen_wait(Confirm(question, explanation)):
            return
        count = await self.services.chat.delete(self.principal, ids)
        self.side.rows.clear_marks()
        if self.opened.id in ids:
            await self.open_conversation(None)
        await self.load_list()
        self.modeltrain.say(
            ngettext("{count} conversation is in the trash.", "{count} conversations are in the trash.", count).format(count=count)
        )

    def action_trash(self) -> None:
        self.start(self._trash, group="dialog")

    async def _trash(self) -> None:
        page = await self.services.chat.conversations(self.principal, limit=1_000, trash=True)
        scene = self.scene
        remarks = {item.id: moments.short(item.deleted_at, scene.now, scene.zone) for item in page.items if item.deleted_at is not None}
        decided = await self.app.push_screen_wait(TrashDialog(page.items, remarks, self.services.settings.chat.trash_days))
        if decided is None:
            return
        what, ids = decided
        if what == "restore":
            count = await self.services.chat.restore(self.principal, ids)
            text = ngettext("{count} conversation is back.", "{count} conversations are back.", count).format(count=count)
        else:
            titles = {item.id: one_line(item.title, 60) or _(UNTITLED) for item in page.items}
            text = await self._purge(ids, titles.get(ids[0], ""))
        await self.load_list()
        if text:
            self.modeltrain.say(text)

    async def _purge(self, ids: tuple[str, ...], title: str) -> str:
        if len(ids) == 1:
            question = _("Delete “{title}” for good?").format(title=title)
        else:
            question = ngettext("Delete {count} conversation for good?", "Delete {count} conversations for good?", len(ids)).format(
                count=len(ids)
            )
        if not await self.app.push_screen_wait(Confirm(question, _("This cannot be undone."), danger=True)):
            return ""
        count = await self.services.chat.purge(self.principal, ids)
        return ngettext("{count} conversation is deleted for good.", "{count} conversations are deleted for good.", count).format(
            count=count
        )

    # Model and system prompt -----------------------------------------------------------------------------------------

    def action_model(self) -> None:
        self.start(self._model, group="dialog")

    async def _model(self) -> None:
        self.configurations = await self.services.configurations.list(self.principal)
        usable = [item for item in self.configurations if item.enabled and item.provider_enabled]
        if not usable:
            self.modeltrain.say(_("There is no model to ask yet: press Alt+6 and make a configuration."))
            return
        options = [(item.id, one_line(item.name), one_line(item.model)) for item in usable]
        current = self.configuration.id if self.configuration is not None else ""
        chosen = await self.app.push_screen_wait(Choose(_("Which model answers from now on?"), options, current))
        if not chosen:
            return
        if self.opened.id is not None:
            await self.services.chat.set_configuration(self.principal, self.opened.id, chosen)
        self.opened.configuration_id = chosen
        # The next thing is a question.
        self.remove_class("listing")
        self.composer.focus()
        self.draw_state()

    def action_prompt(self) -> None:
        self.start(self._prompt, group="dialog")

    async def _prompt(self) -> None:
        opened = self.opened
        inherited = one_line(self.configuration.system_prompt, 200) if self.configuration is not None else ""
        prompt = await self.app.push_screen_wait(PromptDialog(opened.system_prompt, inherited))
        if prompt is None or prompt == opened.system_prompt:
            return
        if opened.id is not None:
            await self.services.chat.set_system_prompt(self.principal, opened.id, prompt)
        opened.system_prompt = prompt
        self.draw_state()
        self.modeltrain.say(_("The system prompt is sent from the next question on."))


def _check_title(title: str) -> str:
    if not title.strip():
        return _("A title needs at least one character.")
    if len(title) > _LONGEST_TITLE:
        return _("At most {count} characters.").format(count=_LONGEST_TITLE)
    return ""
