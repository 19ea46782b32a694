"""The full product of the tables of states (state, act, side, partner) by the forms of the desk: exactly the listed
moves succeed. By the tables that were written by hand for every other road (tests/api/test_every_move.py)."""

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from carecoord import app
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.actions.worklist import project
from carecoord.domain.referrals import stages
from carecoord.domain.referrals.states import written
from carecoord.fhir import text as fhir_text
from carecoord.fhir.search.params import key
from carecoord.settings import Settings
from carecoord.store.audit.events import Journal
from carecoord.store.database.engine import open_engine, reading, writing
from carecoord.store.resources import read
from carecoord.store.resources.write import Actor, Change, put_all
from carecoord.world import World
from tests.api.test_every_move import STAGES, STATUSES, following
from tests.conftest import BUSY
from tests.desk.conftest import PASSWORD, Clock, House
from tests.domain.referrals.test_states import TO, allowed

Json = dict[str, Any]
SIDES = {"requester": "clinic", "performer": "heart", "other": "third"}
WORDS = {"reason": "Said by a test", "note": "Said by a test", "who": "Petra", "day": "30 Nov", "time": "14:00"}

DAY = "2026-11-30"

# An act of the desk -> whose it is, and the verbs of the table that it stands for, of which the first that is listed is
# done; a verb with the side by whose word it is done. Where none is listed, the act is refused.
ACTS = {
    "send": ("requester", "requester:send"),
    "accept": ("performer", "performer:accept"),
    "decline": ("performer", "performer:decline"),
    "ask": ("performer", "performer:ask"),
    "advise": ("performer", "performer:advise"),
    "answer": ("requester", "requester:answer"),
    "hear-yes": ("requester", "performer:accept"),
    "hear-no": ("requester", "performer:decline"),
    "withdraw": ("requester", "requester:withdraw requester:ask-cancel"),
    "confirm-cancel": ("performer", "performer:confirm-cancel"),
    "refuse-cancel": ("performer", "performer:refuse-cancel"),
}
OVER = ("declined", "cancelled", "failed")  # the order can go out again, or be withdrawn by itself
GONE = (*OVER, "error")  # the clinic that was asked sees it no longer
# What is recorded of a visit or a report takes the Task along where it is the performer's, and the verb is listed.
ALONG = {"book": "schedule", "move": "reschedule", "cancel": "cancel-appointment", "arrive": "", "no-show": "no-show",
         "report": "report"}  # fmt: skip
NO_VISIT = ("draft", *OVER)  # nothing is recorded of what was not sent, or came to nothing
# Status of the visit -> the acts that are possible of it. What is over, or not yet booked, leaves room for another;
# what is only held or waited for can be called off, and is where another is booked (`book`: what becomes of this one).
VISITS = {
    **{status: {"book": "booked"} for status in STATUSES},
    **{status: {"book": "cancelled", "cancel": "cancelled"} for status in ("proposed", "pending", "waitlist")},
    "booked": {"move": "booked", "cancel": "cancelled", "arrive": "arrived", "no-show": "noshow"},
    "arrived": {"cancel": "cancelled"},
    "checked-in": {"cancel": "cancelled"},
}
# Who go by one table share its cells between them, (which, of how many): us and COW, BSeR and 360X; of what is recorded
# of visits and reports Gravity's table says the same as ours.
ANSWERS = {"base": (0, 2), "cow": (1, 2), "bser": (0, 2), "360x": (1, 2), "gravity": (0, 1)}
RECORDS = {"base": (0, 3), "cow": (1, 3), "gravity": (2, 3), "bser": (0, 2), "360x": (1, 2)}


@dataclass(frozen=True)
class Place:
    house: House
    people: dict[str, FlaskClient]
    csrf: dict[str, str]

    def send(self, side: str, case: str, act: str, **more: str) -> TestResponse:
        sent = {"csrf": self.csrf[side], "once": str(uuid4()), "back": f"/referrals/{case}", **WORDS, **more}
        return self.people[side].post(f"/referrals/{case}/{act}", data=sent)

    def post(self, side: str, case: str, act: str, **more: str) -> int:
        return self.send(side, case, act, **more).status_code

    def hire(self, who: str, role: str, office: str) -> None:
        """Somebody more who is signed in."""
        accounts.add_user(self.house.world, NewUser(who, who.title(), frozenset({role}), office), PASSWORD)
        self.enter(who)

    def enter(self, who: str) -> None:
        """Sign in, for the first time or anew."""
        self.people[who] = self.house.enter(who)
        page = self.people[who].get("/account").get_data(as_text=True)
        self.csrf[who] = re.findall(r'name="csrf" value="([^"]+)"', page)[0]

    def put(self, bodies: list[Json]) -> None:
        """Put away as an EHR's, which no table refuses."""
        changes, world = [Change(each["resourceType"], each["id"], each) for each in bodies], self.house.world
        actor = Actor("ehr:elm", None, None, "sync")
        with writing(world.engine) as conn:
            put_all(conn, changes, now=world.clock(), actor=actor, base=world.base, project=world.project)

    def referring(self, order: str) -> list[str]:
        """The ids of the Tasks of an order."""
        with reading(self.house.world.engine) as conn:
            return [row.id for row in read.referring(conn, key("Task", "focus"), "ServiceRequest", order)]

    def held(self, type: str, id: str) -> Json:
        with reading(self.house.world.engine) as conn:
            row = read.get(conn, type, id)
        assert row
        found: Json = fhir_text.loads(row.body)
        return found


@pytest.fixture(scope="module")
def place(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server that knows three houses, and a coordinator of each at the desk."""
    var = tmp_path_factory.mktemp("moves")
    shutil.copyfile(sqlite_template, var / "carecoord.db")
    yield from furnished(Settings(var=str(var), **BUSY))


def furnished(settings: Settings) -> Iterator[Place]:
    """The place on a migrated, empty database."""
    engine, rules = open_engine(settings.database), project.projector(project.policy(settings))
    journal = Journal(Path(settings.var) / "audit")
    world = World(engine, Clock(), lambda: str(uuid4()), requests.Session, settings, rules, journal)
    made = Place(House(world, app.wired(world)), {}, {})
    made.put([{"resourceType": "Organization", "id": id, "name": id} for id in SIDES.values()])
    for side, office in SIDES.items():
        made.hire(side, "coordinator", office)
    yield made
    engine.dispose()


def case_of(profile: str, stage: str, id: str, visit: str | None = None) -> list[Json]:
    """A referral whose Task stands in a stage, of a patient of its own, and its visit in a status."""
    order, patient = {"reference": f"ServiceRequest/{id}"}, {"reference": f"Patient/{id}"}
    asks, does = {"reference": "Organization/clinic"}, {"reference": "Organization/heart"}
    bare = {
        "resourceType": "Task", "id": id, "status": "draft", "intent": "order", "for": patient, "focus": order,
        "basedOn": [order], "meta": following(profile), "requester": asks, "owner": does,
        "authoredOn": "2026-11-20T10:00:00Z",
        "output": [{"type": {"text": "Consult note"}, "valueString": "Seen."}],
    }  # fmt: skip
    made: list[Json] = [
        {"resourceType": "Patient", "id": id, "name": [{"family": "Made", "given": ["Up"]}]},
        {"resourceType": "ServiceRequest", "id": id, "status": "active", "intent": "order", "subject": patient,
         "requester": asks, "performer": [does], "authoredOn": "2026-11-20T10:00:00Z", "code": {"text": "Consult"}},
        written(bare, stage, "Said by a test") | {"description": "as it was"},  # type: ignore[arg-type]
    ]  # fmt: skip
    if visit:
        made.append({
            "resourceType": "Appointment", "id": id, "status": visit, "basedOn": [order],
            "start": "2026-11-22T09:00:00Z", "end": "2026-11-22T09:30:00Z", "cancelationReason": {"text": "ill"},
            "participant": [{"actor": patient, "status": "accepted"}],
        })  # fmt: skip
    return made


def by_hand(profile: str, stage: str, act: str) -> tuple[int, str]:
    """What becomes of an act of whose it is: the answer, and the stage of the Task after it."""
    for each in ACTS[act][1].split():
        side, _, verb = each.partition(":")
        if verb in allowed(profile, stage, side):
            return 303, TO[verb]
    return (303, stage) if act == "withdraw" and stage in OVER else (409, stage)


def cells(share: tuple[int, int], acts: Iterable[str]) -> list[tuple[str, str]]:
    """(stage, act): a partner's share of all."""
    which, of = share
    found = [(n + m, stage, act) for n, stage in enumerate(STAGES) for m, act in enumerate(acts)]
    return [(stage, act) for n, stage, act in found if n % of == which]


@pytest.mark.parametrize("profile", ANSWERS)
def test_the_acts_of_the_desk_make_the_listed_moves_of_a_task_and_no_others(place: Place, profile: str) -> None:
    rows = [(stage, act, *by_hand(profile, stage, act)) for stage, act in cells(ANSWERS[profile], ACTS)]
    ids = {(stage, act): f"{profile}-{stage}-{act if ok == 303 else 'no'}" for stage, act, ok, _ in rows}
    stages_of = {ids[stage, act]: stage for stage, act, *_ in rows}
    place.put([each for id, stage in stages_of.items() for each in case_of(profile, stage, id)])
    wrong = []
    for stage, act, answer, to in rows:
        id, (whose, _) = ids[stage, act], ACTS[act]
        gone = 404 if stage in GONE else 0
        wanted = (
            [gone or 403, answer] if whose == "requester" else [403, gone or answer]
        )  # of the other side, and its own
        other = "performer" if whose == "requester" else "requester"
        got = [place.post(other, id, act), place.post(whose, id, act)]
        if got != wanted or stages.stage(place.held("Task", id)) != to:
            wrong.append((stage, act, got))
    assert wrong == [], wrong


# What is done with an order itself or the other clinics that it asks -> the stages of the Task in which it is possible.
WITHDRAWABLE = (
    "sent in-triage awaiting-information awaiting-authorization accepted contacting-patient waitlisted"
)  # at once
UNDER_WAY = "in-progress scheduled no-show appointment-cancelled visit-done"
SEVERAL = {
    ("replace", "base"): f"{WITHDRAWABLE} declined cancelled failed",
    ("replace", "gravity"): f"{WITHDRAWABLE} {UNDER_WAY} declined cancelled failed",
    ("replace", "bser"): "declined cancelled failed",  # nobody withdraws at once
    ("ask-another", "base"): "sent in-triage awaiting-information awaiting-authorization",
    ("release", "base"): "accepted contacting-patient waitlisted in-progress scheduled no-show appointment-cancelled"
    " visit-done cancel-requested advice-given report-received",
}
SEVERAL |= {("release", "bser"): SEVERAL["release", "base"]}
LET_GO = {"base": "cancelled", "cow": "cancelled", "bser": "cancel-requested", "360x": "cancel-requested"}  # the rival
# Us and COW by one table, BSeR and 360X by another: each has half of the stages.
PARTNERS = {"base": ("base", "cow"), "bser": ("bser", "360x"), "gravity": ("gravity", "gravity")}


def several(profile: str, stage: str, id: str, rival_too: bool) -> list[Json]:
    """A referral whose order names three clinics; rival_too: the second was asked before, and has not answered."""
    patient, order, task = case_of(profile, stage, id)
    heart, rival, third = ({"reference": f"Organization/{each}"} for each in ("heart", "rival", "third"))
    asked = written(case_of(profile, stage, id)[2], "sent") | {"id": f"{id}-rival", "owner": rival}
    asked["authoredOn"] = "2026-11-19T10:00:00Z"
    return [patient, order | {"performer": [heart, rival, third]}, task, *([asked] if rival_too else [])]


@pytest.mark.parametrize(("act", "table"), SEVERAL)
def test_an_order_is_put_right_and_other_clinics_are_asked_and_let_go_where_that_is_listed(
    place: Place, act: str, table: str
) -> None:
    rows = [(stage, PARTNERS[table][n % 2]) for n, stage in enumerate(STAGES)]
    ids = {stage: f"{act}-{table}-{stage}" for stage in STAGES}
    place.put([{"resourceType": "Organization", "id": "rival", "name": "rival"}])
    two = act == "release"
    place.put([each for stage, profile in rows for each in several(profile, stage, ids[stage], two)])
    wrong, more = [], {"why": "It got worse", "priority": "urgent", "to": "Organization/third"}
    for stage, profile in rows:
        id, listed = ids[stage], stage in SEVERAL[act, table].split()
        before = len(place.referring(id))
        got = place.post("requester", id, act, **more)
        rival = stages.stage(place.held("Task", f"{id}-rival")) if two else "sent"
        order = place.held("ServiceRequest", id)["status"]
        came = (stages.stage(place.held("Task", id)), order, rival, len(place.referring(id)) - before)
        ended = "cancelled" if stage in f"{WITHDRAWABLE} {UNDER_WAY}".split() else stage
        to = {
            "replace": (ended, "revoked", "sent", 0),
            "ask-another": (stage, "active", "sent", 1),
            "release": (stage, "active", LET_GO.get(profile), 0),
        }[act]
        if (got, came) != ((303, to) if listed else (409, (stage, "active", "sent", 0))):
            wrong.append((stage, profile, got, came))
    assert wrong == [], wrong
    assert place.post("performer", ids["cancel-requested"], act, **more) == 403


def taken_along(profile: str, stage: str, side: str, act: str) -> tuple[int, str]:
    """What becomes of a visit or a report that is recorded, and of the Task."""
    if side == "performer" and stage in GONE:
        return 404, stage
    if act in ("book", "report") and stage in NO_VISIT:
        return 409, stage
    listed = side == "performer" and ALONG[act] in allowed(profile, stage, side)
    return 303, TO[ALONG[act]] if listed else stage


@pytest.mark.parametrize(("profile", "side"), [*((each, "performer") for each in RECORDS), ("bser", "requester")])
def test_what_is_recorded_of_a_visit_takes_the_task_along_where_that_is_listed_and_nowhere_else(
    place: Place, profile: str, side: str
) -> None:
    rows = [(stage, act, f"{side}-{profile}-{stage}-{act}") for stage, act in cells(RECORDS[profile], ALONG)]
    booked = {id: "booked" if act not in ("book", "report") else None for _, act, id in rows}
    place.put([each for stage, _, id in rows for each in case_of(profile, stage, id, booked[id])])
    wrong = []
    for stage, act, id in rows:
        got = (place.post(side, id, act), stages.stage(place.held("Task", id)))
        if got != taken_along(profile, stage, side, act):
            wrong.append((stage, act, got))
    assert wrong == [], wrong


@pytest.mark.parametrize("side", ["requester", "performer"])
def test_the_acts_of_the_desk_make_the_listed_moves_of_a_visit_and_no_others(place: Place, side: str) -> None:
    acts = ("book", "move", "cancel", "arrive", "no-show")
    rows = [(status, act, f"{side}-{status}-{act}") for status in STATUSES for act in acts]
    place.put([each for status, _, id in rows for each in case_of("base", "accepted", id, status)])
    wrong = []
    for status, act, id in rows:
        to = VISITS[status].get(act)
        before = place.held("Appointment", id)
        got, after = place.post(side, id, act), place.held("Appointment", id)
        stays = (act, to) == ("book", "booked") or to is None
        changed = after != before if stays else after["status"] != to or (act == "move" and after["start"][:10] != DAY)
        if got != (303 if to else 409) or changed:
            wrong.append((status, act, got, after["status"]))
    assert wrong == [], wrong


def test_who_stands_on_neither_side_finds_nothing_to_act_on(place: Place) -> None:
    place.put(case_of("base", "sent", "theirs"))
    assert {place.post("other", "theirs", act) for act in (*ACTS, *ALONG)} == {404}
