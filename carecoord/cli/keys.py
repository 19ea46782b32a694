"""`keys list`, `keys rotate`: our own signing keys."""

import argparse
from datetime import UTC, datetime

from auth.client.keys import SETTLE, PublishedKey
from carecoord.actions.server import keys as server_keys
from carecoord.cli import about
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, for_programs, opened, verb, verbs_of
from carecoord.settings import Settings

MORE = """\
A new pair is published at once and signs after a day, for EHRs keep a copy of our key set for a while: nobody has to be
told anything. --lost is for the day on which somebody else may have the old keys: they are taken away at once, and an
EHR that still holds the old set refuses us until it fetches the new one."""


def install(verbs: Verbs) -> None:
    """Add the verbs."""
    keys = verbs_of(verbs, "keys", about("keys"))
    for_programs(verb(keys, "list", show, "the keys by which we prove ourselves to EHRs, and which of them signs"))
    one = verb(keys, "rotate", rotate, "make new keys in the place of the present ones", MORE)
    one.add_argument("--lost", action="store_true", help="somebody else may have the old ones: take them away now")
    one.add_argument("--sign-in", action="store_true", help="the key of id_tokens, by which apps know who signed in")


def show(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Every key that is published."""
    with opened(settings) as world:
        found = server_keys.every(world)
        now, where = int(world.clock().timestamp()), server_keys.address(world)
    rows = [(one.kid, one.alg, _day(one.made), _state(one, now)) for one in found]
    screen.table(("key", "kind", "made", "state"), rows, ("key",))
    screen.say(f"Published at {where}")


def rotate(settings: Settings, screen: Screen, args: argparse.Namespace) -> int | None:
    """New keys."""
    if args.lost and args.sign_in:
        screen.complain("--lost is for the keys that EHRs know; the key of id_tokens changes at once anyway.")
        return 2
    with opened(settings) as world:
        if args.sign_in:
            screen.say(f"id_tokens are signed with {server_keys.rotate_sign_in(world)} from now on.")
            return None
        server_keys.rotate(world, lost=args.lost)
    when = "from now on" if args.lost else f"in {SETTLE // 3600} hours; until then the old one does"
    screen.say(f"A new pair is published. It signs {when}.")
    return None


def _state(one: PublishedKey, now: int) -> str:
    if one.signs:
        return "signs" if one.retired is None else f"signs until {_day(one.retired)}"
    if one.made > now - SETTLE:
        return f"signs from {_day(one.made + SETTLE)}"
    return f"retired {_day(one.retired or now)}"


def _day(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
