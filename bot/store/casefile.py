"""What stands in a case, into sealed bytes and back: answers, cards, who took a step, and what was said in it.

Reading raises ValueError, KeyError or TypeError for whatever is not what we write; the caller names it without quoting
it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from bot.deeds import Card, Origin
from bot.domain import Answer, Attachment, ConversationId, Listed, TextId
from bot.entries import Said
from bot.flow import rows
from bot.store.codec import Fields, flag, origin_fields, origin_of

NUL = "\0"


@dataclass(frozen=True, slots=True)
class About:
    """What of a case is chosen, not written: language, topic, urgency, and which texts the requester was told."""

    locale: str
    topic: TextId | None
    urgency: TextId | None
    told: tuple[TextId, ...]


@dataclass(frozen=True, slots=True)
class Staff:
    """Who took a step in the life of a case, and whose it is after it."""

    acted: str | None = field(repr=False)
    claimed_by: str | None = field(repr=False)


def answers_to_json(answers: tuple[Answer, ...]) -> str:
    return json.dumps([rows.answer_row(answer) for answer in answers])


def answers_from_json(text: str) -> tuple[Answer, ...]:
    return tuple(rows.answer(row) for row in json.loads(text))


def about_to_json(about: About) -> str:
    return json.dumps([about.locale, about.topic, about.urgency, about.told])


def about_from_json(text: str) -> About:
    locale, topic, urgency, told = json.loads(text)
    return About(
        rows.text(locale),
        _text_id_or_none(topic),
        _text_id_or_none(urgency),
        tuple(TextId(rows.text(name)) for name in told),
    )


def card_to_json(card: Card) -> str:
    return json.dumps([card.conversation, card.text, card.event_id])


def card_from_json(text: str) -> Card:
    conversation, said, event_id = json.loads(text)
    return Card(ConversationId(rows.text(conversation)), rows.text(said), rows.maybe(event_id))


def staff_to_json(staff: Staff) -> str:
    return json.dumps([staff.acted, staff.claimed_by])


def staff_from_json(text: str) -> Staff:
    acted, claimed_by = json.loads(text)
    return Staff(rows.maybe(acted), rows.maybe(claimed_by))


def said_to_text(said: Said | None, origin: Origin | None) -> str:
    """Words that are known by no event stand as they are; a NUL stands before the JSON of all else."""
    if origin is None and isinstance(said, str) and not said.startswith(NUL):
        return said
    fields: Fields = {"said": rows.attachment_row(said) if isinstance(said, Attachment) else said}
    if origin is not None:
        fields["origin"] = origin_fields(origin)
    return NUL + json.dumps(fields)


def said_from_text(text: str) -> tuple[Said | None, Origin | None]:
    if not text.startswith(NUL):
        return text, None
    stored = json.loads(text[1:])
    fields: Fields = stored if isinstance(stored, dict) else {"said": stored}  # earlier rows have no more
    said, origin = fields["said"], fields.get("origin")
    is_file = not (said is None or isinstance(said, str))
    return rows.attachment(said) if is_file else said, None if origin is None else origin_of(origin)


def listed_to_json(listed: Listed) -> str:
    return json.dumps([listed.user, listed.identity, listed.lead, listed.added_by])


def listed_from_json(text: str) -> Listed:
    user, identity, lead, added_by = json.loads(text)
    return Listed(rows.text(user), rows.text(identity), flag(lead), rows.text(added_by))


def _text_id_or_none(value: object) -> TextId | None:
    return None if value is None else TextId(rows.text(value))
