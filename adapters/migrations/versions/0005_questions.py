"""Questions about unknown writes, asked anew of what is frozen anew; leases; epochs; places of rules."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0002"
branch_labels = None
depends_on = None

#: The first revision left this constraint without a name on SQLite; PostgreSQL named it so itself.
_NAMES = {"uq": "%(table_name)s_%(column_0_name)s_key"}


def upgrade() -> None:
    with op.batch_alter_table("approvals", naming_convention=_NAMES) as batch_op:
        batch_op.add_column(sa.Column("question", sa.Text(), nullable=False, server_default=""))
        batch_op.drop_constraint("approvals_action_id_key", type_="unique")
        batch_op.create_unique_constraint("one_question_each", ["action_id", "kind", "action_digest"])
    with op.batch_alter_table("approvals") as batch_op:
        batch_op.alter_column("question", server_default=None)
    with op.batch_alter_table("actions") as batch_op:
        batch_op.add_column(sa.Column("reconciliation_id", sa.String(length=40), nullable=True))
    with op.batch_alter_table("claims") as batch_op:
        batch_op.add_column(sa.Column("epoch", sa.String(length=40), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("lease_ms", sa.BigInteger(), nullable=False, server_default="0"))
    with op.batch_alter_table("claims") as batch_op:
        batch_op.alter_column("epoch", server_default=None)
        batch_op.alter_column("lease_ms", server_default=None)
    op.create_table(
        "rule_places",
        sa.Column("subject", sa.String(length=71), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("subject"),
    )
    op.create_table(
        "epochs",
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
