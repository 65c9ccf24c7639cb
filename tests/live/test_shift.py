"""A shift of three specialists with two requesters in two languages at once: nothing crosses, and nothing is lost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from bot.demo.helpline import Helpline
from bot.demo.person import Person
from bot.demo.rooms import Message
from bot.demo.shift import Shift
from bot.demo.walk import WHOLE, Walk
from tests.live.walking import hand_over

FILE = b"%PDF-1.7 not a letter"


@dataclass(slots=True)
class Talk:
    """One requester and their case: what must have reached them (`heard`), and what must stand in the relay room."""

    mark: str
    walk: Walk
    requester: Person
    shift: Shift
    room: str = ""
    heard: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    before: int = 0  # messages up to the hand-over
    told: list[str] = field(default_factory=list)  # what the bot said to the requester of its own

    @property
    def note(self) -> str:
        return f"{self.mark}-between-ourselves"

    async def says(self, words: str, *, quoting: str = "") -> str:
        """The claimer writes in the relay room, and it reaches the requester; the event in the relay room."""
        relation = {"m.relates_to": {"m.in_reply_to": {"event_id": "$unknown"}}} if quoting else {}
        content = {"msgtype": "m.text", "body": f"{quoting}{words}"}
        sealed = await self.shift.claimer.encrypt(self.shift.relay, "m.room.message", content, relation)
        event = await self.shift.claimer.raw(self.shift.relay, "m.room.encrypted", sealed)
        await self.hears(words)
        await self.shift.ticked(event)
        return event

    async def hears(self, body: str) -> Message:
        """The next thing that reaches the requester is this."""
        message = await self.requester.next_message(self.room)
        assert message.body == body
        self.heard.append(body)
        return message

    async def is_told(self) -> None:
        """The next thing that reaches the requester is the bot's, about their case."""
        message = await self.requester.next_message(self.room)
        assert self.shift.case in message.body
        self.told.append(message.body)

    async def hears_no_more_of(self, words: str) -> None:
        """The next thing that reaches the requester hides what did before."""
        copy = next(m.event_id for m in self.requester.messages(self.room) if m.body == words)
        message = await self.requester.next_message(self.room)
        assert message.content["m.relates_to"] == {"rel_type": "m.replace", "event_id": copy}
        assert self.mark not in message.body
        self.heard.append(message.body)

    async def writes(self, words: str) -> str:
        """The requester writes, and it stands in the relay room; the event in their own room."""
        event = await self.requester.send(self.room, words)
        await self.stands(words)
        return event

    async def stands(self, body: str) -> Message:
        """What comes next in the relay room, of all that is not the bot's own, is this."""
        message = await self.shift.read_until(self.shift.claimer, "relay", self.shift.relay, self.mark)
        assert message.body == body
        self.read.append(body)
        return message


async def arrive(helpline: Helpline, walk: Walk, mark: str) -> Talk:
    """Somebody answers everything that the bot asks."""
    requester = await helpline.person()
    talk = Talk(mark, walk, requester, Shift(helpline))
    talk.room = await hand_over(helpline, requester, walk)
    return talk


async def take_notes(talk: Talk, *events: str) -> None:
    """Notes, as the claimer writes them and as a server or a program of theirs can relate them; and a file."""
    shift, note = talk.shift, {"msgtype": "m.text", "body": talk.note}
    await shift.claimer.send(shift.notes, talk.note)
    for event in events:
        reply = {"m.in_reply_to": {"event_id": event}}
        change = {"rel_type": "m.replace", "event_id": event}
        for inside, outside in (({}, reply), (reply, reply), ({"m.relates_to": change, "m.new_content": note}, reply)):
            related = {"m.relates_to": inside} if inside == reply else inside
            content = {**note, **related}
            sealed = await shift.claimer.encrypt(shift.notes, "m.room.message", content, {"m.relates_to": outside})
            await shift.claimer.raw(shift.notes, "m.room.encrypted", sealed)
    await shift.claimer.send_file(shift.notes, FILE, talk.note, mime="application/pdf")


async def converse(talk: Talk, colleague: Person) -> None:
    """Words, a reply, a change, a file and a removal on either side, with notes between them."""
    shift, mark = talk.shift, talk.mark
    first = await talk.says(f"{mark} one")
    theirs = await talk.writes(f"!close {mark} word")
    await take_notes(talk, first, theirs)
    second = await talk.says(f"{mark} two", quoting=f"> <{colleague.user_id}> {talk.note}\n\n")

    await shift.claimer.edit(shift.relay, first, f"{mark} one, changed")
    changed = await talk.hears(f"* {mark} one, changed")
    copy = next(m.event_id for m in talk.requester.messages(talk.room) if m.body == f"{mark} one")
    assert changed.content["m.relates_to"]["event_id"] == copy
    await talk.requester.edit(talk.room, theirs, f"{mark} other word")
    await talk.stands(f"* {mark} other word")

    await shift.claimer.send(shift.relay, f"!clsoe {mark}")
    await shift.read_until(shift.claimer, "relay", shift.relay, "!close?")
    await shift.claimer.redact(shift.relay, second)
    await talk.hears_no_more_of(f"{mark} two")

    await shift.claimer.send_file(shift.relay, FILE, f"{mark}.pdf", mime="application/pdf")
    assert await talk.requester.fetch(await talk.hears(f"{mark}.pdf")) == FILE
    await talk.requester.send_file(talk.room, FILE, f"{mark}.png", mime="image/png", msgtype="m.image")
    warned = await shift.read_until(shift.claimer, "relay", shift.relay, f"{mark}.png")
    assert warned.body.startswith("From the requester, a file")
    talk.read.append(warned.body)
    assert await shift.claimer.fetch(await talk.stands(f"{mark}.png")) == FILE
    await take_notes(talk, second)


async def test_two_cases_at_once_with_three_specialists_from_the_first_word_to_a_close_and_another_hand() -> None:
    async with Helpline(specialists=3) as helpline:
        vetter, *claimers = helpline.specialists
        talks = await asyncio.gather(arrive(helpline, WHOLE[0], "zq-en"), arrive(helpline, WHOLE[2], "zq-ar"))

        # two cards, of which nobody can be read; one specialist vets both
        cards = [await talks[0].shift.card(), await talks[1].shift.card()]
        numbers = {talk.shift.case for talk in talks}
        for talk, claimer in zip(talks, claimers, strict=True):
            handed_over = talk.requester.messages(talk.room)[-1].body
            [talk.shift.case] = [number for number in numbers if number in handed_over]
            assert not any(answer in card for card in cards for answer in talk.walk.answers if len(answer) > 20)
            await talk.shift.vet()
            talk.shift.claimer = claimer
            talk.before = len(talk.requester.messages(talk.room))
        assert len(numbers) == 2

        # the others claim one each; the third is told that it is too late
        await asyncio.gather(*(talk.shift.claim() for talk in talks))
        english, arabic = talks
        for talk in talks:
            await vetter.send(talk.shift.queue, f"!claim {talk.shift.case}")
            refused = await talk.shift.read_until(vetter, "queue", talk.shift.queue, "already")
            assert talk.shift.case in refused.body

        await asyncio.gather(converse(english, claimers[1]), converse(arabic, claimers[0]))

        # one case is closed, and the other goes on
        relay = english.shift.relay
        await english.shift.close()
        await english.is_told()
        await arabic.says("zq-ar three")
        await claimers[0].send(relay, "zq-en too late")
        await english.shift.read_until(claimers[0], "relay", relay, "closed")

        # what stands in the relay rooms is all that they wrote
        assert said_by_bot(helpline, claimers[0], relay, "zq-") == english.read
        assert said_by_bot(helpline, claimers[1], arabic.shift.relay, "zq-") == arabic.read

        # it is given back, and reaches whoever claims it next, with what was written meanwhile
        shift = arabic.shift
        await claimers[1].send(shift.relay, "!release")
        await shift.read_until(claimers[1], "relay", shift.relay, "released")
        await claimers[1].send(shift.relay, "zq-ar too early")
        await shift.read_until(claimers[1], "relay", shift.relay, "Nobody has claimed")
        await arabic.requester.send(arabic.room, "zq-ar meanwhile")
        await arabic.is_told()
        assert shift.relay not in claimers[0].rooms()
        shift.claimer = claimers[0]
        await shift.claim()
        await shift.read_until(shift.claimer, "relay", shift.relay, "zq-ar meanwhile")
        await arabic.says("zq-ar four")

        # what reached the requesters is this and nothing else: no note, no name, nothing of the other's
        for talk, other in ((english, arabic), (arabic, english)):
            said = [m for m in talk.requester.messages(talk.room)[talk.before :] if m.sender == helpline.bot_id]
            assert [m.body for m in said if m.body not in talk.told] == talk.heard
            names = [person.user_id for person in helpline.specialists]
            for message in talk.requester.messages(talk.room):
                told = f"{message.body} {message.content}"
                assert not any(words in told for words in (other.mark, other.shift.case, talk.note, *names))
            assert {talk.requester.name(room) for room in talk.requester.rooms()} == {""}
        assert said_by_bot(helpline, claimers[0], shift.relay, "zq-ar meanwhile") == ["zq-ar meanwhile"]
        people = [english.requester, arabic.requester, *helpline.specialists]
        assert [entry for person in people for entry in person.undecrypted()] == []


def said_by_bot(helpline: Helpline, reader: Person, room: str, mark: str) -> list[str]:
    """What the bot passed on in a room of the staff's."""
    return [m.body for m in reader.messages(room) if m.sender == helpline.bot_id and mark in m.body]
