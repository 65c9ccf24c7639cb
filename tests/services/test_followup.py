"""`!ask`: a specialist has a flow's questions put to the requester, and gets the answers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain import FIRST_RELEASE, CaseStatus, Keep, Owner, Release
from bot.flow.events import Why
from bot.happenings import Attached, Cause, Danger, Endangered, Joined, Left, Unreadable, Wrote
from bot.life import Step
from bot.publishing.forecast import Survey, _inside
from bot.services import progress
from bot.services.work import Work
from tests.services.entered import CONTENT, DETAILS, EnteredWorld, content, files
from tests.services.test_keeping import CASE_KEPT, standing
from tests.services.test_scheduler import later
from tests.services.world import CLAIMER, FILE, LEAD, QUEUE, REQUESTER, ROOM, VETTER

PICTURE = "  - attach: letter\n    text: Have you the letter?\n    label: Letter\n"

DEVICE, SYSTEM = "Which device is it?\n\n1. A phone\n2. A computer", "Which system is on it?"


def staff_text(name: str, **params: str) -> str:
    return CONTENT.texts.say(f"staff.{name}", "en", params)


def bot_text(name: str) -> str:
    return CONTENT.texts.say(f"bot.{name}", "en")


async def is_asked(world: EnteredWorld) -> bool:
    conversation = await world.conversation()
    return await world.memory.transact(lambda tx: tx.sessions.load(conversation.id)) is not None


async def answer(world: EnteredWorld, *texts: str) -> None:
    for text in texts:
        await world.write(ROOM, REQUESTER, text)


async def test_the_answers_stand_in_the_notes_room_and_in_every_later_summary() -> None:
    async with EnteredWorld() as world:
        number = await world.claimed()
        assert await world.ask() == [staff_text("ask_begun", case=number)]
        assert world.said(ROOM)[-1] == f"{bot_text('asked_intro')}\n\n{DEVICE}"
        await answer(world, "2", "an old one")
        assert world.said(ROOM)[-1] == "Who can tell us more?"
        await answer(world, "my sister", "skip")
        assert world.said(ROOM)[-1] == bot_text("asked_done")
        head = staff_text("later_answers", case=number)
        assert world.said(world.notes)[-2:] == [
            f"{head}\n\nDevice: A computer\n\nSystem [English]: an old one\n\nPicture: not answered",
            f"{head}\n\nWho knows more [English]: my sister",
        ]
        assert world.said(world.relay)[-1] == staff_text("asked_done", case=number)
        assert await world.owner() is Owner.SPECIALIST
        await world.happen(world.notes, CLAIMER, Joined())  # and with it the summary once more
        summaries = [text for text in world.said(world.notes) if "Story" in text]
        assert ["System [English]: an old one" in text for text in summaries] == [False, True]


class FirstPicture(EnteredWorld):
    """A picture is asked for first."""

    content = content(files(DETAILS[: DETAILS.index("  - choose")] + PICTURE + DETAILS[DETAILS.index("  - choose") :]))


async def test_no_answer_is_relayed_and_whatever_is_none_is() -> None:
    async with EnteredWorld() as world:
        await world.asked()
        before = len(world.said(world.relay))
        await answer(world, "1", "an old one")
        assert world.said(world.relay)[before:] == []
        for text in ("help", "menu"):
            await answer(world, text)
            assert world.said(ROOM)[-1] == f"{bot_text('asked_passed_on')}\n\nWho can tell us more?"
        assert world.said(world.relay)[before:] == ["help", "menu"]
        await world.happen(ROOM, REQUESTER, Attached(FILE))
        assert world.files(world.relay) == [FILE]


async def test_what_staff_write_meanwhile_goes_across_and_nothing_that_they_write_answers_anything() -> None:
    async with EnteredWorld() as world:
        await world.asked()
        await world.write(world.relay, CLAIMER, "take your time", signed=True)
        assert world.said(ROOM)[-1] == "take your time"
        await world.write(world.relay, CLAIMER, "1", signed=True)
        await answer(world, "1")
        assert world.said(ROOM)[-1] == SYSTEM


@pytest.mark.parametrize("word", ["person", "stop"])
async def test_person_and_stop_lead_back_to_the_conversation_and_do_nothing_else(word: str) -> None:
    async with EnteredWorld() as world:
        number = await world.asked()
        await answer(world, "1")
        before, queue = len(world.said(world.relay)), len(world.said(QUEUE))
        await answer(world, word)
        assert world.said(ROOM)[-1] == bot_text("asked_ended")
        assert world.said(world.relay)[before:] == [staff_text("asked_stopped", case=number)]
        assert world.said(QUEUE)[queue:] == []
        assert world.said(world.notes)[-1].endswith("Device: A phone")
        await answer(world, "and now we talk")
        assert world.said(world.relay)[-1] == "and now we talk"
        assert world.said(ROOM)[-1] == bot_text("asked_ended")


@pytest.mark.parametrize(("word", "wish"), [("withdraw", "asks_to_withdraw"), ("forget", "asks_to_forget")])
async def test_withdraw_and_forget_mean_what_they_always_do_and_end_the_questions(word: str, wish: str) -> None:
    async with EnteredWorld() as world:
        number = await world.asked()
        await answer(world, "1", word)
        assert not await is_asked(world)
        assert world.said(world.relay)[-3:] == [
            staff_text("asked_stopped", case=number),
            word,
            staff_text(wish, case=number),
        ]
        assert bot_text("asked_ended") not in world.said(ROOM)


async def test_the_quick_exit_is_answered_at_once_and_nothing_more_is_asked() -> None:
    async with EnteredWorld() as world:
        number = await world.asked()
        await answer(world, "1", "exit")
        assert world.said(ROOM)[-1] == bot_text("exited")
        assert staff_text("left_in_haste", case=number) in world.said(world.relay)
        assert not await is_asked(world)


@pytest.mark.parametrize(
    "last",
    [Wrote("exit"), Wrote("withdraw"), Unreadable(Cause.CHANGED), Wrote("hello", identity="NEW")],
    ids=["exit", "withdraw", "not accepted", "another"],
)
async def test_a_file_that_was_an_answer_is_there_at_once_whatever_ended_the_questions(
    last: Wrote | Unreadable,
) -> None:
    async with FirstPicture() as world:
        await world.claimed()
        await world.happen(ROOM, REQUESTER, Wrote("it is I", identity="OLD"))
        await world.ask()
        await world.happen(ROOM, REQUESTER, Attached(FILE))
        assert world.files(world.relay) == []
        await world.happen(ROOM, REQUESTER, last)
        assert not await is_asked(world)
        assert world.files(world.relay) == [FILE]


async def test_it_gives_up_after_three_messages_and_says_so() -> None:
    async with EnteredWorld() as world:
        number = await world.asked()
        await answer(world, "what", "do you", "mean")
        assert world.said(ROOM)[-1] == bot_text("asked_ended")
        given_up = staff_text("asked_not_understood", case=number)
        assert world.said(world.relay)[-4:] == ["what", "do you", "mean", given_up]
        assert not await is_asked(world)


async def test_who_does_not_answer_is_left_to_people_and_what_they_answered_is_there() -> None:
    async with EnteredWorld() as world:
        number = await world.asked()
        await world.write(world.relay, CLAIMER, "hello", signed=True)
        await answer(world, "1")
        said = len(world.said(ROOM))
        await later(world, timedelta(days=1))
        assert world.said(world.relay)[-1] == staff_text("asked_no_reply", case=number)
        assert world.said(world.notes)[-1].endswith("Device: A phone")
        assert world.said(ROOM)[said:] == []
        assert await world.owner() is Owner.SPECIALIST
        await answer(world, "2")
        assert world.said(world.relay)[-1] == "2"


async def test_a_file_that_was_asked_for_goes_where_files_go() -> None:
    async with EnteredWorld() as world:
        await world.asked()
        await answer(world, "1", "skip", "skip")
        await world.happen(ROOM, REQUESTER, Attached(FILE))
        assert world.files(world.relay) == [FILE]
        assert f"Picture: {FILE.name}" in world.said(world.notes)[-2]
        assert (await world.case()).answers[-1].file is None


async def test_what_can_be_asked_is_listed_with_what_it_is_about() -> None:
    async with EnteredWorld() as world:
        number = await world.claimed()
        listed = staff_text("ask_list", case=number, other="!ask details - What the device is.")
        assert await world.command("!ask", CLAIMER, world.relay) == [listed]
        assert world.said(ROOM)[-1] != listed
        assert await world.ask("detials") == [staff_text("did_you_mean", command="!ask details")]
        for name in ("returning", "main", "nothing_like_it"):
            assert await world.ask(name) == [staff_text("ask_unknown", case=number)]
        assert await world.command("!ask details", CLAIMER) == [staff_text("case_missing")]
        assert not await is_asked(world)


async def test_only_whose_case_it_is_can_ask_and_once_at_a_time() -> None:
    async with EnteredWorld(leads=frozenset({LEAD})) as world:
        number = await world.claimed()
        for who in (VETTER, LEAD):
            refused = [staff_text("ask_refused", case=number)]
            assert await world.command("!ask details", who, world.notes) == refused
        await world.ask()
        said = len(world.said(ROOM))
        assert await world.ask() == [staff_text("ask_refused_running", case=number)]
        assert world.said(ROOM)[said:] == []
        await answer(world, "stop")
        assert await world.ask() == [staff_text("ask_begun", case=number)]


async def test_before_a_claim_and_after_the_end_nobody_is_asked() -> None:
    async with EnteredWorld() as world:
        await world.walk()
        number = (await world.case()).number
        assert await world.command(f"!ask {number} details") == [staff_text("ask_refused", case=number)]
        await world.command(f"!vet passed {number}")
        await world.command(f"!claim {number}", CLAIMER)
        await world.command(f"!close {number}", CLAIMER)
        assert await world.command(f"!ask {number} details", CLAIMER) == [staff_text("ask_refused", case=number)]


async def test_closing_the_case_ends_the_questions_and_keeps_the_answers() -> None:
    async with EnteredWorld() as world:
        number = await world.asked()
        await answer(world, "1", "an old one")
        await world.command(f"!close {number}", CLAIMER)
        assert not await is_asked(world)
        case = await world.get_case(number)
        assert (case.status, case.answers[-1].words) == (CaseStatus.CLOSED, "an old one")
        assert "System [English]: an old one" in world.said(world.notes)[-1]
        assert world.said(ROOM)[-1] == CONTENT.texts.say("bot.case_closed", "en", {"case": number})


@pytest.mark.parametrize(
    ("step", "claimer"),
    [(Step.RELEASE, None), (Step.ASSIGN, VETTER), (Step.DECLINE, None)],
)
async def test_whoever_gives_the_case_away_asks_nothing_more(step: Step, claimer: str | None) -> None:
    async with EnteredWorld() as world:
        await world.asked()
        await answer(world, "1")
        said = len(world.said(ROOM))
        case, kit = await world.case(), world.desk._kit

        def give(tx) -> None:
            progress.move(Work(tx, kit), case, step, CLAIMER, claimed_by=claimer)

        await world.memory.transact(give)
        assert not await is_asked(world)
        assert [each.outcome for each in (await world.case()).answers][-1] == "phone"
        assert world.said(ROOM)[said:] == []


async def test_where_others_can_read_nothing_more_is_asked_and_no_answer_is_lost() -> None:
    async with EnteredWorld() as world:
        number = await world.asked()
        await answer(world, "1")
        await world.happen(ROOM, REQUESTER, Endangered(Danger.THIRD_MEMBER))
        assert not await is_asked(world)
        assert (await world.get_case(number)).answers[-1].outcome == "phone"


async def test_a_new_identity_is_asked_nothing_and_shown_no_answer() -> None:
    for happens in (Wrote("2", identity="NEW"), Unreadable(Cause.CHANGED)):
        async with EnteredWorld() as world:
            await world.asked()
            await world.happen(ROOM, REQUESTER, Wrote("1", identity="OLD"))
            said = len(world.said(ROOM))
            await world.happen(ROOM, REQUESTER, happens)
            assert not await is_asked(world)
            assert world.said(ROOM)[said:] == []


async def test_it_goes_on_after_a_restart_and_on_the_flows_with_which_it_began() -> None:
    async with EnteredWorld() as world:
        await world.asked()
        await answer(world, "1")
        await world.restart()
        renamed = DETAILS.replace("ask: system", "ask: kind").replace("Which system", "Which kind of system")
        other, releases = content(files(renamed)), world.releases
        releases.switch(Release(2, "digest", world.clock.now(), "operator", moves=True), other)
        await answer(world, "an old one")
        assert world.said(ROOM)[-1] == "Who can tell us more?"
        await answer(world, "skip", "skip")
        assert "System [English]: an old one" in "\n".join(world.said(world.notes))


async def test_what_was_answered_goes_with_the_rest_and_in_its_own_time() -> None:
    async with EnteredWorld() as world:
        number = await world.asked()
        await answer(world, "1")
        await world.happen(ROOM, REQUESTER, Wrote("a secret system", expires=timedelta(days=1)))
        await answer(world, "my sister", "skip")
        shown = standing(world, world.notes)
        assert ("a secret system" in shown, "my sister" in shown) == (True, True)
        await later(world, timedelta(days=2))
        assert "a secret system" not in standing(world, world.notes)
        assert "a secret system" not in [each.words for each in (await world.get_case(number)).answers]
        keeps = {each.step: each.keep for each in (await world.get_case(number)).answers}
        assert (keeps["details.doctor"], keeps["details.device"]) == (Keep.VETTING, Keep.CASE)
        await later(world, timedelta(days=31))
        assert "my sister" not in standing(world, world.notes)
        await world.command(f"!close {number}", CLAIMER)
        await later(world, CASE_KEPT)
        assert (await world.get_case(number)).answers == ()
        assert "Device: A phone" not in standing(world, world.notes)


async def test_what_is_asked_after_the_vetting_keeps_nothing_of_it_for_longer() -> None:
    async with EnteredWorld() as world:
        number = await world.asked()
        await answer(world, "1", "skip", "my sister", "skip")
        await later(world, timedelta(days=20))
        await world.ask()
        await answer(world, "1", "skip", "my brother", "skip")
        await later(world, timedelta(days=10))
        assert "my sister" not in [each.words for each in (await world.get_case(number)).answers]
        assert "my sister" not in standing(world, world.notes)


async def test_a_changed_message_changes_the_answer_when_the_requester_says_so() -> None:
    async with EnteredWorld() as world:
        await world.asked()
        event = await world.write(ROOM, REQUESTER, "1")
        await world.happen(ROOM, REQUESTER, Wrote("2", edits=event))
        await answer(world, "yes", "stop")
        assert world.said(world.notes)[-1].endswith("Device: A computer")


async def test_a_change_of_what_was_relayed_is_relayed() -> None:
    async with EnteredWorld() as world:
        await world.claimed()
        event = await world.write(ROOM, REQUESTER, "a frist word")
        await world.ask()
        await world.happen(ROOM, REQUESTER, Wrote("a first word", edits=event))
        assert [text for _, text in world.changes(world.relay)] == ["a first word"]
        assert await is_asked(world)


async def test_the_words_of_whoever_is_asked_wait_for_a_claimer_who_left() -> None:
    async with EnteredWorld() as world:
        await world.asked()
        await world.happen(world.relay, CLAIMER, Left())
        await answer(world, "1", "skip", "skip")
        await world.happen(ROOM, REQUESTER, Attached(FILE))
        assert world.files(world.relay) == []
        number = (await world.case()).number
        await world.command(f"!claim {number}", CLAIMER)
        assert FILE in world.files(world.relay)


async def test_an_operator_is_told_that_what_staff_ask_goes_on_as_it_began() -> None:
    async with EnteredWorld() as world:
        await world.asked()
        sessions = await world.memory.transact(lambda tx: tx.sessions.inside())
        survey = Survey(sessions, {FIRST_RELEASE: (world.releases.latest, ())})
        told = list(_inside(survey, [], CONTENT))
        assert told[-1] == "  1 answers what staff have asked, to its end as it began"
        assert "  1 finishes with what they began with" in told


def test_every_way_to_an_end_is_said_to_staff() -> None:
    assert {f"staff.asked_{why.value}" for why in Why} <= CONTENT.library.sources.keys()
