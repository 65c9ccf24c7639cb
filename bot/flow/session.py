"""The session: where one requester stands in the flow. Plain data; a new state is a new value.

Law 3: it holds nothing that a person wrote in their own words unless a given consent stands beside it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import Any

from bot.domain import Answer, TextId


@dataclass(frozen=True, slots=True)
class Passed:
    """An answered question: the state it was asked in, the answer, and the message that gave it."""

    state: str
    answer: Answer
    ref: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Session:
    """One run of a flow in a conversation.

    `path` holds the answers that led to `state`, in order, and nothing else: what is reviewed and handed over is read
    from it alone. `kept` holds answers of a path that was left (by *menu*, or by changing an earlier answer); one of
    them comes back onto the path only when its own question is reached again. `aside` names a question put in between
    (the language, which answer to change); `tries` counts answers to the present question that were not understood;
    `hinted`: it has been said that a question in one's own words can be skipped; `unread`: since something could be
    read last, it has been said that something could not, and it is not said again; `missed`: the message that was not
    understood last; `offered`: the answer that a changed message would give, while it is asked whether to take it;
    `unverified`: it has been said that the bot verifies nobody step by step.
    """

    state: str
    locale: str | None = None
    path: tuple[Passed, ...] = field(default=(), repr=False)
    kept: tuple[Passed, ...] = field(default=(), repr=False)
    aside: str | None = None
    tries: int = 0
    hinted: bool = False
    unread: bool = False
    missed: str | None = field(default=None, repr=False)
    offered: Passed | None = field(default=None, repr=False)
    unverified: bool = False


_ADDED = (False, None, None, False)  # the fields that sessions stored earlier may lack, from `unread` on


def to_json(session: Session) -> str:
    """The session as the store keeps it, in ASCII whatever people write. It holds what they wrote: seal it."""
    row = [
        session.state,
        session.locale,
        [_row(passed) for passed in session.path],
        [_row(passed) for passed in session.kept],
        session.aside,
        session.tries,
        session.hinted,
        session.unread,
        session.missed,
        None if session.offered is None else _row(session.offered),
        session.unverified,
    ]
    return json.dumps(row, separators=(",", ":"))


def from_json(stored: str) -> Session:
    """What `to_json` made. Raises ValueError, which tells nothing of the content, for anything else."""
    session = _read(stored)
    if session is None:  # raised out here, so that no cause which holds the content hangs on it (law 6)
        raise ValueError("this is not a stored session")
    return session


def _read(stored: str) -> Session | None:
    try:
        stored_fields = [*json.loads(stored)]
        missing = len(fields(Session)) - len(stored_fields)
        if 0 < missing <= len(_ADDED):
            stored_fields += _ADDED[-missing:]
        state, locale, path, kept, aside, tries, hinted, unread, missed, offered, unverified = stored_fields
        return Session(
            state=_text(state),
            locale=_maybe(locale),
            path=tuple(_passed(row) for row in path),
            kept=tuple(_passed(row) for row in kept),
            aside=_maybe(aside),
            tries=_whole(tries),
            hinted=bool(hinted),
            unread=bool(unread),
            missed=_maybe(missed),
            offered=None if offered is None else _passed(offered),
            unverified=bool(unverified),
        )
    except (ValueError, TypeError, RecursionError):
        return None


def _row(passed: Passed) -> list[str | int | None]:
    answer = passed.answer
    row = [passed.state, answer.step, answer.question, answer.outcome, answer.label, answer.words, answer.version]
    return row if passed.ref is None else [*row, passed.ref]


def _passed(row: Any) -> Passed:
    state, step, question, outcome, label, words, version, ref = row if len(row) == 8 else (*row, None)
    answer = Answer(
        step=_text(step),
        question=TextId(_text(question)),
        outcome=_text(outcome),
        label=None if label is None else TextId(_text(label)),
        words=_maybe(words),
        version=None if version is None else _whole(version),
    )
    return Passed(_text(state), answer, _maybe(ref))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _maybe(value: Any) -> str | None:
    return None if value is None else _text(value)


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError
    return value
