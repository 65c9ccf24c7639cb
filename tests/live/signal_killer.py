"""As `killer.py`, with the daemon of Signal among the world: `signal_killer.py N SPOOLED run --config …`.

SPOOLED is a file in which it writes down what came to disk (`tests.services.mortal`).
"""

import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

from bot import app
from bot.channels.matrix.homeserver import Homeserver
from bot.channels.signal.rpc import Connection
from bot.cli import main
from bot.store.sql import SqlStore
from tests.live.killer import deadly
from tests.services.mortal import tell_what_is_spooled

if __name__ == "__main__":
    count = [int(sys.argv.pop(1))]
    tell_what_is_spooled(Path(sys.argv.pop(1)), dies=False)
    SqlStore.transact = deadly(SqlStore.transact, count)  # type: ignore[method-assign]
    Homeserver.call = deadly(Homeserver.call, count)  # type: ignore[method-assign]
    Connection.call = deadly(Connection.call, count)  # type: ignore[method-assign]
    # phones of the stand-in are quick to tell what reached them
    app.Settings = partial(app.Settings, receipts=timedelta(seconds=1))  # type: ignore[assignment,misc]
    sys.exit(main())
