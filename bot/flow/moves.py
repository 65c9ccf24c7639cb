"""Moves a walk through the machine: from an outcome to the next question, or to the end.

Three rules decide what is handed over. A question that is reached while its answer stands on the path cuts the path
there: what came after was another way. An answer that is kept comes back only when its own question is reached, and
only while that question still has this outcome. And whatever a flow file says, words are asked for, and a case is
opened, only with consent on the path (law 3).
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from bot.domain import Answer
from bot.flow import phrases
from bot.flow.events import (
    Answered,
    Ask,
    AskLanguage,
    BeginAnew,
    End,
    OpenCase,
    Reopen,
    Say,
    ShowAnswers,
    Why,
)
from bot.flow.machine import NEXT, OVER, Compiled, State, after_consent, answering, branching, commanding
from bot.flow.model import (
    ANSWERED,
    ATTACHED,
    CHOSEN,
    YES,
    AskStep,
    AttachStep,
    BranchStep,
    ChooseStep,
    Condition,
    ConsentStep,
    EndStep,
    FaqStep,
    HandoffStep,
    LanguageStep,
    ReopenStep,
    ReviewStep,
    SayStep,
    SeveralStep,
    YesNoStep,
)
from bot.flow.phrases import Command
from bot.flow.reading import Taken
from bot.flow.session import CONSENTED, Passed
from bot.flow.sorts import Entry
from bot.flow.walk import Walk, has_consent


class Moves:
    """The ways of one compiled machine."""

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled
        self._states = compiled.states
        self._events = compiled.machine.events
        self._after_consent = {name for name, state in compiled.states.items() if after_consent(state.step)}
        self._most_hops = 2 * len(compiled.states)  # each state passed once by a new answer, once by one that was kept

    def go(self, walk: Walk, trigger: str) -> None:
        """Take this way out of the present state, and on to the next question."""
        resuming = walk.state == self._compiled.menu or isinstance(self._states[walk.state].step, LanguageStep)
        self._events[trigger].trigger(walk)
        self.arrive(walk, resuming=resuming)

    def arrive(self, walk: Walk, *, resuming: bool = False) -> None:
        """Go on from the present state until a question has to be asked, or the session is over.

        `resuming`: it is said so when kept answers lead on from here to where the person was.
        """
        silent = False  # past a question that was answered before: what is said on this way has been said
        for _ in range(self._most_hops):
            if walk.state == OVER:
                self._over(walk)
                return
            state = self._states[walk.state]
            match state.step:
                case SayStep() | EndStep():
                    if state.step.text is not None and not silent:
                        walk.effects.append(Say(state.step.text))
                    self._events[NEXT].trigger(walk)
                    continue
                case BranchStep():
                    self._events[branching(self._decided(walk, state.step))].trigger(walk)
                    continue
                case HandoffStep():
                    if not self._has_valid_consent(walk):
                        break
                    self._hand_over(walk, state, state.step)
                    return
                case ReopenStep():
                    walk.end(Reopen(self.answers(walk)), Say(state.step.text))
                    return
                case _ if state.name in self._after_consent and not has_consent(walk.path):
                    break
                case ReviewStep():
                    walk.kept.clear()
            walk.cut(state.name)
            before = state.name in walk.kept
            outcome = self._answered_before(walk, state)
            if outcome is None:
                if silent and resuming:
                    walk.effects.append(Say(phrases.GOING_ON))
                self.ask(walk)
                return
            silent = silent or (before and state.name not in walk.kept)
            self._events[answering(outcome)].trigger(walk)
        # a way without a question, or one that breaks law 3; checks refuse both, but a session can outlive its flows
        if walk.entry is Entry.ASKED:
            self.halt(walk, Why.NOT_UNDERSTOOD)
            return
        self.set_back(walk)
        self.ask(walk)

    def halt(self, walk: Walk, why: Why) -> None:
        """Ask no more of what staff ask; what is answered is theirs, whatever became of the flow since."""
        given = [passed for passed in walk.path if passed != CONSENTED]
        answers = (self.renewed(passed) if self._is_current(passed) else passed.answer for passed in given)
        walk.end(Answered(tuple(answers), why))

    def take(self, walk: Walk, state: State, taken: Taken) -> None:
        """This question is answered: put the answer on the path, and go on."""
        walk.record(self.given(walk, state, taken))
        self.go(walk, answering(taken.outcome))

    def given(self, walk: Walk, state: State, taken: Taken) -> Passed:
        """What the message in hand answers to this question."""
        answer = self.answer(state, taken)
        if answer.version is not None:
            answer = replace(answer, at=walk.at)
        return Passed(state.name, answer, walk.ref)

    @staticmethod
    def answer(state: State, taken: Taken) -> Answer:
        """What this is as the answer to the question of a state."""
        return Answer(
            state.id,
            state.question,
            taken.outcome,
            state.options.get(taken.outcome),
            taken.words,
            state.step.version if isinstance(state.step, ConsentStep) else None,
            tuple((name, state.options[name]) for name in taken.chosen),
            taken.file,
            state.keep,
        )

    def given_before(self, walk: Walk, ref: str) -> tuple[int, Passed] | None:
        """The answer on the path that this message gave, and its place, where it is one that can be changed."""
        for place, passed in enumerate(walk.path):
            if passed.ref == ref and self._is_shown(passed):
                return place, passed
        return None

    def change_to(self, walk: Walk, place: int, given: Passed) -> None:
        """Answer the question of this place of the path anew, as if it had been asked."""
        walk.return_to(place)
        walk.ref = given.ref
        walk.record(given)
        self.go(walk, answering(given.answer.outcome))

    def can_be(self, passed: Passed) -> bool:
        """Whether this can still be an answer to its question, and has what such an answer has, and that alone."""
        if not self._is_current(passed):
            return False
        step, answer = self._states[passed.state].step, passed.answer
        several = isinstance(step, SeveralStep) and answer.outcome == CHOSEN
        attached = isinstance(step, AttachStep) and answer.outcome == ATTACHED
        in_words = attached or (isinstance(step, AskStep) and answer.outcome == ANSWERED)
        has = (bool(answer.chosen), answer.words is not None, answer.file is not None)
        return has == (several, in_words, attached)

    def ask(self, walk: Walk) -> None:
        """Ask the question of the present state."""
        state = self._states[walk.state]
        step = state.step
        options = tuple(state.options.values())
        match step:
            case ChooseStep() | YesNoStep() | ConsentStep() | FaqStep():
                walk.effects.append(Ask(step.text, options))
            case LanguageStep():
                walk.effects.append(AskLanguage(step.text, walk.guess))
            case ReviewStep():
                walk.effects += (ShowAnswers(self.answers(walk)), Ask(step.text, options))
            case AskStep():
                walk.effects.append(Ask(step.text))
                if step.skippable and not walk.hinted:
                    walk.hinted = True
                    walk.effects.append(Say(phrases.SKIP_HINT))
            case AttachStep():
                walk.effects += (Say(phrases.ATTACH_ADVICE), Ask(step.text), Say(phrases.ATTACH_SKIP))
            case SeveralStep():
                walk.effects += (Ask(step.text, options), Say(phrases.SEVERAL_HINT))
            case _:  # set back to an entry flow that neither begins with a question nor has a menu
                walk.end(End())

    def back(self, walk: Walk) -> None:
        """Ask the question before this one anew."""
        for place in reversed(range(len(walk.path))):
            if self._is_current(walk.path[place]):
                walk.return_to(place)
                break
        self.ask(walk)

    def menu(self, walk: Walk) -> None:
        """Go to the menu, keeping the answers that were given after it."""
        menu = self._compiled.menu or ""
        if walk.state != menu:
            walk.leave(next((place for place, passed in enumerate(walk.path) if passed.state == menu), 0))
            walk.kept.pop(menu, None)
        self.go(walk, commanding(Command.MENU))

    def change(self, walk: Walk, shown: int) -> None:
        """Ask anew for one of the answers, counted as they are shown."""
        places = [place for place, passed in enumerate(walk.path) if self._is_shown(passed)]
        walk.return_to(places[shown - 1])
        self.ask(walk)

    def set_back(self, walk: Walk) -> None:
        """Stand at the menu, or where no language is known at the beginning, with every answer kept."""
        walk.leave(0)
        walk.aside = None
        menu = self._compiled.menu
        walk.state = menu if menu is not None and walk.locale is not None else self._compiled.initial
        walk.kept.pop(walk.state, None)

    def answers(self, walk: Walk) -> tuple[Answer, ...]:
        """What is shown in a review and handed over: the answers on the path, but not the way through the menu."""
        return tuple(self.renewed(passed) for passed in walk.path if self._is_shown(passed))

    def _over(self, walk: Walk) -> None:
        match walk.entry:
            case Entry.ASKED:
                walk.effects.append(Say(phrases.ASKED_DONE))
                self.halt(walk, Why.DONE)
            case Entry.RETURNING:
                walk.end(BeginAnew())
            case None:
                walk.end(End())
            case _:
                assert_never(walk.entry)

    def _hand_over(self, walk: Walk, state: State, step: HandoffStep) -> None:
        answers = self.answers(walk)
        refs = tuple(passed.ref for passed in walk.path if self._is_shown(passed))
        topic, urgency = (
            next((answer.label for answer in reversed(answers) if answer.step in steps), None)
            for steps in (state.topic, state.urgency)
        )
        walk.end(OpenCase(answers, topic, urgency, refs), Say(step.text))

    def _answered_before(self, walk: Walk, state: State) -> str | None:
        """The outcome of a question that need not be asked, its answer put on the path; None where it must be."""
        if isinstance(state.step, ConsentStep):
            return self._consented_before(walk, state, state.step.version)
        kept = walk.kept.pop(state.name, None)
        if kept is None or not self.can_be(kept):
            return None
        walk.record(Passed(state.name, self.renewed(kept), kept.ref))
        return kept.answer.outcome

    def _consented_before(self, walk: Walk, state: State, version: int) -> str | None:
        """Yes, if this text was agreed to, wherever it was asked. A refusal is never taken as the answer again.

        A consent to another version stays among the kept answers: what was written under it is held until this one is
        answered.
        """
        same = (state.id, version, YES)
        if any(_consent(passed) == same for passed in walk.path):
            return YES
        given = next((passed for passed in walk.kept.values() if _consent(passed) == same), None)
        if given is None:
            return None
        del walk.kept[given.state]
        again = replace(self.answer(state, Taken(YES)), expires=given.answer.expires, at=given.answer.at)
        walk.record(Passed(state.name, again, given.ref))
        return YES

    def _has_valid_consent(self, walk: Walk) -> bool:
        return any(
            passed.answer.outcome == YES and (passed.answer.step, passed.answer.version) in self._compiled.consents
            for passed in walk.path
        )

    def _decided(self, walk: Walk, step: BranchStep) -> int:
        """The place of the first clause that holds, or the one after the last."""
        clauses = enumerate(step.clauses)
        held = (place for place, clause in clauses if all(self._holds(walk, each) for each in clause.conditions))
        return next(held, len(step.clauses))

    def _holds(self, walk: Walk, condition: Condition) -> bool:
        """By the last answer on the path to this question, as it can still be answered."""
        asked = condition.step.name
        for passed in reversed(walk.path):
            if passed.answer.step == asked and self._is_current(passed):
                chosen = {passed.answer.outcome, *(name for name, _ in passed.answer.chosen)}
                return any(outcome.name in chosen for outcome in condition.outcomes)
        return False

    def _is_current(self, passed: Passed) -> bool:
        """Whether this question still is asked, and still has this answer: a session can outlive its flows."""
        state, answer = self._states.get(passed.state), passed.answer
        if state is None or state.id != answer.step or answer.outcome not in state.outcomes:
            return False
        return all(name in state.options for name, _ in answer.chosen)

    def _is_shown(self, passed: Passed) -> bool:
        return passed.state != self._compiled.menu and self._is_current(passed)

    def renewed(self, passed: Passed) -> Answer:
        state, answer = self._states[passed.state], passed.answer
        chosen = tuple((name, state.options[name]) for name, _ in answer.chosen)
        label = state.options.get(answer.outcome)
        return replace(answer, question=state.question, label=label, chosen=chosen, keep=state.keep)


def _consent(passed: Passed) -> tuple[str, int | None, str]:
    return passed.answer.step, passed.answer.version, passed.answer.outcome
