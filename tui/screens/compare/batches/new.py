"""A new batch: which questions, asked of whom, scored how; then its plan. `open_new_batch` is what other screens call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from core.batches.types import Batch, BatchDraft, JudgeSetting
from core.errors import InvalidInput
from core.sanitise import one_line
from tui.i18n import N_, _, ngettext
from tui.screens.compare.batches.new_fields import HELP_OF, NUMBERS, new_batch_fields
from tui.screens.compare.batches.new_picking import NewBatchPicking
from tui.screens.runs.picking import SEPARATOR
from tui.widgets.choices import Toggle
from tui.widgets.form import Form
from tui.widgets.frame import Paragraphs

if TYPE_CHECKING:
    from tui.app import ModeltrainApp

#: What the service calls a field that has another name here.
_FIELDS = {"configuration": "configuration_ids", "judge_configuration": "judge"}


def open_new_batch(app: ModeltrainApp, *, set_id: str = "", draft: BatchDraft | None = None) -> None:
    """Show the form of a new batch, with these questions or as another batch was; then its progress, once it was started."""
    from tui.screens.compare.batches.pages import open_page

    def started(batch: Batch | None) -> None:
        if batch is not None:
            open_page(app, "progress", batch.id)

    app.push_screen(NewBatchScreen(set_id=set_id, draft=draft), started)


class NewBatchScreen(NewBatchPicking):
    """Returns the batch that was started, None for none."""

    AREA = N_("Compare")
    HELP = N_(
        "Choose questions and the configurations that are asked; everything else has sensible values. Questions come from your library, "
        "from the examples, or from a file (TXT, CSV, JSON, JSONL), which becomes a set of your library.\n\n"
        "Ctrl+S shows the plan: how many requests, tokens, money and time it will take, and what to mind. Nothing is asked before you have "
        "seen that."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "plan", N_("plan and start"), id="new-batch.plan", tooltip=N_("Look at what it will take, then start")),
        Binding("ctrl+r", "pick", N_("choose"), id="new-batch.pick", tooltip=N_("What the field in hand can be filled with")),
        Binding("escape", "close", N_("back"), id="new-batch.close"),
    ]

    def __init__(self, *, set_id: str = "", draft: BatchDraft | None = None) -> None:
        super().__init__()
        self._begin = draft
        self._wanted_set = draft.set_id if draft is not None else set_id

    def compose_body(self) -> Iterable[Any]:
        with Form(id="new-batch-form"):
            yield from new_batch_fields()
            yield Paragraphs(id="new-batch-message")
        yield Paragraphs(id="new-batch-help")

    @property
    def form(self) -> Form:
        return self.query_one("#new-batch-form", Form)

    def on_mount(self) -> None:
        super().on_mount()
        self.set_opened(_("new batch"))
        self.form.field("set_id").focus()
        self.start(self._load, group="load")

    async def _load(self) -> None:
        await self.read_choices()
        draft = self._begin
        values = {"set_id": self._wanted_set if self._wanted_set in self.sets else ""}
        if draft is not None:
            known = [each for each in draft.configuration_ids if each in self.configurations]
            judge = draft.judge
            values |= {
                "configuration_ids": SEPARATOR.join(known),
                "name": draft.name,
                "scorer": draft.scorer,
                "judge": judge.configuration_id if judge is not None and judge.configuration_id in self.configurations else "",
                "rubric": judge.rubric if judge is not None else "",
                "concurrency": str(draft.concurrency),
                "requests_per_minute": str(draft.requests_per_minute or ""),
                "retries": str(draft.retries),
                "use_cache": "yes" if draft.use_cache else "no",
                "repetitions": str(draft.repetitions),
            }
        self.form.fill(values)
        self._draw_remarks()
        for name in ("set_id", "configuration_ids"):
            if not self.form[name]:
                self.form.field(name).focus()
                return
        self.form.field("name").focus()

    # What is filled in ------------------------------------------------------------------------------------------------

    def draft(self) -> tuple[BatchDraft, dict[str, InvalidInput]]:
        """What is to be asked, and what is wrong with it."""
        form, problems = self.form, dict[str, InvalidInput]()
        for name in ("set_id", "configuration_ids"):
            if not form[name]:
                problems[name] = InvalidInput(name, "required")
        numbers: dict[str, int | None] = {}
        for name, (least, most) in NUMBERS.items():
            text = form[name].strip()
            if not text and name == "requests_per_minute":
                numbers[name] = None
            elif not text.isascii() or not text.isdigit():
                problems[name] = InvalidInput(name, "not_an_integer")
            elif not least <= int(text) <= most:
                problems[name] = InvalidInput(name, "out_of_range", minimum=least, maximum=most)
            else:
                numbers[name] = int(text)
        cache = form.field("use_cache")
        assert isinstance(cache, Toggle)
        draft = BatchDraft(
            set_id=form["set_id"],
            configuration_ids=self.pick_field("configuration_ids").values,
            name=form["name"].strip(),
            scorer=form["scorer"],
            judge=JudgeSetting(form["judge"], form["rubric"].strip()) if form["judge"] else None,
            concurrency=numbers.get("concurrency") or 1,
            requests_per_minute=numbers.get("requests_per_minute"),
            retries=numbers.get("retries") or 0,
            use_cache=cache.on,
            repetitions=numbers.get("repetitions") or 1,
        )
        return draft, problems

    # Live ------------------------------------------------------------------------------------------------------------

    def on_form_changed(self, event: Form.Changed) -> None:
        _draft, problems = self.draft()
        self.form.show_problems({name: problems.get(name) for name in NUMBERS})
        self._draw_remarks()

    def _draw_remarks(self) -> None:
        """What is to be known beside each field."""
        form = self.form
        found = self.sets.get(form["set_id"])
        if found is not None:
            count = ngettext("{count} question", "{count} questions", found.count).format(count=f"{found.count:,}")
            scored = _("{count} scored").format(count=f"{found.expected:,}")
            form.field("set_id").say(f"{count} · {scored}")
        chosen = len(self.pick_field("configuration_ids").values)
        if chosen:
            form.field("configuration_ids").say(ngettext("{count} configuration", "{count} configurations", chosen).format(count=chosen))
        form.field("rubric").display = bool(form["judge"])
        judge = self.configurations.get(form["judge"])
        form.field("judge").say(one_line(judge.model, 40) if judge is not None else "")

    def on_descendant_focus(self) -> None:
        name = (getattr(self.focused, "id", None) or "").removeprefix("field-")
        said = HELP_OF.get(name, "")
        self.query_one("#new-batch-help", Paragraphs).show(*([(_(said), "dim")] if said else []))

    # Going on --------------------------------------------------------------------------------------------------------

    def on_form_submitted(self) -> None:
        self.action_plan()

    def action_plan(self) -> None:
        draft, problems = self.draft()
        if problems:
            self.form.show_problems(dict(problems), every=True)
            self.form.first(problems)
            return
        self.start(self._open_plan, draft, group="plan")

    async def _open_plan(self, draft: BatchDraft) -> None:
        from tui.screens.compare.batches.plan import PlanScreen

        try:
            plan = await self.services.batches.plan(self.principal, draft)
        except InvalidInput as error:
            name = _FIELDS.get(error.field, error.field)
            if name not in self.form.fields:
                raise
            self.form.show_problems({name: error}, every=True)
            self.form.first([name])
            return

        def decided(batch: Batch | None) -> None:
            if batch is not None:
                self.dismiss(batch)

        self.app.push_screen(PlanScreen(draft, plan), decided)

    def action_close(self) -> None:
        self.dismiss(None)
