"""Section by section what the real daemon's socket was found to do: lines, queue, subscriptions, modes, accounts."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.signald.client import Client
from tests.signald.handle import ACCOUNT, GONE, SECOND, Signald

LONG = "سؤال " * 40_000  # far over 64 KiB
ODD = "one\u2028two\u2029three\nfour é 😀"


# ---- 1. lines


async def test_an_answer_overtakes_a_slow_one(signald: Signald, client: Client) -> None:
    held = await signald.holds("send")
    amal = await signald.person()
    await client.ask("send", "slow", recipient=amal.uuid, message="hello")
    await signald.met(held)
    assert await client.call("version")
    assert client.order == [1]
    await signald.releases(held)
    assert (await client.answer("slow"))["result"]
    assert amal.texts == ["hello"]


async def test_a_notification_comes_between_a_request_and_its_answer(signald: Signald, client: Client) -> None:
    await client.call("subscribeReceive")
    held = await signald.holds("version")
    await client.ask("version", "v")
    await signald.met(held)
    await (await signald.person()).writes("in between")
    assert await client.texts() == ["in between"]
    await signald.releases(held)
    assert await client.answer("v")


async def test_a_notification_may_come_before_the_answer_to_the_subscription(signald: Signald, client: Client) -> None:
    await signald.wire(early=True)
    await (await signald.person()).writes("early")
    await client.ask("subscribeReceive", "s")
    assert await client.texts() == ["early"]
    assert client.order == []
    assert (await client.answer("s"))["result"] == 0


async def test_several_lines_come_in_one_read(signald: Signald, client: Client) -> None:
    amal = await signald.person()
    await client.call("subscribeReceive")
    await signald.wire(glued=True)
    for number in range(5):
        await amal.writes(f"{number}")
    assert await client.texts(5) == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("text", [ODD, LONG], ids=["odd", "long"])
@pytest.mark.parametrize("split", [False, True], ids=["whole", "split"])
async def test_any_text_comes_as_one_line(signald: Signald, client: Client, text: str, split: bool) -> None:
    await signald.wire(split=split)
    await client.call("subscribeReceive")
    await (await signald.person()).writes(text)
    assert await client.texts() == [text]
    # raw, not escaped
    assert text.replace("\n", "\\n").encode() in client.lines[-1]


async def test_lines_in_one_write_are_each_answered(client: Client) -> None:
    line = b'{"jsonrpc":"2.0","method":"version","id":%d}\n'
    await client.write(b"".join(line % number for number in range(3)))
    assert [(await client.answer(number))["id"] for number in range(3)] == [0, 1, 2]


# ---- 2. the queue


async def test_what_is_written_waits_until_somebody_subscribes(signald: Signald, client: Client) -> None:
    await (await signald.person()).writes("waiting")
    await client.call("version")
    assert (signald.queued, signald.consumed, signald.subscribed) == (1, 0, False)
    await client.call("subscribeReceive")
    assert await client.texts() == ["waiting"]
    await signald.until(lambda: signald.consumed == 1)
    assert signald.queued == 0


async def test_what_is_written_while_a_client_is_away_comes_to_the_next(signald: Signald) -> None:
    amal = await signald.person()
    async with Client(signald.socket) as first:
        await first.call("subscribeReceive")
        await amal.writes("before")
        assert await first.texts() == ["before"]
    # what is handed to a client that has just gone is lost, as with the real one: it must be seen to be gone
    await signald.until(lambda: not signald.subscribed)
    for number in range(3):
        await amal.writes(f"late {number}")
    async with Client(signald.socket) as second:
        await second.call("subscribeReceive")
        assert await second.texts(3) == ["late 0", "late 1", "late 2"]


async def test_what_was_handed_over_is_gone(signald: Signald) -> None:
    amal = await signald.person()
    async with Client(signald.socket) as first:
        await first.call("subscribeReceive")
        await amal.writes("taken")
        await signald.until(lambda: signald.consumed == 1)
    await signald.until(lambda: not signald.subscribed)
    await amal.writes("next")
    async with Client(signald.socket) as second:
        await second.call("subscribeReceive")
        assert await second.texts() == ["next"]


async def test_the_answer_to_unsubscribe_is_the_last_that_comes(signald: Signald, client: Client) -> None:
    amal = await signald.person()
    number = (await client.call("subscribeReceive"))["result"]
    for text in range(20):
        await amal.writes(f"{text}")
    assert (await client.call("unsubscribeReceive", subscription=number))["result"] == {}
    came = len(client.received)
    await amal.writes("after")
    await client.call("version")
    assert len(client.received) == came
    assert came + signald.queued == 21
    await client.call("subscribeReceive")
    assert (await client.texts(21))[-1] == "after"


async def test_subscriptions_have_rising_ids_across_connections_and_each_gets_its_copy(signald: Signald) -> None:
    amal = await signald.person()
    async with Client(signald.socket) as first, Client(signald.socket) as second:
        ids = [(await one.call("subscribeReceive"))["result"] for one in (first, first, second)]
        assert ids == [0, 1, 2]
        await amal.writes("copies")
        assert [params["subscription"] for params in await first.receive(2)] == [0, 1]
        assert [params["subscription"] for params in await second.receive()] == [2]


async def test_unknown_and_missing_subscriptions_are_refused(client: Client) -> None:
    unknown = await client.call("unsubscribeReceive", subscription=99)
    missing = await client.call("unsubscribeReceive")
    assert unknown["error"] == {"code": -1, "message": "Unknown subscription id", "data": None}
    assert missing["error"]["message"] == "Missing subscription parameter with subscription id"


async def test_receive_collects_what_waits_unless_somebody_subscribed(signald: Signald, client: Client) -> None:
    await (await signald.person()).writes("polled")
    (one,) = (await client.call("receive", timeout=1, maxMessages=1))["result"]
    assert one["envelope"]["dataMessage"]["message"] == "polled"
    await client.call("subscribeReceive")
    refused = await client.call("receive", timeout=1)
    assert refused["error"]["message"].startswith("Receive command cannot be used if")


async def test_the_sender_has_their_second_tick_whatever_the_client_does_with_it(signald: Signald) -> None:
    amal = await signald.person()
    async with Client(signald.socket) as client:
        await client.call("subscribeReceive")
        sent = await amal.writes("hello")
        await amal.until(lambda: sent in amal.delivered)
        assert amal.read == frozenset()


# ---- 3. the other ways to receive


async def test_on_start_eats_what_comes_while_nobody_is_connected(tmp_path: Path) -> None:
    async with Signald(tmp_path, receive_mode="on-start") as signald:
        amal = await signald.person()
        await amal.writes("eaten")
        await signald.until(lambda: signald.consumed == 1)
        async with Client(signald.socket) as client:
            await client.call("version")
            await amal.writes("seen")
            (params,) = await client.receive()
            assert "subscription" not in params
            assert params["envelope"]["dataMessage"]["message"] == "seen"


async def test_on_connection_takes_only_while_somebody_is_connected(tmp_path: Path) -> None:
    async with Signald(tmp_path, receive_mode="on-connection") as signald:
        await (await signald.person()).writes("waits")
        assert signald.queued == 1
        async with Client(signald.socket) as client:
            (params,) = await client.receive()
            assert "subscription" not in params
            assert params["account"] == signald.account


# ---- 10. one account and several


async def test_with_one_account_the_parameter_is_ignored_and_there_is_no_list(client: Client, signald: Signald) -> None:
    amal = await signald.person()
    assert (await client.call("listAccounts"))["error"]["code"] == -32601
    assert (await client.call("send", account="+15550109999", recipient=amal.uuid, message="x"))["result"]


async def test_with_several_accounts_each_has_its_own_queue(tmp_path: Path) -> None:
    async with Signald(tmp_path, multi=True, accounts=(ACCOUNT, SECOND)) as signald, Client(signald.socket) as client:
        amal = await signald.person()
        assert len((await client.call("listAccounts"))["result"]) == 2
        missing = await client.call("send", recipient=amal.uuid, message="x")
        unknown = await client.call("send", account="+15550109999", recipient=amal.uuid, message="x")
        assert missing["error"]["message"] == "Method requires valid account parameter"
        assert unknown["error"]["message"] == "Specified account does not exist"
        await client.call("subscribeReceive", account=SECOND[1])
        await amal.writes("to the first")
        await amal.writes("to the second", account=SECOND[0])
        assert await client.texts() == ["to the second"]
        assert signald.queued == 1


async def test_an_only_account_that_is_dropped_ends_the_daemon(signald: Signald, client: Client) -> None:
    await client.call("subscribeReceive")
    await signald.deregisters()
    assert await signald.ended() == GONE
    assert await client.ends() == b""
    with pytest.raises(AssertionError, match="exit code 3"):
        await signald.start()


async def test_one_of_several_accounts_that_is_dropped_falls_silent(tmp_path: Path) -> None:
    async with Signald(tmp_path, multi=True, accounts=(ACCOUNT, SECOND)) as signald, Client(signald.socket) as client:
        amal = await signald.person()
        await client.call("subscribeReceive")
        await signald.deregisters()
        await amal.writes("nobody hears it")
        gone = await client.call("send", account=ACCOUNT[0], recipient=amal.uuid, message="x")
        assert gone["error"] == {"code": -32602, "message": "Specified account does not exist", "data": None}
        assert client.received == []


# ---- 8. attachments


async def test_a_file_lies_open_on_the_disk_and_can_be_asked_for(signald: Signald, client: Client) -> None:
    content = bytes(range(256)) * 4000
    amal = await signald.person()
    await client.call("subscribeReceive")
    await amal.sends_file(content, "a.jpg", text="look")
    (body,) = await client.bodies()
    (attached,) = body["envelope"]["dataMessage"]["attachments"]
    assert (attached["filename"], attached["size"]) == ("a.jpg", len(content))
    assert (signald.data / "attachments" / attached["id"]).read_bytes() == content
    assert signald.attachments() == [attached["id"]]
    data = (await client.call("getAttachment", id=attached["id"]))["result"]["data"]
    assert base64.b64decode(data) == content


async def test_a_file_may_be_missing_cut_short_or_empty(signald: Signald, client: Client) -> None:
    amal = await signald.person()
    await client.call("subscribeReceive")
    for state in ("missing", "short", "empty"):
        await amal.sends_file(b"0123456789", f"{state}.jpg", state=state)  # type: ignore[arg-type]
    missing, short, empty = (body["envelope"]["dataMessage"]["attachments"][0] for body in await client.bodies(3))
    assert missing["size"] == short["size"] == empty["size"] == 10
    refused = await client.call("getAttachment", id=missing["id"])
    assert refused["error"]["message"] == f"Could not find attachment with ID: {missing['id']}"
    assert (signald.data / "attachments" / short["id"]).read_bytes() == b"01234"
    assert (signald.data / "attachments" / empty["id"]).read_bytes() == b""


async def test_files_are_sent_from_the_disk_or_from_the_line(signald: Signald, client: Client, tmp_path: Path) -> None:
    amal = await signald.person()
    (tmp_path / "a.txt").write_bytes(b"from the disk")
    inline = "data:image/png;filename=x.png;base64," + base64.b64encode(b"inline").decode()
    paths = [str(tmp_path / "a.txt"), inline]
    await client.call("send", recipient=amal.uuid, message="two", attachments=paths)
    assert [(file.name, file.content_type, file.content) for file in amal.heard[0].files] == [
        ("a.txt", "text/plain", b"from the disk"),
        ("x.png", "image/png", b"inline"),
    ]
    missing = await client.call("send", recipient=amal.uuid, message="none", attachments=["/nowhere/a"])
    assert missing["error"]["code"] == -32603
    assert len(amal.heard) == 1


# ---- the people's side


async def test_a_person_sees_edits_deletions_reactions_timers_and_typing(signald: Signald, client: Client) -> None:
    amal = await signald.person()
    sent = (await client.call("send", recipient=amal.uuid, message="frist"))["result"]["timestamp"]
    await client.call("send", recipient=amal.uuid, message="first", editTimestamp=sent)
    gone = (await client.call("send", recipient=amal.uuid, message="gone"))["result"]["timestamp"]
    await client.call("remoteDelete", recipient=amal.uuid, targetTimestamp=gone)
    await client.call("sendReaction", recipient=amal.uuid, emoji="✅", targetAuthor=amal.uuid, targetTimestamp=sent)
    await client.call("sendTyping", recipient=amal.uuid)
    await client.call("sendReceipt", recipient=amal.uuid, targetTimestamp=[sent], type="read")
    await client.call("updateContact", recipient=amal.uuid, expiration=3600)
    await client.call("send", recipient=amal.uuid, message="it will go")
    assert amal.texts == ["first", "it will go"]
    assert amal.heard[0].history == ("frist",)
    assert [message.expires for message in amal.heard] == [0, 0, 3600]
    assert [reaction.emoji for reaction in amal.reactions] == ["✅"]
    assert (amal.sees_typing, amal.timer, amal.read) == (True, 3600, {sent})
    await client.call("send", recipient=amal.uuid, message="x", editTimestamp=sent - 10**6)
    assert amal.ignored == [f"edit of {sent - 10**6}"]


async def test_receipts_of_a_phone_come_back(signald: Signald, client: Client) -> None:
    amal = await signald.person()
    await client.call("subscribeReceive")
    sent = (await client.call("send", recipient=amal.uuid, message="hello"))["result"]["timestamp"]
    await amal.reads()
    delivered, read = [body["envelope"]["receiptMessage"] for body in await client.bodies(2)]
    assert (delivered["isDelivery"], delivered["timestamps"]) == (True, [sent])
    assert (read["isRead"], read["timestamps"]) == (True, [sent])


async def test_the_timer_of_a_person_is_kept_for_what_is_sent_to_them(signald: Signald, client: Client) -> None:
    amal = await signald.person()
    await client.call("subscribeReceive")
    await amal.sets_timer(60)
    await client.bodies()
    await amal.until(lambda: amal.delivered)
    await client.call("send", recipient=amal.uuid, message="hello")
    assert amal.heard[0].expires == 60


async def test_a_group_can_be_left(signald: Signald, client: Client) -> None:
    amal, badr = await signald.person("Amal"), await signald.person("Badr")
    await client.call("subscribeReceive")
    group = await signald.group("Us", amal, badr)
    await amal.writes("hi all", group=group)
    made, said = await client.bodies(2)
    assert made["envelope"]["dataMessage"]["groupInfo"]["type"] == "UPDATE"
    assert said["envelope"]["dataMessage"]["groupInfo"]["groupId"] == group
    await client.call("send", groupId=group, message="notice")
    assert (amal.heard[0].group, badr.texts) == (group, ["notice"])
    assert (await client.call("quitGroup", groupId=group))["result"]["results"]
    assert not await signald.in_group(group)
    after = await client.call("send", groupId=group, message="x")
    assert after["error"]["code"] == -1


async def test_the_daemon_says_its_version(tmp_path: Path) -> None:
    async with Signald(tmp_path, version="0.13.9") as signald, Client(signald.socket) as client:
        assert (await client.call("version"))["result"] == {"version": "0.13.9"}


def test_a_test_may_block_and_the_daemon_still_answers(tmp_path: Path) -> None:
    script = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        "s.sendall(sys.argv[2].encode() + b'\\n'); print(s.makefile().readline())"
    )

    async def blocking() -> None:
        async with Signald(tmp_path) as signald:
            amal = await signald.person()
            params = {"recipient": amal.uuid, "message": "x"}
            request = json.dumps({"jsonrpc": "2.0", "method": "send", "id": 1, "params": params})
            command = [sys.executable, "-c", script, str(signald.socket), request]
            assert b"SUCCESS" in subprocess.run(command, capture_output=True, check=True).stdout  # noqa: ASYNC221
            assert amal.texts == ["x"]

    asyncio.run(blocking())
