"""Cross-signing: who signed what. Pure.

A device counts as its owner's only through the chain device → self-signing key → master key
(https://spec.matrix.org/v1.16/client-server-api/#cross-signing). Everything here reads keys that a homeserver
handed out: what is malformed is left out, and never stops the rest (law 7).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from unpaddedbase64 import decode_base64, encode_base64

MEGOLM = "m.megolm.v1.aes-sha2"
OLM = "m.olm.v1.curve25519-aes-sha2"
KEY_BYTES = 32
MAX_DEVICES = 1000  # of one person; more is not a person


@dataclass(frozen=True, slots=True)
class Device:
    """One device whose own signature holds. `signed`: the owner's self-signing key vouches for it."""

    user_id: str = field(repr=False)
    device_id: str = field(repr=False)
    curve25519: str = field(repr=False)
    ed25519: str = field(repr=False)
    signed: bool


@dataclass(frozen=True, slots=True)
class Identity:
    """What a homeserver says of a person's keys, as far as the signatures hold."""

    user_id: str = field(repr=False)
    master: str | None = field(default=None, repr=False)
    self_signing: str | None = field(default=None, repr=False)
    devices: tuple[Device, ...] = field(default=(), repr=False)

    def device(self, curve25519: str, ed25519: str) -> Device | None:
        """The device that owns both keys."""
        return next((d for d in self.devices if (d.curve25519, d.ed25519) == (curve25519, ed25519)), None)


class SigningKey:
    """One private Ed25519 key of a cross-signing identity, from its 32-byte seed."""

    def __init__(self, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = encode_base64(self._private.public_key().public_bytes_raw())

    def sign(self, user_id: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """The document with this key's signature added to those that it has."""
        signature = encode_base64(self._private.sign(canonical(document)))
        signatures = {signer: dict(keys) for signer, keys in document.get("signatures", {}).items()}
        signatures.setdefault(user_id, {})[f"ed25519:{self.public}"] = signature
        return {**document, "signatures": signatures}


def canonical(document: Mapping[str, Any]) -> bytes:
    """Canonical JSON of what is signed (https://spec.matrix.org/v1.16/appendices/#signing-json)."""
    bare = {key: value for key, value in document.items() if key not in ("signatures", "unsigned")}
    return json.dumps(bare, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def holds(document: Mapping[str, Any], user_id: str, key_id: str, public: str) -> bool:
    """Whether `user_id`'s key signed the document. Any malformed part means no."""
    try:
        signature = decode_base64(document["signatures"][user_id][key_id])
        Ed25519PublicKey.from_public_bytes(decode_base64(public)).verify(signature, canonical(document))
    except (InvalidSignature, AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return False
    return True


def signing_document(user_id: str, usage: str, public: str) -> dict[str, Any]:
    """The public part of a cross-signing key, still unsigned."""
    return {"user_id": user_id, "usage": [usage], "keys": {f"ed25519:{public}": public}}


def read_identity(user_id: str, answer: Mapping[str, Any]) -> Identity:
    """One person's keys from an answer of `/keys/query`, whatever shape it has."""
    master = _public(_at(answer, "master_keys", user_id), user_id, "master")
    self_signing = None
    if master is not None:
        document = _at(answer, "self_signing_keys", user_id)
        claimed = _public(document, user_id, "self_signing")
        if claimed is not None and holds(document, user_id, f"ed25519:{master}", master):
            self_signing = claimed
    devices = tuple(_devices(user_id, _at(answer, "device_keys", user_id), self_signing))
    return Identity(user_id, master, self_signing, devices)


def read_identities(users: Iterable[str], answer: Mapping[str, Any]) -> dict[str, Identity]:
    """The keys of those whom the answer tells of."""
    listed = answer.get("device_keys")
    told = listed if isinstance(listed, dict) else {}
    return {user: read_identity(user, answer) for user in users if user in told}


def lists_master(user_id: str, answer: Mapping[str, Any]) -> bool:
    """Whether the answer names any master key for this person, well-formed or not."""
    people = answer.get("master_keys")
    return isinstance(people, dict) and bool(people.get(user_id))


def _at(answer: Mapping[str, Any], part: str, user_id: str) -> Mapping[str, Any]:
    people = answer.get(part)
    found = people.get(user_id) if isinstance(people, dict) else None
    return found if isinstance(found, dict) else {}


def _public(document: Mapping[str, Any], user_id: str, usage: str) -> str | None:
    usages, keys = document.get("usage"), document.get("keys")
    if document.get("user_id") != user_id or not isinstance(usages, list) or usage not in usages:
        return None
    if not isinstance(keys, dict) or len(keys) != 1:
        return None
    key_id, public = next(iter(keys.items()))
    return public if is_key(public) and key_id == f"ed25519:{public}" else None


def is_key(value: object) -> TypeGuard[str]:
    """Whether this is an unpadded base64 of 32 bytes, in its one canonical form."""
    if not isinstance(value, str) or len(value) != 43:
        return False
    try:
        raw = decode_base64(value)
    except ValueError:
        return False
    return len(raw) == KEY_BYTES and encode_base64(raw) == value


def _devices(user_id: str, documents: Mapping[str, Any], self_signing: str | None) -> Iterator[Device]:
    for device_id, document in list(documents.items())[:MAX_DEVICES]:
        if not isinstance(document, dict) or not isinstance(device_id, str):
            continue
        if document.get("user_id") != user_id or document.get("device_id") != device_id:
            continue
        algorithms, keys = document.get("algorithms"), document.get("keys")
        if not isinstance(algorithms, list) or not {OLM, MEGOLM} <= {a for a in algorithms if isinstance(a, str)}:
            continue
        if not isinstance(keys, dict):
            continue
        curve25519, ed25519 = keys.get(f"curve25519:{device_id}"), keys.get(f"ed25519:{device_id}")
        if not (is_key(curve25519) and is_key(ed25519)):
            continue
        if not holds(document, user_id, f"ed25519:{device_id}", ed25519):
            continue
        signed = self_signing is not None and holds(document, user_id, f"ed25519:{self_signing}", self_signing)
        yield Device(user_id, device_id, curve25519, ed25519, signed)
