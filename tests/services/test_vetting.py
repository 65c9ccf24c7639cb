"""Humans vet (law 8): who signed off and when, what is compared; and that nothing of it reaches anybody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import bot.store
from bot.domain import FIRST_RELEASE, CaseNumber, CaseStatus, Owner, Vetting
from bot.flow.engine import Engine
from bot.flow.machine import compile_flows
from bot.flow.model import Library
from bot.flow.phrases import EVERYWHERE
from bot.happenings import Danger, Endangered, Wrote
from bot.i18n import Catalogs, Texts
from bot.services.casework import Verdict
from bot.services.releases import Content, Releases
from bot.store import MasterKey
from tests.services.test_scheduler import later
from tests.services.world import (
    CLAIMER,
    MAIN,
    OTHER,
    OTHER_ROOM,
    QUEUE,
    REQUESTER,
    ROOM,
    SHIPPED,
    STORY,
    STRANGER,
    VETTER,
    WALK,
    World,
    library,
)
from tests.store.test_sealing import everything

NOW = "5 Jan 09:00 UTC"
VOUCH = "Zaynab at the union, +961 555 0199"
SUMMARY = """
person: person
summary:
  problem:
    title: What it is about
    steps: [main.what, main.urgency, main]
  vetting:
    title: For vetting only
    steps: [main.referee]
  agreed:
    title: Agreed to
    steps: [consent]
"""
REFEREE = """
  - ask: referee
    text: Who can vouch for you?
    label: Can vouch
    keep: vetting
    compare: referee
  - review: review
"""
VOUCHED = MAIN.replace("\nperson: person\n", SUMMARY).replace("\n  - review: review\n", REFEREE)


def made_of(flows: Library) -> Content:
    helpline, locales = dict.fromkeys(EVERYWHERE, "example"), ("en", "es")
    texts = Texts(flows, Catalogs.read(SHIPPED / "locales"), lambda _: helpline, locales)
    compiled = compile_flows(flows, locales)
    return Content(flows, compiled, Engine(compiled, texts.lexicons(), texts.languages()), texts)


CONTENT = made_of(library(VOUCHED))
TEXTS = CONTENT.texts


def world(**options: object) -> World:
    """A helpline that asks who can vouch, and orders its summaries."""
    made = World(**options)
    made._content = CONTENT
    made.releases = made.compiled()
    return made


def said(name: str, locale: str = "en", **params: str) -> str:
    return TEXTS.say(f"staff.{name}", locale, params)


def walk(vouch: str = VOUCH) -> Sequence[str]:
    return (*WALK[:-1], vouch, WALK[-1])


async def arrived(here: World, vouch: str = VOUCH, room: str = ROOM, who: str = REQUESTER) -> CaseNumber:
    await here.walk(walk(vouch), room, who)
    return (await here.case(room)).number


def last_summary(here: World) -> list[str]:
    """The messages of the summary that was posted last, and what came after it."""
    texts = here.said(here.notes)
    begins = max(place for place, text in enumerate(texts) if text.startswith(("Summary", "Resumen")))
    return texts[begins:]


# --- the summary


async def test_the_flows_say_in_which_order_and_under_which_heading_answers_stand() -> None:
    async with world() as here:
        number = await arrived(here)
        await here.command(f"!vet pending {number}")
        about, vetting, agreed = here.said(here.notes)[1:]
    assert about.split("\n\n")[2:] == [
        f"{number} · What it is about",
        f"Story [English]: {STORY}",
        "Urgency: It can wait",
        "What is it about?: A phone",
    ]
    assert vetting.split("\n\n") == [f"{number} · For vetting only", f"Can vouch [English]: {VOUCH}"]
    assert agreed.split("\n\n") == [
        f"{number} · Agreed to",
        f"May the team read it?: Yes (version 1, {NOW})",
    ]


async def test_who_comes_into_the_notes_room_reads_labels_in_their_language_and_words_as_they_were_written() -> None:
    here = world()
    here.staff = replace(here.staff, languages={CLAIMER: "es"})
    async with here:
        number = await arrived(here)
        await here.command(f"!vet pending {number}")
        assert said("summary_title", case=number) in last_summary(here)[0]
        await here.command(f"!vet passed {number}")
        await here.command(f"!claim {number}", CLAIMER)
        about = last_summary(here)[0]
    assert about.startswith(said("summary_title", "es", case=number))
    assert said("state_claimed", "es", who=CLAIMER) in about
    assert f"Story [English]: {STORY}" in about
    assert here.said(here.relay) == [said("relay_intro", case=number)], "what all read is in the language of the rooms"


async def test_everything_else_that_staff_read_is_in_the_language_of_their_rooms() -> None:
    here = world()
    here.releases = Releases((FIRST_RELEASE, CONTENT), [], lambda *_: CONTENT, TEXTS.languages(), "es")
    async with here:
        number = await arrived(here)
        assert said("state_arrived", "es") in here.said(QUEUE)[-1]
        assert await here.command(f"!claim {number}") == [said("claim_refused_vetting", "es", case=number)]
        assert "Your case is" in here.said(ROOM)[-1], "requesters read theirs"


async def test_the_sign_off_stands_in_the_summary_with_name_and_time() -> None:
    async with world() as here:
        number = await arrived(here)
        await here.command(f"!vet passed {number} known to us")
        here.clock.advance(timedelta(hours=1))
        await here.command(f"!claim {number}", CLAIMER)
        about, vetting, _ = last_summary(here)
    assert said("summary_passed", who=VETTER, time=NOW) in about
    assert "known to us" not in about
    assert vetting.endswith(said("summary_note", note="known to us"))


# --- signing off


@pytest.mark.parametrize("verdict", ["passed", "declined"])
async def test_a_sign_off_cannot_be_undone_and_says_so(verdict: str) -> None:
    async with world() as here:
        number = await arrived(here)
        await here.command(f"!vet {verdict} {number}")
        before = await here.get_case(number)
        for other in Verdict:
            [answer] = await here.command(f"!vet {other} {number}", CLAIMER)
            assert answer == said("vet_refused_decided", case=number)
        assert await here.get_case(number) == before
    assert "cannot be undone" in answer


async def test_everybody_who_looks_into_a_case_is_on_record() -> None:
    async with world() as here:
        number = await arrived(here)
        await here.command(f"!vet pending {number}")
        await here.command(f"!vet pending {number}", CLAIMER)
        changes = await here.memory.transact(lambda tx: tx.cases.changes(number))
    assert [change.who for change in changes if change.step == "vet"] == [VETTER, CLAIMER]


async def test_an_emergency_is_claimed_before_vetting_and_everybody_is_told() -> None:
    async with world() as here:
        number = await arrived(here)
        assert await here.command(f"!claim {number}", CLAIMER) == [said("claim_refused_vetting", case=number)]
        answer = await here.command(f"!claim {number} EMERGENCY", CLAIMER)
        assert answer == [said("claim_done_emergency", case=number, who=CLAIMER)]
        case = await here.get_case(number)
        assert (case.is_emergency, case.claimed_by, await here.owner()) == (True, CLAIMER, Owner.SPECIALIST)
        about = last_summary(here)[0]
        assert said("summary_emergency", who=CLAIMER, time=NOW) in about
        assert said("state_emergency", state=said("state_claimed", who=CLAIMER)) in about
        changes = await here.memory.transact(lambda tx: tx.cases.changes(number))
    assert [(change.step, change.who, change.before) for change in changes][-1] == (
        "claim",
        CLAIMER,
        CaseStatus.ARRIVED,
    )


@pytest.mark.parametrize("before", ["passed", None])
async def test_a_case_that_need_not_wait_is_claimed_as_any_other(before: str | None) -> None:
    async with world(before_claim=before is not None) as here:
        number = await arrived(here)
        if before is not None:
            await here.command(f"!vet {before} {number}")
        answer = await here.command(f"!claim emergency {number}", CLAIMER)
        assert answer == [said("claim_done", case=number, who=CLAIMER)]
        assert said("state_emergency", state=said("state_claimed", who=CLAIMER)) not in last_summary(here)[0]


async def test_an_emergency_is_signed_off_while_it_is_claimed_and_the_claimer_is_told_in_the_notes_room() -> None:
    async with world() as here:
        number = await arrived(here)
        await here.command(f"!claim {number} emergency", CLAIMER)
        before = here.said(ROOM)
        await here.command(f"!vet passed {number}")
        case = await here.get_case(number)
        assert (case.vetting, case.is_claimed, case.is_emergency) == (Vetting.PASSED, True, False)
        assert here.said(here.notes)[-1] == said("vet_done_signed", case=number, who=VETTER)
        assert here.said(ROOM) == before
        await here.write(here.relay, CLAIMER, "we go on", signed=True)
        assert here.said(ROOM)[-1] == "we go on"


async def test_an_emergency_that_is_declined_ends_as_any_other_case() -> None:
    async with world() as here:
        number = await arrived(here)
        await here.command(f"!claim {number} emergency", CLAIMER)
        await here.command("!vet declined", VETTER, here.notes)
        assert here.said(here.notes)[-1] == here.said(QUEUE)[-1] == said("vet_done_declined", case=number)
        assert here.said(ROOM)[-1] == TEXTS.say("bot.case_declined", "en", {"case": number})
        assert await here.owner() is Owner.NOBODY
        await here.write(here.relay, CLAIMER, "one word more", signed=True)
        assert "one word more" not in here.said(ROOM)


async def test_a_case_that_was_turned_away_gets_no_room() -> None:
    async with world() as here:
        number = await arrived(here)
        await here.command(f"!vet declined {number}")
        await here.command(f"!vet pending {number}")
        assert (await here.get_case(number)).notes is None


# --- what comes later


async def test_an_answer_that_is_changed_after_the_handoff_is_said_in_the_notes_room_and_stands_in_every_summary() -> (
    None
):
    async with world() as here:
        await here.walk(WALK[:5])
        event = await here.write(ROOM, REQUESTER, STORY)
        for answer in (WALK[6], VOUCH, WALK[7]):
            await here.write(ROOM, REQUESTER, answer)
        number = (await here.case()).number
        await here.command(f"!vet pending {number}")
        await here.happen(ROOM, REQUESTER, Wrote("It was on Monday", edits=event))
        changed = said("summary_changed", time=NOW, detail="Story [English]: It was on Monday")
        assert here.said(here.notes).count(changed) == 1
        await here.happen(ROOM, REQUESTER, Wrote("It was on Monday", edits=event))
        assert here.said(here.notes).count(changed) == 1
        await here.command(f"!vet passed {number}")
        await here.command(f"!claim {number}", CLAIMER)
        lines = last_summary(here)[0].split("\n\n")
    story = lines.index(f"Story [English]: {STORY}")
    assert lines[story + 1] == changed, "the first words stay: that one message replaces another can be forged"


async def test_a_choice_that_is_changed_later_is_read_as_a_choice_and_what_is_none_as_words() -> None:
    async with world() as here:
        await here.walk(WALK[:6])
        event = await here.write(ROOM, REQUESTER, WALK[6])
        for answer in (VOUCH, WALK[7]):
            await here.write(ROOM, REQUESTER, answer)
        number = (await here.case()).number
        await here.command(f"!vet pending {number}")
        await here.happen(ROOM, REQUESTER, Wrote("1", edits=event))
        await here.happen(ROOM, REQUESTER, Wrote("they are at the door", edits=event))
        told = here.said(here.notes)
    details = ("Urgency: It is happening now", "Urgency [English]: they are at the door")
    assert [text for text in told if text.startswith("Changed")] == [
        said("summary_changed", time=NOW, detail=detail) for detail in details
    ]


async def test_a_change_before_anybody_reads_waits_for_the_first_summary() -> None:
    async with world() as here:
        await here.walk(WALK[:5])
        event = await here.write(ROOM, REQUESTER, STORY)
        for answer in (WALK[6], VOUCH, WALK[7]):
            await here.write(ROOM, REQUESTER, answer)
        number = (await here.case()).number
        await here.happen(ROOM, REQUESTER, Wrote("It was on Monday", edits=event))
        await here.command(f"!vet pending {number}")
        told = "\n".join(here.said(here.notes))
    assert told.count("Story [English]: It was on Monday") == 1


async def test_a_change_disappears_with_the_answer_that_it_changes() -> None:
    async with world() as here:
        await here.walk(WALK[:5])
        event = await here.happen(ROOM, REQUESTER, Wrote(STORY, expires=timedelta(days=1)))
        for answer in (WALK[6], VOUCH, WALK[7]):
            await here.write(ROOM, REQUESTER, answer)
        number = (await here.case()).number
        await here.command(f"!vet pending {number}")
        await here.happen(ROOM, REQUESTER, Wrote("It was on Monday", edits=event))
        assert len([answer for answer in (await here.get_case(number)).answers if answer.step == "main.what"]) == 2
        await later(here, timedelta(days=1))
        assert [answer for answer in (await here.get_case(number)).answers if answer.step == "main.what"] == []


@pytest.mark.parametrize("word", ["withdraw", "forget", "stop"])
async def test_a_wish_is_said_in_the_notes_room_and_stands_in_every_summary(word: str) -> None:
    async with world() as here:
        number = await arrived(here)
        await here.command(f"!vet pending {number}")
        await here.write(ROOM, REQUESTER, word)
        wish = said(f"asks_to_{word}", case=number)
        assert wish in here.said(here.notes)
        await here.command(f"!vet passed {number}")
        await here.command(f"!claim {number}", CLAIMER)
        assert wish in last_summary(here)[0].split("\n\n")


# --- nothing about vetting reaches the requester

STEPS = (
    ("!vet pending {0}", VETTER),
    ("!vet pending {0}", CLAIMER),
    ("!vet history", VETTER),
    ("!claim {0}", CLAIMER),
    ("!claim {0} emergency", CLAIMER),
    ("!vet passed {0} known to us", VETTER),
    ("!vet passed {0}", CLAIMER),
    ("!claim {0}", CLAIMER),
    ("!vet declined {0}", VETTER),
)


async def test_no_step_of_vetting_shows_on_the_requesters_side() -> None:
    """Every way that vetting can go, up to its end: beside the operator's own text, all of them look the same there."""
    ways = [STEPS[:length] for length in range(len(STEPS) + 1)]
    ways += [(STEPS[4], step) for step in STEPS[:3]] + [(STEPS[0], STEPS[5]), (STEPS[5], STEPS[8])]
    seen = []
    for way in ways:
        async with world() as here:
            number = await arrived(here)
            before = len(here.server.delivered)
            for text, who in way:
                room = here.notes if text == "!vet history" else QUEUE
                await here.command(text.format(number), who, room)
            seen.append([at for at, _ in here.server.delivered[before:] if at.room == ROOM])
    assert seen == [[]] * len(ways)


@pytest.mark.parametrize("note", ["", " their referee does not know them"])
@pytest.mark.parametrize("way", ["", "pending", "claim"])
async def test_a_declined_requester_is_told_the_operators_text_and_nothing_else(way: str, note: str) -> None:
    async with world() as here:
        number = await arrived(here)
        if way == "pending":
            await here.command(f"!vet pending {number}")
        if way == "claim":
            await here.command(f"!claim {number} emergency", CLAIMER)
        before = here.said(ROOM)
        await here.command(f"!vet declined {number}{note}")
        assert here.said(ROOM)[len(before) :] == [TEXTS.say("bot.case_declined", "en", {"case": number})]


async def test_it_looks_the_same_whether_a_requester_or_their_referee_is_known_or_not() -> None:
    """What is said, where, and in which order, until one of the staff asks; with the requester for ever."""
    looks = []
    for vouch, who in (("nobody in particular", STRANGER), (VOUCH, OTHER)):
        async with world() as here:
            await arrived(here, vouch, OTHER_ROOM, who)
            before = len(here.server.delivered)
            number = await arrived(here)
            await here.command(f"!vet pending {number}")
            shown = [(at.room, type(message.deed)) for at, message in here.server.delivered[before:]]
            await here.command("!vet history", VETTER, here.notes)
            texts = [text.replace(number, "CASE") for room in (ROOM, QUEUE) for text in here.said(room)[-9:]]
            looks.append(([deed for _, deed in shown], texts))
    assert looks[0] == looks[1]


# --- whether they have come before


async def test_who_vets_is_told_in_how_many_other_cases_and_when_and_nothing_of_them() -> None:
    async with world() as here:
        await arrived(here, "My aunt Zaynab, 00961-5550199", OTHER_ROOM, OTHER)
        earlier = (await here.case(OTHER_ROOM)).number
        here.clock.advance(timedelta(days=40))
        number = await arrived(here)
        await here.command(f"!vet pending {number}")
        before = len(here.said(here.notes))
        await here.command("!vet history", VETTER, here.notes)
        [told] = here.said(here.notes)[before:]
    assert told.split("\n\n")[1:] == [
        said("looked_back_none", question="The requester's account"),
        said("looked_back_line", question="Can vouch", count="1", detail="Jan 2026"),
    ]
    for never in (earlier, OTHER, REQUESTER, "aunt", "Zaynab", "5550199"):
        assert never not in told


async def test_the_same_account_is_known_again_after_its_case_was_closed() -> None:
    async with world() as here:
        number = await arrived(here)
        await here.command(f"!close {number}")
        for answer in ("hello", *walk("somebody else")[2:]):
            await here.write(ROOM, REQUESTER, answer)
        again = (await here.case()).number
        assert again != number
        await here.command(f"!vet pending {again}")
        [told] = await here.command("!vet history", VETTER, here.notes)
    account = said("looked_back_line", question="The requester's account", count="1", detail="Jan 2026")
    assert told.split("\n\n")[1] == account


async def test_only_who_vets_or_has_claimed_asks_and_only_in_the_notes_room() -> None:
    async with world() as here:
        number = await arrived(here)
        refused = [said("looked_back_refused")]
        assert await here.command(f"!vet history {number}") == refused
        await here.command(f"!vet pending {number}")
        assert await here.command(f"!vet history {number}") == refused
        assert await here.command("!vet history", CLAIMER, here.notes) == refused
        [answer] = await here.command("!vet history", STRANGER, here.notes)
        assert answer == said("not_allowed")
        assert await here.command("!vet history", VETTER, here.notes) != refused
        await here.command(f"!vet passed {number}")
        await here.command(f"!claim {number}", CLAIMER)
        assert await here.command("!vet history", CLAIMER, here.notes) != refused
        changes = await here.memory.transact(lambda tx: tx.cases.changes(number))
        asked = [(change.who, change.at, change.before) for change in changes if change.step == "look_back"]
        now = here.clock.now()
        assert asked == [(VETTER, now, CaseStatus.VETTING), (CLAIMER, now, CaseStatus.CLAIMED)]
        await here.command(f"!close {number}", CLAIMER)
        assert await here.command("!vet history", CLAIMER, here.notes) == refused


async def joined(here: World) -> tuple[CaseNumber, CaseNumber, str, str]:
    """One person's cases as one; the notes room of the first, and the message of the second that told what happened."""
    first = await arrived(here)
    await here.command(f"!claim {first} emergency", CLAIMER)
    notes = here.notes
    await here.walk(WALK[:5], OTHER_ROOM, OTHER)
    event = await here.write(OTHER_ROOM, OTHER, STORY)
    for answer in (WALK[6], VOUCH, WALK[7]):
        await here.write(OTHER_ROOM, OTHER, answer)
    second = (await here.case(OTHER_ROOM)).number
    await here.command(f"!claim {second} emergency", CLAIMER)
    await here.command(f"!join {first} {second}", CLAIMER)
    return first, second, notes, event


async def test_cases_that_are_joined_are_one_persons_and_not_other_cases() -> None:
    async with world() as here:
        await arrived(here, VOUCH, "!third:example.org", STRANGER)
        first, _, notes, _ = await joined(here)
        [told] = await here.command(f"!vet history {first}", CLAIMER, notes)
    assert said("looked_back_line", question="Can vouch", count="1", detail="Jan 2026") in told


async def test_an_answer_of_a_joined_case_that_is_changed_is_said_in_the_notes_room_they_share() -> None:
    async with world() as here:
        _, second, notes, event = await joined(here)
        await here.happen(OTHER_ROOM, OTHER, Wrote("It was on Monday", edits=event))
        answers = (await here.get_case(second)).answers
        assert here.said(notes)[-1].startswith("Changed later")
    assert [answer.words for answer in answers if answer.step == "main.what"] == [STORY, "It was on Monday"]


async def test_who_is_forgotten_in_one_place_is_not_known_by_a_case_that_goes_on_in_another() -> None:
    async with world() as here:
        first, second, _, _ = await joined(here)
        await here.happen(OTHER_ROOM, OTHER, Endangered(Danger.THIRD_MEMBER))
        found = await here.conversation(OTHER_ROOM)
        await here.memory.transact(lambda tx: tx.conversations.save(replace(found, case=None)))
        for answer in (*walk()[:2], "forget", "yes"):
            await here.write(OTHER_ROOM, OTHER, answer)
        for number in (first, second):
            assert not await here.memory.transact(lambda tx, number=number: tx.traces.alike(number))
        assert (await here.get_case(first)).is_claimed


async def traces(here: World) -> int:
    """How many cases can be compared with the requester's."""

    def look(tx) -> int:
        found = tx.conversations.find(here.server.name, ROOM)
        return sum(len(tx.traces.alike(case.number)) for case in tx.cases.of(found.id))

    return await here.memory.transact(look)


async def test_what_is_compared_goes_with_what_is_kept_for_the_vetting() -> None:
    async with world() as here:
        number = await arrived(here)
        await here.command(f"!vet pending {number}")
        await here.command(f"!vet passed {number}")
        await later(here, timedelta(days=30, seconds=-1))
        assert await traces(here)
        await later(here, timedelta(seconds=1))
        assert await traces(here) == 0
        await here.command(f"!claim {number}", CLAIMER)
        [told] = await here.command("!vet history", CLAIMER, here.notes)
    assert told == said("looked_back_nothing", case=number)


async def test_what_is_compared_goes_with_messages_that_disappear() -> None:
    async with world() as here:
        await here.walk(walk()[:-2])
        await here.happen(ROOM, REQUESTER, Wrote(VOUCH, expires=timedelta(days=1)))
        await here.write(ROOM, REQUESTER, "1")
        number = (await here.case()).number
        assert await traces(here)
        await here.command(f"!vet pending {number}")
        await later(here, timedelta(days=1))
        assert await traces(here) == 0


@pytest.mark.parametrize("over", [True, False])
async def test_who_is_forgotten_is_not_known_again(over: bool) -> None:
    async with world() as here:
        number = await arrived(here)
        await here.command(f"!vet {'declined' if over else 'pending'} {number}")
        if not over:
            await here.command(f"!close {number}")
        for answer in ("forget", "yes"):
            await here.write(ROOM, REQUESTER, answer)
        assert await traces(here) == 0
        for answer in walk():  # from the language on: that is forgotten, too
            await here.write(ROOM, REQUESTER, answer)
        again = (await here.case()).number
        await here.command(f"!vet pending {again}")
        [told] = await here.command("!vet history", VETTER, here.notes)
    assert told.count("in no other case") == 2


async def test_the_answer_is_taken_back_with_what_is_kept_for_the_vetting() -> None:
    async with world() as here:
        number = await arrived(here)
        await here.command(f"!vet pending {number}")
        [told] = await here.command("!vet history", VETTER, here.notes)
        event = here.event(told)
        await here.command(f"!vet passed {number}")
        await later(here, timedelta(days=30))
        erased = [getattr(message.deed, "event_id", None) for _, message in here.server.delivered]
    assert event in erased


async def test_no_form_and_no_hash_of_it_lies_on_the_disk_once_it_is_forgotten(tmp_path: Path) -> None:
    data = tmp_path / "data"
    here = world()
    here.memory = store = bot.store.open(data, None, MasterKey(bytes(range(32))))
    async with here:
        number = await arrived(here)
        hashes = await here.memory.transact(lambda tx: hashes_of(tx, number))
        assert len(hashes) == 3, "the account, the number, and what was written as a whole"
        assert all(each in everything(data) for each in hashes), "the search finds what does lie there"
        assert not [text for text in (REQUESTER, "5550199", "zaynab", "Zaynab") if text.encode() in everything(data)]
        await here.command(f"!vet declined {number}")
        for answer in ("forget", "yes"):
            await here.write(ROOM, REQUESTER, answer)
        assert await here.memory.transact(lambda tx: hashes_of(tx, number)) == []
    await store.close()
    disk = everything(data)
    assert not [each for each in hashes if each in disk]


def hashes_of(tx, number: CaseNumber) -> list[bytes]:
    run = tx.traces._desk.connection.exec_driver_sql
    return [bytes(found) for (found,) in run("SELECT form_hash FROM case_traces WHERE case_number = ?", (number,))]
