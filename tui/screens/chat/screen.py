"""ChatScreen: conversations at the left, the transcript, the composer below."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.worker import WorkerCancelled

from core.chat.types import ConversationView
from core.errors import NotFound
from core.events import ConfigurationsChanged, ConversationChanged, Event
from core.sanitise import one_line
from tui.i18n import N_, _
from tui.screens.chat.base import Opened
from tui.screens.chat.drafts import DraftKeeper
from tui.screens.chat.keys import Keys
from tui.screens.chat.side import UNTITLED, Side
from tui.screens.chat.views import LiveAnswer, view_of
from tui.widgets.composer import Composer
from tui.widgets.fields import Field
from tui.widgets.frame import Paragraphs, Rule
from tui.widgets.rows import Rows
from tui.widgets.transcript import Transcript

if TYPE_CHECKING:
    from textual.events import Resize, ScreenSuspend

_WIDE, _BROAD = 100, 150
#: Messages read when a conversation is opened; earlier ones come when they are scrolled to.
_TAIL, _MORE, _ALL = 200, 500, 1_000_000


class ChatScreen(Keys):
    """See the module. `opened` is what is in sight; the answer under way belongs to the service, not to this screen."""

    AREA = N_("Chat")
    HELP = N_(
        "Write a question below and press Enter. Alt+Enter or Ctrl+J makes a new line. Large pastes are folded and sent whole.\n\n"
        "Esc stops an answer; what came is kept. Ctrl+R asks the same again, Alt+C lets a broken answer go on.\n\n"
        "PgUp and PgDn read back and forth while you write. Esc also leads up: from the text to the conversation, from there to the "
        "list; i leads back to the text. In the conversation j and k go from message to message and code block to code block, "
        "y copies, t or Enter opens the reasoning, G goes to the end.\n\n"
        "An answer goes on when you leave this screen, or the link breaks; a notice says when it is there, and a ✓ or ✗ before the title "
        "says that it was not read yet. What you typed and where you were reading is kept, also when the program is killed.\n\n"
        "S lets a colleague, or everyone here, read a conversation: » marks it. o shows what others let you read; c goes on with it in a "
        "copy of your own. Nobody but you sees your drafts, system prompts and costs."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", N_("stop"), id="chat.stop", tooltip=N_("Stop the answer; what came is kept")),
        Binding("escape", "back", N_("up"), id="chat.back", tooltip=N_("From the text to the conversation, then to the list")),
        Binding("n", "new", N_("new"), id="chat.new_letter", show=False),
        Binding("ctrl+n", "new", N_("new"), id="chat.new", tooltip=N_("Begin a new conversation")),
        Binding("i", "write", N_("write"), id="chat.write", tooltip=N_("Back to the text")),
        Binding("ctrl+o", "model", N_("model"), id="chat.model", tooltip=N_("Choose who answers from now on")),
        Binding("ctrl+r", "retry", N_("retry"), id="chat.retry", tooltip=N_("Ask the same question again; the old answer is kept")),
        Binding("alt+c", "continue", N_("continue"), id="chat.continue", tooltip=N_("Let an answer that broke off go on")),
        Binding("ctrl+t", "prompt", N_("system prompt"), id="chat.prompt", tooltip=N_("What is said to the model before every question")),
        Binding("ctrl+b", "list", N_("list"), id="chat.list", tooltip=N_("Show or hide the conversations"), priority=True),
        Binding("slash", "filter", N_("filter"), id="chat.filter", tooltip=N_("Find a conversation by words of its title")),
        Binding("r", "rename", N_("rename"), id="chat.rename", tooltip=N_("Give the conversation another title")),
        Binding("d", "delete", N_("delete"), id="chat.delete", tooltip=N_("Move conversations to the trash")),
        Binding("pageup", "page(-1)", N_("a page up"), id="chat.page_up", show=False),
        Binding("pagedown", "page(1)", N_("a page down"), id="chat.page_down", show=False),
        Binding("p", "pin", N_("pin"), id="chat.pin", tooltip=N_("Keep at the top of the list, or no longer"), show=False),
        Binding("S", "share", N_("share"), id="chat.share", tooltip=N_("Let a colleague or everyone read the conversation")),
        Binding("o", "others", N_("shared with me"), id="chat.others", tooltip=N_("What others let you read, or your own again")),
        Binding("c", "adopt", N_("continue in a copy"), id="chat.adopt", tooltip=N_("Go on with what others share, as your own")),
        Binding("D", "trash", N_("trash"), id="chat.trash", tooltip=N_("Restore what was deleted, or delete it for good"), show=False),
    ]

    def compose_body(self) -> Iterable[Any]:
        with Horizontal(id="chat-body"):
            yield Side(id="chat-side")
            with Vertical(id="chat-main"):
                yield Transcript(id="chat-transcript")
        yield Rule(id="chat-rule")
        yield Paragraphs(id="chat-readonly")
        yield Composer(N_("Ask, Alt+Enter for a new line"), id="chat-composer")

    def __init__(self) -> None:
        super().__init__()
        self.opened, self.configurations, self.summaries, self.total = Opened(), (), {}, 0
        self.loaded = self.entered = False
        self._stale: set[str] = set()
        self._figures, self._written = True, False
        self.drafts = DraftKeeper(self, self.save_draft, lambda: self.start(self.drafts.flush, group="draft", exclusive=False))

    def on_mount(self) -> None:
        super().on_mount()
        self.composer.focus()
        self._flow = self.transcript.flow
        self.modeltrain.places.look = self.note_place
        self.start(self._enter, group="open")

    async def _enter(self) -> None:
        """The first time: the configurations, the list, and the conversation that was open last, else the one used last."""
        self.configurations = await self.services.configurations.list(self.principal)
        self.loaded = True
        self._apply_preferences()
        await self.load_list()
        latest = max(self.summaries.values(), key=lambda item: item.used_at, default=None)
        last = self.modeltrain.places.place.conversation_id
        try:
            await self._open(last or (latest.id if latest is not None else None))
        except NotFound:
            await self._open(latest.id if latest is not None else None)

    # What is in sight ------------------------------------------------------------------------------------------------

    async def open_conversation(self, conversation_id: str | None) -> None:
        worker = self.start(self._open, conversation_id, group="open")
        with suppress(WorkerCancelled):  # another conversation was asked for meanwhile
            await worker.wait()

    async def _open(self, conversation_id: str | None) -> None:
        if not self.loaded:
            self.configurations = await self.services.configurations.list(self.principal)
            self.loaded = True
        await self.drafts.flush()
        view, draft = await self._read(conversation_id), ""
        if view is None or not view.summary.owner:
            draft = await self.services.chat.draft(self.principal, conversation_id)
        self.note_place()
        self.leave_answer()
        self._show(view)
        self.composer.load(draft)
        self.composer.set_history([message.content for message in self.opened.messages.values() if message.role == "user"])
        await self.load_list(conversation_id or "new")
        self.entered = True

    async def _read(self, conversation_id: str | None) -> ConversationView | None:
        """The conversation, back to where it was read last."""
        if conversation_id is None:
            return None
        spot = self.kept_spot(conversation_id)
        return await self.services.chat.open(self.principal, conversation_id, tail=_TAIL, reach=spot.message_id if spot is not None else "")

    def _show(self, view: ConversationView | None) -> None:
        self.modeltrain.places.opened(view.summary.id if view is not None else None)
        if view is None:
            self.opened = Opened()
            self.transcript.show(())
            self.go_to(None)
            self.draw_state()
            return
        messages = {message.id: message for message in view.messages}
        self.opened = Opened(view.summary, view.system_prompt, view.summary.configuration_id, messages)
        scene = self.scene
        self.transcript.show((view_of(message, scene) for message in view.messages), earlier=view.earlier)
        self.go_to(self.kept_spot(view.summary.id))
        making = next((message for message in view.messages if message.state == "generating"), None)
        if making is not None:
            self.follow(LiveAnswer(making.id, making.model, making.content, making.reasoning))
        self.draw_state()
        self.note_seen()

    def draw_state(self) -> None:
        summary = self.opened.summary
        title = one_line(summary.title) if summary is not None else ""
        self.set_opened(title or _(UNTITLED))
        configuration = self.configuration
        named = one_line(configuration.name) if configuration is not None else _("no model") if self.loaded else ""
        self.set_in_hand(one_line(summary.model) if summary is not None and summary.owner else named)
        self.query_one("#chat-rule", Rule).text = _("system prompt") if self.opened.system_prompt else ""
        self.draw_readonly()
        self.composer.remark = self._remark()
        self.transcript.empty = self._empty()
        self._written = bool(self.composer.document.text)
        self.transcript.draw()
        self.refresh_bindings()

    def _remark(self) -> str:
        if self.loaded and self.configuration is None:
            return _("no model: Alt+6 makes a configuration")
        if self.opened.live is not None:
            return _("Esc stops the answer")
        return ""

    def _empty(self) -> tuple[tuple[str, str], ...]:
        if not self.loaded:
            return ()
        if self.configuration is None:
            return (
                (_("There is no model to ask yet."), "text"),
                (_("Press {key} and make a configuration; the simulator needs no key.").format(key="Alt+6"), "accent"),
            )
        who = one_line(self.configuration.name)
        return (
            (_("A new conversation with {model}.").format(model=who), "text"),
            (_("Write your question below and press Enter."), "accent"),
            (_("{key} asks another model, {other} sets a system prompt.").format(key="Ctrl+O", other="Ctrl+T"), "dim"),
        )

    def retranslate(self) -> None:
        super().retranslate()
        self.draw_list()
        scene = self.scene
        for message in self.opened.messages.values():
            if self.opened.live is None or self.opened.live.id != message.id:
                self.transcript.flow.update(view_of(message, scene))
        self.draw_state()

    # Events ----------------------------------------------------------------------------------------------------------

    def core_event(self, event: Event) -> None:
        if not self.context.signed_in or not self.loaded:
            return
        if isinstance(event, ConversationChanged):
            if event.shared and not self.others and event.conversation_id not in ("", self.opened.id):
                return  # nothing of it is in sight
            self._stale.add(event.conversation_id)
            self.start(self._conversations_changed, group="list")
        elif isinstance(event, ConfigurationsChanged):
            self.start(self._load_configurations, group="configurations")

    async def _conversations_changed(self) -> None:
        await self.load_list()
        opened = self.opened
        if opened.id is None or not self._stale & {opened.id, ""}:
            self._stale.clear()
            return
        self._stale.clear()
        if opened.live is not None and not opened.readonly:
            return  # its end is watched
        try:
            view = await self.services.chat.open(self.principal, opened.id, tail=1)
        except NotFound:
            await self._vanished(opened)
            return
        if self.opened is not opened or opened.live is not None:
            return
        opened.summary, opened.system_prompt = view.summary, view.system_prompt
        last = view.messages[-1] if view.messages else None
        if last is not None and last.id not in opened.messages and not self.composer.pending:
            # Asked from elsewhere: another terminal of the same account, the shell, or whoever shares it. What is typed here stays.
            self.note_place()
            again = await self._read(opened.id)
            if self.opened is opened:
                self.leave_answer()
                self._show(again)
        self.draw_state()
        self.note_seen()

    async def _vanished(self, opened: Opened) -> None:
        """The conversation in sight is not there any more, or not for this reader."""
        if self.opened is opened:
            if opened.readonly:
                self.modeltrain.say(_("“{title}” is no longer shared with you.").format(title=one_line(opened.title, 60) or _(UNTITLED)))
            await self.open_conversation(None)

    async def _load_configurations(self) -> None:
        self.configurations = await self.services.configurations.list(self.principal)
        self.draw_state()

    def _apply_preferences(self) -> None:
        """Show figures as the account wants it; `f` changes that for the moment, until the setting is another."""
        profile = self.context.profile
        wanted = profile is None or bool(profile.preferences.get("figures", True))
        if wanted != self._figures:
            self._figures = wanted
            self.transcript.set_mode(figures=wanted)

    def on_screen_resume(self) -> None:
        if not self.loaded:
            return
        self._apply_preferences()
        self.start(self.load_list, group="list")
        self.note_seen()
        if self.opened.live is not None:
            self.start(self._watch, self.opened.live, group="watch")

    async def on_screen_suspend(self, _event: ScreenSuspend) -> None:
        if not self.context.signed_in:
            return
        with self.reporting():
            await self.drafts.flush()
        if self.app.screen not in (self, *self.app.screen_stack) and self.opened.live is not None:
            self.leave_answer()

    async def on_unmount(self) -> None:
        if self.context.signed_in and self.context.ready:
            with self.reporting():
                await self.drafts.flush()
                await self.doubt_end()
                await self.modeltrain.places.save()

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < _WIDE, "narrow")
        self.set_class(event.size.width >= _BROAD, "broad")

    # Messages of the widgets -----------------------------------------------------------------------------------------

    def on_composer_changed(self, event: Composer.Changed) -> None:
        event.stop()
        self.drafts.changed(self.opened.id, self.composer.draft)
        if self._written != bool(self.composer.document.text):
            # Other keys are wanted for a text than before it is begun.
            self._written = bool(self.composer.document.text)
            self.refresh_bindings()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        self.remove_class("listing")
        summary = self.summaries.get(event.row_id)
        self.start(self._open, None if event.row_id == "new" else event.row_id, group="open")
        # What is typed from now on is text already, wherever there will be one.
        self.set_class(summary is not None and bool(summary.owner), "readonly")
        (self.transcript if self.has_class("readonly") else self.composer).focus()

    def on_rows_highlighted(self) -> None:
        if len(self.summaries) < self.total and self.side.rows.cursor > len(self.summaries) - 20:
            self.limit *= 2
            self.start(self.load_list, self.side.rows.current_id, group="list")

    def on_rows_marked(self) -> None:
        self.draw_list()

    def on_input_changed(self, event: Field.Changed) -> None:
        event.stop()
        self.start(self.load_list, group="list")

    def on_input_submitted(self) -> None:
        self.side.rows.focus()

    def on_transcript_selected(self) -> None:
        # What is in hand decides about the keys: not everything has reasoning.
        self.refresh_bindings()

    def on_transcript_earlier_wanted(self, event: Transcript.EarlierWanted) -> None:
        self.start(self._earlier, _ALL if event.all else _MORE, event.all, group="earlier")

    async def _earlier(self, limit: int, to_start: bool) -> None:
        opened, transcript = self.opened, self.transcript
        if opened.id is None or not opened.messages:
            return
        found = await self.services.chat.earlier(self.principal, opened.id, next(iter(opened.messages)), limit)
        if self.opened is not opened:
            return
        opened.messages = {message.id: message for message in found} | opened.messages
        scene = self.scene
        transcript.prepend([view_of(message, scene) for message in found], earlier=max(0, transcript.earlier - len(found)))
        if to_start:
            transcript.action_start()
