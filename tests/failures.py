"""A plugin for pytest that writes down which tests failed: `-p tests.failures --failures FILE`, for `.ci/run`.

The file, one test a line, is made only if tests failed and nothing else went wrong: after a run that was cut short (an error while
collecting, an interruption) a second run of some tests would prove nothing.
"""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--failures", type=Path, metavar="FILE", help="where the names of failed tests are written")


def pytest_configure(config: pytest.Config) -> None:
    file: Path | None = config.getoption("--failures")
    if file is not None and not hasattr(config, "workerinput"):  # the workers of xdist report to the one that is asked
        config.pluginmanager.register(Failures(file), "failures")


class Failures:
    """Collects the names, in the order in which the tests failed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._failed: dict[str, None] = {}
        self._whole = True

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._whole = self._whole and not report.failed

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed[report.nodeid] = None

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if self._whole and exitstatus == pytest.ExitCode.TESTS_FAILED and self._failed:
            self._file.write_text("".join(f"{name}\n" for name in self._failed), encoding="utf-8")
