"""What `vestibule check` looks at: flow files, what they compile to, the catalogs beside them, and a config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bot import catalogs, library
from bot.config import Config, ConfigError, Helpline
from bot.flow.checks import check
from bot.flow.machine import Compiled, compile_flows
from bot.flow.model import FlowError, Library, Mark, Problem, Severity, Source
from bot.i18n import catalog_files
from bot.services import sayings

CATALOGS = "locales"  # beside the flows

_UNTRANSLATED = ("missing-translation", "missing-catalog", "stale-pot")


def check_flows(folder: Path, locales: Sequence[str] | None = None) -> list[Problem]:
    """Everything wrong with a folder of flows and its catalogs; the languages offered are those that have a catalog,
    unless they are given."""
    try:
        flows = library.read(folder)
    except FlowError as error:
        return list(error.problems)
    return _check_library(flows, folder.parent / CATALOGS, locales)


def check_config(file: Path, environ: Mapping[str, str]) -> list[Problem]:
    """Everything wrong with a config, and if nothing is, with the flows that it names.

    Raises ConfigError when there is no file that could be checked.
    """
    try:
        config = Config.read(file, environ)
    except ConfigError as error:
        if not error.problems:
            raise
        return list(error.problems)
    try:
        flows = library.read(_as_seen_from_here(config.flows.path))
    except FlowError as error:
        return list(error.problems)
    problems = _check_library(flows, _as_seen_from_here(config.flows.catalogs), config.helpline.locales)
    return problems + _left_out(flows, config.texts_params(catalogs.SOURCE_LOCALE))


def unsafe(config: Config) -> list[Problem]:
    """What keeps the flows that a config names from going live: every error, but for what is only not translated yet.

    That is said in the language of the flows, and must not hold up an urgent edit. Raises FlowError.
    """
    flows = library.read(_as_seen_from_here(config.flows.path))
    problems = _check_library(flows, _as_seen_from_here(config.flows.catalogs), config.helpline.locales)
    return [found for found in problems if found.severity is Severity.ERROR and found.code not in _UNTRANSLATED]


def found_locales(folder: Path) -> tuple[str, ...]:
    """The source language, and every language that has a catalog in this folder, in the order in which they ship."""
    found = [catalogs.SOURCE_LOCALE, *(path.parent.parent.name for path in catalog_files(folder))]
    shipped = [locale for locale in Helpline().locales if locale in found]
    return *shipped, *(locale for locale in found if locale not in shipped)


def _check_library(flows: Library, folder: Path, locales: Sequence[str] | None) -> list[Problem]:
    offered = found_locales(folder) if locales is None else tuple(locales)
    try:
        problems = check_compiled(flows, compile_flows(flows, offered))
    except FlowError as error:
        problems = list(error.problems)
    if folder.is_dir() or set(offered) != {catalogs.SOURCE_LOCALE}:
        problems += catalogs.check(flows, folder, offered)
    return problems


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


def _as_seen_from_here(path: Path) -> Path:
    """Places are read by people, and by scripts that compare them: as short as they can be."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
