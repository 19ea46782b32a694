"""The kinds of tables that can be brought in, as data: their columns, what a row becomes and back."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from carecoord.domain.access.verbs import Verb
from carecoord.domain.imports import (
    agreements,
    clinicians,
    codes,
    exclusions,
    organizations,
    people,
    plans,
    rates,
    rosters,
    rules,
)
from carecoord.domain.imports.cells import Column
from carecoord.domain.imports.known import Known
from carecoord.domain.imports.rows import Row
from carecoord.domain.resource.elements import Json


def _nobodys(resource: Json, known: Known) -> set[str]:
    return set()


def _nothing(*_: object) -> Any:
    """What a row is as a resource where it is none."""
    return ()


@dataclass(frozen=True)
class Sheet:
    """A kind of table. reads: the types that a row may name, which are few; makes: those that a row is kept as; the
    first types of `exports` are those that have a row. owners: the organizations whose side a resource is of: whoever
    may write only for their own side must be one of them; empty: everybody's. records: whether a row tells of a state
    that was truly reached elsewhere. verb: who may bring it in (`domain/access/verbs.py`). follows: what is read beside
    what a row names: (type, the search parameter by which it refers, to resources of this type). shows: types that an
    export reads besides, to name them."""

    kind: str
    columns: tuple[Column, ...]
    reads: tuple[str, ...]
    makes: tuple[str, ...]
    exports: tuple[str, ...]
    names: Callable[[Row], Iterator[tuple[str, str, str]]]
    build: Callable[[Row, Known], list[Json]]
    cells: Callable[[Json, Known], Iterable[Mapping[str, str]]]
    owners: Callable[[Json, Known], set[str]] = _nobodys
    follows: tuple[tuple[str, str, str], ...] = ()
    shows: tuple[str, ...] = ()
    records: bool = False
    verb: Verb = "import"

    def column(self, name: str) -> Column:
        """A column by its name."""
        return next(each for each in self.columns if each.name == name)


_ROLES: Final = (("PractitionerRole", "practitioner", "Practitioner"),)
SHEETS: Final = {
    each.kind: each
    for each in (
        Sheet(
            "organizations", organizations.COLUMNS, ("Organization", "Location"), ("Organization", "Location"),
            ("Organization", "Location"), organizations.names, organizations.build, organizations.cells,
        ),
        Sheet(
            "plans", plans.COLUMNS, ("Organization", "InsurancePlan"), ("Organization", "InsurancePlan"),
            ("InsurancePlan",), plans.names, plans.build, plans.cells,
        ),
        Sheet(
            "clinicians", clinicians.COLUMNS, ("Organization", "Location"), ("Practitioner", "PractitionerRole"),
            ("PractitionerRole",), clinicians.names, clinicians.build, clinicians.cells, follows=_ROLES,
        ),
        Sheet(
            "agreements", agreements.COLUMNS, ("Organization", "OrganizationAffiliation"),
            ("Contract", "OrganizationAffiliation"), ("Contract",), agreements.names, agreements.build,
            agreements.cells, agreements.owners, records=True,
        ),
        Sheet(
            "rosters", rosters.COLUMNS, ("Organization", "Location", "OrganizationAffiliation"),
            ("OrganizationAffiliation", "PractitionerRole"), ("OrganizationAffiliation", "PractitionerRole"),
            rosters.names, rosters.build, rosters.cells, rosters.owners, follows=_ROLES,
            shows=("Practitioner", "Contract"),
        ),
        Sheet(
            "rules", rules.COLUMNS, ("Organization",), ("PlanDefinition",), ("PlanDefinition",), _nothing, _nothing,
            _nothing,
        ),
        Sheet(
            "rates", rates.COLUMNS, (), ("Contract",), ("Contract",), _nothing, _nothing, _nothing, verb="see-rates",
        ),
        Sheet("people", people.COLUMNS, (), (), (), _nothing, _nothing, _nothing, verb="manage-people"),
        Sheet("codes", codes.COLUMNS, (), (), (), _nothing, _nothing, _nothing, verb="keep-codes"),
        Sheet("exclusions", exclusions.COLUMNS, (), exclusions.TYPES, exclusions.TYPES, _nothing, _nothing, _nothing,
              verb="keep-codes"),
    )
}  # fmt: skip
