"""What could not run on this machine is said in a plain line at the end; in CI, where all can run, it is a failure."""

import os
from collections import Counter

import pytest


def ci() -> bool:
    """Whether this is the run that must leave nothing out."""
    return os.environ.get("CI", "").lower() == "true"


def reasons(skipped: list[pytest.TestReport]) -> Counter[str]:
    """How many tests were skipped for each reason."""
    found: Counter[str] = Counter()
    for report in skipped:
        where = report.longrepr
        text = str(where[2]) if isinstance(where, tuple) else str(where)
        found[text.removeprefix("Skipped: ")] += 1
    return found


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line for each reason."""
    skipped = reasons(terminalreporter.stats.get("skipped", []))
    for reason, count in sorted(skipped.items()):
        terminalreporter.write_line(f"skipped {count} test{'s' if count > 1 else ''}: {reason}")
    if skipped and ci():
        terminalreporter.write_line("CI must skip nothing: this run has failed.", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a CI run that left something out."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and ci() and reporter.stats.get("skipped") and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
