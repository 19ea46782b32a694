"""The queues of a payer: what stands under each of its tabs, as conditions on the rows of requests."""

from typing import Final, Literal

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, not_, or_, select

from carecoord.store.database import driver
from carecoord.store.database.among import OneOf, listed
from carecoord.store.prior_auth.tables import authorization_automatic as automatic
from carecoord.store.prior_auth.tables import authorization_lock as lock
from carecoord.store.prior_auth.tables import authorization_party as party
from carecoord.store.prior_auth.tables import authorization_row as row
from carecoord.store.prior_auth.tables import authorization_step as step

QueueTab = Literal[
    "decide", "mine", "new", "expedited", "standard", "extended", "asked", "answered", "second", "director", "appeals",
    "sample", "late", "held", "decided",
]  # fmt: skip
StepKind = Literal["director", "sample", "held"]  # asked of the director; approved by a rule; decided and not told
_approving = select(automatic.c.source).where(OneOf(automatic.c.payer, "payers")).limit(1)
_by_rules = select(row.c.claim).where(
    OneOf(row.c.claim, "claims"),
    row.c.root.in_(select(party.c.root).where(party.c.side == "payer", party.c.key.in_(select(automatic.c.payer)))),
)
WAITING: Final = ("submitted", "pended", "asked", "contact", "unclear")


def tests(now: int, account: str) -> dict[QueueTab, ColumnElement[bool]]:
    """What stands under each tab at an instant (microseconds). account: whose requests are `mine`: on which they are,
    for as long as their lock lasts."""
    waits = and_(row.c.state.in_(WAITING), not_(_at("held")))
    mine = select(lock.c.root).where(lock.c.account == account, lock.c.until > now)
    stands = row.c.state != "cancelled"  # of what was withdrawn no step waits for anybody
    return {
        "decide": waits,
        "mine": and_(waits, row.c.root.in_(mine)),
        "new": and_(waits, row.c.state == "submitted"),
        "expedited": and_(waits, row.c.expedited),
        "standard": and_(waits, row.c.expedited.is_(False)),
        "extended": and_(waits, row.c.extended.is_not(None)),
        "asked": row.c.state == "asked",
        "answered": and_(waits, row.c.attached > 0),
        "second": and_(stands, row.c.proposed.is_not(None)),
        "director": and_(stands, or_(_at("director"), row.c.proposed.is_not(None))),  # who decides the second step
        "appeals": and_(waits, row.c.level > 0),
        "sample": _at("sample"),
        "held": and_(stands, _at("held")),
        "late": and_(row.c.state.in_(WAITING), row.c.due <= now),  # decided and not told is late all the same
        "decided": and_(row.c.decided.is_not(None), row.c.state.not_in(WAITING)),  # a question is an answer too
    }


def _at(kind: StepKind) -> ColumnElement[bool]:
    return row.c.claim.in_(select(step.c.claim).where(step.c.kind == kind))


def put(conn: Connection, claim: str, kind: StepKind, since: int | None) -> None:
    """Note since when (microseconds) a request, `Claim/id`, stands at a step; None: it does not any more."""
    conn.execute(delete(step).where(step.c.claim == claim, step.c.kind == kind))
    if since is not None:
        conn.execute(insert(step).values(claim=claim, kind=kind, since=since))


def steps(conn: Connection, claims: list[str]) -> dict[str, set[str]]:
    """At which steps these requests stand, by `Claim/id`."""
    found: dict[str, set[str]] = {}
    if claims:
        for each in conn.execute(select(step).where(step.c.claim.in_(claims))):
            found.setdefault(each.claim, set()).add(each.kind)
    return found


def let_rules_approve(conn: Connection, source: str, payer: str) -> None:
    """Note that a book, `PlanDefinition/id`, lets rules of this payer (`system|value`) approve; empty: it does not."""
    conn.execute(delete(automatic).where(automatic.c.source == source))
    if payer:
        conn.execute(insert(automatic).values(source=source, payer=payer))


def has_rules_that_approve(conn: Connection, payer: frozenset[str]) -> bool:
    """Whether a payer, by its identifiers (`system|value`), has a book whose rules approve."""
    return driver.first(conn, _approving, {"payers": listed(sorted(payer))}) is not None


def approved_by_rules(conn: Connection, claims: list[str]) -> set[str]:
    """Those of these requests, `Claim/id`, whose payer has rules that approve."""
    return {claim for (claim,) in driver.every(conn, _by_rules, {"claims": listed(claims)})}


def root_of(conn: Connection, claim: str) -> str | None:
    """The root of the authorization of which a request, `Claim/id`, is the newest; None where it is of none."""
    return conn.scalar(select(row.c.root).where(row.c.claim == claim))
