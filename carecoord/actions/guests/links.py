"""Links by which a clinic or a patient without an account takes part: made and withdrawn by the office that refers."""

import secrets
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from auth.grant import Grant
from auth.store import fresh
from carecoord.actions.access.turn import looking
from carecoord.actions.acts.act import Acting, Done, Planned, Submission, opened, perform
from carecoord.actions.messages import templates
from carecoord.actions.messages.family import family
from carecoord.domain.guests.links import CODE, COVER, LETTERS, LONGEST, Audience
from carecoord.domain.messages import acts
from carecoord.domain.messages.templates import Fields, Own
from carecoord.domain.referrals import offers
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import Json, item, items, target, text
from carecoord.domain.resource.patient import spoken_name
from carecoord.errors import Conflict, Unprocessable
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros
from carecoord.store.guests import links as kept
from carecoord.store.guests.links import Link
from carecoord.store.resources import read
from carecoord.words.catalogue import languages
from carecoord.words.reader import DEFAULT
from carecoord.words.sentence import sentence
from carecoord.world import World


@dataclass(frozen=True, slots=True)
class Wanted:
    """A link as somebody asks for it. `until`: its last day; `relative`: the id of the RelatedPerson whose it is."""

    audience: Audience
    until: date
    relative: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """A link that was made and its secrets, which are shown this once; both are empty where the form was sent again."""

    done: Done
    link: Link | None
    token: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Links:
    """The links of a case for the office that makes them. `clinic`: the name of the one that was asked, empty where a
    link can not be made for one, and `why_not` then says why; `relatives`: (id, name) of those whom the
    patient lets know; `fields` and `own`: what the words of its sheets are filled with, and those that the office has
    of its own."""

    case: str
    number: str
    patient: str
    clinic: str
    why_not: str
    language: str
    relatives: tuple[tuple[str, str], ...]
    made: tuple[Link, ...]
    fields: Fields
    own: Own


def make(world: World, grant: Grant, request: str, submission: Submission, wanted: Wanted) -> Made:
    """Make a link; those that were made before for the same holder end. Raises Unprocessable for a day that is too far
    away, Conflict where there is nobody to make it for."""
    secret: list[tuple[Link, str, str]] = []

    def plan(acting: Acting) -> Planned:
        whom = _holder(acting, wanted)
        token, code = fresh(), _letters(CODE) if wanted.audience == "clinic" else ""
        link = _link(acting, wanted, target(whom).partition("/")[2])
        kept.keep(acting.turn.conn, link, token, code)
        kept.supersede(acting.turn.conn, link)
        secret.append((link, token, code))
        said = f"A link to take part without an account, good until {wanted.until:%d %b %Y}."
        talk = acts.message(acting.case, acting.id, acting.person, [whom], said, acting.turn.now, "link")
        return Planned([talk], sentence("act.linked", whom=text(whom, "display"), day=wanted.until))

    done = perform(world, grant, request, submission, "link", plan)
    return Made(done, *secret[0]) if secret else Made(done, None)


def withdraw(world: World, grant: Grant, request: str, submission: Submission, id: str) -> Done:
    """End a link of the case. Raises Conflict where there is none of this id that could be ended."""

    def plan(acting: Acting) -> Planned:
        conn, now = acting.turn.conn, micros(acting.turn.now)
        link, talk = kept.find(conn, id), read.get(conn, "Communication", id)
        if link is None or talk is None or link.case != acting.row.id or not kept.withdraw(conn, id, now):
            raise Conflict(sentence("refusals.there-no-such-link-any"), "link")
        told = json.loads(talk.body) | {"status": "stopped", "statusReason": {"text": "Withdrawn"}}
        return Planned([told], sentence("act.link-ended"))

    return perform(world, grant, request, submission, "end-link", plan)


def of_case(world: World, grant: Grant, request: str, case: str) -> Links:
    """The links of a case. Raises NotFound, Forbidden as the act that makes one."""
    with looking(world, grant, request) as turn:
        acting = opened(turn, "", case, "link")
        try:
            clinic, why_not = text(_holder(acting, Wanted("clinic", date.max)), "display"), ""
        except Conflict as refused:
            clinic, why_not = "", refused.text
        row, spoken = acting.row, language(acting.case.patient or {})
        made = tuple(kept.of_case(turn.conn, case))
        kin = tuple((str(each["id"]), spoken_name(each)) for each in family(turn, row.patient).told)
        filled, own = templates.fields(acting), templates.own(acting)
        return Links(case, row.number, row.patient_name, clinic, why_not, spoken, kin, made, filled, own)


def language(patient: Json) -> str:
    """The language in which a patient reads their page: the preferred one of those that we have words in, English where
    they speak none of them."""
    spoken = sorted(items(patient, "communication"), key=lambda each: each.get("preferred") is not True)
    codes = (text(each, "code").partition("-")[0] for one in spoken for each in items(item(one, "language"), "coding"))
    return next((code for code in codes if code in languages()), DEFAULT)


def _holder(acting: Acting, wanted: Wanted) -> Json:
    """For whom a link is, as a Reference with their name. Raises Conflict where there is nobody, Unprocessable for a
    relative whom the patient does not let know."""
    if wanted.audience == "relative":
        kin = {str(each["id"]): each for each in family(acting.turn, acting.row.patient).told}
        if wanted.relative not in kin:
            raise Unprocessable(sentence("refusals.patient-has-not-let-this"), "audience")
        return {"reference": f"RelatedPerson/{wanted.relative}", "display": spoken_name(kin[wanted.relative])}
    if wanted.audience == "patient":
        return {"reference": f"Patient/{acting.row.patient}", "display": acting.row.patient_name}
    other = offers.other_side(acting.sides, acting.clearance)
    if other is None:
        raise Conflict(sentence("refusals.it-has-not-gone-out-clinic"), "audience")
    return {"reference": f"Organization/{other[0]}", "display": other[1]}


def _link(acting: Acting, wanted: Wanted, holder: str) -> Link:
    today, now = local(acting.turn.now, acting.zone), acting.turn.now
    if not timedelta() <= wanted.until - today <= LONGEST:
        raise Unprocessable(sentence("refusals.choose-day-within-days-then", days=LONGEST.days), "until")
    ends = datetime.combine(wanted.until + timedelta(days=1), time(), acting.zone)
    clinic = wanted.audience == "clinic"
    return Link(
        acting.id, wanted.audience, acting.row.id, acting.row.patient, acting.turn.grant.organization or "",
        holder if clinic else "", DEFAULT if clinic else language(acting.case.patient or {}),
        _letters(COVER), acting.turn.grant.subject, micros(now), micros(ends), relative=wanted.relative,
    )  # fmt: skip


def _letters(n: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(n))
