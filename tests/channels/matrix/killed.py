"""Kills a guard before every SQL statement of one batch: `killed.py FOLDER`, with `batch.json` and a store in it.

Each time a copy of the store takes the batch, and the process dies by SIGKILL before its n-th statement; then another
process opens what is on the disk, is given the same batch again, and must be able to read every room event. It prints
how many statements there were.
"""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

from tests.channels.matrix.peer import opened


def receive_and_die(folder: Path, batch: list[object], statement: int) -> None:
    with opened(folder) as guard:
        left = statement

        def count(_sql: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        guard._store.database.connection().set_trace_callback(count)
        guard.receive(batch)


def receive_and_read(folder: Path, batch: list[object], events: list[dict[str, str]]) -> None:
    with opened(folder) as guard:
        guard.receive(batch)
        for event in events:
            guard.decrypt(event["room_id"], event)


def forked(work: object, *arguments: object) -> int:
    """Run this in a process of its own; 0 for well, 1 for an exception, -9 where it was killed."""
    pid = os.fork()
    if pid == 0:
        try:
            work(*arguments)  # type: ignore[operator]
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    home = Path(sys.argv[1])
    made = json.loads((home / "batch.json").read_text())
    for statement in range(1, 10_000):
        copy = home / f"copy{statement}"
        shutil.copytree(home / "store", copy)
        ended = forked(receive_and_die, copy, made["batch"], statement)
        if forked(receive_and_read, copy, made["batch"], made["events"]) != 0:
            sys.exit(f"killed before statement {statement}, a room key was lost")
        shutil.rmtree(copy)
        if ended == 0:
            print(statement - 1)
            break
        if ended != -signal.SIGKILL:
            sys.exit(f"ended with {ended} at statement {statement}")
