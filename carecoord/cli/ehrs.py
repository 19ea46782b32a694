"""`ehr` with its verbs, and `sync`: the EHRs that we read from, and that open us from their charts."""

import argparse
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from carecoord.actions.ehrs import launch as ehrs_launch
from carecoord.actions.ehrs import launch_people, upkeep
from carecoord.actions.ehrs import sync as ehrs_sync
from carecoord.actions.ehrs.launch_people import MAPPED
from carecoord.actions.ehrs.sync_health import SyncHealth, list_ehrs
from carecoord.actions.server import health
from carecoord.actions.server import keys as server_keys
from carecoord.cli import about
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, for_programs, opened, verb, verbs_of
from carecoord.domain.referrals.states import WORKFLOWS
from carecoord.errors import Invalid
from carecoord.fhir.instants import moment
from carecoord.settings import Settings
from carecoord.store.ehrs.deliveries import State
from fhir_adapters.ehr import BackendServices, Ehr, Launch
from fhir_adapters.errors import Misconfigured

BY = "cli"  # in the trail, where a request's id stands otherwise
WEEK = 7 * 24 * 60  # minutes
BECAME: Final[Mapping[State, str]] = {  # of a change of ours that an EHR was to be told
    "waiting": "still to be told", "refused": "that it refused", "kept": "kept here", "delivered": "told",
}  # fmt: skip


def install(verbs: Verbs) -> None:
    """Add the verbs."""
    ehr = verbs_of(verbs, "ehr", about("ehr"))
    one = verb(ehr, "add", add, "tell of an EHR, or tell anew under the same name")
    one.add_argument("name", help="what we call it; never changed, for its resources' ids here derive from it")
    one.add_argument("url", help="its FHIR R4 base URL")
    one.add_argument("--client-id", help="our client id there (SMART Backend Services)")
    one.add_argument("--key-file", type=Path, help="our private key: PEM, JWK or JWKS (default: the keys we publish)")
    one.add_argument("--scope", default="", help="what to ask for (default: what we sync)")
    one.add_argument("--dialect", default="generic", help="the vendor's ways (default: generic)")
    one.add_argument("--alias", action="append", default=[], metavar="URL", help="another base URL it calls itself by")
    one.add_argument("--every", type=minutes, metavar="MINUTES", help="sync it again and again while `serve` runs")
    one.add_argument("--header", action="append", default=[], metavar="NAME=VALUE", help="sent with every request")
    one.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help="asked with every request")
    one.add_argument("--host", action="append", default=[], metavar="ORIGIN", help="its pages may lead there too")
    one.add_argument("--limit", action="append", default=[], metavar="NAME=NUMBER", help="instead of the dialect's")
    said = "what it lets us write, such as Task=create,update (default: the dialect's)"
    one.add_argument("--write", action="append", default=[], metavar="TYPE=VERBS", help=said)
    one.add_argument("--no-write", action="store_true", help="what is changed here is never told this EHR")
    said = "whose word counts when both change it, such as Task.status=theirs: ours, theirs, either"
    one.add_argument("--owner", action="append", default=[], metavar="ELEMENT=WHOSE", help=said)
    said = "which referral workflow is agreed with it (default: ours); what its Tasks claim to be opens nothing"
    one.add_argument("--workflow", default="", choices=WORKFLOWS, help=said)
    one.add_argument("--overlap", type=float, metavar="MINUTES", help="how far its lastUpdated may lag (default: 120)")
    _launching(one)
    one = verb(ehr, "link", link, "say who somebody of a launching EHR is here: they keep their own roles")
    one.add_argument("name", help="as given to `carecoord ehr add`")
    one.add_argument("subject", help="what the EHR calls the person: sub in its id_tokens")
    one.add_argument("login", help="what the person signs in with here")
    one.add_argument("--issuer", default="", help="whose id_tokens (default: the registration's --launch-issuer)")
    one = verb(ehr, "every", schedule, "sync an EHR again and again while `serve` runs, or no more")
    one.add_argument("name", help="as given to `carecoord ehr add`")
    one.add_argument("minutes", type=minutes, help="from one sync to the next; 0: no more")
    said = "read an EHR no more until `ehr resume`; it goes on being told of our changes"
    verb(ehr, "pause", pause, said).add_argument("name", help="as given to `carecoord ehr add`")
    said = "read an EHR now, and from then on as often as before"
    verb(ehr, "resume", resume, said).add_argument("name", help="as given to `carecoord ehr add`")
    one = verb(ehr, "remove", remove, "take an EHR away: what came from it stays, and is ours alone from then on")
    one.add_argument("name", help="as given to `carecoord ehr add`")
    one.add_argument("--yes", action="store_true", help="do not ask")
    for_programs(verb(ehr, "list", show, "every EHR, how its last sync went, and when it is read next"))
    open_ones = "what an EHR and we have changed differently, and nobody has settled"
    one = for_programs(verb(ehr, "conflicts", conflicts, open_ones))
    one.add_argument("name", help="as given to `carecoord ehr add`")
    one.add_argument("--limit", type=int, default=100, metavar="N", help="at most so many (default: 100)")
    one = for_programs(verb(ehr, "flags", doubts, "what our rules doubt in what an EHR sent"))
    one.add_argument("name", help="as given to `carecoord ehr add`")
    one.add_argument("--limit", type=int, default=100, metavar="N", help="show at most so many (default: 100)")
    one = verb(verbs, "sync", sync, about("sync"))
    one.add_argument("name", help="as given to `carecoord ehr add`")


def _launching(one: argparse.ArgumentParser) -> None:
    """What an EHR that opens us as a SMART app is registered with."""
    group = one.add_argument_group("where it opens carecoord from a patient's chart (SMART App Launch)")
    group.add_argument("--launch-client-id", metavar="ID", help="our client id there as an app")
    proof = group.add_mutually_exclusive_group()
    proof.add_argument("--launch-secret-file", type=Path, metavar="FILE", help="our secret there")
    proof.add_argument("--launch-key-file", type=Path, metavar="FILE", help="our private key there: PEM, JWK or JWKS")
    proof.add_argument("--launch-own-keys", action="store_true", help="the keys that we publish (default: no proof)")
    several: dict[str, Any] = {"action": "append", "default": []}
    origins = "where its pages are, which may frame us: https://ehr.example; may be repeated"
    group.add_argument("--launch-origin", **several, metavar="ORIGIN", help=origins)
    roles = "of those whom it sends and who are nobody here; without one only known people get in"
    group.add_argument("--launch-role", **several, choices=MAPPED, help=roles)
    group.add_argument("--launch-organization", default="", metavar="ID", help="the Organization whose cases they see")
    group.add_argument("--launch-scope", default=Launch.scope, metavar="SCOPE", help="(default: %(default)s)")
    group.add_argument("--launch-issuer", default="", metavar="URL", help="of its id_tokens, where it does not say it")


def _launch(args: argparse.Namespace) -> Launch | None:
    if not args.launch_client_id:
        return None
    return Launch(
        args.launch_client_id, tuple(args.launch_origin), tuple(args.launch_role), args.launch_organization,
        args.launch_scope, str(args.launch_key_file or ""), str(args.launch_secret_file or ""), args.launch_own_keys,
        args.launch_issuer,
    )  # fmt: skip


def add(settings: Settings, screen: Screen, args: argparse.Namespace) -> int | None:
    """Remember an EHR."""
    if args.key_file and not args.client_id:
        screen.complain("--key-file needs --client-id: under which id does the EHR know us?")
        return 2
    given = [name for name, value in vars(args).items() if name.startswith("launch_") and value]
    if given not in ([], ["launch_scope"]) and not args.launch_client_id:
        screen.complain(f"--{given[0].replace('_', '-')} needs --launch-client-id: as which app does the EHR know us?")
        return 2
    auth = BackendServices(args.client_id, str(args.key_file or ""), args.scope) if args.client_id else None
    one = Ehr(
        name=args.name,
        base_url=args.url,
        dialect=args.dialect,
        auth=auth,
        headers=_named("--header", args.header),
        params=_named("--param", args.param),
        hosts=tuple(args.host),
        aliases=tuple(args.alias),
        limits={name: _number(name, said) for name, said in _named("--limit", args.limit).items()},
        overlap_seconds=None if args.overlap is None else args.overlap * 60,
        launch=_launch(args),
        writes={} if args.no_write else _writes(args.write),
        owners=_named("--owner", args.owner),
        workflow=args.workflow,
    )
    with opened(settings) as world:
        one = launch_people.checked_registration(world, one)
        ehrs_sync.add_ehr(world, one)
        if args.every:
            ehrs_sync.repeat(world, one.name, timedelta(minutes=args.every))
    if auth and not args.key_file:
        screen.say(f"Register there the address of our public keys (JWKS URL): {server_keys.address(world)}")
    if one.launch:
        screen.say(f"Register there: launch URL {ehrs_launch.launch_address(world)}")
        screen.say(f"                redirect URI {ehrs_launch.callback(world, one.name)}")
    screen.say(f"Next: carecoord sync {one.name}")
    if args.every is None:
        screen.say(f"Then, to have it synced by itself while carecoord serve runs: carecoord ehr every {one.name} 15")
    return None


def _named(option: str, given: list[str]) -> dict[str, str]:
    """NAME=VALUE, NAME=VALUE ... by name. Raises Misconfigured for one without a name or a sign between."""
    pairs = [one.partition("=") for one in given]
    if wrong := [one for one, (name, sign, _) in zip(given, pairs, strict=True) if not name or not sign]:
        raise Misconfigured(f"{option} {wrong[0]!r}: write it as NAME=VALUE.")
    return {name: value for name, _, value in pairs}


def _writes(given: list[str]) -> dict[str, tuple[str, ...]] | None:
    """TYPE=create,update ... by type; None: as the dialect says."""
    return {type: tuple(said.split(",")) for type, said in _named("--write", given).items()} or None


def _number(name: str, said: str) -> float:
    try:
        return float(said)
    except ValueError as e:
        raise Misconfigured(f"--limit {name}={said}: a number is wanted.") from e


def minutes(text: str) -> int:
    """A number of minutes, up to a week."""
    if not text.isdecimal() or int(text) > WEEK:
        raise argparse.ArgumentTypeError(f"must be a whole number of minutes from 0 to {WEEK}, not {text!r}")
    return int(text)


def schedule(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Sync an EHR by itself, or no more."""
    with opened(settings) as world:
        ehrs_sync.repeat(world, args.name, timedelta(minutes=args.minutes) if args.minutes else None)
    often = f"every {args.minutes} minutes while carecoord serve runs" if args.minutes else "by hand alone"
    screen.say(f"{args.name} is synced {often}.")


def pause(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Read an EHR no more."""
    with opened(settings) as world:
        upkeep.pause(world, args.name, BY)
    screen.say(f"{args.name} is read no more, until: carecoord ehr resume {args.name}")


def resume(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Read an EHR again."""
    with opened(settings) as world:
        upkeep.resume(world, args.name, BY)
    screen.say(f"{args.name} is read as soon as carecoord serve runs, and as often as before.")


def remove(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Take an EHR away, after saying what becomes of its data."""
    name = args.name
    with opened(settings) as world:
        left = upkeep.leaving(world, name)
        held = ", ".join(f"{count} {type}" for type, count in left.held.items()) or "nothing"
        screen.say(f"{name} ({left.base_url}) will be read no more and told no more.")
        screen.say(f"What came from it stays, as it is now, and is ours alone: {held}.")
        told = ", ".join(f"{left.told.get(state, 0)} {words}" for state, words in BECAME.items())
        screen.say("Forgotten are its registration, its schedule, its runs,")
        screen.say(f"and what became of each change of ours that was to be told: {told}.")
        screen.say("Added again under the same name, it is read anew, and its word counts.")
        if not args.yes and not _agreed(name):
            screen.say("Nothing was changed.")
            return
        upkeep.remove(world, name, left, BY)
    screen.say(f"{name} is gone.")


def _agreed(name: str) -> bool:
    """Whether whoever sits there types the name. Raises Invalid where nobody does."""
    if not sys.stdin.isatty():
        raise Invalid("Nobody is there to be asked: say --yes.")
    return input(f"Type {name} to go on: ").strip() == name


def show(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Every EHR, its last run and its next."""
    with opened(settings) as world:
        found = list_ehrs(world)
        fresh = {each.ehr: each for each in health.syncs(world)}
    rows = []
    for listed in found:
        run = listed.run
        when = "never" if run is None else f"{run.started:%Y-%m-%d %H:%M} UTC"
        standing = fresh[listed.ehr.name]
        said = "running" if standing.is_running else (run and run.error) or standing.state
        counts = ("", "", "") if run is None else (str(run.received), str(run.changed), str(run.flagged))
        rows.append((listed.ehr.name, listed.ehr.base_url, listed.ehr.dialect, when, *counts, _next(standing), said))
    columns = ("name", "address", "dialect", "last sync", "received", "changed", "flagged", "next", "result")
    screen.table(columns, rows, ("address", "result"), "No EHR yet. Add one with: carecoord ehr add NAME URL")
    for listed in found:
        if said := _opens(listed.ehr):
            screen.say(f"{listed.ehr.name} opens carecoord for {said}.")


def _next(standing: SyncHealth) -> str:
    """When an EHR is read next by itself."""
    if standing.paused:
        return "paused"
    return f"{standing.again:%Y-%m-%d %H:%M} UTC" if standing.again else "by hand"


def _opens(one: Ehr) -> str:
    """What an EHR that launches us lets whom do, and from where."""
    if not one.launch:
        return ""
    roles = ", ".join(one.launch.roles) or "known people only"
    return f"{roles}; in frames of {' '.join(one.launch.origins) or 'nobody'}"


def doubts(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """What is doubted, each with the address of the resource in the EHR, for there it can be put right."""
    with opened(settings) as world:
        found = ehrs_sync.flags(world, args.name, args.limit)
    rows = [(one.source, one.place or "", one.text) for one in found]
    none = f"Nothing that {args.name} sent is in doubt."
    screen.table(("resource there", "where", "what"), rows, ("what",), none)


def conflicts(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """What is in dispute, by the ids of ours; the values stand on the case, for those who may see it."""
    with opened(settings) as world:
        found = ehrs_sync.conflicts(world, args.name, args.limit)
    since = [f"{moment(one.found):%Y-%m-%d %H:%M} UTC" for one in found]
    rows = [(f"{o.type}/{o.id}", o.element, o.stands, at) for o, at in zip(found, since, strict=True)]
    none = f"{args.name} and we have changed nothing differently."
    screen.table(("resource here", "element", "shown", "since"), rows, none=none)
    if found:
        screen.say("Settle each on its case: take the EHR's, or keep ours.")


def link(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Say who somebody is."""
    with opened(settings) as world:
        found = launch_people.link(world, args.name, args.issuer, args.subject, args.login)
    screen.say(f"{args.subject} of {args.name} is {found.name} ({found.login}) here.")


def sync(settings: Settings, screen: Screen, args: argparse.Namespace) -> int:
    """Sync one EHR."""
    with opened(settings) as world, screen.progress(f"Syncing {args.name}") as report:
        summary = ehrs_sync.run(world, args.name, report)
    return tell(screen, summary)


def tell(screen: Screen, summary: ehrs_sync.Summary) -> int:
    """Say what a run did; returns the exit code."""
    busy = [one for one in summary.types if one.received or one.deleted or one.error]
    names = ("type", "received", "created", "updated", "unchanged", "deleted", "flagged")
    if busy:
        screen.table(names, [tuple(str(getattr(one, name)) for name in names) for one in busy])
    for notice in dict.fromkeys([*summary.notices, *(n for one in summary.types for n in one.notices)]):
        screen.say(f"note: {notice}")
    if summary.ungranted:
        screen.say(f"note: not granted to us, and not asked for: {', '.join(summary.ungranted)}.")
    if summary.error:
        screen.complain(summary.error)
        return 1
    screen.say(f"{summary.ehr}: {summary.received} received, {summary.changed} changed, {summary.flagged} flagged.")
    return 0
