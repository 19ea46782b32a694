"""What contract staff do with an agreement, as its Contracts are to be: it is drafted, signed, amended by a new version
from any day, notice is noted on the version that runs, and an end is a new version too, for what was signed stands as
it was signed. Pure; the table of states says what is legal.

Clauses: FHIR R4 Contract.applies, status with legalState, issued; communication.html (medium, about); contracts.md 1.2,
1.3."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from carecoord.domain.access.verbs import Verb
from carecoord.domain.agreements.comparison import said
from carecoord.domain.agreements.kinds import KINDS, MONEY, SIDES
from carecoord.domain.agreements.overview import Overview, limit_of
from carecoord.domain.agreements.versions import AWAITED, IN_FORCE, Version
from carecoord.domain.contacts.attempts import MEDIA
from carecoord.domain.resource.codes import CANONICAL, EXTENSION, IDENTIFIER
from carecoord.domain.resource.days import shifted
from carecoord.domain.resource.elements import Json, code_of, item, items, text
from carecoord.errors import Conflict, Unprocessable

Held = tuple[Version, Json]  # a version, and the Contract that it is
WAYS: Final = {  # by which way notice is given -> v3-ParticipationMode
    "letter": "MAILWRIT", "email": "EMAILWRIT", "fax": "FAXWRIT", "portal": "ONLINEWRIT", "hand": "PHYSICAL",
}  # fmt: skip
_LEGAL: Final = "http://hl7.org/fhir/contract-legalstate"
_TERM: Final = f"{CANONICAL}/CodeSystem/term-type"
_NOTICE: Final = f"{CANONICAL}/CodeSystem/message"
_REPLACED: Final = ("executed", "renewed", "appended")  # statuses of a version that an amendment makes "amended"
_ONCE: Final = frozenset(
    f"{EXTENSION}/{name}" for name in ("amends", "amendment-type", "effective-from", "notice-given")
)


@dataclass(frozen=True, slots=True)
class Span:
    """How long an agreement runs: its last day, None for none said; whether it goes on by itself, for so many months
    each time; how many days before the end notice has to be given."""

    last: date | None = None
    evergreen: bool = False
    months: int | None = None
    notice_days: int | None = None

    @property
    def marks(self) -> list[Json]:
        """As extensions."""
        found: list[Json] = [{"url": f"{EXTENSION}/evergreen", "valueBoolean": True}] if self.evergreen else []
        for name, value in (("renewal-months", self.months), ("notice-days", self.notice_days)):
            found += [{"url": f"{EXTENSION}/{name}", "valueInteger": value}] if value is not None else []
        return found


@dataclass(frozen=True, slots=True)
class Amendment:
    """A change of an agreement. `kind`: restate, modify, rate-only or term; `topic`: the type of the term that `words`
    are; `start`: from when, also a day that is over."""

    kind: str
    start: date
    topic: str
    words: str
    span: Span = Span()
    limit: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A new agreement. `kind`: of kinds.KINDS; `sides`: References to the two parties in the order of kinds.SIDES;
    `terms`: words by the type of the term; `networks`: References, of a payer-provider agreement; `n`:
    its version, more than 1 where drafts with this number came to nothing before."""

    kind: str
    number: str
    title: str
    sides: tuple[Json, Json]
    start: date
    span: Span
    limit: Decimal | None = None
    terms: Mapping[str, str] = field(default_factory=dict)
    networks: Sequence[Json] = ()
    n: int = 1


def offered(held: Sequence[Held], line: Overview) -> tuple[Verb, ...]:
    """The acts that the agreement allows as it stands."""
    found: list[Verb] = []
    if waiting(held):
        found += ["sign", "drop"]
    elif any(version.status in IN_FORCE for version, _ in held):
        found.append("amend")
    if line.stage == "current" and line.state == "in-force":
        if open_ended(held):
            found.append("give-notice")
        found.append("end")
    return (*found, "file")


def ends_by(version: Version, day: date) -> date | None:
    """The first day without an agreement that goes on by itself, if notice were given on a day."""
    return replace(version, notice=day).run.end


def noticed(held: Sequence[Held], line: Overview, day: date) -> list[Json]:
    """The signed versions that would go on by themselves, with the day on which notice was given. Raises Conflict where
    there are none, Unprocessable for a day before they began."""
    if line.stage != "current" or line.state != "in-force" or not (found := open_ended(held)):
        raise Conflict("Notice is not to be given: it does not go on by itself, or notice was given.", "http.act")
    if (start := held[0][0].run.start) and day < start:
        raise Unprocessable(f"It began on {start.isoformat()}: notice was given on that day or later.", "day")
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
        raise Conflict("It is not in force: there is nothing to end.", "http.act")
    over = shifted(last, 1)
    if line.end and over >= line.end:
        already = shifted(line.end, -1).isoformat()
        raise Unprocessable(f"Its last day is {already} already. Choose an earlier one.", "day")
    signed = [each for each in held if each[0].status in IN_FORCE]
    begun = [each for each in signed if not each[0].run.start or each[0].run.start <= last]
    if not begun:
        raise Unprocessable("It had not begun on that day. Choose a later one.", "day")
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
        {"url": f"{EXTENSION}/amends", "valueReference": {"reference": f"Contract/{contract['id']}"}},
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


def term(code: str, words: str, of: Json | None = None) -> Json:
    """A term in words, between the parties that another Contract's offers name."""
    parties = [each for one in items(of or {}, "term") for each in items(item(one, "offer"), "party")]
    once = [each for n, each in enumerate(parties) if each not in parties[:n]]
    return {
        "type": {"coding": [{"system": _TERM, "code": code}]},
        "text": words,
        "offer": {"party": once} if once else {"text": words},
    }


def stated(contract: Json, status: str) -> Json:
    """The Contract in a state, in both elements that tell it."""
    return contract | {"status": status, "legalState": {"coding": [{"system": _LEGAL, "code": status}]}}


def open_ended(held: Sequence[Held]) -> list[Held]:
    """The versions that would go on by themselves: the signed ones from the one that governs last, if notice is not
    given."""
    signed = [each for each in held if each[0].status in IN_FORCE]
    return [each for each in signed[-1:] if each[0].evergreen and each[0].days.end and each[0].notice is None]


def drafted(id: str, given: Draft) -> list[Json]:
    """A new agreement as a draft and, between a payer and a provider, who takes part under it: pending until it is
    signed."""
    between = _offer(given)
    held = [code for code in KINDS[given.kind] if code != MONEY and given.terms.get(code)]
    terms: list[Json] = [
        {"type": _coded("term-type", code), "text": given.terms[code], "offer": between} for code in held
    ]
    if given.limit is not None:
        terms.append(_money(given.limit, between))
    contract: Json = {
        "resourceType": "Contract",
        "id": id,
        "identifier": [{"system": f"{IDENTIFIER}/agreement", "value": given.number}],
        "version": str(given.n),
        "applies": _applies(given.start, given.span.last),
        "title": given.title,
        "type": _coded("contract-type", given.kind),
        "authority": [given.sides[0]],
        "subject": [given.sides[1]],
        "term": terms or [{"type": _coded("term-type", KINDS[given.kind][0]), "offer": between}],
        **({"extension": marks} if (marks := given.span.marks) else {}),
    }
    made = [stated(contract, "policy")]
    return [*made, _taking_part(id, given)] if given.networks else made


def amended(held: Sequence[Held], id: str, given: Amendment) -> Json:
    """A draft of a version that amends the one that governs on the first day of the change. Raises Conflict where
    another draft waits or none was signed, Unprocessable for a day before the agreement, or a term without an end."""
    if waiting(held):
        raise Conflict("A draft waits to be signed: sign it or drop it first.", "http.act")
    signed = [each for each in held if each[0].status in IN_FORCE]
    if not signed:
        raise Conflict("No version was signed: there is nothing to amend.", "http.act")
    begun = [each for each in signed if not each[0].run.start or each[0].run.start <= given.start]
    if not begun:
        first = signed[0][0].run.start
        began = first.isoformat() if first else ""
        raise Unprocessable(f"It began on {began}: an amendment takes effect on that day or later.", "start")
    if given.kind == "term" and given.span.last is None:
        raise Unprocessable("Write the new last day.", "last")
    if given.span.last and given.span.last < given.start:
        raise Unprocessable("The last day lies before the first. Write a later one.", "last")
    _, contract = begun[-1]
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
    money = [] if given.limit is None else [_money(given.limit, own["offer"])]
    return stated(new | {"term": [own, *kept, *money]}, "policy")


def signed(held: Sequence[Held], on: date) -> list[Json]:
    """The draft signed on a day; what it amends counts as amended from now on. Raises Conflict where no draft waits,
    Unprocessable naming the terms that its kind demands and nobody wrote."""
    if not (drafts := waiting(held)):
        raise Conflict("No draft waits to be signed.", "http.act")
    version, contract = drafts[-1]
    new = stated(contract, "executed") | {"issued": on.isoformat()}
    if not version.amends:
        return [new]
    before = [each for amends, each in held if amends.key == version.amends and text(each, "status") in _REPLACED]
    return [new, *(stated(each, "amended") for each in before)]


def dropped(held: Sequence[Held]) -> Json:
    """The draft given up. Raises Conflict where none waits."""
    if not (drafts := waiting(held)):
        raise Conflict("No draft waits to be signed.", "http.act")
    return stated(drafts[-1][1], "cancelled")


def lacking(contract: Json) -> list[str]:
    """The terms, by their types, that the kind of a new agreement demands and nobody wrote; nothing of an amendment."""
    if any(each.get("url") == f"{EXTENSION}/amends" for each in items(contract, "extension")):
        return []
    held = said(contract)
    return [
        code
        for code in KINDS.get(code_of(item(contract, "type")), ())
        if not (limit_of(contract) if code == MONEY else held.get(f"term:{code}"))
    ]


def waiting(held: Sequence[Held]) -> list[Held]:
    """The versions that wait to be signed."""
    return [each for each in held if each[0].status in AWAITED]


def _applies(start: date, last: date | None) -> Json:
    return {"start": start.isoformat(), **({"end": last.isoformat()} if last else {})}


def _coded(system: str, code: str) -> Json:
    return {"coding": [{"system": f"{CANONICAL}/CodeSystem/{system}", "code": code}]}


def _offer(given: Draft) -> Json:
    sides = zip(SIDES[given.kind], given.sides, strict=True)
    return {"party": [{"reference": [who], "role": _coded("party-role", role)} for role, who in sides]}


def _money(limit: Decimal, between: Json) -> Json:
    net = {"value": limit, "currency": "USD"}
    asset = {"valuedItem": [{"net": net}]}
    return {"type": _coded("term-type", MONEY), "offer": between, "asset": [asset]}


def _taking_part(id: str, given: Draft) -> Json:
    return {
        "resourceType": "OrganizationAffiliation",
        "id": id,
        "extension": [
            {"url": f"{EXTENSION}/governing-contract", "valueReference": {"reference": f"Contract/{id}"}},
            {"url": f"{EXTENSION}/participation-kind", "valueCode": "include"},
        ],
        "active": True,
        "period": {"start": given.start.isoformat()},
        "organization": given.sides[0],
        "participatingOrganization": given.sides[1],
        "network": list(given.networks),
    }
