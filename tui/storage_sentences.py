"""The sentences for errors of storage that say more than their code: by code and `reason` (storage/errors.py)."""

from __future__ import annotations

from tui.i18n import N_
from tui.sentences import Text

_SERVER = N_("The server is {server}.")
_NOTHING_CHANGED = N_("Nothing was changed.")

BY_STORAGE_REASON: dict[tuple[str, str], Text] = {
    # Not of storage: names that somebody tried out (core/auth/colleagues.py).
    ("too_many_attempts", "names"): Text(
        (N_("Too many names that are nobody's."),),
        (),
        (N_("Wait {wait}, then type the name exactly."), N_("Wait a minute, then type the name exactly.")),
    ),
    ("database_unreachable", "cannot_open"): Text(
        (N_("The database file {path} cannot be opened."), N_("The database file cannot be opened.")),
        (),
        (N_("Check that its folder is there and that this account may use it."),),
    ),
    ("database_unreachable", "no_server"): Text(
        (N_("The database server does not answer."),),
        (_SERVER,),
        (N_("Start it, or correct the address in MODELTRAIN_DATABASE_URL."),),
    ),
    ("database_unreachable", "lost"): Text(
        (N_("The connection to the database server was lost."),), (_SERVER,), (N_("Try again in a moment; what was saved before is safe."),)
    ),
    ("database_unreachable", "credentials"): Text(
        (N_("The database server refuses the account."),),
        (_SERVER,),
        (N_("Correct the user and password in MODELTRAIN_DATABASE_URL, and check that this user may use the database."),),
    ),
    ("database_unreachable", "no_database"): Text(
        (N_("The database does not exist on its server."),),
        (_SERVER,),
        (N_("Make it there, or correct its name in MODELTRAIN_DATABASE_URL."),),
    ),
    ("database_unreachable", "driver_missing"): Text(
        (N_("The driver for this kind of database is not installed."),),
        (N_("The Python package {driver} is missing."),),
        (N_("Install it with: pip install 'modeltrain[{extra}]'"),),
    ),
    ("database_unreachable", "bad_url"): Text(
        (N_("MODELTRAIN_DATABASE_URL is not an address of a database."),),
        (N_("“{scheme}” is not known."),),
        (N_("Write postgresql://USER:PASSWORD@HOST/NAME or mysql://USER:PASSWORD@HOST/NAME, or leave it empty for SQLite."),),
    ),
    ("database_damaged", "not_ours"): Text(
        (N_("This database belongs to another program."),),
        (N_("It has tables with the names of ours and rows in them, and was not made by modeltrain."),),
        (N_("Name an empty database in MODELTRAIN_DATABASE_URL, or another data folder with --data."),),
    ),
    ("database_damaged", "rows_lost"): Text(
        (N_("Bringing the database up to date would have lost rows, so it was stopped."),),
        (N_("Tables: {tables}"), _NOTHING_CHANGED),
        (N_("Nothing was changed. Go back to the version you had, and report this."),),
    ),
    ("database_damaged", "references"): Text(
        (N_("Bringing the database up to date would have broken references, so it was stopped."),),
        (N_("Tables: {tables}"), _NOTHING_CHANGED),
        (N_("Nothing was changed. Go back to the version you had, and report this."),),
    ),
    ("master_key_missing", "wrong"): Text(
        (N_("The master key in {source} is not the one that stored secrets were sealed under."),),
        (),
        (N_("Put the right key back from your backup; to keep both for now, write one key per line, the current one first."),),
    ),
    ("master_key_missing", "malformed"): Text(
        (N_("What is in {source} is no master key."),),
        (N_("A master key is 32 bytes in base64."),),
        (N_("Put it back from your backup."),),
    ),
    ("master_key_missing", "exposed"): Text(
        (N_("Other accounts of this machine may read the master key."),),
        (N_("{source} has the permissions {mode}."),),
        (N_("Close it with: chmod 0600 '{source}', then replace the key: modeltrain secrets rotate"),),
    ),
    ("master_key_missing", "no_new_key"): Text(
        (N_("There is no new master key to change to."),),
        (N_("The key is given by {source}, so modeltrain cannot replace it."),),
        (N_("Put a new key (openssl rand -base64 32) before the old one there, separated by a blank, and run this again."),),
    ),
}
