"""The requests for authorization of a patient with their answers, as they stand in a go of writes, and what the table
of their life lets somebody do with one: asked at the door, on every road."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from auth.scopes import permits
from carecoord.actions.access import sides
from carecoord.actions.access.turn import Turn
from carecoord.actions.acts import provenance
from carecoord.actions.acts.provenance import Version
from carecoord.domain.access import verbs
from carecoord.domain.prior_auth import lifecycle
from carecoord.domain.prior_auth.clinic import peer
from carecoord.domain.prior_auth.clinic.wishes import is_wish
from carecoord.domain.prior_auth.desk import second_look
from carecoord.domain.prior_auth.lifecycle import LifeState, LifeVerb
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import Json, item, key, target, text
from carecoord.domain.resource.moves import Side
from carecoord.errors import Conflict, Forbidden, Unprocessable
from carecoord.fhir import text as json
from carecoord.fhir.search import params
from carecoord.store.database.engine import alone
from carecoord.store.resources import read
from carecoord.store.resources.write import Change
from carecoord.words.sentence import sentence

TYPES: Final = ("Claim", "ClaimResponse")
_OPEN: Final = ("pend", "ask", "contact", "acknowledge", "refuse")  # nothing is decided by it
Held = Mapping[tuple[str, str], Json | None]


def marked(turn: Turn, changes: Sequence[Change]) -> list[Change]:
    """The changes, each Claim marked with when it came here: by the server, whatever its sender wrote. A service that
    keeps whole records may bring what came elsewhere."""
    claims = [(each.type, each.id) for each in changes if each.type == "Claim" and each.resource is not None]
    if not claims:
        return list(changes)
    held = {row.id: json.loads(row.body) for row in read.many(turn.conn, claims) if not row.deleted}
    now = None if sides.serves(turn) else turn.now
    return [
        replace(each, resource=lifecycle.marked(held.get(each.id, {}), each.resource, now))
        if each.type == "Claim" and each.resource is not None
        else each
        for each in changes
    ]


@dataclass(frozen=True)
class Chains:
    """The requests of one patient. claims, answers: by `Type/id`."""

    turn: Turn
    claims: Mapping[str, Json]
    answers: Mapping[str, Json]

    def state(self, claim: Json, without: str = "") -> LifeState:
        """How a request stands; without: an answer, `ClaimResponse/id`, that is left out."""
        mine = [
            each for id, each in self.answers.items() if id != without and target(item(each, "request")) == key(claim)
        ]
        return lifecycle.state(claim, mine, self.turn.world.base.zone)

    def before(self, claim: Json) -> list[str]:
        """The requests, `Claim/id`, that this one took the place of."""
        seen: list[str] = []
        while (prior := lifecycle.precedent(claim)) in self.claims and prior not in seen:
            seen.append(prior)
            claim = self.claims[prior]
        return seen

    def successor(self, claim: str) -> str:
        """The request that was sent in the place of this one; empty where it stands for itself."""
        sent = (id for id, each in self.claims.items() if text(each, "status") == "active")
        return next((id for id in sent if lifecycle.precedent(self.claims[id]) == claim), "")


def demand(turn: Turn, held: Held, before: Json, after: Json) -> None:
    """Refuse a change of a Claim or ClaimResponse that the table of its life does not have: by one of its two sides,
    from the state in which the whole chain stands; and a denial that no second person looked at.

    Raises Conflict (409) naming the legal verbs, Forbidden (403) for the other side, Unprocessable (422).
    """
    alone(turn.conn, f"authorizations of {target(item(after, 'patient'))}")
    found = _chains(turn, held, after)
    if after["resourceType"] == "Claim":
        _demand_request(found, before, after)
    else:
        _demand_answer(found, held, before, after)


def demand_step(turn: Turn, held: Held, before: Json, after: Json) -> None:
    """Refuse a Task about a request that the table of its life does not have: the payer's wish for a paper, the answer
    to it, a talk of two clinicians that is asked for.

    Raises Conflict (409) naming the legal verbs, Forbidden (403) for the other side.
    """
    verb, asked = _step(before, after)
    if not verb or not asked.startswith("Claim/"):
        return
    found = _chains(turn, held, {"patient": item(_held(turn, held, asked), "patient")})
    claim = found.claims.get(asked)
    if claim is None:
        return
    if other := found.successor(asked):
        raise Conflict(f"{asked} was replaced by {other}. Legal: what is about {other}.", "Task")
    state = found.state(claim)
    waits = verb == "answer" and state in lifecycle.WAITING
    lifecycle.advance("asked" if waits else state, verb, sides.of_request(turn, claim), "Task.status")


def _step(before: Json, after: Json) -> tuple[LifeVerb | None, str]:
    """What a Task does to which request, `Claim/id`; None where it does nothing to one."""
    was, now = text(before, "status"), text(after, "status")
    if is_wish(after) and was != now:
        about = target(item(after, "reasonReference"))
        return ("ask" if not before else "answer" if now == "completed" else None), about
    if peer.is_talk(after) and not before:
        return "peer-to-peer", target(item(after, "focus"))
    return None, ""


def _held(turn: Turn, held: Held, name: str) -> Json:
    kind, _, id = name.partition("/")
    row = read.get(turn.conn, kind, id) if (kind, id) not in held else None
    return held.get((kind, id)) or (json.loads(row.body) if row and not row.deleted else {})


def _chains(turn: Turn, held: Held, about: Json) -> Chains:
    patient = target(item(about, "patient")).partition("/")[2]
    rows = read.of_patient(turn.conn, patient, TYPES) if patient else []
    stored = {f"{row.type}/{row.id}": json.loads(row.body) for row in rows if not row.deleted}
    made = {f"{type}/{id}": each for (type, id), each in held.items() if type in TYPES and each}
    whole = stored | made
    return Chains(
        turn,
        {name: each for name, each in whole.items() if name.startswith("Claim/")},
        {name: each for name, each in whole.items() if name.startswith("ClaimResponse/")},
    )


def _demand_request(found: Chains, before: Json, after: Json) -> None:
    turn, was, status = found.turn, text(before, "status"), text(after, "status")
    if text(after, "use") != "preauthorization" or was == status:
        return
    side = sides.of_request(turn, before or after)
    if status == "draft":
        lifecycle.advance("new", "draft", side, "Claim.status")
    elif status == "active":
        _demand_sendable(found, side, before, after)
    elif status == "cancelled":
        lifecycle.advance(found.state(before), "withdraw", side, "Claim.status")
    elif before:
        lifecycle.advance(found.state(before), "void", side, "Claim.status")


def _demand_sendable(found: Chains, side: Side, before: Json, after: Json) -> None:
    zone, prior = found.turn.world.base.zone, lifecycle.precedent(after)
    verb = lifecycle.asks(after, local(found.turn.now, zone), zone)
    if not prior:
        lifecycle.advance("draft" if before else "new", verb, side, "Claim.status")
        return
    if prior not in found.claims:
        words = f"It names {prior} as the request before it, which is none of this patient's here."
        raise Unprocessable(words, "Claim.related.claim")
    if (other := found.successor(prior)) not in ("", key(after)):
        raise Conflict(f"{prior} was replaced by {other}. Legal: update, extend or appeal {other}.", "Claim.related")
    state = found.state(found.claims[prior])
    lifecycle.advance(state, verb, side, "Claim.related")


def _demand_answer(found: Chains, held: Held, before: Json, after: Json) -> None:
    turn, asked = found.turn, target(item(after, "request"))
    lines = second_look.newly_denied(before, after)
    if text(after, "status") == "active" and (claim := found.claims.get(asked)):
        if other := found.successor(asked):
            raise Conflict(f"{asked} was replaced by {other}. Legal: answer {other}.", "ClaimResponse.request")
        verb = lifecycle.tells(after)
        if verb != _told(before):
            lifecycle.advance(found.state(claim, key(after)), verb, sides.of_request(turn, claim), "ClaimResponse.item")
            if verb not in _OPEN:
                _demand_fresh_eyes(found, claim)
    if lines:
        _demand_two(turn, held, asked, after, lines)


def _demand_fresh_eyes(found: Chains, claim: Json) -> None:
    """An appeal is decided by somebody who had no part in what it is against. Raises Forbidden.

    Clause: 42 CFR 422.590(h) ("a person or persons not involved in making the organization determination")."""
    turn, before = found.turn, found.before(claim)
    if not lifecycle.level(found.claims.values(), key(claim)):
        return
    answers = [each for each in found.answers.values() if target(item(each, "request")) in before]
    made = [Version("ClaimResponse", str(each["id"]), 1) for each in answers]
    for each in before:
        rows = read.referring(turn.conn, params.key("Task", "focus"), *each.split("/", 1))
        made += [Version("Task", row.id, 1) for row in rows if second_look.is_proposal(json.loads(row.body))]
    deciders = {act.subject for each in made if (act := provenance.author_of(turn.conn, each))}
    if turn.grant.subject in deciders:
        raise Forbidden(sentence("refusals.decided-before"), "http.act")


def _told(before: Json) -> LifeVerb | None:
    return lifecycle.tells(before) if text(before, "status") == "active" else None


def _demand_two(turn: Turn, held: Held, claim: str, after: Json, lines: Iterable[Json]) -> None:
    """A denial says that a human reviewed it. Where it is decided here, a medical director does, and another person has
    proposed these very lines; a payer's own system, which decides elsewhere, answers for its own people."""
    if second_look.human(after) is not True:
        words = "A denial is never made by a rule alone: say which human reviewed it (claimResponseReviewer)."
        raise Unprocessable(words, "ClaimResponse.extension")
    if permits(turn.grant.scopes, "system", "ClaimResponse", "c") is not None:
        return
    rows = read.referring(turn.conn, params.key("Task", "focus"), *claim.split("/", 1)) if "/" in claim else []
    stored = {row.id: json.loads(row.body) for row in rows if not row.deleted}
    wanted = list(lines)
    for id, task in stored.items():
        task = held.get(("Task", id)) or task
        if not second_look.covers(task, wanted):
            continue
        first = provenance.author_of(turn.conn, Version("Task", id, 1))
        if first is not None and first.subject != turn.grant.subject:
            if not verbs.may(turn.grant.roles, "agree"):
                raise Forbidden(sentence("refusals.director-agrees"), "http.act")
            return
    raise Conflict(
        "A denial takes two people: nobody else has proposed these lines. Legal: propose, then somebody else agrees.",
        "ClaimResponse.item.adjudication",
    )
