"""What changes rows of question sets, inside a unit of work. The caller holds the owner's lock."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from core.errors import Conflict, InvalidInput, NotFound
from core.questions.checks import Wrong, clean
from core.questions.names import free_name
from core.questions.order import decode, encode
from core.questions.records import Figures, digest_of, question_row, tags_text, text_digest, version_types
from core.questions.rules import MOST_QUESTIONS
from core.questions.types import Origin, QuestionDraft

if TYPE_CHECKING:
    from core.clock import Clock, Identifiers
    from storage.repositories.questions import Mark
    from storage.unit_of_work import UnitOfWork

KIND: Final = "question_set"
#: Rows of one INSERT.
GROUP: Final = 2000


def found(uow: UnitOfWork, owner: str, reference: str) -> Any:
    """The row of a set by id or, failing that, by name. Raises NotFound."""
    row = uow.questions.find(owner, reference)
    if row is None:
        raise NotFound(kind=KIND, reference=reference)
    return row


def version_row(uow: UnitOfWork, owner: str, reference: str, version: int | None) -> Any:
    """The row of a version (of the newest). Raises NotFound."""
    row = found(uow, owner, reference)
    of_it = uow.questions.version(owner, row.id, row.version if version is None else version)
    if of_it is None:
        raise NotFound(kind="question_set_version", reference=str(version))
    return of_it


def serials_of(uow: UnitOfWork, owner: str, set_id: str, version: int) -> list[int]:
    return decode(version_row(uow, owner, set_id, version).serials)


def checked(drafts: Iterable[QuestionDraft]) -> list[QuestionDraft]:
    """Questions as they are kept. Raises InvalidInput, `number` says which one."""
    made: list[QuestionDraft] = []
    for number, draft in enumerate(drafts, 1):
        try:
            made.append(clean(draft))
        except Wrong as wrong:
            fields = dict(wrong.fields)
            field = str(fields.pop("field", "") or _FIELD_OF.get(wrong.rule, "question"))
            raise InvalidInput(field, wrong.rule, number=number, **fields) from None
        if number > MOST_QUESTIONS:
            raise InvalidInput("questions", "too_many", limit=MOST_QUESTIONS)
    return made


_FIELD_OF: Final = {"unknown_scorer": "scorer", "bad_option": "options"}


class Editor:
    """Adds and changes sets."""

    def __init__(self, clock: Clock, ids: Identifiers) -> None:
        self._clock, self._ids = clock, ids

    def begin(self, uow: UnitOfWork, owner: str) -> str:
        """A set that nobody sees until its first version is there; its id."""
        set_id, now = self._ids.new(), self._clock.now_ms()
        uow.questions.add(
            id=set_id, owner_id=owner, name=set_id, version=0, next_serial=1, note="", tags="", created_at=now, updated_at=now
        )
        return set_id

    def finish(
        self, uow: UnitOfWork, owner: str, set_id: str, name: str, *, exact: bool, note: str, tags: Sequence[str], **version: Any
    ) -> None:
        """Give a begun set its name and its first version. Not `exact`: the next free name. Raises Conflict(what="question_set_name")."""
        taken = uow.questions.names(owner)
        if exact and name in taken:
            raise Conflict(what="question_set_name", name=name)
        uow.questions.change(owner, set_id, name=free_name(name, taken), note=note, tags=tags_text(tags))
        self.version(uow, owner, set_id, 1, **version)

    def create(
        self, uow: UnitOfWork, owner: str, name: str, drafts: Sequence[QuestionDraft], *, exact: bool, note: str, tags: Sequence[str],
        origin: Origin, source: str = "",
    ) -> str:  # fmt: skip
        """A new set of checked questions; its id."""
        set_id = self.begin(uow, owner)
        serials = self.write(uow, owner, set_id, drafts)
        figures = figures_of(drafts)
        self.finish(
            uow, owner, set_id, name, exact=exact, note=note, tags=tags, serials=serials, figures=figures, origin=origin, source=source,
            added=len(drafts),
        )  # fmt: skip
        return set_id

    def write(
        self, uow: UnitOfWork, owner: str, set_id: str, drafts: Sequence[QuestionDraft], roots: Sequence[int | None] = ()
    ) -> list[int]:
        """New questions; their serials. They are in no version yet. `roots`: what each was made of."""
        first = uow.questions.take_serials(owner, set_id, len(drafts))
        if first is None:
            raise NotFound(kind=KIND, reference=set_id)
        rows = [question_row(draft, set_id, first + place, roots[place] if roots else None) for place, draft in enumerate(drafts)]
        for start in range(0, len(rows), GROUP):
            uow.questions.add_questions(rows[start : start + GROUP])
        return list(range(first, first + len(drafts)))

    def version(
        self, uow: UnitOfWork, owner: str, set_id: str, number: int, *, serials: Sequence[int], figures: Figures, origin: Origin,
        source: str = "", added: int = 0, changed: int = 0, removed: int = 0,
    ) -> None:  # fmt: skip
        """A new version, in force from now on."""
        now = self._clock.now_ms()
        uow.questions.add_version(
            set_id=set_id, version=number, serials=encode(serials), origin=origin, source=source, added=added, changed=changed,
            removed=removed, created_at=now, **figures.columns(),
        )  # fmt: skip
        uow.questions.change(owner, set_id, version=number, updated_at=now)

    # The next version ------------------------------------------------------------------------------------------------

    def edit(
        self, uow: UnitOfWork, owner: str, row: Any, *, replace: Mapping[int, QuestionDraft], remove: Collection[int],
        add: Sequence[QuestionDraft],
    ) -> None:  # fmt: skip
        """Checked changes to the newest version. Nothing happens where nothing differs."""
        current = version_row(uow, owner, row.id, row.version)
        serials = decode(current.serials)
        for number in (*replace, *remove):
            if not 1 <= number <= len(serials):
                raise NotFound(kind="question", reference=str(number))
        replace = {number: draft for number, draft in replace.items() if number not in remove}
        touched = {number: serials[number - 1] for number in (*replace, *remove)}
        marks = uow.questions.marks(owner, row.id, sorted(set(touched.values())))
        replace = {number: draft for number, draft in replace.items() if digest_of(draft) != marks[touched[number]].digest}
        if not (replace or remove or add):
            return
        roots = [marks[touched[number]].root for number in replace]
        written = self.write(uow, owner, row.id, [*replace.values(), *add], [*roots, *([None] * len(add))])
        figures = figures_after(current, marks, [touched[number] for number in (*replace, *remove)], [*replace.values(), *add])
        put = dict(zip(replace, written, strict=False))
        kept = [put.get(number, serial) for number, serial in enumerate(serials, 1) if number not in remove]
        self.version(
            uow, owner, row.id, row.version + 1, serials=[*kept, *written[len(replace) :]], figures=figures, origin="edited",
            added=len(add), changed=len(replace), removed=len(set(remove)),
        )  # fmt: skip

    def replace_all(self, uow: UnitOfWork, owner: str, row: Any, drafts: Sequence[QuestionDraft]) -> None:
        """These checked questions, all of them, as the next version. Nothing happens where nothing differs."""
        was = decode(version_row(uow, owner, row.id, row.version).serials)
        plan, roots = Matching(uow.questions.marks(owner, row.id, was), was).plan([digest_of(draft) for draft in drafts])
        places = [place for place, serial in enumerate(plan) if serial is None]
        written = iter(self.write(uow, owner, row.id, [drafts[place] for place in places], [roots[place] for place in places]))
        serials = [next(written) if serial is None else serial for serial in plan]
        if serials == was:
            return
        added, changed, removed = count_changes(uow, owner, row.id, was, serials)
        self.version(
            uow, owner, row.id, row.version + 1, serials=serials, figures=figures_of(drafts), origin="edited", added=added,
            changed=changed, removed=removed,
        )  # fmt: skip

    def restore(self, uow: UnitOfWork, owner: str, row: Any, version: int) -> None:
        """An older version once more, as the next one. Nothing happens where it holds what the newest holds."""
        old = version_row(uow, owner, row.id, version)
        current = version_row(uow, owner, row.id, row.version)
        if old.serials == current.serials:
            return
        added, changed, removed = count_changes(uow, owner, row.id, decode(current.serials), decode(old.serials))
        figures = Figures(version_types(old), old.expected)
        self.version(
            uow, owner, row.id, row.version + 1, serials=decode(old.serials), figures=figures, origin="restored", source=str(version),
            added=added, changed=changed, removed=removed,
        )  # fmt: skip


class Matching:
    """Finds what a new list of questions shares with the newest version, so that only what differs is written.

    The same content is the same question; the same text with something else is that question changed; each once.
    """

    def __init__(self, marks: Mapping[int, Mark], serials: Sequence[int]) -> None:
        self._marks, self._serials = marks, serials

    def plan(self, digests: Sequence[str]) -> tuple[list[int | None], list[int | None]]:
        """For each digest the serial that has it already, else None; and the root of those that are a change of one."""
        same = _Waiting((self._marks[serial].digest, serial) for serial in self._serials)
        plan = [same.take(digest) for digest in digests]
        used = set(plan)
        texts = _Waiting((text_digest(self._marks[serial].digest), serial) for serial in self._serials if serial not in used)
        roots: list[int | None] = [None] * len(digests)
        for place, digest in enumerate(digests):
            if plan[place] is None and (before := texts.take(text_digest(digest))) is not None:
                roots[place] = self._marks[before].root
        return plan, roots


class _Waiting:
    """Serials by key, taken one after another. Nearly every key has one, so no lists are made for those."""

    def __init__(self, pairs: Iterable[tuple[str, int]]) -> None:
        self._first: dict[str, int] = {}
        self._more: dict[str, list[int]] = {}
        for key, serial in pairs:
            if self._first.setdefault(key, serial) != serial:
                self._more.setdefault(key, []).append(serial)

    def take(self, key: str) -> int | None:
        found = self._first.pop(key, None)
        if found is None and (more := self._more.get(key)):
            found = more.pop(0)
        return found


def figures_of(drafts: Iterable[QuestionDraft]) -> Figures:
    figures = Figures()
    for draft in drafts:
        figures.add(draft.type, draft.expected is not None)
    return figures


def figures_after(current: Any, marks: Mapping[int, Mark], gone: Iterable[int], new: Iterable[QuestionDraft]) -> Figures:
    """Those of a version in which some questions are gone and others are new."""
    figures = Figures(version_types(current), current.expected)
    for serial in gone:
        figures.remove(marks[serial].type, bool(marks[serial].answered))
    for draft in new:
        figures.add(draft.type, draft.expected is not None)
    return figures


def pairs(
    uow: UnitOfWork, owner: str, set_id: str, old: Sequence[int], new: Sequence[int]
) -> tuple[list[int], list[tuple[int, int]], list[int]]:
    """Added serials, (before, after) of changed ones, removed ones: what a list of questions has that another has not."""
    before, after = set(old), set(new)
    added, removed = [each for each in new if each not in before], [each for each in old if each not in after]
    marks = uow.questions.marks(owner, set_id, sorted({*added, *removed}))
    waiting: dict[int, list[int]] = {}
    for serial in removed:
        waiting.setdefault(marks[serial].root, []).append(serial)
    changed: list[tuple[int, int]] = []
    new_ones: list[int] = []
    for serial in added:
        same_root = waiting.get(marks[serial].root)
        if same_root:
            changed.append((same_root.pop(0), serial))
        else:
            new_ones.append(serial)
    gone = {serial for left in waiting.values() for serial in left}
    return new_ones, changed, [serial for serial in removed if serial in gone]


def count_changes(uow: UnitOfWork, owner: str, set_id: str, old: Sequence[int], new: Sequence[int]) -> tuple[int, int, int]:
    """Added, changed, removed."""
    added, changed, removed = pairs(uow, owner, set_id, old, new)
    return len(added), len(changed), len(removed)
