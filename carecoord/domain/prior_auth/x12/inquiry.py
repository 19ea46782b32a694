"""An X12 270: whether a card is good on a day, asked by file. Pure.

Clauses: X12 005010X279A1 (loops 2000A to 2000C: BHT 13, NM1, TRN, DMG, DTP 291, EQ). The guide is X12's; of it this is
the subset that docs/decisions/0072 names."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Final

from carecoord.domain.prior_auth.x12.request import Member, Named
from carecoord.domain.prior_auth.x12.writer import Row

GUIDE: Final = "005010X279A1"
_PLAN: Final = "30"  # service type (1365): the benefits of the plan as such


def rows(
    *, trace: str, origin: str, payer: Named, requester: Named, member: Member, day: date, now: datetime
) -> Iterator[Row]:
    """The segments between ST and SE. trace: by which the answer is matched."""
    yield "BHT", "0022", "13", trace, f"{now:%Y%m%d}", f"{now:%H%M}"
    yield "HL", "1", "", "20", "1"
    yield "NM1", "PR", "2", payer.name, "", "", "", "", payer.qualifier, payer.number
    yield "HL", "2", "1", "21", "1"
    yield "NM1", "1P", "2", requester.name, "", "", "", "", requester.qualifier, requester.number
    yield "HL", "3", "2", "22", "0"
    yield "TRN", "1", trace, origin
    yield "NM1", "IL", "1", member.last, member.first, member.middle, "", "", "MI", member.number
    if member.born:
        yield "DMG", "D8", f"{member.born:%Y%m%d}"
    yield "DTP", "291", "D8", f"{day:%Y%m%d}"
    yield "EQ", _PLAN
