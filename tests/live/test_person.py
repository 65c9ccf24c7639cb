"""The other side of the live tests: people who use another client and another crypto library than the bot."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.demo.person import Person, PersonError
from bot.demo.synapse import Synapse
from tests.live.conftest import People
from tests.live.forge import Forger, malformed


async def conversation(one: Person, other: Person) -> str:
    room = await one.invite_to_new_room(other.user_id)
    await other.accept((await other.next_invite()).room_id)
    await one.joined(room, other.user_id)
    return room


async def test_two_people_talk_encrypted_both_ways(people: People) -> None:
    lena, amir = await people(), await people()
    room = await conversation(lena, amir)
    await lena.send(room, "are you there?")
    heard = await amir.next_message(room)
    assert (heard.body, heard.sender, heard.decrypted) == ("are you there?", lena.user_id, True)

    answer = await amir.send(room, "نعم")
    heard = await lena.next_message(room)
    assert (heard.body, heard.sender, heard.event_id) == ("نعم", amir.user_id, answer)

    await amir.react(room, heard.event_id, "✓")
    await lena.until(lambda: lena.reactions(room))
    assert [(mark.event_id, mark.key) for mark in lena.reactions(room)] == [(answer, "✓")]
    assert [message.body for message in lena.messages(room)] == ["are you there?", "نعم"]
    assert [message.body for message in amir.messages(room)] == ["are you there?", "نعم"]


async def test_what_is_written_before_the_other_joined_can_be_read(people: People) -> None:
    lena, amir = await people(), await people()
    room = await lena.invite_to_new_room(amir.user_id)
    await lena.send(room, "hello?")
    await amir.accept((await amir.next_invite()).room_id)
    assert (await amir.next_message(room)).body == "hello?"


async def test_an_invitation_tells_who_and_where(people: People) -> None:
    lena, amir = await people(), await people()
    room = await lena.make_room(amir.user_id, name="Notes 7F3K")
    invite = await amir.next_invite()
    assert (invite.room_id, invite.sender, invite.name) == (room, lena.user_id, "Notes 7F3K")
    await amir.accept(room)
    assert amir.name(room) == "Notes 7F3K"
    assert amir.members(room) == {lena.user_id: "join", amir.user_id: "join"}
    await amir.leave(room)
    assert amir.rooms() == []


async def test_a_strict_person_withholds_keys_from_a_device_that_is_not_signed(people: People) -> None:
    lena, amir = await people(), await people(cross_sign=False, may_miss=True)
    room = await conversation(lena, amir)
    await lena.send(room, "only for signed devices")
    await amir.until(lambda: amir.undecrypted(room))
    assert [entry.cause for entry in amir.undecrypted(room)] == ["m.unverified"]
    assert amir.messages(room) == []
    with pytest.raises(PersonError, match=r"in vain.*m\.unverified"):
        await amir.next_message(room, timeout=0.1)


async def test_a_strict_person_reads_nothing_from_a_device_that_is_not_signed(people: People) -> None:
    lena, amir = await people(may_miss=True), await people(cross_sign=False)
    room = await conversation(lena, amir)
    await amir.send(room, "believe me")
    await lena.until(lambda: lena.undecrypted(room))
    assert [entry.cause for entry in lena.undecrypted(room)] == ["unsigned device"]

    await amir.cross_sign()
    assert (await lena.next_message(room)).body == "believe me"


async def test_a_device_that_is_signed_later_gets_the_next_key(people: People) -> None:
    lena, amir = await people(), await people(cross_sign=False, may_miss=True)
    room = await conversation(lena, amir)
    await lena.send(room, "not yet")
    await amir.until(lambda: amir.undecrypted(room))
    await amir.cross_sign()
    for _ in range(50):  # the next key, not the one that would be due after 100 messages
        await lena.send(room, "now?")
        await asyncio.sleep(0.1)
        if amir.messages(room):
            return
    pytest.fail("no key for the signed device")


async def test_a_lenient_person_talks_to_a_device_that_is_not_signed(people: People) -> None:
    lena, amir = await people(strict=False), await people(cross_sign=False)
    room = await conversation(lena, amir)
    await lena.send(room, "for every device")
    assert (await amir.next_message(room)).body == "for every device"
    await amir.send(room, "thank you")
    assert (await lena.next_message(room)).body == "thank you"


async def test_a_message_takes_its_place_when_its_key_comes_late(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    lena, amir = await people(), await people()
    room = await conversation(lena, amir)
    await lena.send(room, "first")
    await amir.next_message(room)
    kept: list[tuple[Any, ...]] = []

    async def keep(*arguments: Any) -> None:
        kept.append(arguments)

    send_to_device = lena.client.send_to_device
    monkeypatch.setattr(lena.client, "send_to_device", keep)
    await lena.invite(room, (await people()).user_id)  # with which a new room key is due
    await lena.send(room, "second")
    await amir.until(lambda: amir.undecrypted(room))
    await amir.send(room, "third")
    assert [entry.cause for entry in amir.undecrypted(room)] == ["no key"]
    for arguments in kept:
        await send_to_device(*arguments)
    assert (await amir.next_message(room)).body == "second"
    assert amir.undecrypted(room) == []
    await amir.until(lambda: len(amir.messages(room)) == 3)
    assert [message.body for message in amir.messages(room)] == ["first", "second", "third"]


async def test_who_comes_later_reads_what_is_written_from_then_on(people: People) -> None:
    lena, amir, sofia = await people(), await people(), await people(may_miss=True)
    room = await conversation(lena, amir)
    await lena.send(room, "before")
    await amir.next_message(room)
    await lena.invite(room, sofia.user_id)
    await sofia.accept(room)
    await lena.send(room, "after")
    assert (await sofia.next_message(room)).body == "after"
    assert [entry.cause for entry in sofia.undecrypted(room)] == ["no key"]
    await amir.joined(room, sofia.user_id)
    await amir.send(room, "welcome")
    assert (await sofia.next_message(room)).body == "welcome"


async def test_relations_stand_where_they_are_put(people: People) -> None:
    lena, amir = await people(), await people()
    room = await conversation(lena, amir)
    first = await lena.send(room, "first")
    thread = {"m.relates_to": {"rel_type": "m.thread", "event_id": first}}
    words = {"msgtype": "m.text", "body": "second"}

    sealed = await lena.encrypt(room, "m.room.message", words, outside=thread)
    assert sealed["m.relates_to"] == thread["m.relates_to"]
    await lena.raw(room, "m.room.encrypted", sealed)
    sealed = await lena.encrypt(room, "m.room.message", words | thread)
    assert "m.relates_to" not in sealed
    await lena.raw(room, "m.room.encrypted", sealed)

    await amir.until(lambda: len(amir.messages(room)) == 3)
    _, outside, inside = amir.messages(room)
    assert "m.relates_to" not in outside.content
    assert inside.content["m.relates_to"] == thread["m.relates_to"]


async def test_a_plain_message_is_shown_as_plain(people: People) -> None:
    lena, amir = await people(), await people()
    room = await conversation(lena, amir)
    await lena.send_plain(room, "oops")
    await amir.until(lambda: amir.messages(room))
    assert [(message.body, message.decrypted) for message in amir.messages(room)] == [("oops", False)]
    with pytest.raises(PersonError):
        await amir.next_message(room, timeout=0.1)
    plain = await lena.make_room(encrypted=False)
    with pytest.raises(PersonError, match="not encrypted"):
        await lena.send(plain, "never in clear")


async def test_a_copied_ciphertext_is_not_taken_twice(people: People) -> None:
    lena, amir = await people(may_miss=True), await people(may_miss=True)
    room = await conversation(lena, amir)
    sealed = await lena.encrypt(room, "m.room.message", {"msgtype": "m.text", "body": "once"})
    await lena.raw(room, "m.room.encrypted", sealed)
    await lena.raw(room, "m.room.encrypted", sealed)
    await amir.until(lambda: amir.undecrypted(room))
    assert [message.body for message in amir.messages(room)] == ["once"]


async def test_a_used_up_room_key_is_replaced(people: People) -> None:
    lena, amir = await people(), await people()
    room = await conversation(lena, amir)
    for number in range(105):  # Megolm keys are good for 100 messages
        await lena.send(room, str(number))
    assert [(await amir.next_message(room)).body for _ in range(105)] == [str(number) for number in range(105)]


async def test_many_talk_at_once_and_everything_is_read_in_order(people: People) -> None:
    hub = await people()
    others = [await people() for _ in range(8)]
    rooms = [await conversation(other, hub) for other in others]

    async def talk(other: Person, room: str) -> list[str]:
        said = []
        for number in range(12):
            await other.send(room, f"{number}")
            await hub.send(room, (await hub.next_message(room)).body)
            said.append((await other.next_message(room)).body)
        return said

    heard = await asyncio.gather(*(talk(other, room) for other, room in zip(others, rooms, strict=True)))
    assert heard == [[str(number) for number in range(12)]] * 8


async def test_a_conversation_goes_on_after_the_homeserver_was_killed(people: People, synapse: Synapse) -> None:
    lena, amir = await people(), await people()
    room = await conversation(lena, amir)
    await lena.send(room, "before")
    await synapse.kill()
    await synapse.start()
    await lena.send(room, "after")
    assert [(await amir.next_message(room)).body for _ in range(2)] == ["before", "after"]


async def test_nothing_that_a_stranger_sends_stops_a_person(people: People, synapse: Synapse) -> None:
    lena, amir = await people(), await people()
    async with await Forger.login(synapse.url, await synapse.register()) as stranger:
        keys = (await stranger.devices(amir.user_id))[amir.device_id]["keys"]
        for case, content in malformed(keys[f"curve25519:{amir.device_id}"]).items():
            assert await stranger.to_device("m.room.encrypted", amir.user_id, content) == 200, case
        for plaintext in (
            "no JSON",
            "[]",
            await stranger.payload(amir.user_id, amir.device_id, "m.room_key", {"algorithm": 1}),
            await stranger.payload(amir.user_id, amir.device_id, "m.dummy", {}, recipient="@someone:else"),
        ):
            sealed = await stranger.seal(amir.user_id, amir.device_id, plaintext)
            assert await stranger.to_device("m.room.encrypted", amir.user_id, sealed) == 200
    room = await conversation(lena, amir)
    await lena.send(room, "still there?")
    assert (await amir.next_message(room)).body == "still there?"
