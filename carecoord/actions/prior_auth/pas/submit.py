"""Claim/$submit: a partner's Bundle kept as it was sent, taken apart, judged by the table of a request's life, answered
by the payer's rules, all in one transaction. A Bundle that comes again is answered as it was.

Clauses: Da Vinci PAS 2.2.1, OperationDefinition Claim-submit; specification.html (spec-7, spec-11 to spec-37, spec-39,
spec-64 to spec-68)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from auth.grant import Grant
from carecoord.actions.access.audited import refusals_noted
from carecoord.actions.access.turn import Turn, changing
from carecoord.actions.clearance import assemble, shelf
from carecoord.actions.clearance.library import Library, shared
from carecoord.actions.fhir import door
from carecoord.actions.prior_auth import automatic
from carecoord.actions.prior_auth.pas import decision, log
from carecoord.actions.prior_auth.pas.explode import Exploded, explode, partner
from carecoord.actions.prior_auth.pas.log import Came, came
from carecoord.domain.prior_auth import lifecycle
from carecoord.domain.prior_auth.pas import answer as wire
from carecoord.domain.prior_auth.pas import request as asked
from carecoord.domain.prior_auth.pas.guide import Guide
from carecoord.domain.resource.elements import Json, item, key, target, text
from carecoord.errors import Conflict, Unprocessable
from carecoord.fhir import text as json
from carecoord.fhir.types import TYPES
from carecoord.store.database.engine import alone, plan_once
from carecoord.store.prior_auth import exchanges, queues
from carecoord.store.resources import read
from carecoord.store.resources.write import Change, Projector, Touched, Written, put_all
from carecoord.world import World

OPERATION: Final = "submit"


def submit(world: World, grant: Grant, guide: Guide, bundle: Json, *, request: str = "") -> bytes:
    """Take a request in and answer it. Raises Invalid, Unprocessable, Forbidden, Conflict for another Bundle of the
    same identifier, and where the table of a request's life does not have it."""
    given = came(guide, bundle, "Claim/$submit")
    with changing(world, grant, request) as turn, refusals_noted(turn, "submit", "Claim"):
        plan_once(turn.conn)
        return _taken(turn, given)


def _taken(turn: Turn, given: Came) -> bytes:
    turn.demand("Claim", "c")
    who, sent = partner(turn), given.sent
    if sent.identifier:
        alone(turn.conn, f"pas {who} {sent.identifier}")
        if known := exchanges.answered(turn.conn, who, OPERATION, sent.identifier):
            if known.digest != given.digest:
                words = "A Bundle of this identifier has been answered, and was another. Give this one its own."
                raise Conflict(words, "Bundle.identifier")
            return known.answer
    library = Library(turn.conn, looked=True)
    found = explode(turn, library, sent)
    if found.troubles:
        return _not_processed(turn, given, found)
    return _processed(turn, library, given, found)


def _not_processed(turn: Turn, given: Came, found: Exploded) -> bytes:
    """What the payer can not process is no error of HTTP: it is an answer."""
    id = turn.world.new_id()
    answer = wire.troubled(id, given.sent.claim, found.troubles, turn.now)
    return _answered(turn, given, answer, None, {})


def _processed(turn: Turn, library: Library, given: Came, found: Exploded) -> bytes:
    claim = lifecycle.marked({}, found.claim, turn.now)
    found.claim = claim
    if found.prior and (lost := asked.lost(found.prior, claim)) and claim.get("item"):
        words = f"An update carries all that was ever sent; it leaves out {', '.join(lost)}."
        raise Unprocessable(words, "Bundle.entry[0].resource.item")
    changes = found.changes()
    door.admit(turn, [each for each in changes if each.type == "Claim" or _is_stored(turn, each)])
    answer = json.loads(_written(turn, library, found, changes))
    names = {name: url for url, name in found.names.items()}
    told = wire.told(answer, claim, names, turn.world.base.url, given.guide)
    return _answered(turn, given, told, key(claim), names)


def _written(turn: Turn, library: Library, found: Exploded, changes: Sequence[Change]) -> bytes:
    """Write the request with its answer, which is returned as it is stored: by the payer's rules where they approve all
    of it, else that it waits. Rules look at a request that stands here, so then it is written first, and what follows
    from it is projected once, with its answer."""
    claim, id = found.claim, turn.world.new_id()
    before = _newest(turn, found.prior)
    waiting = decision.answered(id, claim, before, turn.now)
    if found.prior or not _has_rules(library, target(item(claim, "insurer"))):
        return _put(turn, [*changes, _change(waiting)])[-1].body
    world, request = turn.world, list[Touched]()
    _put(turn, changes, lambda conn, touched, now: request.extend(touched))
    if any(each.type in shelf.SHARED for each in request):
        shelf.note(turn.conn, request)
    standing = library.standing()
    by_rule = automatic.at_once(turn, standing, claim, id)

    def project(conn: Connection, touched: Sequence[Touched], now: datetime) -> None:
        assemble.hand_on(standing, touched, now)
        world.project(conn, [*request, *touched], now)

    return _put(turn, [_change(each) for each in reversed(by_rule or [waiting])], project)[-1].body


def _has_rules(library: Library, payer: str) -> bool:
    payers = library.fetch([payer]) if payer.startswith("Organization/") else []
    return queues.has_rules_that_approve(library.conn, frozenset(shared(payers)))


def _change(resource: Json) -> Change:
    return Change(str(resource["resourceType"]), str(resource["id"]), resource)


def _put(turn: Turn, changes: Sequence[Change], project: Projector | None = None) -> list[Written]:
    world = turn.world
    return put_all(
        turn.conn, changes, now=turn.now, actor=turn.actor(), base=world.base, project=project or world.project
    )


def _is_stored(turn: Turn, change: Change) -> bool:
    return bool(TYPES[change.type].rule) and read.get(turn.conn, change.type, change.id) is not None


def _newest(turn: Turn, prior: Json) -> Json:
    """The answer that holds to the request before."""
    if not prior:
        return {}
    rows = read.of_patient(turn.conn, target(item(prior, "patient")).partition("/")[2], ["ClaimResponse"])
    answers = [json.loads(row.body) for row in rows if not row.deleted]
    heard = [each for each in answers
             if target(item(each, "request")) == key(prior) and text(each, "status") == "active"]  # fmt: skip
    return lifecycle.newest(heard, turn.world.base.zone) if heard else {}


def _answered(turn: Turn, given: Came, answer: Json, claim: str | None, names: dict[str, str]) -> bytes:
    """The Bundle of an answer, written down with what was asked."""
    sent, url = given.sent, f"{turn.world.base.url}/ClaimResponse/{answer['id']}"
    whole: dict[str, Any] = wire.bundle(url, answer, sent, turn.now, sent.warnings)
    body = json.dumps(whole)
    exchanges.keep(turn.conn, log.exchange(turn, given, OPERATION, answer, body, claim, names))
    return body
