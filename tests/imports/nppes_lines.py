"""Lines of the registry of NPIs in its layout, of made-up people: 330 columns, most of them empty."""

from collections.abc import Mapping

from carecoord.domain.imports.published import nppes

_OWN = [column.headings[0] for column in nppes.COLUMNS]
HEADER = [_OWN[0], _OWN[1], "Replacement NPI", *_OWN[2:]]
HEADER += [f"Other Provider Identifier_{n}" for n in range(1, 331 - len(HEADER))]


def line(cells: Mapping[str, str]) -> str:
    """A line with these cells, by our names of the columns; every cell in quotation marks, as the file has them."""
    by_heading = {column.headings[0]: cells.get(column.name, "") for column in nppes.COLUMNS}
    return ",".join(f'"{by_heading.get(heading, "")}"' for heading in HEADER)
