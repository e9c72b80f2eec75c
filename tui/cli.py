"""The command `modeltrain`. Kept light: nothing but the version is known before a command is chosen (tui/commands/root.py)."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line in `arguments` (default: that of this process) and exit with its status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if list(arguments) in (["--version"], ["-V"]):
        from core import __version__

        sys.stdout.write(f"modeltrain {__version__}\n")
        sys.exit(0)
    from tui.commands.root import run_command_line

    sys.exit(run_command_line(list(arguments)))


if __name__ == "__main__":
    main()
