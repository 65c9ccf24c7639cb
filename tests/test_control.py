"""The control socket: closed to others, answered in one line, and not to be ended by what is written to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import random
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.admin import control
from bot.admin.control import BotFailed, BotRefused, NoBotRuns
from bot.config import ConfigError
from bot.errors import VestibuleError, WorldError

SECRET = "they-took-my-passport"


async def echo(params: control.Params) -> object:
    return {"said": control.text(params, "words"), "loud": control.flag(params, "loud")}


async def refuse(_params: control.Params) -> object:
    raise VestibuleError("the roster:\nnobody is called that")


async def fail(_params: control.Params) -> object:
    raise WorldError("the homeserver answered 502")


async def break_down(params: control.Params) -> object:
    raise ValueError(params)


async def say_nonsense(_params: control.Params) -> object:
    return {1, 2}


async def say_too_much(_params: control.Params) -> object:
    return "a" * control.MAX_ANSWER


VERBS = {
    "echo": echo,
    "refuse": refuse,
    "fail": fail,
    "break": break_down,
    "nonsense": say_nonsense,
    "too-much": say_too_much,
}


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Path]:
    async with control.listening(tmp_path, VERBS):
        yield tmp_path


async def ask(data_dir: Path, verb: str, **params: object) -> Any:
    """As a command does, from outside of the bot's loop."""
    return await asyncio.to_thread(control.ask, data_dir, verb, params)


async def raw(data_dir: Path, request: bytes) -> bytes:
    """Whatever is answered to these bytes."""
    return await asyncio.to_thread(_raw, data_dir / control.FILE, request)


def _raw(path: Path, request: bytes) -> bytes:
    answer = b""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(path))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            asking.sendall(request)
            asking.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while piece := asking.recv(1 << 16):
                answer += piece
    return answer


async def test_a_request_is_answered(running: Path) -> None:
    assert await ask(running, "echo", words="héllo\n\ud83d", loud=True) == {"said": "héllo\n\ud83d", "loud": True}
    assert await ask(running, "echo", words="") == {"said": "", "loud": False}


async def test_only_its_owner_can_reach_it_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        async with control.listening(tmp_path, VERBS):
            mode = (tmp_path / control.FILE).stat().st_mode
    finally:
        os.umask(before)
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    assert not (tmp_path / control.FILE).exists()


async def test_it_is_closed_to_others_before_anybody_can_connect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes = []
    real = socket.socket.listen

    def listen(bound: socket.socket, *backlog: int) -> None:
        modes.append(stat.S_IMODE((tmp_path / control.FILE).stat().st_mode))
        real(bound, *backlog)

    monkeypatch.setattr(socket.socket, "listen", listen)
    before = os.umask(0)
    try:
        async with control.listening(tmp_path, VERBS):
            pass
    finally:
        os.umask(before)
    assert modes == [0o600]


async def test_the_socket_of_a_killed_process_is_replaced(tmp_path: Path) -> None:
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / control.FILE))
    dead.close()
    with pytest.raises(NoBotRuns):
        await ask(tmp_path, "echo", words="a")
    async with control.listening(tmp_path, VERBS):
        assert await ask(tmp_path, "echo", words="a")


async def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / control.FILE).write_text("notes")
    with pytest.raises(ConfigError, match="move it away"):
        async with control.listening(tmp_path, VERBS):
            pass
    assert (tmp_path / control.FILE).read_text() == "notes"


async def test_a_data_dir_with_a_long_path_works_too(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 20)
    deep.mkdir(parents=True)
    async with control.listening(deep, VERBS):
        assert stat.S_IMODE((deep / control.FILE).stat().st_mode) == 0o600
        assert await ask(deep, "echo", words="a") == {"said": "a", "loud": False}


async def test_where_nothing_listens_that_is_said(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere", tmp_path.joinpath(*["nowhere"] * 40)):
        with pytest.raises(NoBotRuns, match="no bot runs here"):
            await ask(folder, "echo")


async def test_refusals_and_failures_are_one_line_and_told_apart(running: Path) -> None:
    with pytest.raises(BotRefused, match=r"^the bot refused: the roster:; nobody is called that$"):
        await ask(running, "refuse")
    with pytest.raises(BotFailed, match="the homeserver answered 502"):
        await ask(running, "fail")
    with pytest.raises(BotRefused, match="words: expected a text"):
        await ask(running, "echo", words=[1])
    with pytest.raises(BotRefused, match="loud: expected true or false"):
        await ask(running, "echo", words="a", loud="yes")
    with pytest.raises(BotRefused, match="does not know this verb"):
        await ask(running, "fly")
    for verb in ("break", "nonsense"):
        with pytest.raises(BotFailed, match="its log says where"):
            await ask(running, verb)
    with pytest.raises(BotRefused, match="too long"):
        await ask(running, "too-much")


@pytest.mark.parametrize(
    "request_",
    [
        b"",
        b"\n",
        b"\0\xff\xfe\n",
        b"no json\n",
        b'{"verb": "echo"',
        b"[1]\n",
        b"null\n",
        b"{}\n",
        b'{"verb": 1}\n',
        b'{"verb": ["echo"], "params": {}}\n',
        b'{"verb": "echo", "params": []}\n',
        b'{"verb": "echo", "params": {"words": NaN}}\n',
        b'{"verb": "echo", "params": {"words": ' + b"9" * 5000 + b"}}\n",
        b"[" * 60_000 + b"\n",
        b'{"a":' * 10_000 + b"\n",
        b"a" * (control.MAX_REQUEST * 2),
        b"a" * (control.MAX_REQUEST * 200) + b"\n",
    ],
)
async def test_a_senseless_request_is_answered_with_an_error_and_ends_nothing(running: Path, request_: bytes) -> None:
    answer = await raw(running, request_)
    assert answer.count(b"\n") == 1
    error = json.loads(answer)["error"]
    assert error.startswith("control socket: ")
    assert ("is longer than" in error) == (len(request_) > control.MAX_REQUEST)
    assert await ask(running, "echo", words="a")


async def test_a_thousand_mangled_requests_end_nothing(running: Path) -> None:
    draw = random.Random(3)
    whole = json.dumps({"verb": "echo", "params": {"words": "hello", "loud": True}}).encode() + b"\n"
    for _ in range(1000):
        mangled = bytearray(whole)
        for _ in range(draw.randint(1, 8)):
            mangled[draw.randrange(len(mangled))] = draw.randrange(256)
        assert (await raw(running, bytes(mangled))).count(b"\n") == 1
    assert await ask(running, "echo", words="a")


async def test_a_slow_request_is_hung_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "READ_SECONDS", 0.01)
    async with control.listening(tmp_path, VERBS):
        reader, writer = await asyncio.open_unix_connection(tmp_path / control.FILE)
        writer.write(b'{"verb":')
        assert b"no whole request" in await reader.read()
        writer.close()


async def test_who_never_reads_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def much(_params: control.Params) -> object:
        return "a" * (control.MAX_ANSWER - 100)

    monkeypatch.setattr(control, "READ_SECONDS", 0.2)
    async with control.listening(tmp_path, {**VERBS, "much": much}):
        deaf = [await asyncio.open_unix_connection(tmp_path / control.FILE) for _ in range(control.MAX_CONNECTIONS)]
        for _, writer in deaf:
            writer.write(b'{"verb":"much"}\n')
        while True:  # until there is room again
            try:
                assert await ask(tmp_path, "echo", words="a")
                break
            except BotRefused as error:
                assert "too many" in str(error)  # noqa: PT017 - one of two ends
        for _, writer in deaf:
            writer.close()


@contextlib.asynccontextmanager
async def stuck(tmp_path: Path) -> AsyncIterator[tuple[asyncio.Event, asyncio.Event, list[str]]]:
    """A bot whose verb `wait` ends when it is let: began, may end, what was done."""
    began, go_on, done = asyncio.Event(), asyncio.Event(), list[str]()

    async def wait(_params: control.Params) -> object:
        began.set()
        await go_on.wait()
        done.append("done")
        return "well"

    async with control.listening(tmp_path, {**VERBS, "wait": wait}):
        yield began, go_on, done


async def test_one_long_request_does_not_hold_up_another(tmp_path: Path) -> None:
    async with stuck(tmp_path) as (began, go_on, _):
        waiting = asyncio.create_task(ask(tmp_path, "wait"))
        await began.wait()
        assert await ask(tmp_path, "echo", words="a")
        go_on.set()
        assert await waiting == "well"


async def test_what_was_begun_is_done_though_nobody_waits_for_it(tmp_path: Path) -> None:
    async with stuck(tmp_path) as (began, go_on, done):
        _, writer = await asyncio.open_unix_connection(tmp_path / control.FILE)
        writer.write(b'{"verb":"wait"}\n')
        await began.wait()
        writer.transport.abort()
        assert await ask(tmp_path, "echo", words="a")
        go_on.set()
    assert done == ["done"]


async def test_what_was_begun_is_done_though_it_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "DO_SECONDS", 0.01)
    async with stuck(tmp_path) as (_, go_on, done):
        with pytest.raises(BotFailed, match="it goes on"):
            await ask(tmp_path, "wait")
        go_on.set()
    assert done == ["done"]


async def test_a_stop_waits_for_what_is_being_done_and_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "STOP_SECONDS", 0.01)
    async with stuck(tmp_path) as (began, _, done):
        waiting = asyncio.create_task(ask(tmp_path, "wait"))
        idle = await asyncio.open_unix_connection(tmp_path / control.FILE)
        await began.wait()
    with pytest.raises(BotFailed):
        await waiting
    idle[1].close()
    assert done == []


@pytest.mark.parametrize("verb", ["break", "echo", "refuse", SECRET])
async def test_nothing_of_a_request_reaches_a_log(running: Path, caplog: pytest.LogCaptureFixture, verb: str) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(VestibuleError):
        await ask(running, verb, **{SECRET: SECRET})
    assert SECRET not in caplog.text
    assert ("failed" in caplog.text) == (verb == "break")


async def test_an_answer_that_is_none_is_a_failure_of_the_bot(tmp_path: Path) -> None:
    async def answered_with(answer: bytes) -> Exception:
        async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(answer)
            writer.close()

        (tmp_path / control.FILE).unlink(missing_ok=True)
        async with await asyncio.start_unix_server(babble, tmp_path / control.FILE):
            with pytest.raises(BotFailed) as told:
                await ask(tmp_path, "echo")
        return told.value

    for answer in (b"", b"\xff\n", b"[]\n", b"{}\n", b'{"error": 1}\n', b"[" * 100_000 + b"\n"):
        assert "before it answered" in str(await answered_with(answer))
