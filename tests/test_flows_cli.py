"""`vestibule flows` on the command line, beside a bot that runs and without one."""

from __future__ import annotations

import asyncio
import os
import pwd
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import bot.store
from bot.admin import control
from bot.admin.lock import only_one
from bot.config import Config
from bot.domain import Conversation, ConversationId, Place
from bot.flow.events import Replied, Started
from bot.ports import Tx
from bot.publishing import publisher as publishing
from bot.publishing import verbs as flow_verbs
from bot.services.releases import Releases
from bot.store import MasterKey, SqlStore
from bot.testing import FixedClock
from tests.services.living import change, installation
from tests.services.world import STORY, WALK
from tests.test_cli import Done, Vestibule, vestibule

__all__ = ["vestibule"]

UNREADY = "Not offered: es. `vestibule check` says what is missing there.\n"
NEVER = "Nothing is published yet: the first `vestibule run` publishes what lies in the flows folder.\n"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """An installation, to stand in, with a bot that was set up and never ran."""
    found = installation(tmp_path / "helpline")
    monkeypatch.chdir(found.file.parent)
    return found


def opened(config: Config) -> SqlStore:
    return bot.store.open(config.store.data_dir, None, MasterKey.read(config.store.key_file))


def put_inside(releases: Releases, places: list[tuple[str, ...]], tx: Tx) -> None:
    """So many people, each as far as these answers lead."""
    for number, answers in enumerate(places):
        name = ConversationId(f"c{number}")
        tx.conversations.add(Conversation(name, "matrix", Place.REQUESTER, key=name, room=f"!{number}:example.org"))
        step = releases.latest.engine.step(None, Started())
        for answer in answers:
            step = releases.latest.engine.step(step.session, Replied(answer))
        assert step.session is not None
        tx.sessions.save(name, replace(step.session, release=releases.latest.number))


async def inhabit(config: Config, places: list[tuple[str, ...]]) -> None:
    store = opened(config)
    releases = await publishing.go_live(config, store, FixedClock())
    await store.transact(lambda tx: put_inside(releases, places, tx))
    await store.close()


@contextmanager
def running(config: Config) -> Iterator[list[Releases]]:
    """Something that answers as the running bot does, on a thread of its own; what it runs."""
    live: list[Releases] = []
    ready, loop, done = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        store = opened(config)
        clock = FixedClock()
        live.append(await publishing.go_live(config, store, clock))
        async with control.listening(config.store.data_dir, flow_verbs.of_flows(config, store, clock, live[0])):
            ready.set()
            await done.wait()
        await store.close()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait(10)
    try:
        yield live
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()


def test_before_the_first_start_nothing_is_published_and_nothing_is_made(vestibule: Vestibule, config: Config) -> None:
    assert vestibule("flows", "log") == Done(0, NEVER, "")
    assert vestibule("flows", "diff") == Done(0, NEVER, "")
    assert not config.store.data_dir.exists()


def test_publishing_without_a_bot(vestibule: Vestibule, config: Config) -> None:
    assert vestibule("flows", "publish", "--by", "amira") == Done(0, "Release 1 is live, published by amira.\n", "")
    again = "Release 1 says the same already; nothing was published.\n"
    assert vestibule("flows", "publish") == Done(0, again, "")
    change(config, "main.yaml", "Good bye.", "Bye.")
    code, out, _ = vestibule("flows", "publish", "--move")
    me = publishing.login_name()
    live = f"Release 2 is live, published by {me}. Those who were inside go over to it with their next message.\n"
    assert (code, out) == (0, live + UNREADY)
    code, out, _ = vestibule("flows", "log")
    second, first = out.splitlines()
    assert re.fullmatch(
        rf"release 2: \d{{4}}-\d\d-\d\d \d\d:\d\d UTC, by {me}, [0-9a-f]{{12}}, those inside were moved", second
    )
    assert re.fullmatch(r"release 1: \d{4}-\d\d-\d\d \d\d:\d\d UTC, by amira, [0-9a-f]{12}", first)


def test_the_publisher_is_who_is_logged_in() -> None:
    assert publishing.login_name() == pwd.getpwuid(os.getuid()).pw_name


@pytest.mark.parametrize("runs", [False, True])
async def test_an_unsafe_edit_is_refused_with_its_place(vestibule: Vestibule, config: Config, runs: bool) -> None:
    await inhabit(config, [])
    change(config, "main.yaml", "  - call: consent\n", "")
    refused = r"flows/main\.yaml:\d+:\d+: error\[free-text-before-consent\]: 'what' asks .*"
    if runs:
        with running(config) as live:
            code, out, err = await asyncio.to_thread(vestibule, "flows", "publish")
            assert live[0].latest.number == 1
            diffed = await asyncio.to_thread(vestibule, "flows", "diff")
    else:
        code, out, err = await asyncio.to_thread(vestibule, "flows", "publish")
        diffed = await asyncio.to_thread(vestibule, "flows", "diff")
    assert (code, err) == (1, "")
    assert re.search(refused, out)
    assert out.splitlines()[-1] == "Not published; release 1 stays live."
    assert diffed.code == 1
    assert re.search(refused, diffed.out)


@pytest.mark.parametrize("runs", [False, True])
async def test_diff_says_what_changes_and_for_how_many(vestibule: Vestibule, config: Config, runs: bool) -> None:
    await inhabit(config, [WALK[1:5], WALK[1:5], WALK[1:6], WALK[1:2], ()])
    change(config, "consent.yaml", "version: 1", "version: 2")
    change(config, "consent.yaml", "May the team read it?", "May our team read it?")
    if runs:
        with running(config):
            code, out, err = await asyncio.to_thread(vestibule, "flows", "diff")
    else:
        code, out, err = await asyncio.to_thread(vestibule, "flows", "diff")
    assert (code, err) == (0, "")
    first, *lines = out.splitlines()
    assert first.startswith("Release 1 is live, published ")
    assert lines == [
        "The files say otherwise:",
        "  ~ consent: 'consent' has version 2 of its text, after 1: who agreed to another one is asked again",
        "  ! Spanish: 1 text of these is not translated; nobody new is offered it until then",
        "",
        "5 people are inside:",
        '  2 at main.what: "What happened?"',
        '  1 at main.urgency: "How urgent is it?"',
        '  1 at main.menu: "What would you like to do?"',
        '  1 at main.language: "Which language?"',
        "",
        "`vestibule flows publish`: whoever begins from then on begins with the new release.",
        "  5 finish with what they began with",
        "",
        "`vestibule flows publish --move`: nobody is written to; with the next message that they write,",
        "  2 stay at the question where they are",
        "  3 are asked for consent again before anything else, since its text has another version, and then go on",
    ]
    assert STORY not in out


async def test_a_running_bot_takes_the_release_without_a_restart(vestibule: Vestibule, config: Config) -> None:
    await inhabit(config, [WALK[1:5]])
    with running(config) as live:
        change(config, "main.yaml", "Good bye.", "Bye.")
        done = await asyncio.to_thread(vestibule, "flows", "publish", "--by", "amira")
        said = "Release 2 is live, published by amira. Those who were inside finish with what they began with.\n"
        assert done == Done(0, said + UNREADY, "")
        assert live[0].latest.number == 2
        assert live[0].latest.content.library.sources["main.bye"].paragraphs == ("Bye.",)
        log = await asyncio.to_thread(vestibule, "flows", "log")
        assert [line.split(":")[0] for line in log.out.splitlines()] == ["release 2", "release 1"]


async def test_a_bot_that_reads_another_folder_refuses(vestibule: Vestibule, config: Config, tmp_path: Path) -> None:
    await inhabit(config, [])
    other = installation(tmp_path / "other")
    change(other, "main.yaml", "Good bye.", "Bye.")
    (tmp_path / "other" / "config.toml").write_text(
        config.file.read_text().replace('key_file = "key"', f'key_file = "key"\ndata_dir = "{config.store.data_dir}"')
    )
    with running(config):
        code, out, err = await asyncio.to_thread(
            vestibule, "flows", "publish", "--config", str(tmp_path / "other" / "config.toml")
        )
    assert (code, out) == (2, "")
    assert err == "the bot refused: the bot reads other flow files than you do; is it the right config?\n"


def test_while_a_bot_starts_it_is_to_be_tried_again(vestibule: Vestibule, config: Config) -> None:
    with only_one(config.store.data_dir):
        code, out, err = vestibule("flows", "publish")
    assert (code, out) == (2, "")
    assert "try again in a moment" in err


@pytest.mark.parametrize("command", ["publish", "diff", "log"])
def test_without_a_config_it_says_so_in_one_line(
    vestibule: Vestibule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = vestibule("flows", command)
    assert (code, out, len(err.splitlines())) == (2, "", 1)


def test_a_name_that_is_none_is_refused(vestibule: Vestibule, config: Config) -> None:
    code, out, err = vestibule("flows", "publish", "--by", "x" * 81)
    assert (code, out) == (2, "")
    assert err.startswith("--by: expected a name")
