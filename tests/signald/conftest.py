"""A stand-in for each test, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.signald.client import Client
from tests.signald.handle import Signald


@pytest.fixture
async def signald(tmp_path: Path) -> AsyncIterator[Signald]:
    async with Signald(tmp_path) as signald:
        yield signald


@pytest.fixture
async def client(signald: Signald) -> AsyncIterator[Client]:
    async with Client(signald.socket) as client:
        yield client
