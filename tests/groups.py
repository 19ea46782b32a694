"""Tests that share what is dear to make stay with one worker of pytest-xdist, by the marker `xdist_group`.

pytest-xdist 3.8 writes the group into an attribute that pytest 9.2 no longer reads, so that the marker is silently
without effect. Here it is written where pytest reads it; with a pytest-xdist that does so itself, nothing is changed.
"""

from collections.abc import Sequence

import pytest
from _pytest.nodes import coerce_node_id


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Name the group behind an `@` at the end of the test's id, where the scheduler of `--dist loadgroup` looks."""
    if not getattr(config.option, "loadgroup", False):
        return
    for item in items:
        groups = sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")})
        suffix = f"@{'_'.join(groups)}"
        if groups and not item.nodeid.endswith(suffix):
            item._id = coerce_node_id(item.nodeid + suffix)  # type: ignore[attr-defined]
