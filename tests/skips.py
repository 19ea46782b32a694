"""What did not run is said in a plain line at the end.

In CI everything runs: what could not is a failure, and the soaks (marker `slow`) run too. Elsewhere `make test` leaves
the soaks out, unless they are asked for by name or marker.
"""

import os
from collections import Counter
from importlib.util import find_spec

import pytest

BROWSER = ("playwright", "pytest_playwright", "axe_playwright_python")
NO_BROWSER = "not run: what drives a browser, which needs the extra `browser` (make test installs it where Chromium is)"
NO_SOAKS = "not run: the soaks, some minutes long (CI=true make test runs them too, as does -m slow)"


def can_browse() -> bool:
    """Whether the browser tests can be imported at all."""
    return all(find_spec(name) for name in BROWSER)


def ci() -> bool:
    """Whether this is the run that must leave nothing out."""
    return os.environ.get("CI", "").lower() == "true"


def soaks_too(config: pytest.Config) -> bool:
    """Whether soaks run: in CI, and where somebody names tests or a marker."""
    return ci() or bool(config.option.markexpr) or any("::" in each for each in config.args)


def leave_out_soaks(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take them from the list, unless they are to run."""
    soaks = [] if soaks_too(config) else [item for item in items if item.get_closest_marker("slow")]
    if soaks:
        config.hook.pytest_deselected(items=soaks)
        items[:] = [item for item in items if item not in soaks]


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
    if not can_browse():
        terminalreporter.write_line(NO_BROWSER)
    if not soaks_too(terminalreporter.config):
        terminalreporter.write_line(NO_SOAKS)
    if ci() and (skipped or not can_browse()):
        terminalreporter.write_line("CI must skip nothing: this run has failed.", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a CI run that left something out."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    left_out = reporter and (reporter.stats.get("skipped") or not can_browse())
    if left_out and ci() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
