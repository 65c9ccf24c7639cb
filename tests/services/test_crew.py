"""One task a key: there while it has work, gone when it has none."""

import asyncio

import pytest

from bot.services import crew
from bot.services.crew import Crew


async def until(condition) -> None:
    for _ in range(2_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise TimeoutError


async def test_whoever_is_woken_while_finishing_works_once_more() -> None:
    calls: list[str] = []
    gate = asyncio.Event()

    async def work(key: str) -> float | None:
        calls.append(key)
        await gate.wait()
        return None

    working = Crew(work)
    working.wake("a")
    await until(lambda: calls)
    working.wake("a")
    gate.set()
    await until(lambda: len(calls) == 2)
    await asyncio.sleep(0.01)
    assert calls == ["a", "a"]
    await working.stop(1)


async def test_one_that_fails_is_tried_again_and_stops_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(crew, "LONGEST_PAUSE", 0.001)
    calls: list[str] = []

    async def work(key: str) -> float | None:
        calls.append(key)
        if key == "bad" and calls.count("bad") < 4:
            raise ValueError("words of a person")
        return None

    working = Crew(work)
    working.wake("bad")
    working.wake("good")
    await until(lambda: calls.count("bad") == 4)
    assert calls.count("good") == 1
    assert "words of a person" not in caplog.text
    await working.stop(1)


async def test_whoever_waits_is_woken_before_the_time() -> None:
    calls: list[str] = []

    async def work(key: str) -> float | None:
        calls.append(key)
        return 1_000.0

    working = Crew(work)
    working.wake("a")
    await until(lambda: len(calls) == 1)
    working.wake("a")
    await until(lambda: len(calls) == 2)
    working.wake_all()
    await until(lambda: len(calls) == 3)
    await working.stop(1)


async def test_a_stop_waits_for_what_is_in_hand_but_not_for_ever() -> None:
    ended: list[str] = []

    async def work(key: str) -> float | None:
        try:
            await asyncio.sleep(0.01 if key == "quick" else 1_000)
        finally:
            ended.append(key)
        return None

    working = Crew(work)
    working.wake("quick")
    working.wake("stuck")
    await asyncio.sleep(0)
    await working.stop(0.1)
    assert ended == ["quick", "stuck"]
    working.wake("late")
    await asyncio.sleep(0.01)
    assert "late" not in ended
