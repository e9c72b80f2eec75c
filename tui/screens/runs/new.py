"""A new run: what is trained with what on what; then the checks (preflight.py). `open_new_run` is what other screens call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from core.sanitise import one_line
from core.training.configurations_types import Remark, TrainingConfiguration, TrainingDraft
from core.training.types import Run, RunRequest, SlotHolder
from tui.i18n import N_, _
from tui.screens.runs.new_fields import CONFIGURATION, HELP_OF, QUICK, new_run_fields
from tui.screens.runs.new_picking import NewRunPicking
from tui.screens.runs.picking import SEPARATOR
from tui.screens.runs.training_values import text_of
from tui.training_fields import preset_words
from tui.widgets.choices import Choice
from tui.widgets.fields import Field
from tui.widgets.form import Form
from tui.widgets.frame import Paragraphs

if TYPE_CHECKING:
    from core.datasets.types import Dataset
    from core.training.gpus import Gpu


def open_new_run(
    app: Any,
    dataset_id: str | None = None,
    configuration_id: str | None = None,
    retry: Run | None = None,
    changes: Mapping[str, Any] | None = None,
    *,
    model: str = "",
    template: str = "",
) -> None:
    """Show the form of a new run, or of another attempt of the run `retry` with `changes` filled in; then the run that was started.

    `model`, `template`: what a quick run begins with.
    """
    from tui.screens.runs.opening import open_run

    def started(run: Run | None) -> None:
        if run is not None:
            open_run(app, run)

    if retry is not None:
        from tui.screens.runs.retry import RetryScreen

        app.push_screen(RetryScreen(retry, changes or {}), started)
    else:
        app.push_screen(NewRunScreen(dataset_id=dataset_id, configuration_id=configuration_id, model=model, template=template), started)


class NewRunScreen(NewRunPicking):
    """Returns the run that was started, None for none."""

    AREA = N_("Runs")
    HELP = N_(
        "A quick run needs a base model, a method and a dataset; everything else has sensible values. A saved configuration brings all of "
        "it along, and its datasets too where it names some.\n\n"
        "Enter in a field with a list shows what there is; in the field of the model Ctrl+R does. GPUs are given out by themselves "
        "unless you name some.\n\n"
        "Ctrl+S looks at everything before the start: nothing runs until you have seen that."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "check", N_("check and start"), id="new-run.check", tooltip=N_("Look at everything, then start")),
        Binding("ctrl+r", "pick", N_("choose"), id="new-run.pick", tooltip=N_("What the field in hand can be filled with")),
        Binding("ctrl+f", "fit", N_("fit to memory"), id="new-run.fit", tooltip=N_("Values that fit into the memory of the GPU")),
        Binding("escape", "close", N_("back"), id="new-run.close"),
    ]

    def __init__(self, *, dataset_id: str | None = None, configuration_id: str | None = None, model: str = "", template: str = "") -> None:
        super().__init__()
        self._begin = dataset_id, configuration_id
        self._model = {"model_name_or_path": model, "template": template if model else ""}
        self._configurations: dict[str, TrainingConfiguration] = {}
        self._datasets: dict[str, Dataset] = {}
        self._gpus: tuple[tuple[Gpu, SlotHolder | None], ...] = ()
        #: What a remedy or a recommendation changed; laid over the configuration.
        self._changes: dict[str, Any] = {}
        self._filling = True

    def compose_body(self) -> Iterable[Any]:
        with Form(id="new-run-form"):
            yield from new_run_fields(is_admin=self.is_admin)
            yield Paragraphs(id="new-run-message")
        yield Paragraphs(id="new-run-help")

    @property
    def form(self) -> Form:
        return self.query_one("#new-run-form", Form)

    def on_mount(self) -> None:
        super().on_mount()
        self.set_opened(_("new run"))
        self.start(self._load, group="load")

    async def _load(self) -> None:
        services, principal = self.services, self.principal
        self._gpus = await services.runs.gpus(principal)
        self._configurations = {item.id: item for item in await services.training.list(principal)}
        page = await services.datasets.datasets(principal, sort="name", limit=1000)
        self._datasets = {dataset.id: dataset for dataset in page.items}
        self._fill()

    def _fill(self) -> None:
        dataset_id, configuration_id = self._begin
        known = configuration_id if configuration_id in self._configurations else next(iter(self._configurations), "")
        usable = [dataset.id for dataset in self._datasets.values() if dataset.verdict == "usable"]
        only = dataset_id or (usable[0] if len(usable) == 1 else "")
        self._pick_field("configuration_id").name_values({item.id: one_line(item.name) for item in self._configurations.values()})
        self._pick_field("dataset_ids").name_values({dataset.id: one_line(dataset.name) for dataset in self._datasets.values()})
        self._pick_field("gpu_uuids").name_values({gpu.uuid: f"{gpu.index} {one_line(gpu.name, 20)}" for gpu, _holder in self._gpus})
        preset = self.form.field("preset")
        if isinstance(preset, Choice):
            # Names, not messages: they are translated already.
            preset.set_options({one.id: preset_words(one.method, one.stage) for one in self.services.training.presets()})
        saved = bool(known) and (configuration_id is not None or dataset_id is None)
        self.form.fill(
            {
                "with": CONFIGURATION if saved else QUICK,
                "configuration_id": known or "",
                "dataset_ids": only or "",
                "preset": self._preset_for(only or ""),
                "gpus": "1" if self._gpus else "0",
                **self._model,
            }
        )
        self._filling = False
        self._arrange()
        self._remarks()
        first = "model_name_or_path" if not saved and not self.form["model_name_or_path"] else "dataset_ids" if not only else "name"
        self.form.field(first).focus()

    def _preset_for(self, dataset_id: str) -> str:
        """The first starting point for the stage that the rows of the dataset are made for."""
        dataset = self._datasets.get(dataset_id)
        stages = dataset.current.summary.layout.stages if dataset is not None and dataset.current.summary is not None else ()
        presets = self.services.training.presets()
        return next((preset.id for stage in stages for preset in presets if preset.stage == stage), presets[0].id if presets else "")

    # What is filled in ------------------------------------------------------------------------------------------------

    def draft(self) -> tuple[TrainingDraft, list[Remark]]:
        """What is going to be trained with: of a quick run what its preset says, with the model in it."""
        item = self.configuration
        if item is not None:
            return replace(item.draft, **self._changes), []
        presets = {preset.id: preset for preset in self.services.training.presets()}
        base = presets[self.form["preset"]].draft if self.form["preset"] in presets else TrainingDraft()
        return (
            replace(
                base,
                **self._changes,
                name=self.form["name"].strip() or "quick",
                model_name_or_path=self.form["model_name_or_path"].strip(),
                template=self.form["template"].strip(),
            ),
            [],
        )

    async def request(self) -> RunRequest:
        """What is to run."""
        uuids = self._pick_field("gpu_uuids").values
        item = self.configuration
        common = RunRequest(
            name=self.form["name"].strip(),
            dataset_ids=self._pick_field("dataset_ids").values,
            gpus=len(uuids) or int(self.form["gpus"] or 0),
            gpu_uuids=uuids,
            priority=int(self.form["priority"]),
        )
        if item is not None:
            return replace(common, configuration_id=item.id, extra={"changes": dict(self._changes)} if self._changes else {})
        draft, _problems = self.draft()
        return replace(common, yaml_text=await self.services.training.to_yaml(self.principal, draft))

    def apply(self, changes: Mapping[str, Any]) -> None:
        """Lay these fields of a draft over what the configuration or preset says."""
        for name in ("model_name_or_path", "template"):
            if name in changes and self.quick:
                self.form.field(name).value = text_of(changes[name])
        self._changes |= {
            name: value for name, value in changes.items() if not self.quick or name not in ("model_name_or_path", "template")
        }
        if "dataset_ids" in self._changes:
            self.form.field("dataset_ids").value = SEPARATOR.join(self._changes.pop("dataset_ids"))
        self._remarks()

    # Live ------------------------------------------------------------------------------------------------------------

    def _arrange(self) -> None:
        """Show the fields of a quick run or those of a configuration, and GPUs only where there are some."""
        for name in ("model_name_or_path", "template", "preset"):
            self.form.field(name).display = self.quick
        self.form.field("configuration_id").display = not self.quick
        for name in ("gpus", "gpu_uuids"):
            self.form.field(name).display = bool(self._gpus)

    def on_form_changed(self, event: Form.Changed) -> None:
        if self._filling:
            return
        if event.name in ("with", "preset", "configuration_id"):
            self._changes.clear()
            self._arrange()
        if event.name == "model_name_or_path":
            self.start(self._suggest_template, group="template")
        if event.name == "dataset_ids" and not self.form.touched("preset"):
            self.form.put("preset", self._preset_for(self.form["dataset_ids"].partition(SEPARATOR)[0]))
        self._remarks()

    def on_descendant_focus(self) -> None:
        name = (getattr(self.focused, "id", None) or "").removeprefix("field-")
        said = HELP_OF.get(name, "")
        self.query_one("#new-run-help", Paragraphs).show(*([(_(said), "dim")] if said else []))

    # Going on --------------------------------------------------------------------------------------------------------

    def on_form_submitted(self) -> None:
        self.action_check()

    def _missing(self) -> Field | None:
        """The first field without which nothing can be checked, with a remark."""
        form, item = self.form, self.configuration
        if self.quick and not form["model_name_or_path"].strip():
            form.field("model_name_or_path").say(_("Choose a model with Ctrl+R, or type its folder."), wrong=True)
            return form.field("model_name_or_path")
        if not self.quick and item is None:
            form.field("configuration_id").say(_("Choose one, or make it a quick run."), wrong=True)
            return form.field("configuration_id")
        if not self._pick_field("dataset_ids").values and (item is None or not item.draft.dataset_ids):
            form.field("dataset_ids").say(_("Choose what it is trained on."), wrong=True)
            return form.field("dataset_ids")
        if self._gpus and not form["gpus"].strip().isdigit():
            form.field("gpus").say(_("Not a whole number."), wrong=True)
            return form.field("gpus")
        return None

    def action_check(self) -> None:
        missing = self._missing()
        if missing is not None:
            missing.focus()
        else:
            self.start(self._open_checks, group="check")

    async def _open_checks(self) -> None:
        from tui.screens.runs.preflight import LEAVE, PreflightScreen

        async def done(result: Run | Mapping[str, Any] | str | None) -> None:
            if isinstance(result, Run):
                self.dismiss(result)
            elif result == LEAVE:
                self.dismiss(None)
            elif isinstance(result, str) and result in self.form.fields:
                self.form.field(result).focus()

        self.app.push_screen(PreflightScreen(self.request, self.apply, self.configuration), done)

    def action_close(self) -> None:
        self.dismiss(None)
