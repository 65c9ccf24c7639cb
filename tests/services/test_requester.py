"""What a requester meets: the bot, the queue, a specialist, nobody; and what law 4 lets the bot say to each."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.deeds import Decline, Follow, Leave
from bot.domain import CaseStatus, Owner, Place
from bot.happenings import (
    Alarm,
    Alarmed,
    AsksToVerify,
    Attached,
    Cause,
    Danger,
    Endangered,
    Invited,
    Left,
    Moved,
    Setting,
    SettingsChanged,
    TimerSet,
    Unreadable,
    Wrote,
)
from bot.ports import Entered, Failure, SendError
from bot.services import sayings
from tests.services.world import (
    CLAIMER,
    FILE,
    OTHER,
    OTHER_ROOM,
    QUEUE,
    REQUESTER,
    ROOM,
    STORY,
    STRANGER,
    TEXTS,
    VETTER,
    WALK,
    World,
)


def bot_text(name: str, locale: str = "en", **params: str) -> str:
    return TEXTS.say(f"bot.{name}", locale, params)


async def test_every_message_is_answered_by_one_until_the_handoff() -> None:
    async with World() as world:
        await world.walk()
        said = world.said(ROOM)
        number = (await world.case()).number
        assert len(said) == len(WALK)
        assert said[0] == "Which language?\n\n1. English\n2. Español"
        assert said[1] == "Welcome to example.\n\nWhat would you like to do?\n\n1. Get help\n2. Leave"
        assert said[3].endswith(f"1. {bot_text('yes')}\n2. {bot_text('no')}")
        assert "1. What is it about?: A phone\n2. May the team read it?: Yes" in said[6]
        assert f"3. Story: {STORY}\n4. Urgency: It can wait" in said[6]
        assert said[7] == f"Your case is {number}."
        assert await world.owner() is Owner.QUEUE
        assert await world.memory.transact(lambda tx: tx.sessions.load(tx.cases.get(number).requester)) is None


async def test_the_queue_gets_a_card_with_nothing_personal_and_the_case_first() -> None:
    async with World() as world:
        await world.walk()
        (card,) = world.said(QUEUE)
        number = (await world.case()).number
        assert card.split()[0] == number
        assert len(number) == 4
        assert any(sign.isdigit() for sign in number)
        assert "English · A phone · It can wait" in card
        assert STORY not in card
        assert REQUESTER not in card
        assert ROOM not in card


async def test_person_as_the_first_word_leads_over_consent_to_the_queue() -> None:
    async with World() as world:
        await world.walk(["person", "yes"])
        case = await world.case()
        assert case.number in world.said(ROOM)[-1]
        assert case.topic is None
        assert "Topic not known" in world.said(QUEUE)[0]


async def test_what_is_written_to_the_queue_is_kept_and_answered_once() -> None:
    async with World() as world:
        await world.walk()
        number = (await world.case()).number
        before = len(world.said(ROOM))
        for text in ("and my laptop too", "person"):
            await world.write(ROOM, REQUESTER, text)
        assert world.said(ROOM)[before:] == [bot_text("kept_for_case", case=number)]
        await world.command(f"!vet passed {number}")
        await world.command(f"!claim {number}", CLAIMER)
        relay = world.said(world.relay)
        assert relay[1:] == ["and my laptop too", "person"]


async def test_stop_and_help_are_answered_with_the_truth_while_people_are_waited_for() -> None:
    async with World() as world:
        await world.walk(["hola", "2", *WALK[2:]])
        number = (await world.case()).number
        before, queue = len(world.said(ROOM)), len(world.said(QUEUE))
        for text in ("Parar", "ayuda", "parar"):
            await world.write(ROOM, REQUESTER, text)
        truth, waiting = (bot_text(name, "es", case=number) for name in ("waiting_stop", "waiting_help"))
        assert world.said(ROOM)[before:] == [truth, waiting]
        assert world.said(QUEUE)[queue:] == [TEXTS.say("staff.asks_to_stop", "en", {"case": number})]
        await world.command(f"!vet passed {number}")
        await world.command(f"!claim {number}", CLAIMER)
        assert world.said(world.relay)[1:] == ["Parar", "parar"]


async def test_stop_reaches_the_specialist_and_is_answered_once() -> None:
    async with World() as world:
        number = await world.claimed()
        before = len(world.said(ROOM))
        for text in ("stop", "stop"):
            await world.write(ROOM, REQUESTER, text)
        assert world.said(ROOM)[before:] == [bot_text("waiting_stop", case=number)]
        assert world.said(world.relay)[1:] == ["stop", "stop"]


async def test_a_run_of_unreadable_messages_is_answered_once() -> None:
    async with World() as world:
        await world.walk([])
        for cause in (Cause.PLAIN, Cause.NO_KEY, Cause.PLAIN):
            await world.happen(ROOM, REQUESTER, Unreadable(cause))
        assert len(world.said(ROOM)) == 1
        await world.write(ROOM, REQUESTER, "1")
        await world.happen(ROOM, REQUESTER, Unreadable(Cause.PLAIN))
        assert len(world.said(ROOM)) == 3


async def test_words_behind_a_danger_begin_nothing_new() -> None:
    async with World() as world:
        await world.walk(WALK[:5])
        world.server.slow[ROOM] = gate = asyncio.Event()
        for sender, what in (
            (OTHER, Endangered(Danger.THIRD_MEMBER)),
            (REQUESTER, Wrote("are you there")),
            (REQUESTER, Unreadable(Cause.NO_KEY)),
        ):
            await world.happen(ROOM, sender, what)
        assert await world.owner() is Owner.NOBODY
        gate.set()
        del world.server.slow[ROOM]
        await world.quiet()
        assert isinstance(world.server.delivered[-1][1].deed, Leave)


async def test_words_between_claim_and_the_claimers_coming_are_kept_in_silence() -> None:
    async with World() as world:
        await world.walk()
        number = (await world.case()).number
        await world.command(f"!vet passed {number}")
        world.server.fail(SendError(Failure.LIMITED, retry_after=30))  # the room is not made yet
        await world.command(f"!claim {number}", CLAIMER)
        before = world.said(ROOM)
        await world.write(ROOM, REQUESTER, "are you there")
        assert world.said(ROOM) == before
        world.clock.advance(timedelta(minutes=1))
        world.desk.look_again()
        await world.quiet()
        assert world.said(world.relay)[1:] == ["are you there"]


async def test_a_specialists_conversation_is_passed_on_and_the_bot_is_silent() -> None:
    async with World() as world:
        await world.claimed()
        before = world.said(ROOM)
        for text in ("thank you", "menu", "help", "person", "2", "!claim"):
            await world.write(ROOM, REQUESTER, text)
        assert world.said(ROOM) == before
        assert world.said(world.relay)[1:] == ["thank you", "menu", "help", "person", "2", "!claim"]


async def test_after_the_close_a_new_session_starts_in_the_same_language() -> None:
    async with World() as world:
        await world.walk(["hola", "2", *WALK[2:]])
        number = (await world.case()).number
        await world.command(f"!close {number}")
        assert world.said(ROOM)[-1] == bot_text("case_closed", "es", case=number)
        assert await world.owner() is Owner.NOBODY
        await world.write(ROOM, REQUESTER, "hola de nuevo")
        assert world.said(ROOM)[-1].startswith("Welcome to example.")
        assert await world.owner() is Owner.BOT
        assert (await world.memory.transact(lambda tx: tx.sessions.load(tx.cases.get(number).requester))).locale == "es"


async def test_a_second_case_of_the_same_person_has_its_own_number_and_the_old_relay_stays_closed() -> None:
    async with World() as world:
        first = await world.claimed()
        old_relay = world.relay
        await world.command("!close", CLAIMER, world.notes)
        for text in ("hello", "1", "1", "yes", STORY, "1", "1"):
            await world.write(ROOM, REQUESTER, text)
        second = (await world.case()).number
        assert second != first
        before = world.said(ROOM)
        assert await world.command("is this still open", CLAIMER, old_relay) == [TEXTS.say("staff.relay_closed", "en")]
        assert world.said(ROOM) == before


async def test_nothing_is_kept_of_who_said_no_to_consent_and_left() -> None:
    async with World() as world:
        await world.walk(["hello", "1", "1", "2", "no", "2"])
        assert world.said(ROOM)[-1].endswith("Good bye.")
        assert await world.owner() is Owner.NOBODY
        assert world.said(QUEUE) == []


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause is not Cause.CHANGED])
async def test_what_cannot_be_read_is_answered_kindly_while_the_bot_owns(cause: Cause) -> None:
    async with World() as world:
        await world.walk(WALK[:4])
        await world.happen(ROOM, REQUESTER, Unreadable(cause))
        said = world.said(ROOM)[-1]
        assert said.startswith(bot_text(f"cannot_read_{cause}", fingerprint=world.server.key))
        assert "May the team read it?" in said


async def test_an_unreadable_first_message_is_answered_in_every_language() -> None:
    async with World() as world:
        await world.walk([])
        await world.happen(ROOM, REQUESTER, Unreadable(Cause.NO_KEY))
        (said,) = world.said(ROOM)
        assert bot_text("cannot_read_no_key") in said
        assert bot_text("cannot_read_no_key", "es") in said
        assert said.endswith("1. English\n2. Español")


async def test_what_cannot_be_read_is_told_to_the_specialist_each_time_and_to_the_requester_once() -> None:
    async with World() as world:
        await world.claimed()
        before = len(world.said(ROOM))
        for cause in (Cause.NO_KEY, Cause.NO_KEY, Cause.NOT_TEXT):
            await world.happen(ROOM, REQUESTER, Unreadable(cause))
        assert world.said(ROOM)[before:] == [bot_text("cannot_read_no_key"), bot_text("cannot_read_not_text")]
        assert world.said(world.relay)[1:] == [TEXTS.say("staff.unread_in_relay", "en")] * 3


async def test_what_could_not_be_read_in_the_queue_is_told_in_the_relay_room_later() -> None:
    async with World() as world:
        await world.walk()
        number = (await world.case()).number
        await world.happen(ROOM, REQUESTER, Unreadable(Cause.NOT_TEXT))
        assert world.said(ROOM)[-1] == bot_text("cannot_read_not_text")
        await world.command(f"!vet passed {number}")
        await world.command(f"!claim {number}", CLAIMER)
        assert world.said(world.relay)[1:] == [TEXTS.say("staff.unread_in_relay", "en")]


async def test_a_changed_message_takes_no_answers_place() -> None:
    async with World() as world:
        await world.walk(WALK[:5])
        await world.happen(ROOM, REQUESTER, Wrote("no", edits=""))
        said = world.said(ROOM)[-1]
        assert said.startswith(bot_text("cannot_take_change"))
        assert "What happened?" in said


async def test_a_changed_message_reaches_the_specialist_as_one() -> None:
    async with World() as world:
        await world.claimed()
        await world.happen(ROOM, REQUESTER, Wrote("on Wednesday", edits=""))
        assert world.said(world.relay)[-1] == TEXTS.say("staff.requester_changed", "en", {"words": "on Wednesday"})


async def test_a_room_that_is_no_encrypted_room_of_two_gets_the_notice_and_is_left() -> None:
    async with World() as world:
        world.server.entering = Entered.UNSAFE
        await world.walk(["hello"])
        deeds = [message.deed for conversation, message in world.server.delivered if conversation.room == ROOM]
        (notice,) = [deed for deed in deeds if isinstance(deed, Decline)]
        assert bot_text("notice_unencrypted") in notice.notice
        assert bot_text("notice_unencrypted", "es") in notice.notice
        assert "example" not in notice.notice


async def test_nothing_that_waited_is_said_in_an_unsafe_room() -> None:
    async with World() as world:
        world.server.entering = Entered.UNSAFE
        world.server.slow[ROOM] = gate = asyncio.Event()
        await world.happen(ROOM, REQUESTER, Invited())
        await world.write(ROOM, REQUESTER, "hello")
        gate.set()
        del world.server.slow[ROOM]
        await world.quiet()
        assert world.said(ROOM) == []


@pytest.mark.parametrize(
    ("danger", "why"), [(Danger.THIRD_MEMBER, "room_unsafe_third"), (Danger.HISTORY_OPENED, "room_unsafe_history")]
)
async def test_an_endangered_session_ends_says_why_and_leaves(danger: Danger, why: str) -> None:
    async with World() as world:
        await world.walk(WALK[:5])
        before = world.said(ROOM)
        await world.happen(ROOM, OTHER, Endangered(danger))
        (leave,) = [message.deed for _, message in world.server.delivered if isinstance(message.deed, Leave)]
        assert leave.why == bot_text(why)
        assert world.said(ROOM) == before
        conversation = await world.conversation()
        assert conversation.owner is Owner.NOBODY
        assert await world.memory.transact(lambda tx: tx.sessions.load(conversation.id)) is None


async def test_an_endangered_case_is_closed_and_staff_are_told_what_was_not_delivered() -> None:
    async with World() as world:
        number = await world.claimed()
        world.server.slow[ROOM] = gate = asyncio.Event()
        await world.write(world.relay, CLAIMER, "on its way already", signed=True)
        await world.write(world.relay, CLAIMER, "still waiting", signed=True)
        await world.happen(ROOM, OTHER, Endangered(Danger.THIRD_MEMBER))
        gate.set()
        del world.server.slow[ROOM]
        await world.quiet()
        assert "still waiting" not in world.said(ROOM)
        assert world.server.ticked() == []  # nobody is told both that it was delivered and that it was not
        told = world.said(world.relay)
        assert any(TEXTS.say("staff.not_delivered", "en") in text and "> still waiting" in text for text in told)
        assert TEXTS.say("staff.room_unsafe", "en", {"case": number}) in told
        assert (await world.get_case(number)).status is CaseStatus.CLOSED
        assert await world.command("hello?", CLAIMER, world.relay) == [TEXTS.say("staff.relay_closed", "en")]


async def test_a_message_that_was_taken_back_while_its_sending_failed_is_not_tried_again() -> None:
    async with World() as world:
        await world.claimed()
        world.server.slow[ROOM] = gate = asyncio.Event()
        await world.write(world.relay, CLAIMER, "on its way", signed=True)
        await world.happen(ROOM, OTHER, Endangered(Danger.THIRD_MEMBER))
        world.server.fail(SendError(Failure.AWAY))
        gate.set()
        del world.server.slow[ROOM]
        await world.quiet()
        assert "on its way" not in world.said(ROOM)
        assert isinstance(world.server.delivered[-1][1].deed, Leave)


async def test_words_of_a_third_person_are_not_taken() -> None:
    async with World() as world:
        await world.walk(WALK[:3])
        await world.write(ROOM, OTHER, "yes")
        assert isinstance(world.server.delivered[-1][1].deed, Leave)
        assert await world.owner() is Owner.NOBODY


async def test_a_case_does_not_go_on_in_a_room_that_became_unsafe_while_the_bot_was_out() -> None:
    async with World() as world:
        number = await world.claimed()
        world.server.entering = Entered.UNSAFE
        await world.happen(ROOM, REQUESTER, Invited())
        assert any(isinstance(message.deed, Decline) for _, message in world.server.delivered)
        assert (await world.get_case(number)).status is CaseStatus.CLOSED
        assert TEXTS.say("staff.room_unsafe", "en", {"case": number}) in world.said(world.relay)


async def test_nobody_inherits_a_conversation_by_asking_the_bot_back_into_its_room() -> None:
    async with World() as world:
        await world.walk(WALK[:5])
        await world.happen(ROOM, OTHER, Invited())
        assert isinstance(world.server.delivered[-1][1].deed, Decline)


async def test_staff_hear_that_the_requester_has_left() -> None:
    async with World() as world:
        number = await world.claimed()
        await world.happen(ROOM, REQUESTER, Left())
        assert world.said(world.relay)[-1] == TEXTS.say("staff.requester_left", "en", {"case": number})


async def test_two_requesters_do_not_meet() -> None:
    async with World() as world:
        await world.walk(WALK[:5])
        await world.walk(["hola", "2"], OTHER_ROOM, OTHER)
        await world.write(ROOM, REQUESTER, STORY)
        assert "How urgent is it?" in world.said(ROOM)[-1]
        assert world.said(OTHER_ROOM)[-1].startswith("Welcome")


# keys that come late


async def test_words_whose_key_comes_late_are_taken_at_the_step_where_the_conversation_stands() -> None:
    async with World() as world:
        await world.walk(WALK[:3])
        await world.happen(ROOM, REQUESTER, Unreadable(Cause.WITHHELD))
        await world.late(ROOM, REQUESTER, Wrote("2"), "$late")
        assert "May the team read it?" in world.said(ROOM)[-1]
        before = len(world.said(ROOM))
        await world.happen(ROOM, REQUESTER, Unreadable(Cause.NO_KEY))  # since then something could be read
        assert len(world.said(ROOM)) == before + 1
        await world.happen(ROOM, REQUESTER, Wrote("1", edits="$late"))
        assert "your answer to: What is it about?" in world.said(ROOM)[-1]


# changed messages


async def test_a_changed_answer_is_asked_about_and_taken() -> None:
    async with World() as world:
        await world.walk(WALK[:3])
        device = await world.write(ROOM, REQUESTER, "2")
        await world.write(ROOM, REQUESTER, "yes")
        await world.happen(ROOM, REQUESTER, Wrote("An account", edits=device))
        asked = bot_text("use_change", question="What is it about?")
        assert world.said(ROOM)[-1] == f"{asked}\n\n1. {bot_text('yes')}\n2. {bot_text('no')}"
        for text in ("yes", STORY, "2", "1"):
            await world.write(ROOM, REQUESTER, text)
        assert "An account" in world.said(QUEUE)[-1]


# files


async def test_a_file_is_kindly_refused_while_the_bot_owns() -> None:
    async with World() as world:
        await world.walk(WALK[:4])
        for _ in range(2):
            await world.happen(ROOM, REQUESTER, Attached(FILE))
        said = world.said(ROOM)
        assert said[-1].startswith(bot_text("file_not_now"))
        assert len(said) == 5


async def test_a_file_for_the_queue_is_kept_for_the_claimer_and_told_once() -> None:
    async with World() as world:
        await world.walk()
        number = (await world.case()).number
        before = len(world.said(ROOM))
        files = [FILE, replace(FILE, place="another")]
        for file in files:
            await world.happen(ROOM, REQUESTER, Attached(file))
        assert world.said(ROOM)[before:] == [bot_text("kept_for_case", case=number)]
        await world.command(f"!vet passed {number}")
        await world.command(f"!claim {number}", CLAIMER)
        assert world.files(world.relay) == files
        assert world.said(world.relay)[1] == TEXTS.say("staff.file_follows", "en", {"file": FILE.name})


async def test_a_file_of_a_third_person_ends_the_conversation() -> None:
    async with World() as world:
        await world.walk(WALK[:4])
        await world.happen(ROOM, OTHER, Attached(FILE))
        assert isinstance(world.server.delivered[-1][1].deed, Leave)


# the fingerprint


async def test_the_fingerprint_is_told_by_the_bot_and_in_the_queue_but_not_over_a_specialist() -> None:
    async with World() as world:
        told = bot_text("fingerprint", fingerprint=world.server.key)
        assert world.server.key in told
        await world.walk(["hello", "1", "fingerprint"])
        assert world.said(ROOM)[-1].startswith(told)
        for text in WALK[2:]:
            await world.write(ROOM, REQUESTER, text)
        number = (await world.case()).number
        await world.write(ROOM, REQUESTER, "fingerprint")
        assert world.said(ROOM)[-1] == told
        await world.command(f"!vet passed {number}")
        await world.command(f"!claim {number}", CLAIMER)
        before = world.said(ROOM)
        await world.write(ROOM, REQUESTER, "fingerprint")
        assert world.said(ROOM) == before
        assert world.said(world.relay)[1:] == ["fingerprint"]


async def test_who_asks_to_verify_hears_once_what_to_do_instead() -> None:
    async with World() as world:
        told = bot_text("cannot_verify", fingerprint=world.server.key)
        await world.walk([])
        for _ in range(2):
            await world.happen(ROOM, REQUESTER, AsksToVerify())
        (said,) = world.said(ROOM)
        assert told in said
        assert said.endswith("1. English\n2. Español")
        for text in WALK[1:]:
            await world.write(ROOM, REQUESTER, text)
        before = len(world.said(ROOM))
        for _ in range(2):
            await world.happen(ROOM, REQUESTER, AsksToVerify())
        assert world.said(ROOM)[before:] == [told]


async def test_a_specialists_conversation_hears_nothing_of_verification_settings_and_alarms() -> None:
    async with World() as world:
        await world.claimed()
        before = world.said(ROOM), world.said(world.relay)
        for what in (AsksToVerify(), SettingsChanged(Setting.POWER), Alarmed(Alarm.NEW_DEVICE)):
            await world.happen(ROOM, REQUESTER, what)
        assert (world.said(ROOM), world.said(world.relay)) == before


# the identity


async def test_a_change_of_identity_is_told_to_specialists_once_and_never_to_the_requester() -> None:
    async with World() as world:
        number = await world.claimed()
        before = len(world.said(ROOM))
        for identity in (None, "KEY1", "KEY1", "KEY2", "KEY2", ""):
            await world.happen(ROOM, REQUESTER, Wrote("words", identity=identity))
        changed, gone = (TEXTS.say(f"staff.identity_{name}", "en", {"case": number}) for name in ("changed", "gone"))
        told = [text for text in world.said(world.relay)[1:] if text != "words"]
        assert told == [changed, gone]
        assert len(world.said(ROOM)) == before
        assert (await world.conversation()).identity == ""


async def test_a_change_of_identity_is_seen_when_something_is_said_and_told_in_the_queue_room() -> None:
    async with World() as world:
        world.server.identities[REQUESTER] = "KEY1"
        await world.walk()
        number = (await world.case()).number
        world.server.identities[REQUESTER] = "KEY2"
        await world.write(ROOM, REQUESTER, "one more thing")
        assert world.said(QUEUE)[-1] == TEXTS.say("staff.identity_changed", "en", {"case": number})


async def test_specialists_see_that_an_account_has_no_identity() -> None:
    async with World() as world:
        world.server.identities[REQUESTER] = ""
        await world.claimed()
        none = TEXTS.say("staff.identity_none", "en")
        assert world.said(world.relay)[0].endswith(none)
        assert world.said(world.notes)[1].endswith(none)


# rooms that move


async def test_a_conversation_goes_on_in_the_room_that_took_the_place_of_its_own() -> None:
    async with World() as world:
        await world.claimed()
        await world.happen(ROOM, REQUESTER, Moved(OTHER_ROOM))
        await world.write(world.relay, CLAIMER, "still here", signed=True)
        assert world.said(OTHER_ROOM) == ["still here"]
        await world.write(OTHER_ROOM, REQUESTER, "me too")
        assert world.said(world.relay)[-1] == "me too"


async def test_an_unsafe_room_is_not_followed_and_the_case_is_closed() -> None:
    async with World() as world:
        number = await world.claimed()
        world.server.entering = Entered.UNSAFE
        await world.happen(ROOM, REQUESTER, Moved(OTHER_ROOM))
        deeds = [message.deed for lane, message in world.server.delivered if lane.place is Place.REQUESTER]
        assert isinstance(deeds[-1], Decline)
        assert (await world.get_case(number)).status is CaseStatus.CLOSED
        assert (await world.conversation(ROOM)).owner is Owner.NOBODY


async def test_a_room_that_is_anothers_conversation_already_stays_so() -> None:
    async with World() as world:
        await world.walk(WALK[:3], OTHER_ROOM, OTHER)
        await world.walk(WALK[:3])
        await world.happen(ROOM, REQUESTER, Moved(OTHER_ROOM))
        assert (await world.conversation(OTHER_ROOM)).contact == OTHER
        assert (await world.conversation(ROOM)).contact == REQUESTER


async def test_a_room_that_we_were_asked_into_before_we_knew_whose_it_is_goes_to_the_conversation_that_moved() -> None:
    async with World() as world:
        await world.claimed()
        await world.happen(OTHER_ROOM, REQUESTER, Invited())
        await world.happen(ROOM, REQUESTER, Moved(OTHER_ROOM))
        await world.write(world.relay, CLAIMER, "still here", signed=True)
        assert world.said(OTHER_ROOM) == ["still here"]


async def test_an_invitation_to_the_room_that_the_queue_moves_to_is_no_requesters() -> None:
    async with World() as world:
        await world.walk(WALK[:1])
        world.server.fails_at[Follow] = SendError(Failure.AWAY)  # the invitation has not come yet
        await world.happen(QUEUE, VETTER, Moved(OTHER_ROOM))
        await world.happen(OTHER_ROOM, VETTER, Invited())
        await world.happen(OTHER_ROOM, STRANGER, Endangered(Danger.THIRD_MEMBER))
        del world.server.fails_at[Follow]
        world.clock.advance(timedelta(minutes=1))
        world.desk.look_again()
        await world.quiet()
        assert world.said(OTHER_ROOM) == [TEXTS.say(sayings.QUEUE_MOVED, "en")]
        await world.write(OTHER_ROOM, VETTER, "!help", signed=True)
        assert world.said(OTHER_ROOM)
        assert not any(isinstance(message.deed, Leave | Decline) for _, message in world.server.delivered)


async def test_a_room_is_not_followed_at_a_strangers_word() -> None:
    async with World() as world:
        await world.walk(WALK[:3])
        await world.happen(ROOM, OTHER, Moved(OTHER_ROOM))
        assert (await world.conversation(ROOM)).contact == REQUESTER


async def test_a_mark_on_the_last_word_said_begins_nothing_anew() -> None:
    async with World() as world:
        await world.walk(["hello", "1", "stop", "yes"])
        assert await world.owner() is Owner.NOBODY
        before = world.said(ROOM)
        await world.happen(ROOM, REQUESTER, Unreadable(Cause.REACTION))
        assert world.said(ROOM) == before
        await world.write(ROOM, REQUESTER, "hello")
        await world.happen(ROOM, REQUESTER, Unreadable(Cause.REACTION))
        assert bot_text("cannot_read_reaction") in world.said(ROOM)[-1]


async def test_a_timer_that_somebody_sets_asks_for_no_answer() -> None:
    async with World() as world:
        await world.walk(["hello", "1"])
        before = world.said(ROOM)
        await world.happen(ROOM, REQUESTER, TimerSet(timedelta(hours=1)))
        await world.happen(OTHER_ROOM, OTHER, TimerSet(None))
        assert world.said(ROOM) == before
        assert world.said(OTHER_ROOM) == []
