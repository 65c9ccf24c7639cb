"""What goes live: the flows that a config names, checked, kept as a release with who published it, and compiled.

An edit of the files changes nothing until it is published, and nothing that breaks a law is (law 12).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import pwd
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Thread

from babel.messages.catalog import Catalog

from bot import library
from bot.checking import check_compiled, none_ready, ready, speak, verdict_of
from bot.config import Config
from bot.domain import FIRST_RELEASE, Release
from bot.errors import VestibuleError
from bot.faq.finding import Understanding
from bot.flow.engine import Engine
from bot.flow.loader import load
from bot.flow.machine import compile_flows
from bot.flow.model import FlowError, Mark, Problem, Severity
from bot.i18n import CatalogFiles, Catalogs, Texts, catalog_files, language_name, parse_catalog
from bot.ports import Clock, Store, Tx
from bot.publishing.models import Shelf
from bot.services.releases import CATALOGS, FLOWS, MOST_KEPT, Content, Releases, flow_files

MAX_NAME = 80  # characters of a publisher's name

Files = Mapping[str, bytes]

log = logging.getLogger(__name__)


class PublishError(VestibuleError):
    """What cannot be published as asked; the message says why."""


@dataclass(frozen=True, slots=True)
class Published:
    """What publishing came to; `again`: the release that is live says the same, and nothing was stored.

    `unready` are the languages of the config in which it is not offered.
    """

    release: Release
    again: bool = False
    unready: tuple[str, ...] = ()


def read_files(config: Config) -> Files:
    """All that a release holds, as it lies in the folders that the config names. Raises FlowError."""
    flows, catalogs = config.flows.path, config.flows.catalogs
    found = {f"{FLOWS}{_below(name, flows)}": content for name, content in library.files(flows).items()}
    for path in catalog_files(catalogs):
        try:
            found[f"{CATALOGS}{_below(path, catalogs)}"] = path.read_bytes()
        except OSError as error:
            why = f"cannot be read: {(error.strerror or '').lower()}"
            raise FlowError([Problem(Mark(str(path), 1, 1), Severity.ERROR, "unreadable-file", why)]) from None
    return found


def digest(files: Files) -> str:
    """The same for the same files, and for no others: SHA-256 over their names, lengths and contents."""
    found = hashlib.sha256()
    for name, content in sorted(files.items()):
        found.update(f"{len(name.encode())} {len(content)} {name}".encode() + content)
    return found.hexdigest()


def compile_files(config: Config, files: Files) -> Content:
    """What a release says, compiled for those languages of the config that are ready in it. Raises FlowError."""
    flows = load(flow_files(files))
    offered = config.helpline.locales
    compiled = compile_flows(flows, offered)
    spoken = speak(flows, compiled, _catalogs(files), Path(CATALOGS))
    locales = ready(offered, spoken.languages)
    if not locales:
        raise FlowError([none_ready(flows)])
    if locales != offered:
        compiled = compile_flows(flows, locales)
    texts = Texts(flows, spoken.catalogs, config.texts_params, locales)
    lexicons = texts.lexicons()
    # nobody's message waits for what is learned: see `learn`
    understanding = Understanding(flows, lexicons, Shelf(config.store.data_dir).make, wait=False)
    engine = Engine(compiled, lexicons, texts.languages(), understanding, understanding.guess)
    return Content(flows, compiled, engine, texts, understanding)


def learn(contents: Sequence[Content]) -> None:
    """Let these learn from their phrasings, one after another: beside all else, and nothing that the end waits for."""
    learning = [content.understanding for content in contents if content.understanding is not None]

    def one_by_one() -> None:
        for understanding in learning:
            understanding.prepare()

    if learning:
        Thread(target=one_by_one, name="learning", daemon=True).start()


def unready(config: Config, content: Content) -> tuple[str, ...]:
    """The languages of the config that are not offered with this content: nobody new can choose them."""
    return tuple(locale for locale in config.helpline.locales if locale not in content.compiled.locales)


def catalogs_of(files: Files) -> Catalogs:
    """The translations of a release, of all catalogs that can be read."""
    found: dict[str, Catalog] = {}
    for locale, (_, read) in _catalogs(files).items():
        with suppress(FlowError):
            found[locale] = read()
    return Catalogs.of(found)


def read_checked(config: Config) -> tuple[Files, Content]:
    """What lies in the folders, where it may go live. Raises FlowError, PublishError."""
    files = read_files(config)
    refused = verdict_of(config, library.read(config.flows.path)).refused
    if refused:
        raise FlowError(refused)
    content = compile_files(config, files)
    if read_files(config) != files:
        raise PublishError("the files were changed while they were checked; nothing is published. Try again")
    return files, content


async def open_releases(config: Config, kept: Store) -> Releases | None:
    """The releases as they were published; None before the first. Raises FlowError where the latest cannot be used."""
    known = await kept.transact(lambda tx: tx.releases.log())
    if not known:
        return None
    latest = known[-1].number
    files = await kept.transact(lambda tx: tx.releases.files(latest))
    return _releases(config, latest, known, await asyncio.to_thread(_usable, config, latest, files))


async def go_live(config: Config, kept: Store, clock: Clock) -> Releases:
    """What the bot runs: the latest release. The very first start publishes what lies in the folders.

    Raises FlowError, PublishError.
    """
    releases = await open_releases(config, kept)
    if releases is None:
        files, content = await asyncio.to_thread(read_checked, config)
        first = await kept.transact(partial(_add, files, login_name(), False, clock))
        releases = _releases(config, first.number, [first], content)
    else:
        await _compare(config, kept, releases.latest.number)
        await _hold(config, kept, releases)
    _warn_of_unready(config, releases.latest.content)
    return releases


async def as_it_stands(config: Config, kept: Store) -> Releases:
    """The releases of a bot that does not run; before the first, what lies in the folders. Publishes nothing.

    Raises FlowError, PublishError.
    """
    releases = await open_releases(config, kept)
    if releases is not None:
        return releases
    _, content = await asyncio.to_thread(read_checked, config)
    return _releases(config, FIRST_RELEASE, [], content)


class Publisher:
    """Publishes, for a bot that runs (`live` is then what it runs) or while it does not."""

    def __init__(self, config: Config, kept: Store, clock: Clock, live: Releases | None) -> None:
        self._config = config
        self._store = kept
        self._clock = clock
        self._live = live

    async def publish(self, by: str, *, move: bool, seen: str) -> Published:
        """Let what lies in the folders go live. `seen` is the digest of what whoever asks has seen of it.

        With `move`, those who are inside go over to it. Raises FlowError, PublishError.
        """
        by = _name(by)
        files, content = await asyncio.to_thread(read_checked, self._config)
        if digest(files) != seen:
            raise PublishError("the bot reads other flow files than you do; is it the right config?")
        if content.understanding is not None:
            await asyncio.to_thread(content.understanding.prepare)
        # whoever asked may hang up: what has begun is ended, so that what runs is what is stored
        published = await asyncio.shield(asyncio.ensure_future(self._publish(files, content, by, move=move)))
        return replace(published, unready=unready(self._config, content))

    async def log(self) -> Sequence[Release]:
        """What was published, the first one first."""
        return await self._store.transact(lambda tx: tx.releases.log())

    async def _publish(self, files: Files, content: Content, by: str, *, move: bool) -> Published:
        known = await self.log()
        if known and known[-1].digest == digest(files) and not move:
            return Published(known[-1], again=True)
        release = await self._store.transact(partial(_add, files, by, move, self._clock))
        live = self._live
        if live is not None:  # on the store's thread, so between two steps
            await self._store.transact(lambda _: live.switch(release, content))
            _warn_of_unready(self._config, content)
        return Published(release)


def login_name() -> str:
    """Who runs this process, as the system calls them."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _add(files: Files, by: str, move: bool, clock: Clock, tx: Tx) -> Release:
    known = tx.releases.log()
    number = known[-1].number + 1 if known else FIRST_RELEASE
    release = Release(number, digest(files), clock.now(), by, moves=move)
    tx.releases.add(release, files)
    return release


def _releases(config: Config, latest: int, known: Sequence[Release], content: Content) -> Releases:
    languages = {locale: language_name(locale, locale) for locale in config.helpline.locales}

    def make(_number: int, files: Files) -> Content:
        content = compile_files(config, files)
        learn([content])
        return content

    return Releases((latest, content), known, make, languages, config.specialists.language)


def _usable(config: Config, number: int, files: Files) -> Content:
    """Raises FlowError where this program would not let it go live."""
    try:
        content = compile_files(config, files)
        problems = check_compiled(content.library, content.compiled)
    except FlowError as error:
        problems = list(error.problems)
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if not errors:
        return content
    message = "this version cannot run the flows that are live; `vestibule flows publish` lets those of the folder in"
    raise FlowError([Problem(Mark(f"release {number}", 1, 1), Severity.ERROR, "release-refused", message), *errors])


def _warn_of_unready(config: Config, content: Content) -> None:
    for locale in unready(config, content):
        log.warning("language not offered: %s; `vestibule check` tells why", locale)


async def _compare(config: Config, kept: Store, latest: int) -> None:
    """Say, once, that there is something that was not published."""
    stored = await kept.transact(lambda tx: tx.releases.files(latest))
    try:
        lying = await asyncio.to_thread(read_files, config)
    except FlowError:
        lying = {}
    differing = sum(lying.get(name) != stored.get(name) for name in {*lying, *stored})
    if differing:
        log.warning(
            "release %d is live; %d files in the flows folder differ from it, and are not used: see "
            "`vestibule flows diff`",
            latest,
            differing,
        )


async def _hold(config: Config, kept: Store, releases: Releases) -> None:
    """Compile what those who are inside are in before they write: it would hold up the store's thread then."""
    inside = await kept.transact(lambda tx: {session.release for session in tx.sessions.inside()})
    held = []
    for number in sorted(inside - {releases.latest.number})[-MOST_KEPT:]:
        with suppress(FlowError, KeyError):  # it is said when somebody needs it
            files = await kept.transact(partial(_files, number))
            content = await asyncio.to_thread(compile_files, config, files)
            await kept.transact(partial(_put, releases, number, content))
            held.append(content)
    learn(held)


def _files(number: int, tx: Tx) -> Files:
    return tx.releases.files(number)


def _put(releases: Releases, number: int, content: Content, _tx: Tx) -> None:
    releases.hold(number, content)


def _catalogs(files: Files) -> CatalogFiles:
    found = {name: content for name, content in files.items() if name.startswith(CATALOGS)}
    return {
        name.removeprefix(CATALOGS).split("/")[0]: (name, partial(parse_catalog, name, content))
        for name, content in found.items()
    }


def _below(path: str | Path, folder: Path) -> str:
    return Path(path).relative_to(folder).as_posix()


def _name(by: str) -> str:
    name = " ".join(by.split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise PublishError(f"--by: expected a name of at most {MAX_NAME} characters")
    return name
