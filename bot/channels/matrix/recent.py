"""Keys that were used lately, held in memory; all others are looked up in the store when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from bot.channels.matrix.broken import limit

T = TypeVar("T")

MAX_PEERS = 1000  # devices whose Olm sessions are held


class Recent(Generic[T]):
    """What `look_up` found, by name. The store comes first: whoever changes what is held has saved it before."""

    def __init__(self, look_up: Callable[[str], T | None], most: int) -> None:
        self._look_up = look_up
        self._most = most
        self._held: dict[str, T] = {}  # what was used last stands last

    def get(self, name: str) -> T | None:
        """What is there under this name; that there is nothing is not remembered."""
        found = self._held.pop(name, None)
        if found is None:
            found = self._look_up(name)
        if found is not None:
            self.hold(name, found)
        return found

    def hold(self, name: str, value: T) -> None:
        """This is what the store has under this name."""
        self._held.pop(name, None)
        self._held[name] = value
        limit(self._held, self._most)

    def __len__(self) -> int:
        return len(self._held)


class Sessions:
    """nio's store of Olm sessions, as its machine uses it: those with one device, the one used last first.

    A session is used and saved within one call, so that no second copy of its ratchet is ever held.
    """

    def __init__(self, look_up: Callable[[str], list[Any]]) -> None:
        self._recent: Recent[list[Any]] = Recent(look_up, MAX_PEERS)

    def __getitem__(self, peer: str) -> list[Any]:
        return self._recent.get(peer) or []

    def get(self, peer: str) -> Any:
        """The session to write with; None where there is none."""
        return next(iter(self[peer]), None)

    def add(self, peer: str, session: Any) -> None:
        """A session that has just begun."""
        self._recent.hold(peer, [session, *self[peer]])
