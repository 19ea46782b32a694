"""A code chosen in a form: what is typed is the code that it begins with, or is answered with what it may mean."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from carecoord.actions.terms import choices, icd_10_cm, shipped
from carecoord.actions.terms.choices import Coded, Offer
from carecoord.actions.terms.expand import sought
from carecoord.actions.terms.icd_10_cm import Diagnosis
from carecoord.actions.terms.meanings import meanings
from carecoord.domain.terms.vocabularies import ICD_10_CM, Vocabulary
from carecoord.settings import Settings
from carecoord.store.database import marks
from carecoord.store.database.engine import reading, writing
from carecoord.store.terms import codes
from carecoord.web.page.codes import coded
from carecoord.world import World
from tests.imports.conftest import made, made_on

HCPCS = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
CPT = "http://www.ama-assn.org/go/cpt"
DIAGNOSES = {
    "M54.5": ("Low back pain", "", ""), "M54.50": ("Low back pain, unspecified", "Lumbago NOS", ""),
    "M54.51": ("Vertebrogenic low back pain", "", ""), "M99.9": ("Made up, not used any more", "", "2026-09-30"),
}  # fmt: skip
SERVICES = {"G0151": ("Physical therapy at home, made up", "", ""), "AT": ("Acute treatment, made up", "", "")}


def filled(world: World) -> World:
    """The world with a few codes, as if they were all that is shipped."""
    with writing(world.engine) as conn:
        for system, entries in ((ICD_10_CM, DIAGNOSES), (HCPCS, SERVICES)):
            made = {c: (words, sought(c, words, others), until) for c, (words, others, until) in entries.items()}
            codes.put(conn, system, made, 1)
        marks.put(conn, "codes:icd-10-cm", icd_10_cm.release().encode())
    return world


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    world = made_on(Settings(var=str(tmp_path), database_url=database_url), tmp_path)
    yield filled(world)
    world.engine.dispose()


def found(world: World, said: str, vocabulary: Vocabulary = "diagnosis") -> list[str]:
    return [each.code for each in choices.search(world, vocabulary, said).codes]


def test_codes_are_found_by_their_beginning_their_words_and_the_words_they_are_also_known_by(world: World) -> None:
    assert found(world, "m54.5") == ["M54.5", "M54.50", "M54.51"]
    assert found(world, "M545") == ["M54.5", "M54.50", "M54.51"]
    assert found(world, "back low") == ["M54.5", "M54.50", "M54.51"]
    assert found(world, "lumbago") == ["M54.50"]
    assert found(world, "made up") == [], "it may not be used any more"
    assert found(world, "50%") == ["M54.50"], "signs are no words"
    assert found(world, "made", "service") == ["G0151"], "a modifier is no service"
    assert found(world, "made", "modifier") == ["AT"]
    assert found(world, "outp hosp", "place") == ["19", "22"]
    assert choices.search(world, "service", "made").lacking == ("CPT", "CDT", "Revenue")
    assert choices.search(world, "diagnosis", "low", most=2).more


@pytest.mark.parametrize(
    ("vocabulary", "said", "code", "words"),
    [
        ("diagnosis", "M54.5", "M54.5", "Low back pain"),
        ("diagnosis", " m5450 ", "M54.50", "Low back pain, unspecified"),
        ("diagnosis", "M54.50 Low back pain, unspecified", "M54.50", "Low back pain, unspecified"),
        ("service", "g0151", "G0151", "Physical therapy at home, made up"),
        ("service", "99213", "99213", ""),  # nobody brought CPT in: the code stands alone
        ("place", "2", "02", "Telehealth Provided Other than in Patient's Home"),
    ],
)
def test_what_is_typed_is_read_as_the_code_that_it_begins_with(
    world: World, vocabulary: Vocabulary, said: str, code: str, words: str
) -> None:
    read = choices.read(world, vocabulary, said)
    assert isinstance(read, Coded)
    assert (read.code, read.words) == (code, words)


@pytest.mark.parametrize(
    ("vocabulary", "said", "meant"),
    [
        ("diagnosis", "low back", ["M54.5", "M54.50", "M54.51"]),
        ("diagnosis", "M54.6", []),  # no code of a system that is here whole
        ("diagnosis", "M99.9", []),  # not used any more
        ("service", "at home", ["G0151"]),  # a word that is a modifier too
        ("service", "12345 of them", []),  # more than a code, and nobody can say what
        ("place", "28", []),
    ],
)
def test_what_is_no_code_is_answered_with_what_it_may_mean(
    world: World, vocabulary: Vocabulary, said: str, meant: list[str]
) -> None:
    read = choices.read(world, vocabulary, said)
    assert isinstance(read, Offer)
    assert [each.code for each in read.codes] == meant


def test_the_package_tells_every_code_with_its_other_words() -> None:
    told = {each.code: each for each in icd_10_cm.read()}
    assert len(told) > 90_000
    assert told["M54.50"] == Diagnosis("M54.50", "Low back pain, unspecified", "Loin pain Lumbago NOS")
    assert told["S82.101A"].words.startswith("Unspecified fracture of upper end of right tibia, initial encounter")


def test_what_is_shipped_is_put_in_once_when_somebody_first_looks_for_it(
    sqlite_template: Path, tmp_path: Path
) -> None:
    world = made(tmp_path, sqlite_template)
    assert choices.search(world, "diagnosis", "lumbago") == Offer(waiting=True)
    assert choices.search(world, "diagnosis", "lumbago") == Offer(waiting=True)
    assert isinstance(choices.read(world, "diagnosis", "M54.50"), Coded), "a code can be typed meanwhile"
    gone = {"A00.7": ("Made up, not in the release", " a00.7", "")}
    with writing(world.engine) as conn:
        codes.put(conn, ICD_10_CM, gone, 1)
    shipped.load(world, lambda: [Diagnosis("M54.50", "Low back pain, unspecified", "Lumbago NOS")])
    shipped.load(world, lambda: [])
    assert found(world, "lumbago nos") == ["M54.50"]
    assert found(world, "made up, not in the release") == []
    with reading(world.engine) as conn:
        assert codes.one(conn, ICD_10_CM, "A00.7") == ("A00.7", "Made up, not in the release", "2026-11-21")
    world.engine.dispose()


def test_words_of_codes_are_told_of_those_that_are_here(world: World) -> None:
    place = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
    asked = [(ICD_10_CM, "M54.50"), (ICD_10_CM, "M99.9"), (CPT, "99213"), (place, "11"), ("", "x")]
    with reading(world.engine) as conn:
        told = meanings(conn, asked)
    assert told == {
        (ICD_10_CM, "M54.50"): "Low back pain, unspecified",
        (ICD_10_CM, "M99.9"): "Made up, not used any more",  # what was written once is still to be read
        (place, "11"): "Office",
    }
    assert coded(ICD_10_CM, "M54.50", told) == "ICD-10 M54.50 Low back pain, unspecified"
    assert coded(ICD_10_CM, "M54.50", told, "low back pain, unspecified") == "ICD-10 M54.50"
    assert coded(CPT, "99213", told) == "CPT 99213"
