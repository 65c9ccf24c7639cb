"""Secret storage: what we seal, mautrix opens; what the specification shows, we make."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any, cast

import pytest
from Crypto.Cipher import AES
from hypothesis import given, settings
from hypothesis import strategies as st
from mautrix.crypto.ssss.key import Key, KeyMetadata
from mautrix.crypto.ssss.types import EncryptedAccountDataEventContent
from mautrix.crypto.ssss.util import decode_base58_recovery_key, encode_base58_recovery_key

from bot.channels.matrix.homeserver import Homeserver
from bot.channels.matrix.secretstorage import (
    ALGORITHM,
    fresh_iv,
    recovery_key,
    seal_secret,
    store_secrets,
)

secrets = st.binary(min_size=32, max_size=32)


@given(secrets)
@settings(max_examples=50, deadline=None)
def test_mautrix_reads_the_recovery_key_that_we_show(secret: bytes) -> None:
    shown = recovery_key(secret)
    assert shown == encode_base58_recovery_key(secret)
    assert decode_base58_recovery_key(shown) == secret
    assert {len(group) for group in shown.split(" ")[:-1]} == {4}


def hkdf(secret: bytes, name: str) -> tuple[bytes, bytes]:
    """RFC 5869 by its own words: extract with a salt of zeros, expand to 64 bytes."""
    extracted = hmac.digest(bytes(32), secret, hashlib.sha256)
    first = hmac.digest(extracted, name.encode() + b"\x01", hashlib.sha256)
    return first, hmac.digest(extracted, first + name.encode() + b"\x02", hashlib.sha256)


@given(secrets, st.sampled_from(["", "m.cross_signing.master", "имя"]), st.binary(max_size=64), secrets)
@settings(max_examples=50, deadline=None)
def test_a_seal_is_what_the_specification_says(secret: bytes, name: str, text: bytes, iv: bytes) -> None:
    key, mac_key = hkdf(secret, name)
    sealed = AES.new(key, AES.MODE_CTR, nonce=b"", initial_value=iv[:16]).encrypt(text)
    found = seal_secret(secret, name, text, iv[:16])
    assert unpadded(found["iv"]) == iv[:16]
    assert unpadded(found["ciphertext"]) == sealed
    assert unpadded(found["mac"]) == hmac.digest(mac_key, sealed, hashlib.sha256)


def unpadded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))


def test_bit_63_of_an_iv_is_clear() -> None:
    assert all(not fresh_iv()[8] & 0x80 for _ in range(64))
    assert len({fresh_iv() for _ in range(64)}) == 64


class Account:
    """Stands for the homeserver: keeps account data."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}

    async def call(self, method: str, *path: str, body: Any) -> dict[str, Any]:
        assert (method, path[:2], path[2]) == ("PUT", ("user", "@bot:localhost"), "account_data")
        self.data[path[3]] = body
        return {}


async def stored(secret: bytes, names: dict[str, bytes]) -> dict[str, Any]:
    account = Account()
    await store_secrets(cast(Homeserver, account), "@bot:localhost", secret, names)
    return account.data


async def test_mautrix_opens_what_we_stored_with_the_recovery_key_that_we_show() -> None:
    secret = bytes(range(32))
    names = {f"m.cross_signing.{usage}": bytes([n]) * 32 for n, usage in enumerate(("master", "self_signing"))}
    data = await stored(secret, names)
    key_id = data["m.secret_storage.default_key"]["key"]
    description = data[f"m.secret_storage.key.{key_id}"]
    assert description["algorithm"] == ALGORITHM
    key: Key = KeyMetadata.deserialize(description).verify_recovery_key(key_id, recovery_key(secret))
    for name, text in names.items():
        assert EncryptedAccountDataEventContent.deserialize(data[name]).decrypt(name, key) == text
    with pytest.raises(ValueError, match="MAC"):
        KeyMetadata.deserialize(description).verify_recovery_key(key_id, recovery_key(bytes(32)))


async def test_the_default_key_is_named_last_and_the_same_secret_has_the_same_name() -> None:
    data = await stored(bytes(32), {"m.cross_signing.master": bytes(32)})
    assert list(data)[-1] == "m.secret_storage.default_key"
    again = await stored(bytes(32), {"m.cross_signing.master": bytes(32)})
    assert again["m.secret_storage.default_key"] == data["m.secret_storage.default_key"]
    assert again["m.cross_signing.master"] != data["m.cross_signing.master"]
