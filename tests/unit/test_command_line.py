"""The frame of the shell commands: light, complete, forgiving about the place of options, clear about what went wrong."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import EnvironmentProblem, NotFound
from tui.commands import common
from tui.commands.common import Invocation, guarded, owns_data_dir, print_table, read_secret, the_operator
from tui.commands.files import NamedFile, use_files_of
from tui.commands.root import COMMANDS, run_command_line

COMMAND = Path(sys.executable).with_name("modeltrain")


@pytest.mark.parametrize(
    ("typed", "offered"), [("conversaton", "conversation"), ("users", "user"), ("simulte", "simulate"), ("versions", ""), ("con", "")]
)
def test_only_near_names_are_offered(typed: str, offered: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line([typed]) == 2
    told = capsys.readouterr().err
    assert (f"Did you mean “{offered}”?" in told) if offered else ("Did you mean" not in told)


@pytest.mark.parametrize("typed", ["version", "--version", "-V"])
def test_the_version_is_told_however_it_is_asked_for(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line([typed]) == 0
    assert capsys.readouterr().out.startswith("modeltrain ")


def test_the_version_costs_next_to_nothing() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([COMMAND, "--version"], check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.stdout.startswith("modeltrain ")
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime <= 0.25


def test_help_imports_no_command_and_names_all() -> None:
    script = (
        "import sys\nfrom tui.commands.root import run_command_line\n"
        "run_command_line(['--help'])\n"
        "loaded = [name for name in sys.modules if name.startswith(('textual', 'sqlalchemy', 'httpx', 'tui.commands.user'))]\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    for name in COMMANDS:
        assert f"  {name} " in done.stdout


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_its_help_with_the_global_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line([name, "--help"]) == 0
    shown = capsys.readouterr().out
    if "Commands:" not in shown:
        assert all(option in shown for option in ("--data", "--json", "--as"))


def test_an_unknown_command_names_a_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["convrsation", "list"]) == 2
    shown = capsys.readouterr().err
    assert "convrsation" in shown and "“conversation”" in shown and "--help" in shown


@pytest.mark.parametrize("place", ["before", "after"])
def test_global_options_hold_before_and_after_the_command(place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--data", str(tmp_path / "here"), "--json"]
    words = ["conversation", "list"]
    assert run_command_line([*options, *words] if place == "before" else [*words, *options]) == 2
    assert json.loads(capsys.readouterr().err)["error"]["code"] == "environment.not_signed_in"
    assert (tmp_path / "here" / "modeltrain.db").exists()


def test_the_application_needs_a_terminal(tmp_path: Path) -> None:
    done = subprocess.run([COMMAND, "--data", tmp_path / "x"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 2
    assert "This needs a terminal." in done.stderr
    assert not (tmp_path / "x").exists()


def test_errors_say_what_happened_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> int:
        raise NotFound(kind="conversation", reference="abc\x1b[31m")

    assert guarded(Invocation(), fails) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "There is no conversation “abc”."
    assert lines[1].startswith("Look at the list again")


def test_a_closed_pipe_is_no_error() -> None:
    script = f"{COMMAND} --help | head -1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert "Traceback" not in done.stderr


def test_only_the_owner_of_the_data_folder_is_the_operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    invocation = Invocation(data_dir=tmp_path)
    assert owns_data_dir(tmp_path / "not there yet")
    assert the_operator(invocation.settings()).is_operator
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(EnvironmentProblem) as caught:
        the_operator(invocation.settings())
    assert caught.value.fields["what"] == "not_the_owner"


def test_secrets_come_from_a_file_or_the_environment_and_else_need_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text("from file\nsecond line\n")
    use_files_of(None)
    assert read_secret("", file=NamedFile(str(file))) == "from file"
    monkeypatch.setenv("MODELTRAIN_PASSWORD", "from environment")
    assert read_secret("") == "from environment"
    monkeypatch.delenv("MODELTRAIN_PASSWORD")
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        with pytest.raises(EnvironmentProblem):
            read_secret("")
    with pytest.raises(EnvironmentProblem):
        read_secret("", file=NamedFile(str(tmp_path / "missing")))


def test_tables_align_by_cells_and_are_clean(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("NAME", "MODEL"), [("模型", "a"), ("plain\x1b[2J\nname", None)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "模型        a"
    assert lines[2] == "plain name"
    assert len(lines) == 3


def test_an_unforeseen_error_has_a_code_and_no_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_arguments: object) -> int:
        raise ValueError("sk-secret")

    tmp_path.joinpath("d").mkdir()
    monkeypatch.setattr("tui.commands.run.guarded", fails)
    assert run_command_line(["run", "--data", str(tmp_path / "d")]) == 1
    shown = capsys.readouterr().err
    assert "crash-" in shown and "sk-secret" not in shown and "Traceback" not in shown
    assert "sk-secret" not in (tmp_path / "d" / "crash.log").read_text()
    assert common.REFUSED == 2
