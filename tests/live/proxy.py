"""A reverse proxy on loopback between the bot and its homeserver, which misbehaves as it is told."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from typing import Self

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web

from bot.demo.helpline import Helpline
from bot.demo.synapse import Account, free_port

REFUSED_SECONDS = 0.2  # how long nobody listens
SLOW_SECONDS = 0.3
MOST = 2**26  # bytes of a request


class Trouble(StrEnum):
    """What becomes of one request."""

    REFUSED = "refused"  # the connection is cut, and for a moment no new one is accepted
    BAD_GATEWAY = "502 with a page of HTML"
    LIMITED = "429 with retry_after_ms"
    LIMITED_BY_PROXY = "429 with Retry-After and a page of HTML"
    UNANSWERED = "done, and the connection closed without an answer"
    CUT = "done, and the connection closed in the middle of the answer"
    HALF = "done, and half of the answer's JSON passed off as the whole"
    SLOW = "done, and answered late"
    EMPTY = "not done, and answered 200 with {}"
    LIST = "not done, and answered 200 with []"
    GARBAGE = "not done, and answered 200 with a page of HTML"
    HANGING = "not done, and not answered until the proxy is told to go on"


LIES = {Trouble.EMPTY: b"{}", Trouble.LIST: b"[]", Trouble.GARBAGE: b"<html>Please log in</html>"}
DONE = (Trouble.UNANSWERED, Trouble.CUT, Trouble.HALF, Trouble.SLOW)
# requests whose true answer is never `{}`
TELLING = ("/send/", "/join/", "/createRoom", "/messages", "/members", "/keys/query", "/keys/claim", "/sync", "/filter")

Plan = Callable[[web.Request], Trouble | None]


class Seeded:
    """Trouble after every few requests, of all kinds by turns, in an order that the seed decides."""

    def __init__(self, seed: int, *, fewest: int = 1, most: int = 6) -> None:
        self.made: Counter[Trouble] = Counter()
        self._random = random.Random(seed)
        self._range = (fewest, most)
        self._left = most
        self._next = {False: self._deck(lies=False), True: self._deck(lies=True)}

    def __call__(self, request: web.Request) -> Trouble | None:
        self._left -= 1
        if self._left > 0:
            return None
        self._left = self._random.randint(*self._range)
        telling = any(part in request.path for part in TELLING)
        deck = self._next[telling]
        trouble = deck.pop()
        if not deck:
            deck += self._deck(lies=telling)
        self.made[trouble] += 1
        return trouble

    def _deck(self, *, lies: bool) -> list[Trouble]:
        deck = [trouble for trouble in Trouble if trouble is not Trouble.HANGING and (lies or trouble not in LIES)]
        self._random.shuffle(deck)
        return deck


class Proxy:
    """`async with Proxy(url) as proxy`: listens at `proxy.url`; `plan` decides what becomes of each request."""

    def __init__(self, target: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.plan: Plan = lambda request: None
        self.go_on = asyncio.Event()  # lets what hangs be cut
        self.hanging = asyncio.Event()
        self._target = target
        self._site: web.TCPSite | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=MOST)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        self._http = ClientSession(
            cookie_jar=DummyCookieJar(), connector=TCPConnector(limit=0), timeout=ClientTimeout(total=90)
        )
        await self._runner.setup()
        await self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.go_on.set()
        await asyncio.gather(*self._tasks)
        await self._http.close()
        await self._runner.cleanup()

    async def _listen(self) -> None:
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await self._site.start()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        trouble = self.plan(request)
        if trouble is Trouble.REFUSED:
            self._refuse()
            return self._closed(request)
        if trouble is Trouble.HANGING:
            self.hanging.set()
            await self.go_on.wait()
            return self._closed(request)
        if trouble is Trouble.BAD_GATEWAY:
            return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")
        if trouble is Trouble.LIMITED:
            return web.json_response({"errcode": "M_LIMIT_EXCEEDED", "error": "", "retry_after_ms": 150}, status=429)
        if trouble is Trouble.LIMITED_BY_PROXY:
            return web.Response(
                status=429, headers={"Retry-After": "1"}, text="<html>Too often</html>", content_type="text/html"
            )
        if trouble in LIES:
            return web.Response(body=LIES[trouble], content_type="application/json")
        return await self._pass_on(request, trouble)

    async def _pass_on(self, request: web.Request, trouble: Trouble | None) -> web.StreamResponse:
        kept = ("Authorization", "Content-Type")
        headers = {name: request.headers[name] for name in kept if name in request.headers}
        url = f"{self._target}{request.raw_path}"
        try:
            async with self._http.request(request.method, url, data=await request.read(), headers=headers) as answer:
                status, body, kind = answer.status, await answer.read(), answer.content_type
        except ClientError:
            return self._closed(request)  # the homeserver is down
        if trouble is Trouble.UNANSWERED:
            return self._closed(request)
        if trouble is Trouble.SLOW:
            await asyncio.sleep(SLOW_SECONDS)
        if trouble is Trouble.CUT:
            response = web.StreamResponse(status=status, headers={"Content-Length": str(len(body))})
            await response.prepare(request)
            await response.write(body[: len(body) // 2])
            return self._closed(request)
        if trouble is Trouble.HALF:
            body = body[: len(body) // 2]
        return web.Response(status=status, body=body, content_type=kind)

    def _refuse(self) -> None:
        task = asyncio.get_running_loop().create_task(self._away())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _away(self) -> None:
        site, self._site = self._site, None
        if site is None:
            return
        await site.stop()
        await asyncio.sleep(REFUSED_SECONDS)
        await self._listen()

    @staticmethod
    def _closed(request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=502)


class Behind(Helpline):
    """A helpline whose bot reaches its homeserver through a proxy; everyone else goes there directly."""

    def __init__(self, **options: int) -> None:
        super().__init__(**options)
        self.proxy = Proxy(self.synapse.url)

    async def __aenter__(self) -> Self:
        await self.proxy.__aenter__()
        try:
            return await super().__aenter__()
        except BaseException:
            await self.proxy.__aexit__()
            raise

    async def __aexit__(self, *exception: object) -> None:
        await super().__aexit__(*exception)
        await self.proxy.__aexit__()

    def _write_config(self, account: Account) -> None:
        super()._write_config(account)
        self.config.write_text(self.config.read_text().replace(self.synapse.url, self.proxy.url))
