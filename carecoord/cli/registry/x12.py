"""`x12`: files that payers send and that go to them, for who moves them without a browser."""

import argparse
from pathlib import Path

from auth.grant import Grant
from carecoord.actions.claims import files, outgoing
from carecoord.actions.claims.files import Opened
from carecoord.cli import about
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, opened, verb, verbs_of
from carecoord.errors import NotFound
from carecoord.fhir import text as json
from carecoord.settings import Settings
from carecoord.words.catalogue import in_words
from carecoord.world import World

BY = "cli"  # in the trail, where a request's id stands otherwise
MORE = """\
Each transaction is taken whole or not at all, and the same file again changes nothing. What is wrong is named by its
segment and element; then the exit code is 1."""
_SAID = {"taken": "taken", "again": "taken before", "unmatched": "answers nothing that was sent", "faulty": "not taken"}


def install(verbs: Verbs) -> None:
    """Add the verbs."""
    inner = verbs_of(verbs, "x12", about("x12"))
    one = verb(inner, "take", take, "take in a file of a payer: 835, 277CA, 278 or 271 answer, 999", MORE)
    one.add_argument("file", type=Path, metavar="FILE")
    one.add_argument("--office", required=True, metavar="ID", help="the id of the Organization whose file it is")
    one = verb(inner, "write", write, "write a request for authorization as a 278, or its card's question as a 270")
    one.add_argument("request", metavar="CLAIM", help="the id of the request")
    one.add_argument("file", type=Path, metavar="FILE", help="where to; what is there already is not overwritten")
    one.add_argument("--office", required=True, metavar="ID", help="the id of the Organization that asks")
    one.add_argument("--eligibility", action="store_true", help="a 270 about the card")


def take(settings: Settings, screen: Screen, args: argparse.Namespace) -> int:
    """Take a file in, now; returns the exit code."""
    try:
        body = args.file.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"There is no file {args.file}.") from None
    with opened(settings) as world:
        grant = _staff(world, args.office)
        id = files.upload(world, grant, BY, args.file.name, body)
        files.run(world, id)
        found = files.one(world, grant, BY, id)
    return _told(screen, found)


def _told(screen: Screen, found: Opened) -> int:
    for place, where, why in json.values(found.file.faults.encode()):
        screen.say(f"segment {place}, {where}: {in_words(why)}")
    for each in found.transactions:
        screen.say(f"{each.kind} {each.control}: {_SAID[each.state]}")
        for place, where, why in json.values(each.faults.encode()):
            screen.say(f"  segment {place}, {where}: {in_words(why)}")
    wrong = found.file.faults != "[]" or any(each.state == "faulty" for each in found.transactions)
    return 1 if wrong or not found.transactions else 0


def write(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Write a file that goes out. What is there already is not overwritten."""
    make = outgoing.eligibility if args.eligibility else outgoing.authorization
    with opened(settings) as world:
        made = make(world, _staff(world, args.office), BY, args.request)
    with args.file.open("xb") as out:
        out.write(made.body)
    screen.say(f"{args.file}: {made.name}")


def _staff(world: World, office: str) -> Grant:
    files.demand_office(world, office)
    return files.reader(office)
