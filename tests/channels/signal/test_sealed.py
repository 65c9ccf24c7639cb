"""A sealed file opens whole, or says that it is broken."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.signal.sealed import CHUNK, KEY_BYTES, TAG, BrokenFile, Sealer, length, opened

KEY = bytes(range(KEY_BYTES))


def seal(*pieces: bytes) -> bytes:
    sealer = Sealer(KEY)
    return b"".join([*map(sealer.seal, pieces), sealer.finish()])


def read(sealed: bytes, key: bytes = KEY) -> bytes:
    return b"".join(opened(io.BytesIO(sealed), key))


@given(st.lists(st.integers(0, 2 * CHUNK), max_size=4))
def test_whatever_pieces_a_file_comes_in_it_is_sealed_the_same_and_opens(sizes: list[int]) -> None:
    pieces = [bytes([number + 1]) * size for number, size in enumerate(sizes)]
    content = b"".join(pieces)
    sealed = seal(*pieces)
    assert sealed == seal(content)
    assert len(sealed) == length(len(content))
    assert read(sealed) == content


@pytest.mark.parametrize("size", [0, 1, CHUNK, 2 * CHUNK, 2 * CHUNK + 1])
def test_a_file_that_ends_before_its_end_is_broken(size: int) -> None:
    sealed = seal(bytes(size))
    ends = {0, 1, TAG, len(sealed) - 1, len(sealed) - TAG, *range(0, len(sealed), CHUNK + TAG)}
    for end in ends - {len(sealed)}:
        with pytest.raises(BrokenFile):
            read(sealed[: max(end, 0)])


def test_what_is_added_at_the_end_breaks_it() -> None:
    for size in (5, CHUNK):
        for more in (b"x", seal(bytes(size)), bytes(CHUNK + TAG)):
            with pytest.raises(BrokenFile):
                read(seal(bytes(size)) + more)


@pytest.mark.parametrize("key", [b"", b"short", bytes(KEY_BYTES)])
def test_another_key_opens_nothing(key: bytes) -> None:
    with pytest.raises(BrokenFile):
        read(seal(b"hello"), key)
