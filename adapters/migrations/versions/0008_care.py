"""When people are reminded, who else is asked, how long they must look, and who is signed in on the pages."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("approvals") as batch_op:
        batch_op.add_column(sa.Column("remind_ms", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("escalate_ms", sa.BigInteger(), nullable=True))
        batch_op.add_column(
            sa.Column("escalate_to", sa.String(length=200), nullable=False, server_default="")
        )
        batch_op.add_column(sa.Column("min_review_ms", sa.BigInteger(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("shown_ms", sa.BigInteger(), nullable=True))
    with op.batch_alter_table("approvals") as batch_op:
        batch_op.alter_column("escalate_to", server_default=None)
        batch_op.alter_column("min_review_ms", server_default=None)
    op.create_table(
        "sessions",
        sa.Column("session", sa.String(length=71), nullable=False),
        sa.Column("principal", sa.String(length=200), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("session"),
    )


def downgrade() -> None:
    op.drop_table("sessions")
    with op.batch_alter_table("approvals") as batch_op:
        for column in ("shown_ms", "min_review_ms", "escalate_to", "escalate_ms", "remind_ms"):
            batch_op.drop_column(column)
