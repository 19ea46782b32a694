"""A request of ours as the Bundle that goes to its payer: the Claim, what it names, and of the registry who these are.
What the request does not disclose stays here: a reference to it goes out without its target. Pure.

Clause: Da Vinci PAS 2.2.1, specification.html (spec-11 to spec-22)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from carecoord.domain.prior_auth.pas.request import references
from carecoord.domain.resource.codes import EXTENSION, PAS
from carecoord.domain.resource.elements import Json, item, items, key, text

IDENTIFIER: Final = "urn:carecoord:pas"  # of the Bundles that we send
_WHO: Final = frozenset({
    "Organization", "Practitioner", "PractitionerRole", "Location", "Patient", "Coverage", "RelatedPerson",
})  # fmt: skip
_SERVER: Final = ("meta", "text")


def wanted(resource: Json, first: bool) -> list[str]:
    """What goes along with a resource, as `Type/id`. first: it is the Claim, which discloses all that it names; of the
    others only who somebody is."""
    named = [each for each in references(resource) if ":" not in each]
    return [each for each in named if first or each.partition("/")[0] in _WHO]


def bundle(claim: Json, along: Mapping[str, Json], base: str, number: str, now: datetime) -> Json:
    """The request Bundle of a Claim. along: what goes with it, by `Type/id`; base: of our addresses; number: of the
    Bundle, the same whenever the same is sent again."""
    known = {key(claim), *along}
    sent = [_counted(_outward(claim, known)), *(_outward(each, known) for each in along.values())]
    return {
        "resourceType": "Bundle",
        "meta": {"profile": [f"{PAS}/profile-pas-request-bundle"]},
        "identifier": {"system": IDENTIFIER, "value": number},
        "type": "collection",
        "timestamp": now.isoformat(timespec="milliseconds"),
        "entry": [{"fullUrl": f"{base}/{key(each)}", "resource": each} for each in sent],
    }


def _counted(claim: Json) -> Json:
    """The Claim with a unit on every quantity, as the guide wants it (prof-2): a bare number counts units."""
    lines = []
    for each in items(claim, "item"):
        quantity = item(each, "quantity")
        bare = quantity and not quantity.get("unit") and not quantity.get("code")
        lines.append(each | {"quantity": quantity | {"unit": "unit"}} if bare else each)
    return claim | ({"item": lines} if lines else {})


def _outward(resource: Json, known: set[str]) -> Json:
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


