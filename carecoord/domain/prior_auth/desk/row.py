"""An authorization as one flat row: what both sides of the desk list, find and count without judging anything again.

It is made of the very facts and ledger by which the gate of its case is judged: of the case whose order the request
names, else of one that speaks of it, the oldest first. So a row and a gate can not say different things."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, TypeVar

from carecoord.domain.access.payer_view import Told
from carecoord.domain.clearance.clearance import Clearance
from carecoord.domain.coverage.gate import Card
from carecoord.domain.gates.policy import Policy
from carecoord.domain.prior_auth import lifecycle
from carecoord.domain.prior_auth.charges import Account
from carecoord.domain.prior_auth.clinic import channels, office, wishes
from carecoord.domain.prior_auth.decisions import Line, team
from carecoord.domain.prior_auth.lifecycle import WAITING, LifeState
from carecoord.domain.prior_auth.requests import Request
from carecoord.domain.prior_auth.review_action import GRANTED
from carecoord.domain.prior_auth.units import Amount
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.days import midnight, moment
from carecoord.domain.resource.elements import Json, codes, item, items, key, target, text, words
from carecoord.domain.resource.parties import party
from carecoord.domain.worklist.judgement import Heard, Judged
from carecoord.domain.worklist.search_words import member_of
from carecoord.fhir.instants import FOREVER, micros
from carecoord.words.sentence import Sentence, dumps

T = TypeVar("T")
_CLOSED = ("cancelled", "void", "not-required")
_PERSON = ("patient_name", "patient_sort", "birth_date", "gender", "mrn")  # as the row of the case has them


@dataclass(frozen=True, slots=True)
class AuthorizationRow:
    """`columns` of the row. `parties`: whose it is, as (side, key): the id of a placer or performer, the identifier of
    a payer (`system|value`). `told`: what it is found by, by those who see it whole; `payer_told`: by its payer."""

    columns: dict[str, Any]
    parties: frozenset[tuple[str, str]]
    told: str
    payer_told: str


def rows(cases: Sequence[Judged], policy: Policy) -> dict[str, AuthorizationRow]:
    """A row for each request for authorization of a patient, by its root. cases: all of the patient's."""
    leading = _leading((each, each.case, each.found.facts.requests) for each in cases)
    return {root: _row(each, request, cases, policy) for root, (each, request) in leading.items()}


@dataclass(frozen=True, slots=True)
class Begun:
    """Of the row of a request that came just now what its payer's rules go by: see AuthorizationRow. `payers`: the
    identifiers of its payer (`system|value`)."""

    state: LifeState
    level: int
    code: str
    agreement: str | None
    payers: frozenset[str]


def begun(cases: Sequence[Heard], claim: str) -> Begun | None:
    """That of a request, `Claim/id`, as its row will have it; None where there is none. cases: all of the patient's."""
    leading = _leading((each, each.case, each.known.requests) for each in cases)
    for each, request in leading.values():
        if request.key == claim:
            state = _life(request, wishes.of(each.case.tasks, request.claims))
            told = _by_payer(each.card, each.told, request)
            asked = next((one for one in each.case.claims if key(one) == claim), {})
            return Begun(
                state, lifecycle.level(each.case.claims, claim), _code(asked, request),
                told.participation.kind if told else None, frozenset(_payers(request, state)),
            )  # fmt: skip
    return None


def _leading(cases: Iterable[tuple[T, Case, Iterable[Request]]]) -> dict[str, tuple[T, Request]]:
    """By the root of each request the case that its row is made of, and the request as that knows it."""
    found: dict[str, tuple[int, T, Request]] = {}
    for one, case, requests in cases:
        for request in requests:
            near = _nearness(case, request)
            if request.root not in found or near < found[request.root][0]:
                found[request.root] = (near, one, request)
    return {root: (one, request) for root, (_, one, request) in found.items()}


def _nearness(case: Case, request: Request) -> int:
    """How near a case is to a request: named by it, linked otherwise, of the same patient."""
    return 0 if key(case.order) in request.own else 1 if request.linked else 2


def _row(judged: Judged, request: Request, cases: Sequence[Judged], policy: Policy) -> AuthorizationRow:
    case, found = judged.case, judged.found
    claim = next((each for each in case.claims if key(each) == request.key), {})
    card = next((each for each in found.facts.cards if each.key in request.coverages), None)
    mine = [each for each in cases if _of(each, request)]
    asked = wishes.of(case.tasks, request.claims)
    state = _life(request, asked)
    lines = [_line(request, line, found, policy) for line in request.lines]
    service = _service(claim, request)
    told = _told(judged, request, policy)
    columns = {
        "root": request.root, "claim": request.key, "patient": target(item(case.order, "subject")).partition("/")[2],
        "state": state, "open": state not in _CLOSED, "sent": state not in ("draft", "void"),
        "number": next((line.number for line in request.lines if line.number), None),
        "service": service, "code": _code(claim, request), "lines": lines,
        "orders": sorted(each.id for each in mine if each.id),
        "expedited": request.expedited, **{name: judged.row[name] for name in _PERSON},
        "member_id": (member_of(case, card.key) or None) if card else None,
        "payer_key": (request.payer.key() or None) if request.payer else None,
        "payer_name": request.payer.name if request.payer else None, "plan_name": card.plan_name if card else None,
        "provider": _provider(claim, request, judged), "placer_name": judged.row["placer_name"],
        "agreement": judged.row["agreement"], **told,
        "papers": sum(len(items(each, "supportingInfo")) for each in case.claims if key(each) == request.key),
        "asked": len(asked), "attached": sum(text(each, "status") == "completed" for each in asked),
        "extended": request.extended or None, "level": lifecycle.level(case.claims, request.key),
        **_clocks(request, state, asked, policy), **_span(request, policy), **_units(request, found),
        "owner": judged.row["owner"], "owner_name": judged.row["owner_name"],
        "changes_at": None if judged.id else judged.row["changes_at"],  # a case has its own
        "touch": judged.row["touch_at"] or judged.row["wakes_at"] or None,  # a rest ends with a look at it
        **office.appealed(case.claims, case.responses, request, policy.zone),
    }  # fmt: skip
    unsent = state in WAITING and channels.delivery(claim) is not None
    columns |= office.office([(each.id, each.found) for each in mine], request, state, columns, unsent)
    return AuthorizationRow(columns, frozenset(_parties(request, mine, state)), *_words(columns, request, case))


def life(request: Request, asked: bool = False) -> LifeState:
    """How a request stands, as the table of its life names it. asked: the payer waits for papers."""
    if request.state != "answered":
        return "asked" if asked and request.state == "submitted" else request.state
    found = lifecycle.outcome({line.state for line in request.lines})
    return "asked" if asked and found in WAITING else found


def _life(request: Request, wished: Iterable[Json]) -> LifeState:
    """How a request stands of which the payer wished these papers."""
    return life(request, any(text(each, "status") == "requested" for each in wished))


def _of(judged: Judged, request: Request) -> bool:
    """Whether a case speaks of a request."""
    return any(each.root == request.root and each.linked for each in judged.found.facts.requests)


def _line(request: Request, line: Line, found: Clearance, policy: Policy) -> dict[str, Any]:
    """What was decided on a service, and its part of the ledger; numbers as people write them."""
    account = _account(request, line, found)
    amount = account.amount if account else line.amount
    return {
        "state": line.state, "service": line.service, "code": next(iter(sorted(code for _, code in line.codes)), ""),
        "number": line.number, "reason": line.reason,
        "starts": line.days.start.isoformat() if line.days.start else None,
        "last": line.days.last.isoformat() if line.days.last else None,
        **_counts(amount, account, found),
    }  # fmt: skip


def _counts(amount: Amount | None, account: Account | None, found: Clearance) -> dict[str, Any]:
    if amount is None:
        return {"unit": None, "authorized": None, "booked": None, "used": None, "left": None}
    unit, number = dumps_unit(amount), Amount.number
    if account is None or not amount.counted:
        return {"unit": unit, "authorized": number(amount.count), "booked": None, "used": None, "left": None}
    used, booked, left = ledger(account, found)
    said = (None if each is None else number(each) for each in (booked, used, left))
    return {
        "unit": unit,
        "authorized": number(amount.count),
        **dict(zip(("booked", "used", "left"), said, strict=True)),
    }


def dumps_unit(amount: Amount) -> str:
    """What the units are called, as a row keeps it: a sentence, or the payer's own word."""
    said = amount.several
    return dumps(said) if isinstance(said, Sentence) else str(said)


def ledger(account: Account, found: Clearance) -> tuple[Fraction | None, Fraction | None, Fraction | None]:
    """(used, booked, left) of an account in its own units; None where it can not be told. What is booked is what all
    visits come to beyond those that took place, so that nothing is counted twice."""
    books = found.facts.ledger
    charged = books.charged[books.accounts.index(account)]
    used, both = account.spent(each for each in charged if each.done), account.spent(charged)
    if used is None or both is None or account.amount is None:
        return used, None, None
    return used, both - used, account.amount.count - both


def _account(request: Request, line: Line, found: Clearance) -> Account | None:
    """The account of a line in the ledger of the case; None where the case does not draw on it."""
    held = found.facts.ledger.accounts
    return next((each for each in held if any(r is request and x is line for r, x in each.lines)), None)


def _units(request: Request, found: Clearance) -> dict[str, Any]:
    """The ledger of the whole, in the units of the first line that counts any: lines that count something else speak
    for themselves. `voided`: what lines of it come to that the payer took back."""
    granted = [line for line in request.lines if line.state in GRANTED]
    held = list(dict.fromkeys(a for line in granted if (a := _account(request, line, found)) is not None))
    first = next((each.amount for each in held if each.amount and each.amount.counted), None)
    if first is None:
        return dict.fromkeys(("unit", "authorized", "booked", "used", "left", "voided"))
    alike = [each for each in held if first.alike(each.amount)]
    sums = [ledger(each, found) for each in alike]
    used, booked, left = (
        None if any(each[n] is None for each in sums) else sum((each[n] or Fraction(0) for each in sums), Fraction(0))
        for n in range(3)
    )
    total = sum((each.amount.count for each in alike if each.amount), Fraction(0))
    gone = sum(
        (line.amount.count for line in request.lines
         if line.state == "cancelled" and line.amount and first.alike(line.amount)), Fraction(0),
    )  # fmt: skip
    said = {"authorized": total, "booked": booked, "used": used, "left": left, "voided": gone}
    return {"unit": dumps_unit(first), **{k: None if v is None else Amount.number(v) for k, v in said.items()}}


def _clocks(request: Request, state: LifeState, asked: Iterable[Json], policy: Policy) -> dict[str, Any]:
    ends = (text(item(item(each, "restriction"), "period"), "end") for each in asked
            if text(each, "status") == "requested")  # fmt: skip
    moments = [at for end in ends if (at := moment(end, policy.zone))]
    due = request.due if state in WAITING else None
    return {
        "received": _at(request.received), "due": _at(due), "decided": _at(request.decided),
        "appeal_by": _at(request.appeal_by if state in ("denied", "partly", "modified") else None),
        "peer_by": _at(request.peer_by if state in ("denied", "partly", "modified") else None),
        "info_due": _at(min(moments, default=None)), "sort_due": FOREVER if due is None else micros(due),
    }  # fmt: skip


def _at(moment: datetime | None) -> int | None:
    return micros(moment) if moment else None


def _span(request: Request, policy: Policy) -> dict[str, Any]:
    granted = [line.days for line in request.lines if line.state in GRANTED]
    starts = [each.start for each in granted if each.start]
    ends = [each.end for each in granted]
    last = max((each for each in ends if each), default=None) if all(ends) else None
    return {
        "starts": micros(midnight(min(starts), policy.zone)) if starts else None,
        "ends": micros(midnight(last, policy.zone)) if last else None,
    }


def _service(claim: Json, request: Request) -> str:
    asked = next((said for each in items(claim, "item") if (said := words(item(each, "productOrService")))), "")
    return asked or next((line.service for line in request.lines if line.service), "")


def _code(claim: Json, request: Request) -> str:
    asked = sorted(code for each in items(claim, "item")[:1] for _, code in codes(item(each, "productOrService")))
    return next(iter(asked), "") or next((code for line in request.lines for _, code in sorted(line.codes)), "")


def _provider(claim: Json, request: Request, judged: Judged) -> str | None:
    """Who is to do it: whom the answer names, else the request, else the order that it names and that went with it."""
    found = judged.found
    named = next((each.name for line in request.lines for each in line.providers if each.name), "")
    doers = (party(reference, found.facts.parties) for reference in team(claim, {}))
    asked = (each.name for each in doers if each and each.name)
    ordered = judged.row["performer_name"] if key(judged.case.order) in request.own else None
    return named or next(asked, "") or ordered


def _told(case: Judged, request: Request, policy: Policy) -> dict[str, Any]:
    """How the agreement between payer and clinic stands, by what the payer was told; nothing where the patient's card
    is another payer's by now."""
    judged = _by_payer(case.found.card, case.told, request)
    return {
        "payer_agreement": judged.participation.kind if judged else None,
        "payer_agreement_number": (judged.participation.number or None) if judged else None,
        "payer_agreement_until": _midnight(judged, policy) if judged else None,
    }


def _by_payer(card: Card | None, told: Told | None, request: Request) -> Clearance | None:
    """A case as the payer of a request judges it by what it was told; None where the card is another payer's by now."""
    ours = card and card.payer and card.payer.same(request.payer)
    return told.judged if ours and told else None


def _midnight(judged: Clearance, policy: Policy) -> int | None:
    until = judged.participation.until
    return micros(midnight(until, policy.zone)) if until else None


def _parties(request: Request, cases: Iterable[Judged], state: LifeState) -> Iterator[tuple[str, str]]:
    for each in cases:
        for side in ("placer", "performer"):
            if each.row[side]:
                yield side, each.row[side]
    yield from (("payer", one) for one in _payers(request, state))


def _payers(request: Request, state: LifeState) -> list[str]:
    """The identifiers of the payer that knows of a request."""
    return [one for one in request.payer.keys if "|" in one] if request.payer and state not in ("draft", "void") else []


def _words(columns: dict[str, Any], request: Request, case: Case) -> tuple[str, str]:
    numbers = [each for line in request.lines for each in line.numbers]
    ids = [
        text(each, "value") for one in case.claims if key(one) in request.claims for each in items(one, "identifier")
    ]
    shared = [columns[name] for name in ("patient_name", "birth_date", "member_id", "service", "code", "provider")]
    shared += [*numbers, *ids, *(code for line in request.lines for _, code in line.codes)]
    whole = [*shared, columns["mrn"], columns["placer_name"], columns["payer_name"]]
    return " ".join(filter(None, dict.fromkeys(whole))), " ".join(filter(None, dict.fromkeys(shared)))
