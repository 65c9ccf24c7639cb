"""What the checks prove; the sentences they say are in `bad/`."""

from __future__ import annotations

from bot.flow.checks import check
from tests.flow.small import PHRASES, compiled, files, good

MAIN = """flow: main
menu: menu
person: person
steps:
  - language: language
    text: Which language?
  - choose: menu
    text: What?
    options: {go: Go on, bye: Goodbye}
    go: {bye: bye}
"""
BYE = "  - end: bye\n"
HANDOFF = "  - handoff: handoff\n    text: Done.\n"
CONSENT = "  - consent: consent\n    text: Agree?\n    version: 1\n    go: {no: end}\n"
PERSON = f"flow: person\nsteps:\n{CONSENT}{HANDOFF}"


def codes(*flows: str) -> list[str]:
    """What is wrong, as `code: step`, in the order of the files."""
    return [f"{problem.code}: {problem.message.split(chr(39))[1]}" for problem in check(*compiled(files(*flows)))]


def test_the_good_flows_are_good() -> None:
    assert check(*compiled(good())) == []


def test_a_handoff_after_consent_is_good() -> None:
    assert codes(MAIN + CONSENT + HANDOFF + BYE, PERSON) == []


def test_a_refused_consent_is_none() -> None:
    assert codes(MAIN + CONSENT.replace("end", "handoff") + HANDOFF + BYE, PERSON) == [
        "handoff-without-consent: handoff"
    ]


def test_yes_to_another_question_is_no_consent() -> None:
    yesno = "  - yesno: sure\n    text: Sure?\n    go: {no: end}\n"
    assert codes(MAIN + yesno + HANDOFF + BYE, PERSON) == ["handoff-without-consent: handoff"]


def test_a_jump_past_the_consent_is_found() -> None:
    jump = MAIN.replace("{bye: bye}", "{bye: handoff}")
    assert codes(jump + CONSENT + HANDOFF, PERSON) == ["handoff-without-consent: handoff"]


def test_a_consent_that_the_word_menu_steps_over_does_not_count() -> None:
    first = MAIN.replace("  - choose: menu", CONSENT + "  - choose: menu")
    assert codes(first + HANDOFF + BYE, PERSON) == ["handoff-without-consent: handoff"]


def test_a_flow_is_checked_wherever_it_is_called() -> None:
    other = f"flow: other\nsteps:\n{HANDOFF}"
    call = "  - call: other\n"
    assert codes(MAIN + CONSENT + call + BYE, PERSON, other) == []
    assert codes(MAIN + call + CONSENT + BYE, PERSON, other)[-1:] == ["handoff-without-consent: handoff"]


def test_a_circle_that_nothing_leads_into_is_unreachable() -> None:
    circle = "  - say: a\n    text: A.\n    go: b\n  - yesno: b\n    text: B?\n    go: {yes: a, no: bye}\n"
    assert codes(MAIN.replace("{bye: bye}", "bye") + circle + BYE, PERSON) == ["unreachable: a", "unreachable: b"]


def test_a_flow_that_is_only_called_where_nothing_leads_is_told_once() -> None:
    other = "flow: other\nsteps:\n  - say: a\n    text: A.\n  - say: b\n    text: B.\n"
    main = MAIN.replace("{bye: bye}", "bye") + "  - call: other\n" + BYE
    assert codes(main, PERSON, other) == ["unreachable: other"]


def test_the_flow_behind_the_word_person_is_in_use() -> None:
    assert codes(MAIN + CONSENT + HANDOFF + BYE, PERSON) == []
    assert codes(MAIN + CONSENT + HANDOFF + BYE + "  - call: person\n", PERSON) == []


def test_a_circle_without_a_question_is_told_as_one() -> None:
    circle = "  - say: a\n    text: A.\n  - say: b\n    text: B.\n    go: a\n"
    assert codes(MAIN + circle + BYE, PERSON) == ["endless-circle: a"]


def test_each_way_that_never_ends_is_told_at_its_entrance() -> None:
    menu = MAIN.replace("options: {go: Go on,", "options: {go: Go on, other: Go elsewhere,").replace(
        "{bye", "{other: c, bye"
    )
    circle = "  - yesno: {}\n    text: Well?\n  - yesno: {}\n    text: Well?\n    go: {}\n"
    main = menu + circle.format("a", "b", "a") + circle.format("c", "d", "c") + BYE
    assert codes(main, PERSON) == ["no-end: a", "no-end: c"]


def test_flows_that_never_end_at_all_are_told_once() -> None:
    assert codes(MAIN.replace("{bye: bye}", "menu"), PERSON) == ["no-end: language"]


def test_a_way_back_to_the_menu_ends_where_the_menu_does() -> None:
    back = "  - say: a\n    text: A.\n    go: menu\n"
    assert codes(MAIN + back + BYE, PERSON) == []


def test_the_entry_flow_begins_with_the_language() -> None:
    assert codes(MAIN.replace("  - language: language\n    text: Which language?\n", "") + BYE, PERSON) == [
        "language-first: main"
    ]


def test_what_the_engine_says_is_missed_where_there_are_no_phrases() -> None:
    contents = files(MAIN + BYE, PERSON)
    del contents["bot.yaml"]
    found = check(*compiled(contents))
    assert {problem.mark.file for problem in found} == {"main.yaml"}
    assert len(found) == PHRASES.count("\n") - 4
