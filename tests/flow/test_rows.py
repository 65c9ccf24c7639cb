from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain import Answer, Attachment, Keep, Kind, TextId
from bot.flow.rows import answer, answer_row, attachment, attachment_row
from bot.store.casefile import answers_from_json, answers_to_json

FILE = Attachment(Kind.VOICE, "name.ogg", "audio/ogg", 9, "place", "secret", "caption", channel="matrix")
PLAIN = Answer("main.what", TextId("main.what"), "answered", None, "words", None)
SEVERAL = Answer("main.ways", TextId("main.ways"), "chosen", chosen=(("mail", TextId("main.ways.mail")),))
SENT = Answer("main.proof", TextId("main.proof"), "attached", words="name.ogg", file=FILE)
VETTING = replace(PLAIN, keep=Keep.VETTING)
PASSING = replace(SENT, expires=timedelta(days=1), due=datetime(2026, 1, 6, 9, 30, 15, 123456, tzinfo=UTC))


AGREED = replace(PLAIN, version=2, at=datetime(2026, 1, 5, 9, 30, tzinfo=UTC), ref="$yes")
CHANGED = replace(PASSING, at=AGREED.at, ref="$changed", later=True)


@pytest.mark.parametrize("given", [PLAIN, SEVERAL, SENT, VETTING, PASSING, AGREED, CHANGED, replace(PLAIN, ref="$1")])
def test_an_answer_comes_back_as_it_was(given: Answer) -> None:
    assert answer(json.loads(json.dumps(answer_row(given)))) == given
    assert answers_from_json(answers_to_json((given, PLAIN))) == (given, PLAIN)


def test_an_answer_that_was_stored_before_there_were_several_or_files_is_read() -> None:
    stored = '[["consent.consent","consent.consent/covers","yes","bot.yes",null,2]]'
    label = TextId("bot.yes")
    assert answers_from_json(stored) == (
        Answer("consent.consent", TextId("consent.consent/covers"), "yes", label, version=2),
    )
    assert json.loads(answers_to_json(answers_from_json(stored))) == json.loads(stored)


def test_a_file_that_was_stored_before_several_channels_brought_files_came_by_matrix() -> None:
    stored = ["voice", "name.ogg", "audio/ogg", 9, "place", "secret", "caption"]
    assert attachment(stored) == FILE
    assert attachment_row(FILE) == [*stored, "matrix"]
    assert attachment(attachment_row(replace(FILE, channel="another"))).channel == "another"


@pytest.mark.parametrize(
    "row",
    [
        [],
        ["a", "b", "c", None, None, None, []],
        ["a", "b", "c", None, None, None, [["d"]], None],
        ["a", "b", "c", None, None, None, [["d", 1]], None],
        ["a", "b", "c", None, "words", None, [], ["file"]],
        ["a", "b", "c", None, None, None, [], None, "secret", None, None],
        ["a", "b", "c", None, None, None, [], None, "case", "secret", None],
        ["a", "b", "c", None, None, None, [], None, "case", 60, "2026-01-06T09:30:15"],  # of which time zone?
        ["a", "b", "c", None, None, None, [], None, "case", 60],
        ["a", "b", "c", None, None, None, [], ["voice", "n", "m", 9, "p", "s", "c"]],  # a file without its name
        ["a", "b", "c", None, None, "1"],
        ["a", "b", "c", None, None, None, [], None, "case", 60, None, "yesterday", None, False],
        ["a", "b", "c", None, None, None, [], None, "case", 60, None, None, 7, False],
    ],
)
def test_what_is_no_answer_is_refused_without_a_word_of_it(row: list[object]) -> None:
    with pytest.raises((ValueError, TypeError)) as refused:
        answer(row)
    assert "secret" not in str(refused.value)
