"""Keeps what the bot has learned from phrasings, so that it need not learn it anew at every start.

It is no secret, and no loss: what is missing, broken or of other phrasings is made again.
"""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path

from bot.faq.model import Model, from_bytes
from bot.faq.training import Lessons
from bot.publishing.learning import Learner

FILE = "faq.model"  # in data_dir

log = logging.getLogger(__name__)


class Shelf:
    """The model in a folder. One fits: that of the flows that were live last."""

    def __init__(self, folder: Path, learner: Learner | None = None) -> None:
        self._folder = folder
        self._learner = learner or Learner()

    def make(self, lessons: Lessons) -> Model:
        """The kept model of these lessons, or a new one, which is kept."""
        model = self._kept(lessons)
        if model is None:
            model, made = self._learner.learn(lessons)
            self._keep(made)
        return model

    def _kept(self, lessons: Lessons) -> Model | None:
        try:
            return from_bytes((self._folder / FILE).read_bytes(), lessons.digest())
        except OSError:
            return None

    def _keep(self, made: bytes) -> None:
        try:
            handle, name = tempfile.mkstemp(dir=self._folder, prefix=FILE)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(made)
                Path(name).replace(self._folder / FILE)
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            log.warning("what was learned from phrasings cannot be kept: %s", (error.strerror or "").lower())
