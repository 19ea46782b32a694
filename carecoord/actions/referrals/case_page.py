"""One referral at full width: the panel's content with its course, who did what, the paper that is being read, and the
referrals before and after it in the list that one comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from auth import store
from carecoord.actions.access.turn import Turn
from carecoord.actions.documents import open, sheets
from carecoord.actions.documents.sheets import Sheet
from carecoord.actions.messages.hearers import Hearing, hearing
from carecoord.actions.worklist import worklist
from carecoord.actions.worklist.worklist import Panel, PayerPanel
from carecoord.domain.clearance.clearance import Clearance
from carecoord.domain.referrals.course import Lane, course
from carecoord.domain.resource.codes import RULE
from carecoord.domain.resource.elements import Json, key, targets, text
from carecoord.errors import Problem
from carecoord.fhir.search import params
from carecoord.store.assignment import rules
from carecoord.store.resources import read
from carecoord.store.worklist.query import WorklistQuery, place
from carecoord.words.catalogue import say
from carecoord.words.sentence import Sentence, sentence


@dataclass(frozen=True)
class Reading:
    """The paper that is being read. `asked`: somebody waits for it; `trouble`: why it is not shown, empty where it
    is."""

    document: Json
    asked: bool
    sheet: Sheet | None
    trouble: str | Sentence = ""


@dataclass(frozen=True)
class CasePage:
    """`papers`: those that are there, the asked ones first. `authors`: who is who in the events, by what the log calls
    them. `before`, `after`: ids of the cases beside it in the list that was asked for; empty at its ends."""

    panel: Panel
    lanes: Sequence[Lane]
    papers: Sequence[Json]
    asked: frozenset[str]
    reading: Reading | None
    authors: Mapping[str, str]
    before: str = ""
    after: str = ""
    hearing: Hearing | None = None  # who hears of it: for the office that refers
    replaces: str = ""  # id of the case whose order this one has taken the place of
    replaced_by: str = ""


def opened(turn: Turn, id: str, paper: str, sheet: int, listed: WorklistQuery | None) -> CasePage | PayerPanel:
    """The page of a case. `paper`: the id of the document that is read, else the first that somebody asked for;
    `sheet`: its page. `listed`: the list that the asker comes from. Raises NotFound as the panel does. Audited as a
    read of the case, and of the document that is shown."""
    panel = worklist.opened(turn, id)
    if isinstance(panel, PayerPanel):
        return panel
    asked = _asked(panel.clearance)
    held = {key(each): each for each in (*panel.documents, *panel.case.documents)}
    mine = {key(each) for each in panel.documents} | (asked & panel.openable)  # one of the chart that is asked for, too
    papers = sorted((held[name] for name in held if name in mine), key=lambda each: key(each) not in asked)
    chosen = next((each for each in papers if text(each, "id") == paper), papers[0] if papers else None)
    return CasePage(
        panel, course(panel.case, panel.clearance, panel.events), papers, asked,
        _read(turn, panel, chosen, asked, sheet) if chosen else None, _authors(turn, panel),
        *(_beside(turn, panel, listed) if listed else ("", "")), hearing(turn, panel), *_instead(turn, panel),
    )  # fmt: skip


def _asked(judged: Clearance) -> frozenset[str]:
    """The documents, `DocumentReference/id`, that somebody waits for and that lie in the chart."""
    proof = (each for ask in judged.papers if ask.state != "attached" for each in ask.evidence)
    return frozenset(each.reference for each in proof if each.reference.startswith("DocumentReference/"))


def _read(turn: Turn, panel: Panel, document: Json, asked: frozenset[str], sheet: int) -> Reading:
    name = key(document)
    if name not in panel.openable:
        return Reading(document, name in asked, None, sentence("case.not-yours-to-open"))
    try:
        return Reading(document, name in asked, sheets.sheet(open.opened(turn, text(document, "id"), 1), sheet))
    except Problem as problem:
        return Reading(document, name in asked, None, problem.text)


def _authors(turn: Turn, panel: Panel) -> dict[str, str]:
    who = {event.by for event in panel.events if event.by}
    found = {each: each.partition(":")[2] for each in who if each.startswith("ehr:")}
    ruled = {each: each.removeprefix(RULE) for each in who if each.startswith(RULE)}
    names = rules.names(turn.conn, ruled.values())
    found |= {each: say(sentence("assignment.by-rule", rule=names[id])) for each, id in ruled.items() if id in names}
    people = {each: store.find_user(turn.conn, each) for each in who - found.keys()}
    return found | {each: person.name for each, person in people.items() if person}


def _instead(turn: Turn, panel: Panel) -> tuple[str, str]:
    """The cases, of those that the asker sees, whose order this one replaces, and by whose it was replaced."""
    order, cases = panel.case.order, worklist.seen_cases(turn)
    old = next((to.partition("/")[2] for to in targets(order, "replaces") if to.startswith("ServiceRequest/")), "")
    revoked = text(order, "status") == "revoked"
    by = params.key("ServiceRequest", "replaces")
    rows = read.referring(turn.conn, by, "ServiceRequest", text(order, "id")) if revoked else []
    new = next((row.id for row in rows if not row.deleted), "")
    return (old if old and cases.one(old) else ""), (new if new and cases.one(new) else "")


def _beside(turn: Turn, panel: Panel, listed: WorklistQuery) -> tuple[str, str]:
    """The cases before and after this one in a list, by where it stands in its order now."""
    cases, here = worklist.seen_cases(turn), place(panel.row, listed.sort)
    before, _, _ = cases.page(replace(listed, before=here, after=None), 1)
    after, _, _ = cases.page(replace(listed, after=here, before=None), 1)
    return (before[0].id if before else ""), (after[0].id if after else "")
