"""A second attempt, in CI, for tests that drive a browser or programs beside them, and what needed one in a plain line.

Such a test meets the machine's noise as well as our code, and a whole run of half an hour must not hang on it. Every
other test has one attempt: what fails there once is a fault of ours. Whoever reads "passed at the second attempt" has
a race to look for, in the test or in the product.
"""

import pytest

from tests.skips import ci

PROGRAMS = ("tests/attacks/", "tests/demo/", "tests/operations/", "tests/worker/")  # they start servers and workers


def allow(items: list[pytest.Item]) -> None:
    """Mark what may be tried twice."""
    if ci():
        for item in items:
            if _meets_noise(item):
                item.add_marker(pytest.mark.flaky(reruns=1))


def _meets_noise(item: pytest.Item) -> bool:
    driven = "browser" in getattr(item, "fixturenames", ()) or item.get_closest_marker("slow")
    return bool(driven) or item.nodeid.startswith(PROGRAMS)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line for each, with why the first attempt failed."""
    for report in terminalreporter.stats.get("rerun", []):
        reason = str(report.longrepr).strip().splitlines()[-1:]
        terminalreporter.write_line(f"a second attempt: {report.nodeid}: {' '.join(reason)}", yellow=True)
