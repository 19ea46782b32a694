"""By which steps an office has its drafts approved, and how far one is: read for the page, the acts and the door."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from carecoord.actions.access.turn import Turn
from carecoord.actions.acts import provenance
from carecoord.actions.acts.provenance import Version
from carecoord.actions.policies import office_policy
from carecoord.domain.agreements.desk import approvals
from carecoord.domain.agreements.desk.approvals import Step
from carecoord.domain.agreements.parties import named_in
from carecoord.domain.agreements.versions import AWAITED, IN_FORCE
from carecoord.domain.gates.policy import Policy
from carecoord.domain.policies.lines import key_of
from carecoord.domain.resource.elements import Json, identifier, item, items, text
from carecoord.errors import Conflict
from carecoord.fhir import text as json
from carecoord.fhir.search import params
from carecoord.store.resources import read
from carecoord.words.sentence import sentence

TERM: Final = "approval-steps"


@dataclass(frozen=True, slots=True)
class Approvals:
    """The steps of an office for one draft. `barred`: the asker wrote the draft as it is, or approved another step:
    somebody else looks it over."""

    steps: tuple[Step, ...] = ()
    barred: bool = False

    @property
    def lacking(self) -> bool:
        """Whether something lacks before it can be signed."""
        return not approvals.approved(self.steps)


def of_office(turn: Turn, contract: Json) -> Approvals:
    """The steps of the asker's own office for a draft."""
    office = _organization(turn, turn.grant.organization or "")
    steps = approvals.named(office_policy.said(turn, office, TERM)) if office else ()
    if office is None or not steps:
        return Approvals()
    tasks = _by_office(turn, contract).get(key_of(office), [])
    found = approvals.chain(steps, tasks, contract)
    return Approvals(found, _wrote(turn, contract) or _approved(turn, found, tasks))


def policy(turn: Turn) -> Policy:
    """The policy of the asker's own office."""
    return office_policy.policy(turn, _organization(turn, turn.grant.organization or ""))


def demand(turn: Turn, before: Json, after: Json) -> None:
    """Refuse that a draft is signed that one of its offices has not approved as it stands. Raises Conflict."""
    if text(before, "status") not in AWAITED or text(after, "status") not in IN_FORCE:
        return
    tasks = _by_office(turn, after)
    for party in sorted(named_in(after)):
        office = _organization(turn, party.removeprefix("Organization/"))
        steps = approvals.named(office_policy.said(turn, office, TERM)) if office else ()
        if office is None or not steps:
            continue
        lacking = [each.name for each in approvals.chain(steps, tasks.get(key_of(office), []), after)
                   if each.state != "done"]  # fmt: skip
        if lacking:
            told = f"{text(office, 'name')} has not approved this draft as it stands: {', '.join(lacking)}."
            raise Conflict(sentence("refusals.legal-approve-then-sign", told=told), "Contract.status")


def _by_office(turn: Turn, contract: Json) -> dict[str, list[Json]]:
    """The Tasks about a version, by the key of the office that asked for them."""
    rows = read.referring(turn.conn, params.key("Task", "focus"), "Contract", text(contract, "id"))
    found: dict[str, list[Json]] = {}
    for task in (json.loads(row.body) for row in rows if not row.deleted):
        requester = text(item(task, "requester"), "reference").removeprefix("Organization/")
        if office := _organization(turn, requester):
            found.setdefault(key_of(office), []).append(task)
    return found


def _organization(turn: Turn, id: str) -> Json | None:
    row = read.get(turn.conn, "Organization", id) if id else None
    return json.loads(row.body) if row and not row.deleted else None


def _wrote(turn: Turn, contract: Json) -> bool:
    """Whether the asker wrote the draft as it stands."""
    version = int(text(item(contract, "meta"), "versionId") or 0)
    act = provenance.author_of(turn.conn, Version("Contract", text(contract, "id"), version))
    return act is not None and act.subject == turn.grant.subject and act.verb != "approve"


def _approved(turn: Turn, steps: Iterable[Step], tasks: Iterable[Json]) -> bool:
    done = {each.task for each in steps if each.state == "done"}
    me = _who(provenance.person(turn.grant))
    return any(me in _lookers(task) for task in tasks if f"Task/{task['id']}" in done)


def _lookers(task: Json) -> Iterator[str]:
    for each in items(task, "output"):
        if who := _who(item(each, "valueReference")):
            yield who


def _who(person: Json) -> str:
    return text(person, "reference") or identifier(item(person, "identifier"))
