"""What contract staff do with one agreement at the desk: notice is given, it is ended, a document is attached. Each is
one transaction under the rules of every act of the desk: permission, lock, the tables of states, Provenance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from auth.grant import Grant
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.acts.act import Deed, Done, Planned, Submission, performed
from carecoord.actions.acts.documents import Upload
from carecoord.actions.agreements import desk, dossier
from carecoord.actions.agreements.dossier import Dossier, Lapse
from carecoord.domain.access import verbs
from carecoord.domain.access.verbs import Verb
from carecoord.domain.agreements.desk import acts
from carecoord.domain.agreements.desk.acts import Held
from carecoord.domain.documents import acts as document_acts
from carecoord.domain.referrals.case import order_named
from carecoord.domain.resource.days import local, shifted
from carecoord.domain.resource.elements import Json
from carecoord.errors import Conflict, Forbidden
from carecoord.words.sentence import sentence
from carecoord.world import World

TYPE: Final = "Contract"


@dataclass(frozen=True)
class Agreeing(Deed):
    """The agreement that an act is about, as its person sees it."""

    found: Dossier

    @property
    def held(self) -> Sequence[Held]:
        """Its versions, oldest first."""
        return self.found.versions

    @property
    def shown(self) -> Json:
        """The Contract of the version that the register shows, with the names of all as they stand."""
        line = self.found.line.contract
        return next((each for version, each in self.held if version.key == line), self.held[-1][1])


@dataclass(frozen=True, slots=True)
class Noticed:
    """Notice as somebody writes it down. `how`: of `domain.agreements.desk.acts.WAYS`."""

    day: date
    how: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """An end as somebody says it. `counted`: what was shown to hang on it (`token`), and is confirmed."""

    last: date
    why: str
    counted: str


@dataclass(frozen=True, slots=True)
class Filed:
    """A document as somebody attaches it. `kind`: of domain.documents.kinds.OF_AGREEMENTS."""

    file: Upload
    kind: str
    day: date | None = None
    note: str = ""


def about(contract: str) -> str:
    """How an act names an agreement: by the id of one of its Contracts."""
    return f"{TYPE}~{contract}"


def opened(turn: Turn, id: str, about: str, verb: Verb) -> Agreeing:
    """The agreement that an act is about. Raises NotFound alike for none and for one that is not theirs, Forbidden."""
    if verb not in verbs.AGREEMENT or not verbs.may(turn.grant.roles, verb):
        raise Forbidden(sentence("refusals.this-not-yours-do-with"), "http.act")
    _, contract = order_named(about)
    found = dossier.gathered(turn, contract, local(turn.now, turn.world.base.zone))
    return Agreeing(turn, id, about, found)


def offered(grant: Grant, found: Dossier) -> tuple[Verb, ...]:
    """The acts that the asker has on an agreement as it stands."""
    possible = acts.offered(found.versions, found.line, found.approvals.steps, found.approvals.barred)
    vain = {"pay"} if all(each.paid for each in found.invoices) else set()
    vain |= set() if found.documents else {"cite"}
    return tuple(verb for verb in possible if verbs.may(grant.roles, verb) and verb not in vain)


def give_notice(world: World, grant: Grant, request: str, submission: Submission, given: Noticed) -> Done:
    """Write down that notice was given. Raises Conflict where none is to be given, Unprocessable."""

    def plan(acting: Agreeing) -> Planned:
        day = given.day
        written = acts.noticed(acting.held, acting.found.line, day)
        sides = [side for side in acting.found.line.sides if _other(acting, side.key)]
        to = [{"reference": side.key, "display": side.name} for side in sides]
        said = acts.notice(acting.id, written[-1], acting.office, to, given.how, day, given.words)
        ends = acts.ends_by(acts.open_ended(acting.held)[-1][0], day)
        told = sentence("act.noticed", day=shifted(ends, -1)) if ends else sentence("act.noticed.no-end")
        return Planned([*written, said], told, given.words)

    return performed(world, grant, request, submission, "give-notice", plan, opened)


def end(world: World, grant: Grant, request: str, submission: Submission, given: Ending) -> Done:
    """End an agreement with a last day. Raises Conflict where something else hangs on it now than was confirmed."""

    def plan(acting: Agreeing) -> Planned:
        found = acting.found
        written = acts.ended(acting.held, found.line, acting.id, given.last, given.why, acting.turn.now, found.day)
        if token(given.last, dossier.lapse(acting.turn, found, shifted(given.last, 1))) != given.counted:
            raise Conflict(sentence("refusals.something-else-hangs-on-it"), "http.act")
        return Planned(written, sentence("act.ended", day=given.last), given.why)

    return performed(world, grant, request, submission, "end", plan, opened)


def file(world: World, grant: Grant, request: str, submission: Submission, given: Filed) -> Done:
    """Attach a document to the version that is shown. What it is, is judged by its bytes."""

    def plan(acting: Agreeing) -> Planned:
        sent = given.file
        paper = document_acts.Paper(sent.name, sent.type, sent.data, given.kind, given.day, given.note)
        own, contract = acting.turn.grant.organization or "", f"{TYPE}/{acting.shown['id']}"
        made = document_acts.filed(contract, acting.id, acting.person, own, paper, acting.turn.now)
        return Planned(made, sentence("act.attached", paper=document_acts.called(made[-1])))

    return performed(world, grant, request, submission, "file", plan, opened)


def hanging(world: World, grant: Grant, request: str, contract: str, last: date) -> Lapse:
    """What would be lost if the agreement ended with a day. Raises NotFound, Forbidden."""
    desk.today(world)
    with looking(world, grant, request) as turn:
        acting = opened(turn, "", about(contract), "end")
        acts.ended(acting.held, acting.found.line, "none", last, "", turn.now, acting.found.day)
        return dossier.lapse(turn, acting.found, shifted(last, 1))


def token(last: date, lapse: Lapse) -> str:
    """What was shown to hang on an agreement that ends with a day."""
    return f"{last.isoformat()}.{lapse.referrals}.{lapse.visits}.{lapse.lost}"


def _other(acting: Agreeing, key: str) -> bool:
    return key.startswith("Organization/") and key.partition("/")[2] not in acting.turn.office().organizations
