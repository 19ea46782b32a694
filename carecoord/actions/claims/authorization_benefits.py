"""A member's own requests for authorization as ExplanationOfBenefits: made whenever the member's app reads or searches
them, of the requests, their answers and their rows, in the one transaction that all three were written in."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from carecoord.actions.access import consents
from carecoord.actions.access.turn import Turn
from carecoord.domain.access import member_view
from carecoord.domain.claims.authorization_benefit import Authorization, benefit, id_of
from carecoord.domain.prior_auth.lifecycle import chain, newest
from carecoord.domain.resource.elements import Json, item, key, target, text
from carecoord.fhir import text as json
from carecoord.fhir.instants import FOREVER, instant
from carecoord.fhir.search.extract import extract
from carecoord.fhir.search.query import Search
from carecoord.store.prior_auth import authorizations
from carecoord.store.resources import read
from carecoord.store.resources.read import Row
from carecoord.store.search.unstored import FIRST, Unstored, lets

TYPE: Final = "ExplanationOfBenefit"
_FIRST_INSTANT: Final = 2**31  # microseconds: no stored resource has so many versions
_PAPERS: Final = ("Claim", "ClaimResponse")


def unstored(turn: Turn, type: str) -> list[Unstored]:
    """What of a type the asker has beside what is stored: the requests of the member whose own app asks. Whether the
    scopes of the app let it see one is left to who reads them."""
    patient = consents.own_record(turn.grant) if type == TYPE else None
    rows = authorizations.of_patient(turn.conn, patient) if patient else []
    if not patient or not rows:
        return []
    papers = read.of_patient(turn.conn, patient, _PAPERS)
    changed = {f"{each.type}/{each.id}": each.updated for each in papers}
    known = {key(each): each for each in (json.loads(paper.body) for paper in papers)}
    return list(_made(turn, patient, [each._mapping for each in rows], known, changed))


def along(turn: Turn, search: Search) -> list[Unstored]:
    """Those that may come with what a search of another type finds, where it asks for such."""
    asks = any(param.type == TYPE for each in search.includes if each.reverse for param in each.params)
    return unstored(turn, TYPE) if asks and search.type != TYPE else []


def versions(turn: Turn, type: str | None) -> list[Row]:
    """Of each of these that the asker may read the one version that there is: nobody keeps another."""
    may = turn.filter(TYPE, "r") if type in (None, TYPE) else ()
    return [each.row for each in unstored(turn, TYPE) if lets(each, may)] if may else []


def one(turn: Turn, type: str, id: str) -> Row | None:
    """One of these by its id, if the asker may read it."""
    may = turn.filter(type, "r") if type == TYPE else ()
    found = (each for each in unstored(turn, type) if each.row.id == id and lets(each, may))
    return next((each.row for each in found), None)


def placed(type: str, id: str, version: int) -> tuple[int, int, int] | None:
    """Where in a history such a one stands or stood, as (updated, row number, version), by its name alone: for a page
    that goes on behind it, though it has changed since and stands at the top. None for what can be none of these."""
    try:
        number = _row_number(id) if type == TYPE and _FIRST_INSTANT < version < FOREVER else None
    except ValueError:
        return None
    return (version, number, version) if number else None


def _row_number(id: str) -> int:
    return FIRST + UUID(id).int % FIRST


def _made(
    turn: Turn, patient: str, rows: Sequence[Mapping[Any, Any]], known: Mapping[str, Json], changed: Mapping[str, int]
) -> Iterator[Unstored]:
    claims = [each for each in known.values() if each["resourceType"] == "Claim"]
    for row in rows:
        claim = known.get(row["claim"], {}) if row["claim"].startswith("Claim/") else {}
        answered, answer = _answered(turn, row, claims, known)
        shown = member_view.shown(row, claim, answer)
        if shown is None:
            continue
        at = max([shown["updated"], *(changed.get(key(each), 0) for each in (claim, answer) if each)])
        lines = json.values(shown["lines"].encode())
        whole = Authorization(
            claim, answered, answer, shown["state"], lines, shown["authorized"], shown["used"],
        )  # fmt: skip
        yield _numbered(turn, benefit(whole, id_of(shown["root"]), patient), patient, at)


def _answered(
    turn: Turn, row: Mapping[Any, Any], claims: Sequence[Json], known: Mapping[str, Json]
) -> tuple[Json, Json]:
    """The version of a request that was answered last, and the answer that holds; empty where there is none. What came
    without a request answers none."""
    if not row["claim"].startswith("Claim/"):
        return {}, known.get(row["claim"], {})
    answers = [
        each for each in known.values()
        if each["resourceType"] == "ClaimResponse" and text(each, "status") == "active"
        and text(each, "use") in ("preauthorization", "")
    ]  # fmt: skip
    for claim in chain(claims, row["claim"]):
        heard = [each for each in answers if target(item(each, "request")) == key(claim)]
        if heard:
            return claim, newest(heard, turn.world.base.zone)
        if key(claim) == row["root"]:
            break
    return {}, {}


def _numbered(turn: Turn, made: Json, patient: str, at: int) -> Unstored:
    """With its version, which is the instant of its last change: nobody counts the versions of what nobody keeps."""
    made["meta"] |= {"versionId": str(at), "lastUpdated": instant(at)}
    row = Row(
        _row_number(made["id"]), TYPE, made["id"], at, at, False, json.dumps(made), patient,
    )  # fmt: skip
    return Unstored(row, extract(made, turn.world.base))
