"""`vestibule staff`: who is listed, whoever holds the list, and that nobody is listed by their name alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from bot import store
from bot.admin import control, staffing, verbs
from bot.admin.lock import InUse, only_one
from bot.admin.setup import identity_record
from bot.admin.staffing import StaffError
from bot.channels.matrix.identity import IdentityError, Own
from bot.config import Config
from bot.deeds import SendText
from bot.domain import Listed
from bot.forms import grouped
from bot.ports import Tx
from bot.services.roster import Member, Outcome
from tests.services.world import pin

ROOT = Path(__file__).parent.parent
ANA, LEA, NEW, BOT = "@ana:example.org", "@lea:example.org", "@nora:example.org", "@helpline:example.org"
CONFIG = f"""
[matrix]
homeserver = "http://127.0.0.1:1"
user_id = "{BOT}"
password_file = "password"
[specialists]
room = "#cases:example.org"
members = [{{ user = "{ANA}", master_key = "{pin(ANA)}" }}]
leads = [{{ user = "{LEA}", master_key = "{pin(LEA)}" }}]
[flows]
path = "{ROOT / "flows"}"
[store]
key_file = "key"
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """An installation whose homeserver answers nothing."""
    (tmp_path / "password").write_text("secret")
    (tmp_path / "config.toml").write_text(CONFIG)
    config = Config.read(tmp_path / "config.toml", {})
    config.store.data_dir.mkdir(mode=0o700)
    master = store.MasterKey.make(config.store.key_file)
    own = Own(BOT, "DEVICE", token="t", master="A" * 43, complete=True)
    identity_record(config, master).write(asdict(own))
    return config


class Answers:
    """An administrator who says this, whatever is asked."""

    def __init__(self, *answers: str) -> None:
        self.left = list(answers)

    def __call__(self, question: str, *, hidden: bool = False) -> str:
        return self.left.pop(0)


def kept(config: Config) -> tuple[Sequence[Listed], list[str]]:
    """Who is in the store, and what waits to be told in the queue room."""

    def step(tx: Tx) -> tuple[Sequence[Listed], list[str]]:
        queue = next(iter(tx.conversations.queue_rooms("matrix")), None)
        told = []
        while queue is not None and (message := tx.outbox.head(queue.id)) is not None:
            assert isinstance(message.deed, SendText)
            assert message.tried_from == "DEVICE"
            told.append(message.deed.text)
            tx.outbox.empty(message.id)
        return tuple(tx.roster.listed()), told

    async def read() -> tuple[Sequence[Listed], list[str]]:
        opened = store.open(config.store.data_dir, config.store.url, store.MasterKey.read(config.store.key_file))
        try:
            return await opened.transact(step)
        finally:
            await opened.close()

    return asyncio.run(read())


def add(config: Config, user: str, key: str, *answers: str, lead: bool = False) -> list[str]:
    """What is told while somebody is listed; without answers nothing is asked."""
    told: list[str] = []
    done = staffing.add(config, user, key, lead=lead, ask=Answers(*answers) if answers else None, tell=told.append)
    assert done == (not answers or answers[-1] == "yes")
    return told


def test_without_a_bot_the_store_is_changed_and_the_queue_room_told_later(config: Config) -> None:
    (told,) = add(config, NEW, pin(NEW), lead=True)
    assert told == f"{NEW} is listed as a lead. {staffing.LATER}"
    listed, waiting = kept(config)
    assert listed == (Listed(NEW, pin(NEW), lead=True),)
    assert len(waiting) == 1
    assert NEW in waiting[0]
    removed: list[str] = []
    staffing.remove(config, NEW, removed.append)
    assert removed == [f"{NEW} is not listed any more. {staffing.LATER}"]
    listed, waiting = kept(config)
    assert listed == ()
    assert len(waiting) == 1


def test_a_key_may_be_given_in_groups(config: Config) -> None:
    add(config, NEW, grouped(pin(NEW)))
    assert kept(config)[0] == (Listed(NEW, pin(NEW)),)


def test_a_key_that_was_given_is_shown_and_asked_about(config: Config) -> None:
    told = add(config, NEW, pin(NEW), "yes")
    assert any(grouped(pin(NEW)) in line for line in told)


@pytest.mark.parametrize("answer", ["no", "y", "", "yes please"])
def test_anything_but_yes_changes_nothing(config: Config, answer: str) -> None:
    assert add(config, NEW, pin(NEW), answer)[-1] == "Nothing was changed."
    assert not (config.store.data_dir / "vestibule.db").exists()


@pytest.mark.parametrize(
    ("user", "key", "why"),
    [
        (ANA, pin(ANA), "config"),
        (LEA, pin(LEA), "config"),
        (BOT, pin(BOT), "bot's own account"),
        ("nora", pin(NEW), "Matrix id"),
        (NEW, pin(NEW)[:-1], "master key"),
        (NEW, "=" * 43, "master key"),
        (NEW, "", "--yes needs the KEY"),
    ],
)
def test_who_cannot_be_listed_is_told_why(config: Config, user: str, key: str, why: str) -> None:
    with pytest.raises(StaffError, match=why) as told:
        add(config, user, key)
    assert str(told.value).startswith(f"{user}: ")
    assert "\n" not in str(told.value)
    assert kept(config) == ((), [])


@pytest.mark.parametrize(("user", "why"), [(ANA, "config"), (NEW, "not listed"), (BOT, "bot"), ("nora", "Matrix id")])
def test_who_cannot_be_removed_is_told_why(config: Config, user: str, why: str) -> None:
    with pytest.raises(StaffError, match=why):
        staffing.remove(config, user, lambda _: None)


def test_without_a_homeserver_nobody_is_listed_by_name(config: Config) -> None:
    with pytest.raises(StaffError, match="could not be asked"):
        add(config, NEW, "", "yes")
    assert kept(config) == ((), [])


def test_the_list_says_who_and_by_what(config: Config) -> None:
    add(config, NEW, pin(NEW))
    told: list[str] = []
    assert staffing.list_all(config, told.append)
    assert told[::3] == [
        f"{ANA}: member, listed by the config",
        f"{LEA}: lead, listed by the config",
        f"{NEW}: member, listed by the administrator",
    ]
    assert [line.strip() for line in told[1::3]] == [grouped(pin(user)) for user in (ANA, LEA, NEW)]
    assert {line.strip() for line in told[2::3]} == {"the homeserver could not be asked"}


@pytest.mark.parametrize(
    ("listed", "good", "words"),
    [
        ({}, None, "could not be asked"),
        ({NEW: pin(NEW)}, True, "the same"),
        ({NEW: pin(ANA)}, False, "another"),
        ({NEW: None}, False, "no master key"),
    ],
)
def test_a_pin_is_compared_with_what_the_homeserver_lists(
    listed: dict[str, str | None], good: bool | None, words: str
) -> None:
    member = Member(Listed(NEW, pin(NEW)), in_config=False)
    assert staffing.is_pinned(member, listed) is good
    assert words in staffing.compared(member, listed)


class Running:
    """A bot that runs: it keeps the list in its memory."""

    def __init__(self) -> None:
        self.listed = [Member(Listed(NEW, pin(NEW), lead=True, added_by=LEA), in_config=False)]
        self.done: list[object] = []

    async def staff(self) -> Sequence[Member]:
        return self.listed

    async def add_staff(self, user: str, identity: str, *, lead: bool) -> Outcome:
        self.done.append((user, identity, lead))
        return Outcome.ADDED

    async def remove_staff(self, user: str) -> Outcome:
        self.done.append(user)
        return Outcome.NOT_LISTED


@contextmanager
def serving(config: Config, running: Running) -> Iterator[None]:
    """The bot's process: it holds the lock and answers."""
    loop, began, ended = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with control.listening(config.store.data_dir, verbs.of_staff(running)):
            began.set()
            await ended.wait()

    with only_one(config.store.data_dir):
        thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
        thread.start()
        began.wait()
        try:
            yield
        finally:
            loop.call_soon_threadsafe(ended.set)
            thread.join()
            loop.close()


def test_a_bot_that_runs_is_asked_and_its_store_left_alone(config: Config) -> None:
    running = Running()
    told: list[str] = []
    with serving(config, running):
        assert staffing.list_all(config, told.append)
        assert add(config, NEW, pin(NEW)) == [f"{NEW} is listed. {staffing.NOW}"]
        with pytest.raises(StaffError, match="not listed"):
            staffing.remove(config, NEW, told.append)
    assert told[0] == f"{NEW}: lead, listed by {LEA}"
    assert running.done == [(NEW, pin(NEW), False), NEW]
    assert not (config.store.data_dir / "vestibule.db").exists()


def test_a_bot_that_just_starts_is_waited_for_not_worked_around(config: Config) -> None:
    with only_one(config.store.data_dir), pytest.raises(InUse, match="try again"):
        add(config, NEW, pin(NEW))
    assert kept(config) == ((), [])


def test_before_setup_nothing_is_made(config: Config) -> None:
    identity_record(config, store.MasterKey.read(config.store.key_file)).write(asdict(Own(BOT, "DEVICE")))
    with pytest.raises(IdentityError, match="vestibule setup"):
        staffing.list_all(config, lambda _: None)
    assert not (config.store.data_dir / "vestibule.db").exists()
