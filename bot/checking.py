"""What `vestibule check` looks at: flow files, what they compile to, the catalogs beside them, and a config."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot import catalogs, library
from bot.catalog_checks import Language, check_languages, check_template
from bot.config import LINKS, Config, ConfigError, Helpline, texts_params
from bot.domain import TextId
from bot.flow.checks import check
from bot.flow.collisions import Spoken as Told
from bot.flow.collisions import collisions
from bot.flow.lint import lint
from bot.flow.machine import Compiled, compile_flows
from bot.flow.model import ENTRY_FLOW, FlowError, Library, Mark, Problem, Severity, Source
from bot.i18n import CatalogFiles, Catalogs, Texts, catalog_files, catalogs_in, is_language, language_name
from bot.lengths import too_long
from bot.routes import unknown_topics
from bot.services import sayings

CATALOGS = "locales"  # beside the flows
STAND_INS = Helpline(  # for addresses and links where there is no config, so that no paragraph is left out
    help_address="<help_address>",
    legal_address="<legal_address>",
    general_address="<general_address>",
    links={link: f"<link_{link}>" for link in LINKS},
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything wrong with flows and catalogs, and what can be offered all the same.

    `flows`: of the flow files and what they compile to; `template`: of the translators' template; `languages`: of
    every language but the one that the flows are written in. `offered`: those asked for, the helpline's first.
    """

    flows: tuple[Problem, ...]
    template: tuple[Problem, ...]
    languages: tuple[Language, ...]
    offered: tuple[str, ...]

    @property
    def ready(self) -> tuple[str, ...]:
        """The languages that can be offered."""
        return ready(self.offered, self.languages)

    @property
    def unready(self) -> tuple[Language, ...]:
        """The languages that were asked for, and cannot be offered."""
        return tuple(each for each in self.languages if not each.ready and each.locale in self.offered)

    @property
    def refused(self) -> tuple[Problem, ...]:
        """What keeps these flows from going live (law 12)."""
        return tuple(problem for problem in self.flows if problem.severity is Severity.ERROR)

    def problems(self) -> list[Problem]:
        """All of it, in the order of the files."""
        found = [*self.flows, *self.template]
        for language in self.languages:
            found += language.problems
            if language.locale in self.offered:
                found += language.not_ready()
        return in_order(found)


def check_flows(folder: Path, locales: Sequence[str] | None = None) -> list[Problem]:
    """Everything wrong with a folder of flows and its catalogs; the languages offered are those that have a catalog,
    unless they are given."""
    try:
        flows = library.read(folder)
    except FlowError as error:
        return in_order(error.problems)
    return judge(flows, folder.parent / CATALOGS, locales).problems()


def check_config(file: Path, environ: Mapping[str, str]) -> list[Problem]:
    """Everything wrong with a config, and if nothing is, with the flows that it names.

    Raises ConfigError when there is no file that could be checked.
    """
    try:
        config = Config.read(file, environ)
    except ConfigError as error:
        if not error.problems:
            raise
        return in_order(error.problems)
    try:
        flows = library.read(_as_seen_from_here(config.flows.path))
    except FlowError as error:
        return in_order(error.problems)
    left_out = _left_out(flows, config.texts_params(catalogs.SOURCE_LOCALE))
    return in_order([*verdict_of(config, flows).problems(), *left_out, *_unknown_topics(config, flows)])


def verdict_of(config: Config, flows: Library) -> Verdict:
    """Judge the flows that a config names, and their catalogs."""
    return judge(flows, _as_seen_from_here(config.flows.catalogs), config.helpline.locales)


def found_locales(folder: Path) -> tuple[str, ...]:
    """The source language, and every language that has a catalog in this folder, in the order in which they ship."""
    found = [catalogs.SOURCE_LOCALE, *(path.parent.parent.name for path in catalog_files(folder))]
    shipped = [locale for locale in Helpline().locales if locale in found]
    return *shipped, *(locale for locale in found if locale not in shipped)


def judge(flows: Library, folder: Path, locales: Sequence[str] | None = None) -> Verdict:
    """Judge flows, and the catalogs in this folder for the languages to offer: by default all that have one."""
    offered = found_locales(folder) if locales is None else tuple(locales)
    files = catalogs_in(folder)
    translated = folder.is_dir() or set(offered) != {catalogs.SOURCE_LOCALE}
    template = tuple(check_template(flows, folder)) if translated else ()
    try:
        compiled = compile_flows(flows, offered)
    except FlowError as error:
        languages = check_languages(flows, files, folder, offered) if translated else ()
        return Verdict(error.problems, template, tuple(languages), offered)
    spoken = speak(flows, compiled, files, folder) if translated else Spoken((), Catalogs({}), {})
    found = [*check_compiled(flows, compiled), *lint(flows, compiled)]
    names = {locale: language_name(locale, catalogs.SOURCE_LOCALE) for locale in spoken.collisions}
    found += spoken.collisions.get(catalogs.SOURCE_LOCALE, ())
    found += too_long(flows, compiled, names, spoken.catalogs.translate)
    verdict = Verdict(tuple(found), template, spoken.languages, offered)
    if verdict.ready:
        return verdict
    return replace(verdict, flows=(*verdict.flows, none_ready(flows)))


def ready(offered: Iterable[str], languages: Iterable[Language]) -> tuple[str, ...]:
    """Those of the languages that can be offered."""
    unready = {language.locale for language in languages if not language.ready}
    return tuple(locale for locale in offered if locale not in unready)


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the languages of some flows are like: each with all that is wrong with it, what their translators wrote, and
    what cannot be told apart in each, in that of the flows too."""

    languages: tuple[Language, ...]
    catalogs: Catalogs
    collisions: Mapping[str, tuple[Problem, ...]]


def speak(flows: Library, compiled: Compiled, files: CatalogFiles, folder: Path) -> Spoken:
    """Read the catalogs for all languages that the machine was compiled for."""
    languages = check_languages(flows, files, folder, compiled.locales)
    heard = {language.locale: language for language in languages if language.catalog and is_language(language.locale)}
    said = Catalogs.of({locale: language.catalog for locale, language in heard.items() if language.catalog})
    told_apart = _collisions(flows, compiled, heard, said)
    judged = tuple(language.with_problems(told_apart.get(language.locale, ())) for language in languages)
    return Spoken(judged, said, told_apart)


def _collisions(
    flows: Library, compiled: Compiled, spoken: Mapping[str, Language], said: Catalogs
) -> dict[str, tuple[Problem, ...]]:
    """What cannot be told apart, in each language that is offered and can be read."""
    locales = [locale for locale in compiled.locales if locale in spoken or locale == catalogs.SOURCE_LOCALE]
    if not locales:
        return {}
    lexicons = Texts(flows, said, lambda locale: texts_params(STAND_INS, locale), locales).lexicons()
    heard = {
        locale: Told(locale, _named(locale), lexicons[locale], _place(flows, spoken.get(locale))) for locale in locales
    }
    return dict(collisions(replace(compiled, locales=tuple(locales)), heard))


def _place(flows: Library, language: Language | None) -> Callable[[TextId], Mark]:
    """Where the texts of a language stand: in its catalog, or those of the source language in the flow files."""

    def place(text: TextId) -> Mark:
        source = flows.sources.get(text) or flows.word_sources[text.removeprefix(catalogs.WORDS)]
        return language.place(text, source.paragraphs[0]) if language and source.paragraphs else source.mark

    return place


def _named(locale: str) -> str:
    return f"{language_name(locale, catalogs.SOURCE_LOCALE)} ({locale})"


def none_ready(flows: Library) -> Problem:
    """Why flows of which no language is ready cannot go live."""
    message = "none of the languages that the config offers is ready, so nothing could be said; see what each lacks"
    return Problem(flows.flows[ENTRY_FLOW].mark, Severity.ERROR, "no-language", message)


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Each problem once, in the order of the files and of the places in them."""
    return sorted(
        dict.fromkeys(problems), key=lambda problem: (problem.mark.file, problem.mark.line, problem.mark.column)
    )


def check_compiled(flows: Library, compiled: Compiled) -> list[Problem]:
    """What keeps flows from going live (law 12): a law that they break, or a text of the services that is gone."""
    return [*check(flows, compiled), *_unsaid(flows)]


def _unsaid(flows: Library) -> Iterator[Problem]:
    for text in sorted(sayings.ALL - flows.sources.keys()):
        file, _, name = text.partition(".")
        mark = next(
            (source.mark for key, source in flows.sources.items() if key.startswith(f"{file}.")), Mark("flows", 1, 1)
        )
        message = f"the bot says '{name}', which is missing in the 'texts' of 'phrases: {file}'"
        yield Problem(Mark(mark.file, 1, 1), Severity.ERROR, "missing-text", message)


def _left_out(flows: Library, params: Mapping[str, str]) -> list[Problem]:
    """What is not said because the config leaves an address or a link empty: one warning each, at the first place."""
    needed: dict[str, list[Source]] = {}
    for source in flows.sources.values():
        for name in source.names:
            if params.get(name) == "":
                needed.setdefault(name, []).append(source)
    return [_warning(name, sources) for name, sources in sorted(needed.items())]


def _warning(name: str, sources: Sequence[Source]) -> Problem:
    link = name.removeprefix("link_")
    setting = f"[helpline] {name}" if link == name else f"[helpline.links] {link}"
    texts = "this text leaves" if len(sources) == 1 else f"this text and {len(sources) - 1} more leave"
    message = f"{setting} is empty in the config, so {texts} out the paragraph that needs it"
    return Problem(sources[0].mark, Severity.WARNING, "left-out", message)


def _unknown_topics(config: Config, flows: Library) -> Sequence[Problem]:
    """What the config says of topics that no case can have; nothing where the flows do not compile."""
    try:
        return tuple(unknown_topics(config.specialists.rooms, compile_flows(flows, config.helpline.locales)))
    except FlowError:
        return ()


def _as_seen_from_here(path: Path) -> Path:
    """Places are read by people, and by scripts that compare them: as short as they can be."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
