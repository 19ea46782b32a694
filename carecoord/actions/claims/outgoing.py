"""A request for authorization, or a question about a card, as an X12 file to be sent to the payer: kept with the number
of its interchange, so that what comes back by that trace is known for its answer. What goes by this way is written by
the very act that sends, changes or takes back the request; it can be taken out again, and anew."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from auth.grant import Grant
from carecoord.actions.access.audit_entry import event
from carecoord.actions.access.turn import Turn, changing, looking
from carecoord.actions.clearance.library import Library
from carecoord.actions.prior_auth import requests
from carecoord.actions.prior_auth.requests import Dossier
from carecoord.domain.access import verbs
from carecoord.domain.prior_auth.clinic import channels
from carecoord.domain.prior_auth.pas.answer import ADMINISTRATION
from carecoord.domain.prior_auth.x12 import inquiry, request, writer
from carecoord.domain.prior_auth.x12.request import Asking, Member, Named
from carecoord.domain.prior_auth.x12.writer import Header, Row
from carecoord.domain.resource.elements import Json, extension, identifiers, item, items, key, target, text
from carecoord.domain.resource.parties import TAXES
from carecoord.domain.worklist.search_words import member_of
from carecoord.errors import Forbidden, NotFound, Problem, Unprocessable
from carecoord.fhir import text as json
from carecoord.fhir.code_systems import NPI, canonical
from carecoord.fhir.instants import micros
from carecoord.store.claims import files
from carecoord.store.resources import read
from carecoord.words.sentence import Value, sentence
from carecoord.world import World

_TRACE: Final = 44  # characters of a trace, so that those of the lines have room
_ADDRESS: Final = 15  # of who sends, in ISA


@dataclass(frozen=True)
class Written:
    """A file that goes out, and how it is called."""

    name: str
    body: bytes


@dataclass(frozen=True)
class _Parties:
    payer: Named
    requester: Named
    member: Member
    claim: Json = field(default_factory=dict)


def authorization(world: World, grant: Grant, request_id: str, claim: str) -> Written:
    """The 278 of a request, by the id of its first Claim, its newest version. Raises NotFound, Forbidden, Unprocessable
    for a draft, which is sent first so that its way is logged and its clock runs, and with an issue for each thing that
    a 278 has no place for."""
    with changing(world, grant, request_id) as turn:
        _demand(grant)
        found = requests.opened(turn, claim)
        if text(found.claim, "status") == "draft":
            raise Unprocessable(sentence("refusals.x12-draft"), "Claim.status")
        return _request(turn, found, found.claim)


def file(turn: Turn, found: Dossier, claim: Json) -> None:
    """Within an act that sends, changes or takes back a request: write its file, where it goes by file. claim: as the
    act leaves it. Raises Forbidden, Unprocessable as `authorization` does."""
    if channels.is_file(claim):
        _demand(turn.grant)
        _request(turn, found, claim)


def cancelled(turn: Turn, found: Dossier, claim: Json) -> Value:
    """Within an act that takes a request back: write the file of that, where it goes by file. Where none can be
    written, nothing is left of it, and why is answered (empty: it is written): a request is taken back all the same."""
    try:
        with turn.conn.begin_nested():
            file(turn, found, claim)
    except Problem as refused:
        return refused.said
    return ""


def kept(world: World, grant: Grant, request_id: str, claim: str, number: int) -> Written:
    """A file of a request that was written before, by the number of its interchange. Raises NotFound alike for none and
    for one of another request, or office."""
    with looking(world, grant, request_id) as turn:
        _demand(grant)
        row = next((each for each in requests.opened(turn, claim).files if each.number == number), None)
        if row is None:
            raise NotFound(sentence("refusals.there-no-such-file-here"), "http.number")
        kind, _, id = str(row.about).partition("/")
        turn.world.journal.append(event(turn.now, request_id, "read", by=grant, type=kind, resource=id))
        return Written(file_name(row.kind, number), files.sent_body(turn.conn, number))


def _request(turn: Turn, found: Dossier, claim: Json) -> Written:
    parties, void = _parties(turn, found, claim), request.is_void(claim)
    trace = _trace(str(claim["id"]))
    trace = request.void_trace(trace) if void else trace
    changes = void or bool(items(claim, "related"))
    papers = () if void else tuple((f"{trace[:20]}-{n}", each) for n, each in enumerate(_papers(found, claim), 1))
    asking = Asking(
        claim, trace, _origin(parties.requester), parties.payer, parties.requester, _performer(turn, found),
        parties.member, (found.row.number or "") if changes else "", papers,
        _administration(found) if void and not found.row.number else "",
    )  # fmt: skip
    rows = request.rows(asking, turn.now.astimezone(turn.world.base.zone))
    return _write(turn, "278", request.GUIDE, key(claim), trace, rows, parties)


def _administration(found: Dossier) -> str:
    """What the payer calls a request that it has not decided."""
    told = [each for claim in found.claims for each in found.answers[key(claim)]]
    numbers = (text(extension(line, ADMINISTRATION), "valueString") for each in reversed(told)
               for line in items(each, "item"))  # fmt: skip
    return next(filter(None, numbers), "")


def eligibility(world: World, grant: Grant, request_id: str, claim: str) -> Written:
    """The 270 of the last question about the card of a request. Raises Unprocessable where none was put."""
    with changing(world, grant, request_id) as turn:
        _demand(grant)
        found = requests.opened(turn, claim)
        asked = max(found.case.inquiries, key=lambda each: text(each, "created"), default=None)
        if asked is None:
            raise Unprocessable(sentence("refusals.x12-nothing-asked"), "http.id")
        parties = _parties(turn, found, found.claim)
        trace, now = _trace(str(asked["id"])), turn.now.astimezone(world.base.zone)
        day = date.fromisoformat(text(asked, "servicedDate")) if text(asked, "servicedDate") else now.date()
        rows = list(inquiry.rows(trace=trace, origin=_origin(parties.requester), payer=parties.payer,
                                 requester=parties.requester, member=parties.member, day=day, now=now))  # fmt: skip
        return _write(turn, "270", inquiry.GUIDE, key(asked), trace, rows, parties)


def _demand(grant: Grant) -> None:
    if not verbs.may(grant.roles, "bring-x12"):
        raise Forbidden(sentence("refusals.x12-not-yours"), "http.url")


def _write(
    turn: Turn, kind: str, guide: str, about: str, trace: str, rows: Sequence[Row], parties: _Parties
) -> Written:
    """Keep and give out the file; a refusal of the writer leaves nothing behind."""
    office, made = turn.grant.organization or "", turn.now.astimezone(turn.world.base.zone)
    sent: Mapping[str, str | int] = {
        "office": office, "kind": kind, "about": about, "trace": trace, "subject": turn.grant.subject,
        "at": micros(turn.now),
    }  # fmt: skip
    number = files.send(turn.conn, sent)
    header = Header(parties.requester.number[:_ADDRESS], parties.payer.number[:_ADDRESS], number, made)
    body = writer.written(header, guide, kind, [rows]).encode()
    files.sent_as(turn.conn, number, body)
    kind_, _, id = about.partition("/")
    turn.world.journal.append(event(turn.now, turn.request, "read", by=turn.grant, type=kind_, resource=id))
    return Written(file_name(kind, number), body)


def file_name(kind: str, number: int) -> str:
    """What the file of an interchange of this number is called."""
    return f"{kind}-{number:09}.x12"


def _parties(turn: Turn, found: Dossier, claim: Json) -> _Parties:
    payer = _organization(turn, target(item(claim, "insurer")))
    office = _organization(turn, target(item(claim, "provider")))
    person = read.get(turn.conn, "Patient", found.row.patient)
    card = next((target(item(each, "coverage")) for each in items(claim, "insurance")), "")
    member = _member(json.loads(person.body) if person and not person.deleted else {}, member_of(found.case, card))
    return _Parties(_named(payer, "PI"), _named(office, "46"), member, claim)


def _organization(turn: Turn, name: str) -> list[Json]:
    """An organization with its copies, by `Organization/id`: another system's lacks what ours has."""
    return Library(turn.conn).copies([name]) if name else []


def _named(copies: Sequence[Json], otherwise: str) -> Named:
    """An organization as X12 names one: by its NPI, else by an identifier of its own."""
    keys = sorted(each for one in copies for each in identifiers(one) if not each.startswith(TAXES))
    npi = next((each.partition("|")[2] for each in keys if each.startswith(f"{canonical(NPI)}|")), "")
    own = next((each.partition("|")[2] for each in keys), "")
    name = next((text(each, "name") for each in copies if text(each, "name")), "")
    is_payer = otherwise == "PI"
    return Named(name.upper(), otherwise if is_payer or not npi else "XX", own if is_payer else npi or own)


def _member(person: Json, number: str) -> Member:
    name = next((each for each in items(person, "name") if text(each, "use") != "old"), {})
    given = [str(each) for each in name.get("given") or []]
    born = text(person, "birthDate")
    first, middle = (given[0] if given else ""), (given[1] if len(given) > 1 else "")
    return Member(
        text(name, "family").upper(), first.upper(), middle.upper(), number,
        date.fromisoformat(born) if len(born) == 10 else None, text(person, "gender"),
    )  # fmt: skip


def _performer(turn: Turn, found: Dossier) -> Named | None:
    order = found.order or {}
    names = [target(each) for each in items(order, "performer")]
    places = (_organization(turn, each) for each in names if each.startswith("Organization/"))
    copies = next(filter(None, places), [])
    return _named(copies, "46") if copies else None


def _papers(found: Dossier, claim: Json) -> list[str]:
    sent = {target(item(each, "valueReference")) for each in items(claim, "supportingInfo")}
    named = (each for each in found.papers if key(each) in sent)
    return [text(each, "description") or text(item(each, "type"), "text") or str(each["id"]) for each in named]


def _trace(id: str) -> str:
    """The trace of a resource of ours: its id, or where that is too long a name made of it."""
    return id if len(id) <= _TRACE else hashlib.sha256(id.encode()).hexdigest()[:32]


def _origin(office: Named) -> str:
    """Who gives traces, of ten characters: 9 for one of its own choice, then the end of its number."""
    return f"9{office.number[-9:]:0>9}"


