"""Patches, as RFC 6902 and FHIR R4 fhirpatch.html have them."""

import base64
from typing import Any

import pytest

from carecoord.errors import Invalid, Unprocessable, Unsupported
from carecoord.fhir import text
from carecoord.fhir.patch.json_patch import entry_patch, json_patch, parameters_patch

Json = dict[str, Any]


def person(**more: Any) -> Json:
    name = {"family": "Okafor", "given": ["Ngozi", "Ada"]}
    return {"resourceType": "Patient", "id": "p", "name": [name], **more}


def patched(resource: Json, *operations: Json) -> Json:
    return json_patch(list(operations))(resource)


def operation(type: str, path: str, **more: Any) -> Json:
    """One operation of a FHIRPath Patch: whole numbers are positions, a dict the value part, the rest strings."""
    parts: list[Json] = [{"name": "type", "valueCode": type}, {"name": "path", "valueString": path}]
    for name, given in more.items():
        if isinstance(given, dict):
            parts.append({"name": "value", **given})
        else:
            parts.append({"name": name, "valueInteger" if isinstance(given, int) else "valueString": given})
    return {"name": "operation", "part": parts}


def by_path(resource: Json, *operations: Json) -> Json:
    return parameters_patch({"resourceType": "Parameters", "parameter": list(operations)})(resource)


# -- JSON Patch


def test_each_operation_of_a_json_patch_does_what_the_rfc_says() -> None:
    before = person(active=True)
    after = patched(
        before,
        {"op": "test", "path": "/name/0/family", "value": "Okafor"},
        {"op": "replace", "path": "/active", "value": False},
        {"op": "add", "path": "/name/0/given/1", "value": "Ifeoma"},
        {"op": "add", "path": "/birthDate", "value": "1961-05-04"},
        {"op": "remove", "path": "/name/0/given/0"},
        {"op": "copy", "from": "/name/0", "path": "/name/-"},
        {"op": "move", "from": "/name/1/family", "path": "/name/1/text"},
    )
    assert after == {
        "resourceType": "Patient",
        "id": "p",
        "active": False,
        "birthDate": "1961-05-04",
        "name": [{"family": "Okafor", "given": ["Ifeoma", "Ada"]}, {"given": ["Ifeoma", "Ada"], "text": "Okafor"}],
    }
    assert before == person(active=True)


def test_a_patch_keeps_every_digit_of_the_decimals_that_it_does_not_touch() -> None:
    values = b'"valueQuantity":{"value":100.50},"component":[{"x":0.0000000},{"x":1e2}]'
    body = b'{"resourceType":"Observation","status":"final",' + values + b"}"
    after = patched(text.loads(body), {"op": "replace", "path": "/status", "value": "amended"})
    assert text.dumps(after) == body.replace(b"final", b"amended")
    copied = patched(text.loads(body), {"op": "copy", "from": "/component/1", "path": "/component/-"})
    assert text.dumps(copied).count(b"1e2") == 2


def test_the_decimals_of_a_patch_arrive_digit_for_digit() -> None:
    operations = text.values(b'[{"op":"add","path":"/valueQuantity","value":{"value":7.10}}]')
    after = json_patch(operations)({"resourceType": "Observation"})
    assert text.dumps(after) == b'{"resourceType":"Observation","valueQuantity":{"value":7.10}}'


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "test", "path": "/active", "value": 1}],  # true is not 1
        [{"op": "test", "path": "/nothing", "value": None}],
        [{"op": "remove", "path": "/nothing"}],
        [{"op": "replace", "path": "/nothing", "value": 1}],
        [{"op": "add", "path": "/name/7", "value": {}}],
        [{"op": "add", "path": "/name/01", "value": {}}],
        [{"op": "add", "path": "/name/x", "value": {}}],
        [{"op": "add", "path": "/active/x", "value": 1}],
        [{"op": "move", "from": "/name", "path": "/name/0/x"}],
        [{"op": "move", "from": "/name/0", "path": "/name/0/x"}],
        [{"op": "remove", "path": ""}],
        [{"op": "replace", "path": "", "value": 7}],
        [{"op": "replace", "path": "", "value": []}],
    ],
    ids=str,
)
def test_what_does_not_apply_is_refused_with_the_number_of_the_operation(operations: list[Json]) -> None:
    with pytest.raises(Unprocessable):
        json_patch(operations)(person(active=True))
    if operations[0]["path"]:
        with pytest.raises(Unprocessable, match="Operation 1 "):
            json_patch([{"op": "test", "path": "/id", "value": "p"}, *operations])(person(active=True))


@pytest.mark.parametrize(
    "operations",
    [
        None, {}, [], [7], [{}], [{"op": "spam", "path": "/x"}], [{"op": "add", "path": "/x"}], [{"op": "remove"}],
        [{"op": "move", "path": "/x"}], [{"op": "remove", "path": "x"}], [{"op": "remove", "path": 7}],
        [{"op": ["add"], "path": "/x"}], [{"op": "remove", "path": "/~7"}], [{"op": "copy", "from": 1, "path": "/x"}],
        [{"op": "remove", "path": "/x"}] * 1001,
    ],
)  # fmt: skip
def test_what_is_no_json_patch_is_refused_before_anything_is_read(operations: Any) -> None:
    with pytest.raises(Invalid):
        json_patch(operations)


@pytest.mark.parametrize(
    ("path", "value"),
    [("/id", "other"), ("/resourceType", "Person"), ("/meta/versionId", "9"), ("/meta/lastUpdated", "2026-01-01")],
)
def test_a_patch_changes_nothing_of_what_is_the_servers_own(path: str, value: str) -> None:
    before = person(meta={"versionId": "1", "lastUpdated": "2026-11-22T09:00:00Z"})
    with pytest.raises(Unprocessable, match=path.strip("/").replace("/", r"\.")):
        patched(before, {"op": "replace", "path": path, "value": value})
    assert patched(before, {"op": "replace", "path": "/meta", "value": {"tag": [{"code": "x"}]}})["meta"] == {
        "tag": [{"code": "x"}]
    }


def test_what_a_removal_leaves_empty_goes_with_it() -> None:
    assert "name" not in patched(person(), {"op": "remove", "path": "/name/0"})
    made = patched(person(), {"op": "add", "path": "/telecom", "value": []})
    assert "telecom" not in made


def test_a_patch_that_doubles_what_it_copies_is_stopped() -> None:
    doubling = [{"op": "copy", "from": "/name", "path": "/name/-"}] * 60
    with pytest.raises(Unprocessable, match="copies more"):
        json_patch(doubling)(person())


# -- FHIRPath Patch


def test_add_appends_to_a_list_sets_what_is_not_there_and_chooses_the_datatype() -> None:
    after = by_path(
        person(),
        operation("add", "Patient", name="birthDate", value={"valueDate": "1961-05-04"}),
        operation("add", "Patient", name="identifier", value={"valueIdentifier": {"value": "7"}}),
        operation("add", "Patient", name="deceased", value={"valueBoolean": False}),
        operation("add", "Patient.name[0]", name="given", value={"valueString": "Uche"}),
        operation(
            "add", "Patient.birthDate", name="extension", value={"valueExtension": {"url": "u", "valueCode": "c"}}
        ),
    )
    assert after == {
        "resourceType": "Patient",
        "id": "p",
        "name": [{"family": "Okafor", "given": ["Ngozi", "Ada", "Uche"]}],
        "birthDate": "1961-05-04",
        "identifier": [{"value": "7"}],
        "deceasedBoolean": False,
        "_birthDate": {"extension": [{"url": "u", "valueCode": "c"}]},
    }


def test_an_anonymous_type_is_put_together_from_its_parts() -> None:
    parts = [
        {"name": "name", "part": [{"name": "family", "valueString": "Obi"}, {"name": "given", "valueString": "Chi"}]},
        {"name": "relationship", "valueCodeableConcept": {"text": "mother"}},
    ]
    after = by_path(person(), operation("add", "Patient", name="contact", value={"part": parts}))
    assert after["contact"] == [{"name": {"family": "Obi", "given": ["Chi"]}, "relationship": [{"text": "mother"}]}]


def test_insert_move_and_delete_take_along_what_stands_beside_a_primitive() -> None:
    name = {"given": ["a", "b"], "_given": [None, {"id": "of-b"}]}
    inserted = by_path(
        person(name=[name]), operation("insert", "Patient.name[0].given", index=1, value={"valueString": "n"})
    )
    assert inserted["name"] == [{"given": ["a", "n", "b"], "_given": [None, None, {"id": "of-b"}]}]
    moved = by_path(person(name=[name]), operation("move", "Patient.name.given", source=1, destination=0))
    assert moved["name"] == [{"given": ["b", "a"], "_given": [{"id": "of-b"}, None]}]
    deleted = by_path(person(name=[name]), operation("delete", "Patient.name.given.where($this = 'a')"))
    assert deleted["name"] == [{"given": ["b"], "_given": [{"id": "of-b"}]}]


def test_insert_begins_a_list_that_is_not_there() -> None:
    after = by_path(
        person(), operation("insert", "Patient.identifier", index=0, value={"valueIdentifier": {"value": "7"}})
    )
    assert after["identifier"] == [{"value": "7"}]


def test_replace_means_one_element_and_may_change_the_datatype_of_a_choice() -> None:
    phones = [{"system": "phone", "use": "home", "value": "1"}, {"system": "phone", "use": "work", "value": "2"}]
    after = by_path(
        person(telecom=phones, deceasedBoolean=True),
        operation(
            "replace", "Patient.telecom.where(system = 'phone' and use = 'work').value", value={"valueString": "3"}
        ),
        operation("replace", "Patient.deceased", value={"valueDateTime": "2026-01-02"}),
        operation("replace", "Patient.name.first().given[1]", value={"valueString": "Ije"}),
    )
    assert [one["value"] for one in after["telecom"]] == ["1", "3"]
    assert (after.get("deceasedBoolean"), after["deceasedDateTime"]) == (None, "2026-01-02")
    assert after["name"][0]["given"] == ["Ngozi", "Ije"]


def test_delete_of_what_is_not_there_is_done_already() -> None:
    assert by_path(person(), operation("delete", "Patient.birthDate")) == person()


def test_paths_reach_extensions_contained_resources_and_choices() -> None:
    before = person(
        extension=[{"url": "u", "valueString": "x"}, {"url": "v", "valueString": "y"}],
        contained=[{"resourceType": "Organization", "id": "o", "name": "Old"}],
    )
    after = by_path(
        before,
        operation("replace", "Patient.extension('v').value", value={"valueCode": "z"}),
        operation("replace", "Patient.contained.where(id = 'o').name", value={"valueString": "New"}),
        operation("delete", "Patient.extension.where(url = 'u' and value.exists())"),
    )
    assert after["extension"] == [{"url": "v", "valueCode": "z"}]
    assert after["contained"] == [{"resourceType": "Organization", "id": "o", "name": "New"}]


@pytest.mark.parametrize(
    "one",
    [
        operation("add", "Patient", name="family", value={"valueString": "x"}),
        operation("add", "Patient.nothing", name="family", value={"valueString": "x"}),
        operation("add", "Patient", name="deceased", value={"valueString": "x"}),
        operation("add", "Patient", name="gender", value={"valueCode": "male"}),
        operation("replace", "Patient.birthDate", value={"valueDate": "1961"}),
        operation("replace", "Patient.name.given", value={"valueString": "x"}),
        operation("replace", "Patient", value={"valueString": "x"}),
        operation("delete", "Patient.name.given"),
        operation("delete", "Patient"),
        operation("insert", "Patient.name.given", index=3, value={"valueString": "x"}),
        operation("insert", "Patient.gender", index=0, value={"valueCode": "male"}),
        operation("move", "Patient.name.given", source=2, destination=0),
        operation("move", "Patient.identifier", source=0, destination=0),
        operation("replace", "Patient.id", value={"valueId": "other"}),
    ],
    ids=lambda one: str([part.get("valueString", part.get("valueCode")) for part in one["part"]]),
)
def test_an_operation_that_does_not_apply_is_refused(one: Json) -> None:
    with pytest.raises(Unprocessable):
        by_path(person(gender="female"), one)


@pytest.mark.parametrize(
    "path",
    [
        "", "Patient.", "Patient..name", "Patient.name[x]", "Patient.name[-1]", "Patient.name[0", "Patient.name.where(",
        "Patient.name.count()", "Patient.resolve()", "Patient name", "1 + 1", "Patient.name.where()", "(" * 400,
        "Patient" + ".name" * 400, "'unclosed", "Patient.name.where(family = )", "%vars", "Patient.name.where(a).b(c)",
    ],
)  # fmt: skip
def test_a_path_that_does_not_point_is_refused_in_words(path: str) -> None:
    with pytest.raises(Invalid) as refused:
        by_path(person(), operation("delete", path))
    assert refused.value.where == "Parameters.parameter[0]"


@pytest.mark.parametrize(
    "parameters",
    [
        None,
        {"resourceType": "Patient"},
        {"resourceType": "Parameters"},
        {"resourceType": "Parameters", "parameter": [{"name": "x"}]},
        {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [7]}]},
        {"resourceType": "Parameters", "parameter": [operation("spam", "Patient")]},
        {"resourceType": "Parameters", "parameter": [operation("add", "Patient")]},
        {"resourceType": "Parameters", "parameter": [operation("insert", "Patient.name", value={"valueString": "x"})]},
        {"resourceType": "Parameters", "parameter": [operation("replace", "id", value={"valueCode": 1, "valueId": 2})]},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_fhirpath_patch_is_refused(parameters: Any) -> None:
    with pytest.raises(Invalid):
        parameters_patch(parameters)


# -- in a Bundle


def test_an_entry_brings_a_json_patch_in_a_binary() -> None:
    data = base64.b64encode(b'[{"op":"add","path":"/active","value":true}]').decode()
    binary = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data}
    assert entry_patch(binary)(person()) == person(active=True)
    with pytest.raises(Unsupported):
        entry_patch({**binary, "contentType": "application/xml"})
    for wrong in ("%%%", None, 7, "aGVsbG8="):
        with pytest.raises(Invalid):
            entry_patch({**binary, "data": wrong})
