"""What staff write with a `!` in front: read into a command, or into what is wrong with it. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum

from bot.domain import CaseNumber

CASE = re.compile(r"(?=.*[0-9])[A-Z0-9]{4}")
UNSEEN = ("Cf", "Zs", "Cc", "Mn")  # categories of signs that show nothing where they stand first
BLANK = "\u115f\u1160\u2800\u3164\uffa0"  # letters and signs by their category that show nothing either


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
class Release:
    """`!release 7F3K`"""

    case: CaseNumber | None


@dataclass(frozen=True, slots=True)
class Assign:
    """`!assign 7F3K @who`; empty where nobody is named"""

    case: CaseNumber | None
    to: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CallForHelp:
    """`!help-me 7F3K [@who]`; empty where anybody is meant"""

    case: CaseNumber | None
    helper: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Close:
    """`!close 7F3K`"""

    case: CaseNumber | None


@dataclass(frozen=True, slots=True)
class Decline:
    """`!decline 7F3K REASON`; without a reason it asks which there are."""

    case: CaseNumber | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Canned:
    """`!canned [NAME [send]]`; without a name it lists them all."""

    case: CaseNumber | None
    name: str = ""
    send: bool = False


@dataclass(frozen=True, slots=True)
class Sign:
    """`!sign [NAME]`; without a name they sign no more."""

    case: CaseNumber | None
    name: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Join:
    """`!join 7F3K 2B8Q`: the second is the same person as the first"""

    case: CaseNumber | None
    other: CaseNumber | None


@dataclass(frozen=True, slots=True)
class Ask:
    """`!ask [FLOW]`; empty where it is asked which there are"""

    case: CaseNumber | None
    flow: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Trust:
    """`!trust 7F3K`"""

    case: CaseNumber | None


@dataclass(frozen=True, slots=True)
class ListQueue:
    """`!queue`"""


@dataclass(frozen=True, slots=True)
class ListMine:
    """`!mine`"""


@dataclass(frozen=True, slots=True)
class ShowCase:
    """`!case 7F3K`"""

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
Decides = Vet | Claim | Release | Assign | CallForHelp | Close | Decline | Sign | Ask | Trust | Join
ForCase = Decides | LookBack | ShowCase
Command = Help | ListQueue | ListMine | Canned | ForCase | ForStaff | Unknown

VERBS = (
    "help",
    "queue",
    "mine",
    "case",
    "vet",
    "claim",
    "release",
    "assign",
    "help-me",
    "close",
    "decline",
    "canned",
    "sign",
    "ask",
    "trust",
    "join",
    "staff",
)
CALLED_OTHERWISE = {"unclaim": "!release", "unassign": "!release", "transfer": "!assign"}  # what looks like another one
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
    match _with_plain_dashes(verb).casefold():
        case "help":
            return Unknown("!help-me") if _first_word(rest)[0].casefold() == "me" else Help()
        case "queue":
            return ListQueue()
        case "mine":
            return ListMine()
        case "case":
            return ShowCase(_case(rest, own)[0])
        case "vet":
            return _vet(rest, own)
        case "claim":
            return _claim(rest, own)
        case "release":
            return Release(_case(rest, own)[0])
        case "assign":
            return Assign(*_case_and_person(rest, own))
        case "help-me":
            return CallForHelp(*_case_and_person(rest, own))
        case "close":
            return Close(_case(rest, own)[0])
        case "decline":
            case, reason = _case(rest, own)
            return Decline(case, reason.casefold())
        case "canned":
            return _canned(rest, own)
        case "sign":
            return Sign(*_case(rest, own))
        case "join":
            return _join(rest, own)
        case "ask":
            case, flow = _case(_without_unseen(rest), own)
            return Ask(case, _first_word(flow)[0].casefold())
        case "trust":
            return Trust(_case(rest, own)[0])
        case "staff":
            return _staff(_without_unseen(rest))
        case other:
            return Unknown(CALLED_OTHERWISE.get(other) or like(other, VERBS, "!"))


def _vet(rest: str, own: CaseNumber | None) -> Command:
    word, rest = _first_word(rest)
    case, note = _case(rest, own)
    if word.casefold() == HISTORY:
        return LookBack(case)
    if not word or CASE.fullmatch(_number(word)):
        return Unknown(f"!vet {Verdict.PENDING}")
    if word.casefold() not in list(Verdict):
        return Unknown(like(word.casefold(), (*Verdict, HISTORY), "!vet "))
    return Vet(case, Verdict(word.casefold()), note)


def _canned(rest: str, own: CaseNumber | None) -> Command:
    case, rest = _case(rest, own)
    name, rest = _first_word(_without_unseen(rest))
    return Canned(case, name.casefold(), rest.casefold() == "send")


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


def _case_and_person(rest: str, own: CaseNumber | None) -> tuple[CaseNumber | None, str]:
    """The number may stand behind the name, too."""
    words = rest.split()
    if len(words) > 1 and not CASE.fullmatch(_number(words[0])) and CASE.fullmatch(_number(words[1])):
        words[:2] = words[1], words[0]
    case, named = _case(" ".join(words), own)
    return case, _without_unseen(_first_word(named)[0])


def _staff(rest: str) -> Command:
    verb, rest = _first_word(rest)
    user, rest = _first_word(rest)
    match verb.casefold():
        case "":
            return Unknown("!staff list")
        case "list":
            return ListStaff()
        case "add":
            return _add_staff(user, rest.split())
        case "remove":
            return RemoveStaff(user)
        case other:
            return Unknown(like(other, STAFF_VERBS, "!staff "))


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


def _with_plain_dashes(word: str) -> str:
    """Keyboards make longer ones of them."""
    return "".join("-" if unicodedata.category(sign) == "Pd" else sign for sign in word)


def _plain(text: str) -> str:
    """The text without unseen signs before it, and with a wide `！` made narrow."""
    seen = text.lstrip()
    while seen and (unicodedata.category(seen[0]) in UNSEEN or seen[0] in BLANK):
        seen = seen[1:].lstrip()
    return unicodedata.normalize("NFKC", seen[:1]) + seen[1:]


def like(word: str, known: tuple[str, ...], before: str) -> str | None:
    """What was probably meant, with what stands before it; None where it looks like nothing that is known."""
    close = get_close_matches(word, known, n=1)
    return f"{before}{close[0]}" if close else None
