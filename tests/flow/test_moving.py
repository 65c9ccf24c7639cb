"""Sessions that are moved into edited flows: where they stand then, what they keep, and what they are asked first."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.flow.engine import Engine, Step
from bot.flow.events import Ask, OpenCase, Replied, Say, Started
from bot.flow.machine import Compiled, WaitingStep
from bot.flow.model import AskStep, LanguageStep, Library
from bot.flow.moves import Moves
from bot.flow.moving import Fate, Ground, Moved
from bot.flow.phrases import CONSENT_CHANGED
from bot.flow.renames import Renames
from bot.flow.session import Session, from_json, to_json
from tests.flow.small import LANGUAGES, compiled, good, lexicon
from tests.flow.test_engine_model import ANYTHING, held_to_the_laws

Files = dict[str, str]
Edit = Callable[[Files], None]
STORY = "They took my phone"
TO_REVIEW = ("English", "2", "1", "1", "yes", STORY, "2", "yes")  # from the first question to the review


class Flows:
    """Flow files, compiled."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.library: Library
        self.machine: Compiled
        self.library, self.machine = compiled(files)
        self.engine = Engine(self.machine, {code: lexicon(self.library, code) for code in LANGUAGES}, LANGUAGES)
        self.ground = Ground(self.machine)

    def at(self, *answers: str) -> Session:
        """Where these answers lead."""
        step = self.engine.step(None, Started())
        for number, answer in enumerate(answers):
            step = self.engine.step(step.session, Replied(answer, f"${number}"))
        assert step.session is not None
        return step.session


OLD = Flows(good())


def edited(*edits: Edit) -> Flows:
    files = good()
    for edit in edits:
        edit(files)
    return Flows(files)


def change(name: str, old: str, new: str) -> Edit:
    """In this file, put one text in the place of another."""

    def edit(files: Files) -> None:
        assert old in files[name], "the edit edits nothing"
        files[name] = files[name].replace(old, new)

    return edit


def moved(new: Flows, session: Session, old: Flows = OLD) -> Moved:
    return new.ground.move(old.ground, session, (Renames.of(new.library),))


def stands(found: Moved) -> Session:
    assert found.step.session is not None
    return found.step.session


def path(session: Session) -> list[str]:
    return [f"{passed.state}={passed.answer.outcome}" for passed in session.path]


def asks(found: Moved) -> str:
    *_, asked = (effect.text for effect in found.step.effects if isinstance(effect, Ask))
    return asked


NEW_CONSENT = change("consent.yaml", "version: 1", "version: 2")
STORY_RENAMED = change("main.yaml", "- ask: what\n", "- ask: story\n    was: what\n")
STORY_CALLED_OTHERWISE = change("main.yaml", "- ask: what\n", "- ask: story\n")
SAFETY_FIRST = change(
    "main.yaml", "  - call: consent\n", "  - yesno: safe\n    text: Is this phone safe?\n  - call: consent\n"
)
NO_JOURNALISTS = change("who.yaml", "journalist: A journalist, ", "")
CONSENT_RENAMED = change("consent.yaml", "- consent: consent\n", "- consent: agree\n    was: consent\n")
CONSENT_REPLACED = change("consent.yaml", "- consent: consent\n", "- consent: agree\n")
STORY_CHOSEN = change(
    "main.yaml",
    "- ask: what\n    text: What happened?\n",
    "- choose: what\n    text: What was it?\n    options: {theft: Theft, other: Another}\n",
)


def without_urgency(files: Files) -> None:
    before, _, rest = files["main.yaml"].partition("  - choose: urgency\n")
    files["main.yaml"] = before + "  - yesno: contact" + rest.partition("  - yesno: contact")[2]
    files["main.yaml"] = files["main.yaml"].replace(", urgency: urgency", "")


def who_renamed(files: Files) -> None:
    files["who.yaml"] = files["who.yaml"].replace("flow: who", "flow: people\nwas: who")
    files["main.yaml"] = files["main.yaml"].replace("call: who", "call: people")


def contact_before_urgency(files: Files) -> None:
    contact = "  - yesno: contact\n    text: May we contact your referee?\n    label: We may contact the referee\n"
    assert contact in files["main.yaml"]
    files["main.yaml"] = files["main.yaml"].replace(contact, "").replace("go: contact", "go: review")
    files["main.yaml"] = files["main.yaml"].replace("  - choose: urgency", f"{contact}  - choose: urgency")


EDITS = (
    NEW_CONSENT,
    STORY_RENAMED,
    STORY_CALLED_OTHERWISE,
    SAFETY_FIRST,
    NO_JOURNALISTS,
    CONSENT_RENAMED,
    CONSENT_REPLACED,
    STORY_CHOSEN,
    without_urgency,
    who_renamed,
    contact_before_urgency,
)


# --- where one stands


@pytest.mark.parametrize("answered", range(len(TO_REVIEW) + 1))
def test_where_nothing_changed_everybody_stays_with_all_they_have(answered: int) -> None:
    session = OLD.at(*TO_REVIEW[:answered])
    found = moved(edited(), session)
    assert (found.fate, found.erased) == (Fate.STAYS, False)
    assert stands(found) == session
    assert asks(found) if answered else True


def test_a_renamed_question_keeps_whoever_stands_there_and_what_they_answered() -> None:
    new = edited(STORY_RENAMED, who_renamed)
    found = moved(new, OLD.at(*TO_REVIEW[:5]))
    assert (found.fate, stands(found).state) == (Fate.STAYS, "story")
    later = stands(moved(new, OLD.at(*TO_REVIEW)))
    assert path(later)[1:6] == [
        "people/role=activist",
        "people/problem=account",
        "consent/consent=yes",
        "story=answered",
        "urgency=later",
    ]
    handed = next(e for e in new.engine.step(later, Replied("1")).effects if isinstance(e, OpenCase))
    assert [answer.step for answer in handed.answers][:2] == ["people.role", "people.problem"]
    assert all(answer.question in new.library.sources for answer in handed.answers)
    assert all(answer.label is None or answer.label in new.library.sources for answer in handed.answers)


def test_whoever_stands_at_a_question_that_is_gone_is_asked_what_comes_next() -> None:
    found = moved(edited(without_urgency), OLD.at(*TO_REVIEW[:6]))
    assert (found.fate, found.erased, stands(found).state) == (Fate.ELSEWHERE, False, "contact")
    assert path(stands(found))[-1] == "what=answered"


def test_an_answer_that_is_not_asked_for_any_more_is_gone_and_the_rest_stays() -> None:
    found = moved(edited(without_urgency), OLD.at(*TO_REVIEW))
    assert (found.fate, stands(found).state) == (Fate.STAYS, "review")
    assert "urgency" not in to_json(stands(found))
    assert path(stands(found))[-2:] == ["what=answered", "contact=yes"]


def test_an_answer_that_cannot_be_given_any_more_is_asked_for_again_and_the_later_ones_come_back() -> None:
    answers = ("English", "2", "2", "1", "yes", STORY, "2", "yes")
    new = edited(NO_JOURNALISTS)
    found = moved(new, OLD.at(*answers))
    assert (found.fate, stands(found).state) == (Fate.ELSEWHERE, "who/role")
    step = new.engine.step(stands(found), Replied("An activist"))
    assert step.session is not None
    assert (step.session.state, path(step.session)[-1]) == ("review", "contact=yes")


def test_a_new_question_on_the_way_is_asked_first_and_then_one_is_back() -> None:
    new = edited(SAFETY_FIRST)
    found = moved(new, OLD.at(*TO_REVIEW[:6]))
    assert (found.fate, asks(found)) == (Fate.ELSEWHERE, "main.safe")
    step = new.engine.step(stands(found), Replied("yes"))
    assert step.session is not None
    assert step.session.state == "urgency"
    assert STORY in to_json(step.session)


def test_a_new_question_that_lies_ahead_moves_nobody() -> None:
    found = moved(edited(SAFETY_FIRST), OLD.at(*TO_REVIEW[:3]))
    assert (found.fate, stands(found).state) == (Fate.STAYS, "who/problem")


def test_whoever_came_by_the_word_person_stays_where_they_are() -> None:
    session = OLD.at("English", "2", "1", "person")
    assert session.state == "person/consent/consent"
    found = moved(edited(SAFETY_FIRST), session)
    assert (found.fate, stands(found)) == (Fate.STAYS, session)


def test_with_nothing_left_to_stand_on_one_is_back_at_the_menu() -> None:
    session = OLD.at("English", "person")
    new = edited(change("person.yaml", "  - call: consent\n", ""), CONSENT_REPLACED)
    found = moved(new, session)
    assert (found.fate, stands(found).state) == (Fate.MENU, "menu")


def test_a_question_that_is_asked_otherwise_now_takes_no_answer_of_before() -> None:
    new = edited(STORY_CHOSEN)
    found = moved(new, OLD.at(*TO_REVIEW))
    assert (found.fate, found.erased, stands(found).state) == (Fate.ELSEWHERE, True, "what")
    assert STORY not in to_json(stands(found))


def test_nobody_is_handed_over_by_an_edit() -> None:
    """All that would still be asked is answered, and there is no review: the next thing would be the handoff."""

    def no_review(files: Files) -> None:
        before, _, rest = files["main.yaml"].partition("  - yesno: contact\n")
        handoff = "  - handoff: handoff" + rest.partition("  - handoff: handoff")[2]
        files["main.yaml"] = before + handoff.replace("go: contact", "go: handoff")

    found = moved(edited(no_review), OLD.at(*TO_REVIEW[:7]))
    assert not any(isinstance(effect, OpenCase) for effect in found.step.effects)
    assert (found.fate, stands(found).state) == (Fate.MENU, "menu")
    assert STORY in to_json(stands(found))


# --- consent (law 3)


def test_a_new_version_of_the_consent_is_asked_for_before_anything_else() -> None:
    new = edited(NEW_CONSENT)
    for answered in (5, 6, 8):
        found = moved(new, OLD.at(*TO_REVIEW[:answered]))
        assert (found.fate, asks(found)) == (Fate.CONSENT, "consent.consent")
        assert found.step.effects[0] == Say(CONSENT_CHANGED)
        agreed = new.engine.step(stands(found), Replied("yes"))
        assert agreed.session is not None
        assert agreed.session.state == OLD.at(*TO_REVIEW[:answered]).state
        assert (STORY in to_json(agreed.session)) == (answered > 5)


def test_whoever_says_no_to_the_new_version_keeps_no_words_with_the_bot() -> None:
    found = moved(edited(NEW_CONSENT), OLD.at(*TO_REVIEW))
    assert STORY in to_json(stands(found))
    refused = edited(NEW_CONSENT).engine.step(stands(found), Replied("no"))
    assert refused.session is not None
    assert STORY not in to_json(refused.session)


def test_another_text_under_the_same_version_asks_nobody_again() -> None:
    new = edited(change("consent.yaml", "We read what you write.", "We read what you write to us."))
    assert moved(new, OLD.at(*TO_REVIEW)).fate is Fate.STAYS


def test_a_renamed_consent_is_the_same_consent() -> None:
    found = moved(edited(CONSENT_RENAMED), OLD.at(*TO_REVIEW))
    assert (found.fate, "consent/agree=yes" in path(stands(found))) == (Fate.STAYS, True)


def test_with_the_consent_gone_what_was_written_under_it_is_gone() -> None:
    found = moved(edited(CONSENT_REPLACED), OLD.at(*TO_REVIEW))
    assert (found.fate, found.erased) == (Fate.ELSEWHERE, True)
    assert asks(found) == "consent.agree"
    assert STORY not in to_json(stands(found))


# --- whatever people did, and whatever was edited


def wander(flows: Flows, chance: random.Random, session: Session | None, steps: int) -> Session | None:
    for number in range(steps):
        text = chance.choice(ANYTHING) if chance.random() < 0.3 else chance.choice(("1", "2", "yes", STORY))
        session = flows.engine.step(session, Replied(text, f"${number}")).session
    return session


def ends(flows: Flows, chance: random.Random, session: Session) -> bool:
    """Whether somebody who goes on answering, whatever they answer, comes to an end."""
    step = Step(session, ())
    for _ in range(400):
        step = flows.engine.step(step.session, Replied(chance.choice(("1", "2", "3", "yes", "no", "a word"))))
        held_to_the_laws(flows.machine, step)
        if step.session is None:
            return True
    return False


def must_stand(flows: Flows, session: Session) -> None:
    """In its flows, with a way out, with nothing that is not asked, and with the consent that it needs."""
    state = flows.machine.states[session.state]
    assert isinstance(state.step, WaitingStep)
    assert session.locale is not None or isinstance(state.step, LanguageStep)
    answers = (*session.path, *session.kept)
    assert len({passed.state for passed in answers}) == len(answers)
    assert all(Moves(flows.machine).can_be(passed) for passed in answers)
    given = {(p.answer.step, p.answer.version) for p in session.path if p.answer.version and p.answer.outcome == "yes"}
    assert given <= flows.machine.consents
    assert given or not isinstance(state.step, AskStep)
    assert given or not any(passed.answer.words for passed in session.path)
    stop, yes = {"es": ("parar", "claro"), "ar": ("توقف", "نعم")}.get(session.locale or "en", ("stop", "yes"))
    assert flows.engine.step(flows.engine.step(session, Replied(stop)).session, Replied(yes)).session is None


BY_EDITS: dict[frozenset[int], Flows] = {}


def flows_of(edits: frozenset[int]) -> Flows | None:
    if edits not in BY_EDITS:
        try:
            BY_EDITS[edits] = edited(*(EDITS[number] for number in sorted(edits)))
        except AssertionError:  # two edits of the same place
            return None
    return BY_EDITS[edits]


some_edits = st.frozensets(st.integers(0, len(EDITS) - 1), min_size=1, max_size=4)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 12), some_edits, some_edits)
def test_whatever_was_edited_everybody_stands_in_the_new_flows_and_the_laws_are_kept(
    seed: int, steps: int, first: frozenset[int], second: frozenset[int]
) -> None:
    chance = random.Random(seed)
    session = wander(OLD, chance, OLD.at(*TO_REVIEW[: chance.randrange(len(TO_REVIEW) + 1)]), steps)
    before = OLD
    for edits in (first, second):
        new = flows_of(edits)
        if new is None or session is None:
            return
        found = new.ground.move(before.ground, session, (Renames.of(new.library),))
        session = stands(found)
        must_stand(new, session)
        held_to_the_laws(new.machine, found.step)
        assert from_json(to_json(session)) == session
        assert ends(new, chance, session)
        again = new.ground.move(new.ground, session, ())
        assert (again.fate, stands(again)) == (Fate.STAYS, session), "who was moved once is not moved again"
        session, before = wander(new, chance, session, 3), new


@pytest.mark.parametrize("state", ["who/problem", "gone", ""])
def test_a_session_that_was_lost_already_is_moved_all_the_same(state: str) -> None:
    session = replace(OLD.at(*TO_REVIEW), state=state)
    new = edited(STORY_RENAMED)
    must_stand(new, stands(moved(new, session)))


def test_nobody_stands_at_a_question_in_their_own_words_without_consent() -> None:
    session = replace(OLD.at(*TO_REVIEW[:5]), path=())
    must_stand(edited(STORY_RENAMED), stands(moved(edited(STORY_RENAMED), session)))
