"""The fields of a new batch."""

from __future__ import annotations

from collections.abc import Iterable

from tui.batch_words import SCORERS
from tui.i18n import N_
from tui.screens.runs.picking import PickField
from tui.widgets.choices import Choice, TextField, Toggle
from tui.widgets.fields import Field

#: What the field in hand is for.
HELP_OF: dict[str, str] = {
    "set_id": N_("Enter shows your question sets, the examples that come with the program, and leads to a file of questions."),
    "configuration_ids": N_("Enter shows your configurations; Space marks several. Each is asked every question."),
    "name": N_("What the batch is called in the list; left empty, it is called like its questions."),
    "scorer": N_("For questions that name no scorer of their own: left and right choose how an answer is compared with what is expected."),
    "judge": N_(
        "Enter chooses a model that judges. It compares the answers two by two, in both orders; where the orders disagree it is a tie. "
        "Of one configuration alone it grades each answer."
    ),
    "rubric": N_("What makes a good answer, in your words; left empty, correct, complete and clear. Enter opens an editor."),
    "concurrency": N_("Requests under way at one provider at most. Where it answers 429, there are fewer by themselves."),
    "requests_per_minute": N_("Requests a minute at one provider at most; left empty, as many as it takes."),
    "retries": N_("How often a request is sent again that certainly brought nothing. A provider that is away is waited for."),
    "use_cache": N_("Take an answer that you had to exactly the same request before, instead of asking again."),
    "repetitions": N_("How often each question is asked, to see how answers vary. The cache is of no use from the second time on."),
}
NUMBERS = {"concurrency": (1, 512), "requests_per_minute": (1, 1_000_000), "retries": (0, 20), "repetitions": (1, 100)}


def new_batch_fields() -> Iterable[Field]:
    """The fields in the order of the form."""
    yield PickField(N_("Questions"), hint=N_("Enter to choose"), id="field-set_id")
    yield PickField(N_("Configurations"), hint=N_("Enter to choose"), id="field-configuration_ids")
    yield Field(N_("Name"), hint=N_("as the questions"), max_length=200, id="field-name")
    yield Choice(N_("Scored"), SCORERS, id="field-scorer")
    yield PickField(N_("Judge"), hint=N_("none"), id="field-judge")
    yield TextField(N_("Rubric"), hint=N_("correct, complete, clear"), id="field-rubric")
    yield Field(N_("At the same time"), "16", max_length=4, id="field-concurrency")
    yield Field(N_("Requests a minute"), hint=N_("no limit of ours"), max_length=8, id="field-requests_per_minute")
    yield Field(N_("Retries"), "3", max_length=2, id="field-retries")
    yield Toggle(N_("Use the cache"), True, id="field-use_cache")
    yield Field(N_("Times each question"), "1", max_length=3, id="field-repetitions")
