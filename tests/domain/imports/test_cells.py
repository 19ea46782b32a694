"""Cells as people write them: each has one meaning, or a fault that says what to write."""

from datetime import date
from decimal import Decimal

import pytest

from carecoord.domain.imports.cells import Column, Faulty, check_digit, read


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2026-02-28", date(2026, 2, 28)),
        ("2026-02-28 00:00:00", date(2026, 2, 28)),
        ("28.02.2026", date(2026, 2, 28)),
        ("2/28/2026", date(2026, 2, 28)),
        ("03/04/2026", date(2026, 3, 4)),
        ("28 Feb 2026", date(2026, 2, 28)),
        ("February 28, 2026", date(2026, 2, 28)),
        ("29.2.2028", date(2028, 2, 29)),
    ],
)
def test_a_day_is_read_however_it_is_written(written: str, day: date) -> None:
    assert read(Column("ends", ("Ends",), "day"), written) == day


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("31.02.2026", "'31.02.2026' is no day; write 2026-02-28"),
        ("2027-02-29", "'2027-02-29' is no day; write 2027-02-28"),
        ("2/28/26", "'2/28/26' does not say which century; write 2026-02-28"),
        ("28/02/2026", "'28/02/2026' has no such month; write 2026-02-28 if that is meant"),
        ("46081", "'46081' is a day as a spreadsheet counts; write 2026-02-28, or show the cell as a date"),
        ("soon", "'soon' is no day; write it like 2026-12-31"),
        ("2026-13-01", "'2026-13-01' is no day; write it like 2026-12-31"),
    ],
)
def test_what_is_no_day_is_told_with_what_to_write(written: str, fault: str) -> None:
    with pytest.raises(Faulty) as told:
        read(Column("ends", ("Ends",), "day"), written)
    assert str(told.value.why) == fault


@pytest.mark.parametrize(
    ("written", "amount"), [("1,200.50", "1200.50"), ("$1200", "1200"), ("12 USD", "12"), ("0.5", "0.5")]
)
def test_money_is_read_with_its_signs(written: str, amount: str) -> None:
    assert read(Column("limit", ("Amount",), "money"), written) == Decimal(amount)


@pytest.mark.parametrize("written", ["1200,50", "1.200,50", "-3", "twelve", "1,20"])
def test_money_that_can_mean_two_things_is_none(written: str) -> None:
    with pytest.raises(Faulty, match="no amount of money"):
        read(Column("limit", ("Amount",), "money"), written)


def test_an_npi_is_checked_by_its_last_digit() -> None:
    assert check_digit("1234567893")  # the example of the standard
    assert not check_digit("1234567890")
    assert not check_digit("123456789")
    assert read(Column("npi", ("NPI",), "npi"), "1234567893.0") == "1234567893"


def test_a_word_that_is_not_offered_is_told_with_those_that_are() -> None:
    column = Column("kind", ("Kind",), "choice", choices={"clinic": "c", "group": "c", "payer": "p"})
    assert read(column, "Group") == "c"
    with pytest.raises(Faulty) as told:
        read(column, "bakery")
    assert str(told.value.why) == "'bakery' is not one of: clinic, payer"
