"""What the rows of a table may name: organizations, networks, sites, clinicians and plans, by their number or name. It
grows with the rows, so that a row may name what one above it brought."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Final

from carecoord.domain.imports.cells import Faulty, Kind, check_digit
from carecoord.domain.resource.codes import EXTENSION, has
from carecoord.domain.resource.elements import Json, extension, identifiers, item, items, key, source, target, text
from carecoord.domain.resource.parties import is_payer, name
from carecoord.fhir.search.collation import fold
from carecoord.words.sentence import sentence

TYPES: Final[dict[Kind, str]] = {
    "organization": "Organization", "payer": "Organization", "network": "Organization", "site": "Location",
    "clinician": "Practitioner", "plan": "InsurancePlan",
}  # fmt: skip
DIRECTORY: Final = ("OrganizationAffiliation", "PractitionerRole")  # says who is where, and takes part in what
NETWORK: Final = ("http://hl7.org/fhir/us/davinci-pdex-plan-net/CodeSystem/OrgTypeCS", "ntwk")


class Known:
    """Resources by `Type/id`, identifier and name. hidden: agreement numbers that are in use where the asker may not
    look."""

    def __init__(self, resources: Iterable[Json] = ()) -> None:
        self._held: dict[str, Json] = {}
        self._named: dict[tuple[str, str], list[str]] = {}
        self._listed: dict[str, dict[str, None]] = {}
        self._before: list[tuple[str, Json | None]] = []
        self.hidden: set[str] = set()
        for each in resources:
            self.add(each)

    def add(self, resource: Json) -> None:
        """Take in a resource, in the place of the one of its id."""
        here, type = key(resource), text(resource, "resourceType")
        self._before.append((here, self._held.get(here)))
        self._held[here] = resource
        for named in self._names(resource):
            listed = self._named.setdefault((type, named), [])
            if here not in listed:
                listed.append(here)
        if type in DIRECTORY:
            by = item(extension(resource, f"{EXTENSION}/governing-contract"), "valueReference")
            for each in (by, item(resource, "participatingOrganization"), item(resource, "practitioner")):
                if to := target(each):
                    self._listed.setdefault(to, {})[here] = None

    def mark(self) -> int:
        """Where `back` returns to."""
        return len(self._before)

    def back(self, mark: int) -> None:
        """Forget what was taken in since the mark."""
        while len(self._before) > mark:
            here, before = self._before.pop()
            if before is None:
                del self._held[here]
            else:
                self._held[here] = before

    def get(self, reference: str) -> Json | None:
        """The resource of `Type/id`."""
        return self._held.get(reference)

    def every(self, type: str) -> Iterator[Json]:
        """All of a type."""
        return (each for each in self._held.values() if each.get("resourceType") == type)

    def named(self, type: str, written: str) -> list[Json]:
        """All of a type with this number, name or id."""
        return [self._held[each] for each in self._named.get((type, fold(written)), ()) if each in self._held]

    def listed(self, reference: str) -> list[Json]:
        """The rows of the directory about an organization or a clinician, or under a version of an agreement."""
        return [self._held[each] for each in self._listed.get(reference, ()) if each in self._held]

    def identified(self, type: str, system: str, value: str) -> Json | None:
        """Our own resource with an identifier; what came from an EHR stays the EHR's."""
        wanted = next(iter(identifiers({"identifier": [{"system": system, "value": value}]})), "")
        found = self.named(type, value)
        return next((each for each in found if wanted in identifiers(each) and not source(each)), None)

    def called(self, kind: Kind, written: str) -> list[Json]:
        """Everything of a kind that has this number or name, each party once: of copies that share an identifier our
        own."""
        listed = self.named(TYPES[kind], written)
        fitting = sorted((each for each in listed if _fits(kind, each)), key=lambda each: bool(source(each)))
        kept: list[Json] = []
        seen: set[str] = set()
        for each in fitting:
            ids = identifiers(each)
            if seen.isdisjoint(ids):
                kept.append(each)
            seen |= ids
        return kept

    def reference(self, kind: Kind, written: str) -> str:
        """`Type/id` of what a cell names. Raises Faulty where nobody has this number or name, or several have."""
        written = written.removesuffix(".0") if written.replace(".", "").isdigit() else written
        found = self.called(kind, written)
        if len(found) == 1:
            return key(found[0])
        if found:
            raise Faulty(sentence("import.several", text=written, n=len(found)))
        if written.isdigit() and len(written) == 10 and not check_digit(written):
            raise Faulty(sentence("import.npi.digit", text=written))
        names = {fold(name(each)): name(each) for each in self.every(TYPES[kind]) if _fits(kind, each)}
        near = get_close_matches(fold(written), names, 1, 0.8)
        if near:
            raise Faulty(sentence("import.unknown.near", text=written, near=names[near[0]]))
        raise Faulty(sentence("import.unknown", text=written))

    @staticmethod
    def _names(resource: Json) -> set[str]:
        values = {text(each, "value") for each in items(resource, "identifier")}
        return {fold(each) for each in (*values, name(resource), text(resource, "id")) if each}


def is_network(organization: Json) -> bool:
    """Whether an Organization is a network of a payer (Plan-Net `ntwk`)."""
    return any(has(kind, *NETWORK) for kind in items(organization, "type"))


def _fits(kind: Kind, resource: Json) -> bool:
    if resource.get("active") is False:
        return False
    if kind == "network":
        return is_network(resource)
    if kind == "payer":
        return is_payer(resource) and not is_network(resource)
    return not is_network(resource)
