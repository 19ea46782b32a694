"""`init`, `user ...`, `client add`: make the database, and let people and apps in."""

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path

from auth.store import Client
from carecoord.actions.people import people
from carecoord.actions.people.accounts import NewUser, add_backend, add_user, make_key, write_secret
from carecoord.actions.people.organizations import placed
from carecoord.cli import about
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, for_programs, made, opened, verb, verbs_of
from carecoord.configuration import keep
from carecoord.domain.access.verbs import ROLES
from carecoord.domain.referrals.states import WORKFLOWS
from carecoord.errors import Invalid
from carecoord.settings import Settings
from carecoord.store.database.refusals import described

SCOPE = "system/*.rs"
BY = "cli"  # in the trail, where a request's id stands otherwise
FACTORS = {"otp": "app", "hwk": "passkey"}


def install(verbs: Verbs) -> None:
    """Add the verbs."""
    verb(verbs, "init", init, about("init"))
    user = verbs_of(verbs, "user", about("user"))
    one = verb(user, "add", new_user, "let a person in; the password is printed once")
    _about(one)
    _about(verb(user, "invite", invite, "let a person in by a link on which they choose their password"))
    one = verb(user, "reset", reset, "a link on which a person chooses a new password")
    one.add_argument("login")
    one.add_argument("--second-factor", action="store_true", help="take their second factors away too, at once")
    one = verb(user, "change", change, "another organization, practitioner or roles for a person")
    one.add_argument("login")
    _belongs(one)
    one.add_argument("--role", action="append", default=[], choices=ROLES, help="these roles instead; several times")
    for_programs(verb(user, "list", list_users, "everybody who can sign in, and how"))
    verb(user, "disable", disable, "let a person in no more, at once").add_argument("login")
    verb(user, "enable", enable, "let a person in again").add_argument("login")
    client = verbs_of(verbs, "client", about("client"))
    one = verb(client, "add", new_client, "register a backend service (SMART Backend Services, ES384)")
    one.add_argument("name", help="what people call the app")
    one.add_argument("--scope", default=SCOPE, help=f"the widest that it may be granted (default: {SCOPE})")
    one.add_argument("--jwks", type=Path, metavar="FILE", help="its public key set; without one a key is made here")
    one.add_argument("--jwks-url", metavar="URL", help="where the app publishes its keys")
    one.add_argument("--key-file", type=Path, metavar="FILE", help="where to write the private key that is made")
    one.add_argument("--organization", metavar="ID", help="the Organization here to which it belongs")
    one.add_argument("--role", action="append", default=[], choices=ROLES, help="narrow what it sees as a role does")
    said = "which referral workflow is agreed with it (default: ours); the Tasks that it begins follow that"
    one.add_argument("--workflow", default="", choices=WORKFLOWS, help=said)


def init(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Make or migrate the database, and write down the settings where nobody has."""
    with made(settings) as world:
        screen.say(f"The database {described(world.engine.url)} is ready.")
        if file := keep(world.settings, os.environ):
            screen.say(f"The settings in force stand in {file} now; secrets do not. carecoord settings shows them.")
    screen.say("Next: carecoord user add LOGIN --name NAME --role coordinator, then carecoord serve")


def new_user(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Let a person in."""
    with opened(settings) as world:
        new, decided = placed(world, _asked(args))
        password = add_user(world, new)
    _decided(screen, decided)
    screen.say(f"login: {args.login}")
    screen.say(f"password: {password}")
    screen.say("The password is not shown again.")


def invite(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Let a person in who will choose their own password."""
    with opened(settings) as world:
        new, decided = placed(world, _asked(args))
        link = people.invite(world, new, BY)
    _decided(screen, decided)
    _hand_over(screen, args.login, link)


def reset(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Let a person choose a new password."""
    with opened(settings) as world:
        link = people.invite_to_new_password(world, args.login, BY, factors_too=args.second_factor)
    if args.second_factor:
        screen.say("Their second factors are gone, and they are signed out.")
    _hand_over(screen, args.login, link)


def change(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Let a person belong elsewhere, or do other work."""
    given = {"organization": args.organization, "practitioner": args.practitioner, "roles": frozenset(args.role)}
    if not any(given.values()):
        raise Invalid("Say what to change: --organization, --practitioner or --role.")
    with opened(settings) as world:
        found = people.change(world, args.login, BY, **given)
    where = f" of {found.organization}" if found.organization else ", of no organization"
    screen.say(f"{found.login}: {', '.join(sorted(found.roles))}{where}")


def list_users(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Everybody, and how they sign in."""
    with opened(settings) as world:
        found = people.people(world)
    rows = []
    for each in found:
        seen = datetime.fromtimestamp(each.seen, UTC).isoformat(timespec="minutes") if each.seen else "never"
        kinds = " and ".join(FACTORS[kind] for kind in sorted(each.factors)) or "none"
        waits = each.invited and not each.has_password
        standing = "disabled" if each.user.disabled else "invited" if waits else "active"
        roles, where = ", ".join(sorted(each.user.roles)), each.user.organization or ""
        rows.append((each.user.login, each.user.name, roles, where, seen, kinds, standing))
    columns = ("login", "name", "roles", "organization", "last sign-in", "second factor", "standing")
    screen.table(columns, rows, elastic=("name", "roles", "organization"))


def disable(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Let a person in no more."""
    with opened(settings) as world:
        found = people.set_disabled(world, args.login, True, BY)
    screen.say(f"{found.login} is signed out and can not sign in any more.")


def enable(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Let a person in again."""
    with opened(settings) as world:
        found = people.set_disabled(world, args.login, False, BY)
    screen.say(f"{found.login} can sign in again.")


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
            roles=frozenset(args.role), workflow=args.workflow,
        )  # fmt: skip
        if secret:
            write_secret(file, secret)
        add_backend(world, new)
    screen.say(f"client_id: {id}")
    screen.say(f"scope: {args.scope}")
    screen.say(f"token endpoint: {settings.url}/oauth/token")
    if secret:
        screen.say(f"private key: {file}")


def _about(one: argparse.ArgumentParser) -> None:
    one.add_argument("login", help="what the person types to sign in")
    one.add_argument("--name", required=True, help="as shown, such as 'Reyes, Maria'")
    one.add_argument("--role", required=True, action="append", choices=ROLES, help="may be given several times")
    _belongs(one)


def _belongs(one: argparse.ArgumentParser) -> None:
    one.add_argument("--organization", metavar="ID", help="the Organization here to which the person belongs")
    one.add_argument("--practitioner", metavar="ID", help="the Practitioner here who the person is (for clinicians)")


def _decided(screen: Screen, sentence: str) -> None:
    if sentence:
        screen.say(sentence)


def _asked(args: argparse.Namespace) -> NewUser:
    return NewUser(args.login, args.name, frozenset(args.role), args.organization, args.practitioner)


def _hand_over(screen: Screen, login: str, link: str) -> None:
    screen.say(f"login: {login}")
    screen.say(f"link: {link}")
    screen.say("Give it to that person alone. It counts once, for three days, and is not shown again.")
