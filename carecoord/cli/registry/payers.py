"""`payer add`, `list`, `examine`, `remove`: payers that take our requests for authorization by Da Vinci PAS."""

import argparse

from carecoord.actions.prior_auth.pas_client import payers
from carecoord.actions.server import keys as server_keys
from carecoord.actions.setup import payer_endpoints
from carecoord.cli import about
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, for_programs, opened, verb, verbs_of
from carecoord.domain.prior_auth.pas.guide import GUIDES
from carecoord.settings import Settings
from carecoord.store.prior_auth.payer_endpoints import Endpoint

BY = "cli"  # in the trail, where a request's id stands otherwise
NONE = "No payer takes requests by PAS. Add one with: carecoord payer add PAYER URL --office ID --client-id ID"


def install(verbs: Verbs) -> None:
    """Add the verbs."""
    under = verbs_of(verbs, "payer", about("payer"))
    one = verb(under, "add", add, "tell of a payer's PAS address, or tell anew")
    one.add_argument("payer", help="the id of the payer's Organization here")
    one.add_argument("url", help="its FHIR base that speaks this version of PAS")
    one.add_argument("--office", required=True, metavar="ID", help="the Organization in whose name we ask")
    one.add_argument("--pas", default="2.2.1", choices=tuple(GUIDES), help="the version of PAS (default: %(default)s)")
    one.add_argument("--client-id", default="", help="our client id there (SMART Backend Services)")
    one.add_argument("--key-file", default="", help="our private key: PEM, JWK or JWKS (default: the keys we publish)")
    one.add_argument("--scope", default="", help="what to ask for (default: what PAS needs)")
    one.add_argument("--token-url", default="", help="where tokens come from, if the payer does not say it itself")
    for_programs(verb(under, "list", show, "every payer, whether it answers, and what waits for it"))
    for name, run, help in (("examine", examine, "ask a payer what it answers"),
                            ("remove", remove, "send a payer nothing more by PAS")):  # fmt: skip
        verb(under, name, run, help).add_argument("payer", help="as given to `carecoord payer add`")


def add(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Remember a payer's address."""
    one = Endpoint(args.payer, args.url, args.office, args.pas, args.client_id, args.key_file, args.scope,
                   args.token_url)  # fmt: skip
    with opened(settings) as world:
        payer_endpoints.add(world, one, BY)
        if one.client_id and not one.key_file:
            screen.say(f"Register there the address of our public keys (JWKS URL): {server_keys.address(world)}")
    screen.say(f"Next: carecoord payer examine {one.payer}")


def show(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Every payer."""
    with opened(settings) as world:
        found = payers.every(world)
    rows = [(each.endpoint.payer, name, each.endpoint.url, each.endpoint.version, each.state or "none",
             each.trouble or "well", str(waits)) for name, each, waits in found]  # fmt: skip
    columns = ("payer", "name", "address", "pas", "tells us", "answers", "waiting")
    screen.table(columns, rows, ("name", "address"), NONE)


def examine(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Ask a payer what it answers."""
    with opened(settings) as world:
        told = payer_endpoints.examine(world, args.payer, BY)
    screen.say(f"{args.payer}: FHIR {told['fhir']} {told['software']}".rstrip())
    screen.say(f"It answers: {', '.join(told['operations']) or 'none of the operations of PAS'}.")
    screen.say("It tells of answers by itself." if told["subscribes"] else "It has to be asked: no subscriptions.")


def remove(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Forget a payer's address."""
    with opened(settings) as world:
        payer_endpoints.remove(world, args.payer, BY)
    screen.say(f"{args.payer} is sent nothing more by PAS.")
