"""What a launch from an EHR shows: the referrals of its one patient, as far as the person's own roles go, and nobody
else's whatever stands in the address."""

from dataclasses import dataclass, replace
from typing import Final

from auth.grant import Grant
from auth.people.frame_launches import FrameLaunch
from auth.people.sessions import Session
from auth.scopes import parse, resources
from carecoord.actions.access.turn import looking
from carecoord.actions.fhir import read
from carecoord.actions.worklist import worklist as cases
from carecoord.actions.worklist.worklist import Found, Panel, PayerPanel
from carecoord.domain.resource import patient as person
from carecoord.domain.resource.elements import text
from carecoord.errors import Forbidden, Gone, NotFound
from carecoord.fhir import text as json
from carecoord.store.database.engine import reading
from carecoord.store.ehrs import ehrs
from carecoord.store.ehrs.ehrs import Run
from carecoord.store.worklist import case_ids
from carecoord.store.worklist.query import WorklistQuery
from carecoord.words.sentence import sentence
from carecoord.world import World

MOST: Final = 200  # referrals of one patient on one page
TABS: Final = ("open", "closed")
NOBODY: Final = ("",)  # an id that no case has: an empty list of ids would mean every case
SCOPES: Final = resources(parse("patient/*.rs"))


@dataclass(frozen=True)
class Patient:
    """Whom everything on the page is about: what the bar at its top says."""

    id: str
    name: str
    birth_date: str
    gender: str
    mrn: str | None  # None: not the asker's to see
    deceased: bool


def grant(session: Session, id: str, launched: FrameLaunch) -> Grant:
    """The person's roles, and of all that they open only this patient; `id`: of the launch, for the audit trail."""
    return replace(session.grant(), scopes=SCOPES, patient=launched.patient, launch=id)


def patient(world: World, asker: Grant, request: str) -> Patient | None:
    """The launch's patient, or None where there is none, where they are not here yet, or where the asker's roles do not
    reach them: three cases that are told in one sentence, for the last must not show."""
    if not asker.patient:
        return None
    try:
        with looking(world, asker, request) as turn:
            found = json.loads(read.present(turn, "Patient", asker.patient).body)
    except (NotFound, Forbidden, Gone):
        return None
    present = world.present()
    return Patient(
        str(found["id"]), person.name(found, present) or "No name", person.birth_date(found), text(found, "gender"),
        person.record_number(found, present) if cases.whole(asker) else None,
        bool(found.get("deceasedBoolean") or found.get("deceasedDateTime")),
    )  # fmt: skip


def referrals(world: World, asker: Grant, tab: str, tabs: tuple[str, ...], request: str) -> Found:
    """The patient's open or closed referrals that the asker may see, in the order of their clocks; `tabs`: what else is
    to be counted. Raises Forbidden for roles that work on no cases."""
    if not cases.has_cases(asker):
        raise Forbidden(sentence("refusals.your-role-sees-no-referrals"))
    asked = WorklistQuery(tab, only=_case_ids(world, asker) or NOBODY)
    return cases.worklist(world, asker, asked, (*TABS, *tabs), MOST, request)


def panel(world: World, asker: Grant, id: str, request: str) -> Panel | PayerPanel:
    """One referral of the patient. Raises NotFound, in the same words for another patient's and for none."""
    if id not in _case_ids(world, asker):
        raise NotFound(sentence("refusals.there-no-such-referral-this"))
    return cases.panel(world, asker, id, request)


def last_sync(world: World, name: str) -> Run | None:
    """How the EHR was read last, if it ever was."""
    with reading(world.engine) as conn:
        return next(iter(ehrs.runs(conn, name, 1)), None)


def _case_ids(world: World, asker: Grant) -> tuple[str, ...]:
    with reading(world.engine) as conn:
        return case_ids.of_patient(conn, asker.patient) if asker.patient else ()
