"""A message that answered a question says something else now: what it would answer, and whether that is to be taken.

A relation between messages can be forged (law 11): so an answer is changed only when the person says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.domain import Answer
from bot.flow import reading
from bot.flow.asides import GIVING_WAY, Aside
from bot.flow.machine import Compiled, State
from bot.flow.model import ANSWERED, SKIPPED
from bot.flow.moves import Moves
from bot.flow.phrases import Command
from bot.flow.reading import Read, Taken
from bot.flow.understand import LONGEST, fold
from bot.flow.vocabulary import Vocabulary
from bot.flow.walk import Walk, has_consent


class Edits:
    """Reads changed messages as answers to the questions of one machine."""

    def __init__(self, compiled: Compiled, moves: Moves, vocabularies: Mapping[str, Vocabulary]) -> None:
        self._states = compiled.states
        self._moves = moves
        self._vocabularies = vocabularies

    def take(self, walk: Walk, text: str, ref: str) -> bool:
        """Offer to take what this message says now as the answer; False where it means nothing."""
        found = self._moves.given_before(walk, ref) if walk.aside in GIVING_WAY else None
        if found is None or walk.locale is None:
            return False
        place, before = found
        state = self._states[before.state]
        read = self._read(walk.locale, state, text, in_words=has_consent(walk.path[:place]))
        if not isinstance(read, Taken):
            return False
        given = self._moves.given(walk, state, read)
        if _said(given.answer) != _said(before.answer):
            walk.aside, walk.offered = Aside.CHANGED, given
        return True

    def reread(self, answer: Answer, text: str, locale: str) -> Answer:
        """What this answers to the same question, after it was handed over; the words alone, where it is no answer."""
        states = (state for state in self._states.values() if state.id == answer.step)
        state = next(states, None) if locale in self._vocabularies else None
        read = None if state is None else self._read(locale, state, text, in_words=True)
        if state is None or not isinstance(read, Taken):
            return replace(answer, outcome=ANSWERED, label=None, chosen=(), words=text)
        return self._moves.answer(state, read)

    def _read(self, locale: str, state: State, text: str, *, in_words: bool) -> Read:
        folded = fold(text) if len(text) <= LONGEST else ""
        known = self._vocabularies[locale]
        table = known.answers[state.name]
        outcome = table.get(folded) or table.get(folded.lstrip("0"))
        if outcome is not None:
            return reading.chosen(state.step, outcome)
        command = known.commands.get(folded)
        if command is not None:
            return Taken(SKIPPED) if command is Command.SKIP and SKIPPED in state.outcomes else None
        read = reading.several(state, table, folded, known.tables)
        if read is None and in_words:
            read = reading.in_words(state.step, text, known.tables)
        return read


def _said(answer: Answer) -> tuple[str, str | None, tuple[str, ...]]:
    return answer.outcome, answer.words, tuple(name for name, _ in answer.chosen)
