"""An operator's edit goes live under people who write, on a real homeserver, without a restart."""

from __future__ import annotations

import shutil
from pathlib import Path

from bot.demo.helpline import SHIPPED, Helpline
from bot.demo.person import Person
from bot.demo.shift import Shift
from bot.demo.synapse import Account
from bot.demo.walk import WHOLE
from tests.live.walking import take

ANSWERS = WHOLE[0].answers
WORDS = next(place for place, text in enumerate(ANSWERS) if len(text) > 40)  # the first answer in one's own words


class Editable(Helpline):
    """A helpline whose flows are its own to edit."""

    @property
    def flows(self) -> Path:
        return self.folder / "flows"

    def _write_config(self, account: Account) -> None:
        super()._write_config(account)
        for name in ("flows", "locales"):
            shutil.copytree(SHIPPED / name, self.folder / name)
        text = self.config.read_text()
        self.config.write_text(text.replace(str(SHIPPED / "flows"), str(self.flows)))

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.flows / name
        before = path.read_text()
        assert old in before
        path.write_text(before.replace(old, new))

    async def flows_command(self, command: str, *arguments: str) -> tuple[int, str]:
        return await self.command("flows", command, *arguments, "--config", str(self.config))


async def answer(requester: Person, room: str, *answers: str) -> str:
    """Answer on; what is said last."""
    said = ""
    for text in answers:
        await requester.send(room, text)
        said = (await requester.next_message(room)).body
    return said


async def test_an_edit_goes_live_under_people_who_write() -> None:
    async with Editable() as helpline:
        finishes, moves, new = [await helpline.person() for _ in range(3)]
        first = await finishes.invite_to_new_room(helpline.bot_id)
        await answer(finishes, first, *ANSWERS[:WORDS])

        # an edit of the files alone changes nothing, and an unsafe one is refused
        helpline.edit("incident.yaml", "text: How urgent is it?", "text: When must it be solved?")
        helpline.edit("main.yaml", "  - call: consent\n", "")
        code, said = await helpline.flows_command("publish", "--by", "amira")
        assert (code, "error[handoff-without-consent]" in said) == (1, True)
        assert said.endswith("Not published; release 1 stays live.")
        helpline.edit("main.yaml", "  - call: incident\n", "  - call: consent\n  - call: incident\n")
        code, said = await helpline.flows_command("diff")
        assert code == 0
        assert "~ incident: 'urgency' says something else" in said
        assert "1 person is inside:" in said
        assert "1 finishes with what they began with" in said

        code, said = await helpline.flows_command("publish", "--by", "amira")
        assert (code, said.startswith("Release 2 is live, published by amira.")) == (0, True)
        assert "How urgent is it?" in await answer(finishes, first, ANSWERS[WORDS])
        second = await new.invite_to_new_room(helpline.bot_id)
        assert "When must it be solved?" in await answer(new, second, *ANSWERS[: WORDS + 1])

        # another version of the consent: who is moved is asked again, and keeps what they wrote
        third = await moves.invite_to_new_room(helpline.bot_id)
        await answer(moves, third, *ANSWERS[: WORDS + 1])
        helpline.edit("consent.yaml", "version: 2", "version: 3")
        heard = [len(person.messages(room)) for person, room in ((finishes, first), (new, second), (moves, third))]
        code, said = await helpline.flows_command("publish", "--move", "--by", "bilal")
        assert (code, said.startswith("Release 3 is live, published by bilal.")) == (0, True)
        await helpline.stop_bot(kill=True)
        await helpline.start_bot()
        asked = await answer(moves, third, ANSWERS[WORDS + 1])
        assert "has changed since then" in asked
        assert "Do you agree?" in asked
        assert heard[:2] == [len(person.messages(room)) for person, room in ((finishes, first), (new, second))]
        await answer(moves, third, "yes", *ANSWERS[WORDS + 2 : -1])
        assert ANSWERS[WORDS] in moves.messages(third)[-1].body  # the review
        assert "is with our team now" in await answer(moves, third, ANSWERS[-1])
        shift = Shift(helpline)
        await take(shift)

        code, said = await helpline.flows_command("log")
        lines = [(line.split(":")[0], line.split("by ")[1].split(",")[0]) for line in said.splitlines()]
        assert [number for number, _ in lines] == ["release 3", "release 2", "release 1"]
        assert [name for _, name in lines][:2] == ["bilal", "amira"]
        log = helpline.log.read_text()
        assert not [word for word in (ANSWERS[WORDS], moves.user_id, "amira", "bilal") if word in log]
        data = b"".join(path.read_bytes() for path in helpline.data_dir.rglob("*") if path.is_file())
        assert not [word for word in (ANSWERS[WORDS], "amira", "bilal") if word.encode() in data]
