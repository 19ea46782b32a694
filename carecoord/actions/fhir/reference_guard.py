"""Nobody lets themselves in.

Roles see a patient by what points at them: a referral to one's organization, a task of one's own. Whoever could write
such a thing about any patient could open any record. So those whom a role narrows may point only at patients whom they
see already, or whom they admit in the same go into their own organization's care. A file is seen by the documents that
it is attached to, and goes along to an EHR with whatever names it: so they may name, wherever they do, only files that
they see already, that they bring along, or that the resource named before. And who works at an organization sees what
its copies are party to, which are known by their identifiers: so whoever keeps the registry makes their own
organization no copy of another; who sets the house up says which are one. And whether a card is good says its own payer
alone: so they answer about no other card, and no question that was put to another.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, Protocol

from carecoord.actions.access.turn import Turn
from carecoord.domain.access import verbs
from carecoord.domain.access.roles import Office
from carecoord.domain.resource.elements import identifiers, item, items, pairs, target, targets, text
from carecoord.domain.resource.parties import TAXES
from carecoord.errors import Forbidden
from carecoord.fhir import text as json
from carecoord.fhir.search import params
from carecoord.fhir.search.criteria import ATTACHED
from carecoord.fhir.search.extract import Index, extract
from carecoord.fhir.search.values import refers
from carecoord.fhir.types import TYPES
from carecoord.store.database.engine import alone
from carecoord.store.resources import read
from carecoord.store.worklist import registry

_HOUSE: Final = "Organization"
_ANSWER: Final = "CoverageEligibilityResponse"
_PAYS: Final = {"Coverage": "payor", "CoverageEligibilityRequest": "insurer"}  # where it stands who pays
_NAMES = ("reference", "url")  # of a Reference, and of an Attachment


class Write(Protocol):
    """A resource to be stored under a type and an id; None: to be deleted."""

    @property
    def type(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def resource(self) -> dict[str, Any] | None: ...


def demand_seen(turn: Turn, writes: Iterable[Write]) -> None:
    """Refuse writes that point at a patient whom the asker's roles do not see, name a file that they do not see, speak
    of a card that another pays for, or make their organization and another one copies of each other. To be called
    before anything is written.

    Raises Forbidden, in the same words for what is hidden and what is not there.
    """
    if not turn.grant.roles:
        return
    made = [write for write in writes if write.resource is not None]
    admitted = {write.id for write in made if write.type == "Patient" and _is_ours(write.resource, turn.office())}
    brought = {write.id for write in made if write.type == "Binary"}
    for write in made:
        index = extract(write.resource or {}, turn.world.base)
        for id in sorted(_patients(index) - admitted):
            if not _is_seen(turn, "Patient", id):
                said = f"There is no Patient/{id} whom this access sees: it can not write about them."
                raise Forbidden(said, write.type)
        for id in sorted(_files(write.resource, turn.world.base.prefix) - brought):
            if not _is_seen(turn, "Binary", id) and id not in _files_before(turn, write):
                said = f"There is no Binary/{id} that this access sees: send it in the same transaction."
                raise Forbidden(said, write.type)
        if other := _of_another(turn, write, made):
            said = f"There is no {other} of the payer of this access: it can not answer about it."
            raise Forbidden(said, write.type)
    if _makes_one(turn, made):
        said = "An identifier of this organization is another's: an administrator says whether they are one."
        raise Forbidden(said, f"{_HOUSE}.identifier")


def _of_another(turn: Turn, write: Write, made: Iterable[Write]) -> str | None:
    """A card or a question, as `type/id`, that an answer names and the resource did not name before, and that is not
    with the asker's payer."""
    if write.type != _ANSWER:
        return None
    row, prefix = read.get(turn.conn, write.type, write.id), turn.world.base.prefix
    before = json.loads(row.body) if row and row.body else {}
    named = _asked_about(write.resource or {}, prefix) - _asked_about(before, prefix)
    held = {(row.type, row.id): json.loads(row.body) for row in read.many(turn.conn, named)}
    held |= {(each.type, each.id): each.resource or {} for each in made}
    ours = {f"{_HOUSE}/{id}" for id in turn.office().organizations}
    other = (to for to in sorted(named) if ours.isdisjoint(targets(held.get(to, {}), _PAYS[to[0]])))
    return next(("/".join(to) for to in other), None)


def _asked_about(answer: dict[str, Any], prefix: str) -> set[tuple[str, str]]:
    """The cards and the question that an answer names."""
    named = [item(answer, "request"), *(item(each, "coverage") for each in items(answer, "insurance"))]
    found = (refers(text(each, "reference"), prefix) for each in named)
    return {(to[0], to[1]) for to in found if to and to[0] in _PAYS}


def _makes_one(turn: Turn, writes: Iterable[Write]) -> bool:
    """Whether an organization that stands here is made a copy of the asker's own: it gains an identifier that theirs
    has, or gains in the same go, or theirs one of another's. One that is new is party to nothing yet, unless it is the
    asker's or becomes a copy of it: then it carries no identifier of another's, or the two would be one through it, and
    takes no id that anything names already."""
    houses = [each for each in writes if each.type == _HOUSE]
    if not houses or verbs.may(turn.grant.roles, "set-up"):
        return False
    alone(turn.conn, "copies of organizations")  # of two who write at once the second sees what the first has written
    ours = {*turn.office().organizations, turn.grant.organization or ""}
    named = [(_HOUSE, id) for id in (*ours, *(each.id for each in houses)) if id]
    held = {row.id: identifiers(json.loads(row.body)) for row in read.many(turn.conn, named)}
    own = _keys(*(keys for id, keys in held.items() if id in ours),
                *(identifiers(each.resource or {}) for each in houses if each.id in ours))  # fmt: skip
    new = [each for each in houses if each.id not in held and _keys(identifiers(each.resource or {})) & own]
    if registry.pointing(turn.conn, _naming(), _HOUSE, [each.id for each in new if each.id not in ours]):
        return True  # of an id that somebody names what is named would be theirs, though nobody had it so far
    ours |= {each.id for each in new}  # a copy of theirs from now on: by what else it says another one would be theirs
    own |= _keys(*(identifiers(each.resource or {}) for each in new))
    for each in houses:
        gained = _keys(identifiers(each.resource or {}) - held.get(each.id, frozenset()))
        same = registry.identified(turn.conn, _HOUSE, pairs(sorted(gained))) if each.id in ours else ()
        if any(row.id not in ours for row in same):
            return True
        if each.id not in ours and each.id in held and gained & own:
            return True
    return False


def _naming() -> list[tuple[str, str]]:
    """Every search parameter (its type, code) by which something may refer to an organization."""
    found = ((type, each) for type in TYPES for each in params.params(type).values())
    return [(type, each.code) for type, each in found if each.kind == "reference" and _HOUSE in each.targets]


def _keys(*identified: frozenset[str]) -> frozenset[str]:
    """The identifiers that make copies: two may pay their taxes as one."""
    return frozenset(key for keys in identified for key in keys if not key.startswith(TAXES))


def _is_seen(turn: Turn, type: str, id: str) -> bool:
    row = read.get(turn.conn, type, id)
    return row is not None and not row.deleted and turn.role_sees(row)


def _patients(index: Index) -> set[str]:
    """The patients that a search could find the resource by; a Patient's own id is not a reference."""
    return {id for _, id, type, _ in index.reference if type == "Patient" and id}


def _files(value: Any, prefix: str) -> set[str]:
    """The files of ours that a resource names, wherever it does."""
    found = (refers(each, prefix) for each in _named(value))
    return {to[1] for to in found if to and to[0] == ATTACHED[0]}


def _named(value: Any) -> Iterator[str]:
    for each in value if isinstance(value, list) else ():
        yield from _named(each)
    for name, each in value.items() if isinstance(value, dict) else ():
        if isinstance(each, str):
            if name in _NAMES:
                yield each
        else:
            yield from _named(each)


def _files_before(turn: Turn, write: Write) -> set[str]:
    """The files that the resource names as it is stored: who changes something else about it keeps them."""
    row = read.get(turn.conn, write.type, write.id)
    return _files(json.loads(row.body), turn.world.base.prefix) if row and row.body else set()


def _is_ours(patient: dict[str, Any] | None, office: Office) -> bool:
    manager = target(item(patient or {}, "managingOrganization"))
    return manager in {f"Organization/{id}" for id in office.organizations}
