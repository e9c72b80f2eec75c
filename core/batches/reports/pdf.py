"""PDF, for people who read on paper or send it on: summary, charts, tables, and those answers that are worth a look.

Chinese text is set in a font of this machine, of which the signs that are used are put into the file. Where there is none, that is said
on the first page.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from core.batches.reports import numbers
from core.batches.reports.findings import findings
from core.batches.reports.junit import verdict
from core.batches.reports.pictures import drawn, pictures
from core.batches.reports.tables import facts, tables, text
from core.documents.paper import ACCENT, BAD, DIM, GOOD, LINE, MARGIN, TEXT, WARN, Paper
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
    page = words.say("page", page="{page}", pages="{pages}")
    paper = Paper(data.batch.name, words.language, data.made_at, page, fonts)
    shown = _chosen(data)
    notes: list[Note] = []
    if data.batch.total > len(shown):
        notes.append(("some_answers", {"shown": f"{len(shown):,}", "total": f"{data.batch.total:,}"}))
    # What cannot be shown is known when all was written, and is to stand on the first page: written twice where it has to be.
    _write(paper, data, words, shown, notes)
    if paper.missing:
        notes.append(_about_fonts(paper))
        paper = Paper(data.batch.name, words.language, data.made_at, page, fonts)
        _write(paper, data, words, shown, notes)
    paper.save(target)
    return tuple(notes)


def _about_fonts(paper: Paper) -> Note:
    return ("no_font" if paper.chinese else "no_chinese_font", {"count": paper.missing, "sign": paper.stand_in})


def _chosen(data: ReportData) -> list[Answer]:
    """All answers, or of too many the failed ones and the lowest scored, in the order of the questions."""
    if data.batch.total <= MOST_ANSWERS:
        return list(data.answers())
    worst = heapq.nsmallest(MOST_ANSWERS, enumerate(data.answers()), key=lambda each: (*_rank(each[1]), each[0]))
    return [answer for _place, answer in sorted(worst, key=lambda each: each[0])]


def _rank(answer: Answer) -> tuple[int, float]:
    value = answer.score.value if answer.score is not None else None
    return _RANKS[verdict(answer)], 1.0 if value is None else value


def _write(paper: Paper, data: ReportData, words: Words, shown: Sequence[Answer], notes: Sequence[Note]) -> None:
    say = words.say
    paper.text(one_line(data.batch.name), size=18, bold=True)
    paper.text(f"{say('report')} · {words.moment(data.made_at)}", size=9, colour=DIM)
    for key, fields in notes:
        paper.text(say(key, **fields), size=9, colour=WARN)
    paper.heading(say("summary"))
    for label, value in facts(data, words):
        _fact(paper, label, value)
    paper.space(2)
    for each in findings(data):
        paper.text(each.said(say), indent=4, bullet="•", bold=each.tone == "good", colour=_TONES[each.tone])
        paper.space(0.6)
    charts = pictures(data, words)
    if charts:
        paper.heading(say("charts"))
    for picture in charts:
        paper.picture(drawn(picture))
    for table in tables(data, words):
        paper.heading(table.title)
        rows = [[text(column.kind, value) for column, value in zip(table.columns, row, strict=True)] for row in table.rows]
        paper.table([column.label for column in table.columns], rows, right=[column.kind != "text" for column in table.columns])
        if table.key == "score":
            paper.space(1)
            paper.text(say("interval_means", percent=f"{data.statistics.confidence:.0%}"), size=8, colour=DIM)
    if shown:
        paper.heading(say("answers"))
        _answers(paper, words, shown)


def _fact(paper: Paper, label: str, value: str) -> None:
    before = paper.y
    paper.text(label, colour=DIM)
    after, paper.y = paper.y, before if paper.y > before else paper.y - 4.7
    paper.text(value, indent=34)
    paper.y = max(after, paper.y)


def _answers(paper: Paper, words: Words, shown: Sequence[Answer]) -> None:
    """A heading a question, below it what was answered; each answer with a bar in the colour of its verdict."""
    most = min(_LONGEST, max(_SHORTEST, _CHARACTERS // len(shown)))
    for _number, group in groupby(shown, key=lambda answer: answer.question.number):
        answers = list(group)
        question = answers[0].question
        paper.room(22)
        paper.rule(MARGIN, paper.y + 1, MARGIN + 180, paper.y + 1)
        paper.space(2.5)
        paper.text(f"{question.number}. {_short(question.text, most)}", bold=True, most=30)
        for label, value in (("type", question.type), ("expected", question.expected)):
            if value:
                paper.text(f"{words.say(label)}: {_short(value, most)}", size=8.5, colour=DIM, most=12)
        paper.space(1)
        for answer in answers:
            _answer(paper, words, answer, most)
        paper.space(1.5)


def _answer(paper: Paper, words: Words, answer: Answer, most: int) -> None:
    found = verdict(answer)
    paper.room(12)
    begin, page = paper.y, paper.page
    paper.text(one_line(answer.configuration_name, 80), size=8.5, bold=True, colour=ACCENT, indent=4)
    paper.text(" · ".join(_figures(answer, words)), size=8, colour=_VERDICTS[found], indent=4)
    if answer.content:
        paper.text(_short(answer.content, most), size=9, indent=4)
    if page == paper.page:
        paper.bar(MARGIN, begin + 0.6, 1.0, paper.y - begin - 0.4, _VERDICTS[found] if found != "skipped" else LINE)
    paper.space(1.8)


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
