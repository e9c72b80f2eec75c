"""Files that become sets, and versions of sets: what is looked at first, what is written then, and what is taken back if it fails."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from core.auth.principal import Principal
from core.errors import Conflict, InvalidInput, NotFound
from core.questions.editing import Editor, Matching, count_changes, found, version_row
from core.questions.files import QuestionFiles
from core.questions.importing import Scan, scan, write_new
from core.questions.names import check_note, check_tags
from core.questions.order import decode
from core.questions.rules import LONGEST_TAG, MOST_TAGS
from core.questions.types import FilePreview, NotReadable, QuestionSet

if TYPE_CHECKING:
    from core.clock import Clock
    from core.persistence import Store
    from storage.unit_of_work import UnitOfWork

#: After so long a set whose import nobody finished is a broken-off one.
ABANDONED_MS: Final = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Source:
    """A file by its path, or the bytes of one with what it is called."""

    path: str
    encoding: str | None = None
    data: bytes | None = None


class Importer:
    """Used by core/questions/service.py alone, which has asked who may do it."""

    def __init__(self, store: Store, editor: Editor, files: QuestionFiles, clock: Clock) -> None:
        self._store, self._editor, self._files, self._clock = store, editor, files, clock

    async def look(self, principal: Principal, source: Source) -> FilePreview:
        return (await self._scan(principal, source))[1]

    def _open(self, principal: Principal, source: Source) -> BinaryIO:
        return self._files.open(principal, source.path) if source.data is None else io.BytesIO(source.data)

    async def _scan(self, principal: Principal, source: Source) -> tuple[Scan, FilePreview]:
        file = await asyncio.to_thread(self._open, principal, source)
        return await scan(file, source.path, source.encoding)

    async def _usable(self, principal: Principal, source: Source, leave_out_bad: bool) -> tuple[Scan, FilePreview]:
        scanned, preview = await self._scan(principal, source)
        if preview.left_out and (not leave_out_bad or not preview.count):
            raise NotReadable(preview)
        if not preview.count:
            raise InvalidInput("path", "no_questions")
        return scanned, preview

    async def new(
        self, principal: Principal, source: Source, *, name: str | None, tags: Sequence[str], leave_out_bad: bool
    ) -> tuple[str, FilePreview]:
        """A new set of a file; its id."""
        owner = principal.require_user("questions.import")
        scanned, preview = await self._usable(principal, source, leave_out_bad)
        count = len(scanned.digests)
        set_id, first = await self._store.write(lambda uow: self._begin(uow, owner, name, count))
        try:
            nothing: list[int | None] = [None] * count
            file = await asyncio.to_thread(self._open, principal, source)
            serials = await write_new(
                self._store,
                owner,
                set_id,
                file,
                source.path,
                source.encoding,
                digests=scanned.digests,
                plan=nothing,
                roots=nothing,
                first=first,
            )
            labels = tags or _tags_of(preview)

            def finish(uow: UnitOfWork) -> None:
                uow.questions.lock_owner(owner)
                self._editor.finish(
                    uow, owner, set_id, name or preview.name, exact=name is not None, note=check_note(preview.note[:500]), tags=labels,
                    serials=serials, figures=scanned.figures, origin="imported", source=_file_name(source.path), added=count,
                )  # fmt: skip

            await self._store.write(finish)
        except BaseException:
            await self._store.write(lambda uow: uow.questions.remove(owner, [set_id]))
            raise
        return set_id, preview

    def _begin(self, uow: UnitOfWork, owner: str, name: str | None, count: int) -> tuple[str, int]:
        if not uow.questions.lock_owner(owner):
            raise NotFound(kind="user", reference=owner)
        if name is not None and name in uow.questions.names(owner):
            raise Conflict(what="question_set_name", name=name)
        uow.questions.remove_unfinished(owner, self._clock.now_ms() - ABANDONED_MS)
        set_id = self._editor.begin(uow, owner)
        return set_id, uow.questions.take_serials(owner, set_id, count) or 1

    async def into(self, principal: Principal, source: Source, before: QuestionSet, *, leave_out_bad: bool) -> FilePreview:
        """The file as the next version of a set; no version where it holds what the set holds."""
        owner = principal.require_user("questions.import")
        scanned, preview = await self._usable(principal, source, leave_out_bad)
        plan, roots = await self._store.read(lambda uow: _planned(uow, owner, before, scanned.digests))
        new = sum(each is None for each in plan)

        def begin(uow: UnitOfWork) -> int:
            uow.questions.lock_owner(owner)
            return uow.questions.take_serials(owner, before.id, new) or 1

        first = await self._store.write(begin)
        try:
            file = await asyncio.to_thread(self._open, principal, source)
            serials = await write_new(
                self._store,
                owner,
                before.id,
                file,
                source.path,
                source.encoding,
                digests=scanned.digests,
                plan=plan,
                roots=roots,
                first=first,
            )
            await self._store.write(lambda uow: self._save(uow, owner, before, serials, scanned, _file_name(source.path)))
        except BaseException:
            await self._store.write(lambda uow: uow.questions.remove_questions(owner, before.id, first, first + new))
            raise
        return preview

    def _save(self, uow: UnitOfWork, owner: str, before: QuestionSet, serials: list[int], scanned: Scan, source: str) -> None:
        uow.questions.lock_owner(owner)
        row = found(uow, owner, before.id)
        if row.version != before.version:
            raise Conflict(what="question_set_changed", name=row.name)
        was = decode(version_row(uow, owner, row.id, row.version).serials)
        if was == serials:
            return
        added, changed, removed = count_changes(uow, owner, row.id, was, serials)
        self._editor.version(
            uow, owner, row.id, row.version + 1, serials=serials, figures=scanned.figures, origin="imported", source=source,
            added=added, changed=changed, removed=removed,
        )  # fmt: skip


def _planned(uow: UnitOfWork, owner: str, before: QuestionSet, digests: Sequence[str]) -> tuple[list[int | None], list[int | None]]:
    """For each question of the file the serial that it has already, else None; and the root of those that are a change of one."""
    serials = decode(version_row(uow, owner, before.id, before.version).serials)
    matching = Matching(uow.questions.marks(owner, before.id, serials), serials)
    return matching.plan(digests)


def _tags_of(preview: FilePreview) -> tuple[str, ...]:
    return check_tags(tag for tag in preview.tags[:MOST_TAGS] if len(tag) <= LONGEST_TAG)


def _file_name(path: str) -> str:
    return path.replace("\\", "/").rsplit("/", 1)[-1][:200]
