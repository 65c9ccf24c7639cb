"""What answers must have in common to be taken for the same: a stated form of whatever in them names somebody. Pure.

A match is a hint for a person and decides nothing: the same address can be shared, and another spelling is missed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice

LONGEST_LOOK = 2_000  # characters of an answer that are looked at: nobody makes the bot work for long
MOST_FORMS = 20
LONGEST_NAME = 60  # characters: a longer answer is prose, and nobody writes the same twice
SHORTEST_NAME = 3
NUMBER_END = 9  # digits: numbers are written with their country and without, so only their ends are compared

_ACCOUNT = re.compile(r"@[\w.\-=/+]{1,255}:[\w.\-]{1,255}")
_MAIL = re.compile(r"[\w.+\-]{1,64}@[\w\-]{1,63}(?:\.[\w\-]{1,63})+")
_PAGE = re.compile(
    r"(?:https?://)?(?:www\.)?(?<![\w@.\-])[\w\-]{1,63}(?:\.[\w\-]{1,63})*\.[^\W\d_]{2,63}(?:/[^\s,;<>()\"']*)?"
)
_HANDLE = re.compile(r"(?<![\w@.])@[\w.\-]{1,63}")
_NUMBER = re.compile(r"(?<!\w)\+?\d(?:[\s().\-/]{0,2}\d){7,20}(?!\w)")
_KINDS = (("account", _ACCOUNT), ("mail", _MAIL), ("page", _PAGE), ("handle", _HANDLE))
_BEFORE_PAGE = re.compile(r"^(?:https?://)?(?:www\.)?")


def forms(words: str) -> tuple[str, ...]:
    """Every account, address, page and number that stands in an answer; and the answer itself, where it is short.

    Of all: compatible signs are the same (NFKC), and so are large and small letters; unseen signs are left out, digits
    are those of ASCII. A page has neither its protocol nor a `www.`, a number is its last nine digits, and a short
    answer is its letters and digits alone.
    """
    return tuple(islice(dict.fromkeys(_forms(_plain(words[:LONGEST_LOOK]))), MOST_FORMS))


def _forms(text: str) -> Iterator[str]:
    name = "".join(filter(str.isalnum, text))
    if len(text.strip()) <= LONGEST_NAME and len(name) >= SHORTEST_NAME:
        yield f"name {name}"
    for kind, pattern in _KINDS:
        for found in pattern.findall(text):
            yield f"{kind} {_BEFORE_PAGE.sub('', found).strip('@/.')}"
        text = pattern.sub(" ", text)
    for found in _NUMBER.findall(text):
        yield f"number {''.join(filter(str.isdecimal, found))[-NUMBER_END:]}"


def _plain(words: str) -> str:
    seen = (sign for sign in unicodedata.normalize("NFKC", words) if unicodedata.category(sign) != "Cf")
    return "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in seen).casefold()
