"""JUnit's XML, as CI servers read it: a suite a configuration, a case a question.

A **failure** is an answer that its scorer did not pass; an **error** is an answer that never came; **skipped** is what was not asked yet,
and what has no verdict (a graded score without a bound to pass at). Format: https://github.com/testmoapp/junitxml
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final
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


@dataclass(slots=True)
class _Counts:
    tests: int = 0
    failures: int = 0
    errors: int = 0
    skipped: int = 0
    seconds: float = 0.0


def write(data: ReportData, words: Words, target: BinaryIO) -> tuple[Note, ...]:
    """Counts stand in front of the cases, so all answers are read twice: once to count, once for each configuration's cases."""
    counts = {key: _Counts() for key in data.names}
    for answer in data.answers():
        _count(counts.setdefault(answer.configuration_id, _Counts()), answer)
    head = " ".join(
        f'{name}="{sum(getattr(each, name) for each in counts.values())}"' for name in ("tests", "failures", "errors", "skipped")
    )
    target.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name={_attribute(data.batch.name)} {head}>\n'.encode())
    for key, found in counts.items():
        _suite(data, words, key, found, target)
    target.write(b"</testsuites>\n")
    return ()


def _suite(data: ReportData, words: Words, key: str, found: _Counts, target: BinaryIO) -> None:
    name, started = data.names.get(key, key), data.batch.started_at
    at = f' timestamp="{started.isoformat(timespec="seconds")}"' if started is not None else ""
    target.write(
        f' <testsuite name={_attribute(name)} tests="{found.tests}" failures="{found.failures}" errors="{found.errors}" '
        f'skipped="{found.skipped}" time="{found.seconds:.3f}"{at}>\n'
        f'  <properties><property name="model" value={_attribute(data.models.get(key, ""))}/>'
        f'<property name="batch" value={_attribute(data.batch.id)}/></properties>\n'.encode()
    )
    chunk, size = [], 0
    for answer in data.answers():
        if answer.configuration_id != key:
            continue
        chunk.append("".join(_case(answer, words, name)))
        size += len(chunk[-1])
        if size >= _CHUNK:
            target.write("".join(chunk).encode())
            chunk, size = [], 0
    target.write(("".join(chunk) + " </testsuite>\n").encode())


def verdict(answer: Answer) -> str:
    """passed, failure, error or skipped."""
    if answer.state == "failed":
        return "error"
    if answer.state != "answered" or answer.score is None or answer.score.passed is None:
        return "skipped" if answer.state != "answered" or answer.score is None or answer.score.problem is None else "failure"
    return "passed" if answer.score.passed else "failure"


def _count(counts: _Counts, answer: Answer) -> None:
    counts.tests += 1
    counts.seconds += (answer.total_ms or 0) / 1000
    found = verdict(answer)
    if found != "passed":
        name = {"failure": "failures", "error": "errors", "skipped": "skipped"}[found]
        setattr(counts, name, getattr(counts, name) + 1)


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
        kind = answer.error.code if answer.error is not None else "error"
        yield f"<error message={_attribute(words.failure(answer))} type={_attribute(kind)}/>"
    else:
        scorer = answer.score.scorer if answer.score is not None else ""
        yield f"<failure message={_attribute(_message(answer, words))} type={_attribute(scorer)}>{_body(answer, words)}</failure>"
    yield "</testcase>\n"


def _unjudged(answer: Answer, words: Words) -> str:
    if answer.state != "answered":
        return words.say(answer.state)
    value = answer.score.value if answer.score is not None else None
    return words.say("unscored") if value is None else f"{words.say('score')} {numbers.percent(value)}"


def _message(answer: Answer, words: Words) -> str:
    score = answer.score
    parts = [
        f"{words.say('score')} {numbers.percent(score.value)}" if score is not None and score.value is not None else words.say("unscored")
    ]
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
