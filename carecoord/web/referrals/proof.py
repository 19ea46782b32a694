"""Where what a gate says rests: resources, and the clause of an agreement, each to be opened by who may."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote, urlencode

from carecoord.actions.agreements.papers.clauses import Shown
from carecoord.domain.gates.gate import Evidence, Gate
from carecoord.web.agreements.clause_view import address, at
from carecoord.web.page import labels
from carecoord.words.catalogue import spoken


@dataclass(frozen=True)
class Proof:
    """Where a statement rests: what it is called, the resource, its version, the element that says it, and its
    page where the reader may open it."""

    called: str
    reference: str
    version: str
    element: str
    href: str


def clauses(gate: Gate, shown: Shown | None) -> Iterator[Proof]:
    """The clause on which the agreement gate stands, opened at its page by who may read the document."""
    if shown and gate.name == "agreement":
        yield Proof(at(shown.clause), shown.clause.document, "", "", address(shown.clause) if shown.whole else "")


def quoted(shown: Shown) -> str:
    """A clause with its words, where they may be read."""
    words = shown.clause.words if shown.whole else ""
    return spoken("clause.quoted", at=at(shown.clause), words=words) if words else at(shown.clause)


def proof(evidence: Evidence, openable: frozenset[str]) -> Proof:
    """What a statement rests on."""
    version, kind = evidence.version or "", evidence.reference.partition("/")[0]
    asked = {name: said for name, said in (("version", version), ("element", evidence.element)) if said}
    said = spoken("case.version.3", version=version) if version else ""
    where = record(evidence.reference, openable, asked)
    return Proof(labels.RESOURCES.get(kind, kind), evidence.reference, said, evidence.element, where)


def record(reference: str, openable: frozenset[str], asked: Mapping[str, str] = MappingProxyType({})) -> str:
    """The address of a resource that the reader may open; empty of another."""
    query = f"?{urlencode(asked)}" if asked else ""
    return f"/record/{quote(reference)}{query}" if reference in openable else ""
