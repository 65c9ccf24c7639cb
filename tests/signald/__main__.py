"""`python -m tests.signald --socket PATH --control PATH --data DIR`: the daemon program of the stand-in."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from tests.signald.daemon import Daemon


def main() -> int:
    """Run it until it is told to end; the exit code."""
    parser = argparse.ArgumentParser(prog="tests.signald", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="where clients find it")
    parser.add_argument("--control", type=Path, required=True, help="where it finds the world")
    parser.add_argument("--receive-mode", choices=("manual", "on-start", "on-connection"), default="on-start")
    parser.add_argument("--data", type=Path, required=True, help="where it keeps attachments")
    parser.add_argument("--multi", action="store_true", help="for all accounts, not for one")
    parser.add_argument("--version", default="0.14.7", help="the version that it says it is")
    return asyncio.run(serve(parser.parse_args()))


async def serve(options: argparse.Namespace) -> int:
    """The program."""
    daemon = Daemon(options.receive_mode, options.version, options.data, multi=options.multi)
    return await daemon.run(options.socket, options.control)


if __name__ == "__main__":
    sys.exit(main())
