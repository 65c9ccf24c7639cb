"""Who of the staff has a part in a case, as sealed JSON. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from bot.domain import Reader
from bot.flow import rows


@dataclass(frozen=True, slots=True)
class Hands:
    """Who signed a case off, whose it is, who has read what in its relay room, whether more are wanted, who signs how.

    All of it as in `Case`.
    """

    vetted_by: str | None = field(repr=False)
    claimed_by: str | None = field(repr=False)
    readers: tuple[Reader, ...] = ()
    help_wanted: bool = False
    left: str | None = field(default=None, repr=False)
    signs: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def to_json(hands: Hands) -> str:
    """What is stored."""
    readers = [[reader.who, reader.read_to] for reader in hands.readers]
    return json.dumps([hands.vetted_by, hands.claimed_by, readers, hands.help_wanted, hands.left, hands.signs])


def from_json(text: str) -> Hands:
    """What was stored; of a case from before anybody could help with one, too, which has the first two alone."""
    vetted_by, claimed_by, *since = json.loads(text)
    readers, help_wanted, left, signs = since or ([], False, None, [])
    return Hands(
        rows.maybe(vetted_by),
        rows.maybe(claimed_by),
        tuple(Reader(rows.text(who), None if read_to is None else rows.whole(read_to)) for who, read_to in readers),
        help_wanted is True,
        rows.maybe(left),
        tuple((rows.text(who), rows.text(name)) for who, name in signs),
    )
