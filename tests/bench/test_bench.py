"""The pure parts of the harness. Nothing here is timed: a slow machine must not fail the suite."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from tests.bench.bots import Name
from tests.bench.figures import (
    MEGA,
    Aim,
    Measured,
    Phase,
    Ratio,
    aim_lines,
    aims,
    client_line,
    percentile,
    ratio,
    table_lines,
)
from tests.bench.keys import MEGOLM, Keys
from tests.bench.outside import cpu_seconds, memory


def phase(seconds: float, cpu: float = 0.002) -> Phase:
    return Phase((seconds * 2,), tuple(seconds * n for n in range(1, 21)), cpu, 0.03, 0.001)


def measured(*seconds: float, cpu: float = 0.002, pss: int = 100 * MEGA) -> Measured:
    phases = tuple(phase(each, cpu) for each in seconds)
    return Measured(phases, phases, pss + 10 * MEGA, pss)


TABLE = {
    Name.RAW: measured(0.010, 0.020, 0.030, cpu=0.001),
    Name.NIO: measured(0.012, 0.024, 0.036, cpu=0.004),
    Name.MAUTRIX: measured(0.011, 0.022, 0.033, cpu=0.003),
    Name.VESTIBULE: measured(0.0105, 0.021, 0.0315, cpu=0.0036),
}


@pytest.mark.parametrize(
    ("percent", "expected"), [(50, 10), (95, 19), (100, 20), (1, 1), (0, 1)], ids=lambda value: str(value)
)
def test_a_percentile_is_one_of_the_values(percent: float, expected: int) -> None:
    assert percentile(list(range(20, 0, -1)), percent) == expected


def test_one_value_is_every_percentile() -> None:
    assert [percentile([7.0], percent) for percent in (1, 50, 95)] == [7.0] * 3


def test_a_ratio_is_taken_within_a_round_so_that_a_slow_round_does_not_show() -> None:
    ours, theirs = TABLE[Name.VESTIBULE].one, TABLE[Name.RAW].one
    found = ratio(ours, theirs, lambda each: each.p50)
    assert (found.low, found.middle, found.high) == pytest.approx((1.05, 1.05, 1.05))


def test_rounds_that_one_bot_lacks_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratio([phase(1.0)], [phase(1.0), phase(2.0)], lambda each: each.p50)


def test_cpu_is_held_against_the_leaner_echo() -> None:
    found = {aim.what: aim.found.middle for aim in aims(TABLE, 8)}
    assert found["CPU a message with 1 requester / leaner echo"] == pytest.approx(1.2)
    leaner_nio = {**TABLE, Name.NIO: measured(0.012, 0.024, 0.036, cpu=0.0018)}
    found = {aim.what: aim.found.middle for aim in aims(leaner_nio, 8)}
    assert found["CPU a message with 8 requesters / leaner echo"] == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("found", "verdict"), [(1.0, "aim met"), (1.1, "aim met"), (1.2, "floor met"), (1.3, "MISSED")]
)
def test_a_figure_is_held_against_aim_and_floor(found: float, verdict: str) -> None:
    assert Aim("p50", Ratio(found, found, found), 1.10, 1.25).verdict == verdict


def test_the_table_shows_every_bot_in_milliseconds_and_megabytes() -> None:
    lines = table_lines(TABLE, 8)
    assert [line.split("  ")[0] for line in lines[2:]] == [name.value for name in TABLE]
    assert lines[2].split()[-12:] == ["200", "380", "40", "1.0", "30.0"] * 2 + ["100", "110"]
    assert max(map(len, lines)) <= 120


def test_each_aim_stands_beside_its_floor_and_what_was_found() -> None:
    lines = aim_lines(aims(TABLE, 8))
    first, last = (" ".join(lines[number].split()) for number in (1, -1))
    assert first == "p50 with 1 requester / raw echo 1.05 1.05 to 1.05 ≤ 1.10 ≤ 1.25 aim met"
    assert last == "memory (PSS) 100 MB ≤ 120 MB ≤ 160 MB aim met"
    heavy = {**TABLE, Name.VESTIBULE: replace(TABLE[Name.VESTIBULE], pss=170 * MEGA)}
    assert aim_lines(aims(heavy, 8))[-1].endswith("MISSED")


def test_the_requesters_own_cost_is_told() -> None:
    assert client_line(TABLE).count("1.0") == len(TABLE)


def test_a_process_is_measured_from_outside() -> None:
    before = cpu_seconds(os.getpid())
    sum(range(200_000))
    assert cpu_seconds(os.getpid()) > before
    held = memory(os.getpid())
    assert 0 < held.pss <= held.rss


def test_two_requesters_can_talk() -> None:
    one, other = Keys("@one:localhost", "ONE"), Keys("@other:localhost", "OTHER")
    one.to_upload()
    published = other.to_upload()
    curve25519 = published["device_keys"]["keys"]["curve25519:OTHER"]
    one_time_key = next(iter(published["one_time_keys"].values()))["key"]
    assert not one.knows(curve25519)
    one.meet(curve25519, one_time_key)
    for room in ("!first:localhost", "!second:localhost"):
        ed25519 = published["device_keys"]["keys"]["ed25519:OTHER"]
        other.take(one.room_key(room, "@other:localhost", curve25519, ed25519))
        sealed = one.seal(room, {"msgtype": "m.text", "body": "words"})
        assert sealed["algorithm"] == MEGOLM
        assert "words" not in sealed["ciphertext"]
        assert other.open(sealed)["content"]["body"] == "words"
