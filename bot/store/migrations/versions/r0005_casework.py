"""The life of a case: its vetting apart from its claim, and every step on record."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("cases", sa.Column("vetting", sa.String, nullable=False, server_default=sa.text("'none'")))
    op.execute("UPDATE cases SET vetting = 'pending' WHERE status = 'vetting'")
    op.execute("UPDATE cases SET vetting = 'declined' WHERE status = 'declined'")
    # whether a case that is claimed or closed was signed off is sealed: before another claim somebody vets it again
    op.execute("UPDATE cases SET vetting = 'passed', status = 'waiting' WHERE status = 'passed'")
    op.create_table(
        "case_changes",
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("case_number", sa.String, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("step", sa.String, nullable=False),
        sa.Column("before", sa.String),
        sa.Column("after", sa.String, nullable=False),
        sa.Column("staff", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_case_changes"),
        sa.ForeignKeyConstraint(["case_number"], ["cases.number"], name="fk_case_changes_case_number"),
    )
    op.create_index("ix_case_changes_case_number", "case_changes", ["case_number"])
    op.add_column("conversations", sa.Column("heard_at", sa.BigInteger))
    op.add_column("conversations", sa.Column("unread", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.add_column("conversations", sa.Column("stalled", sa.String))
    op.add_column("cases", sa.Column("heard_at", sa.BigInteger))
    op.add_column("cases", sa.Column("bare", sa.String))
