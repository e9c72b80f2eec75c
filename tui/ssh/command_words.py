"""What is said about commands that do not run, to the person who sent them, on standard error: tuples of lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.i18n import _, ngettext

if TYPE_CHECKING:
    from core.auth.types import SignedIn
    from tui.ssh.spawner import Ended

Lines = tuple[str, ...]


def not_now(signed_in: SignedIn | None) -> Lines:
    """Why this person cannot run anything now."""
    if signed_in is None:
        return (_("To register, connect with a terminal: ssh -t register@HOST"),)
    if signed_in.must_change_password:
        return _("This account needs a new password first."), _("Connect with a terminal, without a command, and choose one.")
    return _("This server is stopping."), _("Try again in a moment.")


def usage() -> Lines:
    """For somebody without a terminal and without a command."""
    return (
        _("Without a terminal this server runs single commands, for example:"),
        '  ssh HOST chat "Why is the sky blue?"',
        "  ssh HOST conversation list --json",
        "  echo TEXT | ssh HOST chat -",
        _("All commands: ssh HOST help. For the application, connect with a terminal: ssh -t HOST"),
    )


def refusal(ended: Ended) -> Lines:
    """Why the spawner did not begin the command."""
    if ended.refused == "own":
        text = ngettext(
            "You have {count} command running already, the most for one account.",
            "You have {count} commands running already, the most for one account.",
            ended.most,
        )
        return text.format(count=ended.most), _("Wait until one of them has ended.")
    if ended.refused == "all":
        return _("So many commands run on this server that another has to wait."), _("Try again in a moment.")
    return _("This server cannot run a command now."), _("Try again in a moment.")


def unreadable(why: str) -> Lines:
    """A command line that cannot be split into words, see command_line.Unreadable."""
    if why == "too_long":
        return _("The command line is too long."), _("Send long texts on standard input: ssh HOST chat - < FILE")
    if why == "open_quote":
        return (
            _("A quotation mark in the command line is not closed."),
            _("Your own shell takes one pair of them away. Quote twice, or send the text on standard input: echo TEXT | ssh HOST chat -"),
        )
    return (_("The command line has characters that cannot be in one."),)
