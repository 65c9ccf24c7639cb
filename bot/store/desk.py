"""What a transaction works with: the connection, the keys, the keyed hash."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import sqlalchemy as sa

from bot.domain import Conversation, ConversationId
from bot.ports import Taken
from bot.store import schema
from bot.store.engine import disconnect
from bot.store.errors import RecordBroken
from bot.store.keys import KeyRing
from bot.store.sealing import Lookup, kind_of, place_of

T = TypeVar("T")

MAX_KNOWN = 10_000  # conversations of which we remember by which key they are sealed
_KEY = sa.select(schema.conversations.c.key).where(schema.conversations.c.id == sa.bindparam("conversation"))


class Desk:
    """Runs statements, seals and opens. Lives as long as the store; only its thread touches it."""

    def __init__(self, connection: sa.Connection, ring: KeyRing, lookup: Lookup) -> None:
        self.connection = connection
        self.lookup = lookup
        self._ring = ring
        self._known: dict[ConversationId, ConversationId] = {}

    def run(self, statement: sa.Executable, **values: Any) -> sa.CursorResult[Any]:
        return self.connection.execute(statement, values)

    @contextmanager
    def unique(self, what: str) -> Iterator[None]:
        """Say `Taken` where a row of the same id is there already."""
        try:
            yield
        except sa.exc.IntegrityError as error:
            raise Taken(what) from error

    def key_of(self, conversation: ConversationId) -> ConversationId:
        """The name of the key that seals this conversation. Raises KeyError where there is no such conversation."""
        key = self._known.get(conversation)
        if key is None:
            key = self.run(_KEY, conversation=conversation).scalar()
            if key is None:
                raise KeyError(conversation)
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[conversation] = key
        return key

    def take_in(self, conversation: Conversation) -> None:
        """Have the key of a new conversation on the disk before anything is sealed with it. Raises KeyError."""
        if conversation.key == conversation.id:
            self._ring.make(conversation.key)
        elif self.key_of(conversation.key) != conversation.key:
            raise KeyError(conversation.key)

    def rolled_back(self) -> None:
        """What was learnt in a transaction that did not last may not be so."""
        self._known.clear()

    def seal(self, key: ConversationId, column: sa.Column[Any], row: str, text: str) -> bytes:
        # "surrogatepass": what comes from outside can hold half a surrogate pair, which plain UTF-8 refuses
        clear = text.encode("utf-8", "surrogatepass")
        return self._ring.box(key).seal(clear, place_of(column.table.name, column.name, row))

    def unseal(
        self, key: ConversationId, column: sa.Column[Any], row: str, sealed: bytes, read: Callable[[str], T]
    ) -> T:
        """The value that was sealed. Raises RecordBroken, which names the column and quotes nothing."""
        place = place_of(column.table.name, column.name, row)
        clear = self._ring.box(key).open(sealed, place)
        with suppress(ValueError, LookupError, TypeError, AttributeError, OverflowError):
            return read(clear.decode("utf-8", "surrogatepass"))
        # raised out here: what went wrong inside may hold the content, and must not hang on this error (law 6)
        raise RecordBroken(kind_of(place))

    def close(self) -> None:
        self._ring.close()
        disconnect(self.connection)
