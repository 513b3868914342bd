"""Decisions by their time: how people approve is read from those of some hours."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("decisions_by_time", "decisions", ["at_ms"])


def downgrade() -> None:
    op.drop_index("decisions_by_time", table_name="decisions")
