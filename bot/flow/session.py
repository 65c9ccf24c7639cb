"""The session: where one requester stands in the flow. Plain data; a new state is a new value."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.domain import Answer


@dataclass(frozen=True, slots=True)
class Passed:
    """An answered question: the state it was asked in, and the answer."""

    state: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class Session:
    """One run of a flow in a conversation.

    `path` holds the answers that led to `state`, in order, and nothing else: what is reviewed and handed over is read
    from it alone. `kept` holds answers of a path that was left (by *menu*, or by changing an earlier answer); one of
    them comes back onto the path only when its own question is reached again. `aside` names a question put in between
    (the language, which answer to change); `tries` counts answers to the present question that were not understood.
    """

    state: str
    locale: str | None = None
    path: tuple[Passed, ...] = field(default=(), repr=False)
    kept: tuple[Passed, ...] = field(default=(), repr=False)
    aside: str | None = None
    tries: int = 0
