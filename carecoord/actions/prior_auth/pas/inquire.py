"""Claim/$inquire: what was decided on requests that are like an example. Whoever asks is told of the requests of their
own organization, and of others' in which it is the one who orders or does what was asked for; nothing is written but
that somebody asked.

Clauses: Da Vinci PAS 2.2.1, OperationDefinition Claim-inquiry; specification.html (spec-43 to spec-54, spec-73)."""

from typing import Final

from auth.grant import Grant
from carecoord.actions.access import sides
from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.prior_auth.pas import decision, log
from carecoord.actions.prior_auth.pas.explode import partner
from carecoord.actions.prior_auth.pas.log import Came, came
from carecoord.domain.prior_auth import lifecycle
from carecoord.domain.prior_auth.pas import answer as wire
from carecoord.domain.prior_auth.pas import inquiry
from carecoord.domain.prior_auth.pas.guide import Guide
from carecoord.domain.prior_auth.pas.inquiry import Chain
from carecoord.domain.resource.elements import Json, identifiers, item, items, key, pairs, target, text
from carecoord.domain.resource.parties import TAXES
from carecoord.errors import Forbidden, Issue, Unprocessable
from carecoord.fhir import text as json
from carecoord.store.database.engine import writing
from carecoord.store.prior_auth import exchanges
from carecoord.store.resources import read
from carecoord.store.worklist import registry
from carecoord.world import World

OPERATION: Final = "inquire"


def inquire(world: World, grant: Grant, guide: Guide, bundle: Json, *, request: str = "") -> bytes:
    """Answer an inquiry. Raises Invalid, Unprocessable where it does not say of whom, Forbidden."""
    given = came(guide, bundle, "Claim/$inquire")
    with looking(world, grant, request) as turn, noted(turn, "inquire", "Claim") as shown:
        turn.demand("Claim", "r")
        _demand_own(turn, given)
        found, withheld = _chains(turn, given)
        shown += [target(item(head, "patient")).partition("/")[2] for head, _ in found]
        responses = [_response(turn, given, each) for each in found]
        body = _told(turn, given, responses, withheld)
    first = responses[0] if responses else {}
    with writing(world.engine) as conn:
        exchanges.keep(conn, log.exchange(turn, given, OPERATION, first, body, None, {}))
    return body


def _demand_own(turn: Turn, given: Came) -> None:
    """An inquiry is made in one's own name. Raises Forbidden, Unprocessable."""
    sent = given.sent
    provider = sent.named(item(sent.claim, "provider"))
    if not provider or not sent.named(item(sent.claim, "insurer")):
        raise Unprocessable("An inquiry names the provider and the insurer.", "Bundle.entry[0].resource.provider")
    if not _member(given):
        words = "An inquiry names the patient by an identifier: the number on the card."
        raise Unprocessable(words, "Bundle.entry[0].resource.patient")
    office = turn.office()
    if turn.grant.patient or (turn.grant.roles and identifiers(provider).isdisjoint(office.identifiers)):
        raise Forbidden("This access asks in the name of its own organization only.", "Claim.provider")


def _member(given: Came) -> list[str]:
    patient = given.sent.named(item(given.sent.claim, "patient"))
    return [each for each in sorted(identifiers(patient)) if not each.startswith(TAXES)]


def _chains(turn: Turn, given: Came) -> tuple[list[Chain], bool]:
    """What the example means of what the asker may know of, and whether something was kept back for privacy."""
    claim, conn = given.sent.claim, turn.conn
    insurer = _insurers(turn, given)
    ids = {row.id for row in registry.identified(conn, "Patient", pairs(_member(given))) if not row.deleted}
    withheld = ids & turn.cases_withheld()
    found: list[Chain] = []
    for id in sorted(ids - withheld):
        rows = read.of_patient(conn, id, ["Claim", "ClaimResponse"])
        stored = [json.loads(row.body) for row in rows]
        claims = [each for each in stored if each["resourceType"] == "Claim"]
        answers = [each for each in stored if each["resourceType"] == "ClaimResponse"]
        found += [each for each in inquiry.chains(claims, answers)
                  if target(item(each[0], "insurer")) in insurer and _is_theirs(turn, each[0])
                  and inquiry.means(claim, each)]  # fmt: skip
    return found, bool(withheld)


def _insurers(turn: Turn, given: Came) -> set[str]:
    named = identifiers(given.sent.named(item(given.sent.claim, "insurer")))
    rows = registry.identified(turn.conn, "Organization", pairs(each for each in named if not each.startswith(TAXES)))
    return {f"Organization/{row.id}" for row in rows if not row.deleted}


def _is_theirs(turn: Turn, claim: Json) -> bool:
    """Whether the asker's organization asked for it, orders it or is to do it."""
    if not turn.grant.roles:
        return True
    parties = [item(claim, "provider"), *(item(each, "provider") for each in items(claim, "careTeam"))]
    return any(sides.of_request(turn, {"provider": each, "insurer": item(claim, "insurer")}) in ("requester", "payer")
               for each in parties)  # fmt: skip


def _response(turn: Turn, given: Came, chain: Chain) -> Json:
    """The answer that holds, in the names of who asks."""
    head, answers = chain
    mine = [each for each in answers if target(item(each, "request")) == key(head)]
    zone = turn.world.base.zone
    holds = lifecycle.newest(mine, zone) if mine else _waiting(head, answers, turn)
    first = exchanges.of_claim(turn.conn, key(head))
    names = dict(first.names) if first and first.partner == partner(turn) else {}
    sent = given.sent
    for name in ("patient", "insurer", "provider"):
        if name != "provider" or sides.of_request(turn, head) == "requester":
            names[target(item(head, name))] = sent.meant(text(item(sent.claim, name), "reference"), sent.url)
    return wire.told(holds, head, names, turn.world.base.url, given.guide)


def _waiting(head: Json, answers: tuple[Json, ...], turn: Turn) -> Json:
    """What is said of a request that nobody has answered yet: that it waits."""
    before = lifecycle.newest(answers, turn.world.base.zone) if answers else {}
    return decision.answered(str(head["id"]), head, before, turn.now)


def _told(turn: Turn, given: Came, responses: list[Json], withheld: bool) -> bytes:
    said = list(given.sent.warnings)
    if withheld:
        words = "Something is kept back for the patient's privacy. Call the payer."
        said.append(Issue("warning", "suppressed", words, "Bundle"))
    base = turn.world.base.url
    urls = [f"{base}/ClaimResponse/{each['id']}" for each in responses]
    bundles = [wire.bundle(url, each, given.sent, turn.now, said) for url, each in zip(urls, responses, strict=True)]
    if given.guide.returns:
        parameters = [{"name": given.guide.returns, "resource": each} for each in bundles]
        if withheld and not bundles:
            parameters.append({"name": given.guide.returns, "resource": wire.silent(given.sent, turn.now, said)})
        return json.dumps({"resourceType": "Parameters"} | ({"parameter": parameters} if parameters else {}))
    return json.dumps(wire.joined(bundles) if bundles else wire.silent(given.sent, turn.now, said))
