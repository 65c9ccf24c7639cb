"""From a decrypted room event to what happened, in our own words. Pure.

Relations are read from the decrypted payload only: outside the ciphertext a homeserver can forge them (law 11).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.channels.matrix.attachments import MEDIA, read_attachment
from bot.channels.matrix.marks import read_styled
from bot.channels.matrix.sync import is_id
from bot.happenings import AsksToVerify, Attached, Cause, Unreadable, Wrote

TEXTS = ("m.text", "m.emote")
SPOKEN = ("m.sticker", "m.poll.", "m.call.", "org.matrix.msc3381.poll.", "m.beacon")  # said, but not in words
ASKS_TO_VERIFY = "m.key.verification.request"

# https://spec.matrix.org/v1.12/client-server-api/#fallbacks-for-rich-replies
_QUOTED = re.compile(r"> (?:\* )?<@[^<>\n]+:[^<>\n]+> ?")

Said = Wrote | Attached | Unreadable | AsksToVerify


def read_message(payload: Mapping[str, Any], *, signed: bool, identity: str | None) -> Said | None:
    """What a decrypted payload says; None for what asks for no answer (a bot's notice, a later verification step)."""
    kind, content = payload.get("type"), payload.get("content")
    if kind != "m.room.message":
        return Unreadable(Cause.NOT_TEXT) if isinstance(kind, str) and kind.startswith(SPOKEN) else None
    if not isinstance(content, dict) or content.get("msgtype") == "m.notice":
        return None
    if content.get("msgtype") == ASKS_TO_VERIFY:
        return AsksToVerify()
    relation = content.get("m.relates_to")
    edits = _edited(relation)
    said = content if edits is None else content.get("m.new_content")
    kind = said.get("msgtype") if isinstance(said, dict) else None
    if not isinstance(said, dict) or not isinstance(kind, str):
        return Unreadable(Cause.NOT_TEXT)
    if kind in MEDIA:
        if "file" not in said and "url" in said:
            return Unreadable(Cause.PLAIN)  # the file itself lies open on a server
        attachment = read_attachment(said)
        return Unreadable(Cause.NOT_TEXT) if attachment is None else Attached(attachment, signed, identity)
    if kind not in TEXTS or not isinstance(said.get("body"), str):
        return Unreadable(Cause.NOT_TEXT)
    # half of a surrogate pair is no text that could be stored or sent
    text, quotes = apart(said["body"].encode(errors="replace").decode())
    if not text.strip():
        return Unreadable(Cause.NOT_TEXT)
    styled = read_styled({**said, "body": text}) if edits is None else None
    if styled is None:
        return Wrote(text, signed, edits, identity, quotes=quotes)
    return Wrote(text, signed, edits, identity, quotes=quotes, plain=styled[0], styles=styled[1])


def _edited(relation: object) -> str | None:
    """Which event this one takes the place of: None for a message of its own, empty where it cannot be told."""
    if not isinstance(relation, dict) or relation.get("rel_type") != "m.replace":
        return None
    target = relation.get("event_id")
    return target if is_id(target) else ""


def removed_by(event: Mapping[str, Any]) -> str | None:
    """Which event a redaction takes back: named in its content since room version 11, beside it before."""
    content = event.get("content")
    inside = content.get("redacts") if isinstance(content, dict) else None
    target = event.get("redacts") if inside is None else inside
    return target if is_id(target) else None


def apart(body: str) -> tuple[str, str]:
    """What is said, and the quotation that older programs put before it, without the name of its author.

    It is told by its form alone. Whether there is a relation does not matter: some programs write it outside of the
    ciphertext only, and without a quotation of that form the lines are their writer's own words.
    """
    author = _QUOTED.match(body)
    if author is None:
        return body, ""
    lines = body[author.end() :].split("\n")
    end = next((at for at, line in enumerate(lines) if at and not line.startswith(">")), len(lines))
    quoted, rest = lines[:end], lines[end:]
    if rest and not rest[0].strip():
        rest = rest[1:]
    return "\n".join(rest), "\n".join(line.removeprefix(">").removeprefix(" ") for line in quoted)


def sent_at(event: Mapping[str, Any]) -> datetime:
    """The homeserver's claim of when; the epoch where it makes no sense."""
    stamp = event.get("origin_server_ts")
    if not isinstance(stamp, int) or isinstance(stamp, bool) or not 0 <= stamp < 253_402_300_800_000:
        stamp = 0
    return datetime.fromtimestamp(stamp / 1000, UTC)
