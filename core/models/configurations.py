"""Model configurations: a model with parameters, owned by a user. Whoever asks sees and changes only their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from core.audit import Actor, Audit
from core.auth.principal import Principal
from core.clock import Clock, Identifiers
from core.errors import Conflict, NotFound
from core.events import ConfigurationsChanged, EventBus
from core.models.access import Gateway
from core.models.checks import Problems, check_draft
from core.models.editing import Editor, free_name
from core.models.resolver import KIND, Resolver, find, find_default
from core.models.rows import stored_key, version_info
from core.models.sight import sees_images
from core.models.starter import STARTERS
from core.models.tester import QUESTION, ConfigurationTester
from core.models.types import (
    KEEP,
    Configuration,
    ConfigurationDraft,
    ConfigurationVersion,
    Keep,
    ModelInfo,
    ProviderInfo,
    ReadyModel,
    Sort,
    TestResult,
    UsedBy,
)
from core.models.views import arranged, view, views
from core.persistence import Store

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

__all__ = [
    "KEEP",
    "Configuration",
    "ConfigurationDraft",
    "ConfigurationVersion",
    "Configurations",
    "Keep",
    "ModelInfo",
    "ProviderInfo",
    "ReadyModel",
    "Sort",
    "TestResult",
    "UsedBy",
]

T = TypeVar("T")
ConfirmPassword = Callable[[Principal, str], Awaitable[None]]


class Configurations:
    """`confirm_password(principal, password)` raises unless it is this account's password (core/auth/accounts.py)."""

    def __init__(
        self, store: Store, *, clock: Clock, ids: Identifiers, events: EventBus, gateway: Gateway, confirm_password: ConfirmPassword
    ) -> None:
        self._store = store
        self._events = events
        self._confirm_password = confirm_password
        self._editor = Editor(clock, ids)
        self._audit = Audit(clock, ids)
        self._resolver = Resolver(store, gateway)
        self._tester = ConfigurationTester(self._resolver, clock=clock)

    # Looking -------------------------------------------------------------------------------------------------------

    async def list(self, principal: Principal, *, query: str = "", sort: Sort = "name") -> tuple[Configuration, ...]:
        """Those that have every word of `query` in name, model, provider or note."""
        owner = principal.require_user("configuration.list")
        return arranged(await self._store.read(lambda uow: views(uow, principal, owner)), query, sort)

    async def get(self, principal: Principal, configuration_id: str) -> Configuration:
        """Raises NotFound for unknown ids and other people's."""
        return await self._one(principal, lambda uow, owner: _get(uow, owner, configuration_id))

    async def by_name(self, principal: Principal, name: str) -> Configuration:
        """The one of that name or, failing that, of that id: what a person types in the shell."""

        def named(uow: UnitOfWork, owner: str) -> Any:
            return uow.configurations.by_name(owner, name) or find(uow, owner, name)

        return await self._one(principal, named)

    async def default(self, principal: Principal) -> Configuration | None:
        """What is asked when nothing is named; None where there is no default."""
        try:
            return await self._one(principal, find_default)
        except NotFound:
            return None

    async def versions(self, principal: Principal, configuration_id: str) -> tuple[ConfigurationVersion, ...]:
        """Every state that it was in, the newest (in force) first."""
        owner = principal.require_user("configuration.list")

        def work(uow: UnitOfWork) -> tuple[ConfigurationVersion, ...]:
            _get(uow, owner, configuration_id)
            return tuple(version_info(row) for row in uow.configurations.versions_of(owner, configuration_id))

        return await self._store.read(work)

    async def used_by(self, principal: Principal, *configuration_ids: str) -> UsedBy:
        """What would miss these configurations."""
        owner = principal.require_user("configuration.list")

        def work(uow: UnitOfWork) -> UsedBy:
            ids = _owned(uow, owner, configuration_ids)
            return UsedBy(uow.configurations.conversations_with(owner, ids), uow.configurations.default_of(owner) in ids)

        return await self._store.read(work)

    @staticmethod
    def check(
        draft: ConfigurationDraft,
        *,
        provider: ProviderInfo | None = None,
        current: Configuration | None = None,
        taken_names: Collection[str] = (),
    ) -> Problems:
        """What is wrong with a draft, by field: for forms, at each key. See core/models/checks.py, check_draft."""
        return check_draft(draft, provider=provider, current=current, taken_names=taken_names)

    # Changing ------------------------------------------------------------------------------------------------------

    async def create(self, principal: Principal, draft: ConfigurationDraft) -> Configuration:
        """Save a new one; it becomes the default where there is none. Raises InvalidInput, Conflict(what="provider_disabled")."""
        return await self._write(principal, lambda uow, owner: self._editor.create(uow, principal, owner, draft))

    async def update(
        self, principal: Principal, configuration_id: str, draft: ConfigurationDraft, *, expected_version: int | None = None
    ) -> Configuration:
        """Save an edit. What a model is asked with makes a new version; name, note, state and key do not.

        A stored key that was entered for another endpoint is cleared (`key_cleared`). Raises Conflict(what="configuration") when
        `expected_version` is not the one in force any more.
        """

        def work(uow: UnitOfWork, owner: str) -> Configuration:
            row = _get(uow, owner, configuration_id)
            if expected_version is not None and expected_version != row.version:
                raise Conflict(what="configuration", configuration=row.name)
            return self._editor.update(uow, principal, owner, row, draft)

        return await self._write(principal, work)

    async def copy(self, principal: Principal, configuration_id: str) -> Configuration:
        """The same under the next free name ("Fast 2"), with its key."""

        def work(uow: UnitOfWork, owner: str) -> Configuration:
            row = _get(uow, owner, configuration_id)
            key = stored_key(uow, row, row.endpoint)
            draft = replace(view(uow, principal, owner, row).draft(), name=free_name(row.name, uow.configurations.names(owner)), key=key)
            return self._editor.create(uow, principal, owner, draft, provider_must_be_open=False)

        return await self._write(principal, work)

    async def delete(self, principal: Principal, configuration_ids: Iterable[str]) -> int:
        """Delete all of them or, if one is unknown (NotFound), none; how many. Deleting the default leaves no default."""
        wanted = tuple(configuration_ids)

        def work(uow: UnitOfWork, owner: str) -> int:
            ids = _owned(uow, owner, wanted)
            if uow.configurations.default_of(owner) in {None, *ids}:
                uow.configurations.set_default(owner, "")
            return uow.configurations.remove(owner, sorted(ids)) if ids else 0

        return await self._write(principal, work)

    async def set_enabled(self, principal: Principal, configuration_id: str, enabled: bool) -> Configuration:
        """A disabled configuration is kept and can be tested, but not asked."""

        def work(uow: UnitOfWork, owner: str) -> Configuration:
            return self._editor.touch(uow, principal, owner, _get(uow, owner, configuration_id), enabled=enabled)

        return await self._write(principal, work)

    async def set_default(self, principal: Principal, configuration_id: str) -> Configuration:
        """Make it the one that is asked when nothing is named."""

        def work(uow: UnitOfWork, owner: str) -> Configuration:
            _get(uow, owner, configuration_id)
            uow.configurations.set_default(owner, configuration_id)
            return view(uow, principal, owner, _get(uow, owner, configuration_id))

        return await self._write(principal, work)

    async def ensure_starter(self, principal: Principal) -> Configuration | None:
        """Give an account that never had a configuration ready ones on the simulator, once; the default is returned.

        None where there is nothing to do: it has configurations, had some and deleted them, or the simulator is closed.
        """

        def work(uow: UnitOfWork, owner: str) -> Configuration | None:
            if uow.configurations.default_of(owner) is not None or uow.configurations.names(owner):
                return None
            made = [self._editor.create(uow, principal, owner, draft) for draft in STARTERS]
            return made[0]

        try:
            return await self._write(principal, work)
        except Conflict as error:
            if error.fields.get("what") == "provider_disabled":
                return None
            raise

    # Using ---------------------------------------------------------------------------------------------------------

    async def resolve(self, principal: Principal, reference: str | None = None) -> ReadyModel:
        """What is needed to ask: by id, by name, or the default (None). The simulator is started if that is what is meant.

        Raises NotFound(kind="configuration" | "default_configuration"), Conflict(what="configuration_disabled" | "provider_disabled"),
        InvalidInput("key", "key_needed"), SecretUnreadable, MasterKeyMissing.
        """
        return await self._resolver.ready(principal, reference)

    async def sees_images(self, principal: Principal, ready: ReadyModel) -> bool:
        """Whether the model takes images, as its provider's list says or, where it says nothing, as its name suggests."""
        owner = principal.require_user("configuration.use")
        return await self._store.read(lambda uow: sees_images(uow, owner, ready))

    async def test(
        self, principal: Principal, target: str | ConfigurationDraft, *, configuration_id: str | None = None, question: str = QUESTION
    ) -> TestResult:
        """See ConfigurationTester.test."""
        return await self._tester.test(principal, target, configuration_id=configuration_id, question=question)

    async def show_key(self, principal: Principal, configuration_id: str, password: str) -> str:
        """The stored key in full, after the password was given again; "" where there is none. It is noted in the audit."""
        owner = principal.require_user("configuration.show_key")
        await self.get(principal, configuration_id)
        await self._confirm_password(principal, password)

        def work(uow: UnitOfWork) -> str:
            row = _get(uow, owner, configuration_id)
            self._audit.note(uow, Actor.of(principal), "configuration.key_shown", (KIND, configuration_id))
            return stored_key(uow, row, row.key_endpoint) or ""

        return await self._store.write(work)

    # Inside --------------------------------------------------------------------------------------------------------

    async def _one(self, principal: Principal, pick: Callable[[UnitOfWork, str], Any]) -> Configuration:
        owner = principal.require_user("configuration.list")
        return await self._store.read(lambda uow: view(uow, principal, owner, pick(uow, owner)))

    async def _write(self, principal: Principal, work: Callable[[UnitOfWork, str], T]) -> T:
        """Run `work(uow, owner_id)` while nobody else changes this owner's configurations, then tell who listens."""
        owner = principal.require_user("configuration.change")

        def locked(uow: UnitOfWork) -> T:
            if not uow.configurations.lock_owner(owner):
                raise NotFound(kind="user", reference=principal.email)
            return work(uow, owner)

        result = await self._store.write(locked)
        self._events.publish(ConfigurationsChanged(owner))
        return result


def _get(uow: UnitOfWork, owner: str, configuration_id: str) -> Any:
    row = uow.configurations.get(owner, configuration_id)
    if row is None:
        raise NotFound(kind=KIND, reference=configuration_id)
    return row


def _owned(uow: UnitOfWork, owner: str, wanted: Iterable[str]) -> set[str]:
    """`wanted` as a set. Raises NotFound for the first that is not the owner's."""
    ids = tuple(wanted)
    owned = uow.configurations.owned(owner, ids)
    for configuration_id in ids:
        if configuration_id not in owned:
            raise NotFound(kind=KIND, reference=configuration_id)
    return owned
