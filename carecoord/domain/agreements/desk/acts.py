"""What contract staff do with an agreement, as its Contracts are to be: it is drafted, signed, amended by a new version
from any day, notice is noted on the version that runs, and an end is a new version too, for what was signed stands as
it was signed. Pure; the table of states says what is legal.

Clauses: FHIR R4 Contract.applies, status with legalState, issued, signer; communication.html (medium, about);
contracts.md 1.2, 1.3."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, tzinfo
from decimal import Decimal
from typing import Final

from carecoord.domain.access.verbs import Verb
from carecoord.domain.agreements.desk.approvals import Step, approved
from carecoord.domain.agreements.desk.approvals import waiting as awaited
from carecoord.domain.agreements.desk.drafts import Edit, Span, bound, edited, money, stated, term
from carecoord.domain.agreements.kinds import KINDS, MONEY
from carecoord.domain.agreements.overview import Overview
from carecoord.domain.agreements.versions import AWAITED, IN_FORCE, Version
from carecoord.domain.contacts.attempts import MEDIA
from carecoord.domain.resource.codes import CANONICAL, EXTENSION, HL7
from carecoord.domain.resource.days import shifted
from carecoord.domain.resource.elements import Json, code_of, item, items, text
from carecoord.errors import Conflict, Unprocessable
from carecoord.words.sentence import sentence

Held = tuple[Version, Json]  # a version, and the Contract that it is
WAYS: Final = {  # by which way notice is given -> v3-ParticipationMode
    "letter": "MAILWRIT", "email": "EMAILWRIT", "fax": "FAXWRIT", "portal": "ONLINEWRIT", "hand": "PHYSICAL",
}  # fmt: skip
_AMENDS: Final = f"{EXTENSION}/amends"
_NOTICE: Final = f"{CANONICAL}/CodeSystem/message"
_CONSENT: Final = "1.2.840.10065.1.12.1.7"  # ASTM E1762: consents to what the document says
_REPLACED: Final = ("executed", "renewed", "appended")  # statuses of a version that an amendment makes "amended"
_ONCE: Final = frozenset(
    f"{EXTENSION}/{name}" for name in ("amends", "amendment-type", "effective-from", "notice-given")
)


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature as somebody writes it down: who signed, and on which day. What was signed lies with the papers."""

    who: str
    on: date

    def of(self, party: Json, zone: tzinfo) -> Json:
        """As Contract.signer of a party: somebody signed on behalf of it, on a day whose hour nobody kept."""
        signature = {
            "type": [{"system": "urn:iso-astm:E1762-95:2013", "code": _CONSENT}],
            "when": datetime.combine(self.on, time(12), zone).isoformat(),
            "who": {"display": self.who},
            "onBehalfOf": party,
        }
        type = {"system": f"{HL7}/contractsignertypecodes", "code": "AGNT"}
        return {"type": type, "party": party, "signature": [signature]}


@dataclass(frozen=True, slots=True)
class Amendment:
    """A change of an agreement. `kind`: restate, modify, rate-only or term; `topic`: the type of the term that `words`
    are; `start`: from when, also a day that is over."""

    kind: str
    start: date
    topic: str
    words: str
    span: Span = field(default_factory=Span)
    limit: Decimal | None = None


def offered(held: Sequence[Held], line: Overview, steps: Sequence[Step] = (), barred: bool = False) -> tuple[Verb, ...]:
    """The acts that the agreement allows as it stands. steps: by which the office approves a draft; barred: the asker
    is not the one who looks it over."""
    found: list[Verb] = []
    if waiting(held):
        found += [*_round(steps, barred), "edit", "accept-clause", "counter-clause", "drop"]
    elif any(version.status in IN_FORCE for version, _ in held):
        found.append("amend")
    if line.stage != "ended":
        found += ["oblige", "fulfil", "certify"]
    if line.limit or MONEY in KINDS.get(line.kind, ()):
        found += ["bill", "pay"]
    if line.kind == "payer-provider" and line.stage != "ended":
        found.append("affiliate")
    if line.stage == "current" and line.state == "in-force":
        if open_ended(held):
            found.append("give-notice")
        found.append("end")
    return (*found, "file", "cite")


def _round(steps: Sequence[Step], barred: bool) -> list[Verb]:
    """What the steps allow: a draft is signed once all are done."""
    if approved(steps):
        return ["sign"]
    if not awaited(steps):
        return ["submit"]
    return [] if barred else ["approve", "give-back"]


def ends_by(version: Version, day: date) -> date | None:
    """The first day without an agreement that goes on by itself, if notice were given on a day."""
    return replace(version, notice=day).run.end


def noticed(held: Sequence[Held], line: Overview, day: date) -> list[Json]:
    """The signed versions that would go on by themselves, with the day on which notice was given. Raises Conflict where
    there are none, Unprocessable for a day before they began."""
    if line.stage != "current" or line.state != "in-force" or not (found := open_ended(held)):
        raise Conflict(sentence("refusals.notice-not-be-given-it"), "http.act")
    if (start := held[0][0].run.start) and day < start:
        raise Unprocessable(sentence("refusals.it-began-on-notice-was", isoformat=start.isoformat()), "day")
    mark = {"url": f"{EXTENSION}/notice-given", "valueDate": day.isoformat()}
    return [contract | {"extension": [*items(contract, "extension"), mark]} for _, contract in found]


def notice(id: str, contract: Json, sender: Json, to: Sequence[Json], how: str, day: date, words: str) -> Json:
    """The Communication that says how notice was given. how: of WAYS; to: References to the other parties."""
    return {
        "resourceType": "Communication",
        "id": id,
        "status": "completed",
        "category": [{"coding": [{"system": _NOTICE, "code": "notice"}], "text": "Notice"}],
        "medium": [{"coding": [{"system": MEDIA, "code": WAYS[how]}]}],
        "about": [{"reference": f"Contract/{contract['id']}"}],
        "sent": day.isoformat(),
        "sender": sender,
        **({"recipient": list(to)} if to else {}),
        **({"payload": [{"contentString": words}]} if words else {}),
    }


def ended(held: Sequence[Held], line: Overview, id: str, last: date, why: str, now: datetime, day: date) -> list[Json]:
    """The agreement ended with a last day: a version of its own says it, in force from today or, where the day is over,
    for that day alone. What it replaces counts as amended; what was to begin later is revoked.

    Raises Conflict where it is not in force, Unprocessable for a day that does not bring its end forward.
    """
    if line.stage != "current" or line.state != "in-force":
        raise Conflict(sentence("refusals.it-not-in-force-there"), "http.act")
    over = shifted(last, 1)
    if line.end and over >= line.end:
        already = shifted(line.end, -1).isoformat()
        raise Unprocessable(sentence("refusals.its-last-day-already-choose", already=already), "day")
    signed = [each for each in held if each[0].status in IN_FORCE]
    begun = [each for each in signed if not each[0].run.start or each[0].run.start <= last]
    if not begun:
        raise Unprocessable(sentence("refusals.it-had-not-begun-on"), "day")
    base, contract = begun[-1]
    start = max(base.run.start or date.min, min(day, last))
    new = amending(contract, id, next_number(held), "term", start) | {
        "applies": {"start": start.isoformat(), "end": last.isoformat()},
        "issued": now.isoformat(timespec="seconds"),
        "term": [term("termination", why, contract)],
    }
    later = [stated(each, "revoked") for version, each in signed if version.run.start and version.run.start > last]
    before = [stated(contract, "amended")] if text(contract, "status") in ("executed", "renewed", "appended") else []
    return [stated(new, "executable"), stated(new, "executed"), *before, *later]


def amending(contract: Json, id: str, n: str, kind: str, start: date) -> Json:
    """A new version that amends a Contract: whose agreement it is, of which kind, from when."""
    kept = ("identifier", "authority", "subject", "title", "type")
    marks = [
        {"url": _AMENDS, "valueReference": {"reference": f"Contract/{contract['id']}"}},
        {"url": f"{EXTENSION}/amendment-type", "valueCode": kind},
        {"url": f"{EXTENSION}/effective-from", "valueDate": start.isoformat()},
    ]
    return {
        "resourceType": "Contract",
        "id": id,
        **{name: contract[name] for name in kept if name in contract},
        "version": n,
        "applies": {"start": start.isoformat()},
        "extension": marks,
    }


def next_number(held: Sequence[Held]) -> str:
    """What the next version is called."""
    said = [int(version.n) for version, _ in held if version.n.isdecimal()]
    return str(max([len(held), *said]) + 1)


def open_ended(held: Sequence[Held]) -> list[Held]:
    """The versions that would go on by themselves: the signed ones from the one that governs last, if notice is not
    given."""
    signed = [each for each in held if each[0].status in IN_FORCE]
    return [each for each in signed[-1:] if each[0].evergreen and each[0].days.end and each[0].notice is None]


def amended(held: Sequence[Held], id: str, given: Amendment) -> Json:
    """A draft of a version that amends the one that governs on the first day of the change. Raises Conflict where
    another draft waits or none was signed, Unprocessable for a day before the agreement, or a term without an end."""
    if waiting(held):
        raise Conflict(sentence("refusals.draft-waits-be-signed-sign"), "http.act")
    contract = _governing(held, given.start)
    _demand_span(given.kind, given.start, given.span)
    new = amending(contract, id, next_number(held), given.kind, given.start)
    own = term(given.topic, given.words, contract)
    kept: list[Json] = []
    if given.kind == "restate":  # the whole agreement anew: what it does not say otherwise it says again
        kept = [each for each in items(contract, "term") if code_of(item(each, "type")) != given.topic]
        kept = [each for each in kept if code_of(item(each, "type")) != MONEY or given.limit is None]
        again = [each for each in items(contract, "extension") if each.get("url") not in _ONCE]
        said_anew = {each["url"] for each in given.span.marks}
        new["extension"] += [each for each in again if each.get("url") not in said_anew]
    new["extension"] = [*new["extension"], *given.span.marks]
    last = given.span.last.isoformat() if given.span.last else ""
    if given.kind == "restate" and not last:
        last = text(item(contract, "applies"), "end")
    new["applies"] = {"start": given.start.isoformat(), **({"end": last} if last else {})}
    budget = [] if given.limit is None else [money(given.limit, own["offer"])]
    return stated(new | {"term": [own, *kept, *budget]}, "policy")


def reworked(held: Sequence[Held], given: Edit) -> Json:
    """The draft written anew; one that amends, as what governs on its first day then. Raises Conflict where no draft
    waits, Unprocessable as `amended`."""
    version, contract = draft_of(held)
    _demand_span(given.amendment, given.start, given.span)
    new = edited(contract, given)
    if version.amends:
        amends = {"reference": f"Contract/{_governing(held, given.start)['id']}"}
        marks = [each for each in items(new, "extension") if each.get("url") != _AMENDS]
        new["extension"] = [{"url": _AMENDS, "valueReference": amends}, *marks]
    return new


def signed(held: Sequence[Held], signatures: Sequence[Signed], zone: tzinfo) -> list[Json]:
    """The draft signed, by its last signature on the day on which it was issued; what it amends counts as amended from
    now on. Raises Conflict where no draft waits, Unprocessable where one of those whom it binds has not signed."""
    version, contract = draft_of(held)
    for n, side in enumerate(bound(contract)):
        if n >= len(signatures) or not signatures[n].who:
            name = text(side, "display") or sentence("refusals.each-party")
            raise Unprocessable(sentence("refusals.write-who-signed-for", side=name), f"signer-{n + 1}")
    if not signatures:
        raise Unprocessable(sentence("refusals.write-who-signed-it-and"), "signer-1")
    new = stated(contract, "executed") | {"issued": max(each.on for each in signatures).isoformat()}
    if signers := [each.of(side, zone) for each, side in zip(signatures, bound(contract), strict=False)]:
        new["signer"] = signers
    if not version.amends:
        return [new]
    before = [each for amends, each in held if amends.key == version.amends and text(each, "status") in _REPLACED]
    return [new, *(stated(each, "amended") for each in before)]


def dropped(held: Sequence[Held]) -> Json:
    """The draft given up. Raises Conflict where none waits."""
    return stated(draft_of(held)[1], "cancelled")


def _governing(held: Sequence[Held], start: date) -> Json:
    """The signed version that an amendment from a day amends. Raises Conflict, Unprocessable for a day before all."""
    signed = [each for each in held if each[0].status in IN_FORCE]
    if not signed:
        raise Conflict(sentence("refusals.no-version-was-signed-there"), "http.act")
    begun = [each for each in signed if not each[0].run.start or each[0].run.start <= start]
    if not begun:
        first = signed[0][0].run.start
        began = first.isoformat() if first else ""
        raise Unprocessable(sentence("refusals.it-began-on-amendment-takes", began=began), "start")
    return begun[-1][1]


def _demand_span(kind: str, start: date, span: Span) -> None:
    if kind == "term" and span.last is None:
        raise Unprocessable(sentence("refusals.write-new-last-day"), "last")
    if span.last and span.last < start:
        raise Unprocessable(sentence("refusals.last-day-lies-before-first"), "last")


def draft_of(held: Sequence[Held]) -> Held:
    """The version that waits to be signed. Raises Conflict where none does."""
    if not (drafts := waiting(held)):
        raise Conflict(sentence("refusals.no-draft-waits-be-signed"), "http.act")
    return drafts[-1]


def waiting(held: Sequence[Held]) -> list[Held]:
    """The versions that wait to be signed."""
    return [each for each in held if each[0].status in AWAITED]
