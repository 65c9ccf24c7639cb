"""The world behind the stand-in: the Signal server, the people, and what the daemon keeps on its disk.

It outlives the daemon program. What people write waits in a queue for each account and is gone from it once the
daemon has handed it over; what the daemon sends reaches the people's phones here.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

from tests.signald import envelopes
from tests.signald.envelopes import Json

TRUSTED = "TRUSTED_UNVERIFIED"
VERIFIED = "TRUSTED_VERIFIED"
UNTRUSTED = "UNTRUSTED"


def uuid_of(name: str) -> str:
    """The same uuid for the same number or name, always."""
    digest = bytearray(hashlib.md5(name.encode(), usedforsecurity=False).digest())
    digest[6] = digest[6] & 0x0F | 0x30
    digest[8] = digest[8] & 0x3F | 0x80
    return str(UUID(bytes=bytes(digest)))


@dataclass(frozen=True, slots=True)
class File:
    """A file as it reached a phone."""

    name: str | None
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Heard:
    """One message on a person's phone: its text as it stands now, and what became of it.

    `timestamp` names it (edits and deletions go by it); `history` holds the texts that edits replaced; `expires` is
    in seconds, 0 for never; `account` is whose it is.
    """

    timestamp: int
    text: str
    files: tuple[File, ...] = ()
    expires: int = 0
    group: str | None = None
    quote: int | None = None
    history: tuple[str, ...] = ()
    deleted: bool = False
    account: str = ""


@dataclass(frozen=True, slots=True)
class Reaction:
    """A reaction that reached a person."""

    emoji: str
    timestamp: int
    removed: bool


@dataclass(slots=True)
class Limit:
    """Sending is limited until a moment of the world's clock (ms), or until a captcha is solved for `token`."""

    until: int
    token: str | None = None


@dataclass(slots=True)
class Human:
    """A person, with their phone."""

    uuid: str
    name: str
    number: str | None
    username: str | None
    key: bytes
    number_shared: bool = False
    online: bool = True
    blocking: bool = False
    failing: str | None = None
    limit: Limit | None = None
    timer: int = 0
    typing: bool = False
    heard: list[Heard] = field(default_factory=list)
    delivered: set[int] = field(default_factory=set)
    read: set[int] = field(default_factory=set)
    viewed: set[int] = field(default_factory=set)
    reactions: list[Reaction] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    @property
    def address(self) -> Json:
        """Who they are for those to whom they write."""
        return envelopes.address(self.uuid, self.number if self.number_shared else None, self.name)

    @property
    def recipient(self) -> Json:
        """Who they are in the result of a send."""
        return {"uuid": self.uuid, "number": self.number, "username": self.username}


@dataclass(slots=True)
class Identity:
    """The key that the daemon knows of somebody, and whether it is trusted."""

    key: bytes
    level: str
    added: int


@dataclass(slots=True, eq=False)
class Item:
    """Something that waits for an account on the server; `told` is what a delivery receipt for it names."""

    account: str
    sender: Human | None
    key: bytes
    body: Json
    told: int | None = None


@dataclass(slots=True)
class Group:
    """A group, its members' uuids, and the accounts of ours that are in it."""

    id: str
    name: str
    members: list[str]
    accounts: set[str]
    revision: int = 0


@dataclass(slots=True)
class Account:
    """An account of the daemon's, its queue on the server, and what the daemon keeps of it on its disk."""

    number: str
    uuid: str
    name: str = "Helpline"
    queue: deque[Item] = field(default_factory=deque)
    withheld: list[Item] = field(default_factory=list)
    identities: dict[str, Identity] = field(default_factory=dict)
    timers: dict[str, int] = field(default_factory=dict)
    blocked: set[str] = field(default_factory=set)
    contacts: set[str] = field(default_factory=set)
    profile: Json = field(default_factory=dict)
    limit: Limit | None = None
    consumed: int = 0

    @property
    def address(self) -> Json:
        """Who it is, seen from its other devices and from people."""
        return envelopes.address(self.uuid, self.number, self.name)


class World:
    """Everything that outlives the daemon program. Belongs to one thread; `changed` is called after each change."""

    def __init__(self, folder: Path, accounts: Iterable[tuple[str, str]]) -> None:
        self.accounts = {number: Account(number, uuid) for number, uuid in accounts}
        self.people: dict[str, Human] = {}
        self.groups: dict[str, Group] = {}
        self.multi = False
        self.version = ""
        self.captchas: set[str] = set()
        self.changed: Callable[[], None] = lambda: None
        self._skew = 0
        self._last = 0
        self.keep_in(folder)

    def keep_in(self, folder: Path) -> None:
        """Where attachments lie, in plain files."""
        self.folder = folder
        (folder / "attachments").mkdir(parents=True, exist_ok=True)

    def clock(self) -> int:
        """Now in milliseconds."""
        return time.time_ns() // 1_000_000 + self._skew

    def now(self) -> int:
        """Now in milliseconds, and never the same twice: it names messages."""
        self._last = max(self.clock(), self._last + 1)
        return self._last

    def advance(self, seconds: float) -> None:
        """Let time pass, for what waits for it on the server's side."""
        self._skew += int(seconds * 1000)

    # ---- people

    def join(self, name: str, number: str | None, username: str | None, uuid: str | None) -> Human:
        """Somebody installs Signal."""
        uuid = uuid or uuid_of(number or name)
        human = Human(uuid, name, number, username, hashlib.sha256(uuid.encode()).digest())
        self.people[uuid] = human
        self.changed()
        return human

    def rekey(self, human: Human) -> None:
        """They install Signal anew: from now on their safety number is another one."""
        human.key = hashlib.sha256(human.key).digest()
        self.changed()

    def find(self, name: str) -> Human | None:
        """Somebody by uuid, number or `u:username`."""
        for human in self.people.values():
            if name in (human.uuid, human.number, f"u:{human.username}"):
                return human
        return None

    # ---- what people send

    def post(
        self, human: Human, number: str, timestamp: int, body: Json, *, device: int = 1, told: bool = True
    ) -> None:
        """Put what somebody sends in the queue of an account."""
        account = self.accounts.get(number)
        if account is None or human.uuid in account.blocked:
            return
        self._queue(account, human, human.address, timestamp, body, device=device, told=timestamp if told else None)

    def post_own(self, number: str, timestamp: int, body: Json, *, device: int = 2) -> None:
        """Put what another device of the account's own sends in its queue."""
        account = self.accounts[number]
        self._queue(account, None, account.address, timestamp, body, device=device, told=None)

    def post_raw(self, number: str, body: Json) -> None:
        """Put a whole notification in the queue, as the daemon is to hand it over."""
        self.accounts[number].queue.append(Item(number, None, b"", body))
        self.changed()

    def _queue(
        self,
        account: Account,
        human: Human | None,
        source: Json,
        timestamp: int,
        body: Json,
        *,
        device: int,
        told: int | None,
    ) -> None:
        now = self.clock()
        full = envelopes.envelope(source, timestamp, device, body, received=now, delivered=now)
        item = Item(account.number, human, human.key if human else b"", {"envelope": full, "account": account.number})
        item.told = told
        account.queue.append(item)
        self.changed()

    # ---- what the daemon takes from the queue

    def take(self, account: Account) -> tuple[Item, Json]:
        """The next in the queue, and what the daemon makes of it: itself, or that it cannot be read."""
        item = account.queue.popleft()
        if item.sender is None or self._readable(account, item):
            return item, item.body
        account.withheld.append(item)
        bare = {key: item.body["envelope"][key] for key in item.body["envelope"] if not key.endswith("Message")}
        why = {"message": f"Untrusted identity: {item.sender.uuid}", "type": "UntrustedIdentityException"}
        return item, {"exception": why, "envelope": bare, "account": account.number}

    def _readable(self, account: Account, item: Item) -> bool:
        assert item.sender is not None
        known = account.identities.get(item.sender.uuid)
        if known is None:
            account.identities[item.sender.uuid] = Identity(item.key, TRUSTED, self.clock())
            return True
        if known.key != item.key:
            account.identities[item.sender.uuid] = Identity(item.key, UNTRUSTED, self.clock())
            return False
        return known.level != UNTRUSTED

    def handed_over(self, account: Account, item: Item) -> None:
        """The daemon has handed it to its handlers, whatever became of it there: the sender gets their two ticks."""
        account.consumed += 1
        if item not in account.withheld and item.sender is not None:
            self._learn(account, item)
            if item.told is not None:
                item.sender.delivered.add(item.told)
        self.changed()

    def put_back(self, account: Account, item: Item) -> None:
        """The daemon could not hand it over: it is the next again."""
        if item in account.withheld:
            account.withheld.remove(item)
        account.queue.appendleft(item)

    def retry(self, account: Account) -> None:
        """Those withheld whose identity is trusted by now are the next, in their order."""

        def trusted(item: Item) -> bool:
            known = account.identities.get(item.sender.uuid) if item.sender else None
            return known is None or (known.key == item.key and known.level != UNTRUSTED)

        ready = [item for item in account.withheld if trusted(item)]
        account.withheld = [item for item in account.withheld if item not in ready]
        account.queue.extendleft(reversed(ready))
        if ready:
            self.changed()

    def _learn(self, account: Account, item: Item) -> None:
        """The daemon keeps the timer that a message of two people carries."""
        body = item.body["envelope"]
        message = body.get("dataMessage") or body.get("editMessage", {}).get("dataMessage")
        if message and item.sender and "groupInfo" not in message:
            account.timers[item.sender.uuid] = message["expiresInSeconds"]

    # ---- what the daemon sends

    def arrives(
        self, account: Account, human: Human, timestamp: int, change: Callable[[Human], None], *, told: bool = True
    ) -> None:
        """Something reaches a phone; where it is told of (a message), the phone answers with a delivery receipt."""
        if human.blocking:
            human.ignored.append("blocked")
            return
        change(human)
        if human.online and told:
            now = self.now()
            self.post(human, account.number, now, envelopes.receipt(now, "delivery", [timestamp]), told=False)
        self.changed()

    def safety_number(self, account: Account, key: bytes) -> str:
        """The 60 digits that both sides can compare, in groups of five."""
        digest = hashlib.sha512(account.uuid.encode() + key).digest()
        digits = str(int.from_bytes(digest, "big"))[-60:].rjust(60, "0")
        return " ".join(digits[start : start + 5] for start in range(0, 60, 5))


def edited(heard: list[Heard], timestamp: int, change: Callable[[Heard], Heard]) -> bool:
    """Change the message of that timestamp where it stands; False where there is none."""
    for place, message in enumerate(heard):
        if message.timestamp == timestamp:
            heard[place] = change(message)
            return True
    return False


def with_text(text: str) -> Callable[[Heard], Heard]:
    """The change that an edit makes."""
    return lambda message: replace(message, text=text, history=(*message.history, message.text))


def erased(message: Heard) -> Heard:
    """The change that a deletion makes."""
    return replace(message, deleted=True)
