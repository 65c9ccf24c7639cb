"""Statistics that contain nobody: counted when something is decided, by month; never from what is kept of people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

from bot.domain import Case, Count
from bot.services.work import Work

LANGUAGE, TOPIC, OUTCOME, DECLINED, FIRST_ANSWER = "language", "topic", "outcome", "declined", "first_answer"
OTHER = "other"
MINUTES = (15, 30, 60, 90, 120)
LATER = "later"
FEWEST = 5  # cases that are shown as a number


def arrived(work: Work, case: Case) -> None:
    """A case is there."""
    count(work, LANGUAGE, case.locale)
    count(work, TOPIC, case.topic or OTHER)


def answered(work: Work, after: timedelta) -> None:
    """Staff have written to a requester for the first time, so long after they wrote."""
    within = (str(minutes) for minutes in MINUTES if after <= timedelta(minutes=minutes))
    count(work, FIRST_ANSWER, next(within, LATER))


def count(work: Work, what: str, value: str) -> None:
    """One more of these this month. `value` is a routing key or a code, never anybody's words."""
    work.tx.counts.add(work.now.strftime("%Y-%m"), what, value)


@dataclass(frozen=True, slots=True)
class Figure:
    """A count as it may be shown: `number` is None where so few people might be known again."""

    month: str
    what: str
    value: str
    number: int | None


def figures(counts: Iterable[Count]) -> Sequence[Figure]:
    """What may be shown of these. Where one small number alone were hidden, the sum would give it away: so two are."""
    shown = []
    for _, group in groupby(counts, key=lambda count: (count.month, count.what)):
        together = sorted(group, key=lambda count: count.number)
        few = sum(count.number < FEWEST for count in together)
        hidden = {count.value for count in together[: max(few, 2) if few else 0]}
        shown += [
            Figure(count.month, count.what, count.value, None if count.value in hidden else count.number)
            for count in sorted(together, key=lambda count: count.value)
        ]
    return shown
