"""The tables. Every column says how long its content may live, or this module does not load.

Content and identities are sealed (`LargeBinary`) under the key of their conversation; rooms and events are found again
by keyed hash. What stands in clear are ids that we made, states, moments and counts: they name nobody.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import sqlalchemy as sa


class Retention(StrEnum):
    """How long a column's content lives, and what it may be."""

    OPERATION = "operation"  # needed to go on; replaced by the next; names nobody
    RECORD = "record"  # ids that we made, states, moments, counts: names nobody, kept with its row
    LOOKUP = "lookup"  # a keyed hash, empty of meaning without the master key; kept with its row
    IDENTITY = "identity"  # who somebody is, or leads to them: sealed; unreadable once the key is destroyed
    CONTENT = "content"  # what somebody wrote or chose: sealed; erased with its step, its sending or its case
    KEY = "key"  # a wrapped key: destroyed when its conversation is forgotten


RETENTION = "retention"
# every migration, the oldest first; `migrations/versions` holds the same (tested)
REVISIONS = ("0001", "0002", "0003", "0004", "0005")

METADATA = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)
KEYS_METADATA = sa.MetaData(naming_convention=METADATA.naming_convention)


def column(name: str, kind: Any, retention: Retention, *items: Any, **options: Any) -> sa.Column[Any]:
    """A column that says how long its content lives. Whatever names or quotes a person must be sealed bytes."""
    if retention in (Retention.IDENTITY, Retention.CONTENT) and kind is not sa.LargeBinary:
        raise TypeError(f"column {name} is of class {retention} and must be sealed")
    options.setdefault("nullable", False)
    return sa.Column(name, kind, *items, info={RETENTION: retention}, **options)


def table(metadata: sa.MetaData, name: str, *items: sa.Column[Any] | sa.Index | sa.UniqueConstraint) -> sa.Table:
    """A table of declared columns only. Raises TypeError."""
    for item in items:
        if isinstance(item, sa.Column) and not isinstance(item.info.get(RETENTION), Retention):
            raise TypeError(f"column {name}.{item.name} does not declare its retention class")
    return sa.Table(name, metadata, *items)


def _conversation(name: str, **options: Any) -> sa.Column[Any]:
    return column(name, sa.String, Retention.RECORD, sa.ForeignKey("conversations.id"), **options)


tokens = table(
    METADATA,
    "tokens",
    column("channel", sa.String, Retention.RECORD, primary_key=True),
    column("token", sa.String, Retention.OPERATION),
)

conversations = table(
    METADATA,
    "conversations",
    column("id", sa.String, Retention.RECORD, primary_key=True),
    column("channel", sa.String, Retention.RECORD),
    column("place", sa.String, Retention.RECORD),
    _conversation("key"),
    column("owner", sa.String, Retention.RECORD),
    column("case_number", sa.String, Retention.RECORD, nullable=True),
    column("room_hash", sa.LargeBinary, Retention.LOOKUP, nullable=True, unique=True),
    column("room", sa.LargeBinary, Retention.IDENTITY, nullable=True),
    column("contact", sa.LargeBinary, Retention.IDENTITY, nullable=True),
    column("identity", sa.LargeBinary, Retention.IDENTITY, nullable=True),
    column("name", sa.LargeBinary, Retention.IDENTITY, nullable=True),  # of a room, in the config
    column("expires", sa.BigInteger, Retention.RECORD, nullable=True),  # seconds
    column("heard_at", sa.BigInteger, Retention.RECORD, nullable=True),
    column("unread", sa.Integer, Retention.RECORD, server_default=sa.text("0")),
    column("stalled", sa.String, Retention.RECORD, nullable=True),
    sa.Index("ix_conversations_place", "place", "channel"),
    sa.Index("ix_conversations_case_number", "case_number"),
)

journal = table(
    METADATA,
    "journal",
    column("id", sa.Integer, Retention.RECORD, primary_key=True),
    _conversation("conversation"),
    column("event_hash", sa.LargeBinary, Retention.LOOKUP, unique=True),  # outlives the content: taken only once
    column("once_hash", sa.LargeBinary, Retention.LOOKUP, nullable=True),  # of the ciphertext: a replay has the same
    column("arrival", sa.LargeBinary, Retention.CONTENT, nullable=True),  # emptied with the step it caused
    sa.Index("ix_journal_once_hash", "once_hash", unique=True),
)
# few rows wait at any time, however long the journal is
_waits = journal.c.arrival.is_not(None)
sa.Index("ix_journal_waiting", journal.c.conversation, journal.c.id, sqlite_where=_waits, postgresql_where=_waits)

sessions = table(
    METADATA,
    "sessions",
    _conversation("conversation", primary_key=True),
    column("session", sa.LargeBinary, Retention.CONTENT),
    column("release", sa.Integer, Retention.RECORD, server_default=sa.text("1")),
)

outbox = table(
    METADATA,
    "outbox",
    column("position", sa.Integer, Retention.RECORD, primary_key=True),
    column("id", sa.String, Retention.RECORD, unique=True),
    _conversation("conversation"),
    column("message", sa.LargeBinary, Retention.CONTENT),  # the deed and its origin; the row goes when it is sent
    column("attempts", sa.Integer, Retention.RECORD),
    column("due", sa.BigInteger, Retention.RECORD, nullable=True),
    column("tried_at", sa.BigInteger, Retention.RECORD, nullable=True),
    column("tried_from", sa.String, Retention.RECORD, nullable=True),  # a device of the bot's own
    sa.Index("ix_outbox_lane", "conversation", "position"),
)

timers = table(
    METADATA,
    "timers",
    _conversation("conversation", primary_key=True),
    column("kind", sa.String, Retention.RECORD, primary_key=True),
    column("due", sa.BigInteger, Retention.RECORD, index=True),
)

cases = table(
    METADATA,
    "cases",
    column("number", sa.String, Retention.RECORD, primary_key=True),
    column("status", sa.String, Retention.RECORD, index=True),
    column("opened_at", sa.BigInteger, Retention.RECORD),
    _conversation("requester", index=True),
    _conversation("relay", nullable=True),
    _conversation("notes", nullable=True),
    column("relay_open", sa.Boolean, Retention.RECORD),
    column("writes_from", sa.String, Retention.RECORD, nullable=True),
    column("joined_to", sa.String, Retention.RECORD, nullable=True, index=True),
    column("vetting", sa.String, Retention.RECORD, server_default=sa.text("'none'")),
    column("about", sa.LargeBinary, Retention.CONTENT),  # language, topic, urgency
    column("answers", sa.LargeBinary, Retention.CONTENT),
    column("note", sa.LargeBinary, Retention.CONTENT, nullable=True),
    column("staff", sa.LargeBinary, Retention.IDENTITY),  # who vetted, who claimed
    column("release", sa.Integer, Retention.RECORD, server_default=sa.text("1")),
    column("heard_at", sa.BigInteger, Retention.RECORD, nullable=True),
    column("bare", sa.String, Retention.RECORD, nullable=True),
    column("last_kept", sa.Integer, Retention.RECORD, server_default=sa.text("0")),  # mark of its conversation
)

# the life of a case: what moved it on, and when
case_changes = table(
    METADATA,
    "case_changes",
    column("position", sa.Integer, Retention.RECORD, primary_key=True),
    column("case_number", sa.String, Retention.RECORD, sa.ForeignKey("cases.number"), index=True),
    column("at", sa.BigInteger, Retention.RECORD),
    column("step", sa.String, Retention.RECORD),
    column("before", sa.String, Retention.RECORD, nullable=True),
    column("after", sa.String, Retention.RECORD),
    column("staff", sa.LargeBinary, Retention.IDENTITY),  # who took the step, whose the case is after it
)

# the conversation of a case: what its requester and staff wrote or sent, and by which event it is known; the name, from
# when it was only words, is bound into what is sealed
case_words = table(
    METADATA,
    "case_words",
    column("case_number", sa.String, Retention.RECORD, sa.ForeignKey("cases.number"), primary_key=True),
    column("position", sa.Integer, Retention.RECORD, primary_key=True, autoincrement=False),
    column("words", sa.LargeBinary, Retention.CONTENT),
    column("keep", sa.String, Retention.RECORD, server_default=sa.text("'case'")),
    column("expires", sa.BigInteger, Retention.RECORD, nullable=True),  # seconds
    column("due", sa.BigInteger, Retention.RECORD, nullable=True),
    column("at", sa.BigInteger, Retention.RECORD, server_default=sa.text("0")),
    column("voice", sa.String, Retention.RECORD, server_default=sa.text("'requester'")),
    column("waits", sa.Boolean, Retention.RECORD, server_default=sa.true()),
    column("mark", sa.Integer, Retention.RECORD, server_default=sa.text("0")),  # of its last change
    column("origin_hash", sa.LargeBinary, Retention.LOOKUP, nullable=True, index=True),
)

copies = table(
    METADATA,
    "copies",
    column("position", sa.Integer, Retention.RECORD, primary_key=True),
    column("origin_hash", sa.LargeBinary, Retention.LOOKUP, index=True),
    _conversation("conversation"),
    column("event", sa.LargeBinary, Retention.IDENTITY),  # sealed with the key of the conversation it stands in
    column("case_number", sa.String, Retention.RECORD, nullable=True, index=True),
    column("keep", sa.String, Retention.RECORD, nullable=True),
    column("due", sa.BigInteger, Retention.RECORD, nullable=True),
)

# the card of a case in a queue room: sealed with the requester's key, as its case is
case_cards = table(
    METADATA,
    "case_cards",
    column("case_number", sa.String, Retention.RECORD, sa.ForeignKey("cases.number"), primary_key=True),
    _conversation("conversation", primary_key=True),
    column("position", sa.Integer, Retention.RECORD),
    column("card", sa.LargeBinary, Retention.CONTENT),  # what it says, and its message
    sa.Index("ix_case_cards_conversation", "conversation"),
)

# by what cases are compared while they are vetted
case_traces = table(
    METADATA,
    "case_traces",
    column("case_number", sa.String, Retention.RECORD, sa.ForeignKey("cases.number"), primary_key=True),
    column("form_hash", sa.LargeBinary, Retention.LOOKUP, primary_key=True, index=True),
    column("kind", sa.String, Retention.RECORD),  # which the flows name
    column("day", sa.String, Retention.RECORD),
)

roster = table(
    METADATA,
    "roster",
    column("position", sa.Integer, Retention.RECORD, primary_key=True),
    column("user_hash", sa.LargeBinary, Retention.LOOKUP, unique=True),
    column("listed", sa.LargeBinary, Retention.IDENTITY),  # the row goes when they are removed
)

releases = table(
    METADATA,
    "releases",
    column("number", sa.Integer, Retention.RECORD, primary_key=True, autoincrement=False),
    column("digest", sa.String, Retention.RECORD),
    column("published_at", sa.BigInteger, Retention.RECORD),
    column("moves", sa.Boolean, Retention.RECORD),
    column("publisher", sa.LargeBinary, Retention.IDENTITY),
    column("files", sa.LargeBinary, Retention.OPERATION),  # no secret, and sealed all the same: nobody else edits them
)

# statistics: routing keys and codes, by month
counts = table(
    METADATA,
    "counts",
    column("month", sa.String, Retention.RECORD, primary_key=True),
    column("what", sa.String, Retention.RECORD, primary_key=True),
    column("value", sa.String, Retention.RECORD, primary_key=True),
    column("number", sa.Integer, Retention.RECORD),
)

# --- the file of the keys, apart from everything else: destroying a key there is what forgetting means

keys = table(
    KEYS_METADATA,
    "keys",
    column("id", sa.String, Retention.RECORD, primary_key=True),
    column("wrapped", sa.LargeBinary, Retention.KEY),
)

master = table(
    KEYS_METADATA,
    "master",
    column("format", sa.Integer, Retention.RECORD, primary_key=True, autoincrement=False),
    column("fingerprint", sa.LargeBinary, Retention.RECORD),  # derived from the master key; tells nothing of it
)
