"""The training environment: installed, cancelled, named, tried. Administrators do; everybody sees how it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.errors import InvalidInput
from core.sanitise import one_line
from core.training.environment_types import EnvironmentState, InstallProgress
from tui.errors import describe
from tui.i18n import N_, _
from tui.screens.base import AreaScreen
from tui.training_sentences import issue
from tui.widgets.choices import Choice, Toggle
from tui.widgets.dialogs import Ask, Confirm
from tui.widgets.fields import Field
from tui.widgets.form_dialog import FormDialog

CPU, GPU = "cpu", "gpu"
#: What may be installed beside the base, with what it is for, untranslated.
EXTRAS: Mapping[str, tuple[str, str]] = {
    "bitsandbytes": (N_("bitsandbytes"), N_("for QLoRA")),
    "deepspeed": (N_("DeepSpeed"), N_("for several GPUs")),
    "liger-kernel": (N_("Liger kernels"), N_("faster, less memory")),
    "vllm": (N_("vLLM"), N_("to serve models fast; large")),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be installed."""

    cpu: bool
    extras: tuple[str, ...]


class InstallDialog(FormDialog[Wanted]):
    """For the CPU or for GPUs, and what beside. Begins with what was found in the machine."""

    def __init__(self, gpus: int, explanation: str) -> None:
        super().__init__(_("Install the training environment?"), explanation)
        self._gpus = gpus

    def compose_fields(self) -> Iterable[Field]:
        yield Choice(N_("For"), {CPU: N_("the CPU"), GPU: N_("GPUs of NVIDIA")}, GPU if self._gpus else CPU, id="field-kind")
        for name, (label, _use) in EXTRAS.items():
            yield Toggle(label, bool(self._gpus) and name == "bitsandbytes", id=f"field-{name}")

    def on_mount(self) -> None:
        super().on_mount()
        found = _("found: {count}").format(count=self._gpus) if self._gpus else _("no GPU was found here")
        self.form.field("kind").say(found)
        for name, (_label, use) in EXTRAS.items():
            self.form.field(name).say(_(use))

    def answer(self) -> Wanted:
        return Wanted(self.form["kind"] == CPU, tuple(name for name in EXTRAS if self.form[name] == "yes"))


class EnvironmentActions(AreaScreen):
    """The part of the runs screen for the training environment."""

    _environment: EnvironmentState | None
    _install: InstallProgress | None

    def reload(self, keep: str | None = None) -> None:
        """Read everything anew."""
        raise NotImplementedError

    @property
    def installing(self) -> bool:
        return self._install is not None and self._install.kind == "running"

    def action_install(self) -> None:
        self.start(self._ask_to_install, group="install")

    async def _ask_to_install(self) -> None:
        gpus = await self.services.runs.gpus(self.principal)
        explanation = _(
            "Python packages are downloaded (about 2 GB for the CPU, 6 GB for GPUs) and take some minutes. You may leave this page and "
            "the program: it goes on, and is found here again. What is done stays done if it is cut off."
        )

        async def decided(wanted: Wanted | None) -> None:
            if wanted is not None:
                with self.reporting():
                    self._install = await self.services.environment.install(self.principal, cpu=wanted.cpu, extras=wanted.extras)
                    self.reload()

        self.app.push_screen(InstallDialog(len(gpus), explanation), decided)

    def action_cancel_install(self) -> None:
        question = _("Cancel the installation?")

        async def decided(yes: bool | None) -> None:
            if yes:
                with self.reporting():
                    self._install = await self.services.environment.cancel(self.principal)
                    self.reload()

        self.app.push_screen(Confirm(question, _("What is done stays done: started again, it goes on there.")), decided)

    def action_name_environment(self) -> None:
        known = self._environment
        before = "" if known is None or known.own else str(known.folder)
        explanation = _("The folder of a virtual environment with LLaMA-Factory. Left empty, our own is used again.")

        async def typed(folder: str | None) -> None:
            if folder is None or folder.strip() == before:
                return
            with self.reporting():
                try:
                    found = await self.services.environment.use(self.principal, folder.strip())
                except InvalidInput as error:
                    self.modeltrain.show_problem(describe(error))
                    return
                said = _("It is used from now on.") if found.ready else _("It is named, but not usable: see what is missing.")
                self.modeltrain.say(said)
                self.reload()

        self.app.push_screen(Ask(_("Which training environment?"), before, explanation, hint="/opt/llamafactory"), typed)

    def action_try_environment(self) -> None:
        self.modeltrain.say(_("Trying all of it, which takes up to a minute…"))
        self.start(self._try, group="try")

    async def _try(self) -> None:
        found = await self.services.environment.check(self.principal)
        if found.ok:
            gpus = _("GPUs it sees: {count}").format(count=found.gpus) if found.gpus else _("it sees no GPU")
            self.modeltrain.say(_("It works; {gpus}. That took {seconds} s.").format(gpus=gpus, seconds=f"{found.seconds:.0f}"))
        else:
            said = " ".join(issue(problem) for problem in found.problems)
            self.modeltrain.say(one_line(said, 400), _("It does not work"))
        self.reload()

    def action_install_log(self) -> None:
        install = self._install
        if install is None or install.log is None:
            self.modeltrain.say(_("Nothing was installed from here, so there is no log."))
            return
        from tui.screens.runs.log import LogScreen

        self.app.push_screen(LogScreen(_("Installation"), install.log))
