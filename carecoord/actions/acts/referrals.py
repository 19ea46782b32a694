"""What each side does with a referral: sends it, accepts, declines, asks, answers, opens it anew; and what the office
that refers writes down of an answer that came by telephone."""

from auth.grant import Grant
from carecoord.actions.acts import documents, provenance
from carecoord.actions.acts.act import Acting, Done, Planned, Submission, perform
from carecoord.actions.acts.contacts import called
from carecoord.actions.referrals import orders
from carecoord.domain.access.verbs import Verb
from carecoord.domain.contacts import acts as contact_acts
from carecoord.domain.contacts.acts import Contact
from carecoord.domain.documents.acts import Paper
from carecoord.domain.referrals import acts, drafts, offers, withdrawals
from carecoord.domain.referrals.withdrawals import Amendment
from carecoord.domain.resource.codes import CONSULT_NOTE
from carecoord.domain.resource.elements import Json, item, key, target, text
from carecoord.domain.scheduling import acts as visit_acts
from carecoord.errors import Conflict, Unprocessable
from carecoord.words.sentence import sentence
from carecoord.world import World


def send(world: World, grant: Grant, request: str, submission: Submission, _: None) -> Done:
    """Send a draft to whom it names. Raises Conflict for one that names nobody."""

    def plan(acting: Acting) -> Planned:
        task, performer = acting.task, acting.clearance.facts.referral.performer
        if drafts.chosen(acting.case.order) and not task:
            return orders.outgoing(acting, acting.case.order)
        if performer is None:
            raise Conflict(sentence("refusals.it-names-nobody-see-patient"), "http.act")
        written = acts.sent(acting.case, task, acting.id, acting.office, acting.turn.now)
        return Planned(written, sentence("act.sent", whom=performer.name))

    return perform(world, grant, request, submission, "send", plan)


def accept(world: World, grant: Grant, request: str, submission: Submission, _: None) -> Done:
    """Accept a referral, as the clinic that was asked."""

    def plan(acting: Acting) -> Planned:
        task = acts.moved(acting.task, "accept", acting.side, acting.turn.now)
        return Planned([acts.claimed(task, acting.office)], sentence("act.accepted"))

    return perform(world, grant, request, submission, "accept", plan)


def decline(world: World, grant: Grant, request: str, submission: Submission, reason: str) -> Done:
    """Decline a referral, in the clinic's words. The order stays active, so that it can go to another."""

    def plan(acting: Acting) -> Planned:
        task = acts.moved(acting.task, "decline", acting.side, acting.turn.now, reason)
        return Planned([task], sentence("act.declined"), reason)

    return perform(world, grant, request, submission, "decline", plan)


def hear_yes(world: World, grant: Grant, request: str, submission: Submission, who: str) -> Done:
    """Write down that the clinic accepted by telephone, and who said so there."""
    return _heard(world, grant, request, submission, "hear-yes", who, "")


def hear_no(world: World, grant: Grant, request: str, submission: Submission, said: tuple[str, str]) -> Done:
    """Write down that the clinic declined by telephone: (who said so there, why)."""
    return _heard(world, grant, request, submission, "hear-no", *said)


def _heard(world: World, grant: Grant, request: str, submission: Submission, verb: Verb, who: str, reason: str) -> Done:
    """The Task moves as the clinic's own word would move it; the call stands in the log."""

    def plan(acting: Acting) -> Planned:
        performer = acting.clearance.facts.referral.performer
        party = (performer.organization or performer.practitioner) if performer else None
        if party is None:
            raise Conflict(sentence("refusals.it-names-nobody-who-could"), "http.act")
        owner = item(acting.task, "owner") or {"display": party.name}
        now, moves = acting.turn.now, "decline" if verb == "hear-no" else "accept"
        task = acts.moved(acting.task, moves, "performer", now, reason)
        told = f"Declined: {reason}" if reason else "Accepted."
        talk = Contact("call", "reached", called(party), who, note=told)
        written = [task, contact_acts.contact(acting.case, acting.id, acting.person, talk, now)]
        said = sentence("act.heard-no", who=who) if reason else sentence("act.heard-yes", who=who)
        return Planned(written, said, reason, provenance.informant(who, owner))

    return perform(world, grant, request, submission, verb, plan)


def ask(world: World, grant: Grant, request: str, submission: Submission, question: str) -> Done:
    """Ask the office that refers for what is lacking."""

    def plan(acting: Acting) -> Planned:
        task = acts.moved(acting.task, "ask", acting.side, acting.turn.now, question)
        return Planned([task], sentence("act.asked"), question)

    return perform(world, grant, request, submission, "ask", plan)


def advise(world: World, grant: Grant, request: str, submission: Submission, words: str) -> Done:
    """Answer with advice instead of a visit (eConsult): it is the report of the referral, which ends by it. The office
    that refers reads it and tells the patient, as of any report."""

    def plan(acting: Acting) -> Planned:
        other = offers.other_side(acting.sides, acting.clearance)
        paper = Paper("advice.txt", "text/plain; charset=utf-8", words.encode(), CONSULT_NOTE[1], None, "Advice")
        written = documents.attached(acting, paper, [other[0]] if other else [])
        task = acts.advised(acting.task, acting.side, key(written[-1]), acting.turn.now)
        return Planned([*written, acts.claimed(task, acting.office)], sentence("act.advised"))

    return perform(world, grant, request, submission, "advise", plan)


def ask_another(world: World, grant: Grant, request: str, submission: Submission, to: str) -> Done:
    """Ask one clinic more (`Organization/id`) beside those that have not answered: a Task each; who says yes first has
    the patient."""

    def plan(acting: Acting) -> Planned:
        if "ask-another" not in offers.offered(acting.case, acting.clearance, acting.sides):
            raise Conflict(sentence("refusals.clinic-has-said-yes-already"), "http.act")
        known: dict[str, Json] = {target(each): each for each in acts.unasked(acting.case)}
        if to not in known:
            raise Unprocessable(sentence("refusals.choose-clinic-that-order-names"), "to")
        task = acts.asking(acting.case, acting.id, acting.office, known[to], acting.turn.now)
        party = acting.clearance.facts.parties.get(to)
        whom = party.name if party else text(known[to], "display") or "the clinic"
        return Planned([task], sentence("act.asked-another", whom=whom))

    return perform(world, grant, request, submission, "ask-another", plan)


def release(world: World, grant: Grant, request: str, submission: Submission, _: None) -> Done:
    """Tell the other clinics that were asked that they are not needed: one has said yes."""

    def plan(acting: Acting) -> Planned:
        if "release" not in offers.offered(acting.case, acting.clearance, acting.sides):
            raise Conflict(sentence("refusals.no-other-clinic-asked-or"), "http.act")
        case, task, now = acting.case, acting.task, acting.turn.now
        why = "Not selected: another clinic has the patient."
        ended = withdrawals.let_go(case, task, acting.side, acting.id, acting.office, why, now)
        told = len(withdrawals.rivals(case, task, acting.side))
        return Planned(ended, sentence("act.released", n=told), why)

    return perform(world, grant, request, submission, "release", plan)


def amend(world: World, grant: Grant, request: str, submission: Submission, said: Amendment) -> Done:
    """Put an order right: a new one takes its place, and the clinic is asked anew. Raises Conflict once work began."""

    def plan(acting: Acting) -> Planned:
        if not withdrawals.replaceable(acting.case, acting.task, acting.side):
            raise Conflict(sentence("refusals.it-not-out-or-work"), "http.act")
        stands = [each for each in (acting.visit, *offers.awaited_visits(acting.case, acting.clearance)) if each]
        written = withdrawals.replaced(
            acting.case, acting.task, stands, acting.side, acting.id, acting.office, said, acting.turn.now
        )
        return Planned(written, sentence("act.replaced"), said.why)

    return perform(world, grant, request, submission, "replace", plan)


def answer(world: World, grant: Grant, request: str, submission: Submission, words: str) -> Done:
    """Answer what the clinic asked: the words stand as a note, and the clinic goes on."""

    def plan(acting: Acting) -> Planned:
        task = acts.moved(acting.task, "answer", acting.side, acting.turn.now)
        note = contact_acts.answer(acting.case, acting.id, acting.person, words, acting.turn.now, acting.task)
        return Planned([task, note], sentence("act.answered"), words)

    return perform(world, grant, request, submission, "answer", plan)


def reopen(world: World, grant: Grant, request: str, submission: Submission, to: str) -> Done:
    """Send the same order out again, to somebody that it names or who was asked before (`Organization/id`): a Task that
    has ended stays so, and a new one begins. A visit that still stands where the clinic has said no is called off when
    it goes to another: it would be taken for the new one's. Raises Conflict where the order itself was withdrawn."""

    def plan(acting: Acting) -> Planned:
        if text(acting.case.order, "status") not in ("active", "on-hold"):
            raise Conflict(sentence("refusals.order-itself-was-withdrawn-or"), "http.act")
        if acts.stage(acting.task, acting.case.order) not in acts.ENDED:
            raise Conflict(sentence("refusals.it-under-way-there-nothing"), "http.act")
        known: dict[str, Json] = {target(each): each for each in acts.candidates(acting.case)}
        if to not in known:
            raise Unprocessable(sentence("refusals.choose-clinic-that-order-names.title"), "to")
        task = acts.asking(acting.case, acting.id, acting.office, known[to], acting.turn.now)
        party = acting.clearance.facts.parties.get(to)
        whom = party.name if party else text(known[to], "display") or "the clinic"
        if acting.visit is None or to == target(item(acting.task, "owner")):
            return Planned([task], sentence("act.reopened", whom=whom))
        off = visit_acts.ended(acting.visit, "cancel", "Sent to another clinic.")
        return Planned([task, off], sentence("act.reopened.off", whom=whom))

    return perform(world, grant, request, submission, "reopen", plan)
