"""From effects and cases to sentences."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.matrix.sending import LONGEST
from bot.domain import Answer, Case, CaseNumber, CaseStatus, ConversationId, Keep, TextId
from bot.flow.events import Ask, AskLanguage, End, Say, ShowAnswers
from bot.services.lengthy import quote, split
from bot.services.render import Renderer

SENTENCES = {
    "en": {
        "a.hello": "Hello.\n\nWelcome.",
        "a.case": "Your case is {case}.",
        "a.ask": "What is it?",
        "a.about": "Is this for: {question}?",
        "a.key": "Compare {fingerprint}.",
        "a.one": "One thing",
        "a.two": "Two things",
        "a.long": "What\n\nhappened?",
        "bot.answer_line": "{question}: {answer}",
        "bot.skipped": "(not answered)",
        "bot.notice_unencrypted": "Encrypt, please.",
        "staff.card": "{case} · {language} · {topic} · {urgency}\n{state}",
        "staff.topic_unknown": "no topic",
        "staff.urgency_unknown": "no urgency",
        "staff.state_arrived": "to be vetted",
        "staff.state_waiting": "free to claim",
        "staff.state_still_waiting": "{state} for {time}",
        "staff.summary_title": "Summary of {case}",
        "staff.summary_line": "{question}: {answer}",
        "staff.summary_words": "{question} [{language}]: {answer}",
        "staff.summary_skipped": "{question}: skipped",
        "staff.summary_note": "Note: {note}",
        "staff.identity_none": "No identity.",
        "staff.summary_vetting": "Vetting of {case}",
        "staff.expires": "Gone after {time}.",
    },
    "es": {
        "a.hello": "Hola.",
        "a.case": "Su caso es {case}.",
        "a.ask": "¿Qué es?",
        "a.one": "Una cosa",
        "a.two": "Two things",
        "bot.notice_unencrypted": "Cifre, por favor.",
    },
}


class FewTexts:
    locales = ("en", "es")

    def say(self, text, locale, params=None):
        return SENTENCES[locale][text].format(**params or {})


RENDER = Renderer(FewTexts(), {"en": "English", "es": "Español"})
HELLO, ASK, ONE, TWO = TextId("a.hello"), TextId("a.ask"), TextId("a.one"), TextId("a.two")


def test_all_effects_of_a_step_are_one_text_with_blank_lines_between() -> None:
    text = RENDER.effects([Say(HELLO), Ask(ASK, (ONE, TWO)), End()], "en", None)
    assert text == "Hello.\n\nWelcome.\n\nWhat is it?\n\n1. One thing\n2. Two things"


def test_a_free_text_question_has_no_numbered_list() -> None:
    assert RENDER.effects([Ask(ASK)], "es", None) == "¿Qué es?"


def test_the_language_is_asked_in_every_language_whichever_is_known() -> None:
    for locale in (None, "en", "es"):
        assert RENDER.effects([AskLanguage(ASK)], locale, None) == "What is it?\n¿Qué es?\n\n1. English\n2. Español"


def test_before_a_language_is_known_everything_is_said_in_each_and_once_where_they_agree() -> None:
    text = RENDER.effects([Say(HELLO), Ask(ASK, (ONE, TWO))], None, None)
    assert text == "Hello.\n\nWelcome.\n\nHola.\n\nWhat is it?\n\n¿Qué es?\n\n1. One thing / Una cosa\n2. Two things"


def test_a_case_number_stands_where_there_is_a_case() -> None:
    assert RENDER.effects([Say(TextId("a.case"))], "es", CaseNumber("7F3K")) == "Su caso es 7F3K."


def test_answers_are_numbered_and_a_skipped_one_is_called_so() -> None:
    shown = ShowAnswers(
        (
            Answer("a", ASK, "one", label=ONE),
            Answer("b", TextId("a.long"), "answered", words="They {took} it\nall"),
            Answer("c", ASK, "skipped"),
        )
    )
    assert RENDER.effects([shown], "en", None) == (
        "1. What is it?: One thing\n2. What happened?: They {took} it\nall\n3. What is it?: (not answered)"
    )


def case(**changes) -> Case:
    answers = (
        Answer("a", ASK, "one", label=ONE),
        Answer("b", TextId("a.long"), "answered", words="Me lo quitaron"),
        Answer("c", ASK, "skipped"),
    )
    at = datetime(2026, 1, 5, tzinfo=UTC)
    given = {"number": CaseNumber("7F3K"), "status": CaseStatus.ARRIVED, "requester": ConversationId("x")}
    return Case(**given, opened_at=at, locale="es", answers=answers, **changes)


def test_a_card_begins_with_the_case_and_holds_nothing_that_was_written() -> None:
    card = RENDER.card(case(topic=ONE), before_claim=True)
    assert card == "7F3K · Español · One thing · no urgency\nto be vetted"


def test_without_vetting_an_arrived_case_is_free() -> None:
    assert RENDER.card(case(), before_claim=False).endswith("free to claim")


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (0.9, ""),
        (1.9, "1 minute"),
        (119.5, "119 minutes"),
        (179, "2 hours"),
        (47 * 60, "47 hours"),
        (71 * 60, "2 days"),
    ],
)
def test_a_card_says_a_wait_in_whole_minutes_then_hours_then_days(minutes: float, said: str) -> None:
    card = RENDER.card(case(), before_claim=True, waited=timedelta(minutes=minutes))
    assert card.partition("\n")[2] == (f"to be vetted for {said}" if said else "to be vetted")


def test_a_summary_holds_every_answer_and_marks_the_language_of_words() -> None:
    summary, vetting = RENDER.summary(case(note="known"), "memory", before_claim=True)
    assert summary.text.split("\n\n") == [
        "Summary of 7F3K",
        "7F3K · Español · no topic · no urgency\nto be vetted",
        "What is it?: One thing",
        "What happened? [Español]: Me lo quitaron",
        "What is it?: skipped",
    ]
    assert vetting.text.split("\n\n") == ["Vetting of 7F3K", "Note: known"]


def test_what_goes_at_another_time_than_the_rest_is_a_part_of_its_own() -> None:
    words = Answer("x.more", TextId("a.long"), "answered", words="more")
    given = [
        replace(words, keep=Keep.VETTING),
        words,
        replace(words, expires=timedelta(days=1)),
        replace(words, words="most"),
        replace(words, keep=Keep.VETTING, expires=timedelta(days=1)),
    ]
    parts = RENDER.summary(
        replace(case(), answers=tuple(given)), "memory", before_claim=True, expires=timedelta(days=1)
    )
    assert [(part.keep, part.expires) for part in parts] == [
        (Keep.CASE, None),
        (Keep.CASE, timedelta(days=1)),
        (Keep.VETTING, None),
        (Keep.VETTING, timedelta(days=1)),
    ]
    line = "What happened? [Español]: "
    assert parts[0].text.split("\n\n")[2:] == [f"{line}more", f"{line}most", "Gone after 1 day."]
    assert parts[1].text == f"{line}more"
    assert [part.text.split("\n\n") for part in parts[2:]] == [["Vetting of 7F3K", f"{line}more"]] * 2


def test_a_case_without_answers_has_a_summary_all_the_same() -> None:
    [part] = RENDER.summary(replace(case(), answers=()), "memory", before_claim=True)
    assert part.text.startswith("Summary of 7F3K")


@pytest.mark.parametrize(
    "answer",
    [
        Answer("x.gone", TextId("x.gone"), "one", label=TextId("x.gone.one")),
        Answer("x.gone", TextId("x.gone"), "chosen", chosen=(("one", TextId("x.gone.one")), ("two", TWO))),
    ],
)
def test_an_answer_whose_texts_are_gone_is_summed_up_by_their_names(answer: Answer) -> None:
    [part] = RENDER.summary(replace(case(), answers=(answer,)), "memory", before_claim=True)
    [line] = part.text.split("\n\n")[2:]
    assert line.startswith("x.gone: x.gone.one")


def test_the_notice_is_said_in_every_language() -> None:
    assert RENDER.notice() == "Encrypt, please.\n\nCifre, por favor."


def test_a_long_text_is_cut_between_paragraphs() -> None:
    first, second = "a" * 4_000, "b " * 2_000
    assert split(f"{first}\n\n{second}", LONGEST) == [first, second.rstrip() + " "]


@pytest.mark.parametrize("border", ["\n", " "])
def test_a_long_paragraph_is_cut_between_lines_or_words(border: str) -> None:
    assert split(border.join(["a" * 3_500] * 3), LONGEST) == ["a" * 3_500] * 3


def test_a_text_that_fits_is_left_as_it_is() -> None:
    assert split("  two\n\n\nlines ", LONGEST) == ["  two\n\n\nlines "]


def test_nothing_is_said_as_nothing() -> None:
    assert split("", LONGEST) == split(" \n ", LONGEST) == []


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50), st.integers(1, 2_000))
def test_no_message_outgrows_an_event_and_no_sign_is_lost(piece: str, times: int) -> None:
    text = piece * times
    parts = split(text, LONGEST)
    assert "".join("".join(parts).split()) == "".join(text.split())
    for part in parts:
        sealed = len(json.dumps(part)) * 4 / 3
        assert sealed < 60_000
        assert len(part.encode()) <= LONGEST


@given(st.text(max_size=60), st.integers(1, 40))
def test_a_text_is_cut_to_any_size_and_never_inside_a_sign(text: str, longest: int) -> None:
    parts = split(text, longest)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(len(part.encode("utf-8", "surrogatepass")) <= longest or len(part) == 1 for part in parts)


def test_a_quote_is_short_and_marked_on_every_line() -> None:
    assert quote("one\ntwo") == "> one\n> two"
    assert len(quote("x" * 5_000)) < 210


def test_a_question_about_another_names_it_in_one_line() -> None:
    asked = Ask(TextId("a.about"), (ONE,), TextId("a.long"))
    assert RENDER.effects([asked], "en", None) == "Is this for: What happened??\n\n1. One thing"


def test_the_fingerprint_is_filled_in() -> None:
    assert RENDER.effects([Say(TextId("a.key"))], "en", None, "ABCD EFGH") == "Compare ABCD EFGH."


@pytest.mark.parametrize(("identity", "shown"), [(None, False), ("KEY", False), ("", True)])
def test_the_summary_says_when_the_account_has_no_identity(identity: str | None, shown: bool) -> None:
    number = CaseNumber("7F3K")
    case = Case(number, CaseStatus.ARRIVED, ConversationId("c"), datetime(2026, 1, 5, tzinfo=UTC), "en", ())
    [summary] = RENDER.summary(case, "memory", before_claim=True, identity=identity)
    assert summary.text.endswith("No identity.") is shown
