"""The runs area by keys, with real services: the way to the first run, configurations, the checks, the queue, the end of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from textual import events

from core.auth.principal import Origin
from core.settings import Settings
from core.training.configurations_types import TrainingDraft
from core.training.types import RunState
from tests.tui.runs_world import Trainer, add_dataset, make_model, paste, rows, runs_world, turns_until
from tests.tui.world import World, add_first_admin, world
from tests.unit.training.yard import add_service
from tui.screens.data.viewing import PREFERENCE, SeenAs, as_preference
from tui.screens.runs.configuration_form import TrainingConfigurationScreen
from tui.screens.runs.failure import FailureScreen
from tui.screens.runs.monitor import MonitorScreen
from tui.screens.runs.new import NewRunScreen
from tui.screens.runs.preflight import PreflightScreen
from tui.screens.runs.retry import RetryScreen
from tui.screens.runs.retry_checks import RetryChecks
from tui.screens.runs.screen import RunsScreen
from tui.screens.runs.versions import VersionsScreen
from tui.screens.runs.yaml_view import ImportScreen, YamlScreen
from tui.widgets.fields import Field

BOB = ("bob@example.org", "Bob", "correct horse 8 staple")


def field(seen: World, name: str) -> Field:
    return seen.app.screen.query_one(f"#field-{name}", Field)


async def save_configuration(seen: World, name: str, model: Path, **more: object) -> str:
    draft = replace(TrainingDraft(name=name, model_name_or_path=str(model), template="qwen", num_train_epochs=1.0), **more)  # type: ignore[arg-type]
    return (await seen.services.training.save(seen.app.context.principal, draft)).id


# The way to the first run -------------------------------------------------------------------------------------------------


async def test_an_empty_list_is_the_way_to_the_first_run_and_leads_to_each_step(settings: Settings, tmp_path: Path) -> None:
    async with runs_world(settings, tmp_path, ready=False) as (seen, _scheduler):
        assert [row.cells["step"] for row in rows(seen).rows] == ["1 Environment", "2 Dataset", "3 Configuration", "4 Run"]
        assert rows(seen).current_id == "environment", "what is not done yet is in hand"
        await seen.press("enter")
        await seen.until("not there yet")
        assert "i install" in seen.lines()[-1]
        await seen.press("i")
        await seen.until("Install the training environment?")
        assert "the CPU" in seen.text and "no GPU was found here" in seen.text
        await seen.press("escape", "left", "left")
        await seen.until("2 Dataset")
        rows(seen).move_to("dataset")
        await seen.press("enter")
        await seen.until(lambda: seen.app.current_mode == "data")
        assert seen.fits()


async def test_who_may_not_install_is_told_whom_to_ask(settings: Settings) -> None:
    principal = await add_first_admin(settings)
    async with world(settings, size=(80, 24)) as seen:
        await seen.until("Password")
        await seen.services.accounts.add_user(principal, *BOB)
        bob = await seen.services.accounts.sign_in(BOB[0], BOB[2], origin=Origin("local"))
        await seen.app.signed_in(bob, keep=False)
        await seen.until("Good to see you")
        await seen.press("alt+5")
        await seen.until("1 Environment")
        await seen.press("enter")
        await seen.until("Ask an administrator to install it")
        assert "install" not in seen.lines()[-1]


async def test_checks_refuse_a_start_and_lead_to_what_mends_it(settings: Settings, tmp_path: Path) -> None:
    model = make_model(tmp_path / "tiny")
    async with runs_world(settings, tmp_path, ready=False) as (seen, _scheduler):
        await add_dataset(seen, tmp_path)
        await seen.press("n")
        await seen.until(lambda: isinstance(seen.app.screen, NewRunScreen) and field(seen, "dataset_ids").value != "")
        assert "20 samples" in seen.text, "the only usable dataset is chosen already"
        await seen.press("ctrl+s")
        await seen.until("Choose a model with Ctrl+R")
        await paste(seen, "model_name_or_path", str(model))
        await seen.until(lambda: field(seen, "template").value == "qwen")
        await seen.press("ctrl+s")
        await seen.until("keeps it from starting")
        assert "LLaMA-Factory is not installed yet." in seen.text and "Install the training environment." in seen.text
        assert "s start" not in seen.lines()[-1]
        await seen.press("s")
        assert isinstance(seen.app.screen, PreflightScreen)
        await seen.press("enter")
        await seen.until(lambda: isinstance(seen.app.screen, RunsScreen) and seen.app.screen.view == "environment")
        assert not (await seen.services.runs.runs(seen.app.context.principal)).total


async def test_a_quick_run_goes_from_the_form_to_its_end_and_is_told_at_home(settings: Settings, tmp_path: Path) -> None:
    model = make_model(tmp_path / "tiny")
    async with runs_world(settings, tmp_path, trainer=Trainer(max_steps=5)) as (seen, scheduler):
        principal = seen.app.context.principal
        await add_dataset(seen, tmp_path)
        await seen.press("n")
        await seen.until(lambda: isinstance(seen.app.screen, NewRunScreen) and field(seen, "dataset_ids").value != "")
        await paste(seen, "model_name_or_path", str(model))
        await seen.until(lambda: field(seen, "template").value == "qwen")
        await seen.press("ctrl+s")
        await seen.until("Memory, estimated")
        assert "is usable: 20 samples." in seen.text and seen.fits()
        await seen.press("y")
        await seen.until(lambda: isinstance(seen.app.screen, YamlScreen))
        assert "model_name_or_path:" in seen.text and "finetuning_type: lora" in seen.text
        await seen.press("escape", "s")
        await seen.until(lambda: not isinstance(seen.app.screen, PreflightScreen))
        if "with" in seen.text and "warning" in seen.text:
            await seen.press("enter")
        await seen.until("is in the queue")
        (run,) = (await seen.services.runs.runs(principal)).items
        assert (run.model, run.method, run.stage) == (str(model), "lora", "sft")
        await seen.app.action_go("home")
        await turns_until(seen, scheduler, run.id, lambda found: found.state is RunState.RUNNING)
        await seen.until("1 run ●")
        await turns_until(seen, scheduler, run.id, lambda found: found.state is RunState.COMPLETED)
        await seen.until("is completed.")
        await seen.until("✓ completed")
        assert "1 run ●" not in seen.text


async def test_a_run_begins_with_the_model_that_the_data_was_looked_at_with(settings: Settings, tmp_path: Path) -> None:
    looked_at, another = make_model(tmp_path / "tiny"), make_model(tmp_path / "another")
    async with runs_world(settings, tmp_path) as (seen, _scheduler):
        await add_dataset(seen, tmp_path)
        await seen.app.remember_preference(PREFERENCE, as_preference(SeenAs(str(looked_at), "qwen")))
        await seen.app.action_go("data")
        await seen.until("usable")
        await seen.press("t")
        await seen.until(lambda: isinstance(seen.app.screen, NewRunScreen) and field(seen, "dataset_ids").value != "")
        assert (field(seen, "model_name_or_path").value, field(seen, "template").value) == (str(looked_at), "qwen")
        assert seen.app.screen.focused is field(seen, "name"), "nothing is missing"
        field(seen, "model_name_or_path").focus()
        await seen.press("ctrl+r")
        await seen.until("Which base model?")
        await seen.type(str(another))
        await seen.until("another folder or name")
        await seen.press("enter")
        await seen.until(lambda: isinstance(seen.app.screen, NewRunScreen))
        assert field(seen, "model_name_or_path").value == str(another), "a folder that is typed into the list is taken"


# The list ------------------------------------------------------------------------------------------------------------------


async def test_the_queue_says_why_and_is_changed_by_keys(settings: Settings, tmp_path: Path) -> None:
    model = make_model(tmp_path / "tiny")
    async with runs_world(settings, tmp_path, size=(120, 40), trainer=Trainer(max_steps=10_000, step_s=0.02)) as (seen, scheduler):
        from core.training.types import RunRequest

        principal, dataset = seen.app.context.principal, await add_dataset(seen, tmp_path)
        saved = await save_configuration(seen, "Careful", model)
        runs = [
            await seen.services.runs.start(principal, RunRequest(name=name, configuration_id=saved, dataset_ids=(dataset,), gpus=0))
            for name in ("first", "second", "third")
        ]
        await turns_until(seen, scheduler, runs[0].id, lambda found: found.step > 1)
        await seen.until("● running")
        await seen.until(lambda: "/10,000" in seen.text and "▇" not in seen.text.split("/10,000")[0])
        rows(seen).move_to(runs[1].id)
        await seen.until("the one place for runs on the CPU is taken by “first”.")
        rows(seen).move_to(runs[2].id)
        await seen.press("K")
        await seen.until(lambda: [row.id for row in rows(seen).rows] == [runs[0].id, runs[2].id, runs[1].id])
        await seen.press("minus")
        await seen.until("priority -10")
        await seen.press("s")
        await seen.until("Stop “third”?")
        assert "It leaves the queue." in seen.text
        await seen.press("enter")
        await seen.until("■ stopped")
        rows(seen).move_to(runs[0].id)
        await seen.until("step ")
        await seen.press("p")
        await seen.until("pausing")
        await turns_until(seen, scheduler, runs[0].id, lambda found: found.state is RunState.PAUSED)
        await seen.until("‖ paused")
        await seen.until("p goes on from its last checkpoint.")
        await seen.press("p")
        await seen.until(lambda: "goes on from its last checkpoint." in seen.text and "‖ paused" not in seen.text)
        await seen.press("slash")
        await seen.type("second")
        await seen.until(lambda: [row.id for row in rows(seen).rows] == [runs[1].id])
        await seen.press("escape")
        assert seen.fits()


async def test_a_failed_run_is_tried_again_with_changes_and_deleted_with_its_files(settings: Settings, tmp_path: Path) -> None:
    model, trainer = make_model(tmp_path / "tiny"), Trainer(max_steps=5, fail_at=2)
    async with runs_world(settings, tmp_path, trainer=trainer) as (seen, scheduler):
        from core.training.types import RunRequest

        principal, dataset = seen.app.context.principal, await add_dataset(seen, tmp_path)
        saved = await save_configuration(seen, "Careful", model)
        run = await seen.services.runs.start(principal, RunRequest(name="broken", configuration_id=saved, dataset_ids=(dataset,), gpus=0))
        failed = await turns_until(seen, scheduler, run.id, lambda found: found.state is RunState.FAILED)
        await seen.until("✗ failed")
        await seen.press("enter")
        await seen.until(lambda: isinstance(seen.app.screen, FailureScreen))
        await seen.until("What to change")
        await seen.press("R")
        await seen.until(lambda: isinstance(seen.app.screen, RetryScreen))
        await seen.until("Nothing is changed so far.")
        await seen.put("learning_rate", "0.5e9")
        await seen.until("was 0.0001")
        await seen.press("ctrl+s")
        await seen.until("From 0 to")
        await seen.put("learning_rate", "0.00002")
        await seen.press("ctrl+s")
        await seen.until(lambda: isinstance(seen.app.screen, RetryChecks))
        await seen.until("It can start")
        await seen.press("s")
        await seen.until("Start with")
        await seen.press("y")
        await seen.until(lambda: isinstance(seen.app.screen, MonitorScreen))
        trainer.options = {"max_steps": 2}
        done = await turns_until(seen, scheduler, run.id, lambda found: found.state is RunState.COMPLETED)
        assert (done.attempts, done.options["learning_rate"]) == (2, 0.00002)
        await seen.press("escape")
        await seen.until(lambda: len(seen.app.screen_stack) == 1)  # and no card of what is over
        await seen.until("✓ completed")
        assert failed.folder is not None
        await seen.press("d")
        await seen.until("Delete the run “broken”?")
        assert "take " in seen.text
        await seen.press("f")
        await seen.until("4 Run")
        assert not failed.folder.exists()


async def test_gpus_are_named_with_who_holds_them_and_administrators_see_everybodys_runs(settings: Settings, tmp_path: Path) -> None:
    model = make_model(tmp_path / "tiny")
    async with runs_world(settings, tmp_path, size=(120, 40), trainer=Trainer(max_steps=10_000, step_s=0.02), gpus=3) as (seen, scheduler):
        from core.training.types import RunRequest

        principal, dataset = seen.app.context.principal, await add_dataset(seen, tmp_path)
        add_service(seen.services.store._storage, principal.user_id, "chatty server", gpus=("GPU-2",))
        saved = await save_configuration(seen, "Careful", model)
        run = await seen.services.runs.start(principal, RunRequest(name="holder", configuration_id=saved, dataset_ids=(dataset,), gpus=1))
        await turns_until(seen, scheduler, run.id, lambda found: found.step > 0)
        await seen.until("GPU: 2 busy, 1 free")
        await seen.press("n")
        await seen.until("1 of 3 free")
        field(seen, "gpu_uuids").focus()
        await seen.until(lambda: seen.app.focused is field(seen, "gpu_uuids"))
        await seen.press("enter")
        await seen.until("Which GPUs?")
        assert "busy: holder" in seen.text and "busy: chatty server" in seen.text and "free · 1.0 GB / 80.0 GB" in seen.text
        await seen.press("escape", "escape")
        await seen.until(lambda: isinstance(seen.app.screen, RunsScreen))
        await seen.press("a")
        await seen.until("Owner")
        assert rows(seen).rows[0].cells["owner"] == "Ann" and "everybody's" in seen.text
        assert seen.fits()


# Configurations ------------------------------------------------------------------------------------------------------------


async def test_a_configuration_is_made_changed_compared_with_before_and_rolled_back(settings: Settings, tmp_path: Path) -> None:
    model = make_model(tmp_path / "tiny")
    async with runs_world(settings, tmp_path) as (seen, _scheduler):
        principal = seen.app.context.principal
        await seen.press("right")
        await seen.until("No training configuration yet.")
        await seen.press("n")
        await seen.until("Begin with")
        await seen.press("enter")
        await seen.until(lambda: isinstance(seen.app.screen, TrainingConfigurationScreen) and "Learning rate" in seen.text)
        await paste(seen, "model_name_or_path", str(model))
        await seen.until(lambda: (field(seen, "template").value, field(seen, "name").value) == ("qwen", "tiny LoRA"))
        await seen.put("learning_rate", "fast")
        await seen.until("Not a number.")
        await seen.put("learning_rate", "7")
        await seen.until("From 0 to 1.")
        assert "How far each step goes" in seen.text, "what the field in hand does is said below the form"
        await seen.put("learning_rate", "3e-4")
        field(seen, "method").focus()
        await seen.press("right", "right", "right")
        await seen.until(lambda: field(seen, "method").value == "full")
        await seen.until(lambda: not field(seen, "lora_rank").display)
        await seen.press("left", "left", "left")
        await seen.until(lambda: field(seen, "lora_rank").display)
        field(seen, "stage").focus()
        await seen.press("left")
        await seen.until("PPO does not run in this LLaMA-Factory")
        await seen.press("right")
        await seen.press("ctrl+s")
        await seen.until("Press t to start a run with it.")
        assert seen.fits()
        (made,) = await seen.services.training.list(principal)
        assert (made.draft.learning_rate, made.draft.method, made.version) == (3e-4, "lora", 1)
        await seen.press("e")
        await seen.until(lambda: isinstance(seen.app.screen, TrainingConfigurationScreen) and "Learning rate" in seen.text)
        await seen.put("num_train_epochs", "9")
        await seen.press("ctrl+s")
        await seen.until(lambda: isinstance(seen.app.screen, RunsScreen))
        await seen.press("v")
        await seen.until(lambda: isinstance(seen.app.screen, VersionsScreen) and "What version 2 changed" in seen.text)
        assert "- 3" in seen.text and "+ 9" in seen.text
        await seen.press("j", "b")
        await seen.until("Back to version 1")
        await seen.press("enter")
        await seen.until("Version 3 is in force.")
        assert (await seen.services.training.get(principal, made.id)).draft.num_train_epochs == 3.0


async def test_configurations_are_copied_shared_shown_as_yaml_and_deleted(settings: Settings, tmp_path: Path) -> None:
    model = make_model(tmp_path / "tiny")
    async with runs_world(settings, tmp_path) as (seen, _scheduler):
        from core.training.types import RunRequest

        principal, dataset = seen.app.context.principal, await add_dataset(seen, tmp_path)
        saved = await save_configuration(seen, "Careful", model)
        await seen.services.runs.start(principal, RunRequest(name="kept", configuration_id=saved, dataset_ids=(dataset,), gpus=0))
        await seen.press("right")
        await seen.until("Careful")
        await seen.press("c")
        await seen.until("Copied as “Careful 2”.")
        await seen.until(lambda: rows(seen).current_id not in ("", saved))
        rows(seen).move_to(saved)
        await seen.press("h")
        await seen.until("Everybody here may read and copy “Careful”.")
        await seen.press("y")
        await seen.until(lambda: isinstance(seen.app.screen, YamlScreen))
        assert "learning_rate: 0.0001" in seen.text
        await seen.press("escape", "t")
        await seen.until(lambda: isinstance(seen.app.screen, NewRunScreen) and field(seen, "configuration_id").value == saved)
        await seen.press("escape", "d")
        await seen.until("Delete the training configuration “Careful”?")
        said = " ".join(" ".join(line.split()) for line in seen.lines())
        assert "1 run was made of it (kept); it keeps what it was made of." in said and "It is shared" in said
        await seen.press("y")
        await seen.until(lambda: [row.cells["name"] for row in rows(seen).rows] == ["Careful 2"])


async def test_a_yaml_file_is_taken_over_with_remarks(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("model_name_or_path: a/b\nstage: dpo\nfinetuning_type: lora\nlora_rank: 32\noutput_dir: /tmp/x\ndataset: mine\n")
    async with runs_world(settings, tmp_path) as (seen, _scheduler):
        await seen.press("right")
        await seen.until("No training configuration yet.")
        await seen.press("i")
        await seen.until(lambda: isinstance(seen.app.screen, ImportScreen))
        await seen.press("ctrl+r")
        await seen.until("Which YAML file?")
        seen.app.screen.focused.post_message(events.Paste(str(file)))  # type: ignore[union-attr]
        await seen.until(lambda: seen.app.screen.query_one("#dialog-field", Field).value == str(file))
        await seen.press("enter")
        await seen.until("“output_dir” is set by modeltrain")
        assert "Its datasets (mine)" in seen.text
        await seen.press("ctrl+s")
        await seen.until(
            lambda: isinstance(seen.app.screen, TrainingConfigurationScreen) and bool(seen.app.screen.query("#field-pref_beta"))
        )
        assert (field(seen, "lora_rank").value, field(seen, "stage").value) == ("32", "dpo")
        await seen.press("escape")
        await seen.until("Save the changes?")
        await seen.press("d")
        await seen.until("No training configuration yet.")


async def test_everything_else_is_completed_as_one_types(settings: Settings, tmp_path: Path) -> None:
    async with runs_world(settings, tmp_path) as (seen, _scheduler):
        await seen.press("right")
        await seen.until("No training configuration yet.")
        await seen.press("n")
        await seen.until("Begin with")
        await seen.press("enter")
        await seen.until("Learning rate")
        field(seen, "extra").focus()
        await seen.press("enter")
        await seen.until("Any other option of LLaMA-Factory")
        await seen.type("num_train")
        await seen.until("num_train_epochs")
        await seen.press("tab")
        await seen.type("2")
        await seen.press("enter")
        await seen.type("bogus: 1")
        await seen.until("LLaMA-Factory knows no “bogus”.")
        await seen.press("ctrl+s")
        await seen.until(lambda: field(seen, "extra").value == "num_train_epochs: 2\nbogus: 1")
