"""What goes across beside words: copies that can be changed, replays that are refused, identities, added staff."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("conversations", sa.Column("identity", sa.LargeBinary))
    op.add_column("journal", sa.Column("once_hash", sa.LargeBinary))
    op.create_index("ix_journal_once_hash", "journal", ["once_hash"], unique=True)
    op.create_table(
        "copies",
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("origin_hash", sa.LargeBinary, nullable=False),
        sa.Column("conversation", sa.String, nullable=False),
        sa.Column("event", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_copies"),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name="fk_copies_conversation"),
    )
    op.create_index("ix_copies_origin_hash", "copies", ["origin_hash"])
    op.create_table(
        "roster",
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("user_hash", sa.LargeBinary, nullable=False),
        sa.Column("listed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_roster"),
        sa.UniqueConstraint("user_hash", name="uq_roster_user_hash"),
    )
