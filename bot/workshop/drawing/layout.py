"""Places boxes in rows from top to bottom, so that arrows lead downwards where they can, and few of them cross.

The way is the usual one in four steps: cut the circles, put every box below all that lead to it, order each row by the
middle of its neighbours, then move boxes to where their arrows are straight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise

GAP_ACROSS = 26.0  # between two boxes of a row; all lengths are pixels
GAP_DOWN = 38.0  # between two rows
_BEND_WIDTH = 8.0  # of the place that an arrow takes where it passes a row
_BEND_WEIGHT = 12.0  # of its wish to stand above the next one, beside that of a box
_ORDERINGS, _MOVES = 16, 61  # the last one is downwards: what follows stands below what it follows

Size = tuple[float, float]
Link = tuple[str, str]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a box is: its left upper corner, and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class Plan:
    """Where every box is, and through which points each arrow goes: from its source to its target."""

    spots: Mapping[str, Spot]
    routes: Mapping[Link, tuple[Point, ...]]
    width: float
    height: float


def plan(sizes: Mapping[str, Size], links: Sequence[Link]) -> Plan:
    """Place these boxes, the first one uppermost. No link leads from a box to itself, and none is there twice."""
    upward = _closing_circles(list(sizes), links)
    downward = {link: (link[1], link[0]) if link in upward else link for link in links}
    ranks = _ranked(list(sizes), set(downward.values()))
    chains, rows, widths = _rows(sizes, ranks, list(dict.fromkeys(downward.values())))
    pairs = [pair for chain in chains.values() for pair in pairwise(chain)]
    rows = _ordered(rows, pairs)
    middles = _straightened(rows, chains.values(), _moved(rows, pairs, widths, sizes.keys()), widths)
    return _Drawn(sizes, rows, middles, widths).plan({link: chains[down] for link, down in downward.items()}, upward)


def _closing_circles(boxes: Sequence[str], links: Iterable[Link]) -> set[Link]:
    """The links that lead back to a box on the way to them."""
    onward: dict[str, list[str]] = {box: [] for box in boxes}
    for source, target in links:
        onward[source].append(target)
    closing: set[Link] = set()
    done: set[str] = set()
    for start in boxes:
        way = [] if start in done else [(start, iter(onward[start]))]
        on_way = {start}
        done.add(start)
        while way:
            box, targets = way[-1]
            for target in targets:
                if target in on_way:
                    closing.add((box, target))
                elif target not in done:
                    done.add(target)
                    on_way.add(target)
                    way.append((target, iter(onward[target])))
                    break
            else:
                way.pop()
                on_way.discard(box)
    return closing


def _ranked(boxes: Sequence[str], links: Iterable[Link]) -> dict[str, int]:
    """The row of each box, below all that lead to it."""
    before: dict[str, list[str]] = {box: [] for box in boxes}
    waiting: dict[str, int] = dict.fromkeys(boxes, 0)
    onward: dict[str, list[str]] = {box: [] for box in boxes}
    for source, target in links:
        before[target].append(source)
        onward[source].append(target)
        waiting[target] += 1
    ranks: dict[str, int] = {}
    ready = [box for box in boxes if not waiting[box]]
    while ready:
        box = ready.pop()
        ranks[box] = max((ranks[source] + 1 for source in before[box]), default=0)
        for target in onward[box]:
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return ranks


def _rows(
    sizes: Mapping[str, Size], ranks: Mapping[str, int], links: Sequence[Link]
) -> tuple[dict[Link, list[str]], list[list[str]], dict[str, float]]:
    """The rows with a bend in each one that a link passes; for each link, its boxes and bends from row to row."""
    rows: list[list[str]] = [[] for _ in range(max(ranks.values(), default=0) + 1)]
    widths = {box: size[0] for box, size in sizes.items()}
    for box in sizes:
        rows[ranks[box]].append(box)
    chains = {}
    for source, target in links:
        bends = [f"{source}\n{target}\n{rank}" for rank in range(ranks[source] + 1, ranks[target])]
        for bend, rank in zip(bends, range(ranks[source] + 1, ranks[target]), strict=True):
            rows[rank].append(bend)
            widths[bend] = _BEND_WIDTH
        chains[source, target] = [source, *bends, target]
    return chains, rows, widths


def _ordered(rows: list[list[str]], pairs: Sequence[Link]) -> list[list[str]]:
    above, below = _neighbours(pairs)
    best, least = rows, _crossings(rows, below)
    for turn in range(_ORDERINGS):
        rows = [list(row) for row in rows]
        near, walk = (above, rows) if turn % 2 == 0 else (below, rows[::-1])
        for beside, row in pairwise(walk):
            places = {box: place for place, box in enumerate(beside)}
            wished = {
                box: _mean([places[other] for other in near.get(box, ())], place) for place, box in enumerate(row)
            }
            row.sort(key=wished.__getitem__)
        crossings = _crossings(rows, below)
        if crossings < least:
            best, least = rows, crossings
    return best


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _neighbours(pairs: Iterable[Link]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for upper, lower in pairs:
        above.setdefault(lower, []).append(upper)
        below.setdefault(upper, []).append(lower)
    return above, below


def _crossings(rows: Sequence[Sequence[str]], below: Mapping[str, Sequence[str]]) -> int:
    crossings = 0
    for row, lower in pairwise(rows):
        places = {box: place for place, box in enumerate(lower)}
        ends = [place for box in row for place in sorted(places[other] for other in below.get(box, ()))]
        crossings += sum(before > after for i, before in enumerate(ends) for after in ends[i + 1 :])
    return crossings


def _moved(
    rows: Sequence[Sequence[str]], pairs: Sequence[Link], widths: Mapping[str, float], boxes: Set[str]
) -> dict[str, float]:
    """The middle of each box and bend: near the middle of its neighbours, in the order of its row, with gaps."""
    above, below = _neighbours(pairs)
    middles: dict[str, float] = {}
    for row in rows:
        x = 0.0
        for box in row:
            middles[box] = x + widths[box] / 2
            x += widths[box] + GAP_ACROSS
    for turn in range(_MOVES):
        near = above if turn % 2 == 0 else below
        for row in rows if turn % 2 == 0 else reversed(rows):
            wished = []
            for box in row:
                beside = near.get(box, ())
                # an arrow that only passes by does not draw a box aside
                nearest = [other for other in beside if other in boxes] or beside
                wished.append(_mean([middles[other] for other in nearest], middles[box]))
            heavy = [1.0 if box in boxes else _BEND_WEIGHT for box in row]
            middles.update(zip(row, _apart(wished, heavy, [widths[box] for box in row]), strict=True))
    return middles


def _straightened(
    rows: Sequence[Sequence[str]],
    chains: Iterable[Sequence[str]],
    middles: Mapping[str, float],
    widths: Mapping[str, float],
) -> dict[str, float]:
    """The same, with the bends of an arrow in one line below its source, or as near as its neighbours let it."""
    moved = dict(middles)
    beside = {
        box: (row[place - 1] if place else None, row[place + 1] if place + 1 < len(row) else None)
        for row in rows
        for place, box in enumerate(row)
    }
    for first, *bends in [chain[:-1] for chain in chains if len(chain) > 2] * 2:
        least, most = float("-inf"), float("inf")
        for bend in bends:
            left, right = beside[bend]
            if left is not None:
                least = max(least, moved[left] + (widths[left] + widths[bend]) / 2 + GAP_ACROSS)
            if right is not None:
                most = min(most, moved[right] - (widths[right] + widths[bend]) / 2 - GAP_ACROSS)
        if least <= most:
            moved.update(dict.fromkeys(bends, min(max(moved[first], least), most)))
    return moved


def _apart(wished: Sequence[float], weights: Sequence[float], widths: Sequence[float]) -> list[float]:
    """The middles that are nearest to those wished for (in squares) and keep order and gaps: pooled where too near."""
    offsets = [0.0]
    for before, after in pairwise(widths):
        offsets.append(offsets[-1] + (before + after) / 2 + GAP_ACROSS)
    pools: list[tuple[float, float, int]] = []  # mean and weight of so many boxes, as if all stood where the first does
    for wish, weight, offset in zip(wished, weights, offsets, strict=True):
        pool = (wish - offset, weight, 1)
        while pools and pools[-1][0] > pool[0]:
            mean, heavy, count = pools.pop()
            both = pool[1] + heavy
            pool = ((pool[0] * pool[1] + mean * heavy) / both, both, pool[2] + count)
        pools.append(pool)
    means = [mean for mean, _, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


class _Drawn:
    """Rows with their places, made into spots and routes."""

    def __init__(
        self,
        sizes: Mapping[str, Size],
        rows: Sequence[Sequence[str]],
        middles: Mapping[str, float],
        widths: Mapping[str, float],
    ) -> None:
        left = min(middles[box] - widths[box] / 2 for row in rows for box in row)
        self._middles = {box: middle - left for box, middle in middles.items()}
        self._sizes = sizes
        self.width = max(self._middles[box] + widths[box] / 2 for row in rows for box in row)
        self._bands: dict[str, tuple[float, float]] = {}
        y = 0.0
        for row in rows:
            height = max((sizes[box][1] for box in row if box in sizes), default=0.0)
            self._bands.update(dict.fromkeys(row, (y, y + height)))
            y += height + GAP_DOWN
        self.height = y - GAP_DOWN

    def plan(self, chains: Mapping[Link, Sequence[str]], upward: set[Link]) -> Plan:
        """`chains` lead downwards, whatever the direction of their link."""
        leaving = self._ports(chains, 0, 1)
        coming = self._ports(chains, -1, -2)
        routes = {}
        for link, chain in chains.items():
            source, target = chain[0], chain[-1]
            top, bottom = self._bands[source]
            points = [(leaving[link], top + self._sizes[source][1]), (leaving[link], bottom)]
            for bend in chain[1:-1]:
                points += [(self._middles[bend], y) for y in self._bands[bend]]
            points.append((coming[link], self._bands[target][0]))
            routes[link] = tuple(reversed(points)) if link in upward else tuple(points)
        spots = {
            box: Spot(self._middles[box] - width / 2, self._bands[box][0], width, height)
            for box, (width, height) in self._sizes.items()
        }
        return Plan(spots, routes, self.width, self.height)

    def _ports(self, chains: Mapping[Link, Sequence[str]], end: int, beside: int) -> dict[Link, float]:
        """Where each arrow touches its box at this end: side by side, in the order of where they come from."""
        touching: dict[str, list[tuple[float, Link]]] = {}
        for link, chain in chains.items():
            touching.setdefault(chain[end], []).append((self._middles[chain[beside]], link))
        ports = {}
        for box, links in touching.items():
            step = min(self._sizes[box][0] * 0.8 / len(links), GAP_ACROSS)
            first = self._middles[box] - step * (len(links) - 1) / 2
            for place, (_, link) in enumerate(sorted(links)):
                ports[link] = first + place * step
        return ports
