"""A request of ours as the Bundle that goes to its payer: the Claim, what it names, and of the registry who these are.
What the request does not disclose stays here: a reference to it goes out without its target. Pure.

Clause: Da Vinci PAS 2.2.1, specification.html (spec-11 to spec-22)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from carecoord.domain.prior_auth.pas.request import references
from carecoord.domain.resource.codes import EXTENSION, HL7, PAS, has
from carecoord.domain.resource.elements import Json, item, items, key, target, targets, text

IDENTIFIER: Final = "urn:carecoord:pas"  # of the Bundles that we send
_WHO: Final = frozenset({
    "Organization", "Practitioner", "PractitionerRole", "Location", "Patient", "Coverage", "RelatedPerson",
})  # fmt: skip
_ABOUT: Final = ("patient", "subject", "beneficiary", "for")  # what names the patient of a resource
_SERVER: Final = ("meta", "text")
_MEMBER: Final = (f"{HL7}/v2-0203", "MB")
_CHANGED: Final = f"{PAS}/extension-infoChanged"
_COMPARED: Final = ("productOrService", "servicedDate", "servicedPeriod", "modifier")


def is_disclosed(claim: Json, resource: Json) -> bool:
    """Whether what a Claim names itself goes along with it: not what is about another patient, whose record nobody
    opens to a payer by naming it."""
    is_patient = resource.get("resourceType") == "Patient"
    named = [key(resource)] if is_patient else [to for name in _ABOUT for to in targets(resource, name)]
    others = {each for each in named if each.startswith("Patient/")} - {target(item(claim, "patient"))}
    return not others


def wanted(resource: Json, first: bool) -> list[str]:
    """What goes along with a resource, as `Type/id`. first: it is the Claim, which discloses what it names of its
    patient; of the others only who somebody is."""
    named = [each for each in references(resource) if ":" not in each]
    return [each for each in named if first or each.partition("/")[0] in _WHO]


def bundle(claim: Json, along: Mapping[str, Json], base: str, number: str, now: datetime) -> Json:
    """The request Bundle of a Claim. along: what goes with it, by `Type/id`; base: of our addresses; number: of the
    Bundle, the same whenever the same is sent again."""
    known = {key(claim), *along}
    prior = next((along[to] for to in _priors(claim) if to in along), {})
    cards = [each for each in along.values() if each["resourceType"] == "Coverage"]
    sent = [_compared(_counted(outward(_traced(claim), known)), prior),
            *(outward(_traced(_numbered(each, cards)), known) for each in along.values())]  # fmt: skip
    return {
        "resourceType": "Bundle",
        "meta": {"profile": [f"{PAS}/profile-pas-request-bundle"]},
        "identifier": {"system": IDENTIFIER, "value": number},
        "type": "collection",
        "timestamp": now.isoformat(timespec="milliseconds"),
        "entry": [{"fullUrl": f"{base}/{key(each)}", "resource": each} for each in sent],
    }


def member(patient: Json) -> Json:
    """The Identifier by which a payer knows a patient: the number of the card."""
    return next((each for each in items(patient, "identifier") if has(item(each, "type"), *_MEMBER)), {})


def _numbered(resource: Json, cards: Sequence[Json]) -> Json:
    """A Patient with the number of the card, for the payer knows its members by that; everything else as it is."""
    if resource.get("resourceType") != "Patient" or member(resource):
        return resource
    mine = [each for each in cards if target(item(each, "beneficiary")) == key(resource)]
    typed = [one for each in mine for one in items(each, "identifier") if has(item(one, "type"), *_MEMBER)]
    bare = [number for each in mine if (number := text(each, "subscriberId"))]
    found = next(iter([*typed, *({"system": f"{IDENTIFIER}:member", "value": each} for each in bare)]), None)
    if found is None:
        return resource
    kind = {"coding": [{"system": _MEMBER[0], "code": _MEMBER[1]}]}
    return resource | {"identifier": [*items(resource, "identifier"), found | {"type": kind}]}


def _traced(resource: Json) -> Json:
    """A Claim with a number of its own beside those that people gave it, by which its answer is known again; everything
    else as it is."""
    own = {"system": IDENTIFIER, "value": str(resource["id"])}
    if resource.get("resourceType") != "Claim" or own in items(resource, "identifier"):
        return resource
    return resource | {"identifier": [*items(resource, "identifier"), own]}


def _priors(claim: Json) -> list[str]:
    return [target(item(each, "claim")) for each in items(claim, "related")]


def _compared(claim: Json, prior: Json) -> Json:
    """An update with what it changes of the request before marked as such (infoChanged)."""
    if not prior:
        return claim
    held = {each.get("sequence"): each for each in items(prior, "item")}
    lines = []
    for each in items(claim, "item"):
        old = held.get(each.get("sequence"))
        rest = [one for one in items(each, "extension") if one.get("url") != _CHANGED]
        mark = "added" if old is None else "" if _is_same(old, each) else "changed"
        marks = [*rest, {"url": _CHANGED, "valueCode": mark}] if mark else rest
        lines.append({k: v for k, v in each.items() if k != "extension"} | ({"extension": marks} if marks else {}))
    return claim | ({"item": lines} if lines else {})


def _is_same(old: Json, line: Json) -> bool:
    same = all(line.get(name) == old.get(name) for name in _COMPARED)
    return same and item(line, "quantity").get("value") == item(old, "quantity").get("value")


def _counted(claim: Json) -> Json:
    """The Claim with a unit on every quantity, as the guide wants it (prof-2): a bare number counts the service
    itself, as everywhere here: visits."""
    lines = []
    for each in items(claim, "item"):
        quantity = item(each, "quantity")
        bare = quantity and not quantity.get("unit") and not quantity.get("code")
        lines.append(each | {"quantity": quantity | {"unit": "visit"}} if bare else each)
    return claim | ({"item": lines} if lines else {})


def outward(resource: Json, known: set[str]) -> Json:
    """A resource without what is ours alone."""
    found: Json = _bare({k: v for k, v in resource.items() if k not in _SERVER}, known)
    own = [each for each in items(found, "extension") if not text(each, "url").startswith(EXTENSION)]
    found.pop("extension", None)
    return found | ({"extension": own} if own else {})


def _bare(value: Any, known: set[str]) -> Any:
    if isinstance(value, list):
        return [each for one in value if (each := _bare(one, known)) not in ({}, None)]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, each in value.items():
        if name == "reference" and isinstance(each, str) and not each.startswith("#") and each not in known:
            continue
        bare = _bare(each, known)
        if bare != {} and bare != []:
            found[name] = bare
    return found


