"""A way through the machine in the words of those who go it: the questions, and their answers."""

from __future__ import annotations

from bot.domain import TextId
from bot.flow.machine import Compiled, State, answering
from bot.flow.model import NO_REPLY, NOT_UNDERSTOOD, LanguageStep, Library
from bot.flow.standings import COMMANDS, SILENT, Way

_LONGEST_QUOTE = 60  # characters
_UNSAID = {NOT_UNDERSTOOD: "is not understood", NO_REPLY: "gets no reply"}


def told(library: Library, compiled: Compiled, way: Way) -> str:
    """A way in the words of those who go it: questions and answers."""
    said = []
    for name, trigger in way:
        state = compiled.states[name]
        if trigger in COMMANDS:
            said.append(f'the word "{COMMANDS[trigger]}"')
        elif trigger in SILENT:
            said.append(f"{_question(library, state)} {_UNSAID[SILENT[trigger]]}")
        elif (answer := _answer(library, state, trigger)) is not None:
            said.append(f"{_question(library, state)} {answer}")
    return " > ".join(said) or "the conversation begins with it"


def _answer(library: Library, state: State, trigger: str) -> str | None:
    if isinstance(state.step, LanguageStep):
        return None
    for outcome in (*state.options, *state.outcomes):
        if trigger == answering(outcome):
            label = state.options.get(outcome)
            return _quoted(library, label, outcome)
    return None


def _question(library: Library, state: State) -> str:
    """The question, or its short name where it is too long to be quoted."""
    source = library.sources.get(TextId(state.id))
    long = source is not None and bool(source.paragraphs) and len(source.paragraphs[-1]) > _LONGEST_QUOTE
    return _quoted(library, state.question if long else TextId(state.id), state.step.name)


def _quoted(library: Library, text: TextId | None, otherwise: str) -> str:
    """The end of a text, which is where a question stands."""
    source = library.sources.get(text) if text else None
    said = source.paragraphs[-1] if source and source.paragraphs else otherwise
    return f'"{said}"' if len(said) <= _LONGEST_QUOTE else f'"{said[: _LONGEST_QUOTE - 3].rstrip()}..."'
