"""What is paid, as rows: a row is a line of a schedule of an agreement (`domain/agreements/rates.py`)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from carecoord.domain.agreements import rates
from carecoord.domain.agreements.rates import RateLine, Schedule
from carecoord.domain.imports.agreements import SYSTEM, named_version
from carecoord.domain.imports.cells import Column
from carecoord.domain.imports.known import Known
from carecoord.domain.imports.organizations import called
from carecoord.domain.imports.rows import Row
from carecoord.domain.imports.rules import SYSTEMS, system_of
from carecoord.domain.resource.days import Days, shifted
from carecoord.domain.resource.elements import Json, items, text

_METHODS: Final = {
    "negotiated": "negotiated", "fixed": "negotiated", "flat": "negotiated", "derived": "derived",
    "fee schedule": "fee-schedule", "percent of reference": "fee-schedule", "fee-schedule": "fee-schedule",
    "percentage": "percentage", "percent of billed": "percentage", "percent billed": "percentage",
    "per diem": "per-diem", "per-diem": "per-diem", "case": "case", "case rate": "case",
    "capitation": "capitation", "rvu": "rvu",
}  # fmt: skip
_SETTINGS: Final = {each: each for each in rates.SETTINGS if each}
_CLASSES: Final = {each: each for each in rates.CLASSES if each}
MAIN: Final = "Rates"  # the schedule of rows that name none
COLUMNS: Final = (
    Column("agreement", ("Agreement number", "Contract number", "Agreement", "Contract"), "code", required=True,
           example="EX-0101"),
    Column("version", ("Agreement version", "Version"), "code"),
    Column("schedule", ("Schedule", "Rate schedule", "Fee schedule"), "code", example="Rates"),
    Column("code", ("Code", "From code", "Procedure code", "Billing code", "CPT/HCPCS", "HCPCS"), "code",
           example="97110"),
    Column("code_end", ("Last code", "To code", "Range end"), "code"),
    Column("system", ("Code system", "Billing code type"), "choice",
           choices={each.lower(): url for each, url in SYSTEMS.items()}),
    Column("category", ("Category", "Service category")),
    Column("modifiers", ("Modifiers", "Modifier"), "code", many=True),
    Column("places", ("Places of service", "Place of service", "POS"), "code", many=True),
    Column("specialties", ("Specialties", "Specialty", "Provider type"), many=True),
    Column("site", ("Site", "Location"), "site"),
    Column("setting", ("Setting",), "choice", choices=_SETTINGS),
    Column("billing", ("Billing class",), "choice", choices=_CLASSES),
    Column("method", ("Method", "Negotiated type", "Rate type"), "choice", choices=_METHODS, example="negotiated"),
    Column("amount", ("Amount", "Rate", "Negotiated rate", "Fee"), "money", example="41.50"),
    Column("percent", ("Percent", "Percentage"), "number"),
    Column("factor", ("Factor", "RVU", "Relative value"), "number"),
    Column("reference", ("Reference schedule", "Percent of"), "code"),
    Column("lesser_of", ("Lesser of billed", "Lesser of"), "yes-no"),
    Column("least", ("At least", "Minimum", "Floor"), "money"),
    Column("most", ("At most", "Maximum", "Cap"), "money"),
    Column("unit", ("Unit", "Per")),
    Column("starts", ("Starts", "Effective", "Effective date", "From"), "day", example="2026-01-01"),
    Column("ends", ("Ends", "Expiration date", "Termination date", "To"), "day"),
    Column("line", ("Line", "Line number"), "code"),
    Column("page", ("Page",), "code"),
)  # fmt: skip
_TEXTS: Final = ("code_end", "category", "setting", "billing", "reference", "unit", "line", "page")
_NUMBERS: Final = ("amount", "percent", "factor", "least", "most")
Key = tuple[Any, ...]


def schedule(row: Row, known: Known) -> Schedule | None:
    """The schedule that a row stands in. None, and a fault, where there is no such version."""
    contract = named_version(row, known)
    return Schedule(contract=contract, name=row.get("schedule", MAIN)) if contract else None


def build(row: Row) -> RateLine | None:
    """The line of a row; None, and faults, where it is not sound."""
    last = row.get("ends")
    said: dict[str, Any] = {name: row.get(name, "") for name in _TEXTS} | {name: row.get(name) for name in _NUMBERS}
    line = RateLine(
        method=row.get("method") or _method(row),
        system=system_of(row),
        code=row.get("code", "").upper(),
        site=row.get("site", ""),
        modifiers=frozenset(each.upper() for each in row.get("modifiers", ())),
        places=frozenset(each.zfill(2) for each in row.get("places", ())),
        specialties=frozenset(each.casefold() for each in row.get("specialties", ())),
        lesser_of=row.get("lesser_of", False),
        days=Days(row.get("starts"), shifted(last, 1) if last else None),
        **said,
    )
    for field, why in rates.faults(line):
        row.fault("ends" if field == "days" else field, why)
    return None if row.faults else line


def _method(row: Row) -> rates.Method:
    """Of a row that says none."""
    return "percentage" if row.get("amount") is None and row.get("percent") is not None else "negotiated"


def key(line: RateLine) -> Key:
    """What a line is known again by, where a part of its table could not be read."""
    about = (line.system, line.code, line.code_end, line.category, line.modifiers, line.places, line.specialties)
    return (line.line,) if line.line else (*about, line.site, line.setting, line.billing, line.days.start)


def _written(value: Decimal) -> str:
    """Never with three digits behind the point: a reader would not know 1.234 from a thousand."""
    return f"{value:.4f}" if value.as_tuple().exponent == -3 else f"{value:f}"


def cells(held: Schedule, line: RateLine, contract: Json, known: Known) -> Mapping[str, str]:
    """The row of a line."""
    last = line.days.last
    lists = {name: "; ".join(sorted(getattr(line, name))) for name in ("modifiers", "places", "specialties")}
    return {
        **{name: getattr(line, name) for name in _TEXTS},
        **{name: "" if value is None else _written(value) for name, value in line.numbers.items()},
        **lists,
        "agreement": next((text(i, "value") for i in items(contract, "identifier") if i.get("system") == SYSTEM), ""),
        "version": text(contract, "version"),
        "schedule": held.name,
        "code": line.code,
        "system": next((each for each, url in SYSTEMS.items() if url == line.system), ""),
        "site": called(line.site, known) if line.site else "",
        "method": next(said for said, method in _METHODS.items() if method == line.method),
        "lesser_of": "yes" if line.lesser_of else "",
        "starts": line.days.start.isoformat() if line.days.start else "",
        "ends": last.isoformat() if last else "",
    }
