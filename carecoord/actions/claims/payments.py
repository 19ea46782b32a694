"""Claims as an 835 or a 277CA speaks of them, kept as rows with all that they are matched to; of a claim that was paid
or denied and whose patient is known also an ExplanationOfBenefit, as the payer's own word."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final

import msgspec
from sqlalchemy import Row

from auth.grant import Grant
from auth.scopes import parse, resources
from carecoord.actions.access.turn import Turn
from carecoord.actions.claims import rates
from carecoord.actions.claims.matches import Claimed, Match, match
from carecoord.actions.claims.rates import Expected
from carecoord.actions.claims.remittances import Remittances, by_day
from carecoord.actions.policies.known import EVERYBODY, policies
from carecoord.domain.access import verbs
from carecoord.domain.claims import benefit, claim, parts, work
from carecoord.domain.claims.claim import Status, spelt
from carecoord.domain.gates.policy import Payer, Policy
from carecoord.domain.policies.lines import key_of
from carecoord.domain.prior_auth.x12 import claim_status, remittance
from carecoord.domain.prior_auth.x12.remittance import Paid, Remittance
from carecoord.domain.resource.days import midnight, shifted
from carecoord.domain.resource.parties import directory, party
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros
from carecoord.fhir.search.collation import fold
from carecoord.store.claims import claims
from carecoord.store.resources import read
from carecoord.store.resources.write import Change, put_all
from carecoord.words.sentence import dumps

READS: Final = resources(parse("user/*.rs"))  # what a file is read with: all that the office's roles let see
FILE: Final = "x12-payer:"  # so begins the subject of what a payer's file says; the id of the payer follows
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Arrival:
    """What a row is made of: of which office and file it came, and whose it is. again: it is only matched anew. rates,
    benefits: of the whole file: what was reckoned already, and the resources to be written, each with its payer.
    before: what earlier files told."""

    turn: Turn
    office: str
    file: str
    match: Match
    again: bool = False
    rates: dict[tuple[object, ...], Expected] = field(default_factory=dict)
    benefits: list[tuple[str, Change]] = field(default_factory=list)
    before: Remittances = field(default_factory=Remittances)


def payer_grant(payer: str, name: str) -> Grant:
    """Who says what a payer's file says: the payer."""
    return Grant(f"{FILE}{payer}", roles=frozenset(verbs.holders("decide")), organization=payer, name=name)


def take_payments(turn: Turn, office: str, file: str, found: Remittance, only: str = "") -> None:
    """Keep every claim of a remittance, whole however many parts it came in. only: of this number alone, to match it
    anew. Raises ValueError for parts of a cent."""
    known: dict[tuple[object, ...], Expected] = {}
    benefits: list[tuple[str, Change]] = []
    before = Remittances()
    for n, some in enumerate(parts.apart(found.claims)):
        if only in ("", some[0].number):
            matched = match(turn, _claimed(parts.whole(some), found))
            _pay(Arrival(turn, office, file, matched, bool(only), known, benefits, before), found, some, n)
    for payer in dict.fromkeys(payer for payer, _ in benefits):
        _write(turn, payer_grant(payer, found.payer), [change for of, change in benefits if of == payer])


def take_statuses(
    turn: Turn, office: str, file: str, found: Sequence[claim_status.Status], only: str = ""
) -> None:
    """Keep what a 277CA says of each claim; of one that was paid or denied since, or of which something newer was said,
    only that it was said. only: as of `take_payments`."""
    for n, each in enumerate(found):
        if only not in ("", each.number):
            continue
        claimed = Claimed(each.last, each.first, each.member, "", each.since, frozenset(each.codes))
        at = Arrival(turn, office, file, match(turn, claimed), bool(only))
        said = [f"{one.category}:{one.code}{f':{one.entity}' if one.entity else ''}" for one in each.said]
        id = _id(at, each.payer_id, each.payer, each.number)
        _note(at, id, n, "277", " ".join(said))
        held = claims.held(turn.conn, id)
        if held and (held.status not in claim.UNPAID or _is_older(each.at, held)):
            continue
        status, cents = claim.said_status(each), claim.cents(each.charge)
        money = {"charge": cents, "paid": 0, "owed": 0, "denied": cents if status == "refused" else 0, "gap": 0}
        row = _row(at, id, each, status) | money | {
            "code": next(iter(each.codes), ""), "said": _encode(said).decode(), "remarks": "[]", "expected": None,
            "short": 0, "payment": "", "decided": spelt(each.at), "due": None, "agreement": None,
            "agreement_number": None, "authorization_number": at.match.number,
            "work": _work(at, held, status),
        }  # fmt: skip
        claims.keep(turn.conn, row, (), ())


def _claimed(paid: Paid, found: Remittance) -> Claimed:
    codes = frozenset(line.code for line in paid.services)
    return Claimed(paid.last, paid.first, paid.member, paid.authorization, paid.since or found.at, codes)


def _pay(at: Arrival, now: Remittance, some: Sequence[Paid], n: int) -> None:
    """Keep a claim as all that was told of it before and now leaves it."""
    id = _id(at, now.payer_id, now.payer, some[0].number)
    held = claims.held(at.turn.conn, id)
    is_told = held is not None and held.status not in claim.UNPAID
    before = at.before.of(at.turn.conn, id, now, some[0]) if is_told else []
    for each in parts.heard(some):
        _note(at, id, n, "835", f"{now.check} {each.status}", claim.cents(each.paid))
    told = before if at.again and before else by_day([*before, (now, some)])
    found, paid = told[-1][0], parts.standing([each for _, each in told])
    if not at.again and found is not now and paid == parts.standing([each for _, each in before]):
        return  # an older word, which what was said since has overtaken
    _keep(replace(at, match=match(at.turn, _claimed(paid, found))) if len(told) > 1 else at, id, held, found, paid)


def _keep(at: Arrival, id: str, held: Row[Any] | None, found: Remittance, paid: Paid) -> None:
    """found: what was told last; paid: the claim after all of it."""
    money = claim.money(paid)
    status = claim.paid_status(paid)
    priced = _priced(at, paid)
    short = sum(
        max(0, claim.cents(each.amount) - claim.cents(claim.allowed(line)))
        for line, each in zip(paid.services, priced, strict=True) if each.amount is not None and line.paid > 0
    )  # fmt: skip
    whole = all(each.amount is not None for each in priced) and bool(priced)
    agreed = next((each for each in priced if each.contract), None)
    sums = [claim.cents(each.amount) for each in priced if each.amount is not None]
    row = _row(at, id, paid, status) | {
        "payer_name": found.payer, "payer_id": found.payer_id, "charge": money.charge, "paid": money.paid,
        "owed": money.owed, "denied": money.denied, "gap": money.gap,
        "code": next((line.code for line in paid.services), ""), "said": "[]",
        "remarks": _encode(list(paid.remarks)).decode(), "expected": sum(sums) if whole else None, "short": short,
        "payment": found.check, "decided": spelt(found.at), "due": _due(at, status, found.at),
        "agreement": agreed.contract if agreed else None, "agreement_number": agreed.number if agreed else None,
        "authorization_number": at.match.number or paid.authorization,
        "work": _work(at, held, status, short, money.gap),
    }  # fmt: skip
    adjusted = [{"line": 0, "n": n, **each} for n, each in enumerate(_adjustments(paid.adjustments), 1)]
    for place, line in enumerate(paid.services, 1):
        adjusted += [{"line": place, "n": n, **each} for n, each in enumerate(_adjustments(line.adjustments), 1)]
    lines = [_line(n, line, each) for n, (line, each) in enumerate(zip(paid.services, priced, strict=True), 1)]
    claims.keep(at.turn.conn, row, lines, adjusted)
    _explain(at, id, found, paid, status)


def _is_older(day: date | None, held: Row[Any]) -> bool:
    """Whether what was said on a day is older than what is here."""
    return (held.decided or "") > (spelt(day) or "")


def _row(at: Arrival, id: str, said: Paid | claim_status.Status, status: Status) -> dict[str, Any]:
    """The columns that both kinds of files give alike."""
    matched, now = at.match, micros(at.turn.now)
    held: Row[Any] | None = claims.held(at.turn.conn, id)
    name = f"{said.last}, {said.first}".strip(", ")
    return {
        "id": id, "office": held.office if held else at.office, "number": said.number,
        "payer_number": said.payer_number, "payer_id": getattr(said, "payer_id", ""),
        "payer_name": getattr(said, "payer", ""),
        "payer": f"Organization/{matched.payer}" if matched.payer else None, "patient": matched.patient or None,
        "coverage": f"Coverage/{matched.coverage['id']}" if matched.coverage else None,
        "authorization": matched.authorization or None, "visit": matched.visit or None, "name": name,
        "sort_name": fold(name), "member": said.member, "provider": said.provider, "since": spelt(said.since),
        "until": spelt(said.until), "status": status,
        "doubts": _encode([dumps(each) for each in matched.doubts]).decode(),
        "off": held.off if held and at.again else 0, "off_by": held.off_by if held and at.again else None,
        "received": held.received if held else now, "updated": now,
    }  # fmt: skip


def _priced(at: Arrival, paid: Paid) -> list[Expected]:
    """What the agreement pays for each line; nothing where patient, payer or plan are not known."""
    staff = frozenset(verbs.holders("see-rates"))
    office = Grant(f"{FILE}rates", scopes=READS, roles=staff, organization=at.office)
    turn = at.turn.by(office)
    return [_expected(at, turn, paid, line) for line in paid.services]


def _expected(at: Arrival, turn: Turn, paid: Paid, line: remittance.Service) -> Expected:
    matched, day = at.match, line.first or paid.since
    if not (matched.payer and matched.plan and day):
        return Expected(None, "", "", ())
    about = (matched.payer, matched.plan, day, line.code, line.modifiers, line.units, line.charge)
    if about not in at.rates:
        at.rates[about] = rates.expected(turn, at.office, matched.payer, matched.plan, day, line)
    return at.rates[about]


def _line(n: int, line: remittance.Service, expected: Expected) -> dict[str, Any]:
    return {
        "n": n, "qualifier": line.qualifier, "code": line.code, "modifiers": " ".join(line.modifiers),
        "units": f"{line.units.normalize():f}" if line.units is not None else None, "since": spelt(line.first),
        "charge": claim.cents(line.charge), "paid": claim.cents(line.paid),
        "allowed": claim.cents(claim.allowed(line)),
        "expected": claim.cents(expected.amount) if expected.amount is not None else None,
        "proof": _encode([dumps(each) for each in expected.steps]).decode(),
        "remarks": _encode(list(line.remarks)).decode(),
    }  # fmt: skip


def _adjustments(found: Iterable[remittance.Adjustment]) -> list[Mapping[str, Any]]:
    return [
        {"kind": each.group, "reason": each.reason, "amount": claim.cents(each.amount), "denies": claim.denies(each)}
        for each in found
    ]


def _work(at: Arrival, held: Row[Any] | None, status: Status, short: int = 0, gap: int = 0) -> str:
    """What there is to do now; what somebody has begun stays begun where nothing new was said."""
    if held and at.again and held.work != "open":
        return str(held.work)
    return work.after(status, short=short, gap=gap, matched=not at.match.doubts)


def _id(at: Arrival, payer_id: str, payer: str, number: str) -> str:
    """The id of a claim: of the row that is here by its number and payer, however a file names the payer."""
    mine = f"Organization/{at.match.payer}"
    for row in claims.numbered(at.turn.conn, at.turn.office().organizations or (at.office,), number):
        if row.payer == mine or (payer_id and row.payer_id == payer_id) or fold(row.payer_name) == fold(payer):
            return str(row.id)
    return claim.claim_id(at.office, payer_id or fold(payer), number)


def _note(at: Arrival, id: str, n: int, kind: str, said: str, amount: int | None = None) -> None:
    """Write down that a file spoke of a claim."""
    if at.again:
        return
    note = {"id": f"{at.file} {kind} {n} {at.turn.world.new_id()}", "claim": id, "at": micros(at.turn.now)}
    claims.note(at.turn.conn, {**note, "verb": kind, "subject": at.file, "name": "", "amount": amount, "note": said})


def _due(at: Arrival, status: Status, decided: date | None) -> int | None:
    """Until when it can be appealed: by what its payer has said, from the day of the decision."""
    if status in ("paid", "accepted") or decided is None:
        return None
    turn, zone = at.turn, at.turn.world.base.zone
    names = [each for each in (at.match.payer, at.office) if each]
    rows = [row for row in read.many(turn.conn, [("Organization", each) for each in names]) if not row.deleted]
    found = {row.id: json.loads(row.body) for row in rows}
    lines = policies(turn.conn, [*(key_of(each) for each in found.values()), EVERYBODY])
    known = directory(found.values())
    insurer = party({"reference": f"Organization/{at.match.payer}"}, known) if at.match.payer else None
    payer, start = Payer(insurer), midnight(shifted(decided, 1), zone)  # the day itself is not counted
    policy = Policy(zone, tuple(lines))
    return micros(policy.after(start, "appeal", payer)) if policy.span("appeal", start, payer) else None


def _explain(at: Arrival, id: str, found: Remittance, paid: Paid, status: Status) -> None:
    """Make the ExplanationOfBenefit, where patient, card and payer are known."""
    matched = at.match
    if not (matched.patient and matched.coverage and matched.payer):
        return
    made = benefit.benefit(
        id, paid, found, status=status, patient=matched.patient, coverage=str(matched.coverage["id"]),
        payer=matched.payer, office=at.office, now=at.turn.now.astimezone(at.turn.world.base.zone),
    )  # fmt: skip
    at.benefits.append((matched.payer, Change("ExplanationOfBenefit", id, made)))


def _write(turn: Turn, payer: Grant, changes: Sequence[Change]) -> None:
    """Write what a file says together: a patient's cases are judged once for all of it."""
    put_all(
        turn.conn, changes, now=turn.now, actor=turn.by(payer).actor(), base=turn.world.base,
        project=turn.world.project,
    )  # fmt: skip
