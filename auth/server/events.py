"""What an endpoint did, told to whoever keeps a trail: auth itself keeps none."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AuthEvent:
    """What came of a request, for whoever keeps a trail. what: `token` or `token-revoked`. detail: the grant type.
    client: as it called itself, where it was refused. subject, organization, family: of the token, if there is one."""

    what: str
    status: int
    detail: str = ""
    client: str | None = None
    subject: str | None = None
    organization: str | None = None
    family: str | None = None
