"""A payer's answers to our requests taken in: lines, numbers, and what it waits for. However an answer comes, at once,
by a notice or by an inquiry, it is taken in once; an answer that we have already changes nothing."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from carecoord.actions.prior_auth.pas_client import due
from carecoord.domain.prior_auth import lifecycle
from carecoord.domain.prior_auth.clinic import channels
from carecoord.domain.prior_auth.pas import heard
from carecoord.domain.prior_auth.pas.heard import Said
from carecoord.domain.resource.elements import Json, item, key, target, text
from carecoord.fhir import text as json
from carecoord.fhir.search import params
from carecoord.fhir.validation import validate
from carecoord.store.database.engine import alone
from carecoord.store.prior_auth import payer_endpoints
from carecoord.store.resources import read
from carecoord.store.resources.write import Actor, Change, put_all
from carecoord.world import World

ACTOR: Final = "pas-client"  # in the trail, where a request's id stands otherwise
SUBSCRIBED: Final = timedelta(hours=24)  # until an open request is asked about, where the payer tells us by itself
ALONE: Final = timedelta(hours=4)  # … and where it does not


def take(world: World, conn: Connection, claim: Json, said: Sequence[Said], now: datetime) -> bool:
    """Take in what was said of a request, as `locked` gives it; returns whether anything was new. The request is with
    its payer from then on, and is asked about again as long as it is open."""
    held = {key(each): each for each in _held(conn, claim)}
    answers = {key(each): each for each in heard.changed(said, claim, tuple(held.values()), world.base, now)}
    wishes = [made for each in said for made in _wishes(world, conn, claim, each)]
    delivered = _delivered(claim, now)
    made = [*wishes, *(change(each, held.get(name)) for name, each in answers.items())]
    made += [change(delivered, claim)] if delivered != claim else []
    if made:
        payer = target(item(claim, "insurer")).partition("/")[2]
        by = Actor(f"payer:{payer}", None, payer or None, ACTOR)
        put_all(conn, made, now=now, actor=by, base=world.base, project=world.project)
    if text(claim, "status") == "active":
        _ask_again(world, conn, claim, tuple((held | answers).values()), now)
    return bool(answers or wishes)


def stored(conn: Connection, claim: str) -> Json:
    """A request, `Claim/id`; empty where it is gone."""
    row = read.get(conn, "Claim", claim.partition("/")[2])
    return json.loads(row.body) if row and not row.deleted else {}


def locked(conn: Connection, claim: str) -> Json:
    """A request, `Claim/id`, that nobody changes until this transaction ends: by the lock that the door takes too."""
    alone(conn, f"state {claim}")
    return stored(conn, claim)


def change(resource: Json, held: Json | None = None) -> Change:
    """What is written of a resource; held: what it takes the place of, which must be that still."""
    version = int(item(held, "meta")["versionId"]) if held else None
    return Change(str(resource["resourceType"]), str(resource["id"]), resource, version,
                  flags=tuple(validate.issues(resource)))  # fmt: skip


def is_open(world: World, conn: Connection, claim: Json) -> bool:
    """Whether a request, as it is stored, waits for its payer's decision."""
    return bool(claim) and lifecycle.state(claim, _held(conn, claim), world.base.zone) in lifecycle.UNDECIDED


def _held(conn: Connection, claim: Json) -> list[Json]:
    rows = read.referring(conn, params.key("ClaimResponse", "request"), "Claim", str(claim["id"]))
    return [json.loads(row.body) for row in rows if not row.deleted]


def _wishes(world: World, conn: Connection, claim: Json, said: Said) -> list[Change]:
    """The payer's wishes that are news; one that was fulfilled here is not asked for once more by an older notice."""
    found = []
    for url, task in said.wishes:
        made = heard.wish(url, task, claim, world.base.url)
        alone(conn, f"state {key(made)}")
        row = read.get(conn, "Task", str(made["id"]))
        held = json.loads(row.body) if row and not row.deleted else {}
        if row is None or text(held, "status") == "requested":
            found.append(change(made, held))
    return found


def _delivered(claim: Json, now: datetime) -> Json:
    """The request without the mark that it waits to be sent. The payer's clock runs from when it has it."""
    if channels.delivery(claim) is None:
        return claim
    return lifecycle.arrived(channels.standing(claim, None), now)


def _ask_again(world: World, conn: Connection, claim: Json, answers: Sequence[Json], now: datetime) -> None:
    if lifecycle.state(claim, answers, world.base.zone) not in lifecycle.UNDECIDED:
        return
    standing = payer_endpoints.one(conn, target(item(claim, "insurer")).partition("/")[2])
    if standing:
        due.ask(conn, key(claim), now, SUBSCRIBED if standing.state == "active" else ALONE)
