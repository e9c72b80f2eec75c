"""The walk through the Compare area for tools/screenshots.py, on an installation with weeks of verdicts (demo_votes.py).

One comparison is asked and one batch begun on the way, of simulated models; the batch is paused before the program is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo import HALTS
from demo_batches import NAMES
from demo_compare import FAILING, QUESTIONS
from demo_votes import WORDS

if TYPE_CHECKING:
    from screenshots import Visit

LANGUAGE = {"en": "en", "zh": "zh_CN"}
#: One that ends, one that goes silent in the middle, one that refuses: a picture of them at work is the same whenever it is taken.
ASKED = ("sim-reasoning@40", HALTS, "sim-401")
#: Those whose batch is seen at work.
TRIED = ("sim-reasoning@40", "sim-markdown@40", "sim-markdown@260x70")
#: For how many seconds the batch is at work in the picture.
_WORKING_S = 6.0


def _open_record(visit: Visit, question: str) -> None:
    visit.go("e")
    visit.press("/")
    visit.terminal.until_quiet()
    visit.write(question)
    visit.press("enter")
    visit.terminal.until_quiet()
    visit.press("enter")
    visit.terminal.until_quiet(1)


def _choose(visit: Visit, *models: str) -> None:
    """In a list that searches with the slash: mark these."""
    for model in models:
        visit.press("/", "ctrl+u")
        visit.terminal.until_quiet()
        visit.write(model)
        visit.press("enter")
        visit.terminal.until_quiet()
        visit.press("end", "space")  # behind those that are marked already
        visit.terminal.until_quiet()


def side_by_side(visit: Visit) -> None:
    """Two questions, three models: one reasons, one has a key that has expired."""
    _open_record(visit, QUESTIONS[LANGUAGE[visit.look.language]][0])
    visit.terminal.until(FAILING)
    visit.press("esc")
    visit.shoot("compare")


def asking(visit: Visit) -> None:
    """Three are chosen and asked; one has answered, one is at it, one has failed."""
    words = WORDS[LANGUAGE[visit.look.language]]
    visit.go("o")
    visit.press("ctrl+n")
    visit.terminal.until(words.names[0])
    _choose(visit, "sim-401", *ASKED)  # the comparison in sight had chosen the one that fails: first it is taken away
    visit.shoot("compare-new")
    visit.press("enter")
    visit.terminal.until_quiet()
    visit.write(words.live)
    visit.press("enter")
    visit.terminal.until(lambda text: visit.look.narrow or "147" in text)
    visit.terminal.until_quiet(2)
    visit.shoot("compare-answering")
    visit.press("esc")
    visit.terminal.until_quiet()


def judging(visit: Visit) -> None:
    """A vote without knowing who is who."""
    _open_record(visit, WORDS[LANGUAGE[visit.look.language]].blind)
    visit.press("esc")
    visit.shoot("compare-blind")
    visit.press("v")
    visit.terminal.until_quiet()
    visit.press("4", "down", "5", "space")
    visit.shoot("compare-verdict")
    visit.press("enter")
    visit.terminal.until_quiet()


def verdicts(visit: Visit) -> None:
    """What was compared and judged, where two answers differ, and what comes of it."""
    asked = WORDS[LANGUAGE[visit.look.language]].asked[0][1]
    visit.go("e")
    visit.shoot("records")
    visit.press("/")
    visit.terminal.until_quiet()
    visit.write(asked)
    visit.press("enter")
    visit.terminal.until_quiet()
    visit.press("a")
    visit.terminal.until_quiet(1)
    visit.shoot("similar")
    visit.press("esc")
    visit.terminal.until_quiet()
    visit.press("enter")
    visit.terminal.until_quiet(1)
    visit.press("esc", "w", "]", "]")
    visit.terminal.until_quiet()
    visit.shoot("compare-diff")
    visit.press("esc")
    visit.terminal.until_quiet()
    visit.go("l")
    visit.terminal.until_quiet(1)
    visit.shoot("leaderboard")


def questions(visit: Visit) -> None:
    """The library, and one of its sets: one that has every kind of scorer."""
    visit.go("q")
    visit.terminal.until_quiet(1)
    visit.press("down")
    visit.shoot("questions")
    visit.press("enter")
    visit.terminal.until_quiet(1)
    visit.shoot("question-set")
    visit.press("esc")
    visit.terminal.until_quiet()


def batch(visit: Visit) -> None:
    """From the other example to a batch at work."""
    visit.press("down", "t")
    visit.terminal.until_quiet(1)
    visit.press("enter")
    visit.terminal.until_quiet()
    _choose(visit, *TRIED)
    visit.press("enter")
    visit.terminal.until_quiet()
    visit.shoot("new-batch")
    visit.press("ctrl+s")
    visit.terminal.until_quiet(1)
    visit.shoot("batch-plan")
    visit.press("s")
    visit.terminal.until_quiet()
    visit.terminal.pump(_WORKING_S)
    visit.shoot("batch-progress")

    visit.press("p")
    visit.see("paused")
    visit.press("esc")
    visit.terminal.until_quiet()


def results(visit: Visit) -> None:
    """All batches, and the answers and the report of one that has ended."""
    visit.go("b")
    visit.terminal.until(NAMES[LANGUAGE[visit.look.language]][:6])
    visit.press("down")
    visit.shoot("batches")
    visit.press("enter")
    visit.terminal.until_quiet(1)
    visit.press("right")
    visit.terminal.until_quiet(1)
    visit.press("down")
    visit.shoot("batch-answers")
    visit.press("right")
    visit.terminal.until_quiet(1)
    visit.shoot("batch-report")
    visit.press("esc")


COMPARING = (side_by_side, asking, judging, verdicts, questions, batch, results)
