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


WHO = "  - choose: who\n    text: Who?\n    options: {me: Me, them: Them}\n"


def branch(condition: str, leads: str, otherwise: str = "bye") -> str:
    return f"  - branch: by\n    when:\n      - {{if: {condition}, go: {leads}}}\n    otherwise: {otherwise}\n"


def test_a_branch_on_the_consent_is_followed() -> None:
    asked = CONSENT.replace("{no: end}", "{no: by}")
    after = branch("{consent: yes}", "words") + "  - ask: words\n    text: What?\n    go: handoff\n" + BYE + HANDOFF
    assert codes(MAIN + asked + after, PERSON) == []
    other_way_round = branch("{consent: no}", "words") + after.partition("otherwise: bye\n")[2]
    assert codes(MAIN + asked + other_way_round, PERSON)[0] == "free-text-before-consent: words"


def test_a_branch_on_an_answer_leads_only_where_that_answer_does() -> None:
    main = (
        MAIN + WHO + "    go: {me: bye}\n" + branch("{who: me}", "never", "bye") + "  - say: never\n    text: Never.\n"
    )
    assert codes(main + BYE, PERSON) == ["unreachable: never"]


def test_a_way_around_by_a_branch_that_one_answer_opens_is_found() -> None:
    first = MAIN + WHO + branch("{who: them}", "handoff", "consent") + CONSENT
    problems = check(*compiled(files(first + HANDOFF + BYE, PERSON)))
    assert [problem.code for problem in problems] == ["handoff-without-consent"]
    assert problems[0].message.endswith('"What?" "Go on" > "Who?" "Them"')


def test_a_silence_leads_where_it_is_said_to() -> None:
    silent = WHO + "    go: {no_reply: handoff}\n" + CONSENT
    (problem,) = check(*compiled(files(MAIN + silent + HANDOFF + BYE, PERSON)))
    assert problem.message.endswith('"Who?" gets no reply')


def test_answers_before_consent_may_be_gone_after_a_silence() -> None:
    silent = WHO + "  - yesno: sure\n    text: Sure?\n    go: {no_reply: told}\n" + CONSENT
    told = "  - say: told\n    text: Well.\n    require: who\n"
    assert codes(MAIN + silent + told + BYE, PERSON) == ["required-not-asked: told"]
    assert codes(MAIN + silent.replace("    go: {no_reply: told}\n", "") + told + BYE, PERSON) == []


def test_a_circle_of_branches_is_found_where_an_answer_leads_into_it() -> None:
    circle = "  - say: round\n    text: Round.\n    go: by\n"
    main = MAIN + WHO + branch("{who: them}", "round", "bye") + circle + BYE
    assert codes(main, PERSON) == ["endless-circle: by"]


def test_what_a_call_requires_is_required_where_the_flow_begins() -> None:
    other = "flow: other\nsteps:\n  - say: a\n    text: A.\n"
    call = "  - call: other\n    require: who\n"
    assert codes(MAIN + WHO + call + BYE, PERSON, other) == []
    past = MAIN.replace("{bye: bye}", "{bye: other}")
    assert codes(past + WHO + call + BYE, PERSON, other) == ["required-not-asked: other"]


def test_a_skipped_question_and_a_refused_consent_are_no_answers() -> None:
    refused = CONSENT.replace("{no: end}", "{no: told}") + "  - ask: words\n    text: What?\n"
    told = "  - say: told\n    text: Well.\n    require: [consent, words]\n"
    assert codes(MAIN + refused + told + BYE, PERSON) == ["required-not-asked: told"] * 2
    answered = CONSENT + "  - ask: words\n    text: What?\n    skip: no\n"
    assert codes(MAIN + answered + told + BYE, PERSON) == []


def test_the_menu_takes_an_answer_that_stood_before_it_away() -> None:
    first = MAIN.replace("  - choose: menu", WHO + "  - choose: menu")
    told = "  - say: told\n    text: Well.\n    require: who\n"
    assert codes(first + told + BYE, PERSON) == ["required-not-asked: told"]


def test_flows_with_more_to_follow_than_can_be_are_proved_all_the_same() -> None:
    many = "".join(WHO.replace("who", f"who_{n}") for n in range(16))
    read = "".join(f"who_{n}: me, " for n in range(16))
    decided = branch("{" + read.rstrip(", ") + "}", "handoff", "told")
    told = "  - say: told\n    text: Well.\n    require: [who_0, who_15]\n"
    assert codes(MAIN + many + decided + told + HANDOFF + BYE, PERSON) == ["handoff-without-consent: handoff"]
    assert codes(MAIN + CONSENT + many + decided + told + HANDOFF + BYE, PERSON) == []


def test_a_silence_that_leads_back_to_an_earlier_question_takes_the_answers_before_it_away() -> None:
    questions = WHO + "  - yesno: one\n    text: One?\n  - yesno: two\n    text: Two?\n    go: {no_reply: one}\n"
    told = "  - say: told\n    text: Well.\n    require: who\n"
    assert codes(MAIN + questions + told + BYE, PERSON) == ["required-not-asked: told"]
