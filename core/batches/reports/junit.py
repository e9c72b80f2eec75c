"""JUnit's XML, as CI servers read it: a suite a configuration, a case a question.

A **failure** is an answer that its scorer did not pass; an **error** is an answer that never came; **skipped** is what was not asked yet,
and what has no verdict (a graded score without a bound to pass at). Format: https://github.com/testmoapp/junitxml
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, BinaryIO, Final
from xml.sax.saxutils import escape, quoteattr

from core.batches.reports import numbers
from core.sanitise import one_line, sanitise

if TYPE_CHECKING:
    from core.batches.reports.types import Note, ReportData, Words
    from core.batches.types import Answer

#: What XML 1.0 cannot hold, not even escaped (https://www.w3.org/TR/xml/#charsets), besides what `sanitise` takes.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: Characters of a case's name, of a message, and of an answer that are kept: CI servers hold all of it in memory.
_NAME, _MESSAGE, _TEXT = 160, 300, 20_000
_CHUNK: Final = 64 * 1024
_IN_MEMORY: Final = 4 * 1024 * 1024


@dataclass(slots=True)
class _Suite:
    """What one configuration brought. `cases`: their XML, on the disk once it is large: the counts have to be written in front of it."""

    tests: int = 0
    failures: int = 0
    errors: int = 0
    skipped: int = 0
    seconds: float = 0.0
    cases: IO[bytes] = field(default_factory=lambda: SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115 - closed with the suite


def write(data: ReportData, words: Words, target: BinaryIO) -> tuple[Note, ...]:
    """The whole file. Text is never markup: see `_text`."""
    suites = {key: _Suite() for key in data.names}
    try:
        for answer in data.answers():
            suite = suites.get(answer.configuration_id) or suites.setdefault(answer.configuration_id, _Suite())
            _add(suite, answer, words, data.names.get(answer.configuration_id, answer.configuration_name))
        counts = ("tests", "failures", "errors", "skipped")
        head = " ".join(f'{name}="{sum(getattr(each, name) for each in suites.values())}"' for name in counts)
        target.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name={_attribute(data.batch.name)} {head}>\n'.encode())
        for key, suite in suites.items():
            _write_suite(data, key, suite, target)
        target.write(b"</testsuites>\n")
    finally:
        for suite in suites.values():
            suite.cases.close()
    return ()


def _add(suite: _Suite, answer: Answer, words: Words, name: str) -> None:
    found = verdict(answer)
    suite.tests += 1
    suite.seconds += (answer.total_ms or 0) / 1000
    suite.failures += found == "failure"
    suite.errors += found == "error"
    suite.skipped += found == "skipped"
    suite.cases.write("".join(_case(answer, words, name)).encode())


def _write_suite(data: ReportData, key: str, suite: _Suite, target: BinaryIO) -> None:
    started = data.batch.started_at
    at = f' timestamp="{started.isoformat(timespec="seconds")}"' if started is not None else ""
    target.write(
        f' <testsuite name={_attribute(data.names.get(key, key))} tests="{suite.tests}" failures="{suite.failures}" '
        f'errors="{suite.errors}" skipped="{suite.skipped}" time="{suite.seconds:.3f}"{at}>\n'
        f'  <properties><property name="model" value={_attribute(data.models.get(key, ""))}/>'
        f'<property name="batch" value={_attribute(data.batch.id)}/></properties>\n'.encode()
    )
    suite.cases.seek(0)
    while chunk := suite.cases.read(_CHUNK):
        target.write(chunk)
    target.write(b" </testsuite>\n")


def verdict(answer: Answer) -> str:
    """passed, failure, error or skipped."""
    if answer.state == "failed":
        return "error"
    score = answer.score
    if answer.state != "answered" or score is None:
        return "skipped"
    if score.passed is not None:
        return "passed" if score.passed else "failure"
    return "skipped" if score.problem in (None, "no_expected", "needs_judge") else "error"


def _case(answer: Answer, words: Words, suite: str) -> Iterator[str]:
    question = answer.question
    again = f" ({answer.repetition})" if answer.repetition > 1 else ""
    name = f"{question.number}. {one_line(question.text[: _NAME * 4], _NAME)}{again}"
    group = ".".join(part for part in (suite, question.type) if part)
    yield f'  <testcase name={_attribute(name)} classname={_attribute(group)} time="{(answer.total_ms or 0) / 1000:.3f}"'
    found = verdict(answer)
    if found == "passed":
        yield "/>\n"
        return
    yield ">"
    if found == "skipped":
        yield f"<skipped message={_attribute(_unjudged(answer, words))}/>"
    elif found == "error":
        kind, message = _error(answer, words)
        yield f"<error message={_attribute(message)} type={_attribute(kind)}/>"
    else:
        scorer = answer.score.scorer if answer.score is not None else ""
        yield f"<failure message={_attribute(_message(answer, words))} type={_attribute(scorer)}>{_body(answer, words)}</failure>"
    yield "</testcase>\n"


def _error(answer: Answer, words: Words) -> tuple[str, str]:
    if answer.state == "failed" or answer.score is None:
        return answer.error.code if answer.error is not None else "error", words.failure(answer)
    return f"score_{answer.score.problem}", words.say(f"problem_{answer.score.problem}")


def _unjudged(answer: Answer, words: Words) -> str:
    if answer.state != "answered":
        return words.say(answer.state)
    score = answer.score
    if score is not None and score.value is not None:
        return f"{words.say('score')}: {numbers.percent(score.value)}"
    return words.say(f"problem_{score.problem}") if score is not None and score.problem is not None else words.say("unscored")


def _message(answer: Answer, words: Words) -> str:
    score = answer.score
    parts = [f"{words.say('score')}: {numbers.percent(score.value if score is not None else None)}"]
    if answer.question.expected is not None:
        parts.append(f"{words.say('expected')}: {one_line(answer.question.expected[: _MESSAGE * 4], _MESSAGE)}")
    return " · ".join(parts)


def _body(answer: Answer, words: Words) -> str:
    """What was asked, what came, and what the scorer noted."""
    parts = [f"{words.say('question')}:\n{answer.question.text[:_TEXT]}", f"{words.say('answer')}:\n{answer.content[:_TEXT]}"]
    if answer.score is not None and answer.score.details:
        parts.append(json.dumps(dict(answer.score.details), ensure_ascii=False, default=str)[:_TEXT])
    return _text("\n\n".join(parts))


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", sanitise(text)))


def _attribute(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", sanitise(text)))
