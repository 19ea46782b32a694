"""277CA and 835 in: each claim with its status, money and reasons; what does not add up is told by how much."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carecoord.domain.claims import claim, parts
from carecoord.domain.prior_auth.x12 import claim_status, envelope, remittance
from tests.domain.prior_auth.x12.files import REMITTANCE, STATUS, file


def read(body: str = REMITTANCE) -> tuple[remittance.Remittance, list[str], list[str]]:
    (transaction,) = envelope.read(file("835", body)).transactions
    found, faults, gaps = remittance.read(transaction)
    return found, [f"{each.where} {each.why}" for each in faults], [str(each.why) for each in gaps]


def test_a_remittance_is_read_with_its_claims_lines_and_reasons() -> None:
    found, faults, gaps = read()
    assert (faults, gaps) == ([], [])
    assert (found.payer_id, found.payee, found.check, found.at, found.amount) == (
        "GC014", "9000010100", "CHK-5531", date(2026, 11, 27), Decimal(230),
    )  # fmt: skip
    first, denied, other = found.claims
    assert (first.number, first.status, first.charge, first.paid, first.patient_owes, first.member) == (
        "FM-1001", "1", Decimal(300), Decimal(180), Decimal(20), "GC014-4309772",
    )  # fmt: skip
    assert (first.authorization, first.since, first.until) == ("GC-70330", date(2026, 11, 12), date(2026, 11, 12))
    echo, ecg = first.services
    assert (echo.code, echo.allowed, [(each.group, each.reason, each.amount) for each in echo.adjustments]) == (
        "C8928", Decimal(150), [("CO", "45", Decimal(50)), ("PR", "3", Decimal(20))],
    )  # fmt: skip
    assert (ecg.code, ecg.modifiers, ecg.remarks) == ("93000", ("25",), ("N390",))
    assert [(each.reason, each.amount) for each in ecg.adjustments] == [("45", Decimal(30)), ("97", Decimal(20))]
    assert [(each.reason, each.amount) for each in denied.all] == [("197", Decimal(90))]
    assert other.services[0].units == 1


def test_what_does_not_add_up_is_told_and_by_how_much() -> None:
    _, faults, gaps = read(REMITTANCE.replace("CAS*CO*45*50", "CAS*CO*45*49.99").replace("BPR*I*230", "BPR*I*231"))
    assert faults == []
    assert gaps == [
        "The payment and its claims differ by 1.00.",
        "Claim FM-1001: charge less payment and adjustments differ by 0.01.",
        "Claim FM-1001, C8928: charge less payment and adjustments differ by 0.01.",
    ]


def test_what_a_payer_takes_back_from_the_payment_is_in_the_sum() -> None:
    _, _, gaps = read(REMITTANCE.replace("BPR*I*230", "BPR*I*205") + "\nPLB*9000010100*20261231*WO:FM-0007*25")
    assert gaps == []


def test_an_amount_that_is_no_number_and_a_claim_without_a_number_are_faults() -> None:
    _, faults, _ = read(REMITTANCE.replace("CLP*FM-1002", "CLP*").replace("CAS*CO*45*50", "CAS*CO*45*fifty"))
    assert faults == ["CAS03 fifty is no number.", "CLP01 The claim has no number."]


def test_a_number_of_more_digits_than_x12_has_is_a_fault() -> None:
    for said in ("9" * 16, "9" * 5000, "0." + "0" * 40 + "1"):
        _, faults, _ = read(REMITTANCE.replace("SVC*HC:99212*80*50", f"SVC*HC:99212*80*50**{said}"))
        assert faults == [f"SVC05 {said} is no number."]
    found, faults, _ = read(REMITTANCE.replace("SVC*HC:99212*80*50", "SVC*HC:99212*80*50**123456789012.125"))
    assert (faults, found.claims[2].services[0].units) == ([], Decimal("123456789012.125"))


def test_the_parts_of_a_split_claim_are_one_claim_and_what_is_taken_back_stands_first() -> None:
    body = """BPR*I*70*C
    TRN*1*CHK
    LX*1
    CLP*N1*1*100*60*10*MC*P1
    NM1*QC*1*BRANDT*ELEANOR****MI*M1
    SVC*HC:99213*100*60
    DTM*472*20261112
    CAS*CO*45*30
    CAS*PR*3*10
    CLP*N2*1*50*10*0*MC*P3
    CAS*CO*45*40
    CLP*N1*4*80*0*5*MC*P2
    NM1*QC*1*BRANDT*ELEANOR****MI*M1
    REF*G1*A-1
    CAS*CO*197*80
    SVC*HC:93000*0*0
    DTM*472*20261110
    CLP*N2*22*-50*0*0*MC*P3
    CAS*CO*45*-50"""
    found, faults, gaps = read(body)
    assert (faults, gaps) == ([], [])
    (back, other), (whole,) = (parts.heard(some) for some in parts.apart(found.claims))
    assert (back.number, back.status, other.number, other.status) == ("N2", "22", "N2", "1")
    assert (whole.number, whole.payer_number, whole.authorization) == ("N1", "P1", "A-1")
    assert (whole.charge, whole.paid, whole.patient_owes, whole.gap) == (180, 60, 15, 0)
    assert (whole.since, whole.until) == (date(2026, 11, 10), date(2026, 11, 12))
    assert [each.code for each in whole.services] == ["99213", "93000"]
    assert (claim.money(whole).denied, claim.paid_status(whole)) == (8000, "partly")


def told(*lines: str, at: str = "20261127") -> list[remittance.Paid]:
    """The CLPs of one remittance."""
    return list(read("\n".join([f"BPR*I*0*C*ACH{'*' * 12}{at}", "TRN*1*CHK", "LX*1", *lines]))[0].claims)


FIRST = ("CLP*N1*1*100*60*0*MC*P1", "SVC*HC:99213*100*60", "DTM*472*20261112", "CAS*CO*45*40")
SECOND = ("CLP*N1*4*80*0*0*MC*P2", "SVC*HC:93000*80*0", "DTM*472*20261112", "CAS*CO*197*80")
SECOND_ANEW = ("CLP*N1*1*80*70*0*MC*P9", "SVC*HC:93000*80*70", "DTM*472*20261112", "CAS*CO*45*10")
FIRST_BACK = ("CLP*N1*22*-100*-60*0*MC*P1", "SVC*HC:99213*-100*-60", "DTM*472*20261112", "CAS*CO*45*-40")


def money(*remittances: tuple[str, ...]) -> tuple[int, int, int, str]:
    """Charge, payment and denial in cents, and status, after these remittances, each of some CLPs."""
    found = parts.standing([told(*each) for each in remittances])
    cents = claim.money(found)
    return cents.charge, cents.paid, cents.denied, claim.paid_status(found)


def test_parts_of_a_claim_in_two_remittances_add_up_and_what_is_decided_anew_replaces_its_part_alone() -> None:
    assert money(FIRST) == (10000, 6000, 0, "paid")
    assert money(FIRST, SECOND) == (18000, 6000, 8000, "partly")
    assert money(SECOND, FIRST) == (18000, 6000, 8000, "partly")
    assert money(FIRST, SECOND, SECOND_ANEW) == (18000, 13000, 0, "paid")
    assert money(FIRST, SECOND, SECOND) == (18000, 6000, 8000, "partly")


def test_what_is_taken_back_takes_its_part_alone_and_the_last_part_leaves_the_claim_reversed() -> None:
    assert money(FIRST, SECOND, FIRST_BACK) == (8000, 0, 8000, "denied")
    assert money(FIRST, FIRST_BACK) == (-10000, -6000, 0, "reversed")
    assert money(FIRST, (*FIRST, *FIRST_BACK)) == (10000, 6000, 0, "paid")
    unknown = ("CLP*N1*22*-55*-5*0*MC*P7", "CAS*CO*45*-50")
    assert money(FIRST, SECOND, unknown) == (-5500, -500, 0, "reversed")  # which part, nobody can tell


def test_a_part_is_known_by_our_number_of_its_line_else_by_its_payers_number_or_what_was_charged() -> None:
    one, other = ((*FIRST, "REF*6R*1"), (*FIRST, "REF*6R*2"))  # two alike of one day
    assert money(one, other) == (20000, 12000, 0, "paid")
    assert money(one, one) == (10000, 6000, 0, "paid")
    bare = ("CLP*N1*4*100*0*0*MC*P5", "CAS*CO*16*100")
    assert money(bare, FIRST) == (10000, 6000, 0, "paid")
    assert money(("CLP*N1*4*70*0*0*MC*P1", "CAS*CO*16*70"), FIRST) == (10000, 6000, 0, "paid")


@pytest.mark.parametrize(
    ("reason", "allowed"),
    [("22", 100), ("23", 100), ("94", 100), ("100", 100), ("253", 100), ("24", 98), ("45", 98), ("59", 98),
     ("131", 98), ("197", 98)],
)  # fmt: skip
def test_what_others_pay_or_the_law_keeps_back_is_allowed_where_no_amount_is_said(reason: str, allowed: int) -> None:
    found, _, _ = read(f"BPR*I*98*C\nTRN*1*CHK\nLX*1\nCLP*N1*1*100*98*0*MC*P1\nSVC*HC:1*100*98\nCAS*CO*{reason}*2")
    assert claim.allowed(found.claims[0].services[0]) == allowed


CENTS = st.integers(0, 10**9).map(lambda n: Decimal(n) / 100)
LINE = st.tuples(CENTS, st.lists(st.tuples(st.sampled_from(["CO", "PR", "OA", "PI"]), CENTS), max_size=6))


@given(st.lists(LINE, min_size=1, max_size=6), st.lists(CENTS, max_size=6))
def test_a_claim_whose_money_adds_up_has_no_gap_to_the_cent(
    lines: list[tuple[Decimal, list[tuple[str, Decimal]]]], own: list[Decimal]
) -> None:
    rows, charge, paid = [], sum(own, Decimal(0)), Decimal(0)
    for paid_, why in lines:
        of_line = paid_ + sum((each for _, each in why), Decimal(0))
        rows += [f"SVC*HC:99213*{of_line}*{paid_}", *(f"CAS*{group}*45*{each}" for group, each in why)]
        charge, paid = charge + of_line, paid + paid_
    claim = f"CLP*N1*1*{charge}*{paid}*0*MC*P1"
    cas = ["CAS*CO" + "".join(f"*45*{each}*" for each in own)] if own else []
    head = [f"BPR*I*{paid}*C*ACH", "TRN*1*CHK", "LX*1", claim, *cas, *rows]
    found, faults, gaps = read("\n".join(head))
    assert (faults, gaps) == ([], [])
    assert found.claims[0].gap == 0
    assert remittance.total(found.claims[0].all) == charge - paid


@given(CENTS.filter(bool), st.sampled_from([1, -1]))
def test_a_claim_that_is_off_is_off_by_just_that(off: Decimal, sign: int) -> None:
    body = f"BPR*I*50*C\nTRN*1*CHK\nLX*1\nCLP*N1*1*{100 + sign * off}*50*0*MC*P1\nCAS*CO*45*50"
    found, _, gaps = read(body)
    assert found.claims[0].gap == sign * off
    assert gaps == [f"Claim N1: charge less payment and adjustments differ by {sign * off:.2f}."]


def test_a_277ca_says_which_claims_were_taken_in_and_which_not() -> None:
    (transaction,) = envelope.read(file("277", STATUS)).transactions
    (taken, refused), faults = claim_status.read(transaction)
    assert faults == []
    assert (taken.number, taken.payer_number, taken.accepted, taken.charge, taken.since, taken.provider) == (
        "FM-1001", "GC-CLM-77", True, Decimal(300), date(2026, 11, 12), "9000010100",
    )  # fmt: skip
    assert [(each.category, each.code, each.entity) for each in refused.said] == [("A7", "562", "85")]
    assert (refused.number, refused.accepted, refused.payer_id) == ("FM-1004", False, "GC014")
