"""The size of a helpline: what messages, starts and keys cost with thousands of rooms, devices and room keys.

The homeserver is this process, on loopback, and answers what was generated before; what is measured is a process of
its own. `python -m tests.bench.scale` prints each figure beside its aim; asserts nothing.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from tests.bench.account import JSON, Person, sync_answer
from tests.bench.generated import Generated, made_account, numbered, run

HISTORY = 20  # events in each room before the first sync
WARM_UP = 100  # rooms a sync, until everybody was heard once
MEGA = 1 << 20

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
        Figure(f"receive a message, {sizes.rooms} rooms / {sizes.few} rooms", median(many) / median(few), "×", 1.25),
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


def _middle(found: Sequence[JSON], what: str) -> float:
    return median(float(each[what]) for each in found)


def main(*, quick: bool) -> None:
    asyncio.run(figures(SMALL if quick else Sizes(), lambda line: print(line, flush=True)))


if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="python -m tests.bench.scale", description=__doc__)
    options.add_argument("--quick", action="store_true", help="small: whether it works, not how fast it is")
    main(quick=options.parse_args().quick)
