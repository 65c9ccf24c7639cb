"""What the daemon says of an attachment, read and cleaned; and an attachment as the daemon takes one. Pure.

Signal tells a type, but not whether a sound was spoken into it: so no file is shown as a voice message.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from bot.claims import clean_name, clean_type
from bot.domain import Attachment, Kind

CHANNEL = "signal"
KINDS = {"image": Kind.IMAGE, "audio": Kind.AUDIO, "video": Kind.VIDEO}
ENDINGS = {
    "application/pdf": ".pdf",
    "application/zip": ".zip",
    "audio/aac": ".aac",
    "audio/mp4": ".m4a",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "image/gif": ".gif",
    "image/heic": ".heic",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "text/plain": ".txt",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
}

_NAME_BYTES = 255  # of a file's name on disk
_GROUP = 3  # bytes that base64 takes at a time


@dataclass(frozen=True, slots=True)
class Claim:
    """An attachment as the daemon tells of it. `id` names its file in the daemon's folder; `size` is in bytes."""

    id: str = field(repr=False)
    kind: Kind
    name: str = field(repr=False)
    mime: str
    size: int | None
    caption: str = field(default="", repr=False)


def read_claim(told: object) -> Claim | None:
    """None for what cannot be a file of the daemon's."""
    if not isinstance(told, Mapping) or not is_name(told.get("id")):
        return None
    mime = clean_type(told.get("contentType"))
    kind = KINDS.get(mime.partition("/")[0], Kind.FILE)
    size = told.get("size")
    return Claim(
        id=told["id"],
        kind=kind,
        name=clean_name(_text(told.get("filename")), kind.value + ENDINGS.get(mime, "")),
        mime=mime,
        size=size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
        caption=_text(told.get("caption")),
    )


def is_name(value: object) -> bool:
    """Whether this names a file in a folder, and nothing outside it. The daemon takes its ending from the sender."""
    if not isinstance(value, str) or value in ("", ".", "..") or "/" in value or "\0" in value:
        return False
    try:
        return len(value.encode()) <= _NAME_BYTES
    except UnicodeEncodeError:
        return False


async def data_uri(attachment: Attachment, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The file in the form in which the daemon takes one to send (RFC 2397), in ASCII, piece by piece."""
    # the daemon cuts at `;`, `,` and the last `=`: the name may hold none of them
    yield f"data:{attachment.mime};filename={quote(attachment.name, safe='')};base64,".encode()
    held = b""
    async for piece in pieces:
        held += piece
        whole = len(held) - len(held) % _GROUP
        if whole:
            yield b64encode(held[:whole])
        held = held[whole:]
    yield b64encode(held)


def _text(value: Any) -> str:
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""
