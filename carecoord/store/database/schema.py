"""Whether the tables of a database are those of this version: its revision says what it was told, not what it is."""

import pkgutil
from importlib import import_module

from sqlalchemy import Connection, inspect
from sqlalchemy.exc import DBAPIError

import auth.tables
from carecoord import store
from carecoord.store.database import tables

STRANGE = (
    "its tables are not those of this version, though they say so: they were made by a version that was never "
    "released. Keep it, choose another CARECOORD_VAR or CARECOORD_DATABASE_URL, run carecoord init; sync and load again"
)
_LACKS = ("no such column", "no such table", "has no column", "does not exist")


def read_every_table() -> None:
    """Let every room of the store put its tables into the metadata, whoever else has asked for them or not."""
    for room in pkgutil.iter_modules(store.__path__, f"{store.__name__}."):
        for module in pkgutil.iter_modules([f"{path}/{room.name.rpartition('.')[2]}" for path in store.__path__]):
            if module.name == "tables" or module.name.endswith("_tables"):
                import_module(f"{room.name}.{module.name}")


def lacking(conn: Connection) -> list[str]:
    """The tables, and `table.column`s, that this version has and the database has not."""
    read_every_table()
    present = {name: {column["name"] for column in columns}
               for (_, name), columns in inspect(conn).get_multi_columns().items()}  # fmt: skip
    wanted = [*tables.metadata.tables.values(), *auth.tables.metadata.tables.values()]
    gone = [table.name for table in wanted if table.name not in present]
    columns = [(table.name, column.name) for table in wanted for column in table.columns if table.name in present]
    return sorted([*gone, *(f"{name}.{column}" for name, column in columns if column not in present[name])])


def is_strange(error: BaseException) -> bool:
    """Whether a statement of ours failed for a table or column that is not there."""
    return isinstance(error, DBAPIError) and any(words in str(error.orig) for words in _LACKS)
