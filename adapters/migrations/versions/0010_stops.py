"""Breakers and alerts, and indexes by which limits and breakers count."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_INDEXES = (
    ("actions_by_use", "actions", ["tool", "admitted_ms"]),
    ("actions_by_route", "actions", ["route", "created_ms"]),
    ("runs_by_end", "runs", ["route", "ended_ms"]),
    ("attempts_by_time", "attempts", ["started_ms"]),
    ("claims_by_use", "claims", ["tool", "claimed_ms"]),
    ("claims_by_state", "claims", ["state"]),
    ("approvals_by_route", "approvals", ["route", "requested_ms"]),
)


def upgrade() -> None:
    op.create_table(
        "breakers",
        sa.Column("env", sa.String(length=63), nullable=False),
        sa.Column("route", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.Column("probe_run", sa.String(length=40), nullable=True),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("env", "route"),
    )
    op.create_table(
        "alerts",
        sa.Column("alert_id", sa.String(length=40), nullable=False),
        sa.Column("env", sa.String(length=63), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("alert_id"),
    )
    with op.batch_alter_table("outbox") as batch_op:
        batch_op.alter_column("run_id", existing_type=sa.String(length=40), nullable=True)
        batch_op.add_column(sa.Column("alert_id", sa.String(length=40), nullable=True))
        batch_op.create_foreign_key("outbox_alert_id_fkey", "alerts", ["alert_id"], ["alert_id"])
        batch_op.create_unique_constraint("outbox_alert_id_key", ["alert_id"])
    op.add_column("actions", sa.Column("admitted_ms", sa.BigInteger(), nullable=True))
    # Where a write was sent again, its last sending counts.
    op.drop_index("claims_by_use", table_name="claims")
    for name, table, columns in _INDEXES:
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, table, _ in _INDEXES:
        op.drop_index(name, table_name=table)
    op.create_index("claims_by_use", "claims", ["tool", "first_ms"])
    with op.batch_alter_table("actions") as batch_op:
        batch_op.drop_column("admitted_ms")
    op.execute("DELETE FROM outbox WHERE run_id IS NULL")
    with op.batch_alter_table("outbox") as batch_op:
        batch_op.drop_constraint("outbox_alert_id_key", type_="unique")
        batch_op.drop_constraint("outbox_alert_id_fkey", type_="foreignkey")
        batch_op.drop_column("alert_id")
        batch_op.alter_column("run_id", existing_type=sa.String(length=40), nullable=False)
    op.drop_table("alerts")
    op.drop_table("breakers")
