"""A homeserver that answers what a generated account hears, and the processes that are measured against it."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.bench.account import BOT, JSON, STOCKED, Account, Person
from tests.channels.matrix.fake import serving

PATIENCE_SECONDS = 300.0
PRESENT = "s1000000"

Answer = Callable[[int], bytes]  # of how many events a room may have


class Generated:
    """A homeserver that answers what a generated account hears."""

    def __init__(self, account: Account, people: Sequence[Person], syncs: Mapping[str | None, Answer]) -> None:
        self._keys = account.keys_query(people)
        self._syncs = syncs
        self.over = asyncio.Event()  # the one who waits for news is gone

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        path = request.path.removeprefix("/_matrix/client/v3/")
        if path == "sync":
            return await self._sync(request)
        if path == "keys/query":
            return _json(self._listed((await request.json())["device_keys"]))
        if path == f"user/{BOT}/filter":
            return _json({"filter_id": str((await request.json())["room"]["timeline"]["limit"])})
        return _json({})

    async def _sync(self, request: web.Request) -> web.StreamResponse:
        if not request.query["filter"].isdecimal():  # a filter of its own: only the token of this moment is wanted
            return _json({"next_batch": PRESENT})
        answer = self._syncs.get(request.query.get("since"))
        if answer is None:
            await self.over.wait()
            return _json({"next_batch": "end", **STOCKED})
        return web.Response(body=answer(int(request.query["filter"])), content_type="application/json")

    def _listed(self, users: Sequence[str]) -> JSON:
        answer: JSON = {}
        for user in users:
            for part, found in self._keys[user].items():
                answer.setdefault(part, {})[user] = found
        return answer


@contextmanager
def made_account() -> Iterator[Account]:
    """An account in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="vestibule-bench-") as folder:
        yield Account(Path(folder))


async def run(what: str, account: Account, homeserver: Generated, **task: Any) -> JSON:
    """What a process of its own found."""
    (account.folder / "task.json").write_text(json.dumps({"own": asdict(account.own), **task}))
    async with serving() as server:
        server.handler = homeserver.handle
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.bench.child",
            what,
            server.url,
            str(account.folder),
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            homeserver.over.set()
    if process.returncode != 0:
        raise RuntimeError(f"{what} ended with {process.returncode}")
    return dict(json.loads(output))


def numbered(bodies: Sequence[Callable[[str], bytes]]) -> tuple[dict[str | None, Answer], list[str]]:
    """These answers, one after the other from `s0` on; and the token of each."""
    tokens = [f"s{n}" for n in range(len(bodies) + 1)]
    syncs: dict[str | None, Answer] = {}
    for since, token, body in zip(tokens, tokens[1:], bodies, strict=False):
        made = body(token)
        syncs[since] = lambda _limit, made=made: made  # type: ignore[misc]
    return syncs, tokens[1:]


def _json(answer: JSON) -> web.Response:
    return web.Response(body=json.dumps(answer).encode(), content_type="application/json")
