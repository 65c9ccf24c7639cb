"""What was learned is kept in data_dir, and nothing is lost when it is not there."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from bot.faq.training import Lessons
from bot.publishing.models import FILE, Shelf
from tests.faq.test_model import LESSONS


def test_what_was_learned_is_kept_for_its_owner_alone_and_read_again(tmp_path: Path) -> None:
    model = Shelf(tmp_path).make(LESSONS)
    kept = tmp_path / FILE
    assert kept.read_bytes() == model.to_bytes()
    assert kept.stat().st_mode & 0o777 == 0o600
    before = kept.stat().st_ino
    assert Shelf(tmp_path).make(LESSONS).to_bytes() == model.to_bytes()
    assert kept.stat().st_ino == before
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"vestibule faq 1\n" + b"x" * 100])
def test_what_is_broken_is_learned_anew(tmp_path: Path, content: bytes) -> None:
    model = Shelf(tmp_path / "fresh").make(LESSONS)
    (tmp_path / FILE).write_bytes(content)
    assert Shelf(tmp_path).make(LESSONS).to_bytes() == model.to_bytes()
    assert (tmp_path / FILE).read_bytes() == model.to_bytes()


def test_other_phrasings_are_learned_anew(tmp_path: Path) -> None:
    Shelf(tmp_path).make(LESSONS)
    more = Lessons({**LESSONS.examples, "de": [*LESSONS.examples["de"], ("gratis?", "free")]}, LESSONS.topics)
    Shelf(tmp_path).make(more)
    assert (tmp_path / FILE).read_bytes() == Shelf(tmp_path).make(more).to_bytes()


def test_where_it_cannot_be_kept_it_is_learned_all_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert Shelf(tmp_path / "nowhere").make(LESSONS).keys == ("free", "where")
    assert "cannot be kept: no such file or directory" in caplog.text
