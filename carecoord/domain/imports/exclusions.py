"""The list of those whom federal programs do not pay for (OIG's LEIE, as its monthly UPDATED.csv is), as rows: who of
ours stands on it is marked (extension `exclusion`, `domain/agreements/fitness.py`), by number or, where the list has
none, by the name alone, which may be another's."""

from collections.abc import Iterator
from typing import Final

from carecoord.domain.imports.cells import Column, check_digit
from carecoord.domain.imports.known import Known
from carecoord.domain.imports.rows import Row, stable_id
from carecoord.domain.resource.codes import EXTENSION
from carecoord.domain.resource.elements import Json, extensions, item, items, source, text
from carecoord.fhir.code_systems import NPI
from carecoord.fhir.search.collation import fold
from carecoord.words.sentence import sentence

LIST: Final = "LEIE"
_MARK: Final = f"{EXTENSION}/exclusion"
TYPES: Final = ("Practitioner", "Organization")
COLUMNS: Final = (
    Column("last", ("LASTNAME", "Last name"), example="OKAFOR"),
    Column("first", ("FIRSTNAME", "First name"), example="NGOZI"),
    Column("business", ("BUSNAME", "Business name")),
    Column("npi", ("NPI",), "code", example="9000030012"),
    Column("kind", ("EXCLTYPE", "Exclusion type"), "code", example="1128a1"),
    Column("starts", ("EXCLDATE", "Exclusion date"), "day", required=True, example="20260120"),
    Column("ends", ("REINDATE", "Reinstatement date"), "code", example="00000000"),
)  # fmt: skip


def check(row: Row) -> None:
    """Note what is wrong with a row: who is meant has to be said."""
    if not (row.get("last") or row.get("business")):
        row.fault("last", sentence("import.exclusion.nobody"))


def number(row: Row) -> str:
    """The NPI of a row; empty where the list has none (ten noughts)."""
    written = str(row.get("npi", "")).zfill(10)
    return written if check_digit(written) and written.strip("0") else ""


def named(row: Row) -> str:
    """The name by which somebody is looked for whose number the list has not."""
    if row.get("business"):
        return fold(row.get("business"))
    return fold(f"{row.get('last')}, {row.get('first', '')}").strip(", ")


def _end(row: Row) -> str | None:
    """The day of reinstatement; None for none (eight noughts)."""
    written = str(row.get("ends", ""))
    return f"{written[:4]}-{written[4:6]}-{written[6:8]}" if written.isdigit() and written.strip("0") else None


def mark(row: Row) -> Json:
    """What is said of whoever it is."""
    period: Json = {"start": row.get("starts").isoformat()}
    if (end := _end(row)) is not None:
        period["end"] = end
    return {
        "url": _MARK,
        "extension": [
            {"url": "list", "valueString": LIST},
            {"url": "period", "valuePeriod": period},
            {"url": "certain", "valueBoolean": bool(number(row))},
        ],
    }


def meant(row: Row, known: Known) -> list[Json]:
    """Those of ours whom a row means: whose number it has, else who is called so. Somebody of whom only an EHR has told
    gets a resource of ours beside the EHR's."""
    npi = number(row)
    found = [each for type in TYPES for each in known.named(type, npi or named(row))]
    if not npi:
        return [each for each in found if not source(each)]
    found = [each for each in found if _has(each, npi)]
    ours = [each for each in found if not source(each)]
    return ours or [_beside(each, npi) for each in found[:1]]


def _beside(seen: Json, npi: str) -> Json:
    kept = {name: seen[name] for name in ("resourceType", "name") if name in seen}
    id = stable_id(seen["resourceType"], NPI, npi)
    return kept | {"id": id, "active": True, "identifier": [{"system": NPI, "value": npi}]}


def _has(resource: Json, npi: str) -> bool:
    return any(each.get("system") == NPI and each.get("value") == npi for each in items(resource, "identifier"))


def marked(resource: Json, marks: list[Json]) -> Json:
    """A resource with these marks of the list in the place of those that it has."""
    rest = [each for each in items(resource, "extension") if each not in _held(resource)]
    said = {name: value for name, value in resource.items() if name not in ("extension", "meta")}
    return said | ({"extension": [*rest, *marks]} if rest or marks else {})


def ended(resource: Json, day: str) -> Json:
    """A resource that stands no longer on the list: what had no end ends."""
    return marked(resource, [_closed(each, day) for each in _held(resource)])


def open_since(resource: Json) -> str:
    """Since when a resource stands on the list, the day that came last, as it is known here; empty where it does
    not."""
    periods = (item(part, "valuePeriod") for each in _held(resource) for part in extensions(each, "period"))
    return max((text(each, "start") for each in periods if "end" not in each), default="")


def _held(resource: Json) -> list[Json]:
    def of_list(each: Json) -> bool:
        return any(text(part, "valueString") == LIST for part in extensions(each, "list"))

    return [each for each in extensions(resource, _MARK) if of_list(each)]


def _closed(each: Json, day: str) -> Json:
    parts = [
        part | {"valuePeriod": {"end": day} | part["valuePeriod"]} if part.get("url") == "period" else part
        for part in items(each, "extension")
    ]
    return each | {"extension": parts}


def cells(resource: Json) -> Iterator[dict[str, str]]:
    """The rows of a resource that stands on the list."""
    npi = next((text(i, "value") for i in items(resource, "identifier") if i.get("system") == NPI), "")
    person = next(iter(items(resource, "name")), {})
    for each in _held(resource):
        for part in extensions(each, "period"):
            period = item(part, "valuePeriod")
            if "end" not in period:
                yield {
                    "last": text(person, "family"),
                    "first": " ".join(person.get("given", ())),
                    "business": text(resource, "name") if isinstance(resource.get("name"), str) else "",
                    "npi": npi,
                    "starts": text(period, "start"),
                }

