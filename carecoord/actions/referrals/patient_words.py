"""The words that patients are found by: kept true by every write of a Patient or a Coverage, in its transaction."""

from collections.abc import Container, Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine

from carecoord.domain.resource import patient_words as said
from carecoord.domain.resource.elements import item, target, text
from carecoord.store.agreements import register
from carecoord.store.database import marks
from carecoord.store.referrals import patient_words
from carecoord.store.resources.write import Touched

TYPES: Final = ("Patient", "Coverage")
_MARK: Final = "words of patients"
_FORM: Final = b"1"  # of the rows
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def record(conn: Connection, touched: Sequence[Touched]) -> None:
    """Let what was written be found by what it now says."""
    last = {each.rid: each for each in touched if each.type in TYPES}
    if last:
        new = frozenset(each.rid for each in touched if each.version == 1)
        _put(conn, ((rid, each.after) for rid, each in last.items()), new)


def renew(engine: Engine) -> None:
    """Write every word anew where an earlier version, or none, has done it."""
    with marks.anew(engine, _MARK, _FORM) as conn:
        if conn is None:
            return
        patient_words.clear(conn)
        for bodies in register.present(conn, TYPES):
            _put(conn, bodies)


def found_by(resource: dict[str, Any]) -> set[tuple[str, str]]:
    """The rows (word, patient) of a resource of these types."""
    patient, texts = _said(resource)
    return patient_words.rows(patient, texts)


def _put(conn: Connection, bodies: Iterable[tuple[int, bytes]], new: Container[int] = ()) -> None:
    read = [(rid, _decode(body) if body else {}) for rid, body in bodies]
    there = [rid for rid, _ in read if rid not in new]
    patient_words.put(conn, there, [(rid, *_said(each)) for rid, each in read if each])


def _said(resource: dict[str, Any]) -> tuple[str, list[str]]:
    """Whom a resource is about, and the texts that it says of them; a card of nobody's says nothing."""
    if resource.get("resourceType") == "Patient":
        return text(resource, "id"), said.of_patient(resource)
    kind, _, id = target(item(resource, "beneficiary")).partition("/")
    return (id, said.of_coverage(resource)) if kind == "Patient" and id else ("", [])
