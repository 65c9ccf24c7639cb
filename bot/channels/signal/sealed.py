"""A sealed file: the STREAM construction over AES-256-GCM. It can be read piece by piece, and is whole or refused.

Each chunk is sealed by itself, under a nonce that has its place in the file and whether it is the last one: chunks that
were changed, moved, or cut off at the end do not open. A key is used for one file only.
https://eprint.iacr.org/2015/189 (STREAM) · https://github.com/C2SP/C2SP/blob/main/age.md#payload (the nonce's form)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
CHUNK = 1 << 16  # bytes of the file in one chunk
TAG = 16  # bytes that each chunk is longer when it is sealed

_COUNTER = 11  # bytes of the nonce that count; the last one says whether more follows


class BrokenFile(Exception):
    """A sealed file that is not what was sealed, or not under this key."""


class Sealer:
    """Seals one file, as its pieces come."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._count = 0
        self._held = bytearray()

    def seal(self, piece: bytes) -> bytes:
        """What can be written now."""
        self._held += piece
        done = []
        while len(self._held) > CHUNK:  # a full chunk may be the last one: it waits for what follows
            done.append(self._chunk(bytes(self._held[:CHUNK]), last=False))
            del self._held[:CHUNK]
        return b"".join(done)

    def finish(self) -> bytes:
        """The end of the sealed file."""
        return self._chunk(bytes(self._held), last=True)

    def _chunk(self, chunk: bytes, *, last: bool) -> bytes:
        sealed = self._cipher.encrypt(_nonce(self._count, last=last), chunk, None)
        self._count += 1
        return sealed


def opened(sealed: IO[bytes], key: bytes) -> Iterator[bytes]:
    """The file's chunks, each proven before it is given out. Raises BrokenFile, for what was cut off at its end."""
    try:
        cipher = AESGCM(key)
    except ValueError:
        raise BrokenFile from None
    count, chunk = 0, sealed.read(CHUNK + TAG)
    while True:
        following = sealed.read(CHUNK + TAG)
        try:
            yield cipher.decrypt(_nonce(count, last=not following), chunk, None)
        except InvalidTag:
            raise BrokenFile from None
        if not following:
            return
        count, chunk = count + 1, following


def length(size: int) -> int:
    """Bytes of a sealed file that holds so many."""
    return size + TAG * max(1, -(-size // CHUNK))


def _nonce(count: int, *, last: bool) -> bytes:
    return count.to_bytes(_COUNTER, "big") + bytes([last])
