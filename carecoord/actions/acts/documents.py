"""Attaching a document to a referral, and sending documents to its other side, which sees them from then on and not
before."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from auth.grant import Grant
from carecoord.actions.acts.act import Acting, Done, Planned, Submission, perform
from carecoord.domain.documents import acts, audience, content
from carecoord.domain.documents.acts import Offices, Paper
from carecoord.domain.referrals import acts as referral_acts
from carecoord.domain.referrals import offers, stages, states
from carecoord.domain.resource.elements import Json, key
from carecoord.domain.timeline.timeline import documents
from carecoord.errors import Conflict, Unprocessable
from carecoord.words.catalogue import say
from carecoord.words.sentence import Sentence, joined, sentence
from carecoord.world import World

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent, and that can be kept. `type`: what its bytes are."""

    name: str
    type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Attached:
    """A document as somebody attaches it. `kind`: of domain.documents.kinds; `send`: to the other side at once."""

    file: Upload
    kind: str
    day: date | None = None
    note: str = ""
    send: bool = False

    @property
    def paper(self) -> Paper:
        """As the resources are made of it."""
        return Paper(self.file.name, self.file.type, self.file.data, self.kind, self.day, self.note)


@dataclass(frozen=True, slots=True)
class Shared:
    """Documents, `DocumentReference/id`, that somebody sends, and what they say with them."""

    documents: Sequence[str]
    words: str = ""


def upload(name: str, data: bytes, most: int) -> Upload:
    """A file of at most so many bytes, judged by what is in it. Raises Unprocessable, saying what to do, for one that
    can not be kept."""
    if len(data) > most:
        raise Unprocessable(say(sentence("file.large", size=_megabytes(len(data)), most=_megabytes(most))), "file")
    judged = content.judge(data)
    if judged.fault:
        raise Unprocessable(say(judged.fault), "file")
    return Upload(name, judged.type, data)


def attach(world: World, grant: Grant, request: str, submission: Submission, given: Attached) -> Done:
    """Attach a document to the referral. Sent at once, it is as if it had been sent after: that is not taken back."""

    def plan(acting: Acting) -> Planned:
        if given.send:
            to, _ = _demand_other(acting)
            made = attached(acting, given.paper, (to,))
            more, said = _sent(acting, [made[-1]], "")
            return Planned([*made, *more], said)
        made = attached(acting, given.paper)
        return Planned(made, sentence("act.attached", paper=acts.called(made[-1])))

    return perform(world, grant, request, submission, "share" if given.send else "attach", plan)


def share(world: World, grant: Grant, request: str, submission: Submission, given: Shared) -> Done:
    """Send documents of the referral to its other side. What the clinic had asked for is answered by it. Raises
    Unprocessable for none, or for one that the asker does not have or has sent before."""

    def plan(acting: Acting) -> Planned:
        to, _ = _demand_other(acting)
        known = {key(each): each for each in sendable(acting, to)}
        chosen = [known[each] for each in given.documents if each in known]
        if not chosen or len(chosen) < len(given.documents):
            raise Unprocessable(sentence("refusals.choose-documents-this-referral-that"), "documents")
        more, said = _sent(acting, chosen, given.words)
        return Planned([*(audience.listed(each, [to]) for each in chosen if audience.is_listed(each)), *more], said)

    return perform(world, grant, request, submission, "share", plan)


def attached(acting: Acting, paper: Paper, to: Sequence[str] = ()) -> list[Json]:
    """The resources of a document that is attached, the DocumentReference last. `to`: the offices that it goes to."""
    held = "" if to or acting.side == "either" else acting.side
    offices = Offices(acting.turn.grant.organization or "", tuple(to), held)
    return acts.attached(acting.case, acting.task, acting.id, acting.person, paper, offices, acting.turn.now)


def sendable(acting: Acting, to: str) -> list[Json]:
    """The documents that the asker's office has and the other side does not."""
    return audience.sendable(documents(acting.case), acting.turn.office().organizations, to)


def _sent(acting: Acting, chosen: Sequence[Json], words: str) -> tuple[list[Json], Sentence]:
    """The message that they go with and, where the clinic waited for something, the Task that goes on; what to say."""
    to, name = _demand_other(acting)
    recipient = {"reference": f"Organization/{to}", "display": name}
    now, task = acting.turn.now, acting.task
    written = [acts.message(acting.case, acting.id, acting.person, recipient, chosen, words, now)]
    legal = states.legal(stages.stage(task), acting.side, states.workflow(task)) if task else ()
    if "answer" in legal:
        written.append(acts.handed(referral_acts.moved(task, "answer", acting.side, now), chosen))
    papers = joined([acts.called(each) for each in chosen])
    return written, sentence("act.documents-sent", whom=name, papers=papers)


def _demand_other(acting: Acting) -> tuple[str, str]:
    """The Organization on the other side of the referral: its id and its name."""
    other = offers.other_side(acting.sides, acting.clearance)
    if other is None:
        raise Conflict(sentence("refusals.there-nobody-on-other-side"), "http.act")
    return other


def _megabytes(size: int) -> str:
    return f"{math.ceil(size / _MILLION * 10) / 10:.1f}".removesuffix(".0") + " MB"
