"""Subscribers told that an answer to a request of theirs has come: noted in the transaction of the answer, sent from
the outbox one after the other, again and again until it is taken or given up.

Clauses: Da Vinci PAS 2.2.1, specification.html (spec-55 to spec-62); Subscriptions R5 Backport 1.1 (handshake, events
since the subscription began, `error` when no more is sent, `requested` to begin anew)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import requests
from sqlalchemy import Connection

from carecoord.actions.access.turn import Turn
from carecoord.actions.prior_auth.pas.bundles import answer_bundle
from carecoord.actions.server import outgoing
from carecoord.domain.prior_auth.pas import subscription as subscriptions
from carecoord.domain.prior_auth.pas.subscription import LIVE, OWNER, TOPIC, Wanted
from carecoord.domain.resource.elements import Json, identifiers, item, items, target, text
from carecoord.errors import Unavailable
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros
from carecoord.store.database import kinds, outbox
from carecoord.store.database.engine import reading, writing
from carecoord.store.prior_auth import subscriptions as kept
from carecoord.store.prior_auth.subscriptions import HANDSHAKE
from carecoord.store.resources import read
from carecoord.store.resources.write import Actor, Change, Touched, put
from carecoord.world import World

JOB: Final = "pas-notice"  # in the outbox; its key: the id of the Subscription; its payload: the number of the event
TYPE: Final = "Subscription"
_TIMEOUT: Final = (5.0, 15.0)  # seconds to connect and between two bytes
_SELF: Final = Actor("carecoord", None, None, JOB)


def demand(turn: Turn, before: Json, after: Json) -> None:
    """Refuse a subscription that would never be served, and one to what is another's. Raises Unprocessable, Forbidden,
    Invalid for an address that we would not call."""
    whole = not turn.grant.roles and not turn.grant.organization
    subscriptions.judge(before, after, None if whole else turn.own_identifiers())
    if text(after, "status") != "off":
        outgoing.demand(turn.world.settings, subscriptions.wanted(after).endpoint)


def marked(turn: Turn, changes: Sequence[Change]) -> list[Change]:
    """The changes, each Subscription marked with whose it is: the server's alone to say."""
    ids = [(each.type, each.id) for each in changes if each.type == TYPE and each.resource is not None]
    if not ids:
        return list(changes)
    held = {row.id: json.loads(row.body) for row in read.many(turn.conn, ids) if not row.deleted}
    whose = turn.grant.organization
    return [
        replace(each, resource=subscriptions.marked(held.get(each.id, {}), each.resource, whose))
        if each.type == TYPE and each.resource is not None
        else each
        for each in changes
    ]


# -- what a write means for subscribers


def note(conn: Connection, touched: Sequence[Touched], now: datetime) -> None:
    """See to what a write means: subscriptions that came or went, and answers that came."""
    begun = {f"{each.type}/{each.id}" for each in touched if each.type == "Claim" and not each.before}
    for each in touched:
        if each.type == TYPE:
            _subscribed(conn, each.id, json.loads(each.after) if each.after else {}, now)
        elif each.type == "ClaimResponse" and each.after:
            answer = json.loads(each.after)
            was = json.loads(each.before) if each.before else {}
            is_news = "active" in (text(answer, "status"), text(was, "status"))  # one that is void now is told too
            if is_news and target(item(answer, "request")) not in begun:
                _answered(conn, answer, now)


def _subscribed(conn: Connection, id: str, told: Json, now: datetime) -> None:
    live = text(told, "status") in LIVE and text(told, "criteria") == TOPIC
    kept.want(conn, id, _keys(conn, told) if live else ())
    if live and text(told, "status") == "requested":
        outbox.revive(conn, now, kind=JOB, key=id)
        outbox.add(conn, JOB, id, b"", now)


def _keys(conn: Connection, told: Json) -> list[str]:
    """What a subscription is found by. Of an organization's the very identifiers of its own: another's may have the
    same value under another system."""
    wanted = set(subscriptions.wanted(told).identifiers)
    owner = next((text(each, "code") for each in items(item(told, "meta"), "tag") if each.get("system") == OWNER), "")
    row = read.get(conn, "Organization", owner) if owner else None
    if not owner or row is None:
        return [] if owner else sorted(wanted)
    return [each for each in sorted(identifiers(json.loads(row.body))) if wanted & {each, each.rpartition("|")[2]}]


def _answered(conn: Connection, answer: Json, now: datetime) -> None:
    kind, _, id = target(item(answer, "request")).partition("/")
    row = read.get(conn, kind, id) if kind == "Claim" else None
    if row is None or row.deleted:
        return
    claim = json.loads(row.body)
    kind, _, id = target(item(claim, "provider")).partition("/")
    house = read.get(conn, kind, id) if kind == "Organization" else None
    keys = identifiers(json.loads(house.body)) if house and not house.deleted else frozenset[str]()
    version = int(item(answer, "meta")["versionId"])
    for each in kept.wanting(conn, sorted(keys | {key.rpartition("|")[2] for key in keys})):
        number = kept.add(conn, each, str(answer["id"]), version, micros(now))
        outbox.add(conn, JOB, each, str(number).encode(), now)


# -- sending


def deliver(world: World, id: str, payload: bytes, attempts: int) -> None:
    """Tell a subscription its next event; one that has not answered a handshake yet gets that first. Raises
    Unavailable where it was not taken: then it is tried again, and after the last try the subscription is in error."""
    with reading(world.engine) as conn:
        row = read.get(conn, TYPE, id)
    told = json.loads(row.body) if row and not row.deleted else {}
    if row is None or text(told, "status") not in LIVE:
        return
    number = int(payload or HANDSHAKE)
    if text(told, "status") == "requested":
        _send(world, told, HANDSHAKE, attempts)
    if number != HANDSHAKE:
        _send(world, told, number, attempts)
    if text(told, "status") != "active":
        _set(world, id, "active")


def _send(world: World, told: Json, number: int, attempts: int) -> None:
    id = str(told["id"])
    with reading(world.engine) as conn:
        notice = _notice(world, conn, told, number)
    error = _posted(world, subscriptions.wanted(told), json.dumps(notice))
    with writing(world.engine) as conn:
        kept.tried(conn, id, number, micros(world.clock()), error)
    if error:
        if attempts >= (kinds.kind(JOB).tries or attempts + 1):
            _set(world, id, "error")
        raise Unavailable(error)


def _posted(world: World, wanted: Wanted, body: bytes) -> str | None:
    """Why it was not taken; None where it was."""
    headers = {**wanted.headers, "Content-Type": "application/fhir+json"}
    try:
        with world.http() as session:
            answer = session.post(wanted.endpoint, body, headers=headers, timeout=_TIMEOUT, allow_redirects=False,
                                  stream=True)  # fmt: skip
            answer.close()
    except requests.RequestException as e:
        return type(e).__name__
    return None if 200 <= answer.status_code < 300 else f"HTTP {answer.status_code}"


def _notice(world: World, conn: Connection, told: Json, number: int) -> Json:
    id, base = str(told["id"]), world.base.url
    name, at = f"{TYPE}/{id}", world.clock().isoformat(timespec="milliseconds")
    count = kept.count(conn, id)
    if number == HANDSHAKE:
        return subscriptions.notice(
            subscriptions.status(name, "handshake", "requested", count, base), name, base, at
        )
    event = kept.one(conn, id, number)
    if event is None:
        raise LookupError(f"{name} has no event {number}")
    url = f"{base}/Bundle/{id}-{number}"
    happened = datetime.fromtimestamp(event.at / 1_000_000, UTC).isoformat(timespec="milliseconds")
    focus = subscriptions.event(number, happened, url)
    status = subscriptions.status(name, "event-notification", "active", count, base, [focus])
    answer = answer_bundle(world, conn, event.response, event.version)
    more = {"fullUrl": url, "resource": answer, "request": {"method": "GET", "url": url}, "response": {"status": "200"}}
    return subscriptions.notice(status, name, base, at, [more])


def _set(world: World, id: str, status: str) -> None:
    """Say how a subscription stands, unless its client has said otherwise meanwhile."""
    with writing(world.engine) as conn:
        row = read.get(conn, TYPE, id)
        told = json.loads(row.body) if row and not row.deleted else {}
        if row is None or text(told, "status") in ("", "off", status):
            return
        change = Change(TYPE, id, told | {"status": status}, row.version)
        put(conn, change, now=world.clock(), actor=_SELF, base=world.base, project=world.project)
