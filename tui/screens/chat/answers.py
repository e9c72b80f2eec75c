"""Asking and answering: send, watch, stop, retry, continue. The answer itself is made by the service and outlives this screen."""

from __future__ import annotations

from core.auth.principal import Principal
from core.chat.types import Message, Sent
from core.errors import ModeltrainError
from core.sanitise import one_line
from tui.i18n import _
from tui.screens.chat.drafts import DraftKeeper
from tui.screens.chat.reading import Reading
from tui.screens.chat.side import UNTITLED
from tui.screens.chat.views import LiveAnswer, view_of
from tui.widgets.composer import Composer
from tui.widgets.transcript import MessageView

#: Seconds between two updates of the screen while an answer comes; and for one that is not in sight.
INTERVAL, ELSEWHERE = 0.15, 5.0
#: Answers of a process that nobody feels; seconds that each further one adds to the interval; the longest interval for that reason.
FEW, CROWD_S, CROWDED_S = 8, 0.01, 0.3


class Answers(Reading):
    """The mixin of `ChatScreen` for answers."""

    drafts: DraftKeeper

    # Send ------------------------------------------------------------------------------------------------------------

    def on_composer_submitted(self, event: Composer.Submitted) -> None:
        event.stop()
        if self.opened.live is not None:
            self.composer.refused()
            self.modeltrain.say(_("An answer is still being written here: wait for it, or stop it with Esc."))
            return
        if self.loaded and self.configuration is None:
            self.composer.refused()
            self.modeltrain.say(_("There is no model to ask yet: press Alt+6 and make a configuration. Your text stays here."))
            return
        self.start(self._send, event.text, group="send", exclusive=False)

    async def _send(self, text: str) -> None:
        opened, configuration = self.opened, self.configuration
        chosen = opened.configuration_id if opened.id is None else None
        system = opened.system_prompt or None if opened.id is None else None
        try:
            sent = await self.services.chat.send(self.principal, opened.id, text, configuration_id=chosen, system=system)
        except BaseException:
            self.composer.refused()
            raise
        if self.opened is opened:
            self.drafts.forget()
            self.composer.accepted(text)
            model = configuration.model if configuration is not None else ""
            await self._begin(sent, model, question=text)
        else:
            self.start(self._await_elsewhere, sent.answer_id, "", group=f"away-{sent.answer_id}")

    async def _begin(self, sent: Sent, model: str, *, question: str | None = None) -> None:
        """Show what was begun and follow it."""
        opened = self.opened
        if question is not None:
            stamp = f"{self.scene.now.astimezone(self.scene.zone):%H:%M}"
            self.transcript.update(MessageView(sent.question_id, "user", self.scene.nickname, question, stamp=stamp))
        self.transcript.flow.to_end()
        self.follow(LiveAnswer(sent.answer_id, model))
        if opened.summary is None:
            view = await self.services.chat.open(self.principal, sent.conversation_id, tail=1)
            opened.summary = view.summary
            if self.composer.draft and self.opened is opened:
                # Typed meanwhile, and kept perhaps, for a conversation that did not exist yet.
                await self.save_draft(None, "")
        if self.opened is opened:
            if self.composer.draft:
                self.drafts.changed(opened.id, self.composer.draft)
            self.modeltrain.places.opened(opened.id)
            await self.load_list(sent.conversation_id)

    # Watch -----------------------------------------------------------------------------------------------------------

    def follow(self, live: LiveAnswer) -> None:
        """Show this answer as it grows."""
        self.opened.live = live
        self.transcript.update(live.view())
        self.start(self._watch, live, group="watch")
        self.draw_state()

    async def _watch(self, live: LiveAnswer) -> None:
        opened, clock, drawn = self.opened, self.services.clock, float("-inf")
        # While nothing comes no update comes either, but the seconds go on.
        ticking = self.set_interval(1.0, lambda: self._tick(live))
        try:
            async for update in self.services.chat.watch(self.principal, live.id, interval_s=INTERVAL):
                if self.opened is not opened or opened.live is not live:
                    return
                now = clock.monotonic()
                live.take(update, now)
                if update.reasoning and len(update.reasoning) == len(live.reasoning):
                    self.refresh_bindings()  # there is something to open now
                if update.message is None and now - drawn < self._every_s() - INTERVAL / 2:
                    live.undrawn = True
                    continue
                drawn, live.undrawn = now, False
                if update.message is not None:
                    self._ended(update.message)
                    return
                self.transcript.update(live.view())
        finally:
            ticking.stop()

    def _every_s(self) -> float:
        """Seconds between two pictures of a growing answer: some more where many grow in this process, for all must be drawn by it."""
        crowd = min(CROWDED_S, INTERVAL + CROWD_S * max(0, self.services.chat.under_way - FEW))
        return max(self.modeltrain.stream_every_s, crowd)

    def _tick(self, live: LiveAnswer) -> None:
        if self.opened.live is live and (live.tick(self.services.clock.monotonic()) or live.undrawn):
            live.undrawn = False
            self.transcript.update(live.view())

    def _ended(self, message: Message) -> None:
        self.opened.live = None
        self.opened.messages[message.id] = message
        self.note_end()
        self.transcript.update(view_of(message, self.scene))
        self.draw_state()
        self.start(self.load_list, group="list")

    def leave_answer(self) -> None:
        """The conversation is left while its answer is being made: it goes on, and its end is told."""
        live, summary = self.opened.live, self.opened.summary
        self.workers.cancel_group(self, "watch")
        if live is not None and not self.opened.readonly:
            self.start(self._await_elsewhere, live.id, summary.title if summary is not None else "", group=f"away-{live.id}")

    async def _await_elsewhere(self, answer_id: str, title: str) -> None:
        """Wait for the end of an answer that is not in sight, and say so."""
        async for update in self.services.chat.watch(self.principal, answer_id, interval_s=ELSEWHERE, looking=False):
            if update.message is None:
                continue
            in_sight = answer_id in self.opened.messages or (self.opened.live is not None and self.opened.live.id == answer_id)
            if not (in_sight and self.is_current):
                self._tell_end(title, update.message)
            return

    def _tell_end(self, title: str, message: Message) -> None:
        name = one_line(title, 60) or _(UNTITLED)
        if message.state == "complete":
            self.modeltrain.say(_("The answer is there: “{title}”.").format(title=name))
        else:
            self.modeltrain.say(_("The answer in “{title}” is not whole; open it to see why.").format(title=name))

    # Stop, retry, continue -------------------------------------------------------------------------------------------

    def stop_answer(self) -> bool:
        """Stop the answer in sight; whether there was one to stop."""
        if self.opened.live is None:
            return False
        self.start(self._stop, self.opened.live.id, group="stop")
        return True

    async def _stop(self, answer_id: str) -> None:
        await self.services.chat.stop(self.principal, answer_id)

    def _chosen_answer(self) -> Message | None:
        """The answer under the cursor of the transcript, else the last one."""
        target = self.transcript.target
        if self.transcript.has_focus and target is not None:
            message = self.opened.messages.get(target.message_id)
            if message is not None and message.role == "assistant":
                return message
        return self.opened.last_answer

    def action_retry(self) -> None:
        answer = self._chosen_answer()
        if answer is not None and self.opened.live is None:
            self.start(self._retry, answer, group="send", exclusive=False)

    async def _retry(self, answer: Message) -> None:
        opened, configuration = self.opened, self.configuration
        sent = await self.services.chat.retry(self.principal, answer.id)
        if self.opened is not opened:
            return
        for message_id in self._from(answer.id):
            self.transcript.remove_message(message_id)
            self.opened.messages.pop(message_id, None)
        await self._begin(sent, configuration.model if configuration is not None else answer.model)

    def _from(self, message_id: str) -> list[str]:
        """This message and those after it, which leave the sight when it is answered anew."""
        ids = [view.id for view in self.transcript.flow.views()]
        return ids[ids.index(message_id) :] if message_id in ids else []

    def action_continue(self) -> None:
        answer = self._chosen_answer()
        if answer is None or self.opened.live is not None or not answer.can_continue:
            return
        self.start(self._continue, answer, group="send", exclusive=False)

    async def _continue(self, answer: Message) -> None:
        opened = self.opened
        sent = await self.services.chat.continue_answer(self.principal, answer.id)
        if self.opened is opened:
            live = LiveAnswer(sent.answer_id, answer.model, answer.content, answer.reasoning)
            self.follow(live)
            await self.load_list(sent.conversation_id)

    def leaving(self) -> None:
        waiting = self.drafts.take()
        if waiting is not None:
            principal = self.principal
            self.services.supervisor.start(lambda: self._save_draft_of(principal, *waiting), "draft")

    async def save_draft(self, conversation_id: str | None, draft: str) -> None:
        """Keep what is typed; a conversation that is gone needs no draft."""
        await self._save_draft_of(self.principal, conversation_id, draft)

    async def _save_draft_of(self, principal: Principal, conversation_id: str | None, draft: str) -> None:
        try:
            await self.services.chat.save_draft(principal, conversation_id, draft)
        except ModeltrainError as error:
            if error.code != "not_found":
                raise
