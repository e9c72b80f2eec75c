"""The fields of a new run."""

from __future__ import annotations

from collections.abc import Iterable

from tui.i18n import N_
from tui.screens.runs.picking import PickField
from tui.widgets.choices import Choice
from tui.widgets.fields import Field

QUICK, CONFIGURATION = "quick", "configuration"
#: What the field in hand is for.
HELP_OF: dict[str, str] = {
    "name": N_("What the run is called in the list; left empty, it is made of model and data."),
    "with": N_("Left and right: a quick run with sensible values, or a configuration that you saved."),
    "configuration_id": N_("Enter shows your configurations and those that others share."),
    "model_name_or_path": N_("Ctrl+R shows the models of this machine and those known by name; or type a folder, or a name at the hub."),
    "template": N_("How questions and answers are put together for this model. It is filled in where the model is known."),
    "preset": N_("Left and right: method and stage to begin with. The data decides which stage fits."),
    "dataset_ids": N_("Enter shows your datasets; Space marks several."),
    "gpus": N_("How many GPUs; any that are free, when it is its turn."),
    "gpu_uuids": N_("Enter shows them with what is busy. Left empty, any that are free are taken."),
    "priority": N_("Who comes first in the queue when there is not room for all."),
}


def new_run_fields(*, is_admin: bool) -> Iterable[Field]:
    """The fields in the order of the form."""
    yield Choice(N_("With"), {QUICK: N_("quick run"), CONFIGURATION: N_("a configuration")}, id="field-with")
    yield PickField(N_("Configuration"), hint=N_("Enter to choose"), id="field-configuration_id")
    yield Field(N_("Base model"), hint=N_("Ctrl+R to choose"), id="field-model_name_or_path")
    yield Field(N_("Template"), hint=N_("as the model says"), id="field-template")
    yield Choice(N_("Method"), {}, id="field-preset")
    yield PickField(N_("Datasets"), hint=N_("Enter to choose"), id="field-dataset_ids")
    yield Field(N_("Name"), hint=N_("made of model and data"), max_length=100, id="field-name")
    yield Field(N_("GPUs"), "1", max_length=3, id="field-gpus")
    yield PickField(N_("Only these GPUs"), hint=N_("any that are free"), id="field-gpu_uuids")
    priorities = {"0": N_("normal"), "-10": N_("later than others")}
    yield Choice(N_("Priority"), priorities | ({"10": N_("before others")} if is_admin else {}), "0", id="field-priority")
