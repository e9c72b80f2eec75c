"""Long work on datasets as the screens show it: begun here, followed wherever it is in sight, found again when it was left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from core.datasets.types import WorkProgress
from core.datasets.work import Work
from core.sanitise import one_line
from tui.i18n import N_, _
from tui.screens.base import AreaScreen
from tui.screens.data import texts
from tui.widgets.dialogs import Decide
from tui.widgets.work_line import WorkLine

#: Seconds after which nobody throws work away by one key.
_DEAR_S = 15.0


class Working(AreaScreen):
    """The part of the data screens that follows work. They have a `WorkLine`, and say which dataset is in hand."""

    _followed: dict[int, tuple[Work, Callable[[], None]]]

    def on_mount(self) -> None:
        self._followed = {}
        super().on_mount()

    def on_unmount(self) -> None:
        for _work, stop in self._followed.values():
            stop()
        self._followed.clear()

    @property
    def dataset_in_hand(self) -> str:
        """The id of the dataset that the keys act on, "" for none."""
        raise NotImplementedError

    def reload(self, keep: str | None = None) -> None:
        """Read everything anew."""
        raise NotImplementedError

    def work_moved(self) -> None:
        """Some work went on: draw what shows it beside the line."""

    def work_ended(self, work: Work) -> None:
        """Some work is over: `reload` follows."""

    # Following -------------------------------------------------------------------------------------------------------

    @property
    def works(self) -> list[Work]:
        """What is under way, that of the dataset in hand first."""
        running = [work for work, _stop in self._followed.values() if work.state == "running"]
        return sorted(running, key=lambda work: work.dataset_id != self.dataset_in_hand)

    def work_of(self, dataset_id: str) -> Work | None:
        return next((work for work in self.works if work.dataset_id == dataset_id), None)

    def follow_works(self) -> None:
        """Follow what runs for this person, begun here or elsewhere in this process."""
        for work in self.services.datasets.work(self.principal):
            if work.state == "running" and id(work) not in self._followed:
                self._followed[id(work)] = (work, work.subscribe(partial(self._heard, work)))
        self.draw_work()

    def _heard(self, work: Work, progress: WorkProgress) -> None:
        if self.gone:
            return
        if progress.state != "running":
            _known, stop = self._followed.pop(id(work), (work, lambda: None))
            stop()
            self.work_ended(work)
            self.reload()
        self.draw_work()
        self.work_moved()

    def draw_work(self) -> None:
        line, works = self.query_one(WorkLine), self.works
        if not works:
            line.clear()
            return
        first = works[0]
        words = texts.work_words(first.kind, first.dataset_name)
        if len(works) > 1:
            words += f" (+{len(works) - 1})"
        done, total = first.progress.done, first.progress.total
        line.show(words, min(1.0, done / total) if total else None, texts.work_figures(first.progress), _("Esc cancel"))

    # Beginning and calling off ---------------------------------------------------------------------------------------

    async def begin(self, starting: Callable[[], Awaitable[Work]]) -> None:
        """Have work begun, and follow it."""
        await starting()
        self.follow_works()
        self.work_moved()
        self.refresh_bindings()

    def cancel_work(self) -> bool:
        """Call off what the line shows, at once or after a question if it cost much already; whether there was anything."""
        works = self.works
        if not works:
            return False
        work = works[0]
        if work.progress.seconds < _DEAR_S:
            work.cancel()
            return True

        def decided(answer: str | None) -> None:
            if answer == "stop":
                work.cancel()
            elif answer == "leave":
                self.leave_work()

        question = _("{what}: stop it?").format(what=texts.work_words(work.kind, work.dataset_name))
        answers = {"s": ("stop", N_("stop it")), "l": ("leave", N_("let it run and go back"))}
        self.app.push_screen(Decide(question, answers, _("What it wrote so far is removed. It goes on when you leave this page.")), decided)
        return True

    def leave_work(self) -> None:
        """Go back and let it run."""

    def say_end(self, work: Work) -> None:
        """A notice of how work ended."""
        if work.state == "failed" and work.error is not None:
            self.modeltrain.show_error(work.error)
        elif work.state == "cancelled":
            self.modeltrain.say(_("Stopped. Nothing was changed."))
        elif work.state == "done" and work.results:
            self.modeltrain.say("\n".join(_outcome(work, index) for index in range(len(work.results))))


def _outcome(work: Work, index: int) -> str:
    item = work.results[index]
    name, summary = one_line(item.name), item.current.summary
    verdict = _(texts.VERDICTS[item.verdict])
    if summary is None:
        return _("“{name}” is {verdict}.").format(name=name, verdict=verdict)
    if work.kind in ("repair", "deduplicate"):
        text = _("“{name}”, version {version}: {rows}, {verdict}.")
        return text.format(name=name, version=item.current.version, rows=texts.rows(summary.rows), verdict=verdict)
    return _("“{name}”: {rows}, {problems}, {verdict}.").format(
        name=name, rows=texts.rows(summary.rows), problems=texts.problems(summary.problems), verdict=verdict
    )
