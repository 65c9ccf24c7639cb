"""Whose devices are whose, which of them may read, and that one person's nonsense is nobody else's (laws 7 and 10)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.channels.matrix import people as module
from bot.channels.matrix.guard import Guard, Plain
from bot.channels.matrix.homeserver import AnswerTooLargeError, HomeserverError
from bot.channels.matrix.machine import CannotRead
from bot.channels.matrix.people import MAX_ALARMS, MAX_ASKED, READ_AT_ONCE, People, may_read
from bot.channels.matrix.signing import Device, read_identities, read_identity
from bot.happenings import Alarm, Alarmed, Cause
from tests.channels.matrix.fake import Answering
from tests.channels.matrix.peer import BOT, JSON, Identity, Peer, opened

ANA, BEN, EVE = "@ana:localhost", "@ben:localhost", "@eve:elsewhere.example"
QUERY = "POST keys/query"
PATIENCE_SECONDS = 30.0  # a law that is broken may make a test wait for ever


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Guard]:
    with opened(tmp_path) as guard:
        yield guard


def together(*answers: JSON) -> JSON:
    """Several people's answers as one."""
    whole: JSON = {}
    for answer in answers:
        for part, people in answer.items():
            whole.setdefault(part, {}).update(people)
    return whole


def people(guard: Guard, answer: Any, pins: dict[str, str] | None = None) -> tuple[People, Answering]:
    server = Answering({QUERY: answer})
    return People(server, guard, Identity(BOT).master.public, pins or {}), server


def names(devices: list[Device]) -> set[str]:
    return {device.device_id for device in devices}


def plain(peer: Peer) -> Plain:
    return Plain({}, peer.curve25519, peer.ed25519)


# --- pins ------------------------------------------------------------------------------------------------------------


async def test_how_many_pins_are_wrong_is_said_without_a_name(guard: Guard, caplog: pytest.LogCaptureFixture) -> None:
    ana, ben = Identity(ANA), Identity(BEN)
    answer = together(ana.listed(), ben.listed(), {"device_keys": {ANA: {}, BEN: {}}})
    pins = {ANA: ana.master.public, BEN: "A" * 43, EVE: "B" * 43}  # nobody tells about the last
    known, _ = people(guard, answer, pins)
    await known.check_pins()
    (record,) = caplog.records
    assert record.getMessage().startswith("1 of the listed people")
    assert not any(word in record.getMessage() for word in (ANA, BEN, EVE, *pins.values()))
    caplog.clear()
    await people(guard, answer, {ANA: ana.master.public})[0].check_pins()
    assert caplog.records == []


async def test_pins_that_cannot_be_compared_stop_nothing(guard: Guard, caplog: pytest.LogCaptureFixture) -> None:
    await people(guard, HomeserverError(502), {ANA: "A" * 43})[0].check_pins()
    (record,) = caplog.records
    assert "could not be compared" in record.getMessage()


# --- what staff must hear of -----------------------------------------------------------------------------------------


class Watched:
    """Ana is listed; so is our own account, which is always watched."""

    def __init__(self, guard: Guard) -> None:
        self.ana, self.own = Identity(ANA), Identity(BOT)
        self.devices: dict[str, list[JSON]] = {ANA: [self.ana.sign(Peer(ANA).device_keys())], BOT: []}
        self.answer: Any = self.listed
        self.people, self.server = people(guard, lambda _: self.answer(), {ANA: self.ana.master.public})

    def listed(self) -> JSON:
        return together(self.ana.listed(*self.devices[ANA]), self.own.listed(*self.devices[BOT]))

    async def hears(self, *changed: str) -> list[tuple[str, Alarmed]]:
        found = await self.people.watch(changed)
        self.people.heard()
        return found


@pytest.fixture
def watched(guard: Guard) -> Watched:
    return Watched(guard)


async def test_where_all_is_well_nothing_is_heard_and_nobody_asked_again(watched: Watched) -> None:
    for _ in range(3):
        assert await watched.hears() == []
        assert await watched.hears(EVE) == []  # whoever is not listed has as many devices as they like
    assert watched.server.count(QUERY) == 1
    assert await watched.hears(EVE, ANA) == []
    assert set(watched.server.asked[-1][2]["device_keys"]) == {ANA}


@pytest.mark.parametrize("who", [ANA, BOT])
async def test_an_unsigned_device_is_heard_of_at_the_start_and_when_it_appears(watched: Watched, who: str) -> None:
    watched.devices[who].append(Peer(who, "FIRST").device_keys())
    first = (f"keys/unsigned_device/{who}/FIRST", Alarmed(Alarm.UNSIGNED_DEVICE, who, "FIRST"))
    assert await watched.hears() == [first]
    watched.devices[who].append(Peer(who, "SECOND").device_keys())
    assert await watched.hears() == []
    second = (f"keys/unsigned_device/{who}/SECOND", Alarmed(Alarm.UNSIGNED_DEVICE, who, "SECOND"))
    assert await watched.hears(who) == [first, second]  # the same id again: it is told once


async def test_a_device_that_its_owner_signed_is_nobodys_alarm(watched: Watched) -> None:
    watched.devices[BOT].append(watched.own.sign(Peer(BOT, "RENEWED").device_keys()))
    watched.devices[ANA].append(watched.ana.sign(Peer(ANA, "PHONE").device_keys()))
    assert await watched.hears() == []


@pytest.mark.parametrize("who", [ANA, BOT])
async def test_a_wrong_identity_is_heard_of_and_its_devices_with_it(watched: Watched, who: str) -> None:
    await watched.hears()
    forged = Identity(who, 9)
    watched.answer = forged.listed(forged.sign(Peer(who, "SPY").device_keys())).copy
    master = forged.master.public
    assert await watched.hears(who) == [(f"keys/wrong_identity/{who}/{master}", Alarmed(Alarm.WRONG_IDENTITY, who))]
    watched.answer = {"device_keys": {who: {}}}.copy
    assert await watched.hears(who) == [(f"keys/wrong_identity/{who}/", Alarmed(Alarm.WRONG_IDENTITY, who))]


async def test_alarms_come_again_until_they_are_heard(watched: Watched) -> None:
    watched.devices[ANA].append(Peer(ANA, "NEW").device_keys())
    found = await watched.people.watch(())
    assert await watched.people.watch(()) == found != []
    watched.people.heard()
    assert await watched.people.watch(()) == []


async def test_a_homeserver_that_is_away_delays_the_alarm_and_raises_nothing(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 1000.0
    monkeypatch.setattr(module, "monotonic", lambda: clock)
    watched.devices[ANA].append(Peer(ANA, "NEW").device_keys())
    error = HomeserverError(502)
    watched.answer = lambda: error
    assert await watched.hears() == []
    watched.answer = watched.listed
    assert await watched.hears() == []  # it is not asked at every sync
    clock += 61
    assert len(await watched.hears()) == 1


async def test_a_listed_person_whose_server_is_silent_is_looked_at_later(
    guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 1000.0
    monkeypatch.setattr(module, "monotonic", lambda: clock)
    eve = Identity(EVE)
    answer = Identity(BOT).listed()
    found, server = people(guard, lambda _: answer, {EVE: "A" * 43})
    assert await found.watch(()) == []
    assert await found.watch(()) == []
    assert server.count(QUERY) == 1
    clock += 61
    answer = together(answer, eve.listed())
    assert [alarm.alarm for _, alarm in await found.watch(())] == [Alarm.WRONG_IDENTITY]


async def test_devices_without_end_are_not_told_one_by_one(watched: Watched) -> None:
    watched.devices[ANA] += [Peer(ANA, f"SPY{n}").device_keys() for n in range(MAX_ALARMS + 5)]
    assert len(await watched.hears()) == MAX_ALARMS
    assert len(await watched.hears(ANA)) == MAX_ALARMS


async def test_who_is_listed_later_is_watched_from_then_on_and_who_is_not_listed_is_not(watched: Watched) -> None:
    await watched.hears()
    ben = Identity(BEN)
    ana_answer = watched.listed()
    watched.answer = lambda: together(ana_answer, ben.listed(Peer(BEN, "NEW").device_keys()))
    watched.people.trust({BEN: ben.master.public})
    assert [(alarm.who, alarm.device) for _, alarm in await watched.hears()] == [(BEN, "NEW")]
    watched.devices[ANA].append(Peer(ANA, "NEW").device_keys())
    assert await watched.hears(ANA) == []


async def test_a_pin_that_changes_is_compared_at_once(watched: Watched) -> None:
    await watched.hears()
    watched.people.trust({ANA: "A" * 43})
    assert [alarm.alarm for _, alarm in await watched.hears()] == [Alarm.WRONG_IDENTITY]
    watched.people.trust({ANA: watched.ana.master.public})
    assert await watched.hears() == []


async def test_somebodys_identity_is_their_master_key_or_none_or_not_known(guard: Guard) -> None:
    ana = Identity(ANA)
    found, _ = people(guard, together(ana.listed(), {"device_keys": {BEN: {}, ANA: {}}}))
    await found.learn({ANA, BEN})
    assert (found.identity_of(ANA), found.identity_of(BEN), found.identity_of(EVE)) == (ana.master.public, "", None)
    found.changed([ANA])
    assert found.identity_of(ANA) is None


# --- who may read ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("master", "pin", "staff", "readers"),
    [
        ("none", None, False, {"SIGNED", "UNSIGNED"}),  # a requester without a master key: all that they have
        ("theirs", None, False, {"SIGNED"}),  # a requester with one: signed devices only
        ("theirs", "foreign", False, {"SIGNED"}),  # a pin says nothing in a requester's room
        ("theirs", "theirs", True, {"SIGNED"}),
        ("theirs", "foreign", True, set()),
        ("theirs", None, True, set()),
        ("none", "theirs", True, set()),
        ("none", None, True, set()),
    ],
)
def test_who_may_read(master: str, pin: str | None, staff: bool, readers: set[str]) -> None:
    identity, foreign = Identity(ANA), Identity(ANA, 9)
    answer = identity.listed(
        identity.sign(Peer(ANA, "SIGNED").device_keys()), foreign.sign(Peer(ANA, "UNSIGNED").device_keys())
    )
    if master == "none":
        del answer["master_keys"]
    pins = {"theirs": identity.master.public, "foreign": foreign.master.public, None: None}
    assert names(list(may_read(read_identity(ANA, answer), pins[pin], staff=staff))) == readers


@pytest.mark.parametrize("staff", [True, False])
async def test_of_our_own_account_only_devices_that_our_identity_signed_get_a_key(guard: Guard, staff: bool) -> None:
    identity = Identity(BOT)
    ours, signed, unsigned = (Peer(BOT, name).device_keys() for name in ("BOTDEVICE", "SIGNED", "UNSIGNED"))
    found, _ = people(guard, identity.listed(identity.sign(ours), identity.sign(signed), unsigned))
    await found.learn({BOT})
    assert names(found.readers({BOT}, staff=staff)) == {"SIGNED"}


@pytest.mark.parametrize("staff", [True, False])
async def test_a_homeserver_that_swaps_our_own_identity_gets_no_key(guard: Guard, staff: bool) -> None:
    forged = Identity(BOT, 9)
    found, _ = people(guard, forged.listed(forged.sign(Peer(BOT, "SPY").device_keys())))
    await found.learn({BOT})
    assert found.readers({BOT}, staff=staff) == []


async def test_staff_get_keys_by_their_pin_and_others_in_their_room_get_none(guard: Guard) -> None:
    ana, ben = Identity(ANA), Identity(BEN)
    answer = together(*(one.listed(one.sign(Peer(one.user_id, one.user_id[1:4]).device_keys())) for one in (ana, ben)))
    found, _ = people(guard, answer, {ANA: ana.master.public})
    await found.learn({ANA, BEN})
    assert names(found.readers({ANA, BEN}, staff=True)) == {"ana"}
    assert names(found.readers({ANA, BEN}, staff=False)) == {"ana", "ben"}


# --- who wrote -------------------------------------------------------------------------------------------------------


async def test_a_message_belongs_to_the_device_that_holds_both_of_its_keys(guard: Guard) -> None:
    identity, peer = Identity(ANA), Peer(ANA)
    found, _ = people(guard, identity.listed(identity.sign(peer.device_keys())), {ANA: identity.master.public})
    await found.learn({ANA})
    device = found.author(ANA, plain(peer))
    assert device.device_id == "PEER"
    assert found.is_pinned(device)


def unbound(found: People, sender: str, message: Plain) -> bool:
    with pytest.raises(CannotRead) as refused:
        found.author(sender, message)
    return refused.value.cause is Cause.UNBOUND


async def test_nobody_speaks_in_anothers_name(guard: Guard) -> None:
    victim, mallory = Peer(ANA), Peer(BEN)
    half = Peer(BEN, "HALF")
    stolen = half.device_keys(keys={"curve25519:HALF": victim.curve25519, "ed25519:HALF": half.ed25519})
    answer = {
        "device_keys": {ANA: {"PEER": victim.device_keys()}, BEN: {"PEER": mallory.device_keys(), "HALF": stolen}}
    }
    found, _ = people(guard, answer)
    await found.learn({ANA, BEN})
    assert unbound(found, ANA, plain(mallory))  # the homeserver put Ana's name on it
    assert unbound(found, BEN, plain(victim))  # and Ben's on hers, whose identity key he also lists
    assert unbound(found, ANA, Plain({}, victim.curve25519, mallory.ed25519))
    assert unbound(found, ANA, Plain({}, mallory.curve25519, victim.ed25519))
    assert unbound(found, EVE, plain(victim))


async def test_of_someone_with_a_master_key_only_signed_devices_speak(guard: Guard) -> None:
    identity, signed, unsigned = Identity(ANA), Peer(ANA, "SIGNED"), Peer(ANA, "UNSIGNED")
    answer = identity.listed(identity.sign(signed.device_keys()), unsigned.device_keys())
    found, _ = people(guard, answer, {ANA: identity.master.public})
    await found.learn({ANA})
    assert found.author(ANA, plain(signed)).signed
    assert unbound(found, ANA, plain(unsigned))


async def test_a_device_is_pinned_by_the_pinned_identity_and_no_other(guard: Guard) -> None:
    identity, peer, loner = Identity(ANA), Peer(ANA), Peer(BEN)
    answer = together(
        identity.listed(identity.sign(peer.device_keys())), {"device_keys": {BEN: {"PEER": loner.device_keys()}}}
    )
    for pins in ({}, {ANA: Identity(ANA, 9).master.public}, {BEN: identity.master.public}):
        found, _ = people(guard, answer, pins)
        await found.learn({ANA, BEN})
        assert not found.is_pinned(found.author(ANA, plain(peer)))
        assert not found.is_pinned(found.author(BEN, plain(loner)))


# --- asking ----------------------------------------------------------------------------------------------------------


async def test_one_persons_malformed_devices_leave_the_others_known(guard: Guard) -> None:
    device = Peer(ANA).device_keys()
    nonsense: list[Any] = [
        None,
        5,
        "x",
        [],
        {"PEER": None},
        {"PEER": {**device, "user_id": BEN, "signatures": {BEN: {"ed25519:PEER": 5}}}},
        {"PEER": {**device, "user_id": BEN, "keys": {"curve25519:PEER": 5}}},
    ]
    for wrong in nonsense:
        found, _ = people(guard, {"device_keys": {BEN: wrong, ANA: {"PEER": device}}, "master_keys": {BEN: wrong}})
        await found.learn({ANA, BEN})
        assert names(found.readers({ANA, BEN}, staff=False)) == {"PEER"}


@pytest.mark.parametrize("answer", [{}, {"device_keys": None}, {"device_keys": []}, {"device_keys": {ANA: None}}])
async def test_a_malformed_answer_makes_nobody_a_reader(guard: Guard, answer: JSON) -> None:
    found, _ = people(guard, answer)
    await found.learn({ANA})
    assert found.readers({ANA}, staff=False) == []


async def test_who_is_known_is_not_asked_for_until_something_changed(guard: Guard) -> None:
    found, server = people(guard, {"device_keys": {ANA: {}}})
    for _ in range(3):
        await found.learn({ANA})
    assert server.count(QUERY) == 1
    found.changed([ANA])
    assert not found.knows(ANA)
    await found.learn({ANA})
    await found.learn({ANA}, again=True)
    assert server.count(QUERY) == 3


async def test_devices_that_change_while_they_are_asked_for_are_asked_for_again(guard: Guard) -> None:
    old, new = Peer(ANA, "OLD").device_keys(), Peer(ANA, "NEW").device_keys()
    answers = [{"device_keys": {ANA: {"OLD": old}, BEN: {}}}, {"device_keys": {ANA: {"NEW": new}}}]
    asked: list[set[str]] = []

    def answer(body: JSON) -> JSON:
        asked.append(set(body["device_keys"]))
        if len(asked) == 1:
            found.changed([ANA])  # heard before the answer came
        return answers[len(asked) - 1]

    found, _ = people(guard, answer)
    await found.learn({ANA, BEN})
    assert asked == [{ANA, BEN}, {ANA}]
    assert names(found.readers({ANA, BEN}, staff=False)) == {"NEW"}


async def test_others_changes_do_not_make_anybody_unknown(guard: Guard) -> None:
    peer = Peer(ANA)

    def answer(body: JSON) -> JSON:
        found.changed([BEN])
        return {"device_keys": {ANA: {"PEER": peer.device_keys()}}}

    found, server = people(guard, answer)
    await found.learn({ANA})
    assert found.knows(ANA)
    assert server.count(QUERY) == 1


async def test_devices_that_change_without_end_are_not_asked_for_without_end(guard: Guard) -> None:
    def answer(body: JSON) -> JSON:
        found.changed([ANA])
        return {"device_keys": {ANA: {}, BEN: {}}}

    found, server = people(guard, answer)
    await found.learn({ANA, BEN})
    assert server.count(QUERY) < 10
    assert not found.knows(ANA)
    assert found.knows(BEN)


async def test_a_server_that_does_not_answer_is_left_alone_for_a_while(guard: Guard) -> None:
    found, server = people(guard, {"device_keys": {ANA: {}}, "failures": {"elsewhere.example": {}}})
    await found.learn({ANA, EVE})
    assert (found.knows(ANA), found.knows(EVE)) == (True, False)
    await found.learn({EVE}, again=True)
    await found.learn({"@another:elsewhere.example"})
    assert server.count(QUERY) == 1
    await found.learn({"@somebody:third.example"})
    assert server.count(QUERY) == 2


async def test_one_persons_devices_made_too_large_do_not_hide_the_others(guard: Guard) -> None:
    def answer(body: JSON) -> Any:
        return AnswerTooLargeError(0) if EVE in body["device_keys"] else {"device_keys": {ANA: {}, BEN: {}}}

    found, server = people(guard, answer)
    await found.learn({ANA, BEN, EVE})
    assert [found.knows(person) for person in (ANA, BEN, EVE)] == [True, True, False]
    asked = server.count(QUERY)
    await found.learn({EVE})
    assert server.count(QUERY) == asked


async def test_many_people_are_asked_for_in_parts_and_whoever_changes_meanwhile_again(guard: Guard) -> None:
    everyone = [f"@p{n:04}:localhost" for n in range(2 * MAX_ASKED + 1)]
    asked: list[list[str]] = []

    def answer(body: JSON) -> JSON:
        asked.append(list(body["device_keys"]))
        if len(asked) == 2:
            found.changed([everyone[0]])  # of the part that was answered before
        return {"device_keys": {user: {} for user in body["device_keys"]}}

    found, _ = people(guard, answer)
    await found.learn(everyone)
    assert [len(part) for part in asked] == [MAX_ASKED, MAX_ASKED, 1, 1]
    assert asked[-1] == everyone[:1]
    assert all(found.knows(user) for user in everyone)


async def test_a_silent_server_is_waited_for_once_however_many_of_its_people_are_asked_for(guard: Guard) -> None:
    found, server = people(guard, {"device_keys": {}, "failures": {"elsewhere.example": {}}})
    await found.learn({f"@p{n}:elsewhere.example" for n in range(3 * MAX_ASKED)})
    assert server.count(QUERY) == 1


async def test_while_many_devices_are_read_others_go_on_and_whoever_changes_is_asked_for_again(
    guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, others_went_on = threading.Event(), threading.Event()

    def slow(users: Any, answer: JSON) -> Any:
        reading.set()
        assert others_went_on.wait(PATIENCE_SECONDS)
        return read_identities(users, answer)

    monkeypatch.setattr(module, "read_identities", slow)
    old = {f"D{n}": Peer(ANA, f"D{n}").device_keys() for n in range(READ_AT_ONCE + 1)}
    answers = [old, {"NEW": Peer(ANA, "NEW").device_keys()}]
    found, _ = people(guard, lambda _: {"device_keys": {ANA: answers.pop(0)}})
    learning = asyncio.create_task(found.learn({ANA}))
    assert await asyncio.to_thread(reading.wait, PATIENCE_SECONDS)
    found.changed([ANA])
    others_went_on.set()
    await learning
    assert names(found.readers({ANA}, staff=False)) == {"NEW"}


async def test_of_many_devices_those_that_hold_are_known(guard: Guard) -> None:
    devices = {f"D{n}": Peer(ANA, f"D{n}").device_keys() for n in range(READ_AT_ONCE + 5)}
    devices["D0"]["signatures"] = {}
    found, _ = people(guard, {"device_keys": {ANA: devices}})
    await found.learn({ANA})
    assert names(found.readers({ANA}, staff=False)) == devices.keys() - {"D0"}


async def test_a_homeserver_that_is_away_is_said_so(guard: Guard) -> None:
    found, _ = people(guard, HomeserverError(502))
    with pytest.raises(HomeserverError):
        await found.learn({ANA})
    assert not found.knows(ANA)


async def test_two_may_ask_at_once(guard: Guard) -> None:
    found, _ = people(guard, {"device_keys": {ANA: {}, BEN: {}}})
    await asyncio.gather(found.learn({ANA}), found.learn({ANA, BEN}))
    assert found.knows(ANA)
    assert found.knows(BEN)


async def test_devices_are_found_by_their_identity_key_and_owner(guard: Guard) -> None:
    peer = Peer(ANA)
    found, _ = people(guard, {"device_keys": {ANA: {"PEER": peer.device_keys()}}})
    await found.learn({ANA})
    pairs = [(ANA, peer.curve25519), (BEN, peer.curve25519), (ANA, "A" * 43)]
    assert [(d.user_id, d.device_id) for d in found.devices(pairs)] == [(ANA, "PEER")]
