"""X12 files as they come: separators from ISA, envelopes checked, faults by segment and element; and written so that
reading gives what was written."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carecoord.domain.prior_auth.x12 import envelope, loops, writer
from carecoord.domain.prior_auth.x12.acknowledgment import results
from carecoord.domain.prior_auth.x12.envelope import Separators
from carecoord.errors import Unprocessable
from tests.domain.prior_auth.x12.files import ANSWER, REMITTANCE, file

NOW = datetime(2026, 11, 29, 10, 15, tzinfo=UTC)


def told(data: bytes) -> list[tuple[int, str, str]]:
    return [(each.place, each.where, str(each.why)) for each in envelope.read(data).faults]


def test_a_whole_file_is_read_with_its_numbers_and_no_fault() -> None:
    found = envelope.read(file("278", ANSWER, ANSWER))
    assert found.faults == []
    assert [(each.kind, each.control, each.interchange, each.group) for each in found.transactions] == [
        ("278", "0001", "000000905", "905"), ("278", "0002", "000000905", "905"),
    ]  # fmt: skip
    assert (found.transactions[0].sender, found.transactions[0].receiver) == ("GRANITE", "9000010100")
    assert found.transactions[0].segments[0].place == 3
    assert not found.transactions[0].test


def test_the_separators_are_those_that_isa_names() -> None:
    said = file("278", ANSWER).decode()
    other = said.translate(str.maketrans({"*": "|", ":": ">", "^": "!", "~": "\r"}))
    found = envelope.read(other.encode())
    assert found.faults == []
    sv1 = next(each for each in found.transactions[0].segments if each.id == "SV1")
    assert sv1.parts(1) == ("HC", "97110")


@pytest.mark.parametrize(
    ("before", "after", "faults"),
    [
        ("SE*29*0001", "SE*28*0001", [(31, "SE01", "It says 28; there are 29 segments.")]),
        ("SE*29*0001", "SE*29*0009", [(31, "SE02", "It says 0009; ST02 says 0001.")]),
        ("GE*1*905", "GE*2*905", [(32, "GE01", "It says 2; there are 1 transaction.")]),
        ("GE*1*905", "GE*1*906", [(32, "GE02", "It says 906; GS06 says 905.")]),
        ("IEA*1*000000905", "IEA*1*000000906", [(33, "IEA02", "It says 000000906; ISA13 says 000000905.")]),
        ("IEA*1*000000905~", "", [(32, "GE", "Interchange 000000905 has no IEA: the file was cut short. "
                                             "Nothing of it is taken."), (2, "GS", "It has no GE.")]),
        ("GS*HI", "GS*HP", [(3, "ST01", "A transaction 278 does not stand in a group HP.")]),
        ("SE*29*0001~", "", [(3, "ST", "It has no SE.")]),
        ("ISA*00", "ISA*0", [(1, "ISA", "An element of ISA does not have its fixed width, so the separators can not be "
                                        "read.")]),
        ("*:~", "*^~", [(1, "ISA", "The separators that ISA names are not four different characters, or one is a "
                                   "letter, a digit or a space.")]),
    ],
)  # fmt: skip
def test_a_fault_of_an_envelope_is_told_at_its_segment_and_nothing_within_is_read(
    before: str, after: str, faults: list[tuple[int, str, str]]
) -> None:
    said = file("278", ANSWER).decode()
    assert before in said
    broken = said.replace(before, after).encode()
    assert sorted(told(broken)) == sorted(faults)
    assert envelope.read(broken).transactions == []


def test_a_transaction_at_fault_goes_alone() -> None:
    said = file("278", ANSWER, ANSWER, ANSWER).decode().replace("SE*29*0002", "SE*30*0002").encode()
    found = envelope.read(said)
    assert [each.control for each in found.transactions] == ["0001", "0003"]
    assert [each.where for each in found.faults] == ["SE01"]


def test_an_empty_file_one_that_is_no_x12_and_one_cut_within_a_segment_are_told() -> None:
    assert told(b"") == [(1, "ISA", "The file is empty.")]
    assert told(b"patient,number\n") == [(1, "ISA", "An interchange begins with ISA; something else stands here.")]
    cut = file("278", ANSWER)[:-6]
    assert told(cut)[0][2] == "The file ends within this segment."
    assert envelope.read(cut).transactions == []


def test_two_interchanges_in_one_file_are_read_each_by_its_own_envelope() -> None:
    two = file("278", ANSWER) + b"\n" + file("835", REMITTANCE, control="000000906").replace(b"*", b"|")
    found = envelope.read(two)
    assert found.faults == []
    assert [(each.kind, each.interchange) for each in found.transactions] == [
        ("278", "000000905"), ("835", "000000906"),
    ]  # fmt: skip


def test_a_999_says_what_became_of_each_transaction_and_where_it_is_wrong() -> None:
    body = """AK1*HI*905*005010X217
    AK2*278*0001
    IK5*A
    AK2*278*0002
    IK3*HI*14*2000*8
    IK4*1:2*1271*6*M545*X
    IK5*R*5
    AK9*P*2*2*1"""
    one, other = results(envelope.read(file("999", body)).transactions[0])
    assert (one.control, one.taken, one.complaints) == ("0001", True, ())
    assert (other.control, other.result, other.taken) == ("0002", "R", False)
    assert [(each.place, each.segment, each.element, each.code) for each in other.complaints] == [
        ("14", "HI", "", "8"), ("14", "HI", "1", "6"),
    ]  # fmt: skip


def test_a_file_of_two_hundred_thousand_segments_is_read_in_the_time_of_its_length() -> None:
    body = "\n".join(["REF*EA*1"] * 200_000)
    data = file("278", body)
    start = time.process_time()
    found = envelope.read(data)
    assert time.process_time() - start < 5
    assert found.faults == []
    assert len(found.transactions[0].segments) == 200_002


def test_a_count_of_thousands_of_digits_is_a_fault_and_no_error() -> None:
    said = told(file("278", ANSWER).replace(b"SE*29*", b"SE*" + b"9" * 5000 + b"*"))
    assert [where for _, where, _ in said] == ["SE01"]


def test_levels_under_levels_without_end_are_a_fault() -> None:
    chain = "\n".join(f"HL*{n}*{n - 1 or ''}*22*1" for n in range(1, 20_001))
    faults: list[envelope.Fault] = []
    (transaction,) = envelope.read(file("277", chain)).transactions
    found = loops.levels(transaction.segments, faults)
    assert len(found) == 20_000
    assert (faults[0].where, str(faults[0].why)) == (
        "HL02", "It stands under more than 10 levels; no guide has so many.",
    )  # fmt: skip


def test_a_level_with_others_under_it_is_no_longer_than_a_guide_has_them() -> None:
    """It is looked through for each of them: one of a hundred thousand segments over as many patients has no end."""
    long = "\n".join(["HL*1**20*1", *["REF*EA*1"] * 500, "HL*2*1*PT*0", "HL*3*1*PT*0"])
    faults: list[envelope.Fault] = []
    (transaction,) = envelope.read(file("277", long)).transactions
    found = loops.levels(transaction.segments, faults)
    assert [len(each.above) for each in found] == [0, 0, 0]
    assert [(each.where, str(each.why)) for each in faults] == [
        ("HL02", "The level above it, 1, has more than 500 segments; no guide has so many."),
    ] * 2  # fmt: skip


def test_a_file_of_more_segments_than_any_has_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes a hundred times the room of the one character that ends it."""
    monkeypatch.setattr(envelope, "_MOST", 1_000)
    found = envelope.read(file("278", "~" * 5_000))
    assert [str(each.why) for each in found.faults] == [
        "The file has more than 1,000 segments. Ask the payer for it in parts."
    ]
    assert found.transactions == []


VALUE = st.text(st.sampled_from("ABCZabz019 .,'()/&-+#%@_ñÉ"), max_size=12)
ELEMENT = st.one_of(VALUE, st.tuples(VALUE, VALUE).filter(lambda pair: bool(pair[-1])))
BODY = st.lists(
    st.tuples(st.sampled_from(["BHT", "HL", "NM1", "REF", "HSD"]), ELEMENT, ELEMENT, VALUE.filter(bool)), min_size=1
)
CHOICE = st.sampled_from([Separators(), Separators("|", "!", ">", "\n"), Separators("\x1d", "\x1e", "\x1f", "\x1c")])


@given(st.lists(BODY, min_size=1, max_size=3), CHOICE, st.integers(1, 999_999_999))
def test_what_is_written_is_read_as_it_was(bodies: list[list[writer.Row]], by: Separators, control: int) -> None:
    header = writer.Header("9000010100", "GC014", control, NOW, separators=by)
    found = envelope.read(writer.written(header, "005010X217", "278", bodies).encode())
    assert found.faults == []
    assert [each.interchange for each in found.transactions] == [f"{control:09}"] * len(bodies)
    for transaction, body in zip(found.transactions, bodies, strict=True):
        inner = transaction.segments[1:-1]
        assert [each.id for each in inner] == [row[0] for row in body]
        for segment, row in zip(inner, body, strict=True):
            for n, value in enumerate(row[1:], 1):
                assert (segment.parts(n) if isinstance(value, tuple) else segment.at(n)) == value


@given(st.sampled_from("*^:~\n\t"), VALUE)
def test_a_value_that_holds_a_separator_is_refused_and_told_where(held: str, value: str) -> None:
    header = writer.Header("9000010100", "GC014", 1, NOW)
    with pytest.raises(Unprocessable) as refused:
        writer.written(header, "005010X217", "278", [[("BHT", "0007"), ("NM1", "IL", "1", value + held)]])
    assert [each.where for each in refused.value.all_issues()] == ["5 NM103"]


def test_a_sender_whose_name_has_no_room_in_isa_is_refused() -> None:
    header = writer.Header("A NAME OF SIXTEEN", "GC014", 1, NOW)
    with pytest.raises(Unprocessable, match="1 to 15 characters"):
        writer.written(header, "005010X217", "278", [[("BHT", "0007")]])


@given(st.binary(max_size=400))
def test_no_bytes_whatever_break_the_reader(data: bytes) -> None:
    envelope.read(data)
    envelope.read(file("278", ANSWER)[:-20] + data)


BY_PYX12 = """ISA*00*          *00*          *ZZ*9000010100     *ZZ*GRANITE        *261130*0911*^*00501*611300911*0*P*:~
GS*FA*9000010100*GRANITE*20261130*091117*894969162*X*005010X231~
ST*999*0001*005010X231~
AK1*HN*905*005010X214~
AK2*277*0001*005010X214~
IK3*DTP*7**3~
IK3*TRN*9**3~
IK3*TRN*11**3~
IK3*DTP*20**3~
IK5*R*5~
AK9*R*1*1*0~
SE*10*0001~
GE*1*894969162~
IEA*1*611300911~
"""


def test_a_999_that_the_library_of_others_wrote_is_read_with_its_complaints() -> None:
    """pyx12 4.0.0 of PyPI, asked to judge a 277CA: the only open library that writes a 999 of 005010X231."""
    found = envelope.read(BY_PYX12.encode())
    assert found.faults == []
    (transaction,) = found.transactions
    (result,) = results(transaction)
    assert (result.group, result.kind, result.control) == ("905", "277", "0001")
    assert (result.result, result.taken) == ("R", False)
    assert [(each.place, each.segment, each.element, each.code) for each in result.complaints] == [
        ("7", "DTP", "", "3"), ("9", "TRN", "", "3"), ("11", "TRN", "", "3"), ("20", "DTP", "", "3"),
    ]  # fmt: skip
