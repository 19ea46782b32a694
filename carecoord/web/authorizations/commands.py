"""What the form of each act of a payer on a request says, and the act that it asks for: one row an act."""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Final

from carecoord.actions.prior_auth import decide
from carecoord.domain.prior_auth.desk.answers import DECISIONS, REASONS, Choice, Decision
from carecoord.web.acts.commands import Command
from carecoord.web.acts.forms import Reader
from carecoord.words.catalogue import spoken

MOST_LINES: Final = 99


def _choices(reader: Reader) -> list[Choice]:
    """A choice for each line that the form shows, `lines` of them by their sequence."""
    shown = [int(each) for each in reader.values.get("lines", "").split() if each.isdecimal()][:MOST_LINES]
    return [_choice(reader, n) for n in shown]


def _choice(reader: Reader, n: int) -> Choice:
    said = reader.values.get(f"do-{n}", "")
    if said not in DECISIONS:
        reader.fault(f"do-{n}", spoken("decide.fault.choose", n=n))
        return Choice(n, "ask")
    decision: Decision = said
    if decision == "ask":
        paper = reader.text(f"paper-{n}", spoken("decide.fault.paper"), 200)
        day = reader.day(f"by-{n}", spoken("decide.fault.by"))
        by = datetime.combine(day, time(17), reader.zone) if day else None
        return Choice(n, decision, paper=paper, by=by)
    if decision == "deny":
        reason = reader.choice(f"reason-{n}", {code: code for code in REASONS}, spoken("decide.fault.reason"))
        words = reader.text(f"words-{n}", spoken("decide.fault.words"), 1000)
        return Choice(n, decision, reason=reason, said=str(REASONS[reason]) if reason in REASONS else "",
                      words=words)  # fmt: skip
    first, last = reader.any_day(f"first-{n}"), reader.any_day(f"last-{n}", spoken("decide.fault.last"))
    if first and last and last < first:
        reader.fault(f"last-{n}", spoken("decide.fault.order"))
    if decision == "approve":
        return Choice(n, decision, first=first, last=last)
    units = reader.whole(f"units-{n}", 1, 9999)
    if units is None and not any(each.field == f"units-{n}" for each in reader.faults):
        reader.fault(f"units-{n}", spoken("decide.fault.units"))
    words = reader.text(f"words-{n}", spoken("decide.fault.words"), 1000)
    return Choice(n, decision, units, first, last, words=words)


def _note(reader: Reader) -> str:
    return reader.text("note", most=1000)


def _why(reader: Reader) -> str:
    return reader.text("note", spoken("decide.fault.back"), 1000)


COMMANDS: Final[Mapping[str, Command]] = {
    "decide": Command(_choices, decide.decide),
    "agree": Command(_note, decide.agree),
    "disagree": Command(_why, decide.disagree),
}
