"""`carecoord import KIND FILE` for files that others publish in a layout of their own, however large they are."""

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from carecoord.actions.imports import tables
from carecoord.actions.imports.batch import Brought
from carecoord.actions.imports.importer import IMPORTER
from carecoord.actions.imports.published import in_network_file, nppes_file, plan_net_files
from carecoord.actions.imports.published.nppes_file import Wanted
from carecoord.actions.imports.tables import Table
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import opened
from carecoord.errors import Invalid, NotFound
from carecoord.settings import Settings
from carecoord.words.catalogue import say
from carecoord.world import World

_BY = "cli"
_SHOWN = 50  # faults that are told one by one


@dataclass(frozen=True)
class Result:
    """What became of a file. faults: where and what, in words; about: what else there is to say of it."""

    brought: Brought
    faults: list[tuple[str, str]] = field(default_factory=list)
    about: str = ""


Bring = Callable[[World, argparse.Namespace, Callable[[int, int], None]], Result]


def _nppes(world: World, args: argparse.Namespace, report: Callable[[int, int], None]) -> Result:
    wanted = Wanted(tuple(each.upper() for each in args.state), tuple(each.upper() for each in args.taxonomy))
    found = nppes_file.bring(world, IMPORTER, _BY, args.file, wanted, dry=args.dry_run, report=report)
    table = Table(args.file.name, "", 1, (), ())
    faults = [(say(tables.place(table, found.mapped, each)), say(each.why)) for each in found.brought.faults]
    return Result(found.brought, faults, f"{found.lines:,} lines read.")


def _in_network(world: World, args: argparse.Namespace, report: Callable[[int, int], None]) -> Result:
    if not args.agreement:
        raise Invalid("Which agreement is it? Name its number: --agreement NUMBER.")
    brought, found = in_network_file.bring(
        world, IMPORTER, _BY, args.file, args.agreement, version=args.version, dry=args.dry_run, report=report
    )
    return Result(brought, [(where, say(why)) for where, why in found.refused], f"{found.entries:,} entries read.")


def _plan_net(world: World, args: argparse.Namespace, report: Callable[[int, int], None]) -> Result:
    brought, found = plan_net_files.bring(
        world, IMPORTER, _BY, args.file, args.directory, whole=args.whole, dry=args.dry_run, report=report
    )
    faults = [(where, say(why)) for where, why in found.faults]
    gone = "".join(f"No longer in the directory: {each}.\n" for each in found.ended[:_SHOWN])
    return Result(brought, faults, f"{gone}{found.size:,} resources read.")


KINDS: Mapping[str, Bring] = MappingProxyType({"nppes": _nppes, "in-network": _in_network, "plan-net": _plan_net})


def install(verb: argparse.ArgumentParser) -> None:
    """Add what these files are asked with."""
    verb.add_argument("--state", action="append", default=[], metavar="NY", help="nppes: who comes in, by state")
    verb.add_argument("--agreement", default="", metavar="NUMBER", help="in-network: whose rates they are")
    verb.add_argument("--directory", default="", metavar="URL", help="plan-net: its address, where no entry tells it")
    verb.add_argument("--whole", action="store_true", help="plan-net: it is all of the directory, however little it is")
    verb.add_argument("--version", default="", metavar="N", help="in-network: under which version of it")
    verb.add_argument(
        "--taxonomy", action="append", default=[], metavar="207R", help="nppes: and by how their taxonomy codes begin"
    )


def bring(settings: Settings, screen: Screen, args: argparse.Namespace) -> int:
    """Bring such a file in; returns the exit code."""
    if not args.file.exists():
        raise NotFound(f"There is no file {args.file}.")
    with opened(settings) as world, screen.progress("Reading" if args.dry_run else "Importing") as told:
        result = KINDS[args.kind](world, args, lambda done, total: told(args.file.name, done, total))
    rows = dict(+result.brought.rows)
    if args.json:
        faults = [{"where": where, "what": what} for where, what in result.faults]
        screen.say(json.dumps({"rows": rows, "kept": dict(result.brought.kept), "faults": faults}, indent=2))
        return 1 if result.faults else 0
    for where, what in result.faults[:_SHOWN]:
        screen.say(f"{where}: {what}")
    if len(result.faults) > _SHOWN:
        screen.say(f"… and {len(result.faults) - _SHOWN} more; --json tells them all.")
    would = "would be " if args.dry_run else ""
    counts = [f"{rows.get(name, 0):,} {would if name != 'unchanged' else ''}{name}" for name in _COUNTS]
    ended = f", {rows['ended']:,} {would}ended" if rows.get("ended") else ""
    faulty = f"; {rows.get('faulty', 0):,} faulty{'' if args.dry_run else ', left out'}"
    screen.say(f"{result.about} {', '.join(counts)}{ended}{faulty}.".strip())
    return 1 if result.faults else 0


_COUNTS = ("new", "changed", "unchanged")
