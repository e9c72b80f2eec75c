"""What is open on the side-by-side screen: a stored comparison, or one that begins with the first question; and its columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from core.chat.types import Message
from core.compare.types import Candidate, CandidateAnswer, Comparison, Mode, Round
from core.llm.request import Parameters
from core.models.types import Configuration
from tui.screens.chat.views import LiveAnswer

LETTERS = "ABC"


@dataclass
class Column:
    """Who answers in it. `candidate` is None before the first question; `role`: what it is here, in untranslated words."""

    index: int
    configuration: Configuration | None = None
    candidate: Candidate | None = None
    overrides: Parameters | None = None
    role: str = ""
    live: LiveAnswer | None = None

    @property
    def label(self) -> str:
        """A, B or C."""
        return LETTERS[self.index]

    @property
    def configuration_name(self) -> str:
        if self.candidate is not None:
            return self.candidate.configuration_name
        return self.configuration.name if self.configuration is not None else ""

    @property
    def model(self) -> str:
        if self.candidate is not None:
            return self.candidate.model
        return self.configuration.model if self.configuration is not None else ""

    @property
    def configuration_id(self) -> str | None:
        if self.candidate is not None:
            return self.candidate.configuration_id
        return self.configuration.id if self.configuration is not None else None

    def answer(self, shown: Round) -> CandidateAnswer | None:
        """What this column says in a round."""
        if self.candidate is None:
            return None
        return next((answer for answer in shown.answers if answer.candidate_id == self.candidate.id), None)


@dataclass
class Board:
    """`mode`, `blind` and `type` are those of a comparison that does not exist yet; `named`: answers that name their own model."""

    comparison: Comparison | None = None
    columns: list[Column] = field(default_factory=list)
    mode: Mode = "parallel"
    blind: bool = False
    named: dict[str, bool] = field(default_factory=dict)

    @property
    def id(self) -> str | None:
        return self.comparison.id if self.comparison is not None else None

    @property
    def names_hidden(self) -> bool:
        return self.comparison.names_hidden if self.comparison is not None else self.blind

    @property
    def asked(self) -> Mode:
        """How the next question is asked."""
        return self.comparison.mode if self.comparison is not None else self.mode

    @property
    def sequential(self) -> bool:
        return self.asked == "sequential"

    @property
    def other_mode(self) -> Mode:
        return "parallel" if self.sequential else "sequential"

    @property
    def meant_blind(self) -> bool:
        """Whether it was begun blind, also when the names were shown since."""
        return self.comparison.blind if self.comparison is not None else self.blind

    @property
    def busy(self) -> bool:
        """Something is being written, or waits for its turn."""
        if any(column.live is not None for column in self.columns):
            return True
        return self.comparison is not None and self.comparison.asking

    @property
    def last(self) -> Round | None:
        return self.comparison.last_round if self.comparison is not None else None

    @property
    def shown(self) -> Round | None:
        """The round that the heads speak of: the one in work, where questions are asked one after the other, else the last."""
        if self.comparison is not None and self.comparison.asking:
            return next((each for each in self.comparison.rounds if not each.ended), self.last)
        return self.last

    @property
    def configuration_ids(self) -> tuple[str, ...]:
        """What could be compared again: those that are still there."""
        return tuple(found for column in self.columns if (found := column.configuration_id) is not None)

    def round_of(self, message_id: str) -> Round | None:
        """The round that a message of a transcript belongs to."""
        for shown in self.rounds():
            if message_id in (question_id(shown), *(gap_id(shown, column) for column in self.columns)):
                return shown
            if any(answer.message is not None and answer.message.id == message_id for answer in shown.answers):
                return shown
        return None

    @property
    def unsettled(self) -> int:
        """How many of the last rounds may have changed since they were read: those in work, and the last one in any case."""
        rounds = self.comparison.rounds if self.comparison is not None else ()
        first = next((index for index, each in enumerate(rounds) if not each.ended), len(rounds) - 1)
        return max(1, len(rounds) - first) + 1

    def merged(self, read: Comparison) -> Comparison:
        """What was read with its last rounds only, together with those that are known from before."""
        if self.comparison is None or self.comparison.id != read.id or not read.rounds:
            return read
        known = tuple(each for each in self.comparison.rounds if each.ordinal < read.rounds[0].ordinal)
        if not known or known[-1].ordinal + 1 != read.rounds[0].ordinal:
            return read
        return replace(read, rounds=(*known, *read.rounds), earlier=self.comparison.earlier)

    def put(self, shown: Round, message: Message) -> Round:
        """An answer of this round is `message` now, which the service will say, too; the round as it is then."""
        answers = tuple(
            replace(each, state=message.state, message=message) if each.message is not None and each.message.id == message.id else each
            for each in shown.answers
        )
        after = replace(shown, answers=answers)
        if self.comparison is not None:
            rounds = tuple(after if each.id == shown.id else each for each in self.comparison.rounds)
            self.comparison = replace(self.comparison, rounds=rounds)
        return after

    def rounds(self) -> Iterator[Round]:
        """The rounds that are read, the last first."""
        yield from reversed(self.comparison.rounds if self.comparison is not None else ())

    def take(self, comparison: Comparison, configurations: Sequence[Configuration]) -> bool:
        """Show this comparison; True if it has other columns than before."""
        anew = [each.id for each in comparison.candidates] != [column.candidate.id if column.candidate else "" for column in self.columns]
        if anew:
            # The draft becomes this comparison; where the columns are drawn by lot nobody knows which is which.
            roles = {} if comparison.blind else {column.index: column.role for column in self.columns}
            self.columns = [Column(index, role=roles.get(index, "")) for index in range(len(comparison.candidates))]
        self.comparison = comparison
        known = {each.id: each for each in configurations}
        for column, candidate in zip(self.columns, comparison.candidates, strict=True):
            column.candidate, column.overrides = candidate, candidate.overrides
            column.configuration = known.get(candidate.configuration_id or "")
        return anew


def question_id(shown: Round) -> str:
    """The id of a question in the transcripts."""
    return f"question-{shown.id}"


def gap_id(shown: Round, column: Column) -> str:
    """The id of what stands for an answer that is not there (yet)."""
    return f"gap-{shown.id}-{column.index}"
