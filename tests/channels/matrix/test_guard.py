"""The guard around nio's Olm machine: what strangers send, what a crash leaves, who can read what (laws 1, 7, 10)."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import olm
import peewee
import pytest
from hypothesis import HealthCheck, given, settings

from bot.channels.matrix import cryptostore, machine, recent
from bot.channels.matrix.broken import MAX_KEYS, MAX_PEOPLE, Broken
from bot.channels.matrix.cryptostore import FILE, CipherStore, CryptoStoreError
from bot.channels.matrix.guard import Guard
from bot.channels.matrix.machine import MAX_SESSIONS, CannotRead
from bot.channels.matrix.signing import Device
from bot.happenings import Cause
from tests.channels.matrix.fuzz import json_values, mutations
from tests.channels.matrix.peer import BOT, JSON, KEY, Peer, Room, opened, published
from tests.live.forge import encrypted, malformed, unknown_one_time_key

ROOM = "!room:localhost"
NOW = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Guard]:
    with opened(tmp_path) as guard:
        yield guard


@pytest.fixture
def stock(guard: Guard) -> list[JSON]:
    return published(guard)


def talking(guard: Guard, stock: list[JSON], name: str = "ana", device: str = "PEER") -> Peer:
    if not stock:
        stock += published(guard)
    peer = Peer(f"@{name}:localhost", device)
    peer.begin(guard, stock.pop())
    return peer


def text(guard: Guard, event: JSON, room: str = ROOM) -> str:
    return str(guard.decrypt(room, event).payload["content"]["body"])


def why_not(guard: Guard, event: JSON, room: str = ROOM) -> Cause:
    with pytest.raises(CannotRead) as refused:
        guard.decrypt(room, event)
    return refused.value.cause


def stored(guard: Guard, table: str) -> int:
    """How many rows the store has."""
    ((rows,),) = guard._store.database.execute_sql(f"SELECT count(*) FROM {table}").fetchall()  # noqa: S608 - ours
    return int(rows)


def shared_room(guard: Guard, peer: Peer, room: str = ROOM) -> Room:
    made = peer.room(room)
    assert guard.receive([peer.send(guard, "m.room_key", made.key())]) == 1
    return made


# --- what strangers send ---------------------------------------------------------------------------------------------


def test_a_malformed_event_spoils_nothing_before_or_after_it_in_its_batch(guard: Guard, stock: list[JSON]) -> None:
    wrong = malformed(guard.curve25519)
    for name, content in wrong.items():
        before, after = talking(guard, stock, "ana"), talking(guard, stock, "ben")
        rooms = before.room(ROOM), after.room(ROOM)
        event = {"type": "m.room.encrypted", "sender": "@mallory:localhost", "content": content}
        batch = [
            before.send(guard, "m.room_key", rooms[0].key()),
            event,
            after.send(guard, "m.room_key", rooms[1].key()),
        ]
        assert guard.receive(batch) == 2, name
        assert [text(guard, room.event(f"${name}{n}")) for n, room in enumerate(rooms)] == ["hello"] * 2, name
    assert guard.refused == len(wrong)


@pytest.mark.parametrize(
    "event",
    [
        None,
        3,
        "m.room.encrypted",
        [],
        {},
        {"type": "m.room.encrypted"},
        {"type": "m.room.encrypted", "sender": 5, "content": {}},
        {"type": "m.room.encrypted", "sender": "@x:y", "content": []},
        {"type": ["m.room.encrypted"], "sender": "@x:y", "content": {}},
        {"type": "m.room_key", "sender": "@x:y", "content": {"algorithm": "m.megolm.v1.aes-sha2"}},
        {"type": "m.forwarded_room_key", "sender": "@x:y", "content": {}},
        {"type": "m.key.verification.start", "sender": "@x:y", "content": {}},
    ],
)
def test_what_is_no_olm_message_is_passed_over(guard: Guard, event: Any) -> None:
    guard.receive([event])


def test_a_sender_that_cannot_be_one_is_refused(guard: Guard, stock: list[JSON]) -> None:
    peer = talking(guard, stock)
    event = peer.send(guard, "m.dummy", {})
    for sender in ("", "x" * 256, "\ud800", None, {"@ana:localhost": 1}):
        assert guard.receive([{**event, "sender": sender}]) == 0
    assert guard.receive([event]) == 1


def fuzz_bodies(guard: Guard, stock: list[JSON], examples: int) -> None:
    good = talking(guard, stock, "good")
    room = shared_room(guard, good)
    mallory = talking(guard, stock, "mallory")
    template = {
        "type": "m.room.encrypted",
        "sender": mallory.user_id,
        "content": encrypted(guard.curve25519, mallory.curve25519, 0, unknown_one_time_key(guard.curve25519)),
    }

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(mutations(template), mutations(mallory.room(ROOM).key()), mutations(room.event("$e")))
    def bodies(event: Any, content: Any, message: Any) -> None:
        inside = mallory.send(guard, "m.room_key", content)
        guard.receive([event, inside])
        if isinstance(message, dict):
            with contextlib.suppress(CannotRead):
                guard.decrypt(ROOM, message)

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(json_values | mutations({"type": "m.room_key", "keys": {"ed25519": mallory.ed25519}}))
    def payloads(changed: Any) -> None:
        if isinstance(changed, dict):
            guard.receive([mallory.send(guard, "m.room_key", mallory.room(ROOM).key(), **changed)])

    bodies()
    payloads()
    assert text(guard, room.event("$last", "still here")) == "still here"


def test_no_to_device_body_and_no_room_event_raises_anything_but_a_refusal(guard: Guard, stock: list[JSON]) -> None:
    fuzz_bodies(guard, stock, 150)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(20))  # in parts: hypothesis remembers all that it tried
def test_no_to_device_body_raises_however_often_it_is_tried(guard: Guard, stock: list[JSON], part: int) -> None:
    fuzz_bodies(guard, stock, 5_000)


@pytest.mark.parametrize(
    "plaintext",
    [
        "",
        "{}",
        "[]",
        "not json",
        '{"a":' * 50_000,
        "9" * 5_000,
        '{"type":"m.room_key","content":' + "[" * 800 + "]" * 800 + "}",
        '{"type":"m.dummy","sender":"\ud800"}'.encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
    ],
)
def test_an_olm_message_that_opens_to_nonsense_is_refused(guard: Guard, stock: list[JSON], plaintext: str) -> None:
    peer = talking(guard, stock)
    assert guard.receive([peer.send_raw(guard, plaintext)]) == 0
    assert guard.receive([peer.send(guard, "m.dummy", {})]) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"sender": "@victim:localhost"},
        {"recipient": "@somebody:localhost"},
        {"recipient_keys": {"ed25519": "A" * 43}},
        {"recipient_keys": {}},
        {"keys": {}},
        {"keys": {"ed25519": 7}},
        {"keys": {"ed25519": ["x"]}},
        {"content": {"algorithm": "m.megolm.v1.aes-sha2"}},
        {"content": []},
    ],
)
def test_a_room_key_that_is_not_for_us_or_not_whole_is_not_taken(
    guard: Guard, stock: list[JSON], changed: JSON
) -> None:
    peer = talking(guard, stock)
    room = peer.room(ROOM)
    assert guard.receive([peer.send(guard, "m.room_key", room.key(), **changed)]) == 0
    assert why_not(guard, room.event("$1")) is Cause.NO_KEY


@pytest.mark.parametrize(
    "changed", [{"session_id": "A" * 43}, {"session_key": "AgAA"}, {"session_key": 5}, {"room_id": 5}]
)
def test_a_malformed_room_key_is_not_taken(guard: Guard, stock: list[JSON], changed: JSON) -> None:
    peer = talking(guard, stock)
    assert guard.receive([peer.send(guard, "m.room_key", peer.room(ROOM).key(**changed))]) == 0


def test_many_sessions_of_one_device_are_not_all_kept(guard: Guard, stock: list[JSON], tmp_path: Path) -> None:
    mallory = talking(guard, stock, "mallory")
    for _ in range(3 * MAX_SESSIONS):
        mallory.begin(guard, stock.pop())
        assert guard.receive([mallory.send(guard, "m.dummy", {})]) == 1
    guard.close()
    with opened(tmp_path) as again:
        assert stored(again, "olmsessions") == MAX_SESSIONS
        assert again.receive([mallory.send(again, "m.dummy", {})]) == 1


def test_a_failing_store_is_not_taken_for_a_malformed_event_and_loses_nothing(
    guard: Guard, stock: list[JSON], monkeypatch: pytest.MonkeyPatch
) -> None:
    peers = [talking(guard, stock, name) for name in ("ana", "ben")]
    rooms = [peer.room(ROOM) for peer in peers]
    batch = [peer.send(guard, "m.room_key", room.key()) for peer, room in zip(peers, rooms, strict=True)]
    save = CipherStore.save_inbound_group_session
    saved: list[object] = []

    def full(store: CipherStore, session: object) -> None:
        saved.append(session)
        if len(saved) == 2:
            raise peewee.OperationalError("database or disk is full")
        save(store, session)

    monkeypatch.setattr(CipherStore, "save_inbound_group_session", full)
    with pytest.raises(peewee.OperationalError):
        guard.receive(batch)
    assert why_not(guard, rooms[0].event("$0")) is Cause.NO_KEY
    assert guard.receive(batch) == 2
    assert [text(guard, room.event("$1")) for room in rooms] == ["hello"] * 2


# --- the keys that we publish ----------------------------------------------------------------------------------------


def uploaded(guard: Guard, counts: Any, fallback: object = ("signed_curve25519",)) -> tuple[int, int]:
    body = guard.keys_to_upload(counts, list(fallback) if isinstance(fallback, tuple) else fallback) or {}
    guard.keys_settled()
    return len(body.get("one_time_keys", {})), len(body.get("fallback_keys", {}))


@pytest.mark.parametrize(
    ("counts", "keys"),
    [
        ({}, 50),
        ({"signed_curve25519": 0}, 50),
        ({"signed_curve25519": 1}, 49),
        ({"signed_curve25519": 24}, 26),
        ({"signed_curve25519": 25}, 0),
        ({"signed_curve25519": 50}, 0),
        ({"curve25519": 50}, 50),
        ({"signed_curve25519": -1}, 50),
        ({"signed_curve25519": True}, 50),
        ({"signed_curve25519": "50"}, 50),
        ({"signed_curve25519": None}, 50),
        ({"signed_curve25519": [50]}, 50),
    ],
)
def test_one_time_keys_are_replenished(guard: Guard, counts: JSON, keys: int) -> None:
    assert uploaded(guard, counts) == (keys, 0)


@pytest.mark.parametrize(
    ("unused", "keys"),
    [(["signed_curve25519"], 0), ([], 1), (["curve25519"], 1), ([5, None], 1), (None, 0), ("signed_curve25519", 0)],
)
def test_a_fallback_key_is_there_where_the_server_knows_them(guard: Guard, unused: object, keys: int) -> None:
    assert uploaded(guard, {"signed_curve25519": 50}, unused) == (0, keys)


def test_what_is_uploaded_is_signed_by_the_device(guard: Guard) -> None:
    body = guard.keys_to_upload({}, [])
    assert body is not None
    for document in (guard.device_keys(), *body["one_time_keys"].values(), *body["fallback_keys"].values()):
        signatures = document["signatures"]
        bare = {key: value for key, value in document.items() if key != "signatures"}
        olm.ed25519_verify(guard.ed25519, canonical(bare), signatures[BOT]["ed25519:BOTDEVICE"])
    assert all(key["fallback"] is True for key in body["fallback_keys"].values())


def canonical(document: JSON) -> str:
    from nio.api import Api

    return str(Api.to_canonical_json(document))


def test_keys_are_on_the_disk_before_they_are_sent(guard: Guard, tmp_path: Path) -> None:
    sent = guard.keys_to_upload({}, [])
    assert sent is not None
    guard.close()  # killed while the request was on its way
    with opened(tmp_path) as again:
        assert again.keys_to_upload({}, []) == sent
        again.keys_settled()
        for key in (*sent["one_time_keys"].values(), *sent["fallback_keys"].values()):
            peer = Peer("@ana:localhost")
            peer.begin(again, key)
            assert again.receive([peer.send(again, "m.dummy", {})]) == 1


def test_keys_once_settled_are_not_offered_again(guard: Guard) -> None:
    first = guard.keys_to_upload({}, [])
    guard.keys_settled()
    second = guard.keys_to_upload({}, [])
    assert first
    assert second
    for part in ("one_time_keys", "fallback_keys"):
        assert not first[part].keys() & second[part].keys()


def test_a_used_one_time_key_opens_nothing_more_even_after_a_restart(
    guard: Guard, stock: list[JSON], tmp_path: Path
) -> None:
    key = stock.pop()
    first, second = Peer("@ana:localhost"), Peer("@ben:localhost")
    first.begin(guard, key)
    second.begin(guard, key)
    assert guard.receive([first.send(guard, "m.dummy", {})]) == 1
    guard.close()
    with opened(tmp_path) as again:
        assert again.receive([second.send(again, "m.dummy", {})]) == 0


def test_what_is_delivered_again_is_not_taken_for_broken(guard: Guard, stock: list[JSON]) -> None:
    peer = talking(guard, stock)
    event = peer.send(guard, "m.dummy", {})
    assert guard.receive([event]) == guard.receive([copy.deepcopy(event)]) == 1
    assert not guard.broken


# --- room events -----------------------------------------------------------------------------------------------------


def test_a_ciphertext_has_one_name_whatever_event_brings_it(guard: Guard, stock: list[JSON]) -> None:
    event = shared_room(guard, talking(guard, stock)).event("$1")
    assert text(guard, event) == "hello"
    assert text(guard, copy.deepcopy(event)) == "hello"
    again = guard.decrypt(ROOM, {**event, "event_id": "$2"})
    assert again.once == guard.decrypt(ROOM, event).once


def test_a_message_for_another_room_is_refused(guard: Guard, stock: list[JSON]) -> None:
    room = shared_room(guard, talking(guard, stock))
    assert why_not(guard, room.event("$1", room_id="!other:localhost")) is Cause.UNBOUND
    assert why_not(guard, room.event("$2", room_id=None)) is Cause.UNBOUND
    assert why_not(guard, room.event("$3"), "!other:localhost") is Cause.NO_KEY


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"algorithm": "m.megolm.v1.aes-sha2"},
        {"algorithm": "m.megolm.v1.aes-sha2", "session_id": [], "ciphertext": "x"},
        {"algorithm": "m.megolm.v1.aes-sha2", "session_id": {}, "ciphertext": {}},
        [],
        None,
        "text",
    ],
)
def test_a_malformed_room_event_is_refused(guard: Guard, content: Any) -> None:
    assert why_not(guard, {"type": "m.room.encrypted", "content": content}) is Cause.NO_KEY


@pytest.mark.parametrize("ciphertext", ["", "AAAA", "not base64 ☂", 5, None, ["x"], {}])
def test_a_room_event_with_a_spoiled_ciphertext_is_refused(guard: Guard, stock: list[JSON], ciphertext: Any) -> None:
    event = shared_room(guard, talking(guard, stock)).event("$1")
    spoiled = {**event, "content": {**event["content"], "ciphertext": ciphertext}}
    assert why_not(guard, spoiled) is Cause.NO_KEY
    assert text(guard, event) == "hello"


def test_a_message_is_read_without_the_deprecated_sender_key_and_whatever_it_says(
    guard: Guard, stock: list[JSON]
) -> None:
    room = shared_room(guard, talking(guard, stock))
    event = room.event("$1")
    del event["content"]["sender_key"], event["content"]["device_id"]
    assert text(guard, event) == "hello"
    forged = room.event("$2")
    forged["content"]["sender_key"] = "A" * 43
    plain = guard.decrypt(ROOM, forged)
    assert (plain.curve25519, plain.ed25519) == (room.peer.curve25519, room.peer.ed25519)


def test_a_room_key_sent_again_later_does_not_close_what_the_first_one_opens(
    guard: Guard, stock: list[JSON], tmp_path: Path
) -> None:
    peer = talking(guard, stock)
    room = shared_room(guard, peer)
    events = [room.event(f"${n}") for n in range(3)]
    assert guard.receive([peer.send(guard, "m.room_key", room.key())]) == 1  # begins with the fourth message
    assert text(guard, events[0]) == "hello"
    guard.close()
    with opened(tmp_path) as again:
        assert text(again, events[1]) == text(again, room.event("$3")) == "hello"


def test_an_earlier_room_key_opens_what_a_later_one_did_not(guard: Guard, stock: list[JSON]) -> None:
    peer = talking(guard, stock)
    room = peer.room(ROOM)
    early = room.key()
    event = room.event("$1")
    late = room.key()
    assert guard.receive([peer.send(guard, "m.room_key", late)]) == 1
    assert why_not(guard, event) is Cause.NO_KEY
    assert guard.receive([peer.send(guard, "m.room_key", early)]) == 1
    assert text(guard, event) == "hello"


def test_a_device_is_taken_at_its_last_word_for_its_signing_key_in_memory_as_on_the_disk(
    guard: Guard, stock: list[JSON], tmp_path: Path
) -> None:
    peer = talking(guard, stock)
    room = peer.room(ROOM)
    early = room.key()
    event = room.event("$1")
    assert guard.receive([peer.send(guard, "m.room_key", room.key(), keys={"ed25519": "A" * 43})]) == 1
    assert guard.receive([peer.send(guard, "m.room_key", early)]) == 1
    assert guard.decrypt(ROOM, event).ed25519 == peer.ed25519
    guard.close()
    with opened(tmp_path) as again:
        assert again.decrypt(ROOM, event).ed25519 == peer.ed25519


@pytest.mark.parametrize("room_id", [ROOM, "!other:localhost"])
def test_whoever_received_a_room_key_cannot_make_it_their_own(
    guard: Guard, stock: list[JSON], tmp_path: Path, room_id: str
) -> None:
    victim, mallory = talking(guard, stock, "victim"), talking(guard, stock, "mallory")
    room = shared_room(guard, victim)
    first = room.event("$1")
    assert guard.receive([mallory.send(guard, "m.room_key", room.key(room_id=room_id))]) == 0
    guard.close()
    with opened(tmp_path) as again:
        for event in (first, room.event("$2")):
            assert again.decrypt(ROOM, event).curve25519 == victim.curve25519


# --- what is held in memory, and what is looked up -------------------------------------------------------------------


@contextlib.contextmanager
def statements(guard: Guard) -> Iterator[list[str]]:
    """What the store is asked to do meanwhile."""
    found: list[str] = []
    connection = guard._store.database.connection()
    connection.set_trace_callback(found.append)
    yield found
    connection.set_trace_callback(None)


def test_a_start_reads_no_key_however_many_there_are(
    guard: Guard, stock: list[JSON], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = talking(guard, stock)
    rooms = [shared_room(guard, peer, f"!{n}:localhost") for n in range(20)]
    guard.close()
    read: list[str] = []
    for kind in (cryptostore.InboundGroupSession, cryptostore.Session):

        def noted(*row: Any, name: str = kind.__name__, unpickle: Any = kind.from_pickle) -> Any:
            read.append(name)
            return unpickle(*row)

        monkeypatch.setattr(kind, "from_pickle", noted)
    with opened(tmp_path) as again:
        assert read == []
        assert text(again, rooms[7].event("$1"), rooms[7].room) == "hello"
        assert read == ["InboundGroupSession"]


def test_a_message_is_read_without_the_store_once_its_key_is_in_memory(
    guard: Guard, stock: list[JSON], tmp_path: Path
) -> None:
    room = shared_room(guard, talking(guard, stock))
    with statements(guard) as asked:
        assert text(guard, room.event("$1")) == "hello"
    assert asked == []
    guard.close()
    with opened(tmp_path) as again, statements(again) as asked:
        for n in range(2):
            assert text(again, room.event(f"${n}")) == "hello"
    (look_up,) = asked
    assert look_up.split()[0] == "SELECT"


def test_room_keys_that_memory_does_not_hold_open_what_they_opened(
    guard: Guard, stock: list[JSON], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard.close()
    monkeypatch.setattr(machine, "MAX_ROOM_KEYS", 2)
    with opened(tmp_path) as guard:
        peer, mallory = talking(guard, stock, "ana"), talking(guard, stock, "mallory")
        rooms = [shared_room(guard, peer, f"!{n}:localhost") for n in range(5)]
        for _ in range(2):
            assert [text(guard, room.event("$1"), room.room) for room in rooms] == ["hello"] * 5
            assert len(guard._olm._room_keys) == 2
        first = rooms[0]
        early, late = first.event("$2"), first.key()
        assert guard.receive([mallory.send(guard, "m.room_key", late)]) == 0  # somebody else's, long let go
        assert [text(guard, room.event("$3"), room.room) for room in rooms[1:]] == ["hello"] * 4
        assert guard.receive([peer.send(guard, "m.room_key", late)]) == 1  # begins later than the one let go
        assert text(guard, early, first.room) == "hello"
        assert guard.decrypt(first.room, early).curve25519 == peer.curve25519


def test_olm_sessions_that_memory_does_not_hold_go_on_where_they_stood(
    guard: Guard, stock: list[JSON], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    guard.close()
    monkeypatch.setattr(recent, "MAX_PEERS", 1)
    with opened(tmp_path) as guard:
        peers = [talking(guard, stock, name) for name in ("ana", "ben", "eve")]
        devices = [peer.device() for peer in peers]
        for n in range(3):
            assert guard.receive([peer.send(guard, "m.dummy", {}) for peer in peers]) == 3
            messages = guard.dummies(devices)
            assert [peer.receive(messages[peer.user_id]["PEER"])["type"] for peer in peers] == ["m.dummy"] * 3, n
        assert guard.without_session(devices) == []
        assert not guard.broken


def test_after_a_restart_the_session_that_was_used_last_is_written_with(
    guard: Guard, stock: list[JSON], tmp_path: Path
) -> None:
    ana = talking(guard, stock)
    ana.begin(guard, stock.pop())
    newer, older = ana.sessions[1], ana.sessions[0]
    for session in (older, newer, older):
        ana.sessions.append(session)
        assert guard.receive([ana.send(guard, "m.dummy", {})]) == 1
    guard.close()
    with opened(tmp_path) as again:
        content = again.dummies([ana.device()])[ana.user_id]["PEER"]
        ana.sessions = [older]
        assert ana.receive(content)["type"] == "m.dummy"


@pytest.mark.parametrize("name", ["\ud800", 10**30, 5, None, "x" * 300, {}, []])
def test_a_session_that_no_store_could_look_up_is_refused(guard: Guard, name: Any) -> None:
    content = {"algorithm": "m.megolm.v1.aes-sha2", "session_id": name, "ciphertext": "x"}
    assert why_not(guard, {"type": "m.room.encrypted", "content": content}) is Cause.NO_KEY


# --- what goes out ---------------------------------------------------------------------------------------------------


def share(guard: Guard, room: str, readers: Mapping[Device, Peer]) -> dict[str, JSON]:
    """Share the room's present key with those who lack it; what each peer received."""
    missing = guard.missing_key(room, list(readers))
    for device in guard.without_session(missing):
        guard.start_sessions([device], readers[device].claimed())
    messages = guard.share_key(room, missing)
    guard.key_shared(room, messages, missing)
    return {
        device.user_id: readers[device].receive(messages[device.user_id][device.device_id])["content"]
        for device in missing
        if device.device_id in messages.get(device.user_id, {})
    }


def read(key: JSON, sealed: JSON) -> str:
    return str(olm.InboundGroupSession(key["session_key"]).decrypt(sealed["ciphertext"])[0])


def say(guard: Guard, words: str = "hi") -> JSON:
    return guard.encrypt(ROOM, "m.room.message", {"msgtype": "m.text", "body": words})


def test_readers_get_the_key_once_and_read_what_is_said(guard: Guard) -> None:
    ana = Peer("@ana:localhost")
    keys = share(guard, ROOM, {ana.device(): ana})
    assert '"hi"' in read(keys[ana.user_id], say(guard))
    assert share(guard, ROOM, {ana.device(): ana}) == {}


def test_a_newcomer_reads_what_follows_and_nothing_before(guard: Guard) -> None:
    ana, ben = Peer("@ana:localhost"), Peer("@ben:localhost")
    share(guard, ROOM, {ana.device(): ana})
    before = say(guard)
    key = share(guard, ROOM, {ana.device(): ana, ben.device(): ben})[ben.user_id]
    assert '"hi"' in read(key, say(guard))
    with pytest.raises(olm.OlmGroupSessionError):
        read(key, before)


@pytest.mark.parametrize("gone", ["left", "no longer signed", "another key"])
def test_a_reader_who_may_read_no_longer_reads_nothing_more(guard: Guard, gone: str) -> None:
    ana, ben = Peer("@ana:localhost"), Peer("@ben:localhost")
    old = share(guard, ROOM, {ana.device(signed=True): ana, ben.device(signed=True): ben})[ben.user_id]
    new = {"left": [], "no longer signed": [ben.device()], "another key": [Peer(ben.user_id).device()]}[gone]
    share(guard, ROOM, {ana.device(signed=True): ana, **{d: Peer(d.user_id) for d in new if gone == "another key"}})
    with pytest.raises(olm.OlmGroupSessionError):
        read(old, say(guard))


def test_a_device_without_a_usable_one_time_key_is_left_out_and_tried_again(guard: Guard) -> None:
    ana, ben, eve = Peer("@ana:localhost"), Peer("@ben:localhost"), Peer("@eve:localhost")
    devices = [peer.device() for peer in (ana, ben, eve)]
    assert guard.missing_key(ROOM, devices) == devices
    forged = ben.claimed()
    next(iter(forged["one_time_keys"][ben.user_id]["PEER"].values()))["key"] = "A" * 43
    claimed = {"one_time_keys": {**ana.claimed()["one_time_keys"], **forged["one_time_keys"]}}
    guard.start_sessions(devices, claimed)
    messages = guard.share_key(ROOM, devices)
    guard.key_shared(ROOM, messages, devices)
    assert set(messages) == {ana.user_id}
    assert guard.missing_key(ROOM, devices) == devices[1:]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"one_time_keys": []},
        {"one_time_keys": {"@ana:localhost": {}}},
        {"one_time_keys": {"@ana:localhost": {"PEER": {}}}},
        {"one_time_keys": {"@ana:localhost": {"PEER": {"signed_curve25519:A": "x"}}}},
        {"one_time_keys": {"@ana:localhost": {"PEER": {"signed_curve25519:A": {"key": 5}}}}},
        {"one_time_keys": {"@ana:localhost": {"PEER": {"signed_curve25519:A": {"signatures": [1]}}}}},
    ],
)
def test_a_malformed_claim_starts_nothing(guard: Guard, answer: JSON) -> None:
    ana = Peer("@ana:localhost").device()
    guard.start_sessions([ana], answer)
    assert guard.without_session([ana]) == [ana]


def test_a_one_time_key_with_another_key_in_it_is_refused_though_signed(guard: Guard) -> None:
    ana = Peer("@ana:localhost")
    claimed = ana.claimed()
    one = claimed["one_time_keys"][ana.user_id]["PEER"]
    for bad in ("x", 5, None, "A" * 42, "!" * 43):
        key_id = next(iter(one))
        one[key_id] = ana.signed({"key": bad})
        guard.start_sessions([ana.device()], claimed)
        assert guard.without_session([ana.device()])


def test_a_strangers_device_with_somebody_elses_identity_key_cuts_nobody_off(guard: Guard, stock: list[JSON]) -> None:
    victim, mallory = Peer("@victim:localhost"), Peer("@mallory:localhost")
    stolen = Device(mallory.user_id, mallory.device_id, victim.curve25519, mallory.ed25519, signed=False)
    guard.missing_key("!mallory:localhost", [stolen])
    guard.start_sessions([stolen], mallory.claimed())
    guard.share_key("!mallory:localhost", [stolen])
    key = share(guard, ROOM, {victim.device(): victim})[victim.user_id]
    assert '"hi"' in read(key, say(guard))
    guard.start_sessions([stolen], mallory.claimed())  # once more, as for a broken session
    guard.forget_room(ROOM)
    assert share(guard, ROOM, {victim.device(): victim})


def test_a_forgotten_room_gets_a_new_key_but_a_message_on_its_way_goes_out(guard: Guard) -> None:
    ana = Peer("@ana:localhost")
    keys = share(guard, ROOM, {ana.device(): ana})
    guard.forget_room(ROOM)  # while the message is being prepared
    assert '"hi"' in read(keys[ana.user_id], say(guard))
    assert share(guard, ROOM, {ana.device(): ana})[ana.user_id]["session_id"] != keys[ana.user_id]["session_id"]


def test_our_own_messages_open_for_ourselves_after_a_restart(guard: Guard, tmp_path: Path) -> None:
    ana = Peer("@ana:localhost")
    share(guard, ROOM, {ana.device(): ana})
    event = {"type": "m.room.encrypted", "event_id": "$1", "sender": BOT, "content": say(guard)}
    guard.close()
    with opened(tmp_path) as again:
        assert text(again, event) == "hi"


# --- wedged sessions -------------------------------------------------------------------------------------------------


def test_a_device_whose_session_broke_gets_a_new_one_and_talks_on(guard: Guard, stock: list[JSON]) -> None:
    ana = talking(guard, stock, "ana")
    guard.receive([ana.send(guard, "m.dummy", {})])
    ana.receive(guard.dummies([ana.device()])[ana.user_id]["PEER"])
    ana.send(guard, "m.dummy", {})
    rewound = ana.sessions[-1].pickle()
    assert guard.receive([ana.send(guard, "m.dummy", {})]) == 1
    ana.sessions[-1] = olm.Session.from_pickle(rewound)  # restored from a backup: its ratchet stands where it was
    assert guard.receive([ana.send(guard, "m.room_key", ana.room(ROOM).key())]) == 0

    assert guard.broken.take(NOW, 10) == [(ana.user_id, ana.curve25519)]
    guard.start_sessions([ana.device()], ana.claimed())
    message = guard.dummies([ana.device()])[ana.user_id]["PEER"]
    guard.broken.revived([(ana.user_id, ana.curve25519)], NOW)
    assert ana.receive(message)["type"] == "m.dummy"
    shared_room(guard, ana)


def test_a_message_made_with_a_key_that_we_never_had_makes_its_device_broken(guard: Guard) -> None:
    sender_key = str(olm.Account().identity_keys["curve25519"])
    content = encrypted(guard.curve25519, sender_key, 0, unknown_one_time_key(guard.curve25519))
    guard.receive([{"type": "m.room.encrypted", "sender": "@ana:localhost", "content": content}])
    assert guard.broken.take(NOW, 10) == [("@ana:localhost", sender_key)]


def test_a_kind_of_olm_message_that_we_do_not_know_makes_nothing_broken(guard: Guard, stock: list[JSON]) -> None:
    guard.receive([talking(guard, stock).send(guard, "m.secret.send", {"secret": "x"})])
    assert not guard.broken


def test_a_device_is_revived_once_and_not_again_within_the_hour() -> None:
    broken = Broken()
    pair = ("@ana:localhost", "key")
    broken.remember(*pair)
    assert broken.take(NOW, 5) == [pair]
    broken.revived([pair], NOW)
    assert not broken.take(NOW + timedelta(days=1), 5)
    broken.remember(*pair)
    assert not broken.take(NOW + timedelta(minutes=59), 5)
    broken.remember(*pair)
    assert broken.take(NOW + timedelta(hours=1), 5) == [pair]


def test_a_flood_of_broken_messages_neither_grows_nor_hides_the_rest() -> None:
    broken = Broken()
    for n in range(100):
        broken.remember("@mallory:localhost", f"key{n}")
    broken.remember("@ana:localhost", "key")
    for n in range(2 * MAX_PEOPLE):
        broken.remember(f"@m{n}:localhost", "key")
    first = broken.take(NOW, 2)
    assert len(first) == MAX_KEYS + 1
    assert ("@ana:localhost", "key") in first
    assert len(broken.take(NOW, 10 * MAX_PEOPLE)) == MAX_PEOPLE - 2


# --- at rest ---------------------------------------------------------------------------------------------------------


def test_the_store_names_nobody_and_only_its_owner_may_open_it(guard: Guard, stock: list[JSON], tmp_path: Path) -> None:
    ana = talking(guard, stock, "ana")
    shared_room(guard, ana)
    share(guard, ROOM, {ana.device(): ana})
    guard.keys_to_upload({}, [])

    def look() -> None:
        files = list(tmp_path.iterdir())
        assert {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}
        content = b"".join(file.read_bytes() for file in files)
        assert len(content) > 10_000
        for word in (BOT, "BOTDEVICE", ana.user_id, ROOM, ana.curve25519, guard.curve25519, "olmsessions", "SQLite"):
            assert word.encode() not in content

    assert len(list(tmp_path.iterdir())) > 1  # the log beside the database is looked at, too
    look()
    guard.close()
    look()


def test_a_file_that_anybody_could_read_is_closed_to_them(guard: Guard, tmp_path: Path) -> None:
    guard.close()
    (tmp_path / FILE).chmod(0o644)
    with opened(tmp_path):
        assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def spoil(path: Path) -> None:
    path.write_bytes(bytes(reversed(path.read_bytes())))


@pytest.mark.parametrize("key", [bytes(32), KEY[::-1]])
def test_a_wrong_key_is_a_named_error_and_spoils_nothing(guard: Guard, tmp_path: Path, key: bytes) -> None:
    ours = guard.curve25519
    guard.close()
    with pytest.raises(CryptoStoreError, match="key file"):
        Guard(BOT, "BOTDEVICE", tmp_path, key)
    with opened(tmp_path) as again:
        assert again.curve25519 == ours


@pytest.mark.parametrize("damage", [spoil, lambda path: path.write_bytes(b"SQLite format 3\0" * 300)])
def test_a_damaged_store_is_a_named_error(guard: Guard, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    guard.close()
    damage(tmp_path / FILE)
    with pytest.raises(CryptoStoreError):
        Guard(BOT, "BOTDEVICE", tmp_path, KEY)
