"""Each kind of agreement from its form to its end: with exactly the fields that it demands, not signed while one is
missing, shown, amended, ended."""

import re

import pytest
from flask.testing import FlaskClient

from carecoord.fhir.validation.validate import judge
from tests.desk.agreements.test_acts import after, hidden, opened, send, stored, words
from tests.desk.conftest import House

pytestmark = pytest.mark.usefixtures("clock")

# By hand from contracts.md 1.2: of each kind its parties' roles, the terms in words, and whether it has a limit.
DEMANDED: dict[str, tuple[str, str, tuple[str, ...], bool]] = {
    "payer-provider": ("Payer", "Provider", ("participation",), False),
    "vendor": ("Owner", "Vendor", ("scope-of-work", "insurance"), True),
    "employee-benefits": ("Owner", "Vendor", ("product-line", "renewal"), True),
    "health-social": ("Owner", "Vendor", ("scope-of-work", "insurance"), True),
    "engineering": ("Owner", "Prime contractor", ("scope-of-work", "insurance"), True),
    "construction": (
        "Owner", "Prime contractor", ("scope-of-work", "insurance", "obligation", "participation-goal"), True,
    ),
    "baa": ("Covered entity", "Business associate", ("confidentiality-baa", "obligation", "termination"), False),
}  # fmt: skip
COMMON = {"number", "title", "first", "second", "start", "last", "ahead", "evergreen", "months"}


def signatures(form: dict[str, str]) -> dict[str, str]:
    return form | {"signer-1": "A. Owner", "day-1": "1 Nov", "signer-2": "B. Other", "day-2": ""}


@pytest.mark.parametrize("kind", DEMANDED)
def test_a_kind_is_drafted_with_what_it_demands_signed_once_that_is_written_amended_and_ended(
    acting_house: House, carla: FlaskClient, kind: str
) -> None:
    first, second, terms, limited = DEMANDED[kind]
    page = carla.get(f"/contracts/new?kind={kind}").get_data(as_text=True)
    shown = set(re.findall(r'<(?:input|textarea|select)[^>]* name="([^"]+)"', page[page.index('id="act-form"') :]))
    fields = {each for each in shown if each not in ("csrf", "once", "back", "seen", "kind", "offered")}
    fields = {each for each in fields if not each.startswith(("network-", "plan-"))}
    assert fields == COMMON | {f"term-{each}" for each in terms} | ({"limit"} if limited else set())
    assert (f"{first}: name or NPI" in page, f"{second}: name or NPI" in page) == (True, True)

    whose = "Granite Care Alliance" if first == "Payer" else "Fairmont Medical Group"
    sides = {"first": whose, "second": "Stonebridge Physical Therapy"}
    given = hidden(carla.get(f"/contracts/new?kind={kind}")) | sides
    lacks = carla.post("/contracts/new/draft", data=given | {"number": "", "start": ""})
    said = words(lacks)
    assert lacks.status_code == 422
    assert ("Write the agreement number." in said, "Write its first day." in said) == (True, True)
    drafted = carla.post(
        "/contracts/new/draft", data=given | {"number": f"KIND-{kind}", "start": "2026-01-01", "offered": "1"}
    )
    assert f"KIND-{kind}" in after(carla, drafted)
    id = drafted.location.partition("/contracts/")[2].partition("?")[0]
    early = send(carla, id, "sign", signatures(opened(carla, id, "sign")))
    assert (early.status_code, "demanded of this kind" in words(early)) == (422, True)
    for each in terms:
        assert each.replace("-", " ") in words(early), "what is missing is named"
    written = {f"term-{each}": f"What is agreed of {each}." for each in terms}
    written |= {"limit": "250,000"} if limited else {}
    dates = {"number": f"KIND-{kind}", "start": "2026-01-01", "last": "2027-12-31"}
    given = opened(carla, id, "edit") | sides | dates | written | {"kind": kind}
    edited = after(carla, send(carla, id, "edit", given))
    assert all(f"What is agreed of {each}." in edited for each in terms)
    assert ("$250,000" in edited) == limited
    assert "Signed: version 1 stands." in after(carla, send(carla, id, "sign", signatures(opened(carla, id, "sign"))))
    assert not judge(stored(acting_house, id), "Contract")

    amendment = {"kind": "modify", "topic": terms[0], "start": "2026-11-20", "words": "Said otherwise."}
    made = send(carla, id, "amend", opened(carla, id, "amend") | amendment)
    after(carla, made)
    signed = after(carla, send(carla, id, "sign", signatures(opened(carla, id, "sign")) | {"day-1": "20 Nov"}))
    assert ("Signed: version 2 stands." in signed, "Said otherwise." in signed) == (True, True)
    counted = send(carla, id, "end", opened(carla, id, "end") | {"day": "2026-12-15", "reason": "Both agreed"})
    done = send(carla, id, "end", hidden(counted) | {"day": "2026-12-15", "reason": "Both agreed"})
    assert "Last day 15 Dec" in after(carla, done)
