"""`vestibule run`: builds everything once, runs until told to stop, and stops in order."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from bot import library, logs, store
from bot.channels.matrix.channel import MatrixChannel, open_channel
from bot.channels.matrix.homeserver import Homeserver, HomeserverError
from bot.channels.matrix.identity import IdentityError, read_own
from bot.channels.matrix.recovery import renewable
from bot.channels.matrix.selfcheck import self_check
from bot.channels.matrix.upkeep import DeviceSpentError
from bot.checking import judge
from bot.config import Config, ConfigError
from bot.flow.engine import Engine
from bot.flow.machine import compile_flows
from bot.flow.model import FlowError
from bot.flow.questions import finder
from bot.i18n import Catalogs, Texts
from bot.lock import only_one
from bot.services.desk import Desk
from bot.services.work import Staff
from bot.setup import CRYPTO_KEY, credential_of, identity_record, reach, recovery

SHORTEST_LIFE = 3600.0  # seconds between two renewals of a device: what happens more often is no accident

log = logging.getLogger(__name__)


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        """The time."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Content:
    """What the operators and translators wrote, compiled."""

    engine: Engine
    texts: Texts


def read_content(config: Config) -> Content:
    """Load, check and compile the flows. A flow that breaks a law does not go live (law 12), and a language that is
    not ready is not offered. Raises FlowError."""
    flows = library.read(config.flows.path)
    verdict = judge(flows, config.flows.catalogs, config.helpline.locales)
    if verdict.refused:
        raise FlowError(verdict.refused)
    for language in verdict.unready:
        counts = f"missing={language.missing} errors={language.faulty}"
        log.warning("language not offered: %s %s; `vestibule check` tells why", language.locale, counts)
    said = Catalogs.of({language.locale: language.catalog for language in verdict.languages if language.catalog})
    texts = Texts(flows, said, config.texts_params, verdict.ready)
    lexicons = texts.lexicons()
    compiled = compile_flows(flows, verdict.ready)
    return Content(Engine(compiled, lexicons, texts.languages(), finder(flows, lexicons)), texts)


def run(config: Config) -> None:
    """Run until SIGTERM or SIGINT.

    Raises ConfigError, FlowError, IdentityError and HomeserverError before it starts, SignedOutError whenever the
    homeserver ends the device's session, DeviceSpentError where the device needs a person to be replaced.
    """
    content = read_content(config)
    master = store.MasterKey.read(config.store.key_file)
    with only_one(config.store.data_dir):
        asyncio.run(_run(config, content, master))


async def _run(config: Config, content: Content, master: store.MasterKey) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(logs.loop_failed)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    renewals = Renewals(config, master)
    while not stopped.is_set():
        try:
            await _serve(config, content, master, renewals, stopped)
        except DeviceSpentError as spent:
            await renewals.renew(spent)


class Renewals:
    """Replaces a spent device without a person, where that is possible, and not for ever."""

    def __init__(self, config: Config, master: store.MasterKey) -> None:
        self._config = config
        self._master = master
        self._last: float | None = None  # seconds of the loop's clock

    async def go_on(self) -> None:
        """Finish a renewal that was interrupted."""
        own = read_own(identity_record(self._config, self._master))
        if own is not None and own.replacing and renewable(own, credential_of(self._config)):
            await self._make()

    async def renew(self, spent: DeviceSpentError) -> None:
        """A new signed device. Raises what says that this one is spent, where nothing can be done about it."""
        own = read_own(identity_record(self._config, self._master))
        began = asyncio.get_running_loop().time()
        if self._last is not None and began - self._last < SHORTEST_LIFE:
            raise spent
        if own is None or not renewable(own, credential_of(self._config)):
            raise spent
        log.error("this device is spent: its key store was put back from a copy. A new device takes its place")
        self._last = began
        await self._make()

    async def _make(self) -> None:
        homeserver = Homeserver(self._config.matrix.homeserver)
        try:
            await recovery(self._config, self._master, homeserver).renew()
        finally:
            await homeserver.close()


async def _serve(
    config: Config, content: Content, master: store.MasterKey, renewals: Renewals, stopped: asyncio.Event
) -> None:
    """The bot with the device that it has, until it is told to stop."""
    async with AsyncExitStack() as opened:
        kept = store.open(config.store.data_dir, config.store.url, master)
        opened.push_async_callback(kept.close)
        clock = SystemClock()
        await reach(config)
        await renewals.go_on()
        matrix = await _matrix(config, master, clock.now)
        opened.push_async_callback(matrix.close)
        await _warn(config, master)
        desk = Desk(
            store=kept,
            channels=[matrix],
            engine=content.engine,
            texts=content.texts,
            languages=content.texts.languages(),
            staff=Staff(
                channel=matrix.name,
                room=await _queue_room(matrix, config),
                members=config.specialists.staff,
                leads=frozenset(lead.user for lead in config.specialists.leads),
                bot=config.matrix.user_id,
                before_claim=config.vetting.before_claim,
            ),
            clock=clock,
            chance=secrets.token_bytes,
        )
        await desk.start()
        opened.push_async_callback(desk.stop)
        log.info("running")
        await _until(stopped, desk)
        log.info("stopping")


async def _until(stopped: asyncio.Event, desk: Desk) -> None:
    """Wait for the signal, or for what ends listening for good, which is raised here."""
    waits = [asyncio.create_task(stopped.wait()), asyncio.create_task(desk.listening())]
    done, others = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    for task in done:
        task.result()


async def _matrix(config: Config, master: store.MasterKey, now: Callable[[], datetime]) -> MatrixChannel:
    try:
        return await open_channel(
            config.matrix.homeserver,
            config.store.data_dir,
            identity_record(config, master),
            master.subkey(CRYPTO_KEY),
            config.matrix.user_id,
            config.specialists.staff,
            now,
        )
    except HomeserverError as error:
        if error.errcode != "M_UNKNOWN_TOKEN":
            raise
        raise IdentityError("the homeserver ended this device's session; run `vestibule setup`") from error


async def _warn(config: Config, master: store.MasterKey) -> None:
    """Say what is not well with the account, though the bot can run with it."""
    own = read_own(identity_record(config, master))
    if own is None:
        return
    homeserver = Homeserver(config.matrix.homeserver, own.token)
    try:
        for finding in await self_check(homeserver, own):
            if not finding.good:
                counts = (f"{name}={value}" for name, value in finding.params.items())
                log.warning("not well with the account: %s", " ".join((finding.code, *counts)))
    except HomeserverError as error:
        log.warning("the account could not be checked: %s", error)
    finally:
        await homeserver.close()


async def _queue_room(matrix: MatrixChannel, config: Config) -> str:
    try:
        return await matrix.resolve(config.specialists.room)
    except HomeserverError as error:
        if error.status != 404:
            raise
        raise ConfigError(
            f"{config.file}: [specialists] room names an alias that the homeserver does not know; "
            "make the room, or name it by its id"
        ) from error
