"""Another attempt of a run: what it was made of, what is to be different this time. What was changed says what it was."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from core.errors import InvalidInput
from core.sanitise import one_line
from core.training.configurations_types import Remark
from core.training.types import Run
from tui.i18n import N_, _, ngettext
from tui.screens.base import AreaScreen
from tui.screens.runs.training_values import text_of
from tui.training_fields import label, label_words, meaning_of, remark_words
from tui.widgets.choices import TextField
from tui.widgets.dialogs import Decide
from tui.widgets.fields import Field
from tui.widgets.form import Form, field_id
from tui.widgets.frame import Paragraphs

#: What one wants to change most, in this order; only what the run has, or can have.
_COMMON = (
    "per_device_train_batch_size", "gradient_accumulation_steps", "cutoff_len", "learning_rate", "num_train_epochs", "max_steps",
    "quantization_bit", "lora_rank", "warmup_steps", "save_steps", "template",
)  # fmt: skip
_OTHER = "other"


class RetryScreen(AreaScreen):
    """Returns the run with its new attempt, None for none. `changes`: options to begin with (None takes one out)."""

    AREA = N_("Runs")
    HELP = N_(
        "The run begins anew with these values; what it did before stays as an earlier attempt. What is changed says at the right what it "
        "was. Ctrl+U empties a field: then the option is left out.\n\n"
        "“Other options” takes any option of LLaMA-Factory as YAML."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "start", N_("check and start"), id="retry.start", tooltip=N_("Look at everything, then start")),
        Binding("escape", "close", N_("back"), id="retry.close"),
    ]

    def __init__(self, run: Run, changes: Mapping[str, Any]) -> None:
        super().__init__()
        self._run, self._changes = run, dict(changes)
        known = {**run.options, **self._changes}
        self._names = tuple(dict.fromkeys((*self._changes, *(name for name in _COMMON if name in known))))

    def compose_body(self) -> Iterable[Any]:
        with Form(id="retry-form"):
            for name in self._names:
                yield Field(label(name), hint=N_("left out"), id=field_id(name))
            yield TextField(N_("Other options"), hint=N_("Enter to write YAML"), id=field_id(_OTHER))
            yield Paragraphs(id="training-message")
        yield Paragraphs(id="training-help")

    @property
    def form(self) -> Form:
        return self.query_one("#retry-form", Form)

    def on_mount(self) -> None:
        super().on_mount()
        self.set_opened(_("{name} · again").format(name=self._run.name))
        self.form.fill({name: shown(self._changes.get(name, self._run.options.get(name))) for name in self._names})
        for name, value in self._changes.items():
            if value is None:
                self.form.field(name).value = ""
        self._remarks()
        next(iter(self.form.fields.values())).focus()

    # What is different -----------------------------------------------------------------------------------------------

    def changes(self) -> dict[str, Any]:
        """Options that differ from what the run was made of, as values. Raises InvalidInput."""
        before, found = self._run.options, {}
        for name in self._names:
            text = self.form[name].strip()
            if text != shown(before.get(name)):
                found[name] = parsed(text)
        other = self.form[_OTHER]
        return found | (mapping_of(other) if other.strip() else {})

    def on_form_changed(self) -> None:
        self._remarks()

    def _remarks(self) -> None:
        count = 0
        for name in self._names:
            before = shown(self._run.options.get(name))
            different = self.form[name].strip() != before
            count += different
            self.form.field(name).say(_("was {value}").format(value=before or _("left out")) if different else "")
        text = ngettext("{count} change", "{count} changes", count).format(count=count) if count else _("Nothing is changed so far.")
        self.query_one("#training-message", Paragraphs).show((text, "accent" if count else "dim"))

    def on_descendant_focus(self) -> None:
        name = (getattr(self.focused, "id", None) or "").removeprefix("field-")
        said = meaning_of(name)
        self.query_one("#training-help", Paragraphs).show(*([(said, "dim")] if said else []))

    def on_text_field_opened(self, event: TextField.Opened) -> None:
        event.stop()
        self.start(self._write, event.typed, group="write")

    async def _write(self, typed: str) -> None:
        from tui.screens.runs.yaml_editor import WriteYaml

        catalogue = await self.services.environment.catalogue(self.principal)
        field = self.form.field(_OTHER)

        def written(text: str | None) -> None:
            if text is not None:
                field.value = text
                field.focus()

        self.app.push_screen(WriteYaml(catalogue.options, field.value, typed=typed), written)

    # Going on --------------------------------------------------------------------------------------------------------

    def on_form_submitted(self) -> None:
        self.action_start()

    def action_start(self) -> None:
        self.start(self._start_again, group="start")

    async def _start_again(self) -> None:
        from tui.screens.runs.preflight import LEAVE
        from tui.screens.runs.retry_checks import RetryChecks

        try:
            changes = self.changes()
            await self.services.runs.preflight_again(self.principal, self._run.id, changes)
        except InvalidInput as error:
            self._say_wrong(error)
            return

        def done(result: Run | str | None) -> None:
            if isinstance(result, Run):
                self.modeltrain.say(_("“{name}” is in the queue again.").format(name=one_line(result.name)))
                self.dismiss(result)
            elif result == LEAVE:
                self.dismiss(None)
            elif isinstance(result, str) and result in self.form.fields:
                self.form.field(result).focus()

        self.app.push_screen(RetryChecks(self._run.id, changes), done)

    def _say_wrong(self, error: InvalidInput) -> None:
        fields = {key: value for key, value in error.fields.items() if key not in ("rule", "field")}
        said = remark_words(Remark("error", error.rule, str(fields.get("key", error.field)), fields))
        name = error.field if error.field in self.form.fields else str(fields.get("key", ""))
        if name in self.form.fields:
            self.form.field(name).say(said, wrong=True)
            self.form.field(name).focus()
        else:
            self.query_one("#training-message", Paragraphs).show((f"{label_words(error.field)}: {said}", "bad"))

    def action_close(self) -> None:
        if not self.form.changed:
            self.dismiss(None)
            return

        def decided(answer: str | None) -> None:
            if answer == "start":
                self.action_start()
            elif answer == "drop":
                self.dismiss(None)

        answers = {"s": ("start", N_("start again")), "d": ("drop", N_("drop the changes"))}
        self.app.push_screen(Decide(_("Start it again with these values?"), answers, _("Dropped changes are gone.")), decided)


def shown(value: Any) -> str:
    """An option as its field holds it."""
    return json.dumps(value) if isinstance(value, dict | list) else text_of(value)


def parsed(text: str) -> Any:
    """What was typed as a value of YAML: a number, true or false, or the text itself; None for nothing."""
    if not text:
        return None
    if text in ("yes", "no"):
        return text == "yes"
    try:
        value = json.loads(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text
    return value if isinstance(value, int | float | bool | dict | list) else text


def mapping_of(text: str) -> dict[str, Any]:
    """Options written as YAML. Raises InvalidInput."""
    from core.training.options_yaml import read_yaml

    return dict(read_yaml(text, "other"))
