"""A file that the daemon hands over in one line: opened as it comes, whole or not at all (laws 1 and 7)."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.signal.fetching import MOST_BESIDE, Answer, Fetcher
from bot.channels.signal.files import NoSuchFile
from bot.channels.signal.rpc import Lost, NotAsked

LARGE = 48 * 1024 * 1024  # bytes
LITTLE = 4 * 1024 * 1024


def line(**said: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": "1"} | said).encode() + b"\n"


def read(told: bytes, size: int = 1 << 16) -> bytes | None:
    """The file that stands in this; None where it has no end."""
    answer, found = Answer(), []
    for start in range(0, len(told), size):
        found += answer.feed(told[start : start + size])
    return b"".join(found) if answer.ended else None


@given(
    content=st.binary(max_size=300),
    size=st.integers(1, 400),
    before=st.lists(
        st.sampled_from(
            [
                line(method="receive", params={"envelope": {"dataMessage": {"message": '"data":"AAAA"'}}}),
                line(id="7", result={}),
                line(id="7", error={"code": -1, "message": "no", "data": None}),
                b"no json\n",
                b"\n",
                b"x" * (MOST_BESIDE + 1) + b"\n",
            ]
        ),
        max_size=3,
    ),
)
def test_a_file_is_found_whatever_comes_before_it_and_however_it_is_cut(
    content: bytes, size: int, before: list[bytes]
) -> None:
    encoded = b64encode(content).decode()
    for answer in (
        line(result={"data": encoded}),
        json.dumps({"result": {"data": encoded}, "id": "1"}, separators=(",", ":")).encode() + b"\n",
    ):
        told = b"".join(before) + answer
        assert read(told, max(size, len(told) // 500)) == content
        assert read(told[:-1], max(size, len(told) // 500)) is None


@pytest.mark.parametrize(
    "said",
    [
        {"error": {"code": -1, "message": "Could not find attachment with ID: x", "data": None}},
        {"error": {"code": -1, "message": "no", "data": "AAAA"}},
        {"result": {}},
        {"result": None},
        {"result": {"data": None}},
        {"result": {"data": "no base64!"}},
        {"result": {"data": "AAAAA"}},
        {"result": {"data": "AA==AAAA"}},
    ],
)
def test_what_will_never_be_a_file_is_none(said: dict[str, Any]) -> None:
    with pytest.raises(NoSuchFile):
        read(line(**said))


@pytest.mark.parametrize(
    "told",
    [
        line(id="2", result={"data": "AAAA"}),
        line(method="receive", params={"data": "AAAA"}),
        b'{"data":"AAAA"' + b" " * (MOST_BESIDE + 1) + b"}\n",
        b'{"data":"AAAA"\n',
    ],
)
def test_what_was_not_asked_for_is_not_taken_for_the_file(told: bytes) -> None:
    with pytest.raises(Lost):
        read(told)


@asynccontextmanager
async def daemon(folder: Path, *answer: bytes, times: int = 1) -> AsyncIterator[Fetcher]:
    """Hands this over to whoever asks, and hangs up: the middle part as often as is said."""

    async def hand_over(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        before, middle, after = answer
        for part in (before, *([middle] * times), after):
            writer.write(part)
            await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(hand_over, folder / "socket")
    try:
        yield Fetcher(folder / "socket", "+15550100000")
    finally:
        server.close()


async def test_a_large_file_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    middle = b64encode(bytes(3 * (1 << 16)))
    before, after = line(result={"data": ""}).split(b'""')
    async with daemon(tmp_path, before + b'"', middle, b'"' + after, times=LARGE // (3 * (1 << 16))) as fetcher:
        tracemalloc.start()
        try:
            size = 0
            async for piece in fetcher.fetch("x"):
                size += len(piece)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert size == LARGE // (3 * (1 << 16)) * 3 * (1 << 16)
    assert peak < LITTLE


async def test_a_daemon_that_hangs_up_in_the_middle_may_be_asked_again(tmp_path: Path) -> None:
    async with daemon(tmp_path, b'{"id":"1","result":{"data":"', b"AAAA", b"AA") as fetcher:
        with pytest.raises(Lost):
            _ = [piece async for piece in fetcher.fetch("x")]


async def test_a_daemon_that_says_nothing_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("bot.channels.signal.fetching.FILE_SECONDS", 0.1)
    server = await asyncio.start_unix_server(silent, tmp_path / "socket")
    with pytest.raises(Lost):
        _ = [piece async for piece in Fetcher(tmp_path / "socket", "+15550100000").fetch("x")]
    server.close()


async def test_a_daemon_that_is_not_there_was_not_asked(tmp_path: Path) -> None:
    with pytest.raises(NotAsked):
        _ = [piece async for piece in Fetcher(tmp_path / "socket", "+15550100000").fetch("x")]
