"""Killed at any moment, nothing that was spooled is lost or taken twice, and nothing is said twice (laws 1 and 2)."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import subprocess
import sys
from pathlib import Path

from bot.channels.database import open_database
from bot.channels.signal.spool import Spool
from bot.deeds import SendText
from tests.channels.signal.recorded import SUBSCRIBED, received
from tests.channels.signal.running import KEY, Bot
from tests.signald.handle import Signald

PROGRAM = [sys.executable, "-m", "tests.channels.signal.dying"]
ADA = "0b7c8b34-1111-4c1d-8c1a-2f6a8a7b0001"
PICTURE = b"planted: what the picture shows" * 400


def message(stamp: int, **more: object) -> bytes:
    body = {"sourceUuid": ADA, "timestamp": stamp, "dataMessage": {"message": f"message {stamp}", **more}}
    return SUBSCRIBED.format(json.dumps({"envelope": body})).encode()


def test_killed_before_any_sql_statement_nothing_spooled_is_lost_or_taken_twice(tmp_path: Path) -> None:
    made = tmp_path / "made"
    (made / "data").mkdir(parents=True)
    (made / "attachments").mkdir()
    (made / "attachments" / "picture.jpg").write_bytes(PICTURE)
    picture = {"id": "picture.jpg", "contentType": "image/jpeg", "filename": None, "size": len(PICTURE)}
    spooled = [message(1), b"{broken", message(2, attachments=[picture]), received()["expire"], message(3)]
    database = open_database(made / "data" / "signal.db", KEY)
    Spool(database).add(spooled)
    database.close()
    timer = json.loads(received()["expire"])["params"]["result"]["envelope"]["timestamp"]
    ids = [f"{ADA}/{end}" for end in ("1/asks", "1", "2", "2/part/1", str(timer), "3")]
    (tmp_path / "expected.json").write_text(json.dumps({"ids": ids, "last": len(spooled)}))
    ran = subprocess.run([*PROGRAM, "receive", str(tmp_path)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 20  # it did die, before each of them


async def test_killed_before_any_sql_statement_of_a_send_nothing_is_said_twice(tmp_path: Path) -> None:
    async with Signald(tmp_path) as signald:
        for statement in itertools.count(1):
            amal = await signald.person(f"Amal {statement}")
            folder = tmp_path / f"bot{statement}"
            (folder / "data").mkdir(parents=True)
            arguments = [str(folder), str(signald.socket), signald.account, amal.uuid, str(statement)]
            dying = await asyncio.create_subprocess_exec(*PROGRAM, "send", *arguments)
            ended = await dying.wait()
            bot = Bot(signald, folder / "data")
            await bot.start()
            await bot.catches_up()
            await bot.do(amal.uuid, SendText("once"), "row")
            assert amal.texts == ["once"], f"killed before statement {statement}"
            await bot.stop()
            if ended == 0:
                break
            assert ended == -signal.SIGKILL
        assert statement > 5
