"""SwanLab itself: what it writes is read, its dashboard is started, watched and stopped, and understands what we restore."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import pytest_asyncio

from core.auth.principal import Origin, Principal
from core.bootstrap import Services, build_services
from core.errors import Conflict, EnvironmentProblem
from core.managed.types import Service, ServiceRequest
from core.processes import tree
from core.settings import Settings, TrainingSettings
from core.swanlab.types import CleanRule
from core.training.swanlab_place import swanlab_folder

pytestmark = pytest.mark.training

#: Logs a few steps to SwanLab. The second argument: go on for ever, after saying that it is under way.
SCRIPT = """
import sys
import swanlab

swanlab.init(project="bots", experiment_name=sys.argv[2], logdir=sys.argv[1], mode="local",
             config={"output_dir": "/runs/" + sys.argv[2], "learning_rate": 5e-05, "nested": {"rank": 8}})
for step in range(1, 1203):
    swanlab.log({"train/loss": float("nan") if step == 3 else 6 / step}, step=step)
swanlab.log({"eval/accuracy": 0.5}, step=1)
swanlab.log({"eval/accuracy": 0.9}, step=2)
if sys.argv[3] == "finish":
    swanlab.finish()
else:
    print("under way", flush=True)
    sys.stdin.read()
"""


def run_swanlab(environment: Path, work: Path, folder: Path, name: str, how: str) -> subprocess.Popen[str]:
    script = work / "log.py"
    script.write_text(SCRIPT)
    variables = {"PATH": os.environ["PATH"], "HOME": str(work), "OMP_NUM_THREADS": "1"}
    command = [environment / "bin/python", script, folder, name, how]
    return subprocess.Popen(
        command, cwd=work, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.fixture(scope="session")
def logged(training_env: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log directory that SwanLab itself wrote: one experiment that finished, and one whose process was killed."""
    work = tmp_path_factory.mktemp("swanlab")
    folder = work / "log"
    with run_swanlab(training_env, work, folder, "done", "finish") as process:
        said = process.communicate(timeout=120)[0]
        assert process.returncode == 0, said
    with run_swanlab(training_env, work, folder, "killed", "hang") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("under way"):
                break
        wait_for_steps(folder, "killed", 1202)
        process.kill()
    return folder


def wait_for_steps(folder: Path, name: str, steps: int) -> None:
    """Until SwanLab has written so many steps of an experiment's first metric; it writes every few seconds."""
    from core.swanlab import directory
    from core.swanlab.metrics import MetricReader

    for _try in range(600):
        for item in directory.experiments(folder, {}):
            if item.name == name and len(MetricReader("", folder / item.id / "logs" / "1").read().steps) >= steps:
                return
        subprocess.run(["sleep", "0.1"], check=True)
    pytest.fail("SwanLab wrote nothing")


@dataclass
class World:
    services: Services
    ann: Principal

    @property
    def folder(self) -> Path:
        return swanlab_folder(self.services.settings.data_dir, self.ann.user_id, "bots")

    async def ready(self, service: Service) -> Service:
        found = await self.services.managed.wait(self.ann, service.id, within_s=90)
        assert found.state == "ready", (found, found.log.read_text())
        return found


@pytest_asyncio.fixture
async def world(settings: Settings, training_env: Path, logged: Path) -> AsyncIterator[World]:
    services = await build_services(replace(settings, training=TrainingSettings(environment=training_env)))
    ann = (await services.accounts.create_first_admin("ann@example.org", "ann", "correct horse 7 battery", origin=Origin())).principal
    made = World(services, ann)
    shutil.copytree(logged, made.folder)
    yield made
    for service in await services.managed.services(ann, active=True):
        await services.managed.stop(ann, service.id)
    await services.close()


def api(service: Service, path: str) -> Any:
    with httpx.Client(trust_env=False, timeout=30) as client:
        return client.get(f"{service.url}/api/v1{path}").json()["data"]


def listening(service: Service) -> set[tuple[str, int]]:
    """Where the processes of a service listen."""
    found = set()
    for identity in tree(service.folder):
        for connection in psutil.Process(identity.pid).net_connections(kind="inet"):
            if connection.status == psutil.CONN_LISTEN:
                found.add((connection.laddr.ip, connection.laddr.port))
    return found


async def test_what_swanlab_writes_is_read(world: World) -> None:
    swanlab, ann = world.services.swanlab, world.ann
    (project,) = await swanlab.projects(ann)
    assert (project.id, project.name, project.experiments, project.running) == ("bots", "bots", 2, 0)
    killed, done = await swanlab.experiments(ann)
    assert (done.name, done.state, done.tags) == ("done", "completed", ("train/loss", "eval/accuracy"))
    assert (killed.name, killed.state, killed.logged_state) == ("killed", "ended", "running")
    detail = await swanlab.experiment(ann, done.id)
    loss, accuracy = detail.metrics
    assert (loss.count, loss.last, loss.best_step) == (1202, 6 / 1202, 1202), "from two files, of a thousand steps and the rest"
    assert (accuracy.best, accuracy.best_step) == (0.9, 2)
    assert dict(detail.config)["output_dir"] == "/runs/done"
    assert dict(detail.config)["nested.rank"] == "8"
    csv = (await swanlab.export(ann, done.id, "csv")).splitlines()
    assert csv[:4] == ["step,train/loss,eval/accuracy", "1,6.0,0.5", "2,3.0,0.9", "3,nan,"]


async def test_one_that_is_being_written_is_never_touched(world: World, training_env: Path, tmp_path: Path) -> None:
    swanlab, ann = world.services.swanlab, world.ann
    with run_swanlab(training_env, tmp_path, world.folder, "alive", "hang") as process:
        try:
            assert process.stdout is not None
            assert any(line.startswith("under way") for line in process.stdout)
            preview = await swanlab.preview(ann, CleanRule(keep=0))
            assert [(item.experiment.name, item.why) for item in preview.spared] == [("alive", "running")]
            with pytest.raises(Conflict):
                await swanlab.remove(ann, [preview.spared[0].experiment.id])
            removed = await swanlab.remove(ann, [item.id for item in preview.going])  # others go while it writes
            assert len(removed.removed) == 2
        finally:
            process.kill()
    (left,) = await swanlab.experiments(ann)
    assert (left.name, left.state) == ("alive", "ended")


async def test_the_dashboard_from_its_start_to_its_end(world: World) -> None:
    swanlab, ann = world.services.swanlab, world.ann
    service = await world.ready(await swanlab.start(ann, "bots"))
    assert listening(service) == {("127.0.0.1", service.port)}
    shown = api(service, "/project")
    assert shown["logdir"] == str(world.folder)
    assert {item["name"] for item in shown["experiments"]} == {"done", "killed"}
    assert (await swanlab.start(ann, "bots")).id == service.id, "one is enough"
    done = next(item for item in await swanlab.experiments(ann) if item.name == "done")
    (archive,) = await swanlab.archive(ann, [done.id], remove=True)
    assert {item["name"] for item in api(service, "/project")["experiments"]} == {"killed"}
    await swanlab.restore(ann, archive.id)
    number = next(item["id"] for item in api(service, "/project")["experiments"] if item["name"] == "done")
    assert {item["key"]: item["value"] for item in api(service, f"/experiment/{number}/summary")["summaries"]} == {
        "train/loss": 6 / 1202,
        "eval/accuracy": 0.9,
    }
    assert {chart["name"] for chart in api(service, "/project/charts")["charts"]} == {"train/loss", "eval/accuracy"}
    stopped = await swanlab.stop(ann, service.id)
    assert stopped.state == "stopped"
    assert tree(service.folder) == ()
    with pytest.raises(httpx.ConnectError):
        api(service, "/project")


async def test_a_dashboard_that_is_killed_comes_back(world: World) -> None:
    swanlab, ann = world.services.swanlab, world.ann
    service = await world.ready(await swanlab.start(ann, "bots"))
    server = next(identity.pid for identity in tree(service.folder) if "watch" in psutil.Process(identity.pid).cmdline())
    os.kill(server, signal.SIGKILL)
    psutil.Process(server).wait(30) if psutil.pid_exists(server) else None
    found = service
    while found.restarts == 0:
        (found,) = await swanlab.status(ann, ask=True)
    again = await world.ready(found)
    assert again.restarts == 1
    assert api(again, "/project")["name"] == "bots"
    anew = await world.ready(await swanlab.restart(ann, again.id))
    assert (anew.id, anew.restarts) == (service.id, 0)


async def test_a_port_that_is_taken_is_said_and_the_one_it_took_is_found(world: World) -> None:
    swanlab, ann = world.services.swanlab, world.ann
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EnvironmentProblem) as raised:
            await swanlab.start(ann, "bots", port=port)
        assert (raised.value.fields["what"], raised.value.fields["port"]) == ("port_taken", port)
        # Somebody may take it between that look and SwanLab's own: then SwanLab takes another without a word.
        state = await world.services.environment.current()
        request = ServiceRequest("swanlab", "bots", swanlab._spec(state, world.folder), subject={"port_asked": port}, port=port)
        service = await world.ready(await world.services.managed.start(ann, request))
    assert service.port not in (0, port)
    assert listening(service) == {("127.0.0.1", service.port)}
    assert api(service, "/project")["name"] == "bots"


async def test_swanlab_goes_on_in_a_directory_that_was_restored(world: World, training_env: Path, tmp_path: Path) -> None:
    swanlab, ann = world.services.swanlab, world.ann
    found = await swanlab.experiments(ann)
    (archive,) = await swanlab.archive(ann, [item.id for item in found], remove=True)
    await swanlab.remove_project(ann, "bots")
    assert not world.folder.exists()
    await swanlab.restore(ann, archive.id)
    with run_swanlab(training_env, tmp_path, world.folder, "done", "finish") as process:
        said = process.communicate(timeout=120)[0]
        assert process.returncode == 0, said
    assert next(item.name for item in await swanlab.experiments(ann)).startswith("done-")
    assert (await swanlab.projects(ann))[0].experiments == 3


async def test_the_web_interface_listens_on_loopback_only(world: World) -> None:
    webui, ann = world.services.webui, world.ann
    try:
        service = await webui.start(ann)
    except EnvironmentProblem as problem:
        assert problem.fields["what"] == "webui_version"
        if os.environ.get("MODELTRAIN_REQUIRE_TRAINING") == "1":
            raise
        pytest.skip("this environment was made before its gradio was pinned: make training-env")
    found = await webui.wait(ann, service.id)
    assert found.state == "ready", found.log.read_text()
    assert {host for host, _port in listening(found)} == {"127.0.0.1"}
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        assert "gradio" in (await client.get(found.url)).text
    await webui.stop(ann, service.id)
    assert tree(found.folder) == ()
