"""What is wrong in the translators' files, and which languages are ready to be offered.

A language is ready when every text for requesters is translated and confirmed, and nothing in its catalog is an error.
One that is not ready is not offered: half of it would be said in another language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from babel.messages.catalog import Catalog

from bot.catalogs import SOURCE_LOCALE, TEMPLATE, WORDS, Wanted, messages, template
from bot.domain import TextId
from bot.flow.model import ChooseStep, FlowError, Library, Mark, Problem, Severity
from bot.i18n import PLACEHOLDER, CatalogFiles, is_language, placeholders, read_catalog, split_words

_STAFF = "staff."
_MISSING = {"missing-translation", "stale-translation"}
_COMMAND = re.compile(r"![a-z-]+")
_LETTERS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Language:
    """One language that is offered or has a catalog, and everything wrong with it."""

    locale: str
    file: str
    catalog: Catalog | None
    problems: tuple[Problem, ...] = ()

    @property
    def missing(self) -> int:
        """How many texts for requesters lack a confirmed translation."""
        return sum(problem.code in _MISSING and problem.severity is Severity.WARNING for problem in self.problems)

    @property
    def faulty(self) -> int:
        """How many errors there are."""
        return sum(problem.severity is Severity.ERROR for problem in self.problems)

    @property
    def ready(self) -> bool:
        """Whether it can be offered."""
        return not self.missing and not self.faulty

    def with_problems(self, problems: Iterable[Problem]) -> Language:
        """The same language, of which more is known."""
        return replace(self, problems=(*self.problems, *problems))

    def place(self, text: TextId, english: str) -> Mark:
        """Where the translation of this paragraph stands."""
        message = self.catalog.get(english, text) if self.catalog else None
        return Mark(self.file, (message.lineno if message else None) or 1, 1)

    def not_ready(self) -> Iterator[Problem]:
        """Why it is not offered, in one line."""
        if self.ready:
            return
        texts = f"{self.missing} text{'s' if self.missing > 1 else ''} to translate or to look at again"
        errors = f"{self.faulty} error{'s' if self.faulty > 1 else ''}"
        why = " and ".join([*([texts] if self.missing else []), *([errors] if self.faulty else [])])
        message = f"'{self.locale}' is not ready and will not be offered: {why}"
        yield Problem(Mark(self.file, 1, 1), Severity.WARNING, "language-not-ready", message)


def check_languages(library: Library, files: CatalogFiles, folder: Path, locales: Iterable[str]) -> Sequence[Language]:
    """Every language that is offered or has a catalog in the folder, but for the one that the flows are written in."""
    said = list(messages(library))
    keys = _routing_keys(library) - {wanted.english for wanted in said}
    offered = [locale for locale in locales if locale != SOURCE_LOCALE]
    return [
        _check_language(said, keys, locale, *files[locale])
        if locale in files
        else _without_catalog(locale, str(folder / locale / "LC_MESSAGES" / "messages.po"))
        for locale in dict.fromkeys([*files, *offered])
    ]


def check_template(library: Library, folder: Path) -> Iterator[Problem]:
    """What is wrong with the file that translations begin with."""
    path = folder / TEMPLATE
    error = partial(Problem, Mark(str(path), 1, 1), Severity.ERROR, "stale-pot")
    if not path.exists():
        yield error("there is no template. Run `vestibule catalogs extract`")
        return
    try:
        catalog = read_catalog(path)
    except FlowError as unreadable:
        yield from unreadable.problems
        return
    found, made = _said(catalog), _said(template(library))
    if found != made:
        changed = sum(found.get(key) != made.get(key) for key in {*found, *made})
        count = f"{changed} difference{'s' if changed > 1 else ''}"
        yield error(f"the template is older than the flows ({count}). Run `vestibule catalogs extract`")


def _said(catalog: Catalog) -> Mapping[tuple[str | None, str], Sequence[str]]:
    """What a translator sees of a template; positions move all the time and do not count. Comments are wrapped anew."""
    return {(m.context, str(m.id)): " ".join(m.auto_comments).split() for m in catalog if m.id}


def _without_catalog(locale: str, file: str) -> Language:
    message = f"'{locale}' is offered, but has no catalog. `vestibule catalogs update {locale}` begins one"
    return Language(locale, file, None, (Problem(Mark(file, 1, 1), Severity.ERROR, "missing-catalog", message),))


def _check_language(
    said: Sequence[Wanted], keys: Set[str], locale: str, file: str, read: Callable[[], Catalog]
) -> Language:
    try:
        catalog = read()
    except FlowError as error:
        return Language(locale, file, None, error.problems)
    problems = [*_check_header(locale, Mark(file, 1, 1), catalog), *_check_messages(said, file, catalog)]
    problems += _check_keys(keys, file, catalog)
    return Language(locale, file, catalog, tuple(problems))


def _check_header(locale: str, mark: Mark, catalog: Catalog) -> Iterator[Problem]:
    if not is_language(locale):
        message = f"'{locale}' is not the code of a language that we know"
        yield Problem(mark, Severity.ERROR, "unknown-locale", message)
    if catalog.locale_identifier != locale:
        says = f"'{catalog.locale_identifier}'" if catalog.locale_identifier else "no language"
        message = f"this catalog lies in the folder of '{locale}', but its header names {says}. Is it the right file?"
        yield Problem(mark, Severity.ERROR, "wrong-language", message)


def _is_for_staff(wanted: Wanted) -> bool:
    return wanted.context.startswith(_STAFF) or "/summary/" in wanted.context


def _check_messages(said: Sequence[Wanted], file: str, catalog: Catalog) -> Iterator[Problem]:
    for wanted in said:
        # specialists read the helpline's own language, so a language without their texts can still be offered
        severity = Severity.ADVICE if _is_for_staff(wanted) else Severity.WARNING
        message = wanted.find(catalog)
        name = f"'{wanted.context}'"
        if message is None:
            what = f"{name} is not in {file}. Run `vestibule catalogs update`"
            yield Problem(wanted.mark, severity, "missing-translation", what)
            continue
        mark = Mark(file, message.lineno or 1, 1)
        translation = message.string if isinstance(message.string, str) else ""
        if not translation.strip():
            yield Problem(mark, severity, "missing-translation", f"{name} is not translated")
        elif message.fuzzy:
            what = f"{name} has changed since it was translated. Look at it, then take 'fuzzy' away"
            yield Problem(mark, severity, "stale-translation", what)
        elif wanted.context.startswith(WORDS) and not split_words(translation):
            yield Problem(mark, severity, "missing-translation", f"{name} names no word")
        else:
            yield from _check_translation(mark, wanted, translation)


def _check_translation(mark: Mark, wanted: Wanted, translation: str) -> Iterator[Problem]:
    if translation == wanted.english and _is_sentence(translation):
        message = f"the translation of '{wanted.context}' is the English text, word for word"
        yield Problem(mark, Severity.WARNING, "same-as-source", message)
    if wanted.context.startswith(WORDS):
        return
    names, translated = placeholders([wanted.english]), placeholders([translation])
    faults = [f"lacks {{{name}}}" for name in sorted(names - translated)]
    faults += [f"has {{{name}}}, which the English does not have" for name in sorted(translated - names)]
    if not faults and {"{", "}"}.intersection(PLACEHOLDER.sub("", translation)):
        faults = ["has a { or } that belongs to no placeholder"]
    if faults:
        message = f"the translation of '{wanted.context}' {', and '.join(faults)}"
        yield Problem(mark, Severity.ERROR, "placeholder-mismatch", message)


def _is_sentence(text: str) -> bool:
    """Whether it is more than a name, a command, or one word that two languages may well share."""
    words = _LETTERS.findall(_COMMAND.sub("", PLACEHOLDER.sub("", text)))
    return any(word[0].islower() for word in words[1:])


def _check_keys(keys: Set[str], file: str, catalog: Catalog) -> Iterator[Problem]:
    for message in catalog:
        if message.id in keys:
            what = f"'{message.id}' is a name from the flow files, which nobody reads; never translate it. Take it out"
            yield Problem(Mark(file, message.lineno or 1, 1), Severity.ERROR, "routing-key", what)


def _routing_keys(library: Library) -> Set[str]:
    """Every name by which flow files lead from one thing to another."""
    keys = {*library.flows, *library.faq, *library.sources}
    for flow in library.flows.values():
        for step in flow.steps:
            keys.add(step.name)
            if isinstance(step, ChooseStep):
                keys.update(option.name for option in step.options)
    return keys
