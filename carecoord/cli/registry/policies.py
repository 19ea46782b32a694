"""`policy list`, `set`, `history`: what offices and payers say of clocks and calendars, as tables or as JSON."""

import argparse
from collections.abc import Iterable
from datetime import date

from carecoord.actions.policies import say
from carecoord.actions.policies.say import Change
from carecoord.cli import about
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, for_programs, opened, verb, verbs_of
from carecoord.domain.policies.shipped import TERMS
from carecoord.domain.resource.days import local
from carecoord.errors import Invalid
from carecoord.fhir.instants import instant
from carecoord.settings import Settings
from carecoord.store.agreements.register import NEVER
from carecoord.store.policies.lines import Row
from carecoord.world import World

BY = "cli"  # in the trail, where a request's id stands otherwise
COLUMNS = ("of", "term", "line of business", "value", "from")
MORE = """\
Terms and the values that hold where nobody has said anything: carecoord policy list --shipped. A value is written as on
the page Policies: 72 hours, 2 business days, Mon-Fri, 08:00-17:00, US-NY, 2026-12-24, or at-once."""


def install(verbs: Verbs) -> None:
    """Add the verbs."""
    under = verbs_of(verbs, "policy", about("policy"))
    one = for_programs(verb(under, "list", show, "what is said now", MORE))
    one.add_argument("--of", metavar="ID", help="of this Organization alone; '' for what is said for everybody")
    one.add_argument("--shipped", action="store_true", help="what holds where nobody has said anything, and why")
    one = verb(under, "set", put, "let a policy say something from a day on", MORE)
    one.add_argument("term", choices=tuple(TERMS), metavar="TERM", help="what is said, such as decision.standard")
    one.add_argument("value", help="what it says; '' for nothing, where that is possible")
    one.add_argument("--of", metavar="ID", default="", help="whose policy: an Organization here (default: everybody's)")
    one.add_argument("--business", default="", help="of a payer: for this line of business alone, such as medicaid")
    one.add_argument("--from", dest="start", type=date.fromisoformat, metavar="DAY", help="2026-12-01; default: today")
    history_of = verb(under, "history", history, "all that was ever said, also what was replaced or taken back")
    one = for_programs(history_of)
    one.add_argument("--of", metavar="ID", default="", help="of this Organization (default: everybody's)")


def show(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """What is said now."""
    if args.shipped:
        shipped = [{"term": term.name, "whose": term.whose, "value": term.value, "source": term.source}
                   for term in TERMS.values()]  # fmt: skip
        _tell(screen, ("term", "whose", "value", "source"), shipped)
        return
    with opened(settings) as world:
        found = [each for of, whose in _asked(world, args.of) for each in _said(say.look(world, None, whose).rows, of)]
    _tell(screen, COLUMNS, found, "Nobody has said anything. What is shipped holds: carecoord policy list --shipped")


def put(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Say something."""
    with opened(settings) as world:
        start = args.start or local(world.clock(), world.base.zone)
        change = Change(args.business, args.term, args.value, start)
        try:
            say.say(world, None, BY, args.of, change, None)
        except Invalid as wrong:
            raise Invalid(f"{args.term} can not be {args.value!r} here: {wrong.text}.") from wrong
    whose = f"Organization/{args.of}" if args.of else "everybody"
    screen.say(f"From {start.isoformat()} {args.term} of {whose} is: {args.value or 'nothing'}")


def history(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """All that was ever said."""
    with opened(settings) as world:
        rows = say.history(world, None, args.of)
    found = [
        one | {"said": instant(row.recorded_at), "until": "" if row.superseded_at == NEVER else
               instant(row.superseded_at), "by": row.by or "operator"}
        for row, one in zip(rows, _said(rows, args.of), strict=True)
    ]  # fmt: skip
    _tell(screen, (*COLUMNS, "said", "until", "by"), found)


def _asked(world: World, of: str | None) -> list[tuple[str, str]]:
    """(what it is called in the list, the id) of those who are asked for."""
    if of is not None:
        return [(of, of)]
    held = [(whose, to.partition("/")[2]) for whose, to in say.every(world, None)]
    return [(id or whose, id) for whose, id in held if id or not whose]


def _said(rows: Iterable[Row], of: str) -> list[dict[str, str]]:
    return [
        dict(zip(COLUMNS, (of or "everybody", row.name, row.business, row.value, _day(row.valid_from)), strict=True))
        for row in rows
    ]


def _day(number: int) -> str:
    return date.fromordinal(number).isoformat() if number else ""


def _tell(screen: Screen, columns: tuple[str, ...], found: list[dict[str, str]], none: str = "") -> None:
    screen.table(columns, [tuple(each[name] for name in columns) for each in found], ("value",), none)
