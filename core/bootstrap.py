"""Wires storage, clients and services together: the only place that does. Imports are made when needed, so that starting is cheap."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from core.clock import Clock, Identifiers
from core.events import EventBus
from core.persistence import Store
from core.settings import Settings
from core.supervisor import Supervisor

if TYPE_CHECKING:
    from core.auth.accounts import Accounts
    from core.batches.service import Batches
    from core.chat.service import Chat
    from core.compare.service import Comparisons
    from core.datasets.service import Datasets
    from core.files.service import UserFiles
    from core.inference.service import Inference
    from core.llm.client import ModelClients
    from core.llm.simulator.control import SimulatorControl
    from core.managed.service import ManagedServices
    from core.managed.types import Service
    from core.models.configurations import Configurations
    from core.models.providers import Providers
    from core.questions.service import Questions
    from core.secrets import Secrets
    from core.swanlab.service import Swanlab
    from core.training.configurations import Training
    from core.training.environment import TrainingEnvironment
    from core.training.gpus import GpuReader
    from core.training.runs import Runs
    from core.training.tails import Tails
    from core.webui import WebUi
    from storage.unit_of_work import Storage, UnitOfWork


@dataclass
class Services:
    """Everything that a user interface or a command holds. Belongs to one event loop; `close` it there."""

    settings: Settings
    clock: Clock
    ids: Identifiers
    store: Store
    events: EventBus
    supervisor: Supervisor
    clients: ModelClients
    simulator: SimulatorControl
    accounts: Accounts
    providers: Providers
    configurations: Configurations
    chat: Chat
    secrets: Secrets
    files: UserFiles
    tails: Tails
    managed: ManagedServices
    environment: TrainingEnvironment
    gpus: GpuReader

    @cached_property
    def comparisons(self) -> Comparisons:
        """Models side by side, verdicts and records. Made when somebody asks."""
        import random

        from core.compare.candidates import KIND, CandidateChat, nobody
        from core.compare.service import Comparisons

        chat = CandidateChat(
            self.store,
            self.configurations,
            self.supervisor,
            events=self.events,
            clock=self.clock,
            ids=self.ids,
            settings=replace(self.settings.chat, outlives_people=self.settings.served),
            find_colleague=nobody,
            kind=KIND,
        )
        return Comparisons(
            self.store,
            self.configurations,
            chat,
            self.supervisor,
            events=self.events,
            clock=self.clock,
            ids=self.ids,
            shuffle=random.SystemRandom().shuffle,
        )

    @cached_property
    def datasets(self) -> Datasets:
        """What is trained on. Made when somebody asks."""
        from core.datasets.service import Datasets

        async def python() -> Path | None:
            return (await self.environment.current()).python

        return Datasets(
            self.store,
            self.settings,
            clock=self.clock,
            ids=self.ids,
            events=self.events,
            files=self.files,
            supervisor=self.supervisor,
            call=self.environment.call,
            python=python,
        )

    @cached_property
    def questions(self) -> Questions:
        """Sets of test questions. Made when somebody asks."""
        from core.questions.service import Questions

        return Questions(
            self.store,
            clock=self.clock,
            ids=self.ids,
            events=self.events,
            files=self.files,
            folders=self.settings.training.dataset_folders,
        )

    @cached_property
    def batches(self) -> Batches:
        """Questions asked in batches. Made when somebody asks; nobody works on them before `begin_working`."""
        from core.batches.service import Batches

        return Batches(
            self.store,
            self.settings,
            clock=self.clock,
            ids=self.ids,
            events=self.events,
            supervisor=self.supervisor,
            configurations=self.configurations,
            questions=self.questions,
        )

    @cached_property
    def training(self) -> Training:
        """Training configurations, and what is known of them before a start. Made when somebody asks."""
        from core.training.configurations import Training

        return Training(
            self.settings,
            self.store,
            clock=self.clock,
            ids=self.ids,
            environment=self.environment,
            datasets=self.datasets,
            gpus=self.gpus,
        )

    @cached_property
    def runs(self) -> Runs:
        """Runs, their queue and its scheduler, which has not begun. Made when somebody asks: most commands never do."""
        from core.training.runs import make_runs

        return make_runs(
            self.store,
            self.settings,
            clock=self.clock,
            ids=self.ids,
            events=self.events,
            supervisor=self.supervisor,
            gpus=self.gpus,
            environment=self.environment,
            training=self.training,
        )

    @cached_property
    def inference(self) -> Inference:
        """Models on this machine and their servers. Made when somebody asks."""
        from core.inference.service import Inference

        return Inference(
            self.store,
            self.managed,
            settings=self.settings,
            clock=self.clock,
            ids=self.ids,
            runs=self.runs,
            environment=self.environment,
            read_gpus=self.gpus.read,
        )

    @cached_property
    def swanlab(self) -> Swanlab:
        """What runs logged to SwanLab, and its dashboards. Made when somebody asks."""
        from core.swanlab.service import Swanlab

        return Swanlab(self.settings.data_dir, clock=self.clock, managed=self.managed, environment=self.environment, runs=self.runs.runs)

    @cached_property
    def webui(self) -> WebUi:
        """LLaMA-Factory's own web interface. Made when somebody asks."""
        from core.webui import WebUi

        return WebUi(self.managed, self.environment)

    async def look_after_runs(self) -> None:
        """From now on until `close`, this process takes its turns at looking after runs (core/training/scheduler.py), servers, batches."""
        await asyncio.to_thread(import_module, "core.training.runs")
        self.runs.begin_scheduling()
        self.managed.start_watching()
        await asyncio.to_thread(import_module, "core.batches.service")
        self.batches.begin_working()

    async def close(self) -> None:
        """Stop what is under way (answers are saved as far as they came), then let go of the network, the threads and the database."""
        try:
            await self.supervisor.close()
            await self.environment.close()
            await self.clients.close()
            await self.simulator.close()
        finally:
            self.accounts.close()
            await asyncio.to_thread(self.tails.close)
            await asyncio.to_thread(self.files.close)
            await asyncio.to_thread(self.store.close)


def prepare(settings: Settings) -> None:
    """Make the installation ready (core/installation.py) without building services. Blocks; raises errors of core."""
    from core.installation import prepare as make_ready

    make_ready(settings).close()


def preload(settings: Settings | None = None) -> None:
    """Import everything that services import when they need it: for a process that forks others, which then need not.

    With `settings` also what their database needs. Connects to nothing and starts no thread.
    """
    import pkgutil

    import core
    import storage

    for package in (core, storage):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            # Helpers are run in the training environment, by path, and look for what is installed there.
            if not module.name.startswith(("storage.migrations.", "core.training.helpers.")):
                import_module(module.name)
    for name in ("anyio._backends._asyncio", "encodings.idna", "sqlite3"):
        import_module(name)
    if settings is not None:
        from storage.db import make_engine

        make_engine(settings.database_url).dispose()


async def build_services(settings: Settings, *, clock: Clock | None = None, ids: Identifiers | None = None) -> Services:
    """The services of an installation, made ready first. Answers that a crash cut off are marked as truncated.

    Raises EnvironmentProblem (folder_not_writable) or a StorageError; then nothing is left open.
    """
    from core.installation import prepare as make_ready

    clock = clock or Clock()
    storage = await asyncio.to_thread(make_ready, settings)
    try:
        services = _wire(settings, clock, ids or Identifiers(clock), storage)
        await services.chat.clean_up()
    except BaseException:
        storage.close()
        raise
    return services


def _managed(
    store: Store, settings: Settings, *, clock: Clock, ids: Identifiers, supervisor: Supervisor, events: EventBus
) -> ManagedServices:
    """Managed services; whichever process sees a model server change, its configuration follows."""
    from core.managed.service import ManagedServices

    def configure(uow: UnitOfWork, service: Service, key: str) -> None:
        from core.inference.configuring import ServedModels

        ServedModels(clock, ids, events).changed(uow, service, key)

    managed = ManagedServices(store, settings=settings, clock=clock, ids=ids, supervisor=supervisor, events=events)
    managed.when_changed(("api", "vllm", "sglang"), configure)
    return managed


def _wire(settings: Settings, clock: Clock, ids: Identifiers, storage: Storage) -> Services:
    from core.audit import Audit
    from core.auth.accounts import Accounts
    from core.auth.colleagues import Colleagues
    from core.chat.service import Chat
    from core.files.service import UserFiles
    from core.llm.client import ModelClients
    from core.llm.simulator.control import SimulatorControl
    from core.models.access import Gateway
    from core.models.configurations import Configurations
    from core.models.providers import Providers
    from core.secrets import Secrets
    from core.training.environment import TrainingEnvironment
    from core.training.gpus import NvmlReader
    from core.training.tails import Tails

    store, events, supervisor = Store(storage), EventBus(), Supervisor()
    clients, simulator = ModelClients(clock=clock), SimulatorControl()
    chat_settings = replace(settings.chat, outlives_people=settings.served)
    gateway = Gateway(clients, simulator)
    colleagues = Colleagues(store, settings.auth, clock)
    accounts = Accounts(store, settings, clock, ids, events)
    configurations = Configurations(store, clock=clock, ids=ids, events=events, gateway=gateway, confirm_password=accounts.confirm_password)
    gpus = NvmlReader()
    return Services(
        settings=settings,
        clock=clock,
        ids=ids,
        store=store,
        events=events,
        supervisor=supervisor,
        clients=clients,
        simulator=simulator,
        accounts=accounts,
        providers=Providers(store, clock=clock, ids=ids, gateway=gateway),
        configurations=configurations,
        chat=Chat(
            store,
            configurations,
            supervisor,
            events=events,
            clock=clock,
            ids=ids,
            settings=chat_settings,
            find_colleague=colleagues.find,
        ),
        secrets=Secrets(storage, settings, Audit(clock, ids)),
        files=UserFiles(settings.data_dir, settings.serve.user_quota_bytes, wall=clock.wall),
        tails=Tails(gpus=gpus),
        managed=_managed(store, settings, clock=clock, ids=ids, supervisor=supervisor, events=events),
        environment=TrainingEnvironment(settings, store, clock=clock, ids=ids),
        gpus=gpus,
    )
