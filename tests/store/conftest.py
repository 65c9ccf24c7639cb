from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import bot.store
from bot.ports import Store
from bot.store import MasterKey
from bot.testing import MemoryStore
from tests.store import samples


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def master(tmp_path: Path) -> MasterKey:
    return MasterKey.make(tmp_path / "key" / "master.key")


@pytest.fixture(params=["memory", "sqlite"])
async def empty_store(request: pytest.FixtureRequest, data_dir: Path, master: MasterKey) -> AsyncIterator[Store]:
    store: Store = MemoryStore() if request.param == "memory" else bot.store.open(data_dir, None, master)
    yield store
    await store.close()


@pytest.fixture
async def store(empty_store: Store) -> Store:
    """A store that knows the conversations of the samples."""
    await empty_store.transact(samples.introduce)
    return empty_store
