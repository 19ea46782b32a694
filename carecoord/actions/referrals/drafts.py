"""Writing a new referral: begun for a patient, kept at each change, put together where two of a team write at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from auth.grant import Grant
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.acts import provenance
from carecoord.actions.acts.act import Acting, Deed, Done, Overtaken, Planned, Submission, opened, performed
from carecoord.actions.acts.provenance import Act, Version
from carecoord.actions.clearance import assemble
from carecoord.actions.clearance.library import Library
from carecoord.actions.referrals import announcements, intake, patients
from carecoord.actions.worklist import project
from carecoord.domain.access import verbs
from carecoord.domain.access.verbs import Verb
from carecoord.domain.clearance.facts import facts
from carecoord.domain.coverage.gate import choose
from carecoord.domain.gates.policy import by_priority
from carecoord.domain.referrals import drafts, packages
from carecoord.domain.referrals.drafts import Clash, Fields
from carecoord.domain.resource.days import local, shifted
from carecoord.domain.resource.elements import Json, extension, item, key, target, text
from carecoord.errors import Conflict
from carecoord.fhir import text as json
from carecoord.store.resources import read
from carecoord.store.worklist import registry
from carecoord.words.sentence import sentence
from carecoord.world import World

INTERPRETER = "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired"


@dataclass(eq=False)
class Clashing(Overtaken):
    """412: a colleague wrote other things into some of the same fields. `now`: the draft as it stands."""

    clashes: Sequence[Clash] = field(default_factory=tuple)


class _Unchanged(Exception):
    """There is nothing to keep."""


def begin(
    world: World, grant: Grant, request: str, submission: Submission, patient: str, *, document: str = ""
) -> Done:
    """Begin a referral of a patient, with what their record says: the card, an interpreter, who orders where that can
    only be the asker. document: one that waits to be indexed (`intake`), and is filed with it. Raises Forbidden,
    NotFound for a patient who is not the asker's to see."""

    def plan(acting: Deed) -> Planned:
        hit = patients.one(acting.turn, patient)
        order = drafts.begun(acting.id, hit.patient, acting.office, acting.turn.now)
        fields = first(acting.turn, order, hit.patient)
        filed = intake.filed(acting, document, order) if document else []
        papers = {"papers": f"DocumentReference/{document}"} if document else {}
        return Planned([drafts.written(order, fields | papers), *filed], sentence("act.referral-begun"))

    return performed(world, grant, request, submission, "refer", plan, _begun)


def first(turn: Turn, order: Json, patient: Json) -> dict[str, str]:
    """What the record says of fields that nobody has filled in yet."""
    rules = project.policy(turn.world.settings)
    known = facts(assemble.of_order(Library(turn.conn), order), rules)
    today = local(turn.now, rules.zone)
    card = choose(known.cards, (), today)
    orders = verbs.may(turn.grant.roles, "see-own-patients")  # a coordinator has a role there too, and orders nothing
    own = turn.office().people if orders else frozenset()
    mine = [each for each in clinicians(turn) if target(item(each, "practitioner")) in own]
    needs = extension(patient, INTERPRETER).get("valueBoolean") is True
    days = known.policy.length(by_priority("window", "routine"), turn.now).days
    return {
        "card": card.key if card else "",
        "interpreter": "1" if needs else "",
        "clinician": key(mine[0]) if len(mine) == 1 else target(item(order, "requester")),
        "told": f"{announcements.CLINICIAN} {announcements.PATIENT}",
        "from": today.isoformat(),
        "to": (today.fromordinal(today.toordinal() + days)).isoformat(),
    }


def save(
    world: World, grant: Grant, request: str, submission: Submission, fields: Fields
) -> tuple[Json, Sequence[str], Act | None]:
    """Keep what a form says of a draft: the order as it stands now, the fields that a colleague wrote meanwhile, and
    the act that kept it (None: there was nothing to keep). Raises Clashing where the same fields were written
    differently, Conflict for a referral that has gone out."""
    kept: list[tuple[Json, Sequence[str]]] = []

    def plan(acting: Acting) -> Planned:
        order, told = put_together(acting, submission, fields)
        kept.append((order, told))
        if order == acting.case.order:
            raise _Unchanged
        return Planned([order], sentence("act.draft-kept"))

    try:
        done = performed(world, grant, request, replace(submission, seen={}), "refer", plan, opened)
    except _Unchanged:
        return (*kept[-1], None)
    if not kept:  # the form was kept before
        return _now(world, grant, request, submission.case), (), done.act
    return (*kept[-1], done.act)


def again(world: World, grant: Grant, request: str, submission: Submission, patient: str) -> Done:
    """Let a draft be for another patient: what was of the first one's record goes, the rest stays."""

    def plan(acting: Acting) -> Planned:
        demand_draft(acting.case.order)
        hit = patients.one(acting.turn, patient)
        order = acting.case.order | {"subject": {"reference": key(hit.patient)}}
        bare = drafts.written(order, {"card": "", "papers": "", "follows": "", "interpreter": ""})
        of_them = first(acting.turn, bare, hit.patient)
        return Planned(
            [drafts.written(bare, {name: of_them[name] for name in ("card", "interpreter")})],
            sentence("act.draft-kept"),
        )

    return performed(world, grant, request, submission, "refer", plan, opened)


def demand_draft(order: Json) -> None:
    """Raise Conflict for an order that is not a draft any more."""
    if text(order, "status") != "draft":
        raise Conflict(sentence("refusals.it-has-gone-out-already"), "http.act")


def put_together(acting: Acting, submission: Submission, fields: Fields) -> tuple[Json, Sequence[str]]:
    """The draft with what a form says, and the fields that a colleague wrote since the form was shown. Raises Clashing,
    and Conflict for what is no draft any more."""
    order = acting.case.order
    demand_draft(order)
    theirs, seen = drafts.said(order), submission.seen.get(key(order))
    base = theirs
    if seen and str(seen) != text(item(order, "meta"), "versionId"):
        old = read.version(acting.turn.conn, "ServiceRequest", text(order, "id"), seen)
        base = drafts.said(json.loads(old.body)) if old and old.body else theirs
    both, clashes = drafts.merged(base, theirs, fields)
    if clashes and _wrote_another(acting, seen or 0):
        raise Clashing("A colleague wrote other things into the same fields.", "http.seen", now=order, clashes=clashes)
    both |= _following(acting, theirs, both)
    return drafts.written(order, both), drafts.differing(base, theirs)


def _wrote_another(acting: Acting, seen: int) -> bool:
    """Whether anybody else wrote a version of the draft after the one that was shown: what one has kept oneself while
    typing is no clash, the last word stands."""
    order = acting.case.order
    now, me = int(text(item(order, "meta"), "versionId")), acting.turn.grant.subject
    versions = (Version("ServiceRequest", text(order, "id"), n) for n in range(seen + 1, now + 1))
    acts = (provenance.author_of(acting.turn.conn, each) for each in versions)
    return any(act is None or act.subject != me for act in acts)


def _following(acting: Acting, before: Fields, now: Fields) -> dict[str, str]:
    """What follows from a change where nobody has said otherwise: another specialty wants other papers, another urgency
    other days."""
    found = dict[str, str]()
    turn, rules = acting.turn, project.policy(acting.turn.world.settings)
    today = local(turn.now, rules.zone)
    if now["specialty"] != before["specialty"] and now["papers"] == before["papers"]:
        held = packages.held_against(now["specialty"], chart(turn, acting.case.order).values(), today)
        fresh = [each.found for each in held if each.found and not each.old]
        found["papers"] = " ".join(sorted(to for to in fresh if to.partition("/")[0] not in packages.WHOLE))
    if now["urgency"] != before["urgency"] and (now["from"], now["to"]) == (before["from"], before["to"]):
        days = acting.clearance.facts.policy.length(by_priority("window", now["urgency"]), turn.now).days
        start = now["from"] or today.isoformat()
        found["to"] = shifted(today.fromisoformat(start[:10]), days).isoformat()
    return found


def chart(turn: Turn, order: Json) -> dict[str, Json]:
    """What of the record of an order's patient may be a paper, by `Type/id`, as far as the asker may read it."""
    patient = target(item(order, "subject")).removeprefix("Patient/")
    rows = turn.seen(read.of_patient(turn.conn, patient, packages.TYPES), "r")
    return {f"{row.type}/{row.id}": json.loads(row.body) for row in rows}


def _now(world: World, grant: Grant, request: str, case: str) -> Json:
    with looking(world, grant, request) as turn:
        return opened(turn, "", case, "refer").case.order


def _begun(turn: Turn, id: str, _: str, verb: Verb) -> Deed:
    """A new referral, named by the act that begins it. Raises Forbidden."""
    patients.demand(turn.grant)
    return Deed(turn, id, id)


def clinicians(turn: Turn) -> list[Json]:
    """The PractitionerRoles of the asker's organization, by any copy of it, that are in use: who may order."""
    ids = [*turn.office().organizations]
    rows = registry.pointing(turn.conn, [("PractitionerRole", "organization")], "Organization", ids)
    found = [json.loads(row.body) for row in rows if not row.deleted]
    return [each for each in found if each.get("active") is not False and target(item(each, "practitioner"))]
