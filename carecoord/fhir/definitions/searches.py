"""Trim the official search parameters to paths of JSON properties, for trim.py.

A parameter: [code, kind, url, targets, paths, components]. A path: [steps, datatype]; a step is a property or a test of
what was reached so far: "?system=phone" (its property has that value), "?is=Patient" (it refers to that type),
"?some=a,b" (no place in the data: true when property a or b is there and not false). `targets` are the types that a
reference may point at, ["*"] for any. A composite's paths reach the element that holds all its components, and each
component is [kind, paths from there].
"""

import re
from collections.abc import Iterator
from typing import Any

from carecoord.fhir.definitions.structures import Table

Path = tuple[tuple[str, ...], str]

_LATER = {"DetectedIssue.status", "DeviceDefinition.classification"}  # not of R4; the package has them all the same
# _content, _query, _text: no expression (full text and named queries). Those of Bundle speak of the resource inside
# its first entry, which is no resource of ours.
_LEFT_OUT = {"_content", "_query", "_text", "Bundle.composition", "Bundle.message", *_LATER}
_PARTS = 2  # of a composite; MolecularSequence's four of three parts are left out
_ANY = 100  # a parameter with more targets than this means any type
_DECEASED = re.compile(r"\w+\.(\w+)\.exists\(\) and .+ != false")
_CAST = re.compile(r"\(?([\w.]+)(?: as |\.as\()(\w+)\)(\.\w+)?")
_TEST = re.compile(r"\.where\((?:resolve\(\) is (\w+)|(\w+)='([^']*)')\)")

# search.html#table: what each kind of parameter can index. The rest, which an expression without a cast also reaches
# (Procedure.performedString as a date), has no meaning there; SampledData is a curve, not a quantity.
_FITS = {
    "token": {"Coding", "CodeableConcept", "Identifier", "ContactPoint", "code", "id", "string", "boolean"},
    "string": {"string", "markdown", "HumanName", "Address"},
    "date": {"date", "dateTime", "instant", "Period", "Timing"},
    "quantity": {"Quantity", "Age", "Duration", "Range", "Money"},
    "number": {"decimal", "integer", "positiveInt", "unsignedInt", "Range"},
    "reference": {"Reference", "canonical", "uri"},
    "uri": {"uri", "url", "canonical"},
}


def params(bundle: dict[str, Any], types: list[str], table: Table) -> dict[str, list[Any]]:
    """The search parameters of each type, `_id` and `_tag` and such among them."""
    rows = [entry["resource"] for entry in bundle["entry"]]
    kinds = {row["url"]: row["type"] for row in rows}
    out: dict[str, list[Any]] = {name: [] for name in types}
    for row in rows:
        if len(row.get("component", ())) <= _PARTS:
            for name in _bases(row, types):
                out[name].append(_param(row, name, kinds, table))
    return {name: sorted(rows) for name, rows in out.items()}


def _bases(row: dict[str, Any], types: list[str]) -> list[str]:
    named = types if row["base"] == ["Resource"] else [name for name in types if name in row["base"]]
    return [name for name in named if not _LEFT_OUT & {row["code"], f"{name}.{row['code']}"}]


def _param(row: dict[str, Any], owner: str, kinds: dict[str, str], table: Table) -> list[Any]:
    mine = _parts(row, owner)
    targets = row.get("target", [])
    if row["type"] in _FITS:
        found = [path for part in mine for path in paths(part, owner, table) if path[1] in _FITS[row["type"]]]
    else:
        found = [path for part in mine for path in paths(part, owner, table)]
    if not found:
        raise ValueError(f"{owner}.{row['code']} has nothing to index")
    any_type = len(targets) > _ANY
    components = _components(row, owner, mine, kinds, table)
    return [row["code"], row["type"], row["url"], ["*"] if any_type else sorted(targets), found, components]


def _parts(row: dict[str, Any], owner: str) -> list[str]:
    """The parts of the expression that speak of this type. InsurancePlan-name forgets to say so (name | alias)."""
    parts = [part.strip() for part in row["expression"].split("|")]
    parts = [f"{owner}.{part}" if part[0].islower() else part.replace("Resource.", f"{owner}.", 1) for part in parts]
    return [part for part in parts if re.match(rf"\(?{owner}\b", part)]


def _components(
    row: dict[str, Any], owner: str, mine: list[str], kinds: dict[str, str], table: Table
) -> list[tuple[str, list[Path]]]:
    """The order of the definitions is the order in a query. DocumentReference-relationship alone gives its two
    expressions the other way round, so an expression goes to the component that it fits."""
    parts = row.get("component", [])
    found = [_below(owner, mine[0], part["expression"], table) for part in parts]
    wanted = [kinds[part["definition"]] for part in parts]
    if not all(_fitting(kind, ways) for kind, ways in zip(wanted, found, strict=True)):
        found.reverse()
    return [(kind, _fitting(kind, ways)) for kind, ways in zip(wanted, found, strict=True)]


def _fitting(kind: str, ways: list[Path]) -> list[Path]:
    return [path for path in ways if path[1] in _FITS[kind]]


def _below(owner: str, start: str, expression: str, table: Table) -> list[Path]:
    depth = start.count(".")
    whole = [path for part in expression.split(" | ") for path in paths(f"{start}.{part}", owner, table)]
    return [(steps[depth:], datatype) for steps, datatype in whole]


def paths(expression: str, owner: str, table: Table) -> list[Path]:
    """The JSON paths of one part of an official expression. Raises ValueError where it has another shape than R4's."""
    if deceased := _DECEASED.fullmatch(expression):
        choices = [name for name, row in table[owner].items() if row[5] == deceased[1]]
        return [((f"?some={','.join(choices)}",), "boolean")]
    tests: dict[str, str] = {}

    def note(match: re.Match[str]) -> str:
        mark = f"T{len(tests)}T"
        tests[mark] = f"?is={match[1]}" if match[1] else f"?{match[2]}={match[3]}"
        return f".{mark}"

    plain, cast = expression, None
    if match := _CAST.fullmatch(expression):
        plain, cast = match[1] + (match[3] or ""), (match[1].count("."), match[2].lower())
    names = _TEST.sub(note, plain).split(".")
    if not all(re.fullmatch(r"\w+", name) for name in names):
        raise ValueError(f"no JSON path: {expression}")
    return list(_walk(names[1:], owner, (), table, tests, cast))


def _walk(
    names: list[str],
    owner: str,
    done: tuple[str, ...],
    table: Table,
    tests: dict[str, str],
    cast: tuple[int, str] | None,
) -> Iterator[Path]:
    if not names:
        yield done, owner
        return
    name, rest = names[0], names[1:]
    if name in tests:
        yield from _walk(rest, owner, (*done, tests[name]), table, tests, cast)
        return
    wanted = cast[1] if cast and cast[0] == len(done) + 1 else None
    for property_, (datatype, _least, _most, _flags, _binding, choice) in table[owner].items():
        if name in (property_, choice) and wanted in (None, datatype.lower()):
            yield from _walk(rest, datatype, (*done, property_), table, tests, cast)
