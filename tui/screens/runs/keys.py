"""The keys of the runs area: what they do, in which of its views, and its page of help."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tui.i18n import N_

RUNS, CONFIGURATIONS, ENVIRONMENT = "runs", "configurations", "environment"
_BOTH = (RUNS, CONFIGURATIONS)
#: In which views an action means something; those that are not named mean something everywhere.
ONLY: dict[str, tuple[str, ...]] = {
    "new": _BOTH, "delete": _BOTH, "filter": _BOTH, "compare": (RUNS,), "copy": (CONFIGURATIONS,),
    "pause": (RUNS,), "stop": (RUNS,), "retry": (RUNS,), "priority": (RUNS,), "move_run": (RUNS,), "rename": (RUNS,),
    "states": (RUNS,), "swanlab": (RUNS,), "everyone": (RUNS,), "queue": (RUNS,),
    "edit": (CONFIGURATIONS,), "use": (CONFIGURATIONS,), "yaml": (CONFIGURATIONS,), "versions": (CONFIGURATIONS,),
    "share": (CONFIGURATIONS,), "import": (CONFIGURATIONS,),
    "install": (ENVIRONMENT,), "cancel_install": (ENVIRONMENT,), "name_environment": (ENVIRONMENT,), "try_environment": (ENVIRONMENT,),
    "install_log": (ENVIRONMENT,),
}  # fmt: skip
HELP = N_(
    "A run trains a model on a dataset, in a process of its own: it goes on when you leave, sign out or this program ends, and is "
    "found again here.\n\n"
    "n starts one. What waits says why; + and - change its priority, K and J its place. p pauses a run at a checkpoint and goes on "
    "from it; s stops it; R begins it anew, with changes if you like. Space marks rows: c compares what is marked, d deletes it; "
    "w shows the same runs in SwanLab.\n\n"
    "Left and right change to the training configurations, which say how is trained and are kept in versions, and to the training "
    "environment, in which it is done.\n\n"
    "States: ● running, ○ waiting, ‖ paused, ✓ completed, ✗ failed, ■ stopped, ? lost: nobody can tell how it ended."
)
BINDINGS: list[BindingType] = [
    Binding("n", "new", N_("new"), id="runs.new", tooltip=N_("Start a run, or make a configuration")),
    Binding("p", "pause", N_("pause/go on"), id="runs.pause", tooltip=N_("Pause at a checkpoint, or go on from it")),
    Binding("s", "stop", N_("stop"), id="runs.stop", tooltip=N_("End it with all of its processes, or take it out of the queue")),
    Binding("R", "retry", N_("retry"), id="runs.retry", tooltip=N_("Begin it anew, as it was or with changes")),
    Binding("e", "edit", N_("edit"), id="runs.edit", show=False, tooltip=N_("Change the configuration in hand")),
    Binding("t", "use", N_("train with it"), id="runs.use", tooltip=N_("Start a run with the configuration in hand")),
    Binding("y", "yaml", N_("YAML"), id="runs.yaml", tooltip=N_("The exact file that LLaMA-Factory reads")),
    Binding("i", "import", N_("import"), id="runs.import", tooltip=N_("Take over a YAML file of your own")),
    Binding("c", "copy", N_("copy"), id="runs.copy", tooltip=N_("Make another configuration like it")),
    Binding("c", "compare", N_("compare"), id="runs.compare", tooltip=N_("Compare the marked runs: curves and values")),
    Binding("v", "versions", N_("versions"), id="runs.versions", tooltip=N_("What it was before, what changed, roll back")),
    Binding("h", "share", N_("share"), id="runs.share", tooltip=N_("Let everybody here read and copy it, or nobody")),
    Binding("i", "install", N_("install"), id="runs.install", tooltip=N_("Make the training environment, or go on with it")),
    Binding("x", "cancel_install", N_("cancel"), id="runs.cancel_install", tooltip=N_("Stop the installation")),
    Binding("u", "name_environment", N_("name one"), id="runs.name_environment", tooltip=N_("Use an environment that is there")),
    Binding("t", "try_environment", N_("try it"), id="runs.try", tooltip=N_("Import everything for real, which takes a minute")),
    Binding("l", "install_log", N_("log"), id="runs.install_log", tooltip=N_("Everything that the installation said")),
    Binding("d", "delete", N_("delete"), id="runs.delete", tooltip=N_("Delete, after saying what goes with it")),
    Binding("slash", "filter", N_("search"), id="runs.filter", tooltip=N_("Search in names, models and notes")),
    Binding("f", "states", N_("which"), id="runs.states", show=False, tooltip=N_("All, at work and waiting, or ended ones")),
    Binding("r", "rename", N_("rename"), id="runs.rename", show=False, tooltip=N_("Give the run another name")),
    Binding("plus", "priority(1)", N_("earlier"), id="runs.raise", show=False, tooltip=N_("Raise the priority"), key_display="+"),
    Binding("minus", "priority(-1)", N_("later"), id="runs.lower", show=False, tooltip=N_("Lower the priority"), key_display="-"),
    Binding("K", "move_run(-1)", N_("a place earlier"), id="runs.up", show=False, tooltip=N_("Move it up in the queue")),
    Binding("J", "move_run(1)", N_("a place later"), id="runs.down", show=False, tooltip=N_("Move it down in the queue")),
    Binding("w", "swanlab", N_("SwanLab"), id="runs.swanlab", show=False, tooltip=N_("The curves in SwanLab, and its dashboard")),
    Binding("a", "everyone", N_("everybody's"), id="runs.everyone", show=False, tooltip=N_("The runs of all accounts, or your own")),
    Binding("Q", "queue", N_("hold the queue"), id="runs.queue", show=False, tooltip=N_("Start nothing new, or let it go on")),
    Binding("right", "tab(1)", N_("next view"), show=False),
    Binding("left", "tab(-1)", N_("view before"), show=False),
    Binding("escape", "back", N_("home"), id="runs.back", tooltip=N_("Clear marks and search, then home")),
]
