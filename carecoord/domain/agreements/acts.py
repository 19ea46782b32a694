"""What contract staff do with an agreement, as its Contracts are to be: notice is noted on the version that runs, and
an end is a new version, for what was signed stands as it was signed. Pure; the table of states says what is legal.

Clauses: FHIR R4 Contract.applies, status with legalState, issued; communication.html (medium, about); contracts.md 1.2,
1.3."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Final

from carecoord.domain.access.verbs import Verb
from carecoord.domain.agreements.overview import Overview
from carecoord.domain.agreements.versions import AWAITED, IN_FORCE, Version
from carecoord.domain.contacts.attempts import MEDIA
from carecoord.domain.resource.codes import CANONICAL, EXTENSION
from carecoord.domain.resource.days import shifted
from carecoord.domain.resource.elements import Json, item, items, text
from carecoord.errors import Conflict, Unprocessable

Held = tuple[Version, Json]  # a version, and the Contract that it is
WAYS: Final = {  # by which way notice is given -> v3-ParticipationMode
    "letter": "MAILWRIT", "email": "EMAILWRIT", "fax": "FAXWRIT", "portal": "ONLINEWRIT", "hand": "PHYSICAL",
}  # fmt: skip
_LEGAL: Final = "http://hl7.org/fhir/contract-legalstate"
_TERM: Final = f"{CANONICAL}/CodeSystem/term-type"
_NOTICE: Final = f"{CANONICAL}/CodeSystem/message"


def offered(held: Sequence[Held], line: Overview) -> tuple[Verb, ...]:
    """The acts that the agreement allows as it stands."""
    found: list[Verb] = []
    if any(version.status in AWAITED for version, _ in held):
        found += ["sign", "drop"]
    elif any(version.status in IN_FORCE for version, _ in held):
        found.append("amend")
    if line.stage == "current" and line.state == "in-force":
        if open_ended(held):
            found.append("give-notice")
        found.append("end")
    return (*found, "file")


def ends_by(version: Version, day: date) -> date | None:
    """The first day without an agreement that goes on by itself, if notice were given on a day."""
    return replace(version, notice=day).run.end


def noticed(held: Sequence[Held], line: Overview, day: date) -> list[Json]:
    """The signed versions that would go on by themselves, with the day on which notice was given. Raises Conflict where
    there are none, Unprocessable for a day before they began."""
    if line.stage != "current" or line.state != "in-force" or not (found := open_ended(held)):
        raise Conflict("Notice is not to be given: it does not go on by itself, or notice was given.", "http.act")
    if (start := held[0][0].run.start) and day < start:
        raise Unprocessable(f"It began on {start.isoformat()}: notice was given on that day or later.", "day")
    mark = {"url": f"{EXTENSION}/notice-given", "valueDate": day.isoformat()}
    return [contract | {"extension": [*items(contract, "extension"), mark]} for _, contract in found]


def notice(id: str, contract: Json, sender: Json, to: Sequence[Json], how: str, day: date, words: str) -> Json:
    """The Communication that says how notice was given. how: of WAYS; to: References to the other parties."""
    return {
        "resourceType": "Communication",
        "id": id,
        "status": "completed",
        "category": [{"coding": [{"system": _NOTICE, "code": "notice"}], "text": "Notice"}],
        "medium": [{"coding": [{"system": MEDIA, "code": WAYS[how]}]}],
        "about": [{"reference": f"Contract/{contract['id']}"}],
        "sent": day.isoformat(),
        "sender": sender,
        **({"recipient": list(to)} if to else {}),
        **({"payload": [{"contentString": words}]} if words else {}),
    }


def ended(held: Sequence[Held], line: Overview, id: str, last: date, why: str, now: datetime, day: date) -> list[Json]:
    """The agreement ended with a last day: a version of its own says it, in force from today or, where the day is over,
    for that day alone. What it replaces counts as amended; what was to begin later is revoked.

    Raises Conflict where it is not in force, Unprocessable for a day that does not bring its end forward.
    """
    if line.stage != "current" or line.state != "in-force":
        raise Conflict("It is not in force: there is nothing to end.", "http.act")
    over = shifted(last, 1)
    if line.end and over >= line.end:
        already = shifted(line.end, -1).isoformat()
        raise Unprocessable(f"Its last day is {already} already. Choose an earlier one.", "day")
    signed = [each for each in held if each[0].status in IN_FORCE]
    begun = [each for each in signed if not each[0].run.start or each[0].run.start <= last]
    if not begun:
        raise Unprocessable("It had not begun on that day. Choose a later one.", "day")
    base, contract = begun[-1]
    start = max(base.run.start or date.min, min(day, last))
    new = amending(contract, id, next_number(held), "term", start) | {
        "applies": {"start": start.isoformat(), "end": last.isoformat()},
        "issued": now.isoformat(timespec="seconds"),
        "term": [term("termination", why, contract)],
    }
    later = [stated(each, "revoked") for version, each in signed if version.run.start and version.run.start > last]
    before = [stated(contract, "amended")] if text(contract, "status") in ("executed", "renewed", "appended") else []
    return [stated(new, "executable"), stated(new, "executed"), *before, *later]


def amending(contract: Json, id: str, n: str, kind: str, start: date) -> Json:
    """A new version that amends a Contract: whose agreement it is, of which kind, from when."""
    kept = ("identifier", "authority", "subject", "title", "type")
    marks = [
        {"url": f"{EXTENSION}/amends", "valueReference": {"reference": f"Contract/{contract['id']}"}},
        {"url": f"{EXTENSION}/amendment-type", "valueCode": kind},
        {"url": f"{EXTENSION}/effective-from", "valueDate": start.isoformat()},
    ]
    return {
        "resourceType": "Contract",
        "id": id,
        **{name: contract[name] for name in kept if name in contract},
        "version": n,
        "applies": {"start": start.isoformat()},
        "extension": marks,
    }


def next_number(held: Sequence[Held]) -> str:
    """What the next version is called."""
    said = [int(version.n) for version, _ in held if version.n.isdecimal()]
    return str(max([len(held), *said]) + 1)


def term(code: str, words: str, of: Json | None = None) -> Json:
    """A term in words, between the parties that another Contract's offers name."""
    parties = [each for one in items(of or {}, "term") for each in items(item(one, "offer"), "party")]
    once = [each for n, each in enumerate(parties) if each not in parties[:n]]
    return {
        "type": {"coding": [{"system": _TERM, "code": code}]},
        "text": words,
        "offer": {"party": once} if once else {"text": words},
    }


def stated(contract: Json, status: str) -> Json:
    """The Contract in a state, in both elements that tell it."""
    return contract | {"status": status, "legalState": {"coding": [{"system": _LEGAL, "code": status}]}}


def open_ended(held: Sequence[Held]) -> list[Held]:
    """The versions that would go on by themselves: the signed ones from the one that governs last, if notice is not
    given."""
    signed = [each for each in held if each[0].status in IN_FORCE]
    return [each for each in signed[-1:] if each[0].evergreen and each[0].days.end and each[0].notice is None]
