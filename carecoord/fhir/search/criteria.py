"""What one search argument asks: `name=value` read by the official search parameters.

Clause: FHIR R4 search.html sections 3.1.1.4 (modifiers, prefixes, escaping), 3.1.1.5 (types), 3.1.1.5.8 (chaining),
3.1.1.5.9 (_has). Values that one argument lists with commas are alternatives; arguments all hold together.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from carecoord.errors import Invalid
from carecoord.fhir.search.implied import widened
from carecoord.fhir.search.operands import (
    Absent,
    Code,
    Operand,
    parts,
    plain,
    read,
    read_code,
    read_pair,
    read_reference,
    read_words,
)
from carecoord.fhir.search.params import Param, params
from carecoord.fhir.service_base import Base
from carecoord.fhir.types import TYPES

MOST_VALUES = 500  # alternatives of one argument, of kinds that are looked up by equality
MOST_RANGES = 50  # of the others, and code systems in one argument
# A document tells the address of its file, and the standard makes that a uri: for us it points to the Binary like any
# reference, so that whoever may read the document may read the file.
ATTACHED = ("Binary", "DocumentReference", "location")
# R4 has no parameter that leads from an order to the payer of whom it was requested (Claim.referral has none): ours.
REQUESTED = "_requested-of"
# R4 leads from a Provenance to a patient only where a target is the Patient (Provenance.patient); an act names what
# came out of it. Ours: `_target:Task` and `_target-patient:Task+Claim`, of which the value is alternatives as
# `of_targets` writes them: a target of this type, or the patient whom a target of these types is about, meets one.
ORIGIN = ("Provenance", "target")
_OF_TARGET, _OF_PATIENT = "_target", "_target-patient"
_BY_EQUALITY = ("token", "reference", "uri")
_DEEPEST = 8  # hops of one chain
_WIDEST = 12  # target types that a chain without a type may mean

_MODIFIERS = {
    "token": {"text", "not"},
    "string": {"exact", "contains"},
    "uri": {"above", "below"},
    "reference": {"identifier"},
}
_REFUSED = {  # known to the standard, and why not here
    "in": "it needs a terminology server; list the codes instead",
    "not-in": "it needs a terminology server; list the codes with :not instead",
    "above": "it needs the hierarchy behind the values; list them instead",
    "below": "it needs the hierarchy behind the values; list them instead",
    "of-type": "search by system|value instead",
}


class Unknown(Invalid):
    """400: there is no such parameter on this type; a lenient search passes over it."""


@dataclass(frozen=True)
class Term:
    """One parameter of a type, and the operands of which at least one must match. modifier: missing, text, not, exact,
    contains, above, below, identifier, or empty."""

    param: Param
    modifier: str
    operands: tuple[Operand, ...]


@dataclass(frozen=True)
class Chain:
    """What a reference points at must meet the criterion of its type: `subject:Patient.organization.name=x`."""

    param: Param
    branches: tuple[tuple[str, "Criterion"], ...]


@dataclass(frozen=True)
class Has:
    """Some resource that points here by `param` (a parameter of its own type) must meet the criterion: `_has`.

    base: our own FHIR base with a slash behind, where the parameter is a uri that may begin with it."""

    param: Param
    criterion: "Criterion"
    base: str = ""


@dataclass(frozen=True)
class Not:
    """The criteria must not all hold. No search argument says so: it is for what we withhold ourselves."""

    criteria: tuple["Criterion", ...]


@dataclass(frozen=True)
class Whose:
    """What a reference points at, of one of these types, or where `patient`, the patient whom that is about, must meet
    all criteria of one of the alternatives."""

    param: Param
    types: tuple[str, ...]
    patient: bool
    ways: tuple[tuple["Criterion", ...], ...]


@dataclass(frozen=True)
class Requested:
    """Authorization for the ServiceRequest was requested of one of these payers (`system|value`)."""

    payers: tuple[str, ...]


Criterion = Term | Chain | Has | Not | Whose | Requested


def criterion(type: str, name: str, value: str, base: Base) -> Criterion:
    """Read one argument of a search on that type.

    Raises Unknown for a parameter that the type does not have, Invalid for anything that can not be understood, each
    with `where` naming the argument.
    """
    try:
        if "\0" in value:
            raise Invalid("A value can not hold a NUL.")
        return _read(type, name, value, base, 0)
    except Invalid as e:
        e.where = e.where or f"http.{name}"
        raise


def _read(type: str, name: str, value: str, base: Base, depth: int) -> Criterion:
    if depth > _DEEPEST:
        raise Invalid(f"A chain may have {_DEEPEST} hops, and no more.")
    if name.startswith("_has:"):
        return _has(type, name, value, base, depth)
    if (type, name) == ("ServiceRequest", REQUESTED):
        return Requested(tuple(plain(each) for each in parts(value, ",")[:MOST_VALUES]))
    head, dot, rest = name.partition(".")
    code, _, modifier = head.partition(":")
    if type == ORIGIN[0] and code in (_OF_TARGET, _OF_PATIENT):
        return _whose(tuple(modifier.split("+")), code == _OF_PATIENT, value, base, depth)
    param = _param(type, code)
    if dot:
        return _chain(param, modifier, rest, value, base, depth)
    return _term(param, modifier, value, base)


def of_targets(types: Iterable[str], patient: bool, ways: Iterable[Sequence[tuple[str, str]]]) -> tuple[str, str]:
    """The search argument for a Provenance of what is of these types and meets one of the alternatives, or `patient`,
    is about a patient who does."""
    code = _OF_PATIENT if patient else _OF_TARGET
    return f"{code}:{'+'.join(types)}", " ".join(urlencode(way) for way in ways)


def _whose(types: tuple[str, ...], patient: bool, value: str, base: Base, depth: int) -> Whose:
    owner = "Patient" if patient else types[0]
    if not set(types) <= set(TYPES) or (len(types) > 1 and not patient):
        raise Invalid(f"{'+'.join(types)!r} is no type of this server.")
    ways = tuple(
        tuple(_read(owner, name, one, base, depth + 1) for name, one in parse_qsl(way)) for way in value.split(" ")
    )
    if not all(ways):
        raise Invalid("Each alternative needs an argument.")
    return Whose(_param(*ORIGIN), types, patient, ways)


def _param(type: str, code: str) -> Param:
    known = params(type)
    if code not in known:
        raise Unknown(f"{type} has no search parameter {code!r}; it has {', '.join(known)}.")
    return known[code]


def _has(type: str, name: str, value: str, base: Base, depth: int) -> Has:
    pieces = name.split(":", 3)
    if len(pieces) < 4 or not pieces[3]:
        raise Invalid("Write _has:Type:reference:parameter=value, such as _has:Task:focus:status=requested.")
    _, owner, code, rest = pieces
    if owner not in TYPES:
        raise Invalid(f"{owner!r} is not a resource type of this server.")
    param = _param(owner, code)
    attached = (type, owner, code) == ATTACHED
    if not attached and (param.kind != "reference" or type not in param.targets):
        raise Invalid(f"{owner}.{code} does not refer to {type}.")
    return Has(param, _read(owner, rest, value, base, depth + 1), base.prefix if attached else "")


def _chain(param: Param, modifier: str, rest: str, value: str, base: Base, depth: int) -> Chain:
    if param.kind != "reference":
        raise Invalid(f"{param.code} is a {param.kind}, not a reference: nothing can be chained to it.")
    if modifier and modifier not in param.targets:
        raise Invalid(f"{param.type}.{param.code} does not refer to {modifier!r}, but to {', '.join(param.targets)}.")
    targets = [modifier] if modifier else list(param.targets)
    branches: list[tuple[str, Criterion]] = []
    unknown: Invalid = Unknown(f"{param.type}.{param.code} refers to no type of this server.")
    for target in targets:
        if target not in TYPES:
            continue
        try:
            branches.append((target, _read(target, rest, value, base, depth + 1)))
        except Unknown as e:
            unknown = e
    if not branches:
        raise unknown
    if len(branches) > _WIDEST:
        raise Invalid(f"{param.code} may refer to many types: name one, such as {param.code}:{branches[0][0]}.{rest}.")
    return Chain(param, tuple(branches))


def _term(param: Param, modifier: str, value: str, base: Base) -> Term:
    if not value:
        raise Invalid(f"{param.code} has no value.")
    if modifier == "missing":
        if param.code in ("_id", "_lastUpdated"):
            raise Invalid(f"{param.code} is never missing.")
        if value not in ("true", "false"):
            raise Invalid(f"{param.code}:missing is true or false, not {value!r}.")
        return Term(param, modifier, (Absent(value == "true"),))
    kept, read_one = _reader(param, modifier, base)
    texts = parts(value, ",")
    most = MOST_VALUES if param.kind in _BY_EQUALITY else MOST_RANGES
    if len(texts) > most:
        raise Invalid(f"{param.code} lists {len(texts)} values; at most {most} in one argument.")
    if not all(texts):
        raise Invalid(f"{param.code} has an empty value in its list.")
    operands = tuple(dict.fromkeys(one for text in texts for one in widened(param, read_one(text))))
    if len({operand.system for operand in operands if isinstance(operand, Code)}) > MOST_RANGES:
        raise Invalid(f"{param.code} lists codes of more than {MOST_RANGES} systems.")
    return Term(param, kept, operands)


def _reader(param: Param, modifier: str, base: Base) -> tuple[str, Callable[[str], Operand]]:
    """The modifier that remains to be heeded, and what reads a single value."""
    if param.kind == "reference" and modifier != "identifier":
        if modifier and modifier not in param.targets:
            raise _no_modifier(param, modifier)
        return "", lambda text: read_reference(text, base, param, modifier)
    if modifier and modifier not in _MODIFIERS.get(param.kind, ()):
        raise _no_modifier(param, modifier)
    if param.code == "_id":
        if modifier == "text":
            raise Invalid("_id has no text: it is compared as it is.")
        return modifier, lambda text: Code(None, plain(text))
    if param.kind == "composite":
        return modifier, lambda text: read_pair(text, base, param)
    if modifier == "text":
        return modifier, read_words
    if modifier == "identifier":
        return modifier, read_code
    return modifier, lambda text: read(param.kind, text, base)


def _no_modifier(param: Param, modifier: str) -> Invalid:
    if modifier in _REFUSED and modifier not in _MODIFIERS.get(param.kind, ()):
        return Invalid(f":{modifier} is not supported on {param.code}: {_REFUSED[modifier]}.")
    able = sorted({"missing"} | _MODIFIERS.get(param.kind, set()))
    types = f", or a type it refers to ({', '.join(param.targets)})" if param.kind == "reference" else ""
    return Invalid(f"{param.code} takes no modifier {modifier!r}; it takes {', '.join(able)}{types}.")
