"""mautrix's Olm machine (libolm), with what it needs to be relied on.

Everything a person keeps is in memory: their keys are gone when they stop. mautrix is followed in how it encrypts,
whom it trusts and what it stores; what is different here is said where it is.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from mautrix.client import Client
from mautrix.crypto import MemoryCryptoStore, OlmMachine, StateStore
from mautrix.crypto.cross_signing_key import CrossSigningSeeds
from mautrix.errors import DecryptionError
from mautrix.types import (
    CrossSigner,
    CrossSigningUsage,
    EncryptedEvent,
    Event,
    RoomEncryptionStateEventContent,
    RoomID,
    RoomKeyEventContent,
    SerializerError,
    SigningKey,
    TOFUSigningKey,
    TrustState,
    UserID,
)

JSON = dict[str, Any]
PRESENT = ("join", "invite")


@dataclass(frozen=True, slots=True)
class Opened:
    """What stood in a ciphertext. `signed`: the sender's device is signed by the sender's own identity."""

    type: str
    content: JSON = field(repr=False)
    signed: bool


class States(StateStore):  # type: ignore[misc, unused-ignore]  # mypy does not look into mautrix
    """Who is in which room, and which rooms are encrypted."""

    def __init__(self) -> None:
        self.members: dict[str, dict[str, str]] = {}
        self.encryption: dict[str, JSON] = {}

    def present(self, room: str) -> list[str]:
        """Those who joined, and those who are invited: Element encrypts for both."""
        return [person for person, membership in self.members.get(room, {}).items() if membership in PRESENT]

    def note_member(self, room: str, person: str, membership: str) -> bool:
        """Whether this changes who may read what is written from here on."""
        members = self.members.setdefault(room, {})
        before = members.get(person)
        members[person] = membership
        return before != membership

    async def is_encrypted(self, room_id: RoomID) -> bool:
        return room_id in self.encryption

    async def get_encryption_info(self, room_id: RoomID) -> RoomEncryptionStateEventContent | None:
        content: Any = self.encryption.get(room_id)
        return None if content is None else RoomEncryptionStateEventContent.deserialize(content)

    async def find_shared_rooms(self, user_id: UserID) -> list[RoomID]:
        return [RoomID(room) for room in self.encryption if user_id in self.present(room)]


class Keys(MemoryCryptoStore):  # type: ignore[misc, unused-ignore]  # mypy does not look into mautrix
    """The keys of one device. mautrix's memory store fails where an identity is seen again, or changes."""

    async def put_cross_signing_key(self, user_id: UserID, usage: CrossSigningUsage, key: SigningKey) -> None:
        keys = self._cross_signing_keys.setdefault(user_id, {})
        keys[usage] = TOFUSigningKey(key=key, first=keys[usage].first if usage in keys else key)

    async def drop_signatures_by_key(self, signer: CrossSigner) -> int:
        return len(self._signatures.pop(signer, {}))


class Machine(OlmMachine):  # type: ignore[misc, unused-ignore]  # mypy does not look into mautrix
    """The encryption of one device of one person."""

    crypto_store: Keys
    state_store: States

    def __init__(self, client: Client, *, strict: bool) -> None:
        super().__init__(client, Keys(str(client.mxid), "kept in memory only"), States())
        if strict:
            # MSC4153: nothing for devices that their owners have not signed
            self.send_keys_min_trust = TrustState.CROSS_SIGNED_TOFU

    async def begin(self) -> None:
        """Make the device's keys and publish them with a first stock of one-time keys."""
        await self.load()
        await self.share_keys(0)

    async def make_identity(self, auth: JSON | None = None) -> str:
        """Make the person's cross-signing keys, sign this device with them, and return the master key.

        A homeserver asks for more than an access token (`auth`) to put them in the place of earlier ones.
        """
        keys = CrossSigningSeeds.generate().to_keys()
        await self._publish_cross_signing_keys(keys, auth=auth)
        await self.sign_own_device(self.own_identity)
        return str(keys.public_keys.master_key)

    async def seal(self, payload: Mapping[str, Any]) -> JSON:
        """Encrypt a payload as it is for its room, and return the content of its `m.room.encrypted` event.

        Where a new room key is due, it is shared first.
        """
        room_id = RoomID(payload["room_id"])
        session: Any = await self.crypto_store.get_outbound_group_session(room_id)
        if session is None or session.expired:
            members = [UserID(member) for member in self.state_store.present(room_id)]
            await self._track(members)
            await self.share_group_session(room_id, members)
            session = await self.crypto_store.get_outbound_group_session(room_id)
        ciphertext: str = session.encrypt(json.dumps(payload))
        return {
            "algorithm": "m.megolm.v1.aes-sha2",
            "sender_key": self.own_identity.identity_key,
            "device_id": self.client.device_id,
            "session_id": session.id,
            "ciphertext": ciphertext,
        }

    async def open(self, event: Mapping[str, Any]) -> Opened:
        """Decrypt a room event. Raises DecryptionError.

        The relation that stands outside the ciphertext, where a homeserver can write it, is left out: mautrix would
        copy it inward.
        """
        outer = {key: value for key, value in event["content"].items() if key != "m.relates_to"}
        try:
            sealed = Event.deserialize({**event, "content": outer})
            if not isinstance(sealed, EncryptedEvent):
                raise DecryptionError("not an encrypted event")
            opened = await self.decrypt_megolm_event(sealed)
            trust: TrustState = opened["mautrix"]["trust_state"]
            return Opened(str(opened.type), opened.content.serialize(), trust >= TrustState.CROSS_SIGNED_TOFU)
        except SerializerError as error:
            raise DecryptionError("malformed") from error

    async def forget_session(self, room: str) -> None:
        """The next message in this room starts a new key, shared anew with whoever may have it then."""
        await self.crypto_store.remove_outbound_group_session(RoomID(room))

    async def refresh(self, people: Collection[str]) -> None:
        """Ask for the devices of people that the homeserver says changed, and share keys with them anew.

        mautrix does so when devices come or go; a device that got its signature only now counts here too.
        """
        await self._fetch_keys([UserID(person) for person in people], include_untracked=False)
        for person in people:
            rooms = await self.state_store.find_shared_rooms(UserID(person))
            await self.crypto_store.remove_outbound_group_sessions(rooms)

    async def _track(self, people: Collection[UserID]) -> None:
        # known beforehand, mautrix claims one-time keys only of the devices that get the room key, not of its own
        unknown = [person for person in people if await self.crypto_store.get_devices(person) is None]
        if unknown:
            await self._fetch_keys(unknown, include_untracked=True)

    async def _fill_encryption_info(self, evt: RoomKeyEventContent) -> None:
        # when a key may be deleted early; nothing is here, and asking the server could lose the key
        return
