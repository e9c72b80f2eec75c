"""A dataset in lines: what is said of it beside the list, and on its own page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from rich.cells import cell_len

from core.datasets.types import CheckSummary, Dataset, DatasetVersion, Histogram, Problem, RuleCount, Statistics, UsedBy
from core.sanitise import one_line
from tui import moments
from tui.dataset_sentences import problem_sentence, rule_remedy, rule_title
from tui.glyphs import Glyphs
from tui.i18n import _, ngettext
from tui.screens.data import texts
from tui.screens.data.lists import moment
from tui.widgets.histogram import Bin, histogram
from tui.widgets.sheet import Line, flat, wrapped

#: Lines of one rule that are named.
_FIRST = 4


@dataclass(frozen=True, slots=True)
class Known:
    """What the detail is made of. `firsts`: the first problems of each rule; `tokens`: lengths in tokens, where they were counted;
    `before`: the version that the one in force was made from; `working`: something is under way with it;
    `place`: where the file is, in words.
    """

    dataset: Dataset
    firsts: Sequence[Problem] = ()
    used: UsedBy | None = None
    tokens: Histogram | None = None
    before: DatasetVersion | None = None
    working: bool = False
    place: str = ""


def detail_lines(known: Known, width: int, signs: Glyphs, zone: tzinfo | None) -> list[Line]:
    """Verdict and what to do, problems by rule, statistics, lengths, where it is and who uses it."""
    item = known.dataset
    lines: list[Line] = [*wrapped(one_line(item.name), "bold", width)]
    if item.note:
        lines += wrapped(one_line(item.note, 400), "dim", width)
    lines += [(), *verdict_lines(known, width, signs), *change_lines(item.current, known.before, width)]
    summary = item.current.summary
    if summary is not None:
        lines += rule_lines(summary, known.firsts, width, signs)
        if summary.statistics is not None and summary.statistics.rows:
            lines += [(), *statistics_lines(summary.statistics, width)]
            lines += [(), *length_lines(known.tokens or summary.statistics.lengths, width, signs)]
    return [*lines, (), *place_lines(known, width, zone)]


def summary_lines(known: Known, width: int, signs: Glyphs) -> list[Line]:
    """The verdict, what is wrong and what to do next in a few lines, for below the list where there is no room beside it."""
    version, summary = known.dataset.current, known.dataset.current.summary
    lines = [*verdict_lines(known, width, signs), *change_lines(version, known.before, width)]
    for rule in summary.rules if summary is not None else ():
        if rule.level != "remark" and rule.count:
            lines += _one_rule(rule, [item for item in known.firsts if item.rule == rule.rule], width, signs, repairable=True)
    return lines


def verdict_lines(known: Known, width: int, signs: Glyphs) -> list[Line]:
    """The verdict, why, and the key that goes on from here."""
    item, version, summary = known.dataset, known.dataset.current, known.dataset.current.summary
    if known.working and version.checked_at is None:
        return wrapped(f"{signs.running} {_('It is being checked: you may go elsewhere meanwhile.')}", "accent", width)
    if trouble := texts.missing(version):
        return wrapped(f"{signs.lost} {trouble}", "bad" if version.missing else "warn", width)
    words, token = texts.verdict(version.verdict, signs)
    lines = wrapped(words, f"{token} bold", width)
    if summary is not None and summary.rows:
        lines += wrapped(_rows_words(summary), "text", width)
    return lines + wrapped(next_step(item), "accent", width)


def change_lines(version: DatasetVersion, before: DatasetVersion | None, width: int) -> list[Line]:
    """What made a version, and its counts beside those of the one before it."""
    if not version.changes:
        return []
    lines: list[Line] = [(), *wrapped(_(texts.ORIGINS[version.origin]), "bold", width)]
    if version.summary is not None and before is not None and before.summary is not None:
        lines += wrapped(compared(before.summary, version.summary), "good" if not version.summary.problems else "warn", width, "  ")
    for rule, count in version.changes.items():
        lines += wrapped(f"{count:,} × {rule_title(rule)}", "text", width, "  ")
    return lines


def compared(before: CheckSummary, after: CheckSummary) -> str:
    """The counts of a version beside those of the one before it."""
    return _("{rows_before} rows before, {rows} now; {problems_before} problems before, {problems} now").format(
        rows_before=f"{before.rows:,}", rows=f"{after.rows:,}", problems_before=f"{before.problems:,}", problems=f"{after.problems:,}"
    )


def _rows_words(summary: CheckSummary) -> str:
    if summary.usable == summary.rows:
        return ngettext("The {count} row is trained on.", "All {count} rows are trained on.", summary.rows).format(
            count=f"{summary.rows:,}"
        )
    return ngettext(
        "{usable} of {count} row is trained on as it is meant.",
        "{usable} of {count} rows are trained on as they are meant.",
        summary.rows,
    ).format(usable=f"{summary.usable:,}", count=f"{summary.rows:,}")


def next_step(item: Dataset) -> str:
    """What to do now with a dataset, and with which key."""
    summary = item.current.summary
    match item.verdict:
        case "unchecked":
            return _("Press {key} to check it.").format(key="c")
        case "repairable":
            return _("Press {key} to repair it: a new version is written, the file stays as it is.").format(key="R")
        case "unusable" if summary is not None and summary.problems:
            return _("Press {key} for every problem with what to do about it.").format(key="p")
        case "unusable":
            return _("Nothing in it can be trained on.")
    if summary is not None and summary.statistics is not None and summary.statistics.duplicates:
        return _("Press {train} to train on it, {clean} to take the duplicates out first.").format(train="t", clean="D")
    return _("Press {key} to train on it.").format(key="t")


def rule_lines(summary: CheckSummary, firsts: Sequence[Problem], width: int, signs: Glyphs) -> list[Line]:
    """Problems grouped by rule, the worst first: how many, what, the first lines, what to do."""
    lines: list[Line] = []
    for level in ("file", "row", "remark"):
        for rule in summary.rules:
            if rule.level == level and rule.count:
                examples = [item for item in firsts if item.rule == rule.rule]
                lines += [(), *_one_rule(rule, examples, width, signs, repairable=summary.verdict == "repairable")]
    return lines


def _one_rule(rule: RuleCount, firsts: Sequence[Problem], width: int, signs: Glyphs, *, repairable: bool) -> list[Line]:
    """`repairable`: the verdict said already that repair takes care of what can be repaired."""
    token = {"file": "bad", "row": "warn", "remark": "dim"}[rule.level]
    sign = signs.bullet if rule.level == "remark" else "!" if rule.mechanical else signs.failed
    count = f"{rule.count:,} × " if not signs.ascii else f"{rule.count:,} x "
    lines = wrapped(f"{sign} {count}{rule_title(rule.rule)}", token, width)
    places = [f"{item.line:,}" for item in firsts[:_FIRST] if item.line is not None]
    if places:
        more = signs.ellipsis if rule.count > len(places) else ""
        text = ngettext("line {lines}", "lines {lines}", len(places)).format(lines=", ".join(places) + (f", {more}" if more else ""))
        lines += wrapped(text, "dim", width, "  ")
    elif firsts:
        lines += wrapped(problem_sentence(firsts[0]), "dim", width, "  ")
    repaired = "" if repairable else _("Repair takes care of it.")
    remedy = repaired if rule.mechanical else rule_remedy(rule.rule)
    return lines + wrapped(remedy, "text", width, "  ") if remedy else lines


def statistics_lines(found: Statistics, width: int) -> list[Line]:
    """Counts of the usable rows, two in a line where there is room."""
    facts = [
        (_("rows"), f"{found.rows:,}"),
        (_("characters"), f"{found.characters:,}"),
        (_("turns in a row"), f"{found.turns / found.rows:.1f}" if found.turns else ""),
        (_("most turns"), f"{found.most_turns:,}" if found.most_turns else ""),
        (_("duplicates"), f"{found.duplicates:,}"),
        (_("with a system prompt"), f"{found.with_system:,}" if found.with_system else ""),
        (_("with tools"), f"{found.with_tools:,}" if found.with_tools else ""),
        (_("with images"), f"{found.with_images:,}" if found.with_images else ""),
    ]
    return [_fact(name, value, width) for name, value in facts if value]


def _fact(name: str, value: str, width: int) -> Line:
    blank = " " * max(1, min(width, 34) - cell_len(name) - cell_len(value))
    return ((name + blank, "dim"), (value, "text"))


def length_lines(found: Histogram, width: int, signs: Glyphs, *, cutoff: int | None = None) -> list[Line]:
    """The histogram of lengths with its heading; what would be cut off is drawn as a warning."""
    title = _("Length of a row in tokens") if found.unit == "tokens" else _("Length of a row in characters")
    edges = found.edges
    bins = [Bin(low, high, count) for low, high, count in zip(edges[:-1], edges[1:], found.counts, strict=True)]
    figures = _("{median} in the middle, 95 % up to {p95}, the longest {most}").format(
        median=f"{found.median:,}", p95=f"{found.p95:,}", most=f"{found.most:,}"
    )
    lines = [*wrapped(title, "bold", width), *histogram(bins, min(width, 72), signs, beyond=cutoff), *wrapped(figures, "dim", width)]
    if found.sampled < found.total:
        text = _("From {sampled} of {total} rows.").format(sampled=f"{found.sampled:,}", total=f"{found.total:,}")
        lines += wrapped(text, "dim", width)
    return lines


def place_lines(known: Known, width: int, zone: tzinfo | None) -> list[Line]:
    """What the file is, where it is, when it was checked, who would miss it."""
    version = known.dataset.current
    parts: list[tuple[str, str]] = [
        (" · ".join((texts.format_of(version), texts.size(version.size))), "text"),
        (_("Version {number} of {count}: {origin}").format(
            number=version.version, count=known.dataset.versions, origin=_(texts.ORIGINS[version.origin])
        ), "text"),
        (known.place, "dim"),
    ]  # fmt: skip
    if version.linked:
        parts.append((_("Used where it lies; modeltrain never changes it."), "dim"))
    checked = moment(version.checked_at)
    if checked is not None:
        parts.append((_("Checked {when}").format(when=moments.full(checked, zone)), "dim"))
    if known.used is not None:
        parts += [(text, "dim") for text in used_words(known.used)]
    return flat(parts, width)


def used_words(used: UsedBy) -> list[str]:
    """Who uses a dataset, in sentences."""
    if used.nothing:
        return [_("Nothing uses it.")]
    found = []
    if used.configurations:
        found.append(_("Training configurations that name it: {names}").format(names=_names(used.configurations)))
    if used.runs:
        found.append(_("Runs that need it: {names}").format(names=_names(used.runs)))
    return found


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(one_line(name, 40) for name in names[:5])
    return shown + (f" +{len(names) - 5}" if len(names) > 5 else "")
