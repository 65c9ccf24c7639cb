"""What is warned of and what is not; the sentences are in `bad/`."""

from __future__ import annotations

from bot.flow.collisions import Spoken, collisions
from bot.flow.lint import lint
from bot.flow.machine import compile_flows
from tests.flow.small import compiled, files, good, lexicon, wide
from tests.flow.test_checks import BYE, CONSENT, HANDOFF, MAIN, PERSON, WHO, branch

RATING = "  - choose: rating\n    text: How was it?\n    options: {good: Good, bad: Bad}\n"


def warned(*flows: str) -> list[str]:
    kept = [f"{flow}keep: case\n" for flow in flows]
    return [f"{problem.code}: {problem.message.split(chr(39))[1]}" for problem in lint(*compiled(files(*kept)))]


def hidden(*flows: str) -> list[str]:
    library, _ = compiled(files(*flows))
    marks = {source.id: source.mark for source in (*library.sources.values(), *library.word_sources.values())}
    spoken = {"en": Spoken("en", "English", lexicon(library), marks.__getitem__)}
    return [problem.code for problem in collisions(compile_flows(library, ["en"]), spoken)["en"]]


def test_the_good_flows_have_nothing_to_be_warned_of() -> None:
    assert lint(*compiled(good())) == lint(*compiled(wide())) == []


def test_a_step_or_its_flow_says_how_long_an_answer_is_kept() -> None:
    def without(flow: str) -> list[str]:
        problems = lint(*compiled(files(flow, f"{PERSON}keep: case\n")))
        return [problem.message.split("'")[1] for problem in problems if problem.code == "no-retention"]

    flow = MAIN + RATING + CONSENT + HANDOFF + BYE
    assert without(flow) == ["menu", "rating", "consent"]
    assert without(flow.replace(RATING, f"{RATING}    keep: vetting\n")) == ["menu", "consent"]
    assert without(f"{flow}keep: vetting\n") == []


def test_an_answer_on_the_way_to_a_handoff_is_used() -> None:
    assert warned(MAIN + RATING + CONSENT + HANDOFF + BYE, PERSON) == []


def test_an_answer_after_which_the_conversation_ends_is_not_used() -> None:
    assert warned(MAIN.replace("bye: bye", "bye: rating") + CONSENT + HANDOFF + RATING + BYE, PERSON) == [
        "unused-answer: rating"
    ]


def test_an_answer_from_which_one_only_comes_back_to_the_menu_is_not_used() -> None:
    back = RATING + "    go: menu\n"
    assert warned(MAIN.replace("bye: bye", "bye: rating") + CONSENT + HANDOFF + back, PERSON) == [
        "unused-answer: rating"
    ]


def test_an_answer_that_decides_where_to_go_is_used() -> None:
    two = RATING + "    go: {good: menu}\n"
    assert warned(MAIN.replace("bye: bye", "bye: rating") + CONSENT + HANDOFF + two + BYE, PERSON) == []


def test_an_answer_that_a_branch_looks_at_is_used() -> None:
    decided = RATING + branch("{rating: good}", "menu")
    assert warned(MAIN.replace("bye: bye", "bye: rating") + CONSENT + HANDOFF + decided + BYE, PERSON) == []


def test_what_only_the_way_behind_the_word_person_hands_over_may_stand_on_its_card() -> None:
    card = PERSON + "    card: {topic: rating}\n"
    found = warned(MAIN.replace("bye: bye", "bye: rating") + RATING + WHO + BYE, card)
    assert found == ["unused-answer: rating", "unused-answer: who"]  # nobody is led to that handoff


def test_a_card_that_shows_what_was_cut_off_before_is_told() -> None:
    later = HANDOFF + "    card: {topic: rating}\n"
    back = RATING + "    go: {good: menu}\n"
    main = MAIN.replace("bye: bye", "bye: rating") + CONSENT + later + back + BYE
    assert warned(main, PERSON) == ["never-asked: handoff"]


def test_the_word_for_a_command_may_be_an_answer_that_leads_to_the_same_place() -> None:
    menu = "  - choose: again\n    text: And now?\n    options: {home: Menu, other: Something else}\n"
    assert hidden(MAIN + menu + "    go: {home: menu}\n" + BYE, PERSON) == []
    assert hidden(MAIN + menu + BYE, PERSON) == ["answer-is-command"]


def test_skipping_is_a_command_only_where_there_is_something_to_skip() -> None:
    skip = "  - choose: again\n    text: And now?\n    options: {skip: Skip, other: Something else}\n"
    assert hidden(MAIN + skip + BYE, PERSON) == []


def test_an_answer_may_begin_with_a_number() -> None:
    count = "  - choose: count\n    text: How many?\n    options: {two: 2 of us, one: 1, more: More than 2}\n"
    assert hidden(MAIN + count + BYE, PERSON) == ["answer-is-number"]  # only the second answer, "1"
