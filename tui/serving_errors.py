"""The sentences for what goes wrong with models on this machine and the servers that the program starts."""

from __future__ import annotations

from tui.i18n import N_
from tui.sentence import Candidates, Text

#: NotFound by `kind`.
SERVING_KINDS: dict[str, Candidates] = {
    "local_model": (N_("There is no model “{reference}” here."), N_("There is no such model here.")),
    "service": (N_("There is no server “{reference}”."), N_("There is no such server.")),
}

#: Conflict by `what`.
SERVING_CONFLICTS: dict[str, Text] = {
    "gpus_busy": Text(
        (N_("No GPU is free for it just now."),),
        (N_("A run or another server holds them: {gpus}"), N_("Runs or other servers hold them.")),
        (N_("Wait until one is free, stop a server, or serve it on the CPU (--cpu)."),),
    ),
    "service": Text((N_("The server changed in the meantime."),), (), (N_("Look at it again, then repeat what you wanted to do."),)),
    "service_active": Text((N_("“{service}” is still running."), N_("It is still running.")), (), (N_("Stop it first."),)),
    "service_not_gone": Text(
        (N_("“{service}” could not be ended."), N_("It could not be ended.")),
        (N_("One of its processes hangs in the kernel."),),
        (N_("Try again in a moment; if it stays so, the machine has to be restarted."),),
    ),
    "services_limit": Text(
        (N_("You have {limit} model servers already."), N_("You have too many model servers already.")),
        (),
        (N_("Stop one of them first."),),
    ),
    "checkpoint_incomplete": Text(
        (N_("“{model}” is not whole."), N_("This checkpoint is not whole.")),
        (N_("It is being written, or was cut off."),),
        (N_("Take another checkpoint."),),
    ),
    "backend_missing": Text(
        (N_("{package} is not in the training environment."), N_("What would serve it is not installed.")),
        (),
        (N_("Install it, or serve the model with LLaMA-Factory (api)."),),
    ),
    "adapter_not_served": Text(
        (N_("{backend} serves no adapters."), N_("Adapters are not served so.")),
        (),
        (N_("Merge it into its base first, or serve it with LLaMA-Factory (api)."),),
    ),
    "nothing_to_merge": Text(
        (N_("“{model}” is no adapter, so there is nothing to merge."), N_("There is nothing to merge.")),
        (),
        (N_("Choose an adapter or one of its checkpoints."),),
    ),
    "model_served": Text((N_("“{model}” is being served."), N_("It is being served.")), (), (N_("Stop its server first."),)),
    "model_not_served": Text(
        (N_("“{model}” has no server."), N_("It has no server.")), (), (N_("“modeltrain model list --servers” shows what is served."),)
    ),
}
