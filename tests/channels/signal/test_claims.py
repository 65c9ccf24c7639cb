"""What the daemon says of an attachment is a claim of whoever sent it (law 7)."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.channels.signal.claims import Claim, data_uri, read_claim
from bot.domain import Attachment, Kind

TOLD = {"contentType": "image/jpeg", "filename": "me.jpg", "id": "wPm8nTzHh6K4LzGzqk3x.jpg", "size": 9, "caption": None}


def read(**changed: Any) -> Claim:
    claim = read_claim({**TOLD, **changed})
    assert claim is not None
    return claim


@pytest.mark.parametrize(
    ("mime", "kind", "name"),
    [
        ("image/jpeg", Kind.IMAGE, "image.jpg"),
        ("IMAGE/PNG", Kind.IMAGE, "image.png"),
        ("image/x-of-tomorrow", Kind.IMAGE, "image"),
        ("audio/aac", Kind.AUDIO, "audio.aac"),  # a voice message, perhaps: nothing says so
        ("video/mp4", Kind.VIDEO, "video.mp4"),
        ("application/pdf", Kind.FILE, "file.pdf"),
        ("text/html", Kind.FILE, "file"),
        ("../../etc", Kind.FILE, "file"),
        (None, Kind.FILE, "file"),
        (5, Kind.FILE, "file"),
    ],
)
def test_a_file_without_a_name_is_called_by_its_type(mime: object, kind: Kind, name: str) -> None:
    for nameless in (None, "", "...", "\u202e", 5, []):
        claim = read(contentType=mime, filename=nameless)
        assert (claim.kind, claim.name) == (kind, name)


def test_a_name_is_cleaned_as_on_every_channel() -> None:
    assert read(filename="../../etc/pass\u202ewd.txt").name == "passwd.txt"
    assert read(filename="a\ud83d.txt").name == "a.txt"
    assert read(caption="look \ud83d").caption == "look ?"


@pytest.mark.parametrize("size", [None, -1, "9", True, 9.5])
def test_a_size_that_is_none_is_not_believed(size: object) -> None:
    assert read(size=size).size is None


@pytest.mark.parametrize("name", [None, 5, "", ".", "..", "a/b", "/etc/passwd", "../x", "a\0", "\ud800", "x" * 256])
def test_what_could_be_no_file_of_the_daemons_is_none(name: object) -> None:
    assert read_claim({**TOLD, "id": name}) is None
    assert read_claim(name) is None


def test_the_ending_that_its_sender_gave_it_may_be_odd() -> None:
    assert read(id="x.doc (1)").id == "x.doc (1)"
    assert read(id="x.مستند").id == "x.مستند"


# on a new machine a list of all characters is made, and a busy one is slow: neither says anything of what is tested
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(TOLD)), st.none() | st.booleans() | st.integers() | st.text()))
def test_whatever_is_told_of_a_file_is_read_or_refused(told: dict[str, Any]) -> None:
    claim = read_claim(told)
    assert claim is None or (claim.name and "/" not in claim.name)


async def _pieces(content: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("content", [b"", b"a", b"ab", b"abc", bytes(range(256)) * 5])
@pytest.mark.parametrize("name", ["report.pdf", "a;b=c,d+e%41 f.pdf", "تقرير.pdf"])
async def test_the_daemon_is_given_the_name_and_every_byte(size: int, content: bytes, name: str) -> None:
    attachment = Attachment(Kind.FILE, name, "application/pdf", 5, "place", "secret", channel="matrix")
    uri = b"".join([piece async for piece in data_uri(attachment, _pieces(content, size))]).decode("ascii")
    head, data = uri.split(",")
    kind, parameter, last = head.split(";")
    assert (kind, last) == ("data:application/pdf", "base64")
    key, value = parameter.split("=")
    assert (key, unquote_plus(value)) == ("filename", name)  # as the daemon reads it
    assert base64.b64decode(data, validate=True) == content
