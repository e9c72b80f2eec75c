"""One account's files: what can be done, and that no link, race or crash leads out, loses a file or blurs the quota."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from core.auth.principal import Principal, operator
from core.errors import Conflict, DiskFull, Forbidden, ModeltrainError, NotFound, QuotaExceeded
from core.files import ledger
from core.files.area import LARGEST_COPIED, UserArea
from core.files.ledger import COUNTED_FOR_S, LEDGER, MOST_ENTRIES, Ledger, count
from core.files.names import DEEPEST, FOLDERS, PARTS, parse
from core.files.opened import WORTH_KEEPING, Upload
from core.files.service import UserFiles
from tests.unit.files.conftest import QUOTA

HERE = ("datasets", "a")


def put(area: UserArea, path: str, content: bytes = b"12345") -> None:
    upload = area.open_writing(parse(path), create=True, empty=True)
    try:
        upload.write(0, content)
        upload.commit()
    finally:
        upload.interrupt()


def opened(area: UserArea, path: str, **how: bool) -> Upload:
    return area.open_writing(parse(path), **({"create": True, "empty": True} | how))


def exact(area: UserArea) -> None:
    """The ledger says what is on the disk."""
    descriptor = os.open(area.root, os.O_RDONLY)
    try:
        assert (area.usage().used, area.usage().entries) == count(descriptor)
    finally:
        os.close(descriptor)
    assert not list((area.root / PARTS).iterdir())


def code(error: pytest.ExceptionInfo[Conflict]) -> str:
    return str(error.value.fields["what"])


def test_folders_are_made_for_one_account_alone(files: UserFiles, ann: Principal, bob: Principal) -> None:
    assert files.folder(ann) != files.folder(bob)
    for path in (files.folder(ann), files.folder(ann).parent, *(files.folder(ann) / name for name in (*FOLDERS, PARTS))):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    with pytest.raises(Forbidden):
        files.folder(operator("root"))
    put(files.area(ann), "datasets/secret")
    assert files.area(bob).names(("datasets",)) == []
    for asked in ("datasets/secret", f"../{ann.user_id}/datasets/secret", str(files.folder(ann) / "datasets" / "secret")):
        with pytest.raises(NotFound):
            files.open_reading(bob, asked)
        with pytest.raises(NotFound):
            files.resolve(bob, asked)
    assert files.resolve(ann, "~/datasets/secret") == files.folder(ann) / "datasets" / "secret"


def test_a_file_appears_when_it_is_whole(area: UserArea) -> None:
    put(area, "datasets/a", b"old")
    upload = opened(area, "datasets/a")
    upload.write(0, b"new content")
    assert (area.root / "datasets" / "a").read_bytes() == b"old"
    assert area.names(("datasets",)) == ["a"]
    assert upload.info().st_size == 11
    upload.commit()
    upload.commit()
    assert (area.root / "datasets" / "a").read_bytes() == b"new content"
    assert stat.S_IMODE((area.root / "datasets" / "a").stat().st_mode) == 0o600
    exact(area)


def test_an_interrupted_upload_leaves_nothing_under_its_name(area: UserArea, files: UserFiles, ann: Principal) -> None:
    upload = opened(area, "datasets/a")
    upload.write(0, b"x" * 100)
    upload.interrupt()
    assert area.names(("datasets",)) == []
    exact(area)
    put(area, "datasets/a", b"old")
    area = UserArea(area.root, Ledger(100 * WORTH_KEEPING, reserve=0))
    for path in ("datasets/a", "datasets/b.filepart"):
        upload = opened(area, path)
        upload.write(0, b"y" * WORTH_KEEPING)
        upload.interrupt()
    assert area.names(("datasets",)) == ["a", "a.part", "b.filepart"]
    assert (area.root / "datasets" / "a").read_bytes() == b"old"
    inode = (area.root / "datasets" / "a.part").stat().st_ino
    upload = opened(area, "datasets/a.part", create=False, empty=False)
    with pytest.raises(Conflict) as caught:
        opened(area, "datasets/a.part", empty=False)
    assert code(caught) == "file_busy"
    upload.write(WORTH_KEEPING, b"end")
    upload.commit()
    area.remove(("datasets", "a"))
    area.rename(("datasets", "a.part"), ("datasets", "a"), replace=False)
    assert (area.root / "datasets" / "a").stat().st_ino == inode, "it is gone on with where it is"
    assert (area.root / "datasets" / "a").read_bytes() == b"y" * WORTH_KEEPING + b"end"
    exact(area)


def test_changing_a_part_of_a_file_changes_it_as_a_whole(area: UserArea) -> None:
    put(area, "datasets/a", b"0123456789")
    upload = opened(area, "datasets/a", empty=False)
    upload.write(4, b"XX")
    assert upload.read(0, 99) == b"0123XX6789"
    assert (area.root / "datasets" / "a").read_bytes() == b"0123456789"
    upload.truncate(8)
    upload.commit()
    assert (area.root / "datasets" / "a").read_bytes() == b"0123XX67"
    upload = opened(area, "datasets/a", empty=False, append=True)
    upload.write(0, b"!")
    upload.set_times((1_000_000_000, 2_000_000_000))
    upload.commit()
    assert (area.root / "datasets" / "a").read_bytes() == b"0123XX67!"
    assert (area.root / "datasets" / "a").stat().st_mtime == 2
    exact(area)


def test_what_is_there_already_is_said(area: UserArea) -> None:
    put(area, "datasets/a")
    area.make_folder(("datasets", "d"))
    put(area, "datasets/d/x")
    refused: list[tuple[Callable[[], object], str]] = [
        (lambda: opened(area, "datasets/a", fresh=True), "file_exists"),
        (lambda: opened(area, "datasets/d"), "is_a_folder"),
        (lambda: area.open_reading(("datasets", "d")), "is_a_folder"),
        (lambda: opened(area, "datasets/a/b"), "not_a_folder"),
        (lambda: area.make_folder(("datasets", "a")), "file_exists"),
        (lambda: area.remove_folder(("datasets", "d")), "folder_not_empty"),
        (lambda: area.remove_folder(("datasets", "a")), "not_a_folder"),
        (lambda: area.remove(("datasets", "d")), "folder_to_remove"),
        (lambda: area.rename(("datasets", "d"), ("datasets", "d", "e"), replace=True), "into_itself"),
        (lambda: area.rename(("datasets", "a"), ("datasets", "d", "x"), replace=False), "file_exists"),
        (lambda: area.rename(("datasets", "a"), ("datasets", "d"), replace=True), "file_exists"),
        (lambda: area.rename(("datasets",), ("images", "d"), replace=True), "fixed_folders"),
        (lambda: area.rename(("datasets", "a"), ("x",), replace=True), "fixed_folders"),
        (lambda: area.remove_folder(("datasets",)), "fixed_folders"),
        (lambda: area.make_folder(("x",)), "fixed_folders"),
        (lambda: opened(area, "x"), "fixed_folders"),
        (lambda: opened(area, LEDGER), "fixed_folders"),
    ]
    for act, what in refused:
        with pytest.raises(Conflict) as caught:
            act()
        assert code(caught) == what
    for path in (f"{PARTS}/x", "x/y", "datasets/none/x"):
        with pytest.raises(NotFound):
            opened(area, path)
    with pytest.raises(NotFound):
        opened(area, "datasets/none", create=False)
    area.rename(("datasets", "a"), ("datasets", "d", "x"), replace=True)
    exact(area)


def test_a_name_taken_meanwhile_is_not_taken_over_by_a_fresh_file(area: UserArea) -> None:
    upload = opened(area, "datasets/a", fresh=True)
    put(area, "datasets/a", b"first")
    with pytest.raises(Conflict):
        upload.commit()
    area.make_folder(("images", "d"))
    gone = opened(area, "images/d/x")
    area.remove_folder(("images", "d"))
    with pytest.raises(NotFound):
        gone.commit()
    assert (area.root / "datasets" / "a").read_bytes() == b"first"
    exact(area)


def test_links_and_special_files_are_as_if_they_were_not_there(area: UserArea, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    folder = area.root / "datasets"
    (folder / "link").symlink_to(outside / "secret")
    (folder / "folder").symlink_to(outside)
    (folder / "dead").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        monkeypatch.chdir(folder)  # a socket's address is short
        listening.bind("socket")
        (folder / "bad\nname").write_text("")
        assert area.entries(("datasets",), area.names(("datasets",))) == []
        for name in ("link", "folder", "dead", "pipe", "socket", "folder/secret"):
            path = parse(f"datasets/{name}")
            acts: list[Callable[[], object]] = [
                partial(area.info, path), partial(area.open_reading, path), partial(area.remove, path), partial(area.remove_folder, path),
                partial(area.rename, path, ("datasets", "x"), replace=True), partial(area.set_times, path, (1, 1)),
                partial(area.names, (*path, "x")), partial(area.open_writing, path, create=True, empty=True),
            ]  # fmt: skip
            for act in acts:
                with pytest.raises((NotFound, Conflict)):
                    act()
    assert (outside / "secret").read_text() == "secret"
    assert sorted(path.name for path in outside.iterdir()) == ["secret"]


def test_a_folder_that_becomes_a_link_leads_nowhere(area: UserArea, tmp_path: Path) -> None:
    """Somebody with another way in swaps a folder for a link while it is used: nothing outside is read, made or changed."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_bytes(b"outside")
    inner, aside, link = (area.root / "datasets" / name for name in ("d", "aside", "link"))
    area.make_folder(("datasets", "d"))
    put(area, "datasets/d/f", b"inside")
    link.symlink_to(outside)
    stop = threading.Event()
    swaps = 0

    def swap() -> None:
        nonlocal swaps
        while not stop.is_set():
            inner.rename(aside)
            link.rename(inner)
            inner.rename(link)
            aside.rename(inner)
            swaps += 1

    thread = threading.Thread(target=swap)
    thread.start()
    seen: set[bytes] = set()
    try:
        while swaps < 300 or len(seen) < 2:
            try:
                reading = area.open_reading(("datasets", "d", "f"))
                seen.add(reading.read(0, 99))
                reading.commit()
                put(area, "datasets/d/f", b"inside")
                put(area, "datasets/d/g", b"inside")
                area.remove(("datasets", "d", "g"))
            except (NotFound, Conflict):
                seen.add(b"")
    finally:
        stop.set()
        thread.join()
    assert seen == {b"inside", b""}
    assert [(path.name, path.read_bytes()) for path in outside.iterdir()] == [("f", b"outside")]


def test_a_quota_holds_for_uploads_at_the_same_time(area: UserArea) -> None:
    """Eight uploads of a quarter of the quota each, in steps: four fit, to the byte, whoever they are."""
    size, step = QUOTA // 4, 10_000
    start = threading.Barrier(8)

    def upload(number: int) -> bool:
        # Each with a ledger of its own, as in processes of their own.
        mine = UserArea(area.root, Ledger(QUOTA, reserve=0))
        growing = opened(mine, f"datasets/{number}")
        start.wait()
        try:
            for offset in range(0, size, step):
                growing.write(offset, b"x" * step)
            growing.commit()
        except QuotaExceeded:
            growing.interrupt()
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(upload, range(8)))
    on_disk = sum(path.stat().st_size for path in (area.root / "datasets").iterdir())
    assert on_disk == sum(done) * size <= QUOTA
    exact(area)
    while area.usage().free >= size:  # those that stood in each other's way have room now
        put(area, f"datasets/more{area.usage().entries}", b"x" * size)
    put(area, "datasets/rest", b"x" * area.usage().free)
    assert area.usage().used == QUOTA and area.usage().free == 0
    with pytest.raises(QuotaExceeded):
        put(area, "datasets/more", b"x")
    put(area, "datasets/empty", b"")
    exact(area)


def test_a_quota_counts_holes_and_is_given_back(area: UserArea) -> None:
    upload = opened(area, "datasets/a")
    with pytest.raises(QuotaExceeded):
        upload.write(QUOTA * 1000, b"x")
    with pytest.raises(QuotaExceeded):
        upload.write(0, b"x")  # what failed once cannot become whole
    with pytest.raises(QuotaExceeded):
        upload.commit()
    assert area.names(("datasets",)) == []
    upload = opened(area, "datasets/a")
    with pytest.raises(QuotaExceeded):
        upload.truncate(QUOTA + 1)
    upload.truncate(QUOTA)
    upload.commit()
    assert area.usage().free == 0
    area.remove(("datasets", "a"))
    assert area.usage().used == 0
    exact(area)


def test_what_others_removed_is_noticed(area: UserArea) -> None:
    now = [1_000_000.0]
    area = UserArea(area.root, Ledger(QUOTA, wall=lambda: now[0], reserve=0))
    put(area, "datasets/a", b"x" * QUOTA)
    (area.root / "datasets" / "a").unlink()
    assert area.usage().used == QUOTA
    now[0] += COUNTED_FOR_S + 1
    assert area.usage().used == 0
    (area.root / "datasets" / "b").write_bytes(b"x" * QUOTA)
    now[0] -= 3 * COUNTED_FOR_S  # a clock that went back
    assert area.usage().used == QUOTA
    (area.root / "datasets" / "b").unlink()
    now[0] += 60
    put(area, "datasets/c", b"x")  # counted again before it is refused
    (area.root / LEDGER).write_bytes(b"?")
    assert area.usage().used == 1


def test_the_disk_keeps_its_reserve(area: UserArea) -> None:
    area = UserArea(area.root, Ledger(1 << 62, reserve=1 << 60))
    upload = opened(area, "datasets/a")
    with pytest.raises(DiskFull):
        upload.write(0, b"x")
    upload.interrupt()
    assert area.usage().free == 0
    exact(area)


def test_there_is_an_end_to_the_number_of_files(area: UserArea) -> None:
    with area._root() as root, area._ledger.hold(root) as tally:
        tally.entries = MOST_ENTRIES
        tally.counted_at = area._ledger._wall()
    for act in (lambda: opened(area, "datasets/a"), lambda: area.make_folder(("datasets", "d"))):
        with pytest.raises(QuotaExceeded) as caught:
            act()
        assert caught.value.fields["entries"] == MOST_ENTRIES


def test_folders_do_not_grow_deeper_by_moving(area: UserArea) -> None:
    for top in ("datasets", "images"):
        for depth in range(2, DEEPEST // 2 + 2):
            area.make_folder((top, *["d"] * (depth - 1)))
    deepest = ("datasets", *["d"] * (DEEPEST // 2))
    with pytest.raises(Conflict) as caught:
        area.rename(("images", "d"), (*deepest, "x"), replace=False)
    assert code(caught) == "nested_too_deeply"
    area.rename(("images", "d"), ("datasets", "x"), replace=False)
    assert area.names(("datasets",)) == ["d", "x"]


async def test_what_a_crash_left_is_removed_and_what_is_under_way_stays(files: UserFiles, area: UserArea, bob: Principal) -> None:
    put(area, "datasets/a")
    files.folder(bob)
    (files.folder(bob) / PARTS / "left").write_bytes(b"x" * 5000)
    (area.root / PARTS / "left").write_bytes(b"x" * 1000)
    (area.root.parent / "README").write_text("of the administrator")
    upload = opened(area, "datasets/b")
    upload.write(0, b"y")
    assert await files.clean_up() == 2
    upload.commit()
    assert area.names(("datasets",)) == ["a", "b"]
    assert not list((files.folder(bob) / PARTS).iterdir())
    exact(area)


async def test_usage_is_told(files: UserFiles, ann: Principal) -> None:
    put(files.area(ann), "datasets/a", b"x" * 1000)
    usage = await files.usage(ann)
    assert (usage.used, usage.quota, usage.free, usage.entries) == (1000, QUOTA, QUOTA - 1000, 1)
    assert files.quota(ann) == QUOTA
    with pytest.raises(Forbidden):
        await files.usage(operator("root"))


def test_a_whole_file_from_a_command(files: UserFiles, ann: Principal) -> None:
    upload = files.open_writing(ann, "exports/chat.md", replace=False)
    upload.write(0, b"# chat")
    upload.commit()
    with pytest.raises(ModeltrainError):
        files.open_writing(ann, "exports/chat.md", replace=False)
    reading = files.open_reading(ann, "exports/chat.md")
    assert reading.read(2, 99) == b"chat"
    with pytest.raises(PermissionError):
        reading.write(0, b"x")
    reading.commit()
    discarded = files.open_writing(ann, "exports/chat.md")
    discarded.write(0, b"x")
    discarded.discard()
    assert (files.folder(ann) / "exports" / "chat.md").read_bytes() == b"# chat"


def test_a_very_large_file_is_replaced_or_gone_on_with_but_not_copied(area: UserArea) -> None:
    area = UserArea(area.root, Ledger(4 * LARGEST_COPIED, reserve=0))
    with (area.root / "datasets" / "a").open("wb") as file:
        file.truncate(LARGEST_COPIED + 1)
    with pytest.raises(Conflict) as caught:
        opened(area, "datasets/a", empty=False)
    assert code(caught) == "too_large_to_change"
    area.rename(("datasets", "a"), ("datasets", "a.part"), replace=False)
    upload = opened(area, "datasets/a.part", empty=False)
    upload.write(LARGEST_COPIED + 1, b"x")
    upload.commit()
    assert (area.root / "datasets" / "a.part").stat().st_size == LARGEST_COPIED + 2
    put(area, "datasets/a.part", b"new")
    assert (area.root / "datasets" / "a.part").read_bytes() == b"new"


def test_a_ledger_that_somebody_holds_is_waited_for_but_not_for_ever(area: UserArea, monkeypatch: pytest.MonkeyPatch) -> None:
    put(area, "datasets/a")
    waits = threading.Event()
    with (area.root / LEDGER).open("rb") as held, ThreadPoolExecutor(1) as pool:
        fcntl.flock(held, fcntl.LOCK_EX)
        monkeypatch.setattr(ledger, "LOCK_WAIT_S", 0.0)
        with pytest.raises(Conflict) as caught:
            area.usage()
        assert code(caught) == "file_busy"
        monkeypatch.setattr(ledger, "LOCK_WAIT_S", 60.0)
        monkeypatch.setattr(time, "sleep", lambda _pause: waits.set())
        waiting = pool.submit(area.usage)
        assert waits.wait(60)
        fcntl.flock(held, fcntl.LOCK_UN)
        assert waiting.result(60).used == 5


def test_a_full_disk_is_said_and_nothing_is_lost(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root and the right to mount")
    try:
        area = UserArea(disk / "users" / "a", Ledger(1 << 40, reserve=0))
        put(area, "datasets/a", b"old")
        with pytest.raises(DiskFull):
            put(area, "datasets/a", b"x" * 5_000_000)  # it was known beforehand
        upload = opened(area, "datasets/a")
        upload.write(0, b"x" * 100_000)
        with (disk / "ballast").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        with pytest.raises(DiskFull):
            upload.write(100_000, b"x" * 100_000)  # somebody else filled it
        with pytest.raises(DiskFull):
            upload.commit()
        assert (area.root / "datasets" / "a").read_bytes() == b"old"
        exact(area)
        area.remove(("datasets", "a"))
        (disk / "ballast").unlink()
        put(area, "datasets/a", b"new")
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.parametrize("way", ["remove", "replace", "rename"])
def test_what_is_removed_while_it_is_open_takes_its_room_until_it_is_closed(area: UserArea, way: str) -> None:
    """Else an account could fill the disk with files that nobody sees, however small its quota is."""

    def put(name: str, size: int) -> None:
        upload = area.open_writing(parse(name), create=True, empty=True)
        upload.write(0, b"x" * size)
        upload.commit()

    put("datasets/a", 1000)
    reading = area.open_reading(parse("datasets/a"))
    if way == "remove":
        area.remove(parse("datasets/a"))
    elif way == "replace":
        put("datasets/a", 1)
    else:
        put("datasets/b", 1)
        area.rename(parse("datasets/b"), parse("datasets/a"), replace=True)
    rest = (0, 0) if way == "remove" else (1, 1)
    assert (area.usage().used, area.usage().entries) == (rest[0] + 1000, rest[1] + 1)
    assert area.clean() == 0
    assert reading.read(0, 5) == b"xxxxx"
    reading.commit()
    assert (area.usage().used, area.usage().entries) == rest


def test_an_unfinished_file_that_is_removed_while_it_is_written_takes_its_room_until_it_is_closed(area: UserArea) -> None:
    upload = area.open_writing(parse("datasets/a.part"), create=True, empty=True)
    upload.write(0, b"x" * 1000)
    upload.commit()
    upload = area.open_writing(parse("datasets/a.part"), create=False, empty=False)
    area.remove(parse("datasets/a.part"))
    upload.write(1000, b"x" * 1000)
    assert area.usage().used >= 2000
    upload.commit()
    assert (area.usage().used, area.usage().entries) == (0, 0)
