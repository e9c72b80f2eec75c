"""Settings from the environment: what is read, and what cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import EnvironmentProblem
from core.settings import Settings, load_settings
from tui.commands.root import run_command_line


@pytest.mark.parametrize(
    ("text", "seconds"), [("", Settings.lock_wait_s), (" ", Settings.lock_wait_s), ("0", 0), ("0.5", 0.5), ("300", 300)]
)
def test_the_wait_for_a_lock(tmp_path: Path, text: str, seconds: float) -> None:
    assert load_settings(tmp_path, {"MODELTRAIN_LOCK_WAIT": text}).lock_wait_s == seconds


@pytest.mark.parametrize("text", ["soon", "-1", "301", "nan", "inf", "1e999"])
def test_what_is_no_number_of_seconds_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    with pytest.raises(EnvironmentProblem) as caught:
        load_settings(tmp_path, {"MODELTRAIN_LOCK_WAIT": text})
    assert caught.value.fields["what"] == "bad_setting"
    monkeypatch.setenv("MODELTRAIN_LOCK_WAIT", text)
    assert run_command_line(["--data", str(tmp_path / "data"), "user", "list"]) == 2
    assert f"MODELTRAIN_LOCK_WAIT cannot be “{text}”.\nGive a number from 0 to 300" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_batches_go_on_by_themselves_unless_told_otherwise(tmp_path: Path) -> None:
    assert load_settings(tmp_path, {}).batches.resume
    told = load_settings(tmp_path, {"MODELTRAIN_BATCHES_RESUME": " No ", "MODELTRAIN_BATCHES_GIVE_UP": "90"}).batches
    assert (told.resume, told.give_up_s) == (False, 90.0)
    for variable, value in (("MODELTRAIN_BATCHES_RESUME", "perhaps"), ("MODELTRAIN_BATCHES_GIVE_UP", "-1")):
        with pytest.raises(EnvironmentProblem):
            load_settings(tmp_path, {variable: value})
