"""What differs between vendors, as data: one folder per vendor, each with a dialect.json of the same shape.

| field | says |
|---|---|
| title | the vendor, for people |
| discovery | where the token endpoint is looked up, in this order |
| tenancy | headers and parameters that go with every request and name the tenant; an EHR's own are added to them |
| auth | the signing algorithms we may use, best first, and the scope to ask for when the EHR has none configured: |
| | `scope` to read, and `write_scope` besides it where something is to be written |
| limits | seconds, attempts, bytes, requests per second (0: no limit), failures in a row before giving up |
| incremental | overlap of two windows, hours between full sweeps, minutes for which a broken-off reading goes on |
| types | one recipe per resource type; "*" holds for every type and fills what a type's own recipe leaves out |
| owners | whose word counts for an element, where it is not as our own table says: {"Task.status": "theirs"} |

A recipe: `searches`, each a set of parameters, all of which are read; a list of values repeats the parameter, and
`{patient}` in a value makes it one search per patient. `fallbacks`: alternatives to try when the EHR refuses the
searches (400 or 422), the first whose parameters it offers. `since`: the parameter of the window, empty for none;
`closed`: a window needs an end too. `count`: page size, 0 to leave it to the EHR. `writes`: what we may write there,
of create, update and delete, when its metadata offers it too.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from importlib import resources
from typing import Any

from fhir_adapters.ehr import Ehr
from fhir_adapters.errors import Misconfigured

PATIENT = "{patient}"

Query = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class Limits:
    """How patient and how greedy we are. See the table above; every number can be overridden per EHR."""

    connect_seconds: float
    read_seconds: float
    answer_seconds: float
    body_bytes: float
    attempts: float
    backoff_seconds: float
    backoff_max_seconds: float
    retry_after_max_seconds: float
    requests_per_second: float
    failures: float
    pages: float

    def but(self, changes: Mapping[str, float]) -> "Limits":
        """These limits with some numbers changed. Raises Misconfigured for an unknown name or a negative number."""
        known = {f.name for f in fields(self)}
        for name, value in changes.items():
            if name not in known or value < 0:
                raise Misconfigured(
                    f"Limit {name}={value} is not one; known, none negative: {', '.join(sorted(known))}."
                )
        return replace(self, **changes)


@dataclass(frozen=True)
class Incremental:
    """When a window is enough and when everything is read again."""

    overlap_seconds: float
    sweep_hours: float
    resume_minutes: float


@dataclass(frozen=True)
class Recipe:
    """How one resource type is read from this vendor."""

    searches: tuple[Query, ...]
    fallbacks: tuple[Query, ...]
    since: str
    closed: bool
    count: int
    writes: frozenset[str]


@dataclass(frozen=True)
class Dialect:
    """One vendor's dialect.json."""

    title: str
    discovery: tuple[str, ...]
    headers: Mapping[str, str]
    params: Mapping[str, str]
    algorithms: tuple[str, ...]
    scope: str
    write_scope: str
    owners: Mapping[str, str]
    limits: Limits
    incremental: Incremental
    types: Mapping[str, Mapping[str, Any]]

    def recipe(self, type: str) -> Recipe:
        """The recipe for a type: its own fields over those of "*"."""
        row = {**self.types["*"], **self.types.get(type, {})}
        return Recipe(
            searches=tuple(row["searches"]),
            fallbacks=tuple(row["fallbacks"]),
            since=row["since"],
            closed=row["closed"],
            count=row["count"],
            writes=frozenset(row["writes"]),
        )


def pairs(search: Query) -> list[tuple[str, str]]:
    """The parameters of a search one by one, as they stand in an address."""
    return [(name, one) for name, said in search.items() for one in ([said] if isinstance(said, str) else said)]


def writes(ehr: Ehr, type: str) -> frozenset[str]:
    """What we may write of a type to this EHR, of create, update and delete, as it was told or as its dialect says."""
    if ehr.writes is not None:
        return frozenset(ehr.writes.get(type, ()))
    return load(ehr.dialect).recipe(type).writes


def write_scope(ehr: Ehr) -> str:
    """The scope to ask this EHR for where something is to be written."""
    if ehr.auth and ehr.auth.scope:
        return ehr.auth.scope
    dialect = load(ehr.dialect)
    return f"{dialect.scope} {dialect.write_scope}".strip()


def owners(ehr: Ehr) -> Mapping[str, str]:
    """Whose word counts for which element, where this EHR or its dialect says other than our own table."""
    return {**load(ehr.dialect).owners, **ehr.owners}


def names() -> list[str]:
    """The dialects we have, by the names of their folders."""
    return sorted(entry.name for entry in resources.files(__name__).iterdir() if (entry / "dialect.json").is_file())


@lru_cache
def load(name: str) -> Dialect:
    """Read one vendor's data. Raises Misconfigured when we have none of that name."""
    if name not in names():
        raise Misconfigured(f"There is no dialect {name!r}; known: {', '.join(names())}.")
    return read(json.loads((resources.files(__name__) / name / "dialect.json").read_text()))


def read(data: Mapping[str, Any]) -> Dialect:
    """The value of a dialect.json that was parsed already."""
    return Dialect(
        title=data["title"],
        discovery=tuple(data["discovery"]),
        headers=data["tenancy"]["headers"],
        params=data["tenancy"]["params"],
        algorithms=tuple(data["auth"]["algorithms"]),
        scope=data["auth"]["scope"],
        write_scope=data["auth"]["write_scope"],
        owners=data["owners"],
        limits=Limits(**data["limits"]),
        incremental=Incremental(**data["incremental"]),
        types=data["types"],
    )
