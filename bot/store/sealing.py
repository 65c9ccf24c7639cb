"""Sealing: one master key outside the data directory, and from it a key for each purpose.

What is sealed is useless without the master key (a stolen disk names nobody), cannot be moved to another place without
being noticed (the place is bound to it), and tells nothing but its length.
"""

from __future__ import annotations

import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.store.errors import KeyFileError, RecordBroken

KEY_BYTES = 32  # AES-256
NONCE_BYTES = 12  # 96 bits, what GCM is made for (NIST SP 800-38D, 5.2.1.1)
FORMAT = b"\x01"  # stands before everything sealed, so that another way of sealing can follow
OTHERS = 0o077  # the permission bits of everyone but the owner

# Random nonces are safe for 2^32 messages a key (NIST SP 800-38D, 8.3). A conversation stores a few thousand; the
# wrapping key seals one short text a conversation.


@dataclass(frozen=True, slots=True)
class MasterKey:
    """The one secret of an installation: 32 random bytes in a file of mode 0600, outside the data directory."""

    secret: bytes = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> MasterKey:
        """Raises KeyFileError."""
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                secret = file.read(KEY_BYTES + 1)
        except FileNotFoundError:
            raise KeyFileError(f"{path}: there is no key file. `vestibule setup` makes one") from None
        except OSError as error:
            raise KeyFileError(f"{path}: the key file cannot be read: {error.strerror}") from None
        if mode & OTHERS:
            raise KeyFileError(f"{path}: the key file is open to others on this machine. Run: chmod 600 {path}")
        if len(secret) != KEY_BYTES:
            raise KeyFileError(f"{path}: this is not a key file: expected {KEY_BYTES} bytes. Is it the right file?")
        return cls(secret)

    @classmethod
    def make(cls, path: Path) -> MasterKey:
        """A fresh key in a new file: whole and on the disk, or not there. Never overwrites. Raises KeyFileError."""
        secret = secrets.token_bytes(KEY_BYTES)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(draft, secret)
            try:
                os.link(draft, path)  # unlike a rename, it fails where a file already is
            finally:
                draft.unlink()
            sync_directory(path.parent)
        except FileExistsError:
            raise KeyFileError(f"{path}: there is a key file already, and it is not overwritten") from None
        except OSError as error:
            raise KeyFileError(f"{path}: the key file cannot be written: {error.strerror}") from None
        return cls(secret)

    def subkey(self, label: str) -> bytes:
        """32 bytes for one purpose: HKDF-SHA256 (RFC 5869) with the label as its info.

        Without salt, as RFC 5869 (3.1) allows where the input is already uniformly random. Knowing one subkey tells
        nothing of another or of the master key. Labels beginning with `store/` are this package's.
        """
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"vestibule/1/" + label.encode()).derive(self.secret)


def place_of(table: str, column: str, row: str) -> str:
    """Where a sealed value belongs; bound to it, so that it opens nowhere else. Names of ours hold no slash."""
    return f"{table}.{column}/{row}"


def kind_of(place: str) -> str:
    """The table and column of a place: what an error may name."""
    return place.partition("/")[0]


class Box:
    """Seals under one key with AES-256-GCM (NIST SP 800-38D; RFC 5116, AEAD_AES_256_GCM)."""

    __slots__ = ("_aead",)

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal(self, clear: bytes, place: str) -> bytes:
        """The format byte, a random nonce, the ciphertext with its tag. `place` is bound to it as associated data."""
        nonce = os.urandom(NONCE_BYTES)
        return FORMAT + nonce + self._aead.encrypt(nonce, clear, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Raises RecordBroken: other bytes, another key, another place."""
        nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        if sealed[:1] != FORMAT or len(nonce) < NONCE_BYTES:
            raise RecordBroken(kind_of(place))
        try:
            return self._aead.decrypt(nonce, body, place.encode())
        except InvalidTag:
            raise RecordBroken(kind_of(place)) from None


class Lookup:
    """Finds sealed values again without storing them: HMAC-SHA256 (RFC 2104) under a key of its own."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, *parts: str) -> bytes:
        """The same bytes for the same parts. Each part's length goes in, so that no two lists of parts look alike."""
        # "surrogatepass": JSON from outside can hold half a surrogate pair, which plain UTF-8 refuses
        encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
        return hmac.digest(self._key, b"".join(len(part).to_bytes(8, "big") + part for part in encoded), "sha256")


def write_private(path: Path, content: bytes) -> None:
    """A new file, its owner's alone, on the disk when this returns."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(handle)


def sync_directory(path: Path) -> None:
    """The names in this directory are on the disk when this returns."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
