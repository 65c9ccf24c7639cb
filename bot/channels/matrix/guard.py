"""The guard around nio's Olm machine: whatever is fed in, nothing but a counted failure comes out (law 7).

nio keeps the ratchets and their store; parsing, bounds and decisions are ours, because plain nio is stopped by one
malformed event (vodozemac's exceptions pass through it). A batch of to-device events is one database transaction:
killed between the ratchet and the room key, plain nio would lose the key for good.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import vodozemac
from unpaddedbase64 import decode_base64

from bot.channels.matrix.broken import Broken, limit
from bot.channels.matrix.cryptostore import CipherStore
from bot.channels.matrix.machine import CannotRead, Machine
from bot.channels.matrix.signing import MEGOLM, OLM, Device, holds, is_key
from bot.channels.matrix.sync import is_id
from bot.channels.matrix.waiting import Waiting
from bot.happenings import Cause

log = logging.getLogger(__name__)

FEWEST_ONE_TIME_KEYS = 25  # half of what an account holds: below it, new ones are uploaded
MAX_OPENED = 10_000  # Olm messages that are remembered
MAX_WITHHELD = 1000  # room keys that we were told we do not get

# codes of `m.room_key.withheld` that mean: your device is not trusted. Of the others, a new message brings a new key
# (https://spec.matrix.org/v1.16/client-server-api/#reporting-that-decryption-keys-are-withheld)
DISTRUST = ("m.unverified", "m.blacklisted", "m.unauthorised")


@dataclass(frozen=True, slots=True)
class Plain:
    """A decrypted room event, and the two keys of the device whose Megolm session it was encrypted with.

    `once` names the ciphertext by its session and its place in there: another event with the same one is a replay.
    """

    payload: Mapping[str, Any] = field(repr=False)
    curve25519: str = field(repr=False)
    ed25519: str = field(repr=False)
    once: str = ""


@contextmanager
def contained() -> Iterator[None]:
    """Turn whatever a malformed input raises, a panic in the Rust code included, into CannotRead.

    The store's own failures pass: what could not be kept must not be acknowledged.
    """
    try:
        yield
    except (CannotRead, KeyboardInterrupt, SystemExit, OSError, MemoryError):
        raise
    except BaseException as error:
        if type(error).__module__.split(".")[0] in ("peewee", "sqlcipher3", "sqlite3"):
            raise
        raise CannotRead(Cause.NO_KEY) from error


class Guard:
    """Olm and Megolm for one device of the bot's own account."""

    def __init__(self, user_id: str, device_id: str, folder: Path, key: bytes) -> None:
        self.user_id = user_id
        self.device_id = device_id
        self.refused = 0  # to-device events that could not be used
        self.broken = Broken()
        self._store = CipherStore(user_id, device_id, folder, key)
        self.waiting = Waiting(self._store)
        self._shared: dict[str, set[Device]] = {}  # who has the present key of a room
        self._used_up: set[str] = set()  # rooms whose present key is for nothing new
        self._distrusted: dict[tuple[str, str], None] = {}  # (room, session) of keys that are withheld from us
        self._opened: dict[int, None] = {}  # Olm messages, by hash: delivered again, they would look broken
        self._load()

    def _load(self) -> None:
        self._olm = Machine(self.user_id, self.device_id, self._store, self.broken.remember)
        self._shared.clear()
        self._opened.clear()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of it on the disk, or nothing; and what is not on the disk does not live on in memory."""
        try:
            with self._store.database.atomic():
                yield
        except BaseException:
            self._load()
            raise

    @property
    def curve25519(self) -> str:
        """This device's identity key."""
        return str(self._olm.account.identity_keys["curve25519"])

    @property
    def ed25519(self) -> str:
        """This device's signing key."""
        return str(self._olm.account.identity_keys["ed25519"])

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    # --- keys that we publish -----------------------------------------------------------------------------------

    def device_keys(self) -> dict[str, Any]:
        """Our device keys, signed by themselves, as `/keys/upload` takes them."""
        document: dict[str, Any] = {
            "user_id": self.user_id,
            "device_id": self.device_id,
            "algorithms": [OLM, MEGOLM],
            "keys": {f"curve25519:{self.device_id}": self.curve25519, f"ed25519:{self.device_id}": self.ed25519},
        }
        return self._signed(document)

    def sign(self, document: Mapping[str, Any]) -> str:
        """This device's signature of a document."""
        bare = {key: value for key, value in document.items() if key not in ("signatures", "unsigned")}
        return str(self._olm.sign_json(bare))

    def keys_to_upload(self, counts: Mapping[str, Any], unused_fallback: object) -> dict[str, Any] | None:
        """What `/keys/upload` needs now; None when the server has enough.

        The account is saved before anything is sent: keys that the server knows and we do not would cut off whoever
        claims them. A missing count means zero; a server that lists no unused fallback keys at all knows none
        (https://spec.matrix.org/v1.16/client-server-api/#extensions-to-sync-2).
        """
        count = counts.get("signed_curve25519", 0)
        count = count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else 0
        body: dict[str, Any] = {}
        account = self._olm.account
        if count < FEWEST_ONE_TIME_KEYS:
            unpublished = len(account.one_time_keys["curve25519"])
            if unpublished + count < account.max_one_time_keys:
                account.generate_one_time_keys(account.max_one_time_keys - count - unpublished)
            body["one_time_keys"] = {
                f"signed_curve25519:{key_id}": self._signed({"key": key})
                for key_id, key in account.one_time_keys["curve25519"].items()
            }
        if isinstance(unused_fallback, list) and "signed_curve25519" not in unused_fallback:
            inner = account._account  # nio wraps no fallback keys
            if not inner.fallback_key:
                inner.generate_fallback_key()
            body["fallback_keys"] = {
                f"signed_curve25519:{key_id}": self._signed({"key": key.to_base64(), "fallback": True})
                for key_id, key in inner.fallback_key.items()
            }
        if body:
            self._olm.save_account()
        return body or None

    def keys_settled(self) -> None:
        """The server took what `keys_to_upload` returned, or never will: neither is offered again."""
        self._olm.account.shared = True
        self._olm.account.mark_keys_as_published()
        self._olm.save_account()

    def _signed(self, document: dict[str, Any]) -> dict[str, Any]:
        signature = self._olm.sign_json(document)
        return {**document, "signatures": {self.user_id: {f"ed25519:{self.device_id}": signature}}}

    # --- what comes in ------------------------------------------------------------------------------------------

    def receive(self, events: Sequence[object]) -> int:
        """Take a batch of to-device events in one transaction; returns how many could be used."""
        if not events:
            return 0
        used = 0
        with self._transaction():
            for event in events:
                try:
                    with contained():
                        self._receive(event)
                    used += 1
                except CannotRead:
                    self.refused += 1
            # a one-time key is consumed after nio saves the account: saved again, it cannot be used twice
            self._olm.save_account()
        if used < len(events):
            log.info("%d of %d to-device events could not be used", len(events) - used, len(events))
        return used

    def _receive(self, event: object) -> None:
        if isinstance(event, dict) and event.get("type") == "m.room_key.withheld":
            self._hear_why(event["content"])
            return
        if not isinstance(event, dict) or event.get("type") != "m.room.encrypted":
            return  # verification, key requests: nothing here is believed in clear
        sender, content = event["sender"], event["content"]
        sender_key = content["sender_key"]
        if content["algorithm"] != OLM or not is_id(sender) or not is_key(sender_key):
            raise CannotRead(Cause.NO_KEY)
        sealed = content["ciphertext"][self.curve25519]
        body = sealed["body"]
        seen = hash((sender, sender_key, body))
        if seen in self._opened:
            return
        message = (
            vodozemac.PreKeyMessage.from_base64(body)
            if sealed["type"] == 0
            else vodozemac.AnyOlmMessage.normal(decode_base64(body))
        )
        if not self._olm.open(sender, sender_key, message):
            raise CannotRead(Cause.NO_KEY)
        self._opened[seen] = None
        limit(self._opened, MAX_OPENED)

    def decrypt(self, room: str, event: Mapping[str, Any]) -> Plain:
        """Open one `m.room.encrypted` event of a room. Raises CannotRead."""
        with contained():
            content = event["content"]
            if content["algorithm"] != MEGOLM:
                raise CannotRead(Cause.NO_KEY)
            session = self._session(room, content["session_id"])
            text, index = session.decrypt(content["ciphertext"])
            payload = json.loads(text)
            if not isinstance(payload, dict) or payload.get("room_id") != room:
                raise CannotRead(Cause.UNBOUND)
            return Plain(payload, session.sender_key, session.ed25519, f"{session.id}/{index}")

    def lacks_key(self, room: str, event: Mapping[str, Any]) -> str | None:
        """The session whose room key would open this event, where that is all that is missing."""
        content = event.get("content")
        session = content.get("session_id") if isinstance(content, dict) else None
        return session if is_id(session) and not self.has_key(room, session) else None

    def has_key(self, room: str, session_id: str) -> bool:
        """Whether we hold this room key, from whatever index on."""
        try:
            with contained():
                return self._session(room, session_id) is not None
        except CannotRead:
            return False

    def is_withheld(self, room: str, session_id: str) -> bool:
        """Whether somebody said that this key is kept from us on purpose. Said in clear: it changes words only."""
        return (room, session_id) in self._distrusted

    def _hear_why(self, content: Any) -> None:
        room, session = content["room_id"], content["session_id"]
        if is_id(room) and is_id(session) and content["code"] in DISTRUST:
            self._distrusted[room, session] = None
            limit(self._distrusted, MAX_WITHHELD)

    def _session(self, room: str, session_id: object) -> Any:
        # the event's own `sender_key` is outside the ciphertext and says nothing (deprecated since Matrix 1.3)
        # what no store can look up is nobody's key, and no failure of the store either
        key = self._olm.room_key(session_id) if is_id(session_id) else None
        if key is None or key.room_id != room:
            raise CannotRead(Cause.NO_KEY)
        return key

    # --- what goes out ------------------------------------------------------------------------------------------

    def without_session(self, devices: Sequence[Device]) -> list[Device]:
        """Those to which no Olm session exists yet."""
        return [device for device in devices if not self._olm.has_session(device)]

    def start_sessions(self, devices: Sequence[Device], answer: Mapping[str, Any]) -> None:
        """Begin Olm sessions from an answer of `/keys/claim`; a bad one-time key leaves only its own device out."""
        with self._transaction():
            for device in devices:
                try:
                    with contained():
                        claimed = answer["one_time_keys"][device.user_id][device.device_id]
                        key = next(iter(claimed.values()))
                        if not holds(key, device.user_id, f"ed25519:{device.device_id}", device.ed25519):
                            raise CannotRead(Cause.UNBOUND)
                        self._olm.begin(device, key["key"])
                except CannotRead:
                    log.info("one device offered no usable one-time key")

    def missing_key(self, room: str, readers: Sequence[Device]) -> list[Device]:
        """Readers that do not have the room's present key yet. A reader too many makes a new key for everyone."""
        session = self._olm.outbound_group_sessions.get(room)
        wanted = set(readers)
        stale = room in self._used_up or not self._shared.get(room, set()) <= wanted
        if session is None or session.expired or stale:
            with self._transaction():
                self._olm.create_outbound_group_session(room)
            self._olm.outbound_group_sessions[room].mark_as_shared()
            self._shared[room] = set()
            self._used_up.discard(room)
        return [device for device in readers if device not in self._shared[room]]

    def share_key(self, room: str, devices: Sequence[Device]) -> dict[str, dict[str, Any]]:
        """The room's present key, encrypted for each device that has an Olm session: `/sendToDevice` messages."""
        session = self._olm.outbound_group_sessions[room]
        content = {
            "algorithm": MEGOLM,
            "room_id": room,
            "session_id": session.id,
            "session_key": session.session_key,
        }
        return self._to_devices(devices, "m.room_key", content)

    def key_shared(self, room: str, messages: Mapping[str, Mapping[str, Any]], devices: Sequence[Device]) -> None:
        """The server took these messages: their devices have the room's present key."""
        reached = {(person, device_id) for person, found in messages.items() for device_id in found}
        self._shared[room].update(d for d in devices if (d.user_id, d.device_id) in reached)

    def dummies(self, devices: Sequence[Device]) -> dict[str, dict[str, Any]]:
        """Empty Olm messages that let the other side notice a new session."""
        return self._to_devices(devices, "m.dummy", {})

    def _to_devices(self, devices: Sequence[Device], kind: str, content: dict[str, Any]) -> dict[str, dict[str, Any]]:
        messages: dict[str, dict[str, Any]] = {}
        with self._transaction():
            for device in devices:
                if self._olm.has_session(device):
                    sealed = self._olm.seal(device, kind, content)
                    messages.setdefault(device.user_id, {})[device.device_id] = sealed
        return messages

    def encrypt(self, room: str, kind: str, content: dict[str, Any]) -> dict[str, Any]:
        """The `m.room.encrypted` content for a room whose key has been shared."""
        return dict(self._olm.group_encrypt(room, {"type": kind, "content": content}))

    def renew_room_keys(self) -> None:
        """Use a new key for whatever is said next, in every room: those who had the present ones may not have them."""
        self._used_up.update(self._shared)

    def forget_room(self, room: str) -> None:
        """Use a new key for whatever is said in this room next; a message that is on its way may still use this one."""
        if room in self._shared:
            self._used_up.add(room)
        self.waiting.forget_room(room)
