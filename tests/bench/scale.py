"""The size of a helpline: what messages, starts and keys cost with thousands of rooms, devices and room keys.

The homeserver is this process, on loopback, and answers what was generated before; what is measured is a process of
its own. `python -m tests.bench.scale` prints each figure beside its aim; asserts nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from aiohttp import web

from tests.bench.account import BOT, JSON, STOCKED, Account, Person, sync_answer
from tests.channels.matrix.fake import serving

PATIENCE_SECONDS = 300.0
HISTORY = 20  # events in each room before the first sync
WARM_UP = 100  # rooms a sync, until everybody was heard once
MEGA = 1 << 20

Answer = Callable[[int], bytes]
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything."""

    few: int = 8  # rooms
    rooms: int = 2_000
    messages: int = 300  # a round
    rounds: int = 5
    devices_each: int = 5
    room_keys: int = 50_000
    shares: tuple[int, ...] = (2, 10, 50)
    times: int = 30


SMALL = Sizes(2, 6, 4, 1, 2, 20, (1, 3), 2)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line: what was found beside what would do; some are only told."""

    what: str
    found: float
    unit: str
    aim: float | None = None

    @property
    def line(self) -> str:
        digits = 0 if self.found >= 100 else 2
        found = f"{self.found:.{digits}f} {self.unit}"
        if self.aim is None:
            return f"{self.what:62}{found:>11}"
        return f"{self.what:62}{found:>11}  (aim {self.aim:g})  {'met' if self.found <= self.aim else 'MISSED'}"


class Generated:
    """A homeserver that answers what a generated account hears."""

    def __init__(self, account: Account, people: Sequence[Person], syncs: Mapping[str | None, Answer]) -> None:
        self._keys = account.keys_query(people)
        self._syncs = syncs
        self.over = asyncio.Event()  # the one who waits for news is gone

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        path = request.path.removeprefix("/_matrix/client/v3/")
        if path == "sync":
            return await self._sync(request)
        if path == "keys/query":
            return _json(self._listed((await request.json())["device_keys"]))
        if path == f"user/{BOT}/filter":
            return _json({"filter_id": str((await request.json())["room"]["timeline"]["limit"])})
        return _json({})

    async def _sync(self, request: web.Request) -> web.StreamResponse:
        answer = self._syncs.get(request.query.get("since"))
        if answer is None:
            await self.over.wait()
            return _json({"next_batch": "end", **STOCKED})
        return web.Response(body=answer(int(request.query["filter"])), content_type="application/json")

    def _listed(self, users: Sequence[str]) -> JSON:
        answer: JSON = {}
        for user in users:
            for part, found in self._keys[user].items():
                answer.setdefault(part, {})[user] = found
        return answer


@contextmanager
def made_account() -> Iterator[Account]:
    """An account in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="vestibule-bench-") as folder:
        yield Account(Path(folder))


async def run(what: str, account: Account, homeserver: Generated, **task: Any) -> JSON:
    """What a process of its own found."""
    (account.folder / "task.json").write_text(json.dumps({"own": asdict(account.own), **task}))
    async with serving() as server:
        server.handler = homeserver.handle
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.bench.child",
            what,
            server.url,
            str(account.folder),
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            homeserver.over.set()
    if process.returncode != 0:
        raise RuntimeError(f"{what} ended with {process.returncode}")
    return dict(json.loads(output))


def numbered(bodies: Sequence[Callable[[str], bytes]]) -> tuple[dict[str | None, Answer], list[str]]:
    """These answers, one after the other from `s0` on; and the token of each."""
    tokens = [f"s{n}" for n in range(len(bodies) + 1)]
    syncs: dict[str | None, Answer] = {}
    for since, token, body in zip(tokens, tokens[1:], bodies, strict=False):
        made = body(token)
        syncs[since] = lambda _limit, made=made: made  # type: ignore[misc]
    return syncs, tokens[1:]


async def receiving(sizes: Sizes, rooms: int) -> list[float]:
    """CPU milliseconds a message, one a sync, in each round. Everybody was heard once before."""
    people = [Person(n) for n in range(rooms)]

    def messages(some: Sequence[Person]) -> Callable[[str], bytes]:
        said = [(person.room, [person.says()]) for person in some]
        return lambda token: sync_answer(token, said)

    warm = [messages(people[start : start + WARM_UP]) for start in range(0, rooms, WARM_UP)]
    many = sizes.messages * sizes.rounds
    measured = [messages([people[n % rooms]]) for n in range(many)]
    with made_account() as account:
        account.meets(people)
        syncs, tokens = numbered([*warm, *measured])
        marks = [tokens[n] for n in range(len(warm) - 1, len(tokens), sizes.messages)]
        homeserver = Generated(account, people, syncs)
        found = await run("receive", account, homeserver, token="s0", marks=marks, round=sizes.messages)
    if found["messages"] != rooms + many:
        raise RuntimeError("not every message was read")
    return [each * 1000 for each in found["rounds"]]


async def receive_figures(sizes: Sizes) -> list[Figure]:
    few, many = await receiving(sizes, sizes.few), await receiving(sizes, sizes.rooms)
    return [
        Figure(f"receive a message, {sizes.few} rooms: CPU with HTTP", median(few), "ms", 0.5),
        Figure(f"receive a message, {sizes.rooms} rooms: CPU with HTTP", median(many), "ms", 0.5),
        Figure(f"receive a message, {sizes.rooms} rooms / {sizes.few} rooms", median(many) / median(few), "×"),
    ]


async def start_figures(sizes: Sizes) -> list[Figure]:
    people = [Person(n) for n in range(sizes.rooms)]
    history = [(person.room, [person.says() for _ in range(HISTORY)]) for person in people]
    missed = sync_answer("s1", [(person.room, [person.says()]) for person in people])

    def first(limit: int) -> bytes:
        shown = ((room, events[-limit:]) for room, events in history)
        return sync_answer("s0", shown, limited=True, prev_batch="before")

    nothing = sync_answer("s1", [])
    cold: list[JSON] = []
    warm: list[JSON] = []
    behind: list[JSON] = []
    with made_account() as account:
        account.meets(people)
        for _ in range(sizes.rounds):
            for found, token, syncs in (
                (cold, None, {None: first}),
                (warm, "s0", {"s0": lambda _: nothing}),
                (behind, "s0", {"s0": lambda _: missed}),
            ):
                homeserver = Generated(account, people, syncs)
                marks = ["s0" if token is None else "s1"]
                found.append(await run("start", account, homeserver, token=token, marks=marks))
    if any(each["messages"] != sizes.rooms for each in behind):
        raise RuntimeError("not every message was read")
    return [
        Figure(f"first sync, {sizes.rooms} rooms: CPU", _middle(cold, "cpu"), "s", 1.5),
        Figure(
            f"first sync, {sizes.rooms} rooms: peak memory above import", _middle(cold, "memory") / MEGA, "MiB", 100
        ),
        Figure(f"first sync, {sizes.rooms} rooms: longest block", _middle(cold, "blocked") * 1000, "ms", 250),
        Figure(f"warm restart, {sizes.rooms} rooms", _middle(warm, "seconds"), "s", 1.0),
        Figure(f"restart with a message in each of {sizes.rooms} rooms", _middle(behind, "seconds"), "s"),
        Figure("the same: longest block", _middle(behind, "blocked") * 1000, "ms", 250),
        Figure("the same: peak memory above import", _middle(behind, "memory") / MEGA, "MiB"),
    ]


async def device_figures(sizes: Sizes) -> list[Figure]:
    people = [Person(n, sizes.devices_each) for n in range(sizes.rooms)]
    devices = sizes.rooms * sizes.devices_each
    with made_account() as account:
        homeserver = Generated(account, people, {})
        names = [person.user_id for person in people]
        found = [await run("learn", account, homeserver, people=names) for _ in range(sizes.rounds)]
    if any(each["devices"] != devices for each in found):
        raise RuntimeError("not every device was learned")
    return [
        Figure(f"start, and learn {devices} devices of {sizes.rooms} people", _middle(found, "seconds"), "s", 4.0),
        Figure("the same: longest block", _middle(found, "blocked") * 1000, "ms", 250),
        Figure("the same: peak memory above import", _middle(found, "memory") / MEGA, "MiB"),
    ]


async def key_figures(sizes: Sizes) -> list[Figure]:
    readers = Person(0, max(sizes.shares))
    with made_account() as account:
        account.meets([readers])
        homeserver = Generated(account, [], {})
        devices = [asdict(device.known()) for device in readers.devices]
        shared = await run("share", account, homeserver, devices=devices, shares=sizes.shares, times=sizes.times)
        guard = account.opened()
        with guard._transaction():
            for n in range(1, sizes.room_keys):
                Person(n).gives_its_key(guard)
        guard.close()
        opened = [await run("open_keys", account, homeserver) for _ in range(sizes.rounds)]
    return [
        Figure(f"start with {sizes.room_keys} room keys", _middle(opened, "seconds"), "s", 1.5),
        Figure("the same: peak memory above import", _middle(opened, "memory") / MEGA, "MiB"),
        *(figure for many in sizes.shares for figure in _sharing(many, *shared[str(many)])),
    ]


def _sharing(many: int, seconds: float, cpu: float) -> list[Figure]:
    """Most of it is the disk's: what is sealed is kept before it is sent, in two commits."""
    return [
        Figure(f"share a room key to {many} devices", seconds * 1000, "ms", 6.0 if many == 10 else None),
        Figure("the same: CPU", cpu * 1000, "ms"),
    ]


async def figures(sizes: Sizes, tell: Tell) -> None:
    """Measure everything, and tell each figure as soon as it is there."""
    for measure in (receive_figures, start_figures, device_figures, key_figures):
        for figure in await measure(sizes):
            tell(figure.line)


def _json(answer: JSON) -> web.Response:
    return web.Response(body=json.dumps(answer).encode(), content_type="application/json")


def _middle(found: Sequence[JSON], what: str) -> float:
    return median(float(each[what]) for each in found)


def main(*, quick: bool) -> None:
    asyncio.run(figures(SMALL if quick else Sizes(), lambda line: print(line, flush=True)))


if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="python -m tests.bench.scale", description=__doc__)
    options.add_argument("--quick", action="store_true", help="small: whether it works, not how fast it is")
    main(quick=options.parse_args().quick)
