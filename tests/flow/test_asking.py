"""Questions of the FAQ in people's own words: answered, asked back, or no question; and the language they are in."""

from __future__ import annotations

import pytest

from bot.domain import TextId as Q
from bot.flow.engine import Engine
from bot.flow.events import Ask, AskLanguage, Say, Started
from bot.flow.loader import load
from bot.flow.machine import compile_flows
from bot.flow.questions import Finding, Found, How, Perhaps, Report, finder
from bot.flow.session import Session, to_json
from tests.flow.small import LANGUAGES, Talk, lexicon, wide

LIKELY = {
    "so it is free then": Found(Q("faq.free"), How.LIKENESS),
    "es gratis entonces": Found(Q("faq.free"), How.LIKENESS),
    "free lawyers": Perhaps((Q("faq.legal"), Q("faq.free"))),
    "my account got stolen": Report(),
}
FREE, LEGAL = Say(Q("faq.free")), Say(Q("faq.legal"))
MENU = Ask(Q("main.menu"), tuple(Q(f"main.menu.{name}") for name in ("help", "questions", "bye")))
CONSENT = Ask(Q("consent.consent"), (Q("bot.yes"), Q("bot.no")))
WHICH = Ask(Q("bot.faq_which"), (Q("faq.legal/title"), Q("faq.free/title"), Q("bot.faq_other"), Q("bot.faq_person")))
NOT_UNDERSTOOD = Say(Q("bot.not_understood"))
TO_CONSENT = ("1", "1, 2")
TO_NUMBER = (*TO_CONSENT, "yes")


def engine() -> Engine:
    library = load(wide())
    lexicons = {locale: lexicon(library, locale) for locale in LANGUAGES}
    listed = finder(library, lexicons)

    def find(text: str, locale: str) -> Finding:
        return listed(text, locale) or LIKELY.get(text)

    def guess(text: str) -> str | None:
        return "es" if text.startswith(("hola", "es ")) else None

    return Engine(compile_flows(library, tuple(LANGUAGES)), lexicons, LANGUAGES, find, guess)


@pytest.fixture
def talk() -> Talk:
    talk = Talk(engine())
    talk.start()
    return talk


def test_what_is_surely_a_question_is_answered_and_the_question_asked_again(talk: Talk) -> None:
    assert talk.say("so it is free then") == [FREE, MENU]
    assert talk.say(*TO_CONSENT, "so it is free then") == [FREE, CONSENT]


def test_what_is_perhaps_a_question_is_asked_back(talk: Talk) -> None:
    assert talk.say("free lawyers") == [WHICH]


@pytest.mark.parametrize("reply", ["1", "١", "(1)", "1. Can you help with the law?", "can you help with the LAW"])
def test_the_questions_asked_back_are_chosen_by_number_and_words(talk: Talk, reply: str) -> None:
    talk.say("free lawyers")
    title = lexicon(load(wide()), "en").labels[Q("faq.legal/title")]
    reply = reply.replace("Can you help with the law?", title).replace("can you help with the LAW", title.upper())
    assert talk.say(reply) == [LEGAL, MENU]


@pytest.mark.parametrize("reply", ["3", "something else", "no"])
def test_something_else_leads_back_to_the_question(talk: Talk, reply: str) -> None:
    assert talk.say("free lawyers", reply) == [MENU]


@pytest.mark.parametrize("reply", ["4", "a person", "a human"])
def test_a_person_is_one_word_away(talk: Talk, reply: str) -> None:
    assert talk.say("free lawyers", reply) == [CONSENT]


@pytest.mark.parametrize("reply", ["5", "0", "yes", "yeah"])
def test_what_chooses_none_of_them_is_asked_again(talk: Talk, reply: str) -> None:
    assert talk.say("free lawyers", reply) == [NOT_UNDERSTOOD, WHICH]


def test_a_yes_to_questions_asked_back_is_no_consent(talk: Talk) -> None:
    assert talk.say(*TO_CONSENT, "free lawyers") == [WHICH]
    talk.say("yes")
    assert talk.state is not None
    assert "consent" in talk.state
    assert not any("consent" in answer for answer in talk.path)


def test_an_answer_to_the_question_before_is_still_one(talk: Talk) -> None:
    assert talk.say("free lawyers", "I have a question")[0].text == "main.topics"  # type: ignore[union-attr]


def test_another_question_can_be_asked_meanwhile(talk: Talk) -> None:
    assert talk.say("free lawyers", "so it is free then") == [FREE, MENU]
    assert talk.say("free lawyers", "free lawyers") == [WHICH]


def test_in_the_list_of_the_faq_more_can_be_asked_afterwards(talk: Talk) -> None:
    more = Ask(Q("bot.faq_more"), (Q("bot.yes"), Q("bot.no")))
    assert talk.say("2", "free lawyers") == [WHICH]
    assert talk.say("1") == [LEGAL, more]
    assert talk.say("so it is free then") == [FREE, more]


def test_where_words_are_asked_for_a_likeness_is_no_question(talk: Talk) -> None:
    talk.say(*TO_NUMBER)
    for words in LIKELY:
        assert talk.say(words)[0] == Say(Q("main.number/error"))


def test_the_report_of_an_incident_is_heard_kindly_and_not_kept(talk: Talk) -> None:
    assert talk.say("my account got stolen") == [Say(Q("bot.no_question")), MENU]
    assert talk.session is not None
    assert "stolen" not in to_json(talk.session)


def test_nothing_that_was_asked_is_kept_before_consent(talk: Talk) -> None:
    talk.say("free lawyers")
    assert talk.session is not None
    assert "lawyers" not in to_json(talk.session)


def test_a_confirmation_to_stop_is_not_left_by_a_likeness(talk: Talk) -> None:
    stop = Ask(Q("bot.stop_confirm"), (Q("bot.yes"), Q("bot.no")))
    assert talk.say("stop", "free lawyers") == [NOT_UNDERSTOOD, stop]


def test_questions_that_the_faq_has_no_more_are_not_asked_back() -> None:
    talk = Talk(engine(), Session("main/menu", "en", aside="asked", choices=("faq.gone",)))
    assert talk.say("1")[0] != WHICH
    assert talk.session is not None
    assert talk.session.aside is None


def test_the_language_that_somebody_seems_to_write_in_is_offered() -> None:
    talk = Talk(engine())
    assert talk.start("hola necesito ayuda", None) == [AskLanguage(Q("main.language"), "es")]
    assert talk.say("sí")[-1] == MENU
    assert talk.session is not None
    assert talk.session.locale == "es"


def test_the_language_that_is_offered_is_not_imposed() -> None:
    talk = Talk(engine())
    talk.start("hola necesito ayuda", None)
    talk.say("English")
    assert talk.session is not None
    assert talk.session.locale == "en"


def test_a_question_that_somebody_begins_with_is_answered_before_the_language_is_chosen() -> None:
    talk = Talk(engine())
    assert talk.start("es gratis entonces", None) == [FREE, AskLanguage(Q("main.language"), "es")]


def test_a_question_that_somebody_comes_back_with_is_answered_first() -> None:
    step = engine().step(None, Started("so it is free then", "en"))
    assert step.effects[0] == FREE
    assert MENU in step.effects


def test_where_no_language_is_told_the_list_is_shown_as_before() -> None:
    assert Talk(engine()).start("my account got stolen", None) == [AskLanguage(Q("main.language"))]
