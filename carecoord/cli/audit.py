"""`audit verify`, `audit restored`, `audit head`: is the trail of who saw what as it was written?"""

import argparse

from carecoord.actions.audit import seals
from carecoord.cli import about
from carecoord.cli.check import Wrong, sealed
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, opened, verb, verbs_of
from carecoord.settings import Settings


def install(verbs: Verbs) -> None:
    """Add the verbs."""
    under = verbs_of(verbs, "audit", about("audit"))
    verb(under, "verify", verify, "walk the chain of seals over every row of the audit", (
        "Ends with 0 when every row is as it was sealed, none is gone and none was slipped in; else with 1, and says\n"
        "which. `carecoord check` walks only what is new since the last time."
    ))
    verb(under, "restored", restored, "say that the database was put back from a backup", (
        "Without it, `carecoord check` takes a database that ends before the last noted head for one that was cut\n"
        "off. What was audited after the backup is gone; the trail tells that it was put back, and when."
    ))
    verb(under, "head", head, "the last seal, to be kept where nobody who holds this machine can change it", (
        "Who has a head written down elsewhere can tell later whether the chain up to it is still the same: its line\n"
        "must then stand in heads.log, in the folder audit of CARECOORD_VAR, and `carecoord audit verify` must agree."
    ))


def restored(settings: Settings, screen: Screen, args: argparse.Namespace) -> int:
    """Say that the database was put back from a backup."""
    with opened(settings) as world:
        try:
            count = seals.restored(world, "cli")
        except ValueError as e:
            screen.complain(str(e))
            return 1
    screen.say(f"{count} heads that were noted after that backup are set aside; the trail says so.")
    screen.say("Next: carecoord audit verify")
    return 0


def verify(settings: Settings, screen: Screen, args: argparse.Namespace) -> int:
    """Walk the whole chain."""
    with opened(settings) as world, screen.progress("walking the chain") as report:
        try:
            said = sealed(world, whole=True, tell=lambda done, of: report("seals", done, of))
        except Wrong as e:
            screen.say(f"BAD   audit: {e}")
            return 1
    screen.say(f"good  audit: {said}")
    return 0


def head(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Print the head."""
    with opened(settings) as world:
        found = seals.head(world)
    screen.say(f"seal: {found.seal}")
    screen.say(f"hash: {found.hash.hex()}")
