"""`cases`: every referral with its gates, in the order in which something is due; `events`: what happened to them;
`measures`: what is counted of that, brought up to the end of the log, or made anew from its first event."""

import argparse
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row

from carecoord.actions.measures import count
from carecoord.actions.prior_auth.metrics import count as metrics_count
from carecoord.actions.worklist.bounds import moments
from carecoord.actions.worklist.project import refresh_due
from carecoord.cli import about
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, for_programs, opened, verb
from carecoord.fhir import text
from carecoord.fhir.instants import instant, moment
from carecoord.settings import Settings
from carecoord.store.database.engine import reading
from carecoord.store.events import log
from carecoord.store.worklist.query import CaseScope, Worklist, WorklistQuery
from carecoord.words.catalogue import in_words
from carecoord.world import World

COLUMNS = (
    "number", "patient", "referred to", "coverage", "authorization", "agreement", "appointment", "headline", "move",
    "due",
)
ELASTIC = ("referred to", "authorization", "agreement", "headline")
ROOMY, NARROW = 170, 150  # columns of the screen: below the one a case goes without its notes, below the other in lines


def install(verbs: Verbs) -> None:
    """Add the verb."""
    one = for_programs(verb(verbs, "cases", show, about("cases")))
    one.add_argument("--closed", action="store_true", help="those that have ended instead")
    one = verb(verbs, "events", follow, about("events"), (
        "A program that follows keeps the `n` of the last line it has read, and asks for what came after it: no event\n"
        "is ever added below one that was shown. Nothing is changed."
    ))  # fmt: skip
    one.add_argument("--after", type=int, default=0, metavar="N", help="those behind it (default: from the first)")
    one.add_argument("--limit", type=int, default=1000, metavar="COUNT", help="at most so many (default: 1000)")
    whose = one.add_mutually_exclusive_group()
    whose.add_argument("--case", metavar="ID", help="of this order alone")
    whose.add_argument("--patient", metavar="ID", help="of this patient alone")
    one = verb(verbs, "measures", measure, about("measures"), (
        "A worker does the first by itself, every minute. Both can be done while the server runs, and twice."
    ))  # fmt: skip
    one.add_argument("--anew", action="store_true", help="throw away what was counted, and count every case again")


def show(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """The table of cases."""
    with opened(settings) as world:
        table(world, screen, "closed" if args.closed else "open")


def measure(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Count for the measures."""
    with opened(settings) as world:
        if args.anew:
            screen.say(f"Counted anew: {count.anew(world)} cases.")
            metrics_count.anew(world)
        else:
            count.follow(world)
            metrics_count.follow(world)
            screen.say("Counted to the end of the log.")


def follow(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """The next events."""
    with opened(settings) as world:
        if args.case:
            found = log.of_case(world.engine, args.case, args.after, args.limit)
        elif args.patient:
            found = log.of_patient(world.engine, args.patient, args.after, args.limit)
        else:
            found = log.after(world.engine, args.after, args.limit)
    for each in found:
        said = {"n": each.n, **asdict(each), "at": instant(each.at), "recorded": instant(each.recorded)}
        screen.say(text.dumps({name: value for name, value in said.items() if value is not None}).decode())


def table(world: World, screen: Screen, tab: str = "open") -> None:
    """Show every case of a tab of the worklist, whoever may see it."""
    refresh_due(world)
    now, zone = world.clock(), ZoneInfo(world.settings.timezone)
    with reading(world.engine) as conn:
        found = list(Worklist(conn, CaseScope(None), moments(now, zone)).every(WorklistQuery(tab)))
    if screen.form != "table":
        screen.table(COLUMNS, [exact(row) for row in found])
        return
    lines = [line(row, now, zone, NARROW <= screen.width < ROOMY) for row in found]
    if screen.width < NARROW:
        for cells in lines:
            screen.say(stacked(cells))
    else:
        screen.table(COLUMNS, lines, ELASTIC)
    cleared = sum(row.cleared for row in found)
    screen.say(f"{len(found)} {tab} {'case' if len(found) == 1 else 'cases'}, {cleared} of them cleared.")


def line(row: Row[Any], now: datetime, zone: ZoneInfo, narrow: bool) -> tuple[str, ...]:
    """The cells of one case; narrow: without what can be left out."""
    return (
        row.number,
        row.patient_name,
        " · ".join(part for part in (row.specialty, not narrow and row.performer_name) if part),
        row.coverage_gate,
        said(row.authorization_gate, "" if narrow else in_words(row.authorization_note)),
        said(row.agreement_gate, "" if narrow else in_words(row.agreement_note)),
        wall(row.appointment_at, zone) or row.appointment_gate,
        in_words(row.headline),
        row.role or "",
        due(row.due_at, now),
    )


def exact(row: Row[Any]) -> tuple[str, ...]:
    """The cells of one case for programs: moments as instants, each gate with its note."""
    gates = [
        said(row.authorization_gate, in_words(row.authorization_note)),
        said(row.agreement_gate, in_words(row.agreement_note)),
        instant(row.appointment_at) if row.appointment_at is not None else row.appointment_gate,
    ]
    referred = " · ".join(part for part in (row.specialty, row.performer_name) if part)
    due_at = instant(row.due_at) if row.due_at is not None else ""
    return (row.number, row.patient_name, referred, row.coverage_gate, *gates, in_words(row.headline), row.role or "",
            due_at)  # fmt: skip


def stacked(cells: tuple[str, ...]) -> str:
    """A case in three lines, for a narrow screen."""
    number, patient, referred, *gates, headline, move, due = cells
    states = ", ".join(f"{name} {state}" for name, state in zip(COLUMNS[3:7], gates, strict=True))
    return f"{number}  {patient} · {referred} · {move} {due}\n         {states}\n         {headline}"


def said(gate: str, note: str) -> str:
    """A gate's state, with the note behind it."""
    return f"{gate}: {note}" if note else gate


def wall(at: int | None, zone: ZoneInfo) -> str:
    """A day and time on the wall of the zone."""
    return f"{moment(at).astimezone(zone):%d %b %H:%M}" if at is not None else ""


def due(at: int | None, now: datetime) -> str:
    """How long until then: `in 3 h`, or `2 d late`."""
    if at is None:
        return ""
    left = moment(at) - now
    minutes = int(abs(left).total_seconds()) // 60
    units = ((minutes // 1440, "d"), (minutes // 60, "h"), (minutes, "min"))
    length = next((f"{count} {unit}" for count, unit in units if count), "0 min")
    return f"{length} late" if left < timedelta() else f"in {length}"
