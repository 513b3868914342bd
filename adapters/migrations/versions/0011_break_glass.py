"""Sessions of break-glass, and alerts that hold a tenant's content or are for one person."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "openings",
        sa.Column("session_id", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=63), nullable=False),
        sa.Column("env", sa.String(length=63), nullable=False),
        sa.Column("opener", sa.String(length=200), nullable=False),
        sa.Column("opening", sa.Text(), nullable=False),
        sa.Column("opening_digest", sa.String(length=71), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("consenter", sa.String(length=200), nullable=True),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=True),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(length=200), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=True),
        sa.Column("report_digest", sa.String(length=71), nullable=True),
        sa.Column("holder", sa.String(length=40), nullable=True),
        sa.Column("held_ms", sa.BigInteger(), nullable=True),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("session_id"),
    )
    op.create_index("openings_by_state", "openings", ["env", "state"])
    op.create_index("openings_by_time", "openings", ["env", "asked_ms"])
    op.add_column("alerts", sa.Column("tenant", sa.String(length=63), nullable=True))
    op.add_column("alerts", sa.Column("whom", sa.String(length=40), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("alerts") as batch_op:
        batch_op.drop_column("whom")
        batch_op.drop_column("tenant")
    op.drop_index("openings_by_time", table_name="openings")
    op.drop_index("openings_by_state", table_name="openings")
    op.drop_table("openings")
