"""Texts for people, in their language: the operator's sentences, the translators' catalogs, the helpline's addresses.

A text is its paragraphs, a blank line between. A paragraph without a usable translation is said in the source language.
Whoever reads from right to left gets every inserted value isolated, so that an address or a number cannot turn the
sentence around it; whoever reads from left to right gets that for values with letters of the other direction.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.core import UnknownLocaleError
from babel.messages.catalog import Catalog
from babel.messages.pofile import PoFileError, read_po

from bot import cldr
from bot.domain import TextId
from bot.flow.model import FlowError, Library, Mark, Problem, Severity
from bot.flow.understand import Lexicon

PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")

_PLURAL = re.compile(
    rb"^[^\S\n]*(?:#~)?[^\S\n]*(msgid_plural)", re.MULTILINE
)  # babel makes as many strings as the header says

_COMMAND = re.compile(r"![a-z-]+(?: [A-Za-z]+)*")  # what staff write: `!vet passed CASE`

_FSI, _PDI = "\u2068", "\u2069"  # first strong isolate, pop directional isolate
_LRM, _RLM = "\u200e", "\u200f"  # a letter of that direction which is not seen
_ISOLATES = re.compile("[\u2066-\u2069]")
_RIGHT_TO_LEFT = {"R", "AL"}
_STRONG = {"L", *_RIGHT_TO_LEFT}


class Catalogs:
    """What the translators wrote: for each locale, the translation of (text id, source paragraph)."""

    def __init__(self, translations: Mapping[str, Mapping[tuple[str, str], str]]) -> None:
        self._translations = translations

    @classmethod
    def read(cls, folder: Path) -> Catalogs:
        """Every catalog of the folder. Fuzzy entries are left out: nobody has confirmed them. Raises FlowError."""
        return cls.of({locale: read() for locale, (_, read) in catalogs_in(folder).items()})

    @classmethod
    def of(cls, catalogs: Mapping[str, Catalog]) -> Catalogs:
        """The same from catalogs that were read already."""
        return cls({locale: _usable(catalog) for locale, catalog in catalogs.items() if is_language(locale)})

    @property
    def locales(self) -> Sequence[str]:
        """The languages of the catalogs."""
        return tuple(self._translations)

    def has(self, locale: str, context: str, source: str) -> bool:
        """Whether somebody has translated this."""
        return (context, source) in self._translations.get(locale, {})

    def translate(self, locale: str, context: str, source: str) -> str:
        """The translation, or else the source."""
        return self._translations.get(locale, {}).get((context, source)) or source


class Texts:
    """Says texts: `ports.Texts`, and what the engine needs to know about every language.

    `helpline` gives, for a locale, what the placeholders stand for that are the same in every conversation; its
    addresses and links are empty where the config leaves them empty. Who already speaks a language that is offered no
    longer goes on hearing it while there is a catalog, and the helpline's first language after that.
    """

    def __init__(
        self,
        library: Library,
        catalogs: Catalogs,
        helpline: Callable[[str], Mapping[str, str]],
        locales: Sequence[str],
    ) -> None:
        self._locales = tuple(locales)
        spoken = tuple(dict.fromkeys((*locales, *catalogs.locales)))
        self._helpline = {locale: helpline(locale) for locale in spoken}
        self._paragraphs = {
            locale: {
                text: tuple(_paragraph(catalogs.translate(locale, text, said), turned) for said in source.paragraphs)
                for text, source in library.sources.items()
            }
            for locale, turned in ((each, _babel(each).text_direction == "rtl") for each in spoken)
        }
        self._words = {
            locale: {
                word: split_words(catalogs.translate(locale, f"words.{word}", " ".join(source.paragraphs)))
                for word, source in library.word_sources.items()
            }
            for locale in locales
        }

    @property
    def locales(self) -> Sequence[str]:
        """The languages offered, the helpline's first."""
        return self._locales

    def say(self, text: TextId, locale: str, params: Mapping[str, str] | None = None) -> str:
        """The text in this language. Raises LookupError for a text or a placeholder that does not exist."""
        locale = locale if locale in self._paragraphs else self._locales[0]
        values = {**self._helpline[locale], **(params or {})}
        return "\n\n".join(
            _fill(paragraph, values)
            for paragraph in self._paragraphs[locale][text]
            if all(values[name] for name in paragraph.names if _is_place(name))
        )

    def lexicons(self) -> Mapping[str, Lexicon]:
        """For each language, every text that is the same in all conversations, and the words understood everywhere."""
        return {
            locale: Lexicon(labels=self._labels(locale), words=self._words[locale], tables=cldr.tables(locale))
            for locale in self._locales
        }

    def _labels(self, locale: str) -> Mapping[TextId, str]:
        known = self._helpline[locale].keys()
        texts = self._paragraphs[locale].items()
        return {text: self.say(text, locale) for text, said in texts if all(known >= part.names for part in said)}

    def languages(self) -> Mapping[str, str]:
        """The languages offered, by their own names."""
        return {locale: language_name(locale, locale) for locale in self._locales}


@dataclass(frozen=True, slots=True)
class _Paragraph:
    """A paragraph in one language, the placeholders in it, and which way its sentence runs."""

    text: str
    names: Set[str]
    right_to_left: bool


def language_name(code: str, locale: str) -> str:
    """What a language is called in another (or in itself), as it stands at the beginning of a line."""
    # by its code, where CLDR has a name for that: Babel itself takes Tagalog for Filipino
    name = _babel(locale).languages.get(code) or _babel(code).get_display_name(locale) or code
    return name[:1].upper() + name[1:]


def is_language(code: str) -> bool:
    """Whether this is the code of a language that is known: `es`, `pt_BR`."""
    try:
        return bool(_babel(code))
    except (UnknownLocaleError, ValueError):
        return False


def placeholders(paragraphs: Iterable[str]) -> set[str]:
    """The names of the placeholders in these paragraphs."""
    return {name for paragraph in paragraphs for name in PLACEHOLDER.findall(paragraph)}


def split_words(listed: str) -> tuple[str, ...]:
    """The words of a list with commas between them, as a translator writes it (the Arabic comma is one too)."""
    return tuple(word for part in re.split("[,،、]", listed) if (word := part.strip()))


def catalog_files(folder: Path) -> Sequence[Path]:
    """The catalogs of a locales folder, one a language."""
    return sorted(folder.glob("*/LC_MESSAGES/messages.po"))


CatalogFiles = Mapping[str, tuple[str, Callable[[], Catalog]]]
"""For each locale, the name of its catalog and what reads it, or raises FlowError."""


def catalogs_in(folder: Path) -> CatalogFiles:
    """The catalogs of a locales folder."""
    return {path.parent.parent.name: (str(path), partial(read_catalog, path)) for path in catalog_files(folder)}


def read_catalog(path: Path) -> Catalog:
    """One gettext file. Raises FlowError, with the line, where it is not one."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _no_catalog(str(path), 1, (error.strerror or type(error).__name__).lower()) from None
    return parse_catalog(str(path), content)


def parse_catalog(name: str, content: bytes) -> Catalog:
    """The same of what was read before, from a file of this name."""
    plural = _PLURAL.search(content)
    if plural is not None:
        line = content.count(b"\n", 0, plural.start(1)) + 1
        raise _no_catalog(name, line, "a text of the flows has no plural forms")
    try:
        return read_po(BytesIO(content), abort_invalid=True)
    except PoFileError as error:
        line, why = error.lineno + 1, "this line is no gettext"
    except UnicodeDecodeError:
        line, why = 1, "it is not a text in UTF-8"
    except Exception:  # whatever babel trips over in a header that is no header
        line, why = 1, "its header is damaged; copy the first lines of another catalog"
    raise _no_catalog(name, line, why)


def _no_catalog(name: str, line: int, why: str) -> FlowError:
    return FlowError(
        [Problem(Mark(name, line, 1), Severity.ERROR, "bad-catalog", f"this catalog cannot be read: {why}")]
    )


def _usable(catalog: Catalog) -> Mapping[tuple[str, str], str]:
    return {
        (message.context or "", message.id): message.string
        for message in catalog
        if isinstance(message.id, str)
        and isinstance(message.string, str)
        and message.string.strip()
        and not message.fuzzy
        # an address that is lost in a translation, or a name that nothing fills in: better the source
        and placeholders([message.id]) == placeholders([message.string])
    }


def _babel(code: str) -> Locale:
    return Locale.parse(code)


def _paragraph(text: str, right_to_left: bool) -> _Paragraph:
    """It runs as its language does, unless all its letters run the other way: then it is one that nobody translated."""
    ways = {unicodedata.bidirectional(letter) for letter in PLACEHOLDER.sub("", text)} & _STRONG
    if ways:
        right_to_left = not ways.isdisjoint(_RIGHT_TO_LEFT) if right_to_left else ways <= _RIGHT_TO_LEFT
    if right_to_left:
        # else the ! of a command is shown behind it, and would be typed there
        text = _COMMAND.sub(lambda command: _isolate(command[0]), text)
    return _Paragraph(text, placeholders([text]), right_to_left)


def _fill(paragraph: _Paragraph, values: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        inserted = values[found[1]]
        return _isolate(inserted) if paragraph.right_to_left or _turns_left(inserted) else inserted

    filled = PLACEHOLDER.sub(value, paragraph.text)
    return "\n".join(_directed(line, paragraph.right_to_left) for line in filled.split("\n"))


def _is_place(placeholder: str) -> bool:
    """Whether it stands for an address or a link, which the config may leave empty."""
    return placeholder.endswith("_address") or placeholder.startswith("link_")


def _turns_left(text: str) -> bool:
    return any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in text)


def _isolate(value: str) -> str:
    """The value, each line so that its direction does not reach beyond it, whatever marks it brings along itself."""
    return "\n".join(f"{_FSI}{_balanced(line)}{_stop(line)}{_PDI}" if line else line for line in value.split("\n"))


def _balanced(line: str) -> str:
    """Isolates that are left open, or closed without being open, would break out of ours."""
    depth = 0
    for mark in _ISOLATES.findall(line):
        depth += -1 if mark == _PDI else 1
        if depth < 0:
            break
    return line if depth == 0 else _ISOLATES.sub("", line)


def _stop(line: str) -> str:
    """Element takes whatever follows a link up to the next space for a part of it, an invisible mark too."""
    return " " if "://" in line.rpartition(" ")[2] else ""


def _directed(line: str, right_to_left: bool) -> str:
    """Clients take the direction of a message from its first letter, and some look into isolates: make it ours."""
    first = next((way for letter in line if (way := unicodedata.bidirectional(letter)) in _STRONG), None)
    if first is None or (first in _RIGHT_TO_LEFT) == right_to_left:
        return line
    return (_RLM if right_to_left else _LRM) + line
