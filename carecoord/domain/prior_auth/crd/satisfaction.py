"""Whether an authorization that was given already covers what is ordered. Pure.

Clause: Da Vinci CRD 2.2.1, ext-coverage-information (pa-needed satisfied goes with satisfied-pa-id, crd-ci-q3)."""

from datetime import date, tzinfo

from carecoord.domain.prior_auth import lifecycle
from carecoord.domain.prior_auth.pas.answer import numbers
from carecoord.domain.prior_auth.pas.inquiry import Chain
from carecoord.domain.prior_auth.review_action import GRANTED, decided
from carecoord.domain.resource.days import days
from carecoord.domain.resource.elements import Json, codes, identifiers, item, items, key, target, text, whole
from carecoord.domain.resource.parties import TAXES
from carecoord.fhir.code_systems import canonical
from carecoord.fhir.search.collation import fold


def number(chain: Chain, wanted: frozenset[tuple[str, str]], day: date, zone: tzinfo) -> str:
    """The number of what a chain grants for one of these services on the day or later; empty where it grants none. A
    request that was taken back, or that has no answer, grants nothing."""
    head, answers = chain
    same = {(canonical(system), code) for system, code in wanted}
    mine = [each for each in answers if target(item(each, "request")) == key(head)]
    if text(head, "status") != "active" or not mine:
        return ""
    last = lifecycle.newest(mine, zone)
    lines = {whole(each, "sequence"): each for each in items(head, "item")}
    for each in items(last, "item"):
        line = lines.get(whole(each, "itemSequence"), {})
        fits = codes(item(line, "productOrService")) & same and _lasts(line, day, zone)
        if fits and decided(last, each) in GRANTED:
            return text(last, "preAuthRef") or next(iter(sorted(numbers(last))), "")
    return ""


def is_same_person(one: Json, other: Json) -> bool:
    """Whether two Patients whose cards have the same number are one person, for a card may be a family's: by a number
    of their own, else by birth date and a given name, which tells twins apart. What is not known is not the same."""
    born, other_born = text(one, "birthDate"), text(other, "birthDate")
    if born and other_born and born != other_born:
        return False
    if any(not each.startswith(TAXES) for each in identifiers(one) & identifiers(other)):
        return True
    return bool(born) and born == other_born and bool(_given(one) & _given(other))


def _given(person: Json) -> set[str]:
    return {fold(each) for name in items(person, "name") for each in name.get("given", []) if isinstance(each, str)}


def _lasts(line: Json, day: date, zone: tzinfo) -> bool:
    once = text(line, "servicedDate")
    end = days(item(line, "servicedPeriod") or ({"start": once, "end": once} if once else {}), zone).end
    return end is None or end > day
