"""A stolen disk names nobody and quotes nobody; a changed one is told from a whole one."""

from __future__ import annotations

import base64
import json
import logging
import sqlite3
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest
import sqlalchemy as sa

import bot.store
from bot.domain import ConversationId
from bot.ports import Tx
from bot.store import KeyFileError, MasterKey, RecordBroken, schema
from bot.store.sealing import KEY_BYTES, Box, Lookup
from tests.store import samples
from tests.store.samples import CASE, DEEDS, ENTRIES, FULL_MESSAGE, HAPPENINGS, REQUESTER, SESSION, arrival, message


def fill(tx: Tx) -> None:
    """Every kind of row, every field of it filled."""
    samples.introduce(tx)
    tx.set_token("matrix", "s1")
    for number, what in enumerate(HAPPENINGS):
        tx.journal.add(REQUESTER.id, arrival(f"$planted-event-{number}", what))
    tx.sessions.save(REQUESTER.id, SESSION)
    tx.outbox.add(FULL_MESSAGE)
    for number, deed in enumerate(DEEDS):
        tx.outbox.add(message(f"m{number}", deed))
    tx.timers.set(samples.TIMER)
    tx.cases.add(CASE)
    for change in samples.CHANGES:
        tx.cases.change(CASE.number, change)
    for entry in ENTRIES:
        tx.entries.add(entry)
    tx.copies.add(samples.ORIGIN, samples.COPY)
    tx.cards.save(CASE.number, samples.CARD)
    tx.roster.add(samples.LISTED)
    tx.traces.add(samples.TRACE, samples.FORM)
    tx.releases.add(samples.RELEASE, samples.FILES)


def everything(data_dir: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(data_dir.rglob("*")) if path.is_file())


def texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from texts_in(item)
    elif is_dataclass(value):
        for entry in fields(value):
            yield from texts_in(getattr(value, entry.name))


def planted() -> set[str]:
    """Every text in the samples that names a person, quotes one, or says what they chose."""
    values = (*HAPPENINGS, *DEEDS, *ENTRIES, *samples.CHANGES, SESSION, CASE, FULL_MESSAGE, arrival("$planted-event-0"))
    values = (*values, samples.ORIGIN, samples.COPY, samples.CARD, samples.LISTED, samples.RELEASE, samples.FORM)
    values = (*values, *(content.decode(errors="ignore") for content in samples.FILES.values()))
    rooms = (samples.REQUESTER, samples.SECOND, samples.RELAY, samples.NOTES, samples.QUEUE)
    found = set(texts_in((values, rooms)))
    return {text for text in found if "planted" in text or " " in text}


def looks(text: str) -> Iterator[bytes]:
    """How a text might lie on a disk."""
    raw = text.encode("utf-8", "surrogatepass")
    yield raw
    yield json.dumps(text)[1:-1].encode()
    yield text.encode("utf-16-le", "surrogatepass")
    yield raw.hex().encode()
    yield base64.b64encode(raw).rstrip(b"=")[:-1]


async def test_nothing_planted_in_any_field_lies_in_clear_in_any_file(data_dir: Path, master: MasterKey) -> None:
    store = bot.store.open(data_dir, None, master)
    await store.transact(fill)
    while_open = everything(data_dir)
    [(row, _), *_] = await store.transact(lambda tx: tx.journal.pending(REQUESTER.id))
    await store.transact(lambda tx: tx.journal.empty(row))
    await store.transact(lambda tx: tx.outbox.empty(FULL_MESSAGE.id))
    await store.close()
    for disk in (while_open, everything(data_dir)):
        assert b"c-requester" in disk, "the search finds what does lie in clear"
        for text in planted():
            for look in looks(text):
                assert look not in disk, f"a planted text lies in clear: {text!r}"
        assert master.secret not in disk


def test_every_text_that_a_sample_carries_is_planted() -> None:
    """The search above is only as good as the samples: each sealed field has a text that is searched for."""
    for value in (
        *DEEDS,
        SESSION,
        CASE,
        FULL_MESSAGE,
        REQUESTER,
        HAPPENINGS[0],
        samples.FILE,
        samples.CARD,
        samples.LISTED,
        samples.RELEASE,
    ):
        empty = [entry.name for entry in fields(value) if getattr(value, entry.name) in (None, "", (), False, 0)]
        assert not empty, f"{type(value).__name__} leaves {empty} out of the search"


@pytest.fixture
def open_directory(data_dir: Path) -> Path:
    data_dir.mkdir(mode=0o755)
    return data_dir


def modes_in(directory: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in (directory, *directory.iterdir())}


async def test_the_files_are_the_owners_alone(open_directory: Path, master: MasterKey) -> None:
    store = bot.store.open(open_directory, None, master)
    await store.transact(fill)
    modes = modes_in(open_directory)
    assert modes.pop(open_directory.name) == 0o700
    assert {"vestibule.db", "vestibule.db-wal", "vestibule.db-shm", "keys.db", "keys.db-wal"} <= set(modes)
    assert set(modes.values()) == {0o600}
    await store.close()


async def test_an_erased_row_leaves_no_trace_of_its_sealed_bytes(data_dir: Path, master: MasterKey) -> None:
    store = bot.store.open(data_dir, None, master)
    await store.transact(fill)
    await store.close()
    with sqlite3.connect(data_dir / "vestibule.db") as raw:
        [(sealed,)] = raw.execute("SELECT message FROM outbox WHERE id = 'm-full'").fetchall()
    raw.close()
    assert sealed in everything(data_dir)
    store = bot.store.open(data_dir, None, master)
    await store.transact(lambda tx: tx.outbox.empty("m-full"))
    await store.close()
    assert sealed not in everything(data_dir)


async def test_a_key_is_on_the_disk_before_the_transaction_that_uses_it(data_dir: Path, master: MasterKey) -> None:
    store = bot.store.open(data_dir, None, master)

    def add_and_look(tx: Tx) -> None:
        tx.conversations.add(REQUESTER)
        other = sqlite3.connect(data_dir / "keys.db")
        found = other.execute("SELECT id FROM keys").fetchall()
        other.close()
        raise LookupError(found)

    for _ in range(2):  # and the key of a transaction that was rolled back serves the next one
        with pytest.raises(LookupError, match="c-requester"):
            await store.transact(add_and_look)
    await store.transact(lambda tx: tx.conversations.add(REQUESTER))
    assert await store.transact(lambda tx: tx.conversations.get(REQUESTER.id)) == REQUESTER
    await store.close()


# --- damage


SEALED = [
    ("conversations", "room", lambda tx: tx.conversations.get(REQUESTER.id)),
    ("conversations", "contact", lambda tx: tx.conversations.get(REQUESTER.id)),
    ("conversations", "identity", lambda tx: tx.conversations.get(REQUESTER.id)),
    ("conversations", "name", lambda tx: tx.conversations.get(REQUESTER.id)),
    ("journal", "arrival", lambda tx: tx.journal.pending(REQUESTER.id)),
    ("sessions", "session", lambda tx: tx.sessions.load(REQUESTER.id)),
    ("outbox", "message", lambda tx: tx.outbox.head(REQUESTER.id)),
    ("cases", "about", lambda tx: tx.cases.get(CASE.number)),
    ("cases", "answers", lambda tx: tx.cases.get(CASE.number)),
    ("cases", "note", lambda tx: tx.cases.get(CASE.number)),
    ("cases", "staff", lambda tx: tx.cases.get(CASE.number)),
    ("case_words", "words", lambda tx: tx.entries.of(CASE.number)),
    ("copies", "event", lambda tx: tx.copies.of(samples.ORIGIN)),
    ("case_cards", "card", lambda tx: tx.cards.of(CASE.number)),
    ("roster", "listed", lambda tx: tx.roster.listed()),
    ("releases", "publisher", lambda tx: tx.releases.log()),
    ("releases", "files", lambda tx: tx.releases.files(samples.RELEASE.number)),
]
DAMAGE = {
    "cut": lambda sealed: sealed[:-1],
    "flipped": lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1]),
    "other format": lambda sealed: b"\x02" + sealed[1:],
    "empty": lambda sealed: b"",
    "short": lambda sealed: sealed[:5],
    "in clear": lambda sealed: b'["planted in the database"]',
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize(("table", "column", "read"), SEALED, ids=[f"{t}.{c}" for t, c, _ in SEALED])
async def test_bad_bytes_are_named_without_their_content(
    data_dir: Path, master: MasterKey, table: str, column: str, read, damage: str
) -> None:
    store = bot.store.open(data_dir, None, master)
    await store.transact(fill)
    await store.close()
    raw = sqlite3.connect(data_dir / "vestibule.db")
    for row, sealed in raw.execute(f"SELECT rowid, {column} FROM {table} WHERE {column} IS NOT NULL").fetchall():  # noqa: S608 - names of ours
        raw.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (DAMAGE[damage](sealed), row))  # noqa: S608 - likewise
    raw.commit()
    raw.close()
    store = bot.store.open(data_dir, None, master)
    with pytest.raises(RecordBroken) as raised:
        await store.transact(read)
    told = str(raised.value)
    assert told == f"a record in {table}.{column} cannot be read: it was changed or damaged on the disk"
    assert await store.transact(lambda tx: tx.token("matrix")) == "s1", "the rest of the store goes on"
    await store.close()


async def test_a_sealed_value_opens_in_its_own_place_only(data_dir: Path, master: MasterKey) -> None:
    store = bot.store.open(data_dir, None, master)
    await store.transact(fill)
    await store.close()
    raw = sqlite3.connect(data_dir / "vestibule.db")
    raw.execute("UPDATE conversations SET contact = room WHERE id = 'c-requester'")
    raw.execute("UPDATE outbox SET message = (SELECT message FROM outbox WHERE id = 'm1') WHERE id = 'm-full'")
    raw.commit()
    raw.close()
    store = bot.store.open(data_dir, None, master)
    for read in (lambda tx: tx.conversations.get(REQUESTER.id), lambda tx: tx.outbox.head(REQUESTER.id)):
        with pytest.raises(RecordBroken):
            await store.transact(read)
    await store.close()


async def test_whats_sealed_well_and_reads_badly_is_named_without_its_content(
    data_dir: Path, master: MasterKey
) -> None:
    store = bot.store.open(data_dir, None, master)
    await store.transact(fill)

    def spoil(tx: Tx) -> None:
        desk = tx.journal._desk
        sealed = desk.seal(REQUESTER.id, schema.sessions.c.session, REQUESTER.id, '{"planted": "words"')
        desk.run(sa.update(schema.sessions).values(session=sa.bindparam("sealed")), sealed=sealed)

    await store.transact(spoil)
    with pytest.raises(RecordBroken) as raised:
        await store.transact(lambda tx: tx.sessions.load(REQUESTER.id))
    error: BaseException | None = raised.value
    while error is not None:
        assert "planted" not in f"{error} {error.args} {vars(error)}"
        error = error.__cause__ or error.__context__
    await store.close()


async def test_a_conversation_whose_key_is_gone_cannot_be_read_and_the_others_can(
    data_dir: Path, master: MasterKey
) -> None:
    store = bot.store.open(data_dir, None, master)
    await store.transact(fill)
    await store.close()
    keys = sqlite3.connect(data_dir / "keys.db")
    keys.execute("DELETE FROM keys WHERE id = 'c-requester'")
    keys.commit()
    keys.close()
    store = bot.store.open(data_dir, None, master)
    for gone in (REQUESTER.id, samples.RELAY.id):
        with pytest.raises(RecordBroken, match=r"keys\.wrapped"):
            await store.transact(lambda tx, gone=gone: tx.outbox.add(message("m-new", to=tx.conversations.get(gone))))
    with pytest.raises(RecordBroken, match=r"keys\.wrapped"):
        await store.transact(lambda tx: tx.copies.of(samples.ORIGIN))
    assert await store.transact(lambda tx: tx.conversations.get(samples.SECOND.id)) == samples.SECOND
    assert list(await store.transact(lambda tx: tx.roster.listed())) == [samples.LISTED], "they belong to nobody's case"
    await store.close()


# --- what the log may say


async def test_no_error_and_no_log_line_quotes_what_was_stored(
    data_dir: Path, master: MasterKey, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    store = bot.store.open(data_dir, None, master)
    await store.transact(fill)

    def collide(tx: Tx) -> None:
        tx.outbox.add(message("m0", DEEDS[0]))

    with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever it is, its words are what is looked at
        await store.transact(collide)
    await store.close()
    error: BaseException | None = raised.value
    said = caplog.text + repr(store) + repr(master)
    while error is not None:
        said += f"{error} {error!r}"
        error = error.__cause__ or error.__context__
    assert "taken" in said, "the error was looked at"
    for text in planted():
        assert text not in said
    assert str(master.secret) not in said
    assert master.secret.hex() not in said


# --- the master key


def test_a_key_file_is_made_once_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "master.key"
    made = MasterKey.make(path)
    assert MasterKey.read(path) == made
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes() == made.secret
    assert len(made.secret) == KEY_BYTES
    with pytest.raises(KeyFileError, match="not overwritten"):
        MasterKey.make(path)
    assert path.read_bytes() == made.secret
    assert [entry.name for entry in path.parent.iterdir()] == ["master.key"]


def test_two_keys_are_never_the_same(tmp_path: Path) -> None:
    assert MasterKey.make(tmp_path / "one") != MasterKey.make(tmp_path / "two")


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 31, b"x" * 33, b"x" * 32 + b"\n"])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "master.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="not a key file") as raised:
        MasterKey.read(path)
    assert content.decode() == "" or content.decode() not in str(raised.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "master.key"
    MasterKey.make(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600"):
        MasterKey.read(path)


def test_a_key_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="there is no key file"):
        MasterKey.read(tmp_path / "master.key")
    with pytest.raises(KeyFileError, match="cannot be read"):
        MasterKey.read(tmp_path)


def test_subkeys_are_hkdf_as_the_rfc_has_it() -> None:
    """Computed here by hand from HMAC (RFC 5869, 2.2 and 2.3), without the library."""
    import hashlib
    import hmac

    master = MasterKey(bytes(range(32)))
    extracted = hmac.new(b"\0" * 32, master.secret, hashlib.sha256).digest()
    expected = hmac.new(extracted, b"vestibule/1/matrix/store" + b"\x01", hashlib.sha256).digest()
    assert master.subkey("matrix/store") == expected
    assert master.subkey("store/wrap") != master.subkey("store/lookup")


# --- boxes and look-ups


def test_the_same_words_are_sealed_differently_each_time() -> None:
    box = Box(b"k" * 32)
    assert box.seal(b"words", "place") != box.seal(b"words", "place")


def test_another_key_does_not_open() -> None:
    sealed = Box(b"k" * 32).seal(b"words", "table.column/row")
    with pytest.raises(RecordBroken):
        Box(b"l" * 32).open(sealed, "table.column/row")
    assert Box(b"k" * 32).open(sealed, "table.column/row") == b"words"


def test_a_lookup_tells_its_parts_apart() -> None:
    lookup = Lookup(b"k" * 32)
    assert lookup.of("a", "b") == lookup.of("a", "b")
    assert len({lookup.of("ab", ""), lookup.of("a", "b"), lookup.of("", "ab"), lookup.of("ab")}) == 4
    assert lookup.of("a", "b") != Lookup(b"l" * 32).of("a", "b")


async def test_more_conversations_than_keys_held_in_memory(
    data_dir: Path, master: MasterKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.keys.MAX_OPEN", 3)
    monkeypatch.setattr("bot.store.desk.MAX_KNOWN", 3)
    store = bot.store.open(data_dir, None, master)
    rooms = [f"!room-{number}:example.org" for number in range(10)]

    def introduce(tx: Tx) -> None:
        for number, room in enumerate(rooms):
            name = ConversationId(f"c-{number}")
            tx.conversations.add(replace(samples.SECOND, id=name, key=name, room=room))
            tx.sessions.save(name, SESSION)

    await store.transact(introduce)
    for number, room in enumerate(rooms):
        found = await store.transact(lambda tx, room=room: tx.conversations.find("matrix", room))
        assert found is not None
        assert found.room == room
        assert await store.transact(lambda tx, found=found: tx.sessions.load(found.id)) == SESSION, number
    await store.close()
