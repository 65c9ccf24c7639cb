"""What a session holds while the bot asks: answers that are to disappear, and files that a channel keeps for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from bot.deeds import Discard
from bot.domain import Answer, Attachment, Conversation, TextId
from bot.flow.events import Effect, OpenCase
from bot.flow.session import Passed, Session
from bot.services.work import Work


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
        replace(effect, answers=tuple(map(timed_one, effect.answers))) if isinstance(effect, OpenCase) else effect
        for effect in effects
    )
    if after is None:
        return None, done
    path, kept = tuple(map(passed_one, after.path)), tuple(map(passed_one, after.kept))
    offered = None if after.offered is None else passed_one(after.offered)
    return replace(after, path=path, kept=kept, offered=offered), done


def discard(
    work: Work,
    conversation: Conversation,
    before: Session | None,
    after: Session | None,
    effects: Sequence[Effect],
    sent: Attachment | None,
) -> None:
    """Have erased what a channel keeps of files that no answer holds any more, and of one that became none."""
    answers = [passed.answer for passed in _all(after)]
    answers += [answer for effect in effects if isinstance(effect, OpenCase) for answer in effect.answers]
    held = {answer.file for answer in answers}
    for file in dict.fromkeys([*(passed.answer.file for passed in _all(before)), sent]):
        if file is not None and file not in held:
            work.post(conversation, Discard(file))


def end(work: Work, conversation: Conversation) -> None:
    """Erase where the requester stands in the flow, and what they answered there."""
    discard(work, conversation, work.tx.sessions.load(conversation.id), None, (), None)
    work.tx.sessions.erase(conversation.id)


def _given(answer: Answer) -> Answer:
    """What was answered, whatever question and answer are called in other flows, and however long they are kept."""
    chosen = tuple((name, TextId("")) for name, _ in answer.chosen)
    return Answer(answer.step, TextId(""), answer.outcome, None, answer.words, answer.version, chosen, answer.file)


def _all(session: Session | None) -> Sequence[Passed]:
    if session is None:
        return ()
    return (*session.path, *session.kept, *((session.offered,) if session.offered else ()))
