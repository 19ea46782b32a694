"""People who can sign in, added straight into the store."""

from sqlalchemy import Connection

from auth.people.sessions import hash_password
from auth.store import User, add_user


def add_user_with_password(conn: Connection, new: User, password: str, now: int) -> None:
    """Add a person who can sign in. Raises BadRegistration."""
    add_user(conn, new, hash_password(password, new.login), now)
