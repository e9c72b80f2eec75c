"""ProgressPage: a batch while it works, one line a configuration, and the answers as they come."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType

from core.sanitise import one_line
from tui import batch_words as words
from tui.glyphs import Glyphs, glyphs
from tui.i18n import N_, _
from tui.screens.compare.batches import lists, texts
from tui.screens.compare.batches.pages import BatchPage, page_bindings
from tui.widgets.frame import Rule
from tui.widgets.lines import fit, pad
from tui.widgets.rows import Rows, widest
from tui.widgets.sheet import Line, Sheet

if TYPE_CHECKING:
    from textual.worker import Worker

    from core.batches.types import Answer, Batch

#: Seconds between two pictures.
_INTERVAL = 0.5
_LATEST = 60


class ProgressPage(BatchPage, inherit_bindings=False):
    """See the module."""

    PAGE = "progress"
    HELP = N_(
        "How far the batch is with each configuration. Enter shows its answers; right leads to all answers, once more to the report.\n\n"
        "p starts, pauses and goes on: what was answered is never asked again, and what is under way is awaited. s ends it for good. R "
        "asks the failed ones again.\n\n"
        "Where a provider answers that it is asked too often (429), it is asked more slowly, until it takes what it is asked; the line "
        "below the bar says so."
    )
    BINDINGS: ClassVar[list[BindingType]] = page_bindings()

    _watching: Worker[None] | None = None

    def __init__(self, batch_id: str) -> None:
        super().__init__(batch_id)
        self._latest: deque[Answer] = deque(maxlen=_LATEST)

    def compose_page(self) -> Iterable[Any]:
        yield Sheet(still=True, id="batch-head")
        yield Rows(lists.PROGRESS_COLUMNS, id="batch-rows")
        yield Rule(id="batch-latest-rule")
        yield Sheet(still=True, id="batch-latest")

    def on_mount(self) -> None:
        super().on_mount()
        self.rows.focus()

    @property
    def rows(self) -> Rows:
        return self.query_one("#batch-rows", Rows)

    @property
    def idle(self) -> bool:
        return self._watching is None or self._watching.is_finished

    async def load(self, item: Batch) -> None:
        if not self._latest:
            page = await self.services.batches.answers(self.principal, item.id, state="answered", sort="-number", limit=_LATEST)
            self._latest.extend(reversed(page.items))
        if item.active and self.idle:
            self._watching = self.start(self._watch, group="watch")

    async def _watch(self) -> None:
        """Follow it until nothing goes on any more."""
        async with aclosing(self.services.batches.watch(self.principal, self._batch_id, _INTERVAL)) as updates:
            async for update in updates:
                known = {answer.id for answer in update.newest}
                self._latest = deque((each for each in self._latest if each.id not in known), maxlen=_LATEST)
                self._latest.extend(update.newest)
                self.take(update.batch)

    def draw(self, item: Batch) -> None:
        signs, zone = glyphs(self.app), self.modeltrain.zone
        self.query_one("#batch-head", Sheet).show(lambda width: texts.head_lines(item, width, signs, zone))
        self.rows.show([lists.progress_row(each, signs) for each in item.configurations])
        self.query_one("#batch-latest-rule", Rule).text = _("Latest answers") if self._latest else ""
        latest = tuple(reversed(self._latest))
        names = [one_line(each.name, 60) for each in item.configurations]
        room = widest(names, 4, 20) if len(names) > 1 else 0
        self.query_one("#batch-latest", Sheet).show(lambda width: [latest_line(each, width, signs, room) for each in latest])

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        self.turn_to("answers", configuration_id=event.row_id)


def latest_line(item: Answer, width: int, signs: Glyphs, room: int) -> Line:
    """An answer in a line: state, number, who (in `room` cells, 0 for nobody), how good, how it begins."""
    state, token = words.answer_state(item.state, signs)
    value = item.score.value if item.score is not None else None
    front = f"{state[:1]} {item.question.number:>6}  "
    name = f"{pad(one_line(item.configuration_name, 60), room, ellipsis=signs.ellipsis)}  " if room else ""
    score = f"{words.score_figure(value):>7}  "
    text = one_line((item.content or item.question.filled().text)[:1000], 300)
    used = 9 + room + (2 if room else 0) + 9 + 3
    return (
        (front, token),
        (name, "accent"),
        (score, words.score_token(value)),
        (fit(text, max(8, width - used), signs.ellipsis), "dim"),
    )
