"""One engine step in the making: where the session stands while it moves, its answers, and the effects so far.

It is also the cursor that the machine moves, and is thrown away when the step is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from bot.flow.events import CancelTimer, Effect, SetTimer
from bot.flow.machine import OVER
from bot.flow.model import YES
from bot.flow.session import Passed, Session
from bot.flow.waits import PATIENT, Wait

IDLE = "idle"  # the kind of the timer after which a question goes unanswered; mostly, the session is erased then
REMIND = "remind"  # the kind of the timer after which somebody is reminded of the question
KEPT_BEFORE_CONSENT = timedelta(days=1)  # law 3: choices are kept a day at most
KEPT_AFTER_CONSENT = timedelta(days=7)  # time enough to look up what was asked, or to get back to a safe device

CHANGED = "changed"  # the aside that asks whether a changed message is to be taken as the answer
WHICH, MEANT = "which", "meant"  # the asides that ask which of some answers was meant, or whether this one was
ASKED = "asked"  # the aside that asks which question of the FAQ was asked

_NO_WAITS: Mapping[str, Wait] = MappingProxyType({})
_ERASE_SOON = SetTimer(IDLE, KEPT_BEFORE_CONSENT)
_ERASE_LATER = SetTimer(IDLE, KEPT_AFTER_CONSENT)
_CANCEL = CancelTimer(IDLE)
_CANCEL_REMINDER = CancelTimer(REMIND)


@dataclass(frozen=True, slots=True)
class Step:
    """What one event did: the session as it is now, None where it is over, and what must be done."""

    session: Session | None
    effects: tuple[Effect, ...]


class Walk:
    """The session of one step, while it changes."""

    __slots__ = (
        "_before",
        "aside",
        "at",
        "choices",
        "effects",
        "entry",
        "guess",
        "hinted",
        "kept",
        "locale",
        "missed",
        "offered",
        "path",
        "ref",
        "state",
        "tries",
        "unanswered",
        "unverified",
    )

    def __init__(self, session: Session, ref: str | None = None, at: datetime | None = None) -> None:
        self.state = session.state
        self.locale = session.locale
        self.path = session.path
        self.kept = {passed.state: passed for passed in session.kept}
        self.aside = session.aside
        self.tries = session.tries
        self.hinted = session.hinted
        self.missed = session.missed
        self.offered = session.offered
        self.unverified = session.unverified
        self.choices = session.choices
        self.entry = session.entry
        self.unanswered = False  # whatever happens breaks the silence; a timer says so if it does not
        self.guess: str | None = None  # the language that the message seems to be written in
        self.ref = ref  # the message that is being answered
        self.at = at  # when it is
        self._before = session
        self.effects: list[Effect] = []

    def record(self, passed: Passed) -> None:
        """Put an answer on the path; one that was kept for this question is gone.

        A consent takes the place of what was answered to the same text on another way.
        """
        self.kept.pop(passed.state, None)
        if passed.answer.version is not None:
            self.path = tuple(other for other in self.path if other.answer.step != passed.answer.step)
        self.path = (*self.path, passed)

    def cut(self, state: str) -> None:
        """This question is reached: what stands on the path from its own answer on was another way."""
        for place, passed in enumerate(self.path):
            if passed.state == state:
                self.path = self.path[:place]
                return

    def leave(self, place: int) -> None:
        """Keep the answers from this place of the path on, for when their questions are reached again."""
        for passed in self.path[place:]:
            self.kept[passed.state] = passed
        self.path = self.path[:place]

    def return_to(self, place: int) -> None:
        """Stand before the question of this place of the path, to be answered anew; later answers are kept."""
        asked = self.path[place].state
        self.leave(place)
        # this one is not kept: a question that was asked anew is never answered silently
        del self.kept[asked]
        self.state = asked

    def end(self, *effects: Effect) -> None:
        """The session is over with this step."""
        self.effects += effects
        self.state = OVER

    def finish(self, waits: Mapping[str, Wait] = _NO_WAITS) -> Step:
        """The step as it came out. `waits`: of the states whose questions wait in a way of their own."""
        before = waits.get(self._before.state, PATIENT)
        if self.state == OVER:
            return Step(None, (*self.effects, _CANCEL, *([_CANCEL_REMINDER] if before.remind_after else ())))
        consented = has_consent(self.path) or has_consent(self.kept.values())
        path, kept = self.path, tuple(self.kept.values())
        if not consented:  # law 3: words are held only beside a consent
            path, kept = _without_words(path), _without_words(kept)
            if self.offered is not None and self.offered.answer.words is not None:
                self.offered = None
        reminded = self._before.reminded and self.state == self._before.state
        session = Session(
            self.state,
            self.locale,
            path,
            kept,
            self.aside,
            self.tries,
            self.hinted,
            missed=self.missed if self.tries else None,
            offered=self.offered if self.aside == CHANGED else None,
            unverified=self.unverified,
            reminded=reminded,
            unanswered=self.unanswered,
            choices=self.choices if self.aside in (WHICH, MEANT, ASKED) else (),
            entry=self.entry,
            held=self._before.held if self.entry is not None else (),
        )
        wait = waits.get(self.state, PATIENT)
        if wait is PATIENT and before is PATIENT:
            return Step(session, (*self.effects, _ERASE_LATER if consented else _ERASE_SOON))
        return Step(session, (*self.effects, *_timers(wait, before, consented=consented, reminded=reminded)))


def _timers(wait: Wait, before: Wait, *, consented: bool, reminded: bool) -> Iterator[Effect]:
    """What is owed from now on to a question that waits, or that stood before one that waits, in its own way."""
    longest = KEPT_AFTER_CONSENT if consented else KEPT_BEFORE_CONSENT
    if wait.expire_after is not None:
        longest = wait.expire_after if consented else min(wait.expire_after, longest)
    yield SetTimer(IDLE, longest)
    if wait.remind_after is not None and not reminded:
        yield SetTimer(REMIND, wait.remind_after)
    elif before.remind_after is not None:
        yield _CANCEL_REMINDER


def has_consent(answers: Iterable[Passed]) -> bool:
    """Whether a consent was given among these, to whatever version of its text."""
    # a plain loop: at a long path, a generator is a quarter of the whole step
    for passed in answers:  # noqa: SIM110
        if passed.answer.version is not None and passed.answer.outcome == YES:
            return True
    return False


def lawful(session: Session) -> Session:
    """The session as it was stored, without what law 3 would not have let it hold."""
    if has_consent(session.path) or has_consent(session.kept):
        return session
    offered = session.offered
    if offered is not None and offered.answer.words is not None:
        offered = None
    return replace(session, path=_without_words(session.path), kept=_without_words(session.kept), offered=offered)


def _without_words(answers: tuple[Passed, ...]) -> tuple[Passed, ...]:
    """A file has words beside it: its name."""
    for passed in answers:  # as above: nearly always, there are none
        if passed.answer.words is not None:
            return tuple(other for other in answers if other.answer.words is None)
    return answers
