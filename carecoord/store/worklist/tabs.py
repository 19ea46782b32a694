"""The lists of the desk, each with the tests that make it: what "late", "today" and "resting" mean, and for whom."""

from dataclasses import dataclass

from carecoord.store.worklist.walks import AnyOf, Ever, In, Other, Span, Test, Unmarked, Unpassed

BOOKING = (  # next actions by which a visit is found
    "book", "rebook", "confirm-slot", "move", "answer-cancel", "replace-visit",
)  # fmt: skip
CLOSING = ("confirm-visit", "await-report", "chase-report", "acknowledge-report", "tell-patient")  # after the visit
RETURNED = ("declined", "failed", "cancelled", "error")  # stages in which the clinic has given the order back
RISKS = (
    "expiring", "ended", "ends-before", "awaited", "out-of-network", "excluded", "not-credentialed", "unknown",
)  # fmt: skip


@dataclass(frozen=True)
class DueBounds:
    """The instants that "late", "today", "soon" and "this week" mean, in microseconds: ends, exclusive."""

    now: int
    today: int
    soon: int
    week: int
    behind: bool = False  # rows wait that are to be judged anew: none of these may be taken for cleared
    marked: bool = True  # of these some are marked, for all that is known; else each waits for its time alone

    def known(self) -> tuple[Test, ...]:
        """What a row passes of which it is known what it is now."""
        if not self.behind:
            return ()
        unpassed = Unpassed("changes_at", self.now)
        return (unpassed, Unmarked()) if self.marked else (unpassed,)


SCHEDULING = (  # stages in which the clinic that was asked has to find a time
    "accepted", "contacting-patient", "waitlisted", "in-progress", "no-show", "appointment-cancelled",
)  # fmt: skip


def of_kinds(actions: tuple[str, ...], gates: tuple[str | None, ...], apart: tuple[str, ...]) -> AnyOf:
    """That what is to be done on a case is of certain kinds: it is one of these actions or, where it is none of those
    that tell their kind whatever asks for them (`apart`), one of these gates asks for it."""
    return AnyOf(((In("action", actions),), (*(Other("action", each) for each in apart), In("headline_gate", gates))))


@dataclass(frozen=True)
class Own:
    """Which cases are somebody's: those of these ids, as owners have them; and, where they stand in for others, of
    further ids all, or only those that pass a test."""

    ids: tuple[str, ...] = ()
    others: tuple[tuple[str, AnyOf | None], ...] = ()

    def tests(self) -> tuple[Test, ...]:
        """What a row passes that is theirs."""
        whole = (*self.ids, *(id for id, test in self.others if test is None))
        partly = [(id, test) for id, test in self.others if test is not None]
        owners = (*whole, *(id for id, _ in partly))
        if not partly:
            return (In("owner", owners or ("",)),)
        ways = [(In("owner", whole),), *((In("owner", (id,)), test) for id, test in partly)]
        return In("owner", owners), AnyOf(tuple(ways))


_NOBODYS = Own()


def tabs(
    at: DueBounds, ours: tuple[str, ...] | None = None, asked: tuple[str, ...] | None = None, mine: Own = _NOBODYS
) -> dict[str, tuple[Test, ...]]:
    """Every tab and figure of the desk, and the tests it stands for. A case is open or closed: none falls between. An
    open one that the referring office lets rest is in no list of open ones but its own, and where sources contradict
    each other: that is to be settled, however long the case rests. ours: the offices that refer whose cases these are,
    asked: the clinics that are asked; None: anybody. mine: which are the asker's own."""
    resting, is_open = Span("wakes_at", at.now + 1, None), In("open", (True,))
    still = (is_open, Span("wakes_at", None, at.now + 1))
    sent: tuple[Test, ...] = (*still, *([In("placer", ours)] if ours is not None else []))
    got: tuple[Test, ...] = (*still, *([In("performer", asked)] if asked is not None else []))
    return {
        "open": still,
        "mine": (*still, *mine.tests()),
        "nobody": (*sent, In("owner", (None,))),
        "overdue": (*still, Span("sort_due", None, at.now)),
        "today": (*still, Span("sort_due", at.now, at.today)),
        "payer": (*still, _fixed("role", "payer")),
        "book": (*still, _fixed("action", *BOOKING)),
        "returned": (*still, _fixed("stage", *RETURNED)),
        "contract": (*still, _fixed("agreement_state", *RISKS)),
        "conflict": (is_open, In("conflict", (True,))),
        "after": (*still, _fixed("action", *CLOSING)),
        "sign": (*sent, _fixed("stage", "draft")),
        "questions": (*sent, _fixed("stage", "awaiting-information")),
        "acknowledge": (*sent, _fixed("action", "acknowledge-report")),
        "new": (*got, _fixed("stage", "sent")),
        "triage": (*got, _fixed("stage", "in-triage")),
        "schedule": (*got, _fixed("stage", *SCHEDULING)),
        "owed": (*got, _fixed("stage", "visit-done")),
        "risk": (*still, In("cleared", (False,)), Span("appointment_at", at.now, at.week)),
        "cleared": (*still, In("cleared", (True,)), *at.known()),
        "late": (*still, _fixed("role", "payer"), Span("sort_due", None, at.now)),
        "decide": (*still, _fixed("role", "payer"), Span("sort_due", at.now, at.today)),
        "snoozed": (is_open, resting, Ever("wakes_at")),
        "closed": (In("open", (False,)),),
        "counted": (),  # whatever became of it: what a measure counts
    }


def _fixed(column: str, *values: str) -> In:
    """That the column has one of these values, which stand here and come from nobody."""
    return In(column, values, fixed=True)


def tabs_named() -> frozenset[str]:
    """The names of the tabs."""
    return frozenset(tabs(DueBounds(0, 0, 0, 0)))


def groups(at: DueBounds) -> dict[str, Span]:
    """The urgency groups, in order: they split the whole range of due times."""
    return {
        "overdue": Span("sort_due", None, at.now),
        "today": Span("sort_due", at.now, at.today),
        "soon": Span("sort_due", at.today, at.soon),
        "later": Span("sort_due", at.soon, None),
    }


def is_awake(test: Test) -> bool:
    """Whether a test keeps out what rests."""
    return isinstance(test, Span) and test.column == "wakes_at" and test.low is None


def rests(test: Test) -> bool:
    """Whether a test lets in nothing but what rests."""
    return isinstance(test, Span) and test.column == "wakes_at" and test.high is None


def of_side(tests: tuple[Test, ...], scope: str) -> tuple[Test, ...] | None:
    """The tests for those who see the cases by this column; None where such a list holds nothing. It is the referring
    office that lets a case rest: the clinic that was asked, and the payer, have it before them all the same."""
    if scope == "placer":
        return tests
    return None if any(map(rests, tests)) else tuple(test for test in tests if not is_awake(test))
