"""One process an installation: two on the same device would break its ratchets."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.config import ConfigError

FILE = "lock"


class InUse(ConfigError):
    """Another process of this installation lives."""


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Hold the installation's lock; it is let go however the process ends. Raises InUse."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(data_dir / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse(f"{data_dir}: another process of this installation is running; stop it first") from None
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
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
