"""Each row of the table by which an approval is matched to a visit (prior-auth.md 5: patient, coverage, date, code,
units, kind, provider, site, status) has a story in which only that row fails, and the gate names it (issue 10,
must-show 2). Each differs from one story that is met by that row alone."""

from typing import Any

import pytest

from tests.domain.stories import (
    HCPCS,
    Story,
    answer,
    book,
    claim,
    coded,
    coverage,
    encounter,
    order,
    plain,
    ref,
    rule,
    site,
)

X12_673 = "https://codesystem.x12.org/005010/673"
SPAN: dict[str, Any] = {"start": -5, "end": 60}


def approved(*more: Any, asked: dict[str, Any] | None = None, said: dict[str, Any] | None = None) -> Story:
    return plain().with_(book(rule()), asked or claim(units=2), said or answer(**SPAN, units=2), *more)


def of(**line: Any) -> dict[str, Any]:
    """The request, its one line otherwise."""
    found = claim(units=2)
    found["item"][0] |= line
    return found


def in_months() -> dict[str, Any]:
    found = answer(**SPAN, units=2)
    detail = next(each for each in found["item"][0]["extension"] if each["url"].endswith("itemAuthorizedDetail"))
    detail["extension"][0]["valueQuantity"] |= {"unit": "Months", "system": X12_673, "code": "MO"}
    return found


NOBODYS = {"patient": ref("Patient/somebody-else")}
NEW_CARD = coverage(id="card-new", start=-5, subscriberId="OTHER-77")
TABLE: dict[str, tuple[Story, str]] = {
    "patient": (approved(asked=claim(units=2, **NOBODYS), said=answer(**SPAN, units=2, **NOBODYS)),
                "authorization.missing"),
    "coverage": (approved(NEW_CARD, order(insurance=[ref("Coverage/card-new")]),
                          coverage(end=-5, subscriberId="M-1")), "authorization.coverage"),
    "date": (approved(said=answer(start=-5, end=11, units=2)), "authorization.dates"),
    "code": (approved(asked=of(productOrService=coded(HCPCS, "G9999"))), "authorization.service"),
    "units": (approved(encounter(-2, "seen"), encounter(-3, "before")), "authorization.units"),
    "kind": (approved(said=in_months()), "authorization.unit-kind"),
    "provider": (approved(said=answer(**SPAN, units=2, provider="group-2")), "authorization.performer"),
    "site": (approved(site("b"), asked=of(locationReference=ref("Location/site-b"))), "authorization.site"),
    "status": (approved(said=answer("A3", **SPAN, because="Not shown")), "authorization.denied"),
}  # fmt: skip


def test_the_story_is_met_where_nothing_fails() -> None:
    assert approved().clear().gate("authorization").rule == "authorization.approved"


@pytest.mark.parametrize("row", TABLE)
def test_where_only_this_row_fails_the_gate_names_it(row: str) -> None:
    story, rule_ = TABLE[row]
    gate = story.clear().gate("authorization")
    assert gate.state not in ("met", "not-needed")
    assert gate.rule == rule_
