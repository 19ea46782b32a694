"""`/import/published`: files that agencies and payers publish, uploaded past the usual limit straight into a folder,
tried and taken in by a worker with its progress, by who may."""

import io
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from carecoord.actions.imports.published import uploads as published
from carecoord.errors import Unavailable
from carecoord.store.database.engine import reading
from carecoord.store.database.outbox import Job
from carecoord.store.imports import files
from carecoord.store.worklist import registry
from carecoord.worker import handlers
from carecoord.worker.lanes import perform
from carecoord.worker.leases import Leases
from tests.desk.conftest import House
from tests.imports import published_files
from tests.imports.conftest import bring
from tests.imports.nppes_lines import HEADER, line
from tests.imports.test_in_network import entry, price

PAGE = "/import/published"


def csrf(client: FlaskClient) -> str:
    return re.findall(r'name="csrf" value="([^"]+)"', client.get("/account").text)[0]


def upload(client: FlaskClient, kind: str, data: bytes, name: str) -> Any:
    sent = {"csrf": csrf(client), "kind": kind, "file": (io.BytesIO(data), name)}
    return client.post(PAGE, data=sent, content_type="multipart/form-data")


def go(house: House, client: FlaskClient, address: str, do: str, **said: str) -> str:
    """Press a button, let the worker do what it ordered, and look."""
    answer = client.post(address, data={"csrf": csrf(client), "do": do, **said})
    if answer.status_code == 303:
        assert "<progress" in client.get(address).text
        handlers.bring_in(house.world, Job(1, "import", address.rpartition("/")[2], b"", 1, "w", 1))
    return str(client.get(address).text if answer.status_code == 303 else answer.text)


def tallies(page: str) -> dict[str, str]:
    return dict(re.findall(r"<dt>([^<]+)</dt><dd[^>]*>([^<]+)</dd>", page))


def alert(page: str) -> str:
    """Why nothing came of it."""
    return re.findall(r'<p class="alert" role="alert">(.*?)</p>', page, re.S)[0]


def folder(house: House) -> list[Path]:
    return [*(Path(house.world.settings.var) / "imports").glob("*/*")]


@pytest.fixture
def desk(acting_house: House) -> FlaskClient:
    return acting_house.enter("contracts")


NPPES = ",".join(f'"{each}"' for each in HEADER) + "\n"
PERSON = {"npi": "9000010121", "kind": "1", "last": "NEWCOMER", "first": "NORA", "state": "NY", "city": "TOWN",
          "line": "1 MAIN STREET", "zip": "10001", "taxonomy1": "207RC0000X"}  # fmt: skip
GROUP = {"provider_group_id": 1, "provider_groups": [
    {"npi": [9000020013], "tin": {"type": "npi", "value": "9000020013"}},
]}  # fmt: skip
RATES = {"reporting_entity_name": "Acme", "version": "2.1.0", "provider_references": [GROUP], "in_network": [
    entry("HCPCS", "G0151", price("negotiated", 101.5)), entry("MS-DRG", "470", price("negotiated", 12000)),
]}  # fmt: skip
AGREED = "Number,Payer,Provider,Starts\nPUB-1,BH001,9000020013,2026-01-01\nPUB-2,BH001,9000010089,2026-01-01\n"


def practitioners(house: House, word: str) -> int:
    with reading(house.world.engine) as conn:
        return sum(word.encode() in row.body for row in registry.every(conn, "Practitioner"))


def test_the_registry_of_npis_is_tried_without_a_trace_taken_in_and_let_go(
    acting_house: House, desk: FlaskClient
) -> None:
    data = NPPES + line(PERSON) + "\n" + line({**PERSON, "npi": "9000010122"}) + "\n"
    data += line({**PERSON, "npi": published_files.npi(5), "state": "CA"}) + "\n"
    answer = upload(desk, "nppes", data.encode(), "npidata_pfile_20261108.csv")
    assert answer.status_code == 303
    (kept,) = folder(acting_house)
    assert kept.name == "npidata_pfile_20261108.csv"
    assert oct(kept.parent.parent.stat().st_mode)[-3:] == "700"
    tried = go(acting_house, desk, answer.location, "try", states="NY, NJ", taxonomies="207R")
    assert tallies(tried) | {"New": "1", "Faulty": "1", "Read": "3"} == tallies(tried)
    assert "its last digit does not fit the others" in tried
    assert 'value="NY, NJ"' in tried, "what was said beside it is kept"
    assert practitioners(acting_house, "9000010121") == 0
    assert "A3" in desk.get(f"/import/{answer.location.rpartition('/')[2]}/faults.csv").text
    done = go(acting_house, desk, answer.location, "import", states="NY, NJ", taxonomies="207R")
    assert tallies(done)["New"] == "1"
    assert practitioners(acting_house, "9000010121") == 1
    assert folder(acting_house) == [], "once it is in, the file is let go"
    again = desk.post(answer.location, data={"csrf": csrf(desk), "do": "import"})
    assert again.status_code == 422
    listed = desk.get("/import").text
    assert "npidata_pfile_20261108.csv" in listed
    assert desk.get(f"/import/{answer.location.rpartition('/')[2]}").location == answer.location


def test_a_payers_rates_go_to_an_agreement_to_which_ones_own_side_is_a_party(
    acting_house: House, desk: FlaskClient
) -> None:
    bring(acting_house.world, "organizations", "Name,Kind,NPI\nElm Clinic,clinic,9000010089\n")
    bring(acting_house.world, "agreements", AGREED)
    address = upload(desk, "in-network", json.dumps(RATES).encode(), "rates.json").location
    assert "Which agreement is it?" in go(acting_house, desk, address, "try")
    assert "PUB-2" in alert(go(acting_house, desk, address, "try", agreement="PUB-2")), "it is not ours to see"
    tried = go(acting_house, desk, address, "try", agreement="PUB-1")
    assert tallies(tried) | {"New": "1", "Faulty": "1", "Read": "2"} == tallies(tried)
    assert tallies(go(acting_house, desk, address, "import", agreement="PUB-1"))["New"] == "1"
    again = upload(desk, "in-network", json.dumps(RATES).encode(), "rates.json").location
    assert tallies(go(acting_house, desk, again, "try", agreement="PUB-1"))["Unchanged"] == "1"
    broken = upload(desk, "in-network", json.dumps(RATES)[:-9].encode(), "rates.json").location
    assert "The file is not whole JSON" in go(acting_house, desk, broken, "try", agreement="PUB-1")


def test_a_directory_comes_in_and_who_vanishes_from_the_next_is_told(
    acting_house: House, desk: FlaskClient, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    size = published_files.plan_net(first, range(12))
    published_files.plan_net(second, range(11))
    address = upload(desk, "plan-net", first.read_bytes(), "plan-net.json").location
    done = go(acting_house, desk, address, "import")
    assert tallies(done)["Read"] == str(size)
    assert tallies(done)["Faulty"] == "0"
    later = upload(desk, "plan-net", second.read_bytes(), "plan-net.json").location
    tried = go(acting_house, desk, later, "try")
    assert tallies(tried)["Ended"] == "1"
    assert "No longer in the directory" in tried
    some = upload(desk, "plan-net", json.dumps({"resourceType": "Patient", "id": "x"}).encode(), "x.json").location
    assert "Which directory is it?" in go(acting_house, desk, some, "try")


def test_it_may_be_longer_than_other_bodies_for_whoever_may_and_no_longer_than_is_told(
    acting_house: House, desk: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(acting_house.app.config, "MAX_CONTENT_LENGTH", 100_000)
    long = NPPES.encode() + b"\n" * 300_000
    assert upload(desk, "nppes", long, "long.csv").status_code == 303
    assert "At most 2 GB." in desk.get(PAGE).text
    coordinator = acting_house.enter("coordinator")
    assert upload(coordinator, "nppes", long, "long.csv").status_code == 413
    assert upload(coordinator, "nppes", b"NPI\n", "short.csv").status_code == 403
    assert not [*(Path(acting_house.world.settings.var) / "imports").glob(".part-*")]
    assert desk.post(PAGE, data={"file": (io.BytesIO(b"x"), "x.csv"), "kind": "nppes"}).status_code == 403
    assert "is empty" in upload(desk, "nppes", b"", "empty.csv").text
    assert "Choose a file" in desk.post(PAGE, data={"csrf": csrf(desk), "kind": "nppes"}).text


def test_who_brings_which_goes_by_the_tables(acting_house: House, desk: FlaskClient) -> None:
    def offered(client: FlaskClient) -> list[str]:
        form = client.get(PAGE).text
        return re.findall(r'<option value="([a-z-]+)"', form[form.index('id="kind"') :])

    assert offered(desk) == ["nppes", "in-network", "plan-net"]
    assert offered(acting_house.enter("admin")) == ["nppes"]
    for who in ("coordinator", "clinician", "payer", "auditor"):
        assert acting_house.enter(who).get(PAGE).status_code == 403
    assert upload(acting_house.enter("admin"), "plan-net", b"{}", "x.json").status_code == 403
    address = upload(desk, "plan-net", b"{}", "x.json").location
    assert acting_house.enter("rival").get(address).status_code == 404


def test_a_worker_that_does_not_have_the_file_leaves_it_to_one_that_has(
    acting_house: House, desk: FlaskClient
) -> None:
    address = upload(desk, "plan-net", b"{}", "x.json").location
    id = address.rpartition("/")[2]
    desk.post(address, data={"csrf": csrf(desk), "do": "try"})
    with reading(acting_house.world.engine) as conn:
        file = files.get(conn, id)
    assert file is not None
    published.path(acting_house.world, file).unlink()
    with pytest.raises(Unavailable):
        handlers.bring_in(acting_house.world, Job(1, "import", id, b"", 1, "w", 1))
    perform(acting_house.world, Leases(acting_house.world), Job(1, "import", id, b"", 3, "w", 1))
    assert "It could not be read to its end" in desk.get(address).text


def test_an_upload_lets_go_of_what_is_a_day_old_and_of_nothing_that_is_just_coming(
    acting_house: House, desk: FlaskClient
) -> None:
    """Another's file lies there before its row is kept."""
    upload(desk, "plan-net", b"{}", "mine.json")
    room = Path(acting_house.world.settings.var) / "imports"
    for name in ("young", "old"):
        (room / name).mkdir()
        (room / name / "file.json").write_bytes(b"{}")
        (room / f".part-{name}").write_bytes(b"{}")
    day = time.time() - 90_000
    mine = next(each for each in room.iterdir() if (each / "mine.json").exists())
    for each in (room / "old", room / ".part-old", mine):
        os.utime(each, (day, day))
    upload(desk, "plan-net", b"{}", "later.json")
    assert {each.name for each in folder(acting_house)} >= {"mine.json", "later.json"}
    assert [(room / name).exists() for name in ("young", "old")] == [True, False]
    assert [each.name for each in room.glob(".part-*")] == [".part-young"]


@pytest.mark.slow
def test_files_near_the_lengths_of_their_publishers_come_through_the_page(
    acting_house: House, desk: FlaskClient, tmp_path: Path
) -> None:
    """NPPES of 200,000 lines (200 MB) and a directory of 20,000 roles; rates at length are the command's test."""
    published_files.nppes(tmp_path / "nppes.csv", 200_000)
    size = published_files.plan_net(tmp_path / "plan-net.json", range(20_000))
    for kind, name, read, said in (
        ("nppes", "nppes.csv", "200,000", {"states": "NY"}),
        ("plan-net", "plan-net.json", f"{size:,}", {}),
    ):
        with (tmp_path / name).open("rb") as source:
            sent = {"csrf": csrf(desk), "kind": kind, "file": (source, name)}
            answer = desk.post(PAGE, data=sent, content_type="multipart/form-data")
        answer.request.environ["wsgi.input"].close()  # the client's own file, for what is too long for its memory
        done = go(acting_house, desk, answer.location, "import", **said)
        assert tallies(done)["Read"] == read, done
