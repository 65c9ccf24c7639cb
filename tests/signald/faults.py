"""What can go wrong on the way of an answer, and on the wire: what tests switch on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal

How = Literal["silent", "late", "held", "cut", "lost", "dies", "refused"]


@dataclass(slots=True, eq=False)
class Fault:
    """One fault: for which method (`*` for all), how it shows, and how often (None: until it is taken away).

    `done` says whether the deed is done in spite of it. `after` calls go well first.
    """

    method: str
    how: How
    done: bool = True
    times: int | None = 1
    after: int = 0
    seconds: float = 0
    error: tuple[int, str] | None = None
    met: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def meets(self, method: str) -> bool:
        """Whether this call meets it; counts."""
        if self.method not in ("*", method) or self.times == 0:
            return False
        if self.after:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        self.met += 1
        return True


@dataclass(frozen=True, slots=True)
class Wire:
    """How lines travel: `split` in small pieces, `glued` several in one write, `disorder` answers in any order, `early`
    what is received before the answer to the subscription, `extras` keys that nobody knows, `shuffled` keys in any
    order."""

    split: bool = False
    glued: bool = False
    disorder: bool = False
    early: bool = False
    extras: bool = False
    shuffled: bool = False
