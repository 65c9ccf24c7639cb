"""What a decrypted payload says, in our words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.matrix.reading import apart, read_message, removed_by, sent_at
from bot.claims import clean_name
from bot.domain import Kind, Look, Style
from bot.happenings import AsksToVerify, Cause, Unreadable, Wrote
from tests.channels.matrix.fuzz import json_values, mutations

NOT_TEXT = Unreadable(Cause.NOT_TEXT)
KEY = {"kty": "oct", "alg": "A256CTR", "ext": True, "k": "A" * 42 + "A", "key_ops": ["encrypt", "decrypt"]}
FILE: dict[str, Any] = {
    "msgtype": "m.file",
    "body": "a b.pdf",
    "info": {"mimetype": "application/pdf", "size": 7},
    "file": {
        "v": "v2",
        "url": "mxc://localhost/abc",
        "key": KEY,
        "iv": "A" * 22,
        "hashes": {"sha256": "A" * 43},
    },
}


def read(content: Any, kind: Any = "m.room.message", signed: bool = False) -> Any:
    return read_message({"type": kind, "content": content}, signed=signed, identity=None)


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
        ({"msgtype": "m.key.verification.request", "body": "please"}, AsksToVerify()),
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
        ({"msgtype": "m.text", "body": "new"}, Wrote("new", edits="$1")),
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


@pytest.mark.parametrize("relation", [{"m.in_reply_to": {"event_id": "$1"}}, None])
def test_what_a_reply_quotes_is_told_apart_from_its_words_and_names_nobody(relation: Any) -> None:
    content = {"msgtype": "m.text", "body": "> <@ana:localhost> old\n> more\n\nnew\n> kept", "m.relates_to": relation}
    assert read(content) == Wrote("new\n> kept", quotes="old\nmore")
    assert read({**content, "body": "> <@ana:localhost> only a quote"}) == NOT_TEXT


def test_lines_that_somebody_set_as_a_quotation_themselves_are_words_of_theirs() -> None:
    content = {"msgtype": "m.text", "body": "> he wrote\n\ncome alone", "m.relates_to": {"m.in_reply_to": {}}}
    assert read(content) == Wrote("> he wrote\n\ncome alone")


@pytest.mark.parametrize(
    ("body", "said", "quotes"),
    [
        ("> <@a:b> a\n\nb", "b", "a"),
        ("> <@a:b> a\nb", "b", "a"),
        ("> <@a:b> a\n> c\n\n\nd", "\nd", "a\nc"),
        ("> <@a:b> a\n> \n> c\n\nd", "d", "a\n\nc"),
        ("> <@a:b> a\n>\n>c\n\nd", "d", "a\n\nc"),
        ("> * <@a:b:8448> waves\n\nb", "b", "waves"),
        ("> <@a:b> a", "", "a"),
        (">a\n\nb", ">a\n\nb", ""),
        ("> a\n\nb", "> a\n\nb", ""),
        ("> <a@b> a\n\nb", "> <a@b> a\n\nb", ""),
        ("b\n> <@a:b> a", "b\n> <@a:b> a", ""),
        ("", "", ""),
    ],
)
def test_quotes(body: str, said: str, quotes: str) -> None:
    assert apart(body) == (said, quotes)


def test_who_wrote_is_passed_on() -> None:
    for content in ({"msgtype": "m.text", "body": "x"}, FILE):
        found = read_message({"type": "m.room.message", "content": content}, signed=True, identity="a key")
        assert (found.signed, found.identity) == (True, "a key")


# --- files


def test_a_file_is_told_with_what_opens_it_and_where_it_lies() -> None:
    found = read(FILE).attachment
    assert (found.kind, found.name, found.mime, found.size) == (Kind.FILE, "a b.pdf", "application/pdf", 7)
    assert found.place == "mxc://localhost/abc"
    assert json.loads(found.secret) == {key: FILE["file"][key] for key in ("v", "key", "iv", "hashes")}
    assert found.caption == ""


def test_kinds_and_captions() -> None:
    for changed, kind in (
        ({"msgtype": "m.image"}, Kind.IMAGE),
        ({"msgtype": "m.video"}, Kind.VIDEO),
        ({"msgtype": "m.audio"}, Kind.AUDIO),
        ({"msgtype": "m.audio", "org.matrix.msc3245.voice": {}}, Kind.VOICE),
    ):
        assert read({**FILE, **changed}).attachment.kind is kind
    captioned = read({**FILE, "body": "look at this", "filename": "x.png"}).attachment
    assert (captioned.name, captioned.caption) == ("x.png", "look at this")


def test_a_file_that_lies_open_on_a_server_is_not_taken() -> None:
    assert read({"msgtype": "m.image", "body": "a.png", "url": "mxc://localhost/abc"}) == Unreadable(Cause.PLAIN)


@pytest.mark.parametrize(
    "changed",
    [
        {"url": "https://example.org/a"},
        {"url": "mxc://localhost/../../sync"},
        {"url": None},
        {"v": "v1"},
        {"key": {**KEY, "alg": "none"}},
        {"key": {**KEY, "k": "c2hvcnQ"}},
        {"key": {**KEY, "k": 5}},
        {"iv": "x" * 1000},
        {"hashes": {}},
        {"hashes": {"sha256": "é"}},
    ],
)
def test_a_file_that_could_not_be_opened_is_not_taken(changed: dict[str, Any]) -> None:
    assert read({**FILE, "file": {**FILE["file"], **changed}}) == NOT_TEXT


@pytest.mark.parametrize(
    ("claimed", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\x.exe", "x.exe"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("a\x00b\nc.txt", "abc.txt"),
        ("  .hidden. ", "hidden"),
        ("e\u0301.png", "é.png"),
        ("صورة.jpg", "صورة.jpg"),
        ("", "file"),
        ("..", "file"),
        ("x" * 300 + ".tar", "x" * 96 + ".tar"),
        ("x" * 300, "x" * 100),
    ],
)
def test_names_are_cleaned(claimed: str, name: str) -> None:
    assert clean_name(claimed) == name


@pytest.mark.parametrize(("field", "value"), [("mimetype", "x\ny/z"), ("mimetype", 5), ("size", -1), ("size", True)])
def test_what_is_claimed_and_makes_no_sense_is_not_repeated(field: str, value: Any) -> None:
    found = read({**FILE, "info": {field: value}}).attachment
    assert (found.mime, found.size) == ("application/octet-stream", 0)


@given(mutations(FILE))
def test_no_file_raises_anything(content: Any) -> None:
    read(content)


# --- redactions


@pytest.mark.parametrize(
    ("event", "removed"),
    [
        ({"redacts": "$1", "content": {}}, "$1"),
        ({"content": {"redacts": "$1"}}, "$1"),
        ({"redacts": "$0", "content": {"redacts": "$1"}}, "$1"),
        ({"content": {"redacts": 5}}, None),
        ({"content": None}, None),
        ({}, None),
    ],
)
def test_what_a_redaction_takes_back(event: dict[str, Any], removed: str | None) -> None:
    assert removed_by(event) == removed


@given(mutations({"type": "m.room.message", "content": {"msgtype": "m.text", "body": "x", "m.relates_to": {}}}))
def test_no_payload_raises_anything(payload: Any) -> None:
    if isinstance(payload, dict):
        found = read_message(payload, signed=False, identity=None)
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


STYLED = {
    "msgtype": "m.text",
    "body": "do **not**",
    "format": "org.matrix.custom.html",
    "formatted_body": "do <strong>not</strong>",
}


def test_what_was_shown_in_styles_is_read_with_them_and_stays_as_it_was_written_beside_that() -> None:
    wrote = read(STYLED)
    assert (wrote.text, wrote.plain, wrote.styles) == ("do **not**", "do not", (Style(Look.BOLD, 3, 3),))
    assert wrote.shown == "do not"
    plain = read({**STYLED, "formatted_body": "do <strong>NOT</strong>"})
    assert (plain.text, plain.plain, plain.styles, plain.shown) == ("do **not**", None, (), "do **not**")


def test_a_reply_is_read_in_styles_without_its_quotation() -> None:
    reply = {**STYLED, "body": "> <@ana:localhost> hello\n\ndo **not**", "m.relates_to": {"m.in_reply_to": {}}}
    assert read(reply).plain == "do not"
    quoting = {**reply, "formatted_body": "<mx-reply>hello</mx-reply>do <strong>not</strong>"}
    assert (read(quoting).text, read(quoting).styles) == ("do **not**", ())


def test_what_takes_the_place_of_another_is_left_as_it_was_written() -> None:
    relation = {"rel_type": "m.replace", "event_id": "$earlier"}
    edited = read({**STYLED, "m.new_content": STYLED, "m.relates_to": relation})
    assert (edited.text, edited.styles) == ("do **not**", ())
