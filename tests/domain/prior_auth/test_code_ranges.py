"""Codes and ranges as payers write them, against answers written by hand."""

import pytest

from carecoord.domain.prior_auth.code_ranges import coarser, sound, stem, stems, under, width, within


@pytest.mark.parametrize(
    ("code", "low", "high", "inside"),
    [
        ("97110", "97110", "97164", True),
        ("97164", "97110", "97164", True),
        ("97109", "97110", "97164", False),
        ("97165", "97110", "97164", False),
        ("9712", "97110", "97164", False),  # shorter, though its letters lie between
        ("971100", "97110", "97164", False),
        ("G0151", "G0151", "G0162", True),
        ("g0160", "G0151", "G0162", True),
        ("G0163", "G0151", "G0162", False),
        ("H0155", "G0151", "G0162", False),
        ("K0800", "E0100", "K0900", True),  # durable equipment runs over letters
        ("L0100", "E0100", "K0900", False),
        ("0150T", "0100T", "0199T", True),
        ("0150U", "0100T", "0199T", True),  # between in the order of the code book, whose letters follow the digits
        ("01500", "0100T", "0199T", False),  # anaesthesia: five digits are another shape
        ("97112", "97110", "", False),
        ("97110", "97110", "", True),
        (" 97110 ", "97110", "97110", True),
        ("97120", "97164", "97110", False),  # backwards
        ("97120", "97110", "G0151", False),  # no range at all
        ("0450", "0450", "0459", True),  # revenue codes
        ("", "", "", False),
    ],
)
def test_a_procedure_code_lies_in_a_range_of_its_own_shape_only(code, low, high, inside) -> None:
    assert within(code, low, high) is inside


@pytest.mark.parametrize(
    ("code", "low", "high", "inside"),
    [
        ("M54.51", "M54.5", "", True),
        ("m5451", "M54", "", True),
        ("M55", "M54", "", False),
        ("M54", "M54.5", "", False),
        ("M54", "M50", "M54.5", False),  # some of it lies beyond the end
        ("M51", "M50.1", "M54.5", True),
        ("E11.65", "E08", "E13", True),
        ("E13.9", "E08", "E13", True),
        ("E14.1", "E08", "E13", False),
        ("C4A.9", "C43", "C4A", True),  # the letter of a third place follows its digits
        ("C50", "C43", "C4A", False),
        ("M54.5", "", "", False),
    ],
)
def test_a_diagnosis_stands_for_all_that_is_written_below_it(code, low, high, inside) -> None:
    assert under(code, low, high) is inside


def test_a_diagnosis_that_says_less_than_the_rule_is_neither_in_nor_out() -> None:
    assert coarser("M54", "M54.5")
    assert not coarser("M54.5", "M54.5")
    assert not coarser("M55", "M54.5")


def test_a_range_of_which_nobody_can_tell_what_lies_between_is_not_sound() -> None:
    assert sound("97110", "97164")
    assert not sound("97164", "97110")
    assert not sound("97110", "G0151")
    assert not sound("42148-7", "42148-9")


def test_the_narrower_of_two_ranges_is_told_by_its_width() -> None:
    assert [width(*each) for each in (("97110",), ("97110", "97110"), ("G0151", "G0152"))] == [1, 1, 2]
    assert width("97110", "97164") < width("97000", "97999")
    assert width("") == -1


def test_a_range_is_kept_under_what_its_codes_begin_with_and_found_by_every_code_in_it() -> None:
    assert [stem("97110", "97164"), stem("97112"), stem("10021", "69990"), stem("")] == ["971", "97112", "", ""]
    assert stems("97112") == ("", "9", "97", "971", "9711", "97112")
