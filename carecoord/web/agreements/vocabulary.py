"""What the desk calls the parts of an agreement: how a version stands, kinds of amendment, elements and terms."""

from collections.abc import Mapping
from typing import Final

from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

STATUS: Final[Mapping[str, str]] = Glossary(
    {
        "policy": sentence("agreements.status.policy"),
        "negotiable": sentence("agreements.status.negotiable"),
        "offered": sentence("agreements.status.offered"),
        "executable": sentence("agreements.status.executable"),
        "executed": sentence("agreements.status.executed"),
        "renewed": sentence("agreements.status.renewed"),
        "amended": sentence("agreements.status.amended"),
        "appended": sentence("agreements.status.appended"),
        "disputed": sentence("agreements.status.disputed"),
        "terminated": sentence("agreements.status.terminated"),
        "cancelled": sentence("agreements.status.cancelled"),
        "rejected": sentence("agreements.status.rejected"),
        "revoked": sentence("agreements.status.revoked"),
        "resolved": sentence("agreements.status.resolved"),
        "entered-in-error": sentence("agreements.status.entered-in-error"),
    }
)
AMENDMENTS: Final[Mapping[str, str]] = Glossary(
    {
        "restate": sentence("agreements.amendments.restate"),
        "modify": sentence("agreements.amendments.modify"),
        "rate-only": sentence("agreements.amendments.rate-only"),
        "term": sentence("agreements.amendments.term"),
    }
)
ELEMENTS: Final[Mapping[str, str]] = Glossary(
    {
        "status": sentence("agreements.elements.status"),
        "title": sentence("agreements.elements.title"),
        "kind": sentence("agreements.elements.kind"),
        "starts": sentence("agreements.elements.starts"),
        "ends": sentence("agreements.elements.ends"),
        "amendment-type": sentence("agreements.elements.amendment-type"),
        "evergreen": sentence("agreements.elements.evergreen"),
        "effective-from": sentence("agreements.elements.effective-from"),
        "notice-given": sentence("agreements.elements.notice-given"),
        "notice-days": sentence("agreements.elements.notice-days"),
        "renewal-months": sentence("agreements.elements.renewal-months"),
        "limit": sentence("agreements.elements.limit"),
        "parties": sentence("agreements.elements.parties"),
    }
)
TERMS: Final[Mapping[str, str]] = Glossary(
    {
        "participation": sentence("agreements.terms.participation"),
        "product-line": sentence("agreements.terms.product-line"),
        "rate-schedule": sentence("agreements.terms.rate-schedule"),
        "obligation": sentence("agreements.terms.obligation"),
        "notice": sentence("agreements.terms.notice"),
        "renewal": sentence("agreements.terms.renewal"),
        "termination": sentence("agreements.terms.termination"),
        "insurance": sentence("agreements.terms.insurance"),
        "confidentiality-baa": sentence("agreements.terms.confidentiality-baa"),
        "credentialing": sentence("agreements.terms.credentialing"),
        "indemnity": sentence("agreements.terms.indemnity"),
        "liability-cap": sentence("agreements.terms.liability-cap"),
        "audit": sentence("agreements.terms.audit"),
        "assignment": sentence("agreements.terms.assignment"),
        "exclusivity": sentence("agreements.terms.exclusivity"),
        "delegation": sentence("agreements.terms.delegation"),
        "participation-goal": sentence("agreements.terms.participation-goal"),
        "scope-of-work": sentence("agreements.terms.scope-of-work"),
        "budget": sentence("agreements.terms.budget"),
    }
)


def label(element: str) -> str:
    """What an element of a version is called."""
    kind, _, code = element.partition(":")
    return TERMS.get(code, code.replace("-", " ").capitalize()) if kind == "term" else ELEMENTS.get(element, element)
