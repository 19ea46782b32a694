"""Sentences keep what they speak of, whatever language they are read in, and every key that the code says has words."""

import ast
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, nodes

from carecoord.words.catalogue import count, fill, in_every_language, in_words, languages, say, words
from carecoord.words.sentence import Sentence, Value, dumps, loads, sentence

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = sorted(path.name for path in (ROOT / "carecoord" / "words").glob("??"))
GRAMMAR = ("day", "month.", "noun.", "weekday.", "long-month.", "hour", "half.")  # what the catalogue itself asks for

texts = st.text(max_size=9)
plain = st.one_of(texts, st.integers(-(2**53), 2**53), st.dates(), st.datetimes(timezones=st.just(UTC)))
names = st.sampled_from(["day", "performer", "n", "reasons"])


def speaking(values: st.SearchStrategy[Value]) -> st.SearchStrategy[Sentence]:
    return st.builds(Sentence, texts, st.dictionaries(names, values, max_size=3).map(lambda said: tuple(said.items())))


sentences = st.recursive(
    speaking(plain),
    lambda inner: speaking(st.one_of(plain, inner, st.lists(inner, max_size=3).map(tuple))),
    max_leaves=6,
)


@given(sentences)
def test_a_stored_sentence_is_the_same_when_it_is_read(one: Sentence) -> None:
    assert loads(dumps(one)) == one


@pytest.mark.parametrize("text", ["", "[]", "7", '{"day":"2027-01-30"}', '"met"', '{"key":"a","of":{"b":1.5}}', "{}"])
def test_what_is_no_sentence_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no sentence"):
        loads(text)


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [
        (1, "day", "1 day"),
        (0, "day", "0 days"),
        (4, "day", "4 days"),
        (1, "visit", "1 visit"),
        (12, "visit", "12 visits"),
    ],
)
def test_a_number_is_said_with_its_noun(number: int, noun: str, said: str) -> None:
    assert count(number, noun) == said


def test_what_a_row_keeps_is_said_in_words() -> None:
    assert in_words(dumps(sentence("appointment.booked", day=date(2027, 1, 30)))) == "Booked for 30 Jan 2027."
    assert in_words(None) == in_words("") == ""


def test_a_row_that_was_written_in_words_is_shown_as_it_is_until_it_is_judged_anew() -> None:
    assert in_words("No visit is booked.") == "No visit is booked."


def test_a_sentence_is_said_in_every_language_that_has_words() -> None:
    assert in_every_language(sentence("guest.title")) == ("Where is my referral?", "¿Dónde está mi referido?")
    assert languages() == tuple(LANGUAGES)


@pytest.mark.parametrize(
    ("name", "said"), [("Kidney Assoc.", "Sent to Kidney Assoc."), ("City Eye", "Sent to City Eye.")]
)
def test_no_second_full_stop_stands_behind_a_name_that_ends_in_one(name: str, said: str) -> None:
    assert fill("Sent to {performer}.", {"performer": name}) == said


def test_a_key_without_words_is_an_error() -> None:
    with pytest.raises(KeyError):
        say(sentence("no.such.key"))


SAYS = {"sentence", "spoken", "say_safely"}  # what takes a key and the parameters by name


@cache
def uttered() -> frozenset[tuple[str, frozenset[str]]]:
    """Every `sentence("key", name=...)` and `spoken("key", name=...)` of our sources, every `say` of our templates: the
    key and the names of its parameters."""
    found = set()
    for path in (ROOT / "carecoord").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAYS:
                first = node.args[0]
                if isinstance(first, ast.Name) and path.parent.name in ("words", "page"):
                    continue  # the ways to words themselves hand on what they are given
                assert isinstance(first, ast.Constant), f"{path}:{node.lineno}: a key is a literal that can be grepped"
                found.add((str(first.value), frozenset(keyword.arg or "**" for keyword in node.keywords)))
    return frozenset(found | shown())


def shown() -> set[tuple[str, frozenset[str]]]:
    """Every `say("key", name=...)` of our templates."""
    found = set()
    for path in (ROOT / "carecoord").rglob("*.html"):
        for call in Environment(autoescape=True).parse(path.read_text()).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "say" and call.args:
                first = call.args[0]
                assert isinstance(first, nodes.Const), f"{path}:{call.lineno}: a key is a literal that can be grepped"
                found.add((str(first.value), frozenset(each.key for each in call.kwargs)))
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_has_words_with_just_its_places_and_no_words_are_left_over(language: str) -> None:
    table = words(language)
    spoken = {key: {name for _, name, _, _ in Formatter().parse(text) if name} for key, text in table.items()}
    assert {key for key, _ in uttered()} == {key for key in table if not key.startswith(GRAMMAR)}
    assert [(key, sorted(names)) for key, names in uttered() if spoken[key] != set(names)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_counted_noun_has_its_forms(language: str) -> None:
    table = words(language)
    specs = {spec for text in table.values() for _, _, spec, _ in Formatter().parse(text) if spec}
    nouns = specs - {"long", "hour"}
    assert [n for n in nouns for form in ("one", "other") if f"noun.{n}.{form}" not in table] == []


def test_a_day_and_an_hour_are_said_as_people_say_them() -> None:
    at = datetime(2026, 11, 28, 14, 10, tzinfo=UTC)
    assert fill("{a:long}, {a:hour}", {"a": at}) == "Saturday, November 28, 2:10 PM"
    assert fill("{a:long}, {a:hour}", {"a": at}, "es") == "sábado 28 de noviembre, 2:10 p. m."
    assert fill("{a:hour} {b:hour}", {"a": at.replace(hour=0), "b": at.replace(hour=12)}) == "12:10 AM 12:10 PM"


def test_all_languages_have_the_same_grammar() -> None:
    grammars = [{key for key in words(language) if key.startswith(GRAMMAR)} for language in LANGUAGES]
    assert grammars == [grammars[0]] * len(grammars)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_year_has_twelve_months(language: str) -> None:
    assert len({words(language)[f"month.{month}"] for month in range(1, 13)}) == 12


def test_days_instants_lists_and_sentences_are_said_inside_a_sentence() -> None:
    inside = Sentence("noun.day.other", (("n", 3),))
    places = {"a": date(2027, 1, 30), "b": datetime(2027, 1, 30, 9, 5, tzinfo=UTC), "c": ("x", inside), "d": 7}
    assert fill("{a} / {b} / {c} / {d} / {d:visit}", places) == (
        "30 Jan 2027 / 30 Jan 2027 09:05 / x, 3 days / 7 / 7 visits"
    )


KEPT = {"headline", "action_label", "due_label", "authorization_note", "agreement_note"}  # columns that keep sentences


def test_no_page_shows_a_rows_sentence_as_it_is_kept() -> None:
    """A row keeps JSON: `in_words` stands around each of them, else somebody reads braces."""
    bare = []
    for path in [path for layer in ("web", "cli") for path in (ROOT / "carecoord" / layer).rglob("*.py")]:
        tree = ast.parse(path.read_text())
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
        read = {id(each) for call in calls if call.func.id == "in_words" for each in ast.walk(call)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in KEPT and id(node) not in read:
                of = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
                bare += [f"{path.name}:{node.lineno} {of}.{node.attr}"] if of == "row" else []
    assert bare == []
