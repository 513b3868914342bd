"""Everything that leaves is a letter of the outbox: starts, decisions, cancellations beside the cards."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_LETTER = (
    "INSERT INTO outbox (outbox_id, kind, run_id, next_ms, done_version, attempts, posting, dead, error) "
)
#: What was on its way, as the rows that it tells of say.
_ON_THEIR_WAY = (
    (
        "SELECT 'decision:' || d.grant_id, 'decision', a.run_id, d.at_ms, 0, 0, false, false, ''"
        " FROM decisions d JOIN approvals a ON a.approval_id = d.approval_id WHERE NOT d.woken"
    ),
    (
        "SELECT 'start:' || run_id, 'start', run_id, created_ms, 0, 0, false, false, ''"
        " FROM runs WHERE state = 'queued' AND first_execution IS NULL"
    ),
    (
        "SELECT 'cancel:' || run_id, 'cancel', run_id, created_ms, 0, 0, false, false, ''"
        " FROM runs WHERE cancel_reason IS NOT NULL"
        " AND state NOT IN ('completed', 'stopped', 'failed', 'cancelled')"
    ),
)


def upgrade() -> None:
    with op.batch_alter_table("outbox") as batch_op:
        batch_op.add_column(sa.Column("kind", sa.String(length=16), nullable=False, server_default="card"))
        batch_op.add_column(sa.Column("run_id", sa.String(length=40), nullable=True))
        batch_op.alter_column("approval_id", existing_type=sa.String(length=40), nullable=True)
    op.execute(
        "UPDATE outbox SET run_id ="
        " (SELECT a.run_id FROM approvals a WHERE a.approval_id = outbox.approval_id)"
    )
    with op.batch_alter_table("outbox") as batch_op:
        batch_op.alter_column("kind", existing_type=sa.String(length=16), server_default=None)
        batch_op.alter_column("run_id", existing_type=sa.String(length=40), nullable=False)
        batch_op.create_foreign_key("outbox_run_id_fkey", "runs", ["run_id"], ["run_id"])
    op.create_index("ix_outbox_kind", "outbox", ["kind"])
    for letters in _ON_THEIR_WAY:
        op.execute(_LETTER + letters)
    with op.batch_alter_table("decisions") as batch_op:
        batch_op.drop_column("woken")
