"""One spelling for what people write in letters of their own or in Latin ones.

"скільки", "skilky" and "сколько" come close; "خدمة", "khedme" and "5edma" have one root. Not a transliteration that
could be read: sounds that spellings confuse become one letter.
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
_CONSONANTS = str.maketrans(
    {
        **dict(zip("بتثجحخدذرزسشصضطظ", "bttjhkddrzsssdtd", strict=True)),
        **dict(zip("عغفقكلمنه", "3gfqklmnh", strict=True)),
        **dict.fromkeys("اويءپ", ""),
    }
)
_ARABIZI = (
    ("sh", "s"),
    ("ch", "s"),
    ("kh", "k"),
    ("gh", "g"),
    ("th", "t"),
    ("dh", "d"),
    ("2", ""),
    ("5", "k"),
    ("6", "t"),
    ("7", "h"),
    ("8", "g"),
    ("9", "s"),
    ("c", "k"),
    ("p", "b"),
    ("v", "f"),
    ("x", "k"),
)
_VOWELS = str.maketrans(dict.fromkeys("aeiouwy"))
_GLIDES = re.compile(r"i+([aeou])")
_TWICE = re.compile(r"(.)\1+")


def is_cyrillic(text: str) -> bool:
    """Whether there is a letter of the Cyrillic script in it."""
    return any("\u0400" <= character <= "\u04ff" for character in text)


def is_arabic(text: str) -> bool:
    """Whether there is a letter of the Arabic script in it."""
    return any("\u0600" <= character <= "\u06ff" for character in text)


def root(word: str) -> str:
    """The consonants of a folded word of a language that is written in Arabic, in Latin letters; often its root."""
    if word.isascii():
        for letters, sound in _ARABIZI:
            word = word.replace(letters, sound)
    consonants = _TWICE.sub(r"\1", word.translate(_VOWELS).translate(_CONSONANTS))
    return consonants[:-1] if len(consonants) > 2 and consonants.endswith("h") else consonants


def sounded(word: str) -> str:
    """A folded word of a language that is written in Cyrillic, by its sounds."""
    if not word.isascii():
        word = word.translate(_CYRILLIC)
    for letters, sound in _SOUNDS:
        word = word.replace(letters, sound)
    return _TWICE.sub(r"\1", _GLIDES.sub(r"\1", word))
