"""The main job, whole, for somebody on Signal: the daemon's stand-in on their side, real encryption on the staff's."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.demo.helpline import Helpline
from bot.demo.shift import Shift
from bot.demo.walk import WHOLE, Walk
from tests.live.both import Requester, converse_on_both, on_both
from tests.live.test_walk import plain_bytes
from tests.live.walking import take


@pytest.mark.parametrize("walk", WHOLE, ids=lambda walk: walk.locale)
async def test_the_whole_way_from_a_first_word_on_signal_to_the_close(walk: Walk, tmp_path: Path) -> None:
    async with on_both(tmp_path, lambda settings: Helpline(settings=settings)) as (helpline, signald):
        person = await signald.person("Amal", number="+15550100042", shares_number=True)
        requester = Requester(signald, person)
        theirs, relay = await converse_on_both(helpline, requester, walk)
        assert len(theirs) == len(walk.answers) + 4  # an answer each, three from the specialist, the close
        assert [text for text in theirs if text.startswith("answer")] == ["answer 0", "answer 1", "answer 2"]
        assert relay[-6:] == ["answer 0", "word 0", "answer 1", "word 1", "answer 2", "word 2"]
        await helpline.stop_bot()
        # the daemon was told to stop handing over before the bot went
        assert not signald.subscribed
        assert signald.unread_ends == 0
        words = [answer for answer in walk.answers if len(answer) > 20]
        secrets = [*words, person.uuid, "+15550100042", *(one.user_id for one in helpline.specialists)]
        log = helpline.log.read_text()
        assert log
        assert [secret for secret in secrets if secret in log] == []
        data = plain_bytes(helpline.data_dir)
        assert [secret for secret in secrets if secret.encode() in data] == []


async def test_a_photo_from_signal_reaches_the_specialists_and_leaves_nothing_in_clear(tmp_path: Path) -> None:
    content = bytes(range(256)) * 900
    async with on_both(tmp_path, lambda settings: Helpline(settings=settings)) as (helpline, signald):
        requester = Requester(signald, await signald.person("Amal"))
        await requester.answers(WHOLE[0])
        shift = Shift(helpline)
        await take(shift)
        await requester.person.sends_file(content, "screen.jpg", text="what I see")
        said, warned, shown = [await shift.claimer.next_message(shift.relay) for _ in range(3)]
        assert (said.body, shown.content["msgtype"]) == ("what I see", "m.image")
        assert '"screen.jpg"' in warned.body
        assert said.decrypted
        assert shown.decrypted
        assert await shift.claimer.fetch(shown) == content
        await signald.until(lambda: not signald.attachments(), "the daemon's folder without the file")
        assert content not in plain_bytes(helpline.data_dir)
        assert content not in plain_bytes(tmp_path)
