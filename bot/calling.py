"""Who is called when nobody answers, as the config says it: the shifts and the ladder."""

from __future__ import annotations

from collections.abc import Collection
from datetime import time, timedelta
from itertools import pairwise

from bot import forms
from bot.ladder import Call, Rung, Shift, usual
from bot.toml import Table


def shifts(section: Table, leads: Collection[str]) -> tuple[Shift, ...]:
    """Those of `[specialists]`; each is led by some of the `leads` who stand there."""
    entries = section.tables("shifts", 'a list of entries { from = "08:00", to = "16:00", leads = ["@..."] }', False)
    found = []
    for entry in entries:
        begins, ends = entry.text("from", forms.HOUR), entry.text("to", forms.HOUR)
        days = entry.texts("days", forms.DAYS_OF_WEEK, forms.WEEKDAYS)
        leading = frozenset(entry.texts("leads", forms.STAFF_LIST))
        if not leading.issubset(leads):
            section.report(
                "unlisted-lead",
                "shifts",
                "[specialists] shifts name somebody who does not stand in [specialists] leads",
            )
        if begins and ends:
            on = frozenset(map(forms.WEEKDAYS.index, days))
            found.append(Shift(time.fromisoformat(begins), time.fromisoformat(ends), leading, on))
    return tuple(found)


def ladder(section: Table, first_response: timedelta) -> tuple[Rung, ...]:
    """That of `[promise]`; without one, the usual, which follows from the promise."""
    entries = section.tables("ladder", 'a list of entries { after = 60, call = ["leads"] }', required=False)
    rungs = [
        Rung(timedelta(minutes=entry.number("after", forms.PROMISE)), tuple(map(Call, entry.texts("call", forms.CALL))))
        for entry in entries
    ]
    if any(earlier >= later for earlier, later in pairwise(rung.after for rung in rungs if rung.after)):
        section.report("wrong-order", "ladder", "[promise] ladder must rise: each entry is later than the one before")
    return tuple(rungs) or usual(first_response)
