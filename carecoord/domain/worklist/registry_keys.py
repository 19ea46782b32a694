"""The keys by which the row of a case leans on the registry, both ends of them: what assembling a case asks for, found
or not, and what a changed resource answers to. Where the two ends differ by a letter, a row stays stale and nobody
learns of it; so each key is spelt once, here."""

from collections.abc import Iterable

from carecoord.domain.agreements import versions
from carecoord.domain.agreements.records import named
from carecoord.domain.prior_auth.rule_book import payer_of
from carecoord.domain.resource.elements import Json, identifiers, item, items, key, text


def identified(type: str, id: str) -> str:
    """Whatever of a type has the identifier, `system|value`: a copy of an organization, a clinician or a place."""
    return f"{type}?{id}"


def plan_of(value: str) -> str:
    """What is listed of the plan with the identifier, its value alone."""
    return f"plan:{value}"


def agreement_of(agreement: str) -> str:
    """The versions of an agreement (`versions.agreement_of`)."""
    return f"agreement:{agreement}"


def affiliated(organization: str) -> str:
    """The rows of the directory for an organization (`records.named`)."""
    return f"affiliated:{organization}"


def roles_of(practitioner: str) -> str:
    """The roles of a clinician (`records.named`)."""
    return f"role:{practitioner}"


def rules_of(payer: str) -> str:
    """The rule book of the payer with the identifier, `system|value`."""
    return f"rules:{payer}"


def asked(
    references: Iterable[str],
    plans: Iterable[str],
    agreements: Iterable[str],
    organizations: Iterable[str],
    practitioners: Iterable[str],
    payers: Iterable[str],
) -> frozenset[str]:
    """The keys of what was asked for: by `Type/id`, plans and agreements by what they are known by, the directory's
    rows for organizations and clinicians, the payers' rule books."""
    return frozenset(
        {
            *references,
            *map(plan_of, plans),
            *map(agreement_of, agreements),
            *map(affiliated, organizations),
            *map(roles_of, practitioners),
            *map(rules_of, payers),
        }
    )


def answered(resource: Json) -> frozenset[str]:
    """The keys to which a resource of the registry answers: who leans on one of them has to be judged anew when it
    comes, changes or goes."""
    kind = str(resource.get("resourceType"))
    found = {key(resource), *(identified(kind, id) for id in identifiers(resource))}
    if kind == "OrganizationAffiliation":
        found.add(affiliated(named(item(resource, "participatingOrganization"))))
    if kind == "PractitionerRole":
        found.add(roles_of(named(item(resource, "practitioner"))))
    if kind == "InsurancePlan":
        found |= {plan_of(value) for each in items(resource, "identifier") if (value := text(each, "value").strip())}
    if kind == "Contract":
        found.add(agreement_of(versions.agreement_of(resource)))
    if kind == "PlanDefinition":
        found.add(rules_of(payer_of(resource)))
    return frozenset(found)
