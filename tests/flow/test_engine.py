"""The engine on the good flows: what a requester writes, and what comes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain import Answer, Keep, TextId
from bot.flow.engine import Engine
from bot.flow.events import (
    Ask,
    AskLanguage,
    CancelTimer,
    End,
    Missed,
    OpenCase,
    Replied,
    Say,
    SetTimer,
    ShowAnswers,
    Started,
    TimedOut,
)
from bot.flow.session import Passed, Session, to_json
from tests.flow import small
from tests.flow.small import Talk, engine, files

GOOD_ROLE = small.good()["who.yaml"].split("  - ")[1]
WORDS = "They took my account."

Q = TextId
LANGUAGE = AskLanguage(Q("main.language"))
WELCOME = Say(Q("main.welcome"))
MENU = Ask(Q("main.menu"), (Q("main.menu.questions"), Q("main.menu.help"), Q("main.menu.bye")))
ROLE = Ask(Q("who.role"), (Q("who.role.activist"), Q("who.role.journalist"), Q("who.role.other")))
PROBLEM = Ask(Q("who.problem"), (Q("who.problem.account"), Q("who.problem.legal")))
SOON = Say(Q("more.soon"))
YES_NO = (Q("bot.yes"), Q("bot.no"))
CONSENT = Ask(Q("consent.consent"), YES_NO)
WHAT = Ask(Q("main.what"))
URGENCY = Ask(Q("main.urgency"), (Q("main.urgency.now"), Q("main.urgency.later")))
CONTACT = Ask(Q("main.contact"), YES_NO)
REVIEW = Ask(Q("main.review"), (Q("bot.review_send"), Q("bot.review_change")))
MORE = Ask(Q("bot.faq_more"), (Q("bot.yes"), Q("bot.no")))
TOPICS = Ask(Q("main.topics"), (Q("faq.free/title"), Q("faq.legal/title"), Q("bot.faq_enough")))
HINT = Say(Q("bot.skip_hint"))
HELP = Say(Q("bot.help"))
GOING_ON = Say(Q("bot.going_on"))
NOT_UNDERSTOOD = Say(Q("bot.not_understood"))
STOP = Ask(Q("bot.stop_confirm"), YES_NO)

ACTIVIST = Answer("who.role", Q("who.role/label"), "activist", Q("who.role.activist"))
ACCOUNT = Answer("who.problem", Q("who.problem"), "account", Q("who.problem.account"))
AGREED = Answer("consent.consent", Q("consent.consent/covers"), "yes", Q("bot.yes"), version=1)
HAPPENED = Answer("main.what", Q("main.what"), "answered", words=WORDS)
LATER = Answer("main.urgency", Q("main.urgency"), "later", Q("main.urgency.later"))
NO_CONTACT = Answer("main.contact", Q("main.contact/label"), "no", Q("bot.no"))
ALL = (ACTIVIST, ACCOUNT, AGREED, HAPPENED, LATER, NO_CONTACT)

TO_ROLE = ("2",)
TO_CONSENT = (*TO_ROLE, "1", "1")
TO_WHAT = (*TO_CONSENT, "yes")
TO_URGENCY = (*TO_WHAT, WORDS)
TO_REVIEW = (*TO_URGENCY, "2", "no")


@pytest.fixture(scope="module")
def good() -> Engine:
    return engine(small.good())


@pytest.fixture
def talk(good: Engine) -> Talk:
    """Someone whose language is known, before they write the first answer."""
    talk = Talk(good)
    talk.start()
    return talk


# beginning


def test_the_first_question_is_the_language(good: Engine) -> None:
    assert Talk(good).start("Hello, they took my account", None) == [LANGUAGE]


@pytest.mark.parametrize(
    ("reply", "locale"), [("2", "es"), ("٣", "ar"), ("espanol", "es"), ("العربيه", "ar"), ("3. العربية", "ar")]
)
def test_a_language_is_chosen_by_number_or_by_its_name(good: Engine, reply: str, locale: str) -> None:
    talk = Talk(good)
    talk.start("", None)
    assert talk.say(reply) == [WELCOME, MENU]
    assert talk.session is not None
    assert talk.session.locale == locale


def test_who_comes_back_is_not_asked_for_the_language(good: Engine) -> None:
    assert Talk(good).start("Hello again", "ar") == [WELCOME, MENU]


def test_a_language_that_is_not_offered_any_more_is_asked_for(good: Engine) -> None:
    assert Talk(good).start("", "fr") == [LANGUAGE]


def test_a_reply_without_a_session_begins_one(good: Engine) -> None:
    assert Talk(good).say("Hello") == [LANGUAGE]


@pytest.mark.parametrize(("word", "locale"), [("Person!", "en"), ("persona", "es"), ("شخص", "ar"), ("a human", "en")])
def test_person_works_as_the_very_first_message(good: Engine, word: str, locale: str) -> None:
    talk = Talk(good)
    assert talk.start(word, None) == [CONSENT]
    assert talk.session is not None
    assert talk.session.locale == locale
    yes = {"en": "yes", "es": "sí", "ar": "نعم"}[locale]
    assert talk.say(yes) == [OpenCase((AGREED,), None, None), Say(Q("person.handoff"))]
    assert talk.session is None


@pytest.mark.parametrize("known", [None, "es"])
def test_other_commands_work_as_the_very_first_message(good: Engine, known: str | None) -> None:
    assert Talk(good).start("menu", known) == [MENU]
    assert Talk(good).start("language", known) == [LANGUAGE]
    assert Talk(good).start("stop", known) == [STOP]
    assert Talk(good).start("help", known) == [HELP, *([WELCOME, MENU] if known else [LANGUAGE])]
    assert Talk(good).start("back", known) == ([WELCOME, MENU] if known else [LANGUAGE])


def test_a_command_before_the_language_is_answered_in_its_own(good: Engine) -> None:
    talk = Talk(good)
    talk.start("", None)
    assert talk.say("ayuda") == [HELP, LANGUAGE]
    assert talk.session is not None
    assert talk.session.locale == "es"
    assert talk.say("person") == [CONSENT]  # words of every language, until one is chosen


def test_the_known_language_goes_before_that_of_the_word(good: Engine) -> None:
    talk = Talk(good)
    talk.start("person", "ar")
    assert talk.session is not None
    assert talk.session.locale == "ar"


# the straight way


def test_the_whole_way_to_the_handoff(talk: Talk) -> None:
    assert talk.say("I need help") == [ROLE]
    assert talk.say("an activist") == [PROBLEM]
    assert talk.say("1. An account") == [SOON, CONSENT]
    assert talk.say("Yeah!") == [WHAT, HINT]
    assert talk.say(f" {WORDS} ") == [URGENCY]
    assert talk.say("٢") == [CONTACT]
    assert talk.say("n") == [ShowAnswers(ALL), REVIEW]
    assert talk.say("send it") == [OpenCase(ALL, ACCOUNT.label, LATER.label), Say(Q("main.handoff"))]
    assert talk.session is None


def test_a_card_without_its_answers_is_empty(talk: Talk) -> None:
    (case, _) = talk.say("person", "yes")
    assert case == OpenCase((AGREED,), None, None)


def test_an_end_says_its_text_and_ends_the_session(talk: Talk) -> None:
    assert talk.all(Replied("Nothing")) == (Say(Q("main.bye")), End(), CancelTimer("idle"))
    assert talk.session is None


def test_a_jump_says_what_lies_on_its_way(talk: Talk) -> None:
    assert talk.say(*TO_URGENCY, "1") == [Say(Q("main.careful")), CONTACT]


def test_refusing_consent_leads_where_the_flow_says_and_nothing_is_kept(talk: Talk) -> None:
    assert talk.say(*TO_CONSENT, "no") == [Say(Q("consent.declined")), MENU]
    assert (talk.path, talk.kept) == ([], set())


def test_a_way_that_leads_to_a_question_again_drops_what_came_after_it(talk: Talk) -> None:
    assert talk.say(*TO_ROLE, "1", "legal help") == [
        Say(Q("faq.legal")),
        Ask(Q("who.also"), (Q("who.also.yes"), Q("who.also.no"))),
    ]
    assert talk.say("yes") == [PROBLEM]
    assert (talk.path, talk.kept) == (["menu=help", "who/role=activist"], set())
    talk.say("1")
    assert talk.path == ["menu=help", "who/role=activist", "who/problem=account"]


# understanding


@pytest.mark.parametrize("reply", ["not yes", "yes no", "3", "12", "", "  ", "!", "maybe", "1 2", "x" * 5000])
def test_what_is_not_an_answer_is_asked_again(talk: Talk, reply: str) -> None:
    assert talk.say(*TO_CONSENT, reply) == [NOT_UNDERSTOOD, CONSENT]


def test_after_three_tries_in_a_row_a_person_is_offered(talk: Talk) -> None:
    offer = Say(Q("bot.offer_person"))
    assert talk.say(*TO_ROLE, "what?", "why?") == [NOT_UNDERSTOOD, ROLE]
    assert talk.say("huh?") == [NOT_UNDERSTOOD, offer, ROLE]
    assert talk.say("hm?") == [NOT_UNDERSTOOD, offer, ROLE]
    assert talk.say("1", "hm?") == [NOT_UNDERSTOOD, PROBLEM]


def test_anything_understood_in_between_begins_the_tries_anew(talk: Talk) -> None:
    assert talk.say(*TO_ROLE, "what?", "why?", "help", "huh?") == [NOT_UNDERSTOOD, ROLE]


def test_a_label_goes_before_a_command_of_the_same_word() -> None:
    talk = Talk(engine(files(MAIN, END)))
    talk.start()
    talk.say("help")
    assert talk.path == ["menu=help"]


MAIN = """flow: main
menu: menu
person: person
steps:
  - language: language
    text: Which language?
  - choose: menu
    text: What?
    options: {help: Help, skip: Stop, menu: Menu}
  - yesno: sure
    text: Sure?
"""
END = "flow: person\nsteps:\n  - end: bye\n"


def test_menu_and_person_work_where_words_are_asked_for(talk: Talk) -> None:
    assert talk.say(*TO_WHAT, "menu") == [MENU]
    assert talk.say("2", "person")[-1] == Say(Q("person.handoff"))


def test_a_command_within_a_sentence_is_no_command(talk: Talk) -> None:
    assert talk.say(*TO_WHAT, "I lost my back door key, stop.") == [URGENCY]


def test_words_are_not_asked_for_before_consent_even_if_a_flow_does() -> None:
    unchecked = TWO_WORDS.replace("  - consent:", "  - ask: too_early\n    text: Who?\n  - consent:")
    talk = Talk(engine(files(unchecked, END)))
    talk.start()
    assert talk.say("go on") == [Ask(Q("main.menu"), (Q("main.menu.go"),))]


def test_what_was_answered_before_the_menu_stays_when_one_goes_back_to_it() -> None:
    first = TWO_WORDS.replace("  - choose: menu", "  - yesno: sure\n    text: Sure?\n  - choose: menu")
    talk = Talk(engine(files(first, END)))
    talk.start()
    talk.say("yes", "menu")
    assert talk.path == ["sure=yes"]
    talk.say("go on", "menu")
    assert talk.path == ["sure=yes"]


# skipping


def test_a_question_in_ones_own_words_can_be_skipped(talk: Talk) -> None:
    assert talk.say(*TO_WHAT, "Skip") == [URGENCY]
    assert talk.path[-1] == "what=skipped"


def test_other_questions_cannot_be_skipped(talk: Talk) -> None:
    assert talk.say(*TO_CONSENT, "skip") == [NOT_UNDERSTOOD, CONSENT]


TWO_WORDS = """flow: main
menu: menu
person: person
steps:
  - language: language
    text: Which language?
  - choose: menu
    text: What?
    options: {go: Go on}
  - consent: consent
    text: Agree?
    version: 1
    go: {no: end}
  - ask: must
    text: Who?
    skip: no
  - ask: may
    text: When?
  - ask: might
    text: Where?
    go: {skipped: end}
  - handoff: handoff
    text: Done.
"""


def test_the_hint_on_skipping_is_given_once_and_only_where_it_is_true() -> None:
    talk = Talk(engine(files(TWO_WORDS, END)))
    talk.start()
    assert talk.say("go on", "yes") == [Ask(Q("main.must"))]
    assert talk.say("skip") == [NOT_UNDERSTOOD, Ask(Q("main.must"))]
    assert talk.say("Ann") == [Ask(Q("main.may")), HINT]
    assert talk.say("back", "Ann") == [Ask(Q("main.may"))]
    assert talk.say("Monday") == [Ask(Q("main.might"))]


def test_a_skipped_question_can_lead_its_own_way() -> None:
    talk = Talk(engine(files(TWO_WORDS, END)))
    talk.start()
    assert talk.say("go on", "yes", "Ann", "skip", "skip") == [End()]


# asides


def test_help_is_said_and_the_question_repeated(talk: Talk) -> None:
    assert talk.say(*TO_ROLE, "help") == [HELP, ROLE]
    assert talk.say("1") == [PROBLEM]


def test_the_language_is_changed_aside(talk: Talk) -> None:
    assert talk.say(*TO_ROLE, "language") == [LANGUAGE]
    assert talk.say("what?") == [NOT_UNDERSTOOD, LANGUAGE]
    assert talk.say("help") == [HELP, LANGUAGE]
    assert talk.say("Español") == [ROLE]
    assert talk.session is not None
    assert talk.session.locale == "es"
    assert talk.say("atrás") == [MENU]


def test_the_word_language_leads_out_of_a_wrong_one(good: Engine) -> None:
    talk = Talk(good)
    talk.start("", "ar")
    assert talk.say("language") == [LANGUAGE]
    assert talk.say("1") == [MENU]
    assert talk.say("idioma") == [LANGUAGE]


def test_back_leaves_an_aside(talk: Talk) -> None:
    assert talk.say(*TO_ROLE, "language", "back") == [ROLE]
    assert talk.say("stop", "back") == [ROLE]


def test_stopping_is_asked_and_erases_everything(talk: Talk) -> None:
    assert talk.say(*TO_URGENCY, "stop") == [STOP]
    assert talk.say("what?") == [NOT_UNDERSTOOD, STOP]
    assert talk.say("no") == [URGENCY]
    assert talk.say("stop") == [STOP]
    assert talk.all(Replied("yes")) == (Say(Q("bot.stopped")), End(), CancelTimer("idle"))
    assert talk.session is None


def test_another_command_leaves_the_question_whether_to_stop(talk: Talk) -> None:
    assert talk.say(*TO_ROLE, "stop", "menu") == [MENU]
    assert talk.say("1") == [TOPICS]


# back


def test_back_asks_the_question_before_anew(talk: Talk) -> None:
    assert talk.say(*TO_ROLE, "1", "back") == [ROLE]
    assert talk.path == ["menu=help"]
    talk.say("2")
    assert talk.path == ["menu=help", "who/role=journalist"]


def test_back_can_be_said_until_there_is_nothing_before(talk: Talk) -> None:
    assert talk.say(*TO_ROLE, "1", "back", "back") == [MENU]
    assert talk.say("back") == [MENU]


def test_back_over_the_consent_takes_it_back_and_what_was_written_under_it(talk: Talk) -> None:
    talk.say(*TO_URGENCY, "back", "back")
    assert talk.state == "consent/consent"
    assert (talk.path, talk.kept) == (["menu=help", "who/role=activist", "who/problem=account"], set())
    assert talk.say("yes") == [WHAT]


# menu


def test_after_the_menu_one_goes_on_where_one_was(talk: Talk) -> None:
    assert talk.say(*TO_URGENCY, "menu") == [MENU]
    assert talk.path == []
    assert talk.kept == {"who/role=activist", "who/problem=account", "consent/consent=yes", "what=answered"}
    assert talk.say("2") == [GOING_ON, URGENCY]
    assert talk.kept == set()
    assert talk.path[-1] == "what=answered"


def test_after_the_menu_one_can_go_another_way(talk: Talk) -> None:
    assert talk.say(*TO_ROLE, "1", "menu", "1") == [TOPICS]
    assert talk.say("3") == [MENU]
    assert talk.say("2") == [GOING_ON, PROBLEM]


def test_an_answer_that_is_given_anew_takes_the_place_of_the_kept_one(talk: Talk) -> None:
    assert talk.say(*TO_ROLE, "1", "1", "menu", "2") == [GOING_ON, CONSENT]
    talk.say("back", "back", "2")
    assert talk.path == ["menu=help", "who/role=journalist"]
    assert talk.kept == set()


def test_the_question_that_was_being_asked_anew_is_asked_after_the_menu(talk: Talk) -> None:
    assert talk.say(*TO_WHAT, "back", "back", "menu", "2") == [GOING_ON, PROBLEM]


# the FAQ


def test_the_faq_answers_until_it_is_enough_and_leaves_no_trace(talk: Talk) -> None:
    assert talk.say("1") == [TOPICS]
    assert talk.say("2") == [Say(Q("faq.legal")), MORE]
    assert talk.say("yes") == [TOPICS]
    assert talk.say("Is it free?") == [Say(Q("faq.free")), MORE]
    assert talk.path == ["menu=questions"]
    assert talk.say("2") == [MENU]
    assert talk.path == []


def test_after_an_answer_the_next_question_of_the_list_can_be_asked_at_once(talk: Talk) -> None:
    assert talk.say("1", "1", "Can you help with the law?") == [Say(Q("faq.legal")), MORE]
    assert talk.say("no more questions") == [MENU]
    assert talk.say("1", "1", "what") == [Say(Q("bot.not_understood")), MORE]
    assert talk.say("back") == [TOPICS]


# a person, and consent


def test_person_asks_for_consent_and_hands_over_what_was_answered(talk: Talk) -> None:
    assert talk.say(*TO_CONSENT[:-1], "person") == [CONSENT]
    case, said = talk.say("yes")
    assert case == OpenCase((ACTIVIST, AGREED), None, None)
    assert said == Say(Q("person.handoff"))


def test_person_after_consent_hands_over_at_once(talk: Talk) -> None:
    assert talk.say(*TO_URGENCY, "person") == [
        OpenCase((ACTIVIST, ACCOUNT, AGREED, HAPPENED), ACCOUNT.label, None),
        Say(Q("person.handoff")),
    ]


def test_person_finds_the_consent_that_was_kept_at_the_menu(talk: Talk) -> None:
    assert talk.say(*TO_WHAT, "menu", "person")[0] == OpenCase((AGREED,), None, None)


def test_a_consent_given_for_a_person_counts_on_the_way_through_the_flow() -> None:
    sure = "  - yesno: sure\n    text: Sure?\n"
    ask_first = f"flow: person\nsteps:\n  - call: consent\n{sure}  - handoff: handoff\n    text: Done.\n"
    main = TWO_WORDS.replace(
        "  - consent: consent\n    text: Agree?\n    version: 1\n    go: {no: end}\n", "  - call: consent\n"
    )
    consent = "flow: consent\nsteps:\n  - consent: consent\n    text: Agree?\n    version: 1\n    go: {no: menu}\n"
    talk = Talk(engine(files(main, ask_first, consent)))
    talk.start("person")
    assert talk.say("yes") == [Ask(Q("person.sure"), YES_NO)]
    assert talk.say("menu", "go on") == [Ask(Q("main.must"))]
    assert talk.path == ["menu=go", "consent/consent=yes"]


def test_a_refusal_is_asked_anew_and_the_new_answer_takes_its_place(good: Engine) -> None:
    talk = Talk(good)
    talk.start("person")
    assert talk.say("no") == [Say(Q("consent.declined")), MENU]
    assert talk.say(*TO_CONSENT) == [SOON, CONSENT]
    talk.say("yes")
    assert [answer for answer in talk.path if "consent" in answer] == ["consent/consent=yes"]


# reviewing


def test_a_changed_answer_keeps_the_others_that_still_are_on_the_way(talk: Talk) -> None:
    assert talk.say(*TO_REVIEW, "change an answer") == [ShowAnswers(ALL), Ask(Q("bot.which_answer"))]
    assert talk.say("7") == [NOT_UNDERSTOOD, ShowAnswers(ALL), Ask(Q("bot.which_answer"))]
    assert talk.say("(5)") == [URGENCY]
    assert talk.say("1")[0] == Say(Q("main.careful"))
    assert talk.state == "review"
    (case, _) = talk.say("1")
    assert isinstance(case, OpenCase)
    assert [answer.outcome for answer in case.answers] == ["activist", "account", "yes", "answered", "now", "no"]


def test_a_changed_answer_drops_those_that_are_on_another_way(talk: Talk) -> None:
    talk.say(*TO_ROLE, "1", "2", "no")
    assert talk.state == "menu"
    talk.say(*TO_REVIEW, "2", "2")
    assert talk.state == "who/problem"
    talk.say("2")
    assert talk.state == "who/also"
    assert talk.say("no") == [MENU]


def test_changing_the_consent_asks_it_anew_and_forgets_what_was_written(talk: Talk) -> None:
    assert talk.say(*TO_REVIEW, "2", "3") == [CONSENT]
    assert not any("what" in answer for answer in talk.kept)
    assert talk.say("yes") == [WHAT]


def test_back_from_the_choice_of_an_answer_leads_to_the_review(talk: Talk) -> None:
    assert talk.say(*TO_REVIEW, "2", "back") == [ShowAnswers(ALL), REVIEW]


def test_nothing_is_kept_any_more_at_the_review(talk: Talk) -> None:
    talk.say(*TO_REVIEW[:-1], "menu", "2", "back", "1", "no")
    assert talk.state == "review"
    assert talk.kept == set()


def test_the_menu_from_the_review_leads_back_to_it(talk: Talk) -> None:
    assert talk.say(*TO_REVIEW, "menu", "2") == [GOING_ON, ShowAnswers(ALL), REVIEW]


# time


def test_choices_are_kept_for_a_day_and_answers_after_consent_for_a_week(good: Engine) -> None:
    talk = Talk(good)
    assert talk.all(Started("", "en"))[-1] == SetTimer("idle", timedelta(days=1))
    for reply in TO_CONSENT:
        assert talk.all(Replied(reply))[-1] == SetTimer("idle", timedelta(days=1))
    assert talk.all(Replied("yes"))[-1] == SetTimer("idle", timedelta(days=7))
    assert talk.all(Replied("menu"))[-1] == SetTimer("idle", timedelta(days=7))
    assert talk.all(Replied("back"))[-1] == SetTimer("idle", timedelta(days=7))


def test_taking_the_consent_back_shortens_the_time(talk: Talk) -> None:
    talk.say(*TO_WHAT)
    assert talk.all(Replied("back"))[-1] == SetTimer("idle", timedelta(days=1))


def test_before_consent_a_session_ends_without_a_word(talk: Talk) -> None:
    talk.say(*TO_CONSENT)
    assert talk.all(TimedOut("idle")) == (End(),)
    assert talk.session is None


@pytest.mark.parametrize("more", [(), ("menu",)])
def test_after_consent_the_end_of_a_session_is_said(talk: Talk, more: tuple[str, ...]) -> None:
    talk.say(*TO_URGENCY, *more)
    assert talk.all(TimedOut("idle")) == (Say(Q("bot.expired")), End())
    assert talk.session is None


def test_a_timer_that_is_not_the_engines_changes_nothing(talk: Talk) -> None:
    before = talk.session
    assert talk.all(TimedOut("reminder")) == ()
    assert talk.session == before


def test_a_timer_without_a_session_does_nothing(good: Engine) -> None:
    assert Talk(good).all(TimedOut("idle")) == ()


# what could not be read


def test_what_could_not_be_read_is_said_and_the_question_repeated(talk: Talk) -> None:
    why = Q("bot.cannot_read_plain")
    talk.say(*TO_ROLE)
    assert talk.step(Missed(why)) == [Say(why), ROLE]
    talk.say("stop")
    assert talk.step(Missed(why)) == [Say(why), STOP]


def test_a_first_message_that_could_not_be_read_begins_a_session(good: Engine) -> None:
    why = Q("bot.cannot_read_plain")
    assert Talk(good).step(Missed(why)) == [Say(why), LANGUAGE]


# flows that were edited under a session


def edit(talk: Talk, *changes: tuple[str, str]) -> None:
    contents = small.good()
    for old, new in changes:
        assert any(old in text for text in contents.values())
        contents = {name: text.replace(old, new) for name, text in contents.items()}
    talk.engine = engine(contents)


RENAMED = (("choose: urgency", "choose: haste"), ("urgency: urgency", "urgency: haste"))


def test_a_session_whose_question_is_gone_goes_to_the_menu_with_its_answers(talk: Talk) -> None:
    talk.say(*TO_URGENCY)
    edit(talk, *RENAMED)
    assert talk.say("2") == [MENU]
    now = Ask(Q("main.haste"), (Q("main.haste.now"), Q("main.haste.later")))
    assert talk.say("2") == [GOING_ON, now]
    assert talk.path[-1] == "what=answered"


def test_a_command_still_counts_when_the_question_is_gone(talk: Talk) -> None:
    talk.say(*TO_URGENCY)
    edit(talk, *RENAMED)
    assert talk.say("person")[-1] == Say(Q("person.handoff"))


def test_what_could_not_be_read_leads_to_the_menu_when_the_question_is_gone(talk: Talk) -> None:
    talk.say(*TO_URGENCY)
    edit(talk, *RENAMED)
    assert talk.step(Missed(Q("bot.cannot_read_plain"))) == [Say(Q("bot.cannot_read_plain")), MENU]


def test_a_session_whose_question_became_a_saying_goes_to_the_menu(talk: Talk) -> None:
    talk.say(*TO_ROLE)
    edit(talk, (GOOD_ROLE, "say: role\n    text: We help activists.\n"))
    assert talk.say("1") == [MENU]
    assert talk.say("2") == [Say(Q("who.role")), PROBLEM]


def test_a_session_whose_language_is_gone_is_asked_for_another_with_its_answers(good: Engine) -> None:
    talk = Talk(good)
    talk.start()
    talk.say(*TO_ROLE, "1")
    assert talk.session is not None
    talk.session = replace(talk.session, locale="fr")
    assert talk.say("1") == [LANGUAGE]
    assert talk.say("2") == [WELCOME, GOING_ON, PROBLEM]


def test_a_kept_answer_that_is_gone_is_asked_for(talk: Talk) -> None:
    talk.say(*TO_ROLE, "2", "1", "menu")
    edit(talk, ("journalist: A journalist, ", ""))
    assert talk.say("2") == [Ask(Q("who.role"), (Q("who.role.activist"), Q("who.role.other")))]
    assert talk.say("1") == [CONSENT]
    assert talk.path[-1] == "who/problem=account"


def test_an_answer_that_is_gone_is_not_handed_over(talk: Talk) -> None:
    talk.say(*TO_REVIEW)
    edit(talk, ("account: An account, ", ""), ("{account: end}", "{legal: end}"))
    (case, _) = talk.say("1")
    assert isinstance(case, OpenCase)
    assert case.answers == (ACTIVIST, *ALL[2:])
    assert case.topic is None


def test_consent_to_another_version_does_not_count(talk: Talk) -> None:
    talk.say(*TO_WHAT, "menu")
    edit(talk, ("version: 1", "version: 2"))
    assert talk.say("2") == [GOING_ON, CONSENT]
    assert talk.kept == {"consent/consent=yes"}
    assert talk.say("yes") == [WHAT]
    assert talk.kept == set()


def test_no_case_is_opened_on_a_consent_to_another_version(talk: Talk) -> None:
    talk.say(*TO_REVIEW)
    edit(talk, ("version: 1", "version: 2"))
    assert talk.say("1") == [MENU]
    assert talk.say("2") == [GOING_ON, CONSENT]
    assert talk.say("yes") == [ShowAnswers((*ALL[:2], replace(AGREED, version=2), *ALL[3:])), REVIEW]


def test_no_words_are_taken_where_a_consent_was_put_before_them(good: Engine) -> None:
    talk = Talk(good, Session("what", "en"))
    assert talk.say(WORDS) == [MENU]
    assert WORDS not in to_json(talk.session)


def test_a_session_in_an_aside_that_is_unknown_is_asked_its_question(good: Engine) -> None:
    talk = Talk(good, Session("menu", "en", aside="whatever"))
    assert talk.say("hm?")[-1] == MENU
    assert talk.say("1") == [TOPICS]


# the fingerprint


def test_the_fingerprint_is_told_at_any_moment_and_the_question_stands(talk: Talk) -> None:
    told = Say(Q("bot.fingerprint"))
    assert talk.say("fingerprint") == [told, MENU]
    talk.say(*TO_WHAT)
    assert talk.say("Fingerprint!") == [told, WHAT]  # and is no answer in one's own words
    talk.say("stop")
    assert talk.say("fingerprint") == [told, STOP]
    assert Talk(talk.engine).start("fingerprint", None) == [told, LANGUAGE]


# changed messages


def change_of(question: str) -> Ask:
    return Ask(Q("bot.use_change"), YES_NO, Q(question))


def test_a_changed_message_is_offered_as_the_new_answer(talk: Talk) -> None:
    talk.say(*TO_URGENCY)
    assert talk.edit(talk.ref("what"), "They took my phone.") == [change_of("main.what")]
    assert talk.say("yes") == [URGENCY]
    assert talk.session is not None
    assert talk.session.path[-1].answer.words == "They took my phone."
    assert talk.session.offered is None
    assert talk.edit(talk.ref("what"), "They took all.") == [change_of("main.what")]  # and may be changed again


def test_the_old_answer_stands_where_the_change_is_not_wanted(talk: Talk) -> None:
    talk.say(*TO_URGENCY)
    before = talk.path
    talk.edit(talk.ref("who/role"), "3")
    assert talk.say("no") == [URGENCY]
    assert talk.path == before


def test_a_change_that_leads_elsewhere_drops_what_is_not_on_the_way(talk: Talk) -> None:
    talk.say(*TO_REVIEW)
    talk.edit(talk.ref("who/role"), "None of these")
    talk.say("yes")
    assert talk.path == ["menu=help", "who/role=other"]


def test_a_change_that_says_the_same_asks_nothing(talk: Talk) -> None:
    talk.say(*TO_URGENCY)
    assert talk.edit(talk.ref("who/role"), "1.") == [URGENCY]
    assert talk.edit(talk.ref("what"), WORDS) == [URGENCY]


def test_a_change_that_answers_nothing_or_of_a_message_that_gave_no_answer_is_refused(talk: Talk) -> None:
    refused = [Say(Q("bot.cannot_take_change")), CONSENT]
    talk.say(*TO_CONSENT)
    assert talk.edit(talk.ref("who/role"), "a secret that nobody agreed to keep") == refused
    assert talk.edit(None, "2") == refused
    assert talk.edit(talk.ref("menu"), "1") == refused  # the way through the menu is not an answer that is shown
    assert talk.session is not None
    assert "secret" not in to_json(talk.session)


def test_a_change_of_what_was_not_understood_last_is_the_answer(talk: Talk) -> None:
    talk.say(*TO_ROLE, "an acitvist")
    assert talk.session is not None
    missed = talk.session.missed
    assert talk.edit(missed, "an acrobat") == [NOT_UNDERSTOOD, ROLE]
    assert talk.edit(missed, "an activist") == [PROBLEM]
    assert talk.session.missed is None
    assert talk.ref("who/role") == missed


def test_a_change_waits_while_it_is_asked_whether_to_stop(talk: Talk) -> None:
    talk.say(*TO_URGENCY, "stop")
    assert talk.edit(talk.ref("who/role"), "2") == [Say(Q("bot.cannot_take_change")), STOP]


def test_a_change_without_a_session_begins_one(good: Engine) -> None:
    assert Talk(good).edit("$1", "hello") == [Say(Q("bot.cannot_take_change")), LANGUAGE]


def test_an_offered_change_is_forgotten_with_its_answer(talk: Talk) -> None:
    talk.say(*TO_URGENCY)
    talk.edit(talk.ref("what"), "They took my phone.")
    assert talk.say("back") == [URGENCY]
    assert talk.session is not None
    assert talk.session.offered is None


def test_an_offered_change_in_words_is_not_held_without_a_consent(good: Engine) -> None:
    offered = Passed("what", replace(HAPPENED, words="They took my phone."), "$1")
    session = Session("menu", "en", (Passed("what", HAPPENED, "$1"),), aside="changed", offered=offered)
    talk = Talk(good, session)
    talk.say("what?")
    assert talk.session is not None
    assert "They took" not in to_json(talk.session)


def test_an_answer_carries_to_its_case_how_long_it_is_kept() -> None:
    files = small.good()
    files["main.yaml"] = files["main.yaml"].replace("  - ask: what\n", "  - ask: what\n    keep: vetting\n")
    talk = Talk(engine(files))
    talk.start()
    case, _ = talk.say(*TO_REVIEW, "send it")[-2:]
    assert isinstance(case, OpenCase)
    assert [answer.step for answer in case.answers if answer.keep is Keep.VETTING] == ["main.what"]
