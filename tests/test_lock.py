"""One process an installation."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from bot.admin.lock import InUse, is_held, only_one


def test_a_second_process_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with only_one(tmp_path):
        with pytest.raises(InUse, match="another process"), only_one(tmp_path):
            pass
        assert is_held(tmp_path)
    assert not is_held(tmp_path)


def test_whoever_looks_at_the_lock_for_a_moment_keeps_nobody_from_starting(tmp_path: Path) -> None:
    looking, seen = only_one(tmp_path), threading.Event()
    looking.__enter__()
    leaving = threading.Timer(0.2, lambda: (seen.set(), looking.__exit__(None, None, None)))
    leaving.start()
    with only_one(tmp_path):
        assert seen.is_set()
    leaving.join()
