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
class Claim:
    """`!claim 7F3K`"""

    case: CaseNumber | None


@dataclass(frozen=True, slots=True)
class Close:
    """`!close 7F3K`"""

    case: CaseNumber | None


@dataclass(frozen=True, slots=True)
class Unknown:
    """None of ours; `meant` is what it looks like, if it looks like one."""

    meant: str | None


Command = Help | Vet | Claim | Close | Unknown

VERBS = ("help", "vet", "claim", "close")


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
            return Claim(_case(rest, own)[0])
        case "close":
            return Close(_case(rest, own)[0])
        case other:
            return Unknown(_like(other, VERBS, "!"))


def _vet(rest: str, own: CaseNumber | None) -> Command:
    word, rest = _first_word(rest)
    if word.casefold() not in list(Verdict):
        return Unknown(_like(word.casefold(), tuple(Verdict), "!vet "))
    case, note = _case(rest, own)
    return Vet(case, Verdict(word.casefold()), note)


def _case(rest: str, own: CaseNumber | None) -> tuple[CaseNumber | None, str]:
    """The case that is meant, and what follows its number."""
    word, after = _first_word(rest)
    seen = "".join(sign for sign in word if unicodedata.category(sign) != "Cf")  # copied out of a right-to-left text
    number = unicodedata.normalize("NFKC", seen).upper()
    if not CASE.fullmatch(number):
        return own, rest
    if own is not None and number != own:
        return None, after
    return CaseNumber(number), after


def _first_word(text: str) -> tuple[str, str]:
    word, *rest = text.split(maxsplit=1) or [""]
    return word, rest[0].strip() if rest else ""


def _plain(text: str) -> str:
    """The text without unseen signs before it, and with a wide `！` made narrow."""
    seen = text.lstrip()
    while seen and unicodedata.category(seen[0]) in ("Cf", "Zs", "Cc"):
        seen = seen[1:].lstrip()
    return unicodedata.normalize("NFKC", seen[:1]) + seen[1:]


def _like(word: str, known: tuple[str, ...], before: str) -> str | None:
    close = get_close_matches(word, known, n=1)
    return f"{before}{close[0]}" if close else None
