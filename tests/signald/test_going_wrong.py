"""Section by section how the real daemon was found to go wrong: errors, identities, limits, deaths, lost answers."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.signald.client import Client
from tests.signald.handle import Signald


def outcome(answer: dict[str, Any]) -> list[str]:
    """What became of a send for each who should get it, out of a result or an error."""
    body = answer.get("result") or answer["error"]["data"]["response"]
    return [result["type"] for result in body["results"]]


# ---- 4. errors


@pytest.mark.parametrize(
    ("how", "code", "message"),
    [
        ("network", -1, "Failed to send message"),
        ("unregistered", -1, "Failed to send message"),
        ("prekey", -1, "Failed to send message"),
        ("io", -32603, "Failed to send message: Connection closed! (IOException) (UnexpectedErrorException)"),
        ("exception", -1, "is not registered."),
    ],
)
async def test_a_send_that_fails_reaches_nobody(
    signald: Signald, client: Client, how: Any, code: int, message: str
) -> None:
    amal = await signald.person()
    await amal.fails(how)
    error = (await client.call("send", recipient=amal.uuid, message="x"))["error"]
    assert (error["code"], message in error["message"]) == (code, True)
    assert amal.heard == []
    await amal.fails(None)
    assert outcome(await client.call("send", recipient=amal.uuid, message="x")) == ["SUCCESS"]


async def test_a_parameter_that_nobody_knows_is_ignored_and_a_field_is_refused(
    signald: Signald, client: Client
) -> None:
    amal = await signald.person()
    assert (await client.call("send", recipient=amal.uuid, recipent="typo", message="x"))["result"]
    await client.write(b'{"jsonrpc":"2.0","method":"version","id":"x","extra":1}\n')
    assert (await client.answer("x"))["error"]["code"] == -32600


async def test_what_cannot_be_parsed_is_answered_without_an_id(client: Client) -> None:
    for line in (b"\n", b"{bad\n", b'{"jsonrpc":\n'):
        await client.write(line)
        assert (await client.answer(None))["error"]["code"] == -32700


async def test_a_timestamp_as_text_makes_it_fall_over(signald: Signald, client: Client) -> None:
    amal = await signald.person()
    error = (await client.call("send", recipient=amal.uuid, message="x", editTimestamp="1751000000123"))["error"]
    assert error["code"] == -32603
    assert "ClassCastException" in error["message"]


# ---- 5. partial success, odd keys


async def test_a_send_that_reaches_some_is_a_result(signald: Signald, client: Client) -> None:
    amal, badr = await signald.person("Amal"), await signald.person("Badr")
    await badr.fails("network")
    both = await client.call("send", recipient=[amal.uuid, badr.uuid], message="x")
    assert sorted(outcome(both)) == ["NETWORK_FAILURE", "SUCCESS"]
    assert (amal.texts, badr.texts) == (["x"], [])


async def test_a_group_without_members_gives_an_empty_result(signald: Signald, client: Client) -> None:
    group = (await client.call("updateGroup", name="none", members=[]))["result"]["groupId"]
    assert (await client.call("send", groupId=group, message="x"))["result"]["results"] == []


async def test_keys_may_stand_in_any_order_among_keys_that_nobody_knows(signald: Signald, client: Client) -> None:
    amal = await signald.person()
    await signald.wire(extras=True, shuffled=True)
    await client.call("subscribeReceive")
    await amal.writes("hello")
    (body,) = await client.bodies()
    assert body["envelope"]["dataMessage"]["message"] == "hello"
    assert "newInTheNextVersion" in body["envelope"]
    assert outcome(await client.call("send", recipient=amal.uuid, message="x")) == ["SUCCESS"]


# ---- 6. identities


async def test_after_a_new_key_nothing_is_sent_until_it_is_trusted(signald: Signald, client: Client) -> None:
    amal = await signald.person()
    await client.call("send", recipient=amal.uuid, message="before")
    before = await signald.safety_number(amal)
    await amal.changes_key()
    for _ in range(2):
        refused = await client.call("send", recipient=amal.uuid, message="x")
        assert (refused["error"]["code"], outcome(refused)) == (-4, ["IDENTITY_FAILURE"])
    (known,) = (await client.call("listIdentities", number=amal.uuid))["result"]
    assert (known["trustLevel"], known["safetyNumber"]) == ("UNTRUSTED", await signald.safety_number(amal))
    assert known["safetyNumber"] != before
    assert (await client.call("trust", recipient=amal.uuid, trustAllKnownKeys=True))["result"] == {}
    assert outcome(await client.call("send", recipient=amal.uuid, message="after")) == ["SUCCESS"]
    assert amal.texts == ["before", "after"]


async def test_a_safety_number_verifies_only_the_key_it_is_of(signald: Signald, client: Client) -> None:
    amal, badr = await signald.person("Amal"), await signald.person("Badr")
    for person in (amal, badr):
        await client.call("send", recipient=person.uuid, message="hi")
    wrong = (await signald.safety_number(badr)).replace(" ", "")
    right = (await signald.safety_number(amal)).replace(" ", "")
    assert (await client.call("trust", recipient=amal.uuid, verifiedSafetyNumber=wrong))["error"]["code"] == -1
    assert (await client.call("trust", recipient=amal.uuid, verifiedSafetyNumber=right))["result"] == {}
    assert await signald.trust_level(amal) == "TRUSTED_VERIFIED"


async def test_what_comes_with_a_new_key_is_told_of_once_and_read_after_trust(signald: Signald) -> None:
    amal = await signald.person()
    async with Client(signald.socket) as first:
        await first.call("subscribeReceive")
        await amal.writes("before")
        assert await first.texts() == ["before"]
        await amal.changes_key()
        await amal.writes("withheld")
        (body,) = await first.bodies()
        assert body["exception"]["type"] == "UntrustedIdentityException"
        assert body["envelope"]["sourceUuid"] == amal.uuid
        assert "dataMessage" not in body["envelope"]
    await signald.until(lambda: not signald.subscribed)
    async with Client(signald.socket) as second:
        await second.call("subscribeReceive")
        await second.call("version")
        assert second.received == []
        await second.call("trust", recipient=amal.uuid, trustAllKnownKeys=True)
        assert await second.texts() == ["withheld"]


async def test_what_was_withheld_comes_in_its_order_before_what_waits(signald: Signald, client: Client) -> None:
    amal = await signald.person()
    await signald.trusts_after(3600)
    number = (await client.call("subscribeReceive"))["result"]
    await amal.writes("before")
    await client.texts()
    await amal.changes_key()
    await amal.writes("one")
    await amal.writes("two")
    assert [body["exception"]["type"] for body in await client.bodies(2)]
    await client.call("unsubscribeReceive", subscription=number)
    await client.call("trust", recipient=amal.uuid, trustAllKnownKeys=True)
    await amal.writes("three")
    await client.call("subscribeReceive")
    assert await client.texts(3) == ["one", "two", "three"]


# ---- 7. who writes, and what


async def test_a_number_may_come_later_than_its_person(signald: Signald, client: Client) -> None:
    amal = await signald.person()
    await client.call("subscribeReceive")
    await amal.writes("who am I")
    await amal.shares_number("+15550100042")
    await amal.writes("this is me")
    before, after = [body["envelope"] for body in await client.bodies(2)]
    assert (before["source"], before["sourceNumber"]) == (amal.uuid, None)
    assert (after["source"], after["sourceNumber"], after["sourceUuid"]) == ("+15550100042",) * 2 + (amal.uuid,)
    assert outcome(await client.call("send", recipient="+15550100042", message="hello")) == ["SUCCESS"]


async def test_anything_may_come(signald: Signald, client: Client) -> None:
    amal = await signald.person()
    await client.call("subscribeReceive")
    await amal.sends({})
    await signald.syncs({"syncMessage": {}})
    await signald.pushes({"exception": {"message": "?", "type": "Exception"}, "account": signald.account})
    await amal.call()
    empty, sync, bare, offer, hangup = await client.bodies(5)
    assert not any(key.endswith("Message") for key in empty["envelope"])
    assert sync["envelope"]["syncMessage"] == {}
    assert "envelope" not in bare
    assert offer["envelope"]["callMessage"]["offerMessage"]["id"] == 18446744073709551614
    assert "hangupMessage" in hangup["envelope"]["callMessage"]


async def test_a_phone_may_send_the_same_again(signald: Signald, client: Client) -> None:
    amal = await signald.person()
    await client.call("subscribeReceive")
    sent = await amal.writes("twice", device=2)
    await amal.resends("twice", sent, device=2)
    first, second = [body["envelope"] for body in await client.bodies(2)]
    assert (first["timestamp"], first["sourceDevice"]) == (second["timestamp"], second["sourceDevice"]) == (sent, 2)


# ---- 9. faults


async def test_a_call_may_never_be_answered(signald: Signald, client: Client) -> None:
    amal = await signald.person()
    fault = await signald.silent("send")
    await client.ask("send", "never", recipient=amal.uuid, message="x")
    await signald.met(fault)
    assert outcome(await client.call("send", recipient=amal.uuid, message="y")) == ["SUCCESS"]
    assert client.order == [1]
    assert amal.texts == ["y"]


async def test_an_answer_may_come_late(signald: Signald, client: Client) -> None:
    amal = await signald.person()
    await signald.late("send", seconds=0.1)
    assert outcome(await client.call("send", recipient=amal.uuid, message="x")) == ["SUCCESS"]


async def test_a_connection_may_close_in_the_middle_of_an_answer(signald: Signald, client: Client) -> None:
    amal = await signald.person()
    await signald.cuts("send")
    await client.ask("send", recipient=amal.uuid, message="x")
    rest = await client.ends()
    assert rest
    assert not rest.endswith(b"\n")
    assert amal.texts == ["x"]


async def test_what_was_sent_may_never_be_answered_for(signald: Signald, client: Client) -> None:
    amal = await signald.person()
    await signald.loses_answer("send", after=1)
    assert outcome(await client.call("send", recipient=amal.uuid, message="one")) == ["SUCCESS"]
    await client.ask("send", recipient=amal.uuid, message="two")
    assert await client.ends() == b""
    assert amal.texts == ["one", "two"]


@pytest.mark.parametrize("done", [True, False])
async def test_the_daemon_may_die_before_or_after_the_deed(signald: Signald, client: Client, done: bool) -> None:
    amal = await signald.person()
    await signald.dies("send", done=done)
    await client.ask("send", recipient=amal.uuid, message="x")
    assert await signald.ended() == -9
    assert amal.texts == (["x"] if done else [])


async def test_an_error_may_hide_that_it_was_sent(signald: Signald, client: Client) -> None:
    amal = await signald.person()
    await signald.refuses("send", -32603, "Failed to send message: timeout (IOException)", done=True)
    refused = await client.call("send", recipient=amal.uuid, message="x")
    assert refused["error"]["code"] == -32603
    assert amal.texts == ["x"]


async def test_a_killed_daemon_leaves_its_socket_behind_and_cannot_start_beside_it(signald: Signald) -> None:
    await signald.kill()
    assert signald.socket.exists()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_unix_connection(signald.socket)
    with pytest.raises(AssertionError, match="Address already in use"):
        await signald.start(clean=False)
    await signald.start()
    async with Client(signald.socket) as client:
        assert (await client.call("version"))["result"]


async def test_a_stopped_daemon_takes_its_socket_along(signald: Signald) -> None:
    await signald.stop()
    with pytest.raises(FileNotFoundError):
        await asyncio.open_unix_connection(signald.socket)


async def test_the_world_outlives_the_daemon(signald: Signald) -> None:
    amal = await signald.person()
    await amal.goes_offline()
    async with Client(signald.socket) as client:
        await client.call("subscribeReceive")
        await client.call("subscribeReceive")
        await client.call("send", recipient=amal.uuid, message="before")
        await signald.kill()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await client.call("version")
    await amal.writes("while it was dead")
    await signald.start()
    async with Client(signald.socket) as client:
        # ids of subscriptions begin anew, and none is left
        assert (await client.call("subscribeReceive"))["result"] == 0
        assert await client.texts() == ["while it was dead"]
        assert amal.texts == ["before"]


async def test_a_client_that_does_not_read_holds_up_the_queue_and_not_the_calls(signald: Signald) -> None:
    amal = await signald.person()
    async with Client(signald.socket) as stalled, Client(signald.socket) as other:
        await stalled.call("subscribeReceive")
        stalled.stalls()
        for _ in range(40):
            await amal.writes("x" * 50_000)
        assert outcome(await other.call("send", recipient=amal.uuid, message="meanwhile")) == ["SUCCESS"]
        assert signald.queued > 20
        stalled.reads_again()
        assert len(await stalled.texts(40)) == 40
    await signald.until(lambda: signald.consumed >= 40)


async def test_what_lies_unread_when_a_client_goes_is_lost_and_counted(signald: Signald) -> None:
    amal = await signald.person()
    async with Client(signald.socket) as client:
        await client.call("subscribeReceive")
        client.stalls()
        await amal.writes("lost")
        await signald.until(lambda: signald.consumed == 1)
    await signald.until(lambda: not signald.subscribed)
    assert (signald.queued, signald.unread_ends) == (0, 1)
    async with Client(signald.socket) as client:
        await client.call("subscribeReceive")
        await amal.writes("next")
        assert await client.texts() == ["next"]


# ---- 11. limits


async def test_a_limit_lasts_until_its_time_has_passed(signald: Signald, client: Client) -> None:
    amal = await signald.person()
    await signald.limits(37)
    for _ in range(2):
        refused = await client.call("send", recipient=amal.uuid, message="x")
        (result,) = refused["error"]["data"]["response"]["results"]
        assert (refused["error"]["code"], result["type"]) == (-5, "RATE_LIMIT_FAILURE")
        assert 0 < result["retryAfterSeconds"] <= 37
        assert "token" not in result
    await signald.passes(38)
    assert outcome(await client.call("send", recipient=amal.uuid, message="y")) == ["SUCCESS"]
    assert amal.texts == ["y"]


async def test_a_puzzle_is_solved_with_a_captcha_that_counts_once(signald: Signald, client: Client) -> None:
    amal = await signald.person()
    for token, captcha in (("one", "signalcaptcha://a"), ("two", "signalcaptcha://b")):
        await signald.limits(86400, token=token)
        refused = await client.call("send", recipient=amal.uuid, message="x")
        assert refused["error"]["data"]["response"]["results"][0]["token"] == token
        bad = await client.call("submitRateLimitChallenge", challenge=token, captcha="nonsense")
        assert bad["error"]["code"] == -6
        used = await client.call("submitRateLimitChallenge", challenge=token, captcha=captcha)
        assert used["result"] == {}
        again = await client.call("submitRateLimitChallenge", challenge=token, captcha=captcha)
        assert again["error"]["code"] == -6
        assert outcome(await client.call("send", recipient=amal.uuid, message=token)) == ["SUCCESS"]
    assert amal.texts == ["one", "two"]


# ---- the handle


async def test_waiting_in_vain_says_what_there_was(signald: Signald, client: Client) -> None:
    amal = await signald.person()
    await client.call("send", recipient=amal.uuid, message="only this")
    with pytest.raises(AssertionError, match="Amal waited in vain; 1 messages reached them, the last: 'only this'"):
        await amal.hears(2, within=0.05)


async def test_a_daemon_without_a_world_says_so(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.signald", "--socket", tmp_path / "s", "--control", tmp_path / "c"),
        *("--data", tmp_path),
        stderr=asyncio.subprocess.PIPE,
    )
    _, error = await process.communicate()
    assert process.returncode == 2
    assert b"no world answers at" in error
