"""The plan of a batch in words: for its screen and for the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.sanitise import one_line
from tui import batch_words as words
from tui.i18n import _

if TYPE_CHECKING:
    from core.batches.types import Plan


def summary(item: Plan) -> list[tuple[str, str]]:
    """What a plan says in all, as names and values."""
    pairs = [
        (
            _("Questions"),
            _("{count} of “{set}”, version {version}").format(
                count=f"{item.questions:,}", set=one_line(item.set_name, 60), version=item.version
            ),
        ),
        (_("Requests"), f"{item.requests:,}"),
    ]
    if item.judge_requests:
        pairs.append((_("of them to the judge"), f"{item.judge_requests:,}"))
    if item.from_cache:
        pairs.append((_("answered before"), _("{count}, taken from the cache").format(count=f"{item.from_cache:,}")))
    return [
        *pairs,
        (_("Tokens to the models"), words.count_range(item.input_tokens)),
        (_("Tokens from them"), words.count_range(item.output_tokens)),
        (_("Cost"), words.cost_range(item.cost)),
        (_("Time"), words.time_range(item.seconds)),
    ]


def rows(item: Plan) -> list[tuple[str, ...]]:
    """A plan by configuration: name, requests, from the cache, tokens in and out, cost."""
    return [
        (
            one_line(each.name, 40),
            f"{each.requests:,}",
            f"{each.from_cache:,}" if each.from_cache else "",
            words.count_range(each.input_tokens),
            ("" if each.measured else "~") + words.count_range(each.output_tokens),
            words.cost_range(each.cost),
        )
        for each in item.configurations
    ]


def headings() -> tuple[str, ...]:
    """What stands over the columns of `rows`."""
    return (_("Configuration"), _("Requests"), _("Cached"), _("Tokens in"), _("Tokens out"), _("Cost"))
