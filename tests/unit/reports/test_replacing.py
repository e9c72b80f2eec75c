"""A file is there whole, or as it was: with a full disk, without the right to write, and when the writer fails."""

from __future__ import annotations

import errno
import os
import resource
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.batches.reports.types import FORMS
from core.batches.reports.writing import write_report
from core.documents.replacing import replacing
from core.errors import DiskFull, EnvironmentProblem, InvalidInput
from tests.unit.reports.world import sample, words


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes: writing fails as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "report.out"
    path.write_bytes(b"the old report")
    return path


@pytest.mark.parametrize("form", [form for form in FORMS if form != "pdf"])
def test_where_nothing_more_fits_the_old_report_stays_alone(old: Path, form: str) -> None:
    data = sample(30)
    with files_of_at_most(4096), pytest.raises(EnvironmentProblem) as caught, replacing(old) as file:
        write_report(data, form, words(), file)
    assert caught.value.fields["what"] == "file_not_writable"
    assert caught.value.fields["reason"] == os.strerror(errno.EFBIG)
    assert old.read_bytes() == b"the old report"
    assert list(old.parent.iterdir()) == [old]


def test_a_full_disk_is_called_one() -> None:
    with pytest.raises(DiskFull), replacing(Path("/dev/full")) as file:
        write_report(sample(30), "html", words(), file)


def test_on_a_real_full_disk_the_old_report_stays_alone(tmp_path: Path) -> None:
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(tmp_path)], capture_output=True, check=False).returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        old = tmp_path / "report.html"
        old.write_bytes(b"the old report")
        with pytest.raises(DiskFull), replacing(old) as file:
            write_report(sample(60), "html", words(), file)
        assert old.read_bytes() == b"the old report"
        assert list(tmp_path.iterdir()) == [old]
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_folder_that_may_not_be_written_to(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    (folder / "report.csv").write_bytes(b"the old report")
    folder.chmod(0o555)
    root = os.geteuid() == 0
    for above in (tmp_path, *tmp_path.parents[:3]) if root else ():
        above.chmod(above.stat().st_mode | 0o011)
    if root:
        os.seteuid(65534)  # nobody: root may write anywhere
    try:
        with pytest.raises(EnvironmentProblem) as caught, replacing(folder / "report.csv"):
            pass
    finally:
        if root:
            os.seteuid(0)
    assert caught.value.fields["reason"] == os.strerror(errno.EACCES)
    assert [path.name for path in folder.iterdir()] == ["report.csv"]


def test_what_fails_while_it_writes_leaves_the_old_file(old: Path) -> None:
    with pytest.raises(InvalidInput), replacing(old) as file:
        file.write(b"half")
        write_report(sample(1), "docx", words(), file)
    assert old.read_bytes() == b"the old report"
    assert list(old.parent.iterdir()) == [old]


def test_a_new_file_is_its_owners_and_an_old_one_keeps_its_rights(tmp_path: Path) -> None:
    new = tmp_path / ("很长的名字" * 16 + ".csv")
    with replacing(new) as file:
        file.write(b"1")
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    new.chmod(0o644)
    with replacing(new) as file:
        file.write(b"2")
    assert (stat.S_IMODE(new.stat().st_mode), new.read_bytes()) == (0o644, b"2")
    with replacing(new, private=True) as file:
        file.write(b"3")
    assert stat.S_IMODE(new.stat().st_mode) == 0o600


def test_a_link_stays_one_and_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_bytes(b"old")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    with replacing(tmp_path / "link.csv") as file:
        file.write(b"new")
    assert (tmp_path / "link.csv").is_symlink() and (tmp_path / "real.csv").read_bytes() == b"new"
    for place in (tmp_path, tmp_path / "missing" / "report.csv"):
        with pytest.raises(EnvironmentProblem), replacing(place):
            pass
