"""What a payer writes to the member, with a copy to whom asked: what was decided on each line, why, by which criteria,
until when it can be appealed and talked over, what is still needed, or why more time is. Pure: the parts of a letter in
order, as sentences, which are put into the member's language where the sheet is made.

Clauses: CMS-0057-F (a specific reason for a denial); 42 CFR 422.568(e), 438.404(b) (notice: the reasons, the right to
appeal, how and until when, an expedited one, the papers free of charge); 45 CFR 92.11 (help in other languages)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Final, Literal, get_args

from carecoord.domain.prior_auth.desk import guides
from carecoord.domain.prior_auth.desk.answers import DENIAL_REASON, REASONS
from carecoord.domain.prior_auth.desk.guides import Met
from carecoord.domain.prior_auth.requests import EXTENDED
from carecoord.domain.prior_auth.review_action import LineState, decided, reviews
from carecoord.domain.prior_auth.units import amount
from carecoord.domain.resource.codes import EXTENSION, PAS
from carecoord.domain.resource.days import days
from carecoord.domain.resource.elements import Json, codes, extension, item, items, target, text, whole, words
from carecoord.words.sentence import Sentence, Value, sentence

LetterKind = Literal["approved", "modified", "denied", "asked", "extended", "appeal"]
LETTERS: Final[tuple[LetterKind, ...]] = get_args(LetterKind)
TEMPLATE: Final = f"{EXTENSION}/letter-template"  # of a DocumentReference: by which words of which version it was made
_LESS: Final = ("denied", "modified", "partly")
_MET: Final[Mapping[Met, Sentence]] = {
    "yes": sentence("decision-letter.met"),
    "no": sentence("decision-letter.not-met"),
    "unclear": sentence("decision-letter.not-shown"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A service: what was asked, and what was decided."""

    service: str
    code: str
    asked: Value
    decided: Sentence


@dataclass(frozen=True, slots=True)
class Why:
    """Why a line was not granted as asked. reason: by its code; words: of who decided; criteria: how each stood."""

    service: str
    reason: Value
    words: str
    criteria: tuple[tuple[str, Sentence], ...]


@dataclass(frozen=True, slots=True)
class Clocks:
    """Days that the letter names: until when it can be appealed, talked over between peers, and is decided at last."""

    appeal: date | None = None
    peer: date | None = None
    due: date | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """`lines`, `whys`, and `asks`: (what is needed, by when) and `rights`, all in the order of the sheet."""

    kind: LetterKind
    lines: tuple[Line, ...]
    whys: tuple[Why, ...]
    asks: tuple[tuple[Value, date | None], ...]
    rights: tuple[Sentence, ...]


def letter(
    claim: Json, answer: Json, level: int, asks: Sequence[tuple[Value, date | None]], clocks: Clocks, phone: str,
    zone: tzinfo,
) -> Letter:  # fmt: skip
    """The letter about an answer to a Claim. level: of the appeal that the Claim is, 0 for none; asks: what the payer
    waits for; phone: of the payer, empty where it has none."""
    states = {whole(each, "itemSequence"): decided(answer, each) for each in items(answer, "item")}
    kind = _kind(answer, level, set(states.values()))
    found = [_line(each, answer, states, zone) for each in items(claim, "item")]
    less = any(state in _LESS for state in states.values())
    rights = _rights(clocks, phone) if less else _more_time(clocks) if kind == "extended" else ()
    whys = [_why(each, answer) for each in items(claim, "item") if states.get(whole(each, "sequence")) in _LESS]
    if kind == "extended":
        whys = [Why("", sentence("decision-letter.why-longer"), _notes(answer), ())]
    wanted = tuple(asks) if kind in ("asked", "denied", "modified") else ()
    return Letter(kind, tuple(found), tuple(whys), wanted, rights)


def wishes(tasks: Iterable[Json], claim: str, zone: tzinfo) -> list[tuple[Value, date | None]]:
    """What a payer waits for about a request, `Claim/id`: each paper, and the day by which it wants it."""
    found: list[tuple[Value, date | None]] = []
    for task in tasks:
        if text(task, "status") != "requested" or target(item(task, "reasonReference")) != claim:
            continue
        end = days({"end": text(item(item(task, "restriction"), "period"), "end") or None}, zone).last
        said = (words(item(each, "valueCodeableConcept")) for each in items(task, "input"))
        found += [(each, end) for each in said if each]
    return found


def _kind(answer: Json, level: int, states: set[LineState]) -> LetterKind:
    if extension(answer, EXTENDED):
        return "extended"
    if level and not states & {"pended", "contact", "unclear"}:
        return "appeal"
    if states & {"denied", "partly"}:
        return "denied"
    if "modified" in states:
        return "modified"
    return "approved" if states and states <= {"approved", "not-required"} else "asked"


def _line(line: Json, answer: Json, states: Mapping[int | None, LineState], zone: tzinfo) -> Line:
    n, concept = whole(line, "sequence"), item(line, "productOrService")
    own = next((each for each in items(answer, "item") if whole(each, "itemSequence") == n), {})
    added = next((each for each in items(answer, "addItem") if n in (each.get("itemSequence") or ())), {})
    granted = added or own
    period = item(extension(granted, f"{PAS}/extension-itemPreAuthPeriod"), "valuePeriod")
    extent = _extent(item(granted, "quantity") or item(line, "quantity"), period, zone)
    state = states.get(n, "unclear")
    said = {
        "approved": sentence("decision-letter.approved", extent=extent),
        "modified": sentence("decision-letter.modified", extent=extent),
        "partly": sentence("decision-letter.modified", extent=extent),
        "denied": sentence("decision-letter.denied"),
        "not-required": sentence("decision-letter.not-needed"),
    }.get(state, sentence("decision-letter.open"))
    code = next((code for _, code in sorted(codes(concept))), "")
    asked = _extent(item(line, "quantity"), item(line, "servicedPeriod"), zone)
    return Line(words(concept), code, asked, said)


def _extent(quantity: Json, period: Json, zone: tzinfo) -> Value:
    counted, span = amount(quantity), days(period or None, zone)
    parts: list[Value] = [counted.words()] if counted else []
    if span.start and span.last and span.last != span.start:
        parts.append(sentence("decision-letter.days", first=span.start, last=span.last))
    elif span.start:
        parts.append(sentence("decision-letter.from", first=span.start))
    if not parts:
        return ""
    return parts[0] if len(parts) == 1 else sentence("decision-letter.extent", amount=parts[0], days=parts[1])


def _why(line: Json, answer: Json) -> Why:
    n = whole(line, "sequence")
    own = next((each for each in items(answer, "item") if whole(each, "itemSequence") == n), {})
    numbers = own.get("noteNumber") or ()
    said = " ".join(text(each, "text") for each in items(answer, "processNote") if each.get("number") in numbers)
    criteria = tuple((tick.words, _MET[tick.met]) for tick, _ in guides.ticks(own))
    return Why(words(item(line, "productOrService")), _reason(own), said, criteria)


def _reason(own: Json) -> Value:
    """Why a line was denied: by our own code in the reader's language, else in the payer's words."""
    for review in reviews(own):
        concept = item(extension(review, "reasonCode"), "valueCodeableConcept")
        for coding in items(concept, "coding"):
            if text(coding, "system") == DENIAL_REASON and text(coding, "code") in REASONS:
                return REASONS[text(coding, "code")]
        if said := words(concept):
            return said
    return ""


def _notes(answer: Json) -> str:
    return " ".join(filter(None, (text(each, "text") for each in items(answer, "processNote"))))


def _rights(clocks: Clocks, phone: str) -> tuple[Sentence, ...]:
    until = clocks.appeal
    how = sentence("decision-letter.call", phone=phone) if phone else sentence("decision-letter.write")
    said = [
        sentence("decision-letter.right.until", day=until, how=how) if until
        else sentence("decision-letter.right", how=how),
        sentence("decision-letter.right.fast"),
        sentence("decision-letter.right.others"),
    ]  # fmt: skip
    said += [sentence("decision-letter.right.peer", day=clocks.peer)] if clocks.peer else []
    said += [sentence("decision-letter.right.papers"), sentence("decision-letter.right.help")]
    return tuple(said)


def _more_time(clocks: Clocks) -> tuple[Sentence, ...]:
    due = (sentence("decision-letter.right.due", day=clocks.due),) if clocks.due else ()
    return (*due, sentence("decision-letter.right.object"), sentence("decision-letter.right.help"))

