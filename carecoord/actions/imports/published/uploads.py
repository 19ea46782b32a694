"""A file that others publish, brought in at the desk: kept as it came in a folder of CARECOORD_VAR, however long it is,
and tried or taken in by a worker as a stream (decision 57). Once it is in, or after seven days, the file is let go.

Several machines share that folder: a worker that does not have the file leaves the job to one that has."""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from auth.grant import Grant
from carecoord.actions.imports import tables
from carecoord.actions.imports.batch import Brought
from carecoord.actions.imports.outcomes import TOLD, Outcome, Told, ended, kept
from carecoord.actions.imports.published import in_network_file, nppes_file, plan_net_files
from carecoord.actions.imports.published.nppes_file import Wanted
from carecoord.actions.imports.tables import Table
from carecoord.domain.imports.published.kinds import PUBLISHED, kinds
from carecoord.errors import Conflict, Forbidden, Invalid, Problem, Unavailable
from carecoord.fhir.instants import micros
from carecoord.store.database import outbox, private_files
from carecoord.store.database.engine import reading, writing
from carecoord.store.imports import files
from carecoord.store.imports.files import File
from carecoord.words.sentence import dumps, sentence
from carecoord.world import World

JOB: Final = "import"
FOLDER: Final = "imports"
PART: Final = ".part-"  # how what is still coming is called
PARTS: Final = 1000  # in how many parts progress is told
KEPT: Final = timedelta(days=7)
_LEFT: Final = timedelta(days=1)  # how old is what nobody is bringing any more
Report = Callable[[int, int], None]


def room(world: World) -> Path:
    """The folder of the files, for our own user alone."""
    folder = Path(world.settings.var) / FOLDER
    private_files.make_folder(folder)
    return folder


def take(world: World, grant: Grant, kind: str, name: str, part: Path) -> str:
    """Keep a file that has come; returns its id. Raises Forbidden, and Invalid for an empty one."""
    if kind not in kinds(grant.roles):
        raise Forbidden(sentence("refusals.your-roles-do-not-bring-this"))
    if not part.stat().st_size:
        raise Invalid(sentence("imports.published.empty", name=name))
    id, now = world.new_id(), world.clock()
    file = File(id, grant.subject, kind, name[:200], "new", True, 0, PARTS, {}, b"", micros(now))
    place = path(world, file)
    place.parent.mkdir(mode=0o700)
    os.link(part, place)
    with writing(world.engine) as conn:
        files.forget(conn, micros(now - KEPT))
        files.add(conn, file, b"")
    _sweep(world)
    return id


def path(world: World, file: File) -> Path:
    """Where a file lies: under its own name, by which faults are told."""
    plain = "".join(each if each.isascii() and (each.isalnum() or each in "._-") else "-" for each in file.name)
    return Path(world.settings.var) / FOLDER / file.id / (plain.lstrip(".")[-120:] or "file")


def _sweep(world: World) -> None:
    """Let go of files of which nothing is known any more, and of parts whose upload was broken off. What is young may
    be another's that is just coming: its row is not kept before its file lies here. By the clock of the files."""
    before = time.time() - _LEFT.total_seconds()
    for each in room(world).iterdir():
        try:
            if each.lstat().st_mtime > before:
                continue
        except FileNotFoundError:  # another swept it, or its upload has ended
            continue
        if each.name.startswith(PART):
            each.unlink(missing_ok=True)
        elif each.is_dir():
            with reading(world.engine) as conn:
                known = files.get(conn, each.name)
            if known is None:
                shutil.rmtree(each, ignore_errors=True)


def begin(world: World, grant: Grant, file: File, said: Mapping[str, str], *, dry: bool) -> None:
    """Have a worker try a file, or take it in. said: what stands beside it, by the names of `PUBLISHED`. Raises
    Forbidden, Conflict while a worker has it and once it is in, Invalid where what is needed is not said."""
    if file.kind not in kinds(grant.roles):
        raise Forbidden(sentence("refusals.your-roles-do-not-bring-this-in"))
    if file.state == "waiting":
        raise Conflict(sentence("refusals.this-file-being-read-wait"))
    if file.state == "kept" or not path(world, file).exists():
        raise Conflict(sentence("refusals.this-file-in-already-bring"))
    if file.kind == "in-network" and not said.get("agreement"):
        raise Invalid(sentence("imports.published.which-agreement"), "agreement")
    options = {name: said.get(name, "")[:2000] for name in PUBLISHED[file.kind].asks}
    with writing(world.engine) as conn:
        files.change(conn, replace(file, state="waiting", dry=dry, done=0, mapping=options))
        outbox.add(conn, JOB, file.id, b"", world.clock())


def work(world: World, grant: Grant, file: File) -> None:
    """Try it or take it in. Raises Unavailable where the file is not here: another machine may have it."""
    place = path(world, file)
    if not place.exists():
        raise Unavailable(f"{place} is not on this machine.")
    last = 0

    def report(done: int, total: int) -> None:
        nonlocal last
        part = min(PARTS, done * PARTS // max(1, total))
        if part > last:
            last = part
            with writing(world.engine) as conn:
                files.progress(conn, file.id, part)

    try:
        if file.kind not in kinds(grant.roles):
            raise Forbidden(sentence("refusals.your-roles-do-not-bring-this-in"))
        outcome = _BRING[file.kind](world, grant, place, file, report)
    except Unavailable:  # no fault of the file: it is tried again
        raise
    except Problem as problem:
        done = ended(file, Outcome(failed=kept(problem.said)), "failed")
    else:
        done = replace(ended(file, outcome, "tried" if file.dry else "kept"), done=PARTS)
    with writing(world.engine) as conn:
        files.change(conn, done)
    if done.state == "kept":
        shutil.rmtree(place.parent, ignore_errors=True)


def _nppes(world: World, grant: Grant, place: Path, file: File, report: Report) -> Outcome:
    wanted = Wanted(_codes(file, "states"), _codes(file, "taxonomies"))
    found = nppes_file.bring(world, grant, JOB, place, wanted, dry=file.dry, report=report)
    table = Table(file.name, "", 1, (), ())
    faults = [
        Told(dumps(tables.place(table, found.mapped, each)), each.row, each.column, "", dumps(each.why))
        for each in found.brought.faults[:TOLD]
    ]
    return _outcome(found.brought, faults, len(found.brought.faults), found.lines)


def _in_network(world: World, grant: Grant, place: Path, file: File, report: Report) -> Outcome:
    number, version = file.mapping.get("agreement", ""), file.mapping.get("version", "")
    brought, found = in_network_file.bring(
        world, grant, JOB, place, number, version=version, dry=file.dry, report=report
    )
    faults = [Told(where, 0, "", "", dumps(why)) for where, why in found.refused[:TOLD]]
    return _outcome(brought, faults, len(found.refused), found.entries)


def _plan_net(world: World, grant: Grant, place: Path, file: File, report: Report) -> Outcome:
    directory, whole = file.mapping.get("directory", ""), bool(file.mapping.get("whole"))
    brought, found = plan_net_files.bring(
        world, grant, JOB, place, directory, whole=whole, dry=file.dry, report=report
    )
    faults = [Told(where, 0, "", "", dumps(why)) for where, why in found.faults[:TOLD]]
    return _outcome(brought, faults, len(found.faults), found.size, found.ended[:TOLD])


_BRING: Final = {"nppes": _nppes, "in-network": _in_network, "plan-net": _plan_net}


def _codes(file: File, name: str) -> tuple[str, ...]:
    """The codes of a field, parted by commas, semicolons or blanks."""
    said = file.mapping.get(name, "").replace(",", " ").replace(";", " ")
    return tuple(each.upper() for each in said.split())


def _outcome(brought: Brought, faults: list[Told], n: int, read: int, gone: list[str] | None = None) -> Outcome:
    return Outcome({**brought.rows, "read": read}, faults, max(0, n - len(faults)), gone=gone or [])

