"""The engine alone: microseconds a step at 200 states, the bare machine beside the whole engine."""

from __future__ import annotations

from statistics import median
from time import perf_counter

from bot.flow.engine import Engine
from bot.flow.events import Replied, Started
from bot.flow.machine import Compiled, answering
from tests.flow.small import compiled, engine, files

STATES = 200
ROUNDS = 30
AIM = 25.0  # microseconds a step


class _Cursor:
    __slots__ = ("state",)


def flow(states: int) -> str:
    """A flow of so many states: a language, questions with four answers, an end."""
    questions = "".join(
        f"  - choose: q{number}\n    text: Question {number}?\n"
        "    options: {one: The first one, two: The second one, three: The third one, four: The fourth one}\n"
        for number in range(states - 2)
    )
    return (
        "flow: main\nmenu: q0\nperson: person\nsteps:\n  - language: language\n    text: Which language?\n"
        f"{questions}  - end: bye\n    text: Goodbye.\n"
    )


PERSON = "flow: person\nsteps:\n  - end: person\n"


def bare(machine: Compiled) -> float:
    """Seconds a transition, through all questions."""
    trigger = machine.machine.events[answering("two")].trigger
    cursor = _Cursor()
    cursor.state = "q0"
    begun = perf_counter()
    for _ in range(STATES - 3):
        trigger(cursor)
    return (perf_counter() - begun) / (STATES - 3)


def whole(stepped: Engine, reply: str) -> float:
    """Seconds a step, through all questions; the path grows to all of them."""
    session = stepped.step(None, Started(locale="en")).session
    event = Replied(reply)
    begun = perf_counter()
    for _ in range(STATES - 3):
        session = stepped.step(session, event).session
    return (perf_counter() - begun) / (STATES - 3)


def main() -> None:
    flows = files(flow(STATES), PERSON)
    _, machine = compiled(flows)
    whole_engine = engine(flows)
    rows = (
        ("bare machine", lambda: bare(machine)),
        ("whole step, by number", lambda: whole(whole_engine, "2")),
        ("whole step, by words", lambda: whole(whole_engine, "The second one.")),
    )
    base = None
    for name, run in rows:
        took = median(run() for _ in range(ROUNDS)) * 1e6
        base = base or took
        print(f"{name:24} {took:6.1f} µs   {took / base:4.2f} × bare   (aim {AIM:.0f} µs)")


if __name__ == "__main__":
    main()
