"""The process is killed while it takes a batch of to-device events: no room key is ever lost (law 1, finding N19)."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.channels.matrix.peer import Peer, opened, published


def test_killed_before_any_sql_statement_no_room_key_is_lost(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    batch, events = [], []
    with opened(store) as guard:
        stock = published(guard)
        known = Peer("@known:localhost")
        known.begin(guard, stock.pop())
        guard.receive([known.send(guard, "m.dummy", {})])
        known.receive(guard.dummies([known.device()])[known.user_id]["PEER"])  # its next message is an ordinary one
        for n, peer in enumerate((known, Peer("@ana:localhost"), Peer("@ben:localhost"))):
            room = peer.room(f"!{n}:localhost")
            if peer is not known:
                peer.begin(guard, stock.pop())
            batch.append(peer.send(guard, "m.room_key", room.key()))
            events.append({**room.event(f"${n}"), "room_id": room.room})
    (tmp_path / "batch.json").write_text(json.dumps({"batch": batch, "events": events}))
    ran = subprocess.run(
        [sys.executable, "-m", "tests.channels.matrix.killed", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 10  # it did die, before each of them
    shutil.rmtree(store)
