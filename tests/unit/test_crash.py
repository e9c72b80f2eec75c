"""What nobody foresaw is recorded wherever that is possible, and the person is told where."""

from __future__ import annotations

import stat
import tempfile
from pathlib import Path

import pytest

from tui import crash


def unforeseen() -> Exception:
    try:
        raise ValueError("sk-secret")
    except ValueError as error:
        return error


@pytest.fixture
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_the_log_of_the_data_folder_grows(tmp_path: Path, temporary_files: Path) -> None:
    first, second = (crash.record(unforeseen(), tmp_path) for _time in range(2))
    assert first.file == second.file == tmp_path / crash.CRASH_LOG
    text = (tmp_path / crash.CRASH_LOG).read_text()
    assert first.code in text and second.code in text and "sk-secret" not in text
    assert list(temporary_files.iterdir()) == []


@pytest.mark.parametrize("wrong", ["missing", "a file", "a link"])
def test_a_data_folder_that_takes_no_log(tmp_path: Path, temporary_files: Path, capfd: pytest.CaptureFixture[str], wrong: str) -> None:
    data, target = tmp_path / "data", tmp_path / "target"
    if wrong == "a file":
        data.write_text("")
    elif wrong == "a link":
        data.mkdir()
        (data / crash.CRASH_LOG).symlink_to(target)
    problem = crash.describe_crash(unforeseen(), data)
    (file,) = temporary_files.iterdir()
    assert str(file) in problem.remedy
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "ValueError" in file.read_text() and "sk-secret" not in file.read_text()
    assert "crash-" in problem.why and problem.why.split("crash-")[1].rstrip(".") in file.read_text()
    assert not target.exists()
    assert wrong != "missing" or not data.exists(), "a crash makes no installation"
    assert capfd.readouterr() == ("", "")


def test_no_place_at_all_still_gives_a_code(tmp_path: Path, temporary_files: Path) -> None:
    temporary_files.rmdir()
    problem = crash.describe_crash(unforeseen(), tmp_path / "missing")
    assert "crash-" in problem.why
    assert problem.remedy and ".log" not in problem.remedy
