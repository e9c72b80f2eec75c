"""Core's errors about comparisons in words. Merged into tui/sentences.py and tui/rules.py."""

from __future__ import annotations

from tui.i18n import N_
from tui.sentence import Candidates, Text

#: NotFound by `kind`.
COMPARE_KINDS: dict[str, Candidates] = {
    "comparison": (N_("There is no comparison “{reference}”."), N_("There is no such comparison.")),
    "candidate": (N_("There is no such column in this comparison."),),
    "round": (N_("There is no such question in your comparisons."),),
    "image": (N_("There is no such image."),),
}
#: Conflict by `what`.
COMPARE_CONFLICTS: dict[str, Text] = {
    "no_question": Text((N_("Nothing was asked in this comparison yet."),), (), (N_("Ask a question first."),)),
}
#: Errors by code.
COMPARE_CODES: dict[str, Text] = {
    "images_not_seen": Text(
        (N_("The model “{model}” does not take images."), N_("This model does not take images.")),
        (N_("It was not asked, as there is an image in the conversation."),),
        (
            N_(
                "Choose a model that sees; where the list of models is wrong about this one, "
                "add it by hand under Models and say that it sees."
            ),
        ),
    ),
}
#: InvalidInput by `rule`, short, for beside a field.
COMPARE_RULES: dict[str, Candidates] = {
    "too_few": (N_("At least {min} of them."), N_("Too few.")),
    "not_a_day": (N_("“{value}” is not a day like 2026-01-31."), N_("Not a day like 2026-01-31.")),
    "not_stars": (N_("“{value}” is not stars for an answer, like A=4."), N_("Not stars for an answer, like A=4.")),
    "models_fixed": (N_("A comparison that goes on keeps its models: leave out either --comparison or --config."),),
    "not_an_image": (N_("Not an image that models take: PNG, JPEG, GIF or WebP."),),
}
#: The words for `field` of InvalidInput.
COMPARE_FIELDS: dict[str, str] = {
    "configurations": N_("models to compare"),
    "image": N_("image"),
    "images": N_("images"),
    "winner": N_("winner"),
    "stars": N_("stars"),
    "verdict": N_("verdict"),
    "mode": N_("mode"),
    "round": N_("question"),
    "since": N_("from"),
    "until": N_("up to"),
}
