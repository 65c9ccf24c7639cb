"""A helpline in rooms of version 12, whose ids name no server, while others hinder it (laws 5, 7 and 10)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import yaml
from aiohttp import web
from mautrix.api import Method, Path, SynapseAdminPath

from bot.demo.person import PATIENCE_SECONDS, Person
from bot.demo.shift import Shift
from bot.demo.walk import WHOLE
from tests.live.forge import Forger, malformed
from tests.live.proxy import Behind, Trouble
from tests.live.walking import Seen, converse, hand_over, take

pytestmark = pytest.mark.asyncio(loop_scope="module")

WALK = WHOLE[0].answers
OPENED: dict[str, dict[str, Any]] = {
    "m.room.encryption": {"algorithm": "org.example.none"},
    "m.room.join_rules": {"join_rule": "public"},
    "m.room.history_visibility": {"history_visibility": "world_readable"},
}
TOLD = {"m.room.encryption": "encrypt", "m.room.join_rules": "come in", "m.room.history_visibility": "read"}
AT_ONCE = 100  # to-device events that Synapse puts into one sync
SENDERS = 20  # requests of a flood that are under way at the same time


class Latest(Behind):
    """A helpline behind a proxy, on a homeserver that makes rooms of version 12."""

    def __init__(self) -> None:
        super().__init__()
        file = self.synapse.folder / "homeserver.yaml"
        file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"default_room_version": "12"}))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def helpline() -> AsyncIterator[Latest]:
    async with Latest() as helpline:
        yield helpline


async def begun(helpline: Latest) -> tuple[Person, str]:
    """Somebody who has got a first answer."""
    requester = await helpline.person()
    room = await requester.invite_to_new_room(helpline.bot_id)
    await requester.send(room, WALK[0])
    await requester.next_message(room)
    return requester, room


async def test_the_whole_way_goes_through_rooms_whose_ids_name_no_server(helpline: Latest, undisturbed: Seen) -> None:
    assert await converse(helpline) == undisturbed
    rooms = {room for person in helpline.specialists for room in person.rooms()}
    assert len(rooms) == 3
    assert not any(":" in room for room in rooms)


async def test_a_second_process_is_refused_with_one_line_and_the_first_goes_on(helpline: Latest) -> None:
    requester, room = await begun(helpline)
    process = helpline.bot_pid
    code, said = await helpline.command("run", "--config", str(helpline.config))
    assert code == 2
    (line,) = said.splitlines()
    assert str(helpline.data_dir) in line
    assert "running" in line
    await requester.send(room, WALK[1])
    await requester.next_message(room)
    assert helpline.bot_pid == process is not None


async def test_a_message_that_hangs_holds_up_its_own_room_alone(helpline: Latest) -> None:
    slow, slow_room = await begun(helpline)

    def hang(request: web.Request) -> Trouble | None:
        return Trouble.HANGING if f"/rooms/{slow_room}/send/" in request.path else None

    helpline.proxy.plan = hang
    await slow.send(slow_room, WALK[1])
    await helpline.proxy.hanging.wait()
    quick, quick_room = await begun(helpline)
    for word in WALK[1:4]:
        await quick.send(quick_room, word)
        await quick.next_message(quick_room)
    assert len(slow.messages(slow_room)) == 3
    helpline.proxy.plan = lambda request: None
    helpline.proxy.go_on.set()
    await slow.next_message(slow_room)
    assert len(slow.messages(slow_room)) == 4


@pytest.mark.parametrize("size", [600, pytest.param(2_000, marks=pytest.mark.soak)])
async def test_a_flood_to_its_device_neither_loses_nor_holds_up_a_word(helpline: Latest, size: int) -> None:
    requester, room = await begun(helpline)
    await requester.send(room, WALK[1])  # the bot has come in since the first word: this one brings the key that stays
    await requester.next_message(room)
    asked: list[str] = []

    def note(request: web.Request) -> None:
        asked.append("sync" if request.path.endswith("/sync") else f"{request.method} {request.path}")

    helpline.proxy.plan = lambda request: Trouble.REFUSED
    await flood(helpline, size)
    await requester.send(room, WALK[2])
    helpline.proxy.plan = note
    await requester.next_message(room)
    answered = next(n for n, what in enumerate(asked) if what.startswith(f"PUT /_matrix/client/v3/rooms/{room}/send/"))
    assert asked[:answered].count("sync") <= size // AT_ONCE  # the rest of the flood was still to come

    helpline.proxy.plan = lambda request: Trouble.REFUSED
    await flood(helpline, size)
    newcomer = await helpline.person()
    new_room = await newcomer.invite_to_new_room(helpline.bot_id)
    await newcomer.send(new_room, WALK[0])  # its key is behind the whole flood
    helpline.proxy.plan = note
    answer = await newcomer.next_message(new_room)
    assert answer.body == next(m.body for m in requester.messages(room) if m.sender == helpline.bot_id)
    assert helpline.bot_pid is not None
    counted = [line.split(" of ") for line in helpline.log.read_text().splitlines() if "could not be used" in line]
    assert sum(int(before.split()[-1]) for before, _ in counted) >= 2 * size


async def flood(helpline: Latest, size: int) -> None:
    """A stranger sends so many malformed events of every kind to the bot's device."""
    async with await Forger.login(helpline.synapse.url, await helpline.synapse.register()) as stranger:
        ((device_id, device),) = (await stranger.devices(helpline.bot_id)).items()
        wrong = list(malformed(device["keys"][f"curve25519:{device_id}"]).values())

        async def send(first: int) -> None:
            for number in range(first, size, SENDERS):
                content = wrong[number % len(wrong)]
                assert await stranger.to_device("m.room.encrypted", helpline.bot_id, content) == 200

        await asyncio.gather(*(send(first) for first in range(SENDERS)))


async def test_what_somebody_with_power_changes_in_the_bots_rooms_is_put_back_and_told(helpline: Latest) -> None:
    requester = await helpline.person()
    home = await hand_over(helpline, requester, WHOLE[0])
    shift = Shift(helpline)
    await take(shift)
    for kind, content in OPENED.items():
        await make_ruler(helpline, shift.claimer, shift.relay)
        before = await state(shift.claimer, shift.relay, kind)
        await shift.claimer.set_state(shift.relay, kind, content)
        await shift.read_until(shift.claimer, "queue", shift.queue, TOLD[kind])
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await state(shift.claimer, shift.relay, kind) != before:
                pass
        power = await state(shift.claimer, shift.relay, "m.room.power_levels")
        assert power["users"] == {}

    # whatever the room's state said: nothing in clear is passed on, and nothing is said in clear
    await shift.claimer.send_plain(shift.relay, "in clear")
    await shift.read_until(shift.claimer, "relay", shift.relay, "not reach")
    await requester.set_state(home, "m.room.encryption", OPENED["m.room.encryption"])
    await requester.send_plain(home, "in clear, too")
    assert "not encrypted" in (await requester.next_message(home)).body
    await shift.claimer.send(shift.relay, "encrypted")
    answer = await requester.next_message(home)
    assert (answer.body, answer.decrypted) == ("encrypted", True)
    relay = shift.relay
    await shift.close()
    assert "in clear, too" not in [message.body for message in shift.claimer.messages(relay)]


async def make_ruler(helpline: Latest, person: Person, room: str) -> None:
    """What the homeserver's administrator can do: give somebody all power in a room."""
    account = await helpline.synapse.register(admin=True)
    admin = await Person.login(helpline.synapse.url, account.user_id, account.password)
    try:
        path = SynapseAdminPath.v1.rooms[room].make_room_admin
        await admin.request(Method.POST, path, {"user_id": person.user_id})
    finally:
        await admin.stop()


async def state(person: Person, room: str, kind: str) -> dict[str, Any]:
    return await person.request(Method.GET, Path.v3.rooms[room].state[kind][""])
