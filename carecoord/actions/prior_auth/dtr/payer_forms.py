"""A payer's form at the office's desk: begun with what is known here, and once it is sent, put with its request."""

from typing import Final

from carecoord.actions.access.turn import Turn
from carecoord.actions.acts.act import Acting
from carecoord.actions.questionnaires import ask
from carecoord.domain.prior_auth.clinic import asked, wishes
from carecoord.domain.prior_auth.dtr import prefill, wanted
from carecoord.domain.prior_auth.dtr.package import CONTEXT, DTR
from carecoord.domain.prior_auth.pas.packet import is_disclosed
from carecoord.domain.questionnaires import tasks
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.codes import FORM_WANTED, has
from carecoord.domain.resource.elements import Json, item, items, key, target, text
from carecoord.fhir import text as json
from carecoord.store.resources import read

_FILLED: Final = ("completed", "amended")  # statuses of a response that is done


def begun(acting: Acting, task: Json) -> Json | None:
    """The response as it begins, with what could be filled in; None for a form that is no payer's."""
    if not wanted.is_one(task):
        return None
    return {"resourceType": "QuestionnaireResponse", "status": "in-progress", "questionnaire": tasks.asks(task),
            "item": _filled(acting, task)}  # fmt: skip


def given(acting: Acting, task: Json, response: Json) -> list[Json]:
    """What a form that was sent writes: the response with where each answer came from, its Task done; and it goes with
    the request: into a draft, or as the answer to a payer that waits for a form."""
    claim, now = wanted.claim(acting.case, task), acting.turn.now
    about = [key(acting.case.order), *(target(item(each, "coverage")) for each in items(claim, "insurance"))]
    marked = response | {
        "meta": {"profile": [f"{DTR}/dtr-questionnaireresponse"]},
        "extension": [{"url": CONTEXT, "valueReference": {"reference": each}} for each in about if each],
        "item": prefill.marked(items(response, "item"), _filled(acting, task), acting.person),
    }
    made = [marked, tasks.done(task, now, key(marked))]
    if text(claim, "status") == "draft":
        return [*made, asked.with_papers(claim, [marked])]
    waits = [each for each in wishes.of(acting.case.tasks, {key(claim)})
             if text(each, "status") == "requested" and has(item(each, "code"), *FORM_WANTED)]  # fmt: skip
    return [*made, *(asked.answered(each, [marked], "", now) for each in waits)]


def gone_along(turn: Turn, case: Case, claim: Json, ids: frozenset[str]) -> list[tuple[str, Json]]:
    """The forms that were filled in for a request and go to its payer, each with its title, as far as the asker may
    read them: those that it names, and those that answered its payer. claim: its newest version; ids: of all."""
    about = [each for each in case.tasks if target(item(each, "focus")) in ids]
    named = [target(item(one, "valueReference")) for each in case.claims if key(each) in ids
             for one in items(each, "supportingInfo")]  # fmt: skip
    named += [target(item(one, "valueReference")) for each in about if not wanted.is_one(each)
              for one in items(each, "output")]  # fmt: skip
    names = [each for each in dict.fromkeys(named) if each.startswith("QuestionnaireResponse/")]
    rows = turn.seen(read.many(turn.conn, [(kind, id) for kind, id in (each.split("/", 1) for each in names)]), "r")
    held = {key(each): each for each in (json.loads(row.body) for row in rows)}
    titles = {wanted.answers(each): text(each, "description") for each in about if wanted.is_one(each)}
    return [
        (titles.get(each) or _title(turn, held[each]), held[each]) for each in names
        if each in held and text(held[each], "status") in _FILLED and is_disclosed(claim, held[each])
    ]  # fmt: skip


def _title(turn: Turn, form: Json) -> str:
    named = text(form, "questionnaire")
    return text(ask.kept(turn.conn, named, turn.office().identifiers) or {}, "title") or named


def _filled(acting: Acting, task: Json) -> list[Json]:
    questionnaire = ask.kept(acting.turn.conn, tasks.asks(task), wanted.whose(task))
    if questionnaire is None:
        return []
    case, claim = acting.case, wanted.claim(acting.case, task)
    card = next((target(item(each, "coverage")) for each in items(claim, "insurance")), "")
    contexts = {"order": case.order, "patient": _stored(acting, target(item(case.order, "subject"))),
                "coverage": _stored(acting, card)}  # fmt: skip
    return prefill.filled(questionnaire, contexts)


def _stored(acting: Acting, name: str) -> Json:
    """What the asker may read of it: nobody is told by a form what they may not see."""
    kind, _, id = name.partition("/")
    row = read.get(acting.turn.conn, kind, id) if id else None
    return json.loads(row.body) if row and not row.deleted and acting.turn.sees(row, "r") else {}
