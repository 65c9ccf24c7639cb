"""Two hundred conversations, eight at once, with forged relations: nothing crosses, nothing is lost (laws 1 and 11)."""

import re

import pytest

from bot.deeds import MakeRoom
from bot.domain import CaseNumber
from tests.services.crowd import MARK, STAFF, Crowd, Talk, seen, told
from tests.services.moves import FIRST, LAST, MEANWHILE, MIDDLE, requester_writes
from tests.services.world import QUEUE, STRANGER, TEXTS, World


def requesters() -> list[Talk]:
    """Six people, each in a room of their own, in two languages."""
    return [Talk(f"!home{n}:example.org", f"@requester{n}:example.org", "en" if n % 2 else "es") for n in range(6)]


async def conversed(world: World, seed: int) -> list[Talk]:
    """Eight cases of six requesters: two come back with a second one, while the others go on; some change hands."""
    crowd, first = Crowd(world, seed), requesters()
    await crowd.arrive(first)
    await crowd.take(first, MEANWHILE)
    await crowd.talk(first, FIRST)
    gone, rest = first[:2], first[2:]
    await crowd.talk(gone, MIDDLE)
    for talk in gone:
        await crowd.close(talk)
    back = [Talk(talk.home, talk.person, talk.locale, before=talk) for talk in gone]
    await crowd.arrive(back)
    await crowd.take(back, MEANWHILE)
    await crowd.talk(back, FIRST)
    for talk in gone:  # its requester has another case now
        crowd.write_in_vain(talk)
    await world.restart()
    await crowd.talk(rest + back, MIDDLE)
    await crowd.hand_over(rest[::2] + back, requester_writes)
    await crowd.talk(rest + back, LAST)
    return crowd.talks


@pytest.mark.parametrize("seed", range(25))
async def test_nothing_crosses_and_nothing_is_lost_whatever_is_forged(seed: int) -> None:
    async with World(leads=frozenset(STAFF[2:])) as world:
        talks = await conversed(world, seed)
        assert len({talk.number for talk in talks}) == 8

        # all that staff wrote for a requester reached them, once, as what it is; and all of the requester's, staff
        for talk in talks:
            assert seen(world, talk.relay) == talk.at_staff
            theirs = [each for each in talks if each.home == talk.home]
            reached = [each for each in seen(world, talk.home) if not any(one.story in each[1] for one in theirs)]
            assert reached == [each for one in theirs for each in one.at_requester]

        # nothing else did: no note, no name, nothing of another's case
        for conversation, message in world.server.delivered:
            words = told(message.deed)
            at = [talk for talk in talks if conversation.room in (talk.home, talk.relay, talk.notes)]
            if any(talk.home == conversation.room for talk in at):
                assert not any(who in words or who[1:] in words for who in (*STAFF, STRANGER))
                assert not any(re.search(rf"\b{talk.number}\b", words) for talk in talks if talk not in at)
            elif any(talk.notes == conversation.room for talk in at):
                assert all(mark in may_be_noted(at[0]) for mark in MARK.findall(words))
            elif conversation.room == QUEUE or isinstance(message.deed, MakeRoom):
                assert MARK.findall(words) == []

        # what is no command that is known is asked back
        unknown = TEXTS.say("staff.unknown_command", "en")
        for talk in talks:
            asked = [text for text in world.said(talk.relay) if unknown in text]
            assert len(asked) == talk.asked_back
            assert all(text.startswith(TEXTS.say("staff.command_in_relay", "en")) for text in asked)


def may_be_noted(talk: Talk) -> list[str]:
    """What the notes room of a case may hold: what its requester said."""
    return [talk.story, *(mark for each in talk.at_staff for words in each for mark in MARK.findall(words))]


async def kept(world: World, number: CaseNumber) -> int:
    """How much of a requester's words still waits to be shown."""
    return sum(entry.waits for entry in await world.memory.transact(lambda tx: tx.entries.of(number)))
