"""The homeserver is put back to an older database under the running bot: it goes on, and staff are told (law 1)."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from bot.demo.shift import Shift
from bot.demo.walk import WHOLE
from tests.live.proxy import Behind, Trouble
from tests.live.putback import Copy
from tests.live.walking import take

WALK = WHOLE[0].answers
A_LOOP = 2_000  # requests: many times what is asked here by a bot that does not spin


async def test_a_homeserver_put_back_to_an_older_database_loses_nobody(tmp_path: Path) -> None:
    async with Behind() as helpline:
        asked: list[str] = []

        def note(request: web.Request) -> None:
            asked.append(request.path)

        helpline.proxy.plan = note
        requester = await helpline.person()
        room = await requester.invite_to_new_room(helpline.bot_id)
        await requester.send(room, WALK[0])
        asked_first = (await requester.next_message(room)).body
        first_question = asked_first[asked_first.index("Please choose a language.") :]  # before it, perhaps a guess
        copy = Copy(helpline.synapse, tmp_path)
        await copy.take()

        # gone afterwards: most of the intake, the rooms of the case, somebody else's whole account
        for answer in WALK[1:]:
            await requester.send(room, answer)
            await requester.next_message(room)
        shift = Shift(helpline)
        await take(shift)
        for _ in range(2):  # each uses up a one-time key of the bot's
            gone = await helpline.person()
            gone_room = await gone.invite_to_new_room(helpline.bot_id)
            await gone.send(gone_room, WALK[0])
            await gone.next_message(gone_room)

        helpline.proxy.plan = lambda request: Trouble.REFUSED
        await copy.put_back()
        # what is written before the bot is back must not be passed over
        await requester.send(room, "I am still here")
        hasty = await helpline.person()
        hasty_room = await hasty.invite_to_new_room(helpline.bot_id)
        await hasty.send(hasty_room, WALK[0])  # with a one-time key that was used before
        asked.clear()
        helpline.proxy.plan = note
        await shift.read_until(shift.claimer, "queue", shift.queue, "earlier state")

        # whoever was given a used key hears what to do, and that helps; nobody else is given one
        assert "new encrypted conversation" in (await hasty.next_message(hasty_room)).body
        newcomer = await helpline.person()
        for person in (newcomer, hasty):
            new_room = await person.invite_to_new_room(helpline.bot_id)
            await person.send(new_room, WALK[0])
            assert (await person.next_message(new_room)).body.endswith(first_question)

        await shift.read_until(shift.claimer, "queue", shift.queue, f"!claim {shift.case}")
        before = (shift.relay, shift.notes)
        await shift.claim()
        assert not {shift.relay, shift.notes} & set(before)
        await shift.read_until(shift.claimer, "relay", shift.relay, "I am still here")
        await shift.claimer.send(shift.relay, "So am I")
        assert (await requester.next_message(room)).body == "So am I"
        await shift.close()
        assert shift.case in (await requester.next_message(room)).body

        assert [entry for person in (requester, newcomer, hasty, shift.claimer) for entry in person.undecrypted()] == []
        assert helpline.bot_pid is not None
        assert len(asked) < A_LOOP
        log = helpline.log.read_text()
        assert "Traceback" not in log
        assert "unexpected" not in log
