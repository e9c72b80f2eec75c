"""Clean-up by rules: what goes, what stays, and that rows and folders go together."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.errors import Conflict, EnvironmentProblem, NotFound
from core.swanlab import cleaning, database, directory
from core.swanlab.types import CleanPreview, CleanRule, RunTruth
from tests.unit.swanlab.directories import NOW, add_experiment, counted, make_project

NOW_MS = int(NOW.timestamp() * 1000)


def preview(rule: CleanRule, *folders: Path) -> CleanPreview:
    return cleaning.preview(rule, [directory.experiments(folder, {}) for folder in folders], now_ms=NOW_MS)


def names(found: CleanPreview) -> list[str]:
    return [item.name for item in found.going]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five experiments, e0 the newest, one day apart."""
    made = make_project(tmp_path / "p")
    for day in range(5):
        add_experiment(made, f"e{day}", days_ago=day, curves={"loss": [(1, 1.0)], "only" + str(day): [(1, 1.0)]})
    return made


@pytest.mark.parametrize(
    ("rule", "going"),
    [
        (CleanRule(keep=3), ["e4", "e3"]),
        (CleanRule(keep=0), ["e4", "e3", "e2", "e1", "e0"]),
        (CleanRule(keep=9), []),
        (CleanRule(older_than_days=2.5), ["e4", "e3"]),
        (CleanRule(older_than_days=0), ["e4", "e3", "e2", "e1"]),
        (CleanRule(keep=4, older_than_days=1.5), ["e4"]),
        (CleanRule(), []),
    ],
)
def test_rules(folder: Path, rule: CleanRule, going: list[str]) -> None:
    assert names(preview(rule, folder)) == going


def test_the_newest_are_kept_in_each_project(folder: Path, tmp_path: Path) -> None:
    other = make_project(tmp_path / "q")
    add_experiment(other, "old", days_ago=100)
    assert names(preview(CleanRule(keep=4), folder, other)) == ["e4"]


def test_what_is_pinned_or_running_is_spared_and_said(folder: Path) -> None:
    found = {item.name: item for item in directory.experiments(folder, {})}
    cleaning.pin(folder / found["e4"].id, True)
    add_experiment(folder, "now", status=0, pid=os.getpid())
    seen = preview(CleanRule(keep=0), folder)
    assert names(seen) == ["e3", "e2", "e1", "e0"]
    assert {(item.experiment.name, item.why) for item in seen.spared} == {("e4", "pinned"), ("now", "running")}
    assert seen.bytes == sum(item.bytes for item in seen.going) > 0
    cleaning.pin(folder / found["e4"].id, False)
    assert "e4" in names(preview(CleanRule(keep=0), folder))


def test_rows_and_folders_go_together(folder: Path) -> None:
    found = {item.name: item for item in directory.experiments(folder, {})}
    before = counted(folder)
    done = cleaning.remove(folder, [found["e1"].id, found["e3"].id], {})
    assert set(done.removed) == {found["e1"].id, found["e3"].id}
    assert done.bytes == found["e1"].bytes + found["e3"].bytes
    after = counted(folder)
    assert after["experiment"] == before["experiment"] - 2
    assert after["tag"] == before["tag"] - 4
    # Of each, its own charts; of the project's, those that nobody has any more. "loss" stays.
    assert after["chart"] == before["chart"] - 4 - 2
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == sorted(found[name].id for name in ("e0", "e2", "e4"))


@pytest.mark.parametrize("why", ["experiment_running", "experiment_pinned"])
def test_one_that_may_not_go_keeps_all(folder: Path, why: str) -> None:
    ids = [item.id for item in directory.experiments(folder, {})]
    if why == "experiment_pinned":
        cleaning.pin(folder / ids[2], True)
    else:
        ids[2] = add_experiment(folder, "now", status=0, pid=os.getpid())
    before = counted(folder)
    with pytest.raises(Conflict) as raised:
        cleaning.remove(folder, ids, {})
    assert raised.value.fields["what"] == why
    assert counted(folder) == before
    assert all((folder / experiment_id).is_dir() for experiment_id in ids)


def test_a_run_that_is_being_started_keeps_its_experiment(tmp_path: Path) -> None:
    folder = make_project(tmp_path / "p")
    run_id = add_experiment(folder, "bot", output="/runs/one")
    with pytest.raises(Conflict):
        cleaning.remove(folder, [run_id], {"/runs/one": RunTruth("r", "bot", "running")})


def test_an_unknown_one_keeps_all(folder: Path) -> None:
    ids = [item.id for item in directory.experiments(folder, {})]
    with pytest.raises(NotFound):
        cleaning.remove(folder, [ids[0], "run-unknown"], {})
    assert (folder / ids[0]).is_dir()


def test_what_fails_in_the_middle_leaves_everything(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_arguments: object) -> None:
        raise EnvironmentProblem(what="swanlab_unreadable")

    before = counted(folder)
    ids = [item.id for item in directory.experiments(folder, {})]
    with monkeypatch.context() as patch, pytest.raises(EnvironmentProblem):
        patch.setattr(database, "remove_rows", fails)
        cleaning.remove(folder, ids[:2], {})
    assert counted(folder) == before
    assert all((folder / experiment_id).is_dir() for experiment_id in ids)


def test_a_crash_between_folder_and_row_is_put_right(folder: Path) -> None:
    kept, gone = [item.id for item in directory.experiments(folder, {})][:2]
    (folder / kept).rename(folder / f"{directory.GOING}{kept}")  # moved aside, and killed before the row went
    (folder / f"{directory.GOING}run-whose-row-is-gone").mkdir()  # killed before its files went
    cleaning.tidy(folder)
    assert (folder / kept).is_dir()
    assert not list(folder.glob(f"{directory.GOING}*"))
    cleaning.remove(folder, [gone], {})
    assert not (folder / gone).exists()


def test_an_entry_whose_files_are_gone_can_be_removed(folder: Path) -> None:
    import shutil

    run_id = directory.experiments(folder, {})[0].id
    shutil.rmtree(folder / run_id)
    item = directory.experiments(folder, {})[0]
    assert (item.id, item.folder_there, item.bytes) == (run_id, False, 0)
    cleaning.remove(folder, [run_id], {})
    assert run_id not in {item.id for item in directory.experiments(folder, {})}


def test_a_link_in_a_folder_leads_nowhere(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "precious"
    outside.mkdir()
    (outside / "data").write_text("x" * 1000)
    run_id = directory.experiments(folder, {})[0].id
    (folder / run_id / "media").symlink_to(outside)
    before = directory.experiments(folder, {})[0].bytes
    assert before < 1000, "what is linked is not its size"
    cleaning.remove(folder, [run_id], {})
    assert (outside / "data").exists()
