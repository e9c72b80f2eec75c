"""What the parts of the chat screen share: its widgets, and what is open."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.chat.types import ConversationSummary, Message
from core.models.types import Configuration
from tui.screens.base import AreaScreen
from tui.screens.chat.side import Side
from tui.screens.chat.views import LiveAnswer, Scene
from tui.widgets.composer import Composer
from tui.widgets.transcript import Transcript


@dataclass
class Opened:
    """The conversation in sight. `summary` None: it does not exist yet, and begins with the first question."""

    summary: ConversationSummary | None = None
    system_prompt: str = ""
    configuration_id: str | None = None
    messages: dict[str, Message] = field(default_factory=dict)
    live: LiveAnswer | None = None

    @property
    def id(self) -> str | None:
        return self.summary.id if self.summary is not None else None

    @property
    def title(self) -> str:
        return self.summary.title if self.summary is not None else ""

    @property
    def readonly(self) -> bool:
        """It is somebody else's."""
        return self.summary is not None and bool(self.summary.owner)

    @property
    def last_answer(self) -> Message | None:
        return next((message for message in reversed(self.messages.values()) if message.role == "assistant"), None)


class ChatBase(AreaScreen):
    """Attributes that the mixins of `ChatScreen` rely on."""

    opened: Opened
    configurations: tuple[Configuration, ...]
    summaries: dict[str, ConversationSummary]
    #: The configurations were read; something was opened.
    loaded: bool
    entered: bool
    #: The list shows what others share, not one's own.
    others: bool = False

    @property
    def transcript(self) -> Transcript:
        return self.query_one("#chat-transcript", Transcript)

    @property
    def composer(self) -> Composer:
        return self.query_one("#chat-composer", Composer)

    @property
    def side(self) -> Side:
        return self.query_one("#chat-side", Side)

    @property
    def scene(self) -> Scene:
        # The questions of what somebody else shares are that person's, not the reader's.
        owner = self.opened.summary.owner if self.opened.summary is not None else ""
        return Scene(owner or self.principal.nickname, self.services.clock.now(), self.modeltrain.zone, own=not owner)

    @property
    def configuration(self) -> Configuration | None:
        """What is asked here: the conversation's own, or the default."""
        wanted = self.opened.configuration_id
        usable = [item for item in self.configurations if item.enabled and item.provider_enabled]
        found = next((item for item in usable if item.id == wanted), None)
        return found or next((item for item in usable if item.is_default), None)

    def draw_state(self) -> None:
        """Bring the title, the hints and the keys up to date with what is open."""
        raise NotImplementedError

    def focus_text(self) -> None:
        """To where one writes; in a conversation that can only be read, to the conversation."""
        (self.transcript if self.opened.readonly else self.composer).focus()

    async def load_list(self, keep: str | None = None) -> None:
        """Read the list of conversations anew."""
        raise NotImplementedError

    async def _open(self, conversation_id: str | None) -> None:
        """The work of `open_conversation`, for a worker of the group "open"."""
        raise NotImplementedError

    async def open_conversation(self, conversation_id: str | None) -> None:
        """Show this conversation, or a new one for None."""
        raise NotImplementedError
