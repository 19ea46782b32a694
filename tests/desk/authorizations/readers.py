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
