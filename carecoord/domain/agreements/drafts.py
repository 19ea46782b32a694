"""Agreements and amendments as they are drafted, signed and dropped: the Contracts as they are to be. A new version
says what it changes and from when, which may lie back; what is not said of the term goes on. Pure.

Clauses: FHIR R4 Contract (status, legalState, issued, applies, term.offer 1..1); contracts.md 1.2 (amendments), 1.3."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from carecoord.domain.agreements.acts import Held, amending, next_number, stated, term
from carecoord.domain.agreements.comparison import said
from carecoord.domain.agreements.kinds import KINDS, MONEY, SIDES
from carecoord.domain.agreements.overview import limit_of
from carecoord.domain.agreements.versions import AWAITED, IN_FORCE
from carecoord.domain.resource.codes import CANONICAL, EXTENSION, IDENTIFIER
from carecoord.domain.resource.elements import Json, code_of, item, items, text
from carecoord.errors import Conflict, Unprocessable

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
    `terms`: words by the type of the term; `networks`: References, of a payer-provider agreement."""

    kind: str
    number: str
    title: str
    sides: tuple[Json, Json]
    start: date
    span: Span
    limit: Decimal | None = None
    terms: Mapping[str, str] = field(default_factory=dict)
    networks: Sequence[Json] = ()


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
        "version": "1",
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
