"""How long a question waits for its answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bot.domain import TextId

TRIES = 3  # answers in a row that were not understood


@dataclass(frozen=True, slots=True)
class Wait:
    """How long a question waits for its answer, and how often it is asked again.

    After so many `tries` not understood, the way `not_understood` is taken, or else a person is offered. After
    `remind_after` the person is reminded once, by a text of the step's own or the bot's; after `expire_after` the way
    `no_reply` is taken, or else the session is over.
    """

    tries: int = TRIES
    remind_after: timedelta | None = None
    remind: TextId | None = None
    expire_after: timedelta | None = None


PATIENT = Wait()  # what a question has that says nothing of it
