"""Forms of FHIR Questionnaires: which items are asked, what may be written, what the response then says."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from carecoord.domain.questionnaires import answers
from carecoord.domain.questionnaires.conditions import enabled, holds
from carecoord.domain.questionnaires.form import Condition, codings, form
from carecoord.errors import Invalid
from tests.domain.questionnaires.made import FORM, HL7, coding

ZONE = ZoneInfo("America/New_York")
FIELDS = {each.link_id: f"q{each.n}" for each in form(FORM).every()}


def read(said: dict[str, str]) -> tuple[list[Any], dict[str, str]]:
    """What the response says, and by linkId what is wrong."""
    found = answers.read(form(FORM), said, ZONE)
    names = {field: link_id for link_id, field in FIELDS.items()}
    return list(found.items), {names[at.partition(".")[0]]: str(fault) for at, fault in found.faults.items()}


NUMBER, CODE, DAY = {"valueInteger": 5}, {"valueCoding": coding("a", "A", "s")}, {"valueDate": "2026-11-22"}


@pytest.mark.parametrize(
    ("operator", "kind", "wanted", "given", "held"),
    [
        ("exists", "Boolean", True, [NUMBER], True),
        ("exists", "Boolean", True, [], False),
        ("exists", "Boolean", False, [], True),
        ("=", "Integer", 5, [NUMBER], True),
        ("=", "Decimal", 5.0, [NUMBER], True),
        ("=", "Integer", 5, [{"valueInteger": 4}, NUMBER], True),
        ("=", "Integer", 5, [], False),
        ("!=", "Integer", 5, [{"valueInteger": 4}], True),
        ("!=", "Integer", 5, [{"valueInteger": 4}, NUMBER], False),
        ("!=", "Integer", 5, [], False),
        (">", "Integer", 4, [NUMBER], True),
        (">", "Integer", 5, [NUMBER], False),
        (">=", "Integer", 5, [NUMBER], True),
        ("<", "Integer", 6, [NUMBER], True),
        ("<=", "Integer", 4, [NUMBER], False),
        (">", "Date", "2026-11-21", [DAY], True),
        ("<", "Time", "09:00:00", [{"valueTime": "08:30:00"}], True),
        ("=", "Boolean", True, [{"valueBoolean": False}], False),
        ("=", "Boolean", True, [{"valueInteger": 1}], False),
        ("=", "String", "Knee", [{"valueString": "knee"}], True),
        ("=", "Coding", coding("a", "", "s"), [CODE], True),
        ("=", "Coding", coding("a", "", "t"), [CODE], False),
        ("=", "Coding", {"code": "a"}, [CODE], True),
        (">", "Coding", coding("a", "", "s"), [CODE], False),
        (">", "Quantity", {"value": 4, "unit": "kg"}, [{"valueQuantity": {"value": 5}}], True),
    ],
)
def test_each_operator_holds_as_fhir_says(operator: Any, kind: str, wanted: Any, given: list[Any], held: bool) -> None:
    assert holds(Condition("q", operator, kind, wanted), given) is held


def test_what_hangs_on_an_item_that_is_not_asked_any_more_is_not_asked() -> None:
    def chained(link_id: str, on: str = "", behaviour: str = "all") -> dict[str, Any]:
        when = [{"question": on, "operator": "=", "answerBoolean": True}] if on else []
        return {"linkId": link_id, "type": "boolean", "enableWhen": when, "enableBehavior": behaviour}

    chain = form({"item": [chained("a"), chained("b", "a"), chained("c", "b")]})
    yes = {"valueBoolean": True}
    assert enabled(chain, {"a": [yes], "b": [yes]}) == {"a", "b", "c"}
    assert enabled(chain, {"a": [{"valueBoolean": False}], "b": [yes]}) == {"a"}
    assert enabled(form({"item": [chained("a", "b"), chained("b", "a")]}), {"a": [yes], "b": [yes]}) == set()


def test_a_whole_form_is_read_as_the_items_of_its_response() -> None:
    f = FIELDS
    said = {
        f["weight"]: "180,5", f"{f['weight']}-unit": "1", f["born"]: "1973-10-20", f["children"]: "2",
        f["thinner"]: "true", f["which"]: "Apixaban", f["smokes"]: "0", f"{f['pain']}-0": "1", f"{f['pain']}-2": "1",
        f"{f['helper']}-other": "A neighbour", f"{f['medicine']}-n": "2",
        f"{f['name']}.0": "Metformin", f"{f['still']}.0": "true", f"{f['dose']}.0": "2",
        f"{f['name']}.1": "Ibuprofen", f"{f['still']}.1": "false", f"{f['dose']}.1": "9",
        f["when"]: "06:30", f["more"]: "No.",
    }  # fmt: skip
    found, faults = read(said)
    assert faults == {}
    pounds = {"value": 180.5, "unit": "lb", "system": "http://unitsofmeasure.org", "code": "[lb_av]"}
    assert found == [
        {"linkId": "you", "text": "About you", "item": [
            {"linkId": "weight", "text": "Weight", "answer": [{"valueQuantity": pounds}]},
            {"linkId": "born", "text": "Date of birth", "answer": [{"valueDate": "1973-10-20"}]},
            {"linkId": "children", "text": "Children", "answer": [{"valueInteger": 2}]},
        ]},
        {"linkId": "thinner", "text": "Do you take blood thinners?", "answer": [{"valueBoolean": True}]},
        {"linkId": "which", "text": "Which one?", "answer": [{"valueString": "Apixaban"}]},
        {"linkId": "smokes", "text": "Do you smoke?", "answer": [{"valueCoding": coding("never", "Never")}]},
        {"linkId": "pain", "text": "Where does it hurt?",
         "answer": [{"valueString": "Neck"}, {"valueString": "Knee"}]},
        {"linkId": "helper", "text": "Who comes with you?", "answer": [{"valueString": "A neighbour"}]},
        {"linkId": "medicine", "text": "Medicine", "item": [
            {"linkId": "name", "text": "Its name", "answer": [{"valueString": "Metformin"}]},
            {"linkId": "still", "text": "Do you still take it?", "answer": [{"valueBoolean": True}]},
            {"linkId": "dose", "text": "How many a day?", "answer": [{"valueDecimal": 2.0}]},
        ]},
        {"linkId": "medicine", "text": "Medicine", "item": [
            {"linkId": "name", "text": "Its name", "answer": [{"valueString": "Ibuprofen"}]},
            {"linkId": "still", "text": "Do you still take it?", "answer": [{"valueBoolean": False}]},
        ]},
        {"linkId": "when", "text": "When do you get up?", "answer": [{"valueTime": "06:30:00"}]},
        {"linkId": "more", "text": "Anything else?", "answer": [{"valueString": "No."}]},
    ]  # fmt: skip
    again = answers.written(form(FORM), {"item": found})
    assert answers.read(form(FORM), again, ZONE).items == found


@pytest.mark.parametrize(
    ("link_id", "said", "fault"),
    [
        ("weight", "", "Please answer this."),
        ("weight", "1", "No less than 2, please."),
        ("weight", "401", "No more than 400, please."),
        ("weight", "NaN", "Please write a number, such as 2.5."),
        ("children", "2.5", "Please write a whole number, such as 3."),
        ("children", "-1", "No less than 0, please."),
        ("born", "yesterday", "Please choose a day and a time as the field asks."),
        ("which", "Apixaban 5 mg twice a day", "It has 25 characters; 20 fit."),
        ("which", " ", "Please answer this."),
        ("when", "25:00", "Please choose a day and a time as the field asks."),
    ],
)
def test_what_can_not_be_so_is_said_at_its_field(link_id: str, said: str, fault: str) -> None:
    right = {FIELDS["weight"]: "80", FIELDS["thinner"]: "true", FIELDS["which"]: "Apixaban"}
    assert read(right | {FIELDS[link_id]: said})[1] == {link_id: fault}


def test_what_is_not_asked_is_neither_demanded_nor_kept() -> None:
    found, faults = read({FIELDS["weight"]: "80", FIELDS["thinner"]: "false", FIELDS["which"]: "x" * 50})
    assert faults == {}
    assert [each["linkId"] for each in found] == ["you", "thinner"]


def test_a_form_is_read_in_the_patients_language_and_answered_in_its_own() -> None:
    spanish = form(FORM, language="es")
    assert (spanish.title, spanish.shown) == ("Before your visit", "Antes de su cita")
    thinner = next(each for each in spanish.every() if each.link_id == "thinner")
    assert (thinner.text, thinner.shown) == ("Do you take blood thinners?", "¿Toma anticoagulantes?")


def test_answers_come_from_value_sets_that_list_them() -> None:
    listed = {"compose": {"include": [{"system": "s", "concept": [{"code": "a", "display": "A"}]}]}}
    asked = {"item": [{"linkId": "q", "type": "choice", "answerValueSet": "http://x/vs"}]}
    made = form(asked, {"http://x/vs": codings(listed)})
    assert [each.label for each in made.items[0].options] == ["A"]
    inside = asked | {"contained": [listed | {"id": "vs"}], "item": [asked["item"][0] | {"answerValueSet": "#vs"}]}
    assert form(inside).items[0].options[0].value == {"valueCoding": {"system": "s", "code": "a", "display": "A"}}


@pytest.mark.parametrize(
    ("item", "why"),
    [
        ({"linkId": "q", "type": "attachment"}, "is of type attachment, which can not be asked here"),
        ({"linkId": "q", "type": "choice"}, "has no answers to choose from"),
        ({"type": "string"}, "needs a linkId of its own"),
        ({"linkId": "q", "type": "string", "enableWhen": [{"question": "p", "operator": "=", "answerString": "x"}]},
         "depends on p, which is not in the questionnaire"),
        ({"linkId": "q", "type": "string", "enableWhen": [{"question": "q", "operator": "~", "answerString": "x"}]},
         "says not when it is asked"),
    ],
)  # fmt: skip
def test_a_form_that_can_not_be_asked_says_why(item: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        form({"item": [item]})


def test_a_question_with_several_answers_has_as_few_and_as_many_as_it_says() -> None:
    bounds = [{"url": f"{HL7}/questionnaire-minOccurs", "valueInteger": 2},
              {"url": f"{HL7}/questionnaire-maxOccurs", "valueInteger": 3}]  # fmt: skip
    asked = form({"item": [{"linkId": "q", "type": "string", "repeats": True, "extension": bounds}]})
    one, three = answers.read(asked, {"q1-0": "a"}, ZONE), answers.read(asked, {f"q1-{n}": "a" for n in range(5)}, ZONE)
    assert {at: str(fault) for at, fault in one.faults.items()} == {"q1": "Please give at least 2 answers."}
    assert len(three.items[0]["answer"]) == 3
