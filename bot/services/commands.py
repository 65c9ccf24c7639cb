"""What staff write with a `!` in front: read into a command, or into what is wrong with it. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum

from bot.domain import CaseNumber

CASE = re.compile(r"(?=.*[0-9])[A-Z0-9]{4}")


class Verdict(StrEnum):
    """What `!vet` can say."""

    PENDING = "pending"
    PASSED = "passed"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Help:
    """`!help`"""


@dataclass(frozen=True, slots=True)
class Vet:
    """`!vet pending|passed|declined 7F3K [note]`"""

    case: CaseNumber | None
    verdict: Verdict
    note: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class LookBack:
    """`!vet history 7F3K`"""

    case: CaseNumber | None


@dataclass(frozen=True, slots=True)
class Claim:
    """`!claim 7F3K [emergency]`"""

    case: CaseNumber | None
    emergency: bool = False


@dataclass(frozen=True, slots=True)
class Close:
    """`!close 7F3K`"""

    case: CaseNumber | None


@dataclass(frozen=True, slots=True)
class Join:
    """`!join 7F3K 2B8Q`: the second is the same person as the first"""

    case: CaseNumber | None
    other: CaseNumber | None


@dataclass(frozen=True, slots=True)
class Trust:
    """`!trust 7F3K`"""

    case: CaseNumber | None


@dataclass(frozen=True, slots=True)
class ListStaff:
    """`!staff list`"""


@dataclass(frozen=True, slots=True)
class AddStaff:
    """`!staff add @who:server [KEY] [lead]`; without the key it asks for it. What is missing is empty."""

    user: str = field(repr=False)
    identity: str = field(repr=False)
    lead: bool


@dataclass(frozen=True, slots=True)
class RemoveStaff:
    """`!staff remove @who:server`"""

    user: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """None of ours; `meant` is what it looks like, if it looks like one."""

    meant: str | None


ForStaff = ListStaff | AddStaff | RemoveStaff
ForCase = Vet | LookBack | Claim | Close | Trust | Join
Command = Help | ForCase | ForStaff | Unknown

VERBS = ("help", "vet", "claim", "close", "trust", "join", "staff")
STAFF_VERBS = ("list", "add", "remove")
HISTORY, EMERGENCY = "history", "emergency"


def is_command(text: str) -> bool:
    """Whether a message begins with `!`, whatever unseen signs or width a keyboard gave it. It is not relayed."""
    return _plain(text).startswith("!")


def parse(text: str, own: CaseNumber | None) -> Command:
    """Read a command. `own` is the case whose room it was written in; there the number may be left out.

    `case` is None where a number is missing, or is not that of the room: a wrong case is worse than a question.
    """
    verb, rest = _first_word(_plain(text).removeprefix("!"))
    match verb.casefold():
        case "help":
            return Help()
        case "vet":
            return _vet(rest, own)
        case "claim":
            return _claim(rest, own)
        case "close":
            return Close(_case(rest, own)[0])
        case "join":
            return _join(rest, own)
        case "trust":
            return Trust(_case(rest, own)[0])
        case "staff":
            return _staff(_without_unseen(rest))
        case other:
            return Unknown(_like(other, VERBS, "!"))


def _vet(rest: str, own: CaseNumber | None) -> Command:
    word, rest = _first_word(rest)
    case, note = _case(rest, own)
    if word.casefold() == HISTORY:
        return LookBack(case)
    if word.casefold() not in list(Verdict):
        return Unknown(_like(word.casefold(), (*Verdict, HISTORY), "!vet "))
    return Vet(case, Verdict(word.casefold()), note)


def _claim(rest: str, own: CaseNumber | None) -> Command:
    """That it is an emergency may stand before the number, too."""
    words = _without_unseen(rest).split()
    plain = [word for word in words if word.casefold() != EMERGENCY]
    return Claim(_case(" ".join(plain), own)[0], emergency=plain != words)


def _join(rest: str, own: CaseNumber | None) -> Command:
    """In a case's own room the first number may be left out; one that stands there alone is then the second."""
    match [CaseNumber(word) for word in map(_number, rest.split()) if CASE.fullmatch(word)]:
        case [other] if own is not None:
            return Join(own, other)
        case [first, other] if own in (None, first):
            return Join(first, other)
        case _:
            return Join(None, None)


def _staff(rest: str) -> Command:
    verb, rest = _first_word(rest)
    user, rest = _first_word(rest)
    match verb.casefold():
        case "list":
            return ListStaff()
        case "add":
            return _add_staff(user, rest.split())
        case "remove":
            return RemoveStaff(user)
        case other:
            return Unknown(_like(other, STAFF_VERBS, "!staff "))


def _add_staff(user: str, words: list[str]) -> AddStaff:
    """An identity is copied with the spaces between its groups. None ends in d, so `lead` is never a part of it."""
    lead = bool(words) and words[-1].casefold() == "lead"
    return AddStaff(user, "".join(words[:-1] if lead else words), lead)


def _case(rest: str, own: CaseNumber | None) -> tuple[CaseNumber | None, str]:
    """The case that is meant, and what follows its number."""
    word, after = _first_word(rest)
    number = _number(word)
    if not CASE.fullmatch(number):
        return own, rest
    if own is not None and number != own:
        return None, after
    return CaseNumber(number), after


def _number(word: str) -> str:
    return unicodedata.normalize("NFKC", _without_unseen(word)).upper()


def _first_word(text: str) -> tuple[str, str]:
    word, *rest = text.split(maxsplit=1) or [""]
    return word, rest[0].strip() if rest else ""


def _without_unseen(text: str) -> str:
    """The text as it looks: what is copied out of a right-to-left one brings marks along."""
    return "".join(sign for sign in text if unicodedata.category(sign) != "Cf")


def _plain(text: str) -> str:
    """The text without unseen signs before it, and with a wide `！` made narrow."""
    seen = text.lstrip()
    while seen and unicodedata.category(seen[0]) in ("Cf", "Zs", "Cc"):
        seen = seen[1:].lstrip()
    return unicodedata.normalize("NFKC", seen[:1]) + seen[1:]


def _like(word: str, known: tuple[str, ...], before: str) -> str | None:
    close = get_close_matches(word, known, n=1)
    return f"{before}{close[0]}" if close else None
