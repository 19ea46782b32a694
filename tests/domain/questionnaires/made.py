"""A form as a clinic asks it before a visit, with every kind of question that stands on paper."""

from typing import Any

HL7 = "http://hl7.org/fhir/StructureDefinition"
YES_NO = "http://terminology.hl7.org/CodeSystem/v2-0136"


def translated(es: str) -> dict[str, Any]:
    """The extension that says a text in Spanish."""
    parts = [{"url": "lang", "valueCode": "es"}, {"url": "content", "valueString": es}]
    return {"extension": [{"url": f"{HL7}/translation", "extension": parts}]}


def coding(code: str, display: str, system: str = "http://example.org/smoking") -> dict[str, Any]:
    return {"system": system, "code": code, "display": display}


FORM: dict[str, Any] = {
    "resourceType": "Questionnaire",
    "id": "before-visit",
    "url": "http://example.org/Questionnaire/before-visit",
    "version": "2",
    "status": "active",
    "title": "Before your visit",
    "_title": translated("Antes de su cita"),
    "item": [
        {"linkId": "about", "type": "display", "text": "Answer what you can."},
        {
            "linkId": "you", "type": "group", "text": "About you",
            "item": [
                {"linkId": "weight", "type": "quantity", "text": "Weight", "required": True,
                 "extension": [
                     {"url": f"{HL7}/questionnaire-unitOption", "valueCoding":
                      {"system": "http://unitsofmeasure.org", "code": "kg", "display": "kg"}},
                     {"url": f"{HL7}/questionnaire-unitOption", "valueCoding":
                      {"system": "http://unitsofmeasure.org", "code": "[lb_av]", "display": "lb"}},
                     {"url": f"{HL7}/minValue", "valueDecimal": 2},
                     {"url": f"{HL7}/maxValue", "valueDecimal": 400},
                 ]},
                {"linkId": "born", "type": "date", "text": "Date of birth"},
                {"linkId": "children", "type": "integer", "text": "Children",
                 "extension": [{"url": f"{HL7}/minValue", "valueInteger": 0}]},
            ],
        },
        {"linkId": "thinner", "type": "boolean", "text": "Do you take blood thinners?", "required": True,
         "_text": translated("¿Toma anticoagulantes?")},
        {"linkId": "which", "type": "string", "text": "Which one?", "required": True, "maxLength": 20,
         "enableWhen": [{"question": "thinner", "operator": "=", "answerBoolean": True}]},
        {"linkId": "smokes", "type": "choice", "text": "Do you smoke?",
         "answerOption": [{"valueCoding": coding("never", "Never")}, {"valueCoding": coding("daily", "Daily")}]},
        {"linkId": "pain", "type": "choice", "repeats": True, "text": "Where does it hurt?",
         "answerOption": [{"valueString": "Neck"}, {"valueString": "Back"}, {"valueString": "Knee"}]},
        {"linkId": "helper", "type": "open-choice", "text": "Who comes with you?",
         "answerOption": [{"valueString": "Nobody"}, {"valueString": "A relative"}]},
        {"linkId": "medicine", "type": "group", "repeats": True, "text": "Medicine",
         "item": [
             {"linkId": "name", "type": "string", "text": "Its name"},
             {"linkId": "still", "type": "boolean", "text": "Do you still take it?"},
             {"linkId": "dose", "type": "decimal", "text": "How many a day?",
              "enableWhen": [{"question": "still", "operator": "=", "answerBoolean": True}]},
         ]},
        {"linkId": "when", "type": "time", "text": "When do you get up?"},
        {"linkId": "more", "type": "text", "text": "Anything else?"},
    ],
}  # fmt: skip
