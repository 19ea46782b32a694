"""The payer's rule about each line of a request, as whoever decides it goes by it: found as the gate of a case finds
it, among the rules that stand now."""

from collections.abc import Mapping
from datetime import date, tzinfo

from carecoord.actions.clearance.library import Library
from carecoord.domain.clearance.clearance import Clearance
from carecoord.domain.prior_auth import question
from carecoord.domain.prior_auth.desk import guides
from carecoord.domain.prior_auth.desk.guides import Guide
from carecoord.domain.prior_auth.question import Question
from carecoord.domain.prior_auth.requirements import requirement
from carecoord.domain.prior_auth.ruling import NETWORK
from carecoord.domain.resource.days import days
from carecoord.domain.resource.elements import Json, item, items, text, whole


def by_line(library: Library, claim: Json, judged: Clearance) -> Mapping[int, Guide]:
    """The rule about each line that has one, by its sequence. judged: the case as the payer was told of it."""
    card, found = judged.card, dict[int, Guide]()
    if card is None or card.payer is None:
        return found
    payers = [each for each in card.payer.keys if "|" in each]
    plans = [card.plan] if card.plan else None
    zone, now = judged.facts.policy.zone, judged.now
    for line in items(claim, "item"):
        known = question.of_line(line, judged.facts.known)
        rules = library.rules(payers, plans, [code for _, code in known.codes], known.providers)
        network, day = NETWORK[judged.participation.result], _day(line, zone) or now.astimezone(zone).date()
        asked = Question(known=known, payer=card.payer, plan=card.plan, network=network, day=day,
                         businesses=card.businesses)  # fmt: skip
        need = requirement(asked, rules)
        proof = next(iter(need.evidence), None)
        if proof is None or need.needed is None:
            continue
        title = next((rule.title for rule in rules if rule.evidence == proof), "")
        book = next(iter(library.fetch([proof.reference])), {})
        found[whole(line, "sequence") or 1] = guides.guide(title, proof, need.papers, book)
    return found


def _day(line: Json, zone: tzinfo) -> date | None:
    """The first day for which a line is asked."""
    day = text(line, "servicedDate")
    return days(item(line, "servicedPeriod") or ({"start": day} if day else {}), zone).start
