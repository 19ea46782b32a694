"""Sending a new referral: the order signed, a Task for who is asked, a request for authorization begun where a rule of
the payer wants one, all in one transaction."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID, uuid5

from auth.grant import Grant
from carecoord.actions.acts.act import Acting, Done, Planned, Submission, performed
from carecoord.actions.acts.act import opened as open_case
from carecoord.actions.referrals import announcements, finder, holds
from carecoord.actions.referrals import drafts as writing
from carecoord.actions.referrals.holds import Hold
from carecoord.domain.documents import acts as document_acts
from carecoord.domain.documents import audience
from carecoord.domain.prior_auth import drafts as requests
from carecoord.domain.prior_auth.drafts import Parties
from carecoord.domain.referrals import acts, drafts
from carecoord.domain.referrals.candidates import Candidate
from carecoord.domain.referrals.drafts import Fields
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import Json, key, target, text
from carecoord.domain.timeline.timeline import documents
from carecoord.errors import Conflict, Unprocessable
from carecoord.words.catalogue import say
from carecoord.words.sentence import joined, sentence
from carecoord.world import World

_AT_ONCE: Final = 2  # clinics that are asked for one order from the form


def send(
    world: World, grant: Grant, request: str, submission: Submission, fields: Fields, *, hold: Hold | None = None
) -> Done:
    """Send a draft as its form says it, or the order of an EHR that nobody has been asked to carry out yet. Missing
    papers do not hinder it. Raises Unprocessable naming the field without which it can not go, Conflict for one that
    has gone out, Clashing where a colleague wrote other things into the same fields.
    hold: a free time of who is asked, which is held with it; raises Conflict where it is free no longer."""

    def plan(acting: Acting) -> Planned:
        if text(acting.case.order, "status") == "draft":
            order, _ = writing.put_together(acting, submission, fields)
        else:
            demand_unasked(acting)
            order = drafts.written(acting.case.order, {name: fields.get(name, "") for name in ("choice", "told")})
        return outgoing(acting, order, hold)

    seen = {name: n for name, n in submission.seen.items() if name.startswith("Task/")}
    kept = Submission(submission.case, submission.form, seen)
    return performed(world, grant, request, kept, "send", plan, open_case)


def demand_unasked(acting: Acting) -> None:
    """Raise Conflict for an order that somebody was asked to carry out already, or that is not in force."""
    if acting.task or text(acting.case.order, "status") != "active":
        raise Conflict(sentence("refusals.somebody-was-asked-already-or"), "http.act")


def outgoing(acting: Acting, order: Json, hold: Hold | None = None) -> Planned:
    """What is written when an order goes to whom it names as its choice: a Task each, where several are asked at once.
    The first of them is whom a request for authorization is begun for, and at whom a time can be held."""
    turn, now = acting.turn, acting.turn.now
    fields = drafts.said(order)
    if lacks := drafts.lacking(fields, local(now, acting.zone)):
        name, words = lacks[0]
        raise Unprocessable(say(words), name)
    asked = [finder.of_organization(turn, order, to) for to in drafts.chosen(order)[:_AT_ONCE]]
    chosen, performers = asked[0], [finder.reference(each.party) for each in asked]
    ours = text(order, "status") == "draft"
    out = drafts.ready(order, performers, now) if ours else acting.case.order
    if ours and chosen.site and len(asked) == 1:
        out |= {"locationReference": [{"reference": chosen.site.reference, "display": chosen.site.name}]}
    papers = [each for each in documents(acting.case) if key(each) in fields["papers"].split()]
    tasks = []
    for n, performer in enumerate(performers):
        id = acting.id if n == 0 else str(uuid5(UUID(acting.id), target(performer)))
        task = acts.asking(acting.case, id, acting.office, performer, now)
        task |= {"priority": text(out, "priority") or "routine"}
        tasks.append(document_acts.handed(task, papers) if papers else task)
    shown = _shown(papers, [target(each).removeprefix("Organization/") for each in performers])
    written = [*([out] if ours else []), *tasks, *shown]
    whom = joined([each.party.name for each in asked])
    said = sentence("act.referral-sent", whom=whom)
    if claim := _request(acting, out, chosen, performers[0]):
        written, said = [*written, claim], sentence("act.referral-sent.requested", whom=whom)
    if hold is not None and hold.performer in chosen.party.keys:
        kept = holds.taken(acting, out, tasks[0], chosen, hold.starts)
        written, said = [*written, kept], holds.said(kept, said, acting.zone)
    if talks := announcements.messages(acting, out, asked, fields["told"].split()):
        written = [*written, *talks]
        said = sentence("act.referral-sent.told", sent=said, whom=joined(announcements.names(talks)))
    return Planned(written, said)


def _shown(papers: Sequence[Json], to: Sequence[str]) -> list[Json]:
    """The papers that go along and that only some offices see, as the clinics see them too."""
    listed = (each for each in papers if audience.is_listed(each))
    return [audience.listed(each, to) for each in listed if not all(audience.is_seen(each, [one]) for one in to)]


def _request(acting: Acting, order: Json, chosen: Candidate, performer: Json) -> Json | None:
    """The request for authorization that has to be had, begun; None where none is."""
    card = announcements.requested(order, chosen)
    return requests.begun(acting.id, order, Parties(card, acting.office, performer), acting.turn.now) if card else None
