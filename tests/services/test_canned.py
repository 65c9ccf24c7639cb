"""What staff send with a word: canned replies, answers that decline, and the name that somebody signs with."""

from __future__ import annotations

import pytest

from bot.domain import CaseStatus, Owner
from bot.happenings import Joined, Wrote
from bot.ports import Failure, SendError
from tests.services.world import CLAIMER, LEAD, QUEUE, REQUESTER, ROOM, STORY, TEXTS, VETTER, World

SOON = "About A phone, which you say is: It can wait. We will write soon, {case}."


def staff_text(name: str, **params: str) -> str:
    return TEXTS.say(f"staff.{name}", "en", params)


async def test_a_reply_is_shown_first_and_sent_only_when_that_is_asked_for() -> None:
    async with World() as world:
        number = await world.claimed()
        heard = world.said(ROOM)
        words = SOON.format(case=number)
        shown = await world.command("!canned soon", CLAIMER, world.relay)
        assert shown == [staff_text("canned_preview", words=words, command="!canned soon send")]
        assert world.said(ROOM) == heard
        assert await world.command("!canned soon send", CLAIMER, world.relay) == []
        assert world.said(ROOM) == [*heard, words]
        assert (await world.get_case(number)).status is CaseStatus.ON_REQUESTER
        assert len(world.server.ticked()) == 1


async def test_a_reply_is_in_the_language_of_the_requester() -> None:
    async with World() as world:
        await world.walk(("hola", "2", "1", "1", "1", STORY, "1", "1"))
        number = (await world.case()).number
        await world.command(f"!vet passed {number}")
        await world.command(f"!claim {number}", CLAIMER)
        await world.command("!canned soon send", CLAIMER, world.notes)
        case = await world.get_case(number)
        assert case.locale == "es"
        assert case.topic is not None
        assert TEXTS.say(case.topic, "es") in world.said(ROOM)[-1]


async def test_it_can_be_sent_from_the_notes_room_and_a_failure_is_told_there() -> None:
    async with World() as world:
        await world.claimed()
        world.server.broken[ROOM] = SendError(Failure.REFUSED)
        answers = await world.command("!canned soon send", CLAIMER, world.notes)
        assert [answer.partition("\n")[0] for answer in answers] == [staff_text("not_delivered")]


async def test_whoever_comes_later_reads_what_was_sent_with_a_word() -> None:
    async with World() as world:
        number = await world.claimed()
        await world.command("!canned soon send", CLAIMER, world.notes)
        await world.happen(world.relay, VETTER, Joined())
        assert world.said(world.relay)[-1].endswith(SOON.format(case=number))


@pytest.mark.parametrize("who", [VETTER, LEAD])
async def test_only_whoever_has_the_case_sends(who: str) -> None:
    async with World(leads=frozenset({LEAD})) as world:
        number = await world.claimed()
        heard = world.said(ROOM)
        assert await world.command("!canned soon send", who, world.relay) == [staff_text("canned_refused", case=number)]
        assert world.said(ROOM) == heard


async def test_in_the_queue_room_replies_are_listed_and_nothing_that_they_quote_is_shown() -> None:
    async with World() as world:
        number = await world.claimed()
        heard, [listed] = world.said(ROOM), await world.command("!canned", CLAIMER)
        for text in (f"!canned {number} device", f"!canned {number} soon send", "!canned device"):
            assert await world.command(text, CLAIMER) == [listed]
        assert STORY not in "".join(world.said(QUEUE))
        assert world.said(ROOM) == heard


async def test_nothing_is_sent_once_nobody_has_the_case() -> None:
    async with World() as world:
        number = await world.claimed()
        await world.command(f"!close {number}", CLAIMER)
        heard = world.said(ROOM)
        assert await world.command("!canned soon send", CLAIMER, world.notes) == [
            staff_text("canned_refused", case=number)
        ]
        assert world.said(ROOM) == heard


async def test_a_word_that_is_no_reply_is_asked_back_and_the_list_names_all() -> None:
    async with World() as world:
        await world.claimed()
        heard = world.said(ROOM)
        answer = "\n\n".join([staff_text("canned_unknown"), staff_text("did_you_mean", command="!canned soon")])
        assert await world.command("!canned son", CLAIMER, world.relay) == [answer]
        [listed] = await world.command("!canned", CLAIMER, world.relay)
        assert "!canned soon - About …, which you say is: …." in listed
        assert "!canned device - " in listed
        assert world.said(ROOM) == heard


async def test_a_reply_that_quotes_what_the_case_does_not_have_is_not_sent() -> None:
    async with World() as world:
        await world.walk(("hello", "1", "person", "1"))
        number = (await world.case()).number
        await world.command(f"!vet passed {number}")
        await world.command(f"!claim {number}", CLAIMER)
        heard = world.said(ROOM)
        answers = await world.command("!canned device send", CLAIMER, world.relay)
        assert answers == [staff_text("canned_lacks", other="problem, what")]
        assert world.said(ROOM) == heard


async def test_a_case_is_declined_with_the_answer_for_the_reason() -> None:
    async with World() as world:
        number = await world.claimed()
        await world.command("!decline legal", CLAIMER, world.notes)
        assert world.said(ROOM)[-2:] == [
            "Please write to example.",
            TEXTS.say("bot.case_closed", "en", {"case": number}),
        ]
        assert world.said(QUEUE)[-1] == staff_text("declined_done", case=number)
        assert (await world.get_case(number)).status is CaseStatus.DECLINED
        assert await world.owner() is Owner.NOBODY


async def test_without_a_reason_it_asks_which_and_nobody_is_declined() -> None:
    async with World() as world:
        number = await world.claimed()
        heard = world.said(ROOM)
        for command in ("!decline", "!decline leegal"):
            assert await world.command(command, CLAIMER, world.notes) == [staff_text("decline_reasons", other="legal")]
        assert await world.command(f"!decline {number} legal", VETTER) == [staff_text("close_refused", case=number)]
        assert world.said(ROOM) == heard
        assert (await world.get_case(number)).is_claimed


async def test_before_a_claim_anybody_of_the_staff_declines_and_once() -> None:
    async with World() as world:
        await world.walk()
        number = (await world.case()).number
        await world.command(f"!decline {number} legal", VETTER)
        heard = world.said(ROOM)
        assert heard[-2] == "Please write to example."
        assert await world.command(f"!decline {number} legal", VETTER) == [
            staff_text("close_refused_closed", case=number)
        ]
        assert world.said(ROOM) == heard


async def test_nobody_of_the_staff_is_named_until_they_sign() -> None:
    async with World(leads=frozenset({LEAD})) as world:
        number = await world.claimed()
        await world.write(world.relay, CLAIMER, "before", signed=True)
        answers = await world.command("!sign  Carol\u202e\n of the team ", CLAIMER, world.relay)
        assert answers == [staff_text("sign_done", case=number, other="Carol of the team")]
        await world.write(world.relay, CLAIMER, "signed", signed=True)
        await world.write(world.relay, LEAD, "by another", signed=True)
        edited = world.server.timeline[-2].event_id
        await world.happen(world.relay, CLAIMER, Wrote("changed", signed=True, edits=edited))
        await world.command("!sign", CLAIMER, world.relay)
        await world.write(world.relay, CLAIMER, "after", signed=True)
        assert world.said(ROOM)[-4:] == ["before", "signed\n— Carol of the team", "by another", "after"]
        assert world.changes(ROOM)[-1][1] == "changed\n— Carol of the team"
        assert not any(who in said for said in world.said(ROOM) for who in (CLAIMER, LEAD, "carol"))


@pytest.mark.parametrize("name", ["@carol:staff.example", "x" * 41])
async def test_an_account_or_a_long_text_is_no_signature(name: str) -> None:
    async with World() as world:
        await world.claimed()
        assert await world.command(f"!sign {name}", CLAIMER, world.relay) == [staff_text("sign_refused")]
        await world.write(world.relay, CLAIMER, "words", signed=True)
        assert world.said(ROOM)[-1] == "words"


async def test_a_requester_commands_nothing() -> None:
    async with World() as world:
        number = await world.claimed()
        for text in ("!decline legal", "!canned soon send", "!sign Me"):
            await world.write(ROOM, REQUESTER, text)
            assert world.said(world.relay)[-1] == text
        case = await world.get_case(number)
        assert (case.is_claimed, case.signs) == (True, ())
