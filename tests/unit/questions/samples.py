"""Files read and questions made, for the tests of question sets."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import strategies as st

from core.questions.checks import clean
from core.questions.reading import read_questions
from core.questions.types import Problem, QuestionDraft
from core.questions.writing import Writer


def read(path: Path, encoding: str | None = None) -> tuple[list[QuestionDraft], list[Problem]]:
    """The questions of a file, and what is wrong in it."""
    questions: list[QuestionDraft] = []
    problems: list[Problem] = []
    with read_questions(path, encoding=encoding) as items:
        for item in items:
            (questions if isinstance(item, QuestionDraft) else problems).append(item)  # type: ignore[arg-type]
    return questions, problems


def read_bytes(data: bytes, name: str = "questions.csv", encoding: str | None = None) -> tuple[list[QuestionDraft], list[Problem]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        return read(path, encoding)


def read_text(text: str, name: str = "questions.csv") -> tuple[list[QuestionDraft], list[Problem]]:
    return read_bytes(text.encode(), name)


def texts(questions: list[QuestionDraft]) -> list[str]:
    return [question.text for question in questions]


def rules(problems: list[Problem]) -> list[tuple[int | None, str]]:
    return [(problem.line, problem.rule) for problem in problems if problem.left_out]


def written(kind: str, questions: list[QuestionDraft]) -> str:
    """A file as `export` writes it."""
    writer = Writer(kind, name="set", tags=("a",))  # type: ignore[arg-type]
    writer.look(questions)
    return writer.head() + writer.part(questions) + writer.tail()


def plain(question: QuestionDraft) -> QuestionDraft:
    """Without the line it stood in."""
    return replace(question, source_line=None)


#: Every character that a question may have: all but NUL and halves of characters.
CHARACTERS = st.characters(codec="utf-8", exclude_characters="\x00")
TEXTS = st.one_of(
    st.text(CHARACTERS, min_size=1, max_size=40),
    st.text(st.sampled_from("a=+-@'\",;|\t\n\r {}[]-#\ufeff中文\u2028\x85\x1c\x0b"), min_size=1, max_size=12),
    st.sampled_from(
        ["=1+1", "'=1", "---", "-----\nx", "a\n---\nb", "sep=;", "{{name}}", "[1]", '{"question": 1}', "-5", "'", "''+x", "问题"]
    ),
)


def _says_something(text: str) -> bool:
    return bool(text.replace("\ufeff", "").strip())


NAMES = st.text(st.sampled_from("abcxyz_名"), min_size=1, max_size=6).filter(lambda name: not name.isspace())
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "alternatives": st.lists(TEXTS.filter(_says_something), min_size=1, max_size=3),
        "tolerance": st.floats(0, 10, allow_nan=False),
        "pass_at": st.floats(0, 1, allow_nan=False),
        "rubric": TEXTS,
    },
)


@st.composite
def drafts(draw: st.DrawFn) -> QuestionDraft:
    """A question as it is kept."""
    text = draw(TEXTS.filter(_says_something))
    draft = QuestionDraft(
        text=text,
        expected=draw(st.none() | TEXTS),
        type=draw(st.just("") | st.text(CHARACTERS, max_size=10)),
        scorer=draw(st.sampled_from(["", "exact", "contains", "numeric", "json", "chrf", "judge"])),
        weight=draw(st.sampled_from([0.0, 0.5, 1.0, 2.0, 1e-7, 1e6]) | st.floats(0, 1e6, allow_nan=False)),
        variables=draw(st.dictionaries(NAMES, st.text(CHARACTERS, max_size=10), max_size=3)),
        system=draw(st.none() | TEXTS),
        options=draw(OPTIONS),
    )
    return clean(draft)
