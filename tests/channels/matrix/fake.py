"""A homeserver that answers from a table: what it is asked is kept, what it answers is said beforehand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from yarl import URL

from bot.channels.matrix.homeserver import Homeserver, Method

JSON = dict[str, Any]
Answer = object | Callable[[Any], Any]


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
        path = url.path.removeprefix("/_matrix/client/v3/")
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
