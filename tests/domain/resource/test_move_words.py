"""Each state and each verb of every table of states is called something, in each language."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from carecoord import domain
from carecoord.domain.resource.move_words import STATES, VERBS
from carecoord.domain.resource.moves import Move, advance
from carecoord.errors import Conflict, Forbidden
from carecoord.words.reader import reading_in

DOOR = {
    ("sent", "withdraw"): [Move("cancelled", frozenset({"requester"}))],
    ("sent", "accept"): [Move("accepted", frozenset({"performer", "payer"}))],
}


def tables() -> Iterator[Mapping[tuple[str, str], Any]]:
    """Every table of states in the rules."""
    for module in pkgutil.walk_packages(domain.__path__, "carecoord.domain."):
        for value in vars(importlib.import_module(module.name)).values():
            inner = value.values() if isinstance(value, dict) else ()
            yield from (each for each in (value, *inner) if is_table(each))


def is_table(value: object) -> bool:
    if not isinstance(value, dict) or not value:
        return False
    return all(isinstance(each, list | tuple) and all(isinstance(m, Move) for m in each) for each in value.values())


def test_no_state_and_no_verb_is_without_a_name() -> None:
    found = list(tables())
    assert len(found) >= 8
    states = {start for table in found for start, _ in table}
    states |= {move.to for table in found for moves in table.values() for move in moves}
    assert states == set(STATES)
    assert {verb for table in found for _, verb in table} == set(VERBS)


@pytest.mark.parametrize(
    ("verb", "english", "spanish"),
    [
        (
            "start", "It is sent: there is no 'start' from there. Legal from sent: withdraw.",
            "Su estado es «enviado»: desde ahí no se puede «iniciar». Desde «enviado» se puede: retirar.",
        ),
        (
            "accept", "'accept' is for the payer or the performer to do. Legal from sent: withdraw.",
            "«aceptar» le corresponde a la aseguradora o a la clínica que atiende. Desde «enviado» se puede: retirar.",
        ),
    ],
)  # fmt: skip
def test_a_refusal_names_the_state_and_what_may_be_done_in_the_readers_language(
    verb: str, english: str, spanish: str
) -> None:  # fmt: skip
    with pytest.raises((Conflict, Forbidden)) as refused:
        advance(DOOR, "sent", verb, "requester")
    assert refused.value.text == english
    with reading_in("es"):
        assert refused.value.text == spanish


def test_a_state_that_no_table_knows_is_told_as_it_was_sent() -> None:
    with pytest.raises(Conflict, match=r"It is cooking: there is no 'stir' from there\. Nothing leads on from cooking"):
        advance(DOOR, "cooking", "stir", "requester")
