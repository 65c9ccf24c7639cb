"""What somebody writes that is neither one answer as it was shown nor a command, and what is done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from bot.domain import TextId
from bot.flow import phrases, reading
from bot.flow.asides import GIVING_WAY, GUESSING, Aside, Asides
from bot.flow.events import PassOn, Say, Why
from bot.flow.machine import Compiled, State, WaitingStep, answering
from bot.flow.model import NOT_UNDERSTOOD, AskStep, FaqStep, LanguageStep, SeveralStep
from bot.flow.moves import Moves
from bot.flow.questions import Finder, Finding, Found, Guesser, How, Perhaps, Report
from bot.flow.reading import Taken, Unfit
from bot.flow.sorts import Entry
from bot.flow.vocabulary import Vocabulary
from bot.flow.waits import PATIENT, Wait
from bot.flow.walk import Walk

ASKED_FOR = timedelta(days=1)  # how long a question of the staff waits that does not say it: they wait, too


def waits(compiled: Compiled) -> Mapping[str, Wait]:
    """How long the questions wait that say something of it, by their states."""
    found = {}
    for name, state in compiled.states.items():
        if isinstance(state.step, WaitingStep) and not isinstance(state.step, LanguageStep):
            wait = state.step.wait
            if compiled.entry_of(name) is Entry.ASKED and wait.expire_after is None:
                wait = replace(wait, expire_after=ASKED_FOR)
            if wait != PATIENT:
                found[name] = wait
    return found


def leads(compiled: Compiled, outcome: str) -> frozenset[str]:
    """The states whose questions have a way of their own where they are not answered, in this sense."""
    steps = {name: state.step for name, state in compiled.states.items()}
    return frozenset(
        name
        for name, step in steps.items()
        if isinstance(step, WaitingStep) and not isinstance(step, LanguageStep) and outcome in step.go.by_outcome
    )


class Hearing:
    """Hears what is written to one machine. `doors`: to the questions of the FAQ, and to the language of a message."""

    def __init__(
        self,
        compiled: Compiled,
        moves: Moves,
        asides: Asides,
        vocabularies: Mapping[str, Vocabulary],
        doors: tuple[Finder, Guesser],
    ) -> None:
        self._states = compiled.states
        self._moves = moves
        self._asides = asides
        self._vocabularies = vocabularies
        self._find, self._guess = doors
        self._waits = waits(compiled)
        self._unheard = leads(compiled, NOT_UNDERSTOOD)

    def take(self, walk: Walk, folded: str, text: str) -> None:
        """Take several answers at once, a question, or somebody's own words."""
        state, known = self._states[walk.state], self._vocabularies.get(walk.locale or "")
        if known is None or isinstance(state.step, LanguageStep):
            if walk.aside is None and self.begin_with(walk, text, anew=True):
                self._count(walk)
                self._asides.ask(walk)
                return
            self._ask_again(walk, phrases.NOT_UNDERSTOOD)
            return
        table = known.answers[state.name]
        answering_it = walk.aside is None or walk.aside in GUESSING
        read = reading.several(state, table, folded, known.tables) if answering_it else None
        found = None if isinstance(read, Taken) else self._asked_for(walk, state, text)
        if isinstance(found, Found) and found.how is not How.LIKENESS:
            self.tell(walk, found.answer)
            return
        if read is None and walk.aside is None and folded not in known.commands:
            read = reading.in_words(state.step, text, known.tables)
        match read:
            case Taken():
                walk.aside, walk.tries = None, 0
                self._moves.take(walk, state, read)
            case Unfit(why):
                walk.aside = None
                self._ask_again(walk, why)
            case None if answering_it and (meant := self._perhaps(state, known, folded)):
                left = self._count(walk)
                if walk.entry is Entry.ASKED and not left:
                    self._give_up(walk)
                    return
                walk.aside = Aside.MEANT if len(meant) == 1 else Aside.WHICH
                walk.choices = meant
                self._asides.ask(walk)
            case None if found is not None:
                self._take_likely(walk, found)
            case _:
                walk.aside = None if answering_it else walk.aside
                self._ask_again(walk, phrases.NOT_UNDERSTOOD)

    def _asked_for(self, walk: Walk, state: State, text: str) -> Finding:
        """What this asks for. Where somebody is to write in their own words, only a title is a question."""
        found = self._find(text, walk.locale or "")
        if isinstance(state.step, AskStep):
            return found if isinstance(found, Found) and found.how is How.TITLE else None
        if walk.aside in (None, Aside.MORE, *GUESSING) or (isinstance(found, Found) and found.how is not How.LIKENESS):
            return found
        return None

    def _take_likely(self, walk: Walk, found: Found | Perhaps | Report) -> None:
        """What is like a question of the FAQ, or like the report of an incident."""
        match found:
            case Found(answer):
                self.tell(walk, answer)
            case Perhaps(likely):
                self._count(walk)
                walk.aside, walk.choices = Aside.ASKED, likely
                self._asides.ask(walk)
            case Report():
                walk.aside = None
                self._ask_again(walk, phrases.NO_QUESTION)
            case _:
                assert_never(found)

    def _perhaps(self, state: State, known: Vocabulary, folded: str) -> tuple[str, ...]:
        if isinstance(state.step, SeveralStep) and state.step.least > 1:
            return ()  # one that is meant would not do
        return reading.perhaps(state, known.answers[state.name], folded, known.tables)

    def tell(self, walk: Walk, answer: TextId) -> None:
        """Answer a question of the FAQ, and ask again what stood open."""
        walk.tries = 0
        walk.effects.append(Say(answer))
        walk.aside = None if walk.aside in GUESSING else walk.aside
        if isinstance(self._states[walk.state].step, FaqStep) and walk.aside in GIVING_WAY:
            walk.aside = Aside.MORE  # the whole list again after every answer would be too long for a phone
        self._asides.ask(walk)

    def _count(self, walk: Walk) -> int:
        """Count a try that was not understood; how many are left."""
        tries = self._waits.get(walk.state, PATIENT).tries
        walk.tries = min(walk.tries + 1, tries)
        walk.missed = walk.ref
        if walk.entry is not None:  # people have, or had, a case of theirs
            walk.effects.append(PassOn())
        return tries - walk.tries

    def _ask_again(self, walk: Walk, why: TextId) -> None:
        """This was not understood: after the last try another way is taken, or a person offered."""
        left = self._count(walk)
        if not left and walk.aside is None and walk.state in self._unheard:
            walk.tries = 0
            self._moves.go(walk, answering(NOT_UNDERSTOOD))
            return
        if walk.entry is Entry.ASKED:
            if not left:
                self._give_up(walk)
                return
            why = phrases.ASKED_PASSED_ON if why == phrases.NOT_UNDERSTOOD else why
        elif walk.entry is not None and why == phrases.NO_QUESTION:
            why = phrases.NOT_UNDERSTOOD  # which does not say that nothing was kept
        walk.effects.append(Say(why))
        if not left:
            walk.effects.append(Say(phrases.OFFER_PERSON))
        self._asides.ask(walk)

    def _give_up(self, walk: Walk) -> None:
        """Leave whoever is asked by staff to them."""
        walk.effects.append(Say(phrases.ASKED_ENDED))
        self._moves.halt(walk, Why.NOT_UNDERSTOOD)

    def pass_on(self, walk: Walk) -> None:
        """What was sent answers nothing, whatever it is."""
        self._ask_again(walk, phrases.NOT_UNDERSTOOD)

    def begin_with(self, walk: Walk, text: str, *, anew: bool = False) -> bool:
        """Answer a question that somebody begins with, in the language that they seem to write in, which is offered.

        False where that says nothing. `anew`: the language that they were thought to write in was not confirmed.
        """
        guess = self._guess(text) if walk.locale is None or anew else None
        if guess in self._vocabularies:
            walk.locale = walk.guess = guess
        found = self._find(text, walk.locale) if walk.locale is not None else None
        if isinstance(found, Found):
            walk.effects.append(Say(found.answer))
        return walk.guess is not None or isinstance(found, Found)
