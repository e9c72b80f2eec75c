"""Experiments in archives and back, and archives of people who mean harm."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import Conflict, DiskFull, NotFound
from core.swanlab import archives, cleaning, directory
from core.swanlab.metrics import MetricReader
from tests.unit.swanlab.directories import NOW, add_experiment, counted, make_project

NOW_MS = int(NOW.timestamp() * 1000)
CURVES = {"train/loss": [(1, 3.0), (2, 2.0)], "eval/loss": [(2, 2.5)]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An account's folder with the project "bots" and two experiments."""
    root = tmp_path / "account"  # what lies beside it is looked at, too: nothing of other tests
    folder = make_project(root / "bots", "support bots")
    add_experiment(folder, "first", days_ago=1, curves=CURVES, output="/runs/1")
    add_experiment(folder, "second", curves=CURVES)
    return root


def ids(root: Path) -> list[str]:
    return [item.id for item in directory.experiments(root / "bots", {})]


def archived(root: Path, count: int = 1) -> str:
    return archives.make(root, root / "bots", ids(root)[-count:], {}, now_ms=NOW_MS).id


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_there_and_back_again(root: Path) -> None:
    folder = root / "bots"
    run_id = ids(root)[-1]
    before, rows = content(folder / run_id), counted(folder)
    made = archives.make(root, folder, [run_id], {}, now_ms=NOW_MS)
    assert (made.project, made.project_id, made.names, made.problem) == ("support bots", "bots", ("first",), "")
    assert (root / archives.FOLDER / made.id).stat().st_mode & 0o777 == 0o600
    cleaning.remove(folder, [run_id], {})
    assert run_id not in ids(root)
    done = archives.restore(root, made.id)
    assert (done.project_id, done.experiments, done.renamed) == ("bots", (run_id,), ())
    assert content(folder / run_id) == before
    assert counted(folder) == rows, "with its charts, and its lines in those of the project"
    item = next(item for item in directory.experiments(folder, {}) if item.id == run_id)
    assert (item.name, item.state, item.tags) == ("first", "completed", ("train/loss", "eval/loss"))
    assert MetricReader("train/loss", folder / run_id / "logs" / "1").read().values.tolist() == [3.0, 2.0]
    assert archives.listed(root)[0].id == made.id, "the archive stays"


def test_into_a_project_that_is_gone(root: Path) -> None:
    import shutil

    name = archived(root, 2)
    before = counted(root / "bots")
    shutil.rmtree(root / "bots")
    archives.restore(root, name)
    assert counted(root / "bots") == before
    assert directory.project(root / "bots", {}).name == "support bots"


def test_into_a_project_that_went_on(root: Path) -> None:
    name = archived(root, 2)
    cleaning.remove(root / "bots", ids(root), {})
    add_experiment(root / "bots", "first", curves=CURVES)  # the name and the place in the order are taken again
    done = archives.restore(root, name)
    assert done.renamed == (("first", "first-2"),)
    assert counted(root / "bots")["experiment"] == 3
    assert add_experiment(root / "bots", "and on", curves=CURVES), "its order goes on behind all of them"


def test_what_is_there_is_not_overwritten(root: Path) -> None:
    name = archived(root, 2)
    cleaning.remove(root / "bots", [ids(root)[0]], {})
    before, rows = content(root / "bots"), counted(root / "bots")
    with pytest.raises(Conflict) as raised:
        archives.restore(root, name)
    assert raised.value.fields["what"] == "experiment_there"
    assert counted(root / "bots") == rows, "of two neither is restored"
    assert {path for path in content(root / "bots") if "run-" in path} == {path for path in before if "run-" in path}


def test_one_that_is_written_is_not_archived(root: Path) -> None:
    run_id = add_experiment(root / "bots", "now", status=0, pid=os.getpid())
    with pytest.raises(Conflict) as raised:
        archives.make(root, root / "bots", [run_id], {}, now_ms=NOW_MS)
    assert raised.value.fields["what"] == "experiment_running"
    assert archives.listed(root) == ()


def test_links_are_not_taken_along(root: Path, tmp_path: Path) -> None:
    run_id = ids(root)[-1]
    secret = tmp_path / "secret"
    secret.write_text("not for archives")
    (root / "bots" / run_id / "media").symlink_to(secret)
    (root / "bots" / run_id / "link.log").symlink_to(secret)
    name = archived(root)
    with tarfile.open(root / archives.FOLDER / name) as tar:
        assert all(member.isfile() or member.isdir() for member in tar)
        assert not any("media" in member.name or "link" in member.name for member in tar)
        assert {(member.uid, member.gid, member.uname) for member in tar} == {(0, 0, "")}


# Hostile archives ----------------------------------------------------------------------------------------------------------


def rewrite(root: Path, name: str, change: Callable[[dict[str, Any], list[tuple[tarfile.TarInfo, bytes]]], None]) -> str:
    """Another archive with its list and members changed."""
    with tarfile.open(root / archives.FOLDER / name) as tar:
        members = [(member, (reader.read() if (reader := tar.extractfile(member)) else b"")) for member in tar]
    kept = json.loads(members[0][1])
    rest = members[1:]
    change(kept, rest)
    evil = root / archives.FOLDER / "evil.tar.gz"
    with tarfile.open(evil, "w:gz") as tar:
        text = json.dumps(kept).encode()
        first = tarfile.TarInfo("experiments.json")
        first.size = len(text)
        tar.addfile(first, io.BytesIO(text))
        for member, data in rest:
            if member.isfile():
                member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return "evil.tar.gz"


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> Callable[[dict[str, Any], list[Any]], None]:
    def change(kept: dict[str, Any], rest: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        run_id = kept["experiments"][0]["experiment"][0]["run_id"]
        made = tarfile.TarInfo(name.replace("RUN", run_id))
        made.type, made.linkname = kind, link.replace("RUN", run_id)
        rest.append((made, b"harm" if kind == tarfile.REGTYPE else b""))

    return change


def row(**values: Any) -> Callable[[dict[str, Any], list[Any]], None]:
    return lambda kept, _rest: kept["experiments"][0]["experiment"][0].update(values)


def renamed_folder(name: str) -> Callable[[dict[str, Any], list[tuple[tarfile.TarInfo, bytes]]], None]:
    def change(kept: dict[str, Any], rest: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        old = kept["experiments"][0]["experiment"][0]["run_id"]
        kept["experiments"][0]["experiment"][0]["run_id"] = name
        for info, _data in rest:
            info.name = info.name.replace(old, name)

    return change


HOSTILE: dict[str, Callable[[dict[str, Any], list[Any]], None]] = {
    "absolute": member("/tmp/harm"),
    "upwards": member("../harm"),
    "upwards from within": member("RUN/../../harm"),
    "beside": member("harm"),
    "into another experiment": member("run-other/harm"),
    "symbolic link": member("RUN/link", tarfile.SYMTYPE, "/etc"),
    "link upwards": member("RUN/link", tarfile.SYMTYPE, "../../.."),
    "hard link": member("RUN/hard", tarfile.LNKTYPE, "/etc/passwd"),
    "device": member("RUN/null", tarfile.CHRTYPE),
    "pipe": member("RUN/pipe", tarfile.FIFOTYPE),
    "backslashes": member("RUN\\..\\..\\harm"),
    "a folder that is no experiment's": renamed_folder(".archives"),
    "a folder upwards": renamed_folder(".."),
    "a folder with slashes": renamed_folder("run-a/../../b"),
    "a project upwards": lambda kept, _rest: kept.update(folder="../../other"),
    "a project that is hidden": lambda kept, _rest: kept.update(folder=".archives"),
    "a project without a name": lambda kept, _rest: kept.update(project={}),
    "another version": lambda kept, _rest: kept.update(version=99),
    "no experiment": lambda kept, _rest: kept.update(experiments=[]),
    "two rows": lambda kept, _rest: kept["experiments"][0]["experiment"].append(kept["experiments"][0]["experiment"][0]),
    "no name": row(name=None),
    "a name that is none": row(name={"a": 1}),
    "another status": row(status=7),
    "a status that is text": row(status="1; DROP TABLE experiment"),
    "a missing column": lambda kept, _rest: kept["experiments"][0]["experiment"][0].pop("create_time"),
    "a metric outside": lambda kept, _rest: kept["experiments"][0]["tag"][0].update(folder="../../../etc"),
    "a value that is a list": lambda kept, _rest: kept["experiments"][0]["tag"][0].update(name=[1]),
    "a display without its chart": lambda kept, _rest: kept["experiments"][0]["display"][0].update(chart_id=9999),
    "no tables": lambda kept, _rest: kept["experiments"][0].pop("chart"),
    "rows that are no lists": lambda kept, _rest: kept["experiments"][0].update(tag=7),
    "experiments that are no list": lambda kept, _rest: kept.update(experiments={"a": 1}),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_archives_are_refused_and_change_nothing(root: Path, what: str) -> None:
    name = archived(root)
    cleaning.remove(root / "bots", [ids(root)[-1]], {})
    evil = rewrite(root, name, HOSTILE[what])
    before, rows = sorted(path for path in root.parent.rglob("*") if "evil" not in path.name), counted(root / "bots")
    with pytest.raises(Conflict) as raised:
        archives.restore(root, evil)
    assert raised.value.fields["what"] == "archive_damaged"
    assert counted(root / "bots") == rows
    after = sorted(path for path in root.parent.rglob("*") if "evil" not in path.name)
    assert [path for path in sorted(set(after) - set(before)) if "runs.swanlab" not in path.name] == []
    assert len(archives.listed(root)) == 2, "the list goes on working"


@pytest.mark.parametrize("cut", [0, 1, 20, 200])
def test_cut_archives_are_damaged(root: Path, cut: int) -> None:
    name = archived(root)
    path = root / archives.FOLDER / name
    cleaning.remove(root / "bots", [ids(root)[-1]], {})
    path.write_bytes(path.read_bytes()[: -cut if cut else 0])
    with pytest.raises(Conflict) as raised:
        archives.restore(root, name)
    assert raised.value.fields["what"] == "archive_damaged"
    assert len(ids(root)) == 1


def test_an_archive_with_one_wrong_bit_is_damaged(root: Path) -> None:
    (root / "bots" / ids(root)[-1] / "files" / "noise").write_bytes(os.urandom(4000))  # is stored as it is
    name = archived(root)
    path = root / archives.FOLDER / name
    cleaning.remove(root / "bots", [ids(root)[-1]], {})
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(Conflict):
        archives.restore(root, name)
    assert len(ids(root)) == 1


@pytest.mark.parametrize("data", [b"", b"no archive", b"\x1f\x8b" + b"\0" * 50])
def test_what_is_no_archive_is_listed_as_damaged(root: Path, data: bytes) -> None:
    (root / archives.FOLDER).mkdir()
    (root / archives.FOLDER / "odd.tar.gz").write_bytes(data)
    (item,) = archives.listed(root)
    assert (item.id, item.problem) == ("odd.tar.gz", "damaged")
    with pytest.raises(Conflict):
        archives.restore(root, "odd.tar.gz")
    assert archives.delete(root, "odd.tar.gz") == len(data)
    assert archives.listed(root) == ()


@pytest.mark.parametrize("name", ["../bots/runs.swanlab", "/etc/passwd", "none.tar.gz", "..tar.gz", "a\0.tar.gz", "", "link.tar.gz"])
def test_other_files_are_no_archives(root: Path, name: str) -> None:
    (root / archives.FOLDER).mkdir()
    (root / archives.FOLDER / "link.tar.gz").symlink_to(root / "bots" / "runs.swanlab")
    for act in (archives.restore, archives.delete, archives.info):
        with pytest.raises(NotFound):
            act(root, name)
    assert (root / "bots" / "runs.swanlab").exists()


def test_a_bomb_is_not_unpacked(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = archived(root)
    cleaning.remove(root / "bots", [ids(root)[-1]], {})
    with monkeypatch.context() as patch:
        patch.setattr(archives, "MOST_FILES", 3)
        with pytest.raises(Conflict):
            archives.restore(root, name)
    with monkeypatch.context() as patch:
        patch.setattr(archives, "_RESERVE", 1 << 60)
        with pytest.raises(DiskFull):
            archives.restore(root, name)
    assert [path.name for path in (root / archives.FOLDER).iterdir()] == [name], "nothing is left of what was begun"
    archives.restore(root, name)
    assert len(ids(root)) == 2
