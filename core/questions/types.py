"""What the service for question sets takes and gives: frozen values, never rows.

A **question** is what a model is asked, with what is needed to score the answer. A **set** is a name for versions; a **version** is an
ordered list of questions that is never changed. Text may hold `{{name}}`: `Question.filled` puts the variables in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Final, Literal

from core.errors import InvalidInput
from core.questions.variables import fill, variables_in

Format = Literal["txt", "csv", "json", "jsonl"]
FORMATS: Final[tuple[Format, ...]] = ("jsonl", "json", "csv", "txt")
Sort = Literal["updated", "name", "count"]
#: How a version came to be: typed here, read from a file, one of the examples, changed by hand, an older one put back.
Origin = Literal["typed", "imported", "example", "edited", "restored"]
#: What a difference does to a question.
ChangeKind = Literal["added", "changed", "removed"]
#: The option of scorers under which further right answers are kept.
ACCEPTED: Final = "alternatives"
#: Options of scorers that are texts: variables are put into these as well.
TEXT_OPTIONS: Final = ("pattern", "rubric")

_NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class QuestionDraft:
    """A question as it is given: by a form, a file or a program.

    `expected`: the (first) right answer as text, None where there is none; further ones are in `options["alternatives"]`, see `accepted`.
    For the scorers of JSON it is JSON text. `scorer`: a name of core.scoring.SCORERS, "" for the batch's default. `weight`: 0 or more,
    how much the score counts in a mean. `options`: what the scorer takes (`tolerance`, `pattern`, `schema`, `rubric`, ...), plain JSON.
    `system`: a system prompt for this question, None for the configuration's own. `source_line`: where it begins in its file, from 1.
    """

    text: str
    expected: str | None = None
    type: str = ""
    scorer: str = ""
    weight: float = 1.0
    variables: Mapping[str, str] = field(default_factory=dict)
    system: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    source_line: int | None = None

    @property
    def accepted(self) -> tuple[str, ...]:
        """Every right answer, the first one first; () where there is none."""
        if self.expected is None:
            return ()
        more = self.options.get(ACCEPTED, ())
        return (self.expected, *(each for each in more if isinstance(each, str)))

    @property
    def missing_variables(self) -> tuple[str, ...]:
        """Names that the text or the system prompt uses and nothing is said of: they are asked as they stand, `{{name}}`."""
        return tuple(name for name in variables_in(self.text, self.system) if name not in self.variables)

    @property
    def content(self) -> tuple[Any, ...]:
        """What makes two questions the same: everything but where they came from. Hashable."""
        return (
            self.text, self.expected, self.type, self.scorer, self.weight, self.system,
            tuple(sorted(self.variables.items())), _frozen(self.options),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question(QuestionDraft):
    """A question of a version. `id` names exactly this content for ever: another content is another id. `number`: its place, from 1."""

    id: str = ""
    number: int = 0

    def filled(self) -> Question:
        """Ready to ask and to score: variables put into text, system prompt, accepted answers, pattern and rubric."""
        if not self.variables:
            return self
        put: Callable[[str], str] = partial(fill, variables=self.variables)
        options = dict(self.options)
        for name in TEXT_OPTIONS:
            if isinstance(options.get(name), str):
                options[name] = put(options[name])
        if isinstance(options.get(ACCEPTED), list | tuple):
            options[ACCEPTED] = [put(each) if isinstance(each, str) else each for each in options[ACCEPTED]]
        return replace(
            self,
            text=put(self.text),
            system=None if self.system is None else put(self.system),
            expected=None if self.expected is None else put(self.expected),
            options=options,
        )

    def draft(self) -> QuestionDraft:
        """The same content, to be changed and saved as another question."""
        return QuestionDraft(
            self.text, self.expected, self.type, self.scorer, self.weight, self.variables, self.system, self.options, self.source_line
        )


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return tuple(sorted((str(name), _frozen(inner)) for name, inner in value.items()))
    if isinstance(value, list | tuple):
        return ("list", *map(_frozen, value))
    return (type(value).__name__, value)


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """A set as it stands: `count`, `types` (questions of each type, "" for none) and `expected` (questions that have a right answer) are
    those of its newest `version`, the one in force."""

    id: str
    name: str
    note: str
    tags: tuple[str, ...]
    version: int
    count: int
    types: Mapping[str, int]
    expected: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class SetVersion:
    """One state of a set. `source`: the name of the file or example that it came from, "" for none.

    `added`, `changed`, `removed`: questions, against the version before.
    """

    set_id: str
    version: int
    count: int
    types: Mapping[str, int]
    expected: int
    origin: Origin
    source: str
    added: int
    changed: int
    removed: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SetPage:
    """A part of a list; `total`: the length of the whole; `tags`: every tag of the owner's with the number of sets that have it."""

    items: tuple[QuestionSet, ...]
    total: int
    tags: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QuestionPage:
    """A part of a version's questions, in their order."""

    items: tuple[Question, ...]
    total: int
    version: int


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two versions. `before` is None for what was added, `after` for what was removed.

    `fields`: which parts of a changed question differ (text, expected, type, scorer, weight, variables, system, options).
    """

    kind: ChangeKind
    before: Question | None
    after: Question | None
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Diff:
    """What version `new` has that `old` has not. `changes`: the first of them, in the order of the new version, removed ones last."""

    old: int
    new: int
    added: int
    changed: int
    removed: int
    same: int
    changes: tuple[Change, ...] = ()

    @property
    def any(self) -> bool:
        return bool(self.added or self.changed or self.removed)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at one place of a file. `line`: from 1, None where it is the whole file. `rule`: see core/questions/rules.py.

    `left_out`: nothing could be made of that place, so no question came of it; otherwise it is a remark, and the question is there.
    """

    line: int | None
    rule: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    left_out: bool = True


class Read:
    """A file of questions that is being read. Iterate it: each item is a question or a problem, in the order of the file; then it is at
    its end. It needs memory for one row at a time, and holds the file open until it is at its end or closed (`with`).

    `format`: what the file is; `encoding`: how its text was written ("utf-8", "gb18030", "utf-16-le", ...).
    `name`, `note`, `tags`: of the set, where the file says so (JSON written by `export`), known when it is at its end.
    """

    def __init__(self, kind: Format, encoding: str, items: Iterator[QuestionDraft | Problem], close: Callable[[], None]) -> None:
        self.format, self.encoding = kind, encoding
        self.name, self.note = "", ""
        self.tags: tuple[str, ...] = ()
        self._items, self._close = items, close

    def __iter__(self) -> Iterator[QuestionDraft | Problem]:
        return self._items

    def __enter__(self) -> Read:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file. Harmless when it is at its end already."""
        self._close()


@dataclass(frozen=True, slots=True)
class FilePreview:
    """What a file would become. `count`: good questions; `left_out`: places that nothing could be made of; `remarks`: of the others.

    `problems`: the first of both; `questions`: the first good ones.
    """

    path: str
    format: Format
    encoding: str
    name: str
    note: str
    tags: tuple[str, ...]
    count: int
    left_out: int
    remarks: int
    types: Mapping[str, int]
    problems: tuple[Problem, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a file: the set with its new version, and what was wrong in the file. `diff`: against the version before, None for
    a new set. `unchanged`: the file holds exactly what the set held, so there is no new version."""

    set: QuestionSet
    preview: FilePreview
    diff: Diff | None = None
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class Example:
    """A set that comes with the program. `id`: stable; `language`: "en" or "zh"; name and note are in that language."""

    id: str
    name: str
    note: str
    language: str
    count: int
    types: Mapping[str, int]
    tags: tuple[str, ...]


class NotReadable(InvalidInput):
    """A file that holds problems, so that nothing was imported. `preview`: all that is known of it. `rule`: "problems_in_file"."""

    def __init__(self, preview: FilePreview) -> None:
        super().__init__("path", "problems_in_file", count=preview.left_out, file=preview.path.rsplit("/", 1)[-1])
        self.preview = preview

    def __reduce__(self) -> tuple[Any, ...]:
        return (NotReadable, (self.preview,))
