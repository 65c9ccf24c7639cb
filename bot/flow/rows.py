"""Answers and files as rows of JSON, in sessions and in cases. Reading raises ValueError or TypeError, quoting nothing.

A row that was stored before a field was added is shorter, and still read.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from bot.domain import Answer, Attachment, Keep, Kind, TextId

Row = list[Any]

LONGEST_SPAN = 10**10  # seconds, three centuries: whatever is longer is a fault
_OLDEST_FILE = 7  # those that every stored file has; when they were all, one channel brought files


def answer_row(answer: Answer) -> Row:
    """The answer, without the last fields where it has none of what few answers have."""
    row = [answer.step, answer.question, answer.outcome, answer.label, answer.words, answer.version]
    rare: Row = [answer.chosen, None if answer.file is None else attachment_row(answer.file)]
    kept: Row = [answer.keep.value, seconds(answer.expires), _iso(answer.due)]
    if answer.at is not None or answer.ref is not None or answer.later:
        return [*row, *rare, *kept, _iso(answer.at), answer.ref, answer.later]
    if answer.keep is not Keep.CASE or answer.expires is not None:
        return [*row, *rare, *kept]
    return [*row, *rare] if answer.chosen or answer.file is not None else row


def answer(row: Row) -> Answer:
    """What `answer_row` made."""
    step, question, outcome, label, words, version, *rare = row
    chosen, file, *kept = rare or ((), None)
    keep, expires, due, *since = kept or (Keep.CASE, None, None)
    at, ref, later = since or (None, None, False)
    if file is not None and words is None:
        raise ValueError("expected the name of a file")  # law 3: what has words is held only beside a consent
    return Answer(
        step=text(step),
        question=TextId(text(question)),
        outcome=text(outcome),
        label=None if label is None else TextId(text(label)),
        words=maybe(words),
        version=None if version is None else whole(version),
        chosen=tuple((text(name), TextId(text(option))) for name, option in chosen),
        file=None if file is None else attachment(file),
        keep=keeping(keep),
        expires=span(expires),
        due=None if due is None else moment(due),
        at=None if at is None else moment(at),
        ref=maybe(ref),
        later=bool(later),
    )


def attachment_row(attachment: Attachment) -> Row:
    """The file: where its ciphertext lies, and what opens it."""
    claimed = [attachment.kind.value, attachment.name, attachment.mime, attachment.size]
    return [*claimed, attachment.place, attachment.secret, attachment.caption, attachment.channel]


def attachment(row: Row) -> Attachment:
    """What `attachment_row` made."""
    kind, name, mime, size, place, secret, caption, channel = row if len(row) > _OLDEST_FILE else (*row, "matrix")
    if not isinstance(size, int):
        raise TypeError("expected a number")
    claimed = Kind(kind), text(name), text(mime), size
    return Attachment(*claimed, text(place), text(secret), text(caption), channel=text(channel))


def text(value: object) -> str:
    """A text, and nothing else."""
    if not isinstance(value, str):
        raise TypeError("expected a text")
    return value


def maybe(value: object) -> str | None:
    """A text, or nothing."""
    return None if value is None else text(value)


def seconds(length: timedelta | None) -> int | None:
    """How long, in whole seconds."""
    return None if length is None else int(length.total_seconds())


def span(value: object) -> timedelta | None:
    """What `seconds` made."""
    if value is None:
        return None
    if whole(value) > LONGEST_SPAN:
        raise ValueError("expected a length of time")
    return timedelta(seconds=whole(value))


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def moment(value: object) -> datetime:
    """A moment with its time zone, as `isoformat` writes it."""
    with suppress(ValueError):  # its own words quote the value
        read = datetime.fromisoformat(text(value))
        if read.tzinfo is not None:
            return read
    raise ValueError("expected a moment")


def keeping(value: object) -> Keep:
    """How long something is kept."""
    if value not in tuple(Keep):
        raise ValueError("expected how long it is kept")
    return Keep(text(value))


def whole(value: object) -> int:
    """A whole number from 0 on."""
    if type(value) is not int or value < 0:
        raise ValueError("expected a whole number")
    return value
