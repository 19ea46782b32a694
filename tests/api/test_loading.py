"""Files in, and out again exactly as they were: must-show item 2 on real Synthea bundles, and every form of file."""

import gzip
import json
import os
from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from carecoord.actions.fhir.load import load, shift
from carecoord.errors import Invalid, NotFound
from carecoord.fhir import text
from carecoord.store.database.engine import reading
from carecoord.store.database.tables import resource
from carecoord.store.resources import read
from carecoord.world import World
from tests.api.conftest import patient, referral

SHARED = Path(os.environ.get("SHARED_DATA", Path(__file__).parents[3] / "shared"))
SYNTHEA = sorted((SHARED / "data" / "synthea-r4").glob("*.json.gz"))
Rows = Callable[[], dict[str, int]]
Json = dict[str, Any]


@pytest.mark.skipif(not SYNTHEA, reason="the Synthea bundles of ../shared/data are not here")
def test_it_loads_thirteen_real_synthea_bundles_and_drops_nothing(world: World, rows: Rows) -> None:
    sent = [entry for path in SYNTHEA for entry in text.loads(gzip.decompress(path.read_bytes()))["entry"]]
    told: list[tuple[str, int, int | None]] = []
    loaded = load(world, SYNTHEA, report=lambda *step: told.append(step))
    assert (loaded.refusals, loaded.dropped) == ([], 0)
    assert len(told) == len(SYNTHEA)

    assert loaded.kept == Counter(entry["resource"]["resourceType"] for entry in sent)
    different = {(entry["resource"]["resourceType"], entry["resource"]["id"]) for entry in sent}  # two share a clinic
    with reading(world.engine) as conn:
        assert Counter(conn.scalars(select(resource.c.type))) == Counter(type for type, _ in different)
        links = {e["fullUrl"]: f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in sent}
        for entry in sent:
            wanted = _resolved(_without(entry["resource"]), links)
            row = read.get(conn, entry["resource"]["resourceType"], entry["resource"]["id"])
            assert row is not None
            assert _without(text.loads(row.body)) == wanted
            assert text.loads(row.body)["meta"].items() >= entry["resource"].get("meta", {}).items()

    before = rows()
    again = load(world, SYNTHEA)
    assert again.outcomes == {"unchanged": len(sent)}
    assert rows() == before


def _without(whole: Json) -> Json:
    return {name: value for name, value in whole.items() if name not in ("id", "meta")}


def _resolved(value: Any, links: dict[str, str]) -> Any:
    """References as the load must have set them, worked out without its help."""
    if isinstance(value, dict):
        done = {name: _resolved(inner, links) for name, inner in value.items()}
        if isinstance(value.get("reference"), str):
            done["reference"] = links.get(value["reference"], value["reference"])
        return done
    return [_resolved(inner, links) for inner in value] if isinstance(value, list) else value


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, *objects: Any, pack: bool = False, indent: int | None = None) -> Path:
        data = b"\n".join(json.dumps(one, indent=indent).encode() for one in objects)
        path = tmp_path / name
        path.write_bytes(gzip.compress(data) if pack else data)
        return path

    return write


def _bodies(world: World) -> dict[str, Json]:
    with reading(world.engine) as conn:
        found = conn.execute(select(resource.c.type, resource.c.id, resource.c.body).where(~resource.c.deleted))
        return {f"{row.type}/{row.id}": text.loads(row.body) for row in found if row.body}


@pytest.mark.parametrize("pack", [False, True])
def test_it_reads_ndjson_plain_or_packed_in_runs(world: World, file: Callable[..., Path], pack: bool) -> None:
    people = [patient(id=f"p{n}") for n in range(1201)]
    told: list[int] = []
    loaded = load(
        world, [file("people.ndjson", *people, pack=pack)], report=lambda name, done, total: told.append(done)
    )
    assert told == [500, 1000, 1201]
    assert loaded.kept == {"Patient": 1201}


def test_it_reads_a_pretty_printed_resource_and_any_kind_of_bundle(world: World, file: Callable[..., Path]) -> None:
    entries = [{"fullUrl": "urn:uuid:0b5f3c1e-0001-4000-8000-000000000001", "resource": patient()}]
    entries += [
        {"resource": referral("urn:uuid:0b5f3c1e-0001-4000-8000-000000000001")},
        {"response": {"status": "200"}},
    ]
    paths = [
        file("one.json", patient(id="one"), indent=2),
        file("many.json", {"resourceType": "Bundle", "type": "collection", "entry": entries}, indent=2),
        file("empty.json", {"resourceType": "Bundle", "type": "collection"}),
        file("nothing.ndjson"),
    ]
    load(world, paths)
    bodies = _bodies(world)
    assert set(bodies) >= {"Patient/one", "Patient/0b5f3c1e-0001-4000-8000-000000000001"}
    order = next(body for key, body in bodies.items() if key.startswith("ServiceRequest/"))
    assert order["subject"]["reference"] == "Patient/0b5f3c1e-0001-4000-8000-000000000001"
    again = load(world, paths)
    assert again.outcomes == {"unchanged": 3}


def test_it_keeps_the_number_of_an_entry_without_any_id(world: World, file: Callable[..., Path]) -> None:
    path = file("people.ndjson", patient(), patient(active=False))
    assert load(world, [path]).outcomes == {"created": 2}
    assert load(world, [path]).outcomes == {"unchanged": 2}


def test_it_names_what_the_rules_refuse_and_leaves_it_out(world: World, file: Callable[..., Path]) -> None:
    path = file("mixed.ndjson", patient(id="good"), patient(id="bad", gender="f"), patient(id="fine"))
    loaded = load(world, [path])
    assert set(_bodies(world)) == {"Patient/good", "Patient/fine"}
    (refusal,) = loaded.refusals
    assert (refusal.file, refusal.place, refusal.what, refusal.kept) == ("mixed.ndjson", "line 2", "Patient/bad", False)
    assert refusal.issues[0].where == "Patient.gender"
    assert loaded.dropped == 1


def test_it_stores_flagged_what_the_rules_refuse_when_lenient(world: World, file: Callable[..., Path]) -> None:
    path = file("mixed.ndjson", patient(id="bad", gender="f"), {"resourceType": "Nonsense", "id": "x"})
    loaded = load(world, [path], lenient=True)
    assert [refusal.kept for refusal in loaded.refusals] == [True, False]
    with reading(world.engine) as conn:
        row = read.get(conn, "Patient", "bad")
        assert row is not None
        assert [flag.where for flag in read.flags(conn, row.rid)] == ["Patient.gender"]
    assert load(world, [path], lenient=True).outcomes == {"unchanged": 1}


ONE, TWO = "urn:uuid:0b5f3c1e-0001-4000-8000-000000000001", "urn:uuid:0b5f3c1e-0002-4000-8000-000000000002"


def _bundle(*resources: tuple[str, Json], kind: str = "transaction") -> Json:
    entries = [
        {"fullUrl": url, "resource": one, "request": {"method": "POST", "url": one["resourceType"]}}
        for url, one in resources
    ]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def test_what_is_left_out_of_a_transaction_bundle_takes_nothing_with_it(
    world: World, file: Callable[..., Path]
) -> None:
    path = file(
        "t.json",
        _bundle((ONE, patient(id="bad", gender="f")), (TWO, referral(ONE)), ("urn:x", {"resourceType": "Nonsense"})),
    )
    loaded = load(world, [path])
    bodies = _bodies(world)
    assert [body["subject"]["reference"] for body in bodies.values()] == ["Patient/bad"]
    assert [(one.file, one.place, one.what) for one in loaded.refusals] == [
        ("t.json", "Bundle.entry[0]", "Patient/bad"), ("t.json", "Bundle.entry[2]", "Nonsense"),
    ]  # fmt: skip
    assert (loaded.kept, loaded.dropped, loaded.flagged) == ({"ServiceRequest": 1}, 2, 0)
    again = load(world, [path], lenient=True)
    assert (again.kept, again.dropped, again.flagged) == ({"Patient": 1, "ServiceRequest": 1}, 1, 1)


def test_it_keeps_resources_of_every_type_of_r4(world: World, file: Callable[..., Path]) -> None:
    to = {"reference": ONE}
    device = {"resourceType": "Device", "id": "d", "patient": to}
    given = {
        "resourceType": "MedicationAdministration", "id": "g", "status": "completed", "subject": to,
        "effectiveDateTime": "2026-11-01", "medicationCodeableConcept": {"text": "x"},
    }  # fmt: skip
    supply = {"resourceType": "SupplyDelivery", "id": "s", "status": "completed", "patient": to}
    path = file("p.json", _bundle((ONE, patient()), *((f"urn:x:{one['id']}", one) for one in (device, given, supply))))
    loaded = load(world, [path])
    assert (loaded.refusals, loaded.kept.total()) == ([], 4)
    bodies = _bodies(world)
    assert bodies["Device/d"]["patient"]["reference"] == f"Patient/{ONE[9:]}"
    assert bodies["MedicationAdministration/g"]["subject"]["reference"] == f"Patient/{ONE[9:]}"


def test_the_second_of_two_entries_with_one_full_url_is_left_out(world: World, file: Callable[..., Path]) -> None:
    loaded = load(world, [file("t.json", _bundle((ONE, patient(id="a")), (ONE, patient(id="b"))))])
    assert set(_bodies(world)) == {"Patient/a"}
    (refusal,) = loaded.refusals
    assert (refusal.place, refusal.issues[0].where) == ("Bundle.entry[1]", "fullUrl")


def _seen_by(number: str, **more: Any) -> Json:
    who = [{"individual": {"reference": f"Practitioner?identifier=http://n.example|{number}"}}]
    kind = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
    return {"resourceType": "Encounter", "status": "finished", "class": kind, "participant": who, **more}


def test_the_order_of_files_and_lines_does_not_matter(world: World, file: Callable[..., Path]) -> None:
    doctor = {"resourceType": "Practitioner", "id": "d", "identifier": [{"system": "http://n.example", "value": "1"}]}
    paths = [
        file("A.ndjson", _seen_by("1", id="e1", length={"value": 1.50}), _seen_by("1")),
        file("B.json", _bundle((ONE, patient()), (TWO, _seen_by("1", id="e2", subject={"reference": ONE})))),
        file("C.ndjson", doctor, {"resourceType": "Practitioner", "id": "other"}),
    ]
    loaded = load(world, paths)
    assert loaded.refusals == []
    bodies = _bodies(world)
    found = [body for body in bodies.values() if body["resourceType"] == "Encounter"]
    assert [one["participant"][0]["individual"]["reference"] for one in found] == ["Practitioner/d"] * 3
    assert bodies["Encounter/e2"]["subject"]["reference"] == f"Patient/{ONE[9:]}"
    assert all(one["meta"]["versionId"] == "1" for one in found)
    assert load(world, paths).outcomes == {"unchanged": 6}


def test_a_reference_that_nothing_meets_is_named_with_file_and_line(world: World, file: Callable[..., Path]) -> None:
    path = file("E.ndjson", patient(id="p"), _seen_by("9", id="e"), _seen_by("9", id="f"))
    loaded = load(world, [path])
    assert set(_bodies(world)) == {"Patient/p"}
    assert [(one.file, one.place, one.what) for one in loaded.refusals] == [
        ("E.ndjson", "line 2", "Encounter/e"), ("E.ndjson", "line 3", "Encounter/f"),
    ]  # fmt: skip
    assert "Practitioner?identifier=http://n.example|9" in loaded.refusals[0].issues[0].text
    lenient = load(world, [path], lenient=True)
    assert (lenient.dropped, lenient.flagged) == (0, 2)
    assert _bodies(world)["Encounter/e"]["participant"][0]["individual"]["reference"].startswith("Practitioner?")


def test_a_condition_that_several_meet_is_named_and_the_rest_kept(world: World, file: Callable[..., Path]) -> None:
    twins = [patient(id=id, identifier=[{"system": "s", "value": "t"}]) for id in ("a", "b")]
    unclear = {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=s|t"}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [
        {"resource": patient(), "request": unclear}, {"resource": patient(id="c")},
    ]}  # fmt: skip
    loaded = load(world, [file("twins.ndjson", *twins), file("t.json", bundle)])
    assert set(_bodies(world)) == {"Patient/a", "Patient/b", "Patient/c"}
    assert [(one.file, one.place) for one in loaded.refusals] == [("t.json", "Bundle.entry[0]")]


def test_it_deletes_and_creates_conditionally_as_a_bundle_asks(world: World, file: Callable[..., Path]) -> None:
    load(world, [file("a.ndjson", patient(id="a"), patient(id="b", identifier=[{"system": "s", "value": "b"}]))])
    entries = [
        {"request": {"method": "DELETE", "url": "Patient/a"}},
        {
            "fullUrl": "urn:uuid:0b5f3c1e-0001-4000-8000-000000000001",
            "resource": patient(),
            "request": {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=s|b"},
        },
        {"resource": referral("urn:uuid:0b5f3c1e-0001-4000-8000-000000000001", id="r")},
    ]
    load(world, [file("t.json", {"resourceType": "Bundle", "type": "transaction", "entry": entries})])
    bodies = _bodies(world)
    assert set(bodies) == {"Patient/b", "ServiceRequest/r"}
    assert bodies["ServiceRequest/r"]["subject"]["reference"] == "Patient/b"


def test_it_says_what_is_wrong_with_a_file(world: World, tmp_path: Path, file: Callable[..., Path]) -> None:
    with pytest.raises(NotFound, match="no file"):
        load(world, [tmp_path / "nowhere.json"])
    broken = file("broken.ndjson", patient(), "x")
    with pytest.raises(Invalid, match=r"broken.ndjson, line 2: The body must be one JSON object, not a string"):
        load(world, [broken])
    half = tmp_path / "half.json.gz"
    half.write_bytes(gzip.compress(b"{}" * 1000)[:20])
    with pytest.raises(Invalid, match="can not be read"):
        load(world, [half])


def test_it_shifts_only_dates_and_keeps_their_precision() -> None:
    before = {
        "resourceType": "Patient",
        "birthDate": "1980-12-30",
        "deceasedDateTime": "2026-11-22T10:00:00.000-05:00",
        "identifier": [{"system": "s", "value": "2026-11-22", "period": {"start": "2026-11", "end": "2026"}}],
        "name": [{"text": "2026-11-22"}],
        "extension": [
            {"url": "x", "valueInstant": "2026-12-31T23:59:59Z"},
            {"url": "y", "valueDecimal": Decimal("1.50")},
        ],
    }
    after = shift(before, 10)
    assert after["birthDate"] == "1981-01-09"
    assert after["deceasedDateTime"] == "2026-12-02T10:00:00.000-05:00"
    assert after["identifier"] == [
        {"system": "s", "value": "2026-11-22", "period": {"start": "2026-11", "end": "2026"}}
    ]
    assert after["name"] == before["name"]
    assert after["extension"][0]["valueInstant"] == "2027-01-10T23:59:59Z"
    assert str(after["extension"][1]["valueDecimal"]) == "1.50"
    assert shift(after, -10) == before
    assert shift({"resourceType": "Patient", "birthDate": "9999-12-31"}, 1)["birthDate"] == "9999-12-31"


def test_it_shifts_what_it_loads(world: World, file: Callable[..., Path]) -> None:
    days = (date(2026, 12, 25) - date(2026, 11, 22)).days
    load(world, [file("p.ndjson", patient(id="p", birthDate="1980-01-01"), patient(id="q"))], days=days)
    assert _bodies(world)["Patient/p"]["birthDate"] == "1980-02-03"
