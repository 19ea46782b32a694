"""The claims of an office as its insurance staff see them: the list with its tabs, counts and sums from one query, a
claim with its lines, reasons, proof and acts. What agreements pay is only handed to who may see rates."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, get_args

from sqlalchemy import Row

from auth.grant import Grant
from carecoord.actions.access.audit_entry import event
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.terms.meanings import Coding, meanings
from carecoord.domain.access import verbs
from carecoord.domain.agreements.parties import may_see_rates
from carecoord.domain.claims import work
from carecoord.domain.claims.claim import CARC, RARC
from carecoord.domain.claims.work import ClaimVerb
from carecoord.domain.prior_auth.x12.request import PROCEDURES
from carecoord.domain.resource.elements import Json
from carecoord.errors import NotFound
from carecoord.fhir import text as json
from carecoord.fhir.code_systems import canonical
from carecoord.store.audit.events import told
from carecoord.store.claims import claims
from carecoord.store.claims.claims import Asked, Facet, Tab, Whose
from carecoord.store.prior_auth import authorizations
from carecoord.store.resources import read
from carecoord.words.sentence import sentence
from carecoord.world import World

TABS: Final[tuple[Tab, ...]] = get_args(Tab)
FACETS: Final[tuple[Facet, ...]] = get_args(Facet)
SIZE: Final = 50


@dataclass(frozen=True)
class Listed:
    """A page of the list. totals: of each tab how many claims, cents denied, cents paid short; reasons: of each claim
    on the page; after: where the next page begins; priced: whether the asker may see what agreements pay."""

    now: datetime
    rows: Sequence[Row[Any]]
    totals: Mapping[Tab, tuple[int, int, int]]
    choices: Mapping[Facet, Sequence[tuple[str, int, int]]]
    reasons: Mapping[str, Sequence[Row[Any]]]
    meanings: Mapping[Coding, str]
    after: tuple[int | str, str] | None
    priced: bool


@dataclass(frozen=True)
class Opened:
    """A claim. authorization: its row, where there is one that the asker may see; benefit: its ExplanationOfBenefit;
    verbs: what the asker can do; priced: as of the list."""

    now: datetime
    row: Row[Any]
    lines: Sequence[Row[Any]]
    adjustments: Sequence[Row[Any]]
    acts: Sequence[Row[Any]]
    authorization: Row[Any] | None
    benefit: Json | None
    meanings: Mapping[Coding, str]
    verbs: Sequence[ClaimVerb]
    priced: bool


def whose(turn: Turn) -> Whose:
    """Whose claims the asker works on. Raises NotFound for who works on none."""
    if not verbs.may(turn.grant.roles, "see-claims"):
        raise NotFound(sentence("refusals.no-such-page-for-role"), "http.url")
    return Whose(turn.office().organizations, turn.cases_seen().besides)


def sees_rates(turn: Turn) -> bool:
    """Whether the asker may see what agreements pay: of each row, its own agreement is asked for too."""
    return may_see_rates(turn.grant.roles) and bool(turn.grant.roles)


def listed(world: World, grant: Grant, request: str, asked: Asked) -> Listed:
    """A page of the list that was asked for."""
    with looking(world, grant, request) as turn:
        mine = whose(turn)
        rows = claims.page(turn.conn, mine, asked, SIZE + 1)
        shown = rows[:SIZE]
        reasons: dict[str, list[Row[Any]]] = {}
        for each in claims.adjustments(turn.conn, [row.id for row in shown]):
            reasons.setdefault(each.claim, []).append(each)
        choices = claims.choices(turn.conn, mine, asked, FACETS)
        known = {each.reason for some in reasons.values() for each in some} | {value for value, *_ in choices["reason"]}
        _audit(turn, "search", shown, query=f"tab={asked.tab}")
        last = claims.place(shown[-1], asked.sort) if len(rows) > SIZE else None
        return Listed(turn.now, shown, claims.totals(turn.conn, mine, asked, TABS), choices, reasons,
                      _words(turn, known, (), {row.code for row in shown}), last, sees_rates(turn))  # fmt: skip


def download(world: World, grant: Grant, request: str, asked: Asked) -> tuple[Sequence[Row[Any]], Sequence[Row[Any]]]:
    """Every claim of a list in its order, and their adjustments."""
    with looking(world, grant, request) as turn:
        rows = claims.page(turn.conn, whose(turn), asked, claims.ALL)
        _audit(turn, "search", rows, query=f"tab={asked.tab}")
        found: list[Row[Any]] = []
        for start in range(0, len(rows), 500):
            found += claims.adjustments(turn.conn, [row.id for row in rows[start : start + 500]])
        return rows, found


def one(world: World, grant: Grant, request: str, id: str) -> Opened:
    """One claim. Raises NotFound alike for none and for one that is not theirs."""
    with looking(world, grant, request) as turn:
        mine = whose(turn)
        row = claims.one(turn.conn, mine, id)
        if row is None:
            raise NotFound(sentence("refusals.no-such-claim"), "http.id")
        lines, adjusted = claims.lines(turn.conn, id), claims.adjustments(turn.conn, [id])
        office = authorizations.Whose("office", mine.offices, mine.withheld)
        permitted = [verb for verb in work.legal(work.named(row.work)) if verbs.may(grant.roles, verb)]
        own = row.off_by == grant.subject
        remarks = {each for line in lines for each in json.values(line.remarks.encode())}
        remarks |= set(json.values(row.remarks.encode()))
        _audit(turn, "read", [row], resource=id)
        return Opened(
            turn.now, row, lines, adjusted, claims.acts(turn.conn, id),
            authorizations.one(turn.conn, office, row.authorization) if row.authorization else None,
            _benefit(turn, id), _words(
                turn, {each.reason for each in adjusted}, map(str, remarks), {row.code, *(line.code for line in lines)}
            ),
            [verb for verb in permitted if not (own and verb == "agree-write-off")],
            sees_rates(turn) and bool(row.agreement) and turn.sees_rates(str(row.agreement)),
        )  # fmt: skip


def _benefit(turn: Turn, id: str) -> Json | None:
    row = read.get(turn.conn, "ExplanationOfBenefit", id)
    return json.loads(row.body) if row and not row.deleted and turn.sees(row, "r") else None


def _words(turn: Turn, reasons: set[str], remarks: Iterable[str], services: set[str]) -> Mapping[Coding, str]:
    """What the codes of a page mean. A file says of a service by one qualifier that it is of CPT or of HCPCS."""
    wanted = [(canonical(CARC), each) for each in reasons] + [(canonical(RARC), each) for each in remarks]
    return meanings(turn.conn, [*wanted, *((system, each) for system in PROCEDURES for each in services)])


def _audit(turn: Turn, interaction: str, rows: Sequence[Row[Any]], **about: Any) -> None:
    patient, patients = told(each.patient for each in rows)
    turn.world.journal.append(
        event(turn.now, turn.request, interaction, by=turn.grant, type="ExplanationOfBenefit", patient=patient,
              patients=patients, **about)
    )  # fmt: skip
