"""What lines of the daemon's say, recorded ones and any others."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.signal.envelopes import (
    Envelope,
    Got,
    InGroup,
    Junk,
    NewTimer,
    Nothing,
    Once,
    Rang,
    Reacted,
    Said,
    TookBack,
    Types,
    Unread,
    What,
    Wordless,
    read_line,
)
from tests.channels.signal.recorded import SUBSCRIBED, received

ADA = "0b7c8b34-1111-4c1d-8c1a-2f6a8a7b0001"
GROUP = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
RECORDED = received()
STAMPS = (1751000000123, 1751000000124)
TABLE: dict[str, What] = {
    "text hello": Said("hello"),
    "textnum with number and expiry": Said("with number and expiry", expires=timedelta(weeks=1)),
    "preview": Said("see https://example.org"),
    "edit": Said("edited text", edits=STAMPS[0]),
    "quote": Said("my answer", quotes="original"),
    "reaction add": Reacted(),
    "reaction remove": Nothing(),
    "mention": InGroup(GROUP),
    "grouptext in group": InGroup(GROUP),
    "groupupdate": InGroup(GROUP),
    "expire": NewTimer(timedelta(hours=1)),
    "remotedelete": TookBack(STAMPS[0]),
    "sticker": Wordless(),
    "contact": Wordless(),
    "receipt delivery": Got(STAMPS),
    "receipt read": Got(STAMPS),
    "receipt viewed": Got(STAMPS),
    "typing started": Types(on=True),
    "typing stopped": Types(on=False),
    "call": Rang(),
    "hangup": Nothing(),
    "story": Nothing(),
    "syncsent": Nothing(),
    "notetoself": Nothing(),
    "syncread": Nothing(),
    "syncmrr": Nothing(),
    "empty": Nothing(),
    "untrusted": Unread(changed=True),
    "decryptfail": Unread(changed=False),
    "text +15550200000 to the other account": Said("to the other account"),
}


@pytest.mark.parametrize("name", TABLE)
def test_what_was_recorded_is_understood(name: str) -> None:
    read = read_line(RECORDED[name])
    assert isinstance(read, Envelope)
    assert read.what == TABLE[name]
    assert read.safe


def test_the_table_leaves_nothing_out_that_was_recorded() -> None:
    assert set(RECORDED) == {*TABLE, "nl", "att", "viewonce"}


def test_no_sign_of_a_text_is_lost() -> None:
    read = read_line(RECORDED["nl"])
    assert isinstance(read, Envelope)
    assert isinstance(read.what, Said)
    for sign in ("line1\nline2\r\nline3", "\u2028", "😀", "é"):
        assert sign in read.what.text


def test_files_are_told_of_as_the_daemon_does() -> None:
    read = read_line(RECORDED["att"])
    assert isinstance(read, Envelope)
    assert isinstance(read.what, Said)
    assert [told["id"] for told in read.what.files if isinstance(told, dict)] == [
        "wPm8nTzHh6K4LzGzqk3x.jpg",
        "0a1B2c3D.aac",
    ]
    once = read_line(RECORDED["viewonce"])
    assert isinstance(once, Envelope)
    assert isinstance(once.what, Once)
    assert len(once.what.files) == 1


def said(message: object, **envelope: Any) -> Envelope | Junk:
    """A line with this message, or with this in its envelope."""
    head = {"sourceUuid": ADA, "timestamp": STAMPS[0], "sourceDevice": 1}
    body = {"envelope": {**head, "dataMessage": message, **envelope}}
    return read_line(SUBSCRIBED.format(json.dumps(body)).encode())


def text_of(message: dict[str, Any]) -> str:
    read = said(message)
    assert isinstance(read, Envelope)
    assert isinstance(read.what, Said)
    return read.what.text


def test_whoever_is_mentioned_is_named_and_places_are_counted_in_utf16() -> None:
    mentions = [{"name": "Ada", "start": 3, "length": 1}, {"name": "Grace", "start": 5, "length": 1}]
    assert text_of({"message": "😀 \ufffc \ufffc!", "mentions": mentions}) == "😀 @Ada @Grace!"
    for odd in ([{"name": "Ada", "start": 0, "length": 1}], [{"name": "Ada", "start": 99, "length": 1}], [7], "x"):
        assert text_of({"message": "none here", "mentions": odd}) == "none here"


def test_half_a_surrogate_pair_is_not_passed_on() -> None:
    assert text_of({"message": "half \ud83d of it"}) == "half \ufffd of it"


@pytest.mark.parametrize(
    ("message", "what"),
    [
        ({"message": None, "profileKey": "x"}, Nothing()),
        ({"message": "  "}, Nothing()),
        ({"message": 7}, Nothing()),
        ({"message": "x", "groupInfo": {}}, Nothing()),
        ({"message": "x", "groupInfo": {"groupId": GROUP}, "attachments": [1]}, InGroup(GROUP, (1,))),
        ({"pollCreate": {"question": "?"}}, Wordless()),
        ({"payment": {"note": "x"}}, Wordless()),
        ({"remoteDelete": {"timestamp": "x"}}, Nothing()),
        ({"message": "x", "expiresInSeconds": -1}, Said("x")),
        ({"message": "x", "expiresInSeconds": 10**18}, Said("x")),
        ({"isExpirationUpdate": True, "expiresInSeconds": 0}, NewTimer(None)),
        ({"message": "x", "attachments": "none"}, Said("x")),
    ],
)
def test_odd_messages_are_read_for_what_is_in_them(message: object, what: What) -> None:
    read = said(message)
    assert isinstance(read, Envelope)
    assert read.what == what


@pytest.mark.parametrize(
    "edit", [{"targetSentTimestamp": "x", "dataMessage": {"message": "x"}}, {"dataMessage": {}}, 7]
)
def test_an_edit_of_nothing_takes_no_place(edit: object) -> None:
    read = read_line(
        SUBSCRIBED.format(
            json.dumps({"envelope": {"sourceUuid": ADA, "timestamp": STAMPS[0], "editMessage": edit}})
        ).encode()
    )
    assert isinstance(read, Envelope)
    assert isinstance(read.what, Wordless | Nothing)


@pytest.mark.parametrize("kind", ["ProtocolDuplicateMessageException", "SelfSendException"])
def test_what_nobody_lost_anything_by_is_not_told(kind: str) -> None:
    body = {"exception": {"type": kind, "message": "x"}, "envelope": {"sourceUuid": ADA, "timestamp": STAMPS[0]}}
    read = read_line(SUBSCRIBED.format(json.dumps(body)).encode())
    assert isinstance(read, Envelope)
    assert read.what == Nothing()


@pytest.mark.parametrize(
    ("line", "junk"),
    [
        (b"", Junk()),
        (b"{", Junk()),
        (b"\xff\xfe", Junk()),
        (b"[]", Junk()),
        (b"[" * 100_000, Junk()),
        (b"1" * 10_000, Junk()),
        (b'{"jsonrpc":"2.0","method":"receive"}', Junk()),
        (b'{"method":"receive","params":{"subscription":0,"result":7}}', Junk()),
        (b'{"method":"receiveCall","params":{}}', Junk(notified=True)),
        (b'{"method":"receive","params":{"exception":{"type":"X"}}}', Junk(unread=True)),
        (b'{"method":"receive","params":{"envelope":{"sourceUuid":null,"timestamp":5}}}', Junk()),
        (b'{"method":"receive","params":{"envelope":{"sourceUuid":"../x","timestamp":5}}}', Junk()),
    ],
)
def test_what_tells_of_nobody_is_junk(line: bytes, junk: Junk) -> None:
    assert read_line(line) == junk


@pytest.mark.parametrize("stamp", [None, "1751000000123", 0, -5, 10**30, 1.5, True, []])
def test_a_message_without_a_moment_is_junk(stamp: object) -> None:
    assert isinstance(said({"message": "x"}, timestamp=stamp), Junk)


def test_what_came_without_a_subscription_is_read_and_known_to_be() -> None:
    whole = json.loads(RECORDED["text hello"])
    read = read_line(json.dumps({**whole, "params": whole["params"]["result"]}).encode())
    assert isinstance(read, Envelope)
    assert read.what == Said("hello")
    assert not read.safe


def test_nothing_of_what_people_wrote_or_who_they_are_shows_in_a_repr() -> None:
    for line in RECORDED.values():
        shown = repr(read_line(line))
        assert not any(word in shown for word in (ADA, "hello", "answer", "original", GROUP, ".jpg"))


def mutated(line: bytes, chance: random.Random) -> bytes:
    """The line, broken somewhere."""
    changed = bytearray(line)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(changed))
        match chance.randrange(4):
            case 0:
                changed[place] = chance.randrange(256)
            case 1:
                del changed[place : place + chance.randrange(1, 40)]
            case 2:
                changed[place:place] = bytes(chance.choice(b'{}[]":,0123456789nulltrue\\u') for _ in range(5))
            case _:
                other = chance.choice(list(RECORDED.values()))
                cut = chance.randrange(len(other))
                changed[place:place] = other[cut : cut + 60]
        if not changed:
            break
    return bytes(changed).replace(b"\n", b" ")


@given(st.randoms(use_true_random=False))
def test_any_mutated_line_is_read_or_junk(chance: random.Random) -> None:
    for line in RECORDED.values():
        assert isinstance(read_line(mutated(line, chance)), Envelope | Junk)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "dataMessage",
                        "message",
                        "groupInfo",
                        "groupId",
                        "mentions",
                        "attachments",
                        "quote",
                        "timestamps",
                        "reaction",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_any_json_in_an_envelope_is_read(value: object) -> None:
    for kind in ("dataMessage", "editMessage", "receiptMessage", "typingMessage", "callMessage", "syncMessage"):
        assert isinstance(said(None, **{"dataMessage": None, kind: value}), Envelope)
