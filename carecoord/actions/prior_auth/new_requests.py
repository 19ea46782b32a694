"""The orders of a patient for which a request for authorization may be begun from the list of requests: what is begun
is a draft that the whole team works on (`request_acts.begin`); nobody has been asked anything by it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from auth.grant import Grant
from carecoord.actions.access import withheld
from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.clearance import assemble
from carecoord.actions.referrals import patients
from carecoord.actions.referrals.patients import Hit
from carecoord.actions.worklist import project
from carecoord.domain.access import verbs
from carecoord.domain.clearance.clearance import Clearance, clear
from carecoord.domain.prior_auth.desk.row import life
from carecoord.domain.prior_auth.lifecycle import UNDECIDED
from carecoord.domain.prior_auth.requests import Request
from carecoord.domain.prior_auth.review_action import GRANTED
from carecoord.domain.referrals import offers
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import text
from carecoord.errors import Forbidden
from carecoord.store.worklist import rows as worklist_rows
from carecoord.words.sentence import sentence
from carecoord.world import World

_UNDER_WAY: Final = ("draft", *UNDECIDED)


@dataclass(frozen=True)
class Choice:
    """An order of a patient. id: of its case; performer: who is to carry it out; asked: the request for it that is
    under way or holds; may: whether one can be begun, as in the panel of its referral."""

    id: str
    service: str
    performer: str
    draft: bool
    judged: Clearance
    asked: Request | None
    may: bool


@dataclass(frozen=True)
class Orders:
    """A patient's open orders of the asker's office, at an instant."""

    now: datetime
    patient: Hit
    choices: Sequence[Choice]


def demand(grant: Grant) -> None:
    """Raise Forbidden for who begins no request."""
    if not verbs.may(grant.roles, "begin-request"):
        raise Forbidden(sentence("refusals.this-not-yours-do-on"), "http.act")


def orders(world: World, grant: Grant, request: str, patient: str) -> Orders:
    """The orders for which a request may be begun. Raises Forbidden, NotFound for a patient whom they may not see."""
    demand(grant)
    with looking(world, grant, request) as turn, noted(turn, "search", "ServiceRequest", query="new-request") as shown:
        hit = patients.one(turn, patient)
        shown.append(patient)
        ours = turn.office().organizations
        kept = () if patient in turn.cases_withheld() else worklist_rows.of_patient(turn.conn, patient).values()
        rows = sorted((each for each in kept if each["open"] and each["placer"] in ours), key=lambda each: each["id"])
        found = ((row, assemble.assemble(turn.conn, row["id"])) for row in rows)
        choices = [_choice(turn, row, withheld.without(turn, case, patient)) for row, case in found if case]
        return Orders(turn.now, hit, choices)


def _choice(turn: Turn, row: Mapping[str, Any], case: Case) -> Choice:
    judged = clear(case, turn.now, project.policy(turn.world.settings))
    sides = verbs.sides(row["placer"], row["performer"], turn.office().organizations)
    performer, draft = judged.facts.referral.performer, text(case.order, "status") == "draft"
    may = not draft and "begin-request" in offers.offered(case, judged, sides)
    named = performer.name if performer else ""
    return Choice(str(row["id"]), judged.facts.referral.service, named, draft, judged, _asked(judged), may)


def _asked(judged: Clearance) -> Request | None:
    """The request that is drafted, waits for its payer, or was granted and has not ended."""
    today = local(judged.now, judged.facts.policy.zone)
    mine = (each for each in judged.facts.requests if each.linked)
    return next((each for each in mine if life(each) in _UNDER_WAY or _holds(each, today)), None)


def _holds(request: Request, today: date) -> bool:
    ends = [each.days.end for each in request.lines if each.state in GRANTED]
    return any(end is None or end > today for end in ends)
