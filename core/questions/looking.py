"""What a person sees of question sets: lists, versions, questions, differences."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from core.auth.principal import Principal
from core.errors import NotFound
from core.questions.editing import found, pairs, version_row
from core.questions.order import decode
from core.questions.records import question_view, set_view, version_view
from core.questions.types import (
    Change,
    ChangeKind,
    Diff,
    Question,
    QuestionPage,
    QuestionSet,
    SetPage,
    SetVersion,
    Sort,
)
from core.questions.views import arranged, changed_fields

if TYPE_CHECKING:
    from core.persistence import Store
    from storage.unit_of_work import UnitOfWork

#: Questions that are read at a time.
PAGE: Final = 1000


class Looking:
    """The part of `Questions` that changes nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def sets(
        self, principal: Principal, *, query: str = "", tag: str = "", sort: Sort = "updated", limit: int = 100, offset: int = 0
    ) -> SetPage:
        """Those that have every word of `query` in name, note, tags or types, and the tag `tag`."""
        owner = principal.require_user("questions.list")
        items = await self._store.read(lambda uow: [set_view(row) for row in uow.questions.all(owner)])
        kept, tags = arranged(items, query, tag, sort)
        return SetPage(tuple(kept[offset : offset + limit]), len(kept), tags)

    async def get(self, principal: Principal, set_id: str) -> QuestionSet:
        """Raises NotFound(kind="question_set") for unknown ones and other people's."""
        owner = principal.require_user("questions.list")
        return await self._store.read(lambda uow: set_view(found(uow, owner, set_id)))

    async def versions(self, principal: Principal, set_id: str) -> tuple[SetVersion, ...]:
        """Every version, the newest (in force) first."""
        owner = principal.require_user("questions.list")

        def work(uow: UnitOfWork) -> tuple[SetVersion, ...]:
            return tuple(version_view(row) for row in uow.questions.versions_of(owner, found(uow, owner, set_id).id))

        return await self._store.read(work)

    async def questions(
        self,
        principal: Principal,
        set_id: str,
        version: int | None = None,
        *,
        query: str = "",
        type: str | None = None,  # noqa: A002 - what it is called everywhere
        offset: int = 0,
        limit: int = 100,
    ) -> QuestionPage:
        """Questions of a version (None: the newest), in order: those that have `query` in text or right answer, and the type `type`.

        Raises NotFound(kind="question_set" | "question_set_version").
        """
        owner = principal.require_user("questions.list")

        def work(uow: UnitOfWork) -> QuestionPage:
            row = version_row(uow, owner, set_id, version)
            numbered = list(enumerate(decode(row.serials), 1))
            if query.strip() or type is not None:
                wanted = uow.questions.matching(owner, row.set_id, query.strip(), type)
                numbered = [each for each in numbered if each[1] in wanted]
            items = _loaded(uow, owner, row.set_id, numbered[offset : offset + limit])
            return QuestionPage(items, len(numbered), row.version)

        return await self._store.read(work)

    async def question(self, principal: Principal, set_id: str, number: int, version: int | None = None) -> Question:
        """One question by its place, from 1. Raises NotFound(kind="question") besides those of `questions`."""
        page = await self.questions(principal, set_id, version, offset=max(0, number - 1), limit=1)
        if number < 1 or not page.items:
            raise NotFound(kind="question", reference=str(number))
        return page.items[0]

    async def all_questions(self, principal: Principal, set_id: str, version: int | None = None) -> AsyncIterator[tuple[Question, ...]]:
        """Every question of a version, a thousand at a time. Raises as `questions`."""
        owner = principal.require_user("questions.list")

        def begin(uow: UnitOfWork) -> tuple[str, list[tuple[int, int]]]:
            row = version_row(uow, owner, set_id, version)
            return row.set_id, list(enumerate(decode(row.serials), 1))

        real_id, numbered = await self._store.read(begin)
        for start in range(0, len(numbered), PAGE):
            part = numbered[start : start + PAGE]
            yield await self._store.read(lambda uow, part=part: _loaded(uow, owner, real_id, part))  # type: ignore[misc]

    async def diff(self, principal: Principal, set_id: str, old: int, new: int, *, limit: int = 200) -> Diff:
        """What differs between two versions, with the first `limit` changes."""
        owner = principal.require_user("questions.list")

        def work(uow: UnitOfWork) -> Diff:
            before, after = version_row(uow, owner, set_id, old), version_row(uow, owner, set_id, new)
            was, now = decode(before.serials), decode(after.serials)
            added, changed, removed = pairs(uow, owner, before.set_id, was, now)
            same = len(now) - len(added) - len(changed)
            every = [(None, serial) for serial in added] + [*changed]
            places = {serial: number for number, serial in enumerate(now, 1)}
            ordered = [*sorted(every, key=lambda each: places[each[1]]), *((serial, None) for serial in removed)][:limit]
            return Diff(old, new, len(added), len(changed), len(removed), same, _changes(uow, owner, before.set_id, ordered, was, places))

        return await self._store.read(work)


def _loaded(uow: UnitOfWork, owner: str, set_id: str, numbered: Sequence[tuple[int, int]]) -> tuple[Question, ...]:
    rows = uow.questions.questions(owner, set_id, [serial for _number, serial in numbered])
    return tuple(question_view(rows[serial], number) for number, serial in numbered if serial in rows)


def _changes(
    uow: UnitOfWork,
    owner: str,
    set_id: str,
    ordered: Sequence[tuple[int | None, int | None]],
    was: Sequence[int],
    places: Mapping[int, int],
) -> tuple[Change, ...]:
    rows = uow.questions.questions(owner, set_id, sorted({serial for each in ordered for serial in each if serial is not None}))
    before = {serial: number for number, serial in enumerate(was, 1)}
    changes: list[Change] = []
    for old, new in ordered:
        left = None if old is None else question_view(rows[old], before[old])
        right = None if new is None else question_view(rows[new], places[new])
        kind: ChangeKind = "added" if left is None else "removed" if right is None else "changed"
        changes.append(Change(kind, left, right, changed_fields(left, right)))
    return tuple(changes)
