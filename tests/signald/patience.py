"""How long anything may take before it counts as never, and the sentence that says so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

PATIENCE = 30.0  # seconds
T = TypeVar("T")


async def bounded(work: Awaitable[T], why: Callable[[], str], within: float = PATIENCE) -> T:
    """The result, or a failure that says what was waited for."""
    try:
        return await asyncio.wait_for(work, within)
    except TimeoutError:
        raise AssertionError(f"{why()} (within {within:g} s)") from None
