"""The address of a list: whatever is asked comes back from the address that is made of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict
from werkzeug.urls import iri_to_uri

from carecoord.errors import Invalid
from carecoord.store.worklist.query import FACETS, SORTS, WorklistQuery
from carecoord.store.worklist.tabs import tabs_named
from carecoord.web.worklist.address import Address, parse

short = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
values = st.lists(short, min_size=1, max_size=3, unique=True).map(tuple)
facets = st.dictionaries(st.sampled_from(sorted(FACETS)), values, max_size=4)
addresses = st.builds(  # the list behind a figure has an address of its own: see tests/desk/measures
    lambda tab, chosen, words, sort, shown, at: Address(
        WorklistQuery(
            tab, tuple((n, chosen[n]) for n in FACETS if n in chosen), " ".join(words.split()), sort,
            (at[0] if sort.endswith("due") else str(at[0]), at[1]) if at else None,
        ),
        shown,
    ),
    st.sampled_from(sorted({*tabs_named()} - {"counted"})), facets, short,
    st.sampled_from([*SORTS, *(f"-{s}" for s in SORTS)]),
    st.one_of(st.none(), short), st.one_of(st.none(), st.tuples(st.integers(0, 2**62), st.integers(1, 10**9))),
)  # fmt: skip


def read(href: str) -> Address:
    from werkzeug.test import EnvironBuilder
    from werkzeug.wrappers import Request

    return parse(Request(EnvironBuilder(iri_to_uri(href)).get_environ()).args.to_dict(flat=False))


@given(addresses)
def test_an_address_comes_back_from_its_link(address: Address) -> None:
    assert read(address.href()) == address


@given(addresses, st.sampled_from(sorted(FACETS)), short)
def test_choosing_a_value_twice_changes_nothing_but_the_page(address: Address, name: str, value: str) -> None:
    twice = address.toggle(name, value).toggle(name, value)
    assert {n: set(v) for n, v in twice.asked.facets} == {n: set(v) for n, v in address.asked.facets}
    assert twice.asked.after is None


@given(addresses)
def test_every_other_list_begins_on_its_first_page_and_keeps_the_open_referral(address: Address) -> None:
    for other in (address.tab("payer"), address.sort("patient"), address.plain(), address.searching("x")):
        assert other.asked.after is None
        assert other.shown == address.shown


NAMED = ("tab", "sort", "after", "before", "q", "show", "owner", "id")


@given(st.dictionaries(st.sampled_from(NAMED), st.lists(st.text())))
def test_any_query_is_read_or_refused_by_name(query: dict[str, list[str]]) -> None:
    refused = None
    try:
        parse(MultiDict((k, v) for k, many in query.items() for v in many).to_dict(flat=False))
    except Invalid as problem:
        refused = problem
    assert refused is None or (refused.where or "").startswith("http.")


@pytest.mark.parametrize("mark", ["bm9uc2Vuc2U", "W10", "WzEsMl0x", "%", "WyJ4IiwxXQ"])
def test_a_damaged_page_mark_is_refused(mark: str) -> None:
    with pytest.raises(Invalid, match="damaged"):
        parse({"after": [mark]})
