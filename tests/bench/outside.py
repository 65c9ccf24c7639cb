"""A process, measured from outside: what it computes and what it holds. Linux only, as `/proc` is."""

from __future__ import annotations

import ctypes
import ctypes.util
import time
from dataclasses import dataclass
from pathlib import Path

_libc = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True)


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one process, in bytes. `pss` counts a page that n processes share as a nth."""

    rss: int
    pss: int


def cpu_seconds(pid: int) -> float:
    """All that its threads have computed so far, those that ended too.

    The process's CPU clock counts nanoseconds, /proc/PID/stat the same in hundredths of a second: too coarse for one
    requester's few messages.
    """
    clock = ctypes.c_int()
    error = _libc.clock_getcpuclockid(pid, ctypes.byref(clock))
    if error:
        raise ProcessLookupError(error, "no such process", str(pid))
    return time.clock_gettime(clock.value)


def memory(pid: int) -> Memory:
    """What it holds now."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kilobytes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    return Memory(kilobytes["Rss"] * 1024, kilobytes["Pss"] * 1024)
