"""Runs a command of Vestibule as the shell would, in this process."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple
from unittest.mock import patch

from bot import cli, logs


class Done(NamedTuple):
    code: int
    out: str
    err: str


class Interrupted(io.StringIO):
    """Standard input on which Ctrl-C is pressed once its lines are read."""

    def readline(self, size: int | None = -1, /) -> str:
        line = super().readline(-1 if size is None else size)
        if not line:
            raise KeyboardInterrupt
        return line


def vestibule(*arguments: str, answers: str | io.StringIO = "") -> Done:
    out, err = io.StringIO(), io.StringIO()
    source = io.StringIO(answers) if isinstance(answers, str) else answers
    code: object = None
    # configured logging would take the process's over
    with patch.object(logs, "configure"), patch("sys.stdin", source), redirect_stdout(out), redirect_stderr(err):
        try:
            cli.main(arguments)
        except SystemExit as ended:
            code = ended.code
    return Done(int(code or 0), out.getvalue(), err.getvalue())  # type: ignore[call-overload]  # a number, or None for 0
