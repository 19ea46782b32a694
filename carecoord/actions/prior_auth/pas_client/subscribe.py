"""Our subscription at a payer, and its notices. The payer proves itself by what we put into the header of the
subscription, of which only the digest is kept here; what it tells is taken in where it is about a request that this
payer has from us, and nothing else of it is looked at. A notice may come again: it changes nothing then.

Clauses: Da Vinci PAS 2.2.1, specification.html (spec-55 to spec-62); Subscriptions R5 Backport 1.1 (handshake,
heartbeat, events-since-subscription-start)."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from carecoord.actions.prior_auth.pas_client import answers, inquire, payers
from carecoord.domain.prior_auth.pas import heard, outgoing
from carecoord.domain.prior_auth.pas.heard import Status
from carecoord.domain.prior_auth.pas.subscription import NAMES
from carecoord.domain.resource.elements import Json, items, text
from carecoord.errors import Invalid, Unauthorized, Unavailable
from carecoord.fhir import text as json
from carecoord.fhir.code_systems import NPI
from carecoord.fhir.instants import micros
from carecoord.store.database.engine import alone, reading, writing
from carecoord.store.prior_auth import payer_endpoints, sendings
from carecoord.store.prior_auth.payer_endpoints import Standing
from carecoord.store.resources import read
from carecoord.world import World
from fhir_adapters.errors import EhrError
from fhir_adapters.http import Http

PATH: Final = "/pas/notices"  # below which each payer has an address
_LIVE: Final = ("requested", "active")


def address(world: World, payer: str) -> str:
    """Where a payer tells us."""
    return f"{world.settings.url}{PATH}/{payer}"


def see_to(world: World, payer: str) -> None:
    """See to it that the payer tells us of answers: subscribe, or look whether our subscription lives, and make it anew
    where it does not. Raises Unavailable where there is no answer."""
    with reading(world.engine) as conn:
        standing = payer_endpoints.one(conn, payer)
    if standing is None:
        return
    payers.demand_awake(world, standing)
    try:
        with payers.calling(world, standing) as http:
            if not _lives(http, standing):
                _subscribe(world, http, standing)
    except EhrError as error:
        code = payers.trouble(error)
        with writing(world.engine) as conn:
            payer_endpoints.subscribed(conn, payer, state="error")
            if code not in ("refused", "not-there"):
                payer_endpoints.failed(conn, payer, code, error.text, micros(world.clock()))
        if code in ("refused", "not-there"):
            return  # it tells nobody: then it is asked, by the clock
        raise Unavailable(error.text) from error
    with writing(world.engine) as conn:
        payer_endpoints.answered(conn, payer)


def _lives(http: Http, standing: Standing) -> bool:
    if not standing.subscription or standing.secret is None:
        return False
    try:
        found = http.get(f"{http.ehr.base_url}/Subscription/{standing.subscription}", Json).document
    except EhrError as error:
        if payers.trouble(error) in ("refused", "not-there"):
            return False
        raise
    return text(found, "status") in _LIVE


def _subscribe(world: World, http: Http, standing: Standing) -> None:
    """Subscribe with a new secret: of the one before nobody here knows more than its digest."""
    one, secret = standing.endpoint, secrets.token_urlsafe(32)
    with writing(world.engine) as conn:
        row = read.get(conn, "Organization", one.office)
        office = json.loads(row.body) if row and not row.deleted else {}
        digest = hashlib.sha256(secret.encode()).digest()
        payer_endpoints.subscribed(conn, one.payer, secret=digest, state="requested", subscription="")
    numbers = [text(each, "value") for each in items(office, "identifier") if text(each, "system") == NPI]
    numbers = numbers or [text(each, "value") for each in items(office, "identifier")]
    header = f"Authorization: Bearer {secret}"
    asked = outgoing.subscription(address(world, one.payer), header, numbers[:1], NAMES)
    answer = http.send("POST", f"{http.ehr.base_url}/Subscription", json.dumps(asked), {}, again=False)
    made = json.loads(answer.body) if answer.body else {}
    id = text(made, "id") or _located(answer.headers.get("location", ""))
    with writing(world.engine) as conn:
        payer_endpoints.subscribed(conn, one.payer, subscription=id)


def _located(location: str) -> str:
    return location.partition("/_history/")[0].rpartition("/")[2]


def take(world: World, payer: str, proof: str, body: bytes) -> None:
    """Take a payer's notice in. proof: what its Authorization header says. Raises Unauthorized, Invalid."""
    with reading(world.engine) as conn:
        standing = payer_endpoints.one(conn, payer)
    scheme, _, secret = proof.partition(" ")
    digest = hashlib.sha256(secret.strip().encode()).digest()
    known = standing.secret if standing and standing.secret else secrets.token_bytes(32)
    if scheme.lower() != "bearer" or not hmac.compare_digest(digest, known) or standing is None:
        raise Unauthorized("This is no notice of a subscription of ours.", "http.Authorization")
    told = heard.status(json.loads(body))
    if told is None:
        raise Invalid("A notice is a Bundle whose first entry tells of its subscription.", "Bundle.entry[0]")
    now, lost = world.clock(), _lacks(told, standing)
    with writing(world.engine) as conn:
        alone(conn, f"pas notices {payer}")
        for claim, sent in _meant(world, conn, payer, told.focus):
            said = heard.of_request(told.focus, sent)
            stored = answers.locked(conn, claim) if said else {}
            if stored:
                answers.take(world, conn, stored, said, now)
        payer_endpoints.heard(conn, payer, micros(now), max(told.numbers, default=0))
    if lost:
        inquire.ask_all(world, payer)


def _lacks(told: Status, standing: Standing) -> bool:
    """Whether an event never came: then the payer is asked."""
    if told.numbers:
        return min(told.numbers) > standing.events + 1
    return told.kind == "heartbeat" and told.count > standing.events


def _meant(world: World, conn: Connection, payer: str, bundles: Sequence[Json]) -> list[tuple[str, Json]]:
    """The requests that this payer has from us of which these Bundles may speak, each with the Bundle by which it
    went; always in the same order, so that nobody waits for a lock of somebody who waits for theirs."""
    found = []
    for claim in sorted(set[str]().union(*(heard.named(each, world.base.url) for each in bundles))):
        sent = sendings.submitted(conn, f"Claim/{claim}")
        if sent and sent.payer == payer and sent.body:
            found.append((sent.claim, json.loads(sent.body)))
    return found
