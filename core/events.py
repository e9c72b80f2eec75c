"""What happened, told to whoever listens in this process. Other processes learn it from the database, once a second."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """Something changed that belongs to `owner_id`."""

    owner_id: str


@dataclass(frozen=True, slots=True)
class ConversationChanged(Event):
    """A conversation was made, renamed, deleted, restored, used, answered, shared or seen.

    `conversation_id` is "" where it cannot be said which: it is gone, or no longer shared. `shared`: it is somebody else's.
    """

    conversation_id: str
    shared: bool = False


@dataclass(frozen=True, slots=True)
class ComparisonsChanged(Event):
    """A comparison of the owner's was made, asked, answered, judged, renamed or deleted; what other processes do is not told.

    `comparison_id` is "" where it cannot be said which.
    """

    comparison_id: str = ""


@dataclass(frozen=True, slots=True)
class ConfigurationsChanged(Event):
    """The owner's model configurations are not what they were."""


@dataclass(frozen=True, slots=True)
class AccountChanged(Event):
    """Role, state, name or preferences of the account changed."""


@dataclass(frozen=True, slots=True)
class RunsChanged(Event):
    """A run was made, changed its state, its place in the queue or its progress. `run_id` "" where it cannot be said which."""

    run_id: str = ""


@dataclass(frozen=True, slots=True)
class DatasetsChanged(Event):
    """The owner's datasets are not what they were: added, checked, given another version, renamed, deleted."""


@dataclass(frozen=True, slots=True)
class QuestionsChanged(Event):
    """The owner's question sets are not what they were: added, changed, renamed, deleted."""


@dataclass(frozen=True, slots=True)
class BatchesChanged(Event):
    """A batch of the owner's was made, started, paused, resumed, ended, renamed or deleted."""


@dataclass(frozen=True, slots=True)
class ServicesChanged(Event):
    """A managed service of the owner (core/managed) started, answered, ended or was given up."""

    service_id: str


Listener = Callable[[Event], None]


class EventBus:
    """Publish to listeners of one owner. Listeners are called in the loop's thread and must return at once."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = {}

    def subscribe(self, owner_id: str, listener: Listener) -> Callable[[], None]:
        """Listen to the events of `owner_id`; call the returned function to stop."""
        self._listeners.setdefault(owner_id, []).append(listener)

        def stop() -> None:
            listeners = self._listeners.get(owner_id, [])
            if listener in listeners:
                listeners.remove(listener)
            if not listeners:
                self._listeners.pop(owner_id, None)

        return stop

    @property
    def listening(self) -> tuple[str, ...]:
        """Whose events are listened to."""
        return tuple(self._listeners)

    def publish(self, event: Event) -> None:
        for listener in tuple(self._listeners.get(event.owner_id, ())):
            try:
                listener(event)
            except Exception:
                log.exception("a listener of %s failed", type(event).__name__)
