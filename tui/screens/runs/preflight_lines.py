"""The course of a run and the memory it needs, as lines: a small table of its terms with their formula, and a bar against what is free."""

from __future__ import annotations

from rich.cells import cell_len

from core.training.preflight_types import MemoryEstimate, Preflight
from tui.glyphs import Glyphs
from tui.i18n import _, ngettext
from tui.preflight_sentences import formula_words, term_words
from tui.training_sentences import size
from tui.widgets.lines import fit, pad
from tui.widgets.sheet import Line, wrapped

_BAR = 40


def course_lines(found: Preflight, width: int) -> list[Line]:
    """Steps, batch, checkpoints and disk, in one or two lines."""
    course = found.course
    parts = [_("{count} steps").format(count=f"{course.total_steps:,}") if course.total_steps else _("steps not known yet")]
    if course.epochs:
        parts.append(_("{count} epochs").format(count=f"{course.epochs:g}"))
    if course.samples is not None:
        parts.append(_("{count} samples").format(count=f"{course.samples:,}"))
    parts.append(_("effective batch {count}").format(count=course.effective_batch))
    if course.eval_samples:
        parts.append(_("{count} to evaluate").format(count=f"{course.eval_samples:,}"))
    every = course.logging_steps
    rest = [ngettext("a figure at every step", "a figure every {count} steps", every).format(count=every)]
    rest.append(_("a checkpoint every {count}").format(count=course.save_steps))
    if found.disk_needed is not None:
        needed, free = size(found.disk_needed), size(found.disk_free)
        text = _("disk {needed} of {free} free") if free else _("disk {needed}")
        rest.append(text.format(needed=needed, free=free))
    return [*wrapped(" · ".join(parts), "text", width), *wrapped(" · ".join(rest), "dim", width)]


def memory_lines(found: Preflight, width: int, signs: Glyphs) -> list[Line]:
    """The estimate with its formula; what is free as a bar."""
    memory = found.memory
    if memory is None:
        return [(), *wrapped(_("The memory it needs cannot be told: the size of the model is not known."), "dim", width)]
    lines: list[Line] = [(), ((_("Memory, estimated"), "bold"), (f"  {_trained(memory)}", "dim"))]
    lines += _bar(memory, width, signs)
    names = [term_words(term.name) for term in memory.terms]
    room = min(26, max((cell_len(name) for name in names), default=8) + 1)
    for name, term in zip(names, memory.terms, strict=True):
        formula = fit(formula_words(term.formula), max(0, width - room - 14))
        lines.append((("  " + pad(name, room), "text"), (pad(size(term.bytes), 10, right=True), "text"), (f"  {formula}", "dim")))
    lines.append((("  " + pad(_("together"), room), "bold"), (pad(size(memory.total), 10, right=True), "bold")))
    return lines


def _trained(memory: MemoryEstimate) -> str:
    if not memory.parameters:
        return ""
    share = memory.trainable / memory.parameters
    text = _("{trained} of {all} weights are trained ({share})")
    return text.format(trained=f"{memory.trainable:,}", all=f"{memory.parameters:,}", share=f"{share:.2%}")


def _bar(memory: MemoryEstimate, width: int, signs: Glyphs) -> list[Line]:
    """Needed against free: red where it does not fit, yellow where little is left."""
    if memory.free is None:
        return [(("  " + _("What is free is not known here."), "dim"),)]
    token = "bad" if memory.total > memory.free else "warn" if memory.total > memory.free * 0.9 else "good"
    text = _("{needed} of {free} free") if memory.capacity is None else _("{needed} of {free} free (of {capacity})")
    said = text.format(needed=size(memory.total), free=size(memory.free), capacity=size(memory.capacity or 0))
    cells = max(8, min(_BAR, width - 4 - cell_len(said)))
    full = min(cells, round(memory.total / max(1, memory.free) * cells))
    return [(("  " + signs.full * full + signs.empty * (cells - full), token), (f"  {said}", token))]
