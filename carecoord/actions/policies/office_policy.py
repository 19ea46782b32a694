"""What an office has said today, for a rule that asks while nothing is judged."""

from zoneinfo import ZoneInfo

from carecoord.actions.access.turn import Turn
from carecoord.actions.policies import known
from carecoord.domain.gates.policy import Policy
from carecoord.domain.policies.lines import key_of
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import Json


def said(turn: Turn, office: Json | None, name: str) -> str:
    """The value of a term of an office's policy (`shipped.TERMS`); None: of no known office, so by what is said for
    everybody."""
    zone = ZoneInfo(turn.world.settings.timezone)
    own = frozenset({key_of(office)}) if office else frozenset()
    lines = known.policies(turn.conn, [known.EVERYBODY, *own])
    return Policy(zone, tuple(lines), own).said(name, local(turn.now, zone))
