"""One spelling for what people write in Cyrillic or in Latin letters: "скільки", "skilky" and "сколько" come close.

Not a transliteration that could be read: sounds that spellings confuse become one letter.
"""

from __future__ import annotations

import re

_CYRILLIC = str.maketrans(
    {
        **dict(zip("абвгґдезиійїклмнопрстуфхц", "abvhhdeziiiiklmnoprstufhc", strict=True)),
        **dict(zip("чшщжюяєэыў", "csszuaeeiu", strict=True)),
        **dict.fromkeys("ьъ", ""),
    }
)
_SOUNDS = (
    ("shch", "s"),
    ("sch", "s"),
    ("sh", "s"),
    ("ch", "c"),
    ("zh", "z"),
    ("kh", "h"),
    ("ts", "c"),
    ("tz", "c"),
    ("y", "i"),
    ("j", "i"),
    ("g", "h"),
    ("w", "v"),
    ("x", "h"),
)
_GLIDES = re.compile(r"i+([aeou])")
_TWICE = re.compile(r"(.)\1+")


def is_cyrillic(text: str) -> bool:
    """Whether there is a letter of the Cyrillic script in it."""
    return any("\u0400" <= character <= "\u04ff" for character in text)


def sounded(word: str) -> str:
    """A folded word of a language that is written in Cyrillic, by its sounds."""
    if not word.isascii():
        word = word.translate(_CYRILLIC)
    for letters, sound in _SOUNDS:
        word = word.replace(letters, sound)
    return _TWICE.sub(r"\1", _GLIDES.sub(r"\1", word))
