"""What a worker imports when it needs it. Imported before the fork, it is in memory once for all workers, and nobody waits for it."""

from __future__ import annotations

from importlib import import_module

from core.settings import Settings

_SCREENS = (
    *("tui.app", "tui.screens.home", "tui.screens.settings", "tui.screens.chat.screen", "tui.screens.models.screen"),
    *("tui.screens.account.screen", "tui.screens.welcome.register", "tui.screens.welcome.password", "tui.screens.welcome.gate"),
    *("tui.screens.palette", "tui.screens.leave", "tui.screens.help"),
    *("tui.screens.compare.screen", "tui.screens.compare.records", "tui.screens.compare.leaderboard"),
    *("tui.screens.compare.batches.screen", "tui.screens.compare.questions.screen"),
    *("tui.ssh.signing_in", "tui.ssh.routing", "tui.ssh.terminal", "tui.ssh.command", "tui.ssh.sftp", "tui.ssh.watch"),
    "tui.ssh.worker_process",
)
#: Libraries that import parts of themselves when those are first used.
_LIBRARIES = (
    *("asyncssh", "encodings.ascii", "concurrent.futures.thread", "mmap", "psutil", "certifi"),
    *("httpx", "httpcore", "h11", "anyio.streams.tls", "http.cookiejar", "urllib.request"),
    *("textual.drivers.headless_driver", "textual.layouts.factory", "textual.layouts.horizontal", "textual.layouts.stream"),
    *("textual.scrollbar", "textual.pilot", "rich._unicode_data.unicode17-0-0", "rich.syntax", "rich.progress"),
    *("markdown_it", "pygments.lexers", "pygments.styles", "pygments.filters", "pygments.lexers.python", "pygments.lexers.shell"),
    *("pygments.lexers.javascript", "pygments.lexers.data", "pygments.lexers.sql", "pygments.lexers.rust", "pygments.lexers.diff"),
)


def preload(settings: Settings) -> None:
    """Import all of it, what commands need, and what the database of this installation needs. Starts no thread and opens nothing."""
    from core.bootstrap import preload as preload_services
    from tui.ssh.spawner_process import warm

    preload_services(settings)
    warm()
    for name in (*_SCREENS, *_LIBRARIES):
        import_module(name)
