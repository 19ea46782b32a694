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
    held = policy(turn, office)
    return held.said(name, local(turn.now, held.zone))


def policy(turn: Turn, office: Json | None) -> Policy:
    """The policy of an office as it stands today; None: what is said for everybody."""
    zone = ZoneInfo(turn.world.settings.timezone)
    own = frozenset({key_of(office)}) if office else frozenset()
    return Policy(zone, tuple(known.policies(turn.conn, [known.EVERYBODY, *own])), own)
