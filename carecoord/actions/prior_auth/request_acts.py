"""What a clinic does with its request for authorization: sent, its papers put in, the payer answered and called, asked
for more, appealed, taken back. Each is a move of the one table of its life, in one transaction under the rules of every
act of the desk; what is written goes through the same door as over the API."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from auth.grant import Grant
from carecoord.actions.access import sides
from carecoord.actions.access.turn import Turn
from carecoord.actions.acts.act import Acting, Deed, Done, Planned, Submission, perform, performed
from carecoord.actions.acts.contacts import called
from carecoord.actions.claims import outgoing
from carecoord.actions.prior_auth import requests
from carecoord.actions.prior_auth.pas_client import sendable
from carecoord.actions.prior_auth.requests import Dossier
from carecoord.domain.access import verbs
from carecoord.domain.access.verbs import Verb
from carecoord.domain.clearance.clearance import Clearance
from carecoord.domain.contacts import acts as contacts
from carecoord.domain.contacts.acts import Contact, How, Outcome
from carecoord.domain.prior_auth import drafts, lifecycle
from carecoord.domain.prior_auth.clinic import asked, channels, offers, peer
from carecoord.domain.prior_auth.clinic.asked import Speed, Wish
from carecoord.domain.prior_auth.clinic.channels import Channel
from carecoord.domain.prior_auth.clinic.peer import Result
from carecoord.domain.prior_auth.drafts import Parties
from carecoord.domain.prior_auth.lifecycle import LifeVerb
from carecoord.domain.referrals import offers as referral_offers
from carecoord.domain.referrals.case import order_named
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import Json, item, items, key, target, text
from carecoord.domain.worklist import acts as worklist_acts
from carecoord.domain.worklist.work import work
from carecoord.errors import Conflict, Forbidden, Unprocessable
from carecoord.words.sentence import Sentence, sentence
from carecoord.world import World

TYPE: Final = "Claim"
RENEWED: Final = 90  # days for which an old request is asked for again


@dataclass(frozen=True)
class Asking(Deed):
    """The request that an act is about, as its person sees it."""

    found: Dossier

    @property
    def claim(self) -> Json:
        """The newest version."""
        return self.found.claim

    def demand(self, verb: LifeVerb) -> None:
        """Raise Conflict where the table of its life has no such move from where it stands, Forbidden for another
        side."""
        side = sides.of_request(self.turn, self.claim)
        lifecycle.advance(lifecycle.named(self.found.row.state), verb, side, "Claim.status")

    def papers(self, ids: Sequence[str]) -> list[Json]:
        """The documents that were chosen, by id. Raises Unprocessable for one that the asker does not have."""
        known = {str(each["id"]): each for each in self.found.papers}
        if any(id not in known for id in ids):
            raise Unprocessable(sentence("refusals.choose-documents-this-referral-that"), "documents")
        return [known[id] for id in ids]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """How a request is sent: by which way, what the payer called it there, with which documents (ids)."""

    channel: Channel
    tracking: str = ""
    papers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """What is given to a payer that asked: documents (ids), and words."""

    papers: Sequence[str]
    words: str = ""


@dataclass(frozen=True, slots=True)
class Appealed:
    """An appeal as somebody writes it. channel: another way than the one by which the request went."""

    speed: Speed
    why: str
    papers: Sequence[str] = ()
    channel: Channel | None = None


@dataclass(frozen=True, slots=True)
class Called:
    """A call to the payer as somebody wrote it down. touch: the day on which the request is to be looked at next."""

    how: How
    outcome: Outcome
    who: str = ""
    reference: str = ""
    note: str = ""
    touch: date | None = None


@dataclass(frozen=True, slots=True)
class Talk:
    """A talk of two clinicians that is asked for: who, and at which hour where one was given."""

    who: str
    at: datetime | None = None


def about(claim: str) -> str:
    """How an act names a request: by the id of its first Claim."""
    return f"{TYPE}~{claim}"


def opened(turn: Turn, id: str, about: str, verb: Verb) -> Asking:
    """The request that an act is about. Raises NotFound, Forbidden."""
    if verb not in verbs.REQUESTS or not verbs.may(turn.grant.roles, verb):
        raise Forbidden(sentence("refusals.this-not-yours-do-on"), "http.act")
    _, claim = order_named(about)
    return Asking(turn, id, about, requests.opened(turn, claim))


def _done(
    world: World, grant: Grant, request: str, submission: Submission, verb: Verb, plan: Callable[[Asking], Planned]
) -> Done:
    return performed(world, grant, request, submission, verb, plan, opened)


def send(world: World, grant: Grant, request: str, submission: Submission, given: Outgoing) -> Done:
    """Send a draft to the payer, or write down that it was; also one that the payer's server refused, or of which the
    file was never written. Papers that a rule wants and that lack do not hinder it. Raises Unprocessable where it can
    not go by this way as it is."""

    def plan(acting: Asking) -> Planned:
        again = acting.found.is_undelivered and acting.found.row.state in lifecycle.WAITING
        if text(acting.claim, "status") != "draft" and not again:
            acting.demand("submit")
        out = asked.sent(acting.claim, given.channel, given.tracking, acting.papers(given.papers), acting.turn.now)
        sendable.demand(acting.turn, out)
        outgoing.file(acting.turn, acting.found, out)
        return Planned([out], sentence("act.request-sent", whom=_payer(acting)))

    return _done(world, grant, request, submission, "send-request", plan)


def put_in(world: World, grant: Grant, request: str, submission: Submission, given: Sequence[str]) -> Done:
    """Put documents of the chart into a draft."""

    def plan(acting: Asking) -> Planned:
        if acting.found.row.state != "draft":
            acting.demand("submit")
        out = asked.with_papers(acting.claim, acting.papers(given))
        return Planned([out], sentence("act.request-papers", n=len(given)))

    return _done(world, grant, request, submission, "put-in", plan)


def answer(world: World, grant: Grant, request: str, submission: Submission, given: Answered) -> Done:
    """Give the payer what it asked for: its Tasks are done, and the documents stand with the request."""

    def plan(acting: Asking) -> Planned:
        acting.demand("answer")
        open_ = [each for each in acting.found.wishes if text(each, "status") == "requested"]
        papers, now = acting.papers(given.papers), acting.turn.now
        out = asked.with_papers(acting.claim, papers)
        written = [asked.answered(each, papers, given.words, now) for each in open_]
        written += [out] if out != acting.claim else []
        return Planned(written, sentence("act.payer-answered", n=len(open_)))

    return _done(world, grant, request, submission, "answer-payer", plan)


def extend(world: World, grant: Grant, request: str, submission: Submission, given: Wish) -> Done:
    """Ask for more of what was granted: more units, or until a later day; by the way that the request went, or another
    where one was chosen."""

    def plan(acting: Asking) -> Planned:
        made = _by(given.channel, asked.extended(acting.id, acting.claim, given, acting.turn.now))
        sendable.demand(acting.turn, made)
        outgoing.file(acting.turn, acting.found, made)
        return Planned([made], sentence("act.request-extended", whom=_payer(acting)), given.why)

    return _done(world, grant, request, submission, "extend-request", plan)


def begin(world: World, grant: Grant, request: str, submission: Submission, _: None) -> Done:
    """Begin a request for the authorization that a referral needs, as a draft of the team: to who pays on the day of
    the visit, for who is to see the patient. Raises Conflict where none is needed, or one stands."""

    def plan(acting: Acting) -> Planned:
        judged = acting.clearance
        card = judged.card
        if card is None or "begin-request" not in referral_offers.offered(acting.case, judged, acting.sides):
            raise Conflict(sentence("refusals.request-not-to-begin"), "http.act")
        day = judged.booking.day if judged.booking else None
        asked_before = drafts.as_before(acting.case.order, acting.case.claims)
        who = Parties(card, acting.office, _performer(judged), day, asked_before)
        draft = drafts.begun(acting.id, acting.case.order, who, acting.turn.now)
        return Planned([draft], sentence("act.request-begun", whom=card.payer_named))

    return perform(world, grant, request, submission, "begin-request", plan)


def _performer(judged: Clearance) -> Json | None:
    """Who is to see the patient, as a Reference."""
    who = judged.facts.referral.performer
    party = (who.organization or who.practitioner) if who else None
    return {"reference": party.reference, "display": party.name} if party and party.reference else None


def renew(world: World, grant: Grant, request: str, submission: Submission, _: None) -> Done:
    """Begin a new request like this one, as a draft of the team: to who pays now, for who is to see the patient now."""

    def plan(acting: Asking) -> Planned:
        now, judged = acting.turn.now, acting.found.judged
        draft = asked.renewed(acting.id, acting.claim, RENEWED, now, local(now, acting.zone))
        draft |= drafts.anew(draft, judged.card, _performer(judged))
        return Planned([draft], sentence("act.request-renewed"))

    return _done(world, grant, request, submission, "renew-request", plan)


def appeal(world: World, grant: Grant, request: str, submission: Submission, given: Appealed) -> Done:
    """Appeal a denial, at the first level or the next. Raises Conflict where its last day is over."""

    def plan(acting: Asking) -> Planned:
        row, now = acting.found.row, acting.turn.now
        acting.demand("appeal")
        offers.demand_in_time(row.appeal_by, now)
        made = asked.appealed(
            acting.id, acting.claim, speed=given.speed, why=given.why, papers=acting.papers(given.papers), now=now
        )
        made = _by(given.channel, made)
        sendable.demand(acting.turn, made)
        outgoing.file(acting.turn, acting.found, made)
        return Planned([made], sentence("act.request-appealed", whom=_payer(acting)), given.why)

    return _done(world, grant, request, submission, "appeal", plan)


def withdraw(world: World, grant: Grant, request: str, submission: Submission, why: str) -> Done:
    """Take a request back: its units are free again."""

    def plan(acting: Asking) -> Planned:
        out = acting.claim | {"status": "cancelled"}
        return Planned([out], _ended(acting, out, sentence("act.request-withdrawn")), why)

    return _done(world, grant, request, submission, "withdraw-request", plan)


def void(world: World, grant: Grant, request: str, submission: Submission, why: str) -> Done:
    """Say that a request was made in error: it authorizes nothing, and neither does what was answered to it."""

    def plan(acting: Asking) -> Planned:
        out = acting.claim | {"status": "entered-in-error"}
        return Planned([out], _ended(acting, out, sentence("act.request-voided")), why)

    return _done(world, grant, request, submission, "void-request", plan)


def _ended(acting: Asking, out: Json, done: Sentence) -> Sentence:
    """That a request is over, and where its cancellation could not be written as a file, that somebody has to tell the
    payer: what can not be written keeps nothing alive."""
    why = outgoing.cancelled(acting.turn, acting.found, out)
    return sentence("act.request-untold", done=done, whom=_payer(acting), why=why) if why else done


def _by(chosen: Channel | None, made: Json) -> Json:
    """A request by the way that was chosen, if one was."""
    return channels.by(made, chosen) if chosen else made


def ask_peer(world: World, grant: Grant, request: str, submission: Submission, given: Talk) -> Done:
    """Ask for a talk of two clinicians about a denial. Raises Conflict where its window is over, or one is asked for
    already."""

    def plan(acting: Asking) -> Planned:
        acting.demand("peer-to-peer")
        offers.demand_in_time(acting.found.row.peer_by, acting.turn.now)
        if acting.found.peer and text(acting.found.peer, "status") == "requested":
            raise Conflict(sentence("refusals.peer-asked-already"), "http.act")
        task = peer.asked(
            acting.id, acting.claim, acting.office, who=given.who, at=given.at, now=acting.turn.now
        )
        return Planned([task], sentence("act.peer-asked"))

    return _done(world, grant, request, submission, "peer-to-peer", plan)


def hold_peer(world: World, grant: Grant, request: str, submission: Submission, given: tuple[Result, str]) -> Done:
    """Write down what came of the talk."""

    def plan(acting: Asking) -> Planned:
        if acting.found.peer is None:
            raise Conflict(sentence("refusals.peer-not-asked"), "http.act")
        result, words = given
        task = peer.held(acting.found.peer, result=result, words=words, now=acting.turn.now)
        return Planned([task], sentence("act.peer-told"))

    return _done(world, grant, request, submission, "tell-peer", plan)


def call(world: World, grant: Grant, request: str, submission: Submission, given: Called) -> Done:
    """Write down a call to the payer about a request, and when it is to be looked at next."""

    def plan(acting: Asking) -> Planned:
        acting.demand("inquire")
        found, now = acting.found, acting.turn.now
        insurer = found.request.payer if found.request else None
        if insurer is None:
            raise Unprocessable(sentence("refusals.this-referral-names-nobody-such"), "whom")
        what = Contact(given.how, given.outcome, called(insurer), given.who, given.reference, given.note)
        talk = contacts.contact(found.case, acting.id, acting.person, what, now)
        named = [{"reference": key(acting.claim)}]
        talk["basedOn"] = [*(items(talk, "basedOn") if found.order else []), *named]
        written = [talk]
        if given.touch and found.order:
            held = work(found.case, acting.zone)
            if given.touch != held.touch or held.wakes:
                written.append(worklist_acts.changed(found.case, held, now, acting.office, touch=given.touch))
        return Planned(written, _called(given, insurer.name))

    return _done(world, grant, request, submission, "call-payer", plan)


def _called(given: Called, whom: str) -> Sentence:
    logged = sentence("act.contact.call", whom=whom) if given.how == "call" else sentence("act.contact.fax", whom=whom)
    return sentence("act.touch", done=logged, day=given.touch) if given.touch else logged


def _payer(acting: Asking) -> str:
    return str(acting.found.row.payer_name or target(item(acting.claim, "insurer")))
