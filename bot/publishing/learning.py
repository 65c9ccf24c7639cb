"""Learns from phrasings in a process of its own, which ends with it: the bot's would stay twice as large for good.

    the bot ── eight bytes of length, lessons ──▶ stdin · learner · stdout ── the model's bytes ──▶ the bot

The bot keeps the learner's input open. Its end, in whatever way the bot ended, is the learner's end too.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread, Timer
from typing import BinaryIO

import bot
from bot.faq.model import Model, from_bytes
from bot.faq.training import Lessons, lessons_of, train

COMMAND = (sys.executable or "python3", "-P", "-m", "bot.publishing.learning")
PATIENCE = 180.0  # seconds; the shipped phrasings take two of a processor, and it has to be nobody else's
MEEKNESS = 10  # of `nice`: on one core, messages come first
LENGTH = 8  # bytes that say how many follow

# of the environment, which may hold secrets; what begins with the last says how numbers are worked out
_HANDED_ON = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH")
_BLAS = "OPENBLAS_"
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # more only wait for one another here

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Learner:
    """Makes models in processes that `command` starts; each has `patience` seconds."""

    command: tuple[str, ...] = COMMAND
    patience: float = PATIENCE

    def learn(self, lessons: Lessons) -> tuple[Model, bytes]:
        """The model of these lessons, and its bytes. Where no process can make it, it is made here."""
        made, why = self._made(lessons.to_bytes())
        model = from_bytes(made, lessons.digest())
        if model is not None:
            return model, made
        log.warning("a process that learns from phrasings failed (%s): the bot learns in its own, and keeps more", why)
        model = train(lessons)
        return model, model.to_bytes()

    def _made(self, said: bytes) -> tuple[bytes, str]:
        """What a process made of this, and what to say where that is no model."""
        late = Event()
        made = b""
        try:
            with subprocess.Popen(  # noqa: S603  # our own interpreter, our own arguments
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,  # the interrupt key of a terminal is for the bot
            ) as process:
                timer = Timer(self.patience, _end, (process, late))
                timer.daemon = True
                timer.start()
                try:
                    made = _exchanged(process, said)
                    why = f"it ended with {process.wait()}"
                finally:
                    timer.cancel()
                    process.kill()
        except OSError as error:
            why = (error.strerror or type(error).__name__).lower()
        return made, "it took too long" if late.is_set() else why


def _exchanged(process: subprocess.Popen[bytes], said: bytes) -> bytes:
    """Raises OSError where the process is gone before it has read."""
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        return b""
    stdin.write(len(said).to_bytes(LENGTH) + said)
    stdin.flush()
    return stdout.read()


def _end(process: subprocess.Popen[bytes], late: Event) -> None:
    late.set()
    process.kill()


def _environment() -> dict[str, str]:
    handed_on = {name: said for name, said in os.environ.items() if name in _HANDED_ON or name.startswith(_BLAS)}
    root = str(Path(bot.__file__).parents[1])
    paths = [root, *filter(None, [handed_on.get("PYTHONPATH")])]
    return handed_on | _ONE_THREAD | {"PYTHONPATH": os.pathsep.join(paths)}


def serve(given: BinaryIO, taken: BinaryIO) -> None:
    """Be the learner: read lessons, write the model of them; end at once where nobody waits for it any more."""
    said = given.read(int.from_bytes(given.read(LENGTH)))
    Thread(target=_end_with, args=(given,), name="watching", daemon=True).start()
    taken.write(train(lessons_of(said)).to_bytes())
    taken.flush()


def _end_with(given: BinaryIO) -> None:
    given.read(1)  # nothing more is sent: it returns when the bot has ended
    os._exit(1)


if __name__ == "__main__":
    os.nice(MEEKNESS)
    serve(sys.stdin.buffer, sys.stdout.buffer)
