"""The lists of requests for authorization are found by how a request stands and in their orders by an index: among
100,000 that were decided long ago a page of those that wait took most of a second."""

from alembic import op

revision = "0073"
down_revision = "0072"


def upgrade() -> None:
    op.execute("CREATE INDEX authorization_row_state ON authorization_row (state, ends)")
    op.execute("CREATE INDEX authorization_row_due ON authorization_row (sort_due, root)")
    op.execute("CREATE INDEX authorization_row_office ON authorization_row (sort_office, root)")
    op.execute("CREATE INDEX authorization_row_proposed ON authorization_row (root) WHERE proposed IS NOT NULL")
    op.execute("CREATE INDEX authorization_row_outside ON authorization_row (root) WHERE outside > 0")
