"""PDF, for people who read on paper or send it on: summary, charts, tables, and those answers that are worth a look.

Chinese text is set in a font of this machine, of which the signs that are used are put into the file. Where there is none, that is said
on the first page.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from core.batches.reports import numbers
from core.batches.reports.findings import findings
from core.batches.reports.junit import verdict
from core.batches.reports.pictures import drawn, pictures
from core.batches.reports.tables import facts, tables, text
from core.documents.paper import ACCENT, BAD, DIM, GOOD, LINE, TEXT, WARN
from core.documents.press import Script, printed
from core.sanitise import one_line

if TYPE_CHECKING:
    from core.batches.reports.types import Note, ReportData, Words
    from core.batches.types import Answer
    from core.documents.fonts import Fonts

#: Answers on paper, and characters of all of them: about a hundred pages. Characters of one at least, and at most.
MOST_ANSWERS: Final = 1000
_CHARACTERS, _SHORTEST, _LONGEST = 400_000, 500, 6000
_TONES: Final = {"good": TEXT, "warn": WARN, "text": TEXT}
_VERDICTS: Final = {"passed": GOOD, "failure": BAD, "error": BAD, "skipped": DIM}
_RANKS: Final = {"error": 0, "failure": 1, "skipped": 2, "passed": 3}


def write(data: ReportData, words: Words, target: BinaryIO, fonts: Fonts | None = None) -> tuple[Note, ...]:
    """The whole file. Raises OSError."""
    shown = _chosen(data)
    notes: list[Note] = []
    if data.batch.total > len(shown):
        notes.append(("some_answers", {"shown": f"{len(shown):,}", "total": f"{data.batch.total:,}"}))
    made = printed(_script(data, words, shown, notes, fonts))
    if made.missing:
        # Known only now, and to stand on the first page.
        notes.append(("no_font" if made.chinese else "no_chinese_font", {"count": made.missing, "sign": made.stand_in}))
        made = printed(_script(data, words, shown, notes, fonts))
    target.write(made.data)
    return tuple(notes)


def _chosen(data: ReportData) -> list[Answer]:
    """All answers, or of too many the failed ones and the lowest scored, in the order of the questions."""
    answers = map(_lean, data.answers())
    if data.batch.total <= MOST_ANSWERS:
        return list(answers)
    worst = heapq.nsmallest(MOST_ANSWERS, enumerate(answers), key=lambda each: (*_rank(each[1]), each[0]))
    return [answer for _place, answer in sorted(worst, key=lambda each: each[0])]


def _lean(answer: Answer) -> Answer:
    """With as much of it as may be printed: many are held at once."""
    return (
        replace(answer, content=answer.content[: _LONGEST + 1], reasoning="")
        if len(answer.content) > _LONGEST or answer.reasoning
        else answer
    )


def _rank(answer: Answer) -> tuple[int, float]:
    value = answer.score.value if answer.score is not None else None
    return _RANKS[verdict(answer)], 1.0 if value is None else value


def _script(data: ReportData, words: Words, shown: Sequence[Answer], notes: Sequence[Note], fonts: Fonts | None) -> Script:
    say = words.say
    paper = Script(data.batch.name, words.language, data.made_at, say("page", page="{page}", pages="{pages}"), fonts)
    paper.add("text", one_line(data.batch.name), size=18, bold=True)
    paper.add("text", f"{say('report')} · {words.moment(data.made_at)}", size=9, colour=DIM)
    for key, fields in notes:
        paper.add("text", say(key, **fields), size=9, colour=WARN)
    paper.add("heading", say("summary"))
    for label, value in facts(data, words):
        paper.add("fact", label, value)
    paper.add("space", 2)
    for each in findings(data):
        paper.add("text", each.said(say), indent=4, bullet="•", bold=each.tone == "good", colour=_TONES[each.tone])
        paper.add("space", 0.6)
    charts = pictures(data, words)
    if charts:
        paper.add("heading", say("charts"))
    for picture in charts:
        paper.add("picture", drawn(picture))
    _tables(paper, data, words)
    if shown:
        paper.add("heading", say("answers"))
        _answers(paper, words, shown)
    return paper


def _tables(paper: Script, data: ReportData, words: Words) -> None:
    for table in tables(data, words):
        paper.add("heading", table.title, room=60)
        rows = [[text(column.kind, value) for column, value in zip(table.columns, row, strict=True)] for row in table.rows]
        paper.add("table", [column.label for column in table.columns], rows, right=[column.kind != "text" for column in table.columns])
        if table.key == "score":
            paper.add("space", 1)
            paper.add("text", words.say("interval_means", percent=f"{data.statistics.confidence:.0%}"), size=8, colour=DIM)


def _answers(paper: Script, words: Words, shown: Sequence[Answer]) -> None:
    """A heading a question, below it what was answered; each answer with a bar in the colour of its verdict."""
    most = min(_LONGEST, max(_SHORTEST, _CHARACTERS // len(shown)))
    for _number, group in groupby(shown, key=lambda answer: answer.question.number):
        answers = list(group)
        question = answers[0].question
        paper.add("divider")
        paper.add("text", f"{question.number}. {_short(question.text, most)}", bold=True, most=30)
        for label, value in (("type", question.type), ("expected", question.expected)):
            if value:
                paper.add("text", f"{words.say(label)}: {_short(value, most)}", size=8.5, colour=DIM, most=12)
        paper.add("space", 1)
        for answer in answers:
            _answer(paper, words, answer, most)
        paper.add("space", 1.5)


def _answer(paper: Script, words: Words, answer: Answer, most: int) -> None:
    found = verdict(answer)
    texts: list[tuple[str, dict[str, Any]]] = [
        (one_line(answer.configuration_name, 80), {"size": 8.5, "bold": True, "colour": ACCENT}),
        (" · ".join(_figures(answer, words)), {"size": 8, "colour": _VERDICTS[found]}),
    ]
    if answer.content:
        texts.append((_short(answer.content, most), {"size": 9}))
    paper.add("item", texts, _VERDICTS[found] if found != "skipped" else LINE)


def _short(value: str, most: int) -> str:
    return value if len(value) <= most else f"{value[:most]}…"


def _figures(answer: Answer, words: Words) -> list[str]:
    score = answer.score
    parts: list[Any] = []
    if answer.state == "failed":
        parts.append(f"{words.say('failed')}: {words.failure(answer)}")
    elif answer.state != "answered":
        parts.append(words.say(answer.state))
    elif score is not None and score.problem is not None:
        parts.append(words.say(f"problem_{score.problem}"))
    elif score is not None and score.value is not None:
        parts.append(f"{words.say('score')} {numbers.percent(score.value)}")
    parts.append("★" * answer.stars if answer.stars else "")
    parts.append(numbers.seconds(answer.total_ms) if answer.total_ms is not None else "")
    parts.append(f"{numbers.count(answer.usage.output_tokens)} {words.say('output_tokens')}" if answer.usage is not None else "")
    parts.append(numbers.money({answer.currency: answer.cost}) if answer.cost else "")
    parts.append(words.say("from_cache") if answer.from_cache else "")
    return [part for part in parts if part] or [numbers.NOTHING]
