"""Who set the house up: the Provenance of what a form of the first run, or two organizations made one, has written."""

from collections.abc import Sequence
from typing import Final

from carecoord.actions.access.turn import Turn
from carecoord.actions.acts import provenance
from carecoord.actions.acts.provenance import Act, Version
from carecoord.domain.documents import audience
from carecoord.fhir import text
from carecoord.store.resources.change import Change, Written
from carecoord.store.resources.write import put_all
from carecoord.words.sentence import sentence

VERB: Final = "set-up"


def note(turn: Turn, written: Sequence[Written]) -> None:
    """Write down, in the same transaction, who made these versions, and from which. Of what stays as it was there is
    nothing to say."""
    made = [each for each in written if each.outcome in ("created", "updated")]
    if not made:
        return
    versions = tuple(Version(each.type, each.id, each.version) for each in made)
    former = tuple(Version(each.type, each.id, each.version - 1) for each in made)
    first, grant = made[0], turn.grant
    act = Act(
        turn.world.new_id(), VERB, grant.subject, grant.name, turn.now, f"{first.type}~{first.id}",
        sentence("act.set-up", n=len(made)), versions, former,
    )  # fmt: skip
    office = {"reference": f"Organization/{grant.organization}"} if grant.organization else {}
    told = audience.origin(provenance.resource(act, grant, office, ""), [text.loads(each.body) for each in made])
    change = Change("Provenance", act.id, told)
    put_all(
        turn.conn, [change], now=turn.now, actor=turn.actor(), base=turn.world.base, project=turn.world.project
    )
