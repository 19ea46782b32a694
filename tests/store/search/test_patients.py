"""What somebody typed to find a patient, as search arguments."""

import pytest

from carecoord.fhir.search.query import EVERYTHING, parse
from carecoord.store.database.engine import reading
from carecoord.store.resources.write import Change
from carecoord.store.search.patients import literal, name_or_number
from carecoord.store.search.search import find
from tests.store.conftest import HERE, Store

PEOPLE = (
    ("ada", "Okafor", "Ada", "MRN-4410"),
    ("ben", "Okafor", "Ben", "44 10"),
    ("odd", "Back\\slash", "Dollar$", "a,b|c$d\\e"),
)


@pytest.mark.parametrize(
    ("typed", "ids"),
    [
        ("okafor", ["ada", "ben"]),
        ("Okafor, Ada", ["ada"]),
        ("Okafor,Ada", ["ada"]),
        ("ada okafor", ["ada"]),
        ("MRN-4410", ["ada"]),
        (" 44 10 ", ["ben"]),
        ("a,b|c$d\\e", ["odd"]),
        ("back\\slash dollar$", ["odd"]),
        ("oka\0for", ["ada", "ben"]),
        ("urn:mrn|MRN-4410", []),  # what is typed is a number, not search's own writing
        ("", []),
        (" , ", []),
        ("\0", []),
    ],
)
def test_what_is_typed_finds_names_by_their_beginnings_and_whole_numbers(
    store: Store, typed: str, ids: list[str]
) -> None:
    store.put_all(
        *(
            Change(
                "Patient",
                id,
                {
                    "resourceType": "Patient",
                    "id": id,
                    "name": [{"family": family, "given": [given]}],
                    "identifier": [{"system": "urn:mrn", "value": number}],
                },
            )
            for id, family, given, number in PEOPLE
        )
    )
    searches = [parse("Patient", pairs, HERE, strict=True) for pairs in name_or_number(typed)]
    with reading(store.engine) as conn:
        assert sorted(row.id for one in searches for row in find(conn, one, lambda _: EVERYTHING).rows) == ids


def test_signs_of_search_are_typed_as_themselves() -> None:
    assert literal(" a,b|c$d\\e\n") == r"a\,b\|c\$d\\e"
