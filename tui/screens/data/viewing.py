"""With whose eyes a dataset is looked at: model, template, cutoff length; remembered with the account. And tokens in lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from rich.cells import cell_len

from core.sanitise import one_line, sanitise
from core.training.template_view_types import SeenSample, SeenSamples, Token
from tui.glyphs import Glyphs
from tui.i18n import N_, _, ngettext
from tui.screens.data.reading import heading
from tui.session import SessionContext
from tui.widgets.sheet import Line, wrapped

PREFERENCE = "data.seen_as"
CUTOFF = 2048
#: Tokens of one sample that are drawn.
_MOST = 6000
_DROPPED = {
    "empty": N_("It is dropped: it is empty."),
    "wrong_roles": N_("It is dropped: the roles do not take turns."),
    "all_masked": N_("Nothing of it is trained on: every token is masked."),
    "too_long": N_("It is dropped: the question alone is longer than the cutoff."),
}


@dataclass(frozen=True, slots=True)
class SeenAs:
    """`model`: a folder or a name at the hub, "" while none was chosen; `cutoff` in tokens."""

    model: str = ""
    template: str = ""
    cutoff: int = CUTOFF


def remembered_view(context: SessionContext) -> SeenAs:
    """What was chosen last, on any dataset."""
    kept = context.profile.preferences.get(PREFERENCE) if context.profile is not None else None
    if not isinstance(kept, dict):
        return SeenAs()
    model, template, cutoff = kept.get("model"), kept.get("template"), kept.get("cutoff")
    return SeenAs(
        model if isinstance(model, str) else "",
        template if isinstance(template, str) else "",
        cutoff if isinstance(cutoff, int) and 0 < cutoff < 10**9 else CUTOFF,
    )


def as_preference(view: SeenAs) -> dict[str, object]:
    return asdict(view)


# Lines -------------------------------------------------------------------------------------------------------------------


def seen_lines(seen: SeenSamples, width: int, signs: Glyphs, *, brackets: bool) -> list[Line]:
    """The verdict over all samples looked at, a legend, then sample after sample. `brackets`: also say without colours what is trained."""
    width = min(width, 140)
    lines = [*verdict_lines(seen, width, signs), (), _legend(signs, brackets=brackets)]
    for sample in seen.samples:
        lines += [(), *_sample_lines(sample, width, signs, brackets=brackets)]
    return lines


def verdict_lines(seen: SeenSamples, width: int, signs: Glyphs) -> list[Line]:
    """What to know before a night is spent on it: everything masked, samples cut off, samples dropped."""
    looked = len(seen.lengths)
    lines: list[Line] = []
    if not looked or seen.masked_share >= 1:
        text = _("Nothing would be trained on: every token is masked. Check the template, and the roles of the rows.")
        lines += wrapped(f"{signs.failed} {text}", "bad bold", width)
    elif seen.masked_share > 0:
        text = _("{share} of the samples have no token that is trained on.").format(share=_share(seen.masked_share))
        lines += wrapped(f"! {text}", "warn", width)
    else:
        text = _("Every sample looked at has tokens that are trained on.")
        lines += wrapped(f"{signs.done} {text}", "good bold", width)
    if seen.truncated_share > 0:
        text = _("{share} of the samples are longer than {cutoff} tokens and lose their end. {key} changes the cutoff length.").format(
            share=_share(seen.truncated_share), cutoff=f"{seen.cutoff:,}", key="L"
        )
        lines += wrapped(f"! {text}", "warn", width)
    elif looked:
        lines += wrapped(_("None of them is cut off at {cutoff} tokens.").format(cutoff=f"{seen.cutoff:,}"), "text", width)
    if seen.dropped:
        count = seen.dropped
        text = ngettext("{count} sample is dropped.", "{count} samples are dropped.", count).format(count=f"{count:,}")
        lines += wrapped(f"! {text}", "warn", width)
    if looked:
        figures = ngettext("{count} sample looked at", "{count} samples looked at", looked).format(count=f"{looked:,}")
        longest = _("the longest has {tokens} tokens").format(tokens=f"{max(seen.lengths):,}")
        lines += wrapped(f"{figures} · {longest}", "dim", width)
    return lines


def _share(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 or not share else f"{share:.1%}"


def _legend(signs: Glyphs, *, brackets: bool) -> Line:
    trained = _("trained on")
    return (
        (f"{signs.pointer} ", "good"),
        (f"[{trained}]" if brackets else trained, "good"),
        ("   ", ""),
        (_("masked: read, not learned"), "dim"),
    )


def _sample_lines(sample: SeenSample, width: int, signs: Glyphs, *, brackets: bool) -> list[Line]:
    sides = {"chosen": _("chosen"), "rejected": _("rejected")}
    words = [(_("sample {number}").format(number=f"{sample.index + 1:,}"), "accent bold")]
    if sample.side:
        words.append((sides.get(sample.side, one_line(sample.side, 20)), "text"))
    words.append(
        (_("{trained} of {count} tokens trained on").format(trained=f"{sample.trained:,}", count=f"{len(sample.tokens):,}"), "text")
    )
    if sample.truncated:
        words.append((_("cut off, {count} in all").format(count=f"{sample.length:,}"), "warn"))
    lines: list[Line] = [heading(words, width, signs)]
    if sample.problem or sample.all_masked:
        rule = sample.problem or "all_masked"
        known = _(_DROPPED[rule]) if rule in _DROPPED else _("It is dropped ({rule}).").format(rule=one_line(rule, 60))
        lines += wrapped(f"{signs.failed} {known}", "bad", width)
    lines += token_lines(sample.tokens[:_MOST], width, signs, brackets=brackets)
    if len(sample.tokens) > _MOST:
        more = len(sample.tokens) - _MOST
        lines.append(((ngettext("… {count} more token", "… {count} more tokens", more).format(count=f"{more:,}"), "dim"),))
    return lines


def stretches(tokens: Iterable[Token]) -> list[tuple[str, bool]]:
    """Neighbouring tokens of the same fate put together: (text, trained), sanitised."""
    found: list[tuple[list[str], bool]] = []
    for token in tokens:
        if not found or found[-1][1] != token.trained:
            found.append(([], token.trained))
        found[-1][0].append(token.text)
    return [(sanitise("".join(texts)).expandtabs(4), trained) for texts, trained in found]


def token_lines(tokens: Sequence[Token], width: int, signs: Glyphs, *, brackets: bool) -> list[Line]:
    """The text of `tokens` flowing over lines; those with something that is trained on have a mark at the left."""
    room = max(8, width - 2)
    lines: list[list[tuple[str, str]]] = [[]]
    used = 0
    for text, trained in stretches(tokens):
        style = "good" if trained else "dim"
        if brackets and trained:
            text = f"[{text}]"
        for index, part in enumerate(text.split("\n")):
            if index:
                lines.append([])
                used = 0
            for piece in _pieces(part, room, room - used):
                if used + cell_len(piece) > room:
                    lines.append([])
                    used = 0
                if piece:
                    lines[-1].append((piece, style))
                    used += cell_len(piece)
    while len(lines) > 1 and not lines[-1]:
        lines.pop()  # a template often ends with a line break
    marked = ((signs.pointer if any(style == "good" for _text, style in parts) else " ") + " " for parts in lines)
    return [((mark, "good"), *parts) for mark, parts in zip(marked, lines, strict=True)]


def _pieces(text: str, room: int, first: int) -> list[str]:
    """`text` cut so that the first piece fits into `first` cells and every other one into `room`."""
    found, current, used, limit = [], "", 0, max(0, first)
    for character in text:
        size = cell_len(character)
        if used + size > limit:
            found.append(current)
            current, used, limit = "", 0, room
        current, used = current + character, used + size
    return [*found, current]
