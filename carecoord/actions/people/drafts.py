"""What somebody had typed when their session was over: kept for them alone for an hour, given back after they have
signed in again. Nothing of it is done meanwhile."""

from collections.abc import Mapping

from auth.grant import Grant
from auth.people import one_time, sessions
from carecoord.store.database.engine import reading, writing
from carecoord.world import World

_DRAFT = "draft"
_LIFE = 3600  # seconds


def keep(world: World, cookie: str | None, csrf: str, typed: Mapping[str, str]) -> str | None:
    """Keep the fields of a form that came after its session had ended; returns what fetches them, None where nobody
    knows whose they are."""
    now = int(world.clock().timestamp())
    with writing(world.engine) as conn:
        owner = sessions.former_owner(conn, cookie, csrf)
        return one_time.keep(conn, _DRAFT, dict(typed), now, _LIFE, owner) if owner else None


def fetch(world: World, grant: Grant, token: str) -> Mapping[str, str]:
    """What was kept under this value for who asks; empty where there is nothing of theirs."""
    now = int(world.clock().timestamp())
    with reading(world.engine) as conn:
        found = one_time.peek(conn, _DRAFT, token, now)
    return found.data if found and found.user == grant.subject else {}
