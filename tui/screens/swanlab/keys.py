"""The keys of the SwanLab screen, and its help."""

from __future__ import annotations

from textual.binding import Binding

from tui.i18n import N_

EXPERIMENTS, ARCHIVES, SERVICES = "experiments", "archives", "services"
HELP = N_(
    "Every run writes its curves to SwanLab as well, on this machine only, where SwanLab is installed in the training environment. Our "
    "own figures of a run, under Runs, stay the truth; here are the same curves as SwanLab keeps them, for comparing and for its own "
    "dashboard.\n\n"
    "Enter opens an experiment with its curves and configuration; Space marks several, and c draws them over one another. f changes the "
    "project. x writes the curves as CSV or JSON into your folder “exports”.\n\n"
    "w cleans up: keep the newest, or remove what is older than some days. p pins an experiment: it is never removed then. What is still "
    "being written is never touched. a moves experiments into an archive, from which they can be brought back.\n\n"
    "SwanLab shows a run that was killed as running for ever; here it shows as what it is.\n\n"
    "n starts SwanLab's dashboard in a browser. It listens on this machine only and has no sign-in: whoever has an account on this machine "
    "can reach it. Its buttons can stop and delete: the training goes on then, but nothing more of it is written to SwanLab."
)
BINDINGS = [
    Binding("n", "dashboard", N_("dashboard"), id="swanlab.dashboard", tooltip=N_("Start SwanLab's dashboard of a project")),
    Binding("c", "compare", N_("compare"), id="swanlab.compare", tooltip=N_("Draw the curves of the marked experiments over one another")),
    Binding("f", "project", N_("project"), id="swanlab.project", tooltip=N_("Show one project, or all")),
    Binding("p", "pin", N_("pin/unpin"), id="swanlab.pin", tooltip=N_("Pin, so that it is never removed, or let go")),
    Binding("a", "archive", N_("archive"), id="swanlab.archive", tooltip=N_("Put experiments into an archive")),
    Binding("w", "clean", N_("clean up"), id="swanlab.clean", tooltip=N_("Remove old experiments by a rule, after showing which")),
    Binding("x", "export", N_("export"), id="swanlab.export", tooltip=N_("Write the curves as CSV or JSON")),
    Binding("d", "delete", N_("delete"), id="swanlab.delete", tooltip=N_("Delete what is in hand or marked")),
    Binding("slash", "filter", N_("search"), id="swanlab.filter", tooltip=N_("Search in names and runs")),
    Binding("r", "restore", N_("restore"), id="swanlab.restore", tooltip=N_("Bring the experiments of the archive back")),
    Binding("d", "delete_archive", N_("delete"), id="swanlab.delete_archive", tooltip=N_("Delete the archive")),
    Binding("s", "stop", N_("stop"), id="swanlab.stop", tooltip=N_("Stop the service in hand")),
    Binding("R", "restart", N_("restart"), id="swanlab.restart", tooltip=N_("Stop the service in hand and start it again")),
    Binding("l", "show_log", N_("output"), id="swanlab.log", tooltip=N_("Show what the service printed")),
    Binding("y", "copy_address", N_("copy address"), id="swanlab.copy", tooltip=N_("Copy the address of the service")),
    Binding("b", "webui", N_("web interface"), id="swanlab.webui", tooltip=N_("Start LLaMA-Factory's own web interface")),
    Binding("d", "forget", N_("take off"), id="swanlab.forget", tooltip=N_("Take a service that has ended off the list")),
]
#: The view in which an action works; the others work in all.
ONLY = {
    **dict.fromkeys(("compare", "project", "pin", "archive", "clean", "export", "delete", "filter"), EXPERIMENTS),
    **dict.fromkeys(("restore", "delete_archive"), ARCHIVES),
    **dict.fromkeys(("stop", "restart", "show_log", "copy_address", "webui", "forget"), SERVICES),
}
