"""What stands above and below the monitor: state, steps, bar, loss, speed, time left; what the run uses of the machine."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from textual.app import RenderResult
from textual.strip import Strip
from textual.widget import Widget

from core.sanitise import one_line
from core.training.metrics import Latest
from core.training.progress import Progress
from core.training.tails_resources import Sample
from core.training.types import RESUMABLE, Run, RunState
from tui.failure_sentences import what
from tui.glyphs import Glyphs, glyphs
from tui.i18n import _, ngettext
from tui.themes import palette
from tui.training_sentences import method_words, model_words, size, span, stage_words, state, why_waiting
from tui.widgets.line_chart.scale import number
from tui.widgets.lines import Part, between, fit, width_of

#: A part of a line: text, token of the palette.
Words = tuple[str, str]


class HeadLines(Widget):
    """Lines of parts; the last parts of a line give way where there is no room. Draws only when something changed."""

    def __init__(self, count: int, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._lines: tuple[tuple[Words, ...], ...] = ((),) * count

    def show(self, *lines: Sequence[Words]) -> None:
        """These lines, already translated and sanitised."""
        made = tuple(tuple(line) for line in lines)
        if made != self._lines:
            self._lines = made
            self.refresh()

    def render(self) -> RenderResult:
        return ""

    def render_line(self, y: int) -> Strip:
        colours, width = palette(self.app), self.size.width
        parts: list[Part] = []
        for text, token in self._lines[y] if y < len(self._lines) else ():
            gap = "  " if parts else " "
            if parts and width_of(parts) + len(gap) + width_of([(text, Style())]) > width:
                continue
            parts += [(gap, Style()), (fit(text, max(1, width - 2), glyphs(self.app).ellipsis), _style(colours, token))]
        return between(parts, [], width, self.rich_style, glyphs(self.app).ellipsis)


def _style(colours: object, token: str) -> Style:
    style = Style()
    for name in token.split():
        style += getattr(colours, name)
    return style


def what_line(run: Run, signs: Glyphs) -> list[Words]:
    """State, name, and what is trained how."""
    word, token = state(run, signs)
    about = [method_words(run.method), stage_words(run.stage)] if run.kind == "train" else [_("export")]
    parts = [(word, token), (one_line(run.name, 60), "bold"), (" ".join(part for part in about if part), "text")]
    parts.append((model_words(run.model), "text"))
    if run.attempts > 1:
        parts.append((_("attempt {number}").format(number=run.attempt), "dim"))
    return [part for part in parts if part[0]]


def course_line(run: Run, progress: Progress, latest: Latest, signs: Glyphs, width: int) -> list[Words]:
    """How far it is, how fast, how long yet; or why it waits, or what is wrong."""
    if run.state.value == "pending":
        return [(why_waiting(run.waiting_for), "accent")]
    parts: list[Words] = []
    if progress.stalled and progress.silent_s is not None:
        parts.append((_("Nothing was logged for {time}: it may hang.").format(time=span(progress.silent_s)), "warn"))
    if run.state.value == "failed" and run.failure is not None:
        parts.append((what(run.failure), "bad"))
    if progress.total_steps:
        parts.append((_("step {step}/{total}").format(step=f"{progress.step:,}", total=f"{progress.total_steps:,}"), "text"))
        fraction = progress.fraction or 0.0
        parts.append((f"{100 * fraction:.0f} %", "text"))
        cells = min(20, max(0, (width - 70) // 2))
        if cells >= 5:
            done = round(cells * fraction)
            parts.append((signs.full * done + signs.empty * (cells - done), "accent"))
    elif progress.step:
        parts.append((_("step {step}").format(step=f"{progress.step:,}"), "text"))
    if (loss := latest.values.get("loss")) is not None:
        parts.append((_("loss {value}").format(value=number(loss[1])), "text"))
    if run.state.is_active:
        parts += _pace(progress)
    if latest.epoch is not None:
        parts.append((_("epoch {epoch}").format(epoch=f"{latest.epoch:.2f}"), "dim"))
    return parts


def _pace(progress: Progress) -> list[Words]:
    seconds = progress.seconds_per_step
    if not seconds:
        return []
    speed = _("{count} steps/s").format(count=number(1 / seconds)) if seconds < 1 else _("{count} s/step").format(count=number(seconds))
    parts = [(speed, "text")]
    if progress.time_left_s is not None:
        parts.append((_("{time} left").format(time=span(progress.time_left_s)), "good"))
    return parts


def next_line(run: Run) -> list[Words]:
    """What is best done with a run that is over or rests."""
    if run.kind != "train":
        return []
    if run.state is RunState.COMPLETED:
        return [(_("o: chat with it, compare it with its base, merge it"), "accent"), (_("r: the report"), "dim")]
    words = [(_("i: why it failed, and what to change"), "accent")] if run.failure is not None else []
    return words + ([(_("p: go on from its last checkpoint"), "accent")] if run.state in RESUMABLE and run.can_resume else [])


def resource_line(sample: Sample | None, signs: Glyphs) -> list[Words]:
    """GPUs, CPU and memory of the run."""
    if sample is None or not sample.processes:
        return []
    parts: list[Words] = []
    for gpu in sample.gpus:
        name = f"GPU{gpu.index}"
        heat = f" {gpu.temperature} °C" if gpu.temperature is not None else ""
        work = f" {gpu.utilisation} %" if gpu.utilisation is not None else ""
        hot = gpu.temperature is not None and gpu.temperature >= 85
        parts.append((f"{name}{heat}{work}  {size(gpu.memory_used)}/{size(gpu.memory_total)}", "warn" if hot else "text"))
    if sample.gpu_problem:
        parts.append((_("GPU: {problem}").format(problem=one_line(sample.gpu_problem, 60)), "warn"))
    if sample.cpu is not None:
        cores = ngettext("CPU {used} of {count} core", "CPU {used} of {count} cores", sample.cores)
        parts.append((cores.format(used=f"{sample.cpu:.1f}", count=sample.cores), "text"))
    full = sample.memory_total and sample.memory > 0.9 * sample.memory_total
    parts.append((_("RAM {used} of {total}").format(used=size(sample.memory), total=size(sample.memory_total)), "warn" if full else "text"))
    parts.append((ngettext("{count} process", "{count} processes", sample.processes).format(count=sample.processes), "dim"))
    return parts
