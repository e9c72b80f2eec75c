"""Sharing: whom one's conversations are shown to, what others show, and going on with that in a copy of one's own."""

from __future__ import annotations

from core.chat.sharing import EVERYONE
from core.chat.types import ConversationSummary
from core.errors import InvalidInput, ModeltrainError, NotFound, TooManyAttempts
from core.sanitise import one_line
from tui import moments
from tui.i18n import _, joined
from tui.screens.chat.base import ChatBase
from tui.screens.chat.dialogs import ShareDialog
from tui.screens.chat.side import UNTITLED
from tui.widgets.dialogs import Ask, Confirm
from tui.widgets.frame import Paragraphs


class Sharing(ChatBase):
    """The mixin of `ChatScreen` for what more than one person sees."""

    def own_in_hand(self) -> ConversationSummary | None:
        """The own conversation that an action is for: the row in hand of the list if it has the focus, else the open one."""
        found = self.summaries.get(self.side.rows.current_id) if self.side.rows.has_focus else self.opened.summary
        return found if found is not None and not found.owner else None

    # With whom -------------------------------------------------------------------------------------------------------

    def action_share(self) -> None:
        if (summary := self.own_in_hand()) is not None:
            self.start(self._share, summary, group="dialog")

    async def _share(self, summary: ConversationSummary) -> None:
        chat, title = self.services.chat, one_line(summary.title, 60) or _(UNTITLED)
        while True:
            shares = await chat.shares(self.principal, summary.id)
            scene = self.scene
            since = {share.reader_id: moments.short(share.since, scene.now, scene.zone) for share in shares}
            decided = await self.app.push_screen_wait(ShareDialog(title, shares, since))
            if decided is None:
                return
            what, reader = decided
            if what == "remove":
                await chat.unshare(self.principal, summary.id, reader)
            elif what == "everyone":
                await self._share_with_everyone(summary, title)
            else:
                await self._share_with_somebody(summary, title)

    async def _share_with_everyone(self, summary: ConversationSummary, title: str) -> None:
        question = _("Let everyone here read “{title}”?").format(title=title)
        explanation = _("Everyone who has an account on this installation, also those who come later.")
        if await self.app.push_screen_wait(Confirm(question, explanation)):
            await self.services.chat.share(self.principal, summary.id, EVERYONE)

    async def _share_with_somebody(self, summary: ConversationSummary, title: str) -> None:
        """Ask for a name until it is somebody's."""
        name, trouble = "", ""
        while True:
            question = _("Who may read “{title}”?").format(title=title)
            explanation = trouble or _("The e-mail or the nickname of a colleague, exactly as it is.")
            typed = await self.app.push_screen_wait(Ask(question, name, explanation, hint=_("e-mail or nickname")))
            if typed is None or not typed.strip():
                return
            try:
                share = await self.services.chat.share(self.principal, summary.id, typed)
            except (NotFound, InvalidInput, TooManyAttempts) as error:
                name, trouble = typed, _trouble(error)
                continue
            self.modeltrain.say(_("{name} can read it now.").format(name=one_line(share.nickname)))
            return

    # What others share -----------------------------------------------------------------------------------------------

    def action_others(self) -> None:
        """Show what others share, or one's own again."""
        self.others = not self.others
        self.side.rows.clear_marks()
        self.to_list()
        self.start(self.load_list, group="list")

    def to_list(self) -> None:
        """Show the list and go there."""
        raise NotImplementedError

    def draw_readonly(self) -> None:
        """In place of the text: why nothing can be written here, and what can be done."""
        summary = self.opened.summary
        self.set_class(self.opened.readonly, "readonly")
        if summary is not None and summary.owner:
            text = _("{name} shares this with you: read it, copy from it. {key} continues it in a copy of your own.")
            self.query_one("#chat-readonly", Paragraphs).show((text.format(name=one_line(summary.owner), key="c"), "dim"))

    def action_adopt(self) -> None:
        if self.opened.readonly and self.opened.id is not None:
            self.start(self._adopt, self.opened.id, group="send", exclusive=False)

    async def _adopt(self, conversation_id: str) -> None:
        made = await self.services.chat.copy(self.principal, conversation_id)
        self.others = False
        await self.open_conversation(made.id)
        self.focus_text()
        self.modeltrain.say(_("This copy is yours: go on in it."))


def _trouble(error: ModeltrainError) -> str:
    from tui.errors import describe

    problem = describe(error)
    return joined(problem.why or problem.title, problem.remedy)
