"""Alembic's entry: runs the revisions on the connection that its caller (store/engine.migrate) hands over."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from auth.tables import metadata as auth_metadata
from carecoord.store.database.schema import read_every_table
from carecoord.store.database.tables import Big, Str, metadata

read_every_table()


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
