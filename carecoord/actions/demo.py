"""Set the stage of the demo: tell the story to a database, let its people and apps in. Every step may be repeated: what
is there already stays as it is."""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from auth import store
from auth.people import sessions
from auth.store import Client
from carecoord.actions.claims import files
from carecoord.actions.fhir import load as fhir_load
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.actions.terms.expand import sought
from carecoord.domain.imports.codes import HERE
from carecoord.fhir import text
from carecoord.store.database import marks, outbox
from carecoord.store.database.engine import reading, writing
from carecoord.store.terms import codes
from carecoord.world import World

OFFICE: Final = "office-fairmont"  # whose claims the payer paid
_BILLED: Final = "demo-claims"  # the row of `setting` that says that these are in
_DAY: Final = re.compile(rb"(?<=\*)20\d{6}(?=[*~])")  # of an X12 segment
_ISA_DAY: Final = re.compile(rb"(?<=\*)\d{6}(?=\*\d{4}\*\^)")
MARK = "demo"  # the row of `setting` that says that the story was told here, and to which day it was shifted
_SYSTEMS: Final = (HERE["HCPCS"], HERE["SNOMED"])
Report = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Told:
    """The story was told to a database: as if it played on `today`, from the folder `part` of the fixtures."""

    today: date
    part: str


def told(conn: Connection) -> Told | None:
    """Whether, and for which day, the story was told here."""
    row = marks.get(conn, MARK)
    if row is None:
        return None
    found = text.loads(row)
    return Told(date.fromisoformat(found["today"]), found["part"])


def tell(world: World, fixtures: Path, part: str, today: date, report: Report) -> None:
    """Load one side of the story, shifted so that it plays on `today`; nothing happens where that was done.

    The mark is set last: a run that was killed half-way loads again, and what is there already does not change.
    """
    with reading(world.engine) as conn:
        if told(conn):
            return
    anchor = date.fromisoformat(text.loads((fixtures / "anchor.json").read_bytes())["today"])
    fhir_load.load(world, sorted((fixtures / part).glob("*.ndjson")), days=(today - anchor).days, report=report)
    mark = text.dumps({"today": today.isoformat(), "part": part})
    words = _words(fixtures)
    with writing(world.engine) as conn:
        for system, said in words.items():
            codes.put(conn, system, {code: (told, sought(code, told), "") for code, told in said.items()}, 0)
        marks.add(conn, MARK, mark)


def bill(world: World, fixtures: Path, today: date, report: Report) -> None:
    """Take in what a payer paid of the office's claims, shifted as the story is, with the agreement on it: once the
    patients are here, of whom it speaks. Nothing happens where that was done."""
    with reading(world.engine) as conn:
        if marks.get(conn, _BILLED) is not None:
            return
    days = today - date.fromisoformat(text.loads((fixtures / "anchor.json").read_bytes())["today"])
    part = fixtures / "claims"
    fhir_load.load(world, sorted(part.glob("*.ndjson")), days=days.days, report=report)
    for each in sorted(part.glob("*.835")):
        id = files.upload(world, files.reader(OFFICE), MARK, each.name, _shifted(each.read_bytes(), days))
        files.run(world, id)
        with writing(world.engine) as conn:
            outbox.remove(conn, files.JOB, id)
    with writing(world.engine) as conn:
        marks.add(conn, _BILLED, b"{}")


def _shifted(body: bytes, by: timedelta) -> bytes:
    """An X12 file so many days later."""
    for pattern, form in ((_DAY, "%Y%m%d"), (_ISA_DAY, "%y%m%d")):
        body = pattern.sub(lambda found, form=form: _later(found[0], form, by), body)  # type: ignore[misc]
    return body


def _later(day: bytes, form: str, by: timedelta) -> bytes:
    then = datetime.strptime(day.decode(), form).replace(tzinfo=UTC)
    return f"{then + by:{form}}".encode()


def _words(fixtures: Path) -> dict[str, dict[str, str]]:
    """By system, the words of the codes of the story, as it has them: nothing else of these systems is shipped."""
    found: dict[str, dict[str, str]] = {system: {} for system in _SYSTEMS}

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if value.get("system") in found and value.get("display"):
                found[value["system"]][value["code"]] = value["display"]
            for each in value.values():
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    for file in sorted(fixtures.glob("*/ServiceRequest.ndjson")):
        for line in file.read_bytes().splitlines():
            walk(text.loads(line))
    return found


def admit(world: World, cast: Sequence[NewUser], known: dict[str, str]) -> dict[str, str]:
    """Let the cast in; returns login: password. `known` are the passwords of an earlier run; where one is lost, the
    person gets a new one."""
    with reading(world.engine) as conn:
        present = {user.login: user.id for user in store.users(conn)}
    passwords = {new.login: known.get(new.login) or accounts.make_password() for new in cast}

    def one(new: NewUser) -> None:
        if new.login not in present:
            accounts.add_user(world, new, passwords[new.login])
        elif new.login not in known:
            with writing(world.engine) as conn:
                sessions.change_password(conn, present[new.login], passwords[new.login])

    with ThreadPoolExecutor() as threads:  # hashing a password takes a core a quarter of a second
        list(threads.map(one, cast))
    return passwords


def register(world: World, client: Client, key_file: Path) -> None:
    """Register a backend service whose private key lies in `key_file`; makes the key where there is none.

    A lost key is replaced by a new one, and the registration with it.
    """
    with reading(world.engine) as conn:
        present = store.find_client(conn, client.id)
    if present and key_file.exists():
        if present.scope != client.scope:  # an earlier version asked for less
            with writing(world.engine) as conn:
                store.change_client(conn, replace(present, scope=client.scope))
        return
    if key_file.exists():
        public = accounts.public_keys(key_file.read_bytes())
    else:
        private, public = accounts.make_key()
        accounts.write_secret(key_file, private)
    new = replace(client, jwks=public)
    with writing(world.engine) as conn:
        if present:
            store.change_client(conn, new)
        else:
            store.add_client(conn, new, int(world.clock().timestamp()))
