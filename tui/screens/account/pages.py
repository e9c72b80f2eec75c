"""The rows of the account screen's views."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from core.auth.types import Profile, SecondFactor, SessionInfo, SshKeyInfo
from core.sanitise import one_line
from tui import moments
from tui.i18n import LANGUAGES, N_, _, current
from tui.screens.account.second_factor import state_of
from tui.themes import tokens_of
from tui.widgets.rows import Column, Row

PROFILE_COLUMNS = (Column("what", N_("What"), 20), Column("value", N_("Value"), 30, grow=True), Column("hint", "", 26))
SESSION_COLUMNS = (
    Column("kind", N_("Kind"), 18),
    Column("from", N_("From"), 20, grow=True),
    Column("seen", N_("Last seen"), 10, right=True),
    Column("since", N_("Since"), 17),
)
KEY_COLUMNS = (
    Column("name", N_("Name"), 20, grow=True),
    Column("kind", N_("Kind"), 14),
    Column("used", N_("Last used"), 17),
    Column("fingerprint", N_("Fingerprint"), 50),
)
_KINDS = {"local": N_("this terminal"), "ssh": N_("over SSH"), "shell": N_("shell, files")}
_ROLES = {"user": N_("user"), "admin": N_("administrator")}


def zone_by_default(served: bool) -> str:
    """Whose time it is without a choice: over SSH the person sits at another machine than this."""
    return _("as the server") if served else _("as this machine")


def profile_rows(profile: Profile, factor: SecondFactor, theme: str, zone: tzinfo | None, *, served: bool) -> list[Row]:
    """What the account is; lines that Enter changes say so."""
    change = _("Enter changes it")
    lines = [
        ("nickname", _("Nickname"), profile.nickname, change),
        ("email", _("E-mail"), profile.email, change),
        ("password", _("Password"), "········", change),
        ("second_factor", _("Second factor"), state_of(factor, zone), change if factor.enabled else _("Enter sets it up")),
        ("language", _("Language"), LANGUAGES.get(profile.language or current().language, ""), change),
        ("theme", _("Theme"), _(tokens_of(theme).label), change),
        ("time_zone", _("Time zone"), profile.time_zone or zone_by_default(served), change),
        ("role", _("Role"), _(_ROLES.get(str(profile.role), str(profile.role))), ""),
        ("created", _("Member since"), moments.full(profile.created_at, zone), ""),
        ("last", _("Signed in"), _signed_in(profile, zone), ""),
    ]
    return [Row(name, {"what": what, "value": value, "hint": hint}, {"what": "dim", "hint": "dim"}) for name, what, value, hint in lines]


def _signed_in(profile: Profile, zone: tzinfo | None) -> str:
    if profile.last_sign_in_at is None:
        return _("never")
    place = one_line(profile.last_sign_in_from) or _("this machine")
    return _("{when}, from {place}").format(when=moments.full(profile.last_sign_in_at, zone), place=place)


def session_rows(sessions: Sequence[SessionInfo], now: datetime, zone: tzinfo | None) -> list[Row]:
    return [
        Row(
            session.id,
            {
                "kind": _(_KINDS.get(session.kind, session.kind)),
                "from": _("here, now") if session.current else (session.address or _("this machine")),
                "seen": moments.short(session.last_seen_at, now, zone),
                "since": moments.full(session.created_at, zone),
            },
            {"from": "good" if session.current else "text", "seen": "dim", "since": "dim"},
        )
        for session in sessions
    ]


def key_rows(keys: Sequence[SshKeyInfo], zone: tzinfo | None) -> list[Row]:
    return [
        Row(
            key.id,
            {
                "name": key.name,
                "kind": key.kind,
                "used": moments.full(key.last_used_at, zone) if key.last_used_at else _("never"),
                "fingerprint": key.fingerprint,
            },
            {"kind": "dim", "used": "dim", "fingerprint": "dim"},
        )
        for key in keys
    ]


def no_keys() -> list[tuple[str, str]]:
    return [
        (_("No SSH key yet."), "text"),
        (_("With one you sign in over SSH without a password. Press {key} to add the first.").format(key="n"), "dim"),
    ]
