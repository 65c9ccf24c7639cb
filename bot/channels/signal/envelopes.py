"""From a line of the daemon's to what happened, in a few words of ours. Pure; any bytes at all may come (law 7).

What stands here is what a stranger's program claims: nothing of it decides where something goes but the sender's uuid,
which the daemon vouches for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bot.channels.signal.styles import read as styles_of
from bot.domain import Style

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PLACEHOLDER = "\ufffc"  # stands where somebody is mentioned
LONGEST_TIMER = 400 * 86_400  # seconds; no program offers as much
LONGEST_MENTION = 1_000  # UTF-16 units; it is one
LAST_MOMENT = 253_402_300_799_000  # milliseconds: the end of the year 9999

SPOKEN = ("sticker", "contacts", "pollCreate", "pollVote", "pollTerminate", "payment")  # said, but not in words
OF_NO_ACCOUNT = ("DuplicateMessage", "SelfSend")  # errors that lose nobody anything
UNTRUSTED = "UntrustedIdentity"


@dataclass(frozen=True, slots=True)
class Said:
    """Words, files, or both. `files` as the daemon tells of them; `edits` is the timestamp of what they replace.

    `quotes`: the text of the message that it answers, as its sender's program has it.
    """

    text: str = field(repr=False)
    files: tuple[object, ...] = field(default=(), repr=False)
    edits: int | None = None
    expires: timedelta | None = None
    quotes: str = field(default="", repr=False)
    styles: tuple[Style, ...] = ()


@dataclass(frozen=True, slots=True)
class Once:
    """Files that are to be seen once, which cannot be had where others pass them on."""

    files: tuple[object, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class TookBack:
    """The message of this timestamp was taken back."""

    target: int


@dataclass(frozen=True, slots=True)
class NewTimer:
    """The timer of the conversation was set; None: messages do not disappear."""

    expires: timedelta | None


@dataclass(frozen=True, slots=True)
class InGroup:
    """Something happened in a group; what, is none of our business."""

    group: str = field(repr=False)
    files: tuple[object, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Got:
    """They got, or read, messages of ours with these timestamps."""

    timestamps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Types:
    """They write at this moment, or have stopped to."""

    on: bool


@dataclass(frozen=True, slots=True)
class Reacted:
    """They put a mark on a message."""


@dataclass(frozen=True, slots=True)
class Rang:
    """They called."""


@dataclass(frozen=True, slots=True)
class Wordless:
    """They sent what holds neither words nor a file: a sticker, a contact, a poll."""


@dataclass(frozen=True, slots=True)
class Unread:
    """The daemon could not read what they sent; `changed`: because their identity is a new one."""

    changed: bool


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing that anybody has to hear of."""


What = Said | Once | TookBack | NewTimer | InGroup | Got | Types | Reacted | Rang | Wordless | Unread | Nothing


@dataclass(frozen=True, slots=True)
class Envelope:
    """One thing that came, from whom, and when by their clock (milliseconds).

    `safe`: through a subscription. What comes without one is taken from the server while nobody listens too, and lost.
    """

    sender: str = field(repr=False)
    timestamp: int
    what: What
    safe: bool = True


@dataclass(frozen=True, slots=True)
class Junk:
    """A line that tells of nobody. `unread`: something came that could not be read, and nothing says from whom."""

    unread: bool = False
    notified: bool = False  # it is none of ours to look at, but well formed


def read_line(line: bytes) -> Envelope | Junk:
    """Never raises."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return Junk()
    if not isinstance(said, dict) or not isinstance(said.get("method"), str):
        return Junk()
    params = said.get("params")
    if said["method"] != "receive" or not isinstance(params, dict):
        return Junk(notified=said["method"] != "receive")
    safe = "subscription" in params
    body = params.get("result") if safe else params
    if not isinstance(body, dict):
        return Junk()
    exception = body.get("exception")
    envelope = body.get("envelope")
    if not isinstance(envelope, dict):
        return Junk(unread=exception is not None)
    sender, stamp = envelope.get("sourceUuid"), _moment(envelope.get("timestamp"))
    if not isinstance(sender, str) or not UUID.fullmatch(sender.lower()) or stamp is None:
        return Junk(unread=exception is not None)
    what = _content(envelope) if exception is None else _error(exception)
    return Envelope(sender.lower(), stamp, what, safe)


def _error(exception: object) -> What:
    kind = exception.get("type") if isinstance(exception, dict) else None
    kind = kind if isinstance(kind, str) else ""
    if any(name in kind for name in OF_NO_ACCOUNT):
        return Nothing()
    return Unread(changed=UNTRUSTED in kind)


def _content(envelope: Mapping[str, Any]) -> What:
    """One kind at most stands in an envelope; of our own account's other devices nothing counts."""
    match envelope:
        case {"syncMessage": _}:
            return Nothing()
        case {"dataMessage": dict() as message}:
            return _message(message, None)
        case {"editMessage": {"targetSentTimestamp": target, "dataMessage": dict() as message}}:
            edits = _moment(target)
            return Wordless() if edits is None else _message(message, edits)
        case {"receiptMessage": {"timestamps": list() as stamps}}:
            return Got(tuple(stamp for each in stamps if (stamp := _moment(each)) is not None))
        case {"typingMessage": {"groupId": str()}}:
            return Nothing()
        case {"typingMessage": {"action": action}}:
            return Types(action == "STARTED")
        case {"callMessage": {"offerMessage": dict()}}:
            return Rang()
        case _:
            return Nothing()  # stories, the rest of a call, and what this daemon does not know yet either


def _message(message: Mapping[str, Any], edits: int | None) -> What:
    files = message.get("attachments")
    files = tuple(files) if isinstance(files, list) else ()
    group = message.get("groupInfo")
    if group is not None:
        name = group.get("groupId") if isinstance(group, dict) else None
        return InGroup(name, files) if isinstance(name, str) and name else Nothing()
    expires = _time(message.get("expiresInSeconds"))
    if message.get("isExpirationUpdate") is True:
        return NewTimer(expires)
    if isinstance(message.get("reaction"), dict):
        return Nothing() if message["reaction"].get("isRemove") is True else Reacted()
    deleted = message.get("remoteDelete")
    if isinstance(deleted, dict):
        target = _moment(deleted.get("timestamp"))
        return Nothing() if target is None else TookBack(target)
    if message.get("viewOnce") is True:
        return Once(files)
    text = _text(message)
    if files or text.strip():
        # a name that took the place of a mention would move what is behind it
        styles = styles_of(text, message.get("textStyles")) if text == message.get("message") else ()
        quoted = _quoted(message.get("quote"))
        return Said(text, () if edits is not None else files, edits, expires, quoted, styles)
    if edits is not None or any(message.get(kind) is not None for kind in SPOKEN):
        return Wordless()
    return Nothing()  # a new profile key, a pinned message, and the like


def _quoted(told: object) -> str:
    text = told.get("text") if isinstance(told, dict) else None
    return _whole(text) if isinstance(text, str) else ""


def _whole(text: str) -> str:
    """Half of a surrogate pair is no text that could be stored or sent."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _text(message: Mapping[str, Any]) -> str:
    """The words, with names where somebody is mentioned: places are counted in UTF-16, from behind they stay right."""
    text = message.get("message")
    if not isinstance(text, str):
        return ""
    wide = text.encode("utf-16-le", "surrogatepass")
    told = message.get("mentions")
    mentions = [found for each in told if (found := _mention(each))] if isinstance(told, list) else []
    for start, length, name in sorted(mentions, reverse=True):
        if wide[2 * start : 2 * (start + length)] == PLACEHOLDER.encode("utf-16-le") * length:
            wide = wide[: 2 * start] + f"@{_whole(name)}".encode("utf-16-le") + wide[2 * (start + length) :]
    return wide.decode("utf-16-le", "replace")


def _mention(told: object) -> tuple[int, int, str] | None:
    if not isinstance(told, dict):
        return None
    start, length, name = told.get("start"), told.get("length"), told.get("name")
    if not isinstance(start, int) or not isinstance(length, int) or not isinstance(name, str):
        return None
    return (start, length, name) if start >= 0 and 0 < length <= LONGEST_MENTION else None


def _time(seconds: object) -> timedelta | None:
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 < seconds <= LONGEST_TIMER:
        return None
    return timedelta(seconds=seconds)


def _moment(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= LAST_MOMENT:
        return None
    return value
