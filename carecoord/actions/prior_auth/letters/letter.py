"""The letter about a payer's answer: ordered in the transaction of the answer, written by a job, in the language that
the member reads, in the payer's own words where it has some; kept as a DocumentReference with its PDF, marked with the
version of the words. The payer and whom asked see it, and the member."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Final
from uuid import UUID, uuid5

from auth.grant import Grant
from carecoord.actions.access.turn import Turn, changing, looking
from carecoord.actions.acts import act
from carecoord.actions.acts.act import Planned
from carecoord.actions.clearance.library import Library
from carecoord.actions.guests.links import language as reads
from carecoord.actions.messages import templates as words_of
from carecoord.actions.prior_auth import queue
from carecoord.actions.prior_auth.decide import Deciding, about
from carecoord.actions.prior_auth.letters import press, sheet
from carecoord.actions.prior_auth.queue import Opened
from carecoord.domain.access import verbs
from carecoord.domain.documents import acts as documents
from carecoord.domain.documents import audience
from carecoord.domain.documents.acts import Paper
from carecoord.domain.messages.templates import Fields, written
from carecoord.domain.policies.lines import key_of
from carecoord.domain.prior_auth.desk import answers
from carecoord.domain.prior_auth.desk import letter as letters
from carecoord.domain.prior_auth.desk.answers import Choice, Decider
from carecoord.domain.prior_auth.desk.letter import TEMPLATE, Clocks, Letter
from carecoord.domain.prior_auth.requests import Request, appeal_until
from carecoord.domain.resource.codes import PAYER_RULE
from carecoord.domain.resource.days import local, moment
from carecoord.domain.resource.elements import Json, items, key, target, text
from carecoord.domain.resource.parties import name as name_of
from carecoord.errors import NotFound
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros
from carecoord.store.database.engine import reading
from carecoord.store.messages import templates
from carecoord.store.prior_auth import letters as sendings
from carecoord.store.prior_auth.letters import Sending
from carecoord.store.resources import read
from carecoord.words.sentence import say, sentence
from carecoord.world import World

_KIND: Final = "52034-6"  # LOINC: payer letter
_LETTERS: Final = UUID("5f3b0a52-9f0e-5b3e-9b3e-7e1f6a2f4d10")


def document_id(answer: str) -> str:
    """The id of the document of the letter about an answer."""
    return str(uuid5(_LETTERS, answer))


def write(world: World, answer: str) -> None:
    """Write the letter about an answer, by the id of its ClaimResponse; nothing where it is written already, or what it
    is about can not be seen any more."""
    with reading(world.engine) as conn:
        row = read.get(conn, "ClaimResponse", answer)
        there = read.get(conn, "DocumentReference", document_id(answer))
    if row is None or row.deleted or there is not None:
        return
    said = json.loads(row.body)
    claim, payer = (target(said.get(name) or {}).partition("/")[2] for name in ("request", "insurer"))
    by = Grant(PAYER_RULE, roles=frozenset(verbs.holders("decide")), organization=payer)
    with looking(world, by, "") as turn:
        root = queue.root_of(turn, claim)
        try:
            found = queue.opened(turn, root) if root else None
        except NotFound:
            found = None
        made = _made(turn, found, said, payer) if found else None
    if made is None or found is None or root is None:
        return
    heads, parts, tongue, version = made
    data = press.pdf(sheet.html(heads, parts, tongue))
    with changing(world, by, world.new_id()) as turn:
        if read.get(turn.conn, "DocumentReference", document_id(answer)) is not None:
            return
        acting = Deciding(turn, f"letter-{answer}"[:64], about(root), found)
        paper = Paper(say(sentence("decision-letter.file"), tongue) + ".pdf", "application/pdf", data, _KIND)
        kept = _document(acting, found, paper, answer, tongue, version)
        act.write(acting, "letter", Planned(kept, sentence("act.letter-written")))
        sendings.keep(turn.conn, _sending(acting, found, answer, parts))


def _sending(acting: Deciding, found: Opened, answer: str, parts: Letter) -> Sending:
    """The letter on its way: by the way that the payer's policy names today. One for the portal is there now that it is
    written: the member reads it in an app of theirs."""
    turn = acting.turn
    policy = found.judged.facts.policy
    request = next((each for each in found.judged.facts.requests if each.key == found.row.claim), None)
    channel = policy.said("letter.channel", local(turn.now, policy.zone), request.insurer if request else None)
    now = micros(turn.now)
    return Sending(
        document_id(answer), turn.grant.organization or "", found.row.root, found.row.patient, channel, parts.kind,
        now, None, now if channel == "portal" else None, "",
    )  # fmt: skip


def preview(world: World, grant: Grant, request: str, claim: str, given: Sequence[Choice]) -> bytes:
    """The letter that deciding so would lead to, as a PDF; nothing is decided or kept. Raises NotFound."""
    with looking(world, grant, request) as turn:
        found = queue.opened(turn, claim)
        queue.audit_read(turn, found, claim)
        answer = answers.answered("preview", found.claim, given, "", turn.now, Decider({}, guides=found.guides))
        asks = [(each.paper, each.by.date() if each.by else None) for each in given if each.decision == "ask"]
        made = _made(turn, found, answer, target(found.claim.get("insurer") or {}).partition("/")[2], asks)
    if made is None:
        raise NotFound(sentence("refusals.no-payer-to-write"))
    heads, parts, tongue, _ = made
    return sheet.pdf(sheet.html(heads, parts, tongue))


def _made(
    turn: Turn, found: Opened, answer: Json, payer: str, more: Sequence[tuple[str, date | None]] = ()
) -> tuple[sheet.Heads, Letter, str, str] | None:  # fmt: skip
    """The head and the parts of a letter, its language, and the version of the words. more: papers that are about to be
    asked for."""
    library = Library(turn.conn)
    offices = {key(each): each for each in library.copies([f"Organization/{payer}"])}
    office = offices.get(f"Organization/{payer}")
    if office is None:
        return None
    request = next((each for each in found.judged.facts.requests if each.key == found.row.claim), None)
    zone = turn.world.base.zone
    clocks = _clocks(found, request, answer, zone) if request else Clocks()
    asks = [*letters.wishes(found.told.case.tasks, found.row.claim, zone), *more]
    phone = words_of.phone(office, turn.present())
    parts = letters.letter(found.claim, answer, found.row.level, asks, clocks, phone, zone)
    person = read.get(turn.conn, "Patient", found.row.patient)
    tongue = reads(json.loads(person.body)) if person and not person.deleted else "en"
    number = next((text(each, "value") for each in items(found.claim, "identifier")), "")
    clinic = _asker(library, found) or say(sentence("decision-letter.your-clinic"), tongue)
    fields = Fields(
        "", phone, clinic, name_of(office), found.row.patient_name, "", None,
        member=found.row.member_id or "", request=number, appeal=clocks.appeal, due=clocks.due,
    )  # fmt: skip
    name = f"decision-{parts.kind}"
    own = {(row.name, row.language): row for row in templates.current(turn.conn, [key_of(office)])}
    opening = written(name, fields, tongue, {each: row.words for each, row in own.items()})
    row = own.get((name, tongue))
    whom, member = found.row.patient_name, found.row.member_id or ""
    heads = sheet.Heads(name_of(office), phone, local(turn.now, zone), number, whom, member, opening)
    return heads, parts, tongue, f"{name} {tongue} {row.n if row else 'shipped'}"


def _clocks(found: Opened, request: Request, answer: Json, zone: tzinfo) -> Clocks:
    """Until when an answer can be appealed and talked over, counted from when it was made."""
    policy, at = found.judged.facts.policy, moment(text(answer, "created"), zone)

    def until(clock: str) -> date | None:
        runs = at is not None and policy.span(clock, at, request.insurer)
        return _day(policy.after(at, clock, request.insurer), zone) if at and runs else None

    appeal = appeal_until(policy, at, found.row.level, request.insurer)
    return Clocks(_day(appeal, zone), until("peer-to-peer"), _day(request.due, zone))


def _day(at: datetime | None, zone: tzinfo) -> date | None:
    return local(at, zone) if at else None


def _asker(library: Library, found: Opened) -> str:
    """The name of whom the request came from."""
    to = target(found.claim.get("provider") or {})
    offices: Mapping[str, Json] = {key(each): each for each in library.copies([to])} if to else {}
    return name_of(offices[to]) if to in offices else ""


def _document(acting: Deciding, found: Opened, paper: Paper, answer: str, tongue: str, version: str) -> list[Json]:
    """The file and its document, about the request and its patient, for the payer and whom it answers."""
    turn, own = acting.turn, acting.turn.grant.organization or ""
    binary, document = documents.kept(document_id(answer), acting.office, own, paper, turn.now)
    asks = target(found.claim.get("provider") or {})
    others = [target(each) for each in items(found.told.case.order, "performer")]
    offices = [each.partition("/")[2] for each in (asks, *others) if each.startswith("Organization/")]
    attachment = document["content"][0]["attachment"] | {"language": tongue}
    document |= {
        "extension": [{"url": TEMPLATE, "valueString": version}],
        "subject": {"reference": f"Patient/{found.row.patient}"},
        "content": [{"attachment": attachment}],
        "context": {"related": [{"reference": found.row.claim}]},
    }
    return [binary, audience.listed(document, [own, *offices])]
