"""Which run undoes which actions of an earlier one."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("undoes", sa.String(length=40), nullable=True))
    op.create_table(
        "undos",
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("action_id", sa.String(length=80), nullable=False),
        sa.Column("by_action", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"]),
        sa.ForeignKeyConstraint(["action_id"], ["actions.action_id"]),
        sa.PrimaryKeyConstraint("run_id", "place"),
    )
    op.create_index("ix_undos_action_id", "undos", ["action_id"])


def downgrade() -> None:
    op.drop_index("ix_undos_action_id", table_name="undos")
    op.drop_table("undos")
    op.drop_column("runs", "undoes")
