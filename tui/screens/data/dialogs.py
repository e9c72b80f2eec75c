"""What the data screens ask for: a name and a note, how to split, whether to repair."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.datasets.types import CheckSummary, Dataset, UsedBy
from core.errors import InvalidInput
from core.sanitise import one_line
from tui.dataset_sentences import rule_title
from tui.i18n import N_, _, ngettext
from tui.screens.data.detail import used_words
from tui.widgets.choices import Toggle
from tui.widgets.fields import Field
from tui.widgets.form import Form
from tui.widgets.form_dialog import FormDialog

_NAME_LENGTH, _NOTE_LENGTH = 120, 2000


class NameDataset(FormDialog[tuple[str, str]]):
    """Returns the name and the note."""

    def __init__(self, item: Dataset) -> None:
        super().__init__(_("Name and note of “{name}”").format(name=one_line(item.name)))
        self._item = item

    def compose_fields(self) -> Iterable[Field]:
        yield Field(N_("Name"), self._item.name, max_length=_NAME_LENGTH, label_width=10, id="field-name")
        yield Field(N_("Note"), self._item.note, max_length=_NOTE_LENGTH, label_width=10, id="field-note")

    def problems(self) -> dict[str, InvalidInput | None]:
        return {"name": None if self.form["name"].strip() else InvalidInput("name", "empty")}

    def answer(self) -> tuple[str, str]:
        return self.form["name"].strip(), self.form["note"].strip()


@dataclass(frozen=True, slots=True)
class Split:
    """`validation`: a share below 1 or a number of rows."""

    validation: float
    seed: int
    name: str


class SplitDataset(FormDialog[Split]):
    """Returns how to split; says while one types how many rows go where."""

    def __init__(self, item: Dataset) -> None:
        explanation = _("Two new datasets are written. The same seed gives the same split, on every machine.")
        super().__init__(_("Set rows of “{name}” aside to validate with").format(name=one_line(item.name)), explanation)
        self._item = item
        self._rows = item.current.summary.usable if item.current.summary is not None else 0

    def compose_fields(self) -> Iterable[Field]:
        yield Field(N_("Set aside"), "10%", hint=N_("5% or 500"), label_width=12, id="field-validation")
        yield Field(N_("Seed"), "42", label_width=12, id="field-seed")
        yield Field(N_("Name"), self._item.name, max_length=_NAME_LENGTH - 11, label_width=12, id="field-name")

    def on_mount(self) -> None:
        super().on_mount()
        self._say()

    def problems(self) -> dict[str, InvalidInput | None]:
        form = self.form
        found: dict[str, InvalidInput | None] = dict.fromkeys(("validation", "seed", "name"))
        share = share_of(form["validation"])
        if share is None:
            found["validation"] = InvalidInput("validation", "not_a_number")
        elif not self._held(share) or self._held(share) >= max(1, self._rows):
            found["validation"] = InvalidInput("validation", "out_of_range", minimum=1, maximum=max(1, self._rows - 1))
        if not (form["seed"].strip().isdigit() and len(form["seed"].strip()) < 10):
            found["seed"] = InvalidInput("seed", "not_a_number")
        if not form["name"].strip():
            found["name"] = InvalidInput("name", "empty")
        return found

    def _held(self, share: float) -> int:
        return round(self._rows * share) if share < 1 else int(share)

    def on_form_changed(self, event: Form.Changed) -> None:
        event.prevent_default()  # else what is said below would be overwritten by the same handler of the class above
        super().on_form_changed(event)
        self._say()

    def _say(self) -> None:
        field, problems = self.form.field("validation"), self.problems()
        share = share_of(field.value)
        if problems["validation"] is None and share is not None:
            held = self._held(share)
            text = _("{held} aside, {rest} stay")
            field.say(text.format(held=f"{held:,}", rest=f"{self._rows - held:,}"))

    def answer(self) -> Split:
        share = share_of(self.form["validation"])
        return Split(share or 0.1, int(self.form["seed"]), self.form["name"].strip())


def share_of(text: str) -> float | None:
    """A share below 1 for "5%" and "0.05", a number of rows for "500"; None for anything else."""
    text = text.strip().replace(" ", "")
    percent = text.endswith(("%", "％"))
    try:
        value = float(text[:-1] if percent else text)
    except ValueError:
        return None
    if percent:
        return value / 100 if 0 < value < 100 else None
    if 0 < value < 1:
        return value
    return value if 1 <= value < 1e12 and value == int(value) else None


class GoToRow(FormDialog[int]):
    """Returns the number of a row, from 0; rows are counted from 1 towards people. `total`: None where nobody counted them."""

    def __init__(self, total: int | None) -> None:
        text = _("Rows 1 to {count}.").format(count=f"{total:,}") if total else ""
        super().__init__(_("Go to which row?"), text)
        self._total = total

    def compose_fields(self) -> Iterable[Field]:
        yield Field(N_("Row"), max_length=15, label_width=8, id="field-row")

    def _number(self) -> int | None:
        text = self.form["row"].strip().replace(",", "").replace(" ", "")
        return int(text) if text.isascii() and text.isdigit() else None

    def problems(self) -> dict[str, InvalidInput | None]:
        number = self._number()
        if number is None:
            return {"row": InvalidInput("row", "not_a_number")}
        if number < 1 or (self._total is not None and number > self._total):
            return {"row": InvalidInput("row", "out_of_range", minimum=1, maximum=self._total if self._total is not None else number)}
        return {"row": None}

    def answer(self) -> int:
        return (self._number() or 1) - 1


class AddAs(FormDialog[tuple[str, bool]]):
    """The name of a new dataset, and whether its file is copied; returns both."""

    def __init__(self, path: str, name: str, *, may_copy: bool) -> None:
        super().__init__(_("Add “{file}”").format(file=one_line(path.rsplit("/", 1)[-1])), _("It is checked at once."))
        self._suggested, self._may_copy = name, may_copy

    def compose_fields(self) -> Iterable[Field]:
        yield Field(N_("Name"), self._suggested, max_length=_NAME_LENGTH, label_width=12, id="field-name")
        if self._may_copy:
            yield Toggle(N_("Copy the file"), False, label_width=12, id="field-copy")

    def on_mount(self) -> None:
        super().on_mount()
        if self._may_copy:
            self.form.field("copy").say(_("no: used where it lies"))
        self.form.submit_at("name")

    def problems(self) -> dict[str, InvalidInput | None]:
        return {"name": None if self.form["name"].strip() else InvalidInput("name", "empty")}

    def answer(self) -> tuple[str, bool]:
        return self.form["name"].strip(), self._may_copy and self.form["copy"] == "yes"


# What is said before something is done ---------------------------------------------------------------------------------


def repair_words(item: Dataset, summary: CheckSummary) -> str:
    """What a repair will do, rule by rule, and what it cannot mend."""
    number = item.versions + 1
    lines = [_("Version {number} is written; the file stays as it is, and you can go back.").format(number=number)]
    mended = [rule for rule in summary.rules if rule.mechanical and rule.level != "remark"]
    lines += [_("{count} × {rule}: put right or taken out").format(count=f"{rule.count:,}", rule=rule_title(rule.rule)) for rule in mended]
    left = [rule for rule in summary.rules if not rule.mechanical and rule.level != "remark"]
    lines += [_("{count} × {rule}: stays, mend it by hand").format(count=f"{rule.count:,}", rule=rule_title(rule.rule)) for rule in left]
    return "\n".join(lines)


def deletion_words(used: UsedBy, own: int) -> str:
    """What goes and what stays when datasets are deleted. `own`: files that this program wrote for them."""
    lines = used_words(used)
    lines.append(_("Files that were added where they lie stay there."))
    if own:
        lines.append(
            ngettext("{count} file that modeltrain wrote is deleted.", "{count} files that modeltrain wrote are deleted.", own).format(
                count=own
            )
        )
    return "\n".join(lines)
