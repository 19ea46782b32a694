"""Files of publishers that are damaged, locked or endless: each ends its import at once in words, nothing is kept, and
no more of it is read than fits."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from carecoord.actions.imports.importer import IMPORTER
from carecoord.actions.imports.published import in_network_file, nppes_file, plan_net_files
from carecoord.actions.imports.published.nppes_file import Wanted
from carecoord.errors import Invalid
from carecoord.words.catalogue import say
from carecoord.world import World
from tests.imports.conftest import bring
from tests.imports.nppes_lines import line
from tests.imports.test_in_network import FILE, TAX
from tests.imports.test_nppes import ANN, HEAD
from tests.imports.test_rates import agreed

CSV = f"{HEAD}\n{line(ANN)}\n".encode() * 50
DAMAGED = (
    "{name} can not be read to its end: it is damaged, cut off, or locked with a password. Fetch it again from where "
    "it is published, unlock it if need be, and bring it in again."
)
ENDLESS = (
    "{name} has more than 10 MB in one piece, without an end of the line or of the entry: it is not laid out as its "
    "publisher says. Fetch it again, and choose which file it is."
)


def archive(packing: int = zipfile.ZIP_DEFLATED) -> bytearray:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", packing) as made:
        made.writestr("npidata_pfile_20260101.csv", CSV)
    return bytearray(packed.getvalue())


def cut() -> bytes:
    return bytes(archive()[:-200])


def spoilt() -> bytes:
    data = archive()
    data[200:240] = b"\xff" * 40
    return bytes(data)


def other_sum() -> bytes:
    data = archive(zipfile.ZIP_STORED)
    data[-400] ^= 1
    return bytes(data)


def _marked(offset: int, value: int) -> bytes:
    data = archive()
    data[6 + offset] = value  # in the header of the file within
    data[data.index(b"PK\x01\x02") + 8 + offset] = value  # and in the list at the end
    return bytes(data)


def locked() -> bytes:
    return _marked(0, 1)


def packed_otherwise() -> bytes:
    return _marked(2, 97)


@pytest.mark.parametrize("made", [cut, spoilt, other_sum, locked, packed_otherwise])
def test_a_registry_in_a_damaged_archive_is_refused_as_damaged(
    office: World, tmp_path: Path, made: Callable[[], bytes]
) -> None:
    file = tmp_path / "NPPES.zip"
    file.write_bytes(made())
    with pytest.raises(Invalid) as refused:
        nppes_file.bring(office, IMPORTER, "test", file, Wanted(), dry=True)
    assert say(refused.value.said) == DAMAGED.format(name="NPPES.zip")


def test_a_cell_that_never_ends_is_refused_as_damaged(office: World, tmp_path: Path) -> None:
    file = tmp_path / "npidata.csv"
    file.write_text(f'{HEAD}\n"{"x" * 140_000}\n')
    with pytest.raises(Invalid) as refused:
        nppes_file.bring(office, IMPORTER, "test", file, Wanted(), dry=True)
    assert say(refused.value.said) == DAMAGED.format(name="npidata.csv")


@pytest.mark.parametrize("endless", [b"x" * 11_000_000, b'"a\n",' * 2_200_000], ids=["line", "row"])
def test_a_line_or_row_that_never_ends_is_not_read_whole(office: World, tmp_path: Path, endless: bytes) -> None:
    file = tmp_path / "NPPES.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("npidata_pfile_20260101.csv", HEAD.encode() + b"\n" + endless)
    with pytest.raises(Invalid) as refused:
        nppes_file.bring(office, IMPORTER, "test", file, Wanted(), dry=True)
    assert say(refused.value.said) == ENDLESS.format(name="NPPES.zip")


@pytest.mark.parametrize("name", ["one.ndjson", "one.json"])
def test_a_directory_that_is_one_endless_entry_is_not_read_whole(office: World, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    held = json.dumps({"entry": [{"resource": {"resourceType": "Organization", "id": "x", "name": "x" * 11_000_000}}]})
    file.write_text(held)
    with pytest.raises(Invalid) as refused:
        plan_net_files.bring(office, IMPORTER, "test", file, "https://payer.example", dry=True)
    assert say(refused.value.said) == ENDLESS.format(name=name)


def test_rates_in_a_damaged_or_endless_file_are_refused(office: World, tmp_path: Path) -> None:
    bring(office, "organizations", TAX)
    agreed(office)
    file = tmp_path / "in-network.json.gz"
    whole = gzip.compress(json.dumps(FILE).encode(), mtime=0)
    spoilt = whole[:60] + b"\xff" * 40 + whole[100:]
    text = gzip.compress(json.dumps({"provider_references": ["x" * 11_000_000]}).encode())
    for data, said in (
        (whole[:-20], DAMAGED), (spoilt, DAMAGED), (whole[:-8] + b"\0" * 8, DAMAGED), (b"\x1f\x8b\x07rest", DAMAGED),
        (text, ENDLESS),
    ):  # fmt: skip
        file.write_bytes(data)
        with pytest.raises(Invalid) as refused:
            in_network_file.bring(office, IMPORTER, "test", file, "E-1", dry=True)
        assert say(refused.value.said) == said.format(name="in-network.json.gz")
