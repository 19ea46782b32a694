"""What the form of each act of a payer on its members' cards says, and the act that it asks for: one row an act."""

from collections.abc import Mapping
from datetime import date
from typing import Final, cast

from carecoord.actions.coverage import questions
from carecoord.domain.coverage.answers import CHANGES, NEEDED, STANDINGS, Answer, Change, Standing, Statement
from carecoord.web.acts.commands import Command
from carecoord.web.acts.forms import Reader
from carecoord.words.catalogue import spoken

LONGEST: Final = 1000


def _answer(reader: Reader) -> Answer:
    said = reader.choice("standing", {each: each for each in STANDINGS}, spoken("cards.fault.standing"))
    needed = reader.values.get("needed", "")
    missing = spoken("cards.fault.words") if said == "unclear" else ""
    first, last = reader.any_day("first"), reader.any_day("last")
    _demand_order(reader, first, last)
    return Answer(
        cast("Standing", said), first, last, needed if needed in NEEDED else "not-said",
        reader.text("words", missing, LONGEST),
    )  # fmt: skip


def _statement(reader: Reader) -> Statement:
    said = reader.choice("change", {each: each for each in CHANGES}, spoken("cards.fault.change"))
    day, last = reader.any_day("day", spoken("cards.fault.day")), reader.any_day("last")
    if said == "ended" and last:
        reader.fault("last", spoken("cards.fault.last"))
    return Statement(cast("Change", said), day or date.min, last, reader.text("words", most=LONGEST))


def _demand_order(reader: Reader, first: date | None, last: date | None) -> None:
    if first and last and last < first:
        reader.fault("last", spoken("decide.fault.order"))


COMMANDS: Final[Mapping[str, Command]] = {
    "answer-eligibility": Command(_answer, questions.answer),
    "state-coverage": Command(_statement, questions.state),
}
