"""What the model sees of a dataset: the template applied by the training environment, what is trained on told from what is masked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.worker import Worker

from core.datasets.types import Dataset
from core.errors import ModeltrainError
from core.sanitise import one_line
from core.training.environment_types import EnvironmentState
from core.training.template_view_types import SeenSamples
from tui.errors import describe
from tui.glyphs import glyphs
from tui.i18n import N_, _
from tui.screens.data.pages import DatasetPage, page_bindings
from tui.screens.data.viewing import PREFERENCE, SeenAs, as_preference, remembered_view, seen_lines
from tui.screens.runs.picking import model_options, template_options
from tui.widgets.dialogs import Ask, Choose
from tui.widgets.frame import Rule
from tui.widgets.sheet import Line, Sheet, wrapped

_OTHER = "/"
#: Samples that are shown.
_SAMPLES = 8


class SeenPage(DatasetPage, inherit_bindings=False):
    """One sheet. Model, template and cutoff length are chosen by a key each and remembered."""

    PAGE = "seen"
    HELP = N_(
        "A model does not read rows but tokens. Here the template is applied as LLaMA-Factory does it: what is coloured (and marked at the "
        "left) is trained on, what is dim is masked, that is read but not learned.\n\n"
        "m chooses the model whose tokenizer is used, T the template, L the cutoff length: longer samples lose their end. Where everything "
        "is masked, a run would learn nothing: usually the template or the roles are wrong.\n\n"
        "It needs the training environment; i leads to where it is installed."
    )
    BINDINGS: ClassVar[list[BindingType]] = page_bindings(
        Binding("m", "model", N_("model"), id="data.seen.model", tooltip=N_("Choose the model whose tokenizer is used")),
        Binding("T", "template", N_("template"), id="data.seen.template", tooltip=N_("Choose the template")),
        Binding("L", "cutoff", N_("cutoff"), id="data.seen.cutoff", tooltip=N_("Change the cutoff length")),
        Binding("i", "install", N_("install"), id="data.seen.install", tooltip=N_("Go to the training environment")),
    )

    _view = SeenAs()
    _state: EnvironmentState | None = None
    _seen: SeenSamples | None = None
    _trouble: tuple[tuple[str, str], ...] = ()
    _asked: tuple[object, ...] = ()
    _asking: Worker[None] | None = None

    def compose_page(self) -> Iterable[Any]:
        yield Rule(id="seen-rule")
        yield Sheet(pad_x=2, id="seen-sheet")

    def on_mount(self) -> None:
        self._view = remembered_view(self.context)
        super().on_mount()
        self.query_one(Sheet).focus()

    async def load(self, item: Dataset) -> None:
        self._state = await self.services.environment.state(self.principal)
        self._look(item)

    def _look(self, item: Dataset) -> None:
        """Have the samples looked at, unless that was done already."""
        wanted = (item.current.id, item.current.checked_at, self._view)
        if self._state is None or not self._state.ready or not self._view.model or self._asked == wanted:
            return
        self._asked, self._seen, self._trouble = wanted, None, ()
        self._asking = self.start(self._ask, item, self._view, group="seen")

    async def _ask(self, item: Dataset, view: SeenAs) -> None:
        try:
            self._seen = await self.services.training.template_view(
                self.principal, item.id, model=view.model, template=view.template, cutoff=view.cutoff, count=_SAMPLES
            )
        except ModeltrainError as error:
            problem = describe(error)
            parts = ((problem.title, "bad bold"), (problem.why, "text"), (problem.remedy, "accent"))
            self._trouble = tuple(part for part in parts if part[0])
        finally:
            self._asking = None
            if not self.gone:
                self.draw()

    # Drawing ---------------------------------------------------------------------------------------------------------

    def draw(self) -> None:
        view = self._view
        parts = [_("model {name}").format(name=one_line(view.model.rstrip("/").rsplit("/", 1)[-1] or "–", 40))]
        parts.append(_("template {name}").format(name=one_line(view.template, 30) or "–"))
        parts.append(_("cutoff {count} tokens").format(count=f"{view.cutoff:,}"))
        self.query_one("#seen-rule", Rule).text = " · ".join(parts)
        self.query_one(Sheet).show(self._lines, keep=True)
        self.refresh_bindings()

    def _lines(self, width: int) -> list[Line]:
        if self._state is not None and not self._state.ready:
            return self._not_ready(self._state, width)
        if not self._view.model:
            text = _("Press {key} and choose a model: its tokenizer and template make tokens of the rows.").format(key="m")
            return wrapped(text, "accent", width)
        if self._trouble:
            return [line for text, token in self._trouble for line in wrapped(text, token, width)]
        if self._seen is None:
            return wrapped(_("Looking with the model's eyes… The first time this takes a while. Esc stops it."), "accent", width)
        return seen_lines(self._seen, width, glyphs(self.app), brackets=self._without_colours)

    @property
    def _without_colours(self) -> bool:
        return self.modeltrain.frame.abilities.depth == "none"

    def _not_ready(self, state: EnvironmentState, width: int) -> list[Line]:
        if state.state == "installing":
            return wrapped(_("The training environment is being installed. {key} shows how far it is.").format(key="i"), "accent", width)
        missing = state.state == "missing"
        text = _("There is no training environment yet.") if missing else _("The training environment is broken.")
        why = _("The template is applied by LLaMA-Factory itself, so that this is what really happens in a run.")
        what = _("Press {key} to install it.") if self.is_admin else _("An administrator installs it: {key} shows how it stands.")
        return [
            *wrapped(text, "bad bold", width), *wrapped(why, "text", width), *wrapped(what.format(key="i"), "accent", width),
        ]  # fmt: skip

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        ready = self._state is not None and self._state.ready
        if action in ("model", "cutoff"):
            return ready
        if action == "template":
            return ready and bool(self._view.model)
        if action == "install":
            return self._state is not None and not ready
        return super().check_action(action, parameters)

    # Choosing --------------------------------------------------------------------------------------------------------

    def action_model(self) -> None:
        self.start(self._choose_model, group="choose")

    async def _choose_model(self) -> None:
        options = await model_options(self.services, self.principal)
        other = _("another folder or name…")
        options.insert(0, (_OTHER, other, ""))

        def chosen(model: str | None) -> None:
            if model == _OTHER:
                question = _("Folder of the model, or its name at the hub")
                self.app.push_screen(Ask(question, self._view.model, hint="/models/qwen2.5-7b"), chosen)
            elif model and model.strip():
                self.start(self._use_model, model.strip(), group="choose")

        self.app.push_screen(Choose(_("With the tokenizer of which model?"), options, self._view.model, other=other), chosen)

    async def _use_model(self, model: str) -> None:
        fitting = await self.services.training.templates_for(self.principal, model)
        kept = self._view.template if self._view.template in fitting or not fitting else fitting[0]
        await self._use(replace(self._view, model=model, template=kept))
        if not kept:
            self.action_template()

    def action_template(self) -> None:
        self.start(self._choose_template, group="choose")

    async def _choose_template(self) -> None:
        options = await template_options(self.services, self.principal, self._view.model)

        def chosen(template: str | None) -> None:
            if template:
                self.start(self._use, replace(self._view, template=template), group="choose")

        self.app.push_screen(Choose(_("Which template?"), options, self._view.template), chosen)

    def action_cutoff(self) -> None:
        def wrong(text: str) -> str:
            return "" if text.strip().isdigit() and 8 <= int(text.strip()) <= 10_000_000 else _("A number of tokens, at least 8.")

        def typed(text: str | None) -> None:
            if text is not None:
                self.start(self._use, replace(self._view, cutoff=int(text.strip())), group="choose")

        self.app.push_screen(Ask(_("Cutoff length in tokens"), str(self._view.cutoff), check=wrong), typed)

    async def _use(self, view: SeenAs) -> None:
        self._view = view
        if self.dataset is not None:
            self._look(self.dataset)
        self.draw()
        await self.modeltrain.remember_preference(PREFERENCE, as_preference(view))

    # Elsewhere -------------------------------------------------------------------------------------------------------

    def action_close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking, self._asked = None, ()
            self._trouble = ((_("Stopped. Choose the model again to go on."), "dim"),)
            self.draw()
            return
        super().action_close()

    async def action_install(self) -> None:
        from tui.screens.runs.keys import ENVIRONMENT
        from tui.screens.runs.screen import RunsScreen

        await self.modeltrain.action_go("runs")
        screen = self.app.screen
        if isinstance(screen, RunsScreen):
            screen.call_after_refresh(screen.show_view, ENVIRONMENT)
