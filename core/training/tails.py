"""Files of runs that somebody looks at: one poller for each file and process, for all viewers; none when nobody looks.

A thread looks, so that a slow disk holds nobody up; listeners are called in the event loop, each in the context that it was given in (which
holds the language of a viewer). A file is looked at four times a second. While it grows it is looked at more often: with four a second,
lines would be up to a quarter of a second late.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial
from pathlib import Path
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from core.logs.file import LogFile
    from core.training.gpus import GpuReader
    from core.training.metrics import MetricsFile
    from core.training.tails_resources import Resources

log = logging.getLogger(__name__)

INTERVAL_S, QUICK_S = 0.25, 0.12
#: Looking at processes and GPUs costs more, and says little new more often.
RESOURCES_S = 2.0
STATE_FILE = "trainer_state.json"

Listener = Callable[[], None]
Stop = Callable[[], None]
T = TypeVar("T")


class Tail(Generic[T]):
    """Something that is looked at for its listeners. `look` is called in the thread and says whether there is anything new."""

    def __init__(self, what: T, look: Callable[[], bool], let_go: Callable[[], None], *, every_s: float, quick_s: float) -> None:
        self.what, self.look, self.let_go = what, look, let_go
        self.every_s, self.quick_s = every_s, quick_s
        self.due = 0.0
        self.listeners: list[Listener] = []
        #: A call is on its way to the loop: another would say the same.
        self.told = False

    def tell(self) -> None:
        """In the loop."""
        self.told = False
        for listener in tuple(self.listeners):
            try:
                listener()
            except Exception:
                log.exception("a viewer of a run's file failed")


class Tails:
    """Belongs to the event loop in which it is first used; its methods are called there. `close` ends the thread.

    `gpus`: what reads GPUs (None: there are none). `clock`: monotonic seconds.
    """

    def __init__(self, *, gpus: GpuReader | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._gpus, self._clock = gpus, clock
        self._tails: dict[object, Tail[Any]] = {}
        self._changed = Condition()
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def watched(self) -> int:
        """How many files and runs are looked at."""
        return len(self._tails)

    @property
    def is_at_work(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    # What can be looked at -------------------------------------------------------------------------------------------

    def log(self, path: Path, listener: Listener) -> tuple[LogFile, Stop]:
        """The log at `path`, shared with its other viewers, and what to call when it is looked at no more."""

        def make() -> Tail[LogFile]:
            from core.logs.file import LogFile
            from core.logs.types import Change

            file = LogFile(path)
            return Tail(file, lambda: file.refresh() is not Change.NONE, file.close, every_s=INTERVAL_S, quick_s=QUICK_S)

        return self._watch(("log", path), make, listener)

    def metrics(self, paths: Sequence[Path], listener: Listener) -> tuple[MetricsFile, Stop]:
        """The same for metrics (trainer_log.jsonl of the attempts in order; the trainer_state.json of each is read too)."""

        def make() -> Tail[MetricsFile]:
            from core.training.metrics import MetricsFile

            file = MetricsFile(*paths)
            states = _States(tuple(dict.fromkeys(path.parent for path in paths)))
            return Tail(
                file,
                lambda: any([file.read_new(), *(file.read_state(path) for path in states.newest())]),
                lambda: None,
                every_s=INTERVAL_S,
                quick_s=INTERVAL_S,
            )

        return self._watch(("metrics", *paths), make, listener)

    def resources(self, folder: Path, gpu_uuids: Sequence[str], listener: Listener) -> tuple[Resources, Stop]:
        """What the processes of the run in `folder` use, and the GPUs it holds; looked at every two seconds."""

        def make() -> Tail[Resources]:
            from core.training.tails_resources import Resources

            resources = Resources(folder, gpu_uuids, self._gpus, self._clock)
            return Tail(resources, resources.look, lambda: None, every_s=RESOURCES_S, quick_s=RESOURCES_S)

        return self._watch(("resources", folder), make, listener)

    # The poller ------------------------------------------------------------------------------------------------------

    def _watch(self, key: object, make: Callable[[], Tail[T]], listener: Listener) -> tuple[T, Stop]:
        self._loop = self._loop or asyncio.get_running_loop()
        heard = partial(copy_context().run, listener)
        with self._changed:
            tail = self._tails.get(key)
        if tail is None:
            tail = make()
        with self._changed:
            self._tails[key] = tail
            tail.listeners.append(heard)
            if not self.is_at_work:
                self._thread = Thread(target=self._poll, name="tails", daemon=True)
                self._thread.start()
            self._changed.notify()

        def stop() -> None:
            if heard in tail.listeners:
                tail.listeners.remove(heard)
            with self._changed:
                if not tail.listeners and self._tails.get(key) is tail:
                    del self._tails[key]
                    tail.let_go()
                    self._changed.notify()

        return tail.what, stop

    def close(self) -> None:
        """Look at nothing more. Waits for the thread."""
        with self._changed:
            tails, thread = list(self._tails.values()), self._thread
            self._tails.clear()
            self._changed.notify()
        if thread is not None:
            thread.join(10)
        for tail in tails:
            tail.let_go()

    def _poll(self) -> None:
        while True:
            with self._changed:
                if not self._tails:
                    self._thread = None
                    return
                now = self._clock()
                due = [tail for tail in self._tails.values() if tail.due <= now]
                if not due:
                    self._changed.wait(max(0.001, min(tail.due for tail in self._tails.values()) - now))
                    continue
            for tail in due:
                self._look(tail)

    def _look(self, tail: Tail[Any]) -> None:
        began, changed = self._clock(), False
        try:
            changed = tail.look()
        except Exception:
            log.exception("a run's file could not be looked at")
        tail.due = began + (tail.quick_s if changed else tail.every_s)
        if changed and not tail.told and self._loop is not None:
            tail.told = True
            try:
                self._loop.call_soon_threadsafe(tail.tell)
            except RuntimeError:  # the loop has ended
                tail.told = False


class _States:
    """The newest trainer_state.json in output folders: of the last checkpoint, or of the whole run at its end."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self._folders = folders
        self._seen: dict[Path, int] = {}
        self._newest: dict[Path, Path] = {}

    def newest(self) -> list[Path]:
        """Those that are new since the last call. A folder is only read when an entry was added to it."""
        found = []
        for folder in self._folders:
            try:
                changed = folder.stat().st_mtime_ns
            except OSError:
                continue
            newest = self._newest.get(folder)
            if self._seen.get(folder) != changed or (newest is not None and newest.parent != folder):
                self._seen[folder] = changed
                if (state := newest_state(folder)) is not None and state != newest:
                    self._newest[folder] = state
                    found.append(state)
        return found


def newest_state(folder: Path) -> Path | None:
    """The trainer_state.json of an output folder that has seen most steps."""
    whole = folder / STATE_FILE
    found: list[tuple[int, Path]] = []
    for entry in folder.glob("checkpoint-*"):
        number = entry.name.removeprefix("checkpoint-")
        if number.isdigit() and (entry / STATE_FILE).is_file():
            found.append((int(number), entry / STATE_FILE))
    if whole.is_file() and (not found or whole.stat().st_mtime_ns >= found[-1][1].stat().st_mtime_ns):
        return whole
    return max(found)[1] if found else None
