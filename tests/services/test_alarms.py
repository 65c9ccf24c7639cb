"""What the queue room hears of what is wrong: keys, strangers, settings, records."""

import pytest

from bot.deeds import Follow, Restore
from bot.errors import VestibuleError
from bot.happenings import (
    Alarm,
    Alarmed,
    AsksToVerify,
    Attached,
    Cause,
    Joined,
    Moved,
    Removed,
    Setting,
    SettingsChanged,
    Unreadable,
    Wrote,
)
from bot.testing.memory import _Conversations
from tests.services.world import (
    BOT,
    CLAIMER,
    FILE,
    OTHER,
    OTHER_ROOM,
    QUEUE,
    REQUESTER,
    ROOM,
    STRANGER,
    TEXTS,
    VETTER,
    WALK,
    World,
)


def staff_text(name: str, **params: str) -> str:
    return TEXTS.say(f"staff.{name}", "en", params)


def rooms(world: World) -> dict[str, str]:
    return {"queue": QUEUE, "relay": world.relay, "notes": world.notes}


def deeds(world: World, room: str, kind: type) -> list[object]:
    return [m.deed for at, m in world.server.delivered if at.room == room and isinstance(m.deed, kind)]


@pytest.mark.parametrize(
    ("alarmed", "told"),
    [
        (Alarmed(Alarm.UNSIGNED_DEVICE, VETTER, "LAPTOP"), "alarm_unsigned_device"),
        (Alarmed(Alarm.WRONG_IDENTITY, VETTER), "alarm_wrong_identity"),
        (Alarmed(Alarm.NEW_DEVICE), "alarm_new_device"),
        (Alarmed(Alarm.SERVER_WENT_BACK), "alarm_server_went_back"),
        (Alarmed(Alarm.CHANNEL_AWAY, channel="other"), "alarm_channel_away"),
        (Alarmed(Alarm.CHANNEL_BACK, channel="other"), "alarm_channel_back"),
        (Alarmed(Alarm.CHANNEL_CLOSED, channel="other"), "alarm_channel_closed"),
        (Alarmed(Alarm.CHANNEL_OLD, channel="other", detail="0.9"), "alarm_channel_old"),
        (Alarmed(Alarm.CHANNEL_LOSSY, channel="other", detail="--careful"), "alarm_channel_lossy"),
        (
            Alarmed(Alarm.CHANNEL_CHALLENGE, channel="other", detail="a-token", link="https://a.example"),
            "alarm_channel_challenge",
        ),
        (Alarmed(Alarm.UNSIGNED_DEVICE, BOT, "OTHER"), "alarm_own_unsigned_device"),
        (Alarmed(Alarm.WRONG_IDENTITY, BOT), "alarm_own_wrong_identity"),
    ],
)
async def test_what_happened_in_no_room_is_told_in_the_queue_room(alarmed: Alarmed, told: str) -> None:
    async with World() as world:
        await world.happen("", VETTER, alarmed)
        (said,) = world.said(QUEUE)
        about = {"who": alarmed.who or "", "device": alarmed.device or ""}
        assert said == staff_text(
            told, **about, channel=alarmed.channel.capitalize(), detail=alarmed.detail, link=alarmed.link
        )
        assert alarmed.detail in said
        assert alarmed.link in said
        for named in (alarmed.device, alarmed.who if alarmed.who != BOT else None):
            assert named is None or named in said


async def test_the_same_alarm_is_told_once() -> None:
    async with World() as world:
        for _ in range(2):
            world.server.happen("", VETTER, Alarmed(Alarm.WRONG_IDENTITY, VETTER), "keys/wrong/vera")
        await world.quiet()
        assert len(world.said(QUEUE)) == 1


async def test_nobody_speaks_with_our_voice_by_calling_themselves_a_sentence() -> None:
    async with World() as world:
        name = "@x:e.org\n\nAll is well. Write\u2028!close 7F3K" + "x" * 1_000
        await world.happen("", VETTER, Alarmed(Alarm.UNSIGNED_DEVICE, name, name))
        for what in (Joined(), SettingsChanged(Setting.POWER)):
            await world.happen(QUEUE, name, what)
        shown = "@x:e.org__All_is_well._Write_!close_7F3K" + "x" * (255 - 40)
        params = {"who": shown, "device": shown, "setting": staff_text("setting_power")}
        told = ("alarm_unsigned_device", "unlisted_in_queue", "setting_changed_in_queue")
        assert world.said(QUEUE) == [staff_text(text, **params) for text in told]


@pytest.mark.parametrize("where", ["queue", "relay", "notes"])
async def test_an_account_that_is_not_listed_and_comes_in_is_told_once_each_time(where: str) -> None:
    async with World() as world:
        number = await world.claimed()
        told = staff_text(f"unlisted_in_{where}", who=STRANGER, case=number)
        room, said = rooms(world)[where], {name: world.said(room) for name, room in rooms(world).items()}
        for times in (1, 2):
            await world.happen(room, STRANGER, Joined())
            assert world.said(QUEUE) == [*said["queue"], *[told] * times]
        assert (world.said(world.relay), world.said(world.notes)) == (said["relay"], said["notes"])


@pytest.mark.parametrize(
    ("where", "sender", "what"),
    [
        ("relay", CLAIMER, Wrote("send me your password", signed=False)),
        ("relay", STRANGER, Wrote("send me your password", signed=True)),
        ("relay", CLAIMER, Attached(FILE, signed=False)),
        ("relay", CLAIMER, Unreadable(Cause.UNBOUND)),
        ("notes", CLAIMER, Wrote("!close", signed=False)),
        ("notes", STRANGER, Wrote("!close", signed=True)),
        ("notes", CLAIMER, Unreadable(Cause.UNBOUND)),
    ],
)
async def test_what_is_refused_in_a_room_of_a_case_is_told_once_until_staff_write_there(
    where: str, sender: str, what: Wrote | Attached | Unreadable
) -> None:
    async with World() as world:
        number = await world.claimed()
        room, told = rooms(world)[where], staff_text(f"refused_in_{where}", case=number, who=sender)
        heard, before = world.said(ROOM), len(world.said(room))
        for _ in range(3):
            await world.happen(room, sender, what)
        assert world.said(room)[before:] == [staff_text("not_allowed")] * 3
        assert world.said(QUEUE).count(told) == 1
        assert world.said(ROOM) == heard
        assert world.files(ROOM) == []
        await world.command("!help", CLAIMER, room)
        await world.happen(room, sender, what)
        assert world.said(QUEUE).count(told) == 2


async def test_what_is_refused_in_the_queue_room_is_told_there_alone() -> None:
    async with World() as world:
        for what in (Wrote("!help", signed=False), Unreadable(Cause.UNBOUND)):
            await world.happen(QUEUE, VETTER, what)
        assert world.said(QUEUE) == [staff_text("not_allowed")] * 2


async def test_staff_among_themselves_are_not_disturbed() -> None:
    async with World() as world:
        await world.claimed()
        before = [world.said(room) for room in (*rooms(world).values(), ROOM)]
        for room in (QUEUE, world.notes):
            for what in (Attached(FILE, signed=True), Removed("$event"), Wrote("lunch?", signed=True)):
                await world.happen(room, VETTER, what)
        assert [world.said(room) for room in (*rooms(world).values(), ROOM)] == before
        assert world.files(ROOM) == []


@pytest.mark.parametrize("setting", Setting)
@pytest.mark.parametrize("where", ["queue", "relay", "notes"])
async def test_a_changed_setting_is_told_and_set_back_where_the_room_is_ours(where: str, setting: Setting) -> None:
    async with World() as world:
        number = await world.claimed()
        await world.happen(rooms(world)[where], STRANGER, SettingsChanged(setting))
        what = staff_text(f"setting_{setting.value}")
        told = staff_text(f"setting_changed_in_{where}", who=STRANGER, setting=what, case=number)
        assert world.said(QUEUE)[-1] == told
        restored = [room for room in rooms(world).values() if deeds(world, room, Restore)]
        assert restored == ([] if where == "queue" else [rooms(world)[where]])


@pytest.mark.parametrize("where", ["queue", "relay", "notes"])
async def test_a_staff_room_that_moved_is_followed(where: str) -> None:
    async with World() as world:
        await world.claimed()
        room = rooms(world)[where]
        await world.happen(room, VETTER, Moved("!upgraded:staff.example"))
        assert deeds(world, room, Follow) == [Follow("!upgraded:staff.example")]


async def test_staff_who_ask_to_verify_hear_how_to_compare_and_nobody_else_does() -> None:
    async with World() as world:
        for sender in (VETTER, STRANGER):
            await world.happen(QUEUE, sender, AsksToVerify())
        (said,) = world.said(QUEUE)
        assert said == staff_text("cannot_verify", fingerprint=world.server.key)
        assert world.server.key in said


async def test_a_record_that_cannot_be_read_is_told_once_and_quotes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with World() as world:
        await world.walk(WALK[:1])
        find = _Conversations.find

        def broken(self, channel, room):
            if room == ROOM:
                raise VestibuleError("a record cannot be read")
            return find(self, channel, room)

        monkeypatch.setattr(_Conversations, "find", broken)
        for text in ("one", "two"):
            await world.write(ROOM, REQUESTER, text)
        assert world.said(QUEUE) == [staff_text("record_broken")]
        await world.walk(WALK[:1], OTHER_ROOM, OTHER)
        assert len(world.said(OTHER_ROOM)) == 1


async def test_where_the_record_of_the_queue_room_is_broken_the_others_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with World() as world:
        await world.walk(WALK[:1])

        def broken(*_: object):
            raise VestibuleError("a record cannot be read")

        monkeypatch.setattr(_Conversations, "queue_rooms", broken)
        await world.happen("", VETTER, Alarmed(Alarm.NEW_DEVICE))
        await world.write(ROOM, REQUESTER, "1")
        assert len(world.said(ROOM)) == 2
