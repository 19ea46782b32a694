"""Patients as people ask for them: by the beginnings of their names in any order, or by a whole number of the record.

The one place where what somebody typed becomes search arguments: typed signs are never read as search's own.
"""

from carecoord.fhir.search.operands import escape

Pairs = list[tuple[str, str]]

_WORDS = 5  # of a name that are looked for


def literal(typed: str) -> str:
    """What somebody typed, as the value of a search argument that means just that: search.html#escaping."""
    return escape("".join(letter for letter in typed.strip() if letter.isprintable()))


def name_or_number(typed: str) -> list[Pairs]:
    """The searches on Patient that what somebody typed may mean: `Okafor, Ada` a name, `MRN-4410` also an identifier.
    None where nothing was typed."""
    words = [literal(word) for word in typed.replace(",", " ").split()][:_WORDS]
    by_name = [("name", word) for word in words if word]
    return [by_name, [("identifier", literal(typed))]] if by_name else []
