"""`vestibule ask`: what the FAQ would answer to a message, for whoever writes phrasings or measures them.

With `--json`, each line of standard input is an object with "lang" and "text". Each is written back with

    predicted   the key of the entry that would be answered; null where none is
    ranked      the keys of the three likeliest entries, the likeliest first
    outcome     "answer"; "ask_back", which shows those three; or "none": not a question
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.config import ConfigError
from bot.faq.finding import OFFERED, Understanding
from bot.flow.questions import Found, Perhaps, Report, title_of
from bot.flow.understand import Lexicon
from bot.services.render import Renderer
from bot.workshop.stage import Stage


@dataclass(frozen=True, slots=True)
class Asked:
    """What would come of a message: the key of the entry that would be answered, the likeliest ones, the outcome."""

    predicted: str | None
    ranked: tuple[str, ...]
    outcome: str


class Asking:
    """A folder of flows, whose FAQ is asked. Every language that has phrasings is understood, offered or not."""

    def __init__(self, folder: Path) -> None:
        """Raises FlowError for flows that could not go live."""
        stage = Stage(folder)
        self._library = stage.library
        self._renderer = Renderer(stage.texts, stage.texts.languages())
        self._offered = stage.texts.locales
        lexicons = dict.fromkeys(stage.library.phrasings, Lexicon({}, {})) | dict(stage.texts.lexicons())
        self._known = tuple(lexicons)
        self._understanding = Understanding(stage.library, lexicons)

    def need(self, locale: str) -> None:
        """Raises ConfigError where there is no such language."""
        if locale not in self._known:
            raise ConfigError(f"there is no language '{locale}'; there are {', '.join(sorted(self._known))}")

    def ask(self, text: str, lang: str | None) -> Asked:
        """What would come of this message; the language is guessed where it is not one that is known."""
        locale = self._locale(text, lang)
        verdict = self._understanding.judge(text, locale)
        others = (key for key in sorted(self._library.faq) if key not in verdict.ranked)
        ranked = (*verdict.ranked, *others)[:OFFERED]
        match verdict.finding:
            case Found(answer):
                return Asked(answer.removeprefix("faq."), ranked, "answer")
            case Perhaps():
                return Asked(None, ranked, "ask_back")
            case Report() | None:
                return Asked(None, ranked, "none")

    def show(self, text: str, locale: str | None) -> str:
        """The same for people to read: what would be said."""
        asked = self.ask(text, locale)
        spoken = self._locale(text, locale)
        spoken = spoken if spoken in self._offered else self._offered[0]
        entries = [self._library.faq[key] for key in asked.ranked]
        if asked.outcome == "answer":
            return f"[answers {asked.predicted}]\n{self._renderer.requester(entries[0].answer, spoken)}"
        titles = [
            f"  {key}: {self._renderer.requester(title_of(self._library.faq[key].answer), spoken)}"
            for key in asked.ranked
        ]
        said = "asks back, between" if asked.outcome == "ask_back" else "no question; the likeliest would be"
        return "\n".join([f"[{said}]", *titles])

    def _locale(self, text: str, lang: str | None) -> str:
        for known in (lang or "", (lang or "").replace("-", "_"), *(lang or "").replace("-", "_").split("_")[:1]):
            if known in self._known:
                return known
        return self._understanding.guess(text) or self._offered[0]


def in_lines(asking: Asking, lines: Iterable[str], locale: str | None) -> Iterator[str]:
    """Each line with what comes of it. Raises ConfigError for a line that is no such object."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        given = _object(line, number)
        lang = given.get("lang", locale)
        asked = asking.ask(given["text"], lang if isinstance(lang, str) else locale)
        found = {"predicted": asked.predicted, "ranked": list(asked.ranked), "outcome": asked.outcome}
        said = json.dumps(given | found, ensure_ascii=False)
        yield said.encode("utf-8", "replace").decode()  # halves of characters can be read, but not written


def _object(line: str, number: int) -> dict[str, Any]:
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        given = None
    if isinstance(given, dict) and isinstance(given.get("text"), str):
        return given
    raise ConfigError(f'line {number}: expected an object such as {{"lang": "es", "text": "¿es gratis?"}}')
