"""The ladder: which rung is due, which shift it is, who is called."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ladder import Call, Promise, Rung, Shift, usual

MINUTE = timedelta(minutes=1)
STAFF = ("@ana:x", "@bo:x", "@cy:x", "@di:x")
PROMISE = Promise()
EARLY = Shift(time(6), time(14), frozenset({"@ana:x"}))
LATE = Shift(time(14), time(22), frozenset({"@bo:x"}))
NIGHT = Shift(time(22), time(6), frozenset({"@cy:x"}))
BERLIN = Promise(shifts=(EARLY, LATE, NIGHT), zone=ZoneInfo("Europe/Berlin"))


def called(promise: Promise, rung: Rung, at: datetime, *, leads=("@ana:x", "@bo:x"), directors=("@di:x",)):
    return promise.called(rung, at, leads=leads, directors=directors, everyone=STAFF)


def at(hour: int, minute: int = 0, day: int = 5, month: int = 1) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def test_the_usual_ladder_is_that_of_the_helpline() -> None:
    assert [(rung.after / MINUTE, rung.call) for rung in PROMISE.ladder] == [
        (60, (Call.SHIFT_LEADS,)),
        (90, (Call.LEADS, Call.DIRECTORS)),
        (120, (Call.EVERYONE,)),
    ]


def test_the_usual_ladder_ends_when_a_shorter_promise_is_missed() -> None:
    assert [rung.after / MINUTE for rung in usual(timedelta(minutes=30))] == [15, 22.5, 30]


def test_at_every_minute_the_highest_rung_reached_is_due_once() -> None:
    said, last = [], timedelta(0)
    for minute in range(200):
        rung = PROMISE.due(minute * MINUTE, last)
        if rung is not None:
            said.append(minute)
            last = rung.after
    assert said == [60, 90, 120]


@pytest.mark.parametrize(
    ("minutes", "rung"), [(59, None), (60, 60), (89, 60), (95, 90), (119, 90), (120, 120), (999, 120)]
)
def test_whoever_looks_late_finds_one_rung_and_not_three(minutes: int, rung: int | None) -> None:
    due = PROMISE.due(minutes * MINUTE)
    assert (due and due.after / MINUTE) == rung


@given(st.integers(-100, 500))
def test_what_comes_next_is_always_later(minutes: int) -> None:
    coming = PROMISE.coming(minutes * MINUTE)
    assert (coming is None) == (minutes >= 120)
    assert coming is None or coming > minutes * MINUTE


def test_the_missed_promise_is_waited_for_even_where_no_rung_stands_there() -> None:
    promise = Promise(ladder=(Rung(30 * MINUTE, (Call.LEADS,)), Rung(150 * MINUTE, (Call.EVERYONE,))))
    assert [promise.coming(waited * MINUTE) for waited in (0, 30, 120, 150)] == [
        30 * MINUTE,
        120 * MINUTE,
        150 * MINUTE,
        None,
    ]


def test_the_leads_are_those_of_the_shift_at_that_moment_by_the_clock_there() -> None:
    # in January the clock there is an hour ahead
    found = {hour: called(BERLIN, PROMISE.ladder[0], at(hour)) for hour in (4, 5, 12, 13, 20, 21, 23, 0)}
    assert found == {
        4: ("@cy:x",),
        5: ("@ana:x",),
        12: ("@ana:x",),
        13: ("@bo:x",),
        20: ("@bo:x",),
        21: ("@cy:x",),
        23: ("@cy:x",),
        0: ("@cy:x",),
    }


def test_in_summer_the_shift_changes_an_hour_earlier() -> None:
    assert called(BERLIN, PROMISE.ladder[0], at(4, month=7)) == ("@ana:x",)


@pytest.mark.parametrize(("day", "month"), [(29, 3), (25, 10)])  # the nights in which the clock there is changed
def test_in_the_night_of_a_changed_clock_somebody_leads_at_every_minute(day: int, month: int) -> None:
    start = at(0, day=day, month=month) - timedelta(hours=7)
    leads = [called(BERLIN, PROMISE.ladder[0], start + minute * MINUTE) for minute in range(24 * 60)]
    changes = [lead for before, lead in zip([None, *leads], leads, strict=False) if before != lead]
    assert changes == [("@bo:x",), ("@cy:x",), ("@ana:x",), ("@bo:x",)]
    assert leads.count(("@cy:x",)) == (7 if month == 3 else 9) * 60  # the night is shorter, or longer


def test_a_shift_over_midnight_is_of_the_day_on_which_it_begins() -> None:
    friday = Promise(shifts=(Shift(time(22), time(6), frozenset({"@cy:x"}), frozenset({4})),))
    assert [friday.shift_leads(at(hour, day=day)) for day, hour in ((9, 21), (9, 22), (10, 5), (10, 6), (10, 23))] == [
        frozenset(),
        {"@cy:x"},
        {"@cy:x"},
        frozenset(),
        frozenset(),
    ]


def test_what_begins_and_ends_at_one_hour_lasts_a_whole_day() -> None:
    monday = Promise(shifts=(Shift(time(9), time(9), frozenset({"@cy:x"}), frozenset({0})),))
    assert [bool(monday.shift_leads(at(hour, day=day))) for day, hour in ((5, 8), (5, 9), (6, 8), (6, 9))] == [
        False,
        True,
        True,
        False,
    ]


def test_where_no_shift_says_otherwise_all_leads_are_called() -> None:
    assert called(PROMISE, PROMISE.ladder[0], at(9)) == ("@ana:x", "@bo:x")


def test_a_shift_lead_who_is_not_listed_any_more_calls_on_the_other_leads() -> None:
    gone = Promise(shifts=(Shift(time(0), time(0), frozenset({"@gone:x"})),))
    assert called(gone, PROMISE.ladder[0], at(9)) == ("@ana:x", "@bo:x")


def test_the_second_rung_calls_leads_and_directors_and_the_last_one_everyone() -> None:
    assert called(PROMISE, PROMISE.ladder[1], at(9)) == ("@ana:x", "@bo:x", "@di:x")
    assert called(PROMISE, PROMISE.ladder[2], at(9)) == STAFF


def test_where_there_is_nobody_to_call_everyone_is() -> None:
    assert called(PROMISE, PROMISE.ladder[0], at(9), leads=()) == STAFF
