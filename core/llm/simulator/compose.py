"""A question becomes the pieces of its answer: always the same ones for the same model, question and seed."""

from __future__ import annotations

from hashlib import blake2b
from random import Random

from core.llm.simulator import content, judging
from core.llm.simulator.names import Asked
from core.llm.simulator.question import Finish, Piece, Plan, Question, count_tokens

#: Tokens that role and separators of one message count for.
MESSAGE_OVERHEAD = 4
#: Of an answer of given length, the part that is reasoning.
_REASONING_SHARE = 0.4
#: Why answers end, by the fault of the model.
_FINISH: dict[str, Finish] = {"length": "length", "filter": "content_filter"}
#: Styles of reasoning that are part of the text on the wire.
_IN_TEXT = ("tags", "no_opener", "unterminated", "interleaved")


def compose(question: Question) -> Plan:
    """The whole answer to `question`, cut by stop sequences and max_tokens."""
    asked = question.asked
    random = _random_for(asked, question)
    obliged = _obliged(question) if _is_obliging(asked) else []
    pieces = [Piece(False, token) for token in obliged] or _pieces(asked, question, random)
    stopped_by: str | None = None
    if question.stop:
        pieces, stopped_by = _cut_at_stop(pieces, question.stop)
    finish: Finish = _FINISH.get(asked.model.fault, "stop")
    if question.max_tokens is not None and len(pieces) > question.max_tokens:
        pieces, stopped_by, finish = pieces[: question.max_tokens], None, "length"
    return Plan(
        pieces=pieces,
        finish=finish,
        input_tokens=_input_tokens(question),
        reasoning_tokens=sum(piece.is_reasoning for piece in pieces),
        stopped_by=stopped_by,
    )


def _random_for(asked: Asked, question: Question) -> Random:
    digest = blake2b(f"{asked.model.name}\0{question.seed}\0{question.text}".encode(errors="surrogatepass"), digest_size=8).digest()
    return Random(int.from_bytes(digest, "big"))  # noqa: S311 - repeatable on purpose


def _input_tokens(question: Question) -> int:
    told = sum(count_tokens(text) + MESSAGE_OVERHEAD for _role, text in question.turns)
    return told + (count_tokens(question.system) + MESSAGE_OVERHEAD if question.system else 0)


def _is_obliging(asked: Asked) -> bool:
    """Whether the model would follow the wish for a title or a verdict: those whose whole point is an odd text do not."""
    return asked.model.content in ("chat", "markdown", "chinese")


def _obliged(question: Question) -> list[str]:
    """The tokens of what the application asks for on its own account, whatever the model's length; none for a person's question."""
    if content.asks_for_title(question):
        return content.title(question)
    return judging.verdict(question) if judging.asks_for_verdict(question) else []


def _pieces(asked: Asked, question: Question, random: Random) -> list[Piece]:
    style = asked.model.reasoning
    if not style:
        return [Piece(False, token) for token in content.answer(asked.model.content, question, random, asked.length)]
    reasons, answers = _lengths(asked.length)
    thought = content.reasoning(question, random, reasons) if reasons != 0 else []
    said = content.answer(asked.model.content, question, random, answers)
    if style in _IN_TEXT:
        return _in_text(style, asked.model.tags, thought, said, random)
    return [*(Piece(True, token) for token in thought), *(Piece(False, token) for token in said)]


def _lengths(length: int | None) -> tuple[int | None, int | None]:
    """Tokens of reasoning and of the answer; both None where the text decides. An answer has one token at least."""
    if length is None:
        return None, None
    reasons = min(length - 1, max(1, int(length * _REASONING_SHARE)))
    return reasons, length - reasons


def _in_text(style: str, tags: tuple[str, str], thought: list[str], said: list[str], random: Random) -> list[Piece]:
    """Reasoning and answer as one text with tags, cut anywhere into as many pieces as there are tokens."""
    opener, closer = tags
    inside, outside = "".join(thought), "".join(said)
    if not inside:
        return [Piece(False, token) for token in said]
    if style == "no_opener":
        text, marks = f"{inside}\n{closer}\n\n{outside}", [len(inside) + 1 + len(closer) // 2]
    elif style == "unterminated":
        text, marks = f"{opener}\n{inside}\n\n{outside}", [len(opener) // 2]
    elif style == "interleaved":
        text, marks = _interleaved(opener, closer, thought, said)
    else:
        closing = len(opener) + 1 + len(inside) + 1
        text, marks = f"{opener}\n{inside}\n{closer}\n\n{outside}", [len(opener) // 2, closing + len(closer) // 2]
    return _cut_anywhere(text, marks, len(thought) + len(said), random)


def _interleaved(opener: str, closer: str, thought: list[str], said: list[str]) -> tuple[str, list[int]]:
    half, third = max(1, len(thought) // 2), max(1, len(said) // 3)
    thoughts = ["".join(thought[:half]), "".join(thought[half:])]
    parts = ["".join(said[:third]), "".join(said[third : 2 * third]), "".join(said[2 * third :])]
    text, marks = parts[0], []
    for inside, after in zip(thoughts, parts[1:], strict=True):
        marks.append(len(text) + 2 + len(opener) // 2)
        text += f"\n\n{opener}\n{inside}\n{closer}\n\n{after}"
    return text, marks


def _cut_anywhere(text: str, marks: list[int], count: int, random: Random) -> list[Piece]:
    """`text` in `count` pieces that are not empty; the positions `marks` (inside of tags) are cut in any case."""
    count = min(count, len(text))
    forced = set(marks[: max(0, count - 1)])
    free = [
        position for position in random.sample(range(1, len(text)), min(len(text) - 1, count - 1 + len(forced))) if position not in forced
    ]
    cuts = sorted([*forced, *free[: count - 1 - len(forced)]])
    starts = [0, *cuts]
    ends = [*cuts, len(text)]
    return [Piece(False, text[start:end]) for start, end in zip(starts, ends, strict=True)]


def _cut_at_stop(pieces: list[Piece], stop: tuple[str, ...]) -> tuple[list[Piece], str | None]:
    """The pieces before the first stop sequence in the answer's text, and that sequence, which is not sent."""
    text = "".join(piece.text for piece in pieces if not piece.is_reasoning)
    found = [(position, word) for word in stop if word and (position := text.find(word)) >= 0]
    if not found:
        return pieces, None
    left, by = min(found)
    kept: list[Piece] = []
    for piece in pieces:
        if piece.is_reasoning:
            kept.append(piece)
            continue
        if left <= 0:
            break
        kept.append(Piece(False, piece.text[:left]))
        left -= len(piece.text)
    return kept, by
