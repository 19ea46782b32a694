"""Which lines of a request a payer's rules approve of by themselves."""

from collections.abc import Callable

from carecoord.actions.access.turn import Turn
from carecoord.domain.resource.elements import Json


def approving(turn: Turn, claim: Json) -> Callable[[Json], bool]:
    """Whether a line of a request is approved without anybody having looked."""
    del turn, claim
    return lambda line: False
