"""The flow engine: one pure function from (session, event) to (session, effects).

Nothing here awaits, reads the clock or touches a disk. What must be done is returned, not done. This module finds out
what an event means; `moves` does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import assert_never

from bot.domain import TextId
from bot.flow import phrases
from bot.flow.events import Ask, AskLanguage, Edited, End, Event, Missed, Replied, Say, ShowAnswers, Started, TimedOut
from bot.flow.machine import CHANGE, CHOSEN, ENOUGH, Compiled, State, WaitingStep, answering, commanding
from bot.flow.model import ANSWERED, SKIPPED, YES, AskStep, FaqStep, LanguageStep, ReviewStep
from bot.flow.moves import Moves
from bot.flow.phrases import Command
from bot.flow.session import Passed, Session
from bot.flow.understand import LONGEST, Lexicon, answers, commands, fold, number
from bot.flow.vocabulary import vocabulary
from bot.flow.walk import CHANGED, IDLE, Step, Walk, has_consent

__all__ = ["IDLE", "TRIES", "Engine", "Lexicon", "Step"]

TRIES = 3  # answers in a row that were not understood; from then on a person is offered


class Aside(StrEnum):
    """Questions put in between, as a session names them."""

    LANGUAGE = "language"
    STOP = "stop"
    CHANGE = "change"
    MORE = "more"
    CHANGED = CHANGED


_ASIDES_THAT_GIVE_WAY = (
    None,
    Aside.MORE,
    Aside.CHANGED,
)  # to a changed message; *stop* and its like are answered first
_TELLING = {Command.HELP: phrases.HELP, Command.FINGERPRINT: phrases.FINGERPRINT}


class Engine:
    """Steps sessions through one compiled machine. Holds no session: one engine serves every conversation.

    `lexicons` and `languages` (their own names) have every locale of the machine, which has at least one.
    """

    def __init__(self, compiled: Compiled, lexicons: Mapping[str, Lexicon], languages: Mapping[str, str]) -> None:
        self._compiled = compiled
        self._states = compiled.states
        self._moves = Moves(compiled)
        self._waiting = {name for name, state in compiled.states.items() if isinstance(state.step, WaitingStep)}
        self._in_words = {name for name, state in compiled.states.items() if isinstance(state.step, AskStep)}
        steps = ((name, state.step) for name, state in compiled.states.items())
        self._language = next(((name, step.text) for name, step in steps if isinstance(step, LanguageStep)), None)
        self._languages = answers([(locale, languages[locale]) for locale in compiled.locales], {})
        self._vocabularies = {locale: vocabulary(compiled, lexicons, locale) for locale in compiled.locales}
        self._anyones: dict[str, tuple[Command, str]] = {}  # before a language is chosen, words of every one count
        for locale in compiled.locales:
            for word, command in commands(lexicons[locale].words).items():
                self._anyones.setdefault(word, (command, locale))

    def step(self, session: Session | None, event: Event) -> Step:
        """What this event does. `Started`, and whatever a person sends when there is no session, begins a new one."""
        match event:
            case TimedOut(kind=kind):
                return _time_out(session, kind)
            case Started(text=text, locale=locale):
                return self._start(text, locale).finish()
            case Replied(text=text, ref=ref):
                walk = self._start(text, None) if session is None else self._reply(Walk(session, ref), text)
                return walk.finish()
            case Edited(text=text, ref=ref):
                edited = self._edit(Walk(session, ref), text, ref) if session is not None else None
                return (edited or self._miss(session, phrases.CANNOT_TAKE_CHANGE)).finish()
            case Missed(why=why):
                return self._miss(session, why).finish()
            case _:
                assert_never(event)

    def command(self, text: str, locale: str) -> Command | None:
        """The command that this is as a whole message in this language, for whoever asks when no session stands."""
        known = self._vocabularies.get(locale)
        return known.commands.get(_folded(text)) if known else None

    def _start(self, text: str, locale: str | None) -> Walk:
        known = locale if locale in self._vocabularies else None
        walk = Walk(Session(self._compiled.initial, known))
        command, spoken = self._anyones.get(_folded(text), (None, None))
        if command is not None:
            walk.locale = known or spoken
        if command in _TELLING:
            walk.effects.append(Say(_TELLING[command]))
        elif command in (Command.MENU, Command.PERSON, Command.LANGUAGE, Command.STOP) and self._obey(walk, command):
            return walk
        if self._language is None:
            walk.locale = known or self._compiled.locales[0]
        if known is not None and self._asks_language(walk):
            self._moves.go(walk, answering(CHOSEN))
        else:
            self._moves.arrive(walk)
        return walk

    def _miss(self, session: Session | None, why: TextId) -> Walk:
        if session is None:
            walk = self._start("", None)
            walk.effects.insert(0, Say(why))
            return walk
        walk = Walk(session)
        walk.effects.append(Say(why))
        if self._is_lost(walk):
            self._moves.set_back(walk)
        self._ask(walk)
        return walk

    def _reply(self, walk: Walk, text: str) -> Walk:
        folded = _folded(text)
        if self._is_lost(walk):
            # the question that this answers is gone; only a command still means what it meant
            self._moves.set_back(walk)
            if not self._try_command(walk, folded):
                self._ask(walk)
            return walk
        if self._try_answer(walk, folded) or self._try_command(walk, folded) or self._try_words(walk, folded, text):
            return walk
        walk.tries = min(walk.tries + 1, TRIES)
        walk.missed = walk.ref
        walk.effects.append(Say(phrases.NOT_UNDERSTOOD))
        if walk.tries == TRIES:
            walk.effects.append(Say(phrases.OFFER_PERSON))
        self._ask(walk)
        return walk

    def _edit(self, walk: Walk, text: str, ref: str) -> Walk | None:
        """An earlier message says something else now; None where that means nothing.

        A relation between messages can be forged (law 11): so an answer is changed only when the person says so.
        """
        if self._is_lost(walk):
            return None
        if walk.tries and walk.missed == ref:  # the question stands open, and this was not understood as its answer
            return self._reply(walk, text)
        found = self._moves.given_before(walk, ref) if walk.aside in _ASIDES_THAT_GIVE_WAY else None
        if found is None:
            return None
        place, before = found
        given = self._read_as_answer(walk, self._states[before.state], place, text)
        if given is None:
            return None
        if (given.answer.outcome, given.answer.words) != (before.answer.outcome, before.answer.words):
            walk.aside, walk.offered = Aside.CHANGED, given
        self._ask(walk)
        return walk

    def _read_as_answer(self, walk: Walk, state: State, place: int, text: str) -> Passed | None:
        """What these words answer to a question of the path; None where they answer nothing."""
        if walk.locale is None:
            return None
        folded, known = _folded(text), self._vocabularies[walk.locale]
        outcome = known.answers[state.name].get(folded) or known.answers[state.name].get(folded.lstrip("0"))
        if outcome is not None:
            return self._moves.given(walk, state, outcome)
        command = known.commands.get(folded)
        if command is Command.SKIP and SKIPPED in state.outcomes:
            return self._moves.given(walk, state, SKIPPED)
        words = text.strip()
        if command is None and words and isinstance(state.step, AskStep) and has_consent(walk.path[:place]):
            return self._moves.given(walk, state, ANSWERED, words)
        return None

    def _offered(self, walk: Walk) -> tuple[int, Passed] | None:
        """The answer that a changed message would give, and the place of the one that it gave, while that stands."""
        offered = walk.offered
        if offered is None or offered.ref is None:
            return None
        found = self._moves.given_before(walk, offered.ref)
        if found is None or found[1].state != offered.state or not self._moves.can_be(offered):
            return None
        return found[0], offered

    def _is_lost(self, walk: Walk) -> bool:
        """Whether the flows were edited under this session, so that it cannot go on where it stands."""
        if walk.locale not in self._vocabularies:
            walk.locale = None if self._language else self._compiled.locales[0]
            walk.aside = None
        if walk.locale is None and not self._asks_language(walk):
            return True
        return walk.state not in self._waiting or (walk.state in self._in_words and not has_consent(walk.path))

    def _asks_language(self, walk: Walk) -> bool:
        return self._language is not None and walk.state == self._language[0]

    def _try_answer(self, walk: Walk, folded: str) -> bool:
        """Take this as an answer to what was asked, if it is one."""
        if walk.aside is not None:
            return self._try_aside(walk, folded)
        known = self._languages
        if walk.locale is not None and not self._asks_language(walk):
            known = self._vocabularies[walk.locale].answers[walk.state]
        outcome = known.get(folded) or known.get(folded.lstrip("0"))
        if outcome is None:
            return False
        walk.tries = 0
        state = self._states[walk.state]
        match state.step:
            case LanguageStep():
                walk.locale = outcome
                self._moves.go(walk, answering(CHOSEN))
            case FaqStep() if outcome != ENOUGH:
                walk.effects.append(Say(TextId(outcome)))
                walk.aside = Aside.MORE  # the whole list again after every answer would be too long for a phone
                self._ask(walk)
            case ReviewStep() if outcome == CHANGE:
                walk.aside = Aside.CHANGE
                self._ask(walk)
            case FaqStep() | ReviewStep():
                self._moves.go(walk, answering(outcome))
            case _:
                self._moves.take(walk, state, outcome)
        return True

    def _try_aside(self, walk: Walk, folded: str) -> bool:
        """Take this as the answer to a question that was put in between, if it is one."""
        aside, walk.aside = walk.aside, None
        if aside == Aside.LANGUAGE and folded in self._languages:
            walk.locale = self._languages[folded]
            self._moves.ask(walk)
        elif aside == Aside.STOP and walk.locale and folded in self._vocabularies[walk.locale].yes_or_no:
            if self._vocabularies[walk.locale].yes_or_no[folded] == YES:
                walk.end(Say(phrases.STOPPED), End())
                return True
            self._moves.ask(walk)
        elif aside == Aside.CHANGE and (number(folded) or 0) in range(1, len(self._moves.answers(walk)) + 1):
            self._moves.change(walk, int(folded))
        elif aside == Aside.CHANGED and walk.locale and folded in self._vocabularies[walk.locale].yes_or_no:
            offered = self._offered(walk)
            if offered is not None and self._vocabularies[walk.locale].yes_or_no[folded] == YES:
                self._moves.change_to(walk, *offered)
            else:
                self._moves.ask(walk)
        elif aside == Aside.MORE and walk.locale and folded in self._vocabularies[walk.locale].yes_or_no:
            if self._vocabularies[walk.locale].yes_or_no[folded] == YES:
                self._moves.ask(walk)
            else:
                self._moves.go(walk, answering(ENOUGH))
        elif aside == Aside.MORE and self._try_answer(walk, folded):
            pass  # a question from the list, which still stands above
        else:
            walk.aside = aside
            return False
        walk.tries = 0
        return True

    def _try_command(self, walk: Walk, folded: str) -> bool:
        """Do what this word asks for, if it is a command."""
        command = self._command(walk, folded)
        return command is not None and self._obey(walk, command)

    def _command(self, walk: Walk, folded: str) -> Command | None:
        if walk.locale is not None and not self._asks_language(walk):
            return self._vocabularies[walk.locale].commands.get(folded)
        command, spoken = self._anyones.get(folded, (None, None))
        walk.locale = walk.locale or spoken  # until a language is chosen, that of the word
        return command

    def _try_words(self, walk: Walk, folded: str, text: str) -> bool:
        """Take this as an answer in the person's own words, if such a one was asked for."""
        words = text.strip()
        if walk.aside is not None or walk.state not in self._in_words or not words or self._command(walk, folded):
            return False
        walk.tries = 0
        self._moves.take(walk, self._states[walk.state], ANSWERED, words)
        return True

    def _obey(self, walk: Walk, command: Command) -> bool:
        """Do what the command says; False where it means nothing."""
        match command:
            case Command.HELP | Command.FINGERPRINT:
                walk.effects.append(Say(_TELLING[command]))
                self._ask(walk)
            case Command.LANGUAGE if self._language is not None:
                walk.aside = None if self._asks_language(walk) else Aside.LANGUAGE
                self._ask(walk)
            case Command.STOP:
                walk.aside = Aside.STOP
                self._ask(walk)
            case Command.BACK:
                if walk.aside is None:
                    self._moves.back(walk)
                else:
                    walk.aside = None
                    self._moves.ask(walk)
            case Command.MENU if self._compiled.menu is not None:
                walk.aside = None
                self._moves.menu(walk)
            case Command.PERSON if self._compiled.person is not None:
                walk.aside = None
                self._moves.go(walk, commanding(Command.PERSON))
            case Command.SKIP if walk.aside is None and SKIPPED in self._states[walk.state].outcomes:
                self._moves.take(walk, self._states[walk.state], SKIPPED)
            case _:
                return False
        walk.tries = 0
        return True

    def _ask(self, walk: Walk) -> None:
        """Ask what has to be answered now: a question put in between, or else that of the present state."""
        match walk.aside:
            case Aside.LANGUAGE if self._language is not None:
                walk.effects.append(AskLanguage(self._language[1]))
            case Aside.STOP:
                walk.effects.append(Ask(phrases.STOP_CONFIRM, (phrases.YES, phrases.NO)))
            case Aside.MORE:
                walk.effects.append(Ask(phrases.FAQ_MORE, (phrases.YES, phrases.NO)))
            case Aside.CHANGE:
                walk.effects += (ShowAnswers(self._moves.answers(walk)), Ask(phrases.WHICH_ANSWER))
            case Aside.CHANGED if (offered := self._offered(walk)) is not None:
                about = self._states[offered[1].state].question
                walk.effects.append(Ask(phrases.USE_CHANGE, (phrases.YES, phrases.NO), about))
            case _:
                walk.aside = None
                self._moves.ask(walk)


def _folded(text: str) -> str:
    return fold(text) if len(text) <= LONGEST else ""


def _time_out(session: Session | None, kind: str) -> Step:
    if session is None or kind != IDLE:
        return Step(session, ())
    told = (Say(phrases.EXPIRED),) if has_consent(session.path) or has_consent(session.kept) else ()
    return Step(None, (*told, End()))
