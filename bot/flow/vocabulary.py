"""What replies mean to one machine in one language, worked out beforehand so that a step only looks them up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain import TextId
from bot.flow.machine import Compiled
from bot.flow.model import NO, YES
from bot.flow.phrases import NO as SAY_NO
from bot.flow.phrases import YES as SAY_YES
from bot.flow.phrases import Command
from bot.flow.understand import Lexicon, Tables, answers, commands, fold


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """From a folded reply to its meaning: for each state its outcome, then yes or no, then a command; and CLDR's."""

    answers: Mapping[str, Mapping[str, str]]
    yes_or_no: Mapping[str, str]
    commands: Mapping[str, Command]
    labels: Mapping[TextId, str]
    tables: Tables


def vocabulary(compiled: Compiled, lexicons: Mapping[str, Lexicon], locale: str) -> Vocabulary:
    """All that is understood in this language, and the word *language* in every other: it leads out of a wrong one."""
    lexicon = lexicons[locale]
    labels, words = lexicon.labels, lexicon.words
    everyones = {
        fold(word): Command.LANGUAGE
        for other in compiled.locales
        for word in lexicons[other].words.get(Command.LANGUAGE, ())
    }
    return Vocabulary(
        answers={
            state.name: answers([(name, labels.get(label, "")) for name, label in state.options.items()], words)
            for state in compiled.states.values()
        },
        yes_or_no=answers([(YES, labels.get(SAY_YES, "")), (NO, labels.get(SAY_NO, ""))], words),
        commands={**everyones, **commands(words)},
        labels=labels,
        tables=lexicon.tables,
    )
