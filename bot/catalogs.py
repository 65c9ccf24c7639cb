"""The translators' side: the template made from the flows, and catalogs brought up to date.

A message's context is its text id and its id the English paragraph, so that a changed paragraph is a new message: its
old translation stays, marked fuzzy, and is not said until a translator confirms it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import write_po

from bot.flow.model import Library, Mark, Source
from bot.i18n import catalog_files, read_catalog

SOURCE_LOCALE = "en"  # the language that the flows are written in: it has no catalog
TEMPLATE = "messages.pot"

WORDS = "words."
_ABOUT_TEMPLATE = "# What Vestibule says to people. `vestibule catalogs extract` writes this file from the flows.\n#"
READ = "Read by a native speaker:"  # in the header of a catalog; "yes" stands behind it once one has read all of it
_ABOUT_WORDS = "Words that are understood, with commas between; any number of them. Texts show the first one."


@dataclass(frozen=True, slots=True)
class Status:
    """How far one language has come, in messages; `read`: a native speaker has read its translation."""

    locale: str
    translated: int
    fuzzy: int
    missing: int
    obsolete: int  # said no longer; the translations are kept, in case they are again
    read: bool


def template(library: Library) -> Catalog:
    """Every paragraph and every list of words, in the order of the flow files."""
    catalog = Catalog(project="Vestibule", version="texts", header_comment=_ABOUT_TEMPLATE, fuzzy=False)
    for message in messages(library):
        path = Path(message.mark.file)
        catalog.add(
            message.english,
            context=message.context,
            locations=[(f"{path.parent.name}/{path.name}", message.mark.line)],
            auto_comments=[message.note] if message.note else [],
        )
    return catalog


def extract(library: Library, folder: Path, now: datetime) -> bool:
    """Write the template, unless the one that lies there says the same. Returns whether it was written."""
    made = template(library)
    path = folder / TEMPLATE
    if path.exists():
        made.creation_date = read_catalog(path).creation_date
        if path.read_bytes() == _written(made):
            return False
        made.creation_date = now
    write(path, made)
    return True


def update(library: Library, folder: Path, locales: Iterable[str], now: datetime) -> Sequence[Path]:
    """Bring every catalog of the folder up to date, and begin those of the locales that have none.

    Returns the files that were written. What is no longer said stays at the end of a file, as gettext keeps it.
    """
    made = template(library)
    wanted = {folder / locale / "LC_MESSAGES" / "messages.po": locale for locale in locales if locale != SOURCE_LOCALE}
    written = []
    for path in sorted({*catalog_files(folder), *wanted}):
        catalog = read_catalog(path) if path.exists() else _begin(wanted[path], now)
        catalog.update(made, update_creation_date=False)
        if not path.exists() or path.read_bytes() != _written(catalog):
            write(path, catalog)
            written.append(path)
    return written


def status(library: Library, folder: Path) -> Sequence[Status]:
    """How far each language of the folder has come with the texts as they are now. Raises FlowError."""
    return [_status(path.parent.parent.name, library, read_catalog(path)) for path in catalog_files(folder)]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A message as the flows have it: what a catalog should translate."""

    context: str
    english: str
    note: str
    mark: Mark

    def find(self, catalog: Catalog) -> Message | None:
        """What this catalog has of it."""
        return catalog.get(self.english, self.context)


def messages(library: Library) -> Iterable[Wanted]:
    """Everything that is translated, in the order of the files. A paragraph that a text says twice is one message."""
    texts = [(text, source, source.note) for text, source in library.sources.items()]
    words = [(f"{WORDS}{word}", source, source.note or _ABOUT_WORDS) for word, source in library.word_sources.items()]
    return {
        (context, english): Wanted(context, english, note, source.mark)
        for context, source, note in sorted(texts + words, key=_place)
        for english in source.paragraphs
    }.values()


def _place(entry: tuple[str, Source, str]) -> tuple[str, int, int]:
    mark = entry[1].mark
    return mark.file, mark.line, mark.column


def _begin(locale: str, now: datetime) -> Catalog:
    language = Locale.parse(locale).get_display_name(SOURCE_LOCALE)
    return Catalog(
        locale=locale,
        project="Vestibule",
        version="texts",
        creation_date=now,
        revision_date=now,
        header_comment=f"# What Vestibule says to people, in {language}. See ../GLOSSARY.md.\n# {READ} not yet\n#",
        language_team=language,
        last_translator="Vestibule translators",
        fuzzy=False,
    )


def _status(locale: str, library: Library, catalog: Catalog) -> Status:
    found = [message.find(catalog) for message in messages(library)]
    fuzzy = sum(1 for message in found if message and message.string and message.fuzzy)
    translated = sum(1 for message in found if message and message.string and not message.fuzzy)
    missing = len(found) - translated - fuzzy
    return Status(locale, translated, fuzzy, missing, len(catalog.obsolete), _is_read(catalog))


def _is_read(catalog: Catalog) -> bool:
    """Whether the header says so; one that says nothing has been read by nobody."""
    _, _, said = catalog.header_comment.partition(READ)
    return bool(said.strip().lower().startswith("yes"))


def _written(catalog: Catalog) -> bytes:
    file = BytesIO()
    write_po(file, catalog, include_previous=True)
    return file.getvalue()


def write(path: Path, catalog: Catalog) -> None:
    """Write a catalog, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.new")
    beside.write_bytes(_written(catalog))
    beside.replace(path)
