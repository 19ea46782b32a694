"""A PAS request Bundle as it came, read and judged before anything is looked up. Pure.

Clauses: Da Vinci PAS 2.2.1, specification.html (spec-11 to spec-25: the Claim first, a collection, every reference of
the Claim inside, each resource once; prof-1 to prof-3: timings and quantities); FHIR R4 bundle.html#references."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from carecoord.domain.prior_auth.pas.guide import MODIFIERS, UNITS
from carecoord.domain.resource.elements import Json, identifier, item, items, text
from carecoord.errors import Invalid, Issue, Unprocessable

_RESTFUL: Final = re.compile(r"(https?://.+/)([A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64})(?:/_history/.+)?")
_URN: Final = re.compile(r"urn:(?:uuid|oid):\S+")
_RELATIVE: Final = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}(?:/_history/.+)?")
_TIMINGS: Final = ("calendarPattern", "deliveryPattern")


@dataclass(frozen=True)
class Sent:
    """A request Bundle. resources: by fullUrl, in their order, the Claim first. identifier: `system|value` of the
    Bundle, empty where it has none. warnings: what is wrong in it and hinders nobody."""

    bundle: Json
    resources: Mapping[str, Json]
    identifier: str
    warnings: tuple[Issue, ...]

    @property
    def url(self) -> str:
        """The fullUrl of the Claim."""
        return next(iter(self.resources))

    @property
    def claim(self) -> Json:
        """The Claim that is asked with."""
        return self.resources[self.url]

    def meant(self, reference: str, by: str) -> str:
        """The fullUrl of the entry that a reference within the resource of fullUrl `by` means; empty for none."""
        return _meant(self.resources, reference, by)

    def named(self, reference: Json) -> Json:
        """The resource that a Reference of the Claim means, empty for none."""
        return self.resources.get(self.meant(text(reference, "reference"), self.url), {})


def read(bundle: Json, for_what: str) -> Sent:
    """The Bundle of a request. for_what: the operation, for the words. Raises Invalid (400), Unprocessable (422)."""
    if bundle.get("resourceType") != "Bundle":
        raise Invalid(f"{for_what} takes a Bundle.", "resourceType")
    if bundle.get("type") != "collection":
        raise Invalid(f"Bundle.type must be collection, not {str(bundle.get('type'))[:40]!r}.", "Bundle.type")
    resources = _resources(bundle)
    claim = next(iter(resources.values()))
    if claim.get("resourceType") != "Claim":
        raise Invalid("The first entry must be the Claim.", "Bundle.entry[0].resource")
    _demand_request(claim)
    issues = [*_doubts(resources), *_modified(resources)]
    if wrong := [each for each in issues if each.severity == "error"]:
        raise Unprocessable(wrong[0].text, wrong[0].where, issues=wrong)
    return Sent(bundle, resources, identifier(item(bundle, "identifier")), tuple(issues))


def _resources(bundle: Json) -> dict[str, Json]:
    entries = bundle.get("entry")
    if not isinstance(entries, list) or not entries:
        raise Invalid("The Bundle has no entry: the first must be the Claim.", "Bundle.entry")
    found: dict[str, Json] = {}
    seen: set[str] = set()
    for n, entry in enumerate(entries):
        where = f"Bundle.entry[{n}]"
        resource = entry.get("resource") if isinstance(entry, dict) else None
        url = entry.get("fullUrl") if isinstance(entry, dict) else None
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            raise Invalid("An entry holds a resource.", f"{where}.resource")
        if not isinstance(url, str) or not (_RESTFUL.fullmatch(url) or _URN.fullmatch(url)):
            raise Invalid("fullUrl must be an absolute REST address or urn:uuid.", f"{where}.fullUrl")
        name = f"{resource['resourceType']}/{resource['id']}" if isinstance(resource.get("id"), str) else url
        if url in found or name in seen:
            raise Invalid(f"{name[:200]} stands twice in the Bundle: each resource once.", f"{where}.fullUrl")
        seen.add(name)
        found[url] = resource
    return found


def _demand_request(claim: Json) -> None:
    if text(claim, "use") != "preauthorization":
        raise Unprocessable("Claim.use must be preauthorization.", "Bundle.entry[0].resource.use")
    if text(claim, "status") != "active":
        raise Unprocessable("Claim.status must be active.", "Bundle.entry[0].resource.status")
    for name in ("supportingInfo", "item"):
        given = [each.get("sequence") for each in items(claim, name)]
        if len(set(map(str, given))) != len(given):
            raise Unprocessable(f"Two of Claim.{name} have one sequence.", f"Bundle.entry[0].resource.{name}.sequence")
    for name in ("patient", "insurer", "provider"):
        if not item(claim, name):
            raise Unprocessable(f"Claim.{name} is missing.", f"Bundle.entry[0].resource.{name}")


def references(value: Any) -> Iterator[str]:
    """Every literal reference in a resource, those to what it contains left out."""
    if isinstance(value, dict):
        for name, each in value.items():
            if name == "reference" and isinstance(each, str):
                if not each.startswith("#"):
                    yield each
            else:
                yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def reachable(resources: Mapping[str, Json], start: Iterable[str], besides: Iterable[str] = ()) -> list[str]:
    """The fullUrls of what is reached from these, themselves first, in the order of the Bundle; nothing is followed
    through `besides`."""
    seen, left, closed = set[str](), list(start), set(besides)
    while left:
        url = left.pop()
        if url in seen or url in closed or url not in resources:
            continue
        seen.add(url)
        left += [to for each in references(resources[url]) if (to := _meant(resources, each, url))]
    return [url for url in resources if url in seen]


def based(reference: str, by: str) -> str:
    """A reference within the resource of a fullUrl as an absolute address; as it is where nothing says its base."""
    root = _RESTFUL.fullmatch(by)
    return root[1] + reference if root and _RELATIVE.fullmatch(reference) else reference


def _meant(resources: Mapping[str, Json], reference: str, by: str) -> str:
    whole = based(reference, by).partition("/_history/")[0]
    if whole in resources:
        return whole
    if not _RELATIVE.fullmatch(reference):
        return ""
    kind, _, id = reference.partition("/_history/")[0].partition("/")
    same = (u for u, each in resources.items() if each.get("resourceType") == kind and each.get("id") == id)
    return next(same, "")


def _doubts(resources: Mapping[str, Json]) -> Iterator[Issue]:
    """What is missing or idle: of the Claim itself every reference must lead to an entry; of the others the published
    examples themselves leave some out, so that is told and hinders nobody."""
    claim = next(iter(resources))
    for n, (url, resource) in enumerate(resources.items()):
        for each in dict.fromkeys(references(resource)):
            if not _meant(resources, each, url):
                words = f"{each[:200]} is referred to and is not in the Bundle."
                yield Issue("error" if url == claim else "warning", "not-found", words, f"Bundle.entry[{n}].resource")
    reached = set(reachable(resources, [claim]))
    for n, url in enumerate(resources):
        if url not in reached:
            yield Issue("warning", "informational", "Nothing leads from the Claim to this.", f"Bundle.entry[{n}]")


def _modified(resources: Mapping[str, Json]) -> Iterator[Issue]:
    for n, resource in enumerate(resources.values()):
        where = f"Bundle.entry[{n}].resource"
        for name, each in _elements(resource):
            if name == "modifierExtension" and each.get("url") not in MODIFIERS:
                words = f"The modifier extension {str(each.get('url'))[:200]} is not understood here."
                yield Issue("error", "extension", words, f"{where}.modifierExtension")
            if name in ("quantity", "quantityQuantity"):
                yield from _quantity(each, where, _severity(n))
            if name in ("occurrenceTiming", "timingTiming") and not _is_timed(each):
                words = "A timing has a count, a frequency with its period, or a calendar or delivery pattern."
                yield Issue(_severity(n), "incomplete", words, where)


def _severity(n: int) -> str:
    """Of what breaks a rule in entry n: the Claim is what is decided on; the guide's own examples break the rules in
    what comes with it."""
    return "warning" if n else "error"


def _quantity(quantity: Json, where: str, severity: str) -> Iterator[Issue]:
    if "value" not in quantity or not (quantity.get("unit") or quantity.get("code")):
        yield Issue(severity, "incomplete", "A quantity has a value, and a unit or a code.", where)
    if quantity.get("code") and quantity.get("system") != UNITS:
        yield Issue(severity, "code-invalid", f"The code of a quantity is one of {UNITS}.", where)


def _is_timed(timing: Json) -> bool:
    repeat = item(timing, "repeat")
    if "count" in repeat or all(name in repeat for name in ("frequency", "period", "periodUnit")):
        return True
    marks = [str(each.get("url")) for each in (*items(timing, "extension"), *items(repeat, "extension"))]
    return any(url.endswith(name) for url in marks for name in _TIMINGS)


def _elements(value: Json) -> Iterator[tuple[str, Json]]:
    """Every object within a resource, with its name."""
    for name, each in value.items():
        for part in each if isinstance(each, list) else [each]:
            if isinstance(part, dict):
                yield name, part
                yield from _elements(part)


def is_cancelled(line: Json) -> bool:
    """Whether a line of an update is taken back."""
    marks = items(line, "modifierExtension")
    return any(each.get("url") in MODIFIERS and each.get("valueBoolean") is True for each in marks)


def lost(before: Json, after: Json) -> Sequence[str]:
    """The lines and papers of the request before that an update leaves out: it has to carry all that were ever
    sent, under their sequences (spec-68)."""
    found = []
    for name in ("item", "supportingInfo"):
        kept = {each.get("sequence") for each in items(after, name)}
        found += [f"{name} {each.get('sequence')}" for each in items(before, name) if each.get("sequence") not in kept]
    return found
