"""`vestibule doctor` on the side of Signal, with the daemon's stand-in."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.admin import control, remedies, verbs
from bot.admin.doctor import exit_code
from bot.admin.signal.looking import counted, look
from bot.channels.database import open_database
from bot.channels.matrix.selfcheck import Finding
from bot.channels.signal.spool import NOT_UNDERSTOOD, SAYS_NOTHING, SENT_AGAIN, UNREADABLE, Spool
from bot.config import Signal
from tests.signald.handle import ACCOUNT, Signald


async def found(socket: Path, attachments: Path | None) -> dict[str, Finding]:
    looked = await look(Signal(socket, ACCOUNT[0], attachments))
    assert all(remedies.line(finding).startswith(("ok   ", "wrong")) for finding in looked)
    return {finding.code: finding for finding in looked}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (made := tmp_path / "attachments").mkdir()
    return made


def wrong(findings: dict[str, Finding]) -> set[str]:
    return {code for code, finding in findings.items() if not finding.good}


async def test_a_daemon_that_is_as_it_should_be(tmp_path: Path, folder: Path) -> None:
    async with Signald(tmp_path) as signald:
        findings = await found(signald.socket, folder)
    assert wrong(findings) == set()
    assert set(findings) == {"signal-daemon", "signal-one-account", "signal-files"}


async def test_a_daemon_that_is_away_is_the_fault_of_the_world(tmp_path: Path, folder: Path) -> None:
    findings = await found(tmp_path / "nobody", folder)
    assert wrong(findings) == {"signal-daemon"}
    assert exit_code(list(findings.values())) == 3
    assert "vestibule setup signal" in remedies.line(findings["signal-daemon"])


async def test_a_daemon_that_is_too_old(tmp_path: Path, folder: Path) -> None:
    async with Signald(tmp_path, version="0.14.6") as signald:
        findings = await found(signald.socket, folder)
    assert wrong(findings) == {"signal-version"}
    assert "0.14.6" in remedies.line(findings["signal-version"])
    assert exit_code(list(findings.values())) == 1


async def test_a_daemon_for_several_accounts(tmp_path: Path, folder: Path) -> None:
    async with Signald(tmp_path, multi=True) as signald:
        findings = await found(signald.socket, folder)
    assert wrong(findings) == {"signal-one-account"}


async def test_files_that_stay_in_clear(tmp_path: Path, folder: Path) -> None:
    async with Signald(tmp_path) as signald:
        assert wrong(await found(signald.socket, None)) == {"signal-files-unnamed"}
        (folder / "a1b2").write_bytes(b"in clear")
        findings = await found(signald.socket, folder)
    assert wrong(findings) == {"signal-files-left"}
    assert f"1 files lie in {folder}" in remedies.line(findings["signal-files-left"])


async def test_a_folder_that_nobody_has_sent_a_file_to_yet_is_no_fault(tmp_path: Path) -> None:
    async with Signald(tmp_path) as signald:
        assert wrong(await found(signald.socket, tmp_path / "not-yet")) == set()


async def test_what_the_bot_that_runs_counted_is_told(tmp_path: Path) -> None:
    database = open_database(tmp_path / "signal.db", bytes(32))
    spool = Spool(database)
    assert await asyncio.to_thread(counted, tmp_path) == []  # no bot runs
    async with control.listening(tmp_path, verbs.of_counts(spool)):
        assert await asyncio.to_thread(counted, tmp_path) == []
        for name in (SENT_AGAIN, NOT_UNDERSTOOD, UNREADABLE, SAYS_NOTHING):
            spool.count(name, 3)
        findings = await asyncio.to_thread(counted, tmp_path)
    lines = [remedies.line(finding) for finding in findings]
    assert len(lines) == 4
    assert all(" 3 " in line for line in lines)
    assert exit_code(findings) == 0
    database.close()
