"""What the sender of a file claims of it, cleaned. Pure: nothing here has seen the file."""

from __future__ import annotations

import re
import unicodedata

NAME_CHARS = 100
FALLBACK_NAME = "file"
ANY_TYPE = "application/octet-stream"

_MIME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,63}/[A-Za-z0-9][A-Za-z0-9.+-]{0,126}")


def clean_name(name: str, fallback: str = FALLBACK_NAME) -> str:
    """A file name that no program takes for a path, and no reader for another name than it is."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    # Cc, Cf: control and direction signs can make `exe.txt` of what ends in `txt.exe`
    seen = "".join(sign for sign in last if unicodedata.category(sign)[0] != "C" and sign not in '<>:"|?*')
    seen = " ".join(seen.split()).strip(". ")
    stem, dot, extension = seen.rpartition(".")
    if len(seen) > NAME_CHARS and dot and len(extension) < NAME_CHARS // 2:
        return f"{stem[: NAME_CHARS - len(extension) - 1]}.{extension}"
    return seen[:NAME_CHARS] or fallback


def clean_type(value: object) -> str:
    """A media type, without parameters."""
    return value.lower() if isinstance(value, str) and _MIME.fullmatch(value) else ANY_TYPE
