"""Answers that are to disappear, while the bot still asks: so does what a session and a new case have of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from bot.domain import Answer, TextId
from bot.flow.events import Answered, Effect, OpenCase, Reopen
from bot.flow.session import Passed, Session


def timed(
    before: Session | None, after: Session | None, effects: Iterable[Effect], expires: timedelta
) -> tuple[Session | None, tuple[Effect, ...]]:
    """The session and what is to be done, after a message that is to disappear: so is the answer that it gave."""
    known = frozenset(_given(passed.answer) for passed in _all(before))

    def timed_one(answer: Answer) -> Answer:
        return answer if _given(answer) in known else replace(answer, expires=expires)

    def passed_one(passed: Passed) -> Passed:
        return replace(passed, answer=timed_one(passed.answer))

    done = tuple(
        replace(effect, answers=tuple(map(timed_one, effect.answers)))
        if isinstance(effect, OpenCase | Answered | Reopen)
        else effect
        for effect in effects
    )
    if after is None:
        return None, done
    path, kept = tuple(map(passed_one, after.path)), tuple(map(passed_one, after.kept))
    offered = None if after.offered is None else passed_one(after.offered)
    return replace(after, path=path, kept=kept, offered=offered), done


def _given(answer: Answer) -> Answer:
    """What was answered, whatever question and answer are called in other flows, and however long they are kept."""
    chosen = tuple((name, TextId("")) for name, _ in answer.chosen)
    return Answer(answer.step, TextId(""), answer.outcome, None, answer.words, answer.version, chosen, answer.file)


def _all(session: Session | None) -> Sequence[Passed]:
    if session is None:
        return ()
    return (*session.path, *session.kept, *((session.offered,) if session.offered else ()))
