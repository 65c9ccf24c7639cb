"""One process an installation: two on the same device would break its ratchets."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.config import ConfigError

FILE = "lock"
MOMENT = 3.0  # seconds for which `doctor` and `staff` may hold it; a start must not fail because of them
AGAIN = 0.05


class InUse(ConfigError):
    """Another process of this installation lives."""


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Hold the installation's lock; it is let go however the process ends. Raises InUse."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(data_dir / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + MOMENT
    try:
        while not _take(handle):
            if time.monotonic() >= deadline:
                raise InUse(f"{data_dir}: another process of this installation is running; stop it first")
            time.sleep(AGAIN)
        yield
    finally:
        os.close(handle)


def is_held(data_dir: Path) -> bool:
    """Whether a process of this installation lives. Makes nothing."""
    try:
        handle = os.open(data_dir / FILE, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _take(handle)
    finally:
        os.close(handle)


def _take(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
