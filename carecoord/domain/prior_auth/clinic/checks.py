"""What is looked at before a request is sent, and which other requests are for the same. Gaps are said and hinder
nothing: only wrong data does. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from carecoord.domain.clearance.clearance import Clearance
from carecoord.domain.gates.gate import GateState
from carecoord.domain.prior_auth.decisions import served
from carecoord.domain.prior_auth.units import amount
from carecoord.domain.resource.elements import Json, codes, item, items, text
from carecoord.words.sentence import Sentence, sentence

Result = Literal["good", "look", "wrong"]
_OF_GATE: Final[dict[GateState, Result]] = {
    "met": "good", "not-needed": "good", "pending": "look", "open": "look", "unknown": "look", "blocked": "wrong",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `does`: the act that mends it, empty where there is none here."""

    name: str
    result: Result
    said: Sentence
    does: Literal["", "put-in", "call-payer", "check-eligibility"] = ""


def checks(claim: Json, found: Clearance, same: Sequence[Any]) -> list[Check]:
    """What is in order and what is not. same: open requests for the same (`alike`)."""
    coverage, agreement, need = found.gate("coverage"), found.gate("agreement"), found.ruling.need
    asks = [each for each in found.papers if each.by == "payer" and each.state != "attached"]
    lines = items(claim, "item")
    bare = sum(not (codes(item(each, "productOrService")) and _counted(each) and _dated(each)) for each in lines)
    made = [
        Check("coverage", _OF_GATE[coverage.state], coverage.reason,
              "" if _OF_GATE[coverage.state] == "good" else "check-eligibility"),
        Check("rule", "good" if need and need.needed is not None else "look",
              need.reason if need else sentence("requirement.none"), "" if need and need.answer else "call-payer"),
        Check("agreement", _OF_GATE[agreement.state], agreement.reason),
        Check("lines", "wrong" if bare or not lines else "good",
              sentence("requests.check.lines-lack", n=bare) if bare or not lines else sentence("requests.check.lines")),
        Check("diagnosis", "good" if items(claim, "diagnosis") or found.facts.referral.service else "look",
              sentence("requests.check.diagnosis") if items(claim, "diagnosis")
              else sentence("requests.check.diagnosis-order")),
        Check("papers", "look" if asks else "good",
              sentence("requests.check.papers-lack", n=len(asks)) if asks else sentence("requests.check.papers"),
              "put-in" if asks else ""),
        Check("same", "look" if same else "good",
              sentence("requests.check.same", n=len(same)) if same else sentence("requests.check.none-same")),
    ]  # fmt: skip
    return made


def _counted(line: Json) -> bool:
    return amount(item(line, "quantity")) is not None


def _dated(line: Json) -> bool:
    return bool(text(line, "servicedDate") or item(line, "servicedPeriod"))


def alike(row: Any, others: Iterable[Any], span: tuple[int | None, int | None]) -> list[Any]:
    """Of other open requests for the patient those for the same code at the same payer, for days that meet; span: the
    days asked for, as (begin, end) in microseconds."""
    begin, end = span
    return [
        each
        for each in others
        if (each.payer_key, each.code) == (row.payer_key, row.code)
        and not (end is not None and each.starts is not None and end <= each.starts)
        and not (begin is not None and each.ends is not None and each.ends <= begin)
    ]


def span(claim: Json, zone: Any) -> tuple[Any, Any]:
    """The first day that a request asks for, and the day after its last; None where a line is open."""
    spans = [served(each, zone) for each in items(claim, "item")]
    starts, ends = [each.start for each in spans], [each.end for each in spans]
    return (
        min((each for each in starts if each), default=None) if all(starts) else None,
        max((each for each in ends if each), default=None) if all(ends) else None,
    )
