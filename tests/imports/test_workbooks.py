"""A workbook takes no more time and room than its rows do, whatever it says of itself: a few kilobytes may claim to be
a thousand million rows."""

import io
import zipfile

import pytest
from openpyxl import Workbook

from carecoord.actions.imports import formats
from carecoord.errors import Invalid


def book(*merged: str) -> bytes:
    """A workbook of two rows, with these cells merged."""
    made, out = Workbook(), io.BytesIO()
    sheet = made.active
    assert sheet is not None
    sheet.append(["Name", "NPI"])
    sheet.append(["Elm Clinic", "9000010089"])
    for each in merged:
        sheet.merge_cells(each)
    made.save(out)
    return out.getvalue()


def saying(data: bytes, old: str, new: str) -> bytes:
    """The workbook with other words in its sheet."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after:
        for each in before.namelist():
            part = before.read(each)
            if each.endswith("sheet1.xml"):
                assert old.encode() in part
                part = part.replace(old.encode(), new.encode())
            after.writestr(each, part)
    return out.getvalue()


def test_a_row_further_down_than_any_spreadsheet_goes_is_refused() -> None:
    far = saying(saying(book(), 'r="2"', 'r="900000000"'), 'B2"', 'B900000000"')
    with pytest.raises(Invalid, match="1,048,576"):
        formats.read("far.xlsx", far)


def test_merged_cells_count_together() -> None:
    few = formats.read("few.xlsx", book("A3:CV100"))
    assert few.lines[0].cells[:2] == ["Elm Clinic", "9000010089"]
    with pytest.raises(Invalid, match="merged"):
        formats.read("many.xlsx", book(*(f"A{n}:CV{n + 99}" for n in range(10, 1_200, 100))))


def test_what_never_ends_among_merged_cells_is_looked_at_once() -> None:
    """Each beginning of one was looked at to the end of the sheet."""
    endless = saying(book("A3:B4"), "</mergeCells>", f"</mergeCells><!--{'<mergeCell ' * 200_000}-->")
    assert formats.read("endless.xlsx", endless).lines[0].cells == ["Elm Clinic", "9000010089"]
