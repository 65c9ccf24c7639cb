"""Secret storage: the identity's private keys on the homeserver, sealed by a recovery key that only people keep.

https://spec.matrix.org/v1.16/client-server-api/#secret-storage, algorithm m.secret_storage.v1.aes-hmac-sha2.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from functools import reduce
from operator import xor
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from unpaddedbase64 import decode_base64, encode_base64

from bot.channels.matrix.homeserver import Homeserver

ALGORITHM = "m.secret_storage.v1.aes-hmac-sha2"
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
RECOVERY_PREFIX = b"\x8b\x01"


def recovery_key(secret: bytes) -> str:
    """The secret as people keep it: base58 with a parity byte, in groups of four
    (https://spec.matrix.org/v1.16/client-server-api/#recovery-key)."""
    raw = RECOVERY_PREFIX + secret
    number = int.from_bytes(raw + bytes([reduce(xor, raw)]))
    letters = ""
    while number:
        number, digit = divmod(number, 58)
        letters = BASE58[digit] + letters
    return " ".join(letters[i : i + 4] for i in range(0, len(letters), 4))


def seal_secret(secret: bytes, name: str, text: bytes, iv: bytes) -> dict[str, str]:
    """AES-256-CTR and HMAC-SHA-256 under keys derived from the recovery secret and the name of what is sealed."""
    derived = HKDF(SHA256(), 64, bytes(32), name.encode()).derive(secret)
    encryptor = Cipher(algorithms.AES256(derived[:32]), modes.CTR(iv)).encryptor()
    sealed = encryptor.update(text) + encryptor.finalize()
    mac = hmac.new(derived[32:], sealed, hashlib.sha256).digest()
    return {"iv": encode_base64(iv), "ciphertext": encode_base64(sealed), "mac": encode_base64(mac)}


def fresh_iv() -> bytes:
    """16 random bytes with bit 63 cleared, as the specification asks for the sake of other implementations."""
    iv = bytearray(os.urandom(16))
    iv[8] &= 0x7F
    return bytes(iv)


async def store_secrets(homeserver: Homeserver, user_id: str, secret: bytes, secrets: Mapping[str, bytes]) -> None:
    """Put the named secrets on the homeserver, sealed. The default key is named last: with it, all is there."""
    key_id = encode_base64(hashlib.sha256(secret).digest(), urlsafe=True)[:32]
    check = seal_secret(secret, "", bytes(32), fresh_iv())
    description = {"algorithm": ALGORITHM, "iv": check["iv"], "mac": check["mac"]}
    await _put(homeserver, user_id, f"m.secret_storage.key.{key_id}", description)
    for name, text in secrets.items():
        # the specification seals the unpadded base64 of a cross-signing seed
        sealed = seal_secret(secret, name, encode_base64(text).encode(), fresh_iv())
        await _put(homeserver, user_id, name, {"encrypted": {key_id: sealed}})
    await _put(homeserver, user_id, "m.secret_storage.default_key", {"key": key_id})


async def _put(homeserver: Homeserver, user_id: str, kind: str, content: Mapping[str, Any]) -> None:
    await homeserver.call("PUT", "user", user_id, "account_data", kind, body=content)


def seed_of(text: str) -> bytes:
    """A seed as it is kept in the identity's record."""
    return bytes(decode_base64(text))
