"""`load`: FHIR bundles and NDJSON from files, plain or gzip."""

import argparse
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from carecoord.actions.fhir.load import Loaded, Refusal, load
from carecoord.cli import about
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, opened, verb
from carecoord.errors import Invalid, NotFound
from carecoord.settings import Settings
from carecoord.world import World

SHOWN = 50  # refused resources that are told one by one

MORE = """\
Loading a file again changes nothing. What the official rules refuse is named and left out, and the exit code is 1;
with --lenient it is stored all the same, flagged. Nothing else goes with it, in a transaction bundle either. The order
of files and lines does not matter."""


def install(verbs: Verbs) -> None:
    """Add the verb."""
    one = verb(verbs, "load", run, about("load"), MORE)
    one.add_argument("file", nargs="+", type=Path, help="JSON or NDJSON; a name may end in .gz")
    one.add_argument("--lenient", action="store_true", help="store what the rules refuse too, flagged")
    one.add_argument(
        "--as-of-today", action="store_true", help="shift every date by whole days, so that anchor.json's day is today"
    )


def run(settings: Settings, screen: Screen, args: argparse.Namespace) -> int:
    """Load files; returns the exit code."""
    with opened(settings) as world:
        days = shift(world, args.file) if args.as_of_today else 0
        with screen.progress("Loading") as report:
            loaded = load(world, args.file, args.lenient, report, days=days)
    tell(screen, loaded)
    return 1 if loaded.dropped else 0


def shift(world: World, files: Sequence[Path]) -> int:
    """Days from the day that anchor.json names, beside the files or one folder up, until today.

    Raises NotFound where there is none, Invalid where it can not be read or the files have several.
    """
    places = {folder for file in files for folder in (file.parent, file.parent.parent)}
    anchors = [folder / "anchor.json" for folder in sorted(places) if (folder / "anchor.json").is_file()]
    if not anchors:
        raise NotFound('--as-of-today needs anchor.json beside the files or one folder up: {"today": "2026-11-22"}')
    try:
        days = {date.fromisoformat(msgspec.json.decode(each.read_bytes())["today"]) for each in anchors}
    except (msgspec.MsgspecError, ValueError, KeyError, TypeError) as e:
        raise Invalid(f'{anchors[0]} must read {{"today": "YYYY-MM-DD"}}.') from e
    if len(days) > 1:
        raise Invalid(f"There are several anchors ({', '.join(map(str, anchors))}): load one folder at a time.")
    return (world.clock().astimezone(ZoneInfo(world.settings.timezone)).date() - days.pop()).days


def tell(screen: Screen, loaded: Loaded) -> None:
    """Say what became of a load."""
    screen.table(("type", "kept"), [(type, str(count)) for type, count in sorted(loaded.kept.items())])
    for refusal in loaded.refusals[:SHOWN]:
        screen.say(line(refusal))
    if len(loaded.refusals) > SHOWN:
        screen.say(f"… and {len(loaded.refusals) - SHOWN} more:")
        reasons = Counter(reason(refusal) for refusal in loaded.refusals[SHOWN:])
        screen.table(("more", "why"), [(str(count), why) for why, count in reasons.most_common(SHOWN)])
    did = ", ".join(f"{count} {what}" for what, count in sorted(loaded.outcomes.items())) or "nothing"
    screen.say(f"{loaded.kept.total()} kept ({did}), {loaded.flagged} of them flagged; {loaded.dropped} left out.")


def reason(refusal: Refusal) -> str:
    """Why one is refused, in the words that others of the same file and type share."""
    type, issue = refusal.what.partition("/")[0], refusal.issues[0]
    return f"{refusal.file}: {type}: {issue.text}"


def line(refusal: Refusal) -> str:
    """One refused resource, with the first thing that is wrong with it."""
    issue, more = refusal.issues[0], len(refusal.issues) - 1
    where = f" at {issue.where}" if issue.where else ""
    place = f"{refusal.file} {refusal.place}".strip()
    also = f" (and {more} more)" if more else ""
    return f"{'flagged' if refusal.kept else 'left out'}: {refusal.what} in {place}: {issue.text}{where}{also}"
