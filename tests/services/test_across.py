"""Whatever people write while flows are published under them, each step keeps to its flows and to the laws."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from bot.domain import Release
from bot.flow.events import Edited, Event, Missed, OpenCase, Replied, TimedOut
from bot.flow.renames import Renames
from bot.flow.session import Session, to_json
from bot.ports import Tx
from bot.services.releases import FLOWS, Content, Releases
from bot.testing import MemoryStore
from tests.flow.small import LANGUAGES, good
from tests.flow.test_engine_model import ANYTHING
from tests.flow.test_moving import EDITS, OLD, STORY, TO_REVIEW, Flows, edited, must_stand

MAX_STEPS = 300


class Silent:
    """Texts that nobody reads."""

    locales = tuple(LANGUAGES)

    def say(self, text: str, _locale: str, _params: Mapping[str, str] | None = None) -> str:
        return text


def content(flows: Flows) -> Content:
    return Content(flows.library, flows.machine, flows.engine, Silent())


def no_other(number: int, _files: object) -> Content:
    raise AssertionError(f"release {number} was compiled again")


def some_event(chance: random.Random, number: int) -> Event:
    event: Event = Replied(chance.choice(("1", "2", "yes", STORY)), f"${number}")
    if chance.random() < 0.25:
        event = Replied(chance.choice(ANYTHING), f"${number}")
    if chance.random() < 0.05:
        event = chance.choice((Edited(chance.choice(ANYTHING), f"${number - 1}"), Missed("bot.x"), TimedOut("x")))
    return event


def live_through(tx: Tx, chance: random.Random, new: Flows, *, moves: bool) -> str:
    """One conversation, in the middle of which flows are published; how it ends."""
    releases = Releases((1, content(OLD)), [], no_other, dict(LANGUAGES))
    session: Session | None = OLD.at(*TO_REVIEW[: chance.randrange(len(TO_REVIEW) + 1)])
    published_at = chance.randrange(12)
    renames = Renames.of(new.library)
    for number in range(MAX_STEPS):
        if number == published_at:
            releases.switch(Release(2, "", datetime(2026, 1, 5, tzinfo=UTC), "", moves=moves), content(new))
        if chance.random() < 0.01 and session is not None:
            session = releases.step(tx, session, TimedOut("idle")).session
        event = some_event(chance, number)
        stepped = releases.step(tx, session, event)
        moved = moves and number >= published_at
        for effect in stepped.effects:
            if isinstance(effect, OpenCase):
                given = {(a.step, a.version) for a in effect.answers if a.version and a.outcome == "yes"}
                flows = OLD if stepped.release == 1 else new
                assert given
                assert given <= flows.machine.consents
                if moved:
                    assert {(renames.id(step), version) for step, version in given} <= new.machine.consents
                assert stepped.session is None
                return f"case of {stepped.release}"
        if stepped.session is None:
            return f"end of {stepped.release}"
        session = stepped.session
        assert session.release == stepped.release
        flows = OLD if session.release == 1 else new
        must_stand(flows, session)
        stays = session.aside is not None or isinstance(event, TimedOut)
        assert session.release == 2 or not moved or stays, "whoever could be moved was not"
        if not any(p.answer.version and p.answer.outcome == "yes" for p in (*session.path, *session.kept)):
            assert STORY not in to_json(session)
    return "goes on"


@pytest.mark.parametrize("moves", [False, True])
@pytest.mark.parametrize("lives", [600, pytest.param(20_000, marks=pytest.mark.soak)])
async def test_whatever_is_written_while_flows_are_published_keeps_to_the_laws(moves: bool, lives: int) -> None:
    chance = random.Random(5)
    store = MemoryStore()
    ends: dict[str, int] = {}
    made: dict[tuple[int, ...], Flows] = {}
    for _ in range(lives):
        edits = tuple(sorted(chance.sample(range(len(EDITS)), chance.randrange(1, 4))))
        try:
            new = made.get(edits) or made.setdefault(edits, edited(*(EDITS[number] for number in edits)))
        except AssertionError:  # two edits of the same place
            continue
        files = good()
        for number in edits:
            EDITS[number](files)
        stored = {f"{FLOWS}{name}": text.encode() for name, text in files.items()}

        def live(tx: Tx, stored: Mapping[str, bytes] = stored, new: Flows = new) -> str:
            tx.releases._state.releases[2] = (None, stored)
            return live_through(tx, chance, new, moves=moves)

        end = await store.transact(live)
        ends[end] = ends.get(end, 0) + 1
    assert ends["case of 1"]
    assert ends.get("case of 2", 0) > (50 if moves else -1)
    assert ends.get("goes on", 0) < lives / 50, "hardly anybody wanders about for so long"
