"""The registry of National Provider Identifiers as CMS hands it out every month (NPPES, `npidata_pfile_…csv`, 330
columns): an organization or a person a line, of which only what a desk needs is read.

Headings: NPPES Data Dissemination, file layout V.2, as its readers quote them. A number that was taken back has nothing
in its line but itself and the day (45 CFR 162.410)."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from carecoord.domain.imports.cells import Column
from carecoord.domain.imports.clinicians import TAXONOMY
from carecoord.domain.imports.known import Known
from carecoord.domain.imports.rows import Row, overlaid, stable_id
from carecoord.domain.imports.sheets import Sheet
from carecoord.domain.resource.codes import HL7
from carecoord.domain.resource.elements import Json, code_of, item, items
from carecoord.fhir.code_systems import NPI
from carecoord.words.sentence import sentence

_PLACE: Final = "Provider Business Practice Location Address"
_KINDS: Final = {"1": "person", "2": "organization"}
_TAXONOMIES: Final = 15  # of a line, in as many columns
COLUMNS: Final = (
    Column("npi", ("NPI",), "npi", required=True),
    Column("kind", ("Entity Type Code",), "choice", choices=_KINDS),
    Column("business", ("Provider Organization Name (Legal Business Name)",)),
    Column("last", ("Provider Last Name (Legal Name)",)),
    Column("first", ("Provider First Name",)),
    Column("middle", ("Provider Middle Name",)),
    Column("credentials", ("Provider Credential Text",)),
    Column("line", ("Provider First Line Business Practice Location Address",)),
    Column("line2", ("Provider Second Line Business Practice Location Address",)),
    Column("city", (f"{_PLACE} City Name",)),
    Column("state", (f"{_PLACE} State Name",)),
    Column("zip", (f"{_PLACE} Postal Code",), "code"),
    Column("phone", (f"{_PLACE} Telephone Number",)),
    Column("gone", ("NPI Deactivation Date",), "day"),
    Column("back", ("NPI Reactivation Date",), "day"),
    *(Column(f"taxonomy{n}", (f"Healthcare Provider Taxonomy Code_{n}",), "code") for n in range(1, _TAXONOMIES + 1)),
)  # fmt: skip
TYPES: Final = ("Organization", "Practitioner")


def names(row: Row) -> Iterator[tuple[str, str, str]]:
    """Who a line is about: of a number that was taken back nobody says whether it was a person's."""
    kind = _KINDS.get(row.texts.get("kind", "").strip(), "")
    for type in TYPES:
        if not kind or (kind == "person") == (type == "Practitioner"):
            yield type, NPI, row.texts.get("npi", "").strip()


def is_wanted(row: Row, states: Sequence[str], taxonomies: Sequence[str]) -> bool:
    """Whether a line is of one of these states, and of a taxonomy that begins with one of these codes; of an empty list
    any is, and of two empty lists none: then only who is here already is wanted."""
    if not (states or taxonomies) or not row.texts.get("kind", "").strip():
        return False
    if states and row.texts.get("state", "").strip().upper() not in states:
        return False
    coded = (row.texts.get(f"taxonomy{n}", "").upper() for n in range(1, _TAXONOMIES + 1))
    return not taxonomies or any(code.startswith(tuple(taxonomies)) for code in coded if code)


def build(row: Row, known: Known) -> list[Json]:
    """The organization or the clinician of a line; of a number that was taken back whoever has it here."""
    npi = row.get("npi")
    if row.get("gone") and not (row.get("back") and row.get("back") >= row.get("gone")):
        return [_gone(found) for type in TYPES if (found := known.identified(type, NPI, npi))]
    if not row.get("kind"):
        row.fault("kind", sentence("import.nppes.kind"))
        return []
    name = "last" if row.get("kind") == "person" else "business"
    if not row.get(name):
        row.fault(name, sentence("import.nppes.name"))
        return []
    type = "Practitioner" if row.get("kind") == "person" else "Organization"
    before = known.identified(type, NPI, npi)
    made: Json = {
        "resourceType": type,
        "id": before["id"] if before else stable_id(type, NPI, npi),
        "identifier": [{"system": NPI, "value": npi}],
        "active": True,
    }
    made |= _person(row, before) if type == "Practitioner" else _organization(row, before)
    if phone := row.get("phone"):
        kept = [each for each in items(before or {}, "telecom") if each.get("system") != "phone"]
        made["telecom"] = [*kept, {"system": "phone", "value": phone, "use": "work"}]
    if address := _address(row):
        made["address"] = [address]
    return [overlaid(before, made)]


def _gone(found: Json) -> Json:
    return {name: value for name, value in found.items() if name != "meta"} | {"active": False}


def _organization(row: Row, before: Json | None) -> Json:
    made: Json = {"name": row.get("business")}
    if not before or not items(before, "type"):
        made["type"] = [{"coding": [{"system": f"{HL7}/organization-type", "code": "prov"}]}]
    return made


def _person(row: Row, before: Json | None) -> Json:
    name: dict[str, Any] = {"family": row.get("last")}
    if given := [row.get(each) for each in ("first", "middle") if row.get(each)]:
        name["given"] = given
    if row.get("credentials"):
        name["suffix"] = [row.get("credentials")]
    coded = dict.fromkeys(row.get(f"taxonomy{n}", "").upper() for n in range(1, _TAXONOMIES + 1))
    own = [{"code": {"coding": [{"system": TAXONOMY, "code": code}]}} for code in coded if code]
    kept = [each for each in items(before or {}, "qualification") if not code_of(item(each, "code"), TAXONOMY)]
    return {"name": [name]} | ({"qualification": [*kept, *own]} if kept or own else {})


def _address(row: Row) -> Json:
    parts = {"city": row.get("city"), "state": row.get("state"), "postalCode": _zip(row.get("zip", ""))}
    made: Json = {name: value for name, value in parts.items() if value}
    if lines := [row.get(each) for each in ("line", "line2") if row.get(each)]:
        made["line"] = lines
    return made | {"use": "work", "country": "US"} if made else {}


def _zip(written: str) -> str:
    """`123456789` is 12345-6789."""
    return f"{written[:5]}-{written[5:]}" if len(written) == 9 and written.isdigit() else written


SHEET: Final = Sheet("nppes", COLUMNS, (), TYPES, TYPES, names, build, lambda resource, known: ())
