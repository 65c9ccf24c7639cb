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
    op.create_table(
        "case_traces",
        sa.Column("case_number", sa.String, nullable=False),
        sa.Column("form_hash", sa.LargeBinary, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("day", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("case_number", "form_hash", name="pk_case_traces"),
        sa.ForeignKeyConstraint(["case_number"], ["cases.number"], name="fk_case_traces_case_number"),
    )
    op.create_index("ix_case_traces_form_hash", "case_traces", ["form_hash"])
