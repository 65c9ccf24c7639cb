"""What an operator is told of their edit."""

from __future__ import annotations

import pytest

from bot.flow.compare import Differences, compare
from bot.flow.loader import load
from tests.flow.small import good
from tests.flow.test_moving import (
    CONSENT_REPLACED,
    NEW_CONSENT,
    NO_JOURNALISTS,
    SAFETY_FIRST,
    STORY_CALLED_OTHERWISE,
    STORY_CHOSEN,
    STORY_RENAMED,
    Edit,
    change,
    who_renamed,
)

MENU_RENAMED = change("main.yaml", "- choose: menu\n", "- choose: start\n    was: menu\n")


def after(*edits: Edit) -> Differences:
    files = good()
    for edit in edits:
        edit(files)
    return compare(load(good()), load(files))


def test_the_same_files_have_no_difference() -> None:
    assert after() == Differences((), ())


def test_how_a_flow_is_entered_is_told() -> None:
    assert after(change("details.yaml", "entry: asked\n", "")).lines == ("~ details: is run by other flows",)
    was = {**good(), "details.yaml": good()["details.yaml"].replace("entry: asked\n", "")}
    assert compare(load(was), load(good())).lines == ("~ details: is entered as 'asked'",)


def test_a_note_is_no_difference() -> None:
    assert after(change("who.yaml", "As the person would say it.", "Say it plainly.")) == Differences((), ())


@pytest.mark.parametrize(
    ("edit", "lines"),
    [
        (
            NEW_CONSENT,
            ["~ consent: 'consent' has version 2 of its text, after 1: who agreed to another one is asked again"],
        ),
        (
            change("consent.yaml", "We read what", "We all read what"),
            ["~ consent: 'consent' says something else under the same version 1: nobody is asked again"],
        ),
        (change("consent.yaml", "keep: case", "keep: vetting"), ["~ consent: 'consent' keeps its answer as 'vetting'"]),
        (STORY_RENAMED, ["= main: 'story' was called 'what'"]),
        (
            STORY_CALLED_OTHERWISE,
            ["+ main: a new step, ask 'story': \"What happened?\"", "- main: the step ask 'what' is gone"],
        ),
        (
            SAFETY_FIRST,
            [
                "+ main: a new step, yesno 'safe': \"Is this phone safe?\"",
            ],
        ),
        (NO_JOURNALISTS, ["~ who: 'role' has no answer 'journalist' any more"]),
        (
            change("who.yaml", "other: None of these}", 'other: None of these, student: "A student"}'),
            ["~ who: 'role' has a new answer 'student': \"A student\""],
        ),
        (
            change("who.yaml", "other: None of these}", "other: Nothing of this}"),
            ["~ who: 'role' says its answer 'other' otherwise: \"Nothing of this\""],
        ),
        (
            STORY_CHOSEN,
            [
                "~ main: 'what' was a 'ask' step, and is a 'choose' step",
                "~ main: 'what' says something else",
                "~ main: 'what' has a new answer 'theft': \"Theft\"",
                "~ main: 'what' has a new answer 'other': \"Another\"",
            ],
        ),
        (
            change("who.yaml", "go: {other: sorry}", "go: {other: sure}"),
            ["~ who: after the answer 'other' to 'role' comes 'sure', and not 'sorry'"],
        ),
        (change("main.yaml", "What happened?", "Tell us more."), ["~ main: 'what' says something else"]),
        (change("faq.yaml", "Write to {legal_address}.", "Ask {legal_address}."), ["~ faq: 1 text new or changed"]),
        (change("bot.yaml", "yes, y, yeah", "yes, y"), ["~ words: 1 text new or changed"]),
        (
            change("main.yaml", "text: What happened?", "text: What happened?\n    compare: story"),
            ["~ main: 'what' compares its answer with other cases, as 'story'"],
        ),
        (
            change("main.yaml", "person: person\n", "person: person\nsummary:\n  all: {title: All, steps: main}\n"),
            ["~ main: the summary has other titles, or another order"],
        ),
        (MENU_RENAMED, ["= main: 'start' was called 'menu'", "~ main: the menu is 'start'"]),
    ],
)
def test_an_edit_is_told_in_the_words_of_the_file(edit: Edit, lines: list[str]) -> None:
    edits = [edit]
    if edit is MENU_RENAMED:
        edits.append(change("main.yaml", "menu: menu\n", "menu: start\n"))
    assert list(after(*edits).lines) == lines


def test_a_renamed_flow_is_the_same_flow() -> None:
    assert after(who_renamed).lines == ("= people: this flow was called 'who'",)


def test_a_flow_comes_and_a_flow_goes() -> None:
    def edit(files: dict[str, str]) -> None:
        files["extra.yaml"] = "flow: extra\nsteps:\n  - say: hello\n    text: Hello.\n"
        del files["more.yaml"]
        files["main.yaml"] = files["main.yaml"].replace("  - call: more\n", "")

    lines = after(edit).lines
    assert "+ extra: a new flow, with 1 step" in lines
    assert "- more: this flow is gone" in lines


def test_the_texts_that_translators_have_to_look_at_are_those_that_changed() -> None:
    assert after(STORY_RENAMED, who_renamed).texts == ()
    assert after(change("main.yaml", "What happened?", "Tell us more.")).texts == ("main.what",)
    assert set(after(CONSENT_REPLACED).texts) == {"consent.agree", "consent.agree/covers"}
