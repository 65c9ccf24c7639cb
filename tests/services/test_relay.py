"""What people say to each other through the bot: words, changes, removals, files, and who is writing."""

from dataclasses import replace

import pytest

from bot.deeds import EditText, SendFile, SendText
from bot.domain import CaseStatus, Kind, Look, Style
from bot.happenings import Attached, Joined, Removed, Typing, Wrote
from bot.ports import Failure, SendError
from bot.services import presence
from tests.services.world import (
    CLAIMER,
    FILE,
    OTHER,
    QUEUE,
    REQUESTER,
    ROOM,
    STRANGER,
    TEXTS,
    VETTER,
    WALK,
    World,
)

LONG = "a\n\n" * 4_000


def staff_text(name: str, **params: str) -> str:
    return TEXTS.say(f"staff.{name}", "en", params)


def bot_text(name: str, **params: str) -> str:
    return TEXTS.say(f"bot.{name}", "en", params)


# styles

BOLD, PART = (Style(Look.BOLD, 3, 3),), (Style(Look.ITALIC, 0, 2),)


def styled(world: World, room: str) -> list[SendText]:
    """What was said in the room in styles."""
    deeds = [message.deed for conversation, message in world.server.delivered if conversation.room == room]
    return [deed for deed in deeds if isinstance(deed, SendText) and deed.styles]


async def test_styles_pass_in_both_directions() -> None:
    async with World() as world:
        await world.claimed()
        await world.happen(world.relay, CLAIMER, Wrote("do **not**", signed=True, plain="do not", styles=BOLD))
        assert styled(world, ROOM) == [SendText("do not", BOLD)]
        await world.happen(ROOM, REQUESTER, Wrote("do not", styles=BOLD))
        assert styled(world, world.relay) == [SendText("do not", BOLD)]


async def test_marks_of_a_requester_stay_as_they_were_written() -> None:
    async with World() as world:
        await world.claimed()
        await world.happen(ROOM, REQUESTER, Wrote("it is 2*3*4", plain="it is 234", styles=PART))
        assert world.said(world.relay)[-1] == "it is 2*3*4"
        assert styled(world, world.relay) == []


async def test_what_is_cut_into_parts_loses_its_styles_and_nothing_else() -> None:
    async with World() as world:
        await world.claimed()
        before, plain = len(world.said(ROOM)), "a\n\n" + LONG
        await world.happen(world.relay, CLAIMER, Wrote(f"*a*\n\n{LONG}", signed=True, plain=plain, styles=PART))
        parts = world.said(ROOM)[before:]
        assert len(parts) > 1
        assert sum(part.count("a") for part in parts) == plain.count("a")
        assert styled(world, ROOM) == []


async def test_what_is_a_command_once_its_marks_are_gone_is_one() -> None:
    async with World() as world:
        number = await world.claimed()
        before = world.said(ROOM)
        await world.happen(world.relay, CLAIMER, Wrote("**!clsoe**", signed=True, plain="!clsoe", styles=PART))
        assert world.said(ROOM) == before
        await world.happen(world.relay, CLAIMER, Wrote("**!close**", signed=True, plain="!close", styles=PART))
        assert (await world.get_case(number)).status is CaseStatus.CLOSED


# changes


async def test_a_change_appears_where_the_message_went_in_both_directions() -> None:
    async with World() as world:
        await world.claimed()
        theirs = await world.write(ROOM, REQUESTER, "on Tuesday")
        ours = await world.write(world.relay, CLAIMER, "call at noon", signed=True)
        said = world.said(ROOM), world.said(world.relay)
        for text in ("on Wednesday", "on Thursday"):
            await world.happen(ROOM, REQUESTER, Wrote(text, edits=theirs))
        await world.happen(world.relay, CLAIMER, Wrote("call at one", signed=True, edits=ours))
        copy = world.event("on Tuesday")
        assert world.changes(world.relay) == [(copy, "on Wednesday"), (copy, "on Thursday")]
        assert world.changes(ROOM) == [(world.event("call at noon"), "call at one")]
        assert (world.said(ROOM), world.said(world.relay)) == said


@pytest.mark.parametrize(("before", "after"), [(LONG, "short"), ("short", LONG)])
async def test_what_is_not_one_message_on_both_sides_stands_beside_it(before: str, after: str) -> None:
    async with World() as world:
        await world.claimed()
        ours = await world.write(world.relay, CLAIMER, before, signed=True)
        await world.happen(world.relay, CLAIMER, Wrote(after, signed=True, edits=ours))
        assert world.changes(ROOM) == []
        assert any(text.startswith("Correction:") for text in world.said(ROOM))
        # from now on there are two that the change could mean
        await world.happen(world.relay, CLAIMER, Wrote("third", signed=True, edits=ours))
        assert world.said(ROOM)[-1] == bot_text("corrected", words="third")


async def test_a_change_of_what_a_late_key_opened_finds_its_message() -> None:
    async with World() as world:
        await world.claimed()
        await world.late(ROOM, REQUESTER, Wrote("on Tuesday"), "$late")
        await world.happen(ROOM, REQUESTER, Wrote("on Wednesday", edits="$late"))
        assert world.changes(world.relay) == [(world.event("on Tuesday"), "on Wednesday")]


async def test_a_change_that_nobody_can_read_yet_is_kept_as_one() -> None:
    async with World() as world:
        number = await world.claimed()
        theirs = await world.write(ROOM, REQUESTER, "on Tuesday")
        await world.step_out(number, world.relay)
        await world.happen(ROOM, REQUESTER, Wrote("on Wednesday", edits=theirs))
        assert world.changes(world.relay) == []
        await world.happen(world.relay, CLAIMER, Joined())
        assert world.said(world.relay)[-1] == staff_text("requester_changed", words="on Wednesday")


async def test_a_change_that_cannot_be_shown_is_kept() -> None:
    async with World() as world:
        number = await world.claimed()
        theirs = await world.write(ROOM, REQUESTER, "on Tuesday")
        world.server.broken[world.relay] = SendError(Failure.GONE)
        await world.happen(ROOM, REQUESTER, Wrote("on Wednesday", edits=theirs))
        assert world.said(QUEUE)[-1] == staff_text("relay_lost", case=number)
        del world.server.broken[world.relay]
        await world.happen(world.relay, CLAIMER, Joined())
        assert world.said(world.relay)[-1] == staff_text("requester_changed", words="on Wednesday")


async def test_a_change_that_is_not_delivered_is_told() -> None:
    async with World() as world:
        await world.claimed()
        ours = await world.write(world.relay, CLAIMER, "call at noon", signed=True)
        world.server.fail(SendError(Failure.REFUSED))
        await world.happen(world.relay, CLAIMER, Wrote("call at one", signed=True, edits=ours))
        assert world.said(world.relay)[-1] == f"{staff_text('not_delivered')}\n\n> call at one"


async def test_words_that_become_a_command_are_not_relayed_as_one() -> None:
    async with World() as world:
        number = await world.claimed()
        ours = await world.write(world.relay, CLAIMER, "call at noon", signed=True)
        said = world.said(ROOM)
        await world.happen(world.relay, CLAIMER, Wrote(" \u3164!clsoe", signed=True, edits=ours))
        asked = [staff_text("command_in_relay"), staff_text("unknown_command")]
        assert world.said(world.relay)[-1] == "\n\n".join([*asked, staff_text("did_you_mean", command="!close")])
        assert (world.said(ROOM), world.changes(ROOM)) == (said, [])
        await world.happen(world.relay, CLAIMER, Wrote("!close", signed=True, edits=ours))
        assert (await world.get_case(number)).status is CaseStatus.CLOSED
        assert world.said(ROOM) == [*said, bot_text("case_closed", case=number)]


async def test_words_that_were_a_command_reach_the_requester_once() -> None:
    async with World() as world:
        await world.claimed()
        said = world.said(ROOM)
        command = await world.write(world.relay, CLAIMER, "!call at noon", signed=True)
        assert world.said(ROOM) == said
        await world.happen(world.relay, CLAIMER, Wrote("call at noon", signed=True, edits=command))
        assert world.said(ROOM) == [*said, bot_text("corrected", words="call at noon")]
        await world.happen(world.relay, CLAIMER, Wrote("call at one", signed=True, edits=command))
        assert world.changes(ROOM) == [(world.event(bot_text("corrected", words="call at noon")), "call at one")]


async def test_what_staff_quote_stays_with_them() -> None:
    async with World() as world:
        await world.claimed()
        await world.happen(world.relay, CLAIMER, Wrote("call at noon", signed=True, quotes=f"{VETTER} knows them"))
        assert world.said(ROOM)[-1] == "call at noon"


# removals


async def test_a_removal_that_does_not_reach_the_requester_is_told_where_it_was_made() -> None:
    async with World() as world:
        await world.claimed()
        ours = await world.write(world.relay, CLAIMER, "call at noon", signed=True)
        world.server.fails_at[EditText] = SendError(Failure.REFUSED)
        await world.happen(world.relay, CLAIMER, Removed(ours))
        assert world.changes(ROOM) == []
        assert world.said(world.relay)[-1] == f"{staff_text('not_delivered')}\n\n> {bot_text('removed')}"


async def test_a_removal_hides_every_part_on_the_other_side_and_deletes_nothing() -> None:
    async with World() as world:
        await world.claimed()
        theirs = await world.write(ROOM, REQUESTER, "my name is Amira")
        ours = await world.write(world.relay, CLAIMER, LONG, signed=True)
        said = world.said(ROOM), world.said(world.relay)
        await world.happen(ROOM, REQUESTER, Removed(theirs))
        await world.happen(world.relay, CLAIMER, Removed(ours))
        assert world.changes(world.relay) == [(world.event("my name is Amira"), staff_text("removed"))]
        assert [text for _, text in world.changes(ROOM)] == [bot_text("removed")] * 2
        assert (world.said(ROOM), world.said(world.relay)) == said


async def test_staff_hear_once_of_removals_that_cannot_be_shown() -> None:
    async with World() as world:
        await world.walk()
        number = (await world.case()).number
        theirs = await world.write(ROOM, REQUESTER, "one more thing")
        before = len(world.said(ROOM))
        for removed in (theirs, "$unknown"):
            await world.happen(ROOM, REQUESTER, Removed(removed))
        assert world.said(QUEUE)[1:] == [staff_text("requester_removed", case=number)]
        assert len(world.said(ROOM)) == before


async def test_a_removal_is_nothing_to_the_bot_and_nothing_from_a_stranger_in_the_relay_room() -> None:
    async with World() as world:
        await world.walk(WALK[:4])
        before = world.said(ROOM)
        await world.happen(ROOM, REQUESTER, Removed("$event1"))
        assert world.said(ROOM) == before
    async with World() as world:
        await world.claimed()
        ours = await world.write(world.relay, CLAIMER, "call at noon", signed=True)
        await world.happen(world.relay, STRANGER, Removed(ours))
        assert world.changes(ROOM) == []


# files


async def test_files_pass_in_both_directions_and_are_ticked() -> None:
    async with World() as world:
        await world.claimed()
        voice, said = replace(FILE, kind=Kind.VOICE, place="another"), world.said(ROOM)
        await world.happen(ROOM, REQUESTER, Attached(FILE))
        ours = await world.happen(world.relay, CLAIMER, Attached(voice, signed=True))
        assert world.files(world.relay) == [FILE]
        assert world.said(world.relay)[-1] == staff_text("file_follows", file=FILE.name)
        assert world.files(ROOM) == [voice]
        assert world.said(ROOM) == said
        assert world.server.ticked() == [ours]


async def test_a_file_of_somebody_not_trusted_goes_nowhere() -> None:
    async with World() as world:
        await world.claimed()
        for sender, signed in ((CLAIMER, False), (STRANGER, True)):
            await world.happen(world.relay, sender, Attached(FILE, signed))
        assert world.files(ROOM) == []


async def test_a_file_that_is_not_delivered_is_named_to_staff() -> None:
    async with World() as world:
        await world.claimed()
        world.server.broken[ROOM] = SendError(Failure.REFUSED)
        await world.happen(world.relay, CLAIMER, Attached(FILE, signed=True))
        assert world.said(world.relay)[-1] == staff_text("file_not_delivered", file=FILE.name)
        assert world.server.ticked() == []


async def test_a_file_that_cannot_be_posted_is_kept_and_comes_with_its_line_once() -> None:
    async with World() as world:
        await world.claimed()
        world.server.broken[world.relay] = SendError(Failure.GONE)
        await world.happen(ROOM, REQUESTER, Attached(FILE))
        del world.server.broken[world.relay]
        before = len(world.said(world.relay))
        await world.happen(world.relay, CLAIMER, Joined())
        assert world.files(world.relay) == [FILE]
        assert world.said(world.relay)[before + 1 :] == [staff_text("file_follows", file=FILE.name)]


async def test_a_kept_file_is_named_in_the_notes_room() -> None:
    async with World() as world:
        await world.walk()
        number = (await world.case()).number
        await world.command(f"!vet pending {number}")
        await world.happen(ROOM, REQUESTER, Attached(FILE))
        assert world.said(world.notes)[-1] == staff_text("file_kept", file=FILE.name)
        assert not any(isinstance(message.deed, SendFile) for _, message in world.server.delivered)


async def test_a_removed_file_is_hidden() -> None:
    async with World() as world:
        await world.claimed()
        theirs = await world.happen(ROOM, REQUESTER, Attached(FILE))
        await world.happen(ROOM, REQUESTER, Removed(theirs))
        assert [text for _, text in world.changes(world.relay)] == [staff_text("removed")]


# who is writing


async def types(world: World, room: str, *people: str) -> list[tuple[str | None, bool]]:
    """Who writes in a room changes: what is shown, and where."""
    assert world.desk is not None
    await world.desk.inbox.typing(Typing(world.server.name, room, frozenset(people)))
    shown, world.server.typing = world.server.typing, []
    return [(conversation.room, on) for conversation, on in shown]


async def test_who_is_writing_is_shown_across_once_a_change() -> None:
    async with World() as world:
        await world.claimed()
        relay = world.relay
        assert await types(world, ROOM, REQUESTER) == [(relay, True)]
        assert await types(world, ROOM, REQUESTER, OTHER) == []
        assert await types(world, ROOM, OTHER) == [(relay, False)]
        assert await types(world, ROOM) == []
        assert await types(world, relay, STRANGER) == []
        assert await types(world, relay, STRANGER, VETTER) == [(ROOM, True)]
        assert await types(world, relay) == [(ROOM, False)]


async def test_writing_is_shown_only_where_a_specialist_and_a_requester_speak() -> None:
    async with World() as world:
        assert await types(world, "!nowhere:example.org", REQUESTER) == []
        await world.walk(WALK[:3])
        assert await types(world, ROOM, REQUESTER) == []
        for text in WALK[3:]:
            await world.write(ROOM, REQUESTER, text)
        number = (await world.case()).number
        assert await types(world, ROOM, REQUESTER) == []
        await world.command(f"!vet passed {number}")
        await world.command(f"!claim {number}", CLAIMER)
        assert await types(world, world.notes, CLAIMER) == []
        assert await types(world, QUEUE, CLAIMER) == []
        await world.step_out(number, world.relay)
        assert await types(world, ROOM, REQUESTER) == []
        assert await types(world, world.relay, VETTER) == []


async def test_showing_who_writes_never_raises_and_is_not_remembered_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with World() as world:
        await world.claimed()
        monkeypatch.setattr(presence, "MAX_KNOWN", 1)
        assert len(await types(world, ROOM, REQUESTER)) == 1
        assert len(await types(world, world.relay, CLAIMER)) == 1
        assert len(await types(world, ROOM, REQUESTER)) == 1  # forgotten, so it is shown anew

        async def fails(*_: object, **__: object) -> None:
            raise OSError

        monkeypatch.setattr(world.server, "show_typing", fails)
        assert await types(world, ROOM) == []


# what came in one message, and what a reply answers


async def test_a_reply_shows_above_it_what_it_answers_and_its_styles_stay_where_they_were() -> None:
    async with World() as world:
        await world.claimed()
        await world.happen(ROOM, REQUESTER, Wrote("do not", quotes="shall we?\nreally?", styles=BOLD))
        said = world.said(world.relay)[-1]
        assert said == "> shall we?\n> really?\n\ndo not"
        (deed,) = styled(world, world.relay)
        (style,) = deed.styles
        assert said[style.start : style.start + style.length] == "not"


async def test_all_that_came_in_one_message_is_hidden_when_it_is_taken_back() -> None:
    async with World() as world:
        await world.claimed()
        for event_id, what in (("$one", Wrote("look at this")), ("$one/part/1", Attached(FILE))):
            world.server.happen(ROOM, REQUESTER, what, event_id)
        await world.quiet()
        await world.happen(ROOM, REQUESTER, Removed("$one"))
        assert [text for _, text in world.changes(world.relay)] == [staff_text("removed")] * 2
