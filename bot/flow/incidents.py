"""The gate for incidents: words that only the report of an incident has, so that it is never answered with a text."""

from __future__ import annotations

from collections.abc import Iterable

from bot.flow.understand import fold


class Incidents:
    """Words of incidents, found in folded messages where a word, or several in a row, begin like them."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = tuple(dict.fromkeys(f" {folded}" for word in words if (folded := fold(word))))

    def found(self, folded: str) -> bool:
        """Whether a folded message has one of them."""
        padded = f" {folded}"
        return any(word in padded for word in self._words)
