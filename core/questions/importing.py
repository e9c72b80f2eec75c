"""A file of questions becomes a version of a set: read twice, so that memory is needed for one row at a time, and written in groups."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, Final

from core.errors import Conflict, InvalidInput, NotFound
from core.questions.names import name_from
from core.questions.reading import read_open
from core.questions.records import Figures, digest_of, question_row
from core.questions.rules import MOST_QUESTIONS
from core.questions.types import FilePreview, Problem, Question, QuestionDraft, Read

if TYPE_CHECKING:
    from core.persistence import Store
    from storage.unit_of_work import UnitOfWork

#: Items that are read in one go, and rows of one transaction: short ones, so that others write in between.
GROUP: Final = 2000
#: Characters of one transaction, and of the questions that a preview shows.
LARGEST_GROUP: Final = 4_000_000
MOST_PROBLEMS: Final = 200
SHOWN: Final = 100


@dataclass
class Scan:
    """What a first reading found. `digests`: of the good questions, in order."""

    digests: list[str] = field(default_factory=list)
    figures: Figures = field(default_factory=Figures)
    problems: list[Problem] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    left_out: int = 0
    remarks: int = 0
    #: Characters of the questions.
    length: int = 0

    def take(self, item: QuestionDraft | Problem) -> None:
        if isinstance(item, Problem):
            self.left_out += item.left_out
            self.remarks += not item.left_out
            if len(self.problems) < MOST_PROBLEMS:
                self.problems.append(item)
            return
        self.digests.append(digest_of(item))
        self.figures.add(item.type, item.expected is not None)
        self.length += len(item.text)
        if len(self.questions) < SHOWN and self.length < LARGEST_GROUP:
            self.questions.append(numbered(item, len(self.digests)))
        if len(self.digests) > MOST_QUESTIONS:
            raise InvalidInput("path", "too_many_questions", limit=MOST_QUESTIONS)


def numbered(draft: QuestionDraft, number: int) -> Question:
    """A question that is not saved: it has no id."""
    return Question(
        draft.text, draft.expected, draft.type, draft.scorer, draft.weight, draft.variables, draft.system, draft.options,
        draft.source_line, "", number,
    )  # fmt: skip


async def scan(file: BinaryIO, path: str, encoding: str | None) -> tuple[Scan, FilePreview]:
    """Read a file to its end, a group at a time in a thread; it is closed then."""
    found = Scan()
    read = await asyncio.to_thread(read_open, file, path, encoding=encoding)
    try:
        while await asyncio.to_thread(_take, read, found):
            pass
    finally:
        read.close()
    types = Counter({name: count for name, count in found.figures.types.items() if count})
    preview = FilePreview(
        path=path,
        format=read.format,
        encoding=read.encoding,
        name=name_from(read.name or path),
        note=read.note,
        tags=read.tags,
        count=len(found.digests),
        left_out=found.left_out,
        remarks=found.remarks,
        types=dict(types),
        problems=tuple(found.problems),
        questions=tuple(found.questions),
    )
    return found, preview


def _take(read: Read, found: Scan) -> bool:
    count = 0
    for item in islice(read, GROUP):
        found.take(item)
        count += 1
    return count == GROUP


def _next(questions: Iterator[QuestionDraft]) -> list[QuestionDraft]:
    """The next group: fewer where they are long."""
    group: list[QuestionDraft] = []
    size = 0
    for draft in islice(questions, GROUP):
        group.append(draft)
        size += len(draft.text) + len(draft.expected or "") + len(draft.system or "")
        if size > LARGEST_GROUP:
            break
    return group


async def write_new(
    store: Store, owner: str, set_id: str, file: BinaryIO, path: str, encoding: str | None, *, digests: Sequence[str],
    plan: Sequence[int | None], roots: Sequence[int | None], first: int,
) -> list[int]:  # fmt: skip
    """Write those questions of a file that `plan` has no serial for, from serial `first` on; the serials of all, in order.

    Raises Conflict(what="question_file_changed") where the file is not what it was at the first reading.
    """
    read = await asyncio.to_thread(read_open, file, path, encoding=encoding)
    serials: list[int] = []
    try:
        questions = (item for item in read if isinstance(item, QuestionDraft))
        while group := await asyncio.to_thread(_next, questions):
            rows = []
            for draft in group:
                place = len(serials)
                if place >= len(digests) or digest_of(draft) != digests[place]:
                    raise Conflict(what="question_file_changed")
                known = plan[place]
                if known is None:
                    rows.append(question_row(draft, set_id, first, roots[place], digests[place]))
                    known, first = first, first + 1
                serials.append(known)
            if rows:
                await store.write(lambda uow, rows=rows: _add(uow, owner, set_id, rows))  # type: ignore[misc]
    finally:
        read.close()
    if len(serials) != len(digests):
        raise Conflict(what="question_file_changed")
    return serials


def _add(uow: UnitOfWork, owner: str, set_id: str, rows: list[dict[str, object]]) -> None:
    if not uow.questions.lock_owner(owner) or not uow.questions.there(owner, set_id):
        raise NotFound(kind="question_set", reference=set_id)  # deleted meanwhile
    uow.questions.add_questions(rows)
