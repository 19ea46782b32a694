"""No sequence of events reaches a state outside the tables, or a case that no list of the desk shows."""

import shutil
import tempfile
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import requests
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from auth.grant import Grant
from auth.scopes import parse, resources
from carecoord.actions.fhir import interactions
from carecoord.actions.worklist import project as worklist_project
from carecoord.domain.referrals import stages
from carecoord.domain.referrals.states import written
from carecoord.errors import Conflict, Forbidden
from carecoord.fhir import text
from carecoord.settings import Settings
from carecoord.store.audit.events import Journal
from carecoord.store.database.engine import open_engine, reading, writing
from carecoord.store.resources.write import Actor, Change, put_all
from carecoord.store.worklist.query import CaseScope, Worklist, WorklistQuery
from carecoord.store.worklist.tabs import DueBounds, tabs_named
from carecoord.world import World
from tests.api.conftest import Clock
from tests.conftest import BUSY
from tests.domain.referrals.test_states import BASE, TO, allowed
from tests.domain.scheduling.test_states import BY_HAND as VISITS

Json = dict[str, Any]
OUTPUT = [{"type": {"text": "Consult note"}, "valueString": "Seen."}]
SIDES = {"requester": "clinic", "performer": "heart"}
STAGES = tuple(stage for stage in BASE if stage != "new")


def ref(to: str) -> Json:
    return {"reference": to}


TASK = {
    "resourceType": "Task", "id": "t", "intent": "order", "focus": ref("ServiceRequest/s"), "for": ref("Patient/p"),
    "requester": ref("Organization/clinic"), "owner": ref("Organization/heart"),
}  # fmt: skip
ORDER = {
    "resourceType": "ServiceRequest", "id": "s", "status": "active", "intent": "order", "subject": ref("Patient/p"),
    "requester": ref("Organization/clinic"), "performer": [ref("Organization/heart")],
}  # fmt: skip
VISIT = {
    "resourceType": "Appointment", "id": "a", "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T09:30:00Z",
    "basedOn": [ref("ServiceRequest/s")], "participant": [{"actor": ref("Patient/p"), "status": "accepted"}],
}  # fmt: skip


def as_in(stage: str) -> Json:
    """The Task written down in a stage, with all that any verb needs."""
    return written(TASK | {"status": "draft"}, stage, "Said by a test") | {"output": OUTPUT}


class Events(RuleBasedStateMachine):
    """What the clinic, the heart group, a service and an EHR do to one referral, in any order."""

    template: ClassVar[Path]

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        shutil.copyfile(self.template, self.folder / "any.db")
        set_up = Settings(var=str(self.folder), database_url=f"sqlite:///{self.folder / 'any.db'}", **BUSY)
        project = worklist_project.projector(worklist_project.policy(set_up))
        engine, journal = open_engine(set_up.database), Journal(self.folder / "audit")
        self.world = World(engine, Clock(), lambda: str(uuid4()), requests.Session, set_up, project, journal)
        self.service = Grant("loader", scopes=resources(parse("system/*.cruds")))
        for id in ("clinic", "heart"):
            self.put(self.service, {"resourceType": "Organization", "id": id, "name": id})
        self.put(
            self.service, {"resourceType": "Patient", "id": "p", "managingOrganization": ref("Organization/clinic")}
        )
        self.put(self.service, ORDER)
        self.stage, self.visit = "new", "new"

    def person(self, side: str) -> Grant:
        roles = frozenset({"coordinator"})
        return Grant(side, scopes=resources(parse("user/*.cruds")), roles=roles, organization=SIDES[side])

    def put(self, who: Grant, resource: Json) -> str:
        """`ok`, or the kind of refusal."""
        try:
            interactions.update(self.world, who, resource["resourceType"], resource["id"], resource)
        except Conflict:
            return "conflict"
        except Forbidden:
            return "forbidden"
        return "ok"

    def legal(self, side: str, stage: str) -> str:
        """By the tables that were written by hand: what becomes of a side's wish for a stage."""
        theirs = {TO.get(verb, self.stage) for verb in allowed("base", self.stage, side)} | (
            {self.stage} if self.stage != "new" else set()
        )
        anybodys = {TO.get(verb, self.stage) for verb in allowed("base", self.stage, "either")}
        return "ok" if stage in theirs else "forbidden" if stage in anybodys else "conflict"

    @rule(side=st.sampled_from(["requester", "performer"]), stage=st.sampled_from(STAGES))
    def move(self, side: str, stage: str) -> None:
        told = self.put(self.person(side), as_in(stage))
        assert told == self.legal(side, stage), (self.stage, side, stage)
        if told == "ok":
            self.stage = stage

    @rule(stage=st.sampled_from(STAGES))
    def serve(self, stage: str) -> None:
        """A service records what happened elsewhere once; then the table holds for it too."""
        told = self.put(self.service, as_in(stage))
        assert told == ("ok" if self.stage == "new" else self.legal("either", stage)), (self.stage, stage)
        if told == "ok":
            self.stage = stage

    @rule(stage=st.sampled_from(STAGES))
    def sync(self, stage: str) -> None:
        """An EHR is never refused."""
        actor = Actor("ehr:elm", None, None, "sync")
        with writing(self.world.engine) as conn:
            now, base = self.world.clock(), self.world.base
            put_all(
                conn, [Change("Task", "t", as_in(stage))], now=now, actor=actor, base=base, project=self.world.project
            )
        self.stage = stage

    @rule(status=st.sampled_from([status for status in VISITS if status != "new"]))
    def visit_moves(self, status: str) -> None:
        body = VISIT | {"status": status}
        if status in ("cancelled", "noshow"):
            body["cancelationReason"] = {"text": "ill"}
        told = self.put(self.person("requester"), body)
        ways = {each.split(":")[1].rstrip("*") for each in VISITS[self.visit].split()}
        assert told == ("ok" if status in ways or status == self.visit else "conflict"), (self.visit, status)
        if told == "ok":
            self.visit = status

    @invariant()
    def stored_as_the_tables_have_it(self) -> None:
        if self.stage == "new":
            return
        row = interactions.read(self.world, self.service, "Task", "t")
        assert stages.stage(text.loads(row.body)) == self.stage

    @invariant()
    def shown_in_a_list(self) -> None:
        now = self.world.clock()
        bounds = DueBounds(*(int(now.timestamp() * 1e6) + n * 86_400_000_000 for n in (0, 1, 2, 7)))
        with reading(self.world.engine) as conn:
            desk = Worklist(conn, CaseScope(None), bounds)
            lists = {name for name in tabs_named() if desk.count(WorklistQuery(tab=name))}
        assert lists & {"open", "closed", "snoozed"}, (self.stage, self.visit)
        assert not {"open", "closed"} <= lists

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.engine.dispose()
            shutil.rmtree(self.folder)


def test_no_order_of_events_leaves_the_tables_or_the_lists(sqlite_template: Path) -> None:
    Events.template = sqlite_template
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        Events, settings=settings(max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=checks)
    )
