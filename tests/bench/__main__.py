"""Run the benchmarks, each in a process of its own, and print their tables: `make bench`, or `make bench ARGS="streams services"`.

Every tests/bench/bench_NAME.py has `main()`, which measures and prints one table: figure, median, spread, goal. Nothing here
asserts a time: machines are shared and noisy, so read medians and ratios.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def names() -> list[str]:
    """The benchmarks there are, by file name without `bench_`."""
    return sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("names", nargs="*", help=f"which of: {', '.join(names())} (default: all)")
    chosen = parser.parse_args().names or names()
    unknown = set(chosen) - set(names())
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    sys.stdout.write(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    failed = []
    for name in chosen:
        sys.stdout.write(f"\n== {name}\n")
        sys.stdout.flush()
        code = f"from tests.bench.bench_{name} import main; main()"
        if subprocess.run([sys.executable, "-c", code], cwd=FOLDER.parent.parent, check=False).returncode:
            failed.append(name)
    if failed:
        sys.stdout.write(f"\nThese did not run to their end: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
