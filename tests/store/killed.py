"""A program that works on a store until it kills itself, at the statement that it was told; run by `test_crash.py`.

It prints the number of each transaction that it knows to be stored.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

import bot.store
from bot.domain import ConversationId
from bot.ports import Tx
from tests.store.samples import NOW, SECOND, SESSION, TIMER, arrival, message


def kill_at(statement: int) -> None:
    """Count every statement on every connection, the commits too, and die before the one of this number."""
    left = statement

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(sa.Engine, "connect", lambda driver, _: driver.set_trace_callback(count))


def arrive(number: int, tx: Tx) -> None:
    name = ConversationId(f"c-{number}")
    room = f"!room-{number}:example.org"
    tx.conversations.add(replace(SECOND, id=name, key=name, room=room))
    tx.journal.add(name, arrival(f"${number}", room=room))
    tx.set_token("matrix", f"s{number}")


def step(number: int, tx: Tx) -> None:
    name = ConversationId(f"c-{number}")
    [(row, _)] = tx.journal.pending(name)
    tx.journal.empty(row)
    tx.sessions.save(name, SESSION)
    tx.outbox.add(replace(message(f"m{number}"), conversation=name))
    tx.timers.set(replace(TIMER, conversation=name, due=NOW))


async def work(data_dir: Path, key: Path) -> None:
    store = bot.store.open(data_dir, None, bot.store.MasterKey.read(key))
    number = int((await store.transact(lambda tx: tx.token("matrix")) or "s0")[1:])
    while True:
        number += 1
        await store.transact(lambda tx, number=number: arrive(number, tx))
        print(f"arrived {number}", flush=True)
        await asyncio.gather(
            store.transact(lambda tx, number=number: step(number, tx)),
            store.transact(lambda tx, number=number: tx.set_token("other", f"s{number}")),
        )
        print(f"stepped {number}", flush=True)


if __name__ == "__main__":
    kill_at(int(sys.argv[3]))
    asyncio.run(work(Path(sys.argv[1]), Path(sys.argv[2])))
