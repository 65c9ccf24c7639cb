"""Whoever writes again after their case was closed is asked what it is about; whoever may be somebody else is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain import CaseStatus, Owner, Release
from bot.happenings import Attached, Cause, Danger, Endangered, Left, Unreadable, Wrote
from tests.services.entered import CONTENT, RETURNING, EnteredWorld, content, files
from tests.services.test_joining import Two
from tests.services.test_keeping import CASE_KEPT, kept
from tests.services.test_scheduler import later
from tests.services.world import CLAIMER, FILE, OTHER, OTHER_ROOM, QUEUE, REQUESTER, ROOM, STORY, VETTER, World

QUESTION = "The same matter or another?\n\n1. The same matter\n2. Something new"
BACK = "They are in my account again"


def staff_text(name: str, **params: str) -> str:
    return CONTENT.texts.say(f"staff.{name}", "en", params)


def bot_text(name: str) -> str:
    return CONTENT.texts.say(f"bot.{name}", "en")


async def closed(world: EnteredWorld) -> str:
    """A case that was claimed and closed; its number."""
    number = await world.claimed()
    await world.command(f"!close {number}", CLAIMER)
    return number


async def write(world: EnteredWorld, *texts: str) -> str:
    """The requester writes these: the last answer."""
    for text in texts:
        await world.write(ROOM, REQUESTER, text)
    return world.said(ROOM)[-1]


async def test_the_same_matter_reopens_the_case_and_no_word_is_lost() -> None:
    async with EnteredWorld() as world:
        number = await closed(world)
        assert await write(world, BACK) == QUESTION
        assert await world.owner() is Owner.BOT
        assert await write(world, "please help") == f"{bot_text('not_understood')}\n\n{QUESTION}"
        await world.happen(ROOM, REQUESTER, Attached(FILE))
        assert await write(world, "1") == f"Case {number} is open again."
        case = await world.get_case(number)
        assert (case.status, await world.owner()) == (CaseStatus.REOPENED, Owner.QUEUE)
        assert world.said(QUEUE)[-1] == staff_text("reopened_last", case=number, who=CLAIMER)
        assert await kept(world, number) == [BACK, "please help", FILE]
        await write(world, "and more")
        await world.command(f"!claim {number}", VETTER)
        assert [text for text in world.said(world.relay) if text in (BACK, "please help", "and more")] == [
            BACK,
            "please help",
            "and more",
        ]
        assert world.files(world.relay) == [FILE]
        assert "Came back with: The same matter" in "".join(world.said(world.notes))


async def test_nothing_is_shown_to_staff_before_it_is_said_what_it_is_about() -> None:
    async with EnteredWorld() as world:
        number = await closed(world)
        before = len(world.said(world.notes)), len(world.said(world.relay)), len(world.said(QUEUE))
        await write(world, BACK, "please help")
        assert (len(world.said(world.notes)), len(world.said(world.relay)), len(world.said(QUEUE))) == before
        assert await kept(world, number) == []


async def test_something_new_begins_as_it_does_for_everyone_in_the_known_language() -> None:
    async with EnteredWorld() as world:
        number = await closed(world)
        answer = await write(world, BACK, "2")
        assert answer.startswith("Welcome to example.")
        assert BACK not in "".join(world.said(ROOM))
        assert (await world.get_case(number)).status is CaseStatus.CLOSED
        assert await kept(world, number) == []
        await write(world, "1", "1", "1", "another story", "2", "1")
        case = await world.case()
        assert (case.number != number, case.status) == (True, CaseStatus.ARRIVED)
        assert "Came back with" not in world.said(QUEUE)[-1]


async def test_a_command_among_the_first_words_means_what_it_always_does() -> None:
    for word, answer in (("help", bot_text("help")), ("forget", bot_text("forget_confirm"))):
        async with EnteredWorld() as world:
            await closed(world)
            assert (await write(world, word)).startswith(answer)
    async with EnteredWorld() as world:
        await closed(world)
        assert (await write(world, BACK, "person")).startswith("May the team read it?")
        await write(world, "1")
        assert (await world.case()).status is CaseStatus.ARRIVED


async def test_who_is_not_understood_begins_anew_after_three_tries() -> None:
    async with EnteredWorld() as world:
        await closed(world)
        assert (await write(world, BACK, "what", "do you", "mean")).startswith("Welcome to example.")


async def test_who_does_not_answer_is_asked_again_when_they_write_and_nothing_of_it_is_kept() -> None:
    async with EnteredWorld() as world:
        number = await closed(world)
        await write(world, BACK)
        said = len(world.said(ROOM))
        await later(world, timedelta(days=1))
        assert (world.said(ROOM)[said:], await world.owner()) == ([], Owner.NOBODY)
        assert await kept(world, number) == []
        assert await write(world, "hello") == QUESTION


async def test_it_goes_on_after_a_restart_and_a_release() -> None:
    async with EnteredWorld() as world:
        await closed(world)
        await write(world, BACK)
        await world.restart()
        other = content(files(returning=RETURNING.replace("or another", "or a new one")))
        world.releases.switch(Release(2, "digest", world.clock.now(), "operator", moves=True), other)
        await write(world, "please help")
        await write(world, "1")
        number = (await world.case()).number
        assert await kept(world, number) == [BACK, "please help"]


async def test_a_case_that_was_declined_erased_or_forgotten_is_not_spoken_of() -> None:
    async with EnteredWorld() as world:
        await world.walk()
        await world.command(f"!vet declined {(await world.case()).number}")
        assert (await write(world, BACK)).startswith("Welcome to example.")
    async with EnteredWorld() as world:
        await closed(world)
        await later(world, CASE_KEPT)
        assert (await write(world, BACK)).startswith("Welcome to example.")
    async with EnteredWorld() as world:
        await closed(world)
        await write(world, "forget", "1")
        assert (await write(world, BACK)).startswith("Which language?")


async def test_a_case_that_is_erased_while_it_is_asked_begins_anew() -> None:
    async with EnteredWorld() as world:
        number = await closed(world)
        await write(world, BACK)
        erased = replace(await world.get_case(number), answers=(), topic=None, urgency=None)
        await world.memory.transact(lambda tx: tx.cases.save(erased))
        assert (await write(world, "1")).startswith("Welcome to example.")
        assert (await world.get_case(number)).status is CaseStatus.CLOSED


@pytest.mark.parametrize("bot_was_there", [False, True])
async def test_a_new_identity_does_not_learn_that_there_was_a_case(bot_was_there: bool) -> None:
    async with EnteredWorld() as world:
        await world.claimed()
        await world.happen(ROOM, REQUESTER, Wrote("it is I", identity="OLD"))
        await world.command(f"!close {(await world.case()).number}", CLAIMER)
        if bot_was_there:
            await world.happen(ROOM, REQUESTER, Wrote(BACK, identity="OLD"))
            assert world.said(ROOM)[-1] == QUESTION
        said = len(world.said(ROOM))
        await world.happen(ROOM, REQUESTER, Wrote("hello", identity="NEW"))
        await world.happen(ROOM, REQUESTER, Wrote("hello", identity="NEW"))
        assert QUESTION not in "".join(world.said(ROOM)[said:])
        assert "Welcome" in world.said(ROOM)[said] or "Which language?" in world.said(ROOM)[said]


async def test_neither_does_one_whose_message_cannot_be_read_or_who_waits_to_be_accepted() -> None:
    for cause in (Cause.NO_KEY, Cause.CHANGED):
        async with EnteredWorld() as world:
            await closed(world)
            said = len(world.said(ROOM))
            await world.happen(ROOM, REQUESTER, Unreadable(cause))
            await write(world, "hello")
            assert QUESTION not in "".join(world.said(ROOM)[said:])


async def test_who_left_in_haste_is_not_asked_whoever_writes_next() -> None:
    async with EnteredWorld() as world:
        await closed(world)
        assert await write(world, BACK, "exit") == bot_text("exited")
        assert (await write(world, "who are you")).startswith("Welcome to example.")
    async with EnteredWorld() as world:
        number = await world.claimed()
        await write(world, "exit")
        await world.command(f"!close {number}", CLAIMER)
        assert (await write(world, "who are you")).startswith("Welcome to example.")


async def test_a_joined_case_reopens_the_first_from_either_conversation() -> None:
    async with EnteredWorld() as world:
        two = await Two(world).claimed()
        await two.join()
        await world.command(f"!close {two.first}", CLAIMER)
        await world.write(OTHER_ROOM, OTHER, BACK)
        assert world.said(OTHER_ROOM)[-1] == QUESTION
        await world.write(OTHER_ROOM, OTHER, "1")
        first, second = await two.cases()
        assert (first.status, second.status) == (CaseStatus.REOPENED, CaseStatus.CLOSED)
        assert world.said(OTHER_ROOM)[-1] == f"Case {two.first} is open again."
        assert await kept(world, two.first) == [BACK]


async def test_a_reopened_case_is_kept_until_its_next_end() -> None:
    async with EnteredWorld() as world:
        number = await closed(world)
        await write(world, BACK, "1")
        await later(world, CASE_KEPT)
        assert any(answer.words == STORY for answer in (await world.get_case(number)).answers)
        await world.command(f"!claim {number}", CLAIMER)
        await world.command(f"!close {number}", CLAIMER)
        await later(world, CASE_KEPT)
        assert (await world.get_case(number)).answers == ()


async def test_what_is_to_disappear_does_so_where_it_is_the_case_s_again() -> None:
    async with EnteredWorld() as world:
        number = await closed(world)
        await world.happen(ROOM, REQUESTER, Wrote(BACK, expires=timedelta(days=1)))
        await write(world, "1")
        waiting = await world.memory.transact(lambda tx: tx.entries.of(number))
        assert [each.expires for each in waiting] == [timedelta(days=1)]


async def test_whoever_was_shown_for_not_answering_has_one_case_and_no_card_of_another() -> None:
    async with EnteredWorld() as world:
        number = await closed(world)
        await write(world, BACK)
        await world.later(timedelta(hours=1))
        shown = (await world.conversation()).stalled
        assert shown is not None
        await write(world, "1")
        assert (await world.get_case(shown)).status is CaseStatus.CLOSED
        assert (await world.get_case(number)).status is CaseStatus.REOPENED
        calls = [text for text in world.said(QUEUE) if shown in text]
        await world.later(timedelta(hours=2))
        assert [text for text in world.said(QUEUE) if shown in text] == calls


async def left_unsafe(world: EnteredWorld, room: str, who: str) -> Two:
    """Two joined cases, closed; from this room the bot went because it was not safe."""
    two = await Two(world).claimed()
    await two.join()
    await world.happen(room, who, Endangered(Danger.THIRD_MEMBER))
    await world.command(f"!close {two.first}", CLAIMER)
    return two


async def test_a_conversation_that_was_not_safe_is_not_given_back_to_people() -> None:
    async with EnteredWorld() as world:
        two = await left_unsafe(world, ROOM, REQUESTER)
        for _ in range(2):  # not after the next end, either
            await world.write(OTHER_ROOM, OTHER, BACK)
            await world.write(OTHER_ROOM, OTHER, "1")
            assert (await world.owner(ROOM), await world.owner(OTHER_ROOM)) == (Owner.NOBODY, Owner.QUEUE)
            await world.command(f"!close {two.first}", CLAIMER)
        await world.write(ROOM, REQUESTER, "who is this")
        assert world.said(ROOM)[-1].startswith("Welcome to example.")


async def test_a_conversation_that_was_left_in_haste_is_not_spoken_of_after_the_next_end() -> None:
    async with EnteredWorld() as world:
        two = await Two(world).claimed()
        await two.join()
        await world.command(f"!close {two.first}", CLAIMER)
        await world.write(ROOM, REQUESTER, BACK)
        await world.write(ROOM, REQUESTER, "exit")
        for word in (BACK, "1"):
            await world.write(OTHER_ROOM, OTHER, word)
        assert (await world.get_case(two.first)).status is CaseStatus.REOPENED
        assert await world.owner(ROOM) is Owner.NOBODY
        await world.command(f"!close {two.first}", CLAIMER)
        await world.write(ROOM, REQUESTER, "who are you")
        assert world.said(ROOM)[-1].startswith("Welcome to example.")


async def test_what_is_begun_anew_in_the_other_conversation_goes_on_there() -> None:
    async with EnteredWorld() as world:
        two = await Two(world).claimed()
        await two.join()
        await world.command(f"!close {two.first}", CLAIMER)
        for word in (BACK, "2", "1", "1", "1", "another story"):
            await world.write(ROOM, REQUESTER, word)
        for word in (BACK, "1"):
            await world.write(OTHER_ROOM, OTHER, word)
        assert (await world.owner(ROOM), await world.owner(OTHER_ROOM)) == (Owner.BOT, Owner.QUEUE)
        for word in ("2", "1"):
            await world.write(ROOM, REQUESTER, word)
        case = await world.case()
        assert (case.number == two.first, case.status) == (False, CaseStatus.ARRIVED)
        assert any(answer.words == "another story" for answer in case.answers)


async def test_whoever_comes_back_in_both_conversations_loses_no_word_and_is_answered_where_they_said_it() -> None:
    async with EnteredWorld() as world:
        two = await Two(world).claimed()
        await two.join()
        await world.command(f"!close {two.first}", CLAIMER)
        await world.write(ROOM, REQUESTER, BACK)
        await world.write(OTHER_ROOM, OTHER, "from here too")
        await world.write(OTHER_ROOM, OTHER, "1")
        assert (await world.get_case(two.first)).partner == (await world.conversation(OTHER_ROOM)).id
        await world.write(ROOM, REQUESTER, "1")
        assert await world.owner(ROOM) is Owner.QUEUE
        assert await kept(world, two.first) == ["from here too", BACK]


async def test_without_such_a_flow_it_begins_as_for_everyone() -> None:
    async with World() as world:
        number = await world.claimed()
        await world.happen(world.relay, CLAIMER, Left())
        await world.command(f"!close {number}", CLAIMER)
        await world.write(ROOM, REQUESTER, BACK)
        assert "Welcome" in world.said(ROOM)[-1]


RETURNING_WITH_MORE = RETURNING.replace(
    "  - reopen: reopen",
    """  - consent: again
    text: May the team read this too?
    version: 1
    go: {yes: since, no: end}
  - ask: since
    text: What happened since?
    label: Since then
  - attach: proof
    text: Have you a picture of it?
    label: Proof
  - reopen: reopen""",
)


class MoreWorld(EnteredWorld):
    content = content(files(returning=RETURNING_WITH_MORE))


async def test_what_is_asked_of_whoever_comes_back_is_read_by_those_who_are_in_the_notes_room_still() -> None:
    async with MoreWorld() as world:
        number = await closed(world)
        before = len(world.said(world.notes))
        await write(world, BACK, "1", "1", "a second letter")
        await world.happen(ROOM, REQUESTER, Attached(FILE))
        assert (await world.get_case(number)).status is CaseStatus.REOPENED
        assert "Since then [English]: a second letter" in "".join(world.said(world.notes)[before:])
        await world.command(f"!claim {number}", CLAIMER)
        assert world.files(world.relay) == [FILE]


async def test_of_what_was_said_before_the_end_no_answer_is_missed_after_it() -> None:
    async with EnteredWorld() as world:
        number = await world.claimed()
        await write(world, "thank you")
        await world.command(f"!close {number}", CLAIMER)
        await world.later(timedelta(hours=3))
        await write(world, BACK, "1")
        silent = staff_text("silent_staff", case=number, time="4 hours")
        await world.later(timedelta(hours=2))
        assert silent not in world.said(QUEUE)
        await world.later(timedelta(hours=2))
        assert silent in world.said(QUEUE)
