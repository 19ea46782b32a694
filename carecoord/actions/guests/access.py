"""Who acts by a link, as everything else knows an asker: one case and no other, as long as the link is good."""

from typing import Any

from sqlalchemy import Row

from auth.grant import Grant
from carecoord.actions.access.turn import Turn
from carecoord.actions.clearance.assemble import assemble
from carecoord.actions.messages.family import family
from carecoord.domain.access import verbs
from carecoord.domain.access.verbs import Side
from carecoord.domain.guests import links
from carecoord.domain.guests.links import ROLE
from carecoord.domain.referrals.case import Case
from carecoord.errors import NotFound
from carecoord.fhir.instants import micros
from carecoord.store.guests import links as guest_links
from carecoord.store.guests.links import Link
from carecoord.store.worklist.query import CaseScope, Worklist
from carecoord.store.worklist.tabs import DueBounds
from carecoord.words.sentence import sentence


def grant_of(link: Link, name: str = "") -> Grant:
    """The access of a link's holder. name: by which they sign what they do. It has no scope, so that the API is shut to
    it, and opens nothing but its one case."""
    subject = links.subject(link.id)
    if link.audience == "clinic":
        role = frozenset({ROLE["clinic"]})
        return Grant(subject, roles=role, name=name, launch=link.id, only=link.case, organization=link.organization)
    who = f"RelatedPerson/{link.relative}" if link.audience == "relative" else f"Patient/{link.patient}"
    role = frozenset({ROLE["relative" if link.audience == "relative" else "patient"]})
    return Grant(subject, roles=role, name=name, launch=link.id, only=link.case, patient=link.patient, fhir_user=who)


def row(turn: Turn, case: str) -> Row[Any] | None:
    """The row of the case that the asker's link is for; None for any other, for a link that is good no longer, where
    the referral went to another clinic since, where the patient's Consent keeps it from them, and for a relative whom
    no Consent lets know any more."""
    grant, at = turn.grant, micros(turn.now)
    link = guest_links.find(turn.conn, grant.launch or "")
    if link is None or case != grant.only or case != link.case or links.state(link, at) != "open":
        return None
    scope = CaseScope(None, tuple(sorted(turn.cases_withheld())))
    found = Worklist(turn.conn, scope, DueBounds(at, at, at, at)).one(case)
    if found is None or not sides(turn, found):
        return None
    told = link.audience != "relative" or link.relative in {each["id"] for each in family(turn, link.patient).told}
    return found if told else None


def opened(turn: Turn) -> tuple[Row[Any], Case]:
    """The one case that the asker's link is for, with its row. Raises NotFound where `row` finds none."""
    id = turn.grant.only or ""
    found = row(turn, id)
    case = assemble(turn.conn, id) if found else None
    if found is None or case is None:
        raise NotFound(sentence("refusals.this-link-no-longer-good.title"), "http.link")
    return found, case


def sides(turn: Turn, found: Row[Any]) -> frozenset[Side]:
    """On which side of a case the holder of a link stands; on none, where it is no longer theirs."""
    if turn.grant.patient:
        return frozenset({"patient"}) if found.patient == turn.grant.patient else frozenset()
    return verbs.sides(None, found.performer, turn.office().organizations)
