"""What the tests of both desks of requests read of a page."""

import re

from flask.testing import FlaskClient

DIRECTOR = frozenset({"payer", "medical-director"})  # roles of who decides the second step of a denial


def get(client: FlaskClient, path: str) -> str:
    """A page that must be there."""
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.get_data(as_text=True)


def ids(page: str) -> list[str]:
    """The requests that a list shows, in its order."""
    return re.findall(r'id="request-(request-[\w-]+)"', page)


def ask_packet(
    client: FlaskClient, request: str, headers: dict[str, str] | None = None, desk: str = "authorizations"
) -> None:
    """Press the button on the page of a request that has its packet made."""
    page = client.get(f"/{desk}/{request}", headers=headers).get_data(as_text=True)
    form = rf'action="/{desk}/{request}/packet"><input type="hidden" name="csrf" value="([^"]+)"'
    (token,) = re.findall(form, page)
    answer = client.post(f"/{desk}/{request}/packet", data={"csrf": token}, headers=headers)
    assert (answer.status_code, answer.location) == (303, f"/{desk}/{request}/packet")
