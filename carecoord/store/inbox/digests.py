"""What people have said of the mail that tells how much waits for them, and when it last went out."""

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, insert, select, update

from carecoord.store.inbox.tables import digest


@dataclass(frozen=True)
class Digest:
    """`sent_on`: the ordinal of the last day, 0 for never."""

    account: str
    address: str
    wanted: bool
    sent_on: int


def every(conn: Connection) -> dict[str, Digest]:
    """What is known, by account."""
    return {row.account: Digest(**row._mapping) for row in conn.execute(select(digest))}


def of(conn: Connection, account: str) -> Digest | None:
    """What is known of one."""
    row = conn.execute(select(digest).where(digest.c.account == account)).first()
    return Digest(**row._mapping) if row else None


def put(conn: Connection, said: Digest) -> None:
    """Keep what is known of one in the place of what was."""
    conn.execute(delete(digest).where(digest.c.account == said.account))
    conn.execute(insert(digest).values(**asdict(said)))


def sent(conn: Connection, account: str, day: int) -> None:
    """Note that it went out on a day."""
    noted = conn.execute(update(digest).where(digest.c.account == account).values(sent_on=day))
    if not noted.rowcount:
        conn.execute(insert(digest).values(account=account, address="", wanted=True, sent_on=day))
