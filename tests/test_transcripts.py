"""How written conversations are read, and how they are compared with what was said."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.flow.model import FlowError, Mark
from bot.workshop.transcripts import (
    Failure,
    Line,
    Opening,
    Part,
    Transcript,
    difference,
    header,
    length,
    matches,
    parse,
    plain,
    written,
)

WHOLE = """\
# What this conversation shows.
language: es
flow: incident
at: urgency
answer: what_happened = They came: twice
answer: role = activist

requester: Hola,
  qué tal
bot:
  # not a comment, since it is indented

    - a line

# a comment
  the last line
wait: 2 days
state: end
hands over: ...
"""


def read(text: str) -> Transcript:
    return parse("a.txt", text.encode())


def problems(content: str | bytes) -> list[str]:
    with pytest.raises(FlowError) as failed:
        parse("a.txt", content.encode() if isinstance(content, str) else content)
    return [str(problem) for problem in failed.value.problems]


def test_a_whole_transcript() -> None:
    assert read(WHOLE) == Transcript(
        "a.txt",
        Opening("incident", "es", "urgency", (("what_happened", "They came: twice"), ("role", "activist"))),
        (
            Line(Part.REQUESTER, "Hola,\nqué tal", 8),
            Line(Part.BOT, "# not a comment, since it is indented\n\n  - a line\n\nthe last line", 10),
            Line(Part.WAIT, "2 days", 17, timedelta(days=2)),
            Line(Part.STATE, "end", 18),
            Line(Part.HANDS_OVER, "...", 19),
        ),
    )


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("requestor: hello", 1, "no line begins with 'requestor:'. Did you mean 'requester'?"),
        ("bot: hi\n\nHello there", 3, "a line begins with one of 'requester:', 'bot:', "),
        ("bot: hi\nlanguage: en", 2, "'language:' stands above the conversation, not in it"),
        ("flow: a\nflow: b\nbot: hi", 2, "'flow:' stands here twice"),
        ("at:\nbot: hi", 1, "'at:' says nothing"),
        ("answer: role\nbot: hi", 1, "an answer that was given before is written 'answer: step = outcome'"),
        ("bot: hi\nstate:", 2, "'state:' says nothing"),
        ("bot: hi\nwait: a while", 2, "how long nobody writes is said as in 'wait: 90 minutes'"),
        ("  an indented beginning\nbot: hi", 1, "a line begins with one of"),
        ("# nothing but a comment", 1, "nobody says anything here"),
        (b"bot: \xff", 1, "this is not a text in UTF-8"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(content: str | bytes, line: int, message: str) -> None:
    (problem,) = problems(content)
    assert problem.startswith(f"a.txt:{line}:1: error[bad-transcript]: {message}")


def test_everything_wrong_with_a_transcript_is_told_at_once() -> None:
    assert len(problems("at:\nbott: hi\nwait: 1 fortnight")) == 3


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_raise_anything_else(content: bytes) -> None:
    with suppress(FlowError):
        assert parse("a.txt", content).lines


@given(st.sampled_from([Part.REQUESTER, Part.BOT]), st.text(st.characters(codec="utf-8")))
def test_what_is_written_down_is_read_as_the_same_words(part: Part, text: str) -> None:
    (line,) = read(written(part, text)).lines
    assert line.part is part
    assert matches(line.text, text.replace("\ufeff", "")) or "..." in text or "…" in text


def test_a_header_is_written_as_it_is_read() -> None:
    opening = Opening("incident", "ar", "urgency", (("role", "activist"), ("what_happened", "They came")))
    assert read(f"{header(opening)}\nbot: hi\n").opening == opening
    assert header(Opening()) == ""


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ("Hello.", "Hello."),
        ("Hello. And\nwelcome.", "Hello.\n\nAnd   welcome."),
        ("", ""),
        ("...", "anything"),
        ("...", ""),
        ("Hello ...", "Hello there"),
        ("... there", "Hello there"),
        ("Hello ... there ... you", "Hello, are there any of you"),
        ("… there", "Hello there"),
        ("ماذا 7F3K؟", "ماذا \u20687F3K\u2069؟\u200f"),
        ("a ... a", "a a"),
    ],
)
def test_it_was_said(expected: str, said: str) -> None:
    assert matches(expected, said)


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ("Hello", "Hello there"),
        ("hello", "Hello"),
        ("", "Hello"),
        ("Hello ...", "Oh, Hello there"),
        ("... there", "there it is"),
        ("... b ... a ...", "a b"),
        ("a ... a", "a"),
        ("Hello ... there", ""),
    ],
)
def test_it_was_not_said(expected: str, said: str) -> None:
    assert not matches(expected, said)


def test_many_wildcards_take_no_time_to_speak_of() -> None:
    assert not matches("... a " * 2_000 + "... b", "a " * 20_000)


def test_the_difference_shows_what_both_have_and_what_was_said_instead() -> None:
    expected = "... Which one?\n1. An apple\n2. A pear\n..."
    said = "First, a question.\n\nWhich one?\n\n1. An apple\n2. A plum\n3. Nothing\n4. All"
    assert difference(expected, said) == (
        "  ...",
        "  Which one?",
        "  1. An apple",
        "- 2. A pear",
        "+ 2. A plum",
        "+ 3. Nothing",
        "+ 4. All",
    )


def test_a_failure_names_its_place_as_editors_know_it() -> None:
    failure = Failure(Mark("a.txt", 3, 1), "the bot says something else", ("- yes", "+ no"))
    assert str(failure) == "a.txt:3: the bot says something else\n    - yes\n    + no"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90 minutes", timedelta(minutes=90)),
        (" 1 hour ", timedelta(hours=1)),
        ("7 days", timedelta(days=7)),
        ("2 weeks", timedelta(weeks=2)),
        ("a day", None),
        ("99999 days", None),
        ("", None),
    ],
)
def test_how_long_that_is(text: str, expected: timedelta | None) -> None:
    assert length(text) == expected


def test_plain_text_has_no_marks_of_direction() -> None:
    assert plain("\u2068a\u2069\u200fb") == "ab"
