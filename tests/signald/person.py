"""Somebody on Signal: what they do on their phone, and what reached it."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tests.signald import envelopes
from tests.signald.envelopes import Json
from tests.signald.patience import PATIENCE
from tests.signald.world import Account, Heard, Human, Reaction

if TYPE_CHECKING:
    from tests.signald.handle import Signald

State = Literal["present", "missing", "short", "empty"]


class Person:
    """Somebody on Signal, with their phone: what they do, and what reached them."""

    def __init__(self, signald: Signald, human: Human) -> None:
        self._signald = signald
        self._world = signald.world
        self._calls = itertools.count(18446744073709551614, -1)
        self.human = human
        self.uuid = human.uuid
        self.name = human.name

    # ---- what they do; what has a timestamp returns it

    async def writes(
        self,
        text: str | None,
        *,
        timestamp: int | None = None,
        group: str | None = None,
        device: int = 1,
        account: str | None = None,
        **more: Any,
    ) -> int:
        """They write; `more` stands in the message in the daemon's words (`quote`, `mentions`, `viewOnce`, …)."""

        def post() -> int:
            stamp = timestamp or self._world.now()
            where = {"groupInfo": self._group(group)} if group else {}
            expires = 0 if group else self.human.timer
            message = envelopes.data(stamp, text, **{"expires": expires, **more, **where})
            self._post(stamp, {"dataMessage": message}, device=device, account=account)
            return stamp

        return await self._signald.act(post)

    async def edits(self, timestamp: int, text: str, **more: Any) -> int:
        """They replace the text of an earlier message; the edit's own timestamp."""

        def post() -> int:
            stamp = self._world.now()
            message = envelopes.data(stamp, text, **{"expires": self.human.timer, **more})
            self._post(stamp, {"editMessage": {"targetSentTimestamp": timestamp, "dataMessage": message}})
            return stamp

        return await self._signald.act(post)

    async def deletes(self, timestamp: int) -> int:
        """They delete an earlier message for everyone."""
        return await self.writes(None, remoteDelete={"timestamp": timestamp})

    async def resends(self, text: str, timestamp: int, **more: Any) -> int:
        """Their phone sends again what it sent before: the same timestamp."""
        return await self.writes(text, timestamp=timestamp, **more)

    async def reacts(self, timestamp: int, emoji: str = "👍", *, remove: bool = False) -> int:
        """They react to a message of the account's."""
        account = self._account()
        body = envelopes.reaction(emoji, account.address, timestamp, remove=remove)
        return await self.writes(None, reaction=body)

    async def quotes(self, text: str, timestamp: int, quoted: str) -> int:
        """They answer one message of the account's."""
        return await self.writes(text, quote=envelopes.quote(timestamp, self._account().address, quoted))

    async def sends_file(
        self,
        content: bytes,
        name: str | None = "photo.jpg",
        content_type: str = "image/jpeg",
        *,
        state: State = "present",
        text: str | None = None,
        file_id: str | None = None,
        **more: Any,
    ) -> int:
        """They send a file. `state` is what lies on the daemon's disk: all of it, nothing, half of it, or 0 bytes."""
        file_id = file_id or f"{secrets.token_urlsafe(15)}{Path(name or 'x.bin').suffix}"
        lies = {"present": content, "short": content[: len(content) // 2], "empty": b""}
        picture = (640, 480) if content_type.startswith("image/") else None

        def put() -> Json:
            if state in lies:
                (self._world.folder / "attachments" / file_id).write_bytes(lies[state])
            return envelopes.attachment(file_id, content_type, name, len(content), self._world.clock(), picture)

        one = await self._signald.act(put)
        return await self.writes(text, attachments=[one], **more)

    async def sticker(self, pack: str = "00010203", number: int = 7) -> int:
        """They send a sticker."""
        return await self.writes(None, sticker={"packId": pack, "stickerId": number})

    async def call(self) -> int:
        """They call and, since nobody can answer, hang up."""
        number = next(self._calls)
        await self.sends(envelopes.call(number))
        return await self.sends(envelopes.hangup(number))

    async def sets_timer(self, seconds: int) -> int:
        """They set the time after which messages disappear, 0 for never."""

        def change() -> None:
            self.human.timer = seconds

        await self._signald.act(change)
        return await self.writes(None, expires=seconds, isExpirationUpdate=True)

    async def typing(self, *, started: bool = True, group: str | None = None) -> int:
        """They type, or stop."""

        def post() -> int:
            stamp = self._world.now()
            self._post(stamp, envelopes.typing(stamp, started=started, group_id=group), told=False)
            return stamp

        return await self._signald.act(post)

    async def reads(self, *timestamps: int, kind: Literal["read", "viewed", "delivery"] = "read") -> int:
        """They read messages of the account's: those named, or all on their phone."""
        named = timestamps or tuple(message.timestamp for message in self.heard)

        def post() -> int:
            stamp = self._world.now()
            self._post(stamp, envelopes.receipt(stamp, kind, named), told=False)
            return stamp

        return await self._signald.act(post)

    async def changes_group(self, group_id: str) -> int:
        """They change something about a group."""

        def turn() -> Json:
            group = self._world.groups[group_id]
            group.revision += 1
            return envelopes.group(group.id, group.name, group.revision, update=True)

        return await self.writes(None, groupInfo=await self._signald.act(turn))

    async def sends(self, body: Json, *, told: bool = True) -> int:
        """Anything else: `body` is what stands beside the envelope's head, `{}` for an envelope without content."""

        def post() -> int:
            stamp = self._world.now()
            self._post(stamp, body, told=told)
            return stamp

        return await self._signald.act(post)

    async def changes_key(self) -> None:
        """They install Signal anew: their safety number changes, and nothing they send can be read until trusted."""
        await self._signald.act(lambda: self._world.rekey(self.human))

    async def shares_number(self, number: str | None = None) -> None:
        """From now on what they send carries their number."""

        def change() -> None:
            self.human.number = number or self.human.number
            self.human.number_shared = True

        await self._signald.act(change)

    async def fails(self, how: Literal["network", "unregistered", "prekey", "io", "exception"] | None) -> None:
        """What becomes of what is sent to them; None for well again."""

        def change() -> None:
            self.human.failing = how

        await self._signald.act(change)

    async def goes_offline(self, offline: bool = True) -> None:
        """No delivery receipts come from a phone that is off."""

        def change() -> None:
            self.human.online = not offline

        await self._signald.act(change)

    async def blocks(self, blocks: bool = True) -> None:
        """They block the account: it does not learn of it, and nothing reaches them."""

        def change() -> None:
            self.human.blocking = blocks

        await self._signald.act(change)

    # ---- what reached them

    @property
    def heard(self) -> list[Heard]:
        """Every message on their phone, in the order in which they came."""
        return list(self.human.heard)

    @property
    def texts(self) -> list[str]:
        """The texts of it as they stand, without what was deleted."""
        return [message.text for message in self.human.heard if not message.deleted]

    @property
    def reactions(self) -> list[Reaction]:
        """Reactions to what they wrote."""
        return list(self.human.reactions)

    @property
    def delivered(self) -> frozenset[int]:
        """What they wrote that has its second tick: the daemon took it (not: the bot has it)."""
        return frozenset(self.human.delivered)

    @property
    def read(self) -> frozenset[int]:
        """What they wrote that the bot says it has."""
        return frozenset(self.human.read)

    @property
    def timer(self) -> int:
        """Seconds after which messages disappear, as their phone shows it."""
        return self.human.timer

    @property
    def sees_typing(self) -> bool:
        """Whether their phone shows that the account types."""
        return self.human.typing

    @property
    def ignored(self) -> list[str]:
        """What reached them and could not be applied: an edit or a deletion of nothing, all while blocking."""
        return list(self.human.ignored)

    async def until(self, predicate: Callable[[], Any], within: float = PATIENCE) -> None:
        """Wait until it is so, looking at each change of the world; a failure says what there is."""

        def why() -> str:
            shown = ", ".join(repr(text[:60]) for text in self.texts[-5:])
            return f"{self.name} waited in vain; {len(self.heard)} messages reached them, the last: {shown or 'none'}"

        await self._signald.watch(predicate, why, within)

    async def hears(self, count: int, within: float = PATIENCE) -> list[str]:
        """Wait until so many messages reached them in all; their texts."""
        await self.until(lambda: len(self.human.heard) >= count, within)
        return self.texts

    async def hears_text(self, part: str, within: float = PATIENCE) -> Heard:
        """Wait for a message with this in its text; the last such message."""
        await self.until(lambda: any(part in text for text in self.texts), within)
        return next(message for message in reversed(self.heard) if part in message.text and not message.deleted)

    # ----

    def _account(self) -> Account:
        return self._world.accounts[self._signald.account]

    def _group(self, group_id: str | None) -> Json:
        group = self._world.groups[group_id or ""]
        return envelopes.group(group.id, group.name, group.revision)

    def _post(self, stamp: int, body: Json, *, device: int = 1, told: bool = True, account: str | None = None) -> None:
        self._world.post(self.human, account or self._signald.account, stamp, body, device=device, told=told)
