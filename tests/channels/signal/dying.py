"""Bots that die: `dying.py receive FOLDER` and `dying.py send FOLDER SOCKET ACCOUNT CONTACT STATEMENT`.

The first lets a bot read the lines that lie spooled in FOLDER, killed by SIGKILL before each of its SQL statements in
turn, and read the rest in another life; it prints how many there were, or ends with what was lost or doubled.
The second says one thing and is killed before that statement.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bot.channels.signal.channel import Settings, SignalChannel, open_signal
from bot.deeds import OutgoingMessage, SendText
from bot.domain import Conversation, ConversationId, Place
from bot.happenings import Batch, Typing
from bot.store import codec
from tests.channels.matrix.killed import forked
from tests.channels.signal.running import KEY, NoFiles


class Journal:
    """An inbox on disk: arrivals and token in one transaction."""

    def __init__(self, path: Path) -> None:
        self.database = sqlite3.connect(path)
        self.database.executescript(
            "create table if not exists taken (room, event_id, what, unique (room, event_id));"
            "create table if not exists tokens (token)"
        )

    async def accept(self, batch: Batch) -> None:
        with self.database:
            for arrival in batch.arrivals:
                row = (arrival.room, arrival.event_id, codec.arrival_to_json(arrival))
                self.database.execute("insert or ignore into taken values (?, ?, ?)", row)
            self.database.execute("delete from tokens")
            self.database.execute("insert into tokens values (?)", (batch.token,))

    async def token(self, channel: str) -> str | None:
        found = self.database.execute("select token from tokens").fetchone()
        return None if found is None else str(found[0])

    async def typing(self, typing: Typing) -> None:
        pass

    def taken(self) -> list[str]:
        """The ids of what arrived, in order."""
        return [row[0] for row in self.database.execute("select event_id from taken order by rowid")]


def channel_in(folder: Path, socket: Path, account: str = "+15550100000") -> SignalChannel:
    settings = Settings(socket, account, attachments=folder / "attachments")
    return open_signal(settings, folder / "data", KEY, lambda: dt.datetime.now(dt.UTC))


def mortal(statement: int, *databases: Any) -> None:
    """Die before this statement of theirs."""
    left = statement

    def count(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    for database in databases:
        database.set_trace_callback(count)


def receive(folder: Path, last: int, statement: int | None) -> None:
    """Read what is spooled, up to this position."""

    async def read() -> None:
        channel, journal = channel_in(folder, folder / "nobody"), Journal(folder / "inbox.db")
        if statement is not None:
            mortal(statement, channel._database, journal.database)
        done, drop = asyncio.Event(), channel._spool.drop

        def noted(position: int) -> None:
            drop(position)
            if position >= last:
                done.set()

        channel._spool.drop = noted  # type: ignore[method-assign]
        listening = asyncio.create_task(channel.listen(journal))
        async with asyncio.timeout(60):
            await done.wait()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await channel.close()

    asyncio.run(read())


def send(folder: Path, socket: Path, account: str, contact: str, statement: int) -> None:
    """Say one thing under the id `row`."""

    async def say() -> None:
        channel = channel_in(folder, socket, account)
        mortal(statement, channel._database)
        lane = ConversationId("lane")
        conversation = Conversation(lane, "signal", Place.REQUESTER, lane, room=contact, contact=contact)
        await channel.perform(conversation, OutgoingMessage("row", lane, SendText("once")), NoFiles())
        await channel.close()

    asyncio.run(say())


def sweep(home: Path, expected: Mapping[str, Any], life: Callable[..., None]) -> int:
    """Die at each statement in turn; how many there were."""
    for statement in range(1, 10_000):
        copy = home / f"copy{statement}"
        shutil.copytree(home / "made", copy)
        ended = forked(life, copy, expected["last"], statement)
        if forked(life, copy, expected["last"], None) != 0:
            sys.exit(f"killed before statement {statement}, it does not come to life again")
        taken = Journal(copy / "inbox.db").taken()
        if taken != expected["ids"]:
            sys.exit(f"killed before statement {statement}, this arrived: {taken}")
        if list((copy / "attachments").iterdir()):
            sys.exit(f"killed before statement {statement}, a file lies in clear")
        shutil.rmtree(copy)
        if ended == 0:
            return statement - 1
        if ended != -signal.SIGKILL:
            sys.exit(f"ended with {ended} at statement {statement}")
    sys.exit("it never came to an end")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["receive", folder]:
            home = Path(folder)
            print(sweep(home, json.loads((home / "expected.json").read_text()), receive))
        case ["send", folder, socket, account, contact, statement]:
            send(Path(folder), Path(socket), account, contact, int(statement))
