"""X12 files that payers send: kept as they came, read by a worker one transaction after the other, each in one
transaction of the database: all good ones are in, none by half, and what was taken once changes nothing again.

What is wrong stands by segment and element at the file. A transaction that answers nothing we sent waits as unmatched;
it is tried again when the file is brought again."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row

from auth.grant import Grant
from carecoord.actions.access import office as access_office
from carecoord.actions.access.audit_entry import event
from carecoord.actions.access.turn import Turn, changing, looking
from carecoord.actions.claims import answers, desk, payments
from carecoord.domain.access import verbs
from carecoord.domain.prior_auth.x12 import acknowledgment, answer, claim_status, eligibility, envelope, remittance
from carecoord.domain.prior_auth.x12.envelope import Fault, Transaction, fault
from carecoord.errors import Forbidden, NotFound, Problem, TooLarge, Unavailable, Unprocessable
from carecoord.fhir.instants import micros
from carecoord.store.claims import claims, files
from carecoord.store.claims.files import Settled
from carecoord.store.database import outbox
from carecoord.store.database.engine import alone, reading, writing
from carecoord.store.resources import read
from carecoord.words.sentence import dumps, sentence
from carecoord.world import World

JOB: Final = "x12-file"  # in the outbox; its key: the id of the file
READER: Final = "x12-file:"  # so begins the subject of who reads a file; the office's id follows
RECENT: Final = 50
_CONTROL: Final = 9  # digits of ISA13 and of GS06
_KINDS: Final = ("278", "271", "277", "835", "999")


@dataclass(frozen=True)
class Opened:
    """A file with what became of each of its transactions."""

    file: Row[Any]
    transactions: Sequence[Row[Any]]


def upload(world: World, grant: Grant, request: str, name: str, body: bytes) -> str:
    """Keep a file and have it read; returns its id. The same bytes again are the same file, read once more. Raises
    Forbidden, TooLarge, Unprocessable for what does not begin as an X12 file does."""
    _office(grant)
    if len(body) > world.settings.max_document:
        raise TooLarge(sentence("refusals.x12-too-large"), "http.file")
    if not is_x12(body):
        raise Unprocessable(sentence("x12.fault.no-isa"), "http.file")
    digest = hashlib.sha256(body).digest()
    with writing(world.engine) as conn:
        offices = _copies(conn, grant)
        alone(conn, f"x12 {min(offices)} {digest.hex()}")
        id = files.add(
            conn, id=world.new_id(), offices=offices, name=name[:200], digest=digest, body=body, subject=grant.subject,
            at=micros(world.clock()),
        )  # fmt: skip
        outbox.add(conn, JOB, id, b"", world.clock())
    world.journal.append(event(world.clock(), request, "create", by=grant, type="Binary", resource=id))
    return id


def is_x12(body: bytes) -> bool:
    """Whether something begins as an X12 interchange does."""
    return body.lstrip(b"\xef\xbb\xbf\r\n\t ").startswith(b"ISA")


def _office(grant: Grant) -> str:
    if not verbs.may(grant.roles, "bring-x12") or not grant.organization:
        raise Forbidden(sentence("refusals.x12-not-yours"), "http.url")
    return grant.organization


def _copies(conn: Connection, grant: Grant) -> tuple[str, ...]:
    """The ids of the office and of its copies, its own first: whichever of them somebody works for, it is one office,
    and what one of them took the others have taken."""
    return access_office.office(conn, grant).organizations or (grant.organization or "",)


def recent(world: World, grant: Grant, request: str) -> list[Row[Any]]:
    """The files of the asker's office, the latest first."""
    with looking(world, grant, request) as turn:
        _office(grant)
        return files.recent(turn.conn, turn.office().organizations, RECENT)


def one(world: World, grant: Grant, request: str, id: str) -> Opened:
    """A file of the asker's office. Raises NotFound alike for none and another's."""
    with looking(world, grant, request) as turn:
        return Opened(_own(turn, grant, id), files.transactions(turn.conn, id))


def original(world: World, grant: Grant, request: str, id: str) -> tuple[str, bytes]:
    """The name and the bytes of a file as it came."""
    with looking(world, grant, request) as turn:
        found = _own(turn, grant, id)
        world.journal.append(event(turn.now, request, "read", by=grant, type="Binary", resource=id))
        return found.name, files.body(turn.conn, id)


def _own(turn: Turn, grant: Grant, id: str) -> Row[Any]:
    _office(grant)
    found = files.one(turn.conn, id)
    if found is None or found.office not in turn.office().organizations:
        raise NotFound(sentence("refusals.there-no-such-file-here"), "http.id")
    return found


def reader(office: str) -> Grant:
    """Who takes a file in for an office: sees what its insurance staff see."""
    staff = frozenset(verbs.holders("bring-x12"))
    return Grant(f"{READER}{office}", scopes=payments.READS, roles=staff, organization=office)


def demand_office(world: World, office: str) -> None:
    """Raise NotFound where there is no such organization here."""
    with reading(world.engine) as conn:
        row = read.get(conn, "Organization", office)
    if row is None or row.deleted:
        raise NotFound(f"There is no Organization/{office} here.", "http.office")


def run(world: World, id: str) -> None:
    """Read a file that waits. Begun again after it was cut short, it goes on where it was."""
    with reading(world.engine) as conn:
        file = files.one(conn, id)
        body = files.body(conn, id)
    if file is None:
        return
    grant, found = reader(file.office), envelope.read(body)
    for n, each in enumerate(found.transactions, 1):
        try:
            with changing(world, grant, JOB) as turn:
                if settled := _taken(turn, file, n, each):
                    files.settle(turn.conn, id, n, settled)
        except Unavailable:  # no fault of the file: it is read again
            raise
        except (Problem, ValueError, ArithmeticError) as why:
            amount = sentence("x12.fault.cents") if isinstance(why, ValueError) else sentence("x12.fault.too-large")
            said = why.said if isinstance(why, Problem) else amount
            wrong = [fault(each.segments[0], 0, sentence("x12.fault.not-possible", why=said))]
            with writing(world.engine) as conn:
                files.settle(conn, id, n, _settled(each, "faulty", None, wrong))
    with writing(world.engine) as conn:
        offices = _copies(conn, grant)
        for receipt in found.receipts:
            _received(conn, offices, receipt.interchange, receipt.accepted)
        files.read(conn, id, _kept(found.faults))


def match_again(world: World, grant: Grant, request: str, id: str) -> None:
    """Match a claim anew, from what was taken of the files that spoke of it: a card may have come since. Raises
    NotFound, Forbidden."""
    office = _office(grant)
    with looking(world, grant, request) as turn:
        _claim(turn, id)
        said = [each.subject for each in claims.acts(turn.conn, id) if each.verb in ("277", "835")]
        names = list(dict.fromkeys(reversed(said)))
        bodies = {file: files.body(turn.conn, file) for file in names}
        states = {(file, each.n): each.state for file in names for each in files.transactions(turn.conn, file)}
    taken = [  # before there is a transaction: a long file keeps nobody waiting
        (file, each) for file in names for n, each in enumerate(envelope.read(bodies[file]).transactions, 1)
        if states.get((file, n)) == "taken"
    ]  # fmt: skip
    with changing(world, grant, request) as turn:
        row = _claim(turn, id)
        theirs = turn.by(reader(office))
        for file, each in taken:
            if each.kind == "835":
                payments.take_payments(theirs, row.office, file, remittance.read(each)[0], row.number)
            elif each.kind == "277":
                payments.take_statuses(theirs, row.office, file, claim_status.read(each)[0], row.number)
        about = {"type": "ExplanationOfBenefit", "resource": id, "patient": row.patient}
        world.journal.append(event(turn.now, request, "update", by=grant, **about))


def _claim(turn: Turn, id: str) -> Row[Any]:
    row = claims.one(turn.conn, desk.whose(turn), id)
    if row is None:
        raise NotFound(sentence("refusals.no-such-claim"), "http.id")
    return row


def _received(conn: Connection, offices: Sequence[str], number: str, receipt: str) -> str | None:
    """Note what the other side says of an interchange of ours, by its number; one of more digits than ISA13 has is none
    of ours."""
    plain = number.strip()
    ours = plain.isascii() and plain.isdecimal() and len(plain) <= _CONTROL
    return files.received(conn, offices, int(plain), receipt) if ours else None


def control(transaction: Transaction) -> str:
    """By which a transaction is known again: who sent it, and the numbers of interchange, group and transaction."""
    return "|".join((transaction.sender, transaction.interchange, transaction.group, transaction.control))


def _digest(transaction: Transaction) -> bytes:
    return hashlib.sha256("\n".join("\t".join(each.elements) for each in transaction.segments).encode()).digest()


def _kept(faults: Sequence[Fault]) -> list[tuple[int, str, str]]:
    return [(each.place, each.where, dumps(each.why)) for each in faults]


def _settled(transaction: Transaction, state: str, about: str | None, faults: Sequence[Fault]) -> Settled:
    return Settled(transaction.kind, control(transaction), _digest(transaction), state, about, _kept(faults))


def _taken(turn: Turn, file: Row[Any], n: int, each: Transaction) -> Settled | None:
    """Take a transaction, unless it was taken before. None where that is noted at this very place of the file: what
    was told of it then, and what it was about, stays."""
    offices = _copies(turn.conn, turn.grant)
    alone(turn.conn, f"x12 {min(offices)} {control(each)}")
    if files.state(turn.conn, file.id, n) in ("taken", "again"):
        return None
    if before := files.taken(turn.conn, offices, each.kind, control(each)):
        if before.digest != _digest(each):
            said = sentence("x12.fault.number-used", control=each.interchange)
            return _settled(each, "faulty", None, [fault(each.segments[0], 2, said)])
        return _settled(each, "again", None, ())
    about, faults, notes = _handled(turn, file, each)
    state = "faulty" if faults else "unmatched" if about == "" else "taken"
    settled = _settled(each, state, about or None, [*faults, *notes])
    if state == "taken":
        files.take(turn.conn, file.office, file.id, settled)
    return settled


def _handled(turn: Turn, file: Row[Any], each: Transaction) -> tuple[str | None, Sequence[Fault], Sequence[Fault]]:
    """What a transaction was about (empty: nothing that is here), what is wrong with it, so that nothing of it was
    taken, and what is to be known of it though it was."""
    head, office = each.segments[0], str(file.office)
    if each.test:
        return None, [fault(head, 0, sentence("x12.fault.test"))], ()
    if overlong := envelope.overlong(each):
        return None, overlong, ()
    if each.kind == "278" and answer.is_response(each):
        return *answers.take_decision(turn, office, each, answer.read(each)), ()
    if each.kind == "271":
        return *answers.take_eligibility(turn, office, each, eligibility.read(each)), ()
    if each.kind == "277":
        statuses, faults = claim_status.read(each)
        if not faults:
            payments.take_statuses(turn, office, file.id, statuses)
        return None, faults, ()
    if each.kind == "835":
        found, faults, gaps = remittance.read(each)
        if not faults:
            payments.take_payments(turn, office, file.id, found)
        return None, faults, gaps
    if each.kind == "999":
        results = acknowledgment.results(each)
        offices = _copies(turn.conn, turn.grant)
        about = [_received(turn.conn, offices, one.group, one.result) for one in results]
        return next(filter(None, about), ""), (), _complaints(each, results)
    return None, [fault(head, 1, sentence("x12.fault.not-read", kind=each.kind, kinds=", ".join(_KINDS)))], ()


def _complaints(each: Transaction, results: Sequence[acknowledgment.Result]) -> list[Fault]:
    """What the other side finds wrong with ours, by the place in ours."""
    head = each.segments[0]
    told = [
        sentence("x12.refused.segment", place=one.place, segment=one.segment, code=one.code,
                 element=one.element or "-")
        for result in results for one in result.complaints
    ]  # fmt: skip
    if not told and not all(result.taken for result in results):
        told = [sentence("x12.refused.whole")]
    return [fault(head, 0, one) for one in told]
