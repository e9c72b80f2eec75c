"""The sentences of `modeltrain doctor`, as data: what was found, and what to do."""

from __future__ import annotations

from tui.i18n import N_

_REINSTALL = N_("Install it again with its pinned versions: make run, or pip install -c constraints.txt modeltrain")

#: By what was looked at and what was found. Findings that are codes of storage errors are worded by tui/errors.py.
TEXTS: dict[tuple[str, str], tuple[str, str]] = {
    ("python", "ok"): (N_("Python {found}"), ""),
    ("python", "too_old"): (N_("Python {found} is too old."), N_("Install Python {wanted} or newer, and modeltrain with it.")),
    ("packages", "ok"): (N_("All packages are there in the right versions."), ""),
    ("packages", "not_installed"): (
        N_("modeltrain runs from its sources without being installed, so versions could not be checked."),
        N_("Install it with: make run"),
    ),
    ("package", "missing"): (N_("The package {name} is missing."), _REINSTALL),
    ("package", "wrong_version"): (N_("{name} is {found}, but only {wanted} works."), _REINSTALL),
    ("package", "too_old"): (N_("{name} is {found}; {wanted} or newer is needed."), _REINSTALL),
    ("data_folder", "ok"): (N_("Data folder {path}, readable by its owner only"), ""),
    ("data_folder", "absent"): (N_("Data folder {path} is not there yet; the first start makes it."), ""),
    ("data_folder", "cannot_be_made"): (
        N_("The data folder {path} cannot be made."),
        N_("Make it yourself and give it to this account, or name another with --data."),
    ),
    ("data_folder", "not_a_folder"): (N_("{path} is not a folder."), N_("Name another data folder with --data.")),
    ("data_folder", "not_writable"): (
        N_("The data folder {path} cannot be written by this account."),
        N_("Run modeltrain as the owner of the folder, or name another with --data."),
    ),
    ("permissions", "exposed"): (N_("Others may reach {path} (permissions {mode})."), N_("Close it with: chmod {right} '{path}'")),
    ("disk", "ok"): (N_("{free} free on the disk"), ""),
    ("disk", "low"): (N_("Only {free} free on the disk of {path}."), N_("Free some space soon.")),
    ("disk", "full"): (N_("The disk of {path} is full ({free} free)."), N_("Free some space; nothing can be saved.")),
    ("database", "absent"): (N_("There is no database yet; the first start makes it."), ""),
    ("database", "empty"): (N_("The database ({kind} {version}) is empty; the first start makes its tables."), ""),
    ("database", "ok"): (N_("Database: {kind} {version}, revision {revision}"), ""),
    ("database", "old"): (
        N_("The database is at revision {revision}, this program at {newest}."),
        N_("The next start brings it up to date, and keeps a copy of an SQLite file before."),
    ),
    ("master_key", "ok"): (N_("Master key in {source}; it guards {secrets} secrets, and all its keys open."), ""),
    ("master_key", "unfinished"): (
        N_("A rotation of the master key was cut off; everything can be read."),
        N_("Finish it with: modeltrain secrets rotate"),
    ),
    ("secrets", "unreadable"): (N_("{count} stored secrets cannot be read: {rows}"), N_("Enter them again.")),
    ("confinement", "ok"): (N_("Trainings of people who sign in over SSH are kept from other people's files (Landlock)."), ""),
    ("confinement", "missing"): (
        N_("This kernel cannot keep trainings of people who sign in over SSH from other people's files (Landlock is missing)."),
        N_("Before you serve people you do not trust: use Linux 5.19 or newer with landlock among its security modules (lsm=)."),
    ),
    ("terminal", "ok"): (N_("Terminal {term}, {columns}x{rows}, colours: {colours}"), ""),
    ("terminal", "none"): (N_("Input or output is not a terminal here, so the terminal was not checked."), ""),
    ("terminal", "dumb"): (
        N_("The terminal says that it can do nothing (TERM is “{term}”)."),
        N_("Use another terminal, or set TERM to what yours is, for example: export TERM=xterm-256color"),
    ),
    ("terminal", "small"): (
        N_("The terminal has {columns}x{rows} cells; 80x24 are needed to see everything."),
        N_("Make its window larger."),
    ),
    ("locale", "not_utf8"): (
        N_("The terminal's character set is {encoding}; other letters than English ones and lines will not show."),
        N_("Choose a UTF-8 locale, for example: export LC_ALL=C.UTF-8"),
    ),
}
