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
from bot.channels.matrix.homeserver import HomeserverError
from bot.checking import check_compiled
from bot.config import Config, ConfigError
from bot.flow.engine import Engine
from bot.flow.machine import compile_flows
from bot.flow.model import FlowError, Severity
from bot.i18n import Catalogs, Texts
from bot.lock import only_one
from bot.services.desk import Desk
from bot.services.work import Staff
from bot.setup import CRYPTO_KEY, identity_record, reach

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
    """Load, check and compile the flows. A flow that breaks a law does not go live (law 12). Raises FlowError."""
    flows = library.read(config.flows.path)
    compiled = compile_flows(flows, config.helpline.locales)
    errors = [problem for problem in check_compiled(flows, compiled) if problem.severity is Severity.ERROR]
    if errors:
        raise FlowError(errors)
    texts = Texts(flows, Catalogs.read(config.flows.catalogs), config.texts_params, config.helpline.locales)
    return Content(Engine(compiled, texts.lexicons(), texts.languages()), texts)


def run(config: Config) -> None:
    """Run until SIGTERM or SIGINT.

    Raises ConfigError, FlowError, IdentityError and HomeserverError before it starts, SignedOutError whenever the
    homeserver ends the device's session.
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
    async with AsyncExitStack() as opened:
        kept = store.open(config.store.data_dir, config.store.url, master)
        opened.push_async_callback(kept.close)
        clock = SystemClock()
        matrix = await _matrix(config, master, clock.now)
        opened.push_async_callback(matrix.close)
        desk = Desk(
            store=kept,
            channels=[matrix],
            engine=content.engine,
            texts=content.texts,
            languages=content.texts.languages(),
            staff=Staff(
                channel=matrix.name,
                room=await _queue_room(matrix, config),
                members=frozenset(config.specialists.staff),
                leads=frozenset(lead.user for lead in config.specialists.leads),
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
    await reach(config)
    return await open_channel(
        config.matrix.homeserver,
        config.store.data_dir,
        identity_record(config, master),
        master.subkey(CRYPTO_KEY),
        config.matrix.user_id,
        config.specialists.staff,
        now,
    )


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
