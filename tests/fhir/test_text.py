"""JSON in and out, digit for digit."""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carecoord.errors import Invalid
from carecoord.fhir.text import dumps, loads

_numbers = st.from_regex(r"\A-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18}|[eE][+-]?[0-9]{1,3})\Z")
_strings = st.text(st.characters(codec="utf-8"))
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | _numbers.map(Decimal) | _strings,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_strings, inner, max_size=4),
    max_leaves=20,
)


@given(_numbers)
def test_a_decimal_keeps_every_digit_as_it_came(number: str) -> None:
    data = b'{"value":' + number.encode() + b"}"
    assert dumps(loads(data)) == data


@given(st.dictionaries(_strings, _json, max_size=5))
def test_what_is_written_reads_back_equal(value: dict[str, object]) -> None:
    assert loads(dumps(value)) == value


@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:\\u0d8e1-.tfn ', max_size=40).map(str.encode))
def test_it_reads_any_bytes_or_refuses_them_as_invalid(data: bytes) -> None:
    with suppress(Invalid):
        assert isinstance(loads(data), dict)


def test_an_exponent_survives() -> None:
    assert loads(b'{"a":1E+2}') == {"a": Decimal("1E+2")}
    assert dumps(loads(b'{"a":1e2}')) == b'{"a":1e2}'


def test_whole_numbers_stay_whole() -> None:
    assert type(loads(b'{"a":7}')["a"]) is int


def test_a_byte_order_mark_is_skipped() -> None:
    assert loads(b'\xef\xbb\xbf{"a":1}') == {"a": 1}


@pytest.mark.parametrize(
    "data",
    [
        rb'{"a":"\\","b":1}',
        rb'{"a":"\\\"","b":"\u0022"}',
        rb'{"a\"b":"c","a\\":"\\\\"}',
        '{"é":"\\u00e9","ü":"𝄞"}'.encode(),
    ],
)
def test_escaped_quotation_marks_are_not_taken_for_a_property_given_twice(data: bytes) -> None:
    assert loads(data)


@pytest.mark.parametrize("data", [b'{"a":1,"b":2,"a":3}', rb'{"a":{"x\"":1,"x\u0022":2}}', b'{"b":[{"a":{},"a":{}}]}'])
def test_it_refuses_a_property_given_twice_and_names_it(data: bytes) -> None:
    with pytest.raises(Invalid, match="twice"):
        loads(data)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"[]", b"null", b'"x"', b"7", b"7.5", b'{"a":NaN}', b'{"a":Infinity}', b'{"a":01}', b'{"a":1}x',
        b'{"a":"\xff"}', rb'{"a":"\ud800"}', b'{"a":"\n"}', b"{'a':1}", b'{"a":1e99999999999999999999999999}',
        b'{"a":' + b"9" * 6000 + b"}", b'{"a":' * 20000, b'{"a":' * 900 + b"1" + b"}" * 900 + b"x",
    ],
)  # fmt: skip
def test_it_refuses_what_is_not_one_json_object(data: bytes) -> None:
    with pytest.raises(Invalid):
        loads(data)


def test_the_refusal_says_where() -> None:
    with pytest.raises(Invalid, match=r"byte 5"):
        loads(b'{"a":NaN}')


@pytest.mark.parametrize("value", ["\ud800", object()])
def test_it_refuses_to_write_what_json_can_not_hold(value: object) -> None:
    with pytest.raises(Invalid):
        dumps({"a": value})


def test_it_refuses_to_write_what_is_nested_beyond_reason() -> None:
    deep: dict[str, object] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(Invalid):
        dumps(deep)


@pytest.mark.parametrize("open_and_close", [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize(
    ("depth", "good"), [(98, True), (99, True), (100, False), (900, False), (3000, False), (9000, False)]
)
def test_a_body_may_be_nested_as_deep_as_we_say_and_no_deeper(
    open_and_close: tuple[str, str], depth: int, good: bool
) -> None:
    """F23: the interpreter's own limit is 997 levels on Python 3.11 and 9999 on 3.13."""
    opened, closed = open_and_close
    body = f'{{"resourceType":"Bundle","entry":{opened * depth}1{closed * depth}}}'.encode()
    if good:
        assert loads(body)["resourceType"] == "Bundle"
        return
    with pytest.raises(Invalid, match="nested too deep"):
        loads(body)


def test_a_body_may_be_as_broad_as_it_likes() -> None:
    body = b'{"entry":[' + b",".join([b'{"a":[{"b":"[[[[{{{{"}]}'] * 5000) + b"]}"
    assert len(loads(body)["entry"]) == 5000
