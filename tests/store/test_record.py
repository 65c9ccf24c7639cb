"""A sealed record is there whole, or as it was before, and a changed one is told from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.store import RecordBroken
from bot.store.record import SealedRecord
from bot.store.sealing import Box, place_of

KEY = b"k" * 32
CONTENT = {"stage": "signed", "seed": "planted secret", "number": 3, "inside": {"list": [1, None, True]}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "identity.sealed"


def test_a_record_comes_back_as_it_was_and_the_last_one_counts(path: Path) -> None:
    record = SealedRecord(path, KEY)
    assert record.read() is None
    for content in ({"stage": "made"}, CONTENT):
        record.write(content)
    assert SealedRecord(path, KEY).read() == CONTENT
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"planted" not in path.read_bytes()


def test_what_a_killed_process_left_is_no_hindrance(path: Path) -> None:
    record = SealedRecord(path, KEY)
    record.write(CONTENT)
    (path.parent / ".identity.sealed.new").write_bytes(b"half")
    assert record.read() == CONTENT
    record.write({"stage": "later"})
    assert record.read() == {"stage": "later"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"in clear",
        Box(b"l" * 32).seal(b"{}", place_of("record", "identity.sealed", "1")),
        Box(KEY).seal(b"{}", place_of("record", "other", "1")),
        Box(KEY).seal(b"[]", place_of("record", "identity.sealed", "1")),
        Box(KEY).seal(b"{planted", place_of("record", "identity.sealed", "1")),
    ],
    ids=["empty", "clear", "another key", "another place", "no object", "no JSON"],
)
def test_a_changed_record_is_named_without_its_content(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(RecordBroken, match=r"record\.identity\.sealed") as raised:
        SealedRecord(path, KEY).read()
    assert "planted" not in f"{raised.value} {raised.value.__context__!r}"
