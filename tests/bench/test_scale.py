"""The bench of sizes works, small. Nothing here is timed: a slow machine must not fail the suite."""

from __future__ import annotations

import pytest

from tests.bench.account import DEVICE, Person
from tests.bench.generated import Generated, made_account, run
from tests.bench.scale import SMALL, Figure, figures


async def test_every_figure_is_found_at_a_small_size() -> None:
    told: list[str] = []
    await figures(SMALL, told.append)
    assert len(told) == 15 + 2 * len(SMALL.shares)
    assert all(float(line[62:].split()[0]) >= 0 for line in told)


async def test_a_bench_that_fails_says_so() -> None:
    with made_account() as account, pytest.raises(RuntimeError, match="learn ended with 1"):
        await run("learn", account, Generated(account, [], {}), people=["@nobody:localhost"])


def test_what_a_generated_person_says_can_be_read() -> None:
    person = Person(1)
    with made_account() as account:
        account.meets([person])
        guard = account.opened()
        plain = guard.decrypt(person.room, person.says("hello"))
        assert plain.payload["content"]["body"] == "hello"
        assert guard.without_session([device.known() for device in person.devices]) == []
        assert list(account.keys_query([])[guard.user_id]["device_keys"]) == [DEVICE]
        guard.close()


@pytest.mark.parametrize(
    ("figure", "ending"),
    [
        (Figure("a start", 0.25, "s", 1.0), "0.25 s  (aim 1)  met"),
        (Figure("a start", 2.5, "s", 1.0), "2.50 s  (aim 1)  MISSED"),
        (Figure("memory", 121.4, "MiB"), "121 MiB"),
    ],
)
def test_a_figure_stands_beside_its_aim_where_it_has_one(figure: Figure, ending: str) -> None:
    assert figure.line.startswith(figure.what)
    assert figure.line.endswith(ending)
