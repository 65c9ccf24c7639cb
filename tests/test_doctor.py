"""`vestibule doctor` without a homeserver: what it finds on the disk, what it says of it, and what it ends with."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import store
from bot.admin import control, doctor, remedies, verbs
from bot.admin.doctor import exit_code, holds_recovery_key
from bot.admin.lock import only_one
from bot.admin.setup import identity_record
from bot.channels.matrix.cryptostore import FILE as KEY_STORE
from bot.channels.matrix.identity import Own
from bot.channels.matrix.secretstorage import recovery_key
from bot.channels.matrix.selfcheck import Finding
from bot.config import Config
from bot.forms import grouped
from tests.test_staffing import BOT, CONFIG

ROOT = Path(__file__).parent.parent
SHOWN = recovery_key(bytes(range(32)))
OWN = Own(BOT, "DEVICE", token="t", master="A" * 43, complete=True)


@pytest.fixture
async def config(tmp_path: Path) -> Config:
    """An installation as setup leaves it, whose homeserver does not answer."""
    (tmp_path / "password").write_text("secret")
    (tmp_path / "config.toml").write_text(CONFIG)
    config = Config.read(tmp_path / "config.toml", {})
    master = store.MasterKey.make(config.store.key_file)
    await store.open(config.store.data_dir, config.store.url, master).close()
    keep(config, OWN)
    (config.store.data_dir / KEY_STORE).touch()
    return config


def keep(config: Config, own: Own) -> None:
    identity_record(config, store.MasterKey.read(config.store.key_file)).write(asdict(own))


def lines(config: Config) -> dict[str, str]:
    """Each finding's line, by its code; each is one line, and says whether it is well."""
    found = doctor.examine(config)
    said = {finding.code: remedies.line(finding) for finding in found}
    assert len(said) == len(found)
    assert all(re.fullmatch(r"(ok   |wrong)  [a-z-]+: .+", line) for line in said.values())
    return said


def wrong(config: Config) -> dict[str, str]:
    return {code: line for code, line in lines(config).items() if line.startswith("wrong")}


def test_where_only_the_homeserver_is_away_the_world_failed(config: Config) -> None:
    assert set(wrong(config)) == {"homeserver"}
    assert exit_code(doctor.examine(config)) == 3


def test_the_fingerprint_is_read_aloud(config: Config) -> None:
    assert f"fingerprint: {grouped('A' * 43)} " in lines(config)["fingerprint"]


def test_a_bot_that_runs_is_reported_and_is_no_error(config: Config) -> None:
    assert "no bot runs here" in lines(config)["rests"]
    with only_one(config.store.data_dir):
        assert "a bot runs here" in lines(config)["runs"]


def test_a_key_file_that_is_open_to_others_is_said_with_the_remedy(config: Config) -> None:
    config.store.key_file.chmod(0o640)
    assert "chmod 600" in wrong(config)["key-file"]
    assert exit_code(doctor.examine(config)) == 1


def test_a_key_file_that_is_gone_or_another_is_said(config: Config) -> None:
    config.store.key_file.write_bytes(bytes(32))
    assert "the right key file" in wrong(config)["identity-record"]
    config.store.key_file.unlink()
    assert "no key file" in wrong(config)["key-file"]


def test_a_data_dir_that_is_open_to_others_is_said_with_the_remedy(config: Config) -> None:
    config.store.data_dir.chmod(0o755)
    assert "chmod 700" in wrong(config)["data-dir-open"]


def test_before_setup_that_is_what_is_missing_and_nothing_is_made(config: Config, tmp_path: Path) -> None:
    empty = replace(
        config,
        store=replace(
            config.store,
            data_dir=tmp_path / "none",
            key_file=tmp_path / "none.key",
            url=f"sqlite:///{tmp_path / 'none' / 'vestibule.db'}",
        ),
    )
    before = set(tmp_path.rglob("*"))
    assert set(wrong(empty)) == {"data-dir", "key-file", "homeserver"}
    assert set(tmp_path.rglob("*")) == before


def test_a_lost_database_is_said_and_not_made_anew(config: Config) -> None:
    (config.store.data_dir / "vestibule.db").unlink()
    assert "restore the backup" in wrong(config)["database"]
    assert not (config.store.data_dir / "vestibule.db").exists()


def test_lost_encryption_keys_are_said_with_the_remedy(config: Config) -> None:
    (config.store.data_dir / KEY_STORE).unlink()
    assert "setup --recover" in wrong(config)["key-store"]


def test_a_data_dir_of_another_account_is_said(config: Config) -> None:
    keep(config, replace(OWN, user_id="@other:example.org"))
    assert "another account" in wrong(config)["account"]


def test_an_unfinished_setup_is_said_and_the_recovery_key_that_it_left(config: Config) -> None:
    keep(config, replace(OWN, complete=False, recovery="A" * 43))
    assert set(wrong(config)) == {"identity", "recovery-key-record", "homeserver"}


@pytest.mark.parametrize("name", ["recovery.txt", ".hidden", "data/notes", "keys/beside-the-key"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_recovery_key_that_lies_there_is_found_and_never_shown(
    config: Config, tmp_path: Path, name: str, encoding: str
) -> None:
    (tmp_path / "keys").mkdir()
    config = replace(
        config, store=replace(config.store, key_file=config.store.key_file.rename(tmp_path / "keys" / "key"))
    )
    assert "recovery-key" not in wrong(config)
    (tmp_path / name).write_text(f"Keep this!\nThe recovery key is: {SHOWN}\n", encoding=encoding)
    said = lines(config)
    assert str(tmp_path / name) in said["recovery-key"]
    assert exit_code(doctor.examine(config)) == 1
    assert not any(group in line for line in said.values() for group in SHOWN.split())


def test_what_cannot_be_read_as_a_file_is_passed_over(config: Config, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder").mkdir()
    assert "recovery-key" not in wrong(config)


@given(st.binary(min_size=32, max_size=32), st.text(alphabet="ab \n:-", max_size=20))
def test_every_recovery_key_is_known_by_its_form(secret: bytes, around: str) -> None:
    shown = recovery_key(secret)
    for form in (shown, shown.replace(" ", ""), shown.replace(" ", "\n"), shown.replace(" ", "\r\n  ")):
        assert holds_recovery_key(f"{around}{form}{around}".encode())


def test_what_only_looks_like_one_is_none() -> None:
    assert not holds_recovery_key(b"Es" + b"T" * 46)
    assert not holds_recovery_key(("A" * 43 + "\n").encode() * 100)
    assert not holds_recovery_key(SHOWN[:-1].encode())
    assert not holds_recovery_key(b"")


def test_every_finding_has_its_sentence_and_every_sentence_its_finding() -> None:
    sources = ("admin/doctor.py", "admin/signal/looking.py", "channels/matrix/selfcheck.py")
    text = "".join((ROOT / "bot" / source).read_text() for source in sources)
    made = set(re.findall(r'Finding\("([a-z-]+)"', text)) | {"homeserver", "runs", "rests", "signal-daemon"}
    assert made == set(remedies.SENTENCES)


@pytest.mark.parametrize(
    ("codes", "code"), [([], 0), (["homeserver"], 3), (["clock"], 1), (["homeserver", "clock"], 1)]
)
def test_the_exit_code_says_whose_fault_it_is(codes: list[str], code: int) -> None:
    well = [Finding("config", good=True), Finding("homeserver", good=True)]
    assert exit_code([*well, *(Finding(name, good=False) for name in codes)]) == code


class Reaching:
    unreached = 0


async def test_a_bot_that_cannot_reach_the_specialists_is_told(config: Config) -> None:
    desk = Reaching()
    async with control.listening(config.store.data_dir, verbs.of_rooms(desk)):
        well = await asyncio.to_thread(lines, config)
        desk.unreached = 2
        found = await asyncio.to_thread(wrong, config)
        code = exit_code(await asyncio.to_thread(doctor.examine, config))
    assert well["staff-reached"].startswith("ok")
    assert "nothing in 2 of the specialists' rooms" in found["staff-reached"]
    assert code == 1
