"""Alembic's entry: runs the revisions on the connection that its caller (store/engine.migrate) hands over."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from auth.tables import metadata as auth_metadata
from carecoord.store.agreements import tables as agreement_tables  # noqa: F401
from carecoord.store.audit import tables as audit_tables  # noqa: F401  (it puts its tables into the metadata)
from carecoord.store.database.tables import Big, Str, metadata
from carecoord.store.ehrs import tables as ehrs_tables  # noqa: F401
from carecoord.store.events import tables as event_tables  # noqa: F401
from carecoord.store.guests import tables as guest_tables  # noqa: F401
from carecoord.store.imports import tables as import_tables  # noqa: F401
from carecoord.store.inbox import tables as inbox_tables  # noqa: F401
from carecoord.store.messages import tables as message_tables  # noqa: F401
from carecoord.store.policies import tables as policy_tables  # noqa: F401
from carecoord.store.prior_auth import tables as prior_auth_tables  # noqa: F401
from carecoord.store.terms import tables as term_tables  # noqa: F401
from carecoord.store.worklist import tables as worklist_tables  # noqa: F401


def render(kind: str, item: Any, _autogen: AutogenContext) -> str | Literal[False]:
    """How a new revision spells our two column types; the rest as Alembic does."""
    ours = {repr(Str): "Str", repr(Big): "Big"}
    return ours.get(repr(item), False) if kind == "type" else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=[metadata, auth_metadata],
    transactional_ddl=True,
    render_item=render,
)
context.run_migrations()
