"""The lines of a payer's answer to a request for authorization: what was decided on each service.

Clause: Da Vinci PAS 2.2.1, Claim Response profile: the decision is in item.adjudication's reviewAction; of a modified
item (A6) what was authorized stands in the addItem linked to it; itemAuthorizedDetail on an addItem is what was
granted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, tzinfo
from fractions import Fraction
from typing import Any, Final, NamedTuple

from carecoord.domain.gates.gate import Evidence
from carecoord.domain.gates.policy import Policy
from carecoord.domain.prior_auth.code_ranges import same_modifiers, same_places, within
from carecoord.domain.prior_auth.question import PLACE_OF_SERVICE, modifiers
from carecoord.domain.prior_auth.requirements import Codes
from carecoord.domain.prior_auth.review_action import GRANTED, LineState, decided, decision, reviews
from carecoord.domain.prior_auth.units import Amount, amount, bare
from carecoord.domain.resource.codes import PAS
from carecoord.domain.resource.days import NEVER, Days, days, doubtful, sure
from carecoord.domain.resource.elements import (
    Json,
    code_of,
    codes,
    evidence,
    extension,
    extensions,
    identifier,
    item,
    items,
    number,
    target,
    text,
    whole,
    words,
)
from carecoord.domain.resource.parties import Directory, Party, Role, name, party
from carecoord.fhir.code_systems import NPI, canonical

CODE_END: Final = f"{PAS}/extension-productOrServiceCodeEnd"
# Roles in a care team (X12 98, HL7) of who assists, orders, refers, supervises, has the patient in primary care.
_BESIDE: Final = {"DD", "DK", "DN", "DQ", "P3", "assist", "supervisor"}
ALLOWED = {"allowedunits", "approvedunits", "authorizedunits"}  # adjudication categories (CARIN BB: allowedunits)


@dataclass(frozen=True, slots=True)
class Line:
    """One service of an answer. `amount` None: not counted. `vague`: granted otherwise than asked for, without saying
    how much. Of several `numbers` (the payer's), `spans` of days, `providers` and `sites` any is right; no provider or
    site: whoever, wherever. `modifiers`, `places` (CMS places of service; `place` in words) empty: whichever."""

    state: LineState
    codes: Codes
    code_end: str
    service: str
    numbers: tuple[str, ...]
    spans: tuple[Days, ...]
    amount: Amount | None
    vague: bool
    providers: tuple[Party, ...]
    sites: tuple[Party, ...]
    reason: str
    evidence: tuple[Evidence, ...]
    modifiers: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    place: str = ""
    doubt: tuple[Days, ...] = ()  # that only one reading of what was written has: no span has them

    @property
    def units(self) -> float | None:
        """The number of `amount`, whatever it counts."""
        return float(self.amount.count) if self.amount else None

    @property
    def number(self) -> str:
        """The first of the payer's numbers, empty where it gave none."""
        return next(iter(self.numbers), "")

    @property
    def days(self) -> Days:
        """From the first day of all spans to the last."""
        starts, ends = [each.start for each in self.spans], [each.end for each in self.spans]
        return Days(
            min((day for day in starts if day), default=None) if all(starts) else None,
            max((day for day in ends if day), default=None) if all(ends) else None,
        )

    def holds(self, day: date) -> bool:
        """Whether it is good on the day."""
        return any(each.holds(day) for each in self.spans)

    def near(self, day: date) -> Days:
        """The span of the day, else the one that ended last before it, else the first to come."""
        open_ = [each for each in self.spans if each.holds(day)]
        over = [each for each in self.spans if each.end and each.end <= day]
        if open_ or over:
            return open_[0] if open_ else max(over, key=lambda each: each.end or date.min)
        return min(self.spans, key=lambda each: each.start or date.min)

    def names(self, who: Iterable[Party | None]) -> bool:
        """Whether one of these is to do it; True where whoever may."""
        return not self.providers or any(each.same(one) for each in self.providers for one in who)

    def is_at(self, site: Party | None) -> bool:
        """Whether it may be done there; True where that is anywhere, or nobody says where it is done."""
        return not self.sites or site is None or any(each.same(site) for each in self.sites)

    def suits(self, modifiers: frozenset[str] | None) -> bool:
        """Whether the line is for a service with one of these modifiers; None: nobody says with which."""
        return not self.modifiers or not modifiers or same_modifiers(self.modifiers, modifiers)

    def is_in(self, places: frozenset[str] | None) -> bool:
        """Whether it may be done at one of these places of service; None: nobody says at which."""
        return not self.places or not places or same_places(self.places, places)

    def covers(self, wanted: Codes) -> bool:
        """Whether the line is for one of these services: the same code, a code in its range, or any service."""
        if not self.codes or any(code == "not-applicable" for _, code in self.codes):
            return True
        if self.codes & wanted:
            return True
        return bool(self.code_end) and any(
            system == other and within(code, start, self.code_end)
            for system, start in self.codes
            for other, code in wanted
        )


class Verdict(NamedTuple):
    """What an answer says of one service: the state, the element that grants or refuses it, what was asked for (empty:
    nothing, the payer added it), and the item that the element takes the place of (empty: of none)."""

    state: LineState
    element: Json
    wish: Json
    replaced: Json


def lines(claim: Json, answer: Json, known: Directory, roles: Mapping[str, Role], policy: Policy) -> tuple[Line, ...]:
    """One line for each item of the answer; a modified item speaks through what the payer added in its place."""
    reader = _Reader(claim, answer, known, roles, policy)
    return tuple(reader.line(each.state, each.element, each.wish, each.replaced) for each in verdicts(claim, answer))


def verdicts(claim: Json, answer: Json) -> list[Verdict]:
    """What an answer says of each service: of each of its `lines`, in their order."""
    asked = {whole(each, "sequence"): each for each in items(claim, "item") if not _cancelled(each)}
    found: list[Verdict] = []
    replaced = []
    for each in items(answer, "item"):
        sequence = whole(each, "itemSequence")
        wish = asked.get(sequence, {})
        instead = [add for add in items(answer, "addItem") if sequence is not None and sequence in _sequences(add)]
        replaced += instead
        if claim and not wish:
            continue
        state = decided(answer, each)
        found += [Verdict(_instead(state, answer, add), add, wish, each) for add in instead]
        if not instead or state not in GRANTED:
            found.append(Verdict(state, each, wish, {}))
    added = (add for add in items(answer, "addItem") if add not in replaced)
    found += [Verdict(decided(answer, add), add, {}, {}) for add in added]
    if not found and (asked or not items(claim, "item")):
        found = [Verdict(decided(answer, {}), {}, wish, {}) for wish in asked.values() or [{}]]
    return found


def _instead(state: LineState, answer: Json, added: Json) -> LineState:
    """The state of what was added in the place of an item: the item's while both are granted or the added one is
    silent, else what is said of the added one itself."""
    own = decision(added)
    return state if not own or (own in GRANTED and state in GRANTED) else decided(answer, added)


def _sequences(added: Json) -> list[Any]:
    found = added.get("itemSequence")
    return found if isinstance(found, list) else []


def _cancelled(line: Json) -> bool:
    marks = (each for each in items(line, "modifierExtension") if str(each.get("url", "")).endswith("-infoCancelled"))
    return any(each.get("valueBoolean") is True for each in marks) or certification(line) == "3"


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads a line from the granted element, what was asked for, and the item that the granted one replaces."""

    claim: Json
    answer: Json
    known: Directory
    roles: Mapping[str, Role]
    policy: Policy

    def line(self, state: LineState, granted: Json, asked: Json, replaced: Json) -> Line:
        detail = extension(granted, f"{PAS}/extension-itemAuthorizedDetail")
        said = item(extension(detail, "productOrServiceCode"), "valueCodeableConcept")
        # On an item the detail repeats what was asked for; on an added item it is what was granted.
        code = item(granted, "productOrService") or item(asked, "productOrService") or said
        wanted = amount(item(asked, "quantity"))
        allowed = _granted(detail, granted, replaced, wanted)
        unread = any(each and amount(each) is None for each in _quantities(detail, granted))
        silent = state == "partly" or (state == "modified" and (bool(wanted) or not detail))
        vague = allowed is None and (silent or unread)
        changed = item(granted, "productOrService")
        narrowed = bool(changed) and codes(changed) != codes(item(asked, "productOrService"))
        ends = (granted, detail) if narrowed else (granted, detail, asked)  # another code begins no range of old
        end = next(filter(None, (item(extension(each, CODE_END), "valueCodeableConcept") for each in ends)), {})
        marks = items(granted, "modifier") or items(asked, "modifier")
        named = self._named(granted)
        place = item(granted, "locationCodeableConcept") or item(asked, "locationCodeableConcept")
        periods = self._periods(granted, replaced, asked)
        review = next(iter((*reviews(granted), *reviews(replaced), *reviews(self.answer))), {})
        reason = words(item(extension(review, "reasonCode"), "valueCodeableConcept"))
        return Line(
            state,
            codes(code),
            code_of(end),
            words(code),
            self._numbers(granted, replaced),
            _readable(sure(each, self.policy.zone) for each in periods),
            # A full approval without a count grants what was asked for; any other does not say how much it grants.
            allowed or (wanted if state == "approved" else None),
            vague,
            self._granted([each for each in named if not _is_place(each)]) or self._parties(team(self.claim, asked)),
            self._parties([each for each in named if _is_place(each)] or self._where(granted, asked)),
            reason or (trouble(self.answer) if state == "denied" else ""),
            self._proof(granted),
            modifiers(marks) or frozenset(),
            frozenset(code for system, code in codes(place) if system == PLACE_OF_SERVICE),
            words(place),
            tuple(days for each in periods for days in doubtful(each, self.policy.zone)),
        )

    def _numbers(self, granted: Json, replaced: Json) -> tuple[str, ...]:
        own = reviews(granted) + reviews(replaced)
        said = [text(each, "valueString") for review in own or reviews(self.answer)
                for each in extensions(review, "number")]  # fmt: skip
        return tuple(dict.fromkeys(filter(None, said or [text(self.answer, "preAuthRef")])))

    def _periods(self, granted: Json, replaced: Json, asked: Json) -> list[Any]:
        """The Periods of the approval; of one that names none that for which it was asked."""
        for element in (granted, replaced):
            named = extensions(element, f"{PAS}/extension-itemPreAuthPeriod")
            if periods := [period for each in named if (period := each.get("valuePeriod"))]:
                return periods
        return [self.answer.get("preAuthPeriod") or _served(granted) or _served(asked)]

    def _named(self, granted: Json) -> list[Json]:
        """Whom the payer authorizes, as References that say who."""
        said = extensions(granted, f"{PAS}/extension-itemAuthorizedProvider")
        named = [item(part, "valueReference") for each in said for part in extensions(each, "provider")]
        return [_opened(each, self.answer) for each in (*named, *items(granted, "provider")) if each]

    def _where(self, granted: Json, asked: Json) -> list[Json]:
        """Where it may be done, as the payer grants it, else as it was asked for."""
        said = [_opened(item(granted, "locationReference"), self.answer)]
        said += [_opened(each, self.claim) for each in (item(asked, "locationReference"), item(self.claim, "facility"))]
        return [each for each in said if each][:1]

    def _granted(self, references: Sequence[Json]) -> tuple[Party, ...]:
        """Whom a payer names: who can not be known is nobody else for that, but somebody of that name or address."""
        named = [(self._parties([each]), text(each, "display") or text(each, "reference")) for each in references]
        return tuple(one for known, said in named for one in known or [Party("", said, frozenset())][: bool(said)])

    def _parties(self, references: Iterable[Json]) -> tuple[Party, ...]:
        return parties(references, self.known, self.roles)

    def _proof(self, granted: Json) -> tuple[Evidence, ...]:
        sequence = whole(granted, "itemSequence")
        where = (
            f"item.where(itemSequence={sequence})" if sequence is not None else "addItem" if granted else "preAuthRef"
        )
        period = (
            "item.extension(itemPreAuthPeriod)"
            if extension(granted, f"{PAS}/extension-itemPreAuthPeriod")
            else "preAuthPeriod"
        )
        return evidence(self.answer, where), evidence(self.answer, period)


def team(claim: Json, line: Json) -> list[Json]:
    """Who is to do what a line asks for, as References: those of the care team that it names, else all of it. Who is in
    it for having ordered, referred, assisted or supervised does not do it."""
    members = [each for each in items(claim, "careTeam") if code_of(item(each, "role")) not in _BESIDE]
    own = line.get("careTeamSequence")
    mine = [each for each in members if isinstance(own, list) and whole(each, "sequence") in own]
    return [_opened(item(each, "provider"), claim) for each in mine or members]


def parties(references: Iterable[Json], known: Directory, roles: Mapping[str, Role]) -> tuple[Party, ...]:
    """Whom these mean, as far as they say; of a role the organization, else the person."""
    held = ((roles.get(target(each)), each) for each in references)
    found = ((role.organization or role.practitioner) if role else party(each, known) for role, each in held)
    return tuple(each for each in found if each)


def _opened(reference: Json, holder: Json) -> Json:
    """A Reference to what a resource contains as one by its identifier, by which it is known beside it; any other as it
    is."""
    inside = {f"#{text(each, 'id')}": each for each in items(holder, "contained")}
    resource = inside.get(text(reference, "reference"), {})
    if resource.get("resourceType") == "PractitionerRole":
        behind = item(resource, "organization") or item(resource, "practitioner")
        if text(behind, "reference") not in inside:
            return behind
        resource = inside[text(behind, "reference")]
    known = sorted((each for each in items(resource, "identifier") if identifier(each)), key=_rank)
    if known:
        return {"identifier": known[0], "display": name(resource)}
    return {"display": text(reference, "display") or name(resource)} if resource else reference


def _rank(element: Json) -> tuple[bool, str]:
    return canonical(text(element, "system")) != canonical(NPI), identifier(element)


def _is_place(reference: Json) -> bool:
    return target(reference).startswith("Location/")


def _readable(spans: Iterable[Days]) -> tuple[Days, ...]:
    """Those of several periods that can be read; of which none can, one that proves nothing."""
    return tuple(each for each in spans if each != NEVER) or (NEVER,)


def served(line: Json, zone: tzinfo) -> Days:
    """The days for which a line of a request asks; ALWAYS where it names none."""
    return days(_served(line), zone)


def _served(line: Json) -> Json:
    day = text(line, "servicedDate")
    return item(line, "servicedPeriod") or ({"start": day, "end": day} if day else {})


def _quantities(detail: Json, granted: Json) -> tuple[Json, Json]:
    """Where an answer says how much, the authorized detail first."""
    return item(extension(detail, "quantity"), "valueQuantity"), item(granted, "quantity")


def _granted(detail: Json, granted: Json, replaced: Json, wanted: Amount | None) -> Amount | None:
    """How much was granted: by the authorized detail, by the quantity of what was granted, or by the units that an
    adjudication allows. A number without a unit counts what was asked for. None when the answer does not say."""
    for quantity in _quantities(detail, granted):
        if found := amount(quantity):
            return replace(wanted, count=found.count) if wanted and bare(quantity) else found
    for each in (*items(granted, "adjudication"), *items(replaced, "adjudication")):
        if code_of(item(each, "category")).casefold() in ALLOWED and (n := number(each, "value")) is not None:
            return replace(wanted, count=Fraction(n)) if wanted else amount({"value": n, "unit": "units"})
    return None


def certification(element: Json) -> str:
    """X12 1322: I initial, R renewal, S revised, 3 cancel."""
    return code_of(item(extension(element, f"{PAS}/extension-certificationType"), "valueCodeableConcept"))


def trouble(answer: Json) -> str:
    """What the payer says in words: an error, a note, its disposition."""
    errors = [words(item(each, "code")) for each in items(answer, "error")]
    notes = [text(each, "text") for each in items(answer, "processNote")]
    return next((each for each in (*errors, *notes, text(answer, "disposition")) if each), "")
