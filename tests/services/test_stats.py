"""Statistics that contain nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain import Count
from bot.services import stats
from bot.services.stats import Figure, figures
from tests.services.world import CLAIMER, REQUESTER, ROOM, STORY, VETTER, World

MONTH = "2026-01"


def of(**numbers: int) -> list[Count]:
    return [Count(MONTH, stats.LANGUAGE, value, number) for value, number in numbers.items()]


def shown(counts: list[Count]) -> dict[str, int | None]:
    return {figure.value: figure.number for figure in figures(counts)}


def test_large_numbers_are_shown() -> None:
    assert shown(of(ar=5, en=12)) == {"ar": 5, "en": 12}


def test_a_small_number_is_hidden_and_never_alone_so_that_no_sum_gives_it_away() -> None:
    assert shown(of(ar=1, en=12, es=7)) == {"ar": None, "en": 12, "es": None}
    assert shown(of(ar=1, de=2, en=12)) == {"ar": None, "de": None, "en": 12}
    assert shown(of(ar=1)) == {"ar": None}


def test_each_month_and_each_kind_stands_for_itself() -> None:
    other = [replace(count, what=stats.TOPIC) for count in of(phone=9, account=8)]
    assert shown([*of(ar=1, en=12), *other]) == {"ar": None, "en": None, "phone": 9, "account": 8}


async def test_what_came_about_is_counted_when_it_is_decided() -> None:
    async with World() as world:
        number = await world.claimed()
        world.clock.advance(timedelta(minutes=20))
        for text in ("first words", "more words"):
            await world.write(world.relay, CLAIMER, text, signed=True)
            await world.write(ROOM, REQUESTER, "an answer")
        await world.command(f"!close {number}", CLAIMER)
        counted = await world.memory.transact(lambda tx: tx.counts.all())
    topic = next(count.value for count in counted if count.what == stats.TOPIC)
    assert topic.startswith("main.problem")
    assert [(count.month, count.what, count.value, count.number) for count in counted] == [
        (MONTH, stats.FIRST_ANSWER, "30", 1),
        (MONTH, stats.LANGUAGE, "en", 1),
        (MONTH, stats.OUTCOME, "closed", 1),
        (MONTH, stats.TOPIC, topic, 1),
    ]


async def test_why_a_case_was_declined_is_counted() -> None:
    async with World() as world:
        await world.walk()
        number = (await world.case()).number
        await world.command(f"!decline {number} legal", VETTER)
        counted = await world.memory.transact(lambda tx: tx.counts.all())
    found = {(count.what, count.value): count.number for count in counted}
    assert found[stats.DECLINED, "legal"] == found[stats.OUTCOME, "declined"] == 1


@pytest.mark.parametrize(("minutes", "within"), [(0, "15"), (15, "15"), (16, "30"), (120, "120"), (121, "later")])
async def test_the_time_to_the_first_answer_is_counted_in_steps(minutes: int, within: str) -> None:
    async with World() as world:
        await world.claimed()
        world.clock.advance(timedelta(minutes=minutes))
        await world.write(world.relay, CLAIMER, "words", signed=True)
        counted = await world.memory.transact(lambda tx: tx.counts.all())
    assert [count.value for count in counted if count.what == stats.FIRST_ANSWER] == [within]


async def test_nothing_that_anybody_wrote_is_counted() -> None:
    async with World() as world:
        await world.claimed()
        counted = await world.memory.transact(lambda tx: tx.counts.all())
    assert counted
    assert not any(STORY in f"{count}" or REQUESTER in f"{count}" for count in counted)
    assert Figure(MONTH, stats.LANGUAGE, "en", None) in figures(counted)
