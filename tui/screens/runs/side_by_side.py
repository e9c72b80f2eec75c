"""SideBySideScreen: two models are asked the same at once, and answer side by side. Each answer goes into a conversation of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical

from core.sanitise import one_line
from tui.i18n import N_, _
from tui.screens.base import AreaScreen
from tui.screens.chat.views import LiveAnswer, Scene, view_of
from tui.widgets.composer import Composer
from tui.widgets.frame import Paragraphs
from tui.widgets.transcript import MessageView, Transcript

if TYPE_CHECKING:
    from core.models.types import Configuration

#: Seconds between two pictures of a growing answer.
_INTERVAL = 0.2


class SideBySideScreen(AreaScreen):
    """`configuration_ids`: the base at the left, what was made of it at the right."""

    AREA = N_("Runs")
    HELP = N_(
        "What you ask is asked both models at once. The base is at the left, what was trained at the right; each keeps its own "
        "conversation, which stays in the list of your conversations.\n\n"
        "Esc stops both answers, then leads up to them; there [ and ] change the side, j and k go through the answers. i leads back to "
        "the text, Esc once more leaves."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", N_("stop/back"), id="side.back", tooltip=N_("Stop the answers, then to the answers, then back")),
        Binding("i", "write", N_("write"), id="side.write", tooltip=N_("Back to the text")),
        Binding("left_square_bracket", "side(0)", N_("left"), id="side.left", key_display="[", show=False),
        Binding("right_square_bracket", "side(1)", N_("right"), id="side.right", key_display="]", show=False),
    ]

    def __init__(self, configuration_ids: tuple[str, str]) -> None:
        super().__init__()
        self._ids = configuration_ids
        self._conversations: list[str | None] = [None, None]
        self._live: list[LiveAnswer | None] = [None, None]
        self._configurations: list[Configuration] = []

    def compose_body(self) -> Iterable[Any]:
        with Horizontal(id="side-columns"):
            for side in (0, 1):
                with Vertical(classes="column right" if side else "column"):
                    yield Paragraphs(id=f"side-head-{side}", classes="side-head")
                    yield Transcript(id=f"side-{side}")
        yield Composer(N_("Ask both, Alt+Enter for a new line"), id="side-question")

    def on_mount(self) -> None:
        super().on_mount()
        self.composer.focus()
        self.start(self._load, group="load")

    @property
    def composer(self) -> Composer:
        return self.query_one("#side-question", Composer)

    def transcript(self, side: int) -> Transcript:
        return self.query_one(f"#side-{side}", Transcript)

    @property
    def busy(self) -> bool:
        return any(live is not None for live in self._live)

    async def _load(self) -> None:
        self._configurations = [await self.services.configurations.get(self.principal, each) for each in self._ids]
        self.set_opened(" · ".join(one_line(each.name) for each in self._configurations))
        for side, configuration in enumerate(self._configurations):
            role = _("base") if side == 0 else _("trained")
            self.query_one(f"#side-head-{side}", Paragraphs).show((f"{role}: {one_line(configuration.name)}", "bold"))

    # Asking ----------------------------------------------------------------------------------------------------------

    def on_composer_submitted(self, event: Composer.Submitted) -> None:
        event.stop()
        if self.busy or not self._configurations:
            self.composer.refused()
            self.modeltrain.say(_("An answer is still being written here: wait for it, or stop it with Esc."))
            return
        self.composer.accepted(event.text)
        for side in (0, 1):
            self._live[side] = LiveAnswer("", self._configurations[side].model)
            self.start(self._ask, side, event.text, group=f"side-{side}")

    async def _ask(self, side: int, text: str) -> None:
        """One question on one side, up to the end of its answer."""
        try:
            sent = await self.services.chat.send(
                self.principal, self._conversations[side], text, configuration_id=None if self._conversations[side] else self._ids[side]
            )
            self._conversations[side] = sent.conversation_id
            now = self.services.clock.now().astimezone(self.modeltrain.zone)
            transcript = self.transcript(side)
            transcript.update(MessageView(sent.question_id, "user", self.principal.nickname, text, stamp=f"{now:%H:%M}"))
            transcript.flow.to_end()
            live = LiveAnswer(sent.answer_id, self._configurations[side].model)
            self._live[side] = live
            await self._watch(side, live)
        finally:
            self._live[side] = None

    async def _watch(self, side: int, live: LiveAnswer) -> None:
        transcript, clock = self.transcript(side), self.services.clock
        transcript.update(live.view())
        async for update in self.services.chat.watch(self.principal, live.id, interval_s=_INTERVAL):
            live.take(update, clock.monotonic())
            if update.message is not None:
                transcript.update(view_of(update.message, Scene(self.principal.nickname, clock.now(), self.modeltrain.zone)))
                conversation = self._conversations[side]
                if conversation is not None:
                    await self.services.chat.seen(self.principal, conversation)
                return
            transcript.update(live.view())

    # Keys ------------------------------------------------------------------------------------------------------------

    def action_back(self) -> None:
        if self.busy:
            for live in self._live:
                if live is not None and live.id:
                    self.start(self._stop, live.id, group=f"stop-{live.id}")
        elif self.composer.has_focus:
            self.transcript(1).focus()
        else:
            self.dismiss(None)

    async def _stop(self, answer_id: str) -> None:
        await self.services.chat.stop(self.principal, answer_id)

    def action_write(self) -> None:
        self.composer.focus()

    def action_side(self, side: int) -> None:
        self.transcript(side).focus()
