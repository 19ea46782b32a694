"""What a payer is told of a patient: one table for the page and the panel, the API and its searches (decision 27).

Whom a request is about: the name, the birth date and the sex, besides the member number on the card. Where the patient
lives, how to reach them and who looks after them it was not told; so nothing of it is found out by asking, either."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

from carecoord.domain.access import verbs
from carecoord.errors import Forbidden
from carecoord.fhir import elements, text
from carecoord.fhir.search.criteria import Chain, Criterion, Has, Not, Term, Whose
from carecoord.fhir.search.params import Param
from carecoord.fhir.search.query import Search

ELEMENTS: Final = ("resourceType", "id", "meta", "name", "gender", "birthDate", "deceasedBoolean", "deceasedDateTime")
SEARCHED: Final = frozenset({
    "_id", "_lastUpdated", "name", "family", "given", "phonetic", "gender", "birthdate", "deceased", "death-date",
})  # fmt: skip


def is_for(roles: Collection[str]) -> bool:
    """Whether these roles see a patient as a payer does, and not whole."""
    return verbs.may(roles, "see-as-payer") and not verbs.may(roles, "see-whole")


def told(body: bytes) -> bytes:
    """A Patient as a payer reads it, marked as a part, with what would change its meaning (`active`, `link`): R4
    search.html#elements."""
    return text.dumps(elements.elements(text.loads(body), [name for name in ELEMENTS if name != "resourceType"]))


def demand(search: Search) -> Search:
    """The search as a payer may ask it: `_include=*` follows only what it is told of. Raises Forbidden naming the
    parameter that would find a patient by something else, or put them in its order."""
    asked = (*(param for one in search.criteria for param in _params(one)), *(sort.param for sort in search.sorts))
    named = (include.params[0] for include in search.includes if len(include.params) == 1)
    for param in (*asked, *named):
        if _is_hidden(param):
            known = ", ".join(sorted(SEARCHED))
            raise Forbidden(f"A payer asks for a Patient by {known}, not by {param.code}.", f"http.{param.code}")
    includes = (
        replace(include, params=tuple(param for param in include.params if not _is_hidden(param)))
        for include in search.includes
    )
    return replace(search, includes=tuple(include for include in includes if include.params))


def _is_hidden(param: Param) -> bool:
    return param.type == "Patient" and param.code not in SEARCHED


def _params(criterion: Criterion) -> Iterable[Param]:
    match criterion:
        case Term(param):
            yield param
        case Chain(param, branches):
            yield param
            for _, inner in branches:
                yield from _params(inner)
        case Has(param, inner):
            yield param
            yield from _params(inner)
        case Whose(param, _, _, ways):
            yield param
            for inner in (one for way in ways for one in way):
                yield from _params(inner)
        case Not(criteria):
            for inner in criteria:
                yield from _params(inner)
