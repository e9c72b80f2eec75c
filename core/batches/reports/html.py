"""HTML: one page that needs nothing else, for screens of both colours and for paper. No script, no font, no picture from elsewhere.

Every text is escaped: by the template, and in `_answer` by `escape`. Answers are written one question at a time, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from html import escape
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from core.batches.reports import numbers
from core.batches.reports.findings import findings
from core.batches.reports.junit import verdict
from core.batches.reports.pictures import drawn, pictures
from core.batches.reports.tables import Column, facts, tables, text
from core.documents import drawing
from core.sanitise import one_line, sanitise

if TYPE_CHECKING:
    from core.batches.reports.types import Note, ReportData, Words
    from core.batches.types import Answer

TEMPLATES: Final = Path(__file__).with_name("templates")
_MARK: Final = "<!--answers-->"
#: Answers of one page: what browsers still scroll through smoothly. Bytes that are collected before they are written.
MOST_ANSWERS: Final = 20_000
#: Characters of one text.
LONGEST: Final = 100_000
_CHUNK: Final = 64 * 1024
_KINDS: Final = {"passed": "ok", "failure": "no", "error": "err", "skipped": ""}


def write(data: ReportData, words: Words, target: BinaryIO, most: int = MOST_ANSWERS) -> tuple[Note, ...]:
    """The whole page. Raises OSError."""
    head, tail = _frame(data, words).split(_MARK)
    target.write(head.encode())
    notes: tuple[Note, ...] = ()
    if data.batch.total > most:
        notes = (("first_answers", {"shown": f"{most:,}", "total": f"{data.batch.total:,}"}),)
        target.write(f'<p class="dim">{escape(words.say(notes[0][0], **notes[0][1]))}</p>\n'.encode())
    for chunk in _chunks(_answers(data, words, most)):
        target.write(chunk)
    target.write(tail.encode())
    return notes


def _chunks(parts: Iterator[str]) -> Iterator[bytes]:
    held: list[str] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size >= _CHUNK:
            yield "".join(held).encode()
            held, size = [], 0
    yield "".join(held).encode()


def _frame(data: ReportData, words: Words) -> str:
    """All but the answers."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    found = tables(data, words)
    charts = [drawing.svg(drawn(picture), picture.key) for picture in pictures(data, words)]
    sections = [("summary", words.say("summary")), *([("charts", words.say("charts"))] if charts else [])]
    sections += [(table.key, table.title) for table in found]
    return made.get_template("report.html.j2").render(
        data=data,
        w=words,
        say=words.say,
        name=one_line(data.batch.name),
        style=style(),
        facts=facts(data, words),
        findings=[(sanitise(each.said(words.say)), each.tone) for each in findings(data)],
        sections=[*sections, ("answers", words.say("answers"))],
        charts=charts,
        tables=found,
        confidence=words.say("interval_means", percent=f"{data.statistics.confidence:.0%}"),
        written=text,
        cell=_attributes,
        zip=partial(zip, strict=True),
    )


def style() -> str:
    """The page's rules, with the colours of charts for light and dark."""
    dark = drawing.stylesheet(drawing.ON_DARK, dark=True)
    rules = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    return f"{rules}{drawing.stylesheet()}@media screen and (prefers-color-scheme:dark){{{dark}}}"


def _attributes(column: Column, value: Any) -> str:
    """The class of a table's cell: numbers to the right, failures and what is hardly chance in colour."""
    names = ["n"] if column.kind != "text" else []
    if column.key in ("failed", "error_rate") and value:
        names.append("bad")
    elif column.key == "chance" and value is not None and value < 0.05:
        names.append("good")
    return f' class="{" ".join(names)}"' if names else ""


def _answers(data: ReportData, words: Words, most: int) -> Iterator[str]:
    """A heading a question, below it what each configuration answered."""
    yield _filters(words)
    shown = 0
    for _key, group in groupby(data.answers(), key=lambda answer: answer.question.number):
        answers = list(group)
        if shown >= most:
            return
        shown += len(answers)
        question = answers[0].question
        yield f'<article class="q"><h3>{question.number}. {_escaped(question.text[:LONGEST])}</h3>\n'
        about = [(None, question.type), ("expected", question.expected), ("system", question.system)]
        for key, value in about:
            if value:
                label = f"{escape(words.say(key))}: " if key else ""
                yield f"<p>{label}{_escaped(value)}</p>\n"
        for answer in answers:
            yield _answer(answer, words)
        yield "</article>\n"


def _filters(words: Words) -> str:
    """Works by style alone: there is no script."""
    choices = (("f-all", "show_all", " checked"), ("f-no", "show_not_passed", ""), ("f-err", "show_failed", ""))
    made = "".join(
        f'<label><input type="radio" name="show" id="{key}"{checked}> {escape(words.say(label))}</label>' for key, label, checked in choices
    )
    return f"<fieldset><legend>{escape(words.say('answers'))}</legend>{made}</fieldset>\n"


def _answer(answer: Answer, words: Words) -> str:
    found = verdict(answer)
    kind = _KINDS[found]
    parts = [f'<section class="a {kind}"><h4>{_escaped(one_line(answer.configuration_name))}']
    parts += [f"<span{' class=v' if strong else ''}>{_escaped(value)}</span>" for value, strong in _figures(answer, words, found)]
    parts.append("</h4>")
    if answer.content:
        parts.append(f"<pre>{_escaped(answer.content[:LONGEST])}</pre>{_cut(answer.content, words)}")
    if answer.reasoning:
        parts.append(
            f"<details><summary>{escape(words.say('reasoning'))}</summary><pre>{_escaped(answer.reasoning[:LONGEST])}</pre></details>"
        )
    return "".join([*parts, "</section>\n"])


def _cut(text_: str, words: Words) -> str:
    """What stands below a text that is not there whole."""
    if len(text_) <= LONGEST:
        return ""
    return f'<p class="dim">{escape(words.say("answer_cut", shown=numbers.count(LONGEST), total=numbers.count(len(text_))))}</p>'


def _figures(answer: Answer, words: Words, found: str) -> Iterator[tuple[str, bool]]:
    """What stands beside the name: score first, in the colour of its verdict."""
    score = answer.score
    if answer.state == "failed":
        yield f"{words.say('failed')}: {words.failure(answer)}", True
    elif answer.state != "answered":
        yield words.say(answer.state), True
    elif score is not None and score.problem is not None:
        yield words.say(f"problem_{score.problem}"), found == "error"
    elif score is not None and score.value is not None:
        passed = {"passed": f" · {words.say('passed')}", "failure": f" · {words.say('show_not_passed')}"}.get(found, "")
        yield f"{numbers.percent(score.value)}{passed}", True
    if answer.stars:
        yield "★" * answer.stars, False
    if answer.total_ms is not None:
        yield numbers.seconds(answer.total_ms), False
    if answer.usage is not None:
        yield f"{numbers.count(answer.usage.output_tokens)} {words.say('output_tokens')}", False
    if answer.cost:
        yield numbers.money({answer.currency: answer.cost}), False
    if answer.from_cache:
        yield words.say("from_cache"), False


def _escaped(value: str) -> str:
    return escape(sanitise(value))
