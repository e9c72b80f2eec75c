"""The sentences for errors about datasets (core/datasets): hooked into tui/sentences.py and tui/rules.py."""

from __future__ import annotations

from tui.i18n import N_
from tui.sentence import Candidates, Text

DATASET_WHAT: dict[str, Text] = {
    "dataset_process_failed": Text(
        (N_("The program that reads datasets ended before its time."),),
        (N_("{reason}"),),
        (N_("Try again. If it happens again, look whether the machine has memory left, and tell who develops modeltrain."),),
    ),
}
DATASET_CONFLICTS: dict[str, Text] = {
    "dataset_name": Text(
        (N_("There is a dataset called “{name}” already."), N_("There is a dataset of that name already.")),
        (),
        (N_("Choose another name."),),
    ),
    "dataset_in_use": Text(
        (N_("Runs that are not over need it: {runs}"), N_("A run that is not over needs it.")),
        (),
        (N_("Wait for their end, or stop them under Runs."),),
    ),
    "dataset_unchecked": Text((N_("The dataset was not checked as it is now."),), (), (N_("Check it first."),)),
    "dataset_unusable": Text(
        (N_("The rows of this file cannot be told."),), (), (N_("Check the dataset: it says what is wrong with the file."),)
    ),
    "dataset_unreadable": Text((N_("The file of the dataset cannot be read."),), (), (N_("Put the file back, or add the dataset anew."),)),
    "dataset_nothing_left": Text(
        (N_("Nothing would be left of it: no row can be put right."),), (), (N_("See what is wrong with the rows, and mend the file."),)
    ),
    "dataset_too_small": Text(
        (N_("There are only {rows} rows; {wanted} of them cannot be set aside."), N_("There are too few rows.")),
        (),
        (N_("Set fewer aside."),),
    ),
    "work_cancelled": Text((N_("It was called off."),), (), (N_("Begin it again when you like."),)),
}
DATASET_KINDS: dict[str, Candidates] = {
    "dataset": (N_("There is no dataset “{reference}” of yours."), N_("There is no such dataset.")),
    "dataset_version": (N_("There is no version {reference} of this dataset."), N_("There is no such version.")),
    "dataset_file": (N_("There is no file {reference} that you can use."), N_("There is no such file.")),
}
DATASET_RULES: dict[str, Candidates] = {
    "not_allowed": (N_("You may not use this."),),
    "not_a_file": (N_("Not an ordinary file: no folder, pipe or device."),),
    "not_readable": (N_("The account that runs modeltrain may not read it."),),
}
