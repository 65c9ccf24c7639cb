"""The first tables: what arrives, where each requester stands, what must be sent, who is waiting for what."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "tokens",
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("token", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("channel", name="pk_tokens"),
    )
    op.create_table(
        "conversations",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("place", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("case_number", sa.String),
        sa.Column("room_hash", sa.LargeBinary),
        sa.Column("room", sa.LargeBinary),
        sa.Column("contact", sa.LargeBinary),
        sa.PrimaryKeyConstraint("id", name="pk_conversations"),
        sa.ForeignKeyConstraint(["key"], ["conversations.id"], name="fk_conversations_key"),
        sa.UniqueConstraint("room_hash", name="uq_conversations_room_hash"),
    )
    op.create_index("ix_conversations_place", "conversations", ["place", "channel"])
    op.create_table(
        "journal",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("conversation", sa.String, nullable=False),
        sa.Column("event_hash", sa.LargeBinary, nullable=False),
        sa.Column("arrival", sa.LargeBinary),
        sa.PrimaryKeyConstraint("id", name="pk_journal"),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name="fk_journal_conversation"),
        sa.UniqueConstraint("event_hash", name="uq_journal_event_hash"),
    )
    waits = sa.text("arrival IS NOT NULL")
    op.create_index("ix_journal_waiting", "journal", ["conversation", "id"], sqlite_where=waits, postgresql_where=waits)
    op.create_table(
        "sessions",
        sa.Column("conversation", sa.String, nullable=False),
        sa.Column("session", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("conversation", name="pk_sessions"),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name="fk_sessions_conversation"),
    )
    op.create_table(
        "outbox",
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("conversation", sa.String, nullable=False),
        sa.Column("message", sa.LargeBinary, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due", sa.BigInteger),
        sa.Column("tried_at", sa.BigInteger),
        sa.Column("tried_from", sa.String),
        sa.PrimaryKeyConstraint("position", name="pk_outbox"),
        sa.UniqueConstraint("id", name="uq_outbox_id"),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name="fk_outbox_conversation"),
    )
    op.create_index("ix_outbox_lane", "outbox", ["conversation", "position"])
    op.create_table(
        "timers",
        sa.Column("conversation", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("conversation", "kind", name="pk_timers"),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name="fk_timers_conversation"),
    )
    op.create_index("ix_timers_due", "timers", ["due"])
    op.create_table(
        "cases",
        sa.Column("number", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("requester", sa.String, nullable=False),
        sa.Column("relay", sa.String),
        sa.Column("notes", sa.String),
        sa.Column("relay_open", sa.Boolean, nullable=False),
        sa.Column("about", sa.LargeBinary, nullable=False),
        sa.Column("answers", sa.LargeBinary, nullable=False),
        sa.Column("note", sa.LargeBinary),
        sa.Column("staff", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_cases"),
        sa.ForeignKeyConstraint(["requester"], ["conversations.id"], name="fk_cases_requester"),
        sa.ForeignKeyConstraint(["relay"], ["conversations.id"], name="fk_cases_relay"),
        sa.ForeignKeyConstraint(["notes"], ["conversations.id"], name="fk_cases_notes"),
    )
    op.create_index("ix_cases_status", "cases", ["status"])
    op.create_table(
        "case_words",
        sa.Column("case_number", sa.String, nullable=False),
        sa.Column("position", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("words", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("case_number", "position", name="pk_case_words"),
        sa.ForeignKeyConstraint(["case_number"], ["cases.number"], name="fk_case_words_case_number"),
    )
