"""A unit of work: one db session with the repositories on it, committed whole or not at all. And the threads they run in.

`Storage` runs short synchronous functions `work(uow) -> result` away from the event loop: reads in a small pool, writes one after
another in a single thread for SQLite (one writer per process), in the pool for servers. `work` may be run again after a deadlock, so
it must change nothing but the database. Rows must not leave `work`: return plain values.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlmodel import Session

from storage.db import BUSY_TIMEOUT_S, CACHE_KIB, MODE, make_engine
from storage.failures import classify, worth_again

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from storage.crypto import SecretBox
    from storage.repositories.audit import AuditRepository
    from storage.repositories.batches import BatchRepository
    from storage.repositories.changes import ChangeRepository
    from storage.repositories.comparison_records import ComparisonRecordRepository
    from storage.repositories.comparisons import ComparisonRepository
    from storage.repositories.configurations import ConfigurationRepository
    from storage.repositories.conversations import ConversationRepository
    from storage.repositories.datasets import DatasetRepository
    from storage.repositories.drafts import DraftRepository
    from storage.repositories.images import ImageRepository
    from storage.repositories.leases import LeaseRepository
    from storage.repositories.messages import MessageRepository
    from storage.repositories.places import PlaceRepository
    from storage.repositories.providers import ProviderRepository
    from storage.repositories.questions import QuestionRepository
    from storage.repositories.runs import RunRepository
    from storage.repositories.second_factors import SecondFactorRepository
    from storage.repositories.services import ServiceRepository
    from storage.repositories.settings import SettingRepository
    from storage.repositories.shares import ShareRepository
    from storage.repositories.sign_ins import SignInRepository
    from storage.repositories.slots import SlotRepository
    from storage.repositories.ssh_keys import SshKeyRepository
    from storage.repositories.training_configurations import TrainingConfigurationRepository
    from storage.repositories.users import UserRepository

#: How often work is run when the database keeps giving it up for another's sake (deadlock, serialisation).
TRIES = 12

T = TypeVar("T")
Work = Callable[["UnitOfWork"], T]


class UnitOfWork:
    """The repositories over one db session. They never commit; `Storage` does, when the work returns."""

    def __init__(self, session: Session, box: SecretBox | None = None) -> None:
        self.session = session
        self._box = box

    @property
    def secrets(self) -> SecretBox:
        """Encrypts and decrypts, bound to this db session's data keys."""
        if self._box is None:
            from storage.errors import KeyMissing

            raise KeyMissing(source="")
        return self._box

    @cached_property
    def users(self) -> UserRepository:
        from storage.repositories.users import UserRepository

        return UserRepository(self.session)

    @cached_property
    def sign_ins(self) -> SignInRepository:
        from storage.repositories.sign_ins import SignInRepository

        return SignInRepository(self.session)

    @cached_property
    def second_factors(self) -> SecondFactorRepository:
        from storage.repositories.second_factors import SecondFactorRepository

        return SecondFactorRepository(self.session)

    @cached_property
    def ssh_keys(self) -> SshKeyRepository:
        from storage.repositories.ssh_keys import SshKeyRepository

        return SshKeyRepository(self.session)

    @cached_property
    def audit(self) -> AuditRepository:
        from storage.repositories.audit import AuditRepository

        return AuditRepository(self.session)

    @cached_property
    def settings(self) -> SettingRepository:
        from storage.repositories.settings import SettingRepository

        return SettingRepository(self.session)

    @cached_property
    def providers(self) -> ProviderRepository:
        from storage.repositories.providers import ProviderRepository

        return ProviderRepository(self.session)

    @cached_property
    def configurations(self) -> ConfigurationRepository:
        from storage.repositories.configurations import ConfigurationRepository

        return ConfigurationRepository(self.session)

    @cached_property
    def conversations(self) -> ConversationRepository:
        from storage.repositories.conversations import ConversationRepository

        return ConversationRepository(self.session)

    @cached_property
    def comparisons(self) -> ComparisonRepository:
        from storage.repositories.comparisons import ComparisonRepository

        return ComparisonRepository(self.session)

    @cached_property
    def comparison_records(self) -> ComparisonRecordRepository:
        from storage.repositories.comparison_records import ComparisonRecordRepository

        return ComparisonRecordRepository(self.session)

    @cached_property
    def images(self) -> ImageRepository:
        from storage.repositories.images import ImageRepository

        return ImageRepository(self.session)

    @cached_property
    def messages(self) -> MessageRepository:
        from storage.repositories.messages import MessageRepository

        return MessageRepository(self.session)

    @cached_property
    def datasets(self) -> DatasetRepository:
        from storage.repositories.datasets import DatasetRepository

        return DatasetRepository(self.session)

    @cached_property
    def drafts(self) -> DraftRepository:
        from storage.repositories.drafts import DraftRepository

        return DraftRepository(self.session)

    @cached_property
    def shares(self) -> ShareRepository:
        from storage.repositories.shares import ShareRepository

        return ShareRepository(self.session)

    @cached_property
    def changes(self) -> ChangeRepository:
        from storage.repositories.changes import ChangeRepository

        return ChangeRepository(self.session)

    @cached_property
    def places(self) -> PlaceRepository:
        from storage.repositories.places import PlaceRepository

        return PlaceRepository(self.session)

    @cached_property
    def questions(self) -> QuestionRepository:
        from storage.repositories.questions import QuestionRepository

        return QuestionRepository(self.session)

    @cached_property
    def runs(self) -> RunRepository:
        from storage.repositories.runs import RunRepository

        return RunRepository(self.session)

    @cached_property
    def slots(self) -> SlotRepository:
        from storage.repositories.slots import SlotRepository

        return SlotRepository(self.session)

    @cached_property
    def leases(self) -> LeaseRepository:
        from storage.repositories.leases import LeaseRepository

        return LeaseRepository(self.session)

    @cached_property
    def services(self) -> ServiceRepository:
        from storage.repositories.services import ServiceRepository

        return ServiceRepository(self.session)

    @cached_property
    def batches(self) -> BatchRepository:
        from storage.repositories.batches import BatchRepository

        return BatchRepository(self.session)

    @cached_property
    def training_configurations(self) -> TrainingConfigurationRepository:
        from storage.repositories.training_configurations import TrainingConfigurationRepository

        return TrainingConfigurationRepository(self.session)


class Storage:
    """One database, its engine and its threads. Made by core/bootstrap.py; close it at the end."""

    def __init__(
        self,
        url: str,
        *,
        reader_threads: int = 4,
        box: SecretBox | None = None,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        cache_kib: int = CACHE_KIB,
    ) -> None:
        self.url = url
        self.box = box
        self.engine: Engine = make_engine(url, pool_size=reader_threads + 1, busy_timeout_s=busy_timeout_s, cache_kib=cache_kib)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._readers = ThreadPoolExecutor(reader_threads, thread_name_prefix="storage")
        self._writers = ThreadPoolExecutor(1, thread_name_prefix="storage-writer") if self.is_sqlite else self._readers

    async def read(self, work: Work[T]) -> T:
        """What `work` returns, from a transaction that changes nothing."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, partial(self.read_now, work))

    async def write(self, work: Work[T]) -> T:
        """What `work` returns, once it is committed. Goes on to its end even if the caller is cancelled."""
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._writers, partial(self.write_now, work)))

    def mark(self) -> tuple[int, ...] | None:
        """Differs from an earlier one if anything was written since, by whatever process. None where only a query can tell. Cheap.

        The last two writes of a few milliseconds may share a mark: the first number is the moment of the newest, in ns since the epoch.
        """
        path = self.engine.url.database
        if not self.is_sqlite or not path:
            return None
        found: list[int] = []
        for name in (path, f"{path}-wal"):
            try:
                said = Path(name).stat()
            except OSError:
                found += [0, 0, 0]
            else:
                found += [said.st_mtime_ns, said.st_size, said.st_ino]
        return (max(found[0], found[3]), *found) if found[0] else None

    def read_now(self, work: Work[T]) -> T:
        """As `read`, in this thread."""
        return self._run(work, "read")

    def write_now(self, work: Work[T]) -> T:
        """As `write`, in this thread."""
        return self._run(work, "write")

    def _run(self, work: Work[T], mode: str) -> T:
        for attempt in range(TRIES):
            try:
                return self._once(work, mode)
            except Exception as error:
                if worth_again(error) and attempt + 1 < TRIES:
                    time.sleep(random.uniform(0.5, 1.5) * 0.01 * 2 ** min(attempt, 6))  # noqa: S311  (spreads those who collided)
                    continue
                problem = classify(error, self.engine)
                if problem is None or problem is error:
                    raise
                raise problem from error
        raise AssertionError("unreachable")

    def _once(self, work: Work[T], mode: str) -> T:
        with self.engine.connect().execution_options(**{MODE: mode}) as connection, Session(connection) as session:
            box = self.box.on(session) if self.box is not None else None
            result = work(UnitOfWork(session, box))
            if mode == "write":
                session.commit()
            else:
                session.rollback()
            return result

    def close(self) -> None:
        """Finish what is under way, then let go of every thread and connection."""
        self._writers.shutdown(wait=True)
        self._readers.shutdown(wait=True)
        self.engine.dispose()
