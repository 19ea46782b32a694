"""The pages as a browser without scripts gets them: real cases, every link a link, nobody shown more than they may."""

import csv
import io
import re
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.store.audit.tables import audit
from carecoord.store.database.engine import reading
from carecoord.store.database.tables import resource
from carecoord.web.page import assets
from tests.desk.conftest import PASSWORD, House


@pytest.fixture
def coordinator(house: House) -> FlaskClient:
    return house.enter("coordinator")


def text(page: str) -> str:
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", page)))


def get(client: FlaskClient, path: str, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, (answer.status_code, path)
    return answer.get_data(as_text=True)


def ids(page: str) -> list[str]:
    return re.findall(r'<tr[^>]* id="case-([^"]+)"', page)


def counts(page: str, nav: str) -> dict[str, tuple[str, str]]:
    """label -> (address, count) of the links of a navigation."""
    found = re.search(rf'<nav class="{nav}".*?</nav>', page, re.S)
    assert found
    links = re.findall(r'<a [^>]*href="([^"]*)"[^>]*>(.*?)</a>', found[0], re.S)
    label = re.compile(r'(?:<span class="figure-name">)?([^<]+)')
    number = re.compile(r'class="(?:count|figure-value)[^>]*>([^<]+)<')
    return {first(label, body.strip()).strip(): (unescape(address), first(number, body)) for address, body in links}


def first(pattern: re.Pattern[str] | str, page: str) -> str:
    found = re.search(pattern, page, re.S) if isinstance(pattern, str) else pattern.search(page)
    assert found
    return found[1]


def walk(client: FlaskClient, path: str) -> list[str]:
    """The ids of a whole list, page by page along its own links."""
    found = []
    while path:
        page = get(client, path)
        found += ids(page)
        further = re.search(r'<a class="button" rel="next" href="([^"]+)"', page)
        path = unescape(further[1]) if further else ""
    return found


@pytest.mark.parametrize("nav", ["tabs", "figures"])
@pytest.mark.parametrize("filters", ["", "authorization=pended&authorization=approved", "q=cardio", "move=coordinator"])
def test_every_number_on_the_page_is_the_length_of_the_list_behind_it(
    coordinator: FlaskClient, nav: str, filters: str
) -> None:
    page = get(coordinator, f"/?{filters}")
    for label, (address, count) in counts(page, nav).items():
        assert str(len(walk(coordinator, address))) == count, label


@pytest.mark.parametrize("asked", ["facet=priority", "facet=referral&authorization=pended", "facet=owner&q=cardio"])
def test_each_option_of_a_filter_tells_how_many_rows_it_gives(coordinator: FlaskClient, asked: str) -> None:
    """It is asked when the menu opens; the page itself does not wait for it."""
    name, _, rest = asked.removeprefix("facet=").partition("&")
    page = get(coordinator, f"/?{rest}")
    menu = first(rf'<div class="facet[^"]*" data-facet="{name}">(.*?)</details>', page)
    told = coordinator.get(f"/worklist/options?{asked}").json
    assert told is not None
    assert set(told) == set(re.findall(r'data-value="([^"]+)"', menu))
    for value, count in told.items():
        assert str(len(walk(coordinator, f"/?{rest}&{name}={value}"))) == count, value
    assert any(count != "0" for count in told.values())


def test_nobody_learns_from_the_options_of_a_filter_what_the_list_does_not_show(
    house: House, coordinator: FlaskClient
) -> None:
    payer = house.enter("payer")
    assert payer.get("/worklist/options?facet=owner").status_code == 400
    assert payer.get("/worklist/options?facet=gate&tab=open").status_code == 400
    assert payer.get("/worklist/options?facet=authorization").status_code == 200
    assert coordinator.get("/worklist/options?facet=nonsense").status_code == 400
    assert coordinator.get("/worklist/options?facet=owner&tab=nonsense").status_code == 400
    assert not any(n != "0" for n in house.enter("admin").get("/worklist/options?facet=priority").json.values())


def test_every_open_case_stands_under_the_group_of_its_due_time(coordinator: FlaskClient) -> None:
    page = get(coordinator, "/")
    heads = re.findall(r'class="group group-(\w+)".*?>([\w ]+) <span class="count">(\d+)', page)
    assert [name for name, _, _ in heads] == sorted(
        (name for name, _, _ in heads), key=["overdue", "today", "soon", "later"].index
    )


def test_the_ten_worked_cases_are_in_the_list(coordinator: FlaskClient) -> None:
    shown = {*walk(coordinator, "/"), *walk(coordinator, "/?tab=closed")}
    assert len([id for id in shown if id.startswith("worked-")]) == 10


def test_a_row_says_what_is_due_and_how_the_three_tracks_stand(coordinator: FlaskClient) -> None:
    said = text(get(coordinator, "/?q=R-90001"))
    for words in ("Halvorsen, Ingrid", "Extend approval", "Cardiology", "Scheduled", "Visit 4 days past it"):
        assert words in said


def test_a_track_that_does_not_do_for_this_visit_never_looks_well(coordinator: FlaskClient) -> None:
    page = get(coordinator, "/?q=R-90001")
    assert "chip-green" not in first(r'<td role="cell" class="c-authorization">(.*?)</td>', page)


def test_the_panel_opens_by_a_plain_link_beside_the_list_and_on_its_own_page(coordinator: FlaskClient) -> None:
    page = get(coordinator, "/?q=R-90001")
    row = re.search(r'<a class="case-link" href="([^"]+)"', page)
    assert row
    for path in (unescape(row[1]), "/referrals/worked-01-visit-after-approval"):
        said = text(get(coordinator, path))
        for words in (
            "Halvorsen, Ingrid", "R-90001", "Next: extend the approval", "Whose move: Coordinator", "Not cleared",
            "Coverage Met", "Authorization To do", "Contract Met", "Appointment To do", "Timeline", "Documents",
            "authorization.dates", "Payer's answer , version 1",
        ):  # fmt: skip
            assert words in said, (path, words)


def test_the_panel_tells_what_happened_newest_first(coordinator: FlaskClient) -> None:
    page = get(coordinator, "/referrals/worked-07-document-asked")
    times = re.findall(r'<time datetime="([^"]+)"', page)
    assert len(times) > 2
    assert times == sorted(times, reverse=True)
    assert "pended the request" in text(page)


def test_an_interpreter_and_a_wish_about_calls_stand_beside_the_name(coordinator: FlaskClient) -> None:
    id = ids(get(coordinator, "/?q=farah"))[0]
    assert "Somali interpreter" in text(get(coordinator, f"/referrals/{id}"))


def test_the_outsider_finds_none_of_our_cases(house: House, coordinator: FlaskClient) -> None:
    outsider = house.enter("outsider")
    ours, theirs = set(walk(coordinator, "/")), set(walk(outsider, "/"))
    assert ours
    assert not ours & theirs
    assert ids(get(outsider, "/?q=halvorsen")) == []
    for path in ("/referrals/worked-01-visit-after-approval", "/?show=worked-01-visit-after-approval"):
        answer = outsider.get(path)
        assert answer.status_code == 404
        assert b"Halvorsen" not in answer.data


def test_a_payer_sees_only_requests_that_lie_there_and_no_clinical_word(house: House) -> None:
    payer = house.enter("payer")
    shown = {*walk(payer, "/?tab=open"), *walk(payer, "/?tab=closed")}
    assert "worked-01-visit-after-approval" in shown
    listed = get(payer, "/?tab=open")
    said = text(listed)
    for words in ("Pinnacle", "Granite", "Exertional chest pain", "Awaiting auth", "Next step", "Overdue"):
        assert words not in said
    panel = text(get(payer, "/referrals/worked-01-visit-after-approval"))
    assert "Exertional chest pain" in panel  # the order that the request names tells it
    for words in ("Loop", "Appointment", "interpreter", "Call to", "days past", "Whose move"):
        assert words not in panel
    assert "Authorization" in panel


def test_the_contract_desk_sees_agreements_and_numbers_and_no_patient(house: House) -> None:
    contracts = house.enter("contracts")
    said = text(get(contracts, "/"))
    assert "AGR-0112" in said
    assert "Halvorsen" not in said
    assert contracts.get("/referrals/worked-01-visit-after-approval").status_code == 404
    assert contracts.get("/worklist.csv").get_data(as_text=True).count("\n") == 1


def test_judgement_21_a_payers_contract_desk_counts_its_own_agreements_alone(house: House) -> None:
    everybodys, own = get(house.enter("contracts"), "/"), get(house.enter("rival"), "/")
    numbers = [re.findall(r"AGR-\d{4} · ([^<]*)<", page) for page in (everybodys, own)]
    for payer, n in {"Blue Horizon Health": 11, "Granite Care Alliance": 7, "Pinnacle Mutual": 6}.items():
        assert sum(payer in each for each in numbers[0]) == n, payer
    assert [sum("Pinnacle" in each for each in numbers[1]), len(numbers[1])] == [6, 6]
    assert "Blue Horizon" not in own


def test_an_auditor_is_sent_to_the_audit(house: House) -> None:
    assert house.enter("auditor").get("/").location == "/audit"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/?q=nobodyhasthisname", "Nothing found for"),
        ("/?referral=error&priority=stat", "No case passes all these filters"),
    ],
)
def test_an_empty_list_says_what_to_do(coordinator: FlaskClient, path: str, words: str) -> None:
    page = get(coordinator, path)
    assert words in text(page)
    assert re.search(r'<div class="empty">.*?<a class="button" href="/', page, re.S)


@pytest.mark.parametrize(
    "path", ["/?tab=nonsense", "/?sort=nonsense", "/?after=%00%ff", "/?before=bm9uc2Vuc2U", "/referrals/nobody"]
)
def test_an_address_that_means_nothing_is_a_kind_page_and_no_failure(coordinator: FlaskClient, path: str) -> None:
    answer = coordinator.get(path, headers={"Accept": "text/html"})
    assert answer.status_code in (400, 404)
    assert b"Back to the worklist" in answer.data


@pytest.mark.parametrize(
    "path", ["/", "/referrals/worked-01-visit-after-approval", "/worklist.csv", "/worklist/options"]
)
def test_nobody_gets_in_without_signing_in(house: House, path: str) -> None:
    answer = house.app.test_client().get(path)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/sign-in")


def test_the_download_holds_the_rows_of_the_list_in_its_order(coordinator: FlaskClient) -> None:
    listed = walk(coordinator, "/?authorization=approved")
    rows = list(csv.DictReader(io.StringIO(get(coordinator, "/worklist.csv?authorization=approved"))))
    assert len(rows) == len(listed)
    assert rows[0]["due"].endswith("-05:00")
    picked = list(csv.DictReader(io.StringIO(get(coordinator, f"/worklist.csv?id={listed[2]}&id={listed[0]}"))))
    assert len(picked) == 2


def test_a_partial_answer_is_the_desk_alone_with_its_title(coordinator: FlaskClient) -> None:
    page = get(coordinator, "/?tab=payer", **{"HX-Request": "true", "HX-Request-Type": "partial"})
    assert page.strip().startswith("<title>With payer")
    assert "<html" not in page
    assert 'id="desk"' in page


def test_every_page_carries_the_security_headers(coordinator: FlaskClient) -> None:
    for path in ("/", "/referrals/worked-01-visit-after-approval", "/sign-in"):
        headers = coordinator.get(path).headers
        policy = headers["Content-Security-Policy"]
        for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"):
            assert part in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert {"Cookie", "HX-Request"} <= set(headers["Vary"].split(", "))


def test_no_page_holds_a_style_or_a_script_of_its_own(house: House, coordinator: FlaskClient) -> None:
    paths = ("/", "/?show=worked-01-visit-after-approval", "/?q=nobodyhasthisname")
    pages = [get(coordinator, path) for path in paths]
    for page in (*pages, get(house.app.test_client(), "/sign-in")):
        assert not re.search(r"<[^>]+\s(?:style|on\w+)=", page)
        assert not re.search(r"<script(?![^>]*\ssrc=)", page)
        assert "hx-on" not in page


def test_every_icon_on_a_page_is_in_the_sprite(house: House, coordinator: FlaskClient) -> None:
    held = set(re.findall(r'<symbol id="([^"]+)"', (assets.STATIC / assets.SPRITE).read_text()))
    shown = [coordinator.get(f"/referrals/{id}").get_data(as_text=True) for id in walk(coordinator, "/")[:40]]
    others = get(house.enter("contracts"), "/"), get(house.enter("auditor"), "/audit")
    for page in (*shown, get(coordinator, "/"), *others):
        assert set(re.findall(r'<use href="[^"#]+#([^"]*)"', page)) <= held


def test_looking_is_audited(house: House, coordinator: FlaskClient) -> None:
    house.world.journal.drain(house.world.engine)
    get(coordinator, "/referrals/worked-03-notice-given")
    get(coordinator, "/?q=halvorsen")
    house.world.journal.drain(house.world.engine)
    with house.world.engine.connect() as conn:
        found = conn.exec_driver_sql(
            "SELECT interaction, resource, query FROM audit WHERE type = 'ServiceRequest' ORDER BY n DESC LIMIT 2"
        ).all()
    assert ("read", "worked-03-notice-given") in [(row.interaction, row.resource) for row in found]
    assert any(row.interaction == "search" and "q=halvorsen" in row.query for row in found)


def test_the_desk_speaks_the_words_of_the_trade(coordinator: FlaskClient) -> None:
    listed = text(get(coordinator, "/"))
    assert "All hours: New York time" in listed
    assert "Requirement" in listed
    assert "Documents missing" in text(get(coordinator, "/?q=R-24817"))
    for wrong in ("Information: to do", "No clock", "Not your move", " Gate "):
        assert wrong not in listed
    panel = text(get(coordinator, "/referrals/order-24817"))
    assert "Loop closure" in panel
    assert "HCPCS C8928" in text(get(coordinator, "/referrals/worked-01-visit-after-approval"))
    assert "All hours: New York time" in panel


def test_the_contract_desk_is_headed_in_the_words_of_the_trade(house: House) -> None:
    said = text(get(house.enter("contracts"), "/"))
    assert "Open referrals" in said
    assert "Notice due" in said


def test_who_has_no_worklist_reads_how_the_ehrs_are_doing_all_the_same(house: House) -> None:
    for who in ("contracts", "admin"):
        said = text(get(house.enter(who), "/"))
        assert "No EHR is connected" in said, who
        assert "with the open referrals that stand on each" in said or who == "admin"


def test_a_payer_without_a_clock_is_told_that_no_decision_is_due(house: House) -> None:
    assert "No decision due" in text(get(house.enter("payer"), "/?tab=open"))


def test_breaking_the_glass_asks_for_an_mrn_and_says_the_birthday_as_people_do(coordinator: FlaskClient) -> None:
    page = get(coordinator, "/break-glass")
    assert "MRN" in text(page)
    assert "Record number" not in text(page)
    hidden = dict(re.findall(r'name="(csrf)" value="([^"]*)"', page))
    found = coordinator.post("/break-glass", data={**hidden, "mrn": "4410-882", "family": "", "birth": ""})
    assert "born 15 Jan 1965 · female · MRN 4410-882" in text(found.get_data(as_text=True))


@pytest.fixture(scope="module")
def both(house: House) -> FlaskClient:
    """Somebody who is a coordinator, whom an admin on the page People makes contract staff too."""
    new = NewUser("both", "Both, Bea", frozenset({"coordinator"}), "office-fairmont")
    accounts.add_user(house.world, new, PASSWORD)
    admin = house.enter("admin")
    csrf = first(r'name="csrf" value="([^"]+)"', get(admin, "/people"))
    sent = {"csrf": csrf, "login": "both", "organization": "office-fairmont", "practitioner": ""}
    refused = admin.post("/people/change", data={**sent, "role": []})
    assert (refused.status_code, "Choose a role" in refused.text) == (422, True)
    assert admin.post("/people/change", data={**sent, "login": "whitlock", "role": ["admin"]}).status_code == 409
    assert "Unknown role" in admin.post("/people/change", data={**sent, "role": ["king"]}).text
    done = admin.post("/people/change", data={**sent, "role": ["coordinator", "contracts"]})
    assert "Both, Bea is changed: contracts, coordinator." in text(done.text)
    client = house.app.test_client()
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', get(client, "/sign-in")))
    client.post("/sign-in", data={**hidden, "login": "both", "password": PASSWORD})
    return client


def test_somebody_with_two_desks_reaches_both_by_the_rail(both: FlaskClient, coordinator: FlaskClient) -> None:
    page = get(both, "/")
    rail = first(r'<nav class="rail-nav"(.*?)</nav>', page)
    desks = ["/waiting", "/", "/authorizations", "/claims", "/patients", "/referrals/new", "/measures", "/contracts",
             "/rules", "/quality", "/import"]
    assert re.findall(r'rail-link" href="([^"]+)"', rail) == desks
    assert re.findall(r'menu-desk" href="([^"]+)"', page) == [
        "/waiting",
        "/",
        "/authorizations",
        "/claims",
        "/patients",
        "/referrals/new",
        "/measures",
        "/contracts",
        "/rules",
        "/quality",
        "/import",
    ]  # in the menu, where there is no rail
    assert "AGR-0112" in text(get(both, "/contracts"))
    assert coordinator.get("/contracts").status_code == 403
    assert "/contracts" not in get(coordinator, "/")


@pytest.mark.parametrize(("who", "desks"), [
    ("coordinator", ["/waiting", "/", "/authorizations", "/claims", "/patients", "/referrals/new", "/measures",
                     "/quality"]),
    ("clinician", ["/waiting", "/", "/authorizations", "/patients", "/referrals/new", "/measures", "/quality"]),
    ("payer", ["/waiting", "/", "/decisions", "/rules"]),
    ("contracts", ["/waiting", "/contracts", "/rules", "/import"]),
    ("admin", ["/quality", "/setup", "/people", "/ehrs", "/import", "/apps", "/jobs", "/policies"]),
])  # fmt: skip
def test_the_rail_shows_each_role_its_desks_by_the_table_of_verbs(house: House, who: str, desks: list[str]) -> None:
    client = house.enter(who)
    page = get(client, "/")
    assert re.findall(r'rail-link" href="([^"]+)"', page) == desks
    assert re.findall(r'menu-desk" href="([^"]+)"', page) == desks
    for path in desks:
        here = re.findall(r'rail-link" href="([^"]+)" aria-current', get(client, path))
        assert here == [path]


def test_only_an_admin_changes_what_people_are(coordinator: FlaskClient) -> None:
    csrf = first(r'name="csrf" value="([^"]+)"', get(coordinator, "/"))
    sent = {"csrf": csrf, "login": "harper", "role": ["admin"], "organization": "office-fairmont"}
    assert coordinator.post("/people/change", data=sent).status_code == 403


def test_an_organization_that_several_systems_told_of_is_offered_once_and_by_its_name(house: House) -> None:
    """A21: the EHR's copy of the office stands beside ours, and who was given the copy had an empty desk."""
    copies = (resource.c.type == "Organization") & resource.c.id.in_(["office-fairmont", "fairmont"])
    with reading(house.world.engine) as conn:
        assert len(conn.execute(select(resource.c.id).where(copies)).all()) == 2
    page = get(house.enter("admin"), "/people")
    form = page[page.index('<select id="organization"') :]
    offered = re.findall(r'<option value="([^"]*)"[^>]*>([^<]*)</option>', form[: form.index("</select>")])
    names = [unescape(name) for _, name in offered]
    assert [id for id, name in offered if name == "Fairmont Medical Group"] == ["office-fairmont"]
    assert len(names) == len(set(names))
    assert not [name for name in names if "(" in name or "office-" in name]


def test_a_change_on_the_page_people_is_audited(both: FlaskClient, house: House) -> None:
    house.world.journal.drain(house.world.engine)
    with reading(house.world.engine) as conn:
        said = conn.scalars(select(audit.c.query).where(audit.c.interaction == "account-change")).all()
    assert any("contracts, coordinator of office-fairmont" in (each or "") for each in said)
