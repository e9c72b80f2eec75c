"""Every simulated model: its name, what it does in one line, and what makes it do that."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Content = Literal["echo", "chat", "markdown", "chinese", "hostile", "wide", "separators", "sight"]
Reasoning = Literal["", "own", "reasoning_content", "reasoning", "thinking", "redacted", "tags", "no_opener", "unterminated", "interleaved"]
Capability = Literal["chat", "reasoning", "code", "vision"]

THINK = ("<think>", "</think>")
CONTEXT = 32_768

#: What may follow a model's name behind a hyphen, by kind.
_ARGUMENTS = {
    "": re.compile(r"(?!)"),
    "count": re.compile(r"[0-9]{1,6}"),
    "retry": re.compile(r"[0-9]{1,12}|date|past|absurd|none"),
    "flaky": re.compile(r"[a-z0-9-]{1,40}"),
}


@dataclass(frozen=True, slots=True)
class SimulatedModel:
    """`fault`: a key of faults.FAULTS, "" for none; `framing`: a key of framing.FRAMINGS; `argument`: the kind of suffix it takes."""

    name: str
    summary: str
    content: Content = "chat"
    reasoning: Reasoning = ""
    tags: tuple[str, str] = THINK
    fault: str = ""
    status: int = 200
    framing: str = ""
    argument: str = ""
    context_length: int = CONTEXT

    def accepts(self, argument: str) -> bool:
        """Whether `argument` may follow the name."""
        if not _ARGUMENTS[self.argument].fullmatch(argument):
            return False
        if self.argument != "flaky":
            return True
        played = BY_NAME.get(f"sim-{argument}")  # what it does the first time is another model that fails
        return played is not None and bool(played.fault) and played is not self

    @property
    def description(self) -> str:
        """The summary with the label that nothing here may lack."""
        return f"Simulated by modeltrain: {self.summary}"

    @property
    def capabilities(self) -> tuple[Capability, ...]:
        found: list[Capability] = ["chat"]
        if self.reasoning:
            found.append("reasoning")
        if self.content == "markdown":
            found.append("code")
        if self.content == "sight":
            found.append("vision")
        return tuple(found)


def _tags(name: str, opener: str, closer: str) -> SimulatedModel:
    return SimulatedModel(f"sim-tags-{name}", f"reasons inside {opener} and {closer}.", reasoning="tags", tags=(opener, closer))


_Model = SimulatedModel

PLAIN = (
    _Model("sim-chat", "a short answer that reflects the question, in its language.", context_length=131_072),
    _Model("sim-reasoning", "reasons in the protocol's own field, then answers.", reasoning="own", context_length=131_072),
    _Model(
        "sim-markdown", "long Markdown: headings, lists, code, tables, quotes, links, maths.", content="markdown", context_length=131_072
    ),
    _Model("sim-echo", "repeats the question.", content="echo", context_length=1_048_576),
    _Model("sim-chinese", "answers in Chinese, whatever the question.", content="chinese"),
    _Model("sim-wide", "emoji, wide and combining characters, right-to-left scripts.", content="wide"),
    _Model("sim-hostile", "escape sequences, controls, markup and half characters.", content="hostile"),
    _Model("sim-separators", "U+2028, U+2029, U+0085 and other characters that look like line ends.", content="separators"),
    _Model("sim-vision", "says what images the question shows.", content="sight"),
)
REASONING = (
    _Model("sim-reasoning-content", "reasons in the field reasoning_content.", reasoning="reasoning_content"),
    _Model("sim-reasoning-field", "reasons in the field reasoning.", reasoning="reasoning"),
    _Model("sim-thinking-field", "reasons in the field thinking.", reasoning="thinking"),
    _Model("sim-redacted", "reasons, with one block redacted (Anthropic).", reasoning="redacted"),
    _Model("sim-think-tags", "reasons inside <think> tags that are split anywhere.", reasoning="tags"),
    _tags("think", *THINK),
    _tags("thinking", "<thinking>", "</thinking>"),
    _tags("reason", "<reason>", "</reason>"),
    _tags("reasoning", "<reasoning>", "</reasoning>"),
    _tags("thought", "<thought>", "</thought>"),
    _tags("begin-of-thought", "<|begin_of_thought|>", "<|end_of_thought|>"),
    _tags("brackets", "[THINK]", "[/THINK]"),
    _tags("lozenge", "◁think▷", "◁/think▷"),
    _Model("sim-no-opener", "reasons, closes </think> and never opened it.", reasoning="no_opener"),
    _Model("sim-forced", "the same; its profile says that reasoning comes first.", reasoning="no_opener"),
    _Model("sim-unterminated", "opens <think> and never closes it.", reasoning="unterminated"),
    _Model("sim-interleaved", "answers, reasons, answers, reasons, answers.", reasoning="interleaved"),
)
STATUS = (
    _Model("sim-400", "answers 400.", fault="status", status=400),
    _Model("sim-401", "answers 401.", fault="status", status=401),
    _Model("sim-403", "answers 403.", fault="status", status=403),
    _Model("sim-404", "answers 404.", fault="status", status=404),
    _Model("sim-408", "answers 408.", fault="status", status=408),
    _Model("sim-413", "answers 413.", fault="status", status=413),
    _Model("sim-429", "answers 429, Retry-After 2; -SECONDS, -date, -past, -absurd, -none.", fault="status", status=429, argument="retry"),
    _Model("sim-500", "answers 500.", fault="status", status=500),
    _Model("sim-502", "answers 502 with an HTML page, as a proxy does.", fault="proxy_page", status=502),
    _Model("sim-503", "answers 503; Retry-After like sim-429, none by itself.", fault="status", status=503, argument="retry"),
    _Model("sim-529", "answers 529, overloaded.", fault="status", status=529),
    _Model("sim-redirect", "answers 307 to another address.", fault="redirect", status=307),
)
FAULTY = (
    _Model("sim-cut", "the connection ends in mid-stream; -N after N tokens.", fault="cut", argument="count"),
    _Model("sim-reset", "the connection is reset in mid-stream; -N after N tokens.", fault="reset", argument="count"),
    _Model("sim-drop", "the connection ends before anything is answered.", fault="drop"),
    _Model("sim-stall", "goes silent in mid-stream; -N after N tokens.", fault="stall", argument="count"),
    _Model("sim-stall-head", "never answers.", fault="stall_head"),
    _Model("sim-delay", "waits 2 seconds before the first token; -MILLISECONDS.", fault="delay", argument="count"),
    _Model("sim-no-end", "the stream ends in the middle, with a proper end of the HTTP body; -N.", fault="no_end", argument="count"),
    _Model("sim-no-done", "gives the finish reason and leaves out the end mark.", fault="no_done"),
    _Model("sim-no-finish", "gives the end mark and leaves out the finish reason.", fault="no_finish"),
    _Model("sim-error-in-200", "an error as the JSON body of a 200.", fault="error_in_200"),
    _Model("sim-error-in-200-stream", "an error as the first event of a stream.", fault="error_first"),
    _Model("sim-error-text", "an error that is a plain text, not an object.", fault="error_text"),
    _Model("sim-error-event", "an error event in mid-stream; -N after N tokens.", fault="error_event", argument="count"),
    _Model("sim-error-then-done", "an error in mid-stream, then the end mark; -N.", fault="error_then_done", argument="count"),
    _Model("sim-json", "one JSON body where a stream was asked for.", fault="json"),
    _Model("sim-json-other", "a JSON body that is no answer.", fault="json_other"),
    _Model("sim-html", "an HTML page with status 200.", fault="html"),
    _Model("sim-empty", "a 200 without one event.", fault="empty"),
    _Model("sim-done-only", "a stream that is nothing but its end mark.", fault="done_only"),
    _Model("sim-garbage", "lines that are not JSON in mid-stream.", fault="garbage", argument="count"),
    _Model("sim-no-usage", "never says how many tokens there were.", fault="no_usage"),
    _Model("sim-no-usage-option", "answers 400 to stream_options (OpenAI).", fault="no_usage_option"),
    _Model("sim-limited", "takes 10 requests in any second and answers 429 to others; -N.", fault="limited", argument="count"),
    _Model("sim-length", "ends because of the length.", fault="length"),
    _Model("sim-filter", "ends because of a content filter.", fault="filter"),
    _Model("sim-flood", "an answer of 100 MB; -N megabytes.", fault="flood", argument="count"),
    _Model("sim-long-line", "one line of 50 MB; -N megabytes.", fault="long_line", argument="count"),
    _Model(
        "sim-flaky",
        "fails with 503 the first time a question comes, then works; -NAME fails like sim-NAME.",
        fault="flaky",
        argument="flaky",
    ),
)
FRAMED = (
    _Model("sim-split-utf8", "every multi-byte character is cut between two packets.", content="wide", framing="split_utf8"),
    _Model("sim-split-bytes", "one byte a packet.", framing="split_bytes"),
    _Model("sim-crlf", "lines end in CRLF, split between packets.", framing="crlf"),
    _Model("sim-cr", "lines end in CR.", framing="cr"),
    _Model("sim-bom", "a byte order mark first.", framing="bom"),
    _Model("sim-no-space", "no blank behind `data:`.", framing="no_space"),
    _Model("sim-no-newline", "no newline at the end.", framing="no_newline"),
    _Model("sim-keepalive", "comments and blank lines between the events.", framing="keepalive"),
    _Model("sim-quirks", "null deltas, empty chunks, no choices, content as parts.", framing="quirks"),
)

MODELS: tuple[SimulatedModel, ...] = PLAIN + REASONING + STATUS + FAULTY + FRAMED
BY_NAME: dict[str, SimulatedModel] = {model.name: model for model in MODELS}
