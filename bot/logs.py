"""Logging: one line a record, and nothing in it that a person wrote or that says who they are (law 6).

Our own records are constant words with numbers, states and ids that we made. What other libraries say is not ours to
trust: of their records only the logger and the place in their code are printed, and nothing at all below WARNING.
An exception is printed as its type and our frames; its words only when it is a `VestibuleError`, whose words are ours.
Weak point: a string that our own code hands to a logger is printed; addresses in it are blanked, other words are not.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from bot.errors import VestibuleError

OURS = "bot"
QUIET = ("nio", "transitions", "peewee", "sqlalchemy", "aiohttp", "asyncio")  # below WARNING they print content
MAX_FRAMES = 12  # of one exception, the innermost; more is a recursion
MAX_LINKS = 6  # exceptions behind an exception

# Matrix ids of people, rooms and aliases, mail addresses, telephone numbers
_ADDRESS = re.compile(r"[@!#][^\s:@!#'\"]*:[\w.\-\[\]:]*\w|[^\s@<>'\"]+@[\w\-]+(?:\.[\w\-]+)+|\+\d[\d \-]{6,}\d")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PACKAGE = Path(__file__).parent

_log = logging.getLogger(__name__)


class Level(StrEnum):
    """How much the log says of our own doings; other libraries stay at WARNING."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def configure(level: Level = Level.INFO, stream: TextIO | None = None) -> None:
    """Print our records from `level` on, and what would otherwise be a traceback, one a line, to `stream` or stderr."""
    handler = _Handler(stream)
    handler.setFormatter(LineFormatter())
    handler.addFilter(_let_through)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger(OURS).setLevel(level.value.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    sys.unraisablehook = _unraisable
    threading.excepthook = _thread_failed


def loop_failed(_loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    """For `loop.set_exception_handler`: what asyncio would print with its values, without them."""
    _log.error("a task failed where nobody waited for it", exc_info=context.get("exception"))


def describe(error: BaseException) -> str:
    """An exception in one line without its values: types, our frames, and the words of our own errors."""
    return " because of ".join(_described(link) for link in _chain(error))


class LineFormatter(logging.Formatter):
    """`2026-11-22T15:04:05.123Z WARNING bot.services.outbox: words`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; never uses `record.exc_text`, in which another handler may have left a whole traceback."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = f"{at} {record.levelname} {record.name}: {_words(record)}"
        if record.exc_info and record.exc_info[1] is not None:
            line += f" | {describe(record.exc_info[1])}"
        return _UNPRINTABLE.sub(" ", line)


class _Handler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """The standard one prints the record's arguments."""
        if isinstance(sys.exc_info()[1], OSError):  # nobody reads the log any more; that is no reason to stop
            return
        place = f"{record.name}:{record.lineno}"
        self.stream.write(f"a log line could not be written: {place}{self.terminator}")


def _let_through(record: logging.LogRecord) -> bool:
    return _is_ours(record) or record.levelno >= logging.WARNING


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name == OURS or record.name.startswith(OURS + ".")


def _words(record: logging.LogRecord) -> str:
    if not _is_ours(record):
        return f"at {record.module}:{record.lineno} (its words are withheld)"
    arguments: Any = record.args
    if isinstance(arguments, Mapping):
        arguments = {key: _without_values(value) for key, value in arguments.items()}
    elif arguments:
        arguments = tuple(_without_values(value) for value in arguments)
    words = str(record.msg) % arguments if arguments else str(record.msg)
    return _ADDRESS.sub("<address>", words)


def _without_values(argument: object) -> object:
    """An exception given to a logger as an argument would be printed with its words."""
    return describe(argument) if isinstance(argument, BaseException) else argument


def _chain(error: BaseException) -> list[BaseException]:
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in links and len(links) < MAX_LINKS:
        links.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return links


def _described(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if isinstance(error, VestibuleError):
        name += f" ({'; '.join(str(error).splitlines())})"
    frames = _our_frames(error.__traceback__)
    described = f"{name} at {' > '.join(frames)}" if frames else name
    if isinstance(error, BaseExceptionGroup):
        parts = "; ".join(describe(part) for part in error.exceptions[:MAX_LINKS])
        described += f" [{parts}]"
    return described


def _our_frames(trace: TracebackType | None) -> list[str]:
    """`services/intake.py:88 take`, from the outermost to the innermost."""
    frames = []
    for frame, line in traceback.walk_tb(trace):
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(_PACKAGE):
            frames.append(f"{path.relative_to(_PACKAGE).as_posix()}:{line} {frame.f_code.co_name}")
    return frames[-MAX_FRAMES:]


def _uncaught(kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        _log.critical("stopped by an error that nothing expected", exc_info=error)


def _unraisable(unraisable: sys.UnraisableHookArgs) -> None:
    _log.error("an error while something was thrown away", exc_info=unraisable.exc_value)


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_type is not SystemExit:
        _log.error("a thread failed", exc_info=failed.exc_value)
