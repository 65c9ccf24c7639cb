"""A homeserver for all live tests, and people on it who are new in every test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.demo.helpline import Helpline
from bot.demo.person import Person
from bot.demo.synapse import Synapse
from tests.live.walking import Seen, converse


class People:
    """Makes people: `await people()`. At the end of the test they must have been able to read everything.

    `may_miss` is for those from whom something is withheld on purpose.
    """

    def __init__(self, synapse: Synapse) -> None:
        self._synapse = synapse
        self._made: list[tuple[Person, bool]] = []

    async def __call__(self, *, cross_sign: bool = True, strict: bool = True, may_miss: bool = False) -> Person:
        account = await self._synapse.register()
        person = await Person.login(
            self._synapse.url, account.user_id, account.password, cross_sign=cross_sign, strict=strict
        )
        self._made.append((person, may_miss))
        return person

    async def stop(self) -> None:
        for person, _ in self._made:
            await person.stop()

    def missed(self) -> list[str]:
        return [entry.cause for person, may_miss in self._made if not may_miss for entry in person.undecrypted()]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def synapse() -> AsyncIterator[Synapse]:
    async with Synapse() as synapse:
        yield synapse


@pytest.fixture
async def people(synapse: Synapse) -> AsyncIterator[People]:
    people = People(synapse)
    yield people
    await people.stop()
    assert not people.missed(), "messages that could not be decrypted"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def undisturbed() -> Seen:
    """What the whole way looks like when nothing goes wrong."""
    async with Helpline() as helpline:
        return await converse(helpline)
