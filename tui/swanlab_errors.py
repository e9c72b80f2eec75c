"""The sentences for what goes wrong with SwanLab's directories, dashboards and LLaMA-Factory's web interface."""

from __future__ import annotations

from tui.i18n import N_
from tui.sentence import Candidates, Text

_INSTALL = N_("Install the training environment: modeltrain training install, or the tab Environment of Runs.")

#: EnvironmentProblem by `what`.
SWANLAB_WHAT: dict[str, Text] = {
    "swanlab_missing": Text(
        (N_("There is nothing of SwanLab in {path}."), N_("There is nothing of SwanLab there.")),
        (N_("A log directory of SwanLab has a file runs.swanlab."),),
        (N_("Name the directory that runs log to (swanlab_logdir), or train a run first."),),
    ),
    "swanlab_damaged": Text(
        (N_("SwanLab's database in {path} is damaged."), N_("SwanLab's database of this project is damaged.")),
        (N_("Its file runs.swanlab cannot be read as a database."),),
        (N_("The curves of your runs are still there, under Runs. Restore an archive, or remove the project."),),
    ),
    "swanlab_foreign": Text(
        (N_("The database in {path} is not SwanLab's."), N_("The database there is not SwanLab's.")),
        (N_("Tables that SwanLab makes are missing in it."),),
        (N_("It may be of another version, or of another program. Remove the project if it is of no use."),),
    ),
    "swanlab_busy": Text(
        (N_("Another program holds SwanLab's database just now."),),
        (N_("A run or a dashboard writes to it."),),
        (N_("Try again in a moment; if it stays so, stop the dashboard of this project."),),
    ),
    "swanlab_unreadable": Text(
        (N_("SwanLab's database in {path} cannot be opened."), N_("SwanLab's database of this project cannot be opened.")),
        (N_("The folder or its files may not be read or written, or the disk is full."),),
        (N_("Check the rights of the folder and the room on the disk."),),
    ),
    "no_dashboard": Text(
        (N_("SwanLab's dashboard is not installed in the training environment."),),
        (N_("It needs the package swanlab[dashboard]."),),
        (_INSTALL,),
    ),
    "no_webui": Text(
        (N_("LLaMA-Factory's web interface is not installed."),),
        (N_("There is no training environment with llamafactory and gradio."),),
        (_INSTALL,),
    ),
    "webui_version": Text(
        (N_("LLaMA-Factory's web interface does not start with gradio {found}."), N_("LLaMA-Factory's web interface cannot start.")),
        (N_("It needs {wanted} beside the other packages of the training environment."),),
        (N_("Install it there: bin/pip install gradio=={wanted}; or make the environment anew: modeltrain training install."),),
    ),
}

#: NotFound by `kind`.
SWANLAB_KINDS: dict[str, Candidates] = {
    "project": (N_("There is no SwanLab project “{reference}”."), N_("There is no such SwanLab project.")),
    "experiment": (N_("There is no experiment “{reference}”, or several have this name."), N_("There is no such experiment.")),
    "archive": (N_("There is no archive “{reference}”."), N_("There is no such archive.")),
}

#: Conflict by `what`.
SWANLAB_CONFLICTS: dict[str, Text] = {
    "experiment_running": Text(
        (N_("The experiment “{experiment}” is still being written."), N_("An experiment is still being written.")),
        (N_("Without its entry nothing more of its run would be written to SwanLab."),),
        (N_("Wait until its run has ended, or stop that first."),),
    ),
    "experiment_pinned": Text(
        (N_("The experiment “{experiment}” is pinned."), N_("An experiment is pinned.")),
        (),
        (N_("Let it go first: p in the list, or modeltrain swanlab pin --off ID."),),
    ),
    "experiment_there": Text(
        (N_("The experiment “{experiment}” is there already."), N_("An experiment of this archive is there already.")),
        (),
        (N_("Nothing was changed. Remove it first if it is the one of the archive that you want."),),
    ),
    "archive_damaged": Text(
        (N_("The archive {archive} cannot be restored."), N_("The archive cannot be restored.")),
        (N_("It is damaged, or something is in it that does not belong into an archive of experiments."),),
        (N_("Nothing was changed. Use another copy of it if there is one."),),
    ),
    "project_not_empty": Text(
        (N_("The project “{project}” cannot be removed as a whole."), N_("The project cannot be removed as a whole.")),
        (N_("It still has experiments, or its database is in use."),),
        (N_("Remove or archive its experiments first."),),
    ),
}

#: InvalidInput by `rule`.
SWANLAB_INPUT: dict[str, Text] = {
    "clean_rule": Text((N_("It is not said what to remove."),), (), (N_("Say --keep N, --older-than DAYS, or the ids of experiments."),)),
}
