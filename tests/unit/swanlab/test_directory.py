"""Projects and experiments as they are, and the truth about those that SwanLab calls running."""

from __future__ import annotations

import os
import platform
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import EnvironmentProblem
from core.swanlab import directory
from core.swanlab.config_file import configuration, output_folder
from core.swanlab.types import RunTruth
from tests.unit.swanlab.directories import NOW, add_experiment, age, connect, make_project

HERE = os.getpid()


def only(folder: Path, **truths: RunTruth) -> directory.Experiment:
    (found,) = directory.experiments(folder, {f"/runs/{name}": truth for name, truth in truths.items()})
    return found


def test_a_project_with_its_experiments(tmp_path: Path) -> None:
    folder = make_project(tmp_path / "bots", "support bots")
    add_experiment(folder, "old", days_ago=3, curves={"train/loss": [(1, 2.0)]})
    add_experiment(folder, "new", curves={"train/loss": [(1, 2.0)], "eval/loss": [(1, 3.0)]}, status=-1)
    found = directory.experiments(folder, {})
    assert [(item.name, item.state, item.tags) for item in found] == [
        ("new", "failed", ("train/loss", "eval/loss")),
        ("old", "completed", ("train/loss",)),
    ]
    assert found[0].created_at == int(NOW.timestamp() * 1000)
    project = directory.project(folder, {})
    assert (project.id, project.name, project.experiments, project.problem) == ("bots", "support bots", 2, "")
    assert project.bytes == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert found[0].bytes == sum(path.stat().st_size for path in (folder / found[0].id).rglob("*") if path.is_file())


def test_what_lives_is_running_and_what_was_killed_is_not(tmp_path: Path) -> None:
    folder = make_project(tmp_path / "p")
    add_experiment(folder, "alive", status=0, pid=HERE)
    assert only(folder).state == "running"
    dead = make_project(tmp_path / "q")
    add_experiment(dead, "killed", status=0, pid=1 << 22)
    assert only(dead).state == "ended"
    assert only(dead).logged_state == "running", "which is what SwanLab goes on saying"


def test_a_pid_that_was_used_again_is_nobody_of_ours(tmp_path: Path) -> None:
    folder = make_project(tmp_path / "p")
    own = folder / add_experiment(folder, "killed", status=0, pid=HERE)
    age(own, 365 * 86400.0)  # written long before this process began
    assert only(folder).state == "ended"


def test_of_another_machine_only_the_time_of_the_files_is_known(tmp_path: Path) -> None:
    folder = make_project(tmp_path / "p")
    own = folder / add_experiment(folder, "elsewhere", status=0, pid=HERE, host=platform.node() + "x", curves={"loss": [(1, 1.0)]})
    assert only(folder).state == "running"
    age(own, 3600)
    assert only(folder).state == "ended"


@pytest.mark.parametrize("state", ["paused", "failed", "cancelled", "lost", "completed", "running"])
def test_our_run_says_how_it_ended(tmp_path: Path, state: str) -> None:
    folder = make_project(tmp_path / "p")
    add_experiment(folder, "bot", status=0, output="/runs/one")
    truth = RunTruth("r1", "my run", state)  # type: ignore[arg-type]
    found = only(folder, one=truth)
    assert (found.state, found.run_id, found.run_name) == (state, "r1", "my run")


def test_whoever_still_writes_is_running_whatever_the_run_says(tmp_path: Path) -> None:
    folder = make_project(tmp_path / "p")
    add_experiment(folder, "bot", status=0, output="/runs/one", pid=HERE)
    assert only(folder, one=RunTruth("r1", "my run", "cancelled")).state == "running"


def test_of_a_resumed_run_only_the_newest_experiment_has_its_state(tmp_path: Path) -> None:
    folder = make_project(tmp_path / "p")
    add_experiment(folder, "bot", status=0, output="/runs/one", days_ago=1)
    add_experiment(folder, "bot-2", status=0, output="/runs/one")
    found = directory.experiments(folder, {"/runs/one": RunTruth("r1", "my run", "running")})
    assert [(item.name, item.state, item.run_id) for item in found] == [("bot-2", "running", "r1"), ("bot", "ended", "r1")]


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"this is no database at all, only text that is long enough to be read as a header ............." * 20, "damaged"), (b"", "foreign")],
)
def test_what_is_no_database_of_swanlab_is_said(tmp_path: Path, content: bytes, problem: str) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "runs.swanlab").write_bytes(content)
    with pytest.raises(EnvironmentProblem) as raised:
        directory.experiments(folder, {})
    assert raised.value.fields["what"] == f"swanlab_{problem}"
    assert directory.project(folder, {}).problem == problem


def test_another_programs_database_is_foreign(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "runs.swanlab")) as connection:
        connection.execute("CREATE TABLE experiment (id INTEGER)")
    assert directory.project(folder, {}).problem == "foreign"


def test_a_database_cut_in_half_is_damaged(tmp_path: Path) -> None:
    folder = make_project(tmp_path / "p")
    for number in range(60):
        add_experiment(folder, f"e{number}", curves={"loss": [(1, 1.0)]})
    with closing(connect(folder)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file = folder / "runs.swanlab"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert directory.project(folder, {}).problem == "damaged"


def test_a_link_to_a_database_is_none(tmp_path: Path) -> None:
    folder = make_project(tmp_path / "p")
    other = tmp_path / "q"
    other.mkdir()
    (other / "runs.swanlab").symlink_to(folder / "runs.swanlab")
    assert directory.project(other, {}).problem == "missing"


def test_a_locked_database_is_busy_for_writers_and_still_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.swanlab import cleaning, database

    monkeypatch.setattr(database, "WAIT_S", 0.05)
    folder = make_project(tmp_path / "p")
    run_id = add_experiment(folder, "bot")
    with closing(connect(folder)) as trainer:
        trainer.execute("BEGIN IMMEDIATE")
        trainer.execute("UPDATE project SET description = 'being written'")
        assert len(directory.experiments(folder, {})) == 1
        with pytest.raises(EnvironmentProblem) as raised:
            cleaning.remove(folder, [run_id], {})
        trainer.execute("ROLLBACK")
    assert raised.value.fields["what"] == "swanlab_busy"
    assert (folder / run_id).is_dir()
    assert len(directory.experiments(folder, {})) == 1


def test_reading_while_a_trainer_writes_sees_only_what_is_committed(tmp_path: Path) -> None:
    folder = make_project(tmp_path / "p")
    add_experiment(folder, "one")
    with closing(connect(folder)) as trainer:
        trainer.execute("BEGIN IMMEDIATE")
        trainer.execute("DELETE FROM experiment")
        assert len(directory.experiments(folder, {})) == 1
        trainer.execute("COMMIT")
    assert directory.experiments(folder, {}) == ()


def test_rows_that_point_elsewhere_are_left_out(tmp_path: Path) -> None:
    folder = make_project(tmp_path / "p")
    add_experiment(folder, "good")
    with closing(connect(folder)) as connection:
        for number, name in enumerate(("../../etc", "a/b", "", ".archives"), 10):
            connection.execute(
                "INSERT INTO experiment (project_id, run_id, name, sort, status, show, pinned_opened, hidden_opened, version, create_time,"
                " update_time) VALUES (1, ?, ?, ?, 1, 1, 1, 0, '0', '', '')",
                (name, f"bad {number}", number),
            )
    assert [item.name for item in directory.experiments(folder, {})] == ["good"]


def test_the_configuration_in_its_order(tmp_path: Path) -> None:
    folder = make_project(tmp_path / "p")
    own = folder / add_experiment(folder, "bot", output="/runs/one")
    assert configuration(own) == ((("learning_rate", "5e-05"), ("output_dir", "/runs/one")), "")
    assert output_folder(own) == "/runs/one"


@pytest.mark.parametrize(
    ("text", "problem"),
    [("", "missing"), ("[unclosed", "damaged"), ("- a\n- list", "damaged"), ("a: !!python/object/apply:os.system ['true']", "damaged")],
)
def test_a_configuration_that_cannot_be_read(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "config.yaml").write_text(text)
    assert configuration(tmp_path) == ((), problem)


def test_aliases_that_grow_into_billions_end_soon(tmp_path: Path) -> None:
    lines = ["a0: &a0 {x: 1, y: 2}"]
    lines += [f"a{level}: &a{level} {{p: *a{level - 1}, q: *a{level - 1}}}" for level in range(1, 40)]
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "config.yaml").write_text("\n".join(lines))
    found, problem = configuration(tmp_path)
    assert problem == ""
    assert len(found) <= 3000


@pytest.mark.parametrize(
    ("written", "read"),
    [("/a b/ü", "/a b/ü"), ("'/it''s'", "/it's"), ('"/tab\\there"', "/tab\there"), ("{}", ""), ("12", "12")],
)
def test_the_output_folder_as_yaml_writes_it(tmp_path: Path, written: str, read: str) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "config.yaml").write_text(
        f"\nmodel:\n  desc: ''\n  value: x\noutput_dir:\n  desc: ''\n  sort: 3\n  value: {written}\n"
    )
    assert output_folder(tmp_path) == read
