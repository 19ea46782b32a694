"""The rows of requests for authorization kept true: with the rows of the cases, by the same judgement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from carecoord.actions.clearance.assemble import hold_on, of_patient, of_request
from carecoord.actions.clearance.library import Library
from carecoord.domain.access.payer_view import Told
from carecoord.domain.gates.policy import Policy
from carecoord.domain.prior_auth import lifecycle
from carecoord.domain.prior_auth.desk import second_look, steps
from carecoord.domain.prior_auth.desk.row import Begun, begun, rows
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import item, key, target, text
from carecoord.domain.worklist.judgement import Judged, heard, judged
from carecoord.fhir.instants import micros
from carecoord.store.prior_auth import authorizations, queues
from carecoord.store.resources import read, registry_mark
from carecoord.store.resources.write import Touched
from carecoord.store.worklist import rows as rows_of_cases

_decode = msgspec.json.Decoder().decode


def keep(conn: Connection, cases: Mapping[str, Sequence[Judged]], now: datetime, policy: Policy) -> None:
    """Write the rows of patients' requests where they differ from what stands there. cases: by patient, all of theirs,
    as they were judged just now."""
    found = {root: row for theirs in cases.values() for root, row in made(theirs, policy).items()}
    authorizations.keep(conn, cases.keys(), found, micros(now))


def made(cases: Sequence[Judged], policy: Policy) -> dict[str, dict[str, Any]]:
    """The rows that these cases make, by root."""
    found: dict[str, dict[str, Any]] = {}
    for root, each in rows(cases, policy).items():
        sides = sorted(map(list, each.parties))
        found[root] = each.columns | {"parties": sides, "searched": each.told, "payer_searched": each.payer_told}
    return found


@dataclass(frozen=True)
class Ahead:
    """A request whose row is not written yet: what the rules go by of the row, and the case as its payer was told of
    it."""

    begun: Begun
    told: Told


def ahead(library: Library, patient: str, claim: str, now: datetime, policy: Policy) -> Ahead | None:
    """A request, `Claim/id`, as it stands in this transaction, before what that wrote is projected. None where
    its payer was told of no order here, and where the registry is being changed in this moment, or was since it was
    first looked into. Writes nothing; what was read stays with
    the library, to be handed on."""
    rows_of_cases.hold(library.conn, [patient])
    if not registry_mark.keep(library.conn, library.mark):
        return None
    hold_on(library, patient)
    cases = [heard(each.case, now, policy) for each in of_patient(library, patient)]
    row = begun(cases, claim)
    knows = (each.told for each in cases if each.told and any(key(one) == claim for one in each.told.case.claims))
    told = next(knows, None)
    return Ahead(row, told) if row and told else None


@dataclass(frozen=True)
class Alone:
    """Requests whose orders are not here, as they were judged. needs: by the row number of the request the keys of the
    registry that it leans on."""

    judged: list[Judged]
    needs: dict[int, frozenset[str]]


def alone(library: Library, patient: str, cases: Sequence[Judged], now: datetime, policy: Policy) -> Alone:
    """The requests of a patient that none of these cases speaks of, each judged as if its order were here."""
    if cases:
        known = cases[0].found.facts.requests
        lone = {each.root: each.key for each in known if each.claims}
        for one in cases:
            for each in one.found.facts.requests:
                if each.linked:
                    lone.pop(each.root, None)
        newest = sorted(lone.values())
    else:
        newest = _newest(library, patient)
    found = [each for each in (of_request(library, patient, claim) for claim in newest) if each]
    return Alone([judged(each.id, each.case, now, policy) for each in found], {each.rid: each.needs for each in found})


def _newest(library: Library, patient: str) -> list[str]:
    """The newest request of each chain of a patient, `Claim/id`."""
    rows = read.of_patient(library.conn, patient, ("Claim",), library.as_of)
    claims = [claim for row in rows if text(claim := _decode(row.body), "use") == "preauthorization"]
    claims = [each for each in claims if text(each, "status") != "entered-in-error"]
    before = {lifecycle.precedent(each) for each in claims}
    return sorted(key(each) for each in claims if key(each) not in before)


def note(conn: Connection, touched: Sequence[Touched], policy: Policy) -> None:
    """Note which requests wait for a second person of the payer, and where else they stand at its desk, once their
    rows are there."""
    for each in touched:
        if each.type != "Task" or not each.after:
            continue
        task = _decode(each.after)
        if second_look.is_proposal(task):
            since = moment(text(task, "authoredOn"), policy.zone) if text(task, "status") == "requested" else None
            authorizations.propose(conn, target(item(task, "focus")), micros(since) if since else None)
        elif kind := steps.kind_of(task):
            begun = moment(text(task, "authoredOn"), policy.zone) if steps.open_(task) else None
            queues.put(conn, target(item(task, "focus")), kind, micros(begun) if begun else None)
