"""A payer's in-network file in the layout that CMS published: of each way in which a price is negotiated the right
line, of a package words, of other providers nothing."""

import copy
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from carecoord.actions.agreements import rates as held
from carecoord.actions.imports.importer import IMPORTER
from carecoord.actions.imports.published import in_network_file
from carecoord.errors import Invalid
from carecoord.store.database.engine import reading
from carecoord.words.catalogue import say
from carecoord.world import World
from tests.imports.conftest import bring
from tests.imports.test_rates import agreed

TAX = "Name,NPI,Tax id\nElm Clinic,9000010089,12-3456789\n"
OURS = {"npi": [9000030012], "tin": {"type": "ein", "value": "12-3456789", "business_name": "Elm Clinic"}}
OTHERS = {"npi": [9000030012], "tin": {"type": "ein", "value": "98-7654321"}}  # a clinician of both


def entry(kind: str, code: str, *prices: dict[str, Any], by: list[int] | None = None, **more: Any) -> dict[str, Any]:
    rate = {"provider_references": by or [1], "negotiated_prices": list(prices)}
    said = {"negotiation_arrangement": "ffs", "name": "Made up", "billing_code_type": kind, "billing_code": code}
    return {**said, "billing_code_type_version": "2026", "description": "Made up", "negotiated_rates": [rate], **more}


def price(type: str, rate: float, **more: Any) -> dict[str, Any]:
    said = {"negotiated_type": type, "negotiated_rate": rate, "expiration_date": "9999-12-31", "setting": "both"}
    return {**said, "billing_class": "professional", "service_code": ["11"], **more}


PACKAGE = [{"billing_code_type": "CPT", "billing_code": "27447", "billing_code_type_version": "2026",
            "description": "Made up"}] * 2  # fmt: skip
FILE: dict[str, Any] = {
    "reporting_entity_name": "Acme Health", "reporting_entity_type": "health insurance issuer",
    "last_updated_on": "2026-11-01", "version": "2.1.0",
    "in_network": [
        entry("CPT", "99214", price("negotiated", 150.00, expiration_date="2026-12-31", setting="outpatient")),
        entry("CPT", "97110", price("percentage", 65.0, service_code=["11", "22"], billing_code_modifier=["gp"])),
        entry("RC", "200", price("per diem", 5500, billing_class="institutional", service_code=["CSTM-00"])),
        entry("CPT", "80053", price("derived", 45.5), price("fee schedule", 40.125), by=[2]),
        entry("CPT", "80053", price("derived", 45.5), price("fee schedule", 40.125)),
        entry("CSTM-ALL", "CSTM-00", price("percentage", 50)),
        entry("CPT", "99285", price("negotiated", 99)) | {"negotiated_rates": [
            {"provider_groups": [OTHERS], "negotiated_prices": [price("negotiated", 1)]},
            {"provider_groups": [OURS], "negotiated_prices": [price("negotiated", 2)]},
        ]},
        entry("CPT", "27447", price("negotiated", 9000), negotiation_arrangement="bundle", bundled_codes=PACKAGE),
        entry("MS-DRG", "470", price("negotiated", 12000)),
        entry("CPT", "97112", price("by handshake", 1)),
    ],
    "provider_references": [  # after the prices, as the layout allows
        {"provider_group_id": 1, "provider_groups": [OURS]}, {"provider_group_id": 2, "provider_groups": [OTHERS]},
        {"provider_group_id": 3, "location": "https://payer.example/groups-3.json"},
    ],
}  # fmt: skip


def read(office: World, path: Path, said: dict[str, Any], **how: Any) -> tuple[dict[str, int], list[str]]:
    path.write_text(json.dumps(said))
    brought, found = in_network_file.bring(office, IMPORTER, "test", path, "E-1", **how)
    return dict(brought.rows), [f"{where}: {say(why)}" for where, why in found.refused]


def lines(office: World, contract: str, code: str) -> list[str]:
    with reading(office.engine) as conn:
        found = [line for _, line in held.found(conn, [contract], code)]
    told = [
        (each.code or "all", each.method, str(each.amount or each.percent), "/".join(sorted(each.places)), each.setting,
         each.billing, "/".join(each.modifiers), str(each.days.end or ""))
        for each in found
    ]  # fmt: skip
    return sorted(" ".join(filter(None, each)) for each in told)


@pytest.fixture
def contract(office: World) -> str:
    bring(office, "organizations", TAX)
    return agreed(office)


def test_every_way_of_a_price_becomes_its_line_and_a_package_is_refused_with_words(
    office: World, contract: str, tmp_path: Path
) -> None:
    refused = [
        "in_network 8, CPT 27447: A package of 2 codes at one price: what one of them is paid nobody can tell, so it "
        "is left out",
        "in_network 9, MS-DRG 470: Codes of MS-DRG are not kept here; it is left out",
        "in_network 10, CPT 97112: 'by handshake' is no way in which a price was negotiated, or its amount is no "
        "number; it is left out",
        "provider_references 3: https://payer.example/groups-3.json: Who they are stands in another file: fetch it, "
        "and put what it holds in the place of its address",
    ]
    file = tmp_path / "in-network.json"
    assert read(office, file, FILE, dry=True) == ({"new": 7, "faulty": 4}, refused)
    assert lines(office, contract, "99214") == []
    assert read(office, file, FILE) == ({"new": 7, "faulty": 4}, refused)
    rest = "all percentage 50 11 professional"
    assert lines(office, contract, "99214") == ["99214 negotiated 150 11 outpatient professional 2027-01-01", rest]
    assert lines(office, contract, "97110") == ["97110 percentage 65 11/22 professional GP", rest]
    assert lines(office, contract, "0200") == ["0200 per-diem 5500 institutional", rest]
    assert lines(office, contract, "99285") == ["99285 negotiated 2 11 professional", rest]
    labs = ["80053 derived 45.5 11 professional", "80053 fee-schedule 40.125 11 professional"]
    assert lines(office, contract, "80053") == [*labs, rest]


def test_the_next_month_changes_what_differs_and_the_same_file_nothing(
    office: World, contract: str, tmp_path: Path
) -> None:
    month = tmp_path / "2026-12_in-network.json.gz"
    read(office, tmp_path / "in-network.json", FILE)
    month.write_bytes(gzip.compress((tmp_path / "in-network.json").read_bytes()))
    assert in_network_file.bring(office, IMPORTER, "test", month, "E-1")[0].rows == {"unchanged": 7, "faulty": 4}
    later = copy.deepcopy(FILE)
    later["in_network"] = [entry("CPT", "99214", price("negotiated", 155)), *later["in_network"][1:7]]
    assert read(office, tmp_path / "later.json", later)[0] == {"new": 1, "unchanged": 6, "ended": 1, "faulty": 1}


def test_a_file_that_says_nothing_of_the_provider_or_is_cut_off_changes_nothing(
    office: World, contract: str, tmp_path: Path
) -> None:
    read(office, tmp_path / "in-network.json", FILE)
    foreign = FILE | {"provider_references": [], "in_network": FILE["in_network"][:6]}
    with pytest.raises(Invalid, match="has no price for the provider of E-1"):
        read(office, tmp_path / "foreign.json", foreign)
    cut = tmp_path / "cut.json"
    cut.write_text(json.dumps(FILE)[:-200])
    with pytest.raises(Invalid, match="not whole JSON"):
        in_network_file.bring(office, IMPORTER, "test", cut, "E-1")
    with pytest.raises(Invalid, match="There is no agreement E-2 here"):
        in_network_file.bring(office, IMPORTER, "test", cut, "E-2")
    assert len(lines(office, contract, "99214")) == 2
