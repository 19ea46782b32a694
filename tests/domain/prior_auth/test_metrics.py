"""The fields of a payer's metrics, by hand: what counts as one request, what an appeal does, what nobody outside is
told."""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

from carecoord.domain.prior_auth.metrics.course import Counted, counted
from carecoord.domain.prior_auth.metrics.fields import FIELDS, Row, figures, told_outside

HOUR = 3_600_000_000
RECEIVED = "2026-03-02T15:00:00+00:00"
AT = 1_772_463_600_000_000  # the same, microseconds


@dataclass(frozen=True)
class Said:
    """An event as the log keeps it."""

    at: int
    type: str
    resource: str
    state: str
    payload: dict[str, Any]
    before: str = ""
    n: int = 0
    said: str | None = "said"
    kind: str = "authorization"
    version: int = 1
    reason: str | None = None
    subject: str | None = None
    recorded: int = field(default=0)


def claim(id: str, hours: int = 0, /, **metric: Any) -> Said:
    said = {"payer": "Organization/p", "asks": "submit", "received": RECEIVED} | metric
    return Said(AT + hours * HOUR, "Claim", id, "submitted", {"metric": said}, recorded=AT + hours * HOUR)


def answer(to: str, hours: int, outcome: str, **metric: str) -> Said:
    payload = {"request": f"Claim/{to}", "by": "human", "metric": {"outcome": outcome} | metric}
    at = AT + hours * HOUR
    return Said(at, "ClaimResponse", f"{to}-{hours}", outcome, payload, recorded=at)


BASE = Counted("Claim/a", "Claim/a", "Organization/p", False, AT)
APPROVED = replace(BASE, decided=AT + 5 * HOUR, outcome="approved", by="human")


@pytest.mark.parametrize(
    ("events", "wanted"),
    [
        ([claim("a")], [BASE]),
        ([claim("a"), answer("a", 5, "approved")], [APPROVED]),
        # the first decision counts, whatever comes after it without an appeal
        ([claim("a"), answer("a", 5, "approved"), answer("a", 9, "denied")], [APPROVED]),
        # what only waits decides nothing
        ([claim("a"), answer("a", 2, "pended"), answer("a", 5, "approved")], [APPROVED]),
        (
            [claim("a"), answer("a", 2, "pended", extended="payer"), answer("a", 5, "approved")],
            [replace(APPROVED, extended="payer")],
        ),
        # an update before the decision is the same request, and its clock began with the first
        (
            [claim("a"), claim("b", 3, asks="update", follows="Claim/a", received="2026-03-02T18:00:00+00:00"),
             answer("b", 5, "approved")],
            [APPROVED],
        ),
        # after it, it is another
        (
            [claim("a"), answer("a", 5, "approved"),
             claim("b", 6, asks="update", follows="Claim/a", received="2026-03-02T21:00:00+00:00")],
            [APPROVED, replace(BASE, claim="Claim/b", received=AT + 6 * HOUR)],
        ),
        (
            [claim("a"), answer("a", 5, "denied"), claim("b", 7, asks="appeal", follows="Claim/a"),
             answer("b", 30, "approved")],
            [replace(APPROVED, outcome="denied", appealed=AT, redecided=AT + 30 * HOUR, appeal="approved")],
        ),
        ([claim("a"), claim("b", 1, asks="withdraw", follows="Claim/a")], [replace(BASE, withdrawn=True)]),
        ([claim("a", drug=True), answer("a", 5, "approved")], []),
        ([claim("a", asks="retro"), claim("b", asks="update", follows="Claim/a"), answer("b", 5, "approved")], []),
    ],
)  # fmt: skip
def test_what_counts_as_one_request(events: list[Said], wanted: list[Counted]) -> None:
    assert counted(events) == wanted
    assert counted([*events, *events]) == wanted, "an event that is read twice"


def test_a_backdated_claim_or_answer_moves_no_clock() -> None:
    """Where the server saw both come, its own instants count, whatever their senders wrote."""
    early = replace(claim("a"), at=AT - 900 * HOUR)
    late = replace(answer("a", 200, "approved"), at=AT + HOUR)
    (found,) = counted([early, late])
    assert (found.received, found.decided) == (AT, AT + 200 * HOUR)


def test_what_came_about_elsewhere_goes_by_its_own_days() -> None:
    told = replace(claim("a", received=""), recorded=AT + 4000 * HOUR)
    (found,) = counted([told, replace(answer("a", 5, "approved"), recorded=AT + 4000 * HOUR)])
    assert (found.received, found.decided) == (AT, AT + 5 * HOUR)


def test_what_was_entered_in_error_never_was() -> None:
    wrong = answer("a", 2, "denied")
    gone = replace(wrong, before="denied", state="entered-in-error", payload={"request": "Claim/a"})
    assert counted([claim("a"), wrong, gone, answer("a", 5, "approved")]) == [APPROVED]
    void = replace(claim("a"), before="submitted", state="entered-in-error")
    assert counted([claim("a"), answer("a", 5, "approved"), void]) == []


def row(hours: int = 1, outcome: str = "approved", **told: Any) -> Row:
    return Row(**{"expedited": False, "outcome": outcome, "took": hours * HOUR, "extended": False, "appealed": False,
                  "appeal": ""} | told)  # fmt: skip


def test_each_field_has_its_formula_and_both_denominators_where_two_are_in_use() -> None:
    rows = [
        row(24), row(48, "not-required"), row(72, "denied", appealed=True, appeal="approved"),
        row(97, "partly", appealed=True, appeal="denied"), row(120, "modified"), row(240, extended=True),
        row(5, expedited=True), row(8, "denied", expedited=True, appealed=True, appeal="approved"),
        row(7, "denied", expedited=True, extended=True),
    ]  # fmt: skip
    told = {name: (each.hits, each.n, each.value) for name, each in figures(rows).items()}
    assert told == {
        "standard": (6, 6, Decimal(6)), "expedited": (3, 3, Decimal(3)), "all": (9, 9, Decimal(9)),
        "standard-approved": (3, 6, Decimal("50.00")), "standard-denied": (3, 6, Decimal("50.00")),
        "standard-overturned": (1, 6, Decimal("16.67")), "standard-overturned-of-appealed": (1, 2, Decimal("50.00")),
        "standard-mean": (6, 6, Decimal("4.17")),  # 601 hours over 6, in days: 4.1736
        "standard-median": (6, 6, Decimal("3.52")),  # of 72 and 97 hours
        "expedited-approved": (1, 3, Decimal("33.33")), "expedited-denied": (2, 3, Decimal("66.67")),
        "expedited-mean": (3, 3, Decimal("6.67")), "expedited-median": (3, 3, Decimal("7.00")),
        "extended-approved": (1, 9, Decimal("11.11")), "extended-approved-of-extended": (1, 2, Decimal("50.00")),
    }  # fmt: skip
    assert {each.number for each in FIELDS.values()} == set(range(3, 16))


def test_outside_nothing_is_told_that_rests_on_few_or_lets_few_be_worked_out() -> None:
    many = [*(row() for _ in range(200)), *(row(outcome="denied") for _ in range(50))]
    fast = [row(expedited=True) for _ in range(4)]
    told = told_outside(figures([*many, *fast]))
    assert {name for name, each in told.items() if each.few} == {
        "expedited", "all", "expedited-approved", "expedited-denied", "expedited-mean", "expedited-median",
        "extended-approved",
    }  # fmt: skip
    assert all((each.n, each.hits, each.value) == (0, 0, None) for each in told.values() if each.few)
    nearly_all = told_outside(figures([*(row() for _ in range(200)), *(row(outcome="denied") for _ in range(10))]))
    assert nearly_all["standard-approved"].few, "10 that were denied could be worked out"
    assert nearly_all["standard"].n == 210


def test_outside_nobody_subtracts_a_part_from_its_whole_and_is_left_with_few() -> None:
    def few(*rows: Row) -> set[str]:
        return {name for name, each in told_outside(figures(rows)).items() if each.few} - {
            "expedited-approved", "expedited-denied", "expedited-mean", "expedited-median",
        }  # fmt: skip

    granted = [row() for _ in range(985)]
    won = [row(outcome="denied", appealed=True, appeal="approved") for _ in range(12)]
    lost = [row(outcome="denied", appealed=True, appeal="denied") for _ in range(12)]
    left = [row(outcome="denied") for _ in range(3)]
    assert few(*granted, *won, *left) == {"standard-overturned", "standard-overturned-of-appealed"}, "3 of 15 readable"
    assert few(*granted, *won, *lost, *left) == {"standard-overturned-of-appealed"}, "3 not appealed"
    assert few(*granted, *won, *lost, *(left * 4)) == set()
    longer = [row(extended=True) for _ in range(50)]
    denied = [row(outcome="denied", extended=True) for _ in range(50)]
    assert few(*longer, *denied, *(row() for _ in range(4)), *(left * 20)) == {
        "extended-approved", "extended-approved-of-extended",
    }, "4 approved in time"  # fmt: skip
    assert few(*longer, *denied, *granted, *left) == {"extended-approved-of-extended"}, "3 denied in time"
    assert few(*longer, *denied, *granted, *(left * 20)) == set()
