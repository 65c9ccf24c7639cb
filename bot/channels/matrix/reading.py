"""From a decrypted room event to what happened, in our own words. Pure.

Relations are read from the decrypted payload only: outside the ciphertext a homeserver can forge them (law 11).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.domain import Cause, Unreadable, Wrote

TEXTS = ("m.text", "m.emote")
SPOKEN = ("m.sticker", "m.poll.", "m.call.", "org.matrix.msc3381.poll.", "m.beacon")  # said, but not in words


def read_message(payload: Mapping[str, Any], *, signed: bool) -> Wrote | Unreadable | None:
    """What a decrypted payload says; None for what asks for no answer (a bot's notice, a verification step)."""
    kind, content = payload.get("type"), payload.get("content")
    if kind != "m.room.message":
        return Unreadable(Cause.NOT_TEXT) if isinstance(kind, str) and kind.startswith(SPOKEN) else None
    if not isinstance(content, dict) or content.get("msgtype") == "m.notice":
        return None
    relation = content.get("m.relates_to")
    edited = isinstance(relation, dict) and relation.get("rel_type") == "m.replace"
    said = content.get("m.new_content") if edited else content
    if not isinstance(said, dict) or said.get("msgtype") not in TEXTS or not isinstance(said.get("body"), str):
        return Unreadable(Cause.NOT_TEXT)
    # half of a surrogate pair is no text that could be stored or sent
    text = said["body"].encode(errors="replace").decode()
    if isinstance(relation, dict) and "m.in_reply_to" in relation:
        text = without_quote(text)
    return Wrote(text, signed=signed, edited=edited) if text.strip() else Unreadable(Cause.NOT_TEXT)


def without_quote(body: str) -> str:
    """The reply without the quotation that older clients put before it, which names its author."""
    lines = body.split("\n")
    quoted = next((i for i, line in enumerate(lines) if not line.startswith("> ")), len(lines))
    rest = lines[quoted:]
    if quoted and rest and not rest[0].strip():
        rest = rest[1:]
    return "\n".join(rest) if quoted else body


def sent_at(event: Mapping[str, Any]) -> datetime:
    """The homeserver's claim of when; the epoch where it makes no sense."""
    stamp = event.get("origin_server_ts")
    if not isinstance(stamp, int) or isinstance(stamp, bool) or not 0 <= stamp < 253_402_300_800_000:
        stamp = 0
    return datetime.fromtimestamp(stamp / 1000, UTC)
