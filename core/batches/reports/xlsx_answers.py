"""The sheet of all answers: one row each, with filters, a frozen head and colours by state and score."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, Final

from core.batches.reports.xlsx_cells import CELL, cut

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

    from core.batches.reports.types import Note, ReportData, Words
    from core.batches.reports.xlsx_cells import Styles
    from core.batches.types import Answer

#: Key -> (width in characters, kind). Text first: whoever prints it wants these.
_COLUMNS: Final[tuple[tuple[str, float, str], ...]] = (
    ("number", 6, "count"),
    ("type", 12, "text"),
    ("question", 44, "text"),
    ("expected", 24, "text"),
    ("configuration", 20, "text"),
    ("answer", 60, "text"),
    ("state", 11, "text"),
    ("score", 9, "share"),
    ("passed", 9, "text"),
    ("stars", 7, "count"),
    ("scorer", 11, "text"),
    ("error", 30, "text"),
    ("ttft", 10, "time"),
    ("total_time", 10, "time"),
    ("input_tokens", 10, "count"),
    ("output_tokens", 10, "count"),
    ("cost", 11, "money"),
    ("currency", 9, "text"),
    ("attempts", 9, "count"),
    ("from_cache", 11, "text"),
    ("repetition", 10, "count"),
    ("weight", 8, "number"),
    ("model", 20, "text"),
    ("reasoning", 40, "text"),
)
#: Lines of the highest row, and points of one.
_LINES, _LINE = 12, 14.4
#: Rows of a sheet; what is beyond is in CSV and JSON.
MOST_ROWS: Final = 1_048_000


class Answers:
    """Writes the sheet, row by row."""

    def __init__(self, sheet: Worksheet, styles: Styles, data: ReportData, words: Words, most: int = MOST_ROWS) -> None:
        self._sheet, self._styles, self._data, self._words, self._most = sheet, styles, data, words, most
        self._columns = {key: index for index, (key, _width, _kind) in enumerate(_COLUMNS)}
        self._yes, self._no = words.say("yes"), words.say("no")
        self._states = {state: words.say(state) for state in ("waiting", "asking", "answered", "failed")}
        self._repeated = data.batch.draft.repetitions > 1
        self._cut = 0

    def write(self) -> tuple[Note, ...]:
        self._head()
        row = 0
        for answer in self._data.answers():
            if row == self._most:
                break
            row += 1
            self._row(row, answer)
        self._look(max(row, 1))
        notes: list[Note] = [("texts_cut", {"count": self._cut, "limit": f"{CELL:,}"})] if self._cut else []
        if row < self._data.batch.total and row == self._most:
            notes.append(("first_answers", {"shown": f"{row:,}", "total": f"{self._data.batch.total:,}"}))
        return tuple(notes)

    def _head(self) -> None:
        self._sheet.set_row(0, 32)
        for index, (key, width, kind) in enumerate(_COLUMNS):
            label = self._words.say(key) + (" (s)" if kind == "time" else "")
            self._sheet.write_string(0, index, label, self._styles.head if kind == "text" else self._styles.head_right)
            self._sheet.set_column(index, index, width)

    def _row(self, row: int, answer: Answer) -> None:
        values = self._values(answer)
        self._sheet.set_row(row, min(_LINES, max(lines_of(str(values[key] or ""), width) for key, width, _ in _TALL)) * _LINE)
        for index, (key, _width, kind) in enumerate(_COLUMNS):
            value = values[key]
            if value is None or value == "":
                continue
            if kind == "text":
                text, shorter = cut(value)
                self._cut += shorter
                self._sheet.write_string(row, index, text, self._styles.text)
            else:
                self._sheet.write_number(row, index, value, self._styles.kinds[kind])

    def _values(self, answer: Answer) -> dict[str, Any]:
        question, score, usage = answer.question, answer.score, answer.usage
        passed = None if score is None or score.passed is None else self._yes if score.passed else self._no
        return {
            "number": question.number, "type": question.type, "question": question.text, "expected": question.expected,
            "configuration": answer.configuration_name, "answer": answer.content, "state": self._states.get(answer.state, answer.state),
            "score": score.value if score is not None else None, "passed": passed, "stars": answer.stars,
            "scorer": score.scorer if score is not None else question.scorer, "error": self._error(answer),
            "ttft": None if answer.ttft_ms is None else answer.ttft_ms / 1000,
            "total_time": None if answer.total_ms is None else answer.total_ms / 1000,
            "input_tokens": usage.input_tokens if usage is not None else None,
            "output_tokens": usage.output_tokens if usage is not None else None,
            "cost": None if answer.cost is None else float(answer.cost), "currency": answer.currency if answer.cost is not None else "",
            "attempts": answer.attempts, "from_cache": self._yes if answer.from_cache else "",
            "repetition": answer.repetition if self._repeated else None,
            "weight": question.weight if question.weight != 1 else None, "model": answer.model, "reasoning": answer.reasoning,
        }  # fmt: skip

    def _error(self, answer: Answer) -> str:
        if answer.state == "failed":
            return self._words.failure(answer)
        problem = answer.score.problem if answer.score is not None else None
        return self._words.say(f"problem_{problem}") if problem is not None else ""

    def _look(self, last: int) -> None:
        """Filters, colours, what is repeated on paper."""
        sheet, styles = self._sheet, self._styles
        sheet.autofilter(0, 0, last, len(_COLUMNS) - 1)
        sheet.freeze_panes(1, 1)
        sheet.repeat_rows(0)
        score, passed, state = (self._columns[key] for key in ("score", "passed", "state"))
        sheet.conditional_format(1, score, last, score, styles.scale)
        for value, form in ((self._yes, styles.good), (self._no, styles.bad)):
            sheet.conditional_format(1, passed, last, passed, _is(value, form))
        sheet.conditional_format(1, state, last, state, _is(self._states["failed"], styles.bad))
        total = self._columns["total_time"]
        sheet.conditional_format(1, total, last, total, styles.bar)
        sheet.set_landscape()
        sheet.set_paper(8)  # A3: there is much to read
        sheet.fit_to_pages(1, 0)
        sheet.set_footer("&P / &N")
        # On paper, what there is room for; the screen has the rest.
        sheet.print_area(0, 0, last, self._columns["output_tokens"])


_TALL: Final = tuple(each for each in _COLUMNS if each[0] in ("question", "expected", "answer", "error"))


def _is(value: str, form: Any) -> dict[str, Any]:
    quoted = value.replace('"', '""')
    return {"type": "cell", "criteria": "==", "value": f'"{quoted}"', "format": form}


def lines_of(text: str, width: float) -> int:
    """About how many lines `text` takes in a column; counted no further than a row is high."""
    if len(text) <= width // 2:
        return 1 + text.count("\n")
    found = 0
    for line in text[:4000].split("\n", _LINES):
        cells = len(line) if line.isascii() else sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line[:2000])
        found += max(1, -(-cells // int(width)))
        if found >= _LINES:
            break
    return found
