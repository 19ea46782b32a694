"""Which search parameters lead from a type to its patient, and arguments made of them."""

from collections.abc import Iterable
from functools import cache
from typing import Final

from auth.scopes import Alternatives
from carecoord.fhir.search.criteria import ORIGIN
from carecoord.fhir.search.params import compartment, params
from carecoord.fhir.types import TYPES


def about(type: str, names: Iterable[str], value: str) -> Alternatives | None:
    """Patients that a parameter describes, or the resources about such patients."""
    if type == "Patient":
        return any_of(names, value)
    return any_of((f"{code}:Patient.{name}" for code in links(type) for name in names), value)


@cache
def links(type: str) -> tuple[str, ...]:
    """The parameters that lead from a type to its patient: the one that says whom it is about, else the compartment."""
    known = params(type)
    to_patient = {code for code, param in known.items() if param.kind == "reference" and "Patient" in param.targets}
    named = [code for code in ("patient", "subject", "beneficiary") if code in to_patient]
    return tuple(named[:1]) or tuple(code for code in compartment(type) if code in to_patient)


def any_of(names: Iterable[str], value: str) -> Alternatives | None:
    """One alternative for each parameter; none at all when there is nobody that it could name."""
    return tuple(((name, value),) for name in names) or None if value else None


def references(type: str, ids: Iterable[str]) -> str:
    """A list of references as a search argument has it; empty for none."""
    return ",".join(f"{type}/{id}" for id in ids)


@cache
def of_patients() -> tuple[str, ...]:
    """The types that are about a patient, and Patient. Asked for when somebody asks, for it needs the search parameters
    of every type, which a process that serves no search never reads."""
    return tuple(type for type in TYPES if type == "Patient" or (type != ORIGIN[0] and links(type)))


NARROWER: Final = ("Task", "ServiceRequest")  # not all that is about a patient is for whoever sees the patient
