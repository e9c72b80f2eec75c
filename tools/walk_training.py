"""The walk through data, training and results for tools/screenshots.py, on runs that were really trained (demo_runs.py).

One run is started on the way, watched, and stopped before the program is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo_runs import NAMES

if TYPE_CHECKING:
    from screenshots import Visit

LANGUAGE = {"en": "en", "zh": "zh_CN"}
#: Seconds in which the trainer has imported what it needs and made its first steps, on a busy machine too.
_STARTS_S = 240.0
#: How long the run is at work in the picture.
_WATCHED_S = 15.0


def _filter(visit: Visit, text: str) -> None:
    """Only the rows of the list that have `text` in them."""
    visit.press("/")
    visit.terminal.until_quiet()
    visit.write(text)
    visit.press("enter")
    visit.terminal.until_quiet()


def data(visit: Visit) -> None:
    visit.go("d")
    visit.terminal.until("helpdesk-2025" if visit.look.language == "en" else "帮助台-2025")
    visit.shoot("data")
    visit.press("p")
    visit.see("problems")
    visit.shoot("data-problems")
    visit.press("esc", "v")
    visit.shoot("data-rows")
    visit.press("esc", "n")
    visit.shoot("data-add")
    visit.press("esc", "j", "enter")
    visit.shoot("dataset")
    visit.press("w")
    visit.see("Press {key} and choose a model: its tokenizer and template make tokens of the rows.")
    visit.terminal.until_quiet(1)
    visit.press("m")
    visit.terminal.until_quiet()
    visit.write("tiny-qwen2")
    visit.terminal.until_quiet()
    visit.press("enter")
    visit.terminal.until(lambda text: "tiny-qwen2" in text and "<|im_start|>" in text, limit_s=_STARTS_S)
    visit.shoot("data-seen")
    visit.press("esc")


def over(visit: Visit) -> None:
    """Runs that are over: why one failed, what another one brought, two side by side."""
    names = NAMES[LANGUAGE[visit.look.language]]
    visit.go("r")
    visit.terminal.until(names.killed)
    visit.shoot("runs")
    visit.press("enter")
    visit.shoot("run-failed")
    visit.press("R")
    visit.shoot("run-retry")
    visit.press("esc", "esc", "j", "space", "space", "c")
    visit.terminal.until_quiet()
    visit.shoot("runs-compare")
    visit.press("esc", "esc")
    _filter(visit, names.careful)
    visit.press("enter")
    visit.shoot("run-completed")
    visit.press("o")
    visit.terminal.until("60")
    visit.shoot("run-results")
    visit.press("esc", "r")
    visit.shoot("run-report")
    visit.press("esc", "esc", "esc", "w")
    visit.terminal.until(names.careful)
    visit.shoot("swanlab")
    visit.press("enter")
    visit.shoot("swanlab-experiment")
    visit.press("esc", "esc")


def configurations(visit: Visit) -> None:
    visit.go("r")
    visit.press("right")
    _filter(visit, NAMES[LANGUAGE[visit.look.language]].watched)
    visit.shoot("training-configurations")
    visit.press("e")
    visit.shoot("training-configuration")
    visit.press("ctrl+y")
    visit.terminal.until("finetuning_type")
    visit.shoot("training-yaml")
    visit.press("esc", "esc", "right")
    visit.terminal.until("0.9.5")
    visit.shoot("training-environment")
    visit.press("left")
    visit.terminal.until_quiet()


def at_work(visit: Visit) -> None:
    """From the configuration in hand to a run at work, and its end."""
    visit.press("t")
    visit.terminal.until_quiet()
    visit.shoot("new-run")
    visit.press("ctrl+s")
    visit.terminal.until(lambda text: "LLaMA-Factory 0.9.5" in text, limit_s=_STARTS_S)
    visit.shoot("run-checks")
    visit.press("s")
    # A second evaluation, so that its curve has a beginning.
    visit.terminal.until(lambda text: "200,000" in text and (visit.look.narrow or visit.say("evaluation") in text), limit_s=_STARTS_S)
    visit.terminal.pump(_WATCHED_S)
    visit.shoot("monitor")
    visit.press("v")
    visit.shoot("monitor-log")
    visit.press("s")
    visit.terminal.until_quiet()
    visit.press("enter")
    visit.terminal.until(lambda text: visit.say("stopped") in text, limit_s=_STARTS_S)
    visit.press("esc")


TRAINING = (data, over, configurations, at_work)
