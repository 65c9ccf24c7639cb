"""Lines on disk: kept until they are journaled, and never mistaken for others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.channels.database import open_database
from bot.channels.signal.sent import Sent
from bot.channels.signal.spool import Spool
from tests.channels.signal.running import KEY

ADA = "0b7c8b34-1111-4c1d-8c1a-2f6a8a7b0001"


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    database = open_database(tmp_path / "signal.db", KEY)
    yield Spool(database)
    database.close()


@pytest.fixture
def sent(tmp_path: Path) -> Iterator[Sent]:
    database = open_database(tmp_path / "signal.db", KEY)
    yield Sent(database)
    database.close()


def lines(spool: Spool, after: int = 0) -> list[bytes]:
    return [spooled.line for spooled in spool.after(after, 100)]


def test_lines_stay_in_order_until_they_are_journaled(spool: Spool) -> None:
    spool.add([b"one", b"two"])
    spool.add([b"three \xff\x00"])
    assert lines(spool) == [b"one", b"two", b"three \xff\x00"]
    spool.drop(spool.after(0, 2)[-1].position)
    assert lines(spool) == [b"three \xff\x00"]
    assert spool.waiting() == 1


def test_a_position_is_never_given_twice(spool: Spool) -> None:
    spool.add([b"one"])
    (first,) = spool.after(0, 1)
    spool.drop(first.position)
    spool.add([b"two"])
    (second,) = spool.after(first.position, 1)
    assert second.line == b"two"


def test_a_file_that_was_made_anew_gives_no_position_that_the_inbox_has_passed(spool: Spool) -> None:
    spool.drop(4711)  # the inbox says so
    spool.add([b"new"])
    assert lines(spool, 4711) == [b"new"]
    assert spool.waiting() == 1


def test_what_was_counted_is_added_up(spool: Spool) -> None:
    spool.count("a")
    spool.count("b", 3)
    spool.count("a", 2)
    assert spool.counts() == {"a": 3, "b": 3}


def test_receipts_that_belong_to_no_doubt_are_not_kept(sent: Sent) -> None:
    sent.receipt(ADA, 1_000)
    sent.begin("row", ADA, 2_000)
    sent.receipt(ADA, 1_999)  # of something before it
    sent.receipt("another", 2_001)
    sent.receipt(ADA, 2_001)
    sent.receipt(ADA, 2_001)
    attempt = sent.find("row")
    assert attempt is not None
    assert sent.told_by_receipt(attempt) == 2_001
    sent.done("row", 2_001)
    assert sent.receipts() == 1


def test_what_was_sent_between_says_nothing_of_a_doubt(sent: Sent) -> None:
    sent.begin("row", ADA, 2_000)
    sent.untold(ADA, 2_100, 2_200)
    sent.begin("other", ADA, 2_300)
    sent.done("other", 2_310)
    for stamp in (2_150, 2_310):
        sent.receipt(ADA, stamp)
    attempt = sent.find("row")
    assert attempt is not None
    assert sent.told_by_receipt(attempt) is None


def test_what_was_surely_not_sent_is_no_doubt_and_what_was_lost_before_stays_one(sent: Sent) -> None:
    sent.begin("row", ADA, 1_000)
    sent.not_sent("row")
    assert sent.find("row") is None
    sent.begin("row", ADA, 2_000)
    sent.lost("row", 2_500)
    sent.begin("row", ADA, 3_000)
    sent.not_sent("row")
    attempt = sent.find("row")
    assert attempt is not None
    assert (attempt.first, attempt.lost_at) == (2_000, 2_500)


def test_killed_while_it_was_tried_it_may_have_been_sent(sent: Sent) -> None:
    sent.begin("row", ADA, 1_000)
    sent.went_down(5_000)
    attempt = sent.find("row")
    assert attempt is not None
    assert attempt.lost_at == 5_000


def test_what_is_old_is_let_go(sent: Sent) -> None:
    sent.begin("row", ADA, 1_000)
    sent.done("row", 1_001)
    sent.begin("new", ADA, 2_000)
    sent.receipt(ADA, 2_001)
    sent.prune(1_500)
    assert sent.find("row") is None
    assert sent.find("new") is not None
    assert sent.receipts() == 1
