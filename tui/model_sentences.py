"""Words for models on this machine and their servers: for the screens and the shell commands."""

from __future__ import annotations

from tui.i18n import N_

#: Kind of a model on disk -> its word.
KINDS = {
    "base": N_("base"),
    "adapter": N_("adapter"),
    "checkpoint": N_("checkpoint"),
    "merged": N_("merged"),
    "full": N_("full"),
}
#: State of a server -> (field of Glyphs, word, token).
STATES = {
    "starting": ("waiting", N_("starting"), "accent"),
    "ready": ("running", N_("ready"), "good"),
    "stopping": ("stopped", N_("stopping"), "dim"),
    "stopped": ("stopped", N_("stopped"), "dim"),
    "failed": ("failed", N_("failed"), "bad"),
}


def size(count: float) -> str:
    """Bytes as people read them."""
    for unit in ("B", "KB", "MB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GB"


def parameters(count: int | None) -> str:
    """A number of parameters: 7.6B, 494M."""
    if not count:
        return ""
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if count >= limit:
            shown = count / limit
            return f"{shown:.1f}{unit}" if shown < 100 else f"{shown:.0f}{unit}"
    return str(count)


def short(path: str) -> str:
    """The end of a path, a hub name whole."""
    return path.rstrip("/").rpartition("/")[2] if path.startswith("/") else path
