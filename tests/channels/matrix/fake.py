"""Homeservers that answer what a test says: one from a table, without HTTP; one over HTTP, on loopback.

What they are asked is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from yarl import URL

from bot.channels.matrix.homeserver import Homeserver, Method

JSON = dict[str, Any]
Answer = object | Callable[[Any], Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Answering(Homeserver):
    """`answers`: what follows `/_matrix/client/v3/`, and what comes back: a value, an exception, or a function of the
    body.

    The longest beginning that fits counts. A request that nothing was said about fails the test.
    """

    def __init__(self, answers: Mapping[str, Answer] | None = None) -> None:
        super().__init__("http://localhost", "token")
        self.answers: dict[str, Answer] = dict(answers or {})
        self.asked: list[tuple[str, str, Any]] = []

    async def _request(
        self, method: Method, url: URL, body: Mapping[str, Any] | None, wait: float, most: int
    ) -> object:
        return await self._told(method, url.path.removeprefix("/_matrix/client/v3/"), body)

    async def download(self, *path: str, most: int, take: Callable[[bytes], object]) -> None:
        """`GET media/download/<server>/<id>` answers bytes."""
        take(await self._told("GET", "/".join(("media", "download", *path)), None))

    async def upload(self, pieces: AsyncIterator[bytes], size: int) -> JSON:
        """`POST media/upload`: the body is the bytes."""
        body = b"".join([piece async for piece in pieces])
        assert len(body) == size
        return dict(await self._told("POST", "media/upload", body))

    async def _told(self, method: str, path: str, body: Any) -> Any:
        self.asked.append((method, path, body))
        await asyncio.sleep(0)
        fitting = [start for start in self.answers if f"{method} {path}".startswith(start)]
        assert fitting, f"nobody said what {method} {path} answers"
        answer = self.answers[max(fitting, key=len)]
        if callable(answer):
            answer = answer(body)
        if asyncio.iscoroutine(answer):
            answer = await answer
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def count(self, start: str) -> int:
        """How often this was asked."""
        return sum(f"{method} {path}".startswith(start) for method, path, _ in self.asked)


class Loopback:
    """A server on loopback whose next answers are set by the test."""

    def __init__(self) -> None:
        self.handler: Handler | None = None
        self.requests: list[web.Request] = []
        self.url = ""
        self.streams = False  # the handler reads what comes

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if not self.streams:
            await request.read()
        assert self.handler is not None
        return await self.handler(request)

    def answer(self, body: str | bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        async def handler(_request: web.Request) -> web.StreamResponse:
            raw = body if isinstance(body, bytes) else body.encode()
            return web.Response(body=raw, status=status, headers=headers, content_type="application/json")

        self.handler = handler


@asynccontextmanager
async def serving() -> AsyncIterator[Loopback]:
    """A loopback server, for as long as it is needed."""
    loopback = Loopback()
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{path:.*}", loopback.handle)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    loopback.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield loopback
    await runner.cleanup()
