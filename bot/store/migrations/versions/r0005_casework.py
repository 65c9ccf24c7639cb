"""The life of a case: its vetting apart from its claim, and every step on record; and all that is said in it."""

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
        "counts",
        sa.Column("month", sa.String, nullable=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("value", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("month", "what", "value", name="pk_counts"),
    )
    # rooms beside the one queue room, and the cards in all of them
    op.add_column("conversations", sa.Column("name", sa.LargeBinary))
    op.create_table(
        "case_cards",
        sa.Column("case_number", sa.String, nullable=False),
        sa.Column("conversation", sa.String, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("card", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("case_number", "conversation", name="pk_case_cards"),
        sa.ForeignKeyConstraint(["case_number"], ["cases.number"], name="fk_case_cards_case_number"),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name="fk_case_cards_conversation"),
    )
    op.create_index("ix_case_cards_conversation", "case_cards", ["conversation"])
    op.add_column("case_words", sa.Column("at", sa.BigInteger, nullable=False, server_default=sa.text("0")))
    op.add_column("case_words", sa.Column("voice", sa.String, nullable=False, server_default=sa.text("'requester'")))
    op.add_column("case_words", sa.Column("waits", sa.Boolean, nullable=False, server_default=sa.true()))
    op.add_column("case_words", sa.Column("mark", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.add_column("case_words", sa.Column("origin_hash", sa.LargeBinary))
    op.create_index("ix_case_words_origin_hash", "case_words", ["origin_hash"])
    # all that was kept still waits for a reader; when it was said is known no better than since when there was the case
    op.execute(
        "UPDATE case_words SET mark = position, "
        "at = (SELECT opened_at FROM cases WHERE cases.number = case_words.case_number)"
    )
    op.add_column("conversations", sa.Column("heard_at", sa.BigInteger))
    op.add_column("conversations", sa.Column("unread", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.add_column("conversations", sa.Column("stalled", sa.String))
    op.add_column("cases", sa.Column("heard_at", sa.BigInteger))
    op.add_column("cases", sa.Column("bare", sa.String))
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
