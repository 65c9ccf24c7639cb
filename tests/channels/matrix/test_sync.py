"""What a sync brought, from JSON that anybody may have had a hand in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from bot.channels.matrix.sync import Timeline, is_id, lean_filter, read_sync, usable, went_back
from tests.channels.matrix.fuzz import mutations

BOT = "@bot:localhost"
EVENT = {"type": "m.room.message", "event_id": "$1", "sender": "@ana:localhost", "content": {"body": "hello"}}
WHOLE: dict[str, Any] = {
    "next_batch": "s1",
    "to_device": {"events": [{"type": "m.room.encrypted", "sender": "@ana:localhost", "content": {}}]},
    "device_lists": {"changed": ["@ana:localhost"], "left": ["@ben:localhost"]},
    "device_one_time_keys_count": {"signed_curve25519": 49},
    "device_unused_fallback_key_types": ["signed_curve25519"],
    "rooms": {
        "join": {
            "!a:localhost": {"timeline": {"events": [EVENT], "limited": True, "prev_batch": "p1"}},
            "!b:localhost": {"timeline": {"events": [], "limited": False, "prev_batch": "p2"}},
        },
        "invite": {
            "!c:localhost": {
                "invite_state": {
                    "events": [
                        {"type": "m.room.name", "state_key": "", "sender": "@eve:localhost", "content": {}},
                        {"type": "m.room.member", "state_key": BOT, "sender": "@ana:localhost", "content": {}},
                        {"type": "m.room.member", "state_key": "@ana:localhost", "sender": "@x:y", "content": {}},
                    ]
                }
            }
        },
        "leave": {"!d:localhost": {"timeline": {"events": []}}},
    },
}


def test_all_of_it_is_read() -> None:
    synced = read_sync(WHOLE, BOT)
    assert synced is not None
    assert synced.token == "s1"
    assert synced.to_device == tuple(WHOLE["to_device"]["events"])
    assert synced.changed == ("@ana:localhost", "@ben:localhost")
    assert synced.counts == {"signed_curve25519": 49}
    assert synced.unused_fallback == ["signed_curve25519"]
    assert synced.timelines == (Timeline("!a:localhost", (EVENT,), "p1"), Timeline("!b:localhost", ()))
    assert synced.invited == (("!c:localhost", "@ana:localhost"),)
    assert synced.left == ("!d:localhost",)


@pytest.mark.parametrize("token", [None, "", 5, ["s1"], {"s1": 1}, True])
def test_without_a_token_there_is_nothing_to_go_on_from(token: Any) -> None:
    assert read_sync({**WHOLE, "next_batch": token}, BOT) is None


@pytest.mark.parametrize("nonsense", [None, 5, "x", [], [1], {}, {"x": 1}, {"events": 5}, {"join": [], "invite": "x"}])
@pytest.mark.parametrize("part", sorted(set(WHOLE) - {"next_batch"}))
def test_a_malformed_part_leaves_the_others_whole(part: str, nonsense: Any) -> None:
    expected, synced = read_sync(WHOLE, BOT), read_sync({**WHOLE, part: nonsense}, BOT)
    assert synced is not None
    assert expected is not None
    if part != "rooms":
        assert (synced.timelines, synced.invited, synced.left) == (expected.timelines, expected.invited, expected.left)
    if part != "to_device":
        assert synced.to_device == expected.to_device
    if part != "device_lists":
        assert synced.changed == expected.changed


@pytest.mark.parametrize(
    ("timeline", "gap"),
    [
        ({"limited": True, "prev_batch": "p"}, "p"),
        ({"limited": False, "prev_batch": "p"}, None),
        ({"prev_batch": "p"}, None),
        ({"limited": True}, None),
        ({"limited": True, "prev_batch": 5}, None),
        ({"limited": "yes", "prev_batch": "p"}, None),
        ([], None),
        (None, None),
    ],
)
def test_gaps(timeline: Any, gap: str | None) -> None:
    synced = read_sync({"next_batch": "s", "rooms": {"join": {"!a:b": {"timeline": timeline}}}}, BOT)
    assert synced is not None
    assert synced.timelines == (Timeline("!a:b", (), gap),)


@pytest.mark.parametrize(
    "event",
    [
        None,
        5,
        [],
        {},
        {**EVENT, "event_id": None},
        {**EVENT, "event_id": ""},
        {**EVENT, "event_id": "$" * 256},
        {**EVENT, "sender": 5},
        {**EVENT, "sender": "\ud800"},
        {**EVENT, "type": ["m.room.message"]},
        {k: v for k, v in EVENT.items() if k != "type"},
    ],
)
def test_an_event_without_what_every_event_has_is_left_out(event: Any) -> None:
    assert list(usable([EVENT, event, EVENT])) == [EVENT, EVENT]


@pytest.mark.parametrize("room", ["", "!" * 256, "\udfff"])
def test_a_room_that_cannot_be_one_is_left_out(room: str) -> None:
    rooms = {part: {room: {}} for part in ("join", "invite", "leave")}
    synced = read_sync({"next_batch": "s", "rooms": rooms}, BOT)
    assert synced is not None
    assert (synced.timelines, synced.invited, synced.left) == ((), (), ())


@pytest.mark.parametrize("state", [None, 5, [], {"events": [None, 5, {}, {"type": "m.room.member"}]}])
def test_an_invitation_from_nobody_is_still_one(state: Any) -> None:
    synced = read_sync({"next_batch": "s", "rooms": {"invite": {"!a:b": {"invite_state": state}}}}, BOT)
    assert synced is not None
    assert synced.invited == (("!a:b", ""),)


def test_the_filter_lets_through_what_is_read_and_nothing_of_our_own() -> None:
    timeline = lean_filter(BOT, 7)["room"]["timeline"]
    assert timeline["not_senders"] == [BOT]
    assert timeline["limit"] == 7
    assert "m.room.encrypted" in timeline["types"]


def check(answer: Any) -> None:
    """Only well-formed values, whatever came."""
    if not isinstance(answer, dict):
        return
    synced = read_sync(answer, BOT)
    if synced is None:
        return
    assert isinstance(synced.counts, dict)
    assert all(map(is_id, synced.changed + synced.left))
    for room, person in synced.invited:
        assert is_id(room)
        assert person == "" or is_id(person)
    for timeline in synced.timelines:
        assert is_id(timeline.room)
        assert timeline.gap is None or isinstance(timeline.gap, str)
        for event in timeline.events:
            assert all(is_id(event[part]) for part in ("event_id", "sender", "type"))


fuzz = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)


@settings(fuzz, max_examples=400)
@given(mutations(WHOLE))
def test_no_sync_raises_anything(answer: Any) -> None:
    check(answer)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(20))  # in parts: hypothesis remembers all that it tried
def test_no_sync_raises_anything_in_a_hundred_thousand(part: int) -> None:
    settings(fuzz, max_examples=5_000)(given(mutations(WHOLE))(check))()


@pytest.mark.parametrize(
    ("before", "now", "back"),
    [
        ("s50_1_2", "s49_1_2", True),
        ("s50_1_2", "s50_1_2", False),
        ("s50_1_2", "s51_0_0", False),
        ("s9", "s10", False),
        ("m50~1.60_1", "s20_1", True),
        ("50", "20", True),
        ("50ab", "20cd", False),
        ("opaque", "s20", False),
        ("s50", "opaque", False),
        ("s" + "9" * 400, "s20", False),
        ("", "", False),
    ],
)
def test_a_token_of_an_earlier_state_is_seen_where_it_can_be(before: str, now: str, back: bool) -> None:
    assert went_back(before, now) is back
