"""A payer as its metrics know it: every copy of its Organization, and what its policies say."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from carecoord.actions.clearance.library import Library
from carecoord.actions.policies import known
from carecoord.actions.worklist import project
from carecoord.domain.gates.policy import Payer, Policy
from carecoord.domain.resource.elements import key
from carecoord.domain.resource.parties import Party, directory, is_payer
from carecoord.world import World


@dataclass(frozen=True)
class Insurer:
    """ids: of every copy, its own first; known: whether any says that it is a payer."""

    party: Party
    policy: Policy
    ids: tuple[str, ...]
    known: bool

    def said(self, name: str, on: date) -> str:
        """What its policy says on a day."""
        return self.policy.said(name, on, Payer(self.party))

    def is_published(self, on: date) -> bool:
        """Whether its metrics are shown to everybody."""
        return self.known and self.said("metrics-published", on) == "yes"


def insurer(world: World, conn: Connection, id: str) -> Insurer:
    """The payer of an Organization's id; one that is not here is known by that alone."""
    reference = f"Organization/{id}"
    copies = Library(conn).copies([reference]) if id else []
    party = directory(copies).get(reference) or Party(reference, "", frozenset({reference}))
    lines = tuple(known.policies(conn, [known.EVERYBODY, *sorted(party.keys)]))
    policy = Policy(world.base.zone, lines, defaults=project.policy(world.settings).defaults)
    ids = dict.fromkeys([id, *(key(each).partition("/")[2] for each in copies)])
    return Insurer(party, policy, tuple(ids), any(map(is_payer, copies)))
