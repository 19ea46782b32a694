"""Write the next revision from what the tables say: `python -m carecoord.store.migrations.new 0002 "Add a thing"`.

It compares the tables in code with a scratch SQLite database at the newest revision. Read the file it writes:
Alembic sees columns and indexes, not what happens to the rows.
"""

import sys
import tempfile

from alembic import command

from carecoord.store.database.engine import alembic_config, migrate, open_engine, writing


def main(number: str, message: str) -> None:
    """Write migrations/versions/<number>_<message>.py."""
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/scratch.db")
        migrate(engine)
        with writing(engine) as conn:
            config = alembic_config(conn)
            config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
            config.set_section_option("post_write_hooks", "hooks", "format")
            config.set_section_option("post_write_hooks", "format.type", "module")
            config.set_section_option("post_write_hooks", "format.module", "ruff")
            config.set_section_option("post_write_hooks", "format.options", "format REVISION_SCRIPT_FILENAME")
            command.revision(config, message, autogenerate=True, rev_id=number)
        engine.dispose()


if __name__ == "__main__":
    main(*sys.argv[1:3])
