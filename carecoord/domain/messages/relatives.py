"""Which relatives of a patient may be written to about a referral: those whom the patient lets know, by a Consent that
is in force. Whatever of it can not be decided here permits nobody. Pure.

Clause: FHIR R4 consent.html (provision.type permit, with the relative as an actor; a nested provision is an exception).
"""

from collections.abc import Iterable, Iterator

from carecoord.domain.resource.elements import Json, item, items, target, text
from carecoord.domain.resource.present import Present

_PLAIN = frozenset({"type", "actor", "period", "provision"})  # of a provision: what else narrows it is not read here


def permitted(consents: Iterable[Json], present: Present) -> frozenset[str]:
    """The relatives (`RelatedPerson/id`) who may know of the patient's visits. One whom any Consent in force denies
    anything is not among them: what exactly they may not know is for a person to say."""
    standing = [each for each in consents if text(each, "status") == "active" and _holds(each, present)]
    rules = [item(each, "provision") for each in standing]
    allowed = {
        who for rule in rules if text(rule, "type") == "permit" and rule.keys() <= _PLAIN for who in _actors(rule)
    }
    denied = {who for rule in rules for each in _every(rule) if text(each, "type") == "deny" for who in _actors(each)}
    return frozenset(who for who in allowed - denied if who.startswith("RelatedPerson/"))


def _holds(consent: Json, present: Present) -> bool:
    return present.holds(item(consent, "provision"))


def _every(rule: Json) -> Iterator[Json]:
    yield rule
    for inner in items(rule, "provision"):
        yield from _every(inner)


def _actors(rule: Json) -> list[str]:
    return [target(item(each, "reference")) for each in items(rule, "actor")]
