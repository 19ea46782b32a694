"""The people of an office as rows: an account each, with what they are for and for whom."""

from collections.abc import Mapping
from typing import Final

from carecoord.domain.access import verbs
from carecoord.domain.imports.cells import Column
from carecoord.domain.imports.known import Known
from carecoord.domain.imports.organizations import called
from carecoord.domain.imports.rows import Row
from carecoord.words.sentence import sentence

_FOR_SOMEBODY: Final[tuple[verbs.Verb, ...]] = ("see-whole", "see-as-payer", "see-own-patients", "see-agreements")
COLUMNS: Final = (
    Column("login", ("Login", "E-mail", "Email", "User name", "Username"), "code", required=True,
           example="maria@clinic.example"),
    Column("name", ("Name", "Full name"), required=True, example="Maria Beispiel"),
    Column("roles", ("Roles", "Role"), "choice", required=True, many=True,
           choices={each: each for each in verbs.ROLES}, example="coordinator"),
    Column("organization", ("Organization", "Clinic", "Payer", "Works for"), "organization", example="9000010089"),
    Column("clinician", ("Clinician NPI", "NPI", "Clinician"), "clinician"),
)  # fmt: skip


def check(row: Row) -> None:
    """Note what is wrong with a person: one without an organization would see no case, and not know why."""
    roles = row.get("roles", ())
    if not row.get("organization") and any(verbs.may(roles, verb) for verb in _FOR_SOMEBODY):
        row.fault("organization", sentence("import.person.organization"))
    if verbs.may(roles, "see-own-patients") and not row.get("clinician"):
        row.fault("clinician", sentence("import.person.clinician"))


def cells(login: str, name: str, roles: frozenset[str], refs: tuple[str, str], known: Known) -> Mapping[str, str]:
    """The row of a person. refs: `Type/id` of the organization and of the clinician, or empty."""
    organization, clinician = refs
    return {
        "login": login,
        "name": name,
        "roles": "; ".join(sorted(roles)),
        "organization": called(organization, known) if organization else "",
        "clinician": called(clinician, known) if clinician else "",
    }
