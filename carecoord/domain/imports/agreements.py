"""Agreements as rows: a row is a version of one (Contract), with who takes part under it (OrganizationAffiliation).

A register that is brought in tells of states that were truly reached elsewhere; what was executed stays as signed."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date
from typing import Any, Final

from carecoord.domain.agreements.kinds import SIDES
from carecoord.domain.agreements.parties import CUSTODIAN
from carecoord.domain.agreements.versions import IN_FORCE
from carecoord.domain.imports.cells import Column
from carecoord.domain.imports.known import Known
from carecoord.domain.imports.organizations import called
from carecoord.domain.imports.rows import Row, overlaid, stable_id
from carecoord.domain.resource.codes import CANONICAL, EXTENSION, IDENTIFIER
from carecoord.domain.resource.days import Days, days
from carecoord.domain.resource.elements import Json, code_of, extension, item, items, key, target, text, whole, words
from carecoord.words.sentence import sentence

SYSTEM: Final = f"{IDENTIFIER}/agreement"
_KINDS: Final = {
    "payer-provider": "payer-provider", "participation": "payer-provider", "provider": "payer-provider",
    "vendor": "vendor", "employee benefits": "employee-benefits", "employee-benefits": "employee-benefits",
    "health and social services": "health-social", "health-social": "health-social",
    "engineering": "engineering", "construction": "construction",
    "business associate": "baa", "baa": "baa",
}  # fmt: skip
_STATES: Final = {
    "executed": "executed", "signed": "executed", "in force": "executed", "active": "executed",
    "renewed": "renewed", "draft": "policy", "negotiating": "negotiable", "offered": "offered",
    "awaiting signature": "executable", "suspended": "disputed", "terminated": "terminated", "ended": "terminated",
    "cancelled": "cancelled",
}  # fmt: skip
_OWN: Final = ("participation", "budget")  # the terms that a row makes
_AMENDMENTS: Final = {"modify": "modify", "restate": "restate", "rate-only": "rate-only", "rates": "rate-only",
                      "term": "term"}  # fmt: skip
COLUMNS: Final = (
    Column("number", ("Agreement number", "Number", "Contract number", "Agreement", "Contract id", "Contract"), "code",
           required=True, example="EX-0101"),
    Column("version", ("Version", "Revision"), "code", example="1"),
    Column("kind", ("Kind", "Type", "Contract type"), "choice", choices=_KINDS, example="payer-provider"),
    Column("title", ("Title", "Name", "Subject"), example="Participation agreement"),
    Column("status", ("Status", "State"), "choice", choices=_STATES, example="executed"),
    Column("payer", ("First party", "Payer", "Insurer", "Owner"), "organization", required=True, example="EX001"),
    Column("provider", ("Second party", "Provider", "Group", "Clinic", "Vendor", "Counterparty"), "organization",
           required=True, example="9000010089"),
    Column("starts", ("Starts", "Start", "Start date", "Effective", "Effective date", "From"), "day", required=True,
           example="2026-01-01"),
    Column("ends", ("Ends", "End", "End date", "Expires", "Expiration date", "To"), "day", example="2026-12-31"),
    Column("evergreen", ("Evergreen", "Renews", "Auto-renews"), "yes-no", example="yes"),
    Column("renewal-months", ("Renewal months", "Renews for months"), "whole", example="12"),
    Column("notice-days", ("Notice days", "Notice period in days"), "whole", example="90"),
    Column("notice-given", ("Notice given", "Notice given on"), "day"),
    Column("amends", ("Amends version", "Amends"), "code"),
    Column("amendment", ("Amendment kind", "Kind of amendment"), "choice", choices=_AMENDMENTS),
    Column("limit", ("Not to exceed", "Amount", "Value", "Contract value"), "money"),
    Column("networks", ("Networks", "Network"), "network", many=True, example="Example Select Network"),
    Column("specialties", ("Specialties", "Specialty"), many=True, example="Cardiology; Sleep medicine"),
)  # fmt: skip


def names(row: Row) -> Iterator[tuple[str, str, str]]:
    """What a row is told apart by, but for its version."""
    yield "Contract", SYSTEM, row.get("number", "")


def versions(number: str, known: Known) -> list[Json]:
    """All versions of an agreement."""
    found = (each for each in known.named("Contract", number))
    return [each for each in found if any(i.get("value") == number for i in items(each, "identifier"))]


def named_version(row: Row, known: Known) -> str:
    """`Contract/id` of the version that a row names, empty where it names none; a fault where there is none
    such."""
    number, version = row.get("agreement", ""), row.get("version", "")
    if not number:
        return ""
    if number in known.hidden:
        row.fault("agreement", sentence("import.agreement.hidden", number=number))
        return ""
    held = [each for each in versions(number, known) if version in ("", text(each, "version"))]
    if not held:
        row.fault("version" if version else "agreement", sentence("import.roster.agreement", number=number))
    elif len(held) > 1:
        row.fault("agreement", sentence("import.roster.version", number=number))
    return f"Contract/{held[0]['id']}" if len(held) == 1 else ""


def build(row: Row, known: Known) -> list[Json]:
    """The version of a row, and who takes part under it."""
    number, version = row.get("number"), row.get("version", "1")
    held = versions(number, known)
    before = next((each for each in held if text(each, "version") == version), None)
    _judge(row, known, held, before)
    if row.faults:
        return []
    contract = _contract(row, before, held)
    made = [overlaid(before, contract)]
    if row.get("networks"):
        made += _taking_part(row, contract["id"], known)
    return [] if row.faults else made


def _judge(row: Row, known: Known, held: list[Json], before: Json | None) -> None:
    number = row.get("number")
    starts, ends = row.get("starts"), row.get("ends")
    if number in known.hidden:
        row.fault("number", sentence("import.agreement.hidden", number=number))
    if ends and ends < starts:
        row.fault("ends", sentence("import.backwards", day=ends.isoformat()))
    if row.get("payer") == row.get("provider"):
        row.fault("provider", sentence("import.agreement.same-party"))
    if row.get("status") == "terminated" and not ends:
        row.fault("ends", sentence("import.agreement.no-end"))
    amends = row.get("amends")
    if amends and (amends == row.get("version", "1") or not any(text(each, "version") == amends for each in held)):
        row.fault("amends", sentence("import.agreement.no-version", number=number, version=amends))
    for other in held:
        if other is before or amends or row.faults or not _in_force(row.get("status", "executed")):
            continue
        if not extension(other, f"{EXTENSION}/amends") and _in_force(text(other, "status")) and _overlap(row, other):
            said = item(other, "applies")
            row.fault("starts", sentence(
                "import.agreement.overlap", number=number, version=text(other, "version"),
                first=text(said, "start"), last=text(said, "end") or sentence("no-date"),
            ))  # fmt: skip


def _in_force(status: str) -> bool:
    return status in IN_FORCE


def _overlap(row: Row, other: Json) -> bool:
    mine = days({"start": row.get("starts").isoformat(), **_end(row)}, UTC)
    return not mine.clip(days(item(other, "applies"), UTC)).empty and mine != Days()


def _end(row: Row) -> dict[str, str]:
    return {"end": row.get("ends").isoformat()} if row.get("ends") else {}


def _keepers(contract: Json) -> list[Json]:
    """Who keeps it without being a party, as parties of its offers, each once."""
    parties = (party for term in items(contract, "term") for party in items(item(term, "offer"), "party"))
    held = [each for each in parties if code_of(item(each, "role")) == CUSTODIAN]
    return [each for n, each in enumerate(held) if each not in held[:n]]


def _contract(row: Row, before: Json | None, held: list[Json]) -> Json:
    number, version = row.get("number"), row.get("version", "1")
    status = row.get("status") or text(before or {}, "status") or "executed"
    kind = row.get("kind") or (_kind(before) if before else "payer-provider")
    made: Json = {
        "resourceType": "Contract",
        "id": before["id"] if before else stable_id("Contract", number, version),
        "identifier": [{"system": SYSTEM, "value": number}],
        "version": version,
        "status": status,
        "legalState": {"coding": [{"system": "http://hl7.org/fhir/contract-legalstate", "code": status}]},
        "applies": item(before or {}, "applies") | {"start": row.get("starts").isoformat(), **_end(row)},
        "type": {"coding": [{"system": f"{CANONICAL}/CodeSystem/contract-type", "code": kind}]},
    }
    if before and code_of(item(before, "type")) == kind:
        made["type"] = before["type"]
    if row.get("title"):
        made["title"] = row.get("title")
    if not before or _parties(before) != (row.get("payer"), row.get("provider")):
        made["authority"] = [{"reference": row.get("payer")}]
        made["subject"] = [{"reference": row.get("provider")}]
    if not before or _parties(before) != (row.get("payer"), row.get("provider")) or _another_limit(row, before):
        kept = [each for each in items(before or {}, "term") if code_of(item(each, "type")) not in _OWN]
        made["term"] = [_term(row, kind, _keepers(before or {})), *kept]
    if marks := list(_marks(row, held)):
        made["extension"] = marks
    return made


def _term(row: Row, kind: str, keepers: list[Json]) -> Json:
    roles = SIDES.get(kind, ("owner", "vendor"))
    party = [
        {"reference": [{"reference": row.get(column)}],
         "role": {"coding": [{"system": f"{CANONICAL}/CodeSystem/party-role", "code": role}]}}
        for column, role in zip(("payer", "provider"), roles, strict=True)
    ]  # fmt: skip
    term: Json = {
        "type": {"coding": [{"system": f"{CANONICAL}/CodeSystem/term-type", "code": "participation"}]},
        "offer": {"party": [*party, *keepers]},
    }
    if row.get("limit") is not None:
        net = {"value": row.get("limit"), "currency": "USD"}
        term["type"]["coding"][0]["code"] = "budget"
        term["asset"] = [{"valuedItem": [{"entityCodeableConcept": {"text": "Not to exceed"}, "net": net}]}]
    return term


def _marks(row: Row, held: list[Json]) -> Iterator[Json]:
    said: dict[str, Any] = {
        "evergreen": ("valueBoolean", row.get("evergreen")),
        "renewal-months": ("valueInteger", row.get("renewal-months")),
        "notice-days": ("valueInteger", row.get("notice-days")),
        "notice-given": ("valueDate", row.get("notice-given")),
        "amendment-type": ("valueCode", row.get("amendment")),
    }
    for name, (element, value) in said.items():
        if value is not None:
            yield {"url": f"{EXTENSION}/{name}", element: value.isoformat() if isinstance(value, date) else value}
    if row.get("amends"):
        amended = next(each for each in held if text(each, "version") == row.get("amends"))
        yield {"url": f"{EXTENSION}/amends", "valueReference": {"reference": f"Contract/{amended['id']}"}}


def _taking_part(row: Row, contract: str, known: Known) -> list[Json]:
    """Who takes part under the version, as the row says; nothing where that stands already."""
    held = [each for each in known.listed(f"Contract/{contract}") if _includes(each)]
    if held and _said(held) == (set(row.get("networks")), set(row.get("specialties", ()))):
        return []
    if len(held) > 1:
        row.fault("networks", sentence("import.agreement.rows", n=len(held)))
        return []
    return [overlaid(held[0] if held else None, _affiliation(row, contract) | ({"id": held[0]["id"]} if held else {}))]


def _includes(row: Json) -> bool:
    kind = text(extension(row, f"{EXTENSION}/participation-kind"), "valueCode")
    return row.get("active") is not False and kind != "exclude"


def _said(rows: list[Json]) -> tuple[set[str], set[str]]:
    """The networks and specialties of these rows of the directory together."""
    networks = {target(each) for row in rows for each in items(row, "network")}
    return networks, {words(each) for row in rows for each in items(row, "specialty")}


def _affiliation(row: Row, contract: str) -> Json:
    """The second party, from its first day. When it ends the agreement says."""
    made: Json = {
        "resourceType": "OrganizationAffiliation",
        "id": stable_id("OrganizationAffiliation", contract),
        "extension": [
            {"url": f"{EXTENSION}/governing-contract", "valueReference": {"reference": f"Contract/{contract}"}},
            {"url": f"{EXTENSION}/participation-kind", "valueCode": "include"},
        ],
        "active": True,
        "period": {"start": row.get("starts").isoformat()},
        "organization": {"reference": row.get("payer")},
        "participatingOrganization": {"reference": row.get("provider")},
        "network": [{"reference": each} for each in row.get("networks")],
    }
    if row.get("specialties"):
        made["specialty"] = [{"text": each} for each in row.get("specialties")]
    return made


def _kind(contract: Json) -> str:
    return code_of(item(contract, "type"))


def _parties(contract: Json) -> tuple[str, str]:
    """The first and the second party."""
    found = [
        target(reference)
        for term in items(contract, "term")
        for party in items(item(term, "offer"), "party")
        if code_of(item(party, "role")) != CUSTODIAN
        for reference in items(party, "reference")
    ]
    found = list(dict.fromkeys(found)) or [*_targets(contract, "authority"), *_targets(contract, "subject")]
    return (found[0] if found else "", found[1] if len(found) > 1 else "")


def _targets(contract: Json, name: str) -> list[str]:
    return [target(each) for each in items(contract, name)]


def _limit(contract: Json) -> str:
    nets = (
        item(each, "net") for t in items(contract, "term") for a in items(t, "asset") for each in items(a, "valuedItem")
    )
    return next((str(net["value"]) for net in nets if "value" in net), "")


def _another_limit(row: Row, before: Json) -> bool:
    return row.get("limit") is not None and str(row.get("limit")) != _limit(before)


def owners(resource: Json, known: Known) -> set[str]:
    """The organizations (`Organization/id`) whose agreement it is, or who keep it."""
    keepers = {target(each) for party in _keepers(resource) for each in items(party, "reference")}
    return {*_parties(resource), *_targets(resource, "authority"), *_targets(resource, "subject"), *keepers} - {""}


def cells(resource: Json, known: Known) -> Iterator[Mapping[str, str]]:
    """The row of a Contract."""

    def mark(name: str) -> Json:
        return extension(resource, f"{EXTENSION}/{name}")

    first, second = _parties(resource)
    applies, amended = item(resource, "applies"), target(item(mark("amends"), "valueReference"))
    evergreen = mark("evergreen").get("valueBoolean")
    networks, specialties = _said([each for each in known.listed(key(resource)) if _includes(each)])
    yield {
        "number": next((text(each, "value") for each in items(resource, "identifier")), ""),
        "version": text(resource, "version"),
        "kind": _kind(resource),
        "title": text(resource, "title"),
        "status": next((word for word, code in _STATES.items() if code == text(resource, "status")), ""),
        "payer": called(first, known),
        "provider": called(second, known),
        "starts": text(applies, "start")[:10],
        "ends": text(applies, "end")[:10],
        "evergreen": "" if evergreen is None else "yes" if evergreen else "no",
        "renewal-months": str(whole(mark("renewal-months"), "valueInteger") or ""),
        "notice-days": str(whole(mark("notice-days"), "valueInteger") or ""),
        "notice-given": text(mark("notice-given"), "valueDate"),
        "amends": text(known.get(amended) or {}, "version"),
        "amendment": text(mark("amendment-type"), "valueCode"),
        "limit": _limit(resource),
        "networks": "; ".join(sorted(called(each, known) for each in networks)),
        "specialties": "; ".join(sorted(each for each in specialties if each)),
    }
