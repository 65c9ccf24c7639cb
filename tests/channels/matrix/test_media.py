"""Files passed on as ciphertext, from a homeserver that may say anything about them (laws 5 and 7)."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import pytest
from aiohttp import web
from mautrix.crypto.attachments import decrypt_attachment, encrypt_attachment
from unpaddedbase64 import encode_base64

from bot.channels.matrix import homeserver as homeserver_module
from bot.channels.matrix import media as module
from bot.channels.matrix.homeserver import PIECE, Homeserver, HomeserverError
from bot.channels.matrix.media import AT_ONCE, MAX_FILE, PATIENCE, VOICE, Media
from bot.domain import Attachment, Kind
from bot.ports import Failure, SendError
from tests.channels.matrix.fake import JSON, Loopback, serving

SEALED = bytes(range(256)) * 1000
KEY = {"kty": "oct", "key_ops": ["encrypt", "decrypt"], "alg": "A256CTR", "k": "k" * 43, "ext": True}
NEW = "mxc://localhost/new"
HTML = "<html>Bad Gateway</html>"


def opens(sealed: bytes = SEALED) -> JSON:
    return {"v": "v2", "key": KEY, "iv": "i" * 22, "hashes": {"sha256": encode_base64(sha256(sealed).digest())}}


def attachment(**changed: Any) -> Attachment:
    whole = {
        "kind": Kind.FILE,
        "name": "report.pdf",
        "mime": "application/pdf",
        "size": 5,  # a claim, and wrong
        "place": "mxc://elsewhere.example:8448/aB_-1",
        "secret": json.dumps(opens()),
        "channel": "matrix",
    }
    return Attachment(**(whole | changed))


class World:
    """A homeserver that keeps files."""

    def __init__(self, server: Loopback, homeserver: Homeserver) -> None:
        self.server = server
        self.media = Media(homeserver)
        self.sealed: bytes = SEALED
        self.told: JSON = {"m.upload.size": MAX_FILE}
        self.refusals: dict[str, tuple[int, str]] = {}
        self.kept: list[bytes] = []
        self.url: Any = NEW
        server.handler = self.handle

    async def handle(self, request: web.Request) -> web.StreamResponse:
        what = next(part for part in ("config", "download", "upload") if part in request.path)
        if what in self.refusals:
            status, body = self.refusals[what]
            return web.Response(status=status, text=body, content_type="application/json")
        if what == "config":
            return web.json_response(self.told)
        if what == "download":
            return web.Response(body=self.sealed)
        self.kept.append(await request.read())
        return web.json_response({"content_uri": self.url})

    async def refused(self, attempts: int = 0, **changed: Any) -> Failure:
        with pytest.raises(SendError) as failed:
            await self.media.copy(attachment(**changed), attempts)
        return failed.value.failure

    async def fails(self, attempts: int = 0) -> Failure:
        with pytest.raises(HomeserverError) as failed:
            await self.media.copy(attachment(), attempts)
        return failed.value.failure


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with serving() as server:
        homeserver = Homeserver(server.url, "secret-token")
        yield World(server, homeserver)
        await homeserver.close()


async def test_the_ciphertext_is_kept_anew_as_it_was(world: World) -> None:
    content = await world.media.copy(attachment(), 0)
    assert world.kept == [SEALED]
    assert content == {
        "msgtype": "m.file",
        "body": "report.pdf",
        "filename": "report.pdf",
        "file": {**opens(), "url": NEW},
        "info": {"mimetype": "application/pdf", "size": len(SEALED)},
    }


async def test_the_homeserver_is_asked_as_one_of_its_users_and_told_nothing_of_the_file(world: World) -> None:
    await world.media.copy(attachment(), 0)
    paths = [request.raw_path for request in world.server.requests]
    assert paths == [
        "/_matrix/client/v1/media/config",
        "/_matrix/client/v1/media/download/elsewhere.example%3A8448/aB_-1",
        "/_matrix/media/v3/upload",
    ]
    assert {request.headers["Authorization"] for request in world.server.requests} == {"Bearer secret-token"}
    upload = world.server.requests[-1]
    assert upload.headers["Content-Type"] == "application/octet-stream"
    assert upload.headers["Content-Length"] == str(len(SEALED))
    assert "report" not in str(upload.headers)


@pytest.mark.parametrize(
    ("kind", "msgtype"),
    [
        (Kind.FILE, "m.file"),
        (Kind.IMAGE, "m.image"),
        (Kind.AUDIO, "m.audio"),
        (Kind.VIDEO, "m.video"),
        (Kind.VOICE, "m.audio"),
    ],
)
async def test_it_is_shown_as_what_it_was(world: World, kind: Kind, msgtype: str) -> None:
    content = await world.media.copy(attachment(kind=kind, caption="see here"), 0)
    assert (content["msgtype"], VOICE in content) == (msgtype, kind is Kind.VOICE)
    assert (content["body"], content["filename"]) == ("see here", "report.pdf")


async def test_a_file_that_is_not_what_was_sent_goes_no_further(world: World) -> None:
    world.sealed = SEALED[:-1] + b"x"
    assert await world.refused() is Failure.REFUSED
    world.sealed = SEALED[:-1]
    assert await world.refused() is Failure.REFUSED
    assert world.kept == []


async def test_an_empty_file_is_a_file(world: World) -> None:
    world.sealed = b""
    content = await world.media.copy(attachment(secret=json.dumps(opens(b""))), 0)
    assert (world.kept, content["info"]["size"]) == ([b""], 0)


async def test_a_file_larger_than_memory_is_meant_for_it_is_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", 1000)
    await world.media.copy(attachment(), 0)
    assert world.kept == [SEALED]


@pytest.mark.parametrize(
    ("told", "fits"),
    [
        ({"m.upload.size": len(SEALED)}, True),
        ({"m.upload.size": len(SEALED) - 1}, False),
        *(({"m.upload.size": wrong}, True) for wrong in (None, "5", -1, True, [], 10**20)),
        ({}, True),
    ],
)
async def test_what_the_homeserver_would_not_take_is_not_fetched_to_its_end(
    world: World, told: JSON, fits: bool
) -> None:
    world.told = told
    if fits:
        await world.media.copy(attachment(), 0)
    else:
        assert await world.refused() is Failure.REFUSED
    assert bool(world.kept) is fits


async def test_a_file_without_end_is_not_fetched_without_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE", 100_000)

    async def endless(request: web.Request) -> web.StreamResponse:
        if "download" not in request.path:
            return await world.handle(request)
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 10_000)

    world.server.handler = endless
    assert await world.refused() is Failure.REFUSED


@pytest.mark.parametrize(
    "place",
    [
        "",
        "https://elsewhere.example/a",
        "mxc://elsewhere.example",
        "mxc://elsewhere.example/",
        "mxc:///a",
        "mxc://../a",
        "mxc://elsewhere.example/..",
        "mxc://elsewhere.example/a/b",
        "mxc://elsewhere.example/a?b",
        "mxc://elsewhere.example/a\n",
        "mxc://" + "a" * 256 + "/a",
    ],
)
async def test_what_is_no_address_of_a_file_is_not_asked_for(world: World, place: str) -> None:
    assert await world.refused(place=place) is Failure.REFUSED
    assert world.server.requests == []


@pytest.mark.parametrize(
    "secret", ["", "5", "[]", "null", "{}", '{"hashes":5}', '{"hashes":{"sha256":5}}', '{"hashes":{"sha256":"é"}}']
)
async def test_a_file_without_its_hash_is_not_passed_on(world: World, secret: str) -> None:
    assert await world.refused(secret=secret) is Failure.REFUSED
    assert world.kept == []


async def test_files_leave_connections_for_words(world: World) -> None:
    await asyncio.gather(*(world.media.copy(attachment(), 0) for _ in range(AT_ONCE + 1)))
    asked = [request.path.split("/")[-1] for request in world.server.requests]
    begun = [place for place, what in enumerate(asked) if what == "config"]
    assert len(begun) == len(world.kept) == AT_ONCE + 1
    assert begun[-1] > asked.index("upload")  # one too many waits until another is through


# --- across channels -------------------------------------------------------------------------------------------------

PLAIN = bytes(range(256)) * 1000
LARGE = 32 * 1024 * 1024  # bytes
LITTLE = 8 * 1024 * 1024
ELSEWHERE = Attachment(Kind.IMAGE, "me.jpg", "image/jpeg", 5, "there", "its own", "look", channel="elsewhere")


def sent(world: World) -> Attachment:
    """A file that another program encrypted and put there."""
    world.sealed, key = encrypt_attachment(PLAIN)
    return attachment(secret=json.dumps(key.serialize()))


async def opened(world: World, file: Attachment) -> bytes:
    async with world.media.open(file) as pieces:
        return b"".join([piece async for piece in pieces])


async def withheld(world: World, file: Attachment) -> Failure:
    """Why no byte of it is given out."""
    with pytest.raises(SendError) as failed:
        async with world.media.open(file):
            raise AssertionError("it was given out")
    return failed.value.failure


class Elsewhere:
    """`ports.Files`: so many pieces of a file, whatever it is asked for; then it may be found broken."""

    def __init__(self, *pieces: bytes, broken: bool = False) -> None:
        self.pieces = pieces
        self.broken = broken
        self.given = 0

    @asynccontextmanager
    async def open(self, _: Attachment) -> AsyncIterator[AsyncIterator[bytes]]:
        yield self._each()

    async def _each(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            self.given += 1
            yield piece
        if self.broken:
            raise SendError(Failure.REFUSED)


async def test_what_another_program_encrypted_is_read_for_another_channel(world: World) -> None:
    assert await opened(world, sent(world)) == PLAIN


async def test_no_byte_of_what_is_not_what_was_sent_is_given_out(world: World) -> None:
    file = sent(world)
    for wrong in (world.sealed[:-1] + b"x", world.sealed[:-1], b""):
        world.sealed = wrong
        assert await withheld(world, file) is Failure.REFUSED


@pytest.mark.parametrize(
    "wrong", [{"key": None}, {"key": {"k": "short"}}, {"key": {"k": "\u00e9"}}, {"key": 5}, {"iv": None}, {"iv": "i"}]
)
async def test_a_file_whose_key_is_none_is_not_given_out(world: World, wrong: JSON) -> None:
    assert await withheld(world, attachment(secret=json.dumps({**opens(), **wrong}))) is Failure.REFUSED


async def test_what_a_reader_cannot_do_is_its_own_fault(world: World) -> None:
    file = sent(world)
    for error in (HomeserverError(502), ValueError("its own"), SendError(Failure.UNSAFE)):
        with pytest.raises(type(error)) as failed:
            async with world.media.open(file):
                raise error
        assert failed.value is error


async def test_a_file_that_its_server_never_delivers_is_given_up_for_another_channel_too(world: World) -> None:
    file = sent(world)
    world.refusals["download"] = (502, "{}")
    for _ in range(PATIENCE):
        assert await withheld(world, file) is Failure.AWAY
    assert await withheld(world, file) is Failure.REFUSED
    other = attachment(place="mxc://elsewhere.example/another", secret=file.secret)
    assert await withheld(world, other) is Failure.AWAY
    world.refusals.clear()
    assert await opened(world, file) == PLAIN
    world.refusals["download"] = (502, "{}")
    assert await withheld(world, file) is Failure.AWAY  # it is there, and is waited for anew


async def test_our_own_homeserver_is_waited_for_by_another_channel_too(world: World) -> None:
    file = sent(world)
    world.refusals["config"] = (502, HTML)
    for _ in range(PATIENCE + 2):
        assert await withheld(world, file) is Failure.AWAY
    world.refusals["config"] = (429, "{}")
    assert await withheld(world, file) is Failure.LIMITED


async def test_what_another_channel_brought_is_encrypted_anew_and_shown_as_it_was_claimed_to_be(world: World) -> None:
    pieces = [PLAIN[start : start + 777] for start in range(0, len(PLAIN), 777)]
    contents = [await world.media.seal(ELSEWHERE, Elsewhere(*pieces)) for _ in range(2)]
    for content, sealed in zip(contents, world.kept, strict=True):
        file = content["file"]
        assert len(sealed) == content["info"]["size"] == len(PLAIN)
        assert decrypt_attachment(sealed, file["key"]["k"], file["hashes"]["sha256"], file["iv"]) == PLAIN
        assert (content["msgtype"], content["body"], content["filename"]) == ("m.image", "look", "me.jpg")
        assert (file["url"], file["v"], content["info"]["mimetype"]) == (NEW, "v2", "image/jpeg")
        assert "its own" not in str(content)
    assert len({content["file"]["key"]["k"] for content in contents}) == 2
    assert len({content["file"]["iv"] for content in contents}) == 2


async def test_an_empty_file_of_another_channel_is_a_file(world: World) -> None:
    content = await world.media.seal(ELSEWHERE, Elsewhere())
    assert (world.kept, content["info"]["size"]) == ([b""], 0)


async def test_a_file_that_is_found_broken_on_the_way_goes_no_further(world: World) -> None:
    with pytest.raises(SendError) as failed:
        await world.media.seal(ELSEWHERE, Elsewhere(PLAIN, PLAIN, broken=True))
    assert failed.value.failure is Failure.REFUSED
    assert world.kept == []


async def test_of_a_file_that_is_too_large_no_more_is_read_than_fits(world: World) -> None:
    world.told = {"m.upload.size": 2 * len(PLAIN)}
    files = Elsewhere(*[PLAIN] * 10)
    with pytest.raises(SendError) as failed:
        await world.media.seal(ELSEWHERE, files)
    assert (failed.value.failure, files.given, world.kept) == (Failure.REFUSED, 3, [])
    await world.media.seal(ELSEWHERE, Elsewhere(PLAIN, PLAIN))
    assert len(world.kept) == 1


async def test_a_large_file_is_never_in_memory_as_a_whole(world: World) -> None:
    size, piece = 0, bytes(PIECE)
    file = attachment(secret=json.dumps(opens(bytes(LARGE))))

    async def streaming(request: web.Request) -> web.StreamResponse:
        nonlocal size
        if "download" in request.path:
            response = web.StreamResponse()
            await response.prepare(request)
            for _ in range(LARGE // PIECE):
                await response.write(piece)
            return response
        if "upload" in request.path:
            async for arrived in request.content.iter_any():
                size += len(arrived)
            return web.json_response({"content_uri": NEW})
        return await world.handle(request)

    world.server.handler, world.server.streams = streaming, True
    tracemalloc.start()
    try:
        await world.media.seal(ELSEWHERE, Elsewhere(*[piece] * (LARGE // PIECE)))
        assert size == LARGE
        async with world.media.open(file) as pieces:
            assert sum([len(one) async for one in pieces]) == LARGE
        assert tracemalloc.get_traced_memory()[1] < LITTLE
    finally:
        tracemalloc.stop()


# --- what goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 403, 404, 410])
async def test_a_file_that_is_not_there_says_nothing_about_the_room(world: World, status: int) -> None:
    world.refusals["download"] = (status, '{"errcode":"M_NOT_FOUND"}')
    assert await world.refused() is Failure.REFUSED


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [
        (502, '{"errcode":"M_UNKNOWN"}', Failure.AWAY),
        (504, '{"errcode":"M_NOT_YET_UPLOADED"}', Failure.AWAY),
        (502, HTML, Failure.AWAY),
        (404, HTML, Failure.AWAY),
        (429, '{"errcode":"M_LIMIT_EXCEEDED"}', Failure.LIMITED),
    ],
)
async def test_another_server_is_waited_for_but_not_without_end(
    world: World, status: int, body: str, failure: Failure
) -> None:
    world.refusals["download"] = (status, body)
    assert await world.fails(PATIENCE - 1) is failure
    assert await world.refused(PATIENCE) is Failure.REFUSED


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [(502, HTML, Failure.AWAY), (429, "{}", Failure.LIMITED), (401, '{"errcode":"M_UNKNOWN_TOKEN"}', Failure.AWAY)],
)
@pytest.mark.parametrize("what", ["config", "upload"])
async def test_our_own_homeserver_is_waited_for(
    world: World, what: str, status: int, body: str, failure: Failure
) -> None:
    world.refusals[what] = (status, body)
    assert await world.fails(10**6) is failure


async def test_a_homeserver_that_does_not_say_what_it_takes_may_take_it(world: World) -> None:
    world.refusals["config"] = (404, '{"errcode":"M_UNRECOGNIZED"}')
    await world.media.copy(attachment(), 0)
    assert world.kept == [SEALED]


@pytest.mark.parametrize(("status", "errcode"), [(403, "M_FORBIDDEN"), (404, "M_UNRECOGNIZED")])
async def test_where_nothing_may_be_kept_the_room_is_still_there(world: World, status: int, errcode: str) -> None:
    world.refusals["upload"] = (status, json.dumps({"errcode": errcode}))
    assert await world.refused() is Failure.REFUSED


async def test_a_file_that_is_refused_as_too_large_is_refused(world: World) -> None:
    world.refusals["upload"] = (413, '{"errcode":"M_TOO_LARGE"}')
    assert await world.fails() is Failure.REFUSED


@pytest.mark.parametrize("url", [None, 5, "", "https://elsewhere.example/a", "mxc://a"])
async def test_a_file_that_was_kept_nowhere_is_not_spoken_of(world: World, url: Any) -> None:
    world.url = url
    assert await world.fails() is Failure.AWAY


@pytest.mark.parametrize("honest", [True, False])
async def test_a_download_that_breaks_off_is_tried_again(world: World, honest: bool) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        if "download" not in request.path:
            return await world.handle(request)
        response = web.StreamResponse(headers={"Content-Length": str(len(SEALED))} if honest else {})
        await response.prepare(request)
        await response.write(SEALED[:1000])
        assert request.transport is not None
        request.transport.abort()
        return response

    world.server.handler = broken
    assert await world.fails() is Failure.AWAY
    assert world.kept == []
    world.server.handler = world.handle
    await world.media.copy(attachment(), 1)
    assert world.kept == [SEALED]


async def test_a_file_that_never_comes_is_not_waited_for_without_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(homeserver_module, "FILE_SECONDS", 0.05)
    given_up = asyncio.Event()

    async def dripping(request: web.Request) -> web.StreamResponse:
        if "download" not in request.path:
            return await world.handle(request)
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(SEALED[:1000])
        await given_up.wait()
        return response

    world.server.handler = dripping
    assert await world.fails() is Failure.AWAY
    given_up.set()
    assert world.kept == []
