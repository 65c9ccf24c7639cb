"""JSON from outside, read so that neither a number nor nesting in it can make the whole unreadable (law 7).

A stranger's event comes in the same answer as everyone else's messages: what is absurd in it is cut out.
"""

from __future__ import annotations

import json
import re

MAX_DEPTH = 100  # nothing in Matrix is nested half as deep
MAX_DIGITS = 20  # of a whole number; Python refuses to read some thousand

_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{\]}]', re.DOTALL)


def read_json(raw: bytes) -> object:
    """The value. Raises ValueError for what is no JSON at all."""
    try:
        return _load(raw)
    except RecursionError:
        return _load(shallow(raw))


def shallow(raw: bytes) -> bytes:
    """The same JSON with `null` in place of whatever is nested deeper than MAX_DEPTH."""
    kept = bytearray()
    depth = done = 0
    for token in _TOKENS.finditer(raw):
        if token[0] in (b"[", b"{"):
            depth += 1
            if depth == MAX_DEPTH + 1:
                kept += raw[done : token.start()] + b"null"
        elif token[0] in (b"]", b"}"):
            if depth == MAX_DEPTH + 1:
                done = token.end()
            depth -= 1
    return bytes(kept + raw[done:])


def _load(raw: bytes) -> object:
    return json.loads(raw, parse_int=_integer, parse_constant=_no_number)


def _integer(digits: str) -> int:
    return int(digits) if len(digits) <= MAX_DIGITS else 0


def _no_number(_name: str) -> None:
    """`NaN` and `Infinity` are not JSON; Python's reader takes them all the same."""
