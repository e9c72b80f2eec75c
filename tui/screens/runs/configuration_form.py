"""The form of one training configuration. Method and stage decide which fields there are; common ones first, the others folded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from core.errors import Conflict, InvalidInput
from core.sanitise import one_line
from core.training.configurations_types import FieldSpec, Remark, TrainingConfiguration, TrainingDraft
from tui.errors import describe
from tui.i18n import N_, _
from tui.screens.runs.form_picking import FormPicking
from tui.screens.runs.picking import PickField, dataset_options
from tui.screens.runs.training_values import DECIDING, NAME, NOTE, draft_of, make_field, text_of, with_ppo
from tui.training_fields import GROUPS, label_words, limits, meaning, remark_words
from tui.training_sentences import method_words, model_words
from tui.widgets.dialogs import Decide
from tui.widgets.fields import Field
from tui.widgets.form import Form
from tui.widgets.frame import Paragraphs, Rule


class TrainingConfigurationScreen(FormPicking):
    """Returns the saved configuration, None if nothing was saved.

    `draft`: what it begins with; `saved`: the configuration that it is, None for a new one; `remarks`: what an import said;
    `changed`: names of fields that were filled in for the person and are pointed out.
    """

    AREA = N_("Runs")
    HELP = N_(
        "Stage and method decide which fields there are. Left and right change a choice; Ctrl+R shows what the field in hand can be "
        "filled with: models on this machine and known ones, templates, datasets. Ctrl+O shows the advanced fields.\n\n"
        "Below the form is said what the field in hand does, at the right what it may be. A field left empty is set by itself.\n\n"
        "Ctrl+F finds values that fit into the memory of the GPU. Ctrl+Y shows the file that LLaMA-Factory will read. “Everything else” "
        "takes any other option as YAML and completes its name.\n\n"
        "Saving keeps what it was before as a version."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", N_("save"), id="training.save", tooltip=N_("Save the configuration")),
        Binding("ctrl+r", "pick", N_("choose"), id="training.pick", tooltip=N_("What the field in hand can be filled with")),
        Binding("ctrl+o", "advanced", N_("advanced"), id="training.advanced", tooltip=N_("Show or hide the advanced fields")),
        Binding("ctrl+f", "fit", N_("fit to memory"), id="training.fit", tooltip=N_("Values that fit into the memory of the GPU")),
        Binding("ctrl+y", "yaml", N_("YAML"), id="training.yaml", tooltip=N_("The file that LLaMA-Factory will read")),
        Binding("escape", "close", N_("back"), id="training.close"),
    ]

    def __init__(
        self,
        draft: TrainingDraft,
        *,
        saved: TrainingConfiguration | None = None,
        remarks: Sequence[Remark] = (),
        changed: Iterable[str] = (),
    ) -> None:
        super().__init__()
        self._base, self._saved = draft, saved
        self._remarks, self._pointed_out = tuple(remarks), frozenset(changed)
        self._specs: dict[str, FieldSpec] = {}
        self._advanced = False
        self._shown: frozenset[str] = frozenset()
        self._headings: dict[str, Rule] = {}
        self._dirty = saved is None and bool(remarks)

    def compose_body(self) -> Iterable[Any]:
        with Form(id="training-form"):
            yield Paragraphs(id="training-message")
        yield Paragraphs(id="training-help")

    @property
    def form(self) -> Form:
        return self.query_one("#training-form", Form)

    def on_mount(self) -> None:
        super().on_mount()
        self.set_opened(self._saved.name if self._saved is not None else _("new configuration"))
        self.start(self._build, group="build")

    # Fields ----------------------------------------------------------------------------------------------------------

    async def _build(self) -> None:
        await self._arrange()
        first = self.form.fields.get("model_name_or_path")
        if first is not None:
            first.focus()
        self.form.remember()
        await self._name_datasets()
        await self._check()

    async def _arrange(self) -> None:
        """Make the fields that this method and stage have, in their order; others are put out of sight and keep what they hold."""
        draft, _problems = self.draft()
        found = await self.services.training.fields(self.principal, method=draft.method, stage=draft.stage)
        specs = {spec.name: spec for spec in (NAME, *(with_ppo(spec) for spec in found if spec.name not in ("name", "note")), NOTE)}
        self._specs = {**self._specs, **specs}
        self._shown = frozenset(specs)
        with self.app.batch_update():
            await self._make(specs.values())
            self._fold()

    async def _make(self, specs: Iterable[FieldSpec]) -> None:
        """Make what is missing of these fields and their headings, in order; advanced ones only when they are asked for."""
        known, made = self.form.fields, list[tuple[FieldSpec, Field]]()
        after: Widget | None = None
        waiting: list[Widget] = []
        for spec in specs:
            if spec.advanced and not self._advanced and spec.name not in (*self._pointed_out, *known):
                continue
            for widget in (self._heading(spec.group), known.get(spec.name) or make_field(spec)):
                if widget is None or widget in waiting:
                    continue
                if widget.is_attached:
                    await self._mount(waiting, after)
                    after, waiting = widget, []
                else:
                    waiting.append(widget)
                    if isinstance(widget, Field):
                        made.append((spec, widget))
        await self._mount(waiting, after)
        for spec, _widget in made:
            self.form.put(spec.name, text_of(getattr(self._base, spec.name)))

    def _heading(self, group: str) -> Rule | None:
        """The line over a group of fields; none over the first."""
        if group == "what":
            return None
        return self._headings.setdefault(group, Rule(_(GROUPS[group]), id=f"group-{group}"))

    async def _mount(self, widgets: Sequence[Widget], after: Widget | None) -> None:
        if widgets and after is not None:
            await self.form.mount(*widgets, after=after)
        elif widgets:
            await self.form.mount(*widgets, before=0)

    def _fold(self) -> None:
        """Show the fields of this method and stage, the advanced ones only when asked for; a heading only over something."""
        groups: dict[str, bool] = {}
        for name, field in self.form.fields.items():
            spec = self._specs[name]
            seen = name in self._shown and (self._advanced or not spec.advanced or name in self._pointed_out)
            field.display = seen
            groups[spec.group] = groups.get(spec.group, False) or seen
        for heading in self.form.query(Rule):
            heading.display = groups.get((heading.id or "").removeprefix("group-"), False)

    async def _name_datasets(self) -> None:
        names = {value: label for value, label, _remark in await dataset_options(self.services, self.principal)}
        for field in self.form.query(PickField):
            field.name_values(names)

    def draft(self) -> tuple[TrainingDraft, list[Remark]]:
        """What is filled in, and what of it is no value of its kind."""
        return draft_of(self._base, self._specs, {name: field.value for name, field in self.form.fields.items()})

    def apply(self, changes: Mapping[str, Any]) -> None:
        """Fill in `changes` (fields of a draft), point them out, and look at everything anew."""
        self._base = replace(self._base, **{name: value for name, value in changes.items() if name not in self.form.fields})
        for name, value in changes.items():
            if name in self.form.fields:
                self.form.put(name, text_of(value))
        self._pointed_out = frozenset(changes)
        self._dirty = True
        self.start(self._rearrange, group="build")

    async def _rearrange(self) -> None:
        await self._arrange()
        await self._check()

    # Live ------------------------------------------------------------------------------------------------------------

    def on_form_changed(self, event: Form.Changed) -> None:
        if event.name in DECIDING:
            self.start(self._rearrange, group="build")
            return
        if event.name == "model_name_or_path":
            self.start(self._suggest, group="template")
        self.start(self._check, group="check")

    async def _suggest(self) -> None:
        """The model's own template and a name, as long as nobody gave another."""
        model = self.form["model_name_or_path"].strip()
        if self._saved is None and not self.form.touched("name") and model:
            self.form.put("name", f"{model_words(model)} {method_words(self.form['method'])}"[:80])
        await self._suggest_template()
        await self._check()

    async def _check(self) -> None:
        draft, problems = self.draft()
        if not problems:
            problems = list(await self.services.training.check_draft(self.principal, draft))
        self._show(problems)

    def _show(self, problems: Sequence[Remark]) -> None:
        by_field: dict[str, Remark] = {}
        elsewhere: list[Remark] = list(self._remarks)
        for problem in problems:
            if problem.key in self._shown and problem.key in self.form.fields:
                known = by_field.get(problem.key)
                if known is None or (known.level != "error" and problem.level == "error"):
                    by_field[problem.key] = problem
            else:
                elsewhere.append(problem)
        for name, field in self.form.fields.items():
            found = by_field.get(name)
            if found is not None and (found.rule not in ("required", "empty") or self.form.touched(name)):
                field.say(remark_words(found), wrong=found.level == "error")
            else:
                field.say(self._fine(name))
        tokens = {"error": "bad", "warning": "warn", "note": "dim"}
        self.message(*((self._about(problem), tokens[problem.level]) for problem in elsewhere))

    def _fine(self, name: str) -> str:
        said = limits(self._specs[name])
        return (
            _("changed: {before} before").format(before=text_of(self._before(name)) or _("by itself")) if self._points_out(name) else said
        )

    def _before(self, name: str) -> Any:
        return getattr(self._saved.draft if self._saved is not None else self._base, name)

    def _points_out(self, name: str) -> bool:
        return name in self._pointed_out and self._saved is not None and text_of(self._before(name)) != self.form[name]

    def _about(self, problem: Remark) -> str:
        said = remark_words(problem)
        return said if not problem.key or problem.key in said else f"{label_words(problem.key)}: {said}"

    def message(self, *parts: tuple[str, str]) -> None:
        """Lines under the fields."""
        self.query_one("#training-message", Paragraphs).show(*parts)

    def on_descendant_focus(self) -> None:
        self.draw_help()

    def draw_help(self) -> None:
        """What the field in hand is for, with LLaMA-Factory's own words."""
        name = (getattr(self.focused, "id", None) or "").removeprefix("field-")
        spec = self._specs.get(name)
        shown = self.query_one("#training-help", Paragraphs)
        if spec is None:
            shown.show()
            return
        said, own = meaning(spec), one_line(spec.help, 300)
        option = f"{spec.option}: {own}" if spec.option and own and own != said else spec.option
        shown.show((said, "text"), *([(option, "dim")] if option else []))

    # Doing -----------------------------------------------------------------------------------------------------------

    def action_advanced(self) -> None:
        self._advanced = not self._advanced
        self.start(self._unfold, group="build")

    async def _unfold(self) -> None:
        await self._rearrange()
        if self.focused is not None and not self.focused.display:
            next(iter(self.form.fields.values())).focus()

    def on_form_submitted(self) -> None:
        self.action_save()

    def action_save(self) -> None:
        self.start(self._save, group="save")

    async def _save(self) -> None:
        draft, problems = self.draft()
        if not problems:
            problems = [found for found in await self.services.training.check_draft(self.principal, draft) if found.level == "error"]
        if problems:
            await self._show_wrong(problems)
            return
        saved = self._saved
        try:
            made = await self.services.training.save(
                self.principal, draft, saved.id if saved else None, expected_version=saved.version if saved else None
            )
        except InvalidInput as error:
            await self._show_wrong(
                [Remark("error", error.rule, error.field, {key: value for key, value in error.fields.items() if key != "rule"})]
            )
            return
        except Conflict as error:
            problem = describe(error)
            self.message((problem.title, "bad"), (problem.remedy, "text"))
            return
        self.modeltrain.say(_("“{name}” is saved. Press {key} to start a run with it.").format(name=one_line(made.name), key="t"))
        self.dismiss(made)

    async def _show_wrong(self, problems: Sequence[Remark]) -> None:
        if not self._advanced and any(self._specs[problem.key].advanced for problem in problems if problem.key in self._specs):
            self._advanced = True
            await self._arrange()
        self._show(problems)
        for problem in problems:
            if problem.key in self.form.fields:
                self.form.field(problem.key).say(remark_words(problem), wrong=True)
        self.form.first(problem.key for problem in problems)

    def action_close(self) -> None:
        if not self.form.changed and not self._dirty:
            self.dismiss(None)
            return

        def decided(answer: str | None) -> None:
            if answer == "save":
                self.action_save()
            elif answer == "drop":
                self.dismiss(None)

        answers = {"s": ("save", N_("save")), "d": ("drop", N_("drop the changes"))}
        self.app.push_screen(Decide(_("Save the changes?"), answers, _("Dropped changes are gone.")), decided)
