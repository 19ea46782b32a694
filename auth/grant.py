"""Who asks: the one value that a checked token or a signed-in session turns into."""

from dataclasses import dataclass, field

from auth.scopes import Scope


@dataclass(frozen=True)
class Grant:
    """Who asks, through which client, with what scopes and roles.

    `subject` is the opaque id of a person or, for a backend service, of the client itself. `roles` are opaque strings
    here (carecoord's: coordinator, clinician, payer, contracts, auditor, admin). `organization` is the opaque id of the
    organization the person or app belongs to. `patient` is the launch context's patient id, if any. `fhir_user` is who
    the person is in FHIR, such as `Practitioner/<id>`. `launch` is the authorization that the token came from, or the
    launch from an EHR: what the audit calls the asking by. `only` is the opaque id of the one thing that an access
    without an account is for; None: no such access.
    """

    subject: str
    client: str | None = None
    scopes: tuple[Scope, ...] = ()
    roles: frozenset[str] = field(default_factory=frozenset)
    organization: str | None = None
    patient: str | None = None
    name: str = ""
    session: str | None = None
    fhir_user: str | None = None
    launch: str | None = None
    only: str | None = None

    @property
    def is_operator(self) -> bool:
        """Whether nobody asks: it is the operator at the command, or the server itself."""
        return not self.roles and self.client is None and self.session is None and self.only is None
