"""A program that takes a file again and again, and kills itself at every line of it in turn; run by `test_files.py`.

Each life has a folder of its own, named by the line at which it ended; the last one came to its end.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from bot.channels.signal import files, ledger, sealed
from bot.domain import Attachment
from bot.flow import rows
from tests.channels.signal.vaults import LINE, Place, claim

WATCHED = {module.__file__ for module in (files, ledger, sealed)}
JOURNAL = "journal"


def kill_at(line: int) -> None:
    left = line

    def count(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in WATCHED:
            return None
        if event == "line":
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return count

    threading.settrace(count)
    sys.settrace(count)


async def work(place: Place, line: int) -> None:
    with place.vault() as vault:
        kill_at(line)
        taken = await vault.take(claim(), LINE)
        assert isinstance(taken, Attachment)
        part = place.data_dir.parent / "part"
        part.write_text(json.dumps(rows.attachment_row(taken)))
        part.rename(place.data_dir.parent / JOURNAL)
        await vault.settle(LINE)


def main(folder: Path) -> None:
    for line in itertools.count():
        place = Place(folder / str(line))
        place.plant()
        child = os.fork()
        if child == 0:
            asyncio.run(work(place, line))
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
