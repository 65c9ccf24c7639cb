"""Who of the staff is meant by a name that somebody wrote. Pure; never a guess: whoever it is gets to read a case."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

AROUND = "@:,.;()<>\"'"  # what stands before and after a name in a sentence, or is left out of it


def meant(names: Iterable[str], written: str) -> Sequence[str]:
    """Those of these whole names that are called so, with the server or without: one, several, or nobody."""
    wanted, known = _bare(written), {name: _bare(name) for name in names}
    if not wanted:
        return []
    whole = [name for name, bare in known.items() if bare == wanted]
    return whole or [name for name, bare in known.items() if _local(bare) == wanted]


def alike(names: Iterable[str], written: str) -> Sequence[str]:
    """Those of these whole names that are written nearly so."""
    known = {name: _local(_bare(name)) for name in names}
    close = get_close_matches(_local(_bare(written)), list(known.values()))
    return [name for name, local in known.items() if local in close]


def _bare(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold().strip().strip(AROUND)


def _local(bare: str) -> str:
    return bare.partition(":")[0]
