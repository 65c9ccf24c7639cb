"""What specialists can send with a word: canned replies, and the answers with which a case is declined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain import TextId


@dataclass(frozen=True, slots=True)
class Canned:
    """The texts that can be sent by their names, and those with which a case is declined, by the reason."""

    replies: Mapping[str, TextId] = field(default_factory=dict)
    declines: Mapping[str, TextId] = field(default_factory=dict)
