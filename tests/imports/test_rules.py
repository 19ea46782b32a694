"""Payers' rules from a table: the good rows are the book, what vanishes ends, and the same file changes nothing."""

from datetime import date

from sqlalchemy import func, select

from auth.grant import Grant
from carecoord.actions.clearance import rule_lines
from carecoord.actions.imports import exporter, formats, importer
from carecoord.actions.imports.importer import IMPORTER
from carecoord.domain.imports import headings
from carecoord.domain.imports.sheets import SHEETS
from carecoord.domain.prior_auth.rule_book import Rule
from carecoord.domain.resource.days import Days
from carecoord.store.database.engine import reading
from carecoord.store.prior_auth.tables import authorization_rule
from carecoord.store.worklist import registry
from carecoord.words.catalogue import say
from carecoord.world import World
from tests.imports.conftest import bring

ACME = "https://carecoord.example/id/payer|AC001"
HEAD = "Payer,Answer,Rule,Line,Code,To code,Plans,POS,Age to,From visit,Exempt provider,Starts,Ends,Documents,Vendor\n"
THERAPY = "AC001,required,Therapy,1,97110,97164,AC-HMO; AC-PPO,11;22,17,13,,2026-01-01,2026-12-31,42148-7; Plan,\n"
CARD = "Acme Health,not required,Gold,2,97110,97164,,,,,9000010121,,,,\n"
MRI = "AC001,delegated,MRI,3,70551,,,,,,,,,,Prism Imaging\n"


def found(world: World, code: str = "97140", provider: str = "") -> list[Rule]:
    with reading(world.engine) as conn:
        return list(rule_lines.find(conn, [ACME], None, [code], [provider]))


def size(world: World) -> int:
    with reading(world.engine) as conn:
        return conn.scalar(select(func.count()).select_from(authorization_rule)) or 0


def test_a_row_becomes_a_rule_for_each_of_its_plans(office: World) -> None:
    brought, faults = bring(office, "rules", HEAD + THERAPY + CARD + MRI)
    assert (brought.rows, faults) == ({"new": 4}, [])
    one, other = found(office)
    assert (one.plan, other.plan) == ("AC-HMO", "AC-PPO")
    assert (one.answer, one.code, one.code_end, one.places) == ("required", "97110", "97164", {"11", "22"})
    assert one.system == "http://www.ama-assn.org/go/cpt", "told by how the code is written"
    assert (one.age_to, one.visit_from, one.days) == (17, 13, Days(date(2026, 1, 1), date(2027, 1, 1)))
    assert [sorted(paper) for paper in one.papers] == [["coding"], ["text"]]
    exempt = found(office, provider="http://hl7.org/fhir/sid/us-npi|9000010121")
    assert [each.title for each in exempt] == ["Therapy", "Therapy", "Gold"]


def test_the_same_table_changes_nothing_and_what_is_no_longer_in_it_ends(office: World) -> None:
    bring(office, "rules", HEAD + THERAPY + CARD + MRI)
    assert bring(office, "rules", HEAD + MRI + CARD + THERAPY)[0].rows == {"unchanged": 4}
    assert bring(office, "rules", HEAD + THERAPY, dry=True)[0].rows == {"unchanged": 2, "ended": 2}
    assert len(found(office, "70551")) == 1, "a dry run keeps nothing"
    assert bring(office, "rules", HEAD + THERAPY)[0].rows == {"unchanged": 2, "ended": 2}
    assert (found(office, "70551"), size(office)) == ([], 4)


def test_a_faulty_row_is_told_by_its_cell_and_takes_no_line_away(office: World) -> None:
    bring(office, "rules", HEAD + THERAPY + MRI)
    brought, faults = bring(
        office, "rules",
        HEAD + "AC001,perhaps,MRI,3,70551,,,,,,,,,\nAC001,required,Therapy,1,97164,97110,,,,,,,,\n"
        "Nobody,required,X,4,1,,,,,,,,,\nAC001,required,New,5,99213,,,,,,,2026-02-01,2026-01-01,\n"
        "AC001,not required,Imaging,6,70552,,,,,,,,,\nAC001,yes,Sling,7,bandage,,,,,,,,,\n"
        "AC001,delegated,CT,8,70450,,,,,,,,,\n",
    )  # fmt: skip
    assert faults == [
        "rules.csv, B2: 'perhaps' is not one of: required, not required, notification only, delegated",
        "rules.csv, F3: 97164 to 97110 is no range: both ends are written alike, the lower one first",
        "rules.csv, A4: Nobody here is called 'Nobody' or has this number; bring it in first, or write its NPI",
        "rules.csv, M5: It ends on 2026-01-01, before it starts",
        "rules.csv, E7: 'BANDAGE' has the shape of no code system that is known; say which in the column Code system",
        "rules.csv, O8: Delegated to whom? Name the vendor",
    ]
    assert brought.rows == {"new": 1, "faulty": 6}
    assert [len(found(office, code)) for code in ("70551", "97140", "70552")] == [1, 2, 1]


def test_a_payers_own_contract_desk_speaks_for_no_other_payer(office: World) -> None:
    bring(office, "organizations", "Name,Kind,Payer number\nRival Health,payer,RI001\n")
    with reading(office.engine) as conn:
        rows = registry.every(conn, "Organization")
    rival = next(row.id for row in rows if b"RI001" in row.body)
    desk = Grant("rita", roles=frozenset({"contracts"}), organization=rival, scopes=IMPORTER.scopes)
    table = formats.read("rules.csv", (HEAD + MRI + MRI.replace("AC001", "RI001")).encode())
    mapped = headings.mapped(SHEETS["rules"], table.header)
    brought = importer.bring(office, desk, "test", SHEETS["rules"], table, mapped)
    assert [(each.row, say(each.why)) for each in brought.faults] == [
        (2, "Your organization is not a party to this; only its own side is brought in")
    ]
    assert (brought.rows["new"], found(office, "70551")) == (1, [])


def test_what_is_exported_is_what_was_brought_in(office: World) -> None:
    bring(office, "rules", HEAD + THERAPY + CARD + MRI)
    data = exporter.export(office, IMPORTER, "test", SHEETS["rules"], "csv")
    again, faults = bring(office, "rules", data)
    assert (again.rows, faults, size(office)) == ({"unchanged": 4}, [], 4)
