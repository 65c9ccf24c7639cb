"""Flows drawn by lot: whatever kinds of step in whatever order, leading wherever. Most of them break some law."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tests.flow.small import files

QUESTIONS = {  # each kind of question that is recorded, and its answers as a branch names them
    "choose": ("a", "b", "c"),
    "several": ("a", "b", "c"),
    "yesno": ("yes", "no"),
    "consent": ("yes", "no"),
    "ask": ("answered", "skipped"),
    "attach": ("attached", "skipped"),
}
KINDS = (*QUESTIONS, "choose", "yesno", "ask", "say", "review", "faq", "branch", "branch", "end")
OPTIONS = "    options: {a: Aa, b: Bb, c: Cc}\n"
HANDOFF = "  - handoff: handoff\n    text: Done.\n"
BEFORE = "  - yesno: before\n    text: Before?\n"
EARLY = "  - consent: early\n    text: Early?\n    version: 1\n    go: {no: menu}\n"
FAQ = "faq: faq\nquestions:\n  free:\n    title: Is it free?\n    answer: It is.\n"

Asked = list[tuple[str, tuple[str, ...]]]  # questions (flow and step), with their answers


def made(chance: random.Random, longest: int = 9) -> dict[str, str]:
    """A library of an entry flow, the flow behind the word *person*, and two that others call."""
    asked: Asked = [("main.menu", ("a", "b", "c"))]
    part = _flow(chance, "part", [], longest // 2, asked)
    other = _flow(chance, "other", ["part"], longest // 2, asked)
    person = _flow(chance, "person", ["part"], 3, asked, end=HANDOFF)
    first = (
        "flow: main\nmenu: menu\nperson: person\nsteps:\n  - language: language\n    text: Which language?\n"
        f"{chance.choice(('', BEFORE, EARLY))}  - choose: menu\n    text: What?\n{OPTIONS}"
    )
    calls = chance.choice((["other"], ["other", "person"], ["part", "other"], []))
    main = _flow(chance, "main", calls, longest, asked, first, HANDOFF)
    return {**files(main, person, part, other), "faq.yaml": FAQ}


def _flow(
    chance: random.Random, name: str, calls: Sequence[str], longest: int, asked: Asked, first: str = "", end: str = ""
) -> str:
    left = list(calls)
    kinds = [chance.choice(KINDS) for _ in range(chance.randint(1, longest))] + ["call"] * len(left)
    chance.shuffle(kinds)
    if first and chance.random() < 0.7:
        kinds.insert(0, "consent")  # else words are never asked for, and nothing is ever handed over
    names = [left.pop() if kind == "call" else f"{kind}{place}" for place, kind in enumerate(kinds)]
    asked += [(f"{name}.{step}", QUESTIONS[kind]) for kind, step in zip(kinds, names, strict=True) if kind in QUESTIONS]
    targets = [*names, "menu", "end"]
    steps = [_step(chance, kind, step, targets, asked) for kind, step in zip(kinds, names, strict=True)]
    if end:
        steps.insert(chance.randint(len(steps) // 2, len(steps)), end)
    begin = first or f"flow: {name}\nsteps:\n"
    if first and chance.random() < 0.8:
        begin += f"    go: {{a: {chance.choice(names)}, b: {chance.choice(names)}}}\n"
    return begin + "".join(steps)


def _step(chance: random.Random, kind: str, name: str, targets: Sequence[str], asked: Asked) -> str:
    head = f"  - {kind}: {name}\n"
    if kind == "call":
        return head
    if kind == "end":
        return head + f"    text: About {name}.\n"
    if kind == "branch":
        lines = "".join(_clause(chance, targets, asked) for _ in range(chance.choice((1, 1, 2))))
        return f"{head}    when:\n{lines}" + (
            f"    otherwise: {chance.choice(targets)}\n" if chance.random() < 0.5 else ""
        )
    head += f"    text: About {name}.\n"
    if kind in ("say", "review", "faq"):
        return head + (f"    go: {chance.choice(targets)}\n" if chance.random() < 0.4 else "")
    head += {"consent": "    version: 1\n", "choose": OPTIONS, "several": f"{OPTIONS}    alone: c\n"}.get(kind, "")
    if kind in ("choose", "several", "yesno") and chance.random() < 0.1:
        head += "    personal: yes\n"
    outcomes = ("chosen", "c") if kind == "several" else QUESTIONS[kind]
    named = [outcome for outcome in outcomes if chance.random() < 0.3] or (["no"] if kind == "consent" else [])
    if kind == "consent" and "no" not in named:
        named.append("no")
    named += [outcome for outcome in ("not_understood", "no_reply") if chance.random() < 0.15]
    ways = ", ".join(f"{outcome}: {chance.choice(targets)}" for outcome in named)
    return head + (f"    go: {{{ways}}}\n" if ways else "")


def _clause(chance: random.Random, targets: Sequence[str], asked: Asked) -> str:
    conditions = []
    for question, outcomes in sorted({chance.choice(asked) for _ in range(chance.choice((1, 1, 2)))}):
        conditions.append(f"{question}: [{', '.join(sorted({chance.choice(outcomes) for _ in range(2)}))}]")
    return f"      - {{if: {{{', '.join(sorted(conditions))}}}, go: {chance.choice(targets)}}}\n"
