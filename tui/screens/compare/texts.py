"""The sentences of the side-by-side screen: heads, figures, what the transcripts show, empty states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import repeat

from core.chat.types import Message
from core.compare.types import BOTH_BAD, TIE, CandidateAnswer, Round, Verdict
from core.sanitise import one_line
from tui import moments
from tui.comparison_files import cheapest, fastest
from tui.glyphs import Glyphs
from tui.i18n import N_, _
from tui.image_words import with_images
from tui.screens.chat.views import LiveAnswer, Scene, figures, money, notice, seconds, view_of
from tui.screens.compare.board import Board, Column, gap_id, question_id
from tui.screens.compare.heads import Head
from tui.widgets.transcript import MessageView, Notice

#: state -> name of its glyph, token, words.
_STATES: dict[str, tuple[str, str, str]] = {
    "waiting": ("waiting", "dim", N_("waits for its turn")),
    "skipped": ("waiting", "dim", N_("was not asked this")),
    "generating": ("running", "accent", N_("answering")),
    "complete": ("done", "good", N_("finished")),
    "stopped": ("stopped", "dim", N_("stopped")),
    "truncated": ("failed", "warn", N_("broke off")),
    "failed": ("failed", "bad", N_("failed")),
}
HIDDEN = N_("name hidden")


# Heads -----------------------------------------------------------------------------------------------------------------


def name_of(board: Board, column: Column) -> str:
    """What a column is called: configuration and model, or nothing that tells them."""
    if board.names_hidden:
        return _(HIDDEN)
    name, model = one_line(column.configuration_name), one_line(column.model)
    if column.role:
        name = _("{role}: {name}").format(role=_(column.role), name=name)
    return name if model.casefold() in name.casefold() else f"{name} ({model})"


def author_of(board: Board, column: Column, model: str = "") -> str:
    """Who stands above an answer of this column."""
    return _("Model {label}").format(label=column.label) if board.names_hidden else one_line(model or column.model)


def head_of(board: Board, column: Column, signs: Glyphs, best: Mapping[str, tuple[str, ...]]) -> Head:
    """The head of a column as it stands now. `best`: of `best_of`."""
    name, shown = name_of(board, column), board.shown
    if column.live is not None:
        return Head(column.label, name, "running", "accent", live_state(column.live), figures=_live_figures(board, column.live))
    answer = column.answer(shown) if shown is not None else None
    if shown is None or answer is None:
        return Head(column.label, name, "waiting", "dim", _("ready"))
    sign, tone, words = _STATES[answer.state]
    words = (
        _("not asked yet: Alt+C asks")
        if answer.state == "waiting" and board.comparison is not None and board.comparison.waits
        else _(words)
    )
    marks = [(word, "good") for word in best.get(column.label, ())]
    if answer.message is not None and board.names_hidden and board.named.get(answer.message.id):
        marks.insert(0, (_("names its model"), "warn"))
    verdict = verdict_words(shown.verdict, answer.candidate_id, signs)
    return Head(column.label, name, sign, tone, words, tuple(marks), verdict, figures_of(board, answer.message))


def live_state(live: LiveAnswer) -> str:
    """What a growing answer does now, and for how long."""
    time = _("{seconds} s").format(seconds=max(0, live.elapsed_ms) // 1000)
    if live.content:
        return _("answering, {time}").format(time=time)
    if live.reasoning:
        return _("thinking, {time}").format(time=time)
    return _("waiting for the first token, {time}").format(time=time)


def _live_figures(board: Board, live: LiveAnswer) -> tuple[str, ...]:
    if board.names_hidden:
        return ()
    return _times(live.ttft_ms, live.ttfa_ms, None)


def _times(first: int | None, answer: int | None, total: int | None) -> tuple[str, ...]:
    found = ((N_("first {time}"), first), (N_("answer {time}"), answer), (N_("total {time}"), total))
    return tuple(_(words).format(time=seconds(value)) for words, value in found if value is not None)


def figures_of(board: Board, message: Message | None) -> tuple[str, ...]:
    """First token, first token of the answer proper, total, tokens, speed, cost: what is known. ~ marks our own estimates."""
    if message is None or message.state == "generating":
        return ()
    if board.names_hidden:
        return (_("figures are shown after the vote"),)
    parts = list(_times(message.ttft_ms, message.ttfa_ms, message.total_ms))
    usage = message.usage
    about = "~" if usage is not None and not usage.exact else ""
    if usage is not None:
        parts.append(_("{input} in, {output} out").format(input=f"{about}{usage.input_tokens:,}", output=f"{about}{usage.output_tokens:,}"))
    if (speed := message.tokens_per_second) is not None:
        parts.append(_("{speed} tok/s").format(speed=f"{about}{speed:.0f}" if speed >= 10 else f"{about}{speed:.1f}"))
    if message.cost is not None:
        parts.append((about if message.cost else "") + money(message.cost, message.currency))
    return tuple(parts)


def best_of(board: Board) -> dict[str, tuple[str, ...]]:
    """What is best about a column, by its letter: said of whole answers only, of two at least, and never while names are hidden."""
    comparison, shown = board.comparison, board.shown
    found: dict[str, tuple[str, ...]] = {}
    if comparison is None or shown is None:
        return found
    for label, word in ((fastest(comparison, shown), _("fastest")), (cheapest(comparison, shown), _("cheapest"))):
        if label is not None:
            found[label] = (*found.get(label, ()), word)
    return found


def verdict_words(verdict: Verdict | None, candidate_id: str, signs: Glyphs) -> str:
    """Stars and outcome for one column, "" without any."""
    if verdict is None:
        return ""
    stars = signs.star * verdict.stars.get(candidate_id, 0)
    word = {candidate_id: _("winner"), TIE: _("tie"), BOTH_BAD: _("all bad")}.get(verdict.winner or "", "")
    return " ".join(part for part in (stars, word) if part)


# Transcripts -----------------------------------------------------------------------------------------------------------


def views_of(board: Board, column: Column, scene: Scene, signs: Glyphs) -> list[MessageView]:
    """A column as its transcript shows it, without an answer that is growing: that one is drawn as it comes."""
    rounds = board.comparison.rounds if board.comparison is not None else ()
    return [view for shown in rounds for view in round_views(board, column, shown, scene, signs)]


def round_views(board: Board, column: Column, shown: Round, scene: Scene, signs: Glyphs) -> list[MessageView]:
    """A question, and what the column says to it."""
    answer = column.answer(shown)
    views = [_question_view(shown, scene)]
    return views if answer is None else [*views, answer_view(board, column, shown, answer, scene, signs)]


def _question_view(shown: Round, scene: Scene) -> MessageView:
    text = with_images(shown.question, shown.images)
    return MessageView(question_id(shown), "user", scene.nickname, text, stamp=moments.short(shown.asked_at, scene.now, scene.zone))


def answer_view(board: Board, column: Column, shown: Round, answer: CandidateAnswer, scene: Scene, signs: Glyphs) -> MessageView:
    """One answer, or what is said where there is none."""
    if answer.message is None:
        return _gap_view(board, column, shown, answer)
    if column.live is not None and column.live.id == answer.message.id:
        return live_view(board, column, column.live)
    view = replace(view_of(answer.message, scene), author=author_of(board, column, answer.message.model))
    if board.names_hidden:
        said = notice_of(board, answer.message)
        if board.named.get(answer.message.id) and said is None:
            said = Notice("warn", _("This answer names the model that wrote it: a blind vote is worth less."))
        return replace(view, figures=(), notice=said)
    verdict = verdict_words(shown.verdict, answer.candidate_id, signs)
    return replace(view, figures=(*([verdict] if verdict else []), *figures(answer.message)))


def notice_of(board: Board, message: Message) -> Notice | None:
    """What is said under an answer that is not whole."""
    found = notice(message)
    if found is None or not board.names_hidden:
        return found
    return replace(found, text=_without_names(board, found.text))


def _gap_view(board: Board, column: Column, shown: Round, answer: CandidateAnswer) -> MessageView:
    view = MessageView(gap_id(shown, column), "assistant", author_of(board, column), "")
    if answer.state == "skipped":
        return replace(view, notice=Notice("stopped", _("It was not asked this.")))
    if board.comparison is not None and board.comparison.asking:
        return replace(view, waiting=_("It is asked when the one before has answered."))
    return replace(view, notice=Notice("stopped", _("It was not asked this yet."), (("Alt+C", _("ask")),)))


def live_view(board: Board, column: Column, live: LiveAnswer) -> MessageView:
    """An answer as it grows."""
    view = live.view()
    said = view.notice
    if said is not None and board.names_hidden:
        said = replace(said, text=_without_names(board, said.text))
    return replace(view, author=author_of(board, column, live.model), notice=said)


def _without_names(board: Board, text: str) -> str:
    """A sentence about an error, without what tells the models apart while names are hidden."""
    for column in board.columns:
        for name in (column.configuration_name, column.model):
            if name:
                text = text.replace(name, "…")
    return text


# Empty states ----------------------------------------------------------------------------------------------------------


def nothing_chosen(usable: int) -> tuple[tuple[str, str], ...]:
    """What is said where there are no columns. `usable`: how many configurations there are to choose from."""
    if not usable:
        return (
            (_("Two or three models answer the same question here, side by side."), "text"),
            (_("There is no model to ask yet."), "text"),
            (_("Press {key} and make a configuration; the simulator needs no key.").format(key="Alt+6"), "accent"),
        )
    first = [
        (_("Two or three models answer the same question here, side by side."), "text"),
        (_("Press Ctrl+N and choose them."), "accent"),
    ]
    if usable == 1:
        first.append((_("You have one configuration: Alt+6 makes another; or compare it with itself, with other parameters."), "dim"))
    return tuple(first)


def ready(board: Board, column: Column) -> tuple[tuple[str, str], ...]:
    """What an empty column says."""
    if board.names_hidden:
        return ((_("Which model answers here is drawn by lot, and shown after your vote."), "text"),)
    lines = [(one_line(column.configuration_name), "text"), (one_line(column.model), "dim")]
    if column.configuration is not None and not (column.configuration.enabled and column.configuration.provider_enabled):
        lines.append((_("It is switched off: Ctrl+O asks another one here."), "warn"))
    if column.overrides is not None:
        lines.append((parameters_words(column), "dim"))
    if column.index == 0:
        lines.append((_("Write your question below and press Enter."), "accent"))
    return tuple(lines)


def parameters_words(column: Column) -> str:
    """The parameters that replace those of the configuration."""
    found = column.overrides
    if found is None:
        return ""
    names = ("temperature", "top_p", "top_k", "max_tokens", "presence_penalty", "frequency_penalty", "seed")
    parts = [f"{name} {value:g}" for name in names if (value := getattr(found, name)) is not None]
    stops = [f"{name} {one_line(word, 20)}" for name, word in zip(repeat("stop"), found.stop, strict=False)]
    return ", ".join([*parts, *stops, *(one_line(name, 30) for name in found.extra)])
