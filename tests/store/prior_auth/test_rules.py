"""The payers' rules as a table: replaced by source, found by key, as of an instant; filled by the write door and by the
migration."""

from dataclasses import replace
from datetime import UTC, date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, func, insert, select, update

from carecoord.actions.clearance import rule_lines
from carecoord.actions.clearance.assemble import assemble
from carecoord.actions.clearance.library import Library
from carecoord.actions.worklist import project as worklist_project
from carecoord.domain.clearance.clearance import clear
from carecoord.domain.gates.policy import Policy
from carecoord.domain.prior_auth.rule_book import Rule, lines
from carecoord.fhir.instants import micros
from carecoord.fhir.service_base import Base
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.tables import case, setting
from carecoord.store.prior_auth.tables import authorization_row, authorization_rule
from carecoord.store.resources.write import Actor, Change, put_all
from carecoord.store.worklist import marks
from tests.domain.stories import HCPCS, NOW, POLICY, book, claim, coded, ours, plain, rule

ZONE = ZoneInfo("America/New_York")
HERE = Base("http://here.example/fhir", UTC)
ACTOR = Actor("tester", None, None, "request")
P1 = "https://carecoord.example/id/payer|P1"
Json = dict[str, Any]


def put(engine: Engine, *resources: Json | str, hours: int = 0, project: Any = None) -> None:
    changes = []
    for each in resources:
        kind, id = each.split("/") if isinstance(each, str) else (each["resourceType"], each["id"])
        changes.append(Change(kind, id, None if isinstance(each, str) else {**each, "meta": {}}))
    with writing(engine) as conn:
        put_all(conn, changes, now=NOW + timedelta(hours=hours), actor=ACTOR, base=HERE,
                project=project or worklist_project.projector(Policy()))  # fmt: skip


def found(engine: Engine, code: str = "G0463", hours: int | None = None, **more: Any) -> list[tuple[str, str]]:
    """(code, answer) of the rules found."""
    asked = {"payers": [P1], "plans": ["PLAN1"], "codes": [code], "providers": [], **more}
    at = None if hours is None else micros(NOW + timedelta(hours=hours))
    with reading(engine) as conn:
        return [(each.code, each.answer) for each in rule_lines.find(conn, as_of=at, **asked)]


def size(engine: Engine) -> int:
    with reading(engine) as conn:
        return conn.scalar(select(func.count()).select_from(authorization_rule)) or 0


def test_a_book_written_through_the_door_is_found_line_by_line_as_it_was_at_any_instant(engine: Engine) -> None:
    put(engine, book(rule(), rule(code="C8928")))
    put(engine, book(rule(needed=False), rule(code="C8928")), hours=2)
    put(engine, book(rule(needed=False), rule(code="C8928")) | {"title": "Renamed"}, hours=3)
    put(engine, "PlanDefinition/rules-1", hours=4)
    assert [found(engine, hours=n) for n in (-1, 0, 1, 2, 3, 4)] == [
        [], [("G0463", "required")], [("G0463", "required")], [("G0463", "not-required")],
        [("G0463", "not-required")], [],
    ]  # fmt: skip
    assert found(engine) == []
    assert size(engine) == 3  # the line of the other code was never written again


def test_a_rule_is_kept_with_its_whole_key(engine: Engine) -> None:
    parts = [
        {"url": "answer", "valueCode": "delegated"}, {"url": "plan", "valueString": "PLAN1"},
        {"url": "line-of-business", "valueCode": "medicaid"}, {"url": "modifier", "valueCode": "GP"},
        {"url": "place", "valueCode": "22"}, {"url": "setting", "valueCode": "outpatient"},
        {"url": "age", "valueRange": {"low": {"value": 3}, "high": {"value": 17}}},
        {"url": "sex", "valueCode": "female"},
        {"url": "diagnosis", "valueCoding": {"code": "M50", "extension": [ours("code-end", valueCode="M54")]}},
        {"url": "visit-from", "valueInteger": 13}, {"url": "network", "valueCode": "in"},
        {"url": "specialty", "valueString": "Cardiology"}, {"url": "vendor", "valueString": "Evi"},
        {"url": "period", "valuePeriod": {"start": "2026-01-01", "end": "2026-12-31"}},
        {"url": "lead-days", "valueInteger": 5}, {"url": "source", "valueUri": "https://payer.example/book"},
        {"url": "document", "valueCodeableConcept": coded("http://loinc.org", "42148-7", "Echocardiogram")},
        {"url": "provider", "valueIdentifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "9001"}},
        {"url": "retrieved", "valueDate": "2026-11-01"},
    ]  # fmt: skip
    end = ours("code-end", valueCode="G0162")
    code = {"coding": [{"system": HCPCS, "code": "G0151", "extension": [end]}]}
    action = {"id": "full", "title": "Full", "code": [code], "extension": [ours("authorization-rule", extension=parts)]}
    whole = book(action) | {"meta": {"versionId": "1"}}
    put(engine, whole)
    with reading(engine) as conn:
        kept = rule_lines.find(conn, [P1], ["PLAN1"], ["G0160"], ["http://hl7.org/fhir/sid/us-npi|9001"])
    assert kept == lines(whole, POLICY.zone)
    assert kept[0].days.end == date(2027, 1, 1)


def test_only_what_may_speak_of_the_order_is_read(engine: Engine) -> None:
    named = rule(needed=False, plans=("PLAN2",))
    put(engine, book(rule(), rule(code=None), rule(code="G0464"), rule(code="G"), named), book(rule(), payer=2))
    assert found(engine) == [("G0463", "required"), ("", "required")]
    assert found(engine, plans=None)[-1] == ("G0463", "not-required"), "of a card without a plan nobody knows"
    assert found(engine, payers=[]) == []


def test_rules_that_spare_nobody_are_found_once_for_every_provider_and_an_exemption_by_whom_it_names(
    engine: Engine,
) -> None:
    npi = "http://hl7.org/fhir/sid/us-npi"
    spared = rule(needed=False)
    spared["extension"][0]["extension"].append({"url": "provider", "valueIdentifier": {"system": npi, "value": "9001"}})

    def asked(payer: str, *providers: str) -> tuple[list[str], bool]:
        """The answers for these providers, and whether they are the very same as for another."""
        with reading(engine) as conn:
            library = Library(conn)
            one, other = (library.rules([payer], ["PLAN1"], ["G0463"], them) for them in (providers, (f"{npi}|9002",)))
        return [each.answer for each in one], one is other

    put(engine, book(rule()), book(rule(), payer=2))
    assert asked(P1, f"{npi}|9001") == (["required"], True)
    put(engine, book(rule(), spared))
    assert asked(P1, f"{npi}|9001") == (["required", "not-required"], False)
    assert asked(P1, f"{npi}|9003") == (["required"], False)
    assert asked(P1.replace("P1", "P2"), f"{npi}|9001") == (["required"], True)
    put(engine, book(rule()))
    assert asked(P1, f"{npi}|9001") == (["required"], True)


def test_lines_that_an_earlier_version_made_are_made_anew_and_what_leans_on_them_is_judged_again(
    engine: Engine,
) -> None:
    """By the letter the book spares whoever comes in the evening of 3 December."""
    put(engine, *plain().resources.values(), book(rule(needed=False)) | {"effectivePeriod": {"start": "2026-12-04"}})
    before = update(authorization_rule).values(valid_from="2026-12-03")
    with writing(engine) as conn:
        conn.execute(before)

    def begins(hours: int | None = None) -> list[date | None]:
        at = None if hours is None else micros(NOW + timedelta(hours=hours))
        with reading(engine) as conn:
            return [each.days.start for each in rule_lines.find(conn, [P1], ["PLAN1"], ["G0463"], [], at)]

    rule_lines.renew(engine, NOW + timedelta(hours=2), ZONE)
    assert begins() == [date(2026, 12, 4)]
    assert begins(hours=1) == [date(2026, 12, 3)], "what was known until then"
    with writing(engine) as conn:
        (rid,) = conn.scalars(select(case.c.rid))
        assert marks.among(conn, [rid]) == {rid}
        conn.execute(before)
    rule_lines.renew(engine, NOW + timedelta(hours=3), ZONE)
    assert begins() == [date(2026, 12, 3)], "once for each form of the rows"


def many(title: str, n: int, payer: str = P1) -> list[Rule]:
    mark = {"url": "answer", "valueCode": "required"}
    marked = ours("authorization-rule", extension=[mark])
    action = {"title": title, "code": [coded(HCPCS, "G0001")], "extension": [marked]}
    (one,) = lines(book(action), POLICY.zone)
    return [replace(one, payer=payer, code=f"{n:05}", line=f"{n}") for n in range(n)]


def test_an_import_is_repeatable_and_what_vanishes_ends_and_no_write_of_its_cover_touches_it(engine: Engine) -> None:
    cover = book() | {"extension": [*book()["extension"], ours("imported-rules", valueBoolean=True)]}
    put(engine, cover)
    with writing(engine) as conn:
        done = [
            rule_lines.take_over(conn, "PlanDefinition/rules-1", "1", said, NOW + timedelta(hours=n))
            for n, said in enumerate((many("A", 10), many("A", 10), many("A", 9)))
        ]
    assert [(each.added, each.ended, each.kept) for each in done] == [(10, 0, 0), (0, 0, 10), (0, 1, 9)]
    put(engine, cover | {"title": "Blue Horizon's book"}, hours=3)
    assert (found(engine, "00008"), found(engine, "00009")) == ([("00008", "required")], [])
    assert found(engine, "00009", hours=1) == [("00009", "required")]
    put(engine, cover | {"status": "retired"}, hours=4)
    assert found(engine, "00008") == []


def test_a_database_that_is_older_than_the_table_gets_the_lines_of_every_version(engine: Engine) -> None:
    quiet: Any = {"project": lambda *_: None}
    put(engine, book(rule()), **quiet)
    put(engine, book(rule(needed=False)), book(rule(), payer=2), hours=2, **quiet)
    put(engine, "PlanDefinition/rules-2", hours=3, **quiet)
    with writing(engine) as conn:
        rule_lines.write_past(conn, ZONE)
    assert size(engine) == 0, "nobody asked for it"
    with writing(engine) as conn:
        conn.execute(insert(setting).values(name="rules_to_write", value=b""))
        rule_lines.write_past(conn, ZONE)
        rule_lines.write_past(conn, ZONE)
    assert [found(engine, hours=n) for n in (1, 2)] == [[("G0463", "required")], [("G0463", "not-required")]]
    assert found(engine) == [("G0463", "not-required")]
    assert size(engine) == 3


def test_a_case_is_judged_by_the_rules_as_they_were_known(engine: Engine) -> None:
    put(engine, *plain().resources.values())
    put(engine, book(rule()), hours=2)
    then, now = micros(NOW + timedelta(hours=1)), NOW + timedelta(hours=3)
    with reading(engine) as conn:
        cases = [assemble(conn, "sr", at) for at in (then, None)]
    assert [clear(case, now, POLICY).gate("authorization").state for case in cases if case] == ["not-needed", "open"]


def test_an_import_lets_the_cases_of_the_payer_be_judged_anew_and_no_others(engine: Engine) -> None:
    story = plain().without("PlanDefinition/rules-1")
    cover = book() | {"extension": [*book()["extension"], ours("imported-rules", valueBoolean=True)]}
    put(engine, *story.resources.values(), cover)
    spare = [replace(each, code="", system="", answer="not-required") for each in many("Free", 1)]
    with writing(engine) as conn:
        rule_lines.take_over(conn, "PlanDefinition/rules-1", "1", many("Other", 3, "x|P2"), NOW)
        assert marks.among(conn, list(conn.scalars(select(case.c.rid)))) == set()
        rule_lines.take_over(conn, "PlanDefinition/rules-1", "1", spare, NOW)
        worklist_project.refresh(conn, NOW, Policy(), 10)
        assert list(conn.scalars(select(case.c.authorization_gate))) == ["not-needed"]


def test_a_request_whose_order_is_not_here_is_judged_anew_by_the_rules_that_an_import_brings(engine: Engine) -> None:
    put(engine, *(each for name, each in plain().resources.items() if name != "ServiceRequest/sr"))
    put(engine, claim())
    changes_at = select(authorization_row.c.changes_at)
    with writing(engine) as conn:
        assert conn.scalar(changes_at) != micros(NOW)
        rule_lines.take_over(conn, "PlanDefinition/rules-1", "1", many("A", 1), NOW)
        assert conn.scalar(changes_at) == micros(NOW)
