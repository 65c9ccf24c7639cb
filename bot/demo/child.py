"""Programs that must not outlive us: the kernel ends them when our process is gone (Linux; elsewhere they stay)."""

from __future__ import annotations

import os

LAUNCH = """
import ctypes, os, runpy, signal, sys
parent, program = int(sys.argv.pop(1)), sys.argv.pop(1)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        sys.exit("the process that wanted this one is gone")
if program.endswith(".py"):
    runpy.run_path(program, run_name="__main__")
else:
    runpy.run_module(program, run_name="__main__", alter_sys=True)
"""


def as_child(program: str) -> tuple[str, ...]:
    """What Python is to run for a module, or a file, that ends with us."""
    return "-c", LAUNCH, str(os.getpid()), program
