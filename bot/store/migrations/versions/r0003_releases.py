"""What the flows said when, and with which of it a conversation or a case began."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "releases",
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("published_at", sa.BigInteger, nullable=False),
        sa.Column("moves", sa.Boolean, nullable=False),
        sa.Column("publisher", sa.LargeBinary, nullable=False),
        sa.Column("files", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_releases"),
    )
    for table in ("sessions", "cases"):
        op.add_column(table, sa.Column("release", sa.Integer, nullable=False, server_default=sa.text("1")))
