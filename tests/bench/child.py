"""What is measured, in a process of its own: `python -m tests.bench.child WHAT URL FOLDER` prints its finding as JSON.

FOLDER holds the bot's key store and `task.json`; at URL a homeserver answers what was generated.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from bot.channels.matrix.arriving import Reader
from bot.channels.matrix.channel import open_channel
from bot.channels.matrix.courtesy import Courtesy
from bot.channels.matrix.guard import Guard
from bot.channels.matrix.homeserver import Homeserver
from bot.channels.matrix.identity import Own
from bot.channels.matrix.listening import Listener
from bot.channels.matrix.people import People
from bot.channels.matrix.rooms import Rooms
from bot.channels.matrix.signing import Device
from bot.channels.matrix.upkeep import Upkeep
from bot.happenings import Arrival, Batch, Typing, Wrote
from tests.bench.account import BOT, DEVICE, STORE_KEY

TICK_SECONDS = 0.002
ROOM = "!shared:localhost"

Found = dict[str, float | list[float]]


class Record:
    """A `ports.Record` in memory."""

    def __init__(self, own: Own) -> None:
        self._kept: Mapping[str, Any] = asdict(own)

    def read(self) -> dict[str, Any] | None:
        return dict(self._kept)

    def write(self, content: Mapping[str, Any]) -> None:
        self._kept = content


class Marks:
    """A `ports.Inbox` that notes when it was given certain tokens, and how many messages could be read."""

    def __init__(self, token: str | None, marks: Sequence[str]) -> None:
        self._token = token
        self._marks = marks
        self.cpu: list[float] = []
        self.messages = 0
        self.done = asyncio.Event()

    async def token(self, channel: str) -> str | None:
        return self._token

    async def accept(self, batch: Batch) -> None:
        self.messages += sum(isinstance(arrival.what, Wrote) for arrival in batch.arrivals)
        if batch.token in self._marks:
            self.cpu.append(time.process_time())
            if batch.token == self._marks[-1]:
                self.done.set()

    async def typing(self, typing: Typing) -> None:
        pass


class Silent(Courtesy):
    """Sends no receipts: one a room and second, they are no part of a message."""

    def read(self, arrivals: Iterable[Arrival]) -> None:
        pass


class Watch:
    """What happens in a block: seconds, CPU seconds, the longest time in which nobody else had a turn, peak memory."""

    def __init__(self) -> None:
        gc.collect()
        # the peak from here on: https://docs.kernel.org/filesystems/proc.html, clear_refs
        Path("/proc/self/clear_refs").write_text("5")
        self._held = _status("VmRSS")
        self._cpu, self._begun = time.process_time(), time.perf_counter()
        self._blocked = 0.0

    async def ticking(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(TICK_SECONDS)
            self._blocked = max(self._blocked, time.perf_counter() - before - TICK_SECONDS)

    def found(self) -> Found:
        return {
            "seconds": time.perf_counter() - self._begun,
            "cpu": time.process_time() - self._cpu,
            "blocked": self._blocked,
            "memory": float(_status("VmHWM") - self._held),
        }


@asynccontextmanager
async def watched() -> AsyncIterator[Watch]:
    watch = Watch()
    ticking = asyncio.create_task(watch.ticking())
    await asyncio.sleep(0)
    yield watch
    ticking.cancel()


async def receive(url: str, folder: Path, task: dict[str, Any]) -> Found:
    """CPU seconds a message, in each round."""
    homeserver = Homeserver(url, "token")
    guard = Guard(BOT, DEVICE, folder, STORE_KEY)
    people = People(homeserver, guard, task["own"]["master"], {})
    reader = Reader(homeserver, guard, people, Rooms(homeserver, BOT))
    listener = Listener(homeserver, guard, reader, Upkeep(homeserver, guard, people), Silent(homeserver))
    inbox = Marks(task["token"], task["marks"])
    listening = asyncio.create_task(listener.listen(inbox))
    await _ended(inbox.done.wait(), listening)
    guard.close()
    await homeserver.close()
    rounds = [(after - before) / task["round"] for before, after in zip(inbox.cpu, inbox.cpu[1:], strict=False)]
    return {"rounds": rounds, "messages": inbox.messages}


async def start(url: str, folder: Path, task: dict[str, Any]) -> Found:
    """The channel as `run` opens it, until its inbox has the task's last token."""
    inbox = Marks(task["token"], task["marks"])
    async with watched() as watch:
        channel = await open_channel(
            url, folder, Record(Own(**task["own"])), STORE_KEY, BOT, {}, lambda: datetime.now(UTC)
        )
        listening = asyncio.create_task(channel.listen(inbox))
        await _ended(inbox.done.wait(), listening)
        found = watch.found()
    await channel.close()
    return {**found, "messages": inbox.messages}


async def learn(url: str, folder: Path, task: dict[str, Any]) -> Found:
    """The keys opened, and everybody's devices learned, signatures and all."""
    async with watched() as watch:
        guard = Guard(BOT, DEVICE, folder, STORE_KEY)
        homeserver = Homeserver(url, "token")
        people = People(homeserver, guard, task["own"]["master"], {})
        await people.learn(task["people"])
        found = watch.found()
    devices = len(people.readers(task["people"], staff=False))
    guard.close()
    await homeserver.close()
    return {**found, "devices": devices}


async def open_keys(url: str, folder: Path, task: dict[str, Any]) -> Found:
    """The keys opened, and nothing else."""
    async with watched() as watch:
        Guard(BOT, DEVICE, folder, STORE_KEY).close()
        return watch.found()


async def share(url: str, folder: Path, task: dict[str, Any]) -> Found:
    """Seconds, and CPU seconds, to make a new key for a room and seal it for so many devices that are known."""
    guard = Guard(BOT, DEVICE, folder, STORE_KEY)
    devices = [Device(**device) for device in task["devices"]]
    found: Found = {}
    for many in task["shares"]:
        took: list[tuple[float, float]] = []
        for _ in range(task["times"]):
            guard.forget_room(ROOM)
            begun, computed = time.perf_counter(), time.process_time()
            missing = guard.missing_key(ROOM, devices[:many])
            messages = guard.share_key(ROOM, missing)
            guard.key_shared(ROOM, messages, missing)
            took.append((time.perf_counter() - begun, time.process_time() - computed))
            if sum(map(len, messages.values())) != many:
                raise RuntimeError("not every device got the key")
        found[str(many)] = [median(each) for each in zip(*took, strict=True)]
    guard.close()
    return found


WHAT = {work.__name__: work for work in (receive, start, learn, open_keys, share)}


async def _ended(waiting: Any, listening: asyncio.Task[None]) -> None:
    """Wait, but not for a listener that has failed; then end it."""
    wanted = asyncio.ensure_future(waiting)
    await asyncio.wait({wanted, listening}, return_when=asyncio.FIRST_COMPLETED)
    if listening.done():
        listening.result()
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


def _status(name: str) -> int:
    """One of the process's sizes, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    what, address, place = sys.argv[1:]
    given = json.loads((Path(place) / "task.json").read_text())
    print(json.dumps(asyncio.run(WHAT[what](address, Path(place), given))))
