"""Who may be written down twice, and what to ask."""

from typing import Any

from carecoord.domain.referrals.twins import Twin, twins

Json = dict[str, Any]


def person(id: str, given: str, **more: Any) -> Json:
    named = [{"family": "Díaz", "given": [given]}]
    return {"resourceType": "Patient", "id": id, "name": named, "birthDate": "1979-02-03", **more}


def phone(number: str) -> list[Json]:
    return [{"system": "phone", "value": number}]


def mrn(value: str) -> list[Json]:
    return [{"system": "https://carecoord.example/id/mrn", "value": value}]


ME = person("me", "Ana", telecom=phone("555-0203"), identifier=mrn("1"))


def test_two_of_one_day_and_name_may_be_one_and_what_they_say_differently_settles_it() -> None:
    other = person("other", "Ana", telecom=phone("555-0299"))
    assert twins(ME, [ME, other]) == [Twin("Patient/other", "telephone", "555-0203", "555-0299")]
    twin = person("twin", "Eva", telecom=phone("555-0203"))
    assert twins(ME, [twin]) == [Twin("Patient/twin", "name", "Ana", "Eva")]
    same = person("same", "Ana", telecom=phone("(215) 555-0203"), identifier=mrn("2"))
    assert twins(person("me", "Ana", telecom=phone("215 555 0203"), identifier=mrn("1")), [same]) == [
        Twin("Patient/same", "number", "1", "2")
    ]
    assert twins(person("me", "Ana"), [person("same", "Ana")]) == [Twin("Patient/same", "address")]


def test_who_was_born_another_day_or_is_linked_already_is_no_double() -> None:
    linked = person("other", "Ana", link=[{"other": {"reference": "Patient/me"}, "type": "seealso"}])
    assert twins(ME, [person("other", "Ana", birthDate="1979-02-04"), linked]) == []
    assert twins(person("me", "Ana", birthDate="1979"), [person("other", "Ana", birthDate="1979")]) == []
