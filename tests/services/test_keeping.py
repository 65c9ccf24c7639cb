"""How long what people said is kept, and that it is then gone: from the store, and from the rooms of the staff."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import bot.store
from bot.deeds import EditText, Erase, SendFile, SendText
from bot.domain import CaseNumber, CaseStatus, Keep, Owner, Timer
from bot.happenings import Attached, Joined, Wrote
from bot.ports import Failure, SendError
from bot.store import MasterKey
from tests.services.test_crash import MortalWorld
from tests.services.test_scheduler import later
from tests.services.world import (
    CANNED,
    CLAIMER,
    FILE,
    LEAD,
    MAIN,
    QUEUE,
    REQUESTER,
    ROOM,
    STORY,
    TEXTS,
    VETTER,
    WALK,
    World,
    content,
    library,
)
from tests.store.test_sealing import everything

DAY = timedelta(days=1)
CASE_KEPT, VETTING_KEPT = 90 * DAY, 30 * DAY
VOUCH = "Zaynab, who knows my work"
VOUCHED = """
  - ask: vouch
    text: Who can vouch for you?
    label: Can vouch
    keep: vetting
  - review: review
"""
WITH_VOUCH = MAIN.replace("\n  - review: review\n", VOUCHED)
CALLING = CANNED.replace("declines:", '  calling: "We are calling {vouch}."\ndeclines:')
ENGINE, FLOWS = content(main=WITH_VOUCH, canned=CALLING)
VOUCHED_WALK = (*WALK[:-1], VOUCH, WALK[-1])


def world(kind: type[World] = World, *args: int, **options: object) -> World:
    """A helpline that asks who can vouch."""
    made = kind(*args, **options)
    made._content = replace(made._content, library=library(WITH_VOUCH, CALLING), engine=ENGINE, texts=FLOWS)
    made.releases = made.compiled()
    return made


def standing(world: World, room: str) -> str:
    """All that is to be read in a room: what the bot said or passed on there, and nobody took back."""
    found: dict[str, str] = {}
    for conversation, message in world.server.delivered:
        if conversation.room != room:
            continue
        match message.deed:
            case SendText(text) | EditText(_, text):
                found[f"${message.id}"] = text
            case SendFile(attachment):
                found[f"${message.id}"] = attachment.name
            case Erase(event_id):
                found.pop(event_id, None)
    return "\n".join(found.values())


def taken_back(world: World, room: str) -> list[str]:
    deeds = [message.deed for conversation, message in world.server.delivered if conversation.room == room]
    return [deed.event_id for deed in deeds if isinstance(deed, Erase)]


async def kept(world: World, number: CaseNumber) -> list[object]:
    return [each.said for each in await world.memory.transact(lambda tx: tx.entries.of(number)) if each.waits]


async def vetted(world: World, note: str = "") -> CaseNumber:
    """A case that was vetted in its notes room, and claimed."""
    await world.walk(VOUCHED_WALK)
    number = (await world.case()).number
    await world.command(f"!vet pending {number}")
    await world.command(f"!vet passed {number} {note}")
    await world.command(f"!claim {number}", CLAIMER)
    return number


async def test_what_a_requester_said_is_gone_when_the_time_of_the_closed_case_is_over() -> None:
    async with world() as here:
        number = await vetted(here)
        theirs = await here.write(ROOM, REQUESTER, "my number is 555-0101")
        await here.happen(ROOM, REQUESTER, Wrote("my number is 555-0199", edits=theirs))
        await here.happen(ROOM, REQUESTER, Attached(FILE))
        await here.write(here.relay, CLAIMER, "we will call you", signed=True)
        await here.command("!close", CLAIMER, here.notes)
        requesters = standing(here, ROOM)
        await later(here, CASE_KEPT - timedelta(seconds=1))
        assert STORY in standing(here, here.notes)
        for text in ("555-0101", "555-0199", FILE.name):
            assert text in standing(here, here.relay)
        await later(here, timedelta(seconds=1))
        for text in (STORY, "555-0101", "555-0199", FILE.name, "A phone"):
            assert text not in standing(here, here.notes) + standing(here, here.relay)
        case = await here.get_case(number)
        assert (case.answers, case.topic, case.urgency, case.note) == ((), None, None, None)
        assert (case.status, case.vetted_by, case.claimed_by) == (CaseStatus.CLOSED, VETTER, CLAIMER)
        assert standing(here, ROOM) == requesters, "what stands in the requester's own room is theirs"


async def test_a_reply_that_was_shown_goes_with_what_it_quotes() -> None:
    async with world() as here:
        await vetted(here)
        for room in (here.relay, here.notes):
            await here.command("!canned device", CLAIMER, room)
            assert f"What you said of A phone: {STORY}" in standing(here, room)
        await here.command("!close", CLAIMER, here.notes)
        await later(here, CASE_KEPT)
        assert STORY not in standing(here, here.relay) + standing(here, here.notes)


async def test_what_a_reply_quotes_of_the_vetting_is_not_said_again_once_that_is_let_go() -> None:
    async with world(leads=frozenset({LEAD})) as here:
        await vetted(here)
        await here.command("!canned calling", CLAIMER, here.notes)
        await here.command("!canned calling send", CLAIMER, here.notes)
        await here.happen(here.relay, VETTER, Joined())
        assert VOUCH in standing(here, here.notes)
        assert VOUCH in standing(here, here.relay)
        await later(here, VETTING_KEPT)
        await here.happen(here.relay, LEAD, Joined())
        assert VOUCH not in standing(here, here.relay) + standing(here, here.notes)
        assert VOUCH in standing(here, ROOM), "what stands in the requester's own room is theirs"


async def test_what_was_kept_for_the_vetting_alone_goes_some_time_after_its_decision() -> None:
    async with world() as here:
        number = await vetted(here, "Zaynab confirms")
        assert VOUCH in standing(here, here.notes)
        assert "Zaynab confirms" in standing(here, here.notes)
        await later(here, VETTING_KEPT - timedelta(seconds=1))
        assert [answer.words for answer in (await here.get_case(number)).answers if answer.words] == [STORY, VOUCH]
        await later(here, timedelta(seconds=1))
        assert "Zaynab" not in standing(here, here.notes)
        assert STORY in standing(here, here.notes)
        case = await here.get_case(number)
        assert [answer.words for answer in case.answers if answer.words] == [STORY]
        assert (case.status, case.note) == (CaseStatus.CLAIMED, None)
        await here.happen(here.notes, VETTER, Joined())
        assert "Zaynab" not in standing(here, here.notes), "whoever comes in later is not shown it"


async def test_closing_a_case_does_not_begin_the_time_of_the_vetting_anew() -> None:
    async with world() as here:
        await vetted(here)
        await later(here, VETTING_KEPT - DAY)
        await here.command("!close", CLAIMER, here.notes)
        assert VOUCH in standing(here, here.notes)
        await later(here, DAY)
        assert VOUCH not in standing(here, here.notes)


async def test_a_case_that_is_closed_without_vetting_keeps_nothing_for_it() -> None:
    async with world(before_claim=False) as here:
        await here.walk(VOUCHED_WALK)
        number = (await here.case()).number
        await here.command(f"!claim {number}", CLAIMER)
        await here.command("!close", CLAIMER, here.notes)
        await later(here, VETTING_KEPT)
        assert [answer.words for answer in (await here.get_case(number)).answers if answer.words] == [STORY]


async def test_a_declined_case_is_let_go_like_a_closed_one_and_closing_it_later_changes_nothing() -> None:
    async with world() as here:
        await here.walk(VOUCHED_WALK)
        number = (await here.case()).number
        await here.command(f"!vet pending {number}")
        await here.command(f"!vet declined {number}")
        await later(here, CASE_KEPT - DAY)
        await here.command(f"!close {number}")
        assert STORY in standing(here, here.notes)
        await later(here, DAY)
        assert (await here.get_case(number)).answers == ()
        assert STORY not in standing(here, here.notes)


async def test_what_waits_for_a_claimer_who_never_comes_goes_with_its_case() -> None:
    async with world() as here:
        number = await vetted(here)
        await here.step_out(number, here.relay)
        await here.write(ROOM, REQUESTER, "are you there?")
        await here.happen(ROOM, REQUESTER, Attached(FILE))
        await here.command(f"!close {number}", CLAIMER)
        assert await kept(here, number) == ["are you there?", FILE]
        await later(here, CASE_KEPT)
        assert await kept(here, number) == []
        assert here.server.discarded == [FILE], "a channel may keep a copy of its own"
        assert "are you there?" not in standing(here, here.notes)


async def test_what_could_never_be_posted_is_not_kept_for_longer_in_the_outbox() -> None:
    async with world() as here:
        number = await vetted(here)
        here.server.broken[here.relay] = SendError(Failure.AWAY)
        here.server.happen(ROOM, REQUESTER, Wrote("on Tuesday"))
        await here.until(lambda: waits(here, "on Tuesday"))
        here.server.happen(QUEUE, CLAIMER, Wrote(f"!close {number}", signed=True))
        await here.until(lambda: over(here, number))
        here.clock.advance(CASE_KEPT)
        here.desk.look_again()
        await here.until(lambda: nothing_waits(here))
        del here.server.broken[here.relay]
        here.desk.look_again()
        await here.quiet()
        assert "on Tuesday" not in standing(here, here.relay)


async def waits(here: World, text: str) -> bool:
    relay = await here.conversation(here.relay)
    head = await here.memory.transact(lambda tx: tx.outbox.head(relay.id))
    return head is not None and head.deed == SendText(text)


async def nothing_waits(here: World) -> bool:
    return not await waits(here, "on Tuesday")


async def over(here: World, number: CaseNumber) -> bool:
    return (await here.get_case(number)).is_over


async def test_a_case_that_was_over_before_has_its_time_from_the_next_start_on() -> None:
    async with world() as here:
        number = await vetted(here)
        await here.command("!close", CLAIMER, here.notes)
        requester = (await here.get_case(number)).requester

        def as_an_earlier_version_left_it(tx) -> None:
            for kind in Keep:
                tx.timers.cancel(requester, f"{kind} {number}")
            tx.timers.set(Timer(requester, f"over {number}", here.clock.now() - 400 * DAY))

        await here.memory.transact(as_an_earlier_version_left_it)
        await here.restart()
        await later(here, timedelta())
        await later(here, CASE_KEPT - DAY)
        assert STORY in standing(here, here.notes)
        await later(here, DAY)
        assert STORY not in standing(here, here.notes)


async def test_the_note_of_the_vetting_of_such_a_case_has_the_time_of_a_note() -> None:
    async with world() as here:
        number = await vetted(here, "Zaynab confirms")
        await here.command("!close", CLAIMER, here.notes)
        requester = (await here.get_case(number)).requester

        def as_an_earlier_version_left_it(tx) -> None:
            for kind in Keep:
                tx.timers.cancel(requester, f"{kind} {number}")
            tx.timers.set(Timer(requester, f"over {number}", here.clock.now()))

        await here.memory.transact(as_an_earlier_version_left_it)
        await later(here, timedelta())
        await later(here, VETTING_KEPT)
        case = await here.get_case(number)
        assert (case.note, case.answers != ()) == (None, True)


async def test_what_cannot_be_taken_back_is_told_once() -> None:
    async with world() as here:
        number = await vetted(here)
        await here.command("!close", CLAIMER, here.notes)
        here.server.fails_at[Erase] = SendError(Failure.REFUSED)
        before = len(here.said(QUEUE))
        await later(here, CASE_KEPT)
        assert here.said(QUEUE)[before:] == [TEXTS.say("staff.not_erased", "en", {"case": number})]
        assert (await here.get_case(number)).answers == ()


async def test_a_homeserver_that_is_away_is_waited_for() -> None:
    async with world() as here:
        await vetted(here)
        await here.command("!close", CLAIMER, here.notes)
        here.server.fail(SendError(Failure.AWAY), SendError(Failure.AWAY))
        for by in (CASE_KEPT, timedelta(minutes=5), timedelta(minutes=5)):
            await later(here, by)
        assert STORY not in standing(here, here.notes)


async def test_forgetting_erases_what_every_earlier_case_holds_and_its_rooms_when_their_time_comes() -> None:
    async with world() as here:
        numbers = []
        for _ in range(2):
            numbers.append(await vetted(here) if not numbers else await again(here))
            await here.command(f"!close {numbers[-1]}", CLAIMER)
        notes = here.notes
        await here.write(ROOM, REQUESTER, "forget")
        await here.write(ROOM, REQUESTER, "yes")
        assert await here.owner() is Owner.NOBODY
        for number in numbers:
            assert (await here.get_case(number)).answers == ()
        assert STORY in standing(here, notes), "what stands in rooms of the staff is a person's to decide"
        await later(here, CASE_KEPT)
        assert STORY not in standing(here, notes)


async def again(here: World) -> CaseNumber:
    """The same requester comes again with another case."""
    for answer in VOUCHED_WALK[:1] + VOUCHED_WALK[2:]:
        await here.write(ROOM, REQUESTER, answer)
    number = (await here.case()).number
    await here.command(f"!vet passed {number}")
    await here.command(f"!claim {number}", CLAIMER)
    return number


async def test_killed_at_every_moment_of_letting_go_it_is_done_in_the_end_and_once() -> None:
    async with world() as calm:
        await closed(calm)
        await later(calm, CASE_KEPT)
        expected = {place: taken_back(calm, getattr(calm, place)) for place in ("notes", "relay")}
        assert all(expected.values())
    moment = 0
    while True:
        async with world(MortalWorld) as mortal:
            await closed(mortal)
            mortal.fate.last = mortal.fate.moments + moment
            mortal.clock.advance(CASE_KEPT)
            mortal.desk.look_again()
            await mortal.until(lambda here=mortal: let_go(here))
            await mortal.quiet()
            assert STORY not in standing(mortal, mortal.notes) + standing(mortal, mortal.relay)
            for place, events in expected.items():
                found = taken_back(mortal, getattr(mortal, place))
                assert len(found) == len(set(found)) == len(events)
            if mortal.lives == 1:
                return
        moment += 1


async def closed(here: World) -> None:
    """A case in whose relay room something was passed on, and that is over."""
    await vetted(here)
    await here.write(ROOM, REQUESTER, "on Tuesday")
    await here.command("!close", CLAIMER, here.notes)


async def let_go(here: MortalWorld) -> bool:
    await here._quiet()
    return not await here.memory.transact(lambda tx: tx.timers.due(here.clock.now()))


async def test_nothing_that_was_let_go_lies_on_the_disk_or_can_be_opened_again(tmp_path: Path) -> None:
    """Planted in every answer, in what was kept and in the names of files; their ciphertext is looked for too."""
    data = tmp_path / "data"
    store = bot.store.open(data, None, MasterKey(bytes(range(32))))
    here = world()
    here.memory = store
    async with here:
        number = await vetted(here, "planted note")
        await here.step_out(number, here.relay)
        await here.write(ROOM, REQUESTER, "planted words for the claimer")
        await here.happen(ROOM, REQUESTER, Attached(replace(FILE, name="planted name.jpg", caption="planted caption")))
        await here.command("!close", CLAIMER, here.notes)
        sealed = await here.memory.transact(lambda tx: rows_of(tx, number))
        assert len(sealed) == 4, "answers, the note, words and a file"
        on_disk = everything(data)
        assert all(row in on_disk for row in sealed), "the search finds what does lie there"
        vetting = await here.memory.transact(lambda tx: copies_of(tx, number, Keep.VETTING))
        copies = await here.memory.transact(lambda tx: copies_of(tx, number, Keep.CASE))
        assert vetting
        assert copies
        await later(here, VETTING_KEPT)
        assert [answer.words for answer in (await here.get_case(number)).answers if answer.words] == [STORY]
        assert not any(row in at_rest(data) for row in (*vetting, *sealed[:2]))
        await later(here, CASE_KEPT - VETTING_KEPT)
        assert await kept(here, number) == []
    await store.close()
    disk = at_rest(data)
    assert not [row for row in (*sealed, *vetting, *copies) if row in disk]
    assert not [text for text in (STORY, VOUCH, "planted") if text.encode() in disk]


def rows_of(tx, number: CaseNumber) -> list[bytes]:
    """The sealed bytes of what is stored of what a requester said."""
    run = tx.cases._desk.connection.exec_driver_sql
    case = run("SELECT answers, note FROM cases WHERE number = ?", (number,))
    words = run("SELECT words FROM case_words WHERE case_number = ?", (number,))
    return [bytes(sealed) for row in (*case, *words) for sealed in row]


def copies_of(tx, number: CaseNumber, keep: Keep) -> list[bytes]:
    run = tx.copies._desk.connection.exec_driver_sql
    found = run("SELECT event FROM copies WHERE case_number = ? AND keep = ?", (number, keep.value))
    return [bytes(event) for (event,) in found]


def at_rest(data: Path) -> bytes:
    """Every byte on the disk, once what was committed is in its place."""
    other = sqlite3.connect(data / "vestibule.db")
    [(busy, _, _)] = other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    assert not busy
    return everything(data)
