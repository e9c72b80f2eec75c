"""The training environment told from a folder, and questions to a helper in an interpreter of its own."""

from __future__ import annotations

import asyncio
import os
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from core.auth.principal import Principal, Role, operator
from core.bootstrap import Services, build_services
from core.errors import Conflict, EnvironmentProblem, Forbidden, InvalidInput
from core.settings import Settings, TrainingSettings
from core.training.environment_calls import Helpers
from core.training.environment_folder import MARKER, NEEDED, look_at, stamp_of, state_of
from core.training.environment_types import EnvironmentState

VERSIONS = {"llamafactory": "0.9.5", "torch": "2.13.0+cpu", "swanlab": "0.10.3", "swanboard": "0.1.10b2"}
USER = Principal("1" * 32, "bob", "bob@example.org", Role.USER)


def make_environment(folder: Path, *, own: bool = True, without: str = "") -> Path:
    """A folder that looks like an environment: an interpreter, metadata of distributions, the installer's marker."""
    packages = folder / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(sys.executable)
    for name in (*NEEDED, "swanlab", "swanboard"):
        if name != without:
            distribution(packages, name, VERSIONS.get(name, "1.0"))
    if own:
        (folder / MARKER).write_text("{}")
    return packages


def distribution(packages: Path, name: str, version: str) -> Path:
    info = packages / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return info


def state(folder: Path, *, own: bool = True) -> EnvironmentState:
    return state_of(folder, look_at(folder), own=own)


def rules(found: EnvironmentState) -> list[str]:
    return [problem.rule for problem in found.problems]


def test_nothing_there_is_missing_not_broken(tmp_path: Path) -> None:
    found = state(tmp_path / "env")
    assert (found.state, found.python, found.problems) == ("missing", None, ())


def test_a_whole_one_is_ready_with_its_versions(tmp_path: Path) -> None:
    make_environment(tmp_path / "env")
    found = state(tmp_path / "env")
    assert found.ready and found.problems == ()
    assert found.versions["torch"] == "2.13.0+cpu" and found.has("swanboard")


@pytest.mark.parametrize("package", NEEDED)
def test_each_missing_package_is_named(tmp_path: Path, package: str) -> None:
    make_environment(tmp_path / "env", without=package)
    found = state(tmp_path / "env")
    assert found.state == "broken"
    assert [problem.fields["package"] for problem in found.problems if problem.rule == "missing_package"] == [package]


def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    packages = make_environment(tmp_path / "env", own=False)
    assert rules(state(tmp_path / "env")) == ["unfinished"], "our own without the installer's marker"
    assert state(tmp_path / "env", own=False).ready, "somebody's own needs no marker"
    (packages / "torch-2.13.0+cpu.dist-info" / "METADATA").unlink()
    assert rules(state(tmp_path / "env", own=False)) == ["damaged_package"]
    (tmp_path / "env" / "bin" / "python").unlink()
    assert rules(state(tmp_path / "env", own=False))[0] == "no_python"
    blank = tmp_path / "two words"
    make_environment(blank)
    assert state(blank).ready and rules(state(blank)) == ["blank_in_path"]
    file = tmp_path / "file"
    file.touch()
    assert rules(state(file)) == ["not_a_folder"]


@pytest.mark.parametrize(("version", "rule", "usable"), [("0.9.6", "other_version", True), ("0.10.0", "wrong_version", False)])
def test_an_upgrade_is_noticed_by_stamp_and_fingerprint(tmp_path: Path, version: str, rule: str, usable: bool) -> None:
    packages = make_environment(tmp_path / "env")
    before, stamp = state(tmp_path / "env"), stamp_of(tmp_path / "env")
    (packages / "llamafactory-0.9.5.dist-info").rename(packages / f"llamafactory-{version}.dist-info")
    after = state(tmp_path / "env")
    assert stamp_of(tmp_path / "env") != stamp
    assert rules(after) == [rule] and after.ready is usable
    assert after.fingerprint != before.fingerprint


# The service -------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def services(settings: Settings, installed: Path) -> AsyncIterator[Services]:
    del installed
    built = await build_services(settings)
    yield built
    await built.close()


async def test_who_may_change_it(services: Services) -> None:
    for deed in (services.environment.install(USER), services.environment.cancel(USER), services.environment.remove(USER)):
        with pytest.raises(Forbidden):
            await deed
    with pytest.raises(Forbidden):
        await services.environment.use(USER, "/tmp")
    with pytest.raises(Forbidden):
        await services.environment.check(USER)
    assert (await services.environment.state(USER)).state == "missing"
    assert (await services.environment.progress(USER)).kind == "none"


async def test_an_existing_one_is_named_and_given_up(services: Services, tmp_path: Path) -> None:
    boss, named = operator("root"), tmp_path / "theirs"
    for wrong in ("relative", str(tmp_path / "nowhere"), str(tmp_path)):
        with pytest.raises(InvalidInput) as error:
            await services.environment.use(boss, wrong)
        assert error.value.rule in {"not_absolute", "not_an_environment"}
    make_environment(named, own=False)
    with pytest.raises(Forbidden):  # whoever comes over SSH could have brought the programs in it
        await services.environment.use(replace(boss, served=True), str(named))
    assert (await services.environment.use(boss, str(named))).ready
    found = await services.environment.state(USER)
    assert (found.folder, found.own) == (named, False)
    with pytest.raises(Conflict) as conflict:
        await services.environment.install(boss)
    assert conflict.value.fields["what"] == "environment_named"
    assert not (await services.environment.use(boss, "")).ready


async def test_the_variable_counts_before_what_is_stored(settings: Settings, tmp_path: Path) -> None:
    make_environment(tmp_path / "env", own=False)
    named = replace(settings, training=TrainingSettings(environment=tmp_path / "env"))
    services = await build_services(named)
    try:
        assert (await services.environment.state(USER)).folder == tmp_path / "env"
        with pytest.raises(Conflict) as conflict:
            await services.environment.use(operator("root"), "")
        assert conflict.value.fields["what"] == "environment_from_variable"
    finally:
        await services.close()


async def test_without_one_the_catalogue_says_that_it_is_small(services: Services) -> None:
    found = await services.environment.catalogue(USER)
    assert found.source == "shipped" and not found.complete
    assert {"qwen", "llama3"} <= set(found.templates) and found.options["learning_rate"].maximum == 1
    assert found.unavailable == {"ppo": "ppo_not_in_this_version"}
    with pytest.raises(EnvironmentProblem) as error:
        await services.environment.call("check", {})
    assert error.value.fields["what"] == "training_environment_missing"


async def test_a_broken_one_is_not_asked(services: Services, tmp_path: Path) -> None:
    make_environment(services.settings.data_dir / "training-env", without="torch")
    with pytest.raises(EnvironmentProblem) as error:
        await services.environment.call("check", {})
    assert error.value.fields["what"] == "training_environment_broken"
    assert error.value.fields["problem"] == "missing_package"


# Helpers -----------------------------------------------------------------------------------------------------------


def helpers(folder: Path, **scripts: str) -> tuple[Helpers, EnvironmentState]:
    """Helpers with scripts of the test, in an interpreter that is this one."""
    (folder / "helpers").mkdir()
    for name, text in scripts.items():
        (folder / "helpers" / f"{name}.py").write_text(textwrap.dedent(text))
    environment = EnvironmentState(folder, "ready", Path(sys.executable))
    secrets = {"MODELTRAIN_MASTER_KEY": "secret", "PATH": os.environ["PATH"], "HF_HOME": "/hub"}
    return Helpers(secrets, folder / "helpers"), environment


async def test_json_goes_in_and_comes_out_and_no_secret_does(tmp_path: Path) -> None:
    asked, environment = helpers(
        tmp_path,
        echo="""
            import json, os, sys
            print("noise", file=sys.stderr)
            json.dump({"ok": {"asked": json.load(sys.stdin), "environment": dict(os.environ), "path": sys.flags.isolated}}, sys.stdout)
        """,
    )
    found = await asked.call(environment, "echo", {"text": "über 😀"}, timeout_s=60)
    assert found["asked"] == {"text": "über 😀"} and found["path"] == 1
    variables = found["environment"]
    assert "MODELTRAIN_MASTER_KEY" not in variables
    assert (variables["HF_HUB_OFFLINE"], variables["HF_HOME"], variables["CUDA_VISIBLE_DEVICES"]) == ("1", "/hub", "")


@pytest.mark.parametrize(
    ("script", "rule"),
    [
        ("import json, sys\njson.dump({'error': 'template_unknown', 'fields': {'message': 'no'}}, sys.stdout)", "template_unknown"),
        ("raise SystemExit('broken library')", "no_answer"),
        ("print('not json')", "no_answer"),
        ("print('[1]')", "no_answer"),
        ("import sys\nwhile True: sys.stdout.write('x' * 65536)", "too_large"),
    ],
)
async def test_what_goes_wrong_is_typed(tmp_path: Path, script: str, rule: str) -> None:
    asked, environment = helpers(tmp_path, wrong=script)
    with pytest.raises(EnvironmentProblem) as error:
        await asked.call(environment, "wrong", {}, timeout_s=60)
    assert (error.value.fields["what"], error.value.fields["rule"]) == ("training_helper_failed", rule)


async def test_an_interpreter_that_cannot_run_is_no_crash(tmp_path: Path) -> None:
    asked, environment = helpers(tmp_path, echo="")
    (tmp_path / "python").write_text("")
    with pytest.raises(EnvironmentProblem) as error:
        await asked.call(replace(environment, python=tmp_path / "python"), "echo", {}, timeout_s=60)
    assert error.value.fields["rule"] == "not_started"


FOREVER = """
    import os, subprocess, sys, time
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with open(os.path.join(os.path.dirname(__file__), "pids"), "w") as file:
        file.write(f"{os.getpid()} {child.pid}")
    os.rename(file.name, file.name + ".whole")
    time.sleep(600)
"""


async def gone(path: Path) -> bool:
    """Whether the processes whose numbers were written are no more (zombies are)."""
    for text in (await asyncio.to_thread(path.read_text)).split():
        for _ in range(600):
            if not psutil.pid_exists(int(text)) or psutil.Process(int(text)).status() == psutil.STATUS_ZOMBIE:
                break
            await asyncio.sleep(0.05)
        else:
            return False
    return True


def appears(path: Path) -> bool:
    """Whether a file is there within a minute."""
    for _ in range(1200):
        if path.exists():
            return True
        time.sleep(0.05)
    return False


async def test_a_helper_that_hangs_ends_with_its_children(tmp_path: Path) -> None:
    asked, environment = helpers(tmp_path, forever=FOREVER)
    with pytest.raises(EnvironmentProblem) as error:
        await asked.call(environment, "forever", {}, timeout_s=3)
    assert error.value.fields["what"] == "training_helper_timeout"
    assert await gone(tmp_path / "helpers" / "pids.whole")


async def test_a_question_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    asked, environment = helpers(tmp_path, forever=FOREVER)
    task = asyncio.ensure_future(asked.call(environment, "forever", {}, timeout_s=600))
    pids = tmp_path / "helpers" / "pids.whole"
    assert await asyncio.to_thread(appears, pids)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(pids)


async def test_at_most_two_work_at_a_time(tmp_path: Path) -> None:
    asked, environment = helpers(
        tmp_path,
        count="""
            import json, os, sys, time
            folder = os.path.dirname(__file__)
            mark = os.path.join(folder, f"working-{os.getpid()}")
            open(mark, "w").close()
            most = len([name for name in os.listdir(folder) if name.startswith("working-")])
            time.sleep(0.3)
            os.unlink(mark)
            json.dump({"ok": most}, sys.stdout)
        """,
    )
    found = await asyncio.gather(*(asked.call(environment, "count", {}, timeout_s=60) for _ in range(5)))
    assert max(found) == 2
