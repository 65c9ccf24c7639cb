"""Lines out of bytes, however they are cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.channels.signal.rpc import Lines

LINE = st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"\r\x85\xe2\x80\xa8"))


@given(st.lists(LINE, max_size=20), st.binary(max_size=5), st.data())
def test_lines_are_the_same_however_they_travel(lines: list[bytes], rest: bytes, data: st.DataObject) -> None:
    whole = b"".join(line + b"\n" for line in lines) + rest.replace(b"\n", b"")
    reader, found = Lines(), []
    while whole:
        size = data.draw(st.integers(1, len(whole)))
        found += reader.feed(whole[:size])
        whole = whole[size:]
    assert found == lines
    assert reader.left_out == 0


@given(st.lists(st.integers(0, 40), max_size=20), st.data())
def test_a_line_that_is_too_long_is_left_out_and_no_other(sizes: list[int], data: st.DataObject) -> None:
    lines = [bytes([65 + n % 26]) * size for n, size in enumerate(sizes)]
    whole = b"".join(line + b"\n" for line in lines)
    reader, found = Lines(longest=20), []
    while whole:
        size = data.draw(st.integers(1, len(whole)))
        found += reader.feed(whole[:size])
        whole = whole[size:]
    assert found == [line for line in lines if len(line) <= 20]
    assert reader.left_out == sum(len(line) > 20 for line in lines)
