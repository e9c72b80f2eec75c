"""modeltrain swanlab and modeltrain webui as scripts run them, over directories as SwanLab writes them."""

from __future__ import annotations

import csv
import io
import json
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.auth.principal import Origin
from core.bootstrap import build_services
from core.settings import Settings
from core.training.swanlab_place import swanlab_folder
from tests.shell import PASSWORD, QuickShell, Shell
from tests.unit.swanlab.directories import add_experiment, make_project


@dataclass
class Ann:
    shell: Shell
    folder: Path
    old: str
    alive: str


@pytest.fixture
async def ann(settings: Settings) -> Ann:
    services = await build_services(settings)
    signed_in = await services.accounts.create_first_admin("ann@example.org", "ann", PASSWORD, origin=Origin())
    await services.close()
    folder = make_project(swanlab_folder(settings.data_dir, signed_in.principal.user_id))
    old = add_experiment(folder, "old\x1b[31m", days_ago=40, curves={"loss": [(1, 2.0), (2, float("nan"))]})
    alive = add_experiment(folder, "alive", status=0, pid=os.getpid())
    return Ann(QuickShell(settings.data_dir, "ann@example.org"), folder, old, alive)


def test_looking_and_exporting(ann: Ann, tmp_path: Path) -> None:
    (project,) = ann.shell.ok("swanlab", "projects", "--json").json
    assert (project["id"], project["experiments"], project["running"], project["problem"]) == ("modeltrain", 2, 1, None)
    found = ann.shell.ok("swanlab", "experiments", "--json").json
    assert [(item["id"], item["state"], item["swanlab_state"]) for item in found] == [
        (ann.alive, "running", "running"),
        (ann.old, "completed", "completed"),
    ]
    table = ann.shell.ok("swanlab", "experiments", "old").out
    assert ann.old in table and ann.alive not in table and "\x1b" not in table
    shown = ann.shell.ok("swanlab", "show", ann.old, "--json").json
    assert shown["metrics"]["loss"] == {
        "count": 2, "last": None, "last_step": 2, "best": 2.0, "best_step": 1, "lowest": 2.0, "highest": 2.0,
    }  # fmt: skip
    ann.shell.ok("swanlab", "export", ann.old, "-o", str(tmp_path / "curves.csv"))
    assert list(csv.reader(io.StringIO((tmp_path / "curves.csv").read_text()))) == [["step", "loss"], ["1", "2.0"], ["2", "nan"]]
    assert json.loads(ann.shell.ok("swanlab", "export", ann.old, "--format", "json").out)["metrics"]["loss"]["values"] == [2.0, None]


def test_cleaning_up(ann: Ann) -> None:
    nothing = ann.shell.run("swanlab", "clean")
    assert nothing.status == 2 and "It is not said what to remove." in nothing.err
    preview = ann.shell.ok("swanlab", "clean", "--keep", "0", "--json").json
    assert (preview["removed"], [item["id"] for item in preview["going"]]) == (False, [ann.old])
    assert [(item["id"], item["why"]) for item in preview["spared"]] == [(ann.alive, "running")]
    assert (ann.folder / ann.old).is_dir(), "without --yes nothing goes"
    ann.shell.ok("swanlab", "pin", ann.old)
    assert ann.shell.ok("swanlab", "clean", "--older-than", "1", "--yes", "--json").json["going"] == []
    ann.shell.ok("swanlab", "pin", "--off", ann.old)
    (archive,) = ann.shell.ok("swanlab", "archive", ann.old, "--remove", "--json").json
    assert not (ann.folder / ann.old).exists()
    with tarfile.open(ann.folder.parent / ".archives" / archive["id"]) as tar:
        assert f"{ann.old}/logs/1/1000.log" in tar.getnames()
    assert [item["id"] for item in ann.shell.ok("swanlab", "archives", "--json").json] == [archive["id"]]
    assert ann.shell.ok("swanlab", "restore", archive["id"], "--json").json["experiments"] == [ann.old]
    again = ann.shell.run("swanlab", "restore", archive["id"])
    assert again.status == 2 and "is there already" in again.err and "\x1b" not in again.err
    done = ann.shell.ok("swanlab", "clean", ann.old, "--yes")
    assert "1 experiment was removed" in done.out
    assert ann.shell.run("swanlab", "clean", "alive", "--yes").status == 0
    assert (ann.folder / ann.alive).is_dir()
    refused = ann.shell.run("swanlab", "remove-project", "modeltrain")
    assert refused.status == 2 and "cannot be removed as a whole" in refused.err


def test_services_say_what_is_missing(ann: Ann) -> None:
    assert ann.shell.run("swanlab", "status").status == 1
    refused = ann.shell.run("swanlab", "start")
    assert refused.status == 2 and "is not installed in the training environment" in refused.err
    theirs = ann.shell.run("swanlab", "start", "--user", "ANN@example.org")
    assert theirs.status == 2 and theirs.err == refused.err, "found by their e-mail, in any case"
    nobody = ann.shell.run("swanlab", "start", "--user", "nobody@example.org", "--json")
    assert json.loads(nobody.err)["error"]["code"] == "not_found"
    unknown = ann.shell.run("swanlab", "start", "none", "--json")
    assert json.loads(unknown.err)["error"]["code"] == "not_found"
    assert ann.shell.run("webui", "start").status == 2
    assert ann.shell.run("swanlab", "stop", "--json").json == []
