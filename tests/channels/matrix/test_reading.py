"""What a decrypted payload says, in our words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.matrix.reading import read_message, sent_at, without_quote
from bot.domain import Cause, Unreadable, Wrote
from tests.channels.matrix.fuzz import json_values, mutations

NOT_TEXT = Unreadable(Cause.NOT_TEXT)


def read(content: Any, kind: Any = "m.room.message", signed: bool = False) -> Any:
    return read_message({"type": kind, "content": content}, signed=signed)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"msgtype": "m.text", "body": "hello"}, Wrote("hello")),
        ({"msgtype": "m.emote", "body": "waves"}, Wrote("waves")),
        ({"msgtype": "m.text", "body": " 2 "}, Wrote(" 2 ")),
        ({"msgtype": "m.text", "body": "half \ud83d a pair"}, Wrote("half ? a pair")),
        ({"msgtype": "m.notice", "body": "beep"}, None),
        ({"msgtype": "m.image", "body": "a.png"}, NOT_TEXT),
        ({"msgtype": "m.audio", "body": "voice", "org.matrix.msc3245.voice": {}}, NOT_TEXT),
        ({"msgtype": "m.location", "body": "here"}, NOT_TEXT),
        ({"msgtype": "m.key.verification.request", "body": "please"}, NOT_TEXT),
        ({"msgtype": "m.text", "body": ""}, NOT_TEXT),
        ({"msgtype": "m.text", "body": " \n\t"}, NOT_TEXT),
        ({"msgtype": "m.text", "body": 5}, NOT_TEXT),
        ({"msgtype": "m.text"}, NOT_TEXT),
        ({"msgtype": ["m.text"], "body": "x"}, NOT_TEXT),
        ({"body": "x"}, NOT_TEXT),
        ({}, NOT_TEXT),
        (None, None),
        ("hello", None),
        ([], None),
    ],
)
def test_messages(content: Any, found: Any) -> None:
    assert read(content) == found


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("m.sticker", NOT_TEXT),
        ("m.poll.start", NOT_TEXT),
        ("org.matrix.msc3381.poll.response", NOT_TEXT),
        ("m.call.invite", NOT_TEXT),
        ("m.reaction", None),
        ("m.key.verification.start", None),
        ("m.room.encrypted", None),
        ("m.room.member", None),
        ("", None),
        (None, None),
        (5, None),
        (["m.room.message"], None),
    ],
)
def test_other_kinds(kind: Any, found: Any) -> None:
    assert read({"body": "x"}, kind) == found


@pytest.mark.parametrize(
    ("new", "found"),
    [
        ({"msgtype": "m.text", "body": "new"}, Wrote("new", edited=True)),
        ({"msgtype": "m.image", "body": "new"}, NOT_TEXT),
        (None, NOT_TEXT),
        ("new", NOT_TEXT),
        ([], NOT_TEXT),
    ],
)
def test_an_edit_says_its_new_words(new: Any, found: Any) -> None:
    relation = {"rel_type": "m.replace", "event_id": "$1"}
    assert read({"msgtype": "m.text", "body": "* new", "m.new_content": new, "m.relates_to": relation}) == found


@pytest.mark.parametrize("relation", [None, 5, "m.replace", [], {}, {"rel_type": ["m.replace"]}, {"rel_type": 5}])
def test_a_malformed_relation_changes_nothing(relation: Any) -> None:
    content = {"msgtype": "m.text", "body": "hello", "m.relates_to": relation, "m.new_content": {"body": "other"}}
    assert read(content) == Wrote("hello")


def test_a_thread_is_no_edit_and_no_reply() -> None:
    relation = {"rel_type": "m.thread", "event_id": "$1"}
    assert read({"msgtype": "m.text", "body": "> x\n\nhello", "m.relates_to": relation}) == Wrote("> x\n\nhello")


def test_of_a_reply_only_the_new_words_are_taken() -> None:
    relation = {"m.in_reply_to": {"event_id": "$1"}}
    content = {"msgtype": "m.text", "body": "> <@ana:localhost> old\n> more\n\nnew\n> kept", "m.relates_to": relation}
    assert read(content) == Wrote("new\n> kept")
    assert read({**content, "body": "> <@ana:localhost> only a quote"}) == NOT_TEXT


@pytest.mark.parametrize(
    ("body", "rest"),
    [
        ("hello", "hello"),
        ("> a\n\nb", "b"),
        ("> a\nb", "b"),
        ("> a\n> b\n\n\nc", "\nc"),
        (">a", ">a"),
        ("b\n> a", "b\n> a"),
        ("> a", ""),
        ("", ""),
    ],
)
def test_quotes(body: str, rest: str) -> None:
    assert without_quote(body) == rest


def test_signed_is_passed_on() -> None:
    assert read({"msgtype": "m.text", "body": "x"}, signed=True) == Wrote("x", signed=True)


@given(mutations({"type": "m.room.message", "content": {"msgtype": "m.text", "body": "x", "m.relates_to": {}}}))
def test_no_payload_raises_anything(payload: Any) -> None:
    if isinstance(payload, dict):
        found = read_message(payload, signed=False)
        if isinstance(found, Wrote):
            found.text.encode()


@pytest.mark.parametrize(
    ("stamp", "at"),
    [
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (1_767_603_600_123, datetime(2026, 1, 5, 9, 0, 0, 123_000, tzinfo=UTC)),
        (253_402_300_799_000, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (253_402_300_800_000, datetime(1970, 1, 1, tzinfo=UTC)),
        (-1, datetime(1970, 1, 1, tzinfo=UTC)),
        (10**19, datetime(1970, 1, 1, tzinfo=UTC)),
        (True, datetime(1970, 1, 1, tzinfo=UTC)),
        (1.5, datetime(1970, 1, 1, tzinfo=UTC)),
        ("1", datetime(1970, 1, 1, tzinfo=UTC)),
        (None, datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_times(stamp: Any, at: datetime) -> None:
    assert sent_at({"origin_server_ts": stamp}) == at


@given(json_values | st.integers(-(10**30), 10**30))
def test_no_time_raises_anything(stamp: Any) -> None:
    assert sent_at({"origin_server_ts": stamp}).tzinfo is UTC
