"""Bob reaches nothing that ann logged: not her experiments, her archives, nor her dashboards. Nor does he start what only she may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from core.auth.principal import Origin, Principal, operator
from core.bootstrap import Services, build_services
from core.errors import EnvironmentProblem, Forbidden, ModeltrainError, NotFound
from core.settings import Settings
from core.swanlab.types import CleanRule
from core.training.swanlab_place import project_folder_name, swanlab_folder
from tests.unit.swanlab.directories import add_experiment, make_project

PASSWORD = "correct horse 7 battery"


@dataclass
class World:
    services: Services
    ann: Principal
    bob: Principal
    folder: Path
    experiment: str
    archive: str
    dashboard: str
    webui: str


@pytest_asyncio.fixture
async def world(settings: Settings) -> AsyncIterator[World]:
    """Ann, an administrator, with an experiment, its archive and two services; bob has a project of the same name."""
    services = await build_services(settings)
    ann = (await services.accounts.create_first_admin("ann@example.org", "ann", PASSWORD, origin=Origin())).principal
    await services.accounts.add_user(ann, "bob@example.org", "bob", PASSWORD)
    bob = (await services.accounts.sign_in("bob@example.org", PASSWORD, origin=Origin())).principal
    folder = make_project(swanlab_folder(settings.data_dir, ann.user_id))
    experiment = add_experiment(folder, "secret", curves={"loss": [(1, 1.0)]})
    make_project(swanlab_folder(settings.data_dir, bob.user_id))
    (archive,) = await services.swanlab.archive(ann, [experiment])
    rows = [await add_service(services, ann, kind) for kind in ("swanlab", "webui")]
    yield World(services, ann, bob, folder, experiment, archive.id, *rows)
    await services.close()


async def add_service(services: Services, owner: Principal, kind: str) -> str:
    """A service that has ended, as it is in the database."""
    service_id, now = services.ids.new(), services.clock.now_ms()
    folder = services.settings.data_dir / "services" / service_id / "1"

    def work(uow: Any) -> None:
        values = {"name": "modeltrain", "state": "stopped", "wanted": "stop", "spec": "{}", "subject": "{}", "gpus": "[]", "failure": ""}
        moments = {"watched_until": 0, "not_before": 0, "created_at": now}
        uow.services.add(id=service_id, owner_id=owner.user_id, kind=kind, folder=str(folder), **values, **moments)

    await services.store.write(work)
    return service_id


async def refused(call: Any) -> ModeltrainError:
    with pytest.raises(ModeltrainError) as raised:
        await call
    return raised.value


@pytest.mark.parametrize("method", ["experiment", "series", "export", "pin", "remove", "archive", "preview"])
async def test_hers_and_nobodys_experiments_are_the_same(world: World, method: str) -> None:
    swanlab = world.services.swanlab
    found = []
    for reference in (world.experiment, "secret", "run-of-nobody"):
        arguments: dict[str, Any] = {
            "export": {"form": "csv"},
            "pin": {"pinned": True},
        }.get(method, {})
        first: Any = {"remove": [reference], "archive": [reference], "preview": CleanRule(experiment_ids=(reference,))}.get(
            method, reference
        )
        found.append(await refused(getattr(swanlab, method)(world.bob, first, **arguments)))
    assert all(isinstance(error, NotFound) and error.fields["kind"] == "experiment" for error in found), found
    assert (world.folder / world.experiment).is_dir()
    assert not (world.folder / world.experiment / ".modeltrain-pinned").exists()


async def test_lists_hold_only_ones_own(world: World) -> None:
    swanlab = world.services.swanlab
    (project,) = await swanlab.projects(world.bob)
    assert project.experiments == 0
    assert await swanlab.experiments(world.bob) == ()
    assert await swanlab.archives(world.bob) == ()
    assert await swanlab.status(world.bob) == ()
    assert (await swanlab.preview(world.bob, CleanRule(keep=0))).going == ()
    assert len(await swanlab.experiments(world.ann)) == 1


@pytest.mark.parametrize("method", ["restore", "delete_archive"])
async def test_archives(world: World, method: str) -> None:
    act = getattr(world.services.swanlab, method)
    for name in (world.archive, "none.tar.gz", f"../../{world.ann.user_id}/.archives/{world.archive}"):
        error = await refused(act(world.bob, name))
        assert isinstance(error, NotFound) and error.fields["kind"] == "archive"
    assert len(await world.services.swanlab.archives(world.ann)) == 1


@pytest.mark.parametrize("project", ["../{ann}/modeltrain", "..", ".archives", "/", "", "none", "a/../modeltrain"])
async def test_projects(world: World, project: str) -> None:
    name = project.format(ann=world.ann.user_id)
    for call in (world.services.swanlab.start(world.bob, name), world.services.swanlab.remove_project(world.bob, name)):
        error = await refused(call)
        assert isinstance(error, NotFound) and error.fields["kind"] == "project"
    assert world.folder.is_dir()


@pytest.mark.parametrize("method", ["stop", "restart", "wait", "forget", "log_path"])
async def test_services(world: World, method: str) -> None:
    for name in (world.dashboard, world.webui, "0" * 32):
        error = await refused(getattr(world.services.swanlab, method)(world.bob, name))
        assert isinstance(error, NotFound) and error.fields["kind"] == "service"
        assert isinstance(await refused(getattr(world.services.webui, method)(world.bob, name)), Forbidden)
    # Of her own, one kind is not reached by the way of the other.
    assert isinstance(await refused(getattr(world.services.swanlab, method)(world.ann, world.webui)), NotFound)
    assert isinstance(await refused(getattr(world.services.webui, method)(world.ann, world.dashboard)), NotFound)


async def test_what_only_administrators_may(world: World) -> None:
    swanlab, webui = world.services.swanlab, world.services.webui
    outside = {"host": "0.0.0.0"}
    directory = {"directory": str(world.folder)}
    for arguments in (outside, directory, {"owner_id": world.ann.user_id}):
        assert isinstance(await refused(swanlab.start(world.bob, "modeltrain", **arguments)), Forbidden)
    assert isinstance(await refused(webui.start(world.bob)), Forbidden)
    assert isinstance(await refused(webui.status(world.bob)), Forbidden)
    # An administrator gets as far as the training environment, which is not there.
    for arguments in (outside, directory, {"owner_id": world.bob.user_id}):
        error = await refused(swanlab.start(world.ann, "modeltrain", **arguments))
        assert isinstance(error, EnvironmentProblem) and error.fields["what"] == "no_dashboard"
    assert (await refused(webui.start(world.ann))).fields["what"] == "no_webui"


async def test_an_administrator_who_is_served_names_no_directory_of_the_machine(world: World) -> None:
    from dataclasses import replace

    served = replace(world.ann, served=True)
    assert isinstance(await refused(world.services.swanlab.start(served, directory=str(world.folder))), Forbidden)


async def test_the_operator_is_nobody_in_particular(world: World) -> None:
    nobody = operator("root")
    swanlab = world.services.swanlab
    for call in (swanlab.projects(nobody), swanlab.start(nobody, "modeltrain"), swanlab.status(nobody), swanlab.archives(nobody)):
        assert isinstance(await refused(call), Forbidden)


@pytest.mark.parametrize("host", ["::1", "localhost", "example.org", "127.0.0.1.5", "0", "１２７.0.0.1"])
async def test_other_than_ipv4_addresses_are_no_hosts(world: World, host: str) -> None:
    error = await refused(world.services.swanlab.start(world.ann, "modeltrain", host=host))
    assert error.fields["field"] == "host"


def test_names_of_projects_make_folders_of_their_own() -> None:
    names = ["modeltrain", "support bot", "support-bot", "../../etc", "支持", "支助", "a" * 90, "a" * 91, "", ".", "-", "CON\0"]
    folders = [project_folder_name(name) for name in names]
    assert len(set(folders)) == len(names)
    assert all(folder.replace("-", "").replace("_", "").isalnum() and folder.isascii() for folder in folders)
    assert folders[0] == "modeltrain"
