"""A partner's Bundle as resources here. Who and what is known already is matched by its identifiers and never written
over by a partner; the rest is the partner's own, under ids that its fullUrls always lead to again.

Whom the asker may not see counts as unknown: a member's number that somebody guessed opens no record. Such a patient is
admitted once more, as the asker's own."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID, uuid5

from carecoord.actions.access.turn import Turn
from carecoord.actions.clearance.library import Library
from carecoord.domain.access.roles import DISCLOSED
from carecoord.domain.prior_auth.clinic import channels
from carecoord.domain.prior_auth.pas import links
from carecoord.domain.prior_auth.pas.answer import Trouble
from carecoord.domain.prior_auth.pas.request import Sent
from carecoord.domain.resource.elements import (
    Json,
    extension,
    identifiers,
    item,
    items,
    key,
    pairs,
    source,
    target,
    text,
)
from carecoord.domain.resource.parties import TAXES, is_payer
from carecoord.errors import Unprocessable
from carecoord.fhir import text as json
from carecoord.store.resources import read
from carecoord.store.resources.write import Change
from carecoord.store.worklist import registry

_SPACE: Final = UUID("5f0c2a4e-3b7d-5c43-9d52-0b1b6f2f7c11")
_REGISTERED: Final = ("Organization", "Practitioner", "Location")
_KNOWN_ONCE: Final = (*_REGISTERED, "Patient", "Coverage", "PractitionerRole")  # never written over
# What a partner may bring in: of every other type nothing is written, for a Bundle is no way around what a type's own
# rules ask (a Contract, a Consent, a payer's book of rules).
_STORED: Final = frozenset({
    *_KNOWN_ONCE, "RelatedPerson", "ServiceRequest", "DeviceRequest", "MedicationRequest", "NutritionOrder",
    "DocumentReference", "QuestionnaireResponse", "Observation", "Condition", "Procedure", "DiagnosticReport",
    "Encounter", "AllergyIntolerance", "Immunization", "Device", "Medication", "MedicationStatement", "ImagingStudy",
    "FamilyMemberHistory",
})  # fmt: skip


@dataclass
class Exploded:
    """names: fullUrl -> `Type/id` here. made: what is to be written, by `Type/id`. claim: the request in our names.
    troubles: why the payer can not process it. prior: the request before it, as it is stored."""

    names: dict[str, str] = field(default_factory=dict)
    made: dict[str, Json] = field(default_factory=dict)
    claim: Json = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)
    prior: Json = field(default_factory=dict)

    def changes(self) -> list[Change]:
        """What is to be written, the Claim last."""
        return [Change(str(one["resourceType"]), str(one["id"]), one) for one in (*self.made.values(), self.claim)]


def partner(turn: Turn) -> str:
    """By what a partner is known: its organization, else its client."""
    return turn.grant.organization or turn.grant.client or turn.grant.subject


def own_id(turn: Turn, *parts: str) -> str:
    """The id of what a partner named so."""
    return str(uuid5(_SPACE, "|".join((partner(turn), *parts))))


def explode(turn: Turn, library: Library, sent: Sent) -> Exploded:
    """The resources of a Bundle. library: the registry as this transaction knows it. Raises Unprocessable for an update
    of what is not here."""
    found = Exploded()
    mine = [(url, each) for url, each in sent.resources.items() if each.get("resourceType") in _STORED]
    for url, each in mine:
        _identify(turn, library, sent, found, url, each)
    _insured(turn, library, sent, found)
    _name_requests(turn, sent, found)
    base = turn.world.base.url
    here = _here(turn, [found.names[url] for url, _ in mine])
    for url, each in mine:
        name = found.names[url]
        if name not in found.made and name not in here:
            found.made[name] = _admitted(turn, links.ours(each, url, sent, found.names, base), name)
    _request(turn, sent, found)
    return found


def _here(turn: Turn, names: Iterable[str]) -> set[str]:
    """Those of these, `Type/id`, that are known already and are not written over."""
    split = ((kind, id) for kind, _, id in (each.partition("/") for each in names))
    rows = read.many(turn.conn, [each for each in split if each[0] in _KNOWN_ONCE])
    return {f"{row.type}/{row.id}" for row in rows if not row.deleted}


def _identify(turn: Turn, library: Library, sent: Sent, found: Exploded, url: str, resource: Json) -> None:
    kind = str(resource["resourceType"])
    match = ""
    if kind in _REGISTERED:
        match = _registered(turn, library, kind, resource)
    elif kind == "Patient":
        match = _patient(turn, sent, found, url, resource)
    found.names[url] = match or f"{kind}/{own_id(turn, kind, url)}"


def _numbers(resource: Json) -> list[str]:
    return [each for each in sorted(identifiers(resource)) if not each.startswith(TAXES)]


def _people(turn: Turn, resource: Json) -> list[Json]:
    """The patients with one of these identifiers whom the asker sees."""
    keys = _numbers(resource)
    rows = turn.seen(registry.identified(turn.conn, "Patient", pairs(keys)), "r") if keys else []
    return [json.loads(row.body) for row in rows if not row.deleted]


def _registered(turn: Turn, library: Library, kind: str, resource: Json) -> str:
    """Who is known by one of these identifiers: of copies the asker's own office, then our own record."""
    known = library.identified(kind, _numbers(resource))
    mine = f"Organization/{turn.grant.organization}"
    return min(((key(each) != mine, bool(source(each)), key(each)) for each in known), default=(False, False, ""))[2]


def _patient(turn: Turn, sent: Sent, found: Exploded, url: str, resource: Json) -> str:
    known = _people(turn, resource) or _members(turn, sent, url)
    born = text(resource, "birthDate")
    other = [each for each in known if born and text(each, "birthDate") not in ("", born)]
    if known and len(other) == len(known):
        if url == sent.meant(text(item(sent.claim, "patient"), "reference"), sent.url):
            words = "The birth date is not that of the patient with this number."
            found.troubles.append(Trouble("71", "C", "Claim.patient.birthDate", words))
        return ""
    fitting = [each for each in known if each not in other]
    return key(min(fitting, key=lambda each: (bool(source(each)), key(each)))) if fitting else ""


def _members(turn: Turn, sent: Sent, url: str) -> list[Json]:
    """Patients whom the asker sees with a card of the same number as the one sent; the birth date has to be the same
    too, for a card may be a family's."""
    born = text(sent.resources[url], "birthDate")
    cards = [each for u, each in sent.resources.items() if each.get("resourceType") == "Coverage"
             and sent.meant(text(item(each, "beneficiary"), "reference"), u) == url]  # fmt: skip
    numbers = pairs(k for card in cards for k in identifiers(card))
    rows = turn.seen(registry.identified(turn.conn, "Coverage", numbers), "r") if numbers and born else []
    ids = {target(item(json.loads(row.body), "beneficiary")).partition("/")[2] for row in rows if not row.deleted}
    people = [json.loads(row.body) for row in turn.seen(read.many(turn.conn, [("Patient", id) for id in ids]), "r")]
    return [each for each in people if text(each, "birthDate") == born]


def _insured(turn: Turn, library: Library, sent: Sent, found: Exploded) -> None:
    """The cards of a patient who is known, by their numbers; and a payer that is one."""
    for url, card in sent.resources.items():
        if card.get("resourceType") != "Coverage":
            continue
        whose = found.names.get(sent.meant(text(item(card, "beneficiary"), "reference"), url), "")
        kind, _, id = whose.partition("/")
        rows = read.of_patient(turn.conn, id, ["Coverage"]) if kind == "Patient" else []
        for row in rows:
            if _same_card(json.loads(row.body), card, _payors(sent, found, url, card)):
                found.names[url] = f"Coverage/{row.id}"
    insurer = found.names.get(sent.meant(text(item(sent.claim, "insurer"), "reference"), sent.url), "")
    if not any(is_payer(each) for each in library.fetch([insurer])):
        words = "No payer here has one of the identifiers of Claim.insurer."
        found.troubles.append(Trouble("79", "C", "Claim.insurer.identifier", words))


def _payors(sent: Sent, found: Exploded, url: str, card: Json) -> set[str]:
    return {found.names.get(sent.meant(text(each, "reference"), url), "") for each in items(card, "payor")}


def _same_card(held: Json, card: Json, payors: Iterable[str]) -> bool:
    if identifiers(held) & identifiers(card):
        return True
    number = text(card, "subscriberId")
    paid = {target(each) for each in items(held, "payor")}
    return bool(number) and text(held, "subscriberId") == number and not paid.isdisjoint(payors)


def _admitted(turn: Turn, resource: Json, name: str) -> Json:
    made = resource | {"id": name.partition("/")[2]}
    made.pop("meta", None)
    if made["resourceType"] == "Patient" and turn.grant.organization:
        made["managingOrganization"] = {"reference": f"Organization/{turn.grant.organization}"}
    return made


def _name_requests(turn: Turn, sent: Sent, found: Exploded) -> None:
    """The request itself, and those before it that come along."""
    id = own_id(turn, "Claim", sent.identifier, sent.url) if sent.identifier else turn.world.new_id()
    found.names[sent.url] = f"Claim/{id}"
    for url, each in sent.resources.items():
        known = _stored(turn, found, sent, each) if each.get("resourceType") == "Claim" and url != sent.url else {}
        if known:
            found.names[url] = key(known)


def _request(turn: Turn, sent: Sent, found: Exploded) -> None:
    claim = links.ours(sent.claim, sent.url, sent, found.names, turn.world.base.url)
    claim = {name: value for name, value in claim.items() if name not in ("meta", "text")}
    claim["id"] = found.names[sent.url].partition("/")[2]
    claim = channels.as_before({}, claim)  # a partner's own marks: it came here, and goes nowhere from here
    found.prior = _prior(turn, sent, found)
    if links.orderless(claim):
        claim = _ordered(turn, found, claim)
    found.claim = claim
    _attach(found, claim)


def _prior(turn: Turn, sent: Sent, found: Exploded) -> Json:
    """The stored request that this one takes the place of; empty for a first one."""
    related = [each for each in items(sent.claim, "related") if item(each, "claim")]
    if not related:
        return {}
    named = item(related[0], "claim")
    at = found.names.get(sent.meant(text(named, "reference"), sent.url), "")
    row = read.get(turn.conn, "Claim", at.partition("/")[2]) if at else None
    stored = json.loads(row.body) if row and not row.deleted else {}
    if not stored and item(named, "identifier"):
        stored = _stored(turn, found, sent, {"identifier": [named["identifier"]]})
    if not stored:
        words = "The request that this one updates is not known here."
        raise Unprocessable(words, "Bundle.entry[0].resource.related.claim")
    return stored


def _stored(turn: Turn, found: Exploded, sent: Sent, claim: Json) -> Json:
    """The asker's request with one of these identifiers, of the same patient; the newest."""
    whose = found.names.get(sent.meant(text(item(sent.claim, "patient"), "reference"), sent.url), "")
    rows = turn.seen(read.of_patient(turn.conn, whose.partition("/")[2], ["Claim"]), "r") if whose else []
    stored = [json.loads(row.body) for row in rows if not row.deleted]
    same = [each for each in stored if identifiers(each) & identifiers(claim)]
    return max(same, key=lambda each: text(item(each, "meta"), "lastUpdated"), default={})


def _ordered(turn: Turn, found: Exploded, claim: Json) -> Json:
    """The Claim with the order that it rests on: that of the request before it, else one made of what it asks for."""
    before = (target(item(extension(each, links.REQUESTED), "valueReference")) for each in items(found.prior, "item"))
    name = next(filter(None, before), "")
    if not name:
        made = links.order(own_id(turn, "order", str(claim["id"])), claim, item(claim, "provider"))
        name = key(made)
        found.made[name] = made
    return links.with_order(claim, name)


def disclosed(response: Json, payer: str) -> Json:
    """A form that went to a payer (the id of its Organization), marked so: whoever works there reads it."""
    return response | {"meta": {"tag": [{"system": DISCLOSED, "code": payer}]}}


def _attach(found: Exploded, claim: Json) -> None:
    """Let the papers that come with the request say so: whoever may read the request reads them."""
    link, payer = {"reference": key(claim)}, target(item(claim, "insurer")).partition("/")[2]
    for each in items(claim, "supportingInfo"):
        name = target(item(each, "valueReference"))
        if name.startswith("QuestionnaireResponse/") and name in found.made:
            found.made[name] = disclosed(found.made[name], payer)
        if name.startswith("DocumentReference/") and name in found.made:
            paper = found.made[name]
            context = item(paper, "context")
            found.made[name] = paper | {"context": context | {"related": [*items(context, "related"), link]}}
