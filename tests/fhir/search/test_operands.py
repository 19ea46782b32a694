"""A search value that is meant as it is written."""

from carecoord.fhir.search.operands import escape, plain


def test_what_search_would_read_as_a_sign_is_escaped_and_comes_back_as_it_was() -> None:
    assert escape("a,b$c|d\\e f") == "a\\,b\\$c\\|d\\\\e f"
    assert plain(escape("a,b$c|d\\e f")) == "a,b$c|d\\e f"
