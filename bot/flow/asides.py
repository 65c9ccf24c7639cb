"""Questions that are put in between: the language, whether to stop, which answer to change, which one was meant.

Such a question is answered first; the one that it stands before is then asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from bot.domain import TextId
from bot.flow import phrases
from bot.flow.events import Ask, AskLanguage, Effect, End, Forget, Say, ShowAnswers, Withdraw
from bot.flow.machine import Compiled, answering, commanding
from bot.flow.model import ENOUGH, YES, FaqStep
from bot.flow.moves import Moves
from bot.flow.phrases import Command
from bot.flow.questions import title_of
from bot.flow.session import Passed
from bot.flow.understand import answers, number
from bot.flow.vocabulary import Vocabulary
from bot.flow.walk import ASKED as OF_ASKED
from bot.flow.walk import CHANGED as OF_CHANGED
from bot.flow.walk import MEANT as OF_MEANT
from bot.flow.walk import WHICH as OF_WHICH
from bot.flow.walk import Walk


class Aside(StrEnum):
    """Questions put in between, as a session names them."""

    LANGUAGE = "language"
    STOP = "stop"
    WITHDRAW = "withdraw"
    FORGET = "forget"
    CHANGE = "change"
    MORE = "more"
    CHANGED = OF_CHANGED
    WHICH = OF_WHICH
    MEANT = OF_MEANT
    ASKED = OF_ASKED


GUESSING = (Aside.WHICH, Aside.MEANT, Aside.ASKED)
"""They ask what somebody meant: whatever is said next may be an answer to the question before which they stand."""

GIVING_WAY = (None, Aside.MORE, Aside.CHANGED, *GUESSING)
"""To a changed message or a file; *stop* and its like are answered first."""

_PARTING: Mapping[str, tuple[TextId, tuple[Effect, ...]]] = {
    Aside.STOP: (phrases.STOP_CONFIRM, (Say(phrases.STOPPED), End())),
    Aside.WITHDRAW: (phrases.WITHDRAW_CONFIRM, (Withdraw(), Say(phrases.WITHDRAWN), End())),
    Aside.FORGET: (phrases.FORGET_CONFIRM, (Forget(), Say(phrases.FORGOTTEN), End())),
}
"""What asks whether to part, and what a yes brings."""

Answering = Callable[[Walk, str], bool]
Choosing = Callable[[Walk, str], bool]
Telling = Callable[[Walk, TextId], None]


class Asides:
    """The questions in between of one machine.

    `answer` takes a reply to the question that stands before, `choose` one of its options; `tell` says what the
    FAQ answers.
    """

    def __init__(
        self,
        compiled: Compiled,
        moves: Moves,
        vocabularies: Mapping[str, Vocabulary],
        languages: tuple[TextId | None, Mapping[str, str]],
        answer: Answering,
        choose: Choosing,
        tell: Telling,
    ) -> None:
        self._states = compiled.states
        self._moves = moves
        self._vocabularies = vocabularies
        self._language, self._languages = languages
        self._answer = answer
        self._choose = choose
        self._tell = tell
        self._person = compiled.person is not None

    def ask(self, walk: Walk) -> None:
        """Ask what has to be answered now: a question put in between, or else that of the present state."""
        match walk.aside:
            case Aside.LANGUAGE if self._language is not None:
                walk.effects.append(AskLanguage(self._language))
            case Aside.STOP | Aside.WITHDRAW | Aside.FORGET:
                walk.effects.append(Ask(_PARTING[walk.aside][0], (phrases.YES, phrases.NO)))
            case Aside.MORE if self._is_faq(walk):
                walk.effects.append(Ask(phrases.FAQ_MORE, (phrases.YES, phrases.NO)))
            case Aside.CHANGE:
                walk.effects += (ShowAnswers(self._moves.answers(walk)), Ask(phrases.WHICH_ANSWER))
            case Aside.CHANGED if (offered := self._offered(walk)) is not None:
                about = self._states[offered[1].state].question
                walk.effects.append(Ask(phrases.USE_CHANGE, (phrases.YES, phrases.NO), about))
            case Aside.WHICH if (options := self._options(walk)) is not None:
                walk.effects.append(Ask(phrases.WHICH_OF_THESE, tuple(options.values())))
            case Aside.MEANT if (options := self._options(walk)) is not None:
                meant = next(iter(options.values()))
                walk.effects.append(Ask(phrases.DID_YOU_MEAN, (phrases.YES, phrases.NO), meant))
            case Aside.ASKED if (asked := self._asked(walk)) is not None:
                walk.effects.append(Ask(phrases.FAQ_WHICH, tuple(asked.values())))
            case _:
                walk.aside = None
                self._moves.ask(walk)

    def take(self, walk: Walk, folded: str) -> bool:
        """Take this as the answer to the question in between, if it is one."""
        aside, walk.aside = walk.aside, None
        if not self._take(walk, aside, folded):
            walk.aside = aside
            return False
        walk.tries = 0
        return True

    def _take(self, walk: Walk, aside: str | None, folded: str) -> bool:
        known = self._vocabularies.get(walk.locale or "")
        agreed = known.yes_or_no.get(folded) if known else None
        match aside:
            case Aside.LANGUAGE if folded in self._languages:
                walk.locale = self._languages[folded]
                self._moves.ask(walk)
            case Aside.STOP | Aside.WITHDRAW | Aside.FORGET if agreed == YES:
                walk.end(*_PARTING[aside][1])
            case Aside.CHANGE if (number(folded) or 0) in range(1, len(self._moves.answers(walk)) + 1):
                self._moves.change(walk, int(folded))
            case Aside.CHANGED if agreed == YES and (offered := self._offered(walk)) is not None:
                self._moves.change_to(walk, *offered)
            case Aside.MORE if agreed is not None and agreed != YES and self._is_faq(walk):
                self._moves.go(walk, answering(ENOUGH))
            case Aside.MORE if agreed is None:
                return self._answer(walk, folded)  # a question from the list, which still stands above
            case Aside.MEANT if agreed == YES and (options := self._options(walk)) is not None:
                return self._choose(walk, next(iter(options)))
            case Aside.WHICH | Aside.MEANT if agreed is None or aside == Aside.WHICH:
                return self._take_choice(walk, aside, folded)
            case Aside.ASKED:
                return self._take_asked(walk, folded)
            case Aside.LANGUAGE | Aside.CHANGE | None:
                return False
            case _ if agreed is not None:
                self._moves.ask(walk)
            case _:
                return False
        return True

    def _take_choice(self, walk: Walk, aside: str, folded: str) -> bool:
        """One of the options that were shown just now, by its place among them; or anything else in words."""
        options = self._options(walk)
        known = self._vocabularies.get(walk.locale or "")
        if options is None or known is None:
            return self._answer(walk, folded)
        if aside == Aside.WHICH:
            labels = [(name, known.labels.get(label, "")) for name, label in options.items()]
            outcome = answers(labels, {}).get(folded)
            if outcome is not None:
                return self._choose(walk, outcome)
            if number(folded) is not None:
                return False  # it may count the options here, or those of the question: better to ask again
        return self._answer(walk, folded)

    def _take_asked(self, walk: Walk, folded: str) -> bool:
        """One of the questions that were perhaps asked, none of them, or a person."""
        asked, known = self._asked(walk), self._vocabularies.get(walk.locale or "")
        if asked is None or known is None:
            return self._answer(walk, folded)
        agreed = known.yes_or_no.get(folded)
        outcome = answers([(name, known.labels.get(label, "")) for name, label in asked.items()], {}).get(folded)
        match outcome:
            case None if agreed == YES or number(folded) is not None:
                # it may be meant for the question before this one, but nobody agrees to that by accident
                walk.effects.append(Say(phrases.NOT_UNDERSTOOD))
                walk.aside = Aside.ASKED
                self.ask(walk)
            case None if agreed is None:
                return self._answer(walk, folded)
            case None | "other":
                self._moves.ask(walk)
            case "person":
                self._moves.go(walk, commanding(Command.PERSON))
            case _:
                self._tell(walk, TextId(outcome))
        return True

    def _is_faq(self, walk: Walk) -> bool:
        state = self._states.get(walk.state)
        return state is not None and isinstance(state.step, FaqStep)

    def _asked(self, walk: Walk) -> Mapping[str, TextId] | None:
        """The questions that were perhaps asked, while the FAQ has them, and what is offered beside them."""
        known = self._vocabularies.get(walk.locale or "")
        titles = {answer: title_of(TextId(answer)) for answer in walk.choices}
        if known is None or not titles or any(title not in known.labels for title in titles.values()):
            return None
        beside = {"other": phrases.FAQ_OTHER, **({"person": phrases.FAQ_PERSON} if self._person else {})}
        return titles | beside

    def _options(self, walk: Walk) -> Mapping[str, TextId] | None:
        """The options of which one was probably meant, while the question has them."""
        state = self._states.get(walk.state)
        if state is None or not walk.choices or any(name not in state.options for name in walk.choices):
            return None
        return {name: state.options[name] for name in walk.choices}

    def _offered(self, walk: Walk) -> tuple[int, Passed] | None:
        """The answer that a changed message would give, and the place of the one that it gave, while that stands."""
        offered = walk.offered
        if offered is None or offered.ref is None:
            return None
        found = self._moves.given_before(walk, offered.ref)
        if found is None or found[1].state != offered.state or not self._moves.can_be(offered):
            return None
        return found[0], offered
