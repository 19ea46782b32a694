"""Codes by their words: what is shipped, what publishers hand out, and nothing of a system that is not here."""

import pytest

from carecoord.actions.imports.importer import IMPORTER
from carecoord.actions.terms.expand import expand
from carecoord.errors import NotFound
from carecoord.world import World
from tests.imports.conftest import bring, world

__all__ = ["world"]
HCPCS = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
PLACES = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"


def record(code: str, sequence: int, kind: str, words: str, last: str = "") -> str:
    """A line of the layout of CMS: 320 positions."""
    return f"{code:>5}{sequence:05}{kind}{words:<80}{'':<28}{'':<165}{last:<8}".ljust(320) + "\r\n"


TEXT = (
    record("G9901", 100, "3", "Synthetic visit of a nurse at home, for a wound that")
    + record("G9901", 200, "4", "does not heal, each 15 minutes")
    + record("E9902", 100, "3", "Synthetic chair with wheels")
    + record("E9903", 100, "3", "Synthetic wound pump, no longer made", "20251231")
    + record("ZZ", 100, "7", "Synthetic modifier")
)


def found(world: World, system: str, words: str, **more: str) -> list[str]:
    said = expand(world, IMPORTER, {"url": system, "filter": words, **more})
    return [f"{each['code']} {each['display']}" for each in said["expansion"].get("contains", [])]


def test_the_text_of_hcpcs_is_read_as_it_is_and_found_by_words_and_code(world: World) -> None:
    brought, faults = bring(world, "codes", TEXT, "HCPC2026_ANWEB.txt")
    assert (faults, brought.rows) == ([], {"new": 4})
    nurse = "G9901 Synthetic visit of a nurse at home, for a wound that does not heal, each 15 minutes"
    assert found(world, HCPCS, "wound nur") == [nurse]
    assert found(world, HCPCS, "wound") == [nurse], "the pump may not be used any more"
    assert found(world, f"{HCPCS}?fhir_vs", "e99") == ["E9902 Synthetic chair with wheels"]
    assert found(world, HCPCS, "zz") == ["ZZ Synthetic modifier"]
    assert found(world, HCPCS, "100%") == []
    assert bring(world, "codes", TEXT, "HCPC2026_ANWEB.txt")[0].rows == {"unchanged": 4}


def test_places_of_service_are_there_without_being_brought(world: World) -> None:
    assert found(world, PLACES, "outp hosp") == [
        "19 Off Campus-Outpatient Hospital", "22 On Campus-Outpatient Hospital",
    ]  # fmt: skip
    assert len(found(world, PLACES, "", count="3")) == 3


def test_of_a_system_that_nobody_brought_it_is_said_that_it_is_not_here(world: World) -> None:
    with pytest.raises(NotFound, match="No codes of this system are here"):
        found(world, "http://www.ama-assn.org/go/cpt", "knee")

