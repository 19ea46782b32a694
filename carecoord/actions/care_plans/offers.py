"""What there is to choose from when a care plan is acted on: templates, what of the patient's can be an activity,
people of the office, relatives, and what would end with a plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from carecoord.actions.access.turn import Turn
from carecoord.actions.acts.work import colleagues
from carecoord.actions.care_plans import acts, library
from carecoord.actions.patients import plans as patient_plans
from carecoord.actions.patients.reads import listed, seen
from carecoord.actions.worklist.worklist import seen_cases
from carecoord.domain.care_plans import templates
from carecoord.domain.referrals.case import order_named
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import item, target, text
from carecoord.store.worklist import case_ids

_VISITS: Final = 12
_AHEAD: Final = frozenset({"proposed", "pending", "waitlist", "booked"})


@dataclass(frozen=True, slots=True)
class EndingOffer:
    """What ends with a plan (its id). `counted`: the mark of it."""

    plan: str
    goals: int
    tasks: int
    counted: str


@dataclass(frozen=True, slots=True)
class Offers:
    """Each by its key. `references`: orders and visits that no plan has yet."""

    templates: Mapping[str, str]
    references: Mapping[str, str]
    owners: Mapping[str, str]
    members: Mapping[str, str]
    endings: Sequence[EndingOffer]


def offers(turn: Turn, patient: str) -> Offers:
    """All of it for one patient. Raises NotFound."""
    who, found = seen(turn, patient), patient_plans.plans(turn, patient)
    day = local(turn.now, turn.world.base.zone)
    taken = {target(item(part, "reference")) for one in found.standing for part in one.plan.get("activity") or []}
    return Offers(
        {text(each, "id"): templates.name(each) for each in library.offered(turn, day)},
        {name: said for name, said in _references(turn, patient).items() if name not in taken},
        {each.id: each.name for each in colleagues(turn.conn, turn.grant)},
        {id: text(each, "display") for id, each in acts.members(turn, who)},
        [_ending(turn, found, each) for each in found.standing],
    )  # fmt: skip


def _references(turn: Turn, patient: str) -> dict[str, str]:
    """The patient's open referrals and visits to come, as the asker sees them."""
    cases = seen_cases(turn)
    rows = [row for id in case_ids.of_patient(turn.conn, patient) if (row := cases.one(id)) and row.open]
    found = {"/".join(order_named(row.id)): f"{row.number}, {row.specialty}" for row in rows}
    visits = [each for each in listed(turn, "Appointment", patient, _VISITS).entries if text(each, "status") in _AHEAD]
    return found | {f"Appointment/{each['id']}": text(each, "start")[:16].replace("T", " ") for each in visits}


def _ending(turn: Turn, found: patient_plans.Plans, one: patient_plans.PlanStanding) -> EndingOffer:
    own, tasks = acts.hanging(turn, found, one.plan)
    return EndingOffer(text(one.plan, "id"), len(own), len(tasks), acts.counted(own, tasks))
