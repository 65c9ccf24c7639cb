"""The session: where one requester stands in the flow. Plain data; a new state is a new value.

Law 3: it holds nothing that a person wrote in their own words unless a given consent stands beside it. Of whoever comes
back, what they write before it is known what it is about is `held` under the consent to their last case.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from datetime import timedelta

from bot.domain import FIRST_RELEASE, Answer, Attachment, TextId
from bot.flow.model import YES
from bot.flow.rows import Row, answer, answer_row, attachment, attachment_row, maybe, seconds, span, text, whole
from bot.flow.sorts import Entry

_PLAIN = 6  # the fields of an answer that has none of the rare ones


@dataclass(frozen=True, slots=True)
class Passed:
    """An answered question: the state it was asked in, the answer, and the message that gave it."""

    state: str
    answer: Answer
    ref: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Held:
    """What somebody wrote, or the file that they sent, and its message; `expires` as in `Answer`."""

    said: str | Attachment = field(repr=False)
    ref: str | None = field(default=None, repr=False)
    expires: timedelta | None = None


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
    `unverified`: it has been said that the bot verifies nobody step by step; `reminded`: of the present question;
    `unanswered`: it is asked because the one before got no reply; `choices`: the outcomes of which one was probably
    meant, or the answers of the FAQ that were perhaps asked for, while it is asked which. `entry`: how its flow was
    entered, where that was not from the beginning; `held`: what somebody has written since they came back. `release`
    is that of the flows it runs on.
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
    reminded: bool = False
    unanswered: bool = False
    choices: tuple[str, ...] = field(default=(), repr=False)
    entry: Entry | None = None
    held: tuple[Held, ...] = field(default=(), repr=False)
    release: int = field(default=FIRST_RELEASE, repr=False)


CONSENTED = Passed("", Answer("", TextId(""), YES, version=0))
"""Stands first on the path of whoever is asked by staff: their conversation was handed over with consent."""


def files(session: Session | None) -> tuple[Attachment, ...]:
    """The files that are held with the answers."""
    if session is None:
        return ()
    answers = [passed.answer for passed in (*session.path, *session.kept)]
    if session.offered is not None:
        answers.append(session.offered.answer)
    sent = (held.said for held in session.held if isinstance(held.said, Attachment))
    return (*(answer.file for answer in answers if answer.file is not None), *sent)


_OLDEST = 7  # the fields that every stored session has
# the others, from `unread` on: the last are left out where so
_ADDED = (False, None, None, False, False, False, (), None, ())


def to_json(session: Session) -> str:
    """The session as the store keeps it, in ASCII whatever people write. It holds what they wrote: seal it.

    Its release is kept beside it.
    """
    row: Row = [
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
        session.reminded,
        session.unanswered,
        session.choices,
        session.entry,
        tuple(_held_row(held) for held in session.held),
    ]
    while len(row) > _OLDEST and row[-1] == _ADDED[len(row) - 1 - _OLDEST]:
        row.pop()
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
        missing = len(fields(Session)) - 1 - len(stored_fields)
        if 0 < missing <= len(_ADDED):
            stored_fields += _ADDED[-missing:]
        state, locale, path, kept, aside, tries, hinted, unread, missed, offered, *said, choices, entry, held = (
            stored_fields
        )
        unverified, reminded, unanswered = map(bool, said)
        return Session(
            state=text(state),
            locale=maybe(locale),
            path=tuple(_passed(row) for row in path),
            kept=tuple(_passed(row) for row in kept),
            aside=maybe(aside),
            tries=whole(tries),
            hinted=bool(hinted),
            unread=bool(unread),
            missed=maybe(missed),
            offered=None if offered is None else _passed(offered),
            unverified=unverified,
            reminded=reminded,
            unanswered=unanswered,
            choices=tuple(text(outcome) for outcome in choices),
            entry=None if entry is None else Entry(text(entry)),
            held=tuple(_held(row) for row in held),
        )
    except (ValueError, TypeError, RecursionError):
        return None


def _held_row(held: Held) -> Row:
    said = attachment_row(held.said) if isinstance(held.said, Attachment) else held.said
    return [said, held.ref, seconds(held.expires)]


def _held(row: Row) -> Held:
    said, ref, expires = row
    return Held(attachment(said) if isinstance(said, list) else text(said), maybe(ref), span(expires))


def _row(passed: Passed) -> Row:
    row = answer_row(passed.answer)
    if passed.ref is None and len(row) == _PLAIN:
        return [passed.state, *row]
    return [passed.state, passed.ref, row] if len(row) > _PLAIN else [passed.state, *row, passed.ref]


def _passed(row: Row) -> Passed:
    if len(row) == 3:  # with a field that few answers have
        state, ref, given = row
        return Passed(text(state), answer(given), maybe(ref))
    state, *given = row
    return Passed(text(state), answer(given[:_PLAIN]), maybe(given[_PLAIN]) if len(given) > _PLAIN else None)
