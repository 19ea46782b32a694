"""The templates of care plans that are here, and what one comes to: for the page, which writes it, and for
`PlanDefinition/$apply`, which writes nothing."""

from datetime import date, datetime
from typing import Final

from carecoord.actions.access.turn import Turn
from carecoord.domain.care_plans import templates
from carecoord.domain.care_plans.templates import Applied, Applying
from carecoord.domain.resource.elements import Json
from carecoord.errors import Unprocessable
from carecoord.fhir import text as json
from carecoord.fhir.search.query import NOTHING, parse
from carecoord.store.resources import read
from carecoord.store.search.search import find
from carecoord.words.catalogue import spoken

_MOST: Final = 200  # PlanDefinitions that are looked at: payers' books of rules are some too


def offered(turn: Turn, day: date) -> list[Json]:
    """The templates in force on a day, by name."""
    if turn.filter("PlanDefinition", "s") == NOTHING:
        return []
    asked = parse("PlanDefinition", [("status", "active"), ("_sort", "title")], turn.world.base, strict=True)
    held = [json.loads(row.body) for row in find(turn.conn, asked, turn.may("s"), page_size=_MOST).rows]
    return [each for each in held if templates.is_template(each, day, turn.world.base.zone)]


def template(turn: Turn, id: str, day: date) -> Json:
    """One of them. Raises Unprocessable for what is none."""
    row = read.get(turn.conn, "PlanDefinition", id) if id else None
    if row is not None and not row.deleted and turn.sees(row, "r"):
        found: Json = json.loads(row.body)
        if templates.is_template(found, day, turn.world.base.zone):
            return found
    raise Unprocessable(spoken("patient.fault.template"), "template")


def applied(
    turn: Turn, definition: Json, patient: str, at: datetime, author: Json | None, office: Json | None
) -> Applied:
    """What a template comes to for a patient (`Patient/id`) from an instant on. Raises Unprocessable."""
    return templates.applied(definition, Applying(patient, at, author, office, turn.world.new_id))
