"""Flows drawn by lot: whatever kinds of step in whatever order, leading wherever. Most of them break some law."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tests.flow.small import files

KINDS = ("say", "choose", "choose", "yesno", "yesno", "consent", "ask", "ask", "review", "faq", "end", "call")
_BEFORE = "  - yesno: before\n    text: Before?\n"
FAQ = "faq: faq\nquestions:\n  free:\n    title: Is it free?\n    answer: It is.\n"


def made(chance: random.Random, longest: int = 9) -> dict[str, str]:
    """A library of an entry flow, the flow behind the word *person*, and one or two that others call."""
    part = _flow(chance, "part", [], longest // 2)
    other = _flow(chance, "other", ["part"], longest // 2)
    person = _flow(chance, "person", ["part"], 3, always="  - handoff: handoff\n    text: Done.\n")
    first = (
        "flow: main\nmenu: menu\nperson: person\nsteps:\n  - language: language\n    text: Which language?\n"
        + chance.choice(("", _BEFORE, "  - consent: early\n    text: Early?\n    version: 1\n    go: {no: menu}\n"))
        + "  - choose: menu\n    text: What?\n    options: {a: Aa, b: Bb, c: Cc}\n"
    )
    calls = chance.choice((["other"], ["other", "person"], ["part", "other"], []))
    main = _flow(chance, "main", calls, longest, first=first, always="  - handoff: handoff\n    text: Done.\n")
    return {**files(main, person, part, other), "faq.yaml": FAQ}


def _flow(
    chance: random.Random, name: str, calls: Sequence[str], longest: int, first: str = "", always: str = ""
) -> str:
    kinds = [chance.choice(KINDS) for _ in range(chance.randint(1, longest))]
    left = list(calls)
    kinds = [kind for kind in kinds if kind != "call"] + ["call"] * len(left) or ["say"]
    chance.shuffle(kinds)
    if first and chance.random() < 0.7:
        kinds.insert(0, "consent")  # else words are never asked for, and nothing is ever handed over
    names = [left.pop() if kind == "call" else f"{kind}{place}" for place, kind in enumerate(kinds)]
    targets = [*names, "menu", "end"]
    steps = [_step(chance, kind, step, targets) for kind, step in zip(kinds, names, strict=True)]
    if always:
        steps.insert(chance.randint(len(steps) // 2, len(steps)), always)
    begin = first or f"flow: {name}\nsteps:\n"
    if first and chance.random() < 0.8:
        a, b = chance.choice(names), chance.choice(names)
        begin += f"    go: {{a: {a}, b: {b}}}\n"
    return begin + "".join(steps)


def _step(chance: random.Random, kind: str, name: str, targets: Sequence[str]) -> str:
    one, other = chance.choice(targets), chance.choice(targets)
    go = f"    go: {one}\n" if chance.random() < 0.4 else ""
    text = f"    text: About {name}.\n"
    match kind:
        case "call":
            return f"  - call: {name}\n"
        case "say" | "review" | "faq":
            return f"  - {kind}: {name}\n{text}{go}"
        case "end":
            return f"  - end: {name}\n"
        case "choose":
            some = f"    go: {{a: {one}, b: {other}}}\n" if chance.random() < 0.5 else go
            return f"  - choose: {name}\n{text}    options: {{a: Aa, b: Bb, c: Cc}}\n{some}"
        case "yesno":
            return f"  - yesno: {name}\n{text}" + (f"    go: {{no: {one}}}\n" if chance.random() < 0.6 else go)
        case "consent":
            return f"  - consent: {name}\n{text}    version: 1\n    go: {{no: {one}}}\n"
        case _:
            return f"  - ask: {name}\n{text}" + (f"    go: {{skipped: {one}}}\n" if chance.random() < 0.5 else go)
