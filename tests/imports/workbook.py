"""A register of agreements as an office keeps it in a workbook, with faults of four kinds in known cells."""

import io
from datetime import date
from itertools import cycle
from typing import Any

from openpyxl import Workbook

HEADER = ["Contract number", "Version", "Payer", "Provider", "Effective date", "Expiration date", "Status", "Notes"]
# One day as an office writes it, and cells that are none, each with what it is told.
FIRST = (
    "2026-01-01", "1/1/2026", "01/01/2026", "1.1.2026", "Jan 1, 2026", "1 January 2026", "20260101", date(2026, 1, 1),
)  # fmt: skip
NO_DAYS = (
    ("31.02.2027", "'31.02.2027' is no day; write 2027-02-28"),
    ("02/30/2027", "'02/30/2027' is no day; write 2027-02-28"),
    ("end of the year", "'end of the year' is no day; write it like 2026-12-31"),
    ("13/01/2027", "'13/01/2027' has no such month; write 2027-01-13 if that is meant"),
    (46387, "'46387' is a day as a spreadsheet counts; write 2026-12-31, or show the cell as a date"),
    ("1/2/27", "'1/2/27' does not say which century; write 2027-01-02"),
)
CLINICS = ("9000010089", "9000010121")


def register(rows: int, faulty: int) -> tuple[bytes, dict[str, str]]:
    """A workbook of so many rows, `faulty` of each of four kinds in every fourth of its parts, and where each fault
    stands: cell -> what it says. Rows come in pairs, so that a second version can overlap the first; the faulty ones
    are spread over all of it."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Register"
    sheet.append(HEADER)
    told: dict[str, str] = {}
    days, no_days = cycle(FIRST), cycle(NO_DAYS)
    step = rows // 2 // (4 * faulty)
    for n in range(rows):
        pair, line = n // 2, n + 2
        kind = pair // step % 4 if n % 2 and pair % step == 0 and pair // step < 4 * faulty else None
        number = f"R-{n:05}"
        first = next(days)
        cells: list[Any] = [number, "1", "AC001", CLINICS[n % 2], first, "2026-12-31", "signed", "in the red binder"]
        if kind == 0:
            cells[5], told[f"F{line}"] = next(no_days)
        elif kind == 1:
            cells[3] = "Nowhere Partners"
            told[f"D{line}"] = (
                "Nobody here is called 'Nowhere Partners' or has this number; bring it in first, or write its NPI"
            )
        elif kind == 2:
            cells[0], cells[1] = f"R-{n - 1:05}", "2"
            told[f"E{line}"] = (
                f"Version 1 of R-{n - 1:05} is in force from 2026-01-01 to 2026-12-31; end it before, or say that "
                "this one amends it"
            )
        sheet.append(cells)
        if kind == 3:
            sheet.merge_cells(f"E{line - 1}:E{line}")
            told[f"E{line}"] = f"This cell is merged with E{line - 1}; unmerge them, and fill each"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue(), told


def main() -> None:
    """Write the workbook of 10,000 rows and 500 faults where the first argument says."""
    import sys
    from pathlib import Path

    Path(sys.argv[1]).write_bytes(register(10_000, 125)[0])


if __name__ == "__main__":
    main()
