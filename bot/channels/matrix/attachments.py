"""From the content of a message that holds a file to an `Attachment`: what is claimed of it, cleaned. Pure.

https://spec.matrix.org/v1.16/client-server-api/#sending-encrypted-attachments
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from unpaddedbase64 import decode_base64

from bot.channels.matrix import NAME
from bot.channels.matrix.media import MXC, VOICE
from bot.claims import clean_name, clean_type
from bot.domain import Attachment, Kind

MEDIA = {"m.file": Kind.FILE, "m.image": Kind.IMAGE, "m.audio": Kind.AUDIO, "m.video": Kind.VIDEO}
VOICES = (VOICE, "m.voice")

_URL_SAFE = str.maketrans("-_", "+/")  # a JSON Web Key is written in the other base64


def read_attachment(content: Mapping[str, Any]) -> Attachment | None:
    """None for what could not be opened at the other end."""
    file = content.get("file")
    place = file.get("url") if isinstance(file, dict) else None
    if not isinstance(file, dict) or not isinstance(place, str) or not MXC.fullmatch(place):
        return None
    secret = _secret(file)
    if secret is None:
        return None
    body, filename = _text(content.get("body")), _text(content.get("filename"))
    kind = MEDIA[content["msgtype"]]
    if kind is Kind.AUDIO and any(voice in content for voice in VOICES):
        kind = Kind.VOICE
    info = content.get("info")
    claimed = info if isinstance(info, dict) else {}
    return Attachment(
        kind=kind,
        name=clean_name(filename or body),
        mime=clean_type(claimed.get("mimetype")),
        size=_size(claimed.get("size")),
        place=place,
        secret=secret,
        # a body beside a file name of its own is what was written below the picture
        caption=body if filename and filename != body else "",
        channel=NAME,
    )


def _secret(file: Mapping[str, Any]) -> str | None:
    """What opens the file, in canonical JSON, without where it lies; None where it is not what the format asks for."""
    key, hashes = file.get("key"), file.get("hashes")
    if file.get("v") != "v2" or not isinstance(key, dict) or not isinstance(hashes, dict):
        return None
    if key.get("kty") != "oct" or key.get("alg") != "A256CTR":
        return None
    if not (_is_bytes(key.get("k"), 32) and _is_bytes(file.get("iv"), 16) and _is_bytes(hashes.get("sha256"), 32)):
        return None
    opens = {
        "v": "v2",
        "key": {"kty": "oct", "alg": "A256CTR", "ext": True, "k": key["k"], "key_ops": ["encrypt", "decrypt"]},
        "iv": file["iv"],
        "hashes": {"sha256": hashes["sha256"]},
    }
    return json.dumps(opens, sort_keys=True, separators=(",", ":"))


def _is_bytes(value: object, length: int) -> bool:
    if not isinstance(value, str) or len(value) > 2 * length:
        return False
    try:
        return len(decode_base64(value.translate(_URL_SAFE))) == length
    except ValueError:
        return False


def _text(value: object) -> str:
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


def _size(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else 0
