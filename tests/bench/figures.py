"""From what was measured to what is printed: medians over the rounds, and ratios taken within a round. Pure.

A ratio compares two bots in the same round, so that what else the machine did at the time falls on both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tests.bench.bots import Name

MILLI = 1_000
MEGA = 1_000_000


@dataclass(frozen=True, slots=True)
class Phase:
    """One bot in one round, with so many requesters at once. Times in seconds, CPU a message."""

    first: tuple[float, ...]  # replies to the first message of a room, in which keys are exchanged
    answers: tuple[float, ...]  # replies to all that follow
    bot_cpu: float
    server_cpu: float
    client_cpu: float

    @property
    def p50(self) -> float:
        """The usual reply."""
        return percentile(self.answers, 50)

    @property
    def p95(self) -> float:
        """The slow reply: one in twenty takes longer."""
        return percentile(self.answers, 95)


@dataclass(frozen=True, slots=True)
class Measured:
    """One bot over all rounds."""

    one: tuple[Phase, ...]
    many: tuple[Phase, ...]
    rss: int  # bytes, the most that was seen
    pss: int


Table = Mapping[Name, Measured]
Figure = Callable[[Phase], float]


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median of the rounds' ratios, the smallest and the largest."""

    middle: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Aim:
    """One line of the comparison: what is compared, and with which numbers it would do."""

    what: str
    found: Ratio
    aim: float
    floor: float
    unit: str = ""

    @property
    def verdict(self) -> str:
        """Where the figure lies."""
        if self.found.middle <= self.aim:
            return "aim met"
        return "floor met" if self.found.middle <= self.floor else "MISSED"


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least so many percent of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]


def ratio(phases: Sequence[Phase], others: Sequence[Phase], figure: Figure) -> Ratio:
    """How the phases compare with another bot's of the same rounds."""
    each = [figure(phase) / figure(other) for phase, other in zip(phases, others, strict=True)]
    return Ratio(median(each), min(each), max(each))


def aims(table: Table, many: int) -> list[Aim]:
    """The figures of one conversation beside what they are measured against."""
    ours, raw, mautrix, nio = (table[name] for name in (Name.VESTIBULE, Name.RAW, Name.MAUTRIX, Name.NIO))

    def cpu(phase: Phase) -> float:
        return phase.bot_cpu

    def p50(phase: Phase) -> float:
        return phase.p50

    def leaner(one: Sequence[Phase], other: Sequence[Phase]) -> Sequence[Phase]:
        return min(one, other, key=lambda phases: median(map(cpu, phases)))

    held = ours.pss / MEGA
    return [
        Aim("p50 with 1 requester / raw echo", ratio(ours.one, raw.one, p50), 1.10, 1.25),
        Aim(f"p50 with {many} requesters / raw echo", ratio(ours.many, raw.many, p50), 1.10, 1.25),
        Aim(
            f"p95 with {many} requesters / mautrix echo",
            ratio(ours.many, mautrix.many, lambda phase: phase.p95),
            1.0,
            1.25,
        ),
        Aim("CPU a message with 1 requester / leaner echo", ratio(ours.one, leaner(nio.one, mautrix.one), cpu), 1, 1.5),
        Aim(
            f"CPU a message with {many} requesters / leaner echo",
            ratio(ours.many, leaner(nio.many, mautrix.many), cpu),
            1.0,
            1.5,
        ),
        Aim("memory (PSS)", Ratio(held, held, held), 120, 160, " MB"),
    ]


def table_lines(table: Table, many: int) -> list[str]:
    """The bots side by side: milliseconds, and megabytes."""
    head = f"{'p50':>6}{'p95':>6}{'first':>7}{'CPU':>6}{'server':>8}"
    lines = [
        f"{'':24}{'1 requester':^33}  {f'{many} requesters':^33}  {'memory':^12}".rstrip(),
        f"{'':24}{head}  {head}  {'PSS':>6}{'RSS':>6}",
    ]
    for name, measured in table.items():
        parts = "  ".join(_phases(phases) for phases in (measured.one, measured.many))
        lines.append(f"{name.value:24}{parts}  {measured.pss / MEGA:6.0f}{measured.rss / MEGA:6.0f}")
    return lines


def aim_lines(found: Sequence[Aim]) -> list[str]:
    """Each figure beside its aim and its floor."""
    lines = [f"{'':46}{'found':>9}  {'rounds':^13}{'aim':>9}{'floor':>9}"]
    for each in found:
        number = "{:.0f}" if each.unit else "{:.2f}"
        middle, low, high, aim, floor = (
            number.format(value) for value in (each.found.middle, each.found.low, each.found.high, each.aim, each.floor)
        )
        spread = "" if each.unit else f"{low} to {high}"
        lines.append(
            f"{each.what:46}{middle + each.unit:>9}  {spread:^13}{'≤ ' + aim + each.unit:>9}"
            f"{'≤ ' + floor + each.unit:>9}  {each.verdict}"
        )
    return lines


def client_line(table: Table) -> str:
    """What the measuring requesters themselves computed: it must be small, and alike for all."""
    costs = ", ".join(
        f"{name.value} {median(phase.client_cpu for phase in measured.many) * MILLI:.1f}"
        for name, measured in table.items()
    )
    return f"CPU of the measuring requesters, ms a message: {costs}"


def _phases(phases: Sequence[Phase]) -> str:
    p50, p95, first, cpu, server = (
        median(figure(phase) for phase in phases) * MILLI
        for figure in (
            lambda phase: phase.p50,
            lambda phase: phase.p95,
            lambda phase: percentile(phase.first, 50),
            lambda phase: phase.bot_cpu,
            lambda phase: phase.server_cpu,
        )
    )
    return f"{p50:6.0f}{p95:6.0f}{first:7.0f}{cpu:6.1f}{server:8.1f}"
