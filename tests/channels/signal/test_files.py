"""Files that come by Signal: sealed, erased at the daemon's, given out whole or not at all (laws 1 and 7)."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.channels.signal import files as module
from bot.channels.signal.files import Lost
from bot.channels.signal.sealed import CHUNK, TAG
from bot.domain import Attachment, Kind
from bot.errors import WorldError
from bot.flow import rows
from bot.ports import Failure, SendError
from tests.channels.signal.killed import JOURNAL
from tests.channels.signal.vaults import LINE, NAME, PICTURE, Place, claim, content

LARGE = 48 * 1024 * 1024  # bytes
LITTLE = 8 * 1024 * 1024


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def taken(place: Place, **changed: Any) -> Attachment | Lost:
    with place.vault() as vault:
        return await vault.take(claim(**changed), LINE)


async def test_a_file_is_sealed_and_the_daemon_loses_it(place: Place) -> None:
    plain, preview = place.plant(), place.plant(f"{NAME}.preview")
    with place.vault() as vault:
        attachment = await vault.take(claim(), LINE)
        assert isinstance(attachment, Attachment)
        assert not plain.exists()
        assert not preview.exists()
        assert place.in_clear() == []
        assert (attachment.channel, attachment.size, attachment.kind) == ("signal", len(PICTURE), Kind.IMAGE)
        assert place.kept() == [attachment.place]
        assert (place.data_dir / "files" / attachment.place).stat().st_mode & 0o777 == 0o600
        assert await content(vault, attachment) == PICTURE
        assert place.asked == []


@pytest.mark.parametrize("size", [1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
async def test_a_file_of_any_size_comes_back_as_it_was(place: Place, size: int) -> None:
    given = os.urandom(size)
    place.plant(content=given)
    with place.vault() as vault:
        attachment = await vault.take(claim(size=size), LINE)
        assert isinstance(attachment, Attachment)
        assert await content(vault, attachment) == given


async def test_a_file_that_cannot_be_read_in_its_folder_is_asked_for(place: Place) -> None:
    place.given[NAME] = PICTURE
    with place.vault(beside=False) as vault:
        attachment = await vault.take(claim(), LINE)
        assert isinstance(attachment, Attachment)
        assert await content(vault, attachment) == PICTURE
    assert place.in_clear() == []
    assert isinstance(await taken(place), Attachment)  # the folder is there, and the file is elsewhere
    assert place.asked == [NAME]  # and what was taken before is not asked for again


async def test_a_line_that_is_read_again_finds_its_file_again(place: Place) -> None:
    place.plant()
    first = await taken(place)
    assert isinstance(first, Attachment)
    assert await taken(place) == first
    assert place.kept() == [first.place]


async def test_no_two_files_share_a_key(place: Place) -> None:
    place.plant()
    place.plant("other.jpg")
    with place.vault() as vault:
        one, two = await vault.take(claim(), LINE), await vault.take(claim(id="other.jpg"), LINE)
    assert isinstance(one, Attachment)
    assert isinstance(two, Attachment)
    assert one.secret != two.secret
    assert one.place != two.place


async def test_the_key_is_forgotten_once_it_is_journaled(place: Place) -> None:
    place.plant()
    with place.vault() as vault:
        attachment = await vault.take(claim(), LINE)
        assert isinstance(attachment, Attachment)
        await vault.settle(LINE - 1)
        assert await vault.take(claim(), LINE) == attachment
        await vault.settle(LINE)
        assert await vault.take(claim(), LINE) is Lost.MISSING
        assert await content(vault, attachment) == PICTURE


async def test_the_key_is_forgotten_though_the_daemon_cannot_be_made_to_lose_the_file(place: Place) -> None:
    place.given[NAME] = PICTURE
    with place.vault(beside=False) as vault:
        attachment = await vault.take(claim(), LINE)
        assert isinstance(attachment, Attachment)
        assert attachment.secret in place.held_keys()
        await vault.settle(LINE)
        assert attachment.secret not in place.held_keys()


# --- what cannot be taken --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "size", "lost"),
    [
        (PICTURE[:-1], len(PICTURE), Lost.CUT),
        (PICTURE, len(PICTURE) - 1, Lost.CUT),
        (b"", len(PICTURE), Lost.EMPTY),
        (b"", 0, Lost.EMPTY),
        (None, len(PICTURE), Lost.MISSING),
    ],
)
@pytest.mark.parametrize("beside", [True, False])
async def test_what_is_not_whole_is_named_and_kept_nowhere(
    place: Place, found: bytes | None, size: int, lost: Lost, beside: bool
) -> None:
    if found is not None:
        place.given[NAME] = found
        place.plant(content=found)
    with place.vault(beside=beside) as vault:
        assert await vault.take(claim(size=size), LINE) is lost
        # what was refused is not taken for what was sealed
        assert await vault.take(claim(size=size), LINE) is lost
        await vault.settle(LINE)
    assert place.kept() == []
    assert (place.attachments / NAME).exists() is (found is not None and not beside)
    with place.vault() as vault:  # whoever names the folder later has it tidied
        await vault.sweep()
    assert not (place.attachments / NAME).exists()


@pytest.mark.parametrize("beside", [True, False])
async def test_a_file_without_end_is_not_read_to_its_end(
    place: Place, monkeypatch: pytest.MonkeyPatch, beside: bool
) -> None:
    monkeypatch.setattr(module, "MAX_FILE", len(PICTURE) - 1)
    place.plant()
    place.given[NAME] = PICTURE
    with place.vault(beside=beside) as vault:
        assert await vault.take(claim(size=None), LINE) is Lost.TOO_LARGE
        assert place.asked == [] if beside else [NAME]
        assert await vault.take(claim(id="as it says.jpg"), LINE) is Lost.TOO_LARGE
        assert "as it says.jpg" not in place.asked
    assert place.kept() == []


async def test_a_size_that_is_not_told_is_compared_with_nothing(place: Place) -> None:
    place.plant()
    assert isinstance(await taken(place, size=None), Attachment)


async def test_a_daemon_that_is_away_is_asked_again_and_nothing_is_erased(place: Place) -> None:
    place.given[NAME] = WorldError("away")
    assert await taken(place) is Lost.AWAY
    place.given[NAME] = PICTURE
    assert isinstance(await taken(place), Attachment)


async def test_a_disk_that_is_full_loses_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = place.plant()

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    with place.vault() as vault, monkeypatch.context() as patched:
        patched.setattr(module.os, "fsync", full)
        assert await vault.take(claim(), LINE) is Lost.AWAY
    assert plain.exists()
    assert place.kept() == []
    assert isinstance(await taken(place), Attachment)


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
async def test_what_is_no_file_is_not_followed(place: Place, kind: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(PICTURE)
    at = place.attachments / NAME
    match kind:
        case "link":
            at.symlink_to(tmp_path / "secret")
        case "folder":
            at.mkdir()
        case _:
            os.mkfifo(at)
    assert await taken(place) is Lost.MISSING
    assert (tmp_path / "secret").exists()


async def test_what_nobody_is_to_get_is_erased_at_the_daemons(place: Place) -> None:
    plain = place.plant()
    with place.vault() as vault:
        for name in (NAME, NAME, "", ".", "..", "../data", "/etc/passwd", "a\0b", "\ud800", "x" * 300):
            await vault.refuse(name, LINE)
    assert not plain.exists()
    assert place.data_dir.exists()


async def test_what_could_not_be_erased_is_erased_later(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, other = place.plant(), place.plant("other.jpg")

    def refuse(*_: object) -> None:
        raise PermissionError

    with place.vault() as vault:
        with monkeypatch.context() as patched:
            patched.setattr(module, "_unlink", refuse)
            await vault.take(claim(), LINE)
            await vault.refuse("other.jpg", LINE)
        assert plain.exists()
        await vault.settle(LINE)
        assert not plain.exists()
    with place.vault() as vault:
        await vault.sweep()
    assert not other.exists()


# --- what is given out -----------------------------------------------------------------------------------------------


async def kept(place: Place) -> tuple[Attachment, Path]:
    place.plant()
    attachment = await taken(place)
    assert isinstance(attachment, Attachment)
    return attachment, place.data_dir / "files" / attachment.place


async def refused(place: Place, attachment: Attachment) -> bytes:
    """What was given out before it was found to be broken."""
    found = []
    with place.vault() as vault, pytest.raises(SendError) as failed:
        async with vault.open(attachment) as pieces:
            found += [piece async for piece in pieces]
    assert failed.value.failure is Failure.REFUSED
    return b"".join(found)


@pytest.mark.parametrize("cut", [1, TAG, CHUNK - 5 + TAG, CHUNK + TAG, 3 * CHUNK])
async def test_a_file_that_was_cut_off_is_not_given_out(place: Place, cut: int) -> None:
    attachment, path = await kept(place)
    path.write_bytes(path.read_bytes()[:-cut])
    assert await refused(place, attachment) == b""
    shorter = replace(attachment, size=attachment.size - cut)  # and where its size would not tell
    with place.vault() as vault, pytest.raises(SendError):
        await content(vault, shorter)


@pytest.mark.parametrize("at", [0, CHUNK + TAG, 2 * CHUNK + 2 * TAG, -1])
async def test_a_chunk_that_was_changed_is_not_given_out(place: Place, at: int) -> None:
    attachment, path = await kept(place)
    sealed = bytearray(path.read_bytes())
    sealed[at] ^= 1
    path.write_bytes(sealed)
    with place.vault() as vault, pytest.raises(SendError):
        await content(vault, attachment)


async def test_chunks_that_changed_places_are_not_given_out(place: Place) -> None:
    attachment, path = await kept(place)
    sealed, one = path.read_bytes(), CHUNK + TAG
    path.write_bytes(sealed[one : 2 * one] + sealed[:one] + sealed[2 * one :])
    with place.vault() as vault, pytest.raises(SendError):
        await content(vault, attachment)


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "00" * 32},
        {"secret": "00"},
        {"secret": "no key"},
        {"secret": ""},
        {"place": "00" * 16},
        {"place": "../signal.db"},
        {"place": ""},
        {"size": 5},
    ],
)
async def test_what_is_no_file_of_ours_is_not_given_out(place: Place, wrong: dict[str, Any]) -> None:
    attachment, _ = await kept(place)
    assert await refused(place, replace(attachment, **wrong)) == b""


async def test_what_is_let_go_of_is_erased_once_and_for_all(place: Place) -> None:
    attachment, path = await kept(place)
    with place.vault() as vault:
        for place_ in (attachment.place, attachment.place, "../signal.db"):
            await vault.discard(replace(attachment, place=place_))
    assert not path.exists()
    assert (place.data_dir / "signal.db").exists()
    assert await refused(place, attachment) == b""


async def test_a_start_erases_what_was_not_finished_and_nothing_that_a_case_of_years_ago_may_name(place: Place) -> None:
    attachment, path = await kept(place)
    (path.parent / ("00" * 16 + ".part")).write_bytes(b"")
    os.utime(path, (0, 0))
    with place.vault() as vault:
        await vault.settle(LINE)
        await vault.sweep()
        assert place.kept() == [attachment.place]
        assert await content(vault, attachment) == PICTURE


async def test_a_folder_that_cannot_be_swept_keeps_nobody_from_listening(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    plain = place.plant()
    with place.vault() as vault:
        monkeypatch.setattr(module, "_sweep", refuse)
        with monkeypatch.context() as patched:
            patched.setattr(module, "_unlink", refuse)
            await vault.take(claim(), LINE)
        await vault.sweep()
    assert not plain.exists()


async def test_a_large_file_is_never_in_memory_as_a_whole(place: Place) -> None:
    with (place.attachments / NAME).open("wb") as file:
        file.truncate(LARGE)
    place.given[NAME] = b""
    tracemalloc.start()
    try:
        with place.vault() as vault:
            attachment = await vault.take(claim(size=LARGE), LINE)
            assert isinstance(attachment, Attachment)
            size = 0
            async with vault.open(attachment) as pieces:
                async for piece in pieces:
                    size += len(piece)
        assert size == LARGE
        assert tracemalloc.get_traced_memory()[1] < LITTLE
    finally:
        tracemalloc.stop()


# --- killed ----------------------------------------------------------------------------------------------------------


async def test_killed_at_any_line_nothing_is_in_clear_and_nothing_is_lost(tmp_path: Path) -> None:
    await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "tests.channels.signal.killed", tmp_path], check=True
    )
    lives = [tmp_path / name for name in sorted(os.listdir(tmp_path), key=int)]  # noqa: PTH208
    assert len(lives) > 50
    for folder in lives:
        place = Place(folder)
        assert place.in_clear() == []
        with place.vault() as vault:
            await vault.sweep()
            journal = folder / JOURNAL
            if journal.exists():
                attachment: Attachment | Lost = rows.attachment(json.loads(journal.read_text()))
            else:
                attachment = await vault.take(claim(), LINE)
            await vault.settle(LINE)
            assert isinstance(attachment, Attachment)
            assert await content(vault, attachment) == PICTURE
            assert list(place.attachments.iterdir()) == []
        assert place.in_clear() == []
        assert place.kept() == [attachment.place]
