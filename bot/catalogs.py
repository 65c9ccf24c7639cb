"""The translators' side: the template made from the flows, catalogs brought up to date, and what is wrong in them.

A message's context is its text id and its id the English paragraph, so that a changed paragraph is a new message: its
old translation stays, marked fuzzy, and is not said until a translator confirms it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.core import UnknownLocaleError
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import write_po

from bot.flow.model import FlowError, Library, Mark, Problem, Severity, Source
from bot.i18n import PLACEHOLDER, catalog_files, placeholders, read_catalog, split_words

SOURCE_LOCALE = "en"  # the language that the flows are written in: it has no catalog
TEMPLATE = "messages.pot"

_WORDS = "words."
_STAFF = "staff."
_ABOUT_TEMPLATE = "# What Vestibule says to people. `vestibule catalogs extract` writes this file from the flows.\n#"
_ABOUT_WORDS = "Words that are understood, with commas between; any number of them. Texts show the first one."


@dataclass(frozen=True, slots=True)
class Status:
    """How far one language has come, in messages."""

    locale: str
    translated: int
    fuzzy: int
    missing: int


def template(library: Library) -> Catalog:
    """Every paragraph and every list of words, in the order of the flow files."""
    catalog = Catalog(project="Vestibule", version="texts", header_comment=_ABOUT_TEMPLATE, fuzzy=False)
    for message in _messages(library):
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
    _write(path, made)
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
            _write(path, catalog)
            written.append(path)
    return written


def status(library: Library, folder: Path) -> Sequence[Status]:
    """How far each language of the folder has come with the texts as they are now. Raises FlowError."""
    return [_status(path.parent.parent.name, library, read_catalog(path)) for path in catalog_files(folder)]


def check(library: Library, folder: Path, locales: Iterable[str]) -> Sequence[Problem]:
    """What is wrong with the template, with every catalog of the folder, and with the languages that are offered."""
    problems = list(_check_template(library, folder / TEMPLATE))
    paths = {path.parent.parent.name: path for path in catalog_files(folder)}
    offered = [locale for locale in locales if locale != SOURCE_LOCALE]
    for locale in offered:
        if locale not in paths:
            path = folder / locale / "LC_MESSAGES" / "messages.po"
            message = f"'{locale}' is offered, but has no catalog. `vestibule catalogs update {locale}` begins one"
            problems.append(_error(Mark(str(path), 1, 1), "missing-catalog", message))
    for locale, path in paths.items():
        try:
            catalog = read_catalog(path)
        except FlowError as error:
            problems += error.problems
            continue
        problems += _check_header(locale, path, catalog)
        problems += _check_messages(library, path, catalog)
    return problems


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A message as the flows have it: what a catalog should translate."""

    context: str
    english: str
    note: str
    mark: Mark

    def find(self, catalog: Catalog) -> Message | None:
        return catalog.get(self.english, self.context)


def _messages(library: Library) -> Iterable[_Wanted]:
    """Everything that is translated, in the order of the files. A paragraph that a text says twice is one message."""
    texts = [(text, source, source.note) for text, source in library.sources.items()]
    words = [(f"{_WORDS}{word}", source, source.note or _ABOUT_WORDS) for word, source in library.word_sources.items()]
    return {
        (context, english): _Wanted(context, english, note, source.mark)
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
        header_comment=f"# What Vestibule says to people, in {language}. See GLOSSARY.md beside the template.\n#",
        language_team=language,
        last_translator="Vestibule translators",
        fuzzy=False,
    )


def _status(locale: str, library: Library, catalog: Catalog) -> Status:
    found = [message.find(catalog) for message in _messages(library)]
    fuzzy = sum(1 for message in found if message and message.string and message.fuzzy)
    translated = sum(1 for message in found if message and message.string and not message.fuzzy)
    return Status(locale, translated, fuzzy, len(found) - translated - fuzzy)


def _check_template(library: Library, path: Path) -> Iterator[Problem]:
    if not path.exists():
        yield _error(Mark(str(path), 1, 1), "stale-pot", "there is no template. Run `vestibule catalogs extract`")
        return
    try:
        found = _said(read_catalog(path))
    except FlowError as error:
        yield from error.problems
        return
    made = _said(template(library))
    if found != made:
        changed = sum(found.get(key) != made.get(key) for key in {*found, *made})
        count = f"{changed} difference{'s' if changed > 1 else ''}"
        message = f"the template is older than the flows ({count}). Run `vestibule catalogs extract`"
        yield _error(Mark(str(path), 1, 1), "stale-pot", message)


def _said(catalog: Catalog) -> Mapping[tuple[str | None, str], Sequence[str]]:
    """What a translator sees of a template; positions move all the time and do not count. Comments are wrapped anew."""
    return {(m.context, str(m.id)): " ".join(m.auto_comments).split() for m in catalog if m.id}


def _check_header(locale: str, path: Path, catalog: Catalog) -> Iterator[Problem]:
    mark = Mark(str(path), 1, 1)
    try:
        Locale.parse(locale)
    except (UnknownLocaleError, ValueError):
        yield _error(mark, "unknown-locale", f"'{locale}' is not the code of a language that we know")
    if catalog.locale_identifier != locale:
        says = f"'{catalog.locale_identifier}'" if catalog.locale_identifier else "no language"
        message = f"this catalog lies in the folder of '{locale}', but its header names {says}. Is it the right file?"
        yield _error(mark, "wrong-language", message)


def _check_messages(library: Library, path: Path, catalog: Catalog) -> Iterator[Problem]:
    for wanted in _messages(library):
        message = wanted.find(catalog)
        if message is None:
            yield _missing(wanted.mark, wanted, f"is not in {path}. Run `vestibule catalogs update`")
            continue
        mark = Mark(str(path), message.lineno or 1, 1)
        if not message.string:
            yield _missing(mark, wanted, "is not translated")
        elif message.fuzzy:
            yield _missing(mark, wanted, "has changed since it was translated. Look at it, then take 'fuzzy' away")
        else:
            yield from _check_translation(mark, wanted, str(message.string))


def _check_translation(mark: Mark, wanted: _Wanted, translation: str) -> Iterator[Problem]:
    if wanted.context.startswith(_WORDS):
        if not split_words(translation):
            yield _missing(mark, wanted, "names no word")
        return
    names, translated = placeholders([wanted.english]), placeholders([translation])
    faults = [f"lacks {{{name}}}" for name in sorted(names - translated)]
    faults += [f"has {{{name}}}, which the English does not have" for name in sorted(translated - names)]
    if not faults and {"{", "}"}.intersection(PLACEHOLDER.sub("", translation)):
        faults = ["has a { or } that belongs to no placeholder"]
    if faults:
        message = f"the translation of '{wanted.context}' {', and '.join(faults)}"
        yield _error(mark, "placeholder-mismatch", message)


def _missing(mark: Mark, wanted: _Wanted, what: str) -> Problem:
    # specialists read the helpline's own language, so a language without their texts can still be offered
    severity = Severity.WARNING if wanted.context.startswith(_STAFF) else Severity.ERROR
    return Problem(mark, severity, "missing-translation", f"'{wanted.context}' {what}")


def _error(mark: Mark, code: str, message: str) -> Problem:
    return Problem(mark, Severity.ERROR, code, message)


def _written(catalog: Catalog) -> bytes:
    file = BytesIO()
    write_po(file, catalog, include_previous=True)
    return file.getvalue()


def _write(path: Path, catalog: Catalog) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.new")
    beside.write_bytes(_written(catalog))
    beside.replace(path)
