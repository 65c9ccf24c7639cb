"""The flow engine: one pure function from (session, event) to (session, effects).

Nothing here awaits, reads the clock or touches a disk. What must be done is returned, not done. This module finds out
what an event means; `moves` does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

from bot.domain import Answer, Attachment, TextId
from bot.flow import phrases, questions, reading
from bot.flow.asides import GIVING_WAY, GUESSING, Aside, Asides
from bot.flow.edits import Edits
from bot.flow.events import Begun, Edited, End, Event, Halted, Missed, Replied, Say, Sent, Started, TimedOut, Why
from bot.flow.followups import FollowUps, begun
from bot.flow.hearing import Hearing, leads, waits
from bot.flow.machine import CHANGE, Compiled, WaitingStep, after_consent, answering, commanding
from bot.flow.model import CHOSEN, ENOUGH, NO_REPLY, SKIPPED, YES, AttachStep, FaqStep, LanguageStep, ReviewStep
from bot.flow.moves import Moves
from bot.flow.phrases import Command
from bot.flow.questions import Finder, Guesser
from bot.flow.reading import Taken
from bot.flow.session import Session
from bot.flow.sorts import Entry
from bot.flow.understand import LONGEST, Lexicon, answers, commands, fold
from bot.flow.vocabulary import vocabulary
from bot.flow.waits import TRIES
from bot.flow.walk import IDLE, REMIND, Step, Walk, has_consent, lawful

__all__ = ["IDLE", "REMIND", "TRIES", "Engine", "Lexicon", "Step"]

_TELLING = {
    Command.HELP: phrases.HELP,
    Command.FINGERPRINT: phrases.FINGERPRINT,
    Command.PRIVACY: phrases.PRIVACY,
}
_ASKING = {Command.STOP: Aside.STOP, Command.WITHDRAW: Aside.WITHDRAW, Command.FORGET: Aside.FORGET}
_LEADING = (Command.MENU, Command.PERSON, Command.LANGUAGE, Command.EXIT, *_ASKING)


class Engine:
    """Steps sessions through one compiled machine. Holds no session: one engine serves every conversation.

    `lexicons` and `languages` (their own names) have every locale of the machine, which has at least one. `find` knows
    the questions of the FAQ, `guess` what language somebody writes in.
    """

    def __init__(
        self,
        compiled: Compiled,
        lexicons: Mapping[str, Lexicon],
        languages: Mapping[str, str],
        find: Finder = questions.nothing,
        guess: Guesser = questions.no_guess,
    ) -> None:
        self._compiled = compiled
        self._states = compiled.states
        self._moves = Moves(compiled)
        steps = {name: state.step for name, state in compiled.states.items()}
        self._waiting = {name for name, step in steps.items() if isinstance(step, WaitingStep)}
        self._after_consent = {name for name, step in steps.items() if after_consent(step)}
        self._waits = waits(compiled)
        self._unheard = leads(compiled, NO_REPLY)
        self._language = next(
            ((name, step.text) for name, step in steps.items() if isinstance(step, LanguageStep)), None
        )
        self._languages = answers([(locale, languages[locale]) for locale in compiled.locales], {})
        self._vocabularies = {locale: vocabulary(compiled, lexicons, locale) for locale in compiled.locales}
        self._asides = Asides(
            compiled,
            self._moves,
            self._vocabularies,
            (self._language[1] if self._language else None, self._languages),
            self._try_answer,
            self._choose,
            lambda walk, answer: self._hearing.tell(walk, answer),
        )
        self._hearing = Hearing(compiled, self._moves, self._asides, self._vocabularies, (find, guess))
        self._edits = Edits(compiled, self._moves, self._vocabularies)
        self._follow_ups = FollowUps(compiled, self._moves, self._asides, self._vocabularies, self._try_answer)
        self._anyones: dict[str, tuple[Command, str]] = {}  # before a language is chosen, words of every one count
        for locale in compiled.locales:
            for word, command in commands(lexicons[locale].words).items():
                self._anyones.setdefault(word, (command, locale))

    def step(self, session: Session | None, event: Event) -> Step:
        """What this event does. `Started`, and whatever a person sends when there is no session, begins a new one."""
        if isinstance(event, Begun):
            return self._begin(event).finish(self._waits)
        if session is not None and session.entry is Entry.ASKED and not isinstance(event, TimedOut):
            return self._follow_ups.step(session, event, lost=self._is_lost_to_staff(session)).finish(self._waits)
        match event:
            case Halted():
                return Step(session, ())
            case TimedOut(kind=kind):
                return self._time_out(session, kind)
            case Started(text=text, locale=locale):
                walk = self._start(text, locale)
            case Replied(text=text, ref=ref, at=at):
                walk = self._start(text, None) if session is None else self._reply(Walk(session, ref, at), text)
            case Edited(text=text, ref=ref, at=at):
                edited = self._edit(Walk(session, ref, at), text, ref) if session is not None else None
                walk = edited or self._miss(session, phrases.CANNOT_TAKE_CHANGE)
            case Sent(file=file, ref=ref):
                return self._receive(session, file, ref)
            case Missed(why=why):
                walk = self._miss(session, why)
            case _:
                assert_never(event)
        return self._settled(walk).finish(self._waits)

    def _begin(self, event: Begun) -> Walk:
        """Enter a flow otherwise than from the beginning; from there, where it is not there any more."""
        entrance = self._compiled.entrances.get(event.flow)
        if entrance is None:
            return self._start("", event.locale)
        locale = event.locale if event.locale in self._vocabularies else self._compiled.locales[0]
        walk = Walk(begun(entrance, locale))
        if entrance.entry is Entry.ASKED:
            walk.effects.append(Say(phrases.ASKED_INTRO))
        if event.why is not None:
            walk.effects.append(Say(event.why))
        self._moves.arrive(walk)
        return walk

    def _settled(self, walk: Walk) -> Walk:
        """Whoever came back and was led out of the flow that asks them is one of all the others."""
        if walk.entry is not None and self._compiled.entry_of(walk.state) is None:
            walk.entry = None
        return walk

    def command(self, text: str, locale: str) -> Command | None:
        """The command that this is as a whole message in this language, for whoever asks when no session stands."""
        known = self._vocabularies.get(locale)
        return known.commands.get(_folded(text)) if known else None

    def reread(self, answer: Answer, text: str, locale: str) -> Answer:
        """What this answers to a question that was answered before; the words alone, where it is no answer to it."""
        return self._edits.reread(answer, text, locale)

    def _start(self, text: str, locale: str | None) -> Walk:
        known = locale if locale in self._vocabularies else None
        walk = Walk(Session(self._compiled.initial, known))
        command, spoken = self._anyones.get(_folded(text), (None, None))
        if command is not None:
            walk.locale = known or spoken
        if command in _TELLING:
            walk.effects.append(Say(_TELLING[command]))
        elif command in _LEADING and self._obey(walk, command):
            return walk
        if self._language is None:
            walk.locale = known or self._compiled.locales[0]
        if command is None:
            self._hearing.begin_with(walk, text)
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
        self._asides.ask(walk)
        return walk

    def _receive(self, session: Session | None, file: Attachment, ref: str | None) -> Step:
        """A file answers the question that asks for one. Elsewhere it is said once in a row when files can be sent."""
        if session is not None:
            session = lawful(session)
            walk = Walk(session, ref)
            step = None if self._is_lost(walk) else self._states[walk.state].step
            if isinstance(step, AttachStep) and walk.aside in GIVING_WAY:
                walk.aside, walk.tries = None, 0
                self._moves.take(walk, self._states[walk.state], reading.attached(file))
                return walk.finish(self._waits)
            if step is not None and session.entry is not None:
                self._hearing.pass_on(walk)
                return self._settled(walk).finish(self._waits)
            if session.unread:
                return Step(session, ())
        told = self._miss(session, phrases.FILE_NOT_NOW).finish(self._waits)
        return Step(replace(told.session, unread=True) if told.session else None, told.effects)

    def _time_out(self, session: Session | None, kind: str) -> Step:
        if session is None:
            return Step(None, ())
        session = lawful(session)
        if kind not in (IDLE, REMIND):
            return Step(session, ())
        walk = Walk(session)
        lost = self._is_lost(walk)
        if kind == REMIND:
            return Step(session, ()) if lost else self._remind(session, walk)
        consented = has_consent(session.path) or has_consent(session.kept)
        # two silences in a row are nobody there: the bot does not go on talking to itself
        if not lost and walk.state in self._unheard and not session.unanswered:
            if not consented:  # law 3: what was chosen is kept a day at most, and that may be over now
                walk.path, walk.kept = (), {}
            walk.aside, walk.tries, walk.unanswered = None, 0, True
            self._moves.go(walk, answering(NO_REPLY))
            return self._settled(walk).finish(self._waits)
        if session.entry is Entry.ASKED:
            self._moves.halt(walk, Why.NO_REPLY)
            return walk.finish(self._waits)
        told = (Say(phrases.EXPIRED),) if consented else ()
        return Step(None, (*told, End()))

    def _remind(self, session: Session, walk: Walk) -> Step:
        """Ask again, once, and set no other timer by that: nobody has written."""
        wait = self._waits.get(session.state)
        if wait is None or wait.remind_after is None or session.reminded:
            return Step(session, ())
        walk.effects.append(Say(wait.remind or phrases.REMINDER))
        self._asides.ask(walk)
        reminded = replace(session, reminded=True, aside=walk.aside, hinted=walk.hinted)
        return Step(reminded, tuple(walk.effects))

    def _reply(self, walk: Walk, text: str) -> Walk:
        folded = _folded(text)
        if self._is_lost(walk):
            # the question that this answers is gone; only a command still means what it meant
            self._moves.set_back(walk)
            if not self._try_command(walk, folded):
                self._asides.ask(walk)
            return walk
        if not (self._try_answer(walk, folded) or self._try_command(walk, folded)):
            self._hearing.take(walk, folded, text)
        return walk

    def _edit(self, walk: Walk, text: str, ref: str) -> Walk | None:
        """An earlier message says something else now; None where that means nothing.

        A relation between messages can be forged (law 11): so an answer is changed only when the person says so.
        """
        if self._is_lost(walk):
            return None
        if walk.tries and walk.missed == ref:  # the question stands open, and this was not understood as its answer
            if walk.aside in GUESSING:
                walk.aside = None
            return self._reply(walk, text)
        if not self._edits.take(walk, text, ref):
            return None
        self._asides.ask(walk)
        return walk

    def _is_lost(self, walk: Walk) -> bool:
        """Whether the flows were edited under this session, so that it cannot go on where it stands."""
        if walk.locale not in self._vocabularies:
            walk.locale = None if self._language else self._compiled.locales[0]
            walk.aside = None
        if walk.locale is None and not self._asks_language(walk):
            return True
        belongs = self._compiled.entry_of(walk.state)
        if walk.entry is not belongs and (belongs is not None or walk.entry is Entry.ASKED):
            return True  # nobody is asked here who came in by that door
        return walk.state not in self._waiting or (walk.state in self._after_consent and not has_consent(walk.path))

    def _is_lost_to_staff(self, session: Session) -> bool:
        """Whether the flow that staff ask was edited so; or it is not spoken any more what its requester reads."""
        return session.locale not in self._vocabularies or self._is_lost(Walk(session))

    def _asks_language(self, walk: Walk) -> bool:
        return self._language is not None and walk.state == self._language[0]

    def _try_answer(self, walk: Walk, folded: str) -> bool:
        """Take this as an answer to what was asked, if it is one."""
        if walk.aside is not None:
            return self._asides.take(walk, folded)
        known = self._languages
        if walk.locale is not None and not self._asks_language(walk):
            known = self._vocabularies[walk.locale].answers[walk.state]
        outcome = known.get(folded) or known.get(folded.lstrip("0")) or self._offered_language(walk, folded)
        return outcome is not None and self._choose(walk, outcome)

    def _offered_language(self, walk: Walk, folded: str) -> str | None:
        """The language that is offered, where this agrees to it."""
        known = self._vocabularies.get(walk.locale or "") if self._asks_language(walk) else None
        return walk.locale if known is not None and known.yes_or_no.get(folded) == YES else None

    def _choose(self, walk: Walk, outcome: str) -> bool:
        """Answer with this option; False where it does not do alone."""
        state = self._states[walk.state]
        match state.step:
            case LanguageStep():
                walk.locale = outcome
                self._moves.go(walk, answering(CHOSEN))
            case FaqStep() if outcome != ENOUGH:
                self._hearing.tell(walk, TextId(outcome))
            case ReviewStep() if outcome == CHANGE:
                walk.aside = Aside.CHANGE
                self._asides.ask(walk)
            case FaqStep() | ReviewStep():
                self._moves.go(walk, answering(outcome))
            case _:
                read = reading.chosen(state.step, outcome)
                if not isinstance(read, Taken):
                    return False
                self._moves.take(walk, state, read)
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

    def _obey(self, walk: Walk, command: Command) -> bool:
        """Do what the command says; False where it means nothing."""
        match command:
            case Command.HELP | Command.FINGERPRINT | Command.PRIVACY:
                walk.effects.append(Say(_TELLING[command]))
                self._asides.ask(walk)
            case Command.LANGUAGE if self._language is not None:
                walk.aside = None if self._asks_language(walk) else Aside.LANGUAGE
                self._asides.ask(walk)
            case Command.STOP | Command.WITHDRAW | Command.FORGET:
                walk.aside = _ASKING[command]
                self._asides.ask(walk)
            case Command.EXIT:  # at once: whoever writes this has no time for a question
                walk.end(Say(phrases.EXITED), End())
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
                self._moves.take(walk, self._states[walk.state], Taken(SKIPPED))
            case _:
                return False
        walk.tries = 0
        return True


def _folded(text: str) -> str:
    return fold(text) if len(text) <= LONGEST else ""
