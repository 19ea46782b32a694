"""EHR launch: what our desk was showing when a person started an app from it.

Clause: SMART App Launch 2.2 app-launch.html, "Launch App: EHR Launch". The launch value is random and says nothing.
"""

import json
from typing import Any, Final
from urllib.parse import urlencode

from sqlalchemy import Connection, insert, select

from auth.server.issuer import Issuer
from auth.store import Client, digest, fresh
from auth.tables import launch

LIFE: Final = 600  # seconds between the click and the app's authorization request


def start(conn: Connection, app: Client, user_id: str, context: dict[str, Any], now: int) -> str:
    """Note the context and return the launch value. `context` has the keys of a token response: patient, encounter,
    fhirContext, intent, need_patient_banner; ids without their type."""
    plain = fresh()
    row = {"hash": digest(plain), "client": app.id, "user": user_id, "context": json.dumps(context)}
    conn.execute(insert(launch).values(**row, expires=now + LIFE))
    return plain


def address(issuer: Issuer, app: Client, value: str) -> str:
    """Where to send the browser: the app's launch URL with iss and launch."""
    if not app.launch_url:
        raise ValueError(f"{app.id} has no launch URL")
    joint = "&" if "?" in app.launch_url else "?"
    return f"{app.launch_url}{joint}{urlencode({'iss': issuer.fhir_url, 'launch': value})}"


def find(conn: Connection, value: str, client_id: str, now: int) -> tuple[str, dict[str, Any]] | None:
    """The user id and context of a launch of this client, or None when there is no such launch or it is over."""
    row = conn.execute(select(launch).where(launch.c.hash == digest(value), launch.c.client == client_id)).first()
    return None if row is None or row.expires <= now else (row.user, json.loads(row.context))
