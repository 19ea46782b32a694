"""What patients forbid: a FHIR R4 Consent read as rules, and which parts of which records these withhold from an asker.

Honoured are active Consents about privacy with a rule that denies, by its period, actors, actions, purposes, classes,
security labels and single resources, with the exceptions inside it. Whatever of a rule can not be decided here makes a
denial wider and a permission void: the closed side. Consents never give anybody more than their role. Decision 16 says
why each element is read as it is.

Clause: FHIR R4 consent.html, consent.html#rules (a nested provision is an exception to the one around it).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from carecoord.domain.access import verbs
from carecoord.domain.resource.codes import HL7
from carecoord.domain.resource.elements import Json, identifier, item, items, target, text
from carecoord.fhir.code_systems import canonical
from carecoord.fhir.instants import FOREVER, period
from carecoord.fhir.search.extract import refers
from carecoord.fhir.service_base import NOWHERE, Base
from carecoord.fhir.types import TYPES

READING: Final = frozenset("rsud")  # what one may not read one may not change or delete either
# Consent.provision.action -> the letters of cruds that it speaks of
ACTIONS: Final = {
    "access": READING, "use": READING, "disclose": READING, "collect": frozenset("c"), "correct": frozenset("ud"),
}  # fmt: skip
TREATMENT: Final = frozenset({"TREAT", "CAREMGT", "COC", "TREATDS", "ETREAT", "BTG", "ERTREAT"})
PAYMENT: Final = frozenset(
    {"HPAYMT", "CLMATTCH", "COVAUTH", "COVERAGE", "ELIGDTRM", "ELIGVER", "ENROLLM", "MILDCRG", "REMITADV"}
)
OPERATIONS: Final = frozenset({"HOPERAT", "HSYSADMIN", "HACCRED", "HCOMPL", "HQUALIMP", "HDIRECT"})
ELSEWHERE: Final = frozenset(  # purposes that nobody has here
    {"HRESCH", "CLINTRCH", "HMARKT", "PUBHLTH", "PATRQT", "FAMRQT", "PWATRNY", "SUPNWK", "HLEGAL", "DISASTER", "THREAT"}
)
_CODES: Final = {"treatment": TREATMENT, "payment": PAYMENT, "operations": OPERATIONS}
PURPOSES: Final = {role: _CODES[purpose] for role, purpose in verbs.PURPOSES.items()}  # the codes of what each is for
_KNOWN: Final = TREATMENT | PAYMENT | OPERATIONS | ELSEWHERE
_NAMED: Final = frozenset({"Organization", "Practitioner", "PractitionerRole", "Device", "Patient", "RelatedPerson"})
_AUTHORS: Final = frozenset({"AUT", "AUTHOR", "INF", "INFORM"})  # such an actor is where the data came from
_OTHERS: Final = frozenset({"research", "adr", "treatment"})  # scopes that are not about who may see
_CONFIDENTIAL: Final = ("L", "M", "N", "R", "V")  # v3-Confidentiality upward: who may not see R may not see V
_CONFIDENTIALITY: Final = f"{HL7}/v3-Confidentiality"


@dataclass(frozen=True)
class Part:
    """What of a record a rule speaks of: None is all of it. labels: sets of `system|code`, of each of which a resource
    must carry one. spared: types that an exception lets through."""

    types: frozenset[str] | None = None
    labels: tuple[frozenset[str], ...] = ()
    resources: frozenset[str] | None = None
    spared: frozenset[str] = frozenset()

    def touches(self, types: Iterable[str]) -> bool:
        """Whether a resource of one of these types may be part of it."""
        named = None if self.resources is None else {each.partition("/")[0] for each in self.resources}
        return any(
            type not in self.spared and (self.types is None or type in self.types) and (named is None or type in named)
            for type in types
        )


WHOLE: Final = Part()


@dataclass(frozen=True)
class Rule:
    """A provision. effect: deny, permit, or empty for one that only holds others. actors: references and identifiers;
    None: everybody. purposes: none of them: any. sure: whether all that narrows it was understood."""

    effect: str
    starts: int
    ends: int
    actors: frozenset[str] | None
    letters: frozenset[str]
    purposes: frozenset[str]
    part: Part
    sure: bool
    inner: tuple["Rule", ...] = ()


@dataclass(frozen=True)
class Asker:
    """Who asks, as a rule may name them. parties: references (`Organization/<id>`) and identifiers (`system|value`).
    purposes: of each of their roles; none: nobody knows why they look."""

    parties: frozenset[str]
    purposes: tuple[frozenset[str], ...] = ()


@dataclass(frozen=True)
class Directive:
    """What one patient said."""

    patient: str
    rule: Rule


def may_deny(consent: Json) -> bool:
    """Whether a Consent could withhold anything: only those are kept at hand."""
    if text(consent, "status") != "active" or not _is_privacy(consent):
        return False
    return _denies(_provision(consent, NOWHERE))


def directive(consent: Json, base: Base) -> Directive | None:
    """What an active Consent about privacy says of its patient; None where it speaks of no patient of ours."""
    kind, _, id = (_local(item(consent, "patient"), base) or "").partition("/")
    if kind != "Patient" or not may_deny(consent):
        return None
    return Directive(id, _provision(consent, base))


def withheld(rule: Rule, asker: Asker, letter: str, now: int) -> Iterator[Part]:
    """The parts of the patient's record that a rule keeps from the asker at an instant (microseconds)."""
    if not _concerns(rule, asker, letter, now):
        return
    if rule.effect != "deny":
        for inner in rule.inner:
            yield from withheld(inner, asker, letter, now)
        return
    spared: set[str] = set()
    cancelled = False
    for inner in rule.inner:
        if inner.effect == "permit" and _lets(inner, asker, letter, now):
            cancelled = cancelled or inner.part == WHOLE
            spared |= (inner.part.types or frozenset()) if inner.part == Part(inner.part.types) else frozenset()
            yield from withheld(inner, asker, letter, now)
        elif inner.effect == "deny":
            yield from withheld(inner, asker, letter, now)
    if not cancelled:
        part = rule.part
        yield Part(part.types, part.labels, part.resources, frozenset(spared))


def turns(rule: Rule, now: int) -> int:
    """The next instant at which a period in the rule begins or ends."""
    moments = (rule.starts, rule.ends, *(turns(inner, now) for inner in rule.inner))
    return min((moment for moment in moments if moment > now), default=FOREVER)


def _concerns(rule: Rule, asker: Asker, letter: str, now: int) -> bool:
    """Whether a rule speaks of this asker doing this now, or may do so."""
    named = rule.actors is None or bool(rule.actors & asker.parties)
    meant = not rule.purposes or not asker.purposes or any(rule.purposes & why for why in asker.purposes)
    return named and meant and letter in rule.letters and rule.starts <= now < rule.ends


def _lets(rule: Rule, asker: Asker, letter: str, now: int) -> bool:
    """Whether a permission is beyond doubt: all that narrows it understood and met."""
    meant = not rule.purposes or (bool(asker.purposes) and all(rule.purposes & why for why in asker.purposes))
    return rule.sure and meant and _concerns(rule, asker, letter, now)


def _denies(rule: Rule) -> bool:
    return rule.effect == "deny" or any(map(_denies, rule.inner))


def _is_privacy(consent: Json) -> bool:
    """consentscope: what is not plainly about something else is about privacy."""
    codes = {text(each, "code") for each in items(item(consent, "scope"), "coding")}
    return not codes or not codes <= _OTHERS


def _provision(consent: Json, base: Base) -> Rule:
    """The root rule. The standard gives it no type of its own but takes it from policyRule; many write one all the
    same, and it counts first."""
    root = item(consent, "provision")
    policy = {text(each, "code") for each in items(item(consent, "policyRule"), "coding")}
    effect = text(root, "type") or ("deny" if policy & {"OPTOUT", "OPTOUTE"} else "")
    return _rule(root, effect, base)


def _rule(said: Json, effect: str, base: Base) -> Rule:
    starts, ends, timed = _period(item(said, "period"), base)
    actors, known = _actors(said, base)
    letters, clear = _letters(said)
    purposes, told = _purposes(said)
    part, whole = _part(said, base)
    # An exception without a type is the opposite of what it stands in; in a denial it would be a permission: void.
    inner = tuple(
        _rule(each, text(each, "type") or ("" if effect == "deny" else "deny"), base)
        for each in items(said, "provision")
    )
    sure = timed and known and clear and told and whole
    return Rule(effect, starts, ends, actors, letters, purposes, part, sure, inner)


def _period(said: Json, base: Base) -> tuple[int, int, bool]:
    try:
        starts = period(text(said, "start"), base.zone)[0] if "start" in said else 0
        ends = period(text(said, "end"), base.zone)[1] if "end" in said else FOREVER
    except ValueError:
        return 0, FOREVER, False
    return starts, ends, True


def _actors(said: Json, base: Base) -> tuple[frozenset[str] | None, bool]:
    """Whom it names. A group or team, somebody told by name only or on another server could be anybody."""
    if not said.get("actor"):
        return None, True
    found: set[str] = set()
    for actor in items(said, "actor"):
        reference = item(actor, "reference")
        local, logical = _local(reference, base), item(reference, "identifier")
        names = {local} if local and local.partition("/")[0] in _NAMED else set()
        if text(logical, "value"):
            names |= {identifier(logical), f"{text(logical, 'system')}|{text(logical, 'value')}"} - {""}
        roles = {text(each, "code") for each in items(item(actor, "role"), "coding")}
        if not names or roles & _AUTHORS:
            return None, False
        found |= names
    return frozenset(found), True


def _letters(said: Json) -> tuple[frozenset[str], bool]:
    if not said.get("action"):
        return READING, True
    codes = {text(each, "code") for action in items(said, "action") for each in items(action, "coding")}
    if not codes or not codes <= ACTIONS.keys():
        return READING | {"c"}, False
    return frozenset().union(*(ACTIONS[code] for code in codes)), True


def _purposes(said: Json) -> tuple[frozenset[str], bool]:
    codes = frozenset(text(each, "code") for each in items(said, "purpose"))
    if not said.get("purpose") or not codes <= _KNOWN:
        return frozenset(), not said.get("purpose")
    return codes, True


def _part(said: Json, base: Base) -> tuple[Part, bool]:
    """What of the record. `code` and `dataPeriod` are about content that no index tells for every type."""
    sure = not said.get("code") and not said.get("dataPeriod")
    types: frozenset[str] | None = None
    if said.get("class"):
        named = [(canonical(text(each, "system")), text(each, "code")) for each in items(said, "class")]
        if named and all(system == "https://hl7.org/fhir/resource-types" and code in TYPES for system, code in named):
            types = frozenset(code for _, code in named)
        sure = sure and types is not None
    resources: frozenset[str] | None = None
    if said.get("data"):
        meant = [(text(each, "meaning"), _local(item(each, "reference"), base)) for each in items(said, "data")]
        if meant and all(meaning == "instance" and local for meaning, local in meant):
            resources = frozenset(str(local) for _, local in meant)
        sure = sure and resources is not None
    labels = [_label(each) for each in items(said, "securityLabel")]
    if any(label is None for label in labels):
        return Part(types, (), resources), False
    return Part(types, tuple(label for label in labels if label), resources), sure


def _label(said: Json) -> frozenset[str] | None:
    """The labels that mean this one or more."""
    system, code = text(said, "system"), text(said, "code")
    if not code:
        return None
    if system == _CONFIDENTIALITY and code in _CONFIDENTIAL:
        return frozenset(f"{system}|{each}" for each in _CONFIDENTIAL[_CONFIDENTIAL.index(code) :])
    return frozenset({f"{system}|{code}"})


def _local(reference: Json, base: Base) -> str | None:
    """`Type/id` of a reference to this server, also where it is written with our own address."""
    found = refers(text(reference, "reference"), base.prefix) if base.url else None
    return "/".join(found[:2]) if found else target(reference) or None
