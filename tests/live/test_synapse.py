"""The homeserver of the demo and the tests."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import aiohttp
import pytest

from bot.demo.person import Person
from bot.demo.synapse import Synapse, SynapseError

HOLDER = """
import asyncio
from bot.demo.synapse import Synapse

async def main():
    async with Synapse() as synapse:
        print(synapse.pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def can_log_in(synapse: Synapse, user_id: str, password: str) -> bool:
    person = await Person.login(synapse.url, user_id, password, cross_sign=False)
    await person.stop()
    return person.user_id == user_id


async def test_accounts_outlive_a_restart_and_a_kill(synapse: Synapse, capsys: pytest.CaptureFixture[str]) -> None:
    account = await synapse.register()
    started = time.monotonic()
    await synapse.restart()
    seconds = time.monotonic() - started
    assert await can_log_in(synapse, account.user_id, account.password)

    await synapse.kill()
    await synapse.start()
    assert await can_log_in(synapse, account.user_id, account.password)
    with capsys.disabled():
        print(f"\nSynapse: stopped and ready again after {seconds:.1f} s")


async def test_a_new_homeserver_is_ready_in_seconds_and_leaves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    started = time.monotonic()
    async with Synapse() as synapse:
        seconds = time.monotonic() - started
        account = await synapse.register("lena")
        assert account.user_id == "@lena:localhost"
    assert not synapse.folder.exists()
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientConnectionError):
            await http.get(synapse.url)
    with capsys.disabled():
        print(f"\nSynapse: ready after {seconds:.1f} s")


async def test_nobody_registers_without_the_shared_secret(synapse: Synapse) -> None:
    body = {"username": "stranger", "password": "stranger", "auth": {"type": "m.login.dummy"}}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{synapse.url}/_matrix/client/v3/register", json=body) as response,
    ):
        assert response.status == 403


async def test_an_account_is_made_once(synapse: Synapse) -> None:
    account = await synapse.register()
    name = account.user_id.removeprefix("@").partition(":")[0]
    with pytest.raises(SynapseError, match="refused to make an account"):
        await synapse.register(name)


async def test_a_homeserver_that_does_not_start_says_why() -> None:
    synapse = Synapse()
    config = synapse.folder / "homeserver.yaml"
    config.write_text(config.read_text().replace("sqlite3", "no-such-database"))
    with pytest.raises(SynapseError, match=r"(?s)exit code 1.*no-such-database"):
        async with synapse:
            pass
    assert not synapse.folder.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
async def test_it_ends_with_the_process_that_started_it() -> None:
    holder = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLDER, stdout=asyncio.subprocess.PIPE)
    assert holder.stdout is not None
    pid = int(await holder.stdout.readline())
    assert running(pid)
    os.kill(holder.pid, signal.SIGKILL)
    await holder.wait()
    async with asyncio.timeout(10):
        while running(pid):  # noqa: ASYNC110 - another process, which tells us nothing
            await asyncio.sleep(0.05)


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
