"""`import`, `export`: tables (CSV, XLSX) in and out, for who has a spreadsheet and no FHIR."""

import argparse
import json
from pathlib import Path

from carecoord.actions.imports import exporter, formats, importer, tables
from carecoord.actions.imports.batch import Brought
from carecoord.actions.imports.exporter import Form
from carecoord.actions.imports.importer import IMPORTER
from carecoord.actions.imports.tables import Table
from carecoord.cli import about
from carecoord.cli.registry import official
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, opened, verb
from carecoord.domain.imports import headings
from carecoord.domain.imports.headings import Mapped
from carecoord.domain.imports.sheets import SHEETS, Sheet
from carecoord.errors import Invalid, NotFound
from carecoord.settings import Settings
from carecoord.words.catalogue import say

SHOWN = 50  # faults that are told one by one
BY = "cli"  # in the trail, where a request's id stands otherwise

MORE = """\
Good rows are kept, whatever the others are; a row is kept with all that it needs or not at all. What is wrong is named
by its cell, and the exit code is 1. The same file again changes nothing. An empty cell leaves what stands. Columns are
found by their names; --map tells of those that are called otherwise. carecoord export KIND --template FILE writes a
table to fill in."""


def install(verbs: Verbs) -> None:
    """Add the verbs."""
    one = verb(verbs, "import", bring, about("import"), MORE)
    kinds = (*SHEETS, *official.KINDS)
    one.add_argument("kind", choices=kinds, metavar="KIND", help=f"what it holds: {', '.join(kinds)}")
    official.install(one)
    one.add_argument("file", type=Path, metavar="FILE")
    one.add_argument("--dry-run", action="store_true", help="say what would become of it, and keep nothing")
    one.add_argument("--map", action="append", default=[], metavar="OURS=THEIRS", help="our column, and its name there")
    one.add_argument("--json", action="store_true", help="the outcome as JSON, every fault in it")
    one = verb(verbs, "export", export, about("export"))
    one.add_argument("kind", choices=tuple(SHEETS))
    one.add_argument("file", type=Path, metavar="FILE", help="a name that ends in .xlsx makes a workbook")
    one.add_argument("--template", action="store_true", help="only the headings, with an example")


def bring(settings: Settings, screen: Screen, args: argparse.Namespace) -> int:
    """Bring a table in; returns the exit code."""
    if args.kind in official.KINDS:
        return official.bring(settings, screen, args)
    sheet = SHEETS[args.kind]
    try:
        table = formats.read(args.file.name, args.file.read_bytes())
    except FileNotFoundError:
        raise NotFound(f"There is no file {args.file}.") from None
    mapped = headings.mapped(sheet, table.header, _chosen(sheet, table, args.map))
    if lacking := headings.lacking(sheet, mapped):
        raise Invalid(
            f"{args.file.name} has no column for {', '.join(each.heading for each in lacking)}. Its columns are "
            f"{', '.join(filter(None, table.header))}: say which is meant, with --map '{lacking[0].heading}=COLUMN'."
        )
    with opened(settings) as world, screen.progress("Reading" if args.dry_run else "Importing") as report:
        brought = importer.bring(
            world, IMPORTER, BY, sheet, table, mapped, dry=args.dry_run,
            report=lambda done, total: report(table.name, done, total),
        )  # fmt: skip
    if args.json:
        screen.say(json.dumps(_plain(brought, table, mapped), indent=2))
    else:
        _tell(screen, brought, table, mapped, args.dry_run)
    return 1 if brought.faults else 0


def export(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Write a table. What is there already is not overwritten."""
    sheet = SHEETS[args.kind]
    form: Form = "xlsx" if args.file.suffix.lower() == ".xlsx" else "csv"
    if args.file.exists():
        raise Invalid(f"{args.file} is there already: choose another name.")
    if args.template:
        args.file.write_bytes(exporter.template(sheet, form))
    else:
        with opened(settings) as world:
            args.file.write_bytes(exporter.export(world, IMPORTER, BY, sheet, form))
    screen.say(f"Written: {args.file}")


def _chosen(sheet: Sheet, table: Table, said: list[str]) -> dict[str, str]:
    ours = {headings.plain(each.heading): each.name for each in sheet.columns}
    theirs = {headings.plain(each) for each in table.header}
    chosen = {}
    for each in said:
        own, _, other = each.partition("=")
        if headings.plain(own) not in ours:
            raise Invalid(f"{own} is no column of ours: {', '.join(each.heading for each in sheet.columns)}.")
        if other and headings.plain(other) not in theirs:
            raise Invalid(f"{table.name} has no column {other}.")
        chosen[ours[headings.plain(own)]] = other
    return chosen


def _tell(screen: Screen, brought: Brought, table: Table, mapped: Mapped, dry: bool) -> None:
    if unread := headings.unread(table.header, mapped):
        screen.say(f"Columns that are not read: {', '.join(unread)}.")
    if table.formulas:
        screen.say(f"{table.formulas} cells hold formulas; their values as last saved are read.")
    for fault in brought.faults[:SHOWN]:
        screen.say(f"{say(tables.place(table, mapped, fault))}: {say(fault.why)}")
    if len(brought.faults) > SHOWN:
        screen.say(f"… and {len(brought.faults) - SHOWN} more; --json tells them all.")
    rows = brought.rows
    would = "would be " if dry else ""
    ended = f", {rows['ended']} {would}ended" if rows["ended"] else ""
    screen.say(
        f"{rows['new']} rows {would}new, {rows['changed']} {would}changed, {rows['unchanged']} unchanged"
        f"{ended}{_by_hand(brought)}; "
        f"{rows['faulty']} faulty{'' if dry else ', left out'}."
    )


def _by_hand(brought: Brought) -> str:
    """What became of the lines that were set aside for a rule by hand."""
    told = {"aside": "set aside by hand and stay so", "revived": "of the new had been set aside by hand"}
    return "".join(f", {brought.rows[name]} {said}" for name, said in told.items() if brought.rows[name])


def _plain(brought: Brought, table: Table, mapped: Mapped) -> dict[str, object]:
    faults = [{"where": say(tables.place(table, mapped, each)), "what": say(each.why)} for each in brought.faults]
    return {"rows": dict(brought.rows), "kept": dict(brought.kept), "faults": faults}
