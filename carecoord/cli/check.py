"""`check`: is everything as it must be? Each line says good, or what to do."""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from auth import store
from auth.people import providers
from auth.people.providers import Provider
from carecoord.actions.audit import seals
from carecoord.actions.ehrs.sync_health import SyncHealth, list_ehrs
from carecoord.actions.server import backups, health
from carecoord.cli import about
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, current, for_programs, raw, verb, words
from carecoord.errors import Problem
from carecoord.fhir.instants import micros
from carecoord.settings import Settings
from carecoord.store.database import jobs, private_files, schema
from carecoord.store.database.engine import reading
from carecoord.store.database.refusals import described
from carecoord.worker import life
from carecoord.world import World

STALE = 300  # seconds after which a file of the journal should be in the table
LOCAL = ("127.0.0.1", "localhost", "::1")


class Wrong(Exception):
    """What is not as it must be, and what to do."""


def install(verbs: Verbs) -> None:
    """Add the verb."""
    parser = for_programs(verb(verbs, "check", check, about("check"), (
        "Ends with 0 when everything is good, else with 1. Nothing is changed; how far the audit was found whole is\n"
        "remembered in CARECOORD_VAR, so that the next check walks only what is new."
    )))
    parser.add_argument("--deep", action="store_true", help=(
        "read every resource too, and see that search, cases and the whole audit agree with it; it takes a while"
    ))


def check(settings: Settings, screen: Screen, args: argparse.Namespace) -> int:
    """Run every check; returns the exit code."""
    rows = []
    with raw(settings) as world:
        for what, look in looks(world, screen, args.deep):
            try:
                standing, told = "good", look()
            except (Wrong, Problem, OSError) as e:
                standing, told = "bad", words(e)
            rows.append((standing, what, told))
            if screen.form == "table":  # line by line: what is looked at may take its time
                screen.say(f"{'good ' if standing == 'good' else 'BAD  '} {what}: {told}")
            if (standing, what) == ("bad", "database"):
                break  # what follows would say the same again
    wrong = sum(standing == "bad" for standing, *_ in rows)
    if screen.form == "table":
        screen.say("Everything is good." if not wrong else f"{wrong} to mend.")
    else:
        screen.table(("standing", "what", "told"), rows)
    return 1 if wrong else 0


def looks(world: World, screen: Screen, deep: bool) -> Iterator[tuple[str, Callable[[], str]]]:
    """What is looked at, in order. deep: every resource and all that stands beside it, too."""
    yield "settings", lambda: address(world.settings)
    yield "folder", lambda: folder(Path(world.settings.var))
    yield "database", lambda: database(world)
    yield "people", lambda: people(world)
    yield "later work", lambda: later(world)
    yield "worker", lambda: worker(world)
    yield "audit", lambda: sealed(world, whole=deep)
    if deep:
        yield "resources", lambda: sound(world, screen)
    yield "journal", lambda: journal(world)
    yield "backup", lambda: backup(world)
    if world.settings.intake_folder:
        yield "intake folder", lambda: intake_folder(world)
    for whose in world.settings.mailboxes:
        yield f"mailbox of {whose}", lambda whose=whose: mailbox(world, whose)  # type: ignore[misc]
    for each in list_ehrs(world):
        name = each.ehr.name
        yield f"EHR {name}", lambda name=name: ehr(world, name)  # type: ignore[misc]
    for one in health.syncs(world):
        yield f"sync of {one.ehr}", lambda one=one: synced(world, one)  # type: ignore[misc]
    with reading(world.engine) as conn:
        known = providers.every(conn)
    for found, _ in known:
        yield f"provider {found.id}", lambda found=found: provider(world, found)  # type: ignore[misc]


def address(settings: Settings) -> str:
    """The address that we tell clients."""
    if settings.secure_cookies and not settings.url.startswith("https://"):
        raise Wrong("cookies travel by https alone, but the address is http: set CARECOORD_BASE_URL=https://…")
    if settings.url.startswith("https://") and not settings.secure_cookies:
        raise Wrong("the address is https, but cookies may travel without: set CARECOORD_SECURE_COOKIES=true")
    if settings.host not in LOCAL and not settings.base_url:
        raise Wrong(f"{settings.host} is not the name that clients use: set CARECOORD_BASE_URL=https://…")
    return f"clients use {settings.url}"


def folder(var: Path) -> str:
    """Keys and journals can be written there, and no one else reads them."""
    if not var.is_dir():
        raise Wrong(f"{var} is not there: run carecoord init, or set CARECOORD_VAR")
    with tempfile.TemporaryFile(dir=var):
        pass
    loose = list(private_files.wide(var))
    if loose:
        more = f" and {len(loose) - 1} more" if loose[1:] else ""
        raise Wrong(f"others may read {loose[0]}{more}: chmod -R go-rwx {var.absolute()}")
    return f"{var.absolute()} can be written, {os.statvfs(var).f_bavail * os.statvfs(var).f_frsize // 2**20:,} MiB free"


def database(world: World) -> str:
    """It answers, and has the tables of this version."""
    revision = current(world)
    with reading(world.engine) as conn:
        lacking = schema.lacking(conn)
    if lacking:
        raise Wrong(f"{described(world.engine.url)} lacks {', '.join(lacking[:5])}: {schema.STRANGE}")
    return f"{described(world.engine.url)} at revision {revision}"


def people(world: World) -> str:
    """Somebody can sign in."""
    with reading(world.engine) as conn:
        found = [user for user in store.users(conn) if not user.disabled]
        apps = len(store.clients(conn))
    if not found:
        raise Wrong("nobody can sign in yet: carecoord user add LOGIN --name NAME --role coordinator")
    return f"{len(found)} can sign in, {apps} apps are registered"


def later(world: World) -> str:
    """No job waits for a person."""
    with reading(world.engine) as conn:
        stuck = jobs.stuck(conn, world.clock())
        left = [each.lane for each in jobs.counts(conn, world.clock()) if each.is_left]
    if stuck:
        first = f"{stuck[0].kind} {stuck[0].key}: {stuck[0].error}"
        raise Wrong(f"{len(stuck)} jobs failed too often, the first: {first}. Mend that, then: carecoord jobs retry")
    if late := health.late(health.numbers(world), micros(world.clock())):
        which = f" (lane {', '.join(left)})" if left else ""
        todo = "carecoord serve, or carecoord work in each lane, must run; see its log"
        raise Wrong(f"a job is due for {late // 60:,} minutes{which}: {todo}")
    return "no job waits for a person, none is late"


def worker(world: World) -> str:
    """Somebody does what is due later."""
    if health.numbers(world).beat is None:
        if (life.served(world.settings.var) or 0) > life.STARTING:
            raise Wrong("carecoord serve runs, but no worker was ever heard of: its log says why (child_ended)")
        return "none has run yet; carecoord serve starts one"
    if silent := health.worker(world):
        raise Wrong(f"{silent}: start carecoord serve, or look into its log; without one no EHR is synced")
    return "it does what is due"


def synced(world: World, found: SyncHealth) -> str:
    """What we hold of an EHR is fresh."""
    again = f"carecoord sync {found.ehr}"
    often = f"{again}; by itself: carecoord ehr every {found.ehr} MINUTES, while carecoord serve runs"
    ago = f"{int((world.clock() - found.good).total_seconds()) // 60:,} minutes ago" if found.good else "never"
    goal = f"{int(found.goal.total_seconds()) // 60:,} minutes"
    if found.state == "never":
        raise Wrong(f"it was never read: {often}")
    if found.state == "failed" and found.run:
        why = str(found.run.error).rstrip(".")
        raise Wrong(f"the last one failed: {why}. The last good one: {ago}. Mend that, then: {again}")
    if found.state == "late":
        raise Wrong(f"the last good one was {ago}, more than {goal}: {often}")
    return f"the last one was {ago}, {goal} are allowed" + ("" if found.every else f"; by hand alone: {often}")


def sealed(world: World, whole: bool = False, tell: Callable[[int, int], None] = lambda done, of: None) -> str:
    """Every row of the audit is as it was sealed. whole: walk all of the chain, not only what is new."""
    try:
        found = seals.walk(world, whole, tell)
    except ValueError as e:
        raise Wrong(f"{e}: somebody changed it; compare with a copy") from e
    if found.faults:
        listed = "; ".join(found.faults)
        raise Wrong(
            f"{listed}. If you put this database back from a backup, say so: carecoord audit restored. Else the trail "
            "was changed outside carecoord: keep this database as it is, compare it with a backup from before and find "
            "out who could write to it. `carecoord audit verify` walks the whole chain"
        )
    part = f" ({found.walked:,} of it walked now; carecoord audit verify walks all)"
    walked = part if found.walked != found.sealed else ""
    return f"{found.rows:,} rows, sealed to {found.sealed:,}, chain unbroken{walked}"


def sound(world: World, screen: Screen) -> str:
    """Every resource, and all that stands beside it, says the same."""
    from carecoord.cli.server import deep  # every room: the usual check needs none

    told, good = deep.look(world, screen)
    if not good:
        raise Wrong(told)
    return told


def journal(world: World) -> str:
    """What was read is on its way into the audit."""
    left = seals.left(world)
    if left.oldest > STALE:
        raise Wrong(
            f"{left.count} files of the journal wait in {world.journal.folder}, the oldest for {left.oldest // 60:,} "
            "minutes: start carecoord serve, which moves them into the audit within a second, and look into its log"
        )
    return f"{left.count} files wait to be moved into the audit" if left.count else "nothing waits to be moved"


def backup(world: World) -> str:
    """There is one, as new as is wanted."""
    goal, last = world.settings.backup_goal, backups.last(world)
    hours = int((world.clock() - last).total_seconds()) // 3600 if last else None
    ago = f"the last one was made {hours:,} hours ago" if hours is not None else "none was made by carecoord backup yet"
    if not goal:
        return f"{ago}; CARECOORD_BACKUP_GOAL says how old it may be"
    if hours is None or hours >= goal:
        raise Wrong(f"{ago}, {goal:,} hours are allowed: carecoord backup FOLDER, by cron or a timer")
    return f"{ago}, {goal:,} hours are allowed"


def intake_folder(world: World) -> str:
    """It can be read, each organization's in it can be written, and nothing was kept aside."""
    from carecoord.actions.documents.drops import folders, receipt  # all that acts need: only where papers come so

    folder = Path(world.settings.intake_folder)
    whose = folders.organizations(folder)
    for each in whose:
        receipt.demand_organization(world, each)
        with tempfile.NamedTemporaryFile(dir=folder / each, prefix="."):
            pass
        if aside := folders.aside(folder, each):
            raise Wrong(f"{len(aside)} files were refused, the first: {aside[0]}; the .why beside it says why")
    return f"{folder} has {len(whose)} organizations" if whose else f"{folder} has no folder named by an organization"


def mailbox(world: World, whose: str) -> str:
    """It lets us in."""
    from carecoord.actions.documents.drops import mailboxes, receipt

    receipt.demand_organization(world, whose)
    with mailboxes.opened(world, whose) as server:
        return f"{len(server.search('UNDELETED'))} letters wait"


def provider(world: World, found: Provider) -> str:
    """It answers, and can be signed in with."""
    from carecoord.actions.people import openid_providers  # all of OpenID: only where somebody signs in so

    return openid_providers.check(world, found)


def ehr(world: World, name: str) -> str:
    """It answers, lets us in, and offers something to read."""
    from carecoord.actions.ehrs import sync  # all that reads an EHR: only where there is one

    found = sync.examine(world, name)
    odd = "".join(f"; note: {notice}" for notice in found.notices)
    odd += f"; note: not granted to us: {', '.join(found.ungranted)}" if found.ungranted else ""
    return f"{found.software or 'answers'}, FHIR {found.fhir_version}, {len(found.jobs)} types to read{odd}"
