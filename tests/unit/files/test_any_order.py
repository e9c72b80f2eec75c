"""Whatever is done in whatever order: the ledger says what is on the disk, nothing outside changes, files are those of a plain model."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Conflict, InvalidInput, NotFound, QuotaExceeded
from core.files.area import UserArea
from core.files.ledger import Ledger, count
from core.files.names import FOLDERS, PARTS, FilePath, parse

QUOTA = 5_000
PATHS = st.sampled_from(
    ["datasets/a", "datasets/a.part", "datasets/d", "datasets/d/a", "datasets/d/../../images/b", "images/b", "images", "../a", "", "x/a",
     f"{PARTS}/a", "datasets/link", "datasets/link/outside", "exports/d/e"]
)  # fmt: skip
STEPS = st.one_of(
    st.tuples(st.just("write"), PATHS, st.integers(0, 3_000), st.sampled_from(["commit", "interrupt", "discard"]), st.booleans()),
    st.tuples(st.just("rename"), PATHS, PATHS, st.booleans()),
    st.tuples(st.sampled_from(["mkdir", "rmdir", "remove", "clean"]), PATHS),
)


def do(area: UserArea, step: tuple[object, ...], kept: dict[FilePath, int]) -> None:
    """One step; `kept` has the sizes that files must have after it."""
    path = parse(str(step[1]))
    match step:
        case ("write", _, int(size), str(end), bool(empty)):
            upload = area.open_writing(path, create=True, empty=empty)
            before = upload.info().st_size
            try:
                upload.write(0, b"x" * size)
            except QuotaExceeded:
                upload.discard()
                raise
            getattr(upload, end)()
            in_place = before > 0 and path[-1].endswith(".part") and not empty
            if end == "commit" or in_place:
                kept[path] = max(before, size)
        case ("rename", _, other, bool(replace)):
            target = parse(str(other))
            area.rename(path, target, replace=replace)
            moved = {name: size for name, size in kept.items() if name[: len(path)] == path}
            for name in moved:
                del kept[name]
            kept.update({(*target, *name[len(path) :]): size for name, size in moved.items()})
        case ("mkdir", _):
            area.make_folder(path)
        case ("rmdir", _):
            area.remove_folder(path)
        case ("remove", _):
            area.remove(path)
            del kept[path]
        case _:
            assert area.clean() == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=14))
def test_any_order_of_steps(steps: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        outside = Path(place) / "outside"
        outside.write_bytes(b"outside")
        area = UserArea(Path(place) / "users" / "a", Ledger(QUOTA, reserve=0))
        area.info(())
        (area.root / "datasets" / "link").symlink_to(place)
        kept: dict[FilePath, int] = {}
        for step in steps:
            with contextlib.suppress(Conflict, NotFound, InvalidInput, QuotaExceeded):
                do(area, step, kept)
            files = [path for path in area.root.rglob("*") if path.is_file() and path.parent != area.root and not path.is_symlink()]
            assert {path.relative_to(area.root).parts: path.stat().st_size for path in files} == kept
            descriptor = os.open(area.root, os.O_RDONLY)
            try:
                size, entries = count(descriptor)
            finally:
                os.close(descriptor)
            usage = area.usage()
            assert (usage.used, usage.entries) == (size, entries) and size <= QUOTA
        assert sorted(path.name for path in area.root.iterdir() if not path.name.startswith(".")) == sorted(FOLDERS)
        assert outside.read_bytes() == b"outside"
        assert sorted(path.name for path in Path(place).iterdir()) == ["outside", "users"]
