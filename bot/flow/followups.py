"""The questions that staff have put to a requester whose conversation is theirs: answers are taken, nothing else is.

People have the conversation (law 4): of all that can be said to the bot alone, only *skip* and *back* mean something
here. What answers nothing is passed on to people, whatever it is; *person* and *stop* end the questions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.flow import phrases, questions, reading
from bot.flow.asides import GIVING_WAY, Asides
from bot.flow.edits import Edits
from bot.flow.events import Begun, Edited, Halted, Missed, PassOn, Replied, Say, Sent, Started, TimedOut, Why
from bot.flow.hearing import Hearing
from bot.flow.machine import Compiled, Entrance
from bot.flow.model import SKIPPED, AttachStep
from bot.flow.moves import Moves
from bot.flow.phrases import Command
from bot.flow.reading import Taken
from bot.flow.session import CONSENTED, Session
from bot.flow.sorts import Entry
from bot.flow.understand import LONGEST, fold
from bot.flow.vocabulary import Vocabulary
from bot.flow.walk import Walk

_ENDING = (Command.PERSON, Command.STOP, Command.WITHDRAW, Command.FORGET, Command.EXIT)
WHILE_ASKED = (Command.BACK, Command.SKIP, *_ENDING)

Happened = Started | Replied | Edited | Sent | Missed | Begun | Halted | TimedOut


def begun(entrance: Entrance, locale: str) -> Session:
    """The session of a flow that is entered otherwise than from the beginning."""
    if entrance.entry is Entry.ASKED:  # the text that comes first says how to skip
        return Session(entrance.initial, locale, (CONSENTED,), hinted=True, entry=entrance.entry)
    return Session(entrance.initial, locale, entry=entrance.entry)


class FollowUps:
    """The flows of one machine that staff ask. `answer` takes a reply to the question that stands."""

    def __init__(
        self,
        compiled: Compiled,
        moves: Moves,
        asides: Asides,
        vocabularies: Mapping[str, Vocabulary],
        answer: Callable[[Walk, str], bool],
    ) -> None:
        self._states = compiled.states
        self._moves = moves
        self._asides = asides
        self._vocabularies = vocabularies
        self._answer = answer
        # no question of the FAQ is answered where people are
        self._hearing = Hearing(compiled, moves, asides, vocabularies, (questions.nothing, questions.no_guess))
        self._edits = Edits(compiled, moves, vocabularies)

    def step(self, session: Session, event: Happened, *, lost: bool) -> Walk:
        """What this event does. `lost`: the flows were edited, so that the question is not there any more."""
        match event:
            case Replied(ref=ref) | Edited(ref=ref) | Sent(ref=ref):
                walk = Walk(session, ref)
            case _:
                walk = Walk(session)
        if isinstance(event, Halted):
            self._moves.halt(walk, Why.STOPPED)
        elif lost:
            self._end(walk, PassOn())
        elif isinstance(event, Replied):
            self._reply(walk, event.text)
        elif isinstance(event, Edited) and self._edits.take(walk, event.text, event.ref):
            self._asides.ask(walk)
        elif isinstance(event, Sent) and self._takes_files(walk):
            walk.aside, walk.tries = None, 0
            self._moves.take(walk, self._states[walk.state], reading.attached(event.file))
        else:
            walk.effects.append(PassOn())
        return walk

    def _reply(self, walk: Walk, text: str) -> None:
        folded = fold(text) if len(text) <= LONGEST else ""
        if self._answer(walk, folded):
            return
        command = self._vocabularies[walk.locale or ""].commands.get(folded)
        if command in _ENDING:
            self._end(walk)
        elif command is Command.BACK:
            walk.tries = 0
            self._back(walk)
        elif command is Command.SKIP and walk.aside is None and SKIPPED in self._states[walk.state].outcomes:
            walk.tries = 0
            self._moves.take(walk, self._states[walk.state], Taken(SKIPPED))
        else:
            self._hearing.take(walk, folded, text)

    def _back(self, walk: Walk) -> None:
        if walk.aside is None:
            self._moves.back(walk)
            return
        walk.aside = None
        self._moves.ask(walk)

    def _takes_files(self, walk: Walk) -> bool:
        return isinstance(self._states[walk.state].step, AttachStep) and walk.aside in GIVING_WAY

    def _end(self, walk: Walk, *before: PassOn) -> None:
        walk.effects += (*before, Say(phrases.ASKED_ENDED))
        self._moves.halt(walk, Why.STOPPED)
