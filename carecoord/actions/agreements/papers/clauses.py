"""The clauses that count, as far as somebody may know them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from carecoord.actions.access.turn import Turn
from carecoord.domain.agreements import clauses as rules
from carecoord.domain.agreements.clauses import PARTICIPATION, Clause
from carecoord.domain.agreements.versions import Version, amended_by
from carecoord.domain.clearance.clearance import Clearance
from carecoord.domain.documents import audience
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.elements import Json
from carecoord.fhir import text as json
from carecoord.fhir.search import params
from carecoord.store.resources import read


@dataclass(frozen=True, slots=True)
class Shown:
    """A clause as somebody may see it: whole, or where it stands alone."""

    clause: Clause
    whole: bool


def standing(turn: Turn, versions: Sequence[str], at: int | None = None) -> Mapping[str, Shown]:
    """By what stands on it, the clause that counts under these versions, `Contract/id`, the one in force first, as far
    as the asker may know: whole for who may read its document, without its words for others of an office that sees it,
    and nothing of what is paid for who may not see rates. As of an instant, as it was named then."""
    related = params.key("DocumentReference", "related")
    rows = {row.id: row for each in versions for row in read.referring(turn.conn, related, *each.split("/", 1))}
    if at is not None:
        rows = {row.id: row for row in read.many(turn.conn, [("DocumentReference", id) for id in rows], at)}
    here = [row for row in rows.values() if not row.deleted]
    open_to = {row.id for row in turn.seen(here, "r")}
    ours = turn.office().organizations
    documents = [document for row in here if _counts(document := json.loads(row.body), row.id in open_to, ours)]
    documents.sort(key=lambda each: str(each.get("date", "")), reverse=True)
    found = rules.standing(documents, versions)
    paid = any(turn.sees_rates(each) for each in versions)
    return {
        of: Shown(each, each.document.partition("/")[2] in open_to)
        for of, each in found.items()
        if paid or not of.startswith(rules.RATES)
    }


def taking_part(
    turn: Turn, versions: Iterable[Version], contracts: Iterable[str], at: int | None = None
) -> Shown | None:
    """The clause on which it stands that somebody takes part under one of these versions in force, `Contract/id`."""
    known = {each.key: each for each in versions}
    found = (standing(turn, amended_by(each, known), at).get(PARTICIPATION) for each in contracts)
    return next((each for each in found if each), None)


def of_case(turn: Turn, case: Case, judged: Clearance) -> Shown | None:
    """The same of the performer of a case."""
    return taking_part(turn, case.records.versions, judged.participation.contracts)


def _counts(document: Json, is_open: bool, offices: Sequence[str]) -> bool:
    """Whether a document is about nobody's record, and is the asker's or their office's to know of."""
    if document.get("status") == "entered-in-error" or "subject" in document or not rules.clauses(document):
        return False
    return is_open or (audience.is_listed(document) and audience.is_seen(document, offices))


def parts(shown: Shown) -> list[Json]:
    """A clause as the parts of a parameter."""
    clause = shown.clause
    texts = (("heading", clause.heading), ("words", clause.words if shown.whole else ""))
    found: list[Json] = [{"name": "page", "valueInteger": clause.page}]
    found += [{"name": name, "valueString": said} for name, said in texts if said]
    document = [{"name": "document", "valueReference": {"reference": clause.document}}] if shown.whole else []
    return found + document

