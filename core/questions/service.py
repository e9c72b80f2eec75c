"""Question sets: `Services.questions`. Whoever asks sees and changes only their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence

from core.auth.principal import Principal
from core.questions.types import (
    Diff,
    Example,
    FilePreview,
    Format,
    Imported,
    Question,
    QuestionDraft,
    QuestionPage,
    QuestionSet,
    SetPage,
    SetVersion,
    Sort,
)


class Questions:
    """The question sets of all accounts. A set is named by its id or, failing that, by its name (`set_id` takes both)."""

    # Looking -------------------------------------------------------------------------------------------------------

    async def sets(
        self, principal: Principal, *, query: str = "", tag: str = "", sort: Sort = "updated", limit: int = 100, offset: int = 0
    ) -> SetPage:
        """Those that have every word of `query` in name, note, tags or types, and the tag `tag`."""
        raise NotImplementedError

    async def get(self, principal: Principal, set_id: str) -> QuestionSet:
        """Raises NotFound(kind="question_set") for unknown ones and other people's."""
        raise NotImplementedError

    async def versions(self, principal: Principal, set_id: str) -> tuple[SetVersion, ...]:
        """Every version, the newest (in force) first."""
        raise NotImplementedError

    async def questions(
        self,
        principal: Principal,
        set_id: str,
        version: int | None = None,
        *,
        query: str = "",
        type: str | None = None,
        offset: int = 0,
        limit: int = 100,
    ) -> QuestionPage:
        """Questions of a version (None: the newest), in order: those that have `query` in text or expected answer, and the type `type`.

        Raises NotFound(kind="question_set" | "question_set_version").
        """
        raise NotImplementedError

    async def question(self, principal: Principal, set_id: str, number: int, version: int | None = None) -> Question:
        """One question by its place, from 1. Raises NotFound(kind="question") besides those of `questions`."""
        raise NotImplementedError

    def all_questions(self, principal: Principal, set_id: str, version: int | None = None) -> AsyncIterator[tuple[Question, ...]]:
        """Every question of a version, a thousand at a time. Raises as `questions`."""
        raise NotImplementedError

    async def diff(self, principal: Principal, set_id: str, old: int, new: int, *, limit: int = 200) -> Diff:
        """What differs between two versions, with the first `limit` changes."""
        raise NotImplementedError

    # Making and changing -------------------------------------------------------------------------------------------

    async def create(
        self, principal: Principal, name: str, questions: Iterable[QuestionDraft] = (), *, note: str = "", tags: Iterable[str] = ()
    ) -> QuestionSet:
        """A new set. Raises InvalidInput("name" | "question" | ..., ...; `number` says which question), Conflict(what="question_set_name")."""
        raise NotImplementedError

    async def save_version(
        self, principal: Principal, set_id: str, questions: Iterable[QuestionDraft], *, expected_version: int | None = None
    ) -> QuestionSet:
        """These questions, all of them, as the next version; the same version where nothing differs.

        Raises as `create`, and Conflict(what="question_set_changed") when `expected_version` is not the newest any more.
        """
        raise NotImplementedError

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
        raise NotImplementedError

    async def restore(self, principal: Principal, set_id: str, version: int) -> QuestionSet:
        """The questions of an older version as the next one."""
        raise NotImplementedError

    async def rename(self, principal: Principal, set_id: str, name: str, *, note: str | None = None) -> QuestionSet:
        """Raises InvalidInput("name", ...), Conflict(what="question_set_name"). Makes no version."""
        raise NotImplementedError

    async def tag(self, principal: Principal, set_id: str, tags: Iterable[str]) -> QuestionSet:
        """Give it these tags and no others. Makes no version. Raises InvalidInput("tags", ...)."""
        raise NotImplementedError

    async def delete(self, principal: Principal, set_ids: Iterable[str]) -> int:
        """Delete with all versions: all of them or, if one is unknown (NotFound), none; how many."""
        raise NotImplementedError

    # Files ---------------------------------------------------------------------------------------------------------

    async def look(self, principal: Principal, path: str, *, encoding: str | None = None) -> FilePreview:
        """What a file would become, read to its end. `path`: on this machine, or for somebody served below the own folders.

        Raises NotFound(kind="question_file"), InvalidInput("path", "not_a_file" | "not_readable" | "too_large"), InvalidInput("encoding", ...).
        """
        raise NotImplementedError

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
    ) -> Imported:
        """A set of a file; `into`: the file as the next version of that set instead.

        `name` None: as the file says or is called, with a number where that is taken. Raises as `look` and `create`; NotReadable where
        the file has places that nothing could be made of, unless `leave_out_bad`; InvalidInput("path", "no_questions").
        """
        raise NotImplementedError

    async def export(
        self, principal: Principal, set_id: str, path: str, format: Format | None = None, version: int | None = None, *, replace: bool = False
    ) -> int:
        """Write a version into a file, whole or not at all; its bytes. `format` None: by the ending of `path`.

        Raises InvalidInput("path" | "format", ...), Conflict(what="file_exists") unless `replace`, DiskFull, QuotaExceeded,
        EnvironmentProblem(what="file_not_writable").
        """
        raise NotImplementedError

    def exported(self, principal: Principal, set_id: str, format: Format = "jsonl", version: int | None = None) -> AsyncIterator[str]:
        """The same text, a piece at a time."""
        raise NotImplementedError

    # Examples ------------------------------------------------------------------------------------------------------

    async def examples(self, principal: Principal) -> tuple[Example, ...]:
        """Sets that come with the program, in every language."""
        raise NotImplementedError

    async def add_example(self, principal: Principal, example_id: str) -> QuestionSet:
        """A copy of an example as a set of one's own. Raises NotFound(kind="question_example")."""
        raise NotImplementedError
