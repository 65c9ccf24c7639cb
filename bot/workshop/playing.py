"""`vestibule play`: a flow in the terminal, answered by whoever sits there, or by a script.

With `--json`, each line of standard input is one answer, without its line break and the spaces around it. Each step is
one line of standard output, the first one before any answer, as an object:

    said      what the bot says, all of it in one text; empty where it says nothing
    state     where the conversation stands now, such as "eligibility/role"; null once it is over
    locale    the language of the conversation, such as "en"; null until one is chosen
    over      whether the conversation is over; then no further line is read
    effects   all that the bot would do, in order: "effect" names it (Say, Ask, AskLanguage, ShowAnswers, OpenCase,
              Answered, PassOn, Reopen, BeginAnew, Withdraw, Forget, End, SetTimer, CancelTimer), its further keys are
              what it takes: ids of texts, answers, lengths in seconds
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

from bot.config import ConfigError
from bot.flow.events import Answered, BeginAnew, End, Forget, OpenCase, PassOn, Reopen, SetTimer
from bot.flow.model import Library
from bot.workshop.stage import Game, Turn
from bot.workshop.transcripts import OVER, Opening, Part, header, length, written

_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"


class Record:
    """Writes a conversation down, while it goes on, in the form of `transcripts`."""

    def __init__(self, out: TextIO, opening: Opening) -> None:
        self._out = out
        above = header(opening)
        self._write(f"{above}\n" if above else "")

    def turn(self, turn: Turn) -> None:
        """What the bot says, and what it does where that is the end."""
        self._write(written(Part.BOT, turn.said))
        if turn.handed:
            self._write(written(Part.HANDS_OVER, turn.handed))
        if turn.state is None:
            self._write(written(Part.STATE, OVER))

    def line(self, part: Part, text: str) -> None:
        """What the requester does."""
        self._write(written(part, text))

    def _write(self, lines: str) -> None:
        self._out.write(lines)
        self._out.flush()


@contextmanager
def recording(file: Path | None, opening: Opening) -> Iterator[Record | None]:
    """A record in a new file; None without one. Raises ConfigError where it cannot be written, or is there already."""
    try:
        opened = nullcontext() if file is None else file.open("x", encoding="utf-8", errors="replace")
    except FileExistsError:
        raise ConfigError(f"{file}: is there already; name a new file to record in") from None
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise ConfigError(f"{file}: cannot be written: {why}") from None
    with opened as out:
        yield Record(out, opening) if out else None


def in_terminal(game: Game, library: Library, source: TextIO, out: TextIO, record: Record | None = None) -> None:
    """Say and listen, until the conversation is over, nobody answers any more, or Ctrl-C is pressed."""
    aside = _Aside(library, out)
    if game.before:
        aside.write("as if given before: " + ", ".join(f"{step} = {outcome}" for step, outcome in game.before))
    _show(game.turn, out, aside, record)
    while game.turn.state is not None:
        out.write("\n> ")
        out.flush()
        try:
            line = source.readline()
        except KeyboardInterrupt:
            line = ""
        if not line:
            out.write("\n")
            return
        words = line.strip()
        if not words:
            continue
        out.write("\n")
        part, text = _happened(words)
        if record:
            record.line(part, text)
        _happen(game, part, text)
        _show(game.turn, out, aside, record)
    if game.turn.summary:
        out.write(f"\n--- what the specialists read ---\n\n{game.turn.summary}\n")
    out.write("\n--- the conversation is over ---\n")


def in_lines(game: Game, source: TextIO, out: TextIO, record: Record | None = None) -> None:
    """Read one answer a line and write one step a line, as JSON."""
    _put(game.turn, out, record)
    while game.turn.state is not None:
        try:
            line = source.readline()
        except KeyboardInterrupt:
            return
        if not line:
            return
        if record:
            record.line(Part.REQUESTER, line.strip())
        _put(game.answer(line.strip()), out, record)


def _happened(words: str) -> tuple[Part, str]:
    """What somebody who plays has typed: an answer, or as in a transcript, that time passes or a file is sent."""
    for part in (Part.WAIT, Part.SENDS):
        text = words.removeprefix(f"{part}:").strip()
        if words.startswith(f"{part}:") and text and (part is Part.SENDS or length(text) is not None):
            return part, text
    return Part.REQUESTER, words


def _happen(game: Game, part: Part, text: str) -> None:
    waited = length(text) if part is Part.WAIT else None
    if waited is not None:
        game.wait(waited)
    elif part is Part.SENDS:
        game.send(text)
    else:
        game.answer(text)


class _Aside:
    """What is shown beside the conversation: where it stands, and what the bot would do besides speaking."""

    def __init__(self, library: Library, out: TextIO) -> None:
        self._marks = {f"{flow.name}/{step.name}": step.mark for flow in library.flows.values() for step in flow.steps}
        self._out = out
        self._dim = out.isatty()
        self._timers: dict[str, timedelta] = {}

    def write(self, line: str) -> None:
        """One dim line."""
        self._out.write(f"{_DIM}[{line}]{_PLAIN}\n" if self._dim else f"[{line}]\n")

    def turn(self, turn: Turn) -> None:
        """What came of an event."""
        for effect in turn.effects:
            match effect:
                case OpenCase(answers=answers):
                    self.write(f"hands over to people, with {_count(len(answers))}")
                case Answered(answers=answers, why=why):
                    self.write(f"is over ({why.replace('_', ' ')}): gives the specialists {_count(len(answers))}")
                case PassOn():
                    self.write("passes on to people what was written")
                case Reopen():
                    self.write("reopens the case, with all that was passed on")
                case BeginAnew():
                    self.write("begins anew, as for everyone")
                case Forget():
                    self.write("erases all that is kept of this conversation")
                case End():
                    self.write("ends: nothing more is said until the person writes again")
                case SetTimer(kind, after) if self._timers.get(kind) != after:
                    self._timers[kind] = after
                    self.write(f"timer '{kind}': {_duration(after)} without an answer")
                case _:
                    pass
        if turn.state is not None:
            mark = self._marks.get("/".join(f"main/{turn.state}".split("/")[-2:]))
            self.write(f"at {turn.state}" + (f", {mark.file}:{mark.line}" if mark else ""))


def _show(turn: Turn, out: TextIO, aside: _Aside, record: Record | None) -> None:
    if turn.said:
        out.write(f"{turn.said}\n")
    aside.turn(turn)
    if record:
        record.turn(turn)


def _put(turn: Turn, out: TextIO, record: Record | None) -> None:
    if record:
        record.turn(turn)
    step: dict[str, Any] = {
        "said": turn.said,
        "state": turn.state,
        "locale": turn.locale,
        "over": turn.state is None,
        "effects": [{"effect": type(effect).__name__, **asdict(effect)} for effect in turn.effects],
    }
    out.write(json.dumps(step, ensure_ascii=False, default=timedelta.total_seconds) + "\n")
    out.flush()


def _count(answers: int) -> str:
    return f"{answers} answer{'s' if answers != 1 else ''}"


def _duration(length: timedelta) -> str:
    """In the greatest unit that fits: `7 days`."""
    for unit, size in (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1))):
        if length >= size and not length % size:
            count = length // size
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{length.total_seconds():g} seconds"
