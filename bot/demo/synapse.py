"""A real homeserver on loopback, for the demo and the tests: Synapse with SQLite in a folder of its own.

It talks to nobody: no federation, no statistics, no listener but the one on 127.0.0.1. It ends with the process that
started it, however that ends.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import secrets
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import yaml

from bot.demo.child import as_child
from bot.errors import WorldError

START_SECONDS = 60.0  # 2 s on an idle machine; a busy one gets time
STOP_SECONDS = 10.0
POLL_SECONDS = 0.02
LOG_TAIL = 30  # lines of Synapse's log in an error
# below the range that Linux takes outgoing ports from: a client that retries while Synapse is down
# could otherwise be given its very port, and keep it from coming back
PORTS = range(20_000, 32_000)


class SynapseError(WorldError):
    """The homeserver did not start, or did not do as asked. The message ends with the tail of its log."""


@dataclass(frozen=True, slots=True)
class Account:
    """Someone on the homeserver."""

    user_id: str = field(repr=False)
    password: str = field(repr=False)


class Synapse:
    """A homeserver: `async with Synapse() as synapse`.

    Accounts and messages outlive `kill`, `start` and `restart`, and are gone when the block ends. `folder` holds
    the database (`homeserver.db`) and the log; tests look there.
    """

    def __init__(self, server_name: str = "localhost") -> None:
        self.server_name = server_name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._temporary = tempfile.TemporaryDirectory(prefix="vestibule-synapse-")
        self.folder = Path(self._temporary.name)
        self._secret = secrets.token_hex(32)
        self._process: subprocess.Popen[bytes] | None = None
        write_config(self.folder, server_name, self.port, self._secret)

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            self._temporary.cleanup()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.stop()
        finally:
            self._temporary.cleanup()

    @property
    def pid(self) -> int | None:
        """The running process, for measuring it from outside."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start and wait until it answers. Raises SynapseError with the log's tail."""
        if self._process:
            return
        self._process = launch(self.folder)
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._answers(self._process)
        except TimeoutError:
            await self.kill()
            raise self._failure(f"Synapse did not answer within {START_SECONDS:.0f} seconds") from None
        except BaseException:
            await self.kill()
            raise

    async def stop(self) -> None:
        """Stop in good order; with force where that takes too long."""
        if not self._process:
            return
        self._process.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._ended(self._process)
        await self.kill()

    async def kill(self) -> None:
        """End it with SIGKILL, in the middle of whatever it does."""
        if not self._process:
            return
        self._process.kill()
        await self._ended(self._process)
        self._process = None

    async def restart(self) -> None:
        """Stop in good order and start again: same port, same accounts."""
        await self.stop()
        await self.start()

    async def register(self, name: str | None = None, *, admin: bool = False) -> Account:
        """Make an account, with a random name unless one is asked for, through the shared-secret admin API."""
        name = name or f"p{secrets.token_hex(6)}"
        password = secrets.token_urlsafe(18)
        url = f"{self.url}/_synapse/admin/v1/register"
        async with aiohttp.ClientSession() as http:
            async with http.get(url) as response:
                nonce: str = (await response.json())["nonce"]
            body = {
                "nonce": nonce,
                "username": name,
                "password": password,
                "admin": admin,
                "inhibit_login": True,  # no device that nobody uses
                "mac": registration_mac(self._secret, nonce, name, password, admin=admin),
            }
            async with http.post(url, json=body) as response:
                answer = await response.json()
                if response.status != 200:
                    raise SynapseError(f"Synapse refused to make an account: {answer.get('error', response.status)}")
        return Account(str(answer["user_id"]), password)

    async def _answers(self, process: subprocess.Popen[bytes]) -> None:
        timeout = aiohttp.ClientTimeout(total=1)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            while True:
                if process.poll() is not None:
                    raise self._failure(f"Synapse ended with exit code {process.returncode} while starting")
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with http.get(f"{self.url}/_matrix/client/versions") as response:
                        if response.status == 200:
                            return
                await asyncio.sleep(POLL_SECONDS)

    async def _ended(self, process: subprocess.Popen[bytes]) -> None:
        # polled: asyncio's subprocesses belong to one event loop, and this one serves tests that have a loop each
        while process.poll() is None:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)

    def _failure(self, what: str) -> SynapseError:
        return SynapseError(f"{what}. The end of its log:\n{log_tail(self.folder)}")


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on. Between this look and Synapse's own another program may take it."""
    for port in secrets.SystemRandom().sample(PORTS, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise SynapseError(f"no free port on 127.0.0.1 between {PORTS.start} and {PORTS.stop}")


def registration_mac(secret: str, nonce: str, name: str, password: str, *, admin: bool) -> str:
    """What proves that we hold the shared secret (Synapse's "Shared-Secret Registration")."""
    parts = (nonce, name, password, "admin" if admin else "notadmin")
    return hmac.new(secret.encode(), "\0".join(parts).encode(), hashlib.sha1).hexdigest()


def launch(folder: Path) -> subprocess.Popen[bytes]:
    """Run Synapse with our own interpreter; what it prints goes to a file of its own."""
    arguments = (sys.executable, *as_child("synapse.app.homeserver"), "-c", str(folder / "homeserver.yaml"))
    with (folder / "output.log").open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own interpreter, our own arguments
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            start_new_session=True,  # Ctrl-C in the terminal is for us, who stop it in good order
        )


def log_tail(folder: Path) -> str:
    lines: list[str] = []
    for name in ("homeserver.log", "output.log"):
        with contextlib.suppress(FileNotFoundError):
            lines += (folder / name).read_text(errors="replace").splitlines()[-LOG_TAIL:]
    return "\n".join(lines) or "(empty)"


def write_config(folder: Path, server_name: str, port: int, shared_secret: str) -> None:
    """Write all that Synapse reads: its configuration, its signing key, where to log."""
    seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    (folder / "signing.key").write_text(f"ed25519 a_{secrets.token_hex(2)} {seed}\n")
    (folder / "log.yaml").write_text(yaml.safe_dump(log_config(folder)))
    (folder / "homeserver.yaml").write_text(yaml.safe_dump(config(folder, server_name, port, shared_secret)))


def log_config(folder: Path) -> dict[str, Any]:
    handler = {"class": "logging.FileHandler", "filename": str(folder / "homeserver.log"), "formatter": "plain"}
    return {
        "version": 1,
        "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {"file": handler},
        "root": {"level": "WARNING", "handlers": ["file"]},
        "disable_existing_loggers": False,
    }


def config(folder: Path, server_name: str, port: int, shared_secret: str) -> dict[str, Any]:
    """Synapse's configuration: nothing that a room of a few people on one machine does not need."""
    often = {"per_second": 10_000, "burst_count": 10_000}
    return {
        "server_name": server_name,
        "public_baseurl": f"http://127.0.0.1:{port}/",
        "listeners": [
            {
                "port": port,
                "type": "http",
                "bind_addresses": ["127.0.0.1"],
                "resources": [{"names": ["client"], "compress": False}],
            }
        ],
        "database": {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}},
        "log_config": str(folder / "log.yaml"),
        "signing_key_path": str(folder / "signing.key"),
        "media_store_path": str(folder / "media"),
        "max_upload_size": "1M",
        "registration_shared_secret": shared_secret,
        "macaroon_secret_key": secrets.token_hex(16),
        "form_secret": secrets.token_hex(16),
        "bcrypt_rounds": 4,  # accounts that live for minutes; the usual 12 take a quarter of a second a login
        "trusted_key_servers": [],
        "federation_domain_whitelist": [],
        "report_stats": False,
        "stats": {"enabled": False},
        "presence": {"enabled": False},
        "user_directory": {"enabled": False},
        "enable_search": False,
        "url_preview_enabled": False,
        "push": {"enabled": False},
        "filter_timeline_limit": 1_000,  # a burst must not hide messages behind a gap
        "rc_login": {"address": often, "account": often, "failed_attempts": often},
        "rc_joins": {"local": often, "remote": often},
        "rc_invites": {"per_room": often, "per_user": often, "per_issuer": often},
        **dict.fromkeys(("rc_message", "rc_joins_per_room", "rc_room_creation", "rc_key_requests"), often),
    }
