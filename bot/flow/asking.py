"""Reads the files of phrasings and of topics, by which questions of the FAQ are found in one language."""

from __future__ import annotations

import re

from bot.flow.fields import Fields
from bot.flow.phrasings import Phrasings, Said, Topics
from bot.flow.positions import Entries, Items, Problems, Scalar, Value

PHRASINGS = ("phrasings", "about", "questions", "none", "incidents")
TOPICS = ("topics", "about", "also", "prefixes", "words")
LOCALE = re.compile(r"[a-z]{2,3}(?:_[A-Za-z0-9]+)*")


class AskingReader:
    """Reads one such file; what is wrong with it is reported."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    def language(self, file: Entries, kind: str, known: tuple[str, ...]) -> Scalar | None:
        """The code of its language; None where it has none."""
        fields = Fields(file, f"a file of {kind}", known, self._problems)
        code = fields.word(kind)
        if code is not None and LOCALE.fullmatch(code.text):
            return code
        mark = code.mark if code else fields.mark(kind)
        self._problems.error(mark, "bad-name", f"'{kind}' is the code of a language, such as es or pt_BR")
        return None

    def phrasings(self, file: Entries) -> tuple[Phrasings, list[Scalar]]:
        """What a file of phrasings says, and the entries of the FAQ that it names."""
        fields = Fields(file, "a file of phrasings", tuple(file.values), self._problems)
        like = "'questions:', and below it for each entry of the FAQ a list, 'name: [one way to ask, another]'"
        listed = fields.entries("questions", like, needed=True)
        keys, questions = [], {}
        for key, value in listed.items() if listed else ():
            keys.append(key)
            questions[key.text] = self._said(key.text, value, "questions")
        none, incidents = fields.get("none"), fields.get("incidents")
        found = Phrasings(
            questions,
            self._said("none", none, "messages") if none else (),
            self._said("incidents", incidents, "words") if incidents else (),
        )
        return found, keys

    def topics(self, file: Entries) -> Topics:
        """What a file of topics says."""
        fields = Fields(file, "a file of topics", tuple(file.values), self._problems)
        like = "'words:', and below it each topic with its words, 'name: one, another'"
        listed = fields.entries("words", like, needed=True)
        words = {}
        for key, value in listed.items() if listed else ():
            words[key.text] = self._words(key.text, value)
        also, prefixes = fields.get("also"), fields.get("prefixes")
        return Topics(
            words,
            self._words("also", also) if also else (),
            self._words("prefixes", prefixes) if prefixes else (),
        )

    def _said(self, key: str, value: Value, what: str) -> tuple[Said, ...]:
        values = value.values if isinstance(value, Items) else (value,)
        said = tuple(
            Said(each.text.strip(), each.mark) for each in values if isinstance(each, Scalar) and each.text.strip()
        )
        if not values or len(said) < len(values):
            wrong = next((each for each in values if not isinstance(each, Scalar) or not each.text.strip()), value)
            of = "each a word or a few" if what == "words" else "each a sentence"
            self._problems.error(wrong.mark, "wrong-form", f"'{key}' is a list of {what}, {of}, and none is empty")
        return said

    def _words(self, key: str, value: Value) -> tuple[str, ...]:
        words = tuple(word.strip() for word in value.text.split(",")) if isinstance(value, Scalar) else ()
        if all(words) and words:
            return words
        message = f"'{key}' is a list in one text, with commas: {key}: \"one, another\""
        self._problems.error(value.mark, "wrong-form", message)
        return ()
