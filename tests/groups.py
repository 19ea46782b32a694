"""Tests that share what is dear to make stay with one worker of pytest-xdist, and those that take longest begin first.

A group is named by the marker `xdist_group`; else the tests of a module that makes something for the whole module (a
fixture of that scope) are one, so that it is made once and that they come in the order in which they are written.

pytest-xdist 3.8 writes the group into an attribute that pytest 9.2 no longer reads, so that the marker is silently
without effect. Here it is written where pytest reads it; with a pytest-xdist that does so itself, nothing is changed.
"""

import pytest
from _pytest.nodes import coerce_node_id


def gather(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Name the group behind an `@` at the end of the test's id, where the scheduler of `--dist loadgroup` looks."""
    if not getattr(config.option, "loadgroup", False):
        return
    alone = []
    for item in items:
        groups = sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")}) or _module(item)
        alone.append(not groups)
        suffix = f"@{'_'.join(groups)}"
        if groups and not item.nodeid.endswith(suffix):
            item._id = coerce_node_id(item.nodeid + suffix)  # type: ignore[attr-defined]
    # Whole groups first: what can go to either worker fills the end, so that neither waits long for the other.
    items[:] = [item for _, item in sorted(zip(alone, items, strict=True), key=lambda pair: pair[0])]


def _module(item: pytest.Item) -> list[str]:
    """The module as a group, where one of the test's fixtures is made for the module."""
    fixtures = getattr(item, "_fixtureinfo", None)
    used = [defs[-1] for defs in fixtures.name2fixturedefs.values()] if fixtures else []
    return [item.nodeid.partition(".py")[0]] if any(fixture.scope == "module" for fixture in used) else []
