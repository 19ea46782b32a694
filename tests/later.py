"""Kinds of later work for tests, beside our own: one of each sort, with a handler where a test gives one."""

from types import MappingProxyType

import pytest

from carecoord.store.database import kinds
from carecoord.store.database.kinds import Kind

SORTS = {
    "chime": Kind("notify"),  # a later one takes the place of the one that waits
    "letter": Kind("deliver", in_turn=True),  # each is done, in its turn
    "round": Kind("timers", periodic=True, tries=None),  # again and again
}


def install(patched: pytest.MonkeyPatch) -> None:
    """Add them to the table until the end of the test."""
    patched.setattr(kinds, "KINDS", MappingProxyType({**kinds.KINDS, **SORTS}))
