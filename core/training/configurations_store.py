"""Training configurations in the database: rows become values, drafts become versions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from core.clock import Clock, Identifiers
from core.errors import Conflict, InvalidInput, NotFound
from core.training.configurations_checks import NAME_LIMIT, clean_name
from core.training.configurations_options import draft_from_json, draft_to_json
from core.training.configurations_types import TrainingConfiguration, TrainingDraft, TrainingVersion

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

KIND: Final = "training_configuration"


def view(row: Any, reader: str) -> TrainingConfiguration:
    """A row as its reader sees it. Name and note are the configuration's, not the version's."""
    draft = stored_draft(row.draft, row.name, row.note)
    return TrainingConfiguration(
        id=row.id,
        name=row.name,
        note=row.note,
        draft=draft,
        version=row.version,
        shared=bool(row.shared),
        mine=row.owner_id == reader,
        owner_name=row.owner_name,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def stored_draft(text: str, name: str, note: str) -> TrainingDraft:
    return draft_from_json(json.loads(text) | {"name": name, "note": note})


def draft_text(draft: TrainingDraft) -> str:
    """What makes a version: everything but name and note."""
    values = draft_to_json(draft)
    return json.dumps({key: value for key, value in values.items() if key not in ("name", "note")}, ensure_ascii=False, sort_keys=True)


def get(uow: UnitOfWork, reader: str, configuration_id: str) -> Any:
    """Raises NotFound unless the reader may read it."""
    row = uow.training_configurations.get(reader, configuration_id)
    if row is None:
        raise NotFound(kind=KIND, reference=configuration_id)
    return row


def get_own(uow: UnitOfWork, owner: str, configuration_id: str) -> Any:
    """Raises NotFound unless it is the owner's: what others share can be read, not changed."""
    row = get(uow, owner, configuration_id)
    if row.owner_id != owner:
        raise NotFound(kind=KIND, reference=configuration_id)
    return row


def versions(uow: UnitOfWork, reader: str, configuration_id: str) -> tuple[TrainingVersion, ...]:
    row = get(uow, reader, configuration_id)
    found = uow.training_configurations.versions_of(reader, configuration_id)
    return tuple(TrainingVersion(each.version, stored_draft(each.draft, row.name, row.note), each.created_at) for each in found)


def version_draft(uow: UnitOfWork, reader: str, configuration_id: str, version: int | None) -> tuple[TrainingDraft, int]:
    """The draft of a version (None: the one in force), and its number. Raises NotFound."""
    row = get(uow, reader, configuration_id)
    if version is None or version == row.version:
        return stored_draft(row.draft, row.name, row.note), int(row.version)
    found = next((each for each in uow.training_configurations.versions_of(reader, configuration_id) if each.version == version), None)
    if found is None:
        raise NotFound(kind="training_configuration_version", reference=str(version))
    return stored_draft(found.draft, row.name, row.note), version


def arranged(rows: Sequence[Any], reader: str, query: str) -> tuple[TrainingConfiguration, ...]:
    """Those with every word of `query`; own ones first, by name."""
    words = query.casefold().split()
    found = [view(row, reader) for row in rows]
    kept = [each for each in found if all(word in _searched(each) for word in words)]
    return tuple(sorted(kept, key=lambda each: (not each.mine, each.name.casefold(), each.id)))


def _searched(configuration: TrainingConfiguration) -> str:
    draft = configuration.draft
    return "\n".join(
        (
            configuration.name,
            configuration.note,
            draft.model_name_or_path,
            draft.method,
            draft.stage,
            draft.template,
            configuration.owner_name,
        )
    ).casefold()


class Editor:
    """Writes what drafts say. Runs inside a unit of work in which the owner is locked."""

    def __init__(self, clock: Clock, ids: Identifiers) -> None:
        self._clock = clock
        self._ids = ids

    def create(self, uow: UnitOfWork, owner: str, draft: TrainingDraft) -> TrainingConfiguration:
        name = self._free(uow, owner, draft.name, None)
        new_id, now = self._ids.new(), self._clock.now_ms()
        uow.training_configurations.add(
            id=new_id, owner_id=owner, name=name, note=draft.note, shared=False, version=1, created_at=now, updated_at=now
        )
        self._add_version(uow, owner, new_id, 1, draft_text(draft))
        return view(get(uow, owner, new_id), owner)

    def update(
        self, uow: UnitOfWork, owner: str, configuration_id: str, draft: TrainingDraft, expected_version: int | None
    ) -> TrainingConfiguration:
        row = get_own(uow, owner, configuration_id)
        if expected_version is not None and expected_version != row.version:
            raise Conflict(what=KIND, configuration=row.name)
        values: dict[str, Any] = {
            "name": self._free(uow, owner, draft.name, row.id),
            "note": draft.note,
            "updated_at": self._clock.now_ms(),
        }
        text = draft_text(draft)
        if text != draft_text(stored_draft(row.draft, row.name, row.note)):
            values["version"] = row.version + 1
            self._add_version(uow, owner, row.id, row.version + 1, text)
        uow.training_configurations.change(owner, row.id, **values)
        return view(get(uow, owner, row.id), owner)

    def share(self, uow: UnitOfWork, owner: str, configuration_id: str, shared: bool) -> TrainingConfiguration:
        row = get_own(uow, owner, configuration_id)
        uow.training_configurations.change(owner, row.id, shared=shared)
        return view(get(uow, owner, row.id), owner)

    def delete(self, uow: UnitOfWork, owner: str, configuration_ids: Iterable[str]) -> int:
        wanted = tuple(dict.fromkeys(configuration_ids))
        owned = uow.training_configurations.owned(owner, wanted)
        for each in wanted:
            if each not in owned:
                raise NotFound(kind=KIND, reference=each)
        return uow.training_configurations.remove(owner, sorted(owned)) if owned else 0

    def _add_version(self, uow: UnitOfWork, owner: str, configuration_id: str, version: int, text: str) -> None:
        uow.training_configurations.add_version(
            id=self._ids.new(),
            configuration_id=configuration_id,
            version=version,
            draft=text,
            created_at=self._clock.now_ms(),
            created_by=owner,
        )

    def _free(self, uow: UnitOfWork, owner: str, name: str, configuration_id: str | None) -> str:
        cleaned = clean_name(name)
        if uow.training_configurations.names(owner).get(cleaned, configuration_id) != configuration_id:
            raise InvalidInput("name", "taken", value=cleaned)
        return cleaned


def free_name(name: str, taken: Iterable[str]) -> str:
    """`name`, or the next free one after it: "Fast 2"."""
    names = set(taken)
    if name not in names:
        return name
    head, _, number = name.rpartition(" ")
    base = head if head in names and number.isdecimal() and len(number) < 9 else name
    count = 2
    while (candidate := f"{base[: NAME_LIMIT - len(f' {count}')].rstrip()} {count}") in names:
        count += 1
    return candidate
