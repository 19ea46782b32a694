"""One line of the register for each agreement: what is due of it next, by hand-made days."""

from datetime import UTC, date
from typing import Any

from carecoord.domain.agreements.overview import Overview, overview, words
from carecoord.domain.agreements.versions import by_agreement, standing, version_of
from tests.domain.stories import ours, ref

Json = dict[str, Any]
TODAY = date(2026, 11, 27)


def made(start: str, end: str = "", n: int = 1, status: str = "executed", **more: Any) -> Json:
    """A version; `more`: evergreen, notice_days, renewal_months, notice_given, amends."""
    marks = []
    for name, value in more.items():
        kind = {bool: "valueBoolean", int: "valueInteger"}.get(type(value), "valueDate")
        held = {"valueReference": ref(f"Contract/agr-1-v{value}")} if name == "amends" else {kind: value}
        marks.append(ours(name.replace("_", "-"), **held))
    term = {"start": start} | ({"end": end} if end else {})
    return {
        "resourceType": "Contract", "id": f"agr-1-v{n}", "version": str(n), "status": status,
        "meta": {"versionId": "1"},
        "identifier": [{"system": "https://carecoord.example/id/agreement", "value": "AGR-0112"}], "applies": term,
        "title": "Participation agreement", "authority": [ref("Organization/blue")],
        "type": {"coding": [{"code": "payer-provider"}]}, "extension": marks,
        "term": [{"type": {"coding": [{"code": "notice"}]}, "text": "By registered letter.", "offer": {"party": [
            {"reference": [ref("Organization/riverside")], "role": {"coding": [{"code": "provider-group"}]}}]}}],
    }  # fmt: skip


def seen(*contracts: Json, day: date = TODAY) -> Overview:
    versions = next(iter(by_agreement((version_of(each, UTC) for each in contracts), {}).values()))
    names = {"Organization/blue": "Blue Horizon Health", "Organization/riverside": "Riverside Heart Group"}
    return overview(versions, {f"Contract/{each['id']}": each for each in contracts}, names, day)


def test_the_day_of_notice_comes_before_the_end_of_a_fixed_term() -> None:
    one = seen(made("2025-01-01", "2026-12-31", notice_days=30))
    assert (one.state, one.stage) == ("in-force", "current")
    assert one.end == one.term_end == date(2027, 1, 1)
    assert one.notice_by == one.due == date(2026, 12, 2)  # 1 Jan less 30 days
    assert one.turns == date(2026, 12, 3)


def test_an_evergreen_term_never_ends_and_its_notice_is_for_the_term_that_runs() -> None:
    one = seen(made("2020-03-01", "2021-02-28", evergreen=True, notice_days=60))
    assert (one.end, one.term_end, one.notice_by) == (None, date(2027, 3, 1), date(2026, 12, 31))


def test_a_notice_window_that_was_missed_leads_to_that_of_the_next_term() -> None:
    one = seen(made("2020-12-15", "2021-12-14", evergreen=True, notice_days=60))
    assert (one.term_end, one.notice_by) == (date(2026, 12, 15), date(2027, 10, 16))
    assert one.due == date(2026, 12, 15)
    two = seen(made("2020-12-15", "2021-12-14", evergreen=True, notice_days=60, renewal_months=24))
    assert (two.term_end, two.notice_by) == (date(2027, 12, 15), date(2027, 10, 16))


def test_of_an_agreement_on_which_notice_was_given_only_the_end_is_due() -> None:
    one = seen(made("2025-01-06", "2027-01-05", evergreen=True, notice_days=45, notice_given="2026-11-10"))
    assert (one.end, one.notice_by, one.due) == (date(2027, 1, 6), None, date(2027, 1, 6))


def test_a_draft_beside_what_is_in_force_waits_to_be_signed() -> None:
    one = seen(made("2025-01-01", "2026-12-31"), made("2027-01-01", "2028-12-31", 2, "negotiable"))
    assert (one.version, one.drafts, one.stage, one.versions) == ("1", True, "current", 2)
    assert seen(made("2027-01-01", status="offered")).stage == "awaited"
    assert seen(made("2020-01-01", "2021-12-31")).stage == "ended"
    assert seen(made("2020-01-01", status="cancelled")).stage == "ended"


def test_the_parties_are_named_once_with_their_roles_and_whom_the_agreement_binds_by_itself() -> None:
    sides = seen(made("2025-01-01")).sides
    assert [(each.key, each.name, each.role, each.binds) for each in sides] == [
        ("Organization/blue", "Blue Horizon Health", "", True),
        ("Organization/riverside", "Riverside Heart Group", "provider-group", False),
    ]


def test_number_parties_and_the_text_of_terms_are_searched_in_base_letters() -> None:
    said = seen(made("2025-01-01")).words.split()
    assert {"agr", "0112", "riverside", "blue", "registered", "letter", "participation"} <= set(said)
    assert words("Ångström-Klinik, Nº 7") == ["angstrom", "klinik", "no", "7"]


def test_an_evergreen_agreement_that_was_terminated_does_not_roll_on() -> None:
    terms = ("2024-01-01", "2025-12-31")
    ended, rolling = (
        version_of(made(*terms, status=status, evergreen=True), UTC) for status in ("terminated", "executed")
    )
    assert standing("AGR-1", (ended,), TODAY).state == "ended"
    assert standing("AGR-1", (ended,), TODAY).until == date(2026, 1, 1)
    assert standing("AGR-1", (rolling,), TODAY).state == "in-force"
