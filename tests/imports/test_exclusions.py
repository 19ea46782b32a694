"""LEIE as it is handed out: who of ours stands on it is marked, and no longer once the list does not name them."""

from datetime import UTC, date

from carecoord.domain.agreements.fitness import Exclusion, fitness
from carecoord.domain.resource.days import Days
from carecoord.fhir import text
from carecoord.store.database.engine import reading
from carecoord.store.worklist import registry
from carecoord.world import World
from tests.imports.conftest import NOW, bring

HEAD = (
    "LASTNAME,FIRSTNAME,MIDNAME,BUSNAME,GENERAL,SPECIALTY,UPIN,NPI,DOB,ADDRESS,CITY,STATE,ZIP,EXCLTYPE,EXCLDATE,"
    "REINDATE,WAIVERDATE,WVRSTATE\n"
)
OLD = '"BEISPIEL","OTTO","","","","","","0000000000","","","","NY","","1128a1","19790101","00000000","00000000",""\n'
BY_NUMBER = '"SARKIS","ANI","","","","","","9000050010","","","","NY","","1128a1","20260120","00000000","00000000",""\n'
BY_NAME = '"","","","OAK GROUP","","","","0000000000","","","","NY","","1128b4","20251101","00000000","00000000",""\n'
NEW = '"MUSTER","EVA","","","","","","9000030012","","","","NY","","1128a1","20261001","00000000","00000000",""\n'
FULL = HEAD + OLD + BY_NUMBER + BY_NAME + NEW


def excluded(world: World) -> dict[str, list[Exclusion]]:
    with reading(world.engine) as conn:
        rows = [row for type in ("Practitioner", "Organization") for row in registry.every(conn, type)]
    return {
        name.partition("/")[0]: list(each.exclusions)
        for name, each in fitness((text.loads(row.body) for row in rows), UTC).items()
    }


def test_the_list_as_it_is_marks_those_of_ours_whom_it_names(office: World) -> None:
    bring(office, "clinicians", "NPI,Last name,First name,Organization\n9000050010,Sarkis,Ani,9000010121\n")
    assert bring(office, "exclusions", FULL, dry=True)[0].rows == {"new": 2, "unchanged": 2}
    assert excluded(office) == {}
    brought, faults = bring(office, "exclusions", FULL, "UPDATED.csv")
    assert (brought.rows, faults) == ({"new": 2, "unchanged": 2}, [])
    assert excluded(office) == {
        "Practitioner": [Exclusion("LEIE", Days(date(2026, 1, 20), None), True)],
        "Organization": [Exclusion("LEIE", Days(date(2025, 11, 1), None), False)],
    }
    assert bring(office, "exclusions", FULL)[0].rows == {"unchanged": 4}
    assert bring(office, "exclusions", HEAD + NEW)[0].rows == {"unchanged": 1}, "a supplement speaks of its month"
    assert bring(office, "exclusions", HEAD + OLD + BY_NAME + NEW)[0].rows == {"unchanged": 3, "ended": 1}
    ended = excluded(office)["Practitioner"][0].days
    assert (ended.start, ended.last) == (date(2026, 1, 20), NOW.date())
    assert bring(office, "exclusions", HEAD + OLD + BY_NAME + NEW)[0].rows == {"unchanged": 3}
