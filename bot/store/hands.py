"""Who of the staff has a part in a case, as sealed JSON. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from bot.flow import rows


@dataclass(frozen=True, slots=True)
class Hands:
    """Who signed a case off, whose it is, who is in its relay room, and whether more of them are wanted there.

    `left` as in `Case`.
    """

    vetted_by: str | None = field(repr=False)
    claimed_by: str | None = field(repr=False)
    inside: tuple[str, ...] = field(default=(), repr=False)
    help_wanted: bool = False
    left: str | None = field(default=None, repr=False)


def to_json(hands: Hands) -> str:
    """What is stored."""
    return json.dumps([hands.vetted_by, hands.claimed_by, hands.inside, hands.help_wanted, hands.left])


def from_json(text: str) -> Hands:
    """What was stored; of a case from before anybody could help with one, too, which has the first two alone."""
    vetted_by, claimed_by, *since = json.loads(text)
    inside, help_wanted, left = since or ([], False, None)
    people = tuple(rows.text(who) for who in inside)
    return Hands(rows.maybe(vetted_by), rows.maybe(claimed_by), people, help_wanted is True, rows.maybe(left))
