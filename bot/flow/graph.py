"""What is asked of a graph: what can be reached, and what every way to a place passes."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Set

Edges = Mapping[str, Iterable[str]]


def reachable(starts: Iterable[str], edges: Edges, without: Collection[str] = ()) -> set[str]:
    """The starts and all that they lead to, on ways that do not enter `without`."""
    found = set(starts)
    pending = list(found)
    while pending:
        for new in edges.get(pending.pop(), ()):
            if new not in found and new not in without:
                found.add(new)
                pending.append(new)
    return found


def backward(edges: Edges) -> Mapping[str, list[str]]:
    """The same edges, each the other way round."""
    turned: dict[str, list[str]] = {}
    for source, destinations in edges.items():
        for destination in destinations:
            turned.setdefault(destination, []).append(source)
    return turned


def dominators(start: str, edges: Edges) -> Mapping[str, Set[str]]:
    """For each place that can be reached, what lies on every way to it from the start, itself included."""
    order = list(_nearest_first(start, edges))  # few rounds are then enough
    bits = {name: 1 << place for place, name in enumerate(order)}
    before = backward(edges)
    everything = (1 << len(order)) - 1
    found = dict.fromkeys(order, everything) | {start: bits[start]}
    changed = True
    while changed:
        changed = False
        for name in order:
            if name == start:
                continue
            common = everything
            for source in before[name]:
                common &= found.get(source, everything)
            if found[name] != common | bits[name]:
                found[name] = common | bits[name]
                changed = True
    return {name: frozenset(other for other in order if found[name] & bits[other]) for name in order}


def _nearest_first(start: str, edges: Edges) -> dict[str, None]:
    found = {start: None}
    pending = deque([start])
    while pending:
        for new in edges.get(pending.popleft(), ()):
            if new not in found:
                found[new] = None
                pending.append(new)
    return found
