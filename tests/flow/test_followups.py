"""Flows that are entered otherwise than from the beginning: what staff ask, and what is asked of whoever comes back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain import Attachment, Kind, TextId
from bot.flow import phrases
from bot.flow.engine import IDLE
from bot.flow.events import (
    Answered,
    Ask,
    BeginAnew,
    Begun,
    Effect,
    End,
    Halted,
    OpenCase,
    PassOn,
    Reopen,
    Say,
    SetTimer,
    TimedOut,
    Why,
)
from bot.flow.machine import OVER
from bot.flow.session import CONSENTED
from bot.flow.sorts import Entry
from tests.flow.small import Talk, compiled, engine, files, good

GOOD = engine(good())
FILE = Attachment(Kind.IMAGE, "letter.jpg", "image/jpeg", 4_096, "place", "key", channel="memory")
DEVICE, SYSTEM, PICTURE = "details/device", "details/system", "details/picture"


def asked(talk: Talk | None = None) -> Talk:
    """Staff have `details` asked."""
    talk = talk or Talk(GOOD)
    talk.step(Begun("details", "en"))
    return talk


def returning() -> Talk:
    talk = Talk(GOOD)
    talk.step(Begun("returning", "en"))
    return talk


def answered(effects: list[Effect]) -> tuple[Why, list[str | None]]:
    """Why it is over, and what was answered: the words, or else the outcome."""
    [over] = [effect for effect in effects if isinstance(effect, Answered)]
    assert not any(isinstance(effect, End | OpenCase) for effect in effects)
    return over.why, [answer.words or answer.outcome for answer in over.answers]


def test_staff_ask_one_question_after_the_other_and_get_all_answers() -> None:
    talk = Talk(GOOD)
    intro, question = talk.step(Begun("details", "en"))
    assert intro == Say(phrases.ASKED_INTRO)
    assert question == Ask(
        TextId("details.device"), (TextId("details.device.phone"), TextId("details.device.computer"))
    )
    talk.say("1", "an old one")
    effects = talk.send(FILE)
    assert answered(effects) == (Why.DONE, ["phone", "an old one", "letter.jpg"])
    assert effects[0] == Say(phrases.ASKED_DONE)
    assert talk.session is None


def test_every_question_of_the_staff_can_be_skipped() -> None:
    assert answered(asked().say("skip", "skip", "skip")) == (Why.DONE, ["skipped"] * 3)


@pytest.mark.parametrize("word", ["person", "stop"])
def test_person_and_stop_end_the_questions_and_nothing_else(word: str) -> None:
    talk = asked()
    talk.say("2")
    effects = talk.say(word)
    assert answered(effects) == (Why.STOPPED, ["computer"])
    assert [effect for effect in effects if isinstance(effect, Say)] == [Say(phrases.ASKED_ENDED)]


@pytest.mark.parametrize("word", ["help", "menu", "language", "privacy", "fingerprint", "hello there", "Is it free?"])
def test_what_answers_nothing_is_passed_on_and_the_question_stands(word: str) -> None:
    talk = asked()
    effects = talk.say(word)
    assert effects[:2] == [PassOn(), Say(phrases.ASKED_PASSED_ON)]
    assert isinstance(effects[2], Ask)
    assert talk.state == DEVICE


def test_a_command_is_no_answer_in_words_either() -> None:
    talk = asked()
    assert PassOn() in talk.say("1", "help")
    assert talk.state == SYSTEM


def test_it_gives_up_after_three_messages_that_answer_nothing() -> None:
    talk = asked()
    talk.say("1")
    talk.say("skip", "what do you mean", "why")
    effects = talk.say("leave me alone")
    assert effects[:2] == [PassOn(), Say(phrases.ASKED_ENDED)]
    assert answered(effects) == (Why.NOT_UNDERSTOOD, ["phone", "skipped"])


def test_a_guess_counts_as_not_understood_and_is_passed_on() -> None:
    talk = asked()
    for _ in range(2):
        assert talk.say("a phonee")[0] == PassOn()
        assert talk.session is not None
    assert answered(talk.say("a phonee"))[0] is Why.NOT_UNDERSTOOD


def test_a_guess_that_was_right_is_the_answer() -> None:
    talk = asked()
    talk.say("a phonee", "yes")
    assert talk.path[1:] == [f"{DEVICE}=phone"]


def test_a_file_that_was_not_asked_for_is_passed_on_and_nothing_is_said() -> None:
    talk = asked()
    assert talk.send(FILE) == [PassOn()]
    assert talk.state == DEVICE


def test_one_can_go_back_as_in_every_flow() -> None:
    talk = asked()
    talk.say("1", "back", "2", "old")
    assert talk.path[1:] == [f"{DEVICE}=computer", f"{SYSTEM}=answered"]
    talk.say("back", "back", "back")
    assert talk.state == DEVICE


def test_a_changed_answer_is_asked_about_and_any_other_change_is_passed_on() -> None:
    talk = asked()
    talk.say("1")
    assert talk.edit("$unknown", "words") == [PassOn()]
    talk.edit(talk.ref(DEVICE), "2")
    talk.say("yes")
    assert talk.path[1:] == [f"{DEVICE}=computer"]


def test_a_question_waits_for_a_day_and_what_was_answered_is_not_lost() -> None:
    talk = Talk(GOOD)
    assert SetTimer(IDLE, timedelta(days=1)) in talk.all(Begun("details", "en"))
    talk.say("1")
    effects = talk.step(TimedOut(IDLE))
    assert answered(effects) == (Why.NO_REPLY, ["phone"])
    assert not any(isinstance(effect, Say) for effect in effects)


def test_it_can_be_halted_without_a_word() -> None:
    talk = asked()
    talk.say("1")
    effects = talk.step(Halted())
    assert answered(effects) == (Why.STOPPED, ["phone"])
    assert not any(isinstance(effect, Say) for effect in effects)


def asked_path(*texts: str) -> tuple:
    talk = asked()
    talk.say(*texts)
    assert talk.session is not None
    return talk.session.path


def test_flows_that_were_edited_meanwhile_lose_no_answer_and_ask_nothing_of_their_own() -> None:
    talk = asked()
    talk.say("1")
    gone = {name: text for name, text in good().items() if name != "details.yaml"}
    effects = Talk(engine(gone), talk.session).say("an old one")
    assert effects[:2] == [PassOn(), Say(phrases.ASKED_ENDED)]
    assert answered(effects) == (Why.STOPPED, ["phone"])


def test_the_consent_of_the_handoff_stands_and_is_no_answer() -> None:
    path = asked_path("1")
    assert path[0] == CONSENTED
    assert answered(asked().say("skip", "skip", "skip"))[1] == ["skipped"] * 3


def test_no_command_leads_out_of_what_staff_ask_and_nothing_leads_into_it() -> None:
    _, machine = compiled(good())
    assert {name for name in machine.states if machine.entry_of(name) is Entry.ASKED} == {DEVICE, SYSTEM, PICTURE}
    for source, _, destination in machine.edges():
        inside = machine.entry_of(source) is Entry.ASKED
        assert inside == (machine.entry_of(destination) is Entry.ASKED) or (inside and destination == OVER)


def test_the_same_matter_reopens_the_case() -> None:
    effects = returning().say("The same")
    [reopen] = [effect for effect in effects if isinstance(effect, Reopen)]
    assert [answer.outcome for answer in reopen.answers] == ["same"]
    assert Say(TextId("returning.reopen")) in effects


def test_something_new_begins_anew_and_so_does_whoever_is_not_understood() -> None:
    assert returning().say("2") == [BeginAnew()]
    talk = returning()
    assert talk.say("hmm")[0] == PassOn()
    assert talk.say("what", "no idea") == [PassOn(), BeginAnew()]
    assert talk.session is None


def test_whoever_comes_back_can_say_everything_that_others_can() -> None:
    talk = returning()
    assert talk.say("help")[0] == Say(phrases.HELP)
    assert talk.say("Is it free?")[0] == Say(TextId("faq.free"))
    assert talk.send(FILE)[0] == PassOn()
    assert talk.session is not None
    assert talk.session.entry is Entry.RETURNING
    talk.say("person")
    assert talk.state == "person/consent/consent"
    assert talk.session.entry is None


def test_whoever_comes_back_is_asked_for_consent_before_a_new_case_is_opened() -> None:
    assert any(isinstance(effect, OpenCase) for effect in returning().say("person", "yes"))
    assert not any(isinstance(effect, OpenCase) for effect in returning().say("person", "no"))


def test_a_flow_that_is_gone_begins_as_everything_does() -> None:
    gone = {name: text for name, text in good().items() if name != "returning.yaml"}
    talk = Talk(engine(gone))
    talk.step(Begun("returning", "en"))
    assert talk.state == "menu"


def test_what_a_flow_runs_is_copied_into_the_one_that_staff_ask() -> None:
    outer = "flow: outer\nentry: asked\nkeep: case\nsteps:\n  - call: inner\n"
    inner = "flow: inner\nkeep: case\nsteps:\n  - yesno: sure\n    text: Sure?\n"
    talk = Talk(engine({**good(), **files(outer, inner), "bot.yaml": good()["bot.yaml"]}))
    talk.step(Begun("outer", "en"))
    assert talk.state == "outer/inner/sure"
    assert answered(talk.say("skip")) == (Why.DONE, ["skipped"])
