"""Cases of one person joined into one; and what is let go when: how long words are kept, which messages say them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("cases", sa.Column("writes_from", sa.String))
    op.add_column("cases", sa.Column("joined_to", sa.String))
    op.create_index("ix_conversations_case_number", "conversations", ["case_number"])
    op.add_column("conversations", sa.Column("expires", sa.BigInteger))
    op.add_column("case_words", sa.Column("keep", sa.String, nullable=False, server_default=sa.text("'case'")))
    op.add_column("case_words", sa.Column("expires", sa.BigInteger))
    op.add_column("case_words", sa.Column("due", sa.BigInteger))
    op.add_column("cases", sa.Column("last_kept", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.add_column("copies", sa.Column("case_number", sa.String))
    op.add_column("copies", sa.Column("keep", sa.String))
    op.add_column("copies", sa.Column("due", sa.BigInteger))
    op.create_index("ix_copies_case_number", "copies", ["case_number"])
    op.create_index("ix_cases_requester", "cases", ["requester"])
    op.create_index("ix_cases_joined_to", "cases", ["joined_to"])
    # what was passed on into relay rooms before is taken back with its case; summaries posted before are not
    op.execute(
        "UPDATE copies SET keep = 'case', "
        "case_number = (SELECT case_number FROM conversations WHERE conversations.id = copies.conversation)"
    )
    op.execute(
        "UPDATE cases SET last_kept = "
        "(SELECT COALESCE(MAX(position), 0) FROM case_words WHERE case_words.case_number = cases.number)"
    )
    # and the time of cases that are over, or whose vetting is, begins at the next start
    op.execute(
        "INSERT INTO timers (conversation, kind, due) "
        "SELECT requester, 'over ' || number, 0 FROM cases WHERE status NOT IN ('arrived', 'vetting')"
    )
