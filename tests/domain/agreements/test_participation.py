"""Who is in network: the traps of contracts.md 1.4, each as a change of the plain story."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carecoord.domain.agreements.versions import standing
from carecoord.domain.resource.days import add_months
from tests.domain.stories import (
    Story,
    T,
    affiliation,
    appointment,
    contract,
    coverage,
    group,
    order,
    ours,
    plain,
    plan,
    ref,
    site,
    task,
    versions,
)

PLAN_NET = "http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/network-reference"


def answer(story: Story, n: int = 12):
    """The participation on the day n days from T."""
    return story.clear(on=T + timedelta(days=n)).participation


def on(n: int) -> date:
    return T + timedelta(days=n)


def doctor(side: str = "") -> dict:
    npi = [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "5550"}]
    return {"resourceType": "Practitioner", "id": f"{side}dr", "identifier": npi, "name": [{"family": "Farrow"}]}


def clinician(
    kind: str = "include",
    number: str = "AGR-1",
    sites: tuple[str, ...] = (),
    id: str = "row",
    organization: str = "office-group-1",
) -> dict:
    """A clinician's own row in the directory (Plan-Net)."""
    marks = [
        {"url": PLAN_NET, "valueReference": ref("Organization/network-1")},
        ours("participation-kind", valueCode=kind),
    ]
    marks += [ours("governing-contract", valueReference=ref(f"Contract/{number.lower()}-v1"))] if number else []
    row = {
        "resourceType": "PractitionerRole",
        "id": id,
        "active": True,
        "practitioner": ref("Practitioner/office-dr"),
        "organization": ref(f"Organization/{organization}"),
        "extension": marks,
    }
    return row | ({"location": [ref(f"Location/office-site-{each}") for each in sites]} if sites else {})


def with_doctor() -> Story:
    """The order names the clinician too."""
    both = [ref("Organization/group-1"), ref("PractitionerRole/works")]
    works = {
        "resourceType": "PractitionerRole",
        "id": "works",
        "practitioner": ref("Practitioner/dr"),
        "organization": ref("Organization/group-1"),
    }
    return plain().with_(doctor(), doctor("office-"), works, order(performer=both))


def test_it_is_in_network_under_the_agreement_version_in_force():
    found = answer(plain())
    assert (found.result, found.network, found.number, found.version, found.until) == (
        "in",
        "Network 1",
        "AGR-1",
        "1",
        None,
    )
    kinds = {each.reference.partition("/")[0] for each in found.evidence}
    assert kinds == {"OrganizationAffiliation", "Contract", "InsurancePlan"}


def test_it_is_in_at_site_a_and_out_at_site_b():
    story = plain().with_(affiliation(sites=("a",)))
    assert answer(story).result == "in"
    assert answer(story.with_(appointment(12, site="b"))).kind == "site"
    assert answer(story.without("Appointment/visit").with_(order(locationReference=[]))).result == "unknown"


def test_it_matches_copies_by_identifier_never_by_id():
    strangers = group(1, "office-") | {"identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1"}]}
    assert answer(plain().with_(strangers)).result == "unknown"


def test_a_silent_directory_is_unknown():
    assert answer(plain().without("OrganizationAffiliation/aff-1-1-include")).kind == "silent"


def test_a_directory_that_knows_the_performer_in_another_network_only_says_out():
    story = plain().without("OrganizationAffiliation/aff-1-1-include").with_(affiliation(network=2))
    assert (answer(story).result, answer(story).kind) == ("out", "network")


def test_an_inactive_row_is_no_row():
    assert answer(plain().with_(affiliation(active=False))).result == "unknown"


def test_a_row_ends_in_the_middle_of_a_month():
    story = plain().with_(affiliation(end=20))
    assert answer(story, 20).result == "in"
    assert answer(story, 21).kind == "ended"
    assert answer(story, 20).until == on(21)


def test_a_row_that_starts_later_is_out_until_then():
    story = plain().with_(affiliation(start=20))
    assert answer(story, 19).kind == "later"
    assert answer(story, 20).result == "in"


def test_an_exclusion_at_the_same_level_wins():
    assert answer(plain().with_(affiliation(kind="exclude"))).result == "excluded"


def test_an_exclusion_at_a_finer_level_wins():
    assert answer(plain().with_(affiliation(kind="exclude", sites=("a",)))).result == "excluded"
    assert answer(plain().with_(affiliation(kind="exclude", sites=("b",)))).result == "in"


def test_an_exclusion_at_a_coarser_level_loses_to_a_finer_inclusion():
    story = plain().with_(affiliation(sites=("a",)), affiliation(kind="exclude"))
    assert answer(story).result == "in"


def test_an_exclusion_that_has_ended_excludes_no_more():
    assert answer(plain().with_(affiliation(kind="exclude", end=5))).result == "in"


def test_a_carve_out_excludes_one_specialty():
    story = plain().with_(affiliation(kind="exclude", specialty="Behavioral health"))
    assert answer(story).result == "in"
    assert answer(story.with_(order(performerType={"text": "behavioral  HEALTH"}))).result == "excluded"
    unnamed = order()
    del unnamed["performerType"]
    assert answer(story.with_(unnamed)).kind == "excluded-in-part"


def test_a_specialty_carved_out_of_a_group_is_carved_out_at_its_sites_too():
    carved = affiliation(kind="exclude", specialty="Behavioral health")
    asks = order(performerType={"text": "Behavioral health"})
    at_site = affiliation(sites=("a",), specialty="")
    assert answer(plain().with_(at_site, carved, asks)).result == "excluded"
    assert answer(plain().with_(at_site, carved)).result == "in", "cardiology is not carved out"
    for_it = affiliation(sites=("a",), specialty="Behavioral health")
    assert answer(plain().with_(for_it, carved, asks)).result == "in", "the site's row opens that very specialty"


def test_a_clinicians_own_exclusion_beats_the_groups_inclusion():
    assert answer(with_doctor().with_(clinician("exclude"))).result == "excluded"
    assert answer(plain().with_(doctor("office-"), clinician("exclude"))).result == "in", "nobody named that clinician"


def test_a_clinician_in_two_groups_is_judged_for_the_group_of_the_referral():
    elsewhere = clinician("exclude", organization="office-group-2", id="elsewhere")
    assert answer(with_doctor().with_(elsewhere)).result == "in"


def test_a_clinicians_row_without_a_contract_rests_on_the_groups():
    found = answer(with_doctor().with_(clinician(number="")))
    assert (found.result, found.number) == ("in", "AGR-1")


def test_a_clinicians_row_speaks_before_the_groups():
    story = with_doctor().with_(clinician(number="AGR-5"), contract("AGR-5", end=5, evergreen=False))
    assert answer(story).kind == "ended"


def test_a_group_takes_part_through_its_parent():
    child = group(1) | {"partOf": ref("Organization/group-2")}
    story = plain().without("OrganizationAffiliation/aff-1-1-include").with_(child, affiliation(2), contract())
    assert answer(story).result == "in"


def test_a_shared_tax_id_is_the_last_resort():
    tax = {"system": "urn:oid:2.16.840.1.113883.4.4", "value": "12-345"}
    one, other = group(1), group(2, "office-")
    one["identifier"].append(tax)
    other["identifier"].append(tax)
    story = plain().without("OrganizationAffiliation/aff-1-1-include").with_(one, other, affiliation(2))
    assert answer(story).result == "in"
    assert answer(story.with_(affiliation(1, kind="exclude"))).result == "excluded", "an own exclusion is finer"


def test_not_credentialed_yet_is_pending():
    story = plain().with_(affiliation(credentialed=20))
    assert (answer(story, 19).result, answer(story, 19).kind) == ("pending", "not-credentialed")
    assert answer(story, 20).result == "in"


def test_a_row_without_an_agreement_on_file_is_unknown():
    assert answer(plain().with_(affiliation(number=""))).kind == "contract"
    assert answer(plain().without("Contract/agr-1-v1")).kind == "contract"


@pytest.mark.parametrize("status", ["executable", "offered", "negotiable"])
def test_an_agreement_that_is_not_signed_is_awaited(status):
    assert answer(plain().with_(contract(status=status))).result == "pending"


def test_a_suspended_agreement_is_out():
    assert (answer(plain().with_(contract(status="disputed"))).result) == "out"


def test_signed_later_than_effective_counts_from_effective():
    late = contract(start=-30) | {"issued": (T - timedelta(days=1)).isoformat()}
    assert answer(plain().with_(late), -20).result == "in"
    assert answer(plain().with_(late), -31).kind == "later"


def test_a_fixed_term_ends_after_its_last_day():
    story = plain().with_(contract(end=10, evergreen=False))
    assert answer(story, 10).result == "in"
    assert answer(story, 11).kind == "ended"


def test_an_evergreen_term_rolls_on():
    assert answer(plain().with_(contract(end=-400, evergreen=True)), 300).result == "in"


def test_an_evergreen_term_with_notice_ends_with_the_term():
    story = plain().with_(contract(end=39, evergreen=True, notice=-12))
    assert answer(story, 39).result == "in"
    assert answer(story, 40).kind == "ended"
    assert answer(story, 12).until == on(40)


def test_a_notice_that_missed_its_window_ends_one_term_later():
    days = [ours("notice-days", valueInteger=90)]
    story = plain().with_(contract(end=39, evergreen=True, notice=-12, marks=days))
    assert answer(story, 60).result == "in"
    assert answer(story, 60).until == add_months(on(40), 12)


def test_a_notice_long_after_the_first_term_ends_the_term_it_falls_into():
    story = plain().with_(contract(start=-900, end=-500, evergreen=True, notice=-12))
    assert answer(story, 0).until == add_months(on(-499), 24)


def test_a_rate_only_amendment_goes_on_under_the_new_version():
    marks = [
        ours("amends", valueReference=ref("Contract/agr-1-v1")),
        ours("amendment-type", valueCode="rate-only"),
        ours("effective-from", valueDate=on(5).isoformat()),
    ]
    story = plain().with_(contract(n=2, start=None, marks=marks))
    assert [answer(story, n).version for n in (4, 5)] == ["1", "2"]
    assert answer(story, 4).result == answer(story, 5).result == "in"


def test_an_unsigned_amendment_leaves_the_old_version_in_force():
    story = plain().with_(contract(n=2, start=-5, status="executable"))
    assert answer(story).version == "1"


def test_what_a_later_version_replaced_does_not_come_back_when_that_ends():
    story = plain().with_(contract(evergreen=True, end=100), contract(n=2, start=-10, end=20, evergreen=False))
    assert answer(story, 20).version == "2"
    assert answer(story, 21).result == "out"


def test_a_plan_moves_to_another_network_in_the_new_year():
    story = plain().with_(plan(end=39), plan(network=2, start=40, id="plan-1-next"))
    assert answer(story, 39).result == "in"
    assert answer(story, 40).kind == "network"
    assert answer(story, 30).until == on(40)


def test_a_plan_that_is_not_in_the_register_or_not_on_the_card_is_unknown():
    assert answer(plain().without("InsurancePlan/plan-1")).kind == "plan"
    assert answer(plain().with_(coverage(**{"class": []}))).kind == "plan"


def test_a_plan_of_another_payer_with_the_same_name_is_another_plan():
    stranger = plan(id="stranger") | {
        "ownedBy": ref("Organization/office-payer-2"),
        "network": [ref("Organization/network-2")],
    }
    assert answer(plain().with_(stranger)).result == "in"
    assert answer(plain().without("InsurancePlan/plan-1").with_(stranger)).kind == "plan"


def test_the_networks_of_a_plans_parts_count():
    inside = plan() | {"network": [], "plan": [{"network": [ref("Organization/network-1")]}]}
    assert answer(plain().with_(inside)).result == "in"


def test_others_in_network_are_offered_when_the_performer_is_not():
    others = [
        affiliation(2, number="AGR-2"),
        contract("AGR-2"),
        affiliation(3, number="AGR-3"),
        contract("AGR-3", end=5),
    ]
    found = plain().with_(contract(end=-1, evergreen=False), *others).clear().gate("agreement")
    assert [(offer.name, offer.agreement) for offer in found.offers] == [("Hillcrest Cardiology", "AGR-2")]
    other_field = plain().with_(
        contract(end=-1, evergreen=False), affiliation(2, number="AGR-2", specialty="GI"), contract("AGR-2")
    )
    assert other_field.clear().gate("agreement").offers == ()


def test_the_site_of_a_performer_who_declined_is_not_the_next_ones():
    tasks = [task(1, "rejected", "declined"), task(2, owner="group-2", sent=-1)]
    story = (
        plain().without("Appointment/visit").with_(*tasks, site("a"), affiliation(2, number="AGR-2"), contract("AGR-2"))
    )
    assert story.clear().facts.referral.site is None
    assert story.clear().gate("agreement").state == "met"


DAYS = st.integers(-800, 800)


@given(start=DAYS, length=st.integers(1, 900), evergreen=st.booleans(), notice=st.none() | DAYS, day=DAYS)
def test_a_version_holds_exactly_in_its_run(start, length, evergreen, notice, day):
    signed = contract(start=start, end=start + length, evergreen=evergreen, notice=notice)
    found = versions(*[signed])
    stand = standing("AGR-1", found, on(day))
    run = found[0].run
    assert (stand.state == "in-force") == run.holds(on(day))
    assert run.start == on(start)
    assert run.end is None or run.end >= on(start + length + 1)
    if evergreen and notice is None:
        assert run.end is None
    if evergreen and notice is not None:
        assert run.end is not None
        assert run.end >= on(notice)


@given(st.dates(date(1900, 1, 31), date(2200, 1, 1)), st.integers(-600, 600))
def test_month_arithmetic_keeps_the_day_or_takes_the_months_last(day, months):
    found = add_months(day, months)
    assert (found.year * 12 + found.month) - (day.year * 12 + day.month) == months
    assert found.day == day.day or (found.day < day.day and (found + timedelta(days=1)).day == 1)


def test_month_ends_and_leap_days():
    assert add_months(date(2027, 1, 31), 1) == date(2027, 2, 28)
    assert add_months(date(2028, 1, 31), 1) == date(2028, 2, 29)
    assert add_months(date(2024, 2, 29), 12) == date(2025, 2, 28)
    assert add_months(date(2024, 2, 29), 48) == date(2028, 2, 29)
