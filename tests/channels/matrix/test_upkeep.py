"""One-time keys that the homeserver refuses: whether other keys help, or only another device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.channels.matrix.homeserver import HomeserverError
from bot.channels.matrix.people import People
from bot.channels.matrix.sync import read_sync
from bot.channels.matrix.upkeep import DeviceSpentError, Upkeep
from tests.channels.matrix.fake import Answering
from tests.channels.matrix.peer import BOT, opened

SPENT = "One time key signed_curve25519:AAAAAQ already exists. Old key: x; new key: y"


async def refused(folder: Path, error: Any) -> None:
    server = Answering({"POST keys/upload": HomeserverError(400, "M_UNKNOWN", answer={"error": error})})
    synced = read_sync({"next_batch": "s1"}, BOT)
    assert synced is not None
    with opened(folder) as guard:
        await Upkeep(server, guard, People(server, guard, "A" * 43, {})).after(synced)


async def test_a_key_that_already_exists_means_that_the_device_is_spent(tmp_path: Path) -> None:
    with pytest.raises(DeviceSpentError, match="--recover") as spent:
        await refused(tmp_path, SPENT)
    assert "AAAAAQ" not in str(spent.value)


@pytest.mark.parametrize("error", ["Invalid signature", None, 5])
async def test_any_other_refusal_is_made_up_for_with_other_keys(tmp_path: Path, error: Any) -> None:
    await refused(tmp_path, error)
