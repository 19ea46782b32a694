"""What a person is asked, in words; and that each narrower offer is narrower indeed."""

import pytest

from auth.scopes import covers, parse
from carecoord.domain.access.roles import understands
from carecoord.domain.apps.scopes_in_words import PARTS, lines, named, plural, silent
from carecoord.fhir.types import TYPES
from carecoord.words.catalogue import capitalized, say


@pytest.mark.parametrize(
    ("scope", "says"),
    [
        ("patient/Patient.rs", "Read patient details"),
        ("patient/Observation.read", "Read observations"),
        ("patient/Task.cruds", "Read, add, change and delete tasks"),
        ("patient/Task.write", "Add, change and delete tasks"),
        ("patient/*.rs", "Read everything"),
        ("user/CareTeam.u", "Change care teams"),
        ("patient/FamilyMemberHistory.r", "Read family history"),
        (
            "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
            "Read observations: laboratory results",
        ),
        ("patient/Observation.rs?code=http://loinc.org|718-7", "Read observations: code 718-7"),
        ("openid", "Know that it is you"),
        ("offline_access", "Stay connected when you are away"),
    ],
)
def test_a_scope_is_said_in_words(scope: str, says: str) -> None:
    assert tuple(map(capitalized, named(scope))) == (says,)


def test_how_the_app_was_started_is_not_a_question() -> None:
    scopes = parse("launch launch/patient openid patient/Patient.rs")
    assert silent(scopes) == ("launch", "launch/patient")
    assert [line.value for line in lines(scopes)] == ["openid", "patient/Patient.rs"]


def test_writing_is_marked() -> None:
    assert [line.writes for line in lines(parse("patient/Task.rs patient/Task.u"))] == [False, True]


def test_whose_records_it_is_about_is_said_when_it_is_not_one_patient() -> None:
    one, many = lines(parse("patient/Task.rs user/Task.rs"))
    assert not one.more
    assert many.more


@pytest.mark.parametrize("type", [*PARTS, "*"])
@pytest.mark.parametrize("verb", ["rs", "read", "cruds"])
def test_every_narrower_offer_is_covered_by_what_was_asked_and_understood_here(type: str, verb: str) -> None:
    (whole,) = parse(f"patient/{type}.{verb}")
    (line,) = lines([whole])
    assert line.parts
    for part in line.parts:
        (narrow,) = parse(part.value)
        assert covers(whole, narrow)
        assert not covers(narrow, whole)
        assert understands(narrow)  # type: ignore[arg-type]


def test_every_type_has_a_name() -> None:
    names = [say(plural(type)) for type in TYPES]
    assert all(name.islower() for name in names)
    assert len(set(names)) == len(TYPES)
