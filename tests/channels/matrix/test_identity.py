"""Signing in: whose account the homeserver says it is."""

from __future__ import annotations

import pytest

from bot.channels.matrix.identity import IdentityError
from bot.channels.matrix.signin import Credential, sign_in
from tests.channels.matrix.fake import JSON, Answering
from tests.channels.matrix.running import MemoryRecord


async def test_an_account_that_the_homeserver_writes_otherwise_is_refused_when_signing_in() -> None:
    def log_in(body: JSON) -> JSON:
        return {"user_id": body["identifier"]["user"].lower(), "device_id": body["device_id"], "access_token": "t"}

    server = Answering({"POST login": log_in, "POST logout": {}})
    record = MemoryRecord()
    with pytest.raises(IdentityError, match="small letters") as refused:
        await sign_in(server, record, "@Helpline:localhost", Credential(password="x"))
    assert "elpline:localhost" not in str(refused.value)
    assert record.kept is not None
    assert record.kept["token"] is None
    assert server.count("POST logout") == 1  # no device is left behind
    assert server.token is None
    own = await sign_in(server, MemoryRecord(), "@helpline:localhost", Credential(password="x"))
    assert own.token == "t"
