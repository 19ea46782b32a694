"""What leaves the desk on paper: the packet of a request, and the evidence of a payer's missed clock, each instant with
where it stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from carecoord.actions.prior_auth.requests import Dossier
from carecoord.domain.gates.policy import Whose
from carecoord.domain.prior_auth import lifecycle
from carecoord.domain.resource.days import local, moment
from carecoord.domain.resource.elements import Json, item, items, key, text
from carecoord.fhir.instants import micros
from carecoord.fhir.instants import moment as instant
from carecoord.web.page.times import Times, span
from carecoord.web.policies.vocabulary import shown
from carecoord.words.catalogue import say, spoken


@dataclass(frozen=True)
class Instant:
    """Something that happened, exactly when, and the resource and element that say so."""

    at: str
    what: str
    source: str
    order: int


@dataclass(frozen=True)
class Evidence:
    """The evidence of a payer's clock. clock: its length as the policy says it, and whose word that is; over: by how
    much it was missed, empty where it was not; runs: whether it is neither over nor answered."""

    received: str
    due: str
    answered: str
    clock: str
    whose: str
    over: str
    runs: bool
    instants: Sequence[Instant]


def evidence(found: Dossier, times: Times) -> Evidence:
    """Each instant of the newest request, in order; what is answered after the clock, or not at all, is over it."""
    row, claim = found.row, found.claim
    answers = found.answers[key(claim)]
    decided = next((each for each in answers if lifecycle.tells(each) not in ("pend", "acknowledge", "contact")), None)
    at = moment(text(decided, "created"), times.zone) if decided else None
    due = _due(found)
    end = at or found.now
    return Evidence(
        times.exact(row.received) if row.received else "", times.exact(micros(due)) if due else "",
        times.exact(micros(at)) if at else "", *_clock(found, times),
        span(end - due) if due and end > due else "", at is None and due is not None and end <= due,
        _instants(found, answers, times),
    )  # fmt: skip


def _due(found: Dossier) -> datetime | None:
    """When the payer had to have decided: also of what it has decided since."""
    return found.request.due if found.request else instant(found.row.due) if found.row.due else None


def _clock(found: Dossier, times: Times) -> tuple[str, str]:
    name = f"decision.{'expedited' if found.row.expedited else 'standard'}"
    payer = found.request.insurer if found.request else None
    came = instant(found.row.received) if found.row.received else found.now
    whose, said, since = found.judged.facts.policy.source(name, local(came, times.zone), payer)
    return shown(name, said), " ".join(filter(None, (_whose(whose), say(since) if since else "")))


def _whose(whose: Whose) -> str:
    return spoken("requests.proof.shipped") if whose == "shipped" else spoken("requests.proof.policy")


def _instants(found: Dossier, answers: Sequence[Json], times: Times) -> list[Instant]:
    claim = found.claim
    mark = lifecycle.received(claim)
    ours = "Claim.extension(received)" if mark != text(claim, "created") else "Claim.created"
    made = [(mark, spoken("requests.proof.received"), f"{key(claim)}, {ours}")]
    for each in answers:
        what = spoken("requests.proof.answered")
        made.append((text(each, "created"), what, f"{key(each)}, ClaimResponse.created"))
        came = text(item(each, "meta"), "lastUpdated")
        made.append((came, spoken("requests.proof.heard"), f"{key(each)}, meta.lastUpdated"))
    for each in found.wishes:
        made.append((text(each, "authoredOn"), spoken("requests.proof.asked"), f"{key(each)}, Task.authoredOn"))
        if text(each, "status") == "completed":
            made.append((text(each, "lastModified"), spoken("requests.proof.given"), f"{key(each)}, Task.lastModified"))
    for each in found.talks:
        number = next((text(part, "value") for part in items(each, "identifier")), "")
        what = spoken("requests.proof.called", number=number) if number else spoken("requests.proof.called-bare")
        made.append((text(each, "sent"), what, f"{key(each)}, Communication.sent"))
    dated = [(at, what, source) for said, what, source in made if (at := moment(said, times.zone))]
    return [
        Instant(times.to_the_second(at), what, source, n)
        for n, (at, what, source) in enumerate(sorted(dated, key=lambda each: each[0]), 1)
    ]
