"""`init`, `user add`, `client add`: make the database, and let people and apps in."""

import argparse
from pathlib import Path

from auth.store import Client
from carecoord.actions.accounts import ROLES, NewUser, add_backend, add_user, keep, make_key
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, made, opened, verb
from carecoord.settings import Settings

SCOPE = "system/*.rs"


def install(verbs: Verbs) -> None:
    """Add the verbs."""
    verb(verbs, "init", init, "make the database, or bring it to the present version; safe to repeat")
    user = verbs.add_parser("user", help="people who can sign in").add_subparsers(metavar="VERB", required=True)
    one = verb(user, "add", new_user, "let a person in; the password is printed once")
    one.add_argument("login", help="what the person types to sign in")
    one.add_argument("--name", required=True, help="as shown, such as 'Reyes, Maria'")
    one.add_argument("--role", required=True, action="append", choices=ROLES, help="may be given several times")
    one.add_argument("--organization", metavar="ID", help="the Organization here to which the person belongs")
    one.add_argument("--practitioner", metavar="ID", help="the Practitioner here who the person is (for clinicians)")
    client = verbs.add_parser("client", help="apps that use the API").add_subparsers(metavar="VERB", required=True)
    one = verb(client, "add", new_client, "register a backend service (SMART Backend Services, ES384)")
    one.add_argument("name", help="what people call the app")
    one.add_argument("--scope", default=SCOPE, help=f"the widest that it may be granted (default: {SCOPE})")
    one.add_argument("--jwks", type=Path, metavar="FILE", help="its public key set; without one a key is made here")
    one.add_argument("--jwks-url", metavar="URL", help="where the app publishes its keys")
    one.add_argument("--key-file", type=Path, metavar="FILE", help="where to write the private key that is made")
    one.add_argument("--organization", metavar="ID", help="the Organization here to which it belongs")
    one.add_argument("--role", action="append", default=[], choices=ROLES, help="narrow what it sees as a role does")


def init(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Make or migrate the database."""
    with made(settings) as world:
        screen.say(f"The database {world.engine.url.render_as_string()} is ready.")
    screen.say("Next: carecoord user add LOGIN --name NAME --role coordinator, then carecoord serve")


def new_user(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Let a person in."""
    with opened(settings) as world:
        new = NewUser(args.login, args.name, frozenset(args.role), args.organization, args.practitioner)
        password = add_user(world, new)
    screen.say(f"login: {args.login}")
    screen.say(f"password: {password}")
    screen.say("The password is not shown again.")


def new_client(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Register a backend service, with a key made here unless it brings its own."""
    jwks, secret = args.jwks.read_text() if args.jwks else None, b""
    if not (args.jwks or args.jwks_url):
        secret, jwks = make_key()
    with opened(settings) as world:
        id = world.new_id()
        file = args.key_file or Path(settings.var) / "keys" / f"{id}.pem"
        new = Client(
            id, args.name, args.scope, jwks=jwks, jwks_url=args.jwks_url, organization=args.organization,
            roles=frozenset(args.role),
        )  # fmt: skip
        if secret:
            keep(file, secret)
        add_backend(world, new)
    screen.say(f"client_id: {id}")
    screen.say(f"scope: {args.scope}")
    screen.say(f"token endpoint: {settings.url}/oauth/token")
    if secret:
        screen.say(f"private key: {file}")
