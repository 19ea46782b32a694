"""The Bundle of a request of ours, gathered from what stands here."""

from sqlalchemy import Connection

from carecoord.actions.ehrs import attachments
from carecoord.domain.prior_auth.pas import packet
from carecoord.domain.resource.elements import Json, key
from carecoord.errors import NotFound
from carecoord.fhir import text as json
from carecoord.store.resources import read
from carecoord.world import World

_DEEP = 4  # references from the Claim on that are followed


def request_bundle(world: World, conn: Connection, claim: str) -> Json:
    """The request Bundle of a Claim (its id), the same for each version of it. Raises NotFound."""
    row = read.get(conn, "Claim", claim)
    if row is None or row.deleted:
        raise NotFound("There is no such request.", "Claim")
    return gathered(world, conn, json.loads(row.body), f"{claim}-{row.version}")


def gathered(world: World, conn: Connection, request: Json, number: str) -> Json:
    """The same of a Claim as it would be sent. number: of the Bundle."""
    along: dict[str, Json] = {}
    left = packet.wanted(request, True)
    for n in range(_DEEP):
        fresh = {each for each in left if each not in along and each != key(request)}
        pairs = [(kind, id) for kind, _, id in (each.partition("/") for each in fresh)]
        found = [json.loads(one.body) for one in read.many(conn, pairs)]
        found = [each for each in found if n or packet.is_disclosed(request, each)]
        along |= {key(each): attachments.inlined(conn, each, ()) for each in found}
        left = [to for each in found for to in packet.wanted(each, False)]
    return packet.bundle(request, along, world.base.url, number, world.clock())
