"""When a rule may approve by itself: what is asked is within it on every line, the clinic is in network, every paper
that it wants has come, and nothing of it needs a person: no appeal, no second request for the same, no answer yet. A
rule never denies, and never asks: what does not fit waits for somebody.

Clauses: CMS-0057-F; Da Vinci PAS 2.2.1 (ClaimResponseReviewer); prior-auth.md 6 ("approve only; denials need a
human")."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Final

from carecoord.domain.clearance import parts
from carecoord.domain.clearance.clearance import Clearance
from carecoord.domain.prior_auth.code_ranges import within
from carecoord.domain.prior_auth.decisions import CODE_END, parties, served, team
from carecoord.domain.prior_auth.desk.answers import Choice
from carecoord.domain.prior_auth.desk.guides import Guide
from carecoord.domain.prior_auth.units import amount
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.days import shifted
from carecoord.domain.resource.elements import Json, code_of, codes, extension, item, items, key, whole

IN_NETWORK: Final = "in-network"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the rules see it. agreement: how that with the clinic stands; fresh: it was sent, and nothing was
    said of it; again: the same service is asked for or granted already; documents: that came with it; fits: it names
    the card and the performers by whom agreement and rules were found (`is_of`)."""

    claim: Json
    agreement: str
    fresh: bool
    again: bool
    documents: tuple[Json, ...]
    fits: bool = True


def choices(
    asked: Asked, guides: Mapping[int, Guide], today: date, zone: tzinfo
) -> tuple[tuple[Choice, ...], Guide] | None:
    """What the rules approve, line by line, and the rule of the first line; None where a person has to decide."""
    lines = items(asked.claim, "item")
    if not lines or not asked.fresh or asked.again or not asked.fits or asked.agreement != IN_NETWORK:
        return None
    found = [_line(each, guides.get(whole(each, "sequence") or 1), asked.documents, today, zone) for each in lines]
    if any(each is None for each in found):
        return None
    return tuple(each for each in found if each), guides[whole(lines[0], "sequence") or 1]


def is_of(claim: Json, case: Case, judged: Clearance) -> bool:
    """Whether a request is under the card and for the performer of its case on every line: by these the agreement and
    the rules were found, and by no other."""
    known, card = judged.facts, judged.card
    request = next((each for each in known.requests if key(claim) == each.key), None)
    if card is None or request is None or card.key not in request.coverages:
        return False
    who, roles = parts.seen_by(known.referral), parts.roles(case.roles, known.parties)
    named = [parties(team(claim, each), known.parties, roles) for each in items(claim, "item")]
    return all(not each or any(one.same(other) for one in each for other in who) for each in named)


def services(claim: Json) -> frozenset[tuple[str, str]]:
    """Every service that a request asks for: its code, and the end of its range, empty for one code alone."""
    return frozenset(
        (code, code_of(item(extension(each, CODE_END), "valueCodeableConcept")))
        for each in items(claim, "item") for _, code in codes(item(each, "productOrService"))
    )  # fmt: skip


def meet(asked: Iterable[tuple[str, str]], other: Iterable[tuple[str, str]]) -> bool:
    """Whether one of these services is one of those."""
    held = list(other)
    return any(within(low, *each) or within(each[0], low, high) for low, high in asked for each in held)


def _within(quantity: Json, units: int) -> bool:
    """Whether a line asks for no more than so many; without a quantity it asks for one. Only visits and units are
    counted so: ten months, or more than five, are for a person to weigh."""
    if not quantity:
        return units >= 1
    asked = amount(quantity)
    if asked is None or not (asked.kind == "visits" or asked.noun == "unit"):
        return False
    return 0 < asked.count <= units


def _line(
    line: Json, guide: Guide | None, documents: Iterable[Json], today: date, zone: tzinfo
) -> Choice | None:  # fmt: skip
    rule = guide.automatic if guide else None
    if guide is None or rule is None:
        return None
    if rule.units is not None and not _within(item(line, "quantity"), rule.units):
        return None
    came = [codes(item(each, "type")) for each in documents]
    if any(not any(codes(paper) & have for have in came) for paper in guide.papers):
        return None
    if extension(line, CODE_END):
        return None  # one rule speaks of one service, and of none says how much of a range it would be
    span = served(line, zone)
    if span.last and span.last < today:
        return None  # done already: somebody looks back
    first = max(span.start, today) if span.start else today
    last = span.last if span.last and span.last > first else shifted(first, rule.days)
    return Choice(whole(line, "sequence") or 1, "approve", first=first, last=last)
