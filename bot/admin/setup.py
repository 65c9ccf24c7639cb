"""`vestibule setup`: takes a config as written and makes what is missing: key file, database, device, identity.

Each part is made only where it is missing, so that a setup which was interrupted is finished by the next one; a
setup that is refused leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bot import store
from bot.admin.lock import only_one
from bot.channels.matrix.guard import Guard
from bot.channels.matrix.homeserver import Homeserver, HomeserverError
from bot.channels.matrix.identity import IdentityError, Own, establish, give_up, lists_device, own_keys
from bot.channels.matrix.recovery import Recovery, renewable, without_stale_store
from bot.channels.matrix.secretstorage import SecretStorageError, read_recovery_key
from bot.channels.matrix.signin import Credential, sign_in
from bot.config import Config, ConfigError, Password
from bot.store.record import SealedRecord

IDENTITY_FILE = "matrix-identity"
IDENTITY_KEY = "matrix/identity"  # labels of the master key's subkeys
CRYPTO_KEY = "matrix/crypto"


def identity_record(config: Config, master: store.MasterKey) -> SealedRecord:
    """Where the bot's Matrix identity is kept."""
    return SealedRecord(config.store.data_dir / IDENTITY_FILE, master.subkey(IDENTITY_KEY))


def recovery(config: Config, master: store.MasterKey, homeserver: Homeserver) -> Recovery:
    """What makes a new device under the same identity."""
    return Recovery(
        homeserver,
        identity_record(config, master),
        config.store.data_dir,
        master.subkey(CRYPTO_KEY),
        config.matrix.user_id,
        credential_of(config),
    )


def setup(config: Config, show: Callable[[str], None]) -> Own:
    """Make what is missing; `show` is given the recovery key, once.

    Raises ConfigError, IdentityError, and HomeserverError where the homeserver fails on the way.
    """
    return asyncio.run(_setup(config, show))


def recover(config: Config, shown: str) -> Own:
    """Make a new device under the identity that the recovery key opens. Raises SecretStorageError, too."""
    return asyncio.run(_recover(config, shown))


def reset_sentence(config: Config) -> str:
    """What an administrator types to have the account's identity replaced."""
    return f"reset the identity of {config.matrix.user_id}"


def reset_identity(config: Config, typed: str, show: Callable[[str], None]) -> Own:
    """Put a new identity in the place of the one that the account has, and that is lost.

    Raises what `setup` raises; where other words than `reset_sentence` were typed, nothing is changed.
    """
    if typed.strip() != reset_sentence(config):
        raise IdentityError(f"nothing was changed: to go on, type exactly `{reset_sentence(config)}`")
    return asyncio.run(_setup(config, show, reset=True))


async def _recover(config: Config, shown: str) -> Own:
    read_recovery_key(shown)  # mistyped: told before anything is made
    await reach(config)
    homeserver = Homeserver(config.matrix.homeserver)
    try:
        made = _missing(config)
        with only_one(config.store.data_dir):
            with _undone_if_refused(made):
                master = await _key_of_store(config)
                recovering = recovery(config, master, homeserver)
                await recovering.begin(shown)
            return await recovering.finish()
    finally:
        await homeserver.close()


async def _key_of_store(config: Config) -> store.MasterKey:
    """The master key, once the store has been opened with it."""
    master = _master_key(config)
    await store.open(config.store.data_dir, config.store.url, master).close()
    return master


async def _setup(config: Config, show: Callable[[str], None], *, reset: bool = False) -> Own:
    await reach(config)
    homeserver = Homeserver(config.matrix.homeserver)
    try:
        made = _missing(config)
        with only_one(config.store.data_dir):
            with _undone_if_refused(made):
                master = await _key_of_store(config)
                record = identity_record(config, master)
                own = await sign_in(homeserver, record, config.matrix.user_id, credential_of(config))
            if reset:
                own = without_stale_store(record, config.store.data_dir, await give_up(homeserver, record, own))
            elif own.replacing:
                return await recovery(config, master, homeserver).finish()
            elif await _lost_its_device(homeserver, config, own):
                return await recovery(config, master, homeserver).renew()
            guard = Guard(own.user_id, own.device_id, config.store.data_dir, master.subkey(CRYPTO_KEY))
            password = credential_of(config).password
            try:
                return await establish(homeserver, guard, record, own, password, show, reset=reset)
            finally:
                guard.close()
    finally:
        await homeserver.close()


async def reach(config: Config) -> None:
    """Make sure that a homeserver answers where the config says. Raises ConfigError."""
    homeserver = Homeserver(config.matrix.homeserver)
    try:
        await homeserver.versions()
    except HomeserverError as error:
        raise ConfigError(
            f"{config.file}: [matrix] homeserver: no Matrix homeserver answers at {config.matrix.homeserver}; "
            "correct the address, or start the homeserver"
        ) from error
    finally:
        await homeserver.close()


async def _lost_its_device(homeserver: Homeserver, config: Config, own: Own) -> bool:
    """Whether the device was logged out from outside, so that signing in made it anew, without its keys."""
    if not own.complete or not renewable(own, credential_of(config)):
        return False
    return not lists_device(await own_keys(homeserver, own), own)


def _missing(config: Config) -> Sequence[Path]:
    return [path for path in (config.store.data_dir, config.store.key_file) if not path.exists()]


def credential_of(config: Config) -> Credential:
    """How the config proves that the account is ours."""
    credential = config.matrix.credential
    if isinstance(credential, Password):
        return Credential(password=credential.value)
    return Credential(token=credential.value)


def _master_key(config: Config) -> store.MasterKey:
    if config.store.key_file.exists():
        return store.MasterKey.read(config.store.key_file)
    if (config.store.data_dir / store.KEYS_FILE).exists():
        raise ConfigError(
            f"{config.store.key_file}: the key file is gone, but {config.store.data_dir} was sealed with it; restore "
            "it from its copy. Without it nothing in there can be read"
        )
    return store.MasterKey.make(config.store.key_file)


@contextmanager
def _undone_if_refused(made: Sequence[Path]) -> Iterator[None]:
    """Refused before the account is ours, what this run made goes again: nothing is left half-written.

    Not so where the homeserver failed on the way: it may have made our device, which the next setup must find again.
    """
    try:
        yield
    except (ConfigError, IdentityError, SecretStorageError):
        for path in made:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        raise
