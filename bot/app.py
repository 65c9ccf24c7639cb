"""`vestibule run`: builds everything once, runs until told to stop, and stops in order."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

from bot import logs, store
from bot.admin import control, verbs
from bot.admin.lock import only_one
from bot.admin.setup import CRYPTO_KEY, credential_of, identity_record, reach, recovery
from bot.channels.matrix.channel import MatrixChannel, open_channel
from bot.channels.matrix.homeserver import Homeserver, HomeserverError
from bot.channels.matrix.identity import IdentityError, read_own
from bot.channels.matrix.recovery import renewable
from bot.channels.matrix.selfcheck import check_rooms, self_check
from bot.channels.matrix.upkeep import DeviceSpentError
from bot.channels.signal.channel import Settings, SignalChannel, open_signal
from bot.config import Config, ConfigError
from bot.publishing import publisher as publishing
from bot.publishing import verbs as flow_verbs
from bot.services.desk import Desk
from bot.services.routing import DEFAULT, Rooms, Route
from bot.services.work import Retention, Silence, Staff

SHORTEST_LIFE = 3600.0  # seconds between two renewals of a device: what happens more often is no accident

SIGNAL_KEY = "signal/database"  # label of the master key's subkey

log = logging.getLogger(__name__)


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        """The time."""
        return datetime.now(UTC)


def staff_of(config: Config, ids: Mapping[str, str | None]) -> Staff:
    """Whom the config names as staff. `ids`: of the queue rooms, where known, by what the config calls each."""
    return Staff(
        channel=MatrixChannel.name,
        room=ids.get(config.specialists.room),
        members=config.specialists.staff,
        leads=frozenset(lead.user for lead in config.specialists.leads),
        directors=frozenset(director.user for director in config.specialists.directors),
        bot=config.matrix.user_id,
        before_claim=config.vetting.before_claim,
        rooms=_rooms(config, ids),
        languages=config.specialists.languages,
    )


def _rooms(config: Config, ids: Mapping[str, str | None]) -> Rooms:
    """The queue rooms beside the default one; what has two names in the config goes by the first."""
    names: dict[str, str] = {}
    for named in (config.specialists.room, *config.other_rooms):
        names.setdefault(ids.get(named) or named, DEFAULT if named == config.specialists.room else named)
    known = {named: names[ids.get(named) or named] for named in (config.specialists.room, *config.other_rooms)}
    return Rooms(
        ids={name: ids.get(name) for name in names.values() if name != DEFAULT},
        routes=tuple(Route(known[each.room], each.languages, each.topics) for each in config.specialists.rooms),
        vetting=None if config.vetting.room is None else known[config.vetting.room],
    )


def retention_of(config: Config) -> Retention:
    """How long what requesters said is kept."""
    return Retention(timedelta(days=config.retention.case), timedelta(days=config.retention.vetting))


def silence_of(config: Config) -> Silence:
    """When staff are told that somebody does not answer."""
    silence = config.specialists.silence
    return Silence(timedelta(hours=silence.requester_hours), timedelta(hours=silence.staff_hours))


def run(config: Config) -> None:
    """Run until SIGTERM or SIGINT.

    Raises ConfigError, FlowError, IdentityError and HomeserverError before it starts, SignedOutError whenever the
    homeserver ends the device's session, DeviceSpentError where the device needs a person to be replaced.
    """
    master = store.MasterKey.read(config.store.key_file)
    with only_one(config.store.data_dir):
        asyncio.run(_run(config, master))


async def _run(config: Config, master: store.MasterKey) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(logs.loop_failed)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    renewals = Renewals(config, master)
    while not stopped.is_set():
        try:
            await _serve(config, master, renewals, stopped)
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


async def _serve(config: Config, master: store.MasterKey, renewals: Renewals, stopped: asyncio.Event) -> None:
    """The bot with the device that it has, until it is told to stop."""
    async with AsyncExitStack() as opened:
        kept = store.open(config.store.data_dir, config.store.url, master)
        opened.push_async_callback(kept.close)
        clock = SystemClock()
        releases = await publishing.go_live(config, kept, clock)
        await reach(config)
        await renewals.go_on()
        matrix = await _matrix(config, master, clock.now)
        opened.push_async_callback(matrix.close)
        signal_channel = _signal(config, master, clock.now)
        if signal_channel is not None:
            opened.push_async_callback(signal_channel.close)
        desk = Desk(
            store=kept,
            channels=[matrix, *([signal_channel] if signal_channel else [])],
            releases=releases,
            staff=staff_of(config, await _queue_rooms(matrix, config)),
            clock=clock,
            chance=secrets.token_bytes,
            retention=retention_of(config),
            silence=silence_of(config),
            promise=config.promise,
        )
        await desk.start()
        opened.push_async_callback(desk.stop)
        asked = {**_verbs(desk, signal_channel), **flow_verbs.of_flows(config, kept, clock, releases)}
        await opened.enter_async_context(control.listening(config.store.data_dir, asked))
        log.info("running")
        publishing.learn([releases.latest.content])
        looking = asyncio.create_task(_warn(config, master))  # beside all else: nobody waits for it
        opened.callback(looking.cancel)
        await _until(stopped, desk)
        log.info("stopping")


def _verbs(desk: Desk, signal_channel: SignalChannel | None) -> Mapping[str, control.Handler]:
    """What the command line can ask of the bot while it runs."""
    always = {**verbs.of_staff(desk), **verbs.of_rooms(desk), **verbs.of_stats(desk.figures)}
    if signal_channel is None:
        return always
    return {
        **always,
        **verbs.of_challenges(signal_channel, desk.try_again),
        **verbs.of_counts(signal_channel),
    }


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


def _signal(config: Config, master: store.MasterKey, now: Callable[[], datetime]) -> SignalChannel | None:
    """The channel of a helpline that is on Signal, too. Whether its daemon is there shows while it is listened to."""
    if config.signal is None:
        return None
    settings = Settings(
        config.signal.socket,
        config.signal.account,
        config.signal.attachments,
        config.signal.changed_identity,
        config.signal.disappearing or None,
    )
    return open_signal(settings, config.store.data_dir, master.subkey(SIGNAL_KEY), now)


async def _warn(config: Config, master: store.MasterKey) -> None:
    """Say what is not well with the account, though the bot can run with it."""
    own = read_own(identity_record(config, master))
    if own is None:
        return
    homeserver = Homeserver(config.matrix.homeserver, own.token)
    try:
        for finding in (
            *await self_check(homeserver, own),
            *await check_rooms(homeserver, own, config.specialists.room, config.other_rooms),
        ):
            # the outbox is on its way into the queue room, and says so itself where it cannot come in
            if not finding.good and finding.code != "queue-joined":
                counts = (f"{name}={value}" for name, value in finding.params.items())
                log.warning("not well with the account: %s", " ".join((finding.code, *counts)))
    except HomeserverError as error:
        log.warning("the account could not be checked: %s", error)
    finally:
        await homeserver.close()


async def _queue_rooms(matrix: MatrixChannel, config: Config) -> Mapping[str, str | None]:
    """The ids of the queue rooms, by what the config calls each. Without the default one the bot does not run."""
    try:
        ids: dict[str, str | None] = {config.specialists.room: await matrix.resolve(config.specialists.room)}
    except HomeserverError as error:
        if error.status != 404:
            raise
        raise ConfigError(
            f"{config.file}: [specialists] room names an alias that the homeserver does not know; "
            "make the room, or name it by its id"
        ) from error
    for named in config.other_rooms:
        try:
            ids[named] = await matrix.resolve(named)
        except HomeserverError as error:
            log.warning(
                "a queue room beside the default one is not known to the homeserver: %s; make it or mend its name, "
                "start the bot again, and invite it",
                error,
            )
            ids[named] = None
    return ids
