"""Why a gate's clock runs out when it does: how long it is, by whose word, on whose calendar. It is said only where
that word gives the very instant at which the gate is due. Pure."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Final

from carecoord.domain.clearance.facts import Facts
from carecoord.domain.gates.gate import Gate, GateName
from carecoord.domain.gates.policy import Payer, Whose, at_site, by_priority
from carecoord.domain.policies.shipped import SHIPPED, TERMS
from carecoord.domain.policies.spans import Span, Unit
from carecoord.domain.resource.days import local
from carecoord.words.sentence import Sentence, Value, sentence

_CLOCKS: Final[Mapping[GateName, tuple[str, ...]]] = {  # of each gate its terms; a step's are told apart by priority
    "coverage": ("eligibility-reply", "settle"),
    "authorization": ("decision.expedited", "decision.standard", "peer-to-peer", "appeal", "submit"),
    "agreement": ("settle",),
    "information": ("settle",),
    "appointment": ("acknowledge", "triage", "reroute", "book", "send"),
    "loop": ("confirm", "report", "acknowledge-report", "tell-patient"),
}
_LENGTHS: Final[Mapping[Unit, Callable[[int], Sentence]]] = {
    "hour": lambda n: sentence("counted.hours", n=n),
    "day": lambda n: sentence("counted.days", n=n),
    "business-hour": lambda n: sentence("counted.business-hours", n=n),
    "business-day": lambda n: sentence("counted.business-days", n=n),
}


def counted(gate: Gate, known: Facts) -> Sentence | None:
    """How the clock of a gate was counted; None where no term of the policy gives it."""
    if gate.due is None or gate.since is None:
        return None
    for name, payer in _terms(gate.name, known):
        length = known.policy.span(name, gate.since, payer)
        if length and known.policy.after(gate.since, name, payer) == gate.due:
            return _said(name, length, gate.since, payer, known)
        if length and name.startswith("decision."):
            begun, more = known.policy.after(gate.since, name, payer), name.replace("decision", "extension")
            added = known.policy.span(more, begun, payer)
            if added and known.policy.after(begun, more, payer) == gate.due:
                first = _said(name, length, gate.since, payer, known)
                return sentence("counted.extended", first=first, then=_said(more, added, begun, payer, known))
    return None


def _terms(gate: GateName, known: Facts) -> Iterator[tuple[str, Payer | None]]:
    """The terms that may have given the clock, each with the payers by whose policy it may go."""
    insurers = dict.fromkeys((*(each.insurer for each in known.requests), *(card.insurer for card in known.cards)))
    for each in _CLOCKS[gate]:
        name = each if each in TERMS else by_priority(each, known.referral.priority)
        if TERMS[name].whose == "payer":
            yield from ((name, payer) for payer in insurers)
        else:
            yield name, None


def _shipped(name: str) -> Sentence:
    cited = TERMS[name].cited
    return sentence("counted.shipped", source=cited) if cited else sentence("counted.as-shipped")


def _said(name: str, length: Span, since: datetime, payer: Payer | None, known: Facts) -> Sentence:
    policy, on = known.policy, local(since, known.policy.zone)
    whose, value, begun = policy.source(name, on, payer)
    by: Value
    if whose == "shipped":
        by = _shipped(name) if value == SHIPPED[name] else sentence("counted.here")
    else:
        by = _by(_named(whose, payer, known), begun)
    told = _LENGTHS[length.unit](length.amount)
    if not length.of_business:
        return sentence("counted.by", length=told, by=by)
    keeper = policy.keeper(on, payer, at_site=at_site(name))
    if keeper == "shipped":
        return sentence("counted.on-shipped", length=told, by=by)
    return sentence("counted.on", length=told, calendar=_named(keeper, payer, known), by=by)


def _by(whose: Value, begun: date | None) -> Sentence:
    return sentence("counted.said-since", whose=whose, day=begun) if begun else sentence("counted.said", whose=whose)


def _named(whose: Whose, payer: Payer | None, known: Facts) -> Value:
    """Who it is whose word or calendar counts."""
    order = known.referral
    named = {
        "business": payer.party.name if payer and payer.party else "",
        "payer": payer.party.name if payer and payer.party else "",
        "site": order.site.name if order.site else "",
        "office": order.placer.name if order.placer else "",
    }
    return sentence("counted.everybody") if whose == "everybody" else named[whose]
