"""A register of agreements as an office keeps it in a workbook, with faults of four kinds in known cells."""

import io

from openpyxl import Workbook

HEADER = ["Contract number", "Version", "Payer", "Provider", "Effective date", "Expiration date", "Status", "Notes"]
CLINICS = ("9000010089", "9000010121")


def register(rows: int, faulty: int) -> tuple[bytes, dict[str, str]]:
    """A workbook of so many rows, `faulty` of each of four kinds in every fourth of its parts, and where each fault
    stands: cell -> what it says. Rows come in pairs, so that a second version can overlap the first."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Register"
    sheet.append(HEADER)
    told: dict[str, str] = {}
    for n in range(rows):
        line, kind = n + 2, (n // 2) % 4 if n % 2 and n // 2 < 4 * faulty else None
        number = f"R-{n:05}"
        cells = [number, "1", "AC001", CLINICS[n % 2], "2026-01-01", "2026-12-31", "signed", "kept in the red binder"]
        if kind == 0:
            cells[5] = "31.02.2027"
            told[f"F{line}"] = "'31.02.2027' is no day; write 2027-02-28"
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
