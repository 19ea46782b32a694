"""Lines of the registry of NPIs in its official layout (NPPES Data Dissemination, version 2: 330 columns), of made-up
people; most of the cells are empty."""

from collections.abc import Mapping

from carecoord.domain.imports.published import nppes

_NAME = ("Last Name", "First Name", "Middle Name", "Name Prefix Text", "Name Suffix Text", "Credential Text")
_ADDRESS = ("City Name", "State Name", "Postal Code", "Country Code (If outside U.S.)", "Telephone Number",
            "Fax Number")  # fmt: skip


def _address(kind: str) -> list[str]:
    lines = [f"Provider {line} Line Business {kind} Address" for line in ("First", "Second")]
    return lines + [f"Provider Business {kind} Address {each}" for each in _ADDRESS]


HEADER = [
    "NPI", "Entity Type Code", "Replacement NPI", "Employer Identification Number (EIN)",
    "Provider Organization Name (Legal Business Name)", "Provider Last Name (Legal Name)",
    *(f"Provider {each}" for each in _NAME[1:]),
    "Provider Other Organization Name", "Provider Other Organization Name Type Code",
    *(f"Provider Other {each}" for each in _NAME), "Provider Other Last Name Type Code",
    *_address("Mailing"), *_address("Practice Location"),
    "Provider Enumeration Date", "Last Update Date", "NPI Deactivation Reason Code", "NPI Deactivation Date",
    "NPI Reactivation Date", "Provider Sex Code", "Authorized Official Last Name", "Authorized Official First Name",
    "Authorized Official Middle Name", "Authorized Official Title or Position",
    "Authorized Official Telephone Number",
    *(f"{each}_{n}" for n in range(1, 16) for each in (
        "Healthcare Provider Taxonomy Code", "Provider License Number", "Provider License Number State Code",
        "Healthcare Provider Primary Taxonomy Switch")),
    *(f"Other Provider Identifier{each}_{n}" for n in range(1, 51) for each in ("", " Type Code", " State", " Issuer")),
    "Is Sole Proprietor", "Is Organization Subpart", "Parent Organization LBN", "Parent Organization TIN",
    "Authorized Official Name Prefix Text", "Authorized Official Name Suffix Text",
    "Authorized Official Credential Text", *(f"Healthcare Provider Taxonomy Group_{n}" for n in range(1, 16)),
    "Certification Date",
]  # fmt: skip


def line(cells: Mapping[str, str]) -> str:
    """A line with these cells, by our names of the columns; every cell in quotation marks, as the file has them."""
    by_heading = {column.headings[0]: cells.get(column.name, "") for column in nppes.COLUMNS}
    assert by_heading.keys() <= set(HEADER), by_heading.keys() - set(HEADER)
    return ",".join(f'"{by_heading.get(heading, "")}"' for heading in HEADER)
