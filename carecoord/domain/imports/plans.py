"""Plans and their networks as rows: InsurancePlan, and Organization for each network that is not there yet."""

from collections.abc import Iterator, Mapping
from typing import Final

from carecoord.domain.imports.cells import Column
from carecoord.domain.imports.known import NETWORK, Known
from carecoord.domain.imports.organizations import called
from carecoord.domain.imports.rows import Row, overlaid, slug, stable_id
from carecoord.domain.resource.codes import CANONICAL, IDENTIFIER
from carecoord.domain.resource.elements import Json, code_of, item, items, target, text
from carecoord.domain.resource.parties import name
from carecoord.words.sentence import sentence

_SYSTEM: Final = f"{IDENTIFIER}/plan"
_STATES: Final = {"active": "active", "open": "active", "retired": "retired", "closed": "retired", "draft": "draft"}
_KINDS: Final = {"medical": "medical", "health": "medical", "dental": "dental", "vision": "vision",
                 "behavioral": "mental", "mental health": "mental", "pharmacy": "drugpol"}  # fmt: skip
COLUMNS: Final = (
    Column("number", ("Plan number", "Plan", "Plan id", "Plan code"), "code", required=True, example="EX-HMO"),
    Column("name", ("Plan name", "Name", "Title"), required=True, example="Example HMO"),
    Column("payer", ("Payer", "Insurer", "Owned by", "Payer number"), "payer", required=True, example="EX001"),
    Column("networks", ("Networks", "Network"), many=True, required=True, example="Example Select Network"),
    Column("kind", ("Kind", "Type"), "choice", choices=_KINDS, example="medical"),
    Column("status", ("Status",), "choice", choices=_STATES, example="active"),
    Column("starts", ("Starts", "Start", "From", "Effective", "Effective date"), "day", example="2026-01-01"),
    Column("ends", ("Ends", "End", "To", "Termination date"), "day"),
)


def names(row: Row) -> Iterator[tuple[str, str, str]]:
    """What a row is told apart by."""
    yield "InsurancePlan", _SYSTEM, row.get("number", "")


def build(row: Row, known: Known) -> list[Json]:
    """The plan of a row, after the networks that it needs and nobody has yet."""
    if row.get("starts") and row.get("ends") and row.get("ends") < row.get("starts"):
        row.fault("ends", sentence("import.backwards", day=row.get("ends").isoformat()))
        return []
    before = known.identified(*next(names(row)))
    payer = row.get("payer")
    if before and target(item(before, "ownedBy")) != payer:
        row.fault("number", sentence("import.plan.taken", number=row.get("number")))
        return []
    made: list[Json] = []
    networks = [_network(written, payer, row, known, made) for written in row.get("networks")]
    plan: Json = {
        "resourceType": "InsurancePlan",
        "id": before["id"] if before else stable_id("InsurancePlan", row.get("number")),
        "identifier": [{"system": _SYSTEM, "value": row.get("number")}],
        "status": row.get("status") or text(before or {}, "status") or "active",
        "name": row.get("name"),
        "ownedBy": {"reference": payer},
        "network": [{"reference": each} for each in networks],
    }
    if not before:
        plan["administeredBy"] = {"reference": payer}
    if row.get("kind"):
        plan["type"] = [{"coding": [{"system": f"{CANONICAL}/CodeSystem/plan-type", "code": row.get("kind")}]}]
    period = {name: row.get(column).isoformat() for name, column in (("start", "starts"), ("end", "ends"))
              if row.get(column)}  # fmt: skip
    if period:
        plan["period"] = item(before or {}, "period") | period
    return [] if row.faults else [*made, overlaid(before, plan)]


def _network(written: str, payer: str, row: Row, known: Known, made: list[Json]) -> str:
    """`Organization/id` of a network of the payer, made where there is none of this name or code."""
    of_payer = [each for each in known.called("network", written) if target(item(each, "partOf")) in (payer, "")]
    if len(of_payer) > 1:
        row.fault("networks", sentence("import.several", text=written, n=len(of_payer)))
    if of_payer:
        return f"Organization/{of_payer[0]['id']}"
    id = stable_id("network", payer, slug(written))
    made.append({
        "resourceType": "Organization",
        "id": id,
        "identifier": [{"system": f"{IDENTIFIER}/network", "value": slug(written)}],
        "active": True,
        "name": written,
        "partOf": {"reference": payer},
        "type": [{"coding": [{"system": NETWORK[0], "code": NETWORK[1]}]}],
    })  # fmt: skip
    return f"Organization/{id}"


def cells(resource: Json, known: Known) -> Iterator[Mapping[str, str]]:
    """The row of an InsurancePlan."""
    numbers = items(resource, "identifier")
    own = [text(each, "value") for each in numbers if each.get("system") == _SYSTEM]
    parts = [resource, *items(resource, "coverage"), *items(resource, "plan")]
    networks = dict.fromkeys(target(each) for part in parts for each in items(part, "network"))
    period = item(resource, "period")
    yield {
        "number": next(iter([*own, *(text(each, "value") for each in numbers)]), ""),
        "name": name(resource),
        "payer": called(target(item(resource, "ownedBy")), known),
        "networks": "; ".join(called(each, known) for each in networks),
        "kind": next((code for each in items(resource, "type") if (code := code_of(each)) in _KINDS), ""),
        "status": text(resource, "status"),
        "starts": text(period, "start")[:10],
        "ends": text(period, "end")[:10],
    }
