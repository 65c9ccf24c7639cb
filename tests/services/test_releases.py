"""Flows that are edited while people are inside: each goes on as they began, or is moved between two of their steps."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import bot.store
from bot.config import Config
from bot.domain import Place
from bot.flow.model import FlowError
from bot.ports import Store
from bot.publishing import publisher as publishing
from bot.publishing.forecast import forecast
from bot.publishing.publisher import Publisher, PublishError, digest, go_live, read_files
from bot.services import releases
from bot.store import MasterKey
from bot.testing import MemoryStore
from tests.services.living import LivingWorld, installation
from tests.services.test_crash import Fate, MortalStore
from tests.services.world import CLAIMER, ROOM, STORY, WALK, texts_of

PROBLEM = "  - choose: problem\n"
RENAMED = "  - choose: trouble\n    was: problem\n"
TO_STORY = WALK[:5]


@pytest.fixture(params=["memory", "sqlite"])
async def kept(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    config = installation(tmp_path / "living")
    master = MasterKey.read(config.store.key_file)
    store: Store = MemoryStore() if request.param == "memory" else bot.store.open(config.store.data_dir, None, master)
    yield store
    await store.close()


@pytest.fixture
async def world(kept: Store, tmp_path: Path) -> AsyncIterator[LivingWorld]:
    async with LivingWorld(Config.read(tmp_path / "living" / "config.toml", {}), kept) as world:
        yield world


async def release_of(world: LivingWorld, room: str = ROOM) -> int:
    conversation = await world.conversation(room)
    session = await world.memory.transact(lambda tx: tx.sessions.load(conversation.id))
    assert session is not None
    return session.release


def rename_the_problem(world: LivingWorld) -> None:
    world.edit("main.yaml", PROBLEM, RENAMED)
    for name in ("main.yaml", "person.yaml"):
        world.edit(name, "topic: problem", "topic: trouble")


# --- what goes live, and when


async def test_the_first_start_publishes_what_lies_there_and_later_ones_run_what_was_published(
    world: LivingWorld, caplog: pytest.LogCaptureFixture
) -> None:
    [first] = await world.memory.transact(lambda tx: tx.releases.log())
    assert (first.number, first.moves, first.digest) == (1, False, digest(read_files(world.config)))
    assert first.by
    world.edit("main.yaml", "Welcome to {name}.", "A warm welcome.")
    with caplog.at_level(logging.WARNING):
        await world.restart()
    assert len(await world.memory.transact(lambda tx: tx.releases.log())) == 1
    await world.walk(("hello", "1"))
    assert "Welcome to" in world.said(ROOM)[-1]
    assert [record.getMessage() for record in caplog.records].count(
        "release 1 is live; 1 files in the flows folder differ from it, and are not used: see `vestibule flows diff`"
    ) == 1


async def test_who_published_what_and_when_is_kept(world: LivingWorld) -> None:
    world.edit("main.yaml", "Welcome to {name}.", "A warm welcome.")
    world.clock.advance(timedelta(hours=1))
    published = await world.publish(by="  Amira   of the night shift ", move=True)
    assert not published.again
    _, second = await world.memory.transact(lambda tx: tx.releases.log())
    assert second == published.release
    assert (second.number, second.by, second.moves) == (2, "Amira of the night shift", True)
    assert second.at == world.clock.now()
    assert await world.memory.transact(lambda tx: tx.releases.files(2)) == read_files(world.config)


async def test_the_same_again_is_no_release(world: LivingWorld) -> None:
    assert (await world.publish()).again
    assert len(await world.memory.transact(lambda tx: tx.releases.log())) == 1


@pytest.mark.parametrize("by", ["", "  ", "x" * 81, "a\u202eb", "a\x00b"])
async def test_a_name_that_is_none_is_refused(world: LivingWorld, by: str) -> None:
    world.edit("main.yaml", "Good bye.", "Bye.")
    with pytest.raises(PublishError, match="--by"):
        await world.publish(by=by)


@pytest.mark.parametrize(
    ("name", "old", "new", "code"),
    [
        ("main.yaml", "  - call: consent\n", "", "free-text-before-consent"),
        ("main.yaml", "go: {bye: bye}", "go: {bye: nowhere}", "unknown-target"),
        ("main.yaml", "flow: main", "flow: [", "bad-yaml"),
        ("staff.yaml", "  summary_title:", "  summary_titel:", "missing-text"),
    ],
)
async def test_an_unsafe_edit_is_refused_and_the_old_goes_on(
    world: LivingWorld, name: str, old: str, new: str, code: str
) -> None:
    await world.walk(WALK[:4])
    world.edit(name, old, new)
    for move in (False, True):
        with pytest.raises(FlowError, match=rf"error\[{code}\]"):
            await world.publish(move=move)
    assert len(await world.memory.transact(lambda tx: tx.releases.log())) == 1
    await world.restart()
    await world.go_on(WALK[4:])
    assert (await world.case()).answers
    await world.begin(WALK, 1)
    assert (await world.case("!home1:example.org")).answers


async def test_a_catalog_that_is_not_right_or_not_whole_takes_its_language_away_and_holds_up_nothing(
    world: LivingWorld, caplog: pytest.LogCaptureFixture
) -> None:
    catalog = world.config.flows.catalogs / "es" / "LC_MESSAGES" / "messages.po"
    good = catalog.read_text()
    lines = [
        line.replace("{case}", "{caso}") if line.startswith("msgstr") else line
        for line in good.splitlines(keepends=True)
    ]
    for damaged in ("".join(lines), "this is no catalog"):
        catalog.write_text(damaged)
        assert (await world.publish()).unready == ("es",)
        assert "language not offered: es" in caplog.messages[-1]
        assert "Español" not in (await world.begin((), 1))
    catalog.write_text(good)
    assert (await world.publish()).unready == ()
    world.edit("main.yaml", "Good bye.", "Bye, and take care.")
    assert (await world.publish()).unready == ("es",)


async def test_what_the_bot_reads_must_be_what_was_seen(world: LivingWorld) -> None:
    seen = digest(read_files(world.config))
    world.edit("main.yaml", "Good bye.", "Bye.")
    publisher = Publisher(world.config, world.memory, world.clock, world.releases)
    with pytest.raises(PublishError, match="other flow files"):
        await publisher.publish("amira", move=False, seen=seen)


# --- without --move


async def test_whoever_is_inside_finishes_with_what_they_began_with_and_others_begin_with_the_new(
    world: LivingWorld,
) -> None:
    await world.walk(TO_STORY)
    rename_the_problem(world)
    world.edit("main.yaml", "How urgent is it?", "When must it be solved?")
    world.edit("consent.yaml", "version: 1", "version: 2")
    await world.publish()
    heard = await world.go_on(WALK[5:])
    assert "How urgent is it?" in heard[0]
    case = await world.case()
    assert [answer.step for answer in case.answers][:2] == ["main.problem", "consent.consent"]
    assert (case.release, await world.get_case(case.number)) == (1, case)
    await world.begin(WALK, 1)
    newer = await world.case("!home1:example.org")
    assert (newer.release, newer.answers[0].step, newer.answers[1].version) == (2, "main.trouble", 2)


async def test_a_language_is_changed_within_the_release_one_is_in(world: LivingWorld) -> None:
    await world.walk(TO_STORY)
    world.edit("main.yaml", "What happened?", "Tell us more.")
    await world.publish()
    [asked] = await world.go_on(["language"])
    assert "2. Español" in asked
    [asked] = await world.go_on(["2"])
    assert "What happened?" in asked
    assert await release_of(world) == 1


async def test_a_case_is_read_in_the_words_that_it_was_made_with(world: LivingWorld) -> None:
    await world.walk()
    number = (await world.case()).number
    world.edit("main.yaml", "{account: An account, device: A phone}", "{account: An account}")
    world.edit("main.yaml", "  - ask: what\n    text: What happened?\n    label: Story\n", "")
    await world.publish(move=True)
    await world.restart()
    await world.command(f"!vet passed {number}")
    await world.command(f"!claim {number}", CLAIMER)
    summary = next(text for text in texts_of(world.server, Place.NOTES) if STORY in text)
    assert "A phone" in summary
    assert "Story" in summary


async def test_a_conversation_outlives_a_restart_and_many_releases(world: LivingWorld) -> None:
    await world.walk(TO_STORY)
    for number in range(2, 2 + releases.MOST_KEPT + 3):
        world.edit("main.yaml", "about: ", "about: Still ")
        assert (await world.publish()).release.number == number
        await world.begin(TO_STORY, number)
    assert len(world.releases._editions) <= releases.MOST_KEPT
    await world.restart()
    for number in (0, 5, 2):
        [asked] = await world.go_on([STORY], number)
        assert "How urgent is it?" in asked
    assert await release_of(world) == 1
    assert await release_of(world, "!home5:example.org") == 5


async def test_what_people_are_inside_of_is_ready_after_a_restart(
    world: LivingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.walk(TO_STORY)
    world.edit("main.yaml", "How urgent is it?", "When must it be solved?")
    await world.publish()
    await world.restart()

    def never(number, files):
        raise AssertionError(f"release {number} was compiled while somebody waited")

    monkeypatch.setattr(world.releases, "_make", never)
    [asked] = await world.go_on([STORY])
    assert "How urgent is it?" in asked


async def test_a_release_that_cannot_be_used_any_more_holds_nobody_up(
    world: LivingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.walk(TO_STORY)
    world.edit("main.yaml", "How urgent is it?", "When must it be solved?")
    await world.publish()
    compile_files = publishing.compile_files

    def newer_program(config, files):
        if b"How urgent is it?" in files["flows/main.yaml"]:
            raise FlowError([])
        return compile_files(config, files)

    monkeypatch.setattr(publishing, "compile_files", newer_program)
    await world.restart()
    [asked] = await world.go_on([STORY])
    assert "When must it be solved?" in asked
    assert await release_of(world) == 2


# --- with --move


async def test_whoever_is_moved_is_not_written_to_and_loses_nothing(world: LivingWorld) -> None:
    await world.walk(TO_STORY)
    before = world.said(ROOM)
    world.edit("main.yaml", "What happened?", "Tell us more.")
    world.edit("main.yaml", "How urgent is it?", "When must it be solved?")
    rename_the_problem(world)
    await world.publish(move=True)
    assert world.said(ROOM) == before
    [asked] = await world.go_on([STORY])
    assert "When must it be solved?" in asked
    assert await release_of(world) == 2
    await world.go_on(["2", "1"])
    case = await world.case()
    assert [answer.step for answer in case.answers][:3] == ["main.trouble", "consent.consent", "main.what"]
    assert [answer.words for answer in case.answers if answer.words] == [STORY]
    assert case.topic == "main.trouble.device"
    assert case.release == 2


async def test_what_was_renamed_twice_is_followed_all_the_way(world: LivingWorld) -> None:
    await world.walk(TO_STORY)
    world.edit("main.yaml", "  - ask: what\n", "  - ask: story\n    was: what\n")
    await world.publish()
    world.edit("main.yaml", "  - ask: story\n    was: what\n", "  - ask: tale\n    was: story\n")
    lines = await forecast(world.config, world.memory, world.releases)
    assert "  1 stays at the question where they are" in lines
    await world.publish(move=True)
    await world.go_on(WALK[5:])
    assert [answer.step for answer in (await world.case()).answers if answer.words] == ["main.tale"]


async def test_a_case_whose_release_cannot_be_read_any_more_is_shown_all_the_same(
    world: LivingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.walk()
    number = (await world.case()).number
    world.edit("main.yaml", "  - ask: what\n    text: What happened?\n    label: Story\n", "")
    await world.publish()
    compile_files = publishing.compile_files

    def newer_program(config, files):
        if b"What happened?" in files["flows/main.yaml"]:
            raise FlowError([])
        return compile_files(config, files)

    monkeypatch.setattr(publishing, "compile_files", newer_program)
    await world.restart()
    await world.command(f"!vet passed {number}")
    await world.command(f"!claim {number}", CLAIMER)
    summary = next(text for text in texts_of(world.server, Place.NOTES) if STORY in text)
    assert "main.what" in summary


async def test_an_answer_is_read_by_the_flows_that_asked_for_it(world: LivingWorld) -> None:
    """They were shown `2. A phone`; by the new order it would be an account."""
    await world.walk(WALK[:3])
    world.edit("main.yaml", "{account: An account, device: A phone}", "{device: A phone, account: An account}")
    await world.publish(move=True)
    await world.go_on(["2", *WALK[4:]])
    assert (await world.case()).topic == "main.problem.device"


async def test_a_changed_consent_asks_again_before_the_next_words_and_the_handoff(world: LivingWorld) -> None:
    await world.walk(TO_STORY)
    await world.begin(WALK[:-1], 1)
    world.edit("consent.yaml", "version: 1", "version: 2")
    world.edit("consent.yaml", "May the team read it?", "May the team and its partners read it?")
    await world.publish(move=True)
    [asked] = await world.go_on([STORY])
    assert "and its partners" in asked
    assert "has changed since" in asked
    [asked] = await world.go_on(["1"])
    assert "How urgent is it?" in asked
    await world.go_on(WALK[6:])
    case = await world.case()
    assert [answer.words for answer in case.answers if answer.words] == [STORY]
    assert [answer.version for answer in case.answers if answer.version] == [2]
    # at the review, nothing is handed over under the old text
    [asked] = await world.go_on(["1"], 1)
    assert "and its partners" in asked
    assert (await world.conversation("!home1:example.org")).case is None
    [asked] = await world.go_on(["1"], 1)
    assert "Shall I send this?" in asked
    await world.go_on(["1"], 1)
    assert (await world.case("!home1:example.org")).release == 2


async def test_without_a_new_version_nobody_is_asked_again(world: LivingWorld) -> None:
    await world.walk(TO_STORY)
    world.edit("consent.yaml", "May the team read it?", "May our team read it?")
    await world.publish(move=True)
    heard = await world.go_on(WALK[5:])
    assert [text for text in heard if "team read it?\n\n1." in text] == []
    assert "Shall I send this?" in heard[1]
    assert (await world.case()).release == 2


async def test_a_question_put_in_between_is_answered_before_one_is_moved(world: LivingWorld) -> None:
    await world.walk(TO_STORY)
    await world.go_on(["stop"])
    world.edit("main.yaml", "What happened?", "Tell us more.")
    await world.publish(move=True)
    [asked] = await world.go_on(["no"])
    assert "Tell us more." in asked
    assert await release_of(world) == 2
    world.edit("main.yaml", "Tell us more.", "Tell us.")
    await world.publish(move=True)
    [asked] = await world.go_on(["stop"])
    assert "Tell us" not in asked
    assert await release_of(world) == 2
    [asked] = await world.go_on(["no"])
    assert "Tell us." in asked


async def test_what_waited_in_the_journal_is_read_by_the_flows_that_asked_for_it(world: LivingWorld) -> None:
    await world.walk(WALK[:3])
    await world.desk.stop()
    world.edit("main.yaml", "{account: An account, device: A phone}", "{device: A phone, account: An account}")
    await world.publish(move=True)
    await world.restart()
    await world.go_on(["2", *WALK[4:]])
    assert (await world.case()).topic == "main.problem.device"


async def test_a_later_release_without_move_leaves_who_was_moved_to_the_one_before(world: LivingWorld) -> None:
    await world.walk(TO_STORY)
    world.edit("main.yaml", "How urgent is it?", "How urgent?")
    await world.publish(move=True)
    world.edit("main.yaml", "How urgent?", "Is it urgent?")
    await world.publish()
    [asked] = await world.go_on([STORY])
    assert "How urgent?" in asked
    assert await release_of(world) == 2


async def test_an_expiry_is_no_step_in_which_one_is_moved(world: LivingWorld) -> None:
    await world.walk(TO_STORY)
    world.edit("consent.yaml", "version: 1", "version: 2")
    await world.publish(move=True)
    await world.later(timedelta(days=8))
    assert await world.memory.transact(lambda tx: tx.sessions.inside()) == []


# --- forty people


EVERYWHERE = (
    *(WALK[:number] for number in range(1, len(WALK))),
    ("person",),
    (*WALK[:3], "person"),
    (*WALK[:5], "menu"),
)


def answer_to(asked: str) -> str:
    """What somebody who wants to be helped answers."""
    if "What happened?" in asked:
        return STORY
    first = ("What would you like", "read it?", "Shall I send", "Which language", "safe?")
    return "1" if any(text in asked for text in first) else "2"


@pytest.mark.parametrize("move", [False, True])
async def test_forty_people_inside_come_to_their_end(world: LivingWorld, move: bool) -> None:
    places = list(itertools.islice(itertools.cycle(EVERYWHERE), 40))
    for number, answers in enumerate(places, start=1):
        await world.begin(answers, number)
    rename_the_problem(world)
    world.edit("consent.yaml", "version: 1", "version: 2")
    safe = "  - yesno: safe\n    text: Is this phone safe?\n"
    world.edit("main.yaml", "  - choose: urgency", f"{safe}  - choose: urgency")
    lines = await forecast(world.config, world.memory, world.releases)
    assert "40 people are inside:" in lines
    await world.publish(move=move)
    moved = 0
    for number in range(1, 41):
        room = f"!home{number}:example.org"
        for _ in range(30):
            if (await world.conversation(room)).case is not None:
                break
            await world.go_on([answer_to(world.said(room)[-1])], number)
        case = await world.case(room)
        consents = {answer.version for answer in case.answers if answer.version}
        assert consents == {2 if case.release == 2 else 1}
        moved += case.release == 2
    assert moved == (40 if move else 0)
    assert await world.memory.transact(lambda tx: tx.sessions.inside()) == []


async def test_what_publishing_would_do_is_told_in_counts(world: LivingWorld) -> None:
    for number in (1, 2, 3):
        await world.begin(TO_STORY, number)
    await world.begin(WALK[:6], 4)
    await world.begin(WALK[:2], 5)
    world.edit("main.yaml", "  - ask: what\n    text: What happened?\n    label: Story\n", "")
    lines = await forecast(world.config, world.memory, world.releases)
    said = "\n".join(lines)
    assert "- main: the step ask 'what' is gone" in said
    assert "5 people are inside:" in said
    assert '3 at main.what: "What happened?"' in said
    assert "5 finish with what they began with" in said
    assert "3 are asked another question first" in said
    assert "2 stay at the question where they are" in said
    assert "1 of them loses what they wrote" in said
    assert "amira" not in said.replace("by amira", "")
    assert STORY not in said


# --- a crash while it is published


@pytest.mark.parametrize("move", [False, True])
async def test_a_crash_between_the_steps_of_publishing_loses_nothing(tmp_path: Path, move: bool) -> None:
    for last in range(12):
        config = installation(tmp_path / str(last))
        async with LivingWorld(config) as world:
            await world.walk(TO_STORY)
            world.edit("main.yaml", "How urgent is it?", "When must it be solved?")
            fate = Fate(last)
            publisher = Publisher(config, MortalStore(world.memory, fate), world.clock, world.releases)
            doing = asyncio.create_task(publisher.publish("amira", move=move, seen=digest(read_files(config))))
            await world.until(lambda fate=fate, doing=doing: _either(fate, doing))
            doing.cancel()
            await asyncio.gather(doing, return_exceptions=True)
            await world.restart()
            known = await world.memory.transact(lambda tx: tx.releases.log())
            assert world.releases.latest.number == len(known)
            heard = await world.go_on(WALK[5:])
            new = len(known) == 2 and move
            assert ("When must it be solved?" in heard[0]) == new
            assert (await world.case()).release == (2 if new else 1)
            if not fate.dead:
                assert len(known) == 2
                return
    raise AssertionError("publishing never came to its end")


async def _either(fate: Fate, doing: asyncio.Task) -> bool:
    return fate.dead or doing.done()


async def test_whoever_hangs_up_while_it_is_stored_does_not_part_what_runs_from_what_is_stored(
    world: LivingWorld,
) -> None:
    world.edit("main.yaml", "Welcome to {name}.", "A warm welcome.")
    doing = asyncio.create_task(world.publish())

    async def stored() -> bool:
        return len(await world.memory.transact(lambda tx: tx.releases.log())) == 2

    await world.until(stored)
    doing.cancel()
    await asyncio.gather(doing, return_exceptions=True)

    async def live() -> bool:
        return world.releases.latest.number == 2

    await world.until(live)


async def test_a_release_that_this_version_cannot_run_is_said_at_the_start_and_publishing_mends_it(
    tmp_path: Path,
) -> None:
    config = installation(tmp_path / "living")
    store = MemoryStore()
    async with LivingWorld(config, store) as world:
        [first] = await store.transact(lambda tx: tx.releases.log())
        files = dict(await store.transact(lambda tx: tx.releases.files(1)))
    files["flows/staff.yaml"] = files["flows/staff.yaml"].replace(b"  summary_title:", b"  summary_old:")
    broken = replace(first, number=2, digest=digest(files))
    await store.transact(lambda tx: tx.releases.add(broken, files))
    with pytest.raises(FlowError, match=r"release 2:1:1: error\[release-refused\]: this version cannot run") as raised:
        await go_live(config, store, world.clock)
    assert "vestibule flows publish" in str(raised.value)
    publisher = Publisher(config, store, world.clock, None)
    assert (await publisher.publish("amira", move=True, seen=digest(read_files(config)))).release.number == 3
    async with LivingWorld(config, store) as world:
        await world.walk(WALK)
        assert (await world.case()).release == 3
