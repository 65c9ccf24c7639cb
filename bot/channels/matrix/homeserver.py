"""The Matrix client-server API over aiohttp: one call, its answer as bounded JSON, its failure by name.

Everything that comes back is untrusted: an answer is a JSON object of limited size, or a `HomeserverError`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import quote

import aiohttp
from yarl import URL

from bot.channels.matrix.wire import read_json
from bot.errors import WorldError
from bot.ports import Failure

MAX_ANSWER = 4 * 1024 * 1024  # bytes
MAX_EVENTS = 32 * 1024 * 1024  # bytes, of an answer whose number of events we name; a busy account's stays far below
LONG_ANSWER = 256 * 1024  # bytes; what is longer is read in a thread: nobody else waits for it
LONGEST_PAUSE = 30.0  # seconds between two tries while no homeserver answers
LONGEST_LIMIT = 300.0  # seconds that a homeserver, or a proxy before it, may ask us to stay away
SHORTEST_PAUSE = 0.1
PROXY_SPEAKS = (413, 429)  # too large, too often: these are believed of a proxy, too
CALL_SECONDS = 60.0  # one call, answer included; a sync adds its own waiting time
FILE_SECONDS = 600.0  # one file, down or up
PIECE = 1 << 16  # bytes of a file that are held at a time

ERRCODE = re.compile(r"[A-Za-z0-9_.]{1,64}")  # only Matrix's own form of a code may reach a log line

Method = Literal["GET", "POST", "PUT", "DELETE"]


class HomeserverError(WorldError):
    """A call that brought no usable answer. `errcode` is Matrix's own; `status` 0 means that none was reached."""

    def __init__(
        self,
        status: int,
        errcode: str = "",
        *,
        retry_after: float | None = None,
        answer: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"the homeserver answered {status} {errcode}".strip() if status else "no homeserver answered")
        self.status = status
        self.errcode = errcode
        self.retry_after = retry_after
        self.answer: Mapping[str, Any] = answer or {}

    @property
    def failure(self) -> Failure:
        """What this means for a deed: try again, wait, or give up."""
        if self.status == 429:
            return Failure.LIMITED
        if self.status < 400 or self.status >= 500 or self.status in (401, 408):
            return Failure.AWAY
        if self.status in (403, 404):
            return Failure.GONE
        return Failure.REFUSED


class AnswerTooLargeError(HomeserverError):
    """An answer that was not read to its end. Asked for in the same way, it will be too large again."""


class Homeserver:
    """One homeserver, and the access token of one device once there is one."""

    def __init__(self, base: str, token: str | None = None) -> None:
        self._base = base.rstrip("/")
        self.token = token
        self._session: aiohttp.ClientSession | None = None

    async def call(
        self,
        method: Method,
        *path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str | Sequence[str]] | None = None,
        wait: float = 0.0,
        version: str = "v3",
        events: bool = False,
    ) -> dict[str, Any]:
        """One request below `/_matrix/client/<version>/`; `wait` seconds are granted beyond the usual limit.

        `events`: the answer holds as many as we asked for, and may be as large as they are.
        """
        url = self._url(version, path).with_query(query)
        return _is_object(await self._request(method, url, body, wait, MAX_EVENTS if events else MAX_ANSWER))

    async def versions(self) -> dict[str, Any]:
        """What the server speaks; needs no token. The cheapest proof that a homeserver is there."""
        return _is_object(
            await self._request("GET", URL(f"{self._base}/_matrix/client/versions"), None, 0.0, MAX_ANSWER)
        )

    async def date(self) -> datetime | None:
        """The homeserver's clock, in UTC, where it tells it; exact to a second."""
        url = URL(f"{self._base}/_matrix/client/versions")
        async with self._answer("GET", url, seconds=CALL_SECONDS) as response:
            told = response.headers.get("Date", "")
        try:
            return parsedate_to_datetime(told).replace(tzinfo=UTC)  # HTTP knows no other zone
        except ValueError:
            return None

    async def download(self, *path: str, most: int, take: Callable[[bytes], object]) -> None:
        """Hand over the bytes below `/_matrix/client/v1/media/download/`, piece by piece.

        Raises HomeserverError; AnswerTooLargeError where they are more than `most`.
        """
        url = self._url("v1", ("media", "download", *path))
        async with self._answer("GET", url, seconds=FILE_SECONDS) as response:
            size = 0
            async for piece in response.content.iter_chunked(PIECE):
                size += len(piece)
                if size > most:
                    raise AnswerTooLargeError(0)
                take(piece)

    async def upload(self, pieces: AsyncIterator[bytes], size: int) -> dict[str, Any]:
        """Keep so many bytes on the homeserver, without a name or a type that says anything about them."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        url = URL(f"{self._base}/_matrix/media/v3/upload")
        async with self._answer("POST", url, data=pieces, headers=headers, seconds=FILE_SECONDS) as response:
            return _is_object(await _read(response, MAX_ANSWER))

    def _url(self, version: str, path: Sequence[str]) -> URL:
        parts = [self._base, "_matrix/client", version, *(quote(part, safe="") for part in path)]
        try:
            return URL("/".join(parts), encoded=True)
        except ValueError as error:
            raise HomeserverError(0) from error  # the config names an address that is none

    async def _request(
        self, method: Method, url: URL, body: Mapping[str, Any] | None, wait: float, most: int
    ) -> object:
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        async with self._answer(method, url, data=data, headers=headers, seconds=CALL_SECONDS + wait) as response:
            return await _read(response, most)

    @asynccontextmanager
    async def _answer(
        self,
        method: Method,
        url: URL,
        *,
        seconds: float,
        data: bytes | AsyncIterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The beginning of a good answer, whose rest is still to be read. Raises HomeserverError for any other."""
        if self._session is None:
            # aiohttp's own resolver and cookie jar are enough; no proxies from the environment
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=32)
            )
        headers = {**(headers or {}), **({"Authorization": f"Bearer {self.token}"} if self.token else {})}
        limit = aiohttp.ClientTimeout(total=seconds, connect=15)
        try:
            async with self._session.request(
                method, url, data=data, headers=headers, timeout=limit, allow_redirects=False
            ) as response:
                if not 200 <= response.status < 300:
                    raise await _failed(response)
                yield response
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise HomeserverError(0) from error

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def pause(tries: int, retry_after: float | None) -> float:
    """Seconds to wait after so many failed tries in a row."""
    if retry_after is not None:
        return min(max(retry_after, SHORTEST_PAUSE), LONGEST_LIMIT)
    return min(2.0 ** min(tries, 16), LONGEST_PAUSE)


def chunk_of(answer: Mapping[str, Any]) -> list[Any]:
    """The events of an answer that lists some. Raises HomeserverError for one that lists none: an empty list is one."""
    chunk = answer.get("chunk")
    if not isinstance(chunk, list):
        raise HomeserverError(0)
    return chunk


async def _read(response: aiohttp.ClientResponse, most: int) -> object:
    """The JSON of an answer."""
    raw = await _bounded(response, most)
    try:
        answer = read_json(raw) if len(raw) < LONG_ANSWER else await asyncio.to_thread(read_json, raw)
    except (ValueError, RecursionError):
        answer = None
    if answer is None:
        # not Matrix: a captive portal, a proxy whose backend is gone
        raise HomeserverError(0)
    return answer


async def _failed(response: aiohttp.ClientResponse) -> HomeserverError:
    """What an answer other than a good one says."""
    status = response.status
    try:
        answer = await _read(response, MAX_ANSWER)
    except HomeserverError:
        answer = None
    known = answer if isinstance(answer, dict) else {}
    if not known and status not in PROXY_SPEAKS and status < 500:
        # a proxy's error page says nothing about our room or our message: as good as no answer
        status = 0
    return HomeserverError(status, _errcode(known), retry_after=_retry_after(known, response.headers), answer=known)


async def _bounded(response: aiohttp.ClientResponse, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_chunked(PIECE):
        size += len(part)
        if size > most:
            raise AnswerTooLargeError(0)
        parts.append(part)
    return b"".join(parts)


def _is_object(answer: object) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise HomeserverError(0)
    return answer


def _errcode(answer: Mapping[str, Any]) -> str:
    code = answer.get("errcode")
    return code if isinstance(code, str) and ERRCODE.fullmatch(code) else ""


def _retry_after(answer: Mapping[str, Any], headers: Mapping[str, str]) -> float | None:
    milliseconds = answer.get("retry_after_ms")
    if isinstance(milliseconds, int | float) and not isinstance(milliseconds, bool) and milliseconds >= 0:
        return float(milliseconds) / 1000
    seconds = headers.get("Retry-After", "")
    return float(seconds) if seconds.isdecimal() else None
