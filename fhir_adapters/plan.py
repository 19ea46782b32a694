"""What will be read from an EHR and how: our dialect's recipes held against its own metadata. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from fhir_adapters.dialects import PATIENT, Dialect, Query, Recipe, pairs
from fhir_adapters.discovery import Offer, Statement

BY_PATIENT: Final = ("patient", "subject", "beneficiary", "actor")  # what servers call whom a resource is about
OF_PATIENT: Final = {"Patient": ("_id",)}


@dataclass(frozen=True)
class Job:
    """How one type is read. `ways`: the recipe's searches, then each fallback that the EHR has the parameters for.

    patient: the parameter by which one patient's are searched for, empty where there is none.
    since: the window's parameter, empty when everything is read each time. confirm: how a resource that a sweep did not
    find is looked for, `read` or `_id`, empty when it can not be. writes: what we could write there.
    """

    type: str
    ways: tuple[tuple[Query, ...], ...]
    since: str
    closed: bool
    count: int
    confirm: str
    writes: frozenset[str]
    notices: tuple[str, ...] = ()
    patient: str = ""

    @property
    def strategy(self) -> str:
        """window | patients | sweep, for people."""
        if self.since:
            return "window"
        return "patients" if any(per_patient(search) for search in self.ways[0]) else "sweep"


@dataclass(frozen=True)
class Plan:
    """The jobs in their order, the types that we would like and the EHR does not offer, and those that it offers and
    has not granted us."""

    jobs: tuple[Job, ...]
    missing: tuple[str, ...]
    ungranted: tuple[str, ...] = ()


def make(
    dialect: Dialect, statement: Statement, types: Iterable[str], granted: Callable[[str], bool] = lambda type: True
) -> Plan:
    """A job for every type that the EHR offers to search and has granted us, in the given order, but patients first:
    other types may have to be read patient by patient. What is not granted would be refused at every sync anew."""
    wanted = sorted(types, key=lambda type: type != "Patient")
    offered = [type for type in wanted if type in statement.offers and statement.offers[type].searched]
    jobs = tuple(_job(dialect.recipe(type), statement.offers[type]) for type in offered if granted(type))
    missing = tuple(type for type in wanted if type not in offered)
    return Plan(jobs, missing, tuple(type for type in offered if not granted(type)))


def per_patient(search: Query) -> bool:
    """Whether this search is made once for each patient."""
    return any(PATIENT in value for _, value in pairs(search))


def _job(recipe: Recipe, offer: Offer) -> Job:
    notices = [
        f"{offer.type} is to be searched by {name}, which the metadata does not offer."
        for name in sorted({name for search in recipe.searches for name in search} - offer.params)
    ]
    fallbacks = tuple((search,) for search in recipe.fallbacks if offer.params.issuperset(search))
    confirm = "read" if "read" in offer.interactions else "_id" if "_id" in offer.params else ""
    if not confirm:
        notices.append(f"{offer.type} offers neither read nor _id: what is deleted there stays here.")
    return Job(
        type=offer.type,
        ways=(recipe.searches, *fallbacks),
        since=recipe.since if recipe.since in offer.params else "",
        closed=recipe.closed,
        count=recipe.count,
        confirm=confirm,
        writes=recipe.writes & offer.writes,
        notices=tuple(notices),
        patient=next((name for name in OF_PATIENT.get(offer.type, BY_PATIENT) if name in offer.params), ""),
    )
