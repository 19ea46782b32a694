"""A form of the first run brought in: it is a table of one row, and goes the way of every other table, by the same
rules, through the same door, into the same trail."""

from collections.abc import Mapping
from typing import Final

from auth import store
from auth.people.sessions import grant_of
from auth.store import User
from carecoord.actions.imports import importer
from carecoord.actions.imports.tables import Line, Table
from carecoord.actions.people import sign_in
from carecoord.actions.setup import origins
from carecoord.actions.setup.stock import demand
from carecoord.domain.imports.sheets import SHEETS
from carecoord.fhir import text as json
from carecoord.fhir.code_systems import NPI
from carecoord.store.database.engine import reading, writing
from carecoord.store.worklist import registry
from carecoord.words.sentence import Sentence
from carecoord.world import World

_FORM: Final = "form"


def keep(world: World, user: User, request: str, kind: str, values: Mapping[str, str]) -> list[tuple[str, Sentence]]:
    """Keep what a form says, as a row of a kind of table (`sheets.SHEETS`): its columns by name. What is wrong, by
    column, empty for the form as a whole; then nothing is kept. Raises Forbidden."""
    grant = grant_of(user)
    demand(grant)
    said = {name: value for name, value in values.items() if value.strip()}
    table = Table(_FORM, "", 1, [*said], [Line(2, [*said.values()])])
    mapped = {name: place for place, name in enumerate(said)}
    brought = importer.bring(world, grant, request, SHEETS[kind], table, mapped, note=origins.note)
    return [(each.column, each.why) for each in brought.faults]


def settle(world: World, user: User, request: str, npi: str) -> bool:
    """Let an admin who belongs nowhere yet belong to the organization with this NPI, which is how it becomes one of
    ours; whether they do. Who belongs somewhere stays there: another admin says otherwise. Raises Forbidden."""
    demand(grant_of(user))
    with reading(world.engine) as conn:
        rows = [row for row in registry.identified(conn, "Organization", [(NPI, npi)]) if not row.deleted]
    own = sorted(rows, key=lambda row: bool(json.loads(row.body).get("meta", {}).get("source")))
    with writing(world.engine) as conn:
        if not own or not store.place_user(conn, user.id, own[0].id):
            return False
    sign_in.record_event(world, request, "account-change", 200, user, f"{user.id} belongs to {own[0].id}, by set-up")
    return True
