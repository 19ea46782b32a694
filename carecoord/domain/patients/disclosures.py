"""Which relative may know what, by the patient's Consents: of visits, of results, of costs. Whatever of a Consent can
not be decided here permits nothing and refuses all that it may speak of.

Clause: FHIR R4 consent.html (provision.type, actor, class; a nested provision is an exception to the one around it)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from carecoord.domain.resource.elements import Json, item, items, target, text
from carecoord.domain.resource.present import Present

Topic = Literal["visits", "results", "costs"]
TOPICS: Final[tuple[Topic, ...]] = get_args(Topic)
Word = Literal["may", "may-not", "unsaid"]
_TYPES: Final[dict[Topic, frozenset[str]]] = {
    "visits": frozenset({"Appointment", "Encounter", "ServiceRequest"}),
    "results": frozenset({"Observation", "DiagnosticReport", "Condition"}),
    "costs": frozenset({"Coverage", "Claim", "ExplanationOfBenefit"}),
}
_READ: Final = frozenset({"type", "actor", "period", "class", "provision"})  # what else narrows a rule is not read


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What one relative may know. `words`: by topic; `since`: the dateTime of the Consent that refuses, else of the one
    that permits, empty where nothing was said."""

    relative: str
    words: dict[Topic, Word]
    since: str = ""


def disclosure(relative: str, consents: Iterable[Json], present: Present) -> Disclosure:
    """What a relative (`RelatedPerson/id`) may know."""
    said: dict[Topic, Word] = dict.fromkeys(TOPICS, "unsaid")
    permits, refuses = "", ""
    for consent in consents:
        root = item(consent, "provision")
        if text(consent, "status") != "active" or not present.holds(root):
            continue
        for topic in TOPICS:
            if _refuses(root, relative, topic, present):
                said[topic], refuses = "may-not", refuses or text(consent, "dateTime")
            elif said[topic] == "unsaid" and _permits(root, relative, topic):
                said[topic], permits = "may", permits or text(consent, "dateTime")
    return Disclosure(relative, said, refuses or permits)


def _permits(root: Json, relative: str, topic: Topic) -> bool:
    plain = text(root, "type") == "permit" and root.keys() <= _READ and relative in _actors(root)
    classes = _classes(root)
    return plain and (not root.get("class") or (classes is not None and _TYPES[topic] <= classes))


def _refuses(root: Json, relative: str, topic: Topic, present: Present) -> bool:
    return any(
        text(rule, "type") == "deny" and present.holds(rule) and (not who or relative in who) and _touches(rule, topic)
        for rule, who in _rules(root, ())
    )


def _rules(rule: Json, around: Sequence[str]) -> Iterator[tuple[Json, Sequence[str]]]:
    """Every rule with those whom it speaks of: its own actors, else those of the rule around it."""
    who = _actors(rule) if rule.get("actor") else around
    yield rule, who
    for inner in items(rule, "provision"):
        yield from _rules(inner, who)


def _touches(rule: Json, topic: Topic) -> bool:
    classes = _classes(rule)
    return classes is None or bool(classes & _TYPES[topic])


def _classes(rule: Json) -> frozenset[str] | None:
    """The types that a rule speaks of; None for all, and for what can not be read."""
    if not rule.get("class"):
        return None
    named = items(rule, "class")
    plain = all(text(each, "system").endswith("://hl7.org/fhir/resource-types") for each in named)
    return frozenset(text(each, "code") for each in named) if plain else None


def _actors(rule: Json) -> list[str]:
    return [target(item(each, "reference")) for each in items(rule, "actor")]
