"""Splits what a model writes into reasoning and answer, by the tags it writes, in whatever pieces the text arrives.

| case | result |
| --- | --- |
| a closing tag without an opener | what came before is regrouped as reasoning |
| text, then an opening tag | literal, unless the profile says that reasoning is interleaved |
| a second block | interleaved: reasoning; else literal |
| no tags at all | answer, unless the profile forces reasoning |
| unterminated | reasoning, marked cut |
| blanks after a tag | eaten once, kept in `raw` |
| an empty block | no reasoning |
| tags in a code fence or inline code | literal |
| look-alikes | literal; nothing is held back that cannot become a tag |
"""

from __future__ import annotations

import re
from collections import Counter
from enum import Enum

from core.llm.code_spans import CodeTracker
from core.llm.events import ReasoningCut, ReasoningDelta, ReasoningRegrouped, StreamEvent, TextDelta
from core.llm.profiles import DEFAULT_PROFILE, Profile

#: Opening tag -> closing tag.
TAGS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<reason>": "</reason>",
    "<reasoning>": "</reasoning>",
    "<thought>": "</thought>",
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "[THINK]": "[/THINK]",
    "◁think▷": "◁/think▷",
}
_OPENERS = {closer: opener for opener, closer in TAGS.items()}
_ALL = (*TAGS, *_OPENERS)
_TAG = re.compile("|".join(re.escape(tag) for tag in _ALL))
_PREFIXES = frozenset(tag[:length] for tag in _ALL for length in range(1, len(tag)))
_LONGEST = max(len(tag) for tag in _ALL)
_SPECIAL = re.compile(r"[<\[◁\n]|`+|~+")
_STARTERS = "<[◁"
_BLANKS = " \t\r\n"


class _Mode(Enum):
    START = 1  # nothing but blanks so far
    REASONING = 2
    ANSWER = 3  # tags still mean something
    LITERAL = 4  # nothing means anything any more


class ReasoningSplitter:
    """Feed it the text of an answer; the folded events are the same for every chunking. One splitter serves one answer.

    With `keep_raw`, `raw` is everything that was fed, tags and blanks included.
    """

    def __init__(self, profile: Profile = DEFAULT_PROFILE, *, keep_raw: bool = False) -> None:
        self._forced = profile.reasoning == "forced"
        self._interleaved = profile.interleaved
        self._mode = _Mode.LITERAL if profile.reasoning == "off" else _Mode.START
        self._code = CodeTracker()
        self._held = ""
        self._blanks: list[str] = []
        self._eat = False
        self._closer: str | None = None
        self._unanswered: Counter[str] = Counter()
        self._answer_so_far: list[str] | None = []
        self._pending: list[str] = []
        self._events: list[StreamEvent] = []
        self._raw: list[str] | None = [] if keep_raw else None

    @property
    def raw(self) -> str:
        return "".join(self._raw or ())

    def feed(self, text: str) -> list[StreamEvent]:
        """The events of the next piece of text; none while it may still become a tag."""
        if not text:
            return []
        if self._raw is not None:
            self._raw.append(text)
        if not self._held and not self._eat:
            plain = self._plain(text)
            if plain is not None:
                return [plain]
        self._process(self._held + text, final=False)
        return self._take()

    def close(self) -> list[StreamEvent]:
        """The events of the end: what was held back is let go, and an open block is marked cut."""
        self._process(self._held, final=True)
        if self._mode is _Mode.START and self._blanks:
            self._put("".join(self._blanks))
        events = self._take()
        if self._mode is _Mode.REASONING:
            events.append(ReasoningCut())
        return events

    def reasoning_came_apart(self) -> None:
        """The provider sends reasoning in a field of its own: then the content does not begin inside reasoning."""
        self._forced = False

    def _plain(self, text: str) -> StreamEvent | None:
        """The short way for most deltas: nothing in them can be a tag or code."""
        if self._mode is _Mode.LITERAL:
            return TextDelta(text)
        if self._mode is _Mode.START or _SPECIAL.search(text):
            return None
        self._code.text(text)
        if self._mode is _Mode.REASONING:
            return ReasoningDelta(text)
        if self._answer_so_far is not None:
            self._answer_so_far.append(text)
        return TextDelta(text)

    def _process(self, text: str, final: bool) -> None:
        self._held = ""
        position = 0
        while position < len(text):
            if self._eat:
                position = _past_blanks(text, position)
                if position == len(text):
                    return
                self._eat = False
            if self._mode is _Mode.LITERAL:
                self._put(text[position:])
                return
            step = self._begin if self._mode is _Mode.START else self._scan
            position = step(text, position, final)

    def _begin(self, text: str, position: int, final: bool) -> int:
        """Before the first character that is no blank: what it is decides where the answer begins."""
        first = _past_blanks(text, position)
        if first > position:
            self._blanks.append(text[position:first])
        if first == len(text):
            return first
        tag = _TAG.match(text, first)
        if tag is None and not final and text[first] in _STARTERS and _unfinished(text, first):
            self._held = text[first:]
            return len(text)
        if tag is None:
            self._enter(_Mode.REASONING if self._forced else _Mode.ANSWER)
            if not self._forced:
                self._put("".join(self._blanks))
            return first
        if tag[0] in TAGS:
            self._open(tag[0])
        else:
            self._leave()
        return tag.end()

    def _scan(self, text: str, position: int, final: bool) -> int:
        """Put out text up to the next tag that means something; the position behind it, or the end of the text."""
        begin = position
        while special := _SPECIAL.search(text, position):
            start = special.start()
            if start > position:
                self._code.text(text[position:start])
            position = special.end()
            mark = special[0][0]
            if mark == "\n":
                self._code.newline()
            elif mark == "`" or mark == "~":
                self._code.marks(special[0])
            else:
                verdict, position = self._judge(text, start, final)
                if verdict == "wait":
                    self._put(text[begin:start])
                    self._held = text[start:]
                    return len(text)
                if verdict == "tag":
                    self._put(text[begin:start])
                    self._turn(text[start:position])
                    return position
        if position < len(text):
            self._code.text(text[position:])
        self._put(text[begin:])
        return len(text)

    def _judge(self, text: str, start: int, final: bool) -> tuple[str, int]:
        """What the character that could begin a tag begins: ("tag" | "text" | "wait", the position behind it)."""
        code = self._code
        code.settle()
        tag = None if code.fenced else _TAG.match(text, start)
        if tag is None:
            if not code.fenced and not final and _unfinished(text, start):
                return "wait", start
            code.text(text[start])
            return "text", start + 1
        if self._matters(tag[0]):
            span = code.look_ahead(text, tag.end(), final) if code.inline else "text"
            if span == "unknown":
                return "wait", start
            if span == "text" and not self._literal(tag[0]):
                return "tag", tag.end()
        code.text(tag[0])
        return "text", tag.end()

    def _matters(self, tag: str) -> bool:
        """Whether the tag, outside code, changes anything here."""
        if self._mode is _Mode.REASONING:
            return tag == self._closer or (self._closer is None and tag in _OPENERS)
        return self._answer_so_far is not None or tag in TAGS

    def _literal(self, tag: str) -> bool:
        """Whether the tag, outside code, stays text: an opener behind text, and the closer that belongs to it."""
        if self._mode is _Mode.REASONING or self._answer_so_far is None:
            return False
        if tag in TAGS:
            if not self._interleaved:
                self._unanswered[tag] += 1
            return not self._interleaved
        if self._unanswered[_OPENERS[tag]]:
            self._unanswered[_OPENERS[tag]] -= 1
            return True
        return False

    def _turn(self, tag: str) -> None:
        """A tag that means something was reached; the text before it was put out."""
        if tag in TAGS:
            self._flush()
            self._open(tag)
            return
        if self._mode is _Mode.REASONING:
            self._flush()
        else:
            self._flush_so_far()
            self._events.append(ReasoningRegrouped("".join(self._answer_so_far or ())))
        self._leave()

    def _open(self, opener: str) -> None:
        self._enter(_Mode.REASONING)
        self._closer = TAGS[opener]
        self._answer_so_far = None
        self._eat = True

    def _leave(self) -> None:
        self._enter(_Mode.ANSWER if self._interleaved else _Mode.LITERAL)
        self._answer_so_far = None
        self._eat = True

    def _enter(self, mode: _Mode) -> None:
        self._mode = mode
        self._code.reset()

    def _put(self, text: str) -> None:
        if text:
            self._pending.append(text)

    def _flush_so_far(self) -> None:
        """Pending answer text that turned out to be reasoning needs no event of its own."""
        if self._answer_so_far is not None:
            self._answer_so_far.extend(self._pending)
        self._pending.clear()

    def _flush(self) -> None:
        if not self._pending:
            return
        text = "".join(self._pending)
        self._pending.clear()
        if self._mode is _Mode.REASONING:
            self._events.append(ReasoningDelta(text))
            return
        if self._answer_so_far is not None:
            self._answer_so_far.append(text)
        self._events.append(TextDelta(text))

    def _take(self) -> list[StreamEvent]:
        self._flush()
        events, self._events = self._events, []
        return events


def _past_blanks(text: str, position: int) -> int:
    """The position of the first character from `position` on that is no blank."""
    while position < len(text) and text[position] in _BLANKS:
        position += 1
    return position


def _unfinished(text: str, start: int) -> bool:
    """Whether the rest of the text could be the beginning of a tag."""
    return len(text) - start < _LONGEST and text[start:] in _PREFIXES
