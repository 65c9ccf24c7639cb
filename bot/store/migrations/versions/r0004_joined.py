"""One person who writes on two channels: their cases joined into one."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("cases", sa.Column("writes_from", sa.String))
    op.create_index("ix_conversations_case_number", "conversations", ["case_number"])
