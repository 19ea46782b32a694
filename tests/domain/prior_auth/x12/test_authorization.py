"""278 out and in, 270 out and 271 in: what a request says as X12, and an answer by file that is read into the lines
that the same answer by PAS gives."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from carecoord.domain.prior_auth import decisions
from carecoord.domain.prior_auth.x12 import answer, eligibility, envelope, inquiry, request, writer
from carecoord.domain.prior_auth.x12.request import Asking, Member, Named
from carecoord.errors import Unprocessable
from tests.domain.prior_auth.x12.files import ANSWER, ELIGIBILITY, file
from tests.domain.stories import POLICY

NOW = datetime(2026, 11, 29, 10, 15, tzinfo=UTC)
CPT = "http://www.ama-assn.org/go/cpt"
PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition"
PAYER = Named("GRANITE CARE ALLIANCE", "PI", "GC014")
CLINIC = Named("FAIRMONT", "XX", "9000010100")
MEMBER = Member("BRANDT", "ELEANOR", "", "GC014-4309772", date(1957, 3, 4), "female")


def line(sequence: int, code: str, n: int) -> dict[str, Any]:
    return {
        "sequence": sequence,
        "productOrService": {"coding": [{"system": CPT, "code": code}]},
        "quantity": {"value": n},
        "servicedPeriod": {"start": "2026-12-01", "end": "2027-01-31"},
    }


CLAIM: dict[str, Any] = {
    "resourceType": "Claim", "id": "q1", "status": "active", "use": "preauthorization",
    "patient": {"reference": "Patient/eleanor"}, "insurer": {"reference": "Organization/granite"},
    "provider": {"reference": "Organization/fairmont"}, "type": {"text": "professional"},
    "diagnosis": [{"sequence": 1, "diagnosisCodeableConcept": {
        "coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "M54.50"}]}}],
    "item": [line(1, "97110", 12), line(2, "97140", 12), line(3, "97014", 4)],
}  # fmt: skip
ASKING = Asking(CLAIM, "q1", "9900001010", PAYER, CLINIC, None, MEMBER)


def wrote(asking: Asking) -> list[str]:
    header = writer.Header("9000010100", "GC014", 7, NOW)
    said = writer.written(header, request.GUIDE, "278", [request.rows(asking, NOW)])
    assert envelope.read(said.encode()).faults == []
    return said.splitlines()


def test_a_request_is_written_as_a_278_with_its_lines_units_dates_codes_and_traces() -> None:
    assert wrote(ASKING) == [
        "ISA*00*          *00*          *ZZ*9000010100     *ZZ*GC014          *261129*1015*^*00501*000000007*0*P*:~",
        "GS*HI*9000010100*GC014*20261129*1015*7*X*005010X217~",
        "ST*278*0001*005010X217~",
        "BHT*0007*13*q1*20261129*1015~",
        "HL*1**20*1~",
        "NM1*X3*2*GRANITE CARE ALLIANCE*****PI*GC014~",
        "HL*2*1*21*1~",
        "NM1*1P*2*FAIRMONT*****XX*9000010100~",
        "HL*3*2*22*1~",
        "NM1*IL*1*BRANDT*ELEANOR****MI*GC014-4309772~",
        "DMG*D8*19570304*F~",
        "HL*4*3*EV*1~",
        "TRN*1*q1*9900001010~",
        "UM*HS*I~",
        "HI*ABK:M5450~",
        "HL*5*4*SS*0~",
        "TRN*1*q1.1*9900001010~",
        "DTP*472*RD8*20261201-20270131~",
        "SV1*HC:97110~",
        "HSD*VS*12~",
        "HL*6*4*SS*0~",
        "TRN*1*q1.2*9900001010~",
        "DTP*472*RD8*20261201-20270131~",
        "SV1*HC:97140~",
        "HSD*VS*12~",
        "HL*7*4*SS*0~",
        "TRN*1*q1.3*9900001010~",
        "DTP*472*RD8*20261201-20270131~",
        "SV1*HC:97014~",
        "HSD*VS*4~",
        "SE*29*0001~",
        "GE*1*7~",
        "IEA*1*000000007~",
    ]


def test_an_urgent_appeal_of_an_institutional_request_says_so() -> None:
    revenue = {"coding": [{"system": "https://www.nubc.org/CodeSystem/RevenueCodes", "code": "0420"}]}
    kind = {"url": f"{PAS}/extension-certificationType", "valueCodeableConcept": {"coding": [
        {"system": "https://codesystem.x12.org/005010/1322", "code": "1"}]}}  # fmt: skip
    stat = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/processpriority", "code": "stat"}]}
    units = {"value": 8, "system": "https://codesystem.x12.org/005010/673", "code": "FL"}
    claim = CLAIM | {"extension": [kind], "priority": stat,
                     "item": [line(1, "97110", 8) | {"revenue": revenue, "quantity": units}]}  # fmt: skip
    rows = wrote(replace(ASKING, claim=claim, number="GC-70330", papers=[("AC1", "Consult note")]))
    assert "UM*HS*1****U~" in rows
    assert "REF*BB*GC-70330~" in rows
    assert "PWK*77*EL***AC*AC1*Consult note~" in rows
    assert "SV2*0420*HC:97110**UN*8~" in rows
    assert "HSD*FL*8~" in rows


@pytest.mark.parametrize(
    ("change", "said", "where"),
    [
        ({"quantity": {"value": 3, "unit": "parsecs"}}, "asked in parsecs", "Claim.item[1].quantity"),
        ({"servicedPeriod": {}}, "from which day on", "Claim.item[1].serviced"),
        ({"productOrService": {"text": "Massage"}}, "no CPT, HCPCS, CDT or revenue code",
         "Claim.item[1].productOrService"),
    ],
)  # fmt: skip
def test_what_a_278_has_no_place_for_is_told_and_not_left_out(change: dict[str, Any], said: str, where: str) -> None:
    claim = CLAIM | {"item": [line(1, "97110", 12) | change]}
    with pytest.raises(Unprocessable, match=said) as refused:
        request.rows(replace(ASKING, claim=claim), NOW)
    assert refused.value.where == where


def answered(body: str = ANSWER) -> answer.Answer:
    (transaction,) = envelope.read(file("278", body)).transactions
    assert answer.is_response(transaction)
    return answer.read(transaction)


def lines(response: dict[str, Any], claim: dict[str, Any] = CLAIM) -> tuple[decisions.Line, ...]:
    return decisions.lines(claim, response, {}, {}, POLICY)


def test_an_answer_gives_the_lines_units_dates_and_numbers_that_it_says() -> None:
    found = answered()
    assert (found.trace, found.member, found.faults) == ("q1", "GC014-4309772", ())
    decided, faults = answer.placed(found, CLAIM, "q1", POLICY.zone)
    assert faults == []
    response = answer.response("r1", CLAIM, found, decided, NOW)
    assert response["outcome"] == "complete"
    assert response["preAuthRef"] == "GC-70330"
    read = [(each.state, each.units, each.number, str(each.reason)) for each in lines(response)]
    assert read == [
        ("approved", 12.0, "GC-70330", ""),
        ("modified", 6.0, "GC-70331", ""),
        ("denied", None, "GC-70330", "0F"),
    ]
    assert [each.amount and each.amount.noun for each in lines(response)] == ["visit", "visit", None]


def test_an_answer_by_file_gives_the_same_lines_as_the_same_answer_by_pas() -> None:
    def review(*parts: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"extension": [{"url": f"{PAS}/extension-reviewAction", "extension": list(parts)}]}]

    def code(said: str) -> dict[str, Any]:
        coding = [{"system": "https://codesystem.x12.org/005010/306", "code": said}]
        return {"url": f"{PAS}/extension-reviewActionCode", "valueCodeableConcept": {"coding": coding}}

    def number(said: str) -> dict[str, Any]:
        return {"url": "number", "valueString": said}

    days = {"url": f"{PAS}/extension-itemPreAuthPeriod", "valuePeriod": {"start": "2026-12-01", "end": "2027-01-31"}}
    why = {"url": "reasonCode", "valueCodeableConcept": {"coding": [
        {"system": "https://codesystem.x12.org/external/886", "code": "0F"}]}}  # fmt: skip
    by_pas = {
        "resourceType": "ClaimResponse", "id": "r1", "status": "active", "outcome": "complete",
        "preAuthRef": "GC-70330", "request": {"reference": "Claim/q1"},
        "item": [
            {"itemSequence": 1, "extension": [days], "adjudication": review(code("A1"), number("GC-70330"))},
            {"itemSequence": 2, "extension": [days], "adjudication": review(code("A6"), number("GC-70331"))},
            {"itemSequence": 3, "adjudication": review(code("A3"), why)},
        ],
        "addItem": [{"itemSequence": [2], "extension": [days], "quantity": {"value": 6, "unit": "visits"},
                     "productOrService": CLAIM["item"][1]["productOrService"],
                     "adjudication": review(code("A6"), number("GC-70331"))}],
    }  # fmt: skip
    found = answered()
    by_file = answer.response("r1", CLAIM, found, answer.placed(found, CLAIM, "q1", POLICY.zone)[0], NOW)
    assert lines(by_file) == lines(by_pas)


def test_what_is_said_of_the_whole_is_said_of_every_line() -> None:
    whole = "\n".join([*ANSWER.splitlines()[:10], "HCR*A4*ADM-9"])
    found = answered(whole)
    decided, faults = answer.placed(found, CLAIM, "q1", POLICY.zone)
    response = answer.response("r1", CLAIM, found, decided, NOW)
    assert faults == []
    assert [each.state for each in lines(response)] == ["pended"] * 3
    assert "preAuthRef" not in response
    assert [each["extension"][0]["valueString"] for each in response["item"]] == ["ADM-9"] * 3


def test_a_number_for_several_lines_together_and_a_line_that_is_nobodys_are_told() -> None:
    undivided = "\n".join([*ANSWER.splitlines()[:10], "HCR*A1*GC-1", "HSD*VS*6"])
    _, faults = answer.placed(answered(undivided), CLAIM, "q1", POLICY.zone)
    said = "It grants a number for 3 lines together; how it is divided is not said."
    assert [str(each.why) for each in faults] == [said]
    strange = ANSWER.replace("q1.3", "other").replace("97014", "99999")
    _, faults = answer.placed(answered(strange), CLAIM, "q1", POLICY.zone)
    assert [(each.place, str(each.why)) for each in faults] == [
        (29, "It can not be told which line of the request is meant by 99999.")
    ]


def test_a_line_without_a_trace_is_found_by_a_code_that_one_line_alone_has() -> None:
    bare = "\n".join(each for each in ANSWER.splitlines() if not each.startswith("TRN*2*q1."))
    decided, faults = answer.placed(answered(bare), CLAIM, "q1", POLICY.zone)
    assert faults == []
    assert {n: each.action for n, each in decided.items()} == {1: "A1", 2: "A6", 3: "A3"}


def test_a_request_that_was_not_processed_is_an_answer_with_its_codes() -> None:
    refused = "\n".join([*ANSWER.splitlines()[:7], "AAA*N**75*C"])
    found = answered(refused)
    assert [(each.code, each.follow_up, each.level) for each in found.rejections] == [("75", "C", "22")]
    response = answer.response("r1", CLAIM, found, {}, NOW)
    assert response["outcome"] == "error"
    assert response["error"][0]["code"]["coding"][0]["code"] == "75"


def first_line(*changed: tuple[str, str], claim: dict[str, Any] = CLAIM) -> decisions.Line:
    """The first line of the answer to a request, read with these segments instead."""
    body = ANSWER
    for old, new in changed:
        assert old in body
        body = body.replace(old, new, 1)
    found = answered(body)
    decided, _ = answer.placed(found, claim, "q1", POLICY.zone)
    return lines(answer.response("r1", claim, found, decided, NOW), claim)[0]


SERVED = "DTP*472*RD8*20261201-20270131"


def test_what_is_said_of_a_service_is_what_x12_has_for_a_service() -> None:
    def marks(category: str, kind: str) -> dict[str, Any]:
        said = (("serviceItemRequestType", "1525", category), ("certificationType", "1322", kind))
        return {"extension": [
            {"url": f"{PAS}/extension-{name}", "valueCodeableConcept": {"coding": [
                {"system": f"https://codesystem.x12.org/005010/{of}", "code": code}]}} for name, of, code in said
        ]}  # fmt: skip

    items = [line(1, "97110", 1) | marks("SC", "R"), line(2, "97140", 1) | marks("AR", "N")]
    rows = wrote(replace(ASKING, claim=CLAIM | {"item": items}))
    assert [each for each in rows if each.startswith("UM")] == ["UM*SC*I~", "UM*SC*R~", "UM*HS~"]


@pytest.mark.parametrize(
    ("said", "start", "last"),
    [
        (SERVED, date(2026, 12, 1), date(2027, 1, 31)),
        (f"{SERVED}\nDTP*007*RD8*20261205-20261215", date(2026, 12, 5), date(2026, 12, 15)),
        (f"{SERVED}\nDTP*007*D8*20261205", date(2026, 12, 5), date(2027, 1, 31)),
        (f"{SERVED}\nDTP*007*D8*20261205\nDTP*036*D8*20261220", date(2026, 12, 5), date(2026, 12, 20)),
        (f"{SERVED}\nDTP*036*D8*20261220", date(2026, 12, 1), date(2026, 12, 20)),
        ("DTP*472*D8*20261210", date(2026, 12, 10), date(2026, 12, 10)),
        ("DTP*007*D8*20261205", date(2026, 12, 5), date(2027, 1, 31)),  # until when is as it was asked for
        ("DTP*435*D8*20261205", date(2026, 12, 5), date(2027, 1, 31)),
        ("DTP*102*D8*20261129", date(2026, 12, 1), date(2027, 1, 31)),  # the day of issue is none of these
    ],
)
def test_what_is_certified_stands_before_the_service_that_was_asked_for(said: str, start: date, last: date) -> None:
    line = first_line((SERVED, said))
    assert (line.days.start, line.days.last) == (start, last)


def test_the_last_day_that_was_asked_for_is_that_of_our_clock() -> None:
    """Half past midnight in London is still the evening before in New York."""
    first, *rest = CLAIM["item"]
    asked = first | {"servicedPeriod": {"start": "2026-12-01", "end": "2027-02-01T00:30:00Z"}}
    line = first_line((SERVED, "DTP*007*D8*20261205"), claim=CLAIM | {"item": [asked, *rest]})
    assert line.days.last == date(2027, 1, 31)


def test_a_line_without_days_has_those_of_the_event() -> None:
    whole = ("HCR*A1*GC-70330\nHL*5", "HCR*A1*GC-70330\nDTP*007*RD8*20261205-20261215\nHL*5")
    line = first_line(whole, (f"{SERVED}\n", ""))
    assert (line.days.start, line.days.last) == (date(2026, 12, 5), date(2026, 12, 15))


def test_an_answer_that_certifies_another_service_or_place_or_names_who_does_it_is_read_so() -> None:
    assert first_line().codes == {(CPT, "97110")}
    assert first_line(("SV1*HC:97110", "SV1*HC:97112")).codes == {(CPT, "97112")}
    assert first_line(("SV1*HC:97110", "SV1*HC:G0283")).codes == {
        ("https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "G0283")}  # fmt: skip
    ranged = first_line(("SV1*HC:97110", "SV1*HC:97112:GP:::::97116"))
    assert (ranged.code_end, ranged.modifiers, ranged.amount and ranged.amount.count) == ("97116", {"GP"}, 12)
    place = first_line(("HCR*A1*GC-70330\nDTP", "UM*HS*I**22:B\nHCR*A1*GC-70330\nDTP"))
    assert place.places == {"22"}
    bill = first_line(("HCR*A1*GC-70330\nDTP", "UM*HS*I**13:A\nHCR*A1*GC-70330\nDTP"))
    assert bill.places == set(), "a type of bill is no place of service"
    said = "HSD*VS*12\nNM1*SJ*2*HARBOR REHAB*****XX*9000020202\nNM1*71*1*VOSS*MARA****XX*9000020203"
    named = first_line(("HSD*VS*12", f"{said}\nNM1*DN*1*WHO ASKED*****XX*9000010100"))
    assert [(each.name, each.keys) for each in named.providers] == [
        ("HARBOR REHAB", {"http://hl7.org/fhir/sid/us-npi|9000020202"}),
        ("VOSS MARA", {"http://hl7.org/fhir/sid/us-npi|9000020203"}),
    ]


@pytest.mark.parametrize(("said", "end"), [
    ("97110", "97164"), ("97110::::::97164", "97164"), ("97110::::::97116", "97116"),
])  # fmt: skip
def test_of_a_range_no_more_is_certified_than_the_answer_says(said: str, end: str) -> None:
    last = {"url": f"{PAS}/extension-productOrServiceCodeEnd", "valueCodeableConcept": {"coding": [
        {"system": CPT, "code": "97164"}]}}  # fmt: skip
    first, *rest = CLAIM["item"]
    claim = CLAIM | {"item": [first | {"extension": [*first.get("extension", []), last]}, *rest]}
    line = first_line(("SV1*HC:97110\n", f"SV1*HC:{said}\n"), claim=claim)
    assert (line.codes, line.code_end) == ({(CPT, "97110")}, end)


def test_a_name_or_a_number_for_which_x12_has_no_room_is_told_by_its_element() -> None:
    long = replace(ASKING, requester=Named("F" * 61, "XX", "9000010100"), origin="12345678901")
    with pytest.raises(Unprocessable) as refused:
        wrote(long)
    assert [(each.where, str(each.said)) for each in refused.value.issues] == [
        ("8 NM103", "It has 61 characters; X12 has room for 60 there."),
        *((f"{place} TRN03", "It has 11 characters; X12 has room for 10 there.") for place in (13, 17, 22, 27)),
    ]


def test_a_denial_without_a_reason_is_told() -> None:
    found = answered(ANSWER.replace("HCR*A3**0F", "HCR*A3"))
    decided, _ = answer.placed(found, CLAIM, "q1", POLICY.zone)
    assert [str(each.why) for each in answer.without_reason(decided, found)] == [
        "It denies and gives no reason. Ask the payer for it."
    ]


def test_a_271_says_whether_the_card_is_good_and_an_unknown_need_is_never_a_no() -> None:
    (transaction,) = envelope.read(file("271", ELIGIBILITY)).transactions
    ((found,), wrong) = eligibility.read(transaction)
    assert wrong == []
    assert (found.trace, found.member, found.inforce, found.first, found.last) == (
        "q2", "GC014-4309772", True, date(2026, 1, 1), None,
    )  # fmt: skip
    asked = {"resourceType": "CoverageEligibilityRequest", "id": "q2", "purpose": ["benefits"],
             "patient": {"reference": "Patient/eleanor"}, "insurer": {"reference": "Organization/granite"}}  # fmt: skip
    response = eligibility.response("e1", asked, {"resourceType": "Coverage", "id": "card"}, found, NOW)
    (insurance,) = response["insurance"]
    assert insurance["inforce"] is True
    assert insurance["benefitPeriod"] == {"start": "2026-01-01"}
    assert [each.get("authorizationRequired") for each in insurance["item"]] == [None, True, None, False]
    assert [len(each["category"]["coding"]) for each in insurance["item"]] == [1, 1, 2, 1]


def test_a_card_said_to_be_active_and_inactive_is_not_said_to_be_good() -> None:
    body = ELIGIBILITY.replace("EB*F**33", "EB*6**33")
    ((found,), _) = eligibility.read(envelope.read(file("271", body)).transactions[0])
    assert found.inforce is None


def test_a_271_that_refuses_gives_an_error_and_no_insurance() -> None:
    body = "\n".join([*ELIGIBILITY.splitlines()[:8], "AAA*N**72*C"])
    ((found,), _) = eligibility.read(envelope.read(file("271", body)).transactions[0])
    asked = {"resourceType": "CoverageEligibilityRequest", "id": "q2", "purpose": ["benefits"]}
    response = eligibility.response("e1", asked, {"resourceType": "Coverage", "id": "card"}, found, NOW)
    assert response["outcome"] == "error"
    assert "insurance" not in response


def test_a_question_about_a_card_is_written_as_a_270() -> None:
    rows = list(inquiry.rows(trace="q2", origin="9900001010", payer=PAYER, requester=CLINIC, member=MEMBER,
                             day=date(2026, 12, 1), now=NOW))  # fmt: skip
    said = writer.written(writer.Header("9000010100", "GC014", 8, NOW), inquiry.GUIDE, "270", [rows])
    assert envelope.read(said.encode()).faults == []
    assert said.splitlines()[3:-3] == [
        "BHT*0022*13*q2*20261129*1015~",
        "HL*1**20*1~",
        "NM1*PR*2*GRANITE CARE ALLIANCE*****PI*GC014~",
        "HL*2*1*21*1~",
        "NM1*1P*2*FAIRMONT*****XX*9000010100~",
        "HL*3*2*22*0~",
        "TRN*1*q2*9900001010~",
        "NM1*IL*1*BRANDT*ELEANOR****MI*GC014-4309772~",
        "DMG*D8*19570304~",
        "DTP*291*D8*20261201~",
        "EQ*30~",
    ]
