"""The stand-in of Signal in a test's hands: `Signald`, the world and its daemon program, and `Person`, somebody in it.

    async with Signald(tmp_path) as signald:            # the daemon answers on signald.socket
        amal = await signald.person("Amal")             # uuid only; number="+1555…" where they share one
        await amal.writes("hello")                      # waits on the server until somebody subscribes
        ...                                             # the bot, at signald.socket
        await amal.until(lambda: amal.heard)            # at most 30 s, then a failure that says what there was
        assert amal.texts == ["Hello."]

        await signald.loses_answer("send")              # the next send arrives, its answer does not
        await signald.kill()                            # SIGKILL; the world, its queues and phones live on
        await signald.start()                           # again, on the same socket

The world lives on a thread of its own, so a test may block and the daemon still answers. All methods that act are
coroutines; properties are snapshots.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from tests.signald import envelopes
from tests.signald.control import GONE, Control
from tests.signald.envelopes import Json
from tests.signald.patience import PATIENCE, bounded
from tests.signald.person import Person
from tests.signald.switches import Switches
from tests.signald.world import Group, Limit, World

ROOT = Path(__file__).parents[2]
ACCOUNT = ("+15550100000", "aaaaaaaa-0000-4000-8000-155501000001")
SECOND = ("+15550200000", "aaaaaaaa-0000-4000-8000-155502000001")
T = TypeVar("T")
Mode = Literal["manual", "on-start", "on-connection"]


class Signald(Switches):
    """The world and its daemon program."""

    def __init__(
        self,
        folder: Path,
        *,
        receive_mode: Mode = "manual",
        multi: bool = False,
        version: str = "0.14.7",
        accounts: tuple[tuple[str, str], ...] = (ACCOUNT,),
    ) -> None:
        self.data = folder / "signal-data"
        self.socket = folder / "signal.socket"
        self.control = folder / "world.socket"
        self.log = folder / "signal.log"
        self.receive_mode: Mode = receive_mode
        self.multi = multi
        self.version = version
        self.account = accounts[0][0] if accounts else ""
        self.account_uuid = accounts[0][1] if accounts else ""
        self.people: list[Person] = []
        self.world = World(self.data, accounts)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="signal-world", daemon=True)
        self._process: asyncio.subprocess.Process | None = None
        self._waiting: list[asyncio.Event] = []
        self._hub: Control

    # ---- its life

    async def __aenter__(self) -> Self:
        self._thread.start()
        try:
            await self._there(self._open())
            await self.start()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def start(self, *, clean: bool = True) -> None:
        """Start the program, removing a socket left behind unless told otherwise; returns when it can be reached."""
        if clean:
            await asyncio.to_thread(self.socket.unlink, missing_ok=True)
        await self._there(self._start())

    async def kill(self) -> None:
        """SIGKILL: the socket file is left behind, and nobody answers there."""
        await self._there(self._finish(signal.SIGKILL))

    async def stop(self) -> None:
        """An orderly end: the socket file is gone."""
        await self._there(self._finish(signal.SIGTERM))

    async def restart(self) -> None:
        """Killed, and started anew: subscriptions are gone."""
        await self.kill()
        await self.start()

    async def ended(self) -> int:
        """Wait until the program ends by itself; its exit code."""
        return await self._there(self._ended())

    async def _open(self) -> None:
        self._hub = Control(self.world)
        self.world.changed = self._changed
        self.world.later = lambda seconds, deed: self._loop.call_later(seconds, deed) if seconds else deed()
        await self._hub.open(self.control)

    def _changed(self) -> None:
        self._hub.moved()
        for event in self._waiting:
            event.set()

    async def _start(self) -> None:
        assert self._process is None, "the daemon runs already"
        where = ["--socket", str(self.socket), "--control", str(self.control), "--data", str(self.data)]
        how = ["--receive-mode", self.receive_mode, "--version", self.version, *(["--multi"] if self.multi else [])]
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.signald", *where, *how, cwd=ROOT, stdout=log, stderr=log
            )
        linked = asyncio.ensure_future(self._hub.linked.wait())
        over = asyncio.ensure_future(self._process.wait())
        done, _ = await asyncio.wait({linked, over}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        linked.cancel()
        if linked in done:
            return
        code = self._process.returncode
        self._process = None
        raise AssertionError(f"the daemon did not start (exit code {code}): {self.log.read_text()[-500:]}")

    async def _finish(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(how)
        await self._ended()

    async def _ended(self) -> int:
        assert self._process is not None, "the daemon does not run"
        code = await bounded(self._process.wait(), lambda: "the daemon did not end")
        self._process = None
        await self._wait(lambda: not self._hub.linked.is_set(), lambda: "the world still waits for a dead daemon")
        return code

    async def _end(self) -> None:
        async def close() -> None:
            await self._finish(signal.SIGKILL)
            await self._hub.close()

        await self._there(close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join, PATIENCE)
        self._loop.close()

    # ---- the world's thread

    async def _there(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def act(self, deed: Callable[[], T]) -> T:
        """Do something to the world, on its own thread."""

        async def work() -> T:
            done = deed()
            self._changed()
            return done

        return await self._there(work())

    async def until(
        self, predicate: Callable[[], Any], what: str = "what was waited for", within: float = PATIENCE
    ) -> None:
        """Wait for something in the world, looking again at each change of it; fails after `within` seconds."""
        await self.watch(predicate, lambda: f"{what} did not come", within)

    async def watch(self, predicate: Callable[[], Any], why: Callable[[], str], within: float) -> None:
        """The same, with the sentence made when it has failed."""
        await self._there(self._wait(predicate, why, within))

    async def _wait(self, predicate: Callable[[], Any], why: Callable[[], str], within: float = PATIENCE) -> None:
        event = asyncio.Event()
        self._waiting.append(event)

        async def look() -> None:
            while not predicate():
                event.clear()
                await event.wait()

        try:
            await bounded(look(), why, within)
        finally:
            self._waiting.remove(event)

    # ---- people, groups, and the account's own other devices

    async def person(
        self,
        name: str = "Amal",
        *,
        number: str | None = None,
        shares_number: bool = False,
        username: str | None = None,
        uuid: str | None = None,
    ) -> Person:
        """Somebody new, who has Signal."""
        human = await self.act(lambda: self.world.join(name, number, username, uuid))
        human.number_shared = shares_number
        self.people.append(Person(self, human))
        return self.people[-1]

    async def group(self, name: str, *members: Person, group_id: str | None = None) -> str:
        """A group of these people with the account in it, told by the first of them; returns its id."""
        group_id = group_id or base64.b64encode(secrets.token_bytes(32)).decode()
        uuids = [member.uuid for member in members]

        def make() -> None:
            self.world.groups[group_id] = Group(group_id, name, uuids, {self.account})

        await self.act(make)
        await members[0].changes_group(group_id)
        return group_id

    async def in_group(self, group_id: str) -> bool:
        """Whether the account is still a member."""
        return self.account in self.world.groups[group_id].accounts

    async def writes_elsewhere(self, text: str, to: Person | None = None) -> int:
        """Another device of the account writes to somebody, or a note to itself."""

        def post() -> int:
            stamp = self.world.now()
            account = self.world.accounts[self.account]
            whom = to.human.address if to else account.address
            body = envelopes.sent_elsewhere(whom, envelopes.data(stamp, text))
            self.world.post_own(self.account, stamp, body)
            return stamp

        return await self.act(post)

    async def syncs(self, body: Json) -> int:
        """Another device of the account tells it anything: `body` is what stands beside the envelope's head."""

        def post() -> int:
            stamp = self.world.now()
            self.world.post_own(self.account, stamp, body)
            return stamp

        return await self.act(post)

    async def pushes(self, body: Json) -> None:
        """A whole notification, as it stands."""
        await self.act(lambda: self.world.post_raw(self.account, body))

    # ---- what can be seen

    @property
    def queued(self) -> int:
        """What waits on the server."""
        return sum(len(account.queue) for account in self.world.accounts.values())

    @property
    def consumed(self) -> int:
        """What the daemon has handed over."""
        return sum(account.consumed for account in self.world.accounts.values())

    @property
    def unread_ends(self) -> int:
        """How often a client went with lines of the daemon's unread: then what it was handed may be lost."""
        return self._hub.unread_ends

    def handed_earlier(self, timestamp: int) -> bool:
        """Whether a person's message was handed over to an earlier subscriber than the one that is there now."""
        return self._hub.handed.get(timestamp, self._hub.subscribed) < self._hub.subscribed

    @property
    def subscribed(self) -> bool:
        """Whether the daemon takes messages now."""
        return bool(self._hub.wanting)

    @property
    def calls(self) -> list[tuple[str, Json]]:
        """Every call that reached the daemon, in order: method and parameters."""
        return list(self._hub.calls)

    def calls_of(self, method: str) -> list[Json]:
        """The parameters of each call of a method."""
        return [params for name, params in self._hub.calls if name == method]

    def attachments(self) -> list[str]:
        """The ids of the plain files that lie on the daemon's disk."""
        return sorted(path.name for path in (self.data / "attachments").iterdir())

    # ---- identities, accounts, limits, the clock

    async def safety_number(self, person: Person) -> str:
        """The safety number of the account and somebody, as both sides see it, for the key that they have now."""
        account = self.world.accounts[self.account]
        return await self.act(lambda: self.world.safety_number(account, person.human.key))

    async def trust_level(self, person: Person) -> str | None:
        """What the daemon thinks of somebody's key; None where it knows none."""
        known = self.world.accounts[self.account].identities.get(person.uuid)
        return known.level if known else None

    async def deregisters(self) -> None:
        """The server drops the account: with one account the program ends, with several it forgets it."""

        def drop() -> None:
            self.world.accounts.pop(self.account, None)
            if not self.world.multi:
                self._hub.say(exit=GONE)

        await self.act(drop)

    async def limits(self, seconds: int = 37, *, token: str | None = None, person: Person | None = None) -> None:
        """Sending is refused for so long (to one person, or at all); with a token, a captcha lifts it."""

        def limit() -> None:
            holder = person.human if person else self.world.accounts[self.account]
            holder.limit = Limit(self.world.clock() + seconds * 1000, token)

        await self.act(limit)

    async def passes(self, seconds: float) -> None:
        """Time passes on the server."""
        await self.act(lambda: self.world.advance(seconds))

    async def trusts_after(self, seconds: float) -> None:
        """How long what was withheld takes to come once its sender is trusted; the real one takes up to a minute."""

        def change() -> None:
            self._hub.trust_delay = seconds

        await self.act(change)

    async def receipts_after(self, seconds: float) -> None:
        """How long phones take to say that something reached them; at first, none."""

        def change() -> None:
            self.world.receipts_after = seconds

        await self.act(change)

    async def forgets_unhanded(self, forgets: bool = True) -> None:
        """Whether a killed program loses what it had taken and not handed over yet."""

        def change() -> None:
            self._hub.forgets_unhanded = forgets

        await self.act(change)
