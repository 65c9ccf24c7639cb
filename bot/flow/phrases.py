"""What the bot says by itself, outside the questions of a flow, and the words that it understands everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from bot.domain import TextId
from bot.flow.sorts import Kind

NOT_UNDERSTOOD = TextId("bot.not_understood")
OFFER_PERSON = TextId("bot.offer_person")
DID_YOU_MEAN = TextId("bot.did_you_mean")
WHICH_OF_THESE = TextId("bot.which_of_these")
HELP = TextId("bot.help")
PRIVACY = TextId("bot.privacy")
GOING_ON = TextId("bot.going_on")
SKIP_HINT = TextId("bot.skip_hint")
SEVERAL_HINT = TextId("bot.several_hint")
SEVERAL_ALONE = TextId("bot.several_alone")
SEVERAL_COUNT = TextId("bot.several_count")
ATTACH_ADVICE = TextId("bot.attach_advice")
ATTACH_SKIP = TextId("bot.attach_skip")
FILE_NOT_NOW = TextId("bot.file_not_now")
UNFIT_LONG = TextId("bot.unfit_long")
UNFIT: Mapping[Kind, TextId] = {kind: TextId(f"bot.unfit_{kind}") for kind in Kind if kind is not Kind.TEXT}
STOP_CONFIRM = TextId("bot.stop_confirm")
STOPPED = TextId("bot.stopped")
WITHDRAW_CONFIRM = TextId("bot.withdraw_confirm")
WITHDRAWN = TextId("bot.withdrawn")
FORGET_CONFIRM = TextId("bot.forget_confirm")
FORGOTTEN = TextId("bot.forgotten")
EXITED = TextId("bot.exited")
REMINDER = TextId("bot.reminder")
EXPIRED = TextId("bot.expired")
WHICH_ANSWER = TextId("bot.which_answer")
USE_CHANGE = TextId("bot.use_change")
CANNOT_TAKE_CHANGE = TextId("bot.cannot_take_change")
CONSENT_CHANGED = TextId("bot.consent_changed")
FINGERPRINT = TextId("bot.fingerprint")
FAQ_ENOUGH = TextId("bot.faq_enough")
FAQ_MORE = TextId("bot.faq_more")
FAQ_WHICH = TextId("bot.faq_which")
FAQ_OTHER = TextId("bot.faq_other")
FAQ_PERSON = TextId("bot.faq_person")
NO_QUESTION = TextId("bot.no_question")
REVIEW_SEND = TextId("bot.review_send")
REVIEW_CHANGE = TextId("bot.review_change")
ASKED_INTRO = TextId("bot.asked_intro")
ASKED_PASSED_ON = TextId("bot.asked_passed_on")
ASKED_DONE = TextId("bot.asked_done")
ASKED_ENDED = TextId("bot.asked_ended")
YES = TextId("bot.yes")
NO = TextId("bot.no")

SAID_BY_THE_ENGINE = (
    NOT_UNDERSTOOD,
    OFFER_PERSON,
    DID_YOU_MEAN,
    WHICH_OF_THESE,
    HELP,
    PRIVACY,
    GOING_ON,
    SKIP_HINT,
    SEVERAL_HINT,
    SEVERAL_ALONE,
    SEVERAL_COUNT,
    ATTACH_ADVICE,
    ATTACH_SKIP,
    FILE_NOT_NOW,
    UNFIT_LONG,
    *UNFIT.values(),
    STOP_CONFIRM,
    STOPPED,
    WITHDRAW_CONFIRM,
    WITHDRAWN,
    FORGET_CONFIRM,
    FORGOTTEN,
    EXITED,
    REMINDER,
    EXPIRED,
    WHICH_ANSWER,
    USE_CHANGE,
    CANNOT_TAKE_CHANGE,
    CONSENT_CHANGED,
    FINGERPRINT,
    FAQ_ENOUGH,
    FAQ_MORE,
    FAQ_WHICH,
    FAQ_OTHER,
    FAQ_PERSON,
    NO_QUESTION,
    REVIEW_SEND,
    REVIEW_CHANGE,
    ASKED_INTRO,
    ASKED_PASSED_ON,
    ASKED_DONE,
    ASKED_ENDED,
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
    WITHDRAW = "withdraw"
    FORGET = "forget"
    PRIVACY = "privacy"
    EXIT = "exit"


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
        "case_kept",
    }
)
"""The placeholders that every text may have: the helpline's names, addresses and links, from the config."""

AFTER_HANDOFF = frozenset({"case"})

IN_PHRASES = frozenset(
    {
        "case",
        "count",
        "version",
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
        "time",
        "fingerprint",
        "device",
        "setting",
        "other",
        "channel",
        "detail",
        "link",
    }
)
"""What the program fills into phrases. Which phrase gets which is up to the service that says it."""
