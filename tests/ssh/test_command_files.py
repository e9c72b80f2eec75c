"""Files that commands name: one's own for whoever is signed in over SSH, and no other file of the server."""

from __future__ import annotations

import contextvars
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import typer.main

from core.auth.principal import Origin, Principal, Role
from core.errors import ModeltrainError
from core.settings import load_settings
from tui.commands.common import Served
from tui.commands.files import NamedFile, use_files_of
from tui.commands.root import COMMANDS, build, commands_for

ANN = Principal("a" * 32, "ann", "ann@example.org", Role.ADMIN, "5" * 32, Origin("ssh", "127.0.0.1"), served=True)
BOB = dataclasses.replace(ANN, user_id="b" * 32)
SECRET = "the server's secret"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A file of the server that nobody may reach."""
    file = tmp_path / "secret"
    file.write_text(SECRET)
    return file


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    """Ann's root on the server, while commands run for her."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    use_files_of(Served(load_settings(data, {}, served=True), ANN))
    NamedFile("exports/begun").write_text("here\nnot here\n")
    yield data / "users" / ANN.user_id
    use_files_of(None)


def test_own_files_are_read_and_written(own: Path) -> None:
    assert (own / "exports" / "begun").read_text() == "here\nnot here\n"
    for name in ("exports/begun", "/exports/begun", "~/exports/begun", "exports/../exports/./begun"):
        assert NamedFile(name).read_first_line() == "here"
    NamedFile("exports/begun").write_text("again")
    assert NamedFile("exports/begun").read_text() == "again"
    assert (own / "exports" / "begun").stat().st_mode & 0o077 == 0


def test_no_file_can_be_named_before_it_is_said_whose_they_are() -> None:
    with pytest.raises(LookupError):
        contextvars.Context().run(NamedFile, "/etc/passwd")


NAMES = [
    "/etc/passwd",
    "etc/passwd",
    "../../../../../../../etc/passwd",
    "exports/../../../../secret",
    "../{other}/exports/theirs",
    "/proc/self/environ",
    "~root/.bashrc",
    "~/../../../secret",
    "exports/link",
    "exports/folder/secret",
    "datasets",
    "",
    "/",
    ".",
    "exports/\0x",
    "{outside}",
    "file://{outside}",
]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_else_is_read_or_written(own: Path, outside: Path, tmp_path: Path, name: str) -> None:
    use_files_of(Served(load_settings(tmp_path / "data", {}, served=True), BOB))
    NamedFile("exports/theirs").write_text(SECRET)
    use_files_of(Served(load_settings(tmp_path / "data", {}, served=True), ANN))
    (own / "exports" / "link").symlink_to(outside)
    (own / "exports" / "folder").symlink_to(outside.parent)
    before = _everything(tmp_path)
    file = NamedFile(name.format(outside=outside, other=BOB.user_id))
    with pytest.raises(ModeltrainError) as caught:
        file.read_text()
    assert SECRET not in str(caught.value) and str(own.parents[1]) not in str(caught.value).replace(str(outside), "")
    try:
        file.write_text("overwritten")
    except ModeltrainError:
        assert _everything(tmp_path) == before
    else:
        # It may only have become a file of the person's own.
        changed = {path for path, content in _everything(tmp_path).items() if before.get(path) != content}
        assert all(path.is_relative_to(own) for path in changed)
    assert outside.read_text() == SECRET
    assert not any("overwritten" in Path(path).read_text(errors="replace") for path in ("/etc/passwd",))


def _everything(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and "ledger" not in path.name}


def test_locally_a_name_is_a_file_of_whoever_runs_the_command(tmp_path: Path) -> None:
    file = NamedFile(str(tmp_path / "x"))
    file.write_text("local\n")
    assert file.read_first_line() == "local"
    with pytest.raises(ModeltrainError):
        NamedFile(str(tmp_path / "missing")).read_text()
    with pytest.raises(ModeltrainError):
        NamedFile(str(tmp_path / "no" / "folder")).write_text("")


# Every parameter of every command ------------------------------------------------------------------------------------

#: What parameters that name files are called, and what is shown for their values.
_LIKE_FILES = ("file", "path", "output", "dir", "folder", "export", "import", "template", "pub")

#: What looks like a file and is held elsewhere, and by what.
_OTHER_DOORS = {
    "dataset check target": "core/datasets/places.py, tests/unit/datasets/test_service.py",
    "dataset add path": "core/datasets/places.py",
    "questions import path": "core/questions/files.py, tests/unit/questions/test_service.py",
    "questions export output": "core/questions/files.py, tests/unit/questions/test_service.py",
    "batch plan source": "core/questions/files.py, tests/unit/questions/test_service.py",
    "batch run source": "core/questions/files.py, tests/unit/questions/test_service.py",
    "training use folder": "is for whoever runs the machine: refused to the served",
    "model serve template": "the name of a chat template",
    "swanlab start directory": "is for administrators on the machine: refused to the served",
}


def _leaves(command: Any, *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield names, command
    for name, child in (children or {}).items():
        yield from _leaves(child, *names, name)


def served_parameters() -> list[Any]:
    from importlib import import_module

    found = []
    for name, entry in commands_for(served=True).items():
        group = typer.main.get_group(import_module(entry.module).app)
        for names, leaf in _leaves(group.commands[entry.sub] if entry.sub else group, name):
            found += [pytest.param(parameter, id=" ".join([*names, parameter.name])) for parameter in leaf.params]
    return [*found, *(pytest.param(parameter, id=parameter.name) for parameter in build(served=True).params)]


def _kind(parameter: Any) -> Any:
    """The type that a parameter is declared with; of several values, that of each."""
    declared = parameter.type_descriptor.annotation
    return get_args(declared)[0] if get_origin(declared) is list else declared


@pytest.mark.parametrize("parameter", served_parameters())
def test_no_served_parameter_names_a_file_but_through_the_door(request: pytest.FixtureRequest, parameter: Any) -> None:
    kind = _kind(parameter)
    through_the_door = kind is NamedFile
    assert through_the_door or not any(word in str(kind) for word in ("Path", "File", "IO")), "use NamedFile as its parser"
    words = " ".join([parameter.name or "", *parameter.opts, str(parameter.metavar or "")]).lower()
    if any(like in words for like in _LIKE_FILES) and kind is not bool and request.node.callspec.id not in _OTHER_DOORS:
        assert through_the_door, "it is called like a file: use NamedFile as its parser"


def test_some_parameters_go_through_the_door() -> None:
    doors = [param.id for param in served_parameters() if _kind(param.values[0]) is NamedFile]
    assert {"config key key_file", "conversation export output", "user passwd password_file"} <= set(doors)


def test_what_is_served_is_what_was_decided() -> None:
    """A new command is for the machine's own terminal until somebody says otherwise, here too."""
    everyday = {"chat", "compare", "batch", "questions", "conversation", "config", "provider", "user"}
    assert set(commands_for(served=True)) == everyday | {"dataset", "train", "training", "model", "swanlab", "webui"}
    assert set(commands_for(served=False)) == set(COMMANDS)
