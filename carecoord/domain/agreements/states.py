"""The states of a version of an agreement (Contract), for every road. What was executed stands as it was signed: a
change is a new version that amends it, so that on any day it can be shown what held.

Clause: FHIR R4 contract.html (ContractResourceStatusCodes); contracts.md (one Contract is one version)."""

from typing import Final

from carecoord.domain.agreements.versions import IN_FORCE
from carecoord.domain.resource import moves
from carecoord.domain.resource.codes import EXTENSION
from carecoord.domain.resource.elements import Json, items, text
from carecoord.domain.resource.moves import BOTH, Move
from carecoord.errors import Conflict

_DRAFTS: Final = ("policy", "negotiable", "offered", "executable")
_SIGNED: Final = ("executed", "renewed", "amended", "appended")
_DEAD: Final = ("cancelled", "rejected", "revoked", "terminated", "resolved", "entered-in-error")
_WAYS: Final = {  # from where -> verb: where to
    ("new",): {"draft": "policy", "negotiate": "negotiable", "offer": "offered", "ready": "executable"},
    _DRAFTS: {
        "draft": "policy", "negotiate": "negotiable", "offer": "offered", "ready": "executable", "sign": "executed",
        "cancel": "cancelled", "reject": "rejected", "void": "entered-in-error",
    },
    (*_SIGNED, "disputed"): {
        "renew": "renewed", "amend": "amended", "append": "appended", "terminate": "terminated", "revoke": "revoked",
        "dispute": "disputed", "resolve": "resolved", "void": "entered-in-error",
    },
    _DEAD[:-1]: {"void": "entered-in-error"},
}  # fmt: skip
TABLE: Final = {
    (start, verb): (Move(to, BOTH),)
    for starts, verbs in _WAYS.items()
    for start in starts
    for verb, to in verbs.items()
    if start != to
} | {(state, "keep"): (Move(state, BOTH),) for state in (*_DRAFTS, *_SIGNED, *_DEAD, "disputed")}

# What may be noted on a signed version without changing what was signed: how it stands, that notice was given.
_BESIDE: Final = frozenset({"meta", "text", "status", "legalState", "relevantHistory", "supportingInfo"})
_NOTICE: Final = f"{EXTENSION}/notice-given"


def signed(contract: Json) -> bool:
    """Whether a version was ever executed."""
    return text(contract, "status") in IN_FORCE | {"disputed", "revoked", "resolved"}


def judge(before: Json, after: Json) -> None:
    """Refuse a change of a version that the table does not have (`before` empty: a new one), and any of what was
    signed.

    Raises Conflict (409) naming the legal verbs.
    """
    start, to = text(before, "status") if before else "new", text(after, "status")
    if start and to:
        verb = "keep" if start == to else moves.between(TABLE, start, to) or "draft"
        moves.advance(TABLE, start, verb, "either", where="Contract.status")
    if before and signed(before) and (other := _changed(before, after)):
        text_ = f"This version was executed: its {', '.join(other)} stays as signed. Legal: amend (a new Contract)."
        raise Conflict(text_, f"Contract.{other[0]}")


def judge_deletion(before: Json) -> None:
    """Refuse to delete a version that was ever executed. Raises Conflict (409)."""
    if signed(before):
        raise Conflict("This version was executed: it stays. Legal: terminate, amend (a new Contract).", "Contract")


def _changed(before: Json, after: Json) -> list[str]:
    """The elements of a signed version that differ."""
    names = sorted((before.keys() | after.keys()) - _BESIDE - {"extension", "id", "resourceType"})
    found = [name for name in names if before.get(name) != after.get(name)]
    return found + (["extension"] if _terms(before) != _terms(after) else [])


def _terms(contract: Json) -> list[Json]:
    """Its extensions but for the notice."""
    return [each for each in items(contract, "extension") if each.get("url") != _NOTICE]
