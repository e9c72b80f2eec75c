"""Datasets as a service: adding, checking, versions, work that is followed and called off, who may use which file."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.auth.principal import Principal, operator
from core.bootstrap import Services, build_services
from core.datasets.types import WorkProgress
from core.errors import Conflict, InvalidInput, NotFound
from core.events import DatasetsChanged, Event
from core.settings import AuthSettings, load_settings
from tests.unit.datasets.conftest import PASSWORD
from tests.unit.datasets.samples import alpaca, lines
from tui.commands.common import Invocation, Served
from tui.commands.dataset_check import _check_dataset as check_dataset
from tui.commands.files import use_files_of

# ruff: noqa: ASYNC240 - small files of a test

BAD = lines(alpaca(1), alpaca(2, output=5), alpaca(3), alpaca(3)) + b'{"instruction": "cut o'


def file(folder: Path, name: str = "rows.jsonl", content: bytes = BAD) -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


async def test_from_a_broken_file_to_one_that_can_be_trained_on(services: Services, ann: Principal, tmp_path: Path) -> None:
    told: list[Event] = []
    services.events.subscribe(ann.user_id, told.append)
    item = await services.datasets.add(ann, file(tmp_path))
    assert (item.name, item.verdict, item.current.linked, item.current.summary) == ("rows", "unchecked", True, None)
    checked = await (await services.datasets.check(ann, item.id)).wait()
    assert (checked.verdict, checked.format) == ("repairable", "alpaca")
    assert checked.current.summary is not None and (checked.current.summary.rows, checked.current.summary.usable) == (5, 3)
    page = await services.datasets.problems(ann, item.id)
    assert [(problem.rule, problem.line) for problem in page.items] == [("not_text", 2), ("truncated", 5)]
    assert (await services.datasets.problems(ann, item.id, rule="truncated")).counted == 1
    mended = await (await services.datasets.repair(ann, item.id)).wait()
    assert (mended.verdict, mended.current.version, mended.current.origin, mended.versions) == ("usable", 2, "repaired", 2)
    assert dict(mended.current.changes) == {"not_text": 1, "truncated": 1}
    once = await (await services.datasets.deduplicate(ann, item.id)).wait()
    assert once.current.summary is not None and (once.current.version, once.current.summary.rows) == (3, 3)
    assert Path(tmp_path / "rows.jsonl").read_bytes() == BAD
    back = await services.datasets.use_version(ann, item.id, 2)
    assert back.current.version == 2
    assert [version.version for version in await services.datasets.versions(ann, item.id)] == [3, 2, 1]
    entry = await services.datasets.info_entry(ann, "rows")
    assert entry == {
        "file_name": back.current.path,
        "formatting": "alpaca",
        "columns": {"prompt": "instruction", "response": "output", "query": "input"},
    }
    assert all(isinstance(event, DatasetsChanged) for event in told) and len(told) >= 6


async def test_a_split_is_the_same_each_time(services: Services, ann: Principal, tmp_path: Path) -> None:
    content = lines(*(alpaca(number) for number in range(50)))
    item = await services.datasets.add(ann, file(tmp_path, content=content), "numbers")
    parts: list[list[bytes]] = []
    for _time in range(2):
        work = await services.datasets.split(ann, item.id, validation=0.2, seed=7)
        await work.wait()
        parts.append([Path(each.current.path).read_bytes() for each in work.results])
    assert parts[0] == parts[1]
    train, validation = parts[0]
    assert (train.count(b"\n"), validation.count(b"\n")) == (40, 10)
    assert sorted((train + validation).splitlines()) == sorted(content.splitlines())
    assert {each.name for each in (await services.datasets.datasets(ann)).items} == {
        "numbers", "numbers-train", "numbers-validation", "numbers-train 2", "numbers-validation 2",
    }  # fmt: skip
    other = await services.datasets.split(ann, item.id, validation=0.2, seed=8)
    await other.wait()
    assert Path(other.results[1].current.path).read_bytes() != validation
    with pytest.raises(Conflict) as refused:
        await (await services.datasets.split(ann, item.id, validation=50)).wait()
    assert refused.value.fields["what"] == "dataset_too_small"
    with pytest.raises(InvalidInput):
        await services.datasets.split(ann, item.id, validation=0)


async def test_pages_of_a_large_file(services: Services, ann: Principal, tmp_path: Path) -> None:
    for name, content in [
        ("a.jsonl", lines(*(alpaca(number) for number in range(3000)))),
        ("a.json", json.dumps([alpaca(number) for number in range(3000)], indent=1).encode()),
        ("a.csv", b"instruction,output\n" + b"".join(b'"Say\n%d",It is %d\n' % (number, number) for number in range(3000))),
        ("a.txt", b"".join(b"Say %d\n" % number for number in range(3000))),
    ]:
        item = await services.datasets.add(ann, file(tmp_path, name, content), name)
        before = await services.datasets.preview(ann, item.id, start=2, count=2)
        assert ([row.row for row in before.rows], before.total) == ([2, 3], None), name
        await (await services.datasets.check(ann, item.id)).wait()
        for start in (0, 255, 256, 257, 1500, 2998):
            page = await services.datasets.preview(ann, item.id, start=start, count=2)
            assert [row.row for row in page.rows] == [start, start + 1], (name, start)
            assert page.total == 3000
            for row in page.rows:
                assert str(row.row) in row.raw, (name, row)
                assert content[row.offset :].decode().replace("\r", "").startswith(row.raw.rstrip("\n")), (name, row)
                assert row.line == content[: row.offset].count(b"\n") + 1
        assert not (await services.datasets.preview(ann, item.id, start=3000)).rows
        sampled = await services.datasets.rows(ann, item.id, count=60)
        assert len(sampled) == 60 and len({json.dumps(row) for row in sampled}) == 60


async def test_a_changed_file_is_not_the_one_that_was_checked(services: Services, ann: Principal, tmp_path: Path) -> None:
    path = file(tmp_path, content=lines(alpaca(1)))
    item = await services.datasets.add(ann, path)
    await (await services.datasets.check(ann, item.id)).wait()
    Path(path).write_bytes(lines(alpaca(1), alpaca(2)))
    changed = await services.datasets.dataset(ann, item.id)
    assert (changed.current.stale, changed.verdict) == (True, "unchecked")
    assert (await services.datasets.preview(ann, item.id, start=1)).rows[0].value == alpaca(2)
    with pytest.raises(Conflict):
        await services.datasets.rows(ann, item.id)
    Path(path).unlink()
    assert (await services.datasets.dataset(ann, item.id)).current.missing
    for call in (services.datasets.info_entry, services.datasets.preview):
        with pytest.raises(NotFound):
            await call(ann, item.id)
    again = await (await services.datasets.check(ann, item.id)).wait()
    assert again.verdict == "unusable"


async def test_a_file_that_grows_while_it_is_read_is_told(services: Services, ann: Principal, tmp_path: Path) -> None:
    path = file(tmp_path, content=lines(alpaca(1)) * 200_000)
    item = await services.datasets.add(ann, path)
    work = await services.datasets.check(ann, item.id)
    grown = asyncio.Event()

    def grow(progress: WorkProgress) -> None:
        if progress.state == "running" and progress.done and not grown.is_set():
            with Path(path).open("ab") as more:
                more.write(lines(alpaca(2)))
            grown.set()

    work.subscribe(grow)
    checked = await work.wait()
    assert grown.is_set()
    assert checked.current.summary is not None and checked.current.summary.changed
    assert "file_changed" in {each.rule for each in checked.current.summary.rules}


async def test_work_is_followed_joined_and_called_off(services: Services, ann: Principal, tmp_path: Path) -> None:
    item = await services.datasets.add(ann, file(tmp_path, content=lines(alpaca(1, output="x" * 400)) * 200_000))
    work = await services.datasets.check(ann, item.id)
    assert await services.datasets.check(ann, item.id) is work
    seen: list[WorkProgress] = []
    begun = asyncio.Event()

    def listen(progress: WorkProgress) -> None:
        seen.append(progress)
        if progress.done:
            begun.set()

    work.subscribe(listen)
    async with asyncio.timeout(60):
        await begun.wait()
    work.cancel()
    with pytest.raises(Conflict) as called_off:
        await work.wait()
    assert called_off.value.fields["what"] == "work_cancelled"
    assert seen[-1].state == "cancelled" and work in services.datasets.work(ann)
    assert not [child for child in psutil.Process().children(recursive=True) if "check_process" in " ".join(child.cmdline())]
    assert (await services.datasets.dataset(ann, item.id)).verdict == "unchecked"
    assert not list((services.settings.data_dir / "datasets").iterdir())


async def test_names(services: Services, ann: Principal, tmp_path: Path) -> None:
    path = file(tmp_path)
    first, second = await services.datasets.add(ann, path), await services.datasets.add(ann, path)
    assert (first.name, second.name) == ("rows", "rows 2")
    with pytest.raises(Conflict):
        await services.datasets.add(ann, path, "rows")
    with pytest.raises(Conflict):
        await services.datasets.rename(ann, second.id, "rows")
    assert (await services.datasets.rename(ann, second.id, "  other   name ", note="for tests")).name == "other name"
    for wrong in ("", "a" * 101, "a\x1b[2Jb"):
        with pytest.raises(InvalidInput):
            await services.datasets.rename(ann, second.id, wrong)
    page = await services.datasets.datasets(ann, query="for tests")
    assert [item.name for item in page.items] == ["other name"]


async def test_removing_says_what_needs_it_and_deletes_only_what_was_written(services: Services, ann: Principal, tmp_path: Path) -> None:
    path = file(tmp_path)
    item = await services.datasets.add(ann, path)
    mended = await (await services.datasets.repair(ann, item.id)).wait()
    resolved = json.dumps({"datasets": {"rows": {"file_name": mended.current.path}}})
    await services.store.write(lambda uow: _run(uow, ann.user_id, resolved))
    assert (await services.datasets.used_by(ann, item.id)).runs == ("night run",)
    with pytest.raises(Conflict) as in_use:
        await services.datasets.remove(ann, [item.id])
    assert in_use.value.fields["what"] == "dataset_in_use"
    await services.store.write(lambda uow: _end_runs(uow))
    assert await services.datasets.remove(ann, [item.id]) == 1
    assert Path(path).exists() and not Path(mended.current.path).exists()
    assert not list((services.settings.data_dir / "datasets").iterdir())
    with pytest.raises(NotFound):
        await services.datasets.remove(ann, [item.id])


def _run(uow: Any, owner: str, resolved: str) -> None:
    from sqlalchemy import insert

    from storage.tables import metadata

    values = {"id": "1" * 32, "owner_id": owner, "name": "night run", "resolved": resolved, "created_at": 1, "queued_at": 1}
    empty = {"changes": "", "gpu_uuids": "", "waiting": "", "not_before": 0, "position": 0, "changed": 0, "state": "running"}
    uow.session.connection().execute(insert(metadata.tables["training_runs"]).values(**values, **empty))


def _end_runs(uow: Any) -> None:
    from sqlalchemy import update

    from storage.tables import metadata

    uow.session.connection().execute(update(metadata.tables["training_runs"]).values(state="completed"))


async def test_a_data_folder_that_moves_takes_its_datasets_along(tmp_path: Path) -> None:
    """What was written or copied into it is found below the new place; what was linked stays where it lies."""
    here, there = tmp_path / "data", tmp_path / "moved"
    linked = file(tmp_path)

    async def opened(folder: Path) -> tuple[Services, Principal]:
        services = await build_services(replace(load_settings(folder, {}), auth=AuthSettings(bcrypt_cost=4)))
        if folder == here:
            await services.accounts.add_user(operator("owner"), "ann@example.org", "ann", PASSWORD)
        return services, await services.accounts.principal_for(operator("owner"), "ann@example.org")

    services, ann = await opened(here)
    item = await services.datasets.add(ann, linked)
    await (await services.datasets.repair(ann, item.id)).wait()
    await services.datasets.add(ann, linked, "copied", copy=True)
    await services.close()
    here.rename(there)
    services, ann = await opened(there)
    try:
        for name in ("rows", "copied"):
            found = (await services.datasets.dataset(ann, name)).current
            assert found.path.startswith(f"{there}/") and not found.missing and not found.stale
            assert (await services.datasets.info_entry(ann, name))["file_name"] == found.path
        assert [version.path == linked for version in await services.datasets.versions(ann, "rows")] == [False, True]
        assert await services.datasets.inbox(ann) == (), "they are known to be datasets"
        assert await services.datasets.remove(ann, [item.id]) == 1
        assert Path(linked).exists() and [path.name for path in there.glob("users/*/datasets/*")] == ["rows.jsonl"]
    finally:
        await services.close()


async def test_a_served_person_reaches_only_the_own_folder(services: Services, ann: Principal, bob: Principal, tmp_path: Path) -> None:
    outside = file(tmp_path)
    own = services.files.folder(bob) / "datasets"
    (own / "mine.jsonl").write_bytes(BAD)
    (own / "link.jsonl").symlink_to(outside)
    theirs = services.files.folder(ann) / "datasets"
    (theirs / "hers.jsonl").write_bytes(BAD)
    for wrong in (
        outside,
        str(own / "link.jsonl"),
        "datasets/link.jsonl",
        str(theirs / "hers.jsonl"),
        "/etc/passwd",
        "../../x",
        "datasets/none",
    ):
        with pytest.raises(NotFound) as refused:
            await services.datasets.add(bob, wrong)
        assert refused.value.fields["kind"] == "dataset_file"
    found = await services.datasets.inbox(bob)
    assert [each.name for each in found] == ["mine.jsonl"]
    item = await services.datasets.add(bob, "datasets/mine.jsonl")
    assert not [each for each in await services.datasets.inbox(bob) if each.name == "mine.jsonl"]
    assert (await (await services.datasets.check(bob, item.id)).wait()).verdict == "repairable"
    (own / "mine.jsonl").unlink()
    (own / "mine.jsonl").symlink_to(theirs / "hers.jsonl")
    for call in (services.datasets.preview, services.datasets.info_entry):
        with pytest.raises(NotFound):
            await call(bob, item.id)
    with pytest.raises(NotFound):
        await (await services.datasets.check(bob, item.id)).wait()
    assert (await services.datasets.browse(bob)).parent is None
    for folder in ("/etc", str(theirs), str(tmp_path)):
        with pytest.raises(NotFound):
            await services.datasets.browse(bob, folder)


async def test_what_is_no_file_is_refused(services: Services, ann: Principal, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    for wrong in (str(tmp_path), str(tmp_path / "pipe.jsonl"), "/dev/zero"):
        with pytest.raises(InvalidInput) as refused:
            await services.datasets.add(ann, wrong)
        assert refused.value.rule == "not_a_file"
    for wrong in ("", "a\x00b"):
        with pytest.raises(InvalidInput):
            await services.datasets.add(ann, wrong)
    with pytest.raises(NotFound):
        await services.datasets.add(ann, str(tmp_path / "none.jsonl"))


async def test_a_copy_is_ones_own(services: Services, ann: Principal, tmp_path: Path) -> None:
    path = file(tmp_path)
    item = await services.datasets.add(ann, path, copy=True)
    own = services.files.folder(ann) / "datasets"
    assert Path(item.current.path) == own / "rows.jsonl" and not item.current.linked
    Path(path).unlink()
    assert not (await services.datasets.dataset(ann, item.id)).current.missing
    again = await services.datasets.add_file(ann, item.id, file(tmp_path, "newer.jsonl", lines(alpaca(9))))
    assert (again.current.version, again.current.linked) == (2, True)


async def test_a_served_persons_file_is_checked_and_forgotten(
    services: Services, bob: Principal, capsys: pytest.CaptureFixture[str]
) -> None:
    (services.files.folder(bob) / "datasets" / "mine.jsonl").write_bytes(BAD)
    served = Served(services.settings, bob)
    use_files_of(served)
    try:
        status = await check_dataset(services, bob, Invocation(json=True, served=served), "datasets/mine.jsonl", 100, False)
        assert status == 1
        *problems, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [(problem["rule"], problem["file"]) for problem in problems] == [
            ("not_text", "datasets/mine.jsonl"),
            ("truncated", "datasets/mine.jsonl"),
        ]
        assert last["summary"]["problems"] == 2
        assert not (await services.datasets.datasets(bob)).items
        with pytest.raises(NotFound):
            await check_dataset(services, bob, Invocation(served=served), "/etc/passwd", 100, False)
    finally:
        use_files_of(None)


async def test_a_check_ends_with_the_program_that_wanted_it(tmp_path: Path) -> None:
    path = file(tmp_path, content=lines(alpaca(1, output="x" * 4000)) * 40_000)
    starter = (
        "import json, subprocess, sys\n"
        "command = [sys.executable, '-I', '-m', 'core.datasets.check_process']\n"
        "child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        f"child.stdin.write(json.dumps({{'path': {path!r}, 'out': ''}}).encode())\n"
        "child.stdin.close()\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "import os; os._exit(0)\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", starter, stdout=asyncio.subprocess.PIPE)
    said, _none = await process.communicate()
    gone, left = await asyncio.to_thread(psutil.wait_procs, [psutil.Process(int(said))] if psutil.pid_exists(int(said)) else [], 60)
    assert not left, gone
