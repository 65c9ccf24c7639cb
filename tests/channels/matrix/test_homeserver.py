"""The homeserver's answers over HTTP, a proxy's, and those of something that is neither: each has a name (law 7)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.matrix import homeserver as module
from bot.channels.matrix.homeserver import (
    LONGEST_LIMIT,
    LONGEST_PAUSE,
    SHORTEST_PAUSE,
    AnswerTooLargeError,
    Homeserver,
    HomeserverError,
    pause,
)
from bot.channels.matrix.sync import read_sync
from bot.channels.matrix.wire import MAX_DEPTH, read_json, shallow
from bot.ports import Failure
from tests.channels.matrix.fake import Loopback, serving
from tests.channels.matrix.fuzz import json_values


@pytest.fixture
async def server() -> AsyncIterator[Loopback]:
    async with serving() as loopback:
        yield loopback


@pytest.fixture
async def homeserver(server: Loopback) -> AsyncIterator[Homeserver]:
    homeserver = Homeserver(server.url + "/", "secret-token")
    yield homeserver
    await homeserver.close()


async def failing(homeserver: Homeserver) -> HomeserverError:
    with pytest.raises(HomeserverError) as failed:
        await homeserver.call("GET", "sync")
    return failed.value


# --- what we ask -----------------------------------------------------------------------------------------------------


async def test_a_call_is_what_the_specification_says(server: Loopback, homeserver: Homeserver) -> None:
    server.answer('{"event_id":"$1"}')
    path = ("rooms", "!a/b:localhost", "send", "m.room.message", "tx?&#%")
    assert await homeserver.call("PUT", *path, body={"body": "ö"}, query={"a": "b&c"}) == {"event_id": "$1"}
    (request,) = server.requests
    assert (
        request.raw_path == "/_matrix/client/v3/rooms/%21a%2Fb%3Alocalhost/send/m.room.message/tx%3F%26%23%25?a=b%26c"
    )
    assert request.headers["Authorization"] == "Bearer secret-token"
    assert request.headers["Content-Type"] == "application/json"


async def test_without_a_token_none_is_sent_and_cookies_and_redirects_are_not_followed(server: Loopback) -> None:
    homeserver = Homeserver(server.url)
    server.answer("{}", headers={"Set-Cookie": "a=b"})
    await homeserver.versions()
    await homeserver.versions()
    assert not any({"Authorization", "Cookie"} & set(request.headers) for request in server.requests)
    server.answer("{}", 302, {"Location": server.url + "/elsewhere"})
    assert (await failing(homeserver)).failure is Failure.AWAY
    assert len(server.requests) == 3
    await homeserver.close()


# --- what comes back -------------------------------------------------------------------------------------------------

HTML = "<html><body>502 Bad Gateway</body></html>"


@pytest.mark.parametrize(
    ("status", "body", "failure", "errcode"),
    [
        (429, '{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":2500}', Failure.LIMITED, "M_LIMIT_EXCEEDED"),
        (429, HTML, Failure.LIMITED, ""),
        (400, '{"errcode":"M_ROOM_IN_USE","error":"words"}', Failure.REFUSED, "M_ROOM_IN_USE"),
        (401, '{"errcode":"M_UNKNOWN_TOKEN"}', Failure.AWAY, "M_UNKNOWN_TOKEN"),
        (403, '{"errcode":"M_FORBIDDEN"}', Failure.GONE, "M_FORBIDDEN"),
        (404, '{"errcode":"M_NOT_FOUND"}', Failure.GONE, "M_NOT_FOUND"),
        (408, '{"errcode":"M_UNKNOWN"}', Failure.AWAY, "M_UNKNOWN"),
        (413, '{"errcode":"M_TOO_LARGE"}', Failure.REFUSED, "M_TOO_LARGE"),
        (413, HTML, Failure.REFUSED, ""),
        (500, '{"errcode":"M_UNKNOWN"}', Failure.AWAY, "M_UNKNOWN"),
        (502, HTML, Failure.AWAY, ""),
        (503, "", Failure.AWAY, ""),
        (504, '{"errcode":', Failure.AWAY, ""),
        # a proxy whose backend is gone, a captive portal: nothing is said about our room or message
        (200, HTML, Failure.AWAY, ""),
        (200, "", Failure.AWAY, ""),
        (204, "", Failure.AWAY, ""),
        (301, HTML, Failure.AWAY, ""),
        (302, '{"errcode":"M_FOUND"}', Failure.AWAY, "M_FOUND"),
        (400, HTML, Failure.AWAY, ""),
        (403, HTML, Failure.AWAY, ""),
        (404, "404 page not found", Failure.AWAY, ""),
        (404, "[]", Failure.AWAY, ""),
        # an object is what was asked for
        (200, '{"next_batch":"s1"', Failure.AWAY, ""),
        (200, "[]", Failure.AWAY, ""),
        (200, "null", Failure.AWAY, ""),
        (200, "5", Failure.AWAY, ""),
        (200, '"text"', Failure.AWAY, ""),
        (200, b"\xff\xfe\xff", Failure.AWAY, ""),
        (200, b'{"a":"\xff"}', Failure.AWAY, ""),
        (200, "[" * 100_000, Failure.AWAY, ""),
        (200, "[" * 100_000 + "]" * 100_000, Failure.AWAY, ""),
        # a code is repeated only where it looks like one
        (400, '{"errcode":"she is @ana:localhost"}', Failure.REFUSED, ""),
        (400, '{"errcode":"Анна"}', Failure.REFUSED, ""),
        (400, '{"errcode":["M_FORBIDDEN"]}', Failure.REFUSED, ""),
        (400, json.dumps({"errcode": "A" * 65}), Failure.REFUSED, ""),
    ],
)
async def test_every_failure_has_its_name(
    server: Loopback, homeserver: Homeserver, status: int, body: str | bytes, failure: Failure, errcode: str
) -> None:
    server.answer(body, status)
    error = await failing(homeserver)
    assert (error.failure, error.errcode) == (failure, errcode)
    assert errcode in str(error)
    assert "words" not in str(error)


async def test_a_long_answer_is_read_where_nobody_waits_for_it(
    server: Loopback, homeserver: Homeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[bool] = []

    def reading(raw: bytes) -> object:
        threads.append(threading.current_thread() is not threading.main_thread())
        return read_json(raw)

    monkeypatch.setattr(module, "read_json", reading)
    for spaces in (10, module.LONG_ANSWER):
        server.answer(" " * spaces + '{"a":1}')
        assert await homeserver.call("GET", "sync") == {"a": 1}
    assert threads == [False, True]


async def test_what_the_homeserver_answered_stands_with_the_error(server: Loopback, homeserver: Homeserver) -> None:
    server.answer('{"flows":[{"stages":["m.login.password"]}],"session":"x"}', 401)
    assert (await failing(homeserver)).answer["session"] == "x"


@pytest.mark.parametrize(
    ("body", "header", "seconds"),
    [
        ('{"errcode":"M","retry_after_ms":2500}', None, 2.5),
        ('{"errcode":"M","retry_after_ms":0}', None, 0.0),
        ('{"errcode":"M","retry_after_ms":1.5}', None, 0.0015),
        ('{"errcode":"M"}', "7", 7.0),
        ('{"errcode":"M","retry_after_ms":1000}', "7", 1.0),
        ('{"errcode":"M","retry_after_ms":-5}', "7", 7.0),
        ('{"errcode":"M","retry_after_ms":"5"}', "7", 7.0),
        ('{"errcode":"M","retry_after_ms":true}', None, None),
        ('{"errcode":"M","retry_after_ms":null}', None, None),
        ('{"errcode":"M","retry_after_ms":NaN}', None, None),
        ('{"errcode":"M"}', "Wed, 21 Oct 2026 07:28:00 GMT", None),
        ('{"errcode":"M"}', "-5", None),
        (HTML, "3", 3.0),
        (HTML, None, None),
    ],
)
async def test_how_long_to_stay_away(
    server: Loopback, homeserver: Homeserver, body: str, header: str | None, seconds: float | None
) -> None:
    server.answer(body, 429, {"Retry-After": header} if header else None)
    assert (await failing(homeserver)).retry_after == seconds


@pytest.mark.parametrize("asked", [0.0, 0.5, 1e6, 1e300, math.inf, None])
@pytest.mark.parametrize("tries", [0, 1, 5, 10**6])
def test_no_pause_is_without_end_or_without_length(asked: float | None, tries: int) -> None:
    assert SHORTEST_PAUSE <= pause(tries, asked) <= max(LONGEST_LIMIT, LONGEST_PAUSE)


async def test_an_answer_that_is_too_large_is_not_read_to_its_end(
    server: Loopback, homeserver: Homeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ANSWER", 100_000)

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 10_000)

    server.handler = endless
    with pytest.raises(AnswerTooLargeError):
        await homeserver.call("GET", "sync")
    server.answer(" " * 101_000 + "{}")
    with pytest.raises(AnswerTooLargeError):
        await homeserver.call("GET", "sync")
    assert await homeserver.call("GET", "sync", events=True) == {}
    server.answer(" " * 99_000 + "{}")
    assert await homeserver.call("GET", "sync") == {}
    server.answer("{}")
    assert await homeserver.call("GET", "sync") == {}


async def test_a_connection_that_breaks_is_a_homeserver_that_is_away(server: Loopback, homeserver: Homeserver) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"next_batch":')
        assert request.transport is not None
        request.transport.abort()
        return response

    server.handler = broken
    assert (await failing(homeserver)).failure is Failure.AWAY


async def test_a_homeserver_that_never_answers_is_away(
    server: Loopback, homeserver: Homeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CALL_SECONDS", 0.05)
    given_up = asyncio.Event()

    async def silent(_request: web.Request) -> web.StreamResponse:
        await given_up.wait()
        return web.Response()

    server.handler = silent
    assert (await failing(homeserver)).failure is Failure.AWAY
    given_up.set()


async def test_an_error_that_is_too_long_to_read_is_an_error_all_the_same(
    server: Loopback, homeserver: Homeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ANSWER", 1000)
    server.answer(" " * 2000, 502)
    assert (await failing(homeserver)).status == 502
    server.answer(" " * 2000, 403)
    assert (await failing(homeserver)).status == 0


async def test_a_parameter_may_be_given_more_than_once(server: Loopback, homeserver: Homeserver) -> None:
    server.answer("{}")
    await homeserver.call("POST", "join", "!a", body={}, query={"via": ["b:1", "c"], "server_name": []})
    assert server.requests[0].raw_path == "/_matrix/client/v3/join/%21a?via=b:1&via=c"


@pytest.mark.parametrize("said", [b"", b"HTTP/9.9 nonsense\r\n\r\n", b"\x00" * 100, b"HTTP/1.1 200 OK\r\nA" * 9000])
async def test_what_speaks_no_http_is_no_homeserver(said: bytes) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        writer.close()

    listening = await asyncio.start_server(speak, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    homeserver = Homeserver(f"http://127.0.0.1:{port}")
    assert (await failing(homeserver)).failure is Failure.AWAY
    await homeserver.close()
    listening.close()


@pytest.mark.parametrize("base", ["http://127.0.0.1:{free}", "nonsense", "http://", "ftp://localhost", "http://[::x"])
async def test_where_nobody_listens_there_is_no_homeserver(base: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        homeserver = Homeserver(base.format(free=unused.getsockname()[1]))
        assert (await failing(homeserver)).failure is Failure.AWAY
        await homeserver.close()


# --- absurd JSON -----------------------------------------------------------------------------------------------------

GOOD = '{"type":"m.room.encrypted","sender":"@ana:localhost","content":{"body":"hello"}}'
DEEP = {
    "lists": "[" * 90_000 + "]" * 90_000,
    "objects": '{"a":' * 90_000 + "1" + "}" * 90_000,
    "both": '[{"a":' * 20_000 + "[]" + "}]" * 20_000,
    "with braces in text": '["]}",' * 5_000 + '"[[[{{{\\"[["' + "]" * 5_000,
}
NUMBERS = {
    "a long one": "9" * 5_000,
    "a very long one": "-" + "9" * 300_000,
    "a large one": "1e999",
    "one with many places": "0." + "1" * 5_000,
    "none": "NaN",
    "no end": "-Infinity",
}


@pytest.mark.parametrize("part", [*DEEP.values(), *NUMBERS.values()], ids=[*DEEP, *NUMBERS])
async def test_a_strangers_absurd_event_does_not_hide_what_came_with_it(
    server: Loopback, homeserver: Homeserver, part: str
) -> None:
    strange = GOOD.replace('"hello"', part)
    server.answer('{"next_batch":"s2","to_device":{"events":[' + ",".join((GOOD, strange, GOOD)) + "]}}")
    synced = read_sync(await homeserver.call("GET", "sync"), "@bot:localhost")
    assert synced is not None
    assert synced.token == "s2"
    first, _, last = synced.to_device
    assert first == last == json.loads(GOOD)


def test_what_is_too_deep_becomes_null_and_the_rest_stays() -> None:
    depth = MAX_DEPTH
    text = '{"a":' + "[" * depth + '1,"]",2' + "]" * depth + ',"b":"[[[\\"]]"}'
    assert json.loads(shallow(text.encode())) == {
        "a": json.loads("[" * (depth - 1) + "null" + "]" * (depth - 1)),
        "b": '[[["]]',
    }


@given(json_values)
@settings(max_examples=200)
def test_what_is_not_too_deep_stays_as_it_is(value: Any) -> None:
    raw = json.dumps(value).encode()
    assert shallow(raw) == raw


@given(st.binary(max_size=200) | st.text(alphabet='[]{}",:\\1e ', max_size=200).map(str.encode))
@settings(max_examples=300)
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    shallow(raw)
    with contextlib.suppress(ValueError):
        read_json(raw)
