"""A bot on Signal, killed by SIGKILL at the n-th of its steps: `mortal.py N FOLDER SOCKET ACCOUNT`; at 0 it lives on.

A step is a transaction of the store, a note in the adapter's own database, or a call of the daemon; the process dies
before it, or right after it was done, by turns. What the daemon handed over and the process did not bring to disk
before it died is lost; so that a test can tell, the timestamps of what came to disk stand in FOLDER/spooled. Staff are
on a channel that only records.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot import store
from bot.channels.signal.channel import Settings, open_signal
from bot.channels.signal.listening import Pace
from bot.channels.signal.rpc import Connection
from bot.channels.signal.sent import Sent
from bot.channels.signal.spool import Spool
from bot.services.desk import Desk
from bot.services.work import Staff
from bot.store import MasterKey
from bot.store.sql import SqlStore
from bot.testing import MemoryChannel
from tests.services.world import BOT, QUEUE, VETTER, World, pin

BRISK = Pace(absence=5.0, longest_wait=0.2, shortest_wait=0.05, look=5.0)
RECEIPTS = timedelta(seconds=1)  # longer than a phone of the stand-in takes to say that something reached it
IN_HAND = "in-hand"  # in the place of N: it dies with what it was handed, before that is on disk
SPOOLED = "spooled"


class Clock:
    """The machine's."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class Steps:
    """Counts down; the process dies at the end of the count."""

    def __init__(self, left: int) -> None:
        self.left = left

    def one(self) -> None:
        self.left -= 1
        if self.left == 0:
            die()

    def of(self, owner: type, name: str) -> None:
        """Make each call of a method two steps: one before it and one after it."""
        method = getattr(owner, name)

        async def awaited(*args: Any, **kwargs: Any) -> Any:
            self.one()
            done = await method(*args, **kwargs)
            self.one()
            return done

        def called(*args: Any, **kwargs: Any) -> Any:
            self.one()
            done = method(*args, **kwargs)
            self.one()
            return done

        setattr(owner, name, awaited if asyncio.iscoroutinefunction(method) else called)


def die(*_: object) -> None:
    """At once, with nothing said to anybody."""
    os.kill(os.getpid(), signal.SIGKILL)


def watch(steps: Steps) -> None:
    """Every step into the world."""
    steps.of(SqlStore, "transact")
    steps.of(Connection, "call")
    for owner, name in ((Spool, "add"), (Spool, "drop"), (Sent, "begin"), (Sent, "done"), (Sent, "receipt")):
        steps.of(owner, name)


async def live(folder: Path, socket: Path, account: str) -> None:
    """Until it is told to stop, or dies."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    key = folder / "key"
    master = MasterKey.read(key) if await asyncio.to_thread(key.exists) else MasterKey.make(key)
    kept = store.open(folder, None, master)
    settings = Settings(socket, account, receipts=RECEIPTS, pace=BRISK)
    channel = open_signal(settings, folder, master.subkey("signal"), Clock().now)
    staff = Staff(
        channel="memory",
        room=QUEUE,
        members={VETTER: pin(VETTER)},
        leads=frozenset(),
        bot=BOT,
        before_claim=True,
    )
    desk = Desk(
        store=kept,
        channels=[channel, MemoryChannel()],
        releases=World().compiled(),
        staff=staff,
        clock=Clock(),
        chance=secrets.token_bytes,
    )
    await desk.start()
    await stopped.wait()
    await desk.stop()
    print(json.dumps(dict(channel.counts())))
    await channel.close()
    await kept.close()


def main(how: str, folder: str, socket: str, account: str) -> None:
    tell_what_is_spooled(Path(folder) / SPOOLED, dies=how == IN_HAND)
    if how not in ("0", IN_HAND):
        watch(Steps(int(how)))
    asyncio.run(live(Path(folder), Path(socket), account))


def tell_what_is_spooled(path: Path, *, dies: bool) -> None:
    """Write down each message that came to disk, or die with the first instead."""
    add: Callable[..., None] = Spool.add

    def told(self: Spool, lines: list[bytes]) -> None:
        stamps = re.findall(rb'"dataMessage":\{"timestamp":(\d+)', b"".join(lines))
        if dies and stamps:
            die()
        add(self, lines)
        with path.open("ab") as file:
            file.write(b"".join(stamp + b"\n" for stamp in stamps))

    Spool.add = told  # type: ignore[method-assign]


if __name__ == "__main__":
    main(*sys.argv[1:])
