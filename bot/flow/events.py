"""What the engine is told (events, past tense) and what it asks for in return (effects, imperative).

Effects are data: text ids and parameters, never callables and never sentences.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain import Answer, Attachment, TextId


@dataclass(frozen=True, slots=True)
class Started:
    """Someone wrote for the first time, or again after an end. What they wrote is given along: it may be a command."""

    text: str = field(default="", repr=False)
    locale: str | None = None  # known from an earlier session


@dataclass(frozen=True, slots=True)
class Replied:
    """The requester wrote something. `ref` is the message, by which a later change names it; `at`: when it is taken."""

    text: str = field(repr=False)
    ref: str | None = field(default=None, repr=False)
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Edited:
    """The requester put this in the place of an earlier message (`ref`)."""

    text: str = field(repr=False)
    ref: str = field(repr=False)
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """The requester sent a file."""

    file: Attachment
    ref: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Missed:
    """The requester sent what could not be taken as words; `why` is the text that says so kindly."""

    why: TextId


@dataclass(frozen=True, slots=True)
class Begun:
    """A flow is entered otherwise than by a first word: staff ask it, or somebody comes back. `why`: said before it."""

    flow: str
    locale: str
    why: TextId | None = None


@dataclass(frozen=True, slots=True)
class Halted:
    """What staff ask is to be asked no more, and nothing is to be said of it."""


@dataclass(frozen=True, slots=True)
class TimedOut:
    """A timer that an effect set has run out."""

    kind: str


Event = Started | Replied | Edited | Sent | Missed | Begun | Halted | TimedOut


@dataclass(frozen=True, slots=True)
class Say:
    """Say a text."""

    text: TextId


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask a question; with options, they are shown one a line as `1. text`. `about` names the one that it speaks of."""

    text: TextId
    options: tuple[TextId, ...] = ()
    about: TextId | None = None


@dataclass(frozen=True, slots=True)
class AskLanguage:
    """Ask which language to go on in: the text in every language, the languages by their own names.

    `guess`: the language in which it is offered to go on.
    """

    text: TextId
    guess: str | None = None


@dataclass(frozen=True, slots=True)
class ShowAnswers:
    """Show the answers on the path, numbered as they may be named for a change."""

    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class OpenCase:
    """Hand the conversation over to people, with the answers on the path and nothing else.

    `refs`: the message that gave each of them. It asks for nothing, so it does not count where two are compared.
    """

    answers: tuple[Answer, ...]
    topic: TextId | None
    urgency: TextId | None
    refs: tuple[str | None, ...] = field(default=(), repr=False, compare=False)


class Why(StrEnum):
    """Why nothing more of a flow is asked."""

    DONE = "done"
    STOPPED = "stopped"
    NO_REPLY = "no_reply"
    NOT_UNDERSTOOD = "not_understood"


@dataclass(frozen=True, slots=True)
class Answered:
    """What staff asked is over: these are the answers."""

    answers: tuple[Answer, ...]
    why: Why


@dataclass(frozen=True, slots=True)
class PassOn:
    """What was sent answers nothing that was asked: it is for people to read."""


@dataclass(frozen=True, slots=True)
class Reopen:
    """It is about the case that was closed last: give the conversation back to people, with these answers."""

    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class BeginAnew:
    """It is about something new: the conversation begins as it does for everyone."""


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The consent is taken back; what was passed on under it before is for people to see to."""


@dataclass(frozen=True, slots=True)
class Forget:
    """Erase all that is kept of this conversation, from earlier sessions too."""


@dataclass(frozen=True, slots=True)
class End:
    """The session is over: nobody owns the conversation until the requester writes again."""


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Owe the conversation a `TimedOut(kind)` after this long."""

    kind: str
    after: timedelta


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Nothing is owed any more."""

    kind: str


Effect = (
    Say
    | Ask
    | AskLanguage
    | ShowAnswers
    | OpenCase
    | Answered
    | PassOn
    | Reopen
    | BeginAnew
    | Withdraw
    | Forget
    | End
    | SetTimer
    | CancelTimer
)
