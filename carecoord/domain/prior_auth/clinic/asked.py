"""What the clinic writes when it moves a request: sent, its papers put in, asked for more, appealed, taken back. Pure.

Clauses: Da Vinci PAS 2.2.1, Claim Update (a new Claim names the one before it in `related`, relationship `prior`, and
carries every item ever sent); extension certificationType (X12 278 UM02, 1322: 1 appeal immediate, 2 appeal standard,
4 extension, R renewal); R4 Claim.supportingInfo (sequence, category, valueReference)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, get_args

from carecoord.domain.prior_auth.clinic import channels
from carecoord.domain.prior_auth.clinic.channels import Channel
from carecoord.domain.resource.codes import HL7, IDENTIFIER, PAS
from carecoord.domain.resource.elements import Json, item, items, key, target, text, whole
from carecoord.fhir.code_systems import X12_CERTIFICATION

Speed = Literal["standard", "expedited"]
SPEEDS: Final[tuple[Speed, ...]] = get_args(Speed)
_APPEALS: Final[dict[Speed, str]] = {"standard": "2", "expedited": "1"}  # X12 1322
_OF_OLD: Final = ("servicedDate", "servicedPeriod", "informationSequence")  # of a line: its days and its papers
_CERTIFIED: Final = f"{PAS}/extension-certificationType"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for beyond what was granted: so many more units, or until a day; either may be None. channel:
    another way than the one by which the request went."""

    units: int | None = None
    last: date | None = None
    why: str = ""
    channel: Channel | None = None


def sent(draft: Json, channel: Channel, tracking: str, papers: Sequence[Json], now: datetime) -> Json:
    """A drafted request as it goes out: by a channel, with what the payer called it there, with these documents."""
    number = [{"system": f"{IDENTIFIER}/tracking", "value": tracking}] if tracking else []
    out = channels.by(with_papers(draft, papers), channel) | {
        "status": "active",
        "created": now.isoformat(timespec="seconds"),
    }
    return out | ({"identifier": [*items(draft, "identifier"), *number]} if number else {})


def with_papers(claim: Json, papers: Iterable[Json]) -> Json:
    """The request with documents put in, each once."""
    held = items(claim, "supportingInfo")
    known = {target(item(each, "valueReference")) for each in held}
    n = max((whole(each, "sequence") or 0 for each in held), default=0)
    new = [each for each in papers if key(each) not in known]
    added = [
        {
            "sequence": n + place,
            "category": {"coding": [{"system": f"{HL7}/claiminformationcategory", "code": "attachment"}]},
            "valueReference": {"reference": key(each)},
        }
        for place, each in enumerate(new, 1)
    ]
    return claim | {"supportingInfo": [*held, *added]} if added else claim


def after(id: str, before: Json, kind: str, now: datetime) -> Json:
    """A new request in the place of one, with all that it carried. kind: X12 1322 of what it does to it."""
    kept = {
        name: value
        for name, value in before.items()
        if name not in ("id", "meta", "text", "related", "extension", "status", "created", "identifier")
    }
    marks = [each for each in items(before, "extension") if str(each.get("url")).startswith(f"{PAS}/extension-level")]
    coding = {"system": X12_CERTIFICATION, "code": kind}
    return {
        **kept,
        "id": id,
        "status": "active",
        "created": now.isoformat(timespec="seconds"),
        "identifier": [{"system": f"{IDENTIFIER}/authorization", "value": f"Q-{id.replace('-', '')[:8].upper()}"}],
        "extension": [*marks, {"url": _CERTIFIED, "valueCodeableConcept": {"coding": [coding]}}],
        "related": [{
            "claim": {"reference": key(before)},
            "relationship": {"coding": [{"system": f"{HL7}/ex-relatedclaimrelationship", "code": "prior"}]},
        }],
    }  # fmt: skip


def extended(id: str, before: Json, wish: Wish, now: datetime) -> Json:
    """A request for more of what was granted."""
    made = channels.followed(after(id, before, "4", now), before)
    return made | {"item": [_longer(each, wish) for each in items(before, "item")], **_reason(made, wish.why)}


def renewed(id: str, old: Json, days: int, now: datetime, today: date) -> Json:
    """A draft like an old request, as a first one: for so many days from today on, without its papers."""
    made = after(id, old, "R", now)
    made.pop("related")
    marks = [each for each in items(made, "extension") if each.get("url") != _CERTIFIED]
    last = date.fromordinal(today.toordinal() + days)
    span = {"start": today.isoformat(), "end": last.isoformat()}
    lines = []
    for each in items(old, "item"):
        line = {name: value for name, value in each.items() if name not in _OF_OLD}
        lines.append(line | {"servicedPeriod": span})
    out: dict[str, Any] = made | {"status": "draft", "item": lines, "extension": marks}
    return {name: value for name, value in out.items() if name != "supportingInfo" and value != []}


def appealed(id: str, before: Json, *, speed: Speed, why: str, papers: Sequence[Json], now: datetime) -> Json:
    """The appeal of a denial."""
    made = channels.followed(after(id, before, _APPEALS[speed], now), before)
    return with_papers(made | _reason(made, why), papers)


def answered(task: Json, papers: Sequence[Json], words: str, now: datetime) -> Json:
    """A payer's wish for a paper, once it was given."""
    given = [{"type": {"text": "Document"}, "valueReference": {"reference": key(each)}} for each in papers]
    said = [{"type": {"text": "Note"}, "valueString": words}] if words else []
    return task | {
        "status": "completed",
        "lastModified": now.isoformat(timespec="seconds"),
        "output": [*items(task, "output"), *given, *said],
    }


def _longer(line: Json, wish: Wish) -> Json:
    out = dict(line)
    if wish.units is not None:
        out["quantity"] = item(line, "quantity") | {"value": wish.units}
    if wish.last:
        start = text(item(line, "servicedPeriod"), "start") or text(line, "servicedDate")
        out.pop("servicedDate", None)
        out["servicedPeriod"] = {**({"start": start} if start else {}), "end": wish.last.isoformat()}
    return out


def _reason(claim: Json, why: str) -> Json:
    """Why, as information that goes with the request."""
    if not why:
        return {}
    held = items(claim, "supportingInfo")
    n = max((whole(each, "sequence") or 0 for each in held), default=0)
    category = {"coding": [{"system": f"{HL7}/claiminformationcategory", "code": "info"}]}
    return {"supportingInfo": [*held, {"sequence": n + 1, "category": category, "valueString": why}]}
