"""Keeps what the bot has learned from phrasings, so that it need not learn it anew at every start.

It is no secret, and no loss: what is missing, broken or of other phrasings is made again.
"""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path

from bot.faq.model import Model, from_bytes
from bot.faq.training import Lessons, train

FILE = "faq.model"  # in data_dir

log = logging.getLogger(__name__)


class Shelf:
    """The model in a folder. One fits: that of the flows that were live last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self, lessons: Lessons) -> Model:
        """The kept model of these lessons, or a new one, which is kept."""
        return self._kept(lessons) or self._keep(train(lessons))

    def _kept(self, lessons: Lessons) -> Model | None:
        try:
            return from_bytes((self._folder / FILE).read_bytes(), lessons.digest())
        except OSError:
            return None

    def _keep(self, model: Model) -> Model:
        try:
            handle, name = tempfile.mkstemp(dir=self._folder, prefix=FILE)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(model.to_bytes())
                Path(name).replace(self._folder / FILE)
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            log.warning("what was learned from phrasings cannot be kept: %s", (error.strerror or "").lower())
        return model
