"""A certificate of a party is filed with the agreement: its paper, from when to when, and that the next one is owed by
its last day."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from auth.grant import Grant
from carecoord.actions.acts.act import Done, Planned, Submission, performed
from carecoord.actions.acts.documents import Upload
from carecoord.actions.agreements.acts import Agreeing, opened
from carecoord.domain.agreements.desk import certificates, obligations
from carecoord.domain.agreements.desk.certificates import Certificate
from carecoord.domain.documents import acts as document_acts
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import Json
from carecoord.errors import Unprocessable
from carecoord.fhir import text as json
from carecoord.store.resources import read
from carecoord.words.sentence import sentence
from carecoord.world import World

_PAPER = "insurance-certificate"  # of domain.documents.kinds.OF_AGREEMENTS; its own type says which


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate as somebody writes it down. `kind`: of domain.agreements.desk.certificates.NAMES; `holder`: the key
    of the party; `last`: its last day; `each`, `total`: limits of an insurance in US dollars."""

    kind: str
    holder: str
    number: str
    start: date
    last: date
    each: Decimal | None
    total: Decimal | None
    file: Upload


def certify(world: World, grant: Grant, request: str, submission: Submission, given: Certified) -> Done:
    """File a certificate. The next one is owed from then on by its last day; what was owed of the one before is done
    by it. Raises Unprocessable for who is no party, or days that lie the wrong way round."""

    def plan(acting: Agreeing) -> Planned:
        sides = {side.key: side.name for side in acting.found.line.sides}
        if given.holder not in sides:
            raise Unprocessable(sentence("refusals.choose-whose-certificate-it"), "holder")
        if given.last < given.start:
            raise Unprocessable(sentence("refusals.last-day-lies-before-first"), "last")
        holder = {"reference": given.holder, "display": sides[given.holder]}
        shown = Certificate(given.kind, holder, given.number, given.start, given.last, given.each, given.total)
        binary, document = _papers(acting, given)
        made = [binary, certificates.shown(document, shown)]
        duty = certificates.due(shown)
        new, now = acting.turn.world.new_id(), acting.turn.now
        met = list(_met(acting, duty.what, given, f"DocumentReference/{document['id']}"))
        owed = obligations.owed(new, acting.found.line.contract, acting.office, duty, now)
        return Planned([*made, *met, owed], sentence("act.certified", what=certificates.NAMES[given.kind],
                                                     day=given.last))  # fmt: skip

    return performed(world, grant, request, submission, "certify", plan, opened)


def _papers(acting: Agreeing, given: Certified) -> list[Json]:
    sent, own = given.file, acting.turn.grant.organization or ""
    paper = document_acts.Paper(sent.name, sent.type, sent.data, _PAPER, given.start)
    return document_acts.filed(acting.found.line.contract, acting.id, acting.person, own, paper, acting.turn.now)


def _met(acting: Agreeing, what: str, given: Certified, proof: str) -> list[Json]:
    """The duties that this certificate meets: of the same kind, of the same party, for a day that it reaches past."""
    today = local(acting.turn.now, acting.zone)
    open_ones = [each for each in acting.found.duties
                 if each.done is None and (each.what, each.owner) == (what, given.holder)
                 and each.due < given.last]  # fmt: skip
    rows = [read.get(acting.turn.conn, "Task", each.task.partition("/")[2]) for each in open_ones]
    return [obligations.fulfilled(json.loads(row.body), today, "", proof) for row in rows if row]
