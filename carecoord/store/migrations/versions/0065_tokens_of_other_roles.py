"""An access token says what its person may do. 0058 gave people a role without ending theirs, as every other change of
a person's roles does: an app asks for the next one and is told of the roles of today."""

from alembic import op

revision = "0065"
down_revision = "0064"


def upgrade() -> None:
    op.execute(
        "DELETE FROM auth_token WHERE kind = 'access' AND EXISTS (SELECT 1 FROM auth_user "
        "WHERE auth_user.id = auth_token.subject AND auth_user.roles <> auth_token.roles)"
    )
