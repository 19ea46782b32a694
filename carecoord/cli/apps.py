"""`app add`, `app close`: SMART apps that people launch, from our desk or on their own."""

import argparse
from pathlib import Path

from auth.store import Client
from carecoord.actions.accounts import add_app, close
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, opened, verb
from carecoord.settings import Settings

SCOPE = "launch launch/patient launch/encounter openid fhirUser offline_access patient/*.rs"
GRANTS = ("authorization_code", "refresh_token")


def install(verbs: Verbs) -> None:
    """Add the verbs."""
    app = verbs.add_parser("app", help="SMART apps that people open").add_subparsers(metavar="VERB", required=True)
    one = verb(app, "add", new_app, "register a SMART app; without a key or --secret it is a public one")
    one.add_argument("name", help="what people call the app")
    one.add_argument("--redirect", required=True, action="append", metavar="URL", help="where it takes its codes")
    one.add_argument("--launch-url", metavar="URL", help="where the desk starts it")
    one.add_argument("--scope", default=SCOPE, help=f"the widest that it may be granted (default: {SCOPE})")
    kind = one.add_mutually_exclusive_group()
    kind.add_argument("--secret", action="store_true", help="make a secret for it, printed once")
    kind.add_argument("--jwks", type=Path, metavar="FILE", help="its public key set")
    kind.add_argument("--jwks-url", metavar="URL", help="where it publishes its keys")
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


def close_app(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Close a registration."""
    with opened(settings) as world:
        closed = close(world, args.id)
    screen.say(f"{closed.name} is let in no more.")
