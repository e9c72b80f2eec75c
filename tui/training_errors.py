"""Core's errors about runs, training configurations and the training environment, in words. Merged into tui/sentences.py."""

from __future__ import annotations

from tui.i18n import N_
from tui.sentence import Candidates, Text

_SAID = N_("It said: {message}")

#: EnvironmentProblem by `what`.
TRAINING_WHAT: dict[str, Text] = {
    "training_environment_missing": Text(
        (N_("There is no training environment yet."),),
        (N_("LLaMA-Factory was looked for in {path}."),),
        (N_("An administrator installs it: modeltrain training install, or Runs, Environment."),),
    ),
    "training_environment_broken": Text(
        (N_("The training environment does not work."),),
        (N_("It is in {path}."),),
        (N_("Look at Runs, Environment: it says what is missing. Installing again mends it."),),
    ),
    "training_helper_failed": Text(
        (N_("The training environment gave an error."),),
        (_SAID, N_("Its helper {helper} did not end well ({rule})."), N_("Its helper {helper} did not end well.")),
        (N_("Try the environment under Runs, Environment (t); installing again mends it."),),
    ),
    "training_helper_timeout": Text(
        (N_("The training environment did not answer in time."),),
        (N_("Its helper {helper} took longer than {wait}."),),
        (N_("The machine may be busy. Try again in a minute."),),
    ),
    "job_not_started": Text(
        (N_("The run could not be started."),), (_SAID, N_("{reason}")), (N_("Its log says more; retry it once that is mended."),)
    ),
    "unforeseen": Text(
        (N_("The run could not be started."),),
        (N_("Something failed that nobody foresaw ({reason})."), N_("Something failed that nobody foresaw.")),
        (N_("It is tried again. If it stays so, the log in the data folder has the details."),),
    ),
    "job_folder_used": Text(
        (N_("Something runs in this folder already."),), (N_("It is {path}."),), (N_("Stop that first, or start the run anew."),)
    ),
    "processes_left": Text(
        (N_("Some processes of the run could not be ended."),),
        (N_("Left over: {pids}."),),
        (N_("They belong to another account or hang in the kernel: an administrator ends them. The GPU stays held until they are gone."),),
    ),
}
#: Conflict by `what`.
TRAINING_CONFLICTS: dict[str, Text] = {
    "training_configuration": Text(
        (N_("The training configuration was changed by somebody else."),), (), (N_("Look at it again, then repeat the change."),)
    ),
    "installation_running": Text(
        (N_("An installation is under way already."),), (), (N_("Runs, Environment shows how far it is; wait for it, or cancel it there."),)
    ),
    "environment_in_use": Text(
        (N_("Runs are at work in the training environment."),), (), (N_("Wait until they end, or stop them; then install."),)
    ),
    "environment_named": Text(
        (N_("An environment of somebody's own is named."),),
        (N_("modeltrain does not change what it did not make."),),
        (N_("Name none (Runs, Environment, o), then install."),),
    ),
    "environment_from_variable": Text(
        (N_("MODELTRAIN_TRAINING_ENV names the training environment."),),
        (N_("What the variable says counts."),),
        (N_("Take the variable away where modeltrain is started, then name or install another."),),
    ),
    "runs_waiting": Text(
        (N_("{limit} runs of yours wait already."), N_("Too many runs of yours wait already.")),
        (),
        (N_("Wait until some have started, or cancel some."),),
    ),
    "run_active": Text((N_("The run is at work or in the queue."),), (), (N_("Stop it first."),)),
    "run_used": Text(
        (N_("Something still uses what this run made."),),
        (N_("“{user}” uses it."),),
        (
            N_("Let the configuration “{configuration}” name another model or adapter first."),
            N_("Stop the model server or the run that uses it first."),
        ),
    ),
    "run_changed": Text((N_("The run changed in the meantime."),), (), (N_("Look at it again, then repeat what you wanted to do."),)),
    "run_finished": Text(
        (N_("The run has done all of its steps."),), (), (N_("Begin it anew with more epochs to go further: R in the list of runs."),)
    ),
    "run_not_pending": Text((N_("The run does not wait in the queue."),), (), (N_("Only what waits has a place and a priority."),)),
    "run_not_resumable": Text((N_("There is no whole checkpoint to go on from."),), (), (N_("Begin it anew: R in the list of runs."),)),
    "run_not_running": Text((N_("The run is not at work."),), (), (N_("Only what is at work can be paused."),)),
    "run_pause_on_cpu": Text(
        (N_("A run of several processes on the CPU cannot be paused."),),
        (N_("LLaMA-Factory could not go on from its checkpoint."),),
        (N_("Let it go on, or stop it."),),
    ),
    "run_not_started": Text((N_("The run was not started yet."),), (), (N_("It has a log and figures once its turn has come."),)),
    "run_over": Text((N_("The run is over already."),), (), (N_("Look at the list again."),)),
}
#: NotFound by `kind`.
TRAINING_KINDS: dict[str, Candidates] = {
    "run": (N_("There is no run “{reference}”."), N_("There is no such run.")),
    "training_configuration": (N_("There is no training configuration “{reference}”."), N_("There is no such training configuration.")),
    "training_configuration_version": (N_("There is no version {reference} of it."), N_("There is no such version.")),
    "attempt": (N_("There is no attempt {reference}."), N_("There is no such attempt.")),
}
