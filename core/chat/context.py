"""What is sent to the model: the branch in sight, without reasoning, without what failed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from core.llm.images import encoded
from core.llm.request import Turn

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: Asks for the rest of an answer that broke off. Not every provider goes on from an open assistant turn; every one understands this.
CONTINUE = (
    "Your last answer was cut off. Continue it exactly where it stopped, in the middle of a word if need be. "
    "Do not repeat anything, do not apologise, do not explain."
)
#: Answers that are part of the conversation. A failed one is not: the provider said no.
_SENT = frozenset({"complete", "stopped", "truncated"})


def branch_turns(uow: UnitOfWork, conversation_id: str, last_id: str) -> tuple[Turn, ...]:
    """The turns of the branch that ends with the message `last_id` (a question). Slow where it has images: in a thread of the store."""
    nodes = uow.messages.outline(conversation_id, last_id)
    sent = [node for node in nodes if node.role == "user" or node.state in _SENT]
    parts = uow.messages.parts([node.id for node in sent], kind="text")
    shown = uow.images.of_messages([node.id for node in sent if node.role == "user"])
    return merged(
        Turn(
            "user" if node.role == "user" else "assistant",
            "".join(part.content for part in parts.get(node.id, ())),
            tuple(encoded(image.media_type, bytes(image.content)) for image in shown.get(node.id, ())),
        )
        for node in sent
    )


def merged(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """Turns without the empty ones, and with neighbours of one role joined: some chat templates refuse two questions in a row."""
    made: list[Turn] = []
    for turn in turns:
        if not turn.content.strip():
            continue
        if made and (last := made[-1]).role == turn.role:
            made[-1] = Turn(last.role, f"{last.content}\n\n{turn.content}", last.images + turn.images)
        else:
            made.append(turn)
    return tuple(made)


def continuing(turns: tuple[Turn, ...], content: str) -> tuple[Turn, ...]:
    """The turns that ask for the rest of the answer `content` to the last of `turns`."""
    return (*turns, Turn("assistant", content), Turn("user", CONTINUE))
