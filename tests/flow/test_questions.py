"""The engine on the wide flows: every kind of question, what does not fit or gets no reply, words for every state."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain import Answer, Attachment, Kind, TextId
from bot.flow.engine import IDLE, REMIND, Engine
from bot.flow.events import (
    Ask,
    CancelTimer,
    Effect,
    End,
    Forget,
    OpenCase,
    Replied,
    Say,
    Sent,
    SetTimer,
    ShowAnswers,
    Started,
    TimedOut,
    Withdraw,
)
from bot.flow.session import Session, to_json
from tests.flow import small
from tests.flow.small import Talk, engine

Q = TextId
YES_NO = (Q("bot.yes"), Q("bot.no"))
NAMES = ("phone", "laptop", "tablet", "none")
DEVICES = [Ask(Q("main.devices"), tuple(Q(f"main.devices.{name}") for name in NAMES)), Say(Q("bot.several_hint"))]
CONSENT = Ask(Q("consent.consent"), YES_NO)
NUMBER = Ask(Q("main.number"))
HINT = Say(Q("bot.skip_hint"))
MAIL = Ask(Q("main.mail"))
WHEN = Ask(Q("main.when"))
PICTURE = [Say(Q("bot.attach_advice")), Ask(Q("main.picture")), Say(Q("bot.attach_skip"))]
COUNTRY = Ask(Q("main.country"))
SURE = Ask(Q("main.sure"), YES_NO)
URGENT = Ask(Q("main.urgent"), (Q("main.urgent.yes"), Q("main.urgent.no")))
MENU = Ask(Q("main.menu"), tuple(Q(f"main.menu.{name}") for name in ("help", "questions", "bye")))
TOPICS = Ask(Q("main.topics"), (Q("faq.free/title"), Q("faq.legal/title"), Q("bot.faq_enough")))
NOT_UNDERSTOOD = Say(Q("bot.not_understood"))
OFFER = Say(Q("bot.offer_person"))
FREE = Say(Q("faq.free"))
FILE = Attachment(
    Kind.IMAGE, "my secret.jpg", "image/jpeg", 4_096, "mxc://example.org/file", "key", "a caption", channel="matrix"
)

TO_DEVICES = ("1",)
TO_NUMBER = (*TO_DEVICES, "1, 2", "yes")
TO_WHEN = (*TO_DEVICES, "2", "yes")
TO_MAIL = (*TO_DEVICES, "none of these", "yes", "yes")
TO_PICTURE = (*TO_NUMBER, "+49 30 901820", "3 March 2026")


@pytest.fixture(scope="module")
def wide() -> Engine:
    return engine(small.wide())


@pytest.fixture
def talk(wide: Engine) -> Talk:
    talk = Talk(wide)
    talk.start()
    return talk


def last(talk: Talk) -> Answer:
    assert talk.session is not None
    return talk.session.path[-1].answer


# choosing several


@pytest.mark.parametrize(
    ("reply", "names"),
    [
        ("1", ["phone"]),
        ("1,2", ["phone", "laptop"]),
        ("2 and 1", ["phone", "laptop"]),
        ("1 2", ["phone", "laptop"]),
        ("٢، ١", ["phone", "laptop"]),
        ("(1) (3)", ["phone", "tablet"]),
        ("1. A phone\n3. A tablet", ["phone", "tablet"]),
        ("a phone and a laptop computer", ["phone", "laptop"]),
        ("a TABLET, 1", ["phone", "tablet"]),
        ("1, 1", ["phone"]),
        ("01 or 02", ["phone", "laptop"]),
    ],
)
def test_several_are_chosen_by_numbers_or_words(talk: Talk, reply: str, names: list[str]) -> None:
    assert talk.say(*TO_DEVICES) == DEVICES
    assert talk.say(reply) == [CONSENT]
    assert last(talk).outcome == "chosen"
    assert last(talk).chosen == tuple((name, Q(f"main.devices.{name}")) for name in names)


def test_one_that_stands_alone_is_chosen_alone(talk: Talk) -> None:
    assert talk.say(*TO_DEVICES, "4") == [SURE]
    assert last(talk) == Answer("main.devices", Q("main.devices/label"), "none", Q("main.devices.none"))


@pytest.mark.parametrize(
    ("reply", "why"),
    [("1, 4", "several_alone"), ("1 2 3", "several_count"), ("1, 5", "not_understood"), ("10", "not_understood")],
)
def test_what_does_not_go_together_is_asked_again(talk: Talk, reply: str, why: str) -> None:
    assert talk.say(*TO_DEVICES, reply) == [Say(Q(f"bot.{why}")), *DEVICES]


def test_several_are_joined_as_a_language_joins_them(wide: Engine) -> None:
    for locale, reply in (("es", "1 y 2"), ("es", "a phone o 2"), ("ar", "١ و٢"), ("ar", "1و2"), ("ar", "١ أو ٢")):
        talk = Talk(wide)
        talk.start("", locale)
        talk.say("1", reply)
        assert [name for name, _ in last(talk).chosen] == ["phone", "laptop"], reply


def test_several_are_changed_by_changing_the_message(talk: Talk) -> None:
    talk.say(*TO_NUMBER)
    ref = talk.ref("devices")
    assert talk.edit(ref, "2 and 1") == [NUMBER]  # they are the same
    assert talk.edit(ref, "1, 4") == [Say(Q("bot.cannot_take_change")), NUMBER]
    assert talk.edit(ref, "laptop and none") == [Say(Q("bot.cannot_take_change")), NUMBER]
    assert talk.edit(ref, "2") == [Ask(Q("bot.use_change"), YES_NO, Q("main.devices/label"))]
    assert talk.say("yes") == [WHEN]
    assert talk.path == ["menu=help", "devices=chosen", "consent/consent=yes"]


# branches


def test_a_branch_goes_by_what_was_chosen_before(wide: Engine) -> None:
    for replies, asked in ((TO_NUMBER, NUMBER), (TO_WHEN, WHEN), (TO_MAIL, MAIL), ((*TO_DEVICES, "3", "yes"), NUMBER)):
        talk = Talk(wide)
        talk.start()
        assert asked in talk.say(*replies), replies


def test_changing_an_answer_takes_the_other_way_of_a_branch(talk: Talk) -> None:
    talk.say(*TO_PICTURE, "skip", "Spain")
    assert talk.state == "review"
    talk.say("change an answer", "1", "2")
    assert talk.state == "review"  # all that is left of the other way was answered
    assert [answer.partition("=")[0] for answer in talk.path[1:]] == ["devices", "consent/consent", "when", "country"]


def test_an_answer_that_has_left_the_path_decides_nothing(talk: Talk) -> None:
    talk.say(*TO_PICTURE, "menu", "1")
    assert talk.state == "picture"
    talk.say("back", "back")
    assert talk.state == "number"
    talk.say("skip")
    assert talk.state == "when"  # asked anew, since one went back over it
    assert COUNTRY in talk.say("5 March 2026")


# one's own words, of a kind


@pytest.mark.parametrize(("reply", "taken"), [("+49 (30) 901-820", True), ("٠٣٠٩٠١٨٢٠", True), ("call me", False)])
def test_words_of_a_kind_are_kept_as_they_were_written(talk: Talk, reply: str, taken: bool) -> None:
    said = talk.say(*TO_NUMBER, reply)
    if taken:
        assert said == [WHEN]
        assert last(talk).words == reply
    else:
        assert said == [Say(Q("main.number/error")), NUMBER]


def test_what_does_not_fit_is_told_by_the_bot_where_the_step_has_no_text_of_its_own(talk: Talk) -> None:
    assert talk.say(*TO_WHEN, "at night") == [Say(Q("bot.unfit_date")), WHEN]
    assert talk.say("x" * 21) == [Say(Q("bot.unfit_long")), WHEN]
    assert talk.say("2026-03-31") == [COUNTRY]
    assert talk.say("Atlantis") == [Say(Q("bot.unfit_country")), COUNTRY]


def test_months_and_countries_are_known_in_the_language_of_the_conversation(wide: Engine) -> None:
    for locale, agree, when, country in (
        ("es", "sí", "3 de marzo de 2026", "Alemania"),
        ("ar", "نعم", "٣ مارس", "مصر"),
    ):
        talk = Talk(wide)
        talk.start("", locale)
        talk.say("1", "2", agree)
        assert COUNTRY in talk.say(when), when
        talk.say(country)
        assert talk.state == "review", country


# what is not understood


def test_after_its_own_number_of_tries_a_question_takes_another_way(talk: Talk) -> None:
    assert talk.say(*TO_MAIL, "no idea") == [Say(Q("bot.unfit_email")), MAIL]
    assert talk.say("still none") == [WHEN, HINT]
    assert talk.path[-1] == "consent/consent=yes"
    assert talk.session is not None
    assert talk.session.tries == 0


def test_where_there_is_no_other_way_a_person_is_offered(talk: Talk) -> None:
    assert talk.say(*TO_DEVICES, "what?", "why?") == [NOT_UNDERSTOOD, *DEVICES]
    assert talk.say("how?") == [NOT_UNDERSTOOD, OFFER, *DEVICES]


def test_a_question_in_between_is_not_what_was_not_understood(talk: Talk) -> None:
    assert talk.say("stop", "what?", "why?", "who?")[0] == NOT_UNDERSTOOD
    assert talk.state == "menu"
    assert talk.say("no") == [MENU]


# two at once, and near misses


def test_two_answers_where_one_is_wanted_are_asked_back(talk: Talk) -> None:
    which = Ask(Q("bot.which_of_these"), (Q("main.menu.help"), Q("main.menu.bye")))
    assert talk.say("1 or 3") == [which]
    assert talk.say("help") == [Say(Q("bot.help")), which]
    assert talk.say("back") == [MENU]
    assert talk.say("I need help, nothing") == [which]
    assert talk.say("2") == [Say(Q("main.bye")), End()]  # the second of these two


def test_a_near_miss_is_asked_back(talk: Talk) -> None:
    meant = Ask(Q("bot.did_you_mean"), YES_NO, Q("main.menu.help"))
    assert talk.say("i ned help") == [meant]
    assert talk.say("no") == [MENU]
    assert talk.say("need help") == [meant]
    assert talk.say("yes") == DEVICES
    assert talk.path == ["menu=help"]


def test_what_was_asked_back_can_be_answered_by_something_else(talk: Talk) -> None:
    assert talk.say("i ned help", "Nothing") == [Say(Q("main.bye")), End()]


def test_a_change_of_what_was_asked_back_answers_the_question_itself(talk: Talk) -> None:
    talk.say("3 or 1")
    assert talk.edit("$1", "1") == DEVICES


@pytest.mark.parametrize("reply", ["yess", "yes no", "not yes", "1 or 2", "1 2", "yes or no", "Yeess"])
def test_nothing_that_is_nearly_a_consent_is_taken_or_guessed_at(talk: Talk, reply: str) -> None:
    assert talk.say(*TO_DEVICES, "1", reply) == [NOT_UNDERSTOOD, CONSENT]


def test_questions_that_come_back_from_a_store_without_their_options_are_asked_anew(wide: Engine) -> None:
    for aside in ("which", "meant"):
        for choices in ((), ("gone",), ("help", "gone"), ("help", "bye")):
            talk = Talk(wide, Session("menu", "en", aside=aside, choices=choices))
            talk.say("help")  # the word
            talk.say("what?")
            assert talk.state == "menu"


# files


def test_a_file_is_taken_where_one_is_asked_for(talk: Talk) -> None:
    assert talk.say(*TO_PICTURE) == PICTURE
    assert talk.send(FILE) == [COUNTRY]
    assert talk.path[-1] == "picture=attached"
    assert (last(talk).file, last(talk).words) == (FILE, "my secret.jpg")
    case = talk.say("Spain", "1")[0]
    assert isinstance(case, OpenCase)
    assert case.answers[-2].file == FILE


def test_a_file_can_be_skipped_but_not_be_put_into_words(talk: Talk) -> None:
    assert talk.say(*TO_PICTURE, "here it is") == [NOT_UNDERSTOOD, *PICTURE]
    assert talk.say("skip") == [COUNTRY]
    assert last(talk).outcome == "skipped"


def test_a_file_that_nobody_asked_for_is_declined_kindly_and_once(talk: Talk) -> None:
    declined = Say(Q("bot.file_not_now"))
    assert talk.send(FILE) == [declined, MENU]
    assert talk.send(FILE) == []
    assert talk.say("1") == DEVICES
    assert talk.send(FILE) == [declined, *DEVICES]
    assert talk.session is not None
    assert "secret" not in to_json(talk.session)


def test_a_file_as_the_first_message_begins_a_conversation(wide: Engine) -> None:
    assert Talk(wide).send(FILE)[0] == Say(Q("bot.file_not_now"))


def test_a_file_is_not_taken_while_it_is_asked_whether_to_stop(talk: Talk) -> None:
    assert talk.say(*TO_PICTURE, "stop") == [Ask(Q("bot.stop_confirm"), YES_NO)]
    assert talk.send(FILE) == [Say(Q("bot.file_not_now")), Ask(Q("bot.stop_confirm"), YES_NO)]
    assert talk.say("no") == PICTURE


def test_a_file_is_not_held_without_a_consent(wide: Engine) -> None:
    talk = Talk(wide)
    talk.start()
    talk.say(*TO_PICTURE)
    talk.send(FILE)
    assert talk.session is not None
    path = tuple(passed for passed in talk.session.path if passed.answer.version is None)
    held = Talk(wide, Session("country", "en", path))
    held.say("help")
    assert held.session is not None
    assert "secret" not in to_json(held.session)


# time


def timers(effects: tuple[Effect, ...]) -> list[SetTimer | CancelTimer]:
    return [effect for effect in effects if isinstance(effect, SetTimer | CancelTimer)]


def test_a_question_reminds_once_and_expires_in_its_own_time(talk: Talk) -> None:
    talk.say(*TO_NUMBER, "+49 30 901820")
    waits = [SetTimer(IDLE, timedelta(days=3)), SetTimer(REMIND, timedelta(hours=2))]
    assert timers(talk.all(Replied("3 March 2026"))) == waits
    assert timers(talk.all(Replied("help"))) == waits
    assert talk.all(TimedOut(REMIND)) == (Say(Q("main.picture/remind")), *PICTURE)
    assert talk.all(TimedOut(REMIND)) == ()
    assert timers(talk.all(Replied("help"))) == [waits[0], CancelTimer(REMIND)]
    assert timers(talk.all(Replied("skip"))) == [SetTimer(IDLE, timedelta(days=7)), CancelTimer(REMIND)]


def test_before_consent_nothing_waits_longer_than_a_day(talk: Talk) -> None:
    talk.say(*TO_DEVICES)
    waits = [SetTimer(IDLE, timedelta(days=1)), SetTimer(REMIND, timedelta(minutes=30))]
    assert timers(talk.all(Replied("4"))) == waits
    assert talk.all(TimedOut(REMIND)) == (Say(Q("bot.reminder")), SURE)


def test_the_end_cancels_a_reminder_too(talk: Talk) -> None:
    talk.say(*TO_DEVICES, "4")
    assert timers(talk.all(Replied("exit"))) == [CancelTimer(IDLE), CancelTimer(REMIND)]


def test_a_reminder_of_a_question_that_is_gone_says_nothing(wide: Engine) -> None:
    for state in ("gone", "menu", "picture"):
        talk = Talk(wide, Session(state, "en"))
        assert talk.all(TimedOut(REMIND)) == ()
        assert talk.state == state


def test_no_reply_leads_its_own_way_once_and_then_ends(talk: Talk) -> None:
    talk.say(*TO_DEVICES, "4")
    assert talk.step(TimedOut(IDLE)) == [URGENT]
    assert (talk.path, talk.kept) == ([], set())  # a day may be over, and nothing was consented to
    assert talk.step(TimedOut(IDLE)) == [End()]
    assert talk.session is None


def test_whoever_answers_late_is_waited_for_anew(talk: Talk) -> None:
    talk.say(*TO_DEVICES, "4")
    talk.step(TimedOut(IDLE))
    assert talk.say("help") == [Say(Q("bot.help")), URGENT]
    assert talk.step(TimedOut(IDLE)) == [MENU]


def test_after_consent_no_reply_keeps_what_was_answered(talk: Talk) -> None:
    talk.say(*TO_PICTURE)
    before = talk.path
    assert talk.step(TimedOut(IDLE)) == [COUNTRY]
    assert talk.path == before


# words for every state


@pytest.mark.parametrize(("word", "text"), [("withdraw", "withdrawn"), ("forget", "forgotten"), ("stop", "stopped")])
@pytest.mark.parametrize("way", [(), TO_DEVICES, TO_NUMBER, TO_PICTURE, (*TO_PICTURE, "skip", "Spain")])
def test_whoever_wants_out_is_asked_once_and_then_everything_is_erased(
    talk: Talk, word: str, text: str, way: tuple[str, ...]
) -> None:
    talk.say(*way)
    before, session = talk.say("help"), talk.session
    assert talk.say(word) == [Ask(Q(f"bot.{word}_confirm"), YES_NO)]
    assert talk.say("perhaps")[0] == NOT_UNDERSTOOD
    assert talk.say("no") == before[1:]
    assert talk.session == session
    first = {"forget": [Forget()], "withdraw": [Withdraw()]}.get(word, [])
    assert talk.say(word, "yes") == [*first, Say(Q(f"bot.{text}")), End()]
    assert talk.session is None


@pytest.mark.parametrize("way", [(), TO_DEVICES, TO_NUMBER, (*TO_PICTURE, "stop"), (*TO_PICTURE, "skip", "Spain", "2")])
def test_the_quick_exit_works_everywhere_at_once(talk: Talk, way: tuple[str, ...]) -> None:
    assert talk.say(*way, "Exit!") == [Say(Q("bot.exited")), End()]
    assert talk.session is None


def test_the_quick_exit_works_as_the_first_message_and_begins_nothing(wide: Engine) -> None:
    talk = Talk(wide)
    assert talk.start("exit", None) == [Say(Q("bot.exited")), End()]
    assert talk.session is None


@pytest.mark.parametrize("word", ["withdraw", "forget"])
def test_whoever_comes_back_to_be_forgotten_is_asked_at_once(wide: Engine, word: str) -> None:
    assert Talk(wide).start(word, "en") == [Ask(Q(f"bot.{word}_confirm"), YES_NO)]


def test_privacy_is_told_everywhere_and_the_question_asked_again(talk: Talk) -> None:
    privacy = Say(Q("bot.privacy"))
    assert talk.say(*TO_NUMBER, "privacy") == [privacy, NUMBER]
    assert talk.say("language", "privacy")[0] == privacy
    assert Talk(talk.engine).start("privacy")[:1] == [privacy]


# questions of the FAQ in between


@pytest.mark.parametrize("words", ["Is it free?", "is it FREE", "what does it cost?", "Do I have to pay"])
def test_a_question_of_the_faq_is_answered_and_the_question_asked_again(talk: Talk, words: str) -> None:
    assert talk.say(*TO_DEVICES, words) == [FREE, *DEVICES]
    assert talk.say("stop", words) == [FREE, Ask(Q("bot.stop_confirm"), YES_NO)]
    assert talk.say("no", "1", words) == [FREE, CONSENT]


def test_where_words_are_asked_for_only_a_title_is_a_question(talk: Talk) -> None:
    assert talk.say(*TO_NUMBER, "Is it free?") == [FREE, NUMBER]
    assert talk.say("what does it cost?") == [Say(Q("main.number/error")), NUMBER]


def test_phrasings_belong_to_their_language(wide: Engine) -> None:
    talk = Talk(wide)
    talk.start("", "es")
    assert talk.say("¿Cuánto cuesta?") == [FREE, MENU]
    assert talk.say("what does it cost?") == [NOT_UNDERSTOOD, MENU]


def test_in_the_list_of_the_faq_a_phrasing_is_an_entry(talk: Talk) -> None:
    assert talk.say("2") == [TOPICS]
    assert talk.say("can you sue them") == [Say(Q("faq.legal")), Ask(Q("bot.faq_more"), YES_NO)]
    assert talk.say("what does it cost") == [FREE, Ask(Q("bot.faq_more"), YES_NO)]
    assert talk.say("no") == [MENU]


# all of it


def test_the_whole_way_with_every_kind_of_answer(talk: Talk) -> None:
    talk.say(*TO_PICTURE)
    talk.send(FILE)
    shown = talk.say("Spain")[0]
    assert isinstance(shown, ShowAnswers)
    assert [(answer.step.removeprefix("main."), answer.outcome) for answer in shown.answers] == [
        ("devices", "chosen"),
        ("consent.consent", "yes"),
        ("number", "answered"),
        ("when", "answered"),
        ("picture", "attached"),
        ("country", "answered"),
    ]
    assert talk.say("1")[0] == OpenCase(shown.answers, None, None)


def test_a_file_begins_no_session_that_a_stranger_can_fill(wide: Engine) -> None:
    step = wide.step(None, Sent(FILE, "$1"))
    assert step.session is not None
    assert "secret" not in to_json(step.session)
    assert wide.step(step.session, Started("", "en")).session is not None
