"""Secret storage: the identity's private keys on the homeserver, sealed by a recovery key that only people keep.

https://spec.matrix.org/v1.16/client-server-api/#secret-storage, algorithm m.secret_storage.v1.aes-hmac-sha2.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import xor
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from unpaddedbase64 import decode_base64, encode_base64

from bot.channels.matrix.homeserver import Homeserver, HomeserverError
from bot.errors import VestibuleError

ALGORITHM = "m.secret_storage.v1.aes-hmac-sha2"
DEFAULT_KEY = "m.secret_storage.default_key"
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
RECOVERY_PREFIX = b"\x8b\x01"
SECRET_BYTES = 32


class SecretStorageError(VestibuleError):
    """The recovery key, or what it should open, is not usable; the message says which."""


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


def read_recovery_key(shown: str) -> bytes:
    """The secret in a recovery key as somebody typed it. Raises SecretStorageError."""
    letters = "".join(shown.split())
    try:
        number = reduce(lambda sum_, letter: sum_ * 58 + BASE58.index(letter), letters, 0)
        raw = number.to_bytes(len(RECOVERY_PREFIX) + SECRET_BYTES + 1)
    except (ValueError, OverflowError):
        raw = b""
    if not raw.startswith(RECOVERY_PREFIX) or reduce(xor, raw):
        raise SecretStorageError("this is no recovery key: a letter is wrong or missing; type it again as it was shown")
    return raw[len(RECOVERY_PREFIX) : -1]


def seal_secret(secret: bytes, name: str, text: bytes, iv: bytes) -> dict[str, str]:
    """AES-256-CTR and HMAC-SHA-256 under keys derived from the recovery secret and the name of what is sealed."""
    key, mac_key = _derived(secret, name)
    encryptor = Cipher(algorithms.AES256(key), modes.CTR(iv)).encryptor()
    sealed = encryptor.update(text) + encryptor.finalize()
    mac = hmac.digest(mac_key, sealed, hashlib.sha256)
    return {"iv": encode_base64(iv), "ciphertext": encode_base64(sealed), "mac": encode_base64(mac)}


def open_secret(secret: bytes, name: str, found: Any) -> bytes | None:
    """What `seal_secret` sealed; None where another key or name sealed it, or where it is malformed."""
    key, mac_key = _derived(secret, name)
    try:
        iv, sealed, mac = (bytes(decode_base64(found[part])) for part in ("iv", "ciphertext", "mac"))
        decryptor = Cipher(algorithms.AES256(key), modes.CTR(iv)).decryptor()
    except (KeyError, TypeError, AttributeError, ValueError):
        return None
    if not hmac.compare_digest(mac, hmac.digest(mac_key, sealed, hashlib.sha256)):
        return None
    return decryptor.update(sealed) + decryptor.finalize()


def _derived(secret: bytes, name: str) -> tuple[bytes, bytes]:
    derived = HKDF(SHA256(), 64, bytes(32), name.encode()).derive(secret)
    return derived[:32], derived[32:]


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
    await _put(homeserver, user_id, DEFAULT_KEY, {"key": key_id})


async def open_secrets(homeserver: Homeserver, user_id: str, secret: bytes, names: Sequence[str]) -> dict[str, bytes]:
    """The named cross-signing seeds out of the account's secret storage. Raises SecretStorageError, HomeserverError."""
    key_id = (await _get(homeserver, user_id, DEFAULT_KEY)).get("key")
    if not isinstance(key_id, str):
        raise SecretStorageError(
            "the account has no secret storage on the homeserver: there is nothing that the recovery key could open"
        )
    description = await _get(homeserver, user_id, f"m.secret_storage.key.{key_id}")
    if description.get("algorithm") != ALGORITHM:
        raise SecretStorageError("the account's secret storage is of a kind that Vestibule does not know")
    if not _is_key_of(description, secret):
        raise SecretStorageError(
            "this recovery key is not the one of this account's secret storage; if that one is lost, nothing brings "
            "the identity back: `vestibule setup --reset-identity` makes a new one, and says what follows"
        )
    found = {}
    for name in names:
        sealed = (await _get(homeserver, user_id, name)).get("encrypted")
        text = open_secret(secret, name, sealed.get(key_id) if isinstance(sealed, dict) else None)
        seed = _seed_in(text)
        if seed is None:
            raise SecretStorageError(f"the secret storage opens, but {name} in there is gone or broken")
        found[name] = seed
    return found


def _is_key_of(description: Mapping[str, Any], secret: bytes) -> bool:
    """Whether the key's description, which seals zeros, was made with this secret. One that seals nothing may be."""
    if "mac" not in description:
        return True
    try:
        iv, mac = bytes(decode_base64(description["iv"])), bytes(decode_base64(description["mac"]))
        made = seal_secret(secret, "", bytes(32), iv)["mac"]
    except (KeyError, TypeError, AttributeError, ValueError):
        return False
    return hmac.compare_digest(mac, bytes(decode_base64(made)))


def _seed_in(text: bytes | None) -> bytes | None:
    try:
        seed = seed_of((text or b"").decode("ascii"))
    except ValueError:
        return None
    return seed if len(seed) == SECRET_BYTES else None


async def _get(homeserver: Homeserver, user_id: str, kind: str) -> dict[str, Any]:
    """Empty where the account has none."""
    try:
        return await homeserver.call("GET", "user", user_id, "account_data", kind)
    except HomeserverError as error:
        if error.status == 404:
            return {}
        raise


async def _put(homeserver: Homeserver, user_id: str, kind: str, content: Mapping[str, Any]) -> None:
    await homeserver.call("PUT", "user", user_id, "account_data", kind, body=content)


def seed_of(text: str) -> bytes:
    """A seed as it is kept in the identity's record."""
    return bytes(decode_base64(text))
