"""`ehr add`, `ehr list`, `sync`: the EHRs that we read from."""

import argparse
from datetime import timedelta
from pathlib import Path

from carecoord import worker
from carecoord.actions import keeping_keys, syncing
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, opened, verb
from carecoord.settings import Settings
from fhir_adapters.ehr import BackendServices, Ehr


def install(verbs: Verbs) -> None:
    """Add the verbs."""
    ehr = verbs.add_parser("ehr", help="the EHRs that we sync from").add_subparsers(metavar="VERB", required=True)
    one = verb(ehr, "add", add, "tell of an EHR, or tell anew under the same name")
    one.add_argument("name", help="what we call it; never changed, for its resources' ids here derive from it")
    one.add_argument("url", help="its FHIR R4 base URL")
    one.add_argument("--client-id", help="our client id there (SMART Backend Services)")
    one.add_argument("--key-file", type=Path, help="our private key: PEM, JWK or JWKS (default: the keys we publish)")
    one.add_argument("--scope", default="", help="what to ask for (default: what we sync)")
    one.add_argument("--dialect", default="generic", help="the vendor's ways (default: generic)")
    one.add_argument("--alias", action="append", default=[], metavar="URL", help="another base URL it calls itself by")
    one.add_argument("--every", type=int, metavar="MINUTES", help="sync it again and again while `serve` runs")
    one.add_argument("--header", action="append", default=[], metavar="NAME=VALUE", help="sent with every request")
    verb(ehr, "list", show, "every EHR, and how its last sync went")
    one = verb(verbs, "sync", sync, "read an EHR into our store; safe to break off and to repeat")
    one.add_argument("name", help="as given to `carecoord ehr add`")


def add(settings: Settings, screen: Screen, args: argparse.Namespace) -> int | None:
    """Remember an EHR."""
    if args.key_file and not args.client_id:
        screen.complain("--key-file needs --client-id: under which id does the EHR know us?")
        return 2
    auth = BackendServices(args.client_id, str(args.key_file or ""), args.scope) if args.client_id else None
    headers = dict(header.partition("=")[::2] for header in args.header)
    one = Ehr(args.name, args.url, args.dialect, auth, headers, aliases=tuple(args.alias))
    with opened(settings) as world:
        syncing.add_ehr(world, one)
        if args.every:
            worker.repeat(world, one.name, timedelta(minutes=args.every))
    if auth and not args.key_file:
        screen.say(f"Register there the address of our public keys (JWKS URL): {keeping_keys.address(world)}")
    screen.say(f"Next: carecoord sync {one.name}")
    return None


def show(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Every EHR and its last run."""
    with opened(settings) as world:
        found = syncing.list_ehrs(world)
    if not found:
        screen.say("No EHR yet. Add one with: carecoord ehr add NAME URL")
        return
    rows = []
    for listed in found:
        run = listed.run
        when = "never" if run is None else f"{run.started:%Y-%m-%d %H:%M} UTC"
        said = "" if run is None else run.error or ("running" if run.finished is None else "good")
        counts = ("", "", "") if run is None else (str(run.received), str(run.changed), str(run.flagged))
        rows.append((listed.ehr.name, listed.ehr.base_url, listed.ehr.dialect, when, *counts, said))
    screen.table(("name", "address", "dialect", "last sync", "received", "changed", "flagged", "result"), rows)


def sync(settings: Settings, screen: Screen, args: argparse.Namespace) -> int:
    """Sync one EHR."""
    with opened(settings) as world, screen.progress(f"Syncing {args.name}") as report:
        summary = syncing.run(world, args.name, report)
    return tell(screen, summary)


def tell(screen: Screen, summary: syncing.Summary) -> int:
    """Say what a run did; returns the exit code."""
    busy = [one for one in summary.types if one.received or one.deleted or one.error]
    names = ("type", "received", "created", "updated", "unchanged", "deleted", "flagged")
    if busy:
        screen.table(names, [tuple(str(getattr(one, name)) for name in names) for one in busy])
    for notice in dict.fromkeys([*summary.notices, *(n for one in summary.types for n in one.notices)]):
        screen.say(f"note: {notice}")
    if summary.error:
        screen.complain(summary.error)
        return 1
    screen.say(f"{summary.ehr}: {summary.received} received, {summary.changed} changed, {summary.flagged} flagged.")
    return 0
