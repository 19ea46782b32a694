"""The words of a payer's rule: what each part of its key is called, and how its whole key is said."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from carecoord.domain.prior_auth.question import PLACE_OF_SERVICE
from carecoord.domain.prior_auth.rule_book import Rule
from carecoord.domain.resource.elements import words as said_of
from carecoord.domain.terms.vocabularies import ICD_10_CM
from carecoord.fhir.code_systems import canonical
from carecoord.web.policies.vocabulary import BUSINESSES
from carecoord.words.catalogue import spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

Meanings = Mapping[tuple[str, str], str]  # (system, code) -> what it means
ANSWERS: Final[Mapping[str, str]] = Glossary({
    "required": sentence("rules.answer.required"), "not-required": sentence("rules.answer.not-required"),
    "notification-only": sentence("rules.answer.notification-only"), "delegated": sentence("rules.answer.delegated"),
    "unclear": sentence("rules.answer.unclear"),
})  # fmt: skip
TONES: Final = {"required": "amber", "not-required": "green", "notification-only": "blue", "delegated": "violet",
                "unclear": "grey"}  # fmt: skip
NETWORKS: Final[Mapping[str, str]] = Glossary({
    "any": sentence("rules.network.any"), "in": sentence("rules.network.in"), "out": sentence("rules.network.out"),
})  # fmt: skip
SETTINGS: Final[Mapping[str, str]] = Glossary({
    "inpatient": sentence("rules.setting.inpatient"), "outpatient": sentence("rules.setting.outpatient"),
    "emergency": sentence("rules.setting.emergency"), "home": sentence("rules.setting.home"),
    "skilled-nursing": sentence("rules.setting.skilled-nursing"), "hospice": sentence("rules.setting.hospice"),
    "telehealth": sentence("rules.setting.telehealth"),
})  # fmt: skip
SEXES: Final[Mapping[str, str]] = Glossary({
    "female": sentence("rules.sex.female"), "male": sentence("rules.sex.male"),
})  # fmt: skip
SYSTEMS: Final[Mapping[str, str]] = Glossary({  # as an import's column Code system writes them -> what they are called
    "cpt": sentence("rules.system.cpt"), "hcpcs": sentence("rules.system.hcpcs"),
    "cdt": sentence("rules.system.cdt"), "revenue": sentence("rules.system.revenue"),
})  # fmt: skip
HOLDS: Final[Mapping[str, str]] = Glossary({
    "now": sentence("rules.holds.now"), "later": sentence("rules.holds.later"), "over": sentence("rules.holds.over"),
    "any": sentence("rules.holds.any"),
})  # fmt: skip
SOURCES: Final[Mapping[str, str]] = Glossary({
    "hand": sentence("rules.source.hand"), "import": sentence("rules.source.import"),
    "book": sentence("rules.source.book"),
})  # fmt: skip
FIELDS: Final[Mapping[str, str]] = Glossary({  # column of an import -> what its field is called
    "payer": sentence("rules.field.payer"), "answer": sentence("rules.field.answer"),
    "title": sentence("rules.field.title"), "system": sentence("rules.field.system"),
    "code": sentence("rules.field.code"), "code_end": sentence("rules.field.code-end"),
    "plan": sentence("rules.field.plan"), "business": sentence("rules.field.business"),
    "network": sentence("rules.field.network"), "modifiers": sentence("rules.field.modifiers"),
    "places": sentence("rules.field.places"), "setting": sentence("rules.field.setting"),
    "age_from": sentence("rules.field.age-from"), "age_to": sentence("rules.field.age-to"),
    "sex": sentence("rules.field.sex"), "diagnosis": sentence("rules.field.diagnosis"),
    "diagnosis_end": sentence("rules.field.diagnosis-end"), "visit_from": sentence("rules.field.visit-from"),
    "specialties": sentence("rules.field.specialties"), "provider": sentence("rules.field.provider"),
    "vendor": sentence("rules.field.vendor"), "lead_days": sentence("rules.field.lead-days"),
    "documents": sentence("rules.field.documents"), "starts": sentence("rules.field.starts"),
    "ends": sentence("rules.field.ends"), "origin": sentence("rules.field.origin"),
    "retrieved": sentence("rules.field.retrieved"),
})  # fmt: skip


def service(rule: Rule, meanings: Meanings) -> str:
    """Of which service a rule speaks: `97110 to 97164`, `G0151 Physical therapy at home`, `Any service`."""
    if not rule.code:
        return spoken("rules.any-service")
    low = meant(rule.system, rule.code, meanings)
    if not rule.code_end or rule.code_end == rule.code:
        return low
    return spoken("rules.range", first=rule.code, last=rule.code_end)


def meant(system: str, code: str, meanings: Meanings) -> str:
    """A code with what it means."""
    return f"{code} {meanings.get((system, code), '')}".strip()


def narrowed(rule: Rule, meanings: Meanings, plans: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Each part of the key but the service, as (what it is called, what the rule says of it)."""
    return [(FIELDS[name], text) for name, text in _parts(rule, meanings, [*plans]) if text]


def _parts(rule: Rule, meanings: Meanings, plans: list[str]) -> Iterator[tuple[str, str]]:
    icd = canonical(ICD_10_CM)
    yield "plan", ", ".join(sorted(filter(None, plans or [rule.plan])))
    yield "business", BUSINESSES.get(rule.business, rule.business) if rule.business else ""
    yield "network", "" if rule.network == "any" else NETWORKS[rule.network]
    yield "provider", rule.provider.rpartition("|")[2]
    yield "modifiers", ", ".join(sorted(rule.modifiers))
    yield "places", "; ".join(meant(PLACE_OF_SERVICE, each, meanings) for each in sorted(rule.places))
    yield "setting", SETTINGS.get(rule.setting, rule.setting) if rule.setting else ""
    yield "age_from", str(rule.age_from) if rule.age_from is not None else ""
    yield "age_to", str(rule.age_to) if rule.age_to is not None else ""
    yield "sex", SEXES.get(rule.sex, rule.sex) if rule.sex else ""
    if rule.diagnosis_end:
        yield "diagnosis", spoken("rules.range", first=rule.diagnosis, last=rule.diagnosis_end)
    else:
        yield "diagnosis", meant(icd, rule.diagnosis, meanings)
    yield "visit_from", str(rule.visit_from) if rule.visit_from is not None else ""
    yield "specialties", "; ".join(sorted(rule.specialties))


def wants(rule: Rule) -> list[tuple[str, str]]:
    """What a rule asks for: vendor, lead days, documents."""
    found = (
        ("vendor", rule.vendor),
        ("lead_days", str(rule.lead_days) if rule.lead_days is not None else ""),
        ("documents", "; ".join(map(said_of, rule.papers))),
    )
    return [(FIELDS[name], text) for name, text in found if text]


def held(rule: Rule) -> str:
    """On which days a rule speaks."""
    first, last = rule.days.start, rule.days.last
    if first and last:
        return spoken("rules.from-to", first=first, last=last)
    if first:
        return spoken("rules.from", first=first)
    return spoken("rules.until", last=last) if last else spoken("rules.always")


def came_from(rule: Rule) -> str:
    """Where the payer said so, and when that was read."""
    read = f" ({spoken('rules.read-on', day=rule.retrieved)})" if rule.retrieved else ""
    return f"{rule.origin}{read}".strip() if rule.origin or rule.retrieved else ""


