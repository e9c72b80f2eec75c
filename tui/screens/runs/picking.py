"""What forms pick from: models on this machine and known by name, templates, datasets, GPUs. Several are marked with Space."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.widget import Widget

from core.auth.principal import Principal
from core.errors import ModeltrainError
from core.sanitise import one_line
from tui.i18n import N_, _
from tui.themes import Palette
from tui.training_sentences import size
from tui.widgets.choices import TextField
from tui.widgets.dialogs import Dialog
from tui.widgets.fields import Field
from tui.widgets.lines import Part, fit
from tui.widgets.rows import Column, Row, Rows, widest

if TYPE_CHECKING:
    from core.bootstrap import Services
    from core.datasets.types import Dataset
    from core.training.gpus import Gpu
    from core.training.types import SlotHolder

#: (value, text, dim remark), as the dialog Choose takes them.
Option = tuple[str, str, str]
SEPARATOR = ","


class PickField(TextField, inherit_bindings=False):
    """A field whose value is picked in a dialog: Enter, typing or Ctrl+R open it. `words`: value -> what is shown for it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open", N_("choose"), tooltip=N_("Choose from what there is"))]

    words: dict[str, str]

    def __init__(self, label: str, *, hint: str = "", id: str | None = None) -> None:  # noqa: A002 - Textual's name
        self.words = {}
        super().__init__(label, hint=hint, id=id)

    def name_values(self, words: dict[str, str]) -> None:
        """Say how values are called."""
        self.words = words
        self.refresh()

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(value for value in self.value.split(SEPARATOR) if value)

    def _display(self) -> str:
        return one_line(", ".join(self.words.get(value, value) for value in self.values))

    def _value_parts(self, room: int, colours: Palette) -> list[Part]:
        shown, ground = self._display(), self._ground(colours)
        if not shown:
            return self._empty_parts(room, colours, ground)
        text = fit(shown, room)
        style = ground + colours.text + (colours.bold if self.has_focus else colours.text)
        return [(" ", ground), (text, style), (" " * (room - cell_len(text) + 1), ground)]


class ChooseSeveral(Dialog[tuple[str, ...] | None]):
    """Some of many: Space marks, Enter takes what is marked (or the one in hand), / searches."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "accept", N_("take them"), id="several.accept", priority=True),
        Binding("slash", "search", N_("search"), id="several.search"),
        Binding("x", "none", N_("none"), id="several.none", tooltip=N_("Choose none of them")),
    ]

    def __init__(
        self, question: str, options: Sequence[Option], chosen: Collection[str], *, explanation: str = "", empty: str = ""
    ) -> None:
        super().__init__(question, explanation or _("Space marks, Enter takes what is marked."))
        self._options, self._chosen, self._empty = options, tuple(chosen), empty

    def compose_answer(self) -> Iterable[Widget]:
        yield Field(id="dialog-field", hint=N_("type to search, Enter for the list"), classes="hidden")
        remarks = widest([remark for _value, _label, remark in self._options], least=8, most=36)
        yield Rows(
            (Column("text", "", 20, grow=True), Column("remark", "", remarks, right=True)), markable=True, header=False, id="dialog-rows"
        )

    @property
    def rows(self) -> Rows:
        return self.query_one(Rows)

    def on_mount(self) -> None:
        self._narrow("")
        self.rows.marked = {value for value, _label, _remark in self._options if value in self._chosen}
        self.rows.focus()

    def on_input_changed(self, event: Field.Changed) -> None:
        self._narrow(event.value)

    def _narrow(self, text: str) -> None:
        wanted, rows = text.casefold().split(), self.rows
        marked = set(rows.marked)
        shown = [
            Row(value, {"text": label, "remark": remark}, {"remark": "dim"})
            for value, label, remark in self._options
            if value in marked or all(word in f"{label} {remark}".casefold() for word in wanted)
        ]
        rows.show(shown, empty=[(self._empty or _("Nothing matches."), "dim")])

    def action_search(self) -> None:
        field = self.query_one("#dialog-field", Field)
        field.remove_class("hidden")
        field.focus()

    def action_none(self) -> None:
        self.dismiss(())

    def action_accept(self) -> None:
        if self.focused is not self.rows:
            self.rows.focus()
            return
        chosen = set(self.rows.selected_ids)
        self.dismiss(tuple(value for value, _label, _remark in self._options if value in chosen))

    def on_rows_chosen(self) -> None:
        self.action_accept()


async def model_options(services: Services, principal: Principal) -> list[Option]:
    """Models to train on: those on this machine first, then what LLaMA-Factory knows by name."""
    options: list[Option] = []
    try:
        targets = await services.inference.targets(principal)
    except ModeltrainError:
        targets = ()
    for target in targets:
        if target.kind in ("base", "merged", "full") and target.complete:
            came = _("of run {name}").format(name=one_line(target.run_name, 24)) if target.run_name else _("on this machine")
            options.append(
                (target.path, one_line(target.name, 60), " · ".join(part for part in (came, size(target.size_bytes or None)) if part))
            )
    catalogue = await services.environment.catalogue(principal)
    known = {value for value, _label, _remark in options}
    options += [(model.hub, one_line(model.hub, 60), one_line(model.template, 24)) for model in catalogue.models if model.hub not in known]
    return options


async def adapter_options(services: Services, principal: Principal) -> list[Option]:
    """Adapters of one's own runs, to go on with."""
    targets = await services.inference.targets(principal)
    return [
        (target.path, one_line(target.name, 60), _("of run {name}").format(name=one_line(target.run_name, 24)) if target.run_name else "")
        for target in targets
        if target.kind in ("adapter", "checkpoint") and target.complete
    ]


async def template_options(services: Services, principal: Principal, model: str) -> list[Option]:
    """All templates, those that fit the model first."""
    catalogue = await services.environment.catalogue(principal)
    fitting = await services.training.templates_for(principal, model) if model else ()
    rest = [name for name in catalogue.templates if name not in fitting]
    return [(name, one_line(name, 60), _("fits the model")) for name in fitting] + [(name, one_line(name, 60), "") for name in rest]


def dataset_remark(dataset: Dataset) -> str:
    """What is known of a dataset, for behind its name."""
    verdict = {"usable": "", "repairable": _("needs repair"), "unusable": _("unusable"), "unchecked": _("not checked")}[dataset.verdict]
    summary = dataset.current.summary
    rows = _("{count} samples").format(count=f"{summary.usable:,}") if summary is not None else ""
    return " · ".join(part for part in (verdict, one_line(dataset.format, 20), rows) if part)


async def dataset_options(services: Services, principal: Principal) -> list[Option]:
    page = await services.datasets.datasets(principal, sort="name", limit=1000)
    return [(dataset.id, one_line(dataset.name, 60), dataset_remark(dataset)) for dataset in page.items]


def gpu_options(gpus: Sequence[tuple[Gpu, SlotHolder | None]]) -> list[Option]:
    """GPUs by UUID: what is busy, and who holds it."""
    options: list[Option] = []
    for gpu, holder in gpus:
        if holder is not None:
            name = one_line(holder.name, 24) or (_("somebody else's run") if holder.is_run else _("somebody else's"))
            state = _("busy: {name}").format(name=name)
        else:
            state = _("used by another program") if gpu.pids else _("free")
        memory = f"{size(gpu.memory_used)} / {size(gpu.memory_total)}"
        options.append((gpu.uuid, f"{gpu.index}  {one_line(gpu.name, 40)}", f"{state} · {memory}"))
    return options
