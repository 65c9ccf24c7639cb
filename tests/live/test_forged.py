"""What a hostile homeserver, a stranger or an insider does, and what a rough day does, on a real Synapse."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from bot.channels.matrix import homeserver as homeserver_module
from bot.channels.matrix.homeserver import Homeserver
from bot.channels.matrix.sync import went_back
from bot.deeds import Enter, Invite, Leave, MakeRoom, SendText, Tick
from bot.demo.person import Person
from bot.demo.synapse import Account, Synapse
from bot.domain import Place
from bot.happenings import Cause, Danger, Endangered, Invited, Joined, Unreadable, Wrote
from bot.ports import Entered, Failure
from tests.channels.matrix.running import Bot
from tests.live.conftest import People
from tests.live.forge import Forger, malformed

MakeBot = Callable[..., Awaitable[Bot]]


@pytest.fixture
async def make_bot(synapse: Synapse, tmp_path: Path) -> AsyncIterator[MakeBot]:
    made: list[Bot] = []

    async def make(**pins: str) -> Bot:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(await Bot.make(synapse, folder, {person: key for key, person in pins.items()}))
        return made[-1]

    yield make
    for bot in made:
        await bot.stop()


@pytest.fixture
async def bot(make_bot: MakeBot) -> Bot:
    return await make_bot()


async def conversation(bot: Bot, person: Person) -> str:
    """The person asks the bot into an encrypted room of two, and it comes."""
    room = await person.invite_to_new_room(bot.user_id)
    await bot.box.next(Invited, room)
    assert (await bot.do(room, Enter())).entered is Entered.SAFE
    await person.joined(room, bot.user_id)
    return room


async def staff_room(bot: Bot, *members: Person) -> str:
    """A room that the bot makes for its specialists."""
    room = (await bot.do(None, MakeRoom(f"v{secrets.token_hex(8)}", "Notes 7F3K"), Place.NOTES)).room
    assert room is not None
    for member in members:
        await bot.do(room, Invite(member.user_id), Place.NOTES)
        await member.accept(room)
        await bot.box.next(Joined, room)
    return room


async def heard(bot: Bot, room: str) -> str:
    _, what = await bot.box.next(Wrote, room)
    return what.text


# --- forged ----------------------------------------------------------------------------------------------------------


async def test_a_relation_that_a_homeserver_adds_changes_nothing(bot: Bot, people: People) -> None:
    ana = await people()
    room = await conversation(bot, ana)
    first = await ana.send(room, "first")
    for relation in (
        {"rel_type": "m.replace", "event_id": first},
        {"rel_type": "m.thread", "event_id": first},
        {"m.in_reply_to": {"event_id": first}},
    ):
        new = {"m.relates_to": relation, "m.new_content": {"msgtype": "m.text", "body": "forged"}}
        text = {"msgtype": "m.text", "body": "> mine"}
        await ana.raw(room, "m.room.encrypted", await ana.encrypt(room, "m.room.message", text, new))
    said = [(await bot.box.next(Wrote, room))[1] for _ in range(4)]
    assert [(what.text, what.edits) for what in said] == [("first", None)] + [("> mine", None)] * 3


async def test_a_copied_ciphertext_and_words_in_clear_are_not_taken(bot: Bot, people: People) -> None:
    ana = await people(may_miss=True)  # what comes back to her is a copy for her, too
    room = await conversation(bot, ana)
    content = await ana.encrypt(room, "m.room.message", {"msgtype": "m.text", "body": "1"})
    await ana.raw(room, "m.room.encrypted", content)
    await ana.raw(room, "m.room.encrypted", content)
    await ana.send_plain(room, "2")
    first, second = (await bot.box.next(Wrote, room))[0], (await bot.box.next(Wrote, room))[0]
    assert first.event_id != second.event_id
    assert first.once == second.once is not None  # the journal takes it once
    assert (await bot.box.next(Unreadable, room))[1].cause is Cause.PLAIN


async def test_somebody_elses_ciphertext_is_not_taken(bot: Bot, people: People) -> None:
    ana, mallory = await people(), await people(may_miss=True)
    room, other = await conversation(bot, ana), await conversation(bot, mallory)
    content = await ana.encrypt(room, "m.room.message", {"msgtype": "m.text", "body": "1"})
    await mallory.raw(other, "m.room.encrypted", content)  # in another room, in another name
    _, what = await bot.box.next(Unreadable, other)
    assert what.cause is Cause.NO_KEY


# --- strangers -------------------------------------------------------------------------------------------------------


async def raw(synapse: Synapse, stranger: Forger, method: str, path: str, body: str) -> int:
    """A request whose body no JSON library would write."""
    async with stranger._http.request(method, f"{synapse.url}/_matrix/client/v3{path}", data=body.encode()) as response:
        return response.status


async def test_nothing_that_a_stranger_sends_to_its_device_stops_the_bot_or_is_logged(
    synapse: Synapse, bot: Bot, people: People, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "bot")
    ana = await people()
    room = await conversation(bot, ana)
    async with await Forger.login(synapse.url, await synapse.register("mallory-" + secrets.token_hex(4))) as mallory:
        ((device_id, device),) = (await mallory.devices(bot.user_id)).items()
        key = device["keys"][f"curve25519:{device_id}"]
        for content in malformed(key).values():
            await mallory.to_device("m.room.encrypted", bot.user_id, content)
        for kind in ("m.room_key", "m.forwarded_room_key", "m.room_key_request", "m.key.verification.request", "\0"):
            await mallory.to_device(kind, bot.user_id, {"anything": [1, {"x": None}]})
        good = await mallory.payload(bot.user_id, device_id, "m.room_key", {})
        for plaintext in ("", "[]", good, good.replace("m.room_key", "m.room.whatever")):
            await mallory.to_device(
                "m.room.encrypted", bot.user_id, await mallory.seal(bot.user_id, device_id, plaintext)
            )
        await ana.send(room, "are you there?")
        assert await heard(bot, room) == "are you there?"
    await bot.do(room, SendText("I am"))
    assert (await ana.next_message(room)).body == "I am"
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("bot.channels")]
    assert any("could not be used" in line for line in ours)
    for word in (ana.user_id, mallory.user_id, bot.user_id, room, "are you there?", "I am", key):
        assert not any(word in line for line in ours)


async def test_the_deepest_and_the_largest_that_synapse_lets_through_does_not_hide_anything(
    synapse: Synapse, bot: Bot, people: People
) -> None:
    ana = await people()
    room = await conversation(bot, ana)
    taken = 0
    async with await Forger.login(synapse.url, await synapse.register("mallory-" + secrets.token_hex(4))) as mallory:
        parts = ["[" * depth + "]" * depth for depth in (*range(800, 1000, 5), 5_000, 30_000)]
        parts += ['{"a":' * 800 + "1" + "}" * 800, "9" * 4_000, "-1e400", "1.5", '"' + "x" * 60_000 + '"', '"\\u0000"']
        for part in parts:
            body = f'{{"messages":{{"{bot.user_id}":{{"*":{{"a":{part}}}}}}}}}'
            path = f"/sendToDevice/m.room.encrypted/{secrets.token_hex(8)}"
            taken += await raw(synapse, mallory, "PUT", path, body) == 200
        await ana.send(room, "are you there?")
        assert await heard(bot, room) == "are you there?"
    assert taken > 20  # it does let a lot through


async def test_devices_with_absurd_keys_are_no_devices_and_nobody_elses_problem(
    synapse: Synapse, bot: Bot, people: People
) -> None:
    account, ana = await synapse.register(), await people()
    room = await conversation(bot, ana)
    async with await Forger.login(synapse.url, account) as mallory:
        for keys in ({f"curve25519:{mallory.device_id}": "$$$"}, {f"ed25519:{mallory.device_id}": "A" * 43}):
            document = {"user_id": mallory.user_id, "device_id": mallory.device_id, "algorithms": [], "keys": keys}
            document |= {"signatures": {mallory.user_id: {"ed25519:x": "y"}}, "deep": json.loads("[" * 600 + "]" * 600)}
            status, _ = await mallory.request("POST", "/keys/upload", {"device_keys": document})
            assert status == 200
        event = {"algorithm": "m.megolm.v1.aes-sha2", "session_id": "x", "ciphertext": "y", "sender_key": "z"}
        _, made = await mallory.request("POST", "/createRoom", {"invite": [bot.user_id], "preset": "private_chat"})
        theirs = made["room_id"]
        await bot.box.next(Invited, theirs)
        await bot.do(theirs, Enter(), Place.QUEUE)  # stays, as it would not in a requester's room
        for n in range(3):
            await mallory.request("PUT", f"/rooms/{quote(theirs)}/send/m.room.encrypted/{n}", event)
        await bot.box.next(Unreadable, theirs)
        assert (await bot.do(theirs, SendText("hello"), Place.QUEUE)).event_id
    await ana.send(room, "are you there?")
    assert await heard(bot, room) == "are you there?"


async def test_whoever_claims_all_one_time_keys_keeps_nobody_out(synapse: Synapse, bot: Bot, people: People) -> None:
    await bot.stop()
    async with await Forger.login(synapse.url, await synapse.register()) as mallory:
        (device_id,) = await mallory.devices(bot.user_id)
        wanted = {"one_time_keys": {bot.user_id: {device_id: "signed_curve25519"}}}
        fallback: list[bool] = []
        while not any(fallback):
            _, answer = await mallory.request("POST", "/keys/claim", wanted)
            fallback.append("fallback" in next(iter(answer["one_time_keys"][bot.user_id][device_id].values())))
    ana = await people()  # begins with the fallback key
    room = await ana.invite_to_new_room(bot.user_id)
    await ana.send(room, "hello?")
    await bot.start()
    await bot.box.next(Invited, room)
    await bot.do(room, Enter())
    assert await heard(bot, room) == "hello?"
    ben = await people()
    assert await heard(bot, await said_in_new_room(bot, ben)) == "hello again"
    async with await Forger.login(synapse.url, await synapse.register()) as mallory:
        _, answer = await mallory.request("POST", "/keys/claim", wanted)
        assert "fallback" not in next(iter(answer["one_time_keys"][bot.user_id][device_id].values()))


async def said_in_new_room(bot: Bot, person: Person) -> str:
    room = await conversation(bot, person)
    await person.send(room, "hello again")
    return room


async def test_a_strict_client_gives_the_bot_its_keys_and_reads_it(bot: Bot, people: People) -> None:
    ana = await people(strict=True)  # nothing to devices, and nothing from them, that their owner has not signed
    room = await conversation(bot, ana)
    await ana.send(room, "one")
    assert await heard(bot, room) == "one"
    await bot.do(room, SendText("two"))
    assert (await ana.next_message(room)).body == "two"


# --- who gets keys ---------------------------------------------------------------------------------------------------


async def test_a_device_of_the_bots_own_account_gets_a_key_only_once_it_is_signed(
    synapse: Synapse, bot: Bot, people: People
) -> None:
    ana = await people()
    room = await conversation(bot, ana)
    spy = await Person.login(synapse.url, bot.user_id, bot.password, cross_sign=False, strict=False)
    try:
        await bot.do(room, SendText("not for spies"))
        await ana.next_message(room)
        await spy.until(lambda: spy.undecrypted(room))
        assert [message.body for message in spy.messages(room)] == []
        await spy._machine.verify_with_recovery_key(bot.recovery_keys[0])

        async def reads() -> bool:
            await bot.do(room, SendText("for our own"))
            await ana.next_message(room)
            await spy.until(lambda: len(spy.messages(room)) + len(spy.undecrypted(room)) == len(ana.messages(room)))
            return bool(spy.messages(room))

        async with asyncio.timeout(30):
            while not await reads():  # until the bot has heard of the signature
                pass
        assert {message.body for message in spy.messages(room)} == {"for our own"}
    finally:
        await spy.stop()


async def test_in_staff_rooms_only_signed_devices_of_pinned_identities_read(
    synapse: Synapse, make_bot: MakeBot, people: People
) -> None:
    account = await synapse.register()
    sara = await Person.login(synapse.url, account.user_id, account.password)
    bot = await make_bot(**{sara.master_key: sara.user_id})
    stolen = await Person.login(synapse.url, account.user_id, account.password, cross_sign=False, strict=False)
    stranger, faceless = await people(may_miss=True), await people(cross_sign=False, strict=False, may_miss=True)
    try:
        room = await staff_room(bot, sara, stranger, faceless)
        await bot.do(room, SendText("case 7F3K"), Place.NOTES)
        assert (await sara.next_message(room)).body == "case 7F3K"
        for other in (stolen, stranger, faceless):
            await other.until(lambda other=other: other.undecrypted(room))  # type: ignore[misc]
            assert other.messages(room) == []

        for person, signed in ((sara, True), (stranger, False)):
            await person.send(room, "!claim 7F3K")
            assert (await bot.box.next(Wrote, room))[1] == Wrote(
                "!claim 7F3K", signed=signed, identity=person.master_key
            )
        await stolen.send(room, "!claim 7F3K")
        assert (await bot.box.next(Unreadable, room))[1].cause is Cause.UNBOUND
    finally:
        await sara.stop()
        await stolen.stop()


async def test_a_wrong_pin_reads_nothing(make_bot: MakeBot, people: People) -> None:
    sara, other = await people(may_miss=True), await people()
    bot = await make_bot(**{other.master_key: sara.user_id})
    room = await staff_room(bot, sara)
    await bot.do(room, SendText("case 7F3K"), Place.NOTES)
    await sara.until(lambda: sara.undecrypted(room))
    await sara.send(room, "!claim 7F3K")
    assert (await bot.box.next(Wrote, room))[1].signed is False


async def test_of_a_requester_with_a_master_key_only_signed_devices_read_and_speak(synapse: Synapse, bot: Bot) -> None:
    account = await synapse.register()
    ana = await Person.login(synapse.url, account.user_id, account.password)
    other = await Person.login(synapse.url, account.user_id, account.password, cross_sign=False, strict=False)
    try:
        room = await conversation(bot, ana)
        await bot.do(room, SendText("for you"))
        assert (await ana.next_message(room)).body == "for you"
        await other.until(lambda: other.undecrypted(room))
        assert other.messages(room) == []
        await other.send(room, "let me in")
        assert (await bot.box.next(Unreadable, room))[1].cause is Cause.UNBOUND
    finally:
        await ana.stop()
        await other.stop()


async def test_a_requester_without_a_master_key_is_served_on_all_devices(synapse: Synapse, bot: Bot) -> None:
    account = await synapse.register()
    phone = await Person.login(synapse.url, account.user_id, account.password, cross_sign=False)
    try:
        room = await conversation(bot, phone)
        await bot.do(room, SendText("one"))
        assert (await phone.next_message(room)).body == "one"
        laptop = await Person.login(synapse.url, account.user_id, account.password, cross_sign=False)
        try:
            await laptop.send(room, "from my laptop")
            assert await heard(bot, room) == "from my laptop"
            await bot.do(room, SendText("two"))
            assert (await phone.next_message(room)).body == "two"
            assert (await laptop.next_message(room)).body == "two"
        finally:
            await laptop.stop()
    finally:
        await phone.stop()


async def test_who_left_a_staff_room_reads_nothing_that_follows(make_bot: MakeBot, people: People) -> None:
    sara, omar = await people(), await people()
    bot = await make_bot(**{sara.master_key: sara.user_id, omar.master_key: omar.user_id})
    room = await staff_room(bot, sara, omar)
    first = await bot.do(room, SendText("one"), Place.NOTES)
    assert (await omar.next_message(room)).body == (await sara.next_message(room)).body == "one"
    await omar.leave(room)
    await bot.box.until(
        lambda: any(a.sender == omar.user_id and a.what.__class__.__name__ == "Left" for a in bot.box.arrivals)
    )
    second = await bot.do(room, SendText("two"), Place.NOTES)
    assert (await sara.next_message(room)).body == "two"
    sessions = [await session_of(sara, room, event.event_id) for event in (first, second)]
    assert sessions[0] != sessions[1]


async def session_of(person: Person, room: str, event_id: str | None) -> str:
    from mautrix.api import Method
    from mautrix.api import Path as ApiPath

    event = await person.request(Method.GET, ApiPath.v3.rooms[room].event[event_id])
    return str(event["content"]["session_id"])


# --- rooms that stop being safe --------------------------------------------------------------------------------------


@pytest.mark.parametrize("comes", [False, True], ids=["invited", "joined"])
async def test_a_third_member_ends_it(bot: Bot, people: People, *, comes: bool) -> None:
    ana, eve = await people(), await people(may_miss=True)
    room = await conversation(bot, ana)
    await bot.do(room, SendText("between us"))
    await ana.next_message(room)
    await ana.invite(room, eve.user_id)
    assert (await bot.box.next(Endangered, room))[1].danger is Danger.THIRD_MEMBER
    if comes:
        await eve.accept(room)
        await bot.box.next(Joined, room)
    assert (await bot.fails(room, SendText("more"))).failure is Failure.UNSAFE
    await bot.do(room, Leave("somebody else is here"))
    assert (await ana.next_message(room)).body == "somebody else is here"
    await ana.until(lambda: ana.members(room)[bot.user_id] == "leave")
    assert "between us" not in [message.body for message in eve.messages(room)]


async def test_opened_history_endangers_and_narrowed_history_does_not(bot: Bot, people: People) -> None:
    ana = await people()
    room = await conversation(bot, ana)
    await ana.set_state(room, "m.room.history_visibility", {"history_visibility": "shared"})
    assert (await bot.box.next(Endangered, room))[1].danger is Danger.HISTORY_OPENED
    await ana.raw(room, "m.room.history_visibility", {"history_visibility": "world_readable"})  # no state at all
    await ana.set_state(room, "m.room.history_visibility", {"history_visibility": "invited"})
    await ana.send(room, "well?")
    await bot.box.next(Wrote, room)
    assert sum(isinstance(arrival.what, Endangered) for arrival in bot.box.arrivals) == 1


async def test_a_half_made_room_is_not_adopted(synapse: Synapse, bot: Bot) -> None:
    alias = f"v{secrets.token_hex(8)}"
    async with await Forger.login(synapse.url, Account(bot.user_id, bot.password)) as owner:
        _, half = await owner.request("POST", "/createRoom", {"room_alias_name": alias})
        made = (await bot.do(None, MakeRoom(alias, "Notes 7F3K"), Place.NOTES)).room
        assert made != half["room_id"]
        _, found = await owner.request("GET", f"/directory/room/{quote(f'#{alias}:localhost')}")
        assert found["room_id"] == made
    assert (await bot.do(None, MakeRoom(alias, "Notes 7F3K"), Place.NOTES)).room == made


async def test_of_a_room_with_a_past_only_what_follows_the_invitation_is_heard(bot: Bot, people: People) -> None:
    ana, ben = await people(), await people()
    room = await ana.invite_to_new_room(ben.user_id)
    await ben.accept(room)
    await ana.send(room, "an old story")
    await ana.send_plain(room, "and a careless one")
    await ben.leave(room)
    await ana.invite(room, bot.user_id)
    await ana.send(room, "and now you")
    await bot.box.next(Invited, room)
    assert (await bot.do(room, Enter())).entered is Entered.SAFE
    assert await heard(bot, room) == "and now you"
    assert not any(isinstance(arrival.what, Unreadable) for arrival in bot.box.arrivals)


# --- rough days ------------------------------------------------------------------------------------------------------


def sends_nothing(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def calling(homeserver: Homeserver, method: str, *path: str, **rest: Any) -> Any:
        assert "send" not in path
        return await call(homeserver, method, *path, **rest)

    return calling


async def test_our_own_message_is_found_again_after_a_day(bot: Bot, people: People) -> None:
    ana = await people()
    room = await conversation(bot, ana)
    said = await bot.do(room, SendText("once"), row="row-1")
    for n in range(5):
        await ana.send(room, f"filler {n}")
    await bot.stop()
    await bot.start()
    long_ago = {"tried_at": datetime.now(UTC) - timedelta(days=2), "tried_from": bot.channel.device}
    elsewhere = {"tried_at": datetime.now(UTC), "tried_from": "ANOTHER"}
    with pytest.MonkeyPatch.context() as patch:
        # this homeserver still remembers the id, and would hide that it was sent again
        patch.setattr(Homeserver, "call", sends_nothing(Homeserver.call))
        for tried in (long_ago, elsewhere):
            assert (await bot.do(room, SendText("once"), row="row-1", **tried)).event_id == said.event_id
    await bot.do(room, SendText("new"), row="row-2", **long_ago)
    assert [(await ana.next_message(room)).body for _ in range(2)] == ["once", "new"]


async def test_a_tick_stands_already_after_a_day(bot: Bot, people: People) -> None:
    ana = await people()
    room = await conversation(bot, ana)
    event_id = await ana.send(room, "tick me")
    await bot.do(room, Tick(event_id), row="row-1")
    await bot.do(room, Tick(event_id), row="as-if-forgotten")
    await ana.until(lambda: ana.reactions(room))
    assert len(ana.reactions(room)) == 1


async def test_more_than_a_sync_holds_is_back_filled_in_order(bot: Bot, people: People) -> None:
    ana, ben = await people(), await people()
    room, quiet = await conversation(bot, ana), await conversation(bot, ben)
    await bot.stop()
    await ana.send(room, "0")
    await ben.send(quiet, "I wrote only once")
    for n in range(1, 130):
        await ana.send(room, str(n))
    await bot.start()
    await bot.box.until(lambda: sum(isinstance(a.what, Wrote) for a in bot.box.arrivals) == 131)
    texts = [a.what.text for a in bot.box.arrivals if isinstance(a.what, Wrote) and a.room == room]
    assert texts == [str(n) for n in range(130)]


async def test_a_sync_made_too_large_is_read_all_the_same(
    bot: Bot, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, ben = await people(), await people()
    room, other = await conversation(bot, ana), await conversation(bot, ben)
    await bot.stop()
    large = ["x" * 30_000 + str(n) for n in range(8)]
    for text in large:
        await ana.send(room, text)
    await ben.send(other, "hello?")
    monkeypatch.setattr(homeserver_module, "MAX_EVENTS", 200_000)
    # one page of /messages holds as many as a sync: let each page be small enough
    monkeypatch.setattr("bot.channels.matrix.arriving.TIMELINE_LIMIT", 3)
    await bot.start()
    await bot.box.until(lambda: sum(isinstance(a.what, Wrote) for a in bot.box.arrivals) == 9)
    assert [a.what.text for a in bot.box.arrivals if isinstance(a.what, Wrote) and a.room == room] == large


async def test_the_homeserver_is_killed_in_the_middle_and_nothing_is_lost_or_doubled(
    synapse: Synapse, bot: Bot, people: People
) -> None:
    ana = await people()
    room = await conversation(bot, ana)
    await ana.send(room, "before")
    assert await heard(bot, room) == "before"
    await bot.do(room, SendText("answer"), row="row-1")
    await synapse.kill()
    assert (await bot.fails(room, SendText("while it is away"))).failure is Failure.AWAY
    await synapse.start()
    await bot.do(room, SendText("answer"), row="row-1")  # as an outbox does that never heard
    await bot.do(room, SendText("afterwards"), row="row-2")
    await ana.send(room, "after")
    assert await heard(bot, room) == "after"
    assert [(await ana.next_message(room)).body for _ in range(2)] == ["answer", "afterwards"]
    assert not bot.listening.done()


async def test_the_token_of_this_moment_is_not_one_of_minutes_ago(bot: Bot, people: People) -> None:
    ana = await people()
    room = await conversation(bot, ana)
    before = await bot.channel._listener._present()
    await ana.send(room, "something happened")
    after = await bot.channel._listener._present()
    assert after != before
    assert not went_back(before, after)


async def test_a_restart_of_the_bot_forgets_no_key(bot: Bot, people: People) -> None:
    ana = await people()
    room = await conversation(bot, ana)
    await ana.send(room, "one")
    assert await heard(bot, room) == "one"
    content = await ana.encrypt(room, "m.room.message", {"msgtype": "m.text", "body": "two"})
    await bot.stop()
    await ana.raw(room, "m.room.encrypted", content)
    await bot.start()
    assert await heard(bot, room) == "two"
    await bot.do(room, SendText("three"))
    assert (await ana.next_message(room)).body == "three"


async def test_a_session_that_was_ended_from_outside_is_said_so(synapse: Synapse, bot: Bot) -> None:
    assert bot.record.kept is not None
    async with await Forger.login(synapse.url, Account(bot.user_id, bot.password)) as owner:
        await owner.request("POST", "/logout/all", {})
    async with asyncio.timeout(30):
        await asyncio.wait([bot.listening])
    assert "setup" in str(bot.listening.exception())
