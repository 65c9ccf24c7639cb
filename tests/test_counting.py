"""`vestibule stats`: what was counted, whether or not the bot runs, with nobody in it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from bot import store
from bot.admin import control, counting, verbs
from bot.admin.lock import only_one
from bot.config import Config
from bot.ports import Tx
from bot.services.stats import Figure
from tests.test_staffing import CONFIG


@pytest.fixture
def settings(tmp_path: Path) -> Config:
    """An installation in which seven cases were counted in one language, and one in each of two others."""
    (tmp_path / "password").write_text("secret")
    (tmp_path / "config.toml").write_text(CONFIG)
    settings = Config.read(tmp_path / "config.toml", {})
    settings.store.data_dir.mkdir(mode=0o700)
    kept = store.open(settings.store.data_dir, None, store.MasterKey.make(settings.store.key_file))

    def count(tx: Tx) -> None:
        for locale in ("en",) * 7 + ("ar", "fr"):
            tx.counts.add("2026-01", "language", locale)

    async def fill() -> None:
        await kept.transact(count)
        await kept.close()

    asyncio.run(fill())
    return settings


def told(settings: Config, *, as_json: bool = False) -> list[str]:
    lines: list[str] = []
    counting.tell_all(settings, lines.append, as_json=as_json)
    return lines


def test_without_a_bot_the_store_is_read_and_small_numbers_are_hidden(settings: Config) -> None:
    few = counting.FEW
    assert told(settings) == ["2026-01", "  cases by language", f"    ar: {few}", "    en: 7", f"    fr: {few}"]
    [listed] = told(settings, as_json=True)
    assert {figure["value"]: figure["number"] for figure in json.loads(listed)} == {"ar": None, "en": 7, "fr": None}


async def test_a_bot_that_runs_is_asked(settings: Config) -> None:
    async def figures() -> list[Figure]:
        return [Figure("2026-02", "topic", "main.problem/device", 9)]

    with only_one(settings.store.data_dir):
        async with control.listening(settings.store.data_dir, verbs.of_stats(figures)):
            lines = await asyncio.to_thread(told, settings)
    assert lines == ["2026-02", "  cases by topic", "    main.problem/device: 9"]
