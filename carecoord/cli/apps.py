"""`app add`, `app list`, `app approve`, `app refuse`, `app close`: SMART apps that people launch, from our desk or on
their own, and those that registered themselves and wait for an answer."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from auth.store import Client
from carecoord.actions.apps import registration
from carecoord.actions.apps.registration import OPERATOR, App
from carecoord.actions.people.accounts import add_app, disable_client
from carecoord.cli import about
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, for_programs, opened, verb, verbs_of
from carecoord.settings import Settings

SCOPE = "launch launch/patient launch/encounter openid fhirUser offline_access patient/*.rs"
NONE = "No app yet. Add one with: carecoord app add NAME --redirect URL"
GRANTS = ("authorization_code", "refresh_token")


def install(verbs: Verbs) -> None:
    """Add the verbs."""
    app = verbs_of(verbs, "app", about("app"))
    one = verb(app, "add", new_app, "register a SMART app; without a key or --secret it is a public one")
    one.add_argument("name", help="what people call the app")
    one.add_argument("--redirect", required=True, action="append", metavar="URL", help="where it takes its codes")
    one.add_argument("--launch-url", metavar="URL", help="where the desk starts it")
    one.add_argument("--scope", default=SCOPE, help=f"the widest that it may be granted (default: {SCOPE})")
    kind = one.add_mutually_exclusive_group()
    kind.add_argument("--secret", action="store_true", help="make a secret for it, printed once")
    kind.add_argument("--jwks", type=Path, metavar="FILE", help="its public key set")
    kind.add_argument("--jwks-url", metavar="URL", help="where it publishes its keys")
    for_programs(verb(app, "list", list_apps, "every app: those that wait for an answer first, with what they ask"))
    one = verb(app, "approve", approve, "let in an app that registered itself")
    one.add_argument("id", help="its client_id")
    one.add_argument("--scope", help="let it in with only this much of what it asks")
    one = verb(app, "refuse", refuse, "turn away apps that registered themselves; nothing of their registrations stays")
    one.add_argument("id", nargs="+", help="their client_ids")
    one = verb(app, "close", close_app, "let an app or a backend service in no more")
    one.add_argument("id", help="its client_id")


def new_app(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Register an app."""
    keys = args.jwks or args.jwks_url
    method = "private_key_jwt" if keys else "client_secret_basic" if args.secret else "none"
    with opened(settings) as world:
        new = Client(
            world.new_id(), args.name, args.scope, method, GRANTS, args.jwks.read_text() if args.jwks else None,
            args.jwks_url, tuple(args.redirect), args.launch_url,
        )  # fmt: skip
        secret = add_app(world, new)
    screen.say(f"client_id: {new.id}")
    screen.say(f"iss: {settings.fhir_url}")
    if secret:
        screen.say(f"client_secret: {secret}")
        screen.say("The secret is not shown again.")


def list_apps(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Every app."""
    with opened(settings) as world:
        found = registration.apps(world, OPERATOR)
    rows = [(one.client.name, one.client.id, _standing(one), _day(one.row.used), one.client.scope) for one in found]
    screen.table(("name", "client_id", "standing", "last used", "scope"), rows, ("scope",), NONE)


def approve(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Let a waiting app in."""
    with opened(settings) as world:
        found = registration.approve(world, OPERATOR, args.id, args.scope)
    screen.say(f"{found.name} is let in, with at most: {found.scope}")


def refuse(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Turn waiting apps away."""
    with opened(settings) as world:
        for id in args.id:
            screen.say(f"{registration.refuse(world, OPERATOR, id).name} is turned away.")


def _standing(one: App) -> str:
    return "waits" if one.client.pending else "closed" if one.client.disabled else "let in"


def _day(seconds: int | None) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC" if seconds else "not lately"


def close_app(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Close a registration."""
    with opened(settings) as world:
        closed = disable_client(world, args.id)
    screen.say(f"{closed.name} is let in no more.")
