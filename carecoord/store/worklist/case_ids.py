"""Which cases a patient has, by the one index that knows: for an app that was opened for that patient."""

from sqlalchemy import Connection, select

from carecoord.store.database.tables import case


def of_patient(conn: Connection, patient: str) -> tuple[str, ...]:
    """The ids of all cases of a patient, open and closed. Whose they are to see is not asked here."""
    return tuple(conn.scalars(select(case.c.id).where(case.c.patient == patient).order_by(case.c.rid)))
