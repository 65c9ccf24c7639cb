"""The checks alone: CPU seconds to load, compile and judge a helpline of 200 states in ten languages."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import process_time

from bot import catalogs, library
from bot.checking import CATALOGS, judge
from bot.flow.checks import check
from bot.flow.lint import lint
from bot.flow.machine import compile_flows
from bot.i18n import read_catalog

SHIPPED = Path(__file__).parents[2] / "flows"
STATES = 200
LOCALES = ("en", "es", "ar", "fr", "ru", "pt", "de", "fa", "uk", "tr")
ROUNDS = 5
AIM = 2.0  # seconds

MAIN = """flow: main
menu: menu
person: person
steps:
  - language: language
    text: Which language?
  - choose: menu
    text: What would you like to do?
    options: {questions: I have a question, help: I need help with a problem, person: I want to talk to somebody}
    go: {questions: topics, person: person}
  - call: long
  - call: consent
  - ask: what_happened
    text: What happened? Please tell us in your own words. A few sentences are enough.
  - review: review
    text: These are your answers. What would you like to do?
  - handoff: handoff
    text: "Thank you. Your request is with our team now. Its number is {case}."
    require: [consent.consent, long.q0]
  - faq: topics
    text: What would you like to know?
    go: menu
  - call: person
"""


def build(folder: Path, states: int = STATES, locales: tuple[str, ...] = LOCALES) -> Path:
    """Flows with about so many states, and complete catalogs for each language beside them."""
    flows = folder / "flows"
    flows.mkdir()
    for name in ("bot", "staff", "faq", "consent", "person"):
        text = (SHIPPED / f"{name}.yaml").read_text()
        (flows / f"{name}.yaml").write_text(text.partition("    card:")[0] + "\n" if name == "person" else text)
    (flows / "main.yaml").write_text(MAIN)
    (flows / "long.yaml").write_text(f"flow: long\nsteps:\n{''.join(map(_question, range(states - 25)))}")
    now = datetime.now(UTC)
    said = library.read(flows)
    catalogs.extract(said, folder / CATALOGS, now)
    for path in catalogs.update(said, folder / CATALOGS, locales, now):
        _translate(path)
    return flows


def _question(number: int) -> str:
    options = "".join(
        f"      {name}: The {name} answer to question {number}\n" for name in ("one", "two", "three", "four")
    )
    skips = f"    go: {{four: q{number + 2}}}\n" if number % 5 == 0 else ""
    asked = f"  - choose: q{number}\n    text: Is this question {number} of very many?\n    options:\n{options}{skips}"
    if number % 20 != 7:
        return asked
    decided = f"      - {{if: {{q{number}: two, q{number - 2}: [one, four]}}, go: q{number + 2}}}\n"
    return f"{asked}  - branch: b{number}\n    when:\n{decided}"


def _translate(path: Path) -> None:
    """Each word of a list, or the whole text, behind the code of the language: nothing collides with anything."""
    catalog, locale = read_catalog(path), path.parent.parent.name
    for message in catalog:
        if message.id:
            parts = message.id.split(", ") if message.context.startswith(catalogs.WORDS) else [message.id]
            message.string = ", ".join(f"{locale} {part}" for part in parts)
    catalogs.write(path, catalog)


def _took(what: Callable[[], object]) -> float:
    begun = process_time()
    what()
    return process_time() - begun


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        flows = build(folder)
        said = library.read(flows)
        compiled = compile_flows(said, LOCALES)
        problems = judge(said, folder / CATALOGS, LOCALES).problems()
        rows: tuple[tuple[str, Callable[[], object]], ...] = (
            ("load", lambda: library.read(flows)),
            ("compile", lambda: compile_flows(said, LOCALES)),
            ("prove", lambda: check(said, compiled)),
            ("lint", lambda: lint(said, compiled)),
            ("catalogs", lambda: [read_catalog(path) for path in (folder / CATALOGS).rglob("*.po")]),
            ("everything", lambda: judge(library.read(flows), folder / CATALOGS, LOCALES)),
        )
        print(f"{len(compiled.states)} states, {len(LOCALES)} languages, {len(problems)} problems")
        for what, run in rows:
            print(f"{what:24} {median(_took(run) for _ in range(ROUNDS)):6.2f} s", end="")
            print(f"   (aim {AIM:.0f} s)" if what == "everything" else "")


if __name__ == "__main__":
    main()
