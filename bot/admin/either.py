"""Asks the bot that runs; without one, does the same to its store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from bot.admin import control
from bot.admin.lock import InUse, only_one
from bot.config import Config


def perform(
    config: Config, verb: str, params: control.Params, at_rest: Callable[[], Coroutine[Any, Any, object]]
) -> tuple[Any, bool]:
    """What the running bot says; without one, what `at_rest` does. And which of them it was. Raises InUse."""
    try:
        return control.ask(config.store.data_dir, verb, params), True
    except control.NoBotRuns:
        pass
    try:
        with only_one(config.store.data_dir):
            return asyncio.run(at_rest()), False
    except InUse:
        raise InUse(
            f"{config.store.data_dir}: a bot that starts or stops, or a setup, holds this installation; try again "
            "in a moment"
        ) from None
