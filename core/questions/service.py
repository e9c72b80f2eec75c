"""Question sets: `Services.questions`. Whoever asks sees and changes only their own.

A set is a name for versions, a version an ordered list of questions that never changes. Saving writes what differs, and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from core.auth.principal import Principal
from core.errors import Conflict, NotFound
from core.events import EventBus, QuestionsChanged
from core.questions import shipped
from core.questions.editing import Editor, checked, found
from core.questions.files import QuestionFiles
from core.questions.importer import Importer, Source
from core.questions.looking import Looking
from core.questions.names import check_name, check_note, check_tags
from core.questions.records import tags_text
from core.questions.types import (
    Example,
    FilePreview,
    Format,
    Imported,
    QuestionDraft,
    QuestionSet,
)
from core.questions.writing import Writer, format_of

if TYPE_CHECKING:
    from core.clock import Clock, Identifiers
    from core.files.service import UserFiles
    from core.persistence import Store
    from storage.unit_of_work import UnitOfWork

T = TypeVar("T")


class Questions(Looking):
    """The question sets of all accounts. A set is named by its id or, failing that, by its name (`set_id` takes both).

    `folders`: where everybody may read files (core/questions/files.py).
    """

    def __init__(
        self, store: Store, *, clock: Clock, ids: Identifiers, events: EventBus, files: UserFiles, folders: tuple[Path, ...] = ()
    ) -> None:
        super().__init__(store)
        self._events = events
        self._files = QuestionFiles(files, folders)
        self._editor = Editor(clock, ids)
        self._importer = Importer(store, self._editor, self._files, clock)

    # Making and changing -------------------------------------------------------------------------------------------

    async def create(
        self, principal: Principal, name: str, questions: Iterable[QuestionDraft] = (), *, note: str = "", tags: Iterable[str] = ()
    ) -> QuestionSet:
        """A new set. Raises Conflict(what="question_set_name"), and InvalidInput("name" | "question" | "scorer" | ...): its field
        `number` says which question is meant."""
        principal.require_user("questions.change")
        title, about, labels = check_name(name), check_note(note), check_tags(tags)
        drafts = await asyncio.to_thread(checked, list(questions))

        def work(uow: UnitOfWork, owner: str) -> str:
            return self._editor.create(uow, owner, title, drafts, exact=True, note=about, tags=labels, origin="typed")

        return await self.get(principal, await self._write(principal, work))

    async def save_version(
        self, principal: Principal, set_id: str, questions: Iterable[QuestionDraft], *, expected_version: int | None = None
    ) -> QuestionSet:
        """These questions, all of them, as the next version; the same version where nothing differs.

        Raises as `create`, and Conflict(what="question_set_changed") when `expected_version` is not the newest any more.
        """
        principal.require_user("questions.change")
        drafts = await asyncio.to_thread(checked, list(questions))

        def work(uow: UnitOfWork, owner: str) -> str:
            row = _expected(found(uow, owner, set_id), expected_version)
            self._editor.replace_all(uow, owner, row, drafts)
            return str(row.id)

        return await self.get(principal, await self._write(principal, work))

    async def edit(
        self,
        principal: Principal,
        set_id: str,
        *,
        replace: Mapping[int, QuestionDraft] | None = None,
        remove: Collection[int] = (),
        add: Sequence[QuestionDraft] = (),
        expected_version: int | None = None,
    ) -> QuestionSet:
        """The newest version with some questions replaced or removed (by number, from 1) and others added at the end, as the next one.

        Cheap in a set of any size. Raises as `save_version`, NotFound(kind="question").
        """
        principal.require_user("questions.change")
        new = dict(zip(replace, checked(replace.values()), strict=True)) if replace else {}
        more = checked(add)

        def work(uow: UnitOfWork, owner: str) -> str:
            row = _expected(found(uow, owner, set_id), expected_version)
            self._editor.edit(uow, owner, row, replace=new, remove=frozenset(remove), add=more)
            return str(row.id)

        return await self.get(principal, await self._write(principal, work))

    async def restore(self, principal: Principal, set_id: str, version: int) -> QuestionSet:
        """The questions of an older version as the next one; the newest stays where it holds the same."""

        def work(uow: UnitOfWork, owner: str) -> str:
            row = found(uow, owner, set_id)
            self._editor.restore(uow, owner, row, version)
            return str(row.id)

        return await self.get(principal, await self._write(principal, work))

    async def rename(self, principal: Principal, set_id: str, name: str, *, note: str | None = None) -> QuestionSet:
        """Raises InvalidInput("name", ...), Conflict(what="question_set_name"). Makes no version."""
        wanted = check_name(name)
        about = None if note is None else check_note(note)

        def work(uow: UnitOfWork, owner: str) -> str:
            row = found(uow, owner, set_id)
            if uow.questions.names(owner).get(wanted, row.id) != row.id:
                raise Conflict(what="question_set_name", name=wanted)
            uow.questions.change(owner, row.id, name=wanted, **({} if about is None else {"note": about}))
            return str(row.id)

        return await self.get(principal, await self._write(principal, work))

    async def tag(self, principal: Principal, set_id: str, tags: Iterable[str]) -> QuestionSet:
        """Give it these tags and no others. Makes no version. Raises InvalidInput("tags", ...)."""
        labels = check_tags(tags)

        def work(uow: UnitOfWork, owner: str) -> str:
            row = found(uow, owner, set_id)
            uow.questions.change(owner, row.id, tags=tags_text(labels))
            return str(row.id)

        return await self.get(principal, await self._write(principal, work))

    async def delete(self, principal: Principal, set_ids: Iterable[str]) -> int:
        """Delete with all versions: all of them or, if one is unknown (NotFound), none; how many."""
        wanted = tuple(set_ids)

        def work(uow: UnitOfWork, owner: str) -> int:
            ids = list(dict.fromkeys(str(found(uow, owner, each).id) for each in wanted))
            return uow.questions.remove(owner, ids) if ids else 0

        return await self._write(principal, work)

    # Files ---------------------------------------------------------------------------------------------------------

    async def look(self, principal: Principal, path: str, *, encoding: str | None = None, data: bytes | None = None) -> FilePreview:
        """What a file would become, read to its end. `path`: on this machine, or for somebody served below the own folders; with `data`,
        the bytes of the file, only what it is called.

        Raises NotFound(kind="question_file"), InvalidInput("path", "not_a_file" | "not_readable" | "too_large" | "too_many_questions"),
        InvalidInput("encoding", "unknown_encoding").
        """
        principal.require_user("questions.import")
        return await self._importer.look(principal, Source(path, encoding, data))

    async def import_file(
        self,
        principal: Principal,
        path: str,
        name: str | None = None,
        *,
        tags: Iterable[str] = (),
        into: str | None = None,
        encoding: str | None = None,
        leave_out_bad: bool = False,
        data: bytes | None = None,
    ) -> Imported:
        """A set of a file; `into`: the file as the next version of that set instead.

        `path`, `data`: as for `look`. `name` None: as the file says or is called, with a number where that is taken.

        Raises as `look` and `create`; NotReadable where the file has places that nothing could be made of, unless `leave_out_bad`;
        InvalidInput("path", "no_questions"); Conflict(what="question_file_changed" | "question_set_changed") where somebody changes file
        or set in the meantime.
        """
        owner = principal.require_user("questions.import")
        source = Source(path, encoding, data)
        title = check_name(name) if name is not None else None
        labels = check_tags(tags)
        if into is None:
            set_id, preview = await self._importer.new(principal, source, name=title, tags=labels, leave_out_bad=leave_out_bad)
            self._events.publish(QuestionsChanged(owner))
            return Imported(await self.get(principal, set_id), preview)
        before = await self.get(principal, into)
        preview = await self._importer.into(principal, source, before, leave_out_bad=leave_out_bad)
        self._events.publish(QuestionsChanged(owner))
        after = await self.get(principal, before.id)
        diff = await self.diff(principal, before.id, before.version, after.version)
        return Imported(after, preview, diff, unchanged=after.version == before.version)

    async def export(
        self,
        principal: Principal,
        set_id: str,
        path: str,
        format: Format | None = None,  # noqa: A002 - what it is called everywhere
        version: int | None = None,
        *,
        replace: bool = False,
    ) -> int:
        """Write a version into a file, whole or not at all; its bytes. `format` None: by the ending of `path`.

        Raises InvalidInput("path" | "format", ...), Conflict(what="file_exists") unless `replace`, DiskFull, QuotaExceeded,
        EnvironmentProblem(what="file_not_writable").
        """
        principal.require_user("questions.export")
        kind = format_of(path, format)
        await self.get(principal, set_id)
        target = await asyncio.to_thread(self._files.create, principal, path, replace=replace)
        size = 0
        try:
            async for piece in self.exported(principal, set_id, kind, version):
                data = piece.encode()
                size += len(data)
                await asyncio.to_thread(target.write, data)
            await asyncio.to_thread(target.commit)
        except BaseException:
            target.discard()
            raise
        return size

    async def exported(
        self,
        principal: Principal,
        set_id: str,
        format: Format = "jsonl",  # noqa: A002 - what it is called everywhere
        version: int | None = None,
    ) -> AsyncIterator[str]:
        """The same text, a piece at a time. TXT is the texts of the questions and nothing else."""
        item = await self.get(principal, set_id)
        number = item.version if version is None else version
        writer = Writer(format_of("", format), name=item.name, note=item.note, tags=item.tags)
        if writer.kind == "txt":
            async for part in self.all_questions(principal, item.id, number):
                writer.look(part)
        begun = False
        async for part in self.all_questions(principal, item.id, number):
            yield ("" if begun else writer.head()) + writer.part(part)
            begun = True
        yield ("" if begun else writer.head()) + writer.tail()

    # Examples ------------------------------------------------------------------------------------------------------

    async def examples(self, principal: Principal) -> tuple[Example, ...]:
        """Sets that come with the program, in every language."""
        principal.require_user("questions.list")
        return await asyncio.to_thread(shipped.examples)

    async def add_example(self, principal: Principal, example_id: str) -> QuestionSet:
        """A copy of an example as a set of one's own. Raises NotFound(kind="question_example")."""
        principal.require_user("questions.change")
        example, drafts = await asyncio.to_thread(shipped.load, example_id)

        def work(uow: UnitOfWork, owner: str) -> str:
            return self._editor.create(
                uow, owner, example.name, drafts, exact=False, note=example.note, tags=example.tags, origin="example", source=example.id
            )

        return await self.get(principal, await self._write(principal, work))

    # Inside --------------------------------------------------------------------------------------------------------

    async def _write(self, principal: Principal, work: Callable[[UnitOfWork, str], T]) -> T:
        """Run `work(uow, owner_id)` while nobody else changes this owner's sets, then tell who listens."""
        owner = principal.require_user("questions.change")

        def locked(uow: UnitOfWork) -> T:
            if not uow.questions.lock_owner(owner):
                raise NotFound(kind="user", reference=principal.email)
            return work(uow, owner)

        result = await self._store.write(locked)
        self._events.publish(QuestionsChanged(owner))
        return result


def _expected(row: Any, version: int | None) -> Any:
    if version is not None and version != row.version:
        raise Conflict(what="question_set_changed", name=row.name)
    return row
