"""One row of the audit, from who asks and what it is about."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from auth.grant import Grant
from auth.store import User
from carecoord.fhir.instants import micros
from carecoord.store.audit.events import Event, told

COMMAND: Final = "the command line"  # who acts there, as the audit says it


def event(
    at: datetime, request: str, interaction: str, status: int = 200, *, by: Grant | User | str | None = None,
    shown: Iterable[str | None] = (), **about: Any,
) -> Event:  # fmt: skip
    """One row of the audit. by: who asks, as a grant, a signed-in person, or a bare subject. shown: the patient of each
    resource that went out, None for what is about nobody. about: the other columns of the row, by their names."""
    patient, patients = told(shown)
    said = {"patient": patient, "patients": patients, **_who(by), **about}
    return Event(at=micros(at), request=request, interaction=interaction, status=status, **said)


def _who(by: Grant | User | str | None) -> dict[str, Any]:
    if isinstance(by, Grant):
        return {"subject": by.subject, "client": by.client, "organization": by.organization, "launch": by.launch}
    if isinstance(by, User):
        return {"subject": by.id, "organization": by.organization}
    return {"subject": by}
