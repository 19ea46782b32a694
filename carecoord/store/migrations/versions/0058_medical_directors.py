"""Whoever decided requests at a payer's desk is a medical director too, as before: nobody loses what they could do."""

from alembic import op

revision = "0058"
down_revision = "0057"


def upgrade() -> None:
    padded = "(' ' || roles || ' ')"  # roles are separated by a space
    op.execute(
        "UPDATE auth_user SET roles = roles || ' medical-director' "  # noqa: S608 - our own words
        f"WHERE {padded} LIKE '% payer %' AND {padded} NOT LIKE '% medical-director %'"
    )
