"""What the bot says by itself, outside the questions of a flow, and the words that it understands everywhere."""

from __future__ import annotations

from enum import StrEnum

from bot.domain import TextId

NOT_UNDERSTOOD = TextId("bot.not_understood")
OFFER_PERSON = TextId("bot.offer_person")
HELP = TextId("bot.help")
GOING_ON = TextId("bot.going_on")
SKIP_HINT = TextId("bot.skip_hint")
STOP_CONFIRM = TextId("bot.stop_confirm")
STOPPED = TextId("bot.stopped")
EXPIRED = TextId("bot.expired")
WHICH_ANSWER = TextId("bot.which_answer")
USE_CHANGE = TextId("bot.use_change")
CANNOT_TAKE_CHANGE = TextId("bot.cannot_take_change")
FINGERPRINT = TextId("bot.fingerprint")
FAQ_ENOUGH = TextId("bot.faq_enough")
FAQ_MORE = TextId("bot.faq_more")
REVIEW_SEND = TextId("bot.review_send")
REVIEW_CHANGE = TextId("bot.review_change")
YES = TextId("bot.yes")
NO = TextId("bot.no")

SAID_BY_THE_ENGINE = (
    NOT_UNDERSTOOD,
    OFFER_PERSON,
    HELP,
    GOING_ON,
    SKIP_HINT,
    STOP_CONFIRM,
    STOPPED,
    EXPIRED,
    WHICH_ANSWER,
    USE_CHANGE,
    CANNOT_TAKE_CHANGE,
    FINGERPRINT,
    FAQ_ENOUGH,
    FAQ_MORE,
    REVIEW_SEND,
    REVIEW_CHANGE,
    YES,
    NO,
)


class Command(StrEnum):
    """What a requester can ask for at any moment, as a whole message. *Skip* only where words are asked for."""

    HELP = "help"
    MENU = "menu"
    BACK = "back"
    LANGUAGE = "language"
    PERSON = "person"
    STOP = "stop"
    SKIP = "skip"
    FINGERPRINT = "fingerprint"


WORDS = ("yes", "no", *Command)

EVERYWHERE = frozenset(
    {
        "name",
        "help_address",
        "legal_address",
        "general_address",
        "link_eligibility",
        "link_first_steps",
        "link_guides",
        "link_services",
        "link_terms",
        "link_grants",
        "link_contact",
        "first_response",
    }
)
"""The placeholders that every text may have: the helpline's names, addresses and links, from the config."""

AFTER_HANDOFF = frozenset({"case"})

IN_PHRASES = frozenset(
    {
        "case",
        "question",
        "answer",
        "language",
        "topic",
        "urgency",
        "state",
        "who",
        "words",
        "note",
        "command",
        "file",
        "fingerprint",
        "device",
        "setting",
    }
)
"""What the program fills into phrases. Which phrase gets which is up to the service that says it."""
