"""How a request that goes by PAS fares on its way to the payer, in words: sent or waiting, what went wrong and what to
do, when the payer was asked last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from carecoord.actions.claims.outgoing import file_name
from carecoord.actions.prior_auth.requests import Dossier
from carecoord.domain.access import verbs
from carecoord.domain.prior_auth.clinic import channels
from carecoord.domain.prior_auth.dtr import wanted
from carecoord.domain.prior_auth.x12.request import is_void_trace
from carecoord.domain.questionnaires import tasks
from carecoord.domain.resource.elements import Json, codes, item, items, key, text, words
from carecoord.fhir.instants import micros
from carecoord.store.prior_auth.sendings import OPEN, Sending
from carecoord.web.page.times import Times
from carecoord.web.prior_auth.labels import CHANNELS
from carecoord.web.questionnaires.view import Answer, answers
from carecoord.words.catalogue import spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

TROUBLES: Final[Mapping[str, str]] = Glossary({
    "away": sentence("requests.pas.trouble.away"),
    "not-let-in": sentence("requests.pas.trouble.not-let-in"),
    "not-there": sentence("requests.pas.trouble.not-there"),
    "refused": sentence("requests.pas.trouble.refused"),
    "set-up": sentence("requests.pas.trouble.set-up"),
    "odd": sentence("requests.pas.trouble.odd"),
    "no-endpoint": sentence("requests.pas.trouble.no-endpoint"),
})  # fmt: skip
FOLLOW_UPS: Final[Mapping[str, str]] = Glossary({  # X12 889: what the payer says is to be done
    "C": sentence("requests.pas.follow.correct"),
    "N": sentence("requests.pas.follow.not-again"),
    "P": sentence("requests.pas.follow.again"),
    "R": sentence("requests.pas.follow.allowed"),
    "S": sentence("requests.pas.follow.not-again"),
    "W": sentence("requests.pas.follow.wait"),
    "X": sentence("requests.pas.follow.wait"),
    "Y": sentence("requests.pas.follow.not-again"),
})  # fmt: skip
RECEIPTS: Final[Mapping[str, str]] = Glossary({  # X12 717: what a TA1 or a 999 says
    "A": sentence("requests.x12.receipt.taken"),
    "E": sentence("requests.x12.receipt.faults"),
    "P": sentence("requests.x12.receipt.part"),
    "R": sentence("requests.x12.receipt.refused"),
})  # fmt: skip
_FILES: Final[Mapping[str, str]] = Glossary({
    "asks": sentence("requests.x12.asks"),
    "void": sentence("requests.x12.void"),
})  # fmt: skip
_WHAT: Final[Mapping[str, tuple[str, str]]] = Glossary({
    "submit": (sentence("requests.pas.submit.waits"), sentence("requests.pas.submit.done")),
    "cancel": (sentence("requests.pas.cancel.waits"), sentence("requests.pas.cancel.done")),
    "attach": (sentence("requests.pas.attach.waits"), sentence("requests.pas.attach.done")),
})  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One thing that goes to the payer. waits, refused: how it stands; detail: the payer's own words."""

    said: str
    at: str
    waits: bool
    refused: bool
    trouble: str
    detail: str
    again: str


@dataclass(frozen=True)
class Delivery:
    """The way of one request. asks: whether the payer can be asked now; asked: when it was asked last; errors: why the
    payer did not process it, each with what to do."""

    steps: Sequence[Step]
    asks: bool
    asked: str
    told: str
    errors: Sequence[str]


@dataclass(frozen=True)
class SentFile:
    """An X12 file that was written of a request. void: it cancels; receipt: what the other side says of it."""

    name: str
    href: str
    said: str
    at: str
    receipt: str


@dataclass(frozen=True)
class PayerForm:
    """A form of the payer's. href: where it is filled in, empty where it is done or can not be; answers: once it is."""

    title: str
    href: str
    done: bool
    adaptive: bool
    answers: Sequence[Answer]


def forms(found: Dossier) -> list[PayerForm]:
    """The payer's forms for a request."""
    made = []
    for each in wanted.of_case(found.case):
        open_ = text(each, "status") in tasks.OPEN
        href = f"/referrals/{quote(str(found.case.order['id']))}/forms/{quote(str(each['id']))}" if open_ else ""
        response = tasks.response(found.case, each)
        made.append(PayerForm(text(each, "description"), href, bool(wanted.answers(each)),
                              text(each, "status") == "rejected", answers(response) if response else ()))  # fmt: skip
    return made


def gives_forms(found: Dossier) -> bool:
    """Whether the payer's forms can be fetched for a request."""
    told = (found.standing.told or {}) if found.standing else {}
    may = verbs.may(found.roles, "put-in") and found.row.state in ("draft", "asked", "pended", "submitted")
    return may and found.order is not None and "questionnaire-package" in told.get("operations", ())


def ways(found: Dossier) -> dict[str, str]:
    """The channels that are offered, with their names."""
    return {each: CHANNELS[each] for each in channels.offered(found.standing is not None)}


def delivery(found: Dossier, times: Times) -> Delivery | None:
    """How a request fares that goes by PAS; None for another."""
    if not found.sendings:
        return None
    steps = [_step(each, found, times) for each in found.sendings if each.state != "dropped"]
    newest = [each for each in found.sendings if each.claim == key(found.claim) and each.operation == "submit"]
    asked = next((each.asked for each in newest if each.asked), None)
    asks = bool(found.standing and any(each.body for each in newest)) and verbs.may(found.roles, "call-payer")
    tells = found.standing is not None and found.standing.state == "active"
    told = spoken("requests.pas.tells-us") if tells else spoken("requests.pas.is-asked")
    return Delivery(
        steps, asks, spoken("requests.pas.asked", at=times.exact(asked)) if asked else "",
        told if found.standing else "", errors(found),
    )  # fmt: skip


def files(found: Dossier, times: Times, id: str) -> list[SentFile]:
    """The X12 files of a request (its id), the latest first, for who hands them over."""
    if not verbs.may(found.roles, "bring-x12"):
        return []
    return [
        SentFile(
            file_name(row.kind, row.number), f"/authorizations/{quote(id)}/x12/{row.number}",
            _FILES["void" if is_void_trace(row.trace) else "asks"], times.exact(row.at),
            RECEIPTS.get(row.receipt or "") or "",
        )
        for row in found.files
    ]  # fmt: skip


def _step(one: Sending, found: Dossier, times: Times) -> Step:
    waits, refused = one.state in OPEN, one.state == "refused"
    waiting, done = _WHAT[one.operation]
    said = waiting if waits or refused else done
    rests = found.standing.rests if found.standing else None
    again = ""
    if waits and rests and rests > micros(found.now):
        again = spoken("requests.pas.again", at=times.exact(rests))
    trouble = (TROUBLES.get(one.trouble) or "") if waits or refused else ""
    return Step(said, times.exact(one.ended or one.tried or one.at), waits, refused, trouble,
                one.words if trouble else "", again)  # fmt: skip


def errors(found: Dossier) -> list[str]:
    """Why the payer did not process the newest version: its own words, and what it wants done."""
    heard = found.answers[key(found.claim)]
    last = heard[-1] if heard else {}
    return [_error(each) for each in items(last, "error")] if text(last, "outcome") == "error" else []


def _error(error: Json) -> str:
    code = item(error, "code")
    said = words(code) or next((c for _, c in sorted(codes(code))), "")
    follow = (item(each, "valueCodeableConcept") for each in items(error, "extension")
              if text(each, "url").endswith("errorFollowupAction"))  # fmt: skip
    does = (FOLLOW_UPS.get(c) or "" for each in follow for _, c in sorted(codes(each)))
    return " ".join(filter(None, (said.rstrip(".") + "." if said else "", next(iter(does), ""))))
