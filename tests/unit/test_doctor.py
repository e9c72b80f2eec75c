"""modeltrain doctor: what it finds, what it says, and that it changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from core import doctor
from core.doctor import State, Surroundings, examine
from core.installation import prepare
from core.processes import confine
from core.settings import Settings, load_settings
from storage.errors import StorageProblem
from storage.keyring import new_master_key
from storage.tables import Configuration, User
from storage.unit_of_work import UnitOfWork
from tests.shell import Shell
from tui.commands.doctor import as_json, sentences
from tui.commands.doctor_texts import TEXTS

GOOD = Surroundings({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, is_terminal=True, encoding="utf-8", size=(120, 40))


def findings(settings: Settings, surroundings: Surroundings = GOOD) -> dict[str, tuple[str, State]]:
    """What was found, by what was looked at."""
    return {check.about: (check.finding, check.state) for check in examine(settings, surroundings)}


@pytest.fixture
def ready(settings: Settings) -> Settings:
    prepare(settings).close()
    return settings


def test_a_sound_installation(ready: Settings) -> None:
    assert set(findings(ready).values()) == {("ok", State.OK)}
    assert set(findings(ready)) == {"python", "packages", "data_folder", "disk", "database", "master_key", "terminal", "confinement"}


def test_a_kernel_that_cannot_confine(ready: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confine, "version", lambda: -1)
    assert findings(ready)["confinement"] == ("missing", State.WARNING)


def test_before_the_first_start_nothing_is_made(settings: Settings) -> None:
    found = findings(settings)
    assert (found["data_folder"], found["database"]) == (("absent", State.OK), ("absent", State.OK))
    assert not settings.data_dir.exists()


def test_a_folder_that_is_a_file(settings: Settings) -> None:
    settings.data_dir.write_text("")
    assert findings(settings)["data_folder"] == ("not_a_folder", State.PROBLEM)


@pytest.mark.skipif(os.geteuid() != 0, reason="being somebody else needs root")
def test_folders_that_this_account_may_not_even_look_into(ready: Settings) -> None:
    """Everything else is still checked, and nothing fails."""
    folder = Path(tempfile.mkdtemp())  # tmp_path is closed to others
    try:
        folder.chmod(0o755)
        shutil.copytree(ready.data_dir, folder / "data")
        (folder / "data").chmod(0o700)
        os.setresuid(65534, 65534, 0)
        try:
            closed = findings(load_settings(folder / "data", {}))
            below = findings(load_settings(folder / "data" / "below", {}))
        finally:
            os.setresuid(0, 0, 0)
    finally:
        shutil.rmtree(folder)
    assert closed["data_folder"] == ("not_writable", State.PROBLEM)
    assert closed["database"] == ("database_unreachable", State.PROBLEM)
    assert below["data_folder"] == ("cannot_be_made", State.PROBLEM)
    assert {"python", "disk"} <= set(closed) & set(below)


def test_loose_permissions(ready: Settings) -> None:
    (ready.data_dir / "modeltrain.db").chmod(0o644)
    assert findings(ready)["permissions"] == ("exposed", State.WARNING)
    assert (ready.data_dir / "modeltrain.db").stat().st_mode & 0o777 == 0o644, "doctor changes nothing"


@pytest.mark.parametrize(("change", "finding"), [("remove", "missing"), ("replace", "wrong"), ("garble", "malformed"), ("open", "exposed")])
def test_the_master_key(ready: Settings, change: str, finding: str) -> None:
    path = ready.data_dir / "master.key"
    if change == "remove":
        path.unlink()
    elif change == "open":
        path.chmod(0o644)
    else:
        path.write_text(new_master_key().text if change == "replace" else "no key")
    assert findings(ready)["master_key"] == (finding, State.PROBLEM)


def test_a_rotation_that_was_cut_off(ready: Settings) -> None:
    path = ready.data_dir / "master.key"
    path.write_text(f"{new_master_key().text}\n{path.read_text()}")
    assert findings(ready)["master_key"] == ("unfinished", State.WARNING)


def test_secrets_that_do_not_open(settings: Settings) -> None:
    def fill(uow: UnitOfWork) -> None:
        user = User(id="u", email="a@b.c", nickname="n", nickname_key="n", password_hash="x", role="user", created_at=1, updated_at=1)
        uow.session.add(user)
        uow.session.flush()
        key = uow.secrets.seal("sk", "configurations/another/key")
        uow.session.add(Configuration(id="c1", owner_id="u", name="c", key=key, created_at=1, updated_at=1))

    storage = prepare(settings)
    storage.write_now(fill)
    storage.close()
    check = next(check for check in examine(settings, GOOD) if check.about == "secrets")
    assert (check.finding, check.state, check.fields["rows"]) == ("unreadable", State.WARNING, "configurations/c1/key")


@pytest.mark.parametrize(("revision", "finding"), [("9999", ("database_too_new", State.PROBLEM)), (None, ("empty", State.OK))])
def test_the_revision(settings: Settings, revision: str | None, finding: tuple[str, State]) -> None:
    storage = prepare(settings)
    with storage.engine.begin() as connection:
        connection.execute(
            text("UPDATE alembic_version SET version_num = :new") if revision else text("DELETE FROM alembic_version"), {"new": revision}
        )
    storage.close()
    assert findings(settings)["database"] == finding


def test_a_damaged_database(ready: Settings) -> None:
    path = ready.data_dir / "modeltrain.db"
    content = bytearray(path.read_bytes())
    content[20000:24000] = b"\xff" * 4000
    path.write_bytes(content)
    assert findings(ready)["database"] == ("database_damaged", State.PROBLEM)


def test_a_server_that_is_not_there(settings: Settings) -> None:
    away = replace(settings, database_url="postgresql://u:secret@127.0.0.1:1/d")
    check = next(check for check in examine(away, GOOD) if check.about == "database")
    assert (check.finding, check.fields["reason"]) == ("database_unreachable", "no_server")
    assert "secret" not in json.dumps(as_json(check))


@pytest.mark.parametrize(
    ("changes", "about", "finding"),
    [
        ({"is_terminal": False}, "terminal", "none"),
        ({"environment": {"TERM": "dumb"}}, "terminal", "dumb"),
        ({"environment": {}}, "terminal", "dumb"),
        ({"size": (79, 24)}, "terminal", "small"),
        ({"size": (80, 23)}, "terminal", "small"),
        ({"encoding": "ANSI_X3.4-1968"}, "locale", "not_utf8"),
    ],
)
def test_the_terminal(ready: Settings, changes: dict[str, object], about: str, finding: str) -> None:
    assert findings(ready, replace(GOOD, **changes))[about][0] == finding  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("environment", "colours"),
    [
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "truecolor"),
        ({"TERM": "xterm-direct"}, "truecolor"),
        ({"TERM": "screen-256color"}, "256"),
        ({"TERM": "linux"}, "16"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "none"),
        ({}, "none"),
    ],
)
def test_colours(environment: dict[str, str], colours: str) -> None:
    assert doctor.colours(environment) == colours


def test_the_disk(ready: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    free = shutil.disk_usage(ready.data_dir).free
    monkeypatch.setattr(doctor, "LOW_DISK_BYTES", free * 2)
    assert findings(ready)["disk"] == ("low", State.WARNING)
    monkeypatch.setattr(doctor, "NO_DISK_BYTES", free * 2)
    assert findings(ready)["disk"] == ("full", State.PROBLEM)


def test_versions_that_do_not_fit() -> None:
    def of(requirement: str) -> list[tuple[str, str]]:
        return [(check.about, check.finding) for check in doctor._requirement(requirement)]

    assert of("bcrypt==4.0.1") == of("textual==8.2.8") == of("passlib[bcrypt]>=1.7.4") == []
    assert of("bcrypt==4.0.2") == [("package", "wrong_version")]
    assert of("sqlmodel>=99") == [("package", "too_old")]
    assert of("no-such-package>=1") == [("package", "missing")]


# What is said ---------------------------------------------------------------------------------------------------------


def test_every_problem_has_a_remedy() -> None:
    names = ["found", "wanted", "name", "path", "mode", "right", "free", "kind", "version", "revision", "newest", "secrets", "source"]
    fields = dict.fromkeys([*names, "rows", "count", "term", "columns", "colours", "encoding"], "x")
    for (about, finding), (_title, remedy) in TEXTS.items():
        message, shown = sentences(doctor.Check(about, finding, State.WARNING, fields))
        assert message and "{" not in message + shown, (about, finding)
        assert remedy or finding in {"ok", "absent", "empty", "none"}, (about, finding)


@pytest.mark.parametrize("kind", [*StorageProblem.__subclasses__()])
def test_errors_of_storage_are_said(kind: type[StorageProblem]) -> None:
    message, remedy = sentences(doctor.Check("database", kind.code, State.PROBLEM, {}))
    assert message and remedy


def test_the_command(ready: Settings) -> None:
    shell = Shell(ready.data_dir)
    good = shell.run("doctor", "--json")
    assert (good.status, good.json["ok"], good.err) == (0, True, "")
    (ready.data_dir / "master.key").chmod(0o644)
    bad = shell.run("doctor", "--json")
    assert (bad.status, bad.json["ok"]) == (1, False)
    assert [check["finding"] for check in bad.json["checks"] if check["state"] == "problem"] == ["exposed"]
    said = shell.run("doctor")
    assert said.status == 1 and "chmod 0600" in said.out


def test_hostile_names_do_not_reach_the_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "a\x1b]0;owned\x07\nb"
    said = Shell(folder).run("doctor")
    assert said.status == 0
    assert "\x1b" not in said.out and "\x07" not in said.out
