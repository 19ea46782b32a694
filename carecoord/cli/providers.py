"""`provider add`, `link`, `unlink`, `disable`, `list`: where organizations' own people sign in (OpenID Connect)."""

import argparse
from pathlib import Path

from auth.people.providers import Provider
from carecoord.actions.people import openid_providers
from carecoord.actions.server import keys as server_keys
from carecoord.cli import about
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, for_programs, opened, verb, verbs_of
from carecoord.domain.access.verbs import ROLES
from carecoord.settings import Settings

MORE = """\
Without --secret-file we prove ourselves by our own keys (private_key_jwt). With --role, everybody whom the provider
knows is let in with these roles; without, only people whom `carecoord provider link` names. A provider told of again
under its id is changed, and enabled."""
NONE = "No provider yet. Add one with: carecoord provider add ID ISSUER --name NAME --client-id ID"
SUBJECT = "what the provider calls the person: sub in its id_tokens; who is refused is shown it"


def install(verbs: Verbs) -> None:
    """Add the verbs."""
    under = verbs_of(verbs, "provider", about("provider"))
    one = verb(under, "add", add, "let an organization's people sign in at its own OpenID provider", MORE)
    one.add_argument("id", help="short and lasting: it stands in the address that the provider is told")
    one.add_argument("issuer", help="the provider as it calls itself, such as https://login.hospital.example")
    one.add_argument("--name", required=True, help="on the button of the sign-in page")
    one.add_argument("--client-id", required=True, help="who we are there")
    one.add_argument("--secret-file", type=Path, metavar="FILE", help="holds our secret there; only its owner reads it")
    one.add_argument("--organization", metavar="ID", help="the Organization here to which somebody new belongs")
    more = "what somebody new may do; may be given again"
    one.add_argument("--role", action="append", default=[], choices=ROLES, help=more)
    one = verb(under, "link", link, "let a person in by a provider")
    one.add_argument("id", help="the provider")
    one.add_argument("login", help="the person's login here")
    one.add_argument("subject", help=SUBJECT)
    one = verb(under, "unlink", unlink, "take such a link back")
    one.add_argument("id", help="the provider")
    one.add_argument("subject", help=SUBJECT)
    one = verb(under, "disable", disable, "let nobody in by a provider any more; who is in by it is out")
    one.add_argument("id", help="the provider")
    for_programs(verb(under, "list", show, "every provider"))


def add(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Remember a provider."""
    file = str(args.secret_file) if args.secret_file else None
    new = Provider(args.id, args.name, args.issuer, args.client_id, file, args.organization, frozenset(args.role))
    with opened(settings) as world:
        openid_providers.add(world, new)
        screen.say(f"Sign in with {new.name} is on the sign-in page.")
        screen.say(f"redirect URI to register there: {openid_providers.redirect_uri(world, new.id)}")
        if not file:
            screen.say(f"our keys, to register there: {server_keys.address(world)}")
    if not new.roles:
        screen.say(f"Next: carecoord provider link {new.id} LOGIN SUBJECT, for each person")


def link(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Link a person."""
    with opened(settings) as world:
        who = openid_providers.link(world, args.id, args.login, args.subject)
    screen.say(f"{who.name} is let in by {args.id} as {args.subject}.")


def unlink(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Take a link back."""
    with opened(settings) as world:
        openid_providers.unlink(world, args.id, args.subject)
    screen.say(f"{args.subject} of {args.id} is nobody here any more.")


def disable(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Close a provider."""
    with opened(settings) as world:
        found = openid_providers.disable(world, args.id)
    screen.say(f"Nobody is let in by {found.name} any more.")


def show(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Every provider."""
    with opened(settings) as world:
        found = openid_providers.all_providers(world)
    rows = []
    for one, people in found:
        lets = "nobody" if one.disabled else " ".join(sorted(one.roles)) or "who is linked"
        rows.append((one.id, one.name, one.issuer, one.client, one.organization or "", lets, str(people)))
    columns = ("id", "name", "issuer", "client id", "organization", "lets in", "people")
    screen.table(columns, rows, ("name", "issuer", "lets in"), NONE)
