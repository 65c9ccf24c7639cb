"""How a file is encrypted on Matrix: AES-256 in counter mode, and the SHA-256 of the ciphertext. Pure but for chance.

https://spec.matrix.org/v1.16/client-server-api/#sending-encrypted-attachments
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from hashlib import sha256
from typing import IO, Any

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR
from unpaddedbase64 import decode_base64, encode_base64

KEY_BYTES = 32
CHANCE_BYTES = 8  # of the counter's first block; the other half counts, from zero

_URL_SAFE = str.maketrans("-_", "+/")  # a JSON Web Key is written in the other base64


def read(secret: str) -> tuple[dict[str, Any], bytes]:
    """What opens a file, and the hash of its ciphertext. Raises ValueError."""
    try:
        opens = dict(json.loads(secret))
        return opens, decode_base64(opens["hashes"]["sha256"])
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        raise ValueError("this opens no file") from None


def decrypted(opens: dict[str, Any], sealed: IO[bytes], piece: int) -> Iterator[bytes]:
    """The file's own bytes, a piece at a time. Raises ValueError, before the first one, where `opens` holds no key."""
    try:
        key, start = decode_base64(opens["key"]["k"].translate(_URL_SAFE)), decode_base64(opens["iv"])
        cipher = Cipher(AES256(key), CTR(start)).decryptor()
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ValueError("this opens no file") from None
    return map(cipher.update, iter(lambda: sealed.read(piece), b""))


class Sealing:
    """Encrypts one file, a piece at a time, under a key that is used for nothing else."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(KEY_BYTES)
        self._start = secrets.token_bytes(CHANCE_BYTES) + bytes(16 - CHANCE_BYTES)
        self._cipher = Cipher(AES256(self._key), CTR(self._start)).encryptor()
        self._found = sha256()

    def seal(self, piece: bytes) -> bytes:
        """The next piece of the ciphertext."""
        sealed = self._cipher.update(piece)
        self._found.update(sealed)
        return sealed

    def opens(self) -> dict[str, Any]:
        """What opens all that was sealed until now."""
        key = encode_base64(self._key, urlsafe=True)
        return {
            "v": "v2",
            "key": {"kty": "oct", "alg": "A256CTR", "ext": True, "k": key, "key_ops": ["encrypt", "decrypt"]},
            "iv": encode_base64(self._start),
            "hashes": {"sha256": encode_base64(self._found.digest())},
        }
