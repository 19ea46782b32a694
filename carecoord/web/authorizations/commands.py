"""What the form of each act of a payer on a request says, and the act that it asks for: one row an act."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, time
from typing import Final

from carecoord.actions.prior_auth import decide, holds, steps
from carecoord.actions.prior_auth.steps import Longer, Talk
from carecoord.domain.prior_auth.clinic.peer import RESULTS, Result
from carecoord.domain.prior_auth.desk.answers import DECISIONS, REASONS, Choice, Decision
from carecoord.domain.prior_auth.desk.guides import METS, Met, Tick
from carecoord.web.acts.commands import Command
from carecoord.web.acts.forms import Reader
from carecoord.words.catalogue import say, spoken
from carecoord.words.sentence import Sentence, sentence

MOST_LINES: Final = 99
MOST_CRITERIA: Final = 50  # of a line


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
    return replace(_granted_or_denied(reader, n, decision), ticks=read_ticks(reader, n))


def read_ticks(reader: Reader, n: int) -> tuple[Tick, ...]:
    """The criteria of a line, as many as the form shows."""
    found: list[Tick] = []
    for i in range(MOST_CRITERIA):
        words = reader.values.get(f"criterion-{n}-{i}")
        if words is None:
            break
        said = reader.values.get(f"met-{n}-{i}", "")
        met: Met | None = next((one for one in METS if one == said), None)
        if met is None:
            reader.fault(f"met-{n}-{i}", spoken("decide.fault.criterion", words=words))
        found.append(Tick(words, met or "unclear"))
    return tuple(found)


def _granted_or_denied(reader: Reader, n: int, decision: Decision) -> Choice:
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


def _nothing(reader: Reader) -> str:
    return ""


def _why(reader: Reader) -> str:
    return reader.text("note", spoken("decide.fault.back"), 1000)


def _longer(reader: Reader) -> Longer:
    said = reader.choice("extend-by", {"payer": "", "patient": ""}, spoken("decide.fault.extend-by"))
    why = reader.text("extend-why", spoken("decide.fault.extend-why"), 1000)
    return Longer("patient" if said == "patient" else "payer", why)


def _talk(reader: Reader) -> Talk:
    said = reader.choice("peer-result", dict.fromkeys(RESULTS, ""), spoken("decide.fault.peer-result"))
    result: Result = next((each for each in RESULTS if each == said), "upheld")
    who = reader.text("peer-who", spoken("decide.fault.peer-who"), 200)
    return Talk(result, who, reader.text("peer-words", spoken("decide.fault.peer-words"), 1000))


def _words(name: str, missing: Sentence) -> Callable[[Reader], str]:
    return lambda reader: reader.text(name, say(missing), 1000)


COMMANDS: Final[Mapping[str, Command]] = {
    "decide": Command(_choices, decide.decide),
    "agree": Command(_note, decide.agree),
    "disagree": Command(_why, decide.disagree),
    "send-decision": Command(_nothing, holds.send),
    "take-back": Command(_nothing, holds.take_back),
    "extend-clock": Command(_longer, steps.extend_clock),
    "ask-director": Command(_words("director-words", sentence("decide.fault.director")), steps.ask_director),
    "hear-director": Command(_words("heard-words", sentence("decide.fault.heard")), steps.hear_director),
    "hold-peer": Command(_talk, steps.hold_peer),
    "look-over": Command(_words("look-words", sentence("decide.fault.look")), steps.look_over),
}
