"""`/rules`: contract staff find a payer's rules, try one before they save it, change it and end it; what was known
stays known."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from html import unescape

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from carecoord.actions.clearance import rule_lines
from carecoord.fhir.instants import micros
from carecoord.store.database.engine import reading
from carecoord.world import World
from tests.desk.conftest import House
from tests.desk.imports.test_pages import go, upload
from tests.imports.conftest import bring

HORIZON = "https://carecoord.example/id/payer|BH001"
RULE = {"payer": "BH001", "answer": "required", "title": "Sleep study", "code": "95810", "network": "any",
        "places": "11; 22", "age_from": "18", "starts": "2026-01-01", "documents": "Sleep diary"}  # fmt: skip


def hidden(page: str) -> dict[str, str]:
    form = page[page.index("<main") :]
    return {name: unescape(said) for name, said in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form)}


def fields(page: str) -> dict[str, str]:
    """What stands in the visit by which a rule is tried."""
    found = dict(re.findall(r'<input id="act-(ask_\w+)"[^>]* value="([^"]*)"', page))
    for name, options in re.findall(r'<select id="act-(ask_\w+)"[^>]*>(.*?)</select>', page):
        found[name] = next(iter(re.findall(r'value="([^"]*)" selected', options)), "")
    return found


def save(client: FlaskClient, path: str, typed: dict[str, str], do: str = "save") -> TestResponse:
    """Try it, and then save it."""
    begun = client.get(path).get_data(as_text=True)
    tried = client.post(path, data={**hidden(begun), **typed, "do": "check"}).get_data(as_text=True)
    return client.post(path, data={**typed, **fields(tried), **hidden(tried), "do": do})


def known(world: World, code: str, as_of: int | None = None) -> list[tuple[str, str]]:
    with reading(world.engine) as conn:
        found = rule_lines.find(conn, [HORIZON], None, [code], [], as_of)
    return [(each.answer, each.title) for each in found if each.code == code]


@pytest.fixture
def desk(acting_house: House) -> Iterator[FlaskClient]:
    return acting_house.enter("contracts")


def test_a_rule_is_tried_saved_changed_and_ended_and_what_was_known_stays_known(
    acting_house: House, desk: FlaskClient
) -> None:
    world = acting_house.world
    begun = desk.get("/rules/new?payer=BH001").text
    assert 'value="BH001"' in begun
    tried = desk.post("/rules/new", data={**hidden(begun), **RULE, "do": "check"}).text
    assert "What is answered for a visit like this" in tried
    assert "No rule of the payer speaks of this service" in tried
    assert known(world, "95810") == [], "trying keeps nothing"
    kept = desk.post("/rules/new", data={**RULE, **fields(tried), **hidden(tried), "do": "save"})
    assert kept.status_code == 303
    page = desk.get(kept.location).text
    assert "Written here by hand" in page
    assert "Sleep diary" in page
    assert "11 Office" in page
    assert known(world, "95810") == [("required", "Sleep study")]
    first = micros(world.clock())
    world.clock.now += timedelta(minutes=5)  # type: ignore[attr-defined]

    n = re.findall(r"/rules/(\d+)", kept.location)[0]
    changed = save(desk, f"/rules/{n}/change", {**RULE, "answer": "not-required", "plan": "BH-1; BH-2"})
    assert changed.status_code == 303, changed.text
    assert known(world, "95810") == [("not-required", "Sleep study")] * 2
    page = desk.get(changed.location).text
    assert "BH-1, BH-2" in page
    past = page[page.index('id="past"') :]
    assert re.findall(r'class="chip[^>]*>([^<]+)<', past) == ["Not required", "Required"]
    assert known(world, "95810", first) == [("required", "Sleep study")]
    assert desk.get(f"/rules/{n}").location == changed.location.partition("?")[0], "an old address leads to what stands"


def test_a_rule_that_is_ended_speaks_until_its_last_day(acting_house: House, desk: FlaskClient) -> None:
    kept = save(desk, "/rules/new", {**RULE, "code": "95811"})
    page = desk.get(kept.location.partition("?")[0]).text
    address = kept.location.partition("?")[0]
    refused = desk.post(f"{address}/end", data={**hidden(page), "last": "2025-12-31"})
    assert refused.status_code == 422
    assert "before it starts" in refused.text
    done = desk.post(f"{address}/end", data={**hidden(page), "last": "2026-11-30"})
    assert done.status_code == 303
    assert "from 1 Jan 2026 to 30 Nov 2026" in desk.get(done.location).text
    with reading(acting_house.world.engine) as conn:
        (rule,) = [each for each in rule_lines.find(conn, [HORIZON], None, ["95811"], []) if each.code == "95811"]
    assert str(rule.days.last) == "2026-11-30"
    again = desk.post(f"{address}/end", data={**hidden(page), "last": "2026-12-30"})
    assert again.status_code == 412, "the rule that was looked at is not as it was"


def test_it_is_refused_by_field_as_an_import_is(desk: FlaskClient) -> None:
    for wrong, field, words in (
        ({"payer": "Nobody Health"}, "payer", "is called"), ({"answer": "delegated"}, "vendor", "Delegated to whom"),
        ({"code": "bandage"}, "code", "has the shape of no code system"),
        ({"code_end": "90000"}, "code_end", "no range"),
        ({"starts": "some day"}, "starts", "some day"), ({"age_to": "3"}, "age_to", "no range"),
        ({"setting": "moon"}, "setting", "Choose one of the list."), ({"sex": "?"}, "sex", "Choose one of the list."),
        ({"age_from": "18", "ask_age": "old"}, "ask_age", "old"),
        ({"provider": "9000010120"}, "provider", "9000010120"), ({"answer": ""}, "answer", "answer"),
    ):  # fmt: skip
        begun = desk.get("/rules/new").text
        told = desk.post("/rules/new", data={**hidden(begun), **RULE, **wrong, "do": "check"})
        assert told.status_code == 422, wrong
        assert f'href="#act-{field}"' in told.text, wrong
        assert words.lower() in told.text.lower(), wrong
        assert 'value="Sleep study"' in told.text, "what was typed is kept"


def test_a_tie_is_told_before_it_is_saved_and_saved_only_by_who_was_told(
    acting_house: House, desk: FlaskClient
) -> None:
    save(desk, "/rules/new", {**RULE, "code": "95812"})
    other = {**RULE, "code": "95800", "code_end": "95899", "age_from": "", "age_to": "", "answer": "not-required",
             "title": "All of sleep", "places": "11", "visit_from": "2"}  # fmt: skip
    begun = desk.get("/rules/new").text
    tried = desk.post("/rules/new", data={**hidden(begun), **other, "do": "check"}).text
    assert "Other rules say something else of the same visits." in tried
    assert "Save it all the same" in tried
    unseen = desk.post("/rules/new", data={**other, **hidden(tried), "told": "0" * 16, "do": "save"})
    assert unseen.status_code == 200
    assert known(acting_house.world, "95800") == []
    assert desk.post("/rules/new", data={**other, **hidden(tried), "do": "save"}).status_code == 303
    assert known(acting_house.world, "95800") == [("not-required", "All of sleep")]


def test_an_import_leaves_rules_by_hand_and_says_which_tie(acting_house: House, desk: FlaskClient) -> None:
    world = acting_house.world
    head = "Payer,Answer,Rule,Line,Code,POS,Age from,Starts,Documents\n"
    same = "BH001,required,Sleep study,9,95813,11;22,18,2026-01-01,Sleep diary\n"
    save(desk, "/rules/new", {**RULE, "code": "95813"})
    assert bring(world, "rules", head + same)[0].rows == {"unchanged": 1}
    assert known(world, "95813") == [("required", "Sleep study")], "it is not kept twice"
    other = same.replace("required", "not required")
    assert bring(world, "rules", head + other)[0].rows == {"new": 1, "tied": 1}
    assert sorted(known(world, "95813")) == [("not-required", "Sleep study"), ("required", "Sleep study")]
    page = desk.get("/rules?payer=" + HORIZON.replace("|", "%7C") + "&code=95813&kind=hand").text
    address = re.findall(r'href="(/rules/\d+)"', page)[0]
    assert "Other rules say something else" in desk.get(address).text


def test_an_imported_line_that_is_changed_leaves_its_book_and_is_written_by_hand(
    acting_house: House, desk: FlaskClient
) -> None:
    world = acting_house.world
    row = "Payer,Answer,Rule,Line,Code\nBH001,required,Scan,7,70555\n"
    bring(world, "rules", row)
    page = desk.get("/rules?code=70555&payer=" + HORIZON.replace("|", "%7C")).text
    address = re.findall(r'href="(/rules/\d+)"[^>]*><b dir="auto">70555', page)[0]
    assert "It came with an import." in desk.get(address).text
    said = {"answer": "not-required", "code": "70555", "title": "Scan", "network": "any"}
    kept = save(desk, f"{address}/change", said)
    assert kept.status_code == 303
    assert known(world, "70555") == [("not-required", "Scan")]
    assert "Written here by hand" in desk.get(kept.location).text
    assert "stands no more" in desk.get(address).text, "what it was can still be looked at"
    assert bring(world, "rules", row)[0].rows == {"aside": 1}, "the office's act stands"
    later = row.replace("Line,", "Line,Retrieved,").replace(",7,", ",7,2026-11-20,").replace("Scan", "The scan")
    assert bring(world, "rules", later)[0].rows == {"aside": 1}, "when it was read and its title decide nothing"
    assert known(world, "70555") == [("not-required", "Scan")]
    other = row.replace("required", "notification only")
    assert bring(world, "rules", other, dry=True)[0].rows == {"new": 1, "tied": 1, "revived": 1}
    assert bring(world, "rules", other)[0].rows == {"new": 1, "tied": 1, "revived": 1}
    assert bring(world, "rules", other)[0].rows == {"unchanged": 1, "tied": 1}
    assert bring(world, "rules", row)[0].rows == {"new": 1, "ended": 1, "tied": 1}, "the act is no longer about it"


def test_a_not_required_that_was_ended_by_hand_is_not_brought_back_by_the_table_that_still_has_it(
    acting_house: House, desk: FlaskClient
) -> None:
    world = acting_house.world
    row = "Payer,Answer,Rule,Line,Code\nBH001,not required,Free,8,70557\n"
    bring(world, "rules", row)
    page = desk.get("/rules?code=70557&payer=" + HORIZON.replace("|", "%7C")).text
    address = re.findall(r'href="(/rules/\d+)"[^>]*><b dir="auto">70557', page)[0]
    said = {"answer": "not-required", "code": "70557", "title": "Free", "network": "any", "ends": "2026-01-31"}
    assert save(desk, f"{address}/change", said).status_code == 303
    assert bring(world, "rules", row)[0].rows == {"aside": 1}
    with reading(world.engine) as conn:
        (rule,) = rule_lines.find(conn, [HORIZON], None, ["70557"], [])
    assert rule.days.last == date(2026, 1, 31)
    columns = {each.lower(): each for each in ("Payer", "Answer", "Rule", "Line", "Code")}
    columns["title"] = columns.pop("rule")
    for data, told in (
        (row, "1 line that was set aside by hand stays so: the table says nothing new."),
        (row.replace("not ", ""), "1 line that was set aside by hand comes back: the table now says something else."),
    ):
        file = upload(desk, "rules", data).headers["Location"]
        assert told in go(desk, file, "try", **columns)


def test_who_may_look_and_who_may_write_goes_by_the_tables(acting_house: House) -> None:
    for who in ("coordinator", "clinician", "auditor", "admin"):
        assert acting_house.enter(who).get("/rules").status_code == 403
    payer = acting_house.enter("payer")
    listed = payer.get("/rules")
    assert listed.status_code == 200
    assert "/rules/new" not in listed.text
    assert payer.get("/rules/99999999").status_code == 404
    csrf = {"csrf": hidden(payer.get("/account").text)["csrf"]}
    assert payer.post("/rules/new", data={**csrf, **RULE, "do": "check"}).status_code == 403


def test_the_list_is_narrowed_by_code_plan_answer_and_days(acting_house: House, desk: FlaskClient) -> None:
    rows = "".join(
        f"BH001,{'not required' if n % 2 else 'required'},Rule {n},{n},{93000 + n},{'BH-9' if n < 3 else 'BH-8'},"
        f"{'2020-12-31' if n == 5 else ''}\n" for n in range(60)
    )  # fmt: skip
    bring(acting_house.world, "rules", "Payer,Answer,Rule,Line,Code,Plan,Ends\n" + rows)

    def titles(query: str) -> list[str]:
        page = desk.get(f"/rules?payer={HORIZON.replace('|', '%7C')}&{query}").text
        return re.findall(r'<span dir="auto">(Rule \d+)</span>', page)

    assert len(titles("code=930")) == 50
    page = desk.get(f"/rules?payer={HORIZON.replace('|', '%7C')}&code=930").text
    following = unescape(re.findall(r'rel="next" href="([^"]+)"', page)[0])
    rest = re.findall(r'<span dir="auto">(Rule \d+)</span>', desk.get(following).text)
    assert [*rest] == [f"Rule {n}" for n in range(51, 60)], "the one that is over is not among them"
    assert titles("code=930&plan=BH-9") == ["Rule 0", "Rule 1", "Rule 2"]
    assert titles("code=93003") == ["Rule 3"]
    assert titles("code=9300&answer=required") == ["Rule 0", "Rule 2", "Rule 4", "Rule 6", "Rule 8"]
    assert titles("code=930&holds=over") == ["Rule 5"]


