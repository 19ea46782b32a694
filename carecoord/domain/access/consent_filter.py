"""What is kept from one asker, as criteria that go into every Filter: no search, read, chain, include, count or history
passes them.

A resource belongs to a denied patient's record when any of its references leads to the patient, or leads by one hop to
an order, visit or document that is theirs; a Provenance when what it is the origin of does. Registry, knowledge and the
audit trail belong to nobody's record.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from carecoord.domain.access.consents import WHOLE, Asker, Directive, Part, turns, withheld
from carecoord.domain.access.patient_links import of_patients
from carecoord.domain.access.roles import PUBLIC, TRAIL
from carecoord.domain.referrals.case import CLINICAL, ORDERS
from carecoord.domain.resource.elements import Json, item, items, key, text
from carecoord.fhir.instants import FOREVER
from carecoord.fhir.search.criteria import ATTACHED, ORIGIN, Chain, Criterion, Has, Not, Term, Whose
from carecoord.fhir.search.operands import Code, Target
from carecoord.fhir.search.params import params
from carecoord.fhir.search.query import Filter
from carecoord.fhir.service_base import Base

OPEN: Final = PUBLIC | TRAIL
CASE: Final = ("Patient", *ORDERS, *CLINICAL)  # of what a case tells
# No gate rests on what was said: a case stands, and is judged alike, without it. Of all else it might be judged better
# than it is: what is not seen may be what speaks against it.
APART: Final = frozenset({"Communication"})
JUDGED: Final = tuple(type for type in CASE if type not in APART)
# What may name no patient but speaks of something of theirs: type -> (parameter, type it leads to, whose it is).
BY_HOP: Final = {
    "Task": (("focus", "ServiceRequest", "subject"), ("focus", "Claim", "patient"),
             ("based-on", "ServiceRequest", "subject")),
    "Appointment": (("based-on", "ServiceRequest", "subject"),),
    "AppointmentResponse": (("appointment", "Appointment", "patient"),),
    "CommunicationRequest": (("based-on", "ServiceRequest", "subject"),),
    "Communication": (("based-on", "ServiceRequest", "subject"),),
}  # fmt: skip
Kept = tuple[tuple[str, Part], ...]


@dataclass(frozen=True, eq=False)
class Denied:
    """The parts of patients' records that are withheld from one asker, by the letter of what they do; good before the
    instant `until` (microseconds)."""

    kept: dict[str, Kept] = field(default_factory=dict)
    until: int = FOREVER
    _made: dict[tuple[str, str, str | None, str], tuple[Criterion, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(self.kept.values())

    def besides(self, type: str, letter: str, own: str | None, base: Base) -> tuple[Criterion, ...]:
        """The criteria that a resource of a type must meet so that one may do this to it. own: the patient who asks."""
        key = (type, letter, own if any(patient == own for patient, _ in self.kept.get(letter, ())) else None, base.url)
        found = self._made.get(key)
        if found is None:
            kept = [] if type in OPEN else [one for one in self.kept.get(letter, ()) if one[0] != own]
            found = self._made[key] = tuple(_criteria(type, kept, base))
        return found

    def cases(self) -> frozenset[str]:
        """The patients whose cases one may not see: a part of their record by which a case is judged is withheld."""
        return frozenset(patient for patient, part in self.kept.get("r", ()) if part.touches(JUDGED))

    def apart(self, patient: str) -> tuple[Part, ...]:
        """Of a patient's record the parts that are withheld and that a case can be shown without."""
        return tuple(part for whose, part in self.kept.get("r", ()) if whose == patient and part.touches(APART))

    def talks(self) -> frozenset[str]:
        """The patients of whose messages any are withheld."""
        return frozenset(patient for patient, part in self.kept.get("r", ()) if part.touches(APART))


NOTHING: Final = Denied()


def is_of(part: Part, resource: Json) -> bool:
    """Whether a resource of the patient's belongs to a part of their record."""
    marks = {f"{text(each, 'system')}|{text(each, 'code')}" for each in items(item(resource, "meta"), "security")}
    named = part.resources is None or key(resource) in part.resources
    return part.touches([text(resource, "resourceType")]) and named and all(marks & label for label in part.labels)


def denied(directives: Iterable[Directive], asker: Asker, now: int) -> Denied:
    """What the directives keep from somebody at an instant (microseconds)."""
    said = list(directives)
    kept: dict[str, Kept] = {}
    for letters in ("rs", "ud", "c"):
        found = tuple((one.patient, part) for one in said for part in withheld(one.rule, asker, letters[0], now))
        kept |= dict.fromkeys(letters, found)
    return Denied(kept, min((turns(one.rule, now) for one in said), default=FOREVER))


def narrowed(filter: Filter, more: tuple[Criterion, ...]) -> Filter:
    """The filter with more criteria in each of its alternatives."""
    return tuple((*criteria, *more) for criteria in filter) if more else filter


def managed_by(filter: Filter, type: str, organizations: Iterable[str]) -> Filter:
    """Of a Consent, besides, what one's own organization keeps: who keeps it must be able to take it back."""
    if type != "Consent":
        return ()
    ours = tuple(Target("Organization", id, "") for id in organizations)
    return narrowed(filter, (Term(params("Consent")["organization"], "", ours),)) if ours else ()


def _criteria(type: str, kept: Sequence[tuple[str, Part]], base: Base) -> Iterator[Criterion]:
    by_part: dict[Part, list[str]] = {}
    for patient, part in kept:
        if part.touches([type]):
            by_part.setdefault(Part(None, part.labels, part.resources), []).append(patient)
    for part, patients in by_part.items():
        limits, whose = tuple(_limits(type, part)), _whose(patients)
        yield from (Not((about, *limits)) for about in _about(type, whose, base))
    if type == ORIGIN[0]:
        yield from _of_origins(kept, base)


def _whose(patients: Iterable[str]) -> tuple[Target, ...]:
    return tuple(Target("Patient", patient, "") for patient in dict.fromkeys(patients))


def _of_origins(kept: Sequence[tuple[str, Part]], base: Base) -> Iterator[Criterion]:
    """What is withheld of a record is withheld with its Provenances, whatever class and labels these have themselves:
    they say that it is there, and who made it when. Of a whole record they go with the patient already."""
    to = params(ORIGIN[0])[ORIGIN[1]]
    by_part: dict[Part, list[str]] = {}
    for patient, part in kept:
        if part != WHOLE:
            by_part.setdefault(part, []).append(patient)
    for part, patients in by_part.items():
        whose = _whose(patients)
        for one in (*of_patients(), *(each for each in BY_HOP if each not in of_patients())):
            if part.touches([one]):
                limits = tuple(_limits(one, part))
                ways = tuple((about, *limits) for about in _about(one, whose, base))
                yield Not((Whose(to, (one,), False, ways),))


def _about(type: str, whose: tuple[Target, ...], base: Base) -> Iterator[Criterion]:
    """Each way in which a resource may be part of these patients' records."""
    known = params(type)
    if type == "Patient":
        yield Term(known["_id"], "", tuple(Code(None, one.id) for one in whose))
    for param in known.values():
        if param.kind == "reference" and "Patient" in param.targets:
            yield Term(param, "", whose)
    for code, to, subject in BY_HOP.get(type, ()):
        yield _hop(type, code, to, subject, whose)
    if type == ORIGIN[0]:
        ids = Term(params("Patient")["_id"], "", tuple(Code(None, one.id) for one in whose))
        yield Whose(known[ORIGIN[1]], of_patients(), True, ((ids,),))
        hops = ((one, _hop(one, *hop, whose)) for one, each in BY_HOP.items() for hop in each)
        yield Chain(known[ORIGIN[1]], tuple(hops))
    if type == ATTACHED[0]:
        documents = params(ATTACHED[1])
        yield Has(documents[ATTACHED[2]], Term(documents["subject"], "", whose), base.prefix)


def _hop(type: str, code: str, to: str, subject: str, whose: tuple[Target, ...]) -> Chain:
    return Chain(params(type)[code], ((to, Term(params(to)[subject], "", whose)),))


def _limits(type: str, part: Part) -> Iterator[Criterion]:
    known = params(type)
    for labels in part.labels:
        pairs = (label.rpartition("|") for label in sorted(labels))
        yield Term(known["_security"], "", tuple(Code(system or None, code) for system, _, code in pairs))
    if part.resources is not None:
        ids = sorted(each.partition("/")[2] for each in part.resources if each.startswith(f"{type}/"))
        yield Term(known["_id"], "", tuple(Code(None, id) for id in ids))
