"""`vestibule test --into`: conversations that are written down, put into another language.

Both are played side by side. What the requester chooses, and the words of commands, are found in the catalog; where
the bot is to say something, the same places of what it says there are written down. What somebody writes in words of
their own only a person can translate: those lines stand in a gettext file beside the conversations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog

from bot.catalogs import SOURCE_LOCALE, write
from bot.domain import TextId
from bot.flow.events import AskLanguage
from bot.flow.model import ENTRY_FLOW, FlowError, Mark, Problem, Severity
from bot.flow.understand import Lexicon, fold
from bot.i18n import language_name, read_catalog
from bot.workshop.places import places_of
from bot.workshop.rehearsing import CONVERSATIONS, Rehearsal, read
from bot.workshop.stage import Game
from bot.workshop.transcripts import ANYTHING, Line, Part, Transcript, header, parse, plain, written

OWN_WORDS = "words.po"
_WIDEST = 100  # characters of what the bot says, in one line

_ABOUT = """\
# What people write in the conversations in words of their own, in {language}.
# Write it as somebody there would type it. The comment says where it stands,
# and what the bot answers in English. `vestibule test --into {locale}` puts it
# into the conversations.
#"""


@dataclass(frozen=True, slots=True)
class Written:
    """What came of it: the files written, and the lines in a person's own words that are still to be translated."""

    files: tuple[Path, ...]
    missing: int
    words: Path


def into(flows: Path, sources: Sequence[Path], locale: str) -> Written:
    """Write the conversations of these files and folders in another language, in the folder of that language.

    Files of the same names are written over. Nothing but the list of lines to translate is written while one of them is
    missing. Raises FlowError where a conversation cannot be read, goes another way than its source or is not as it is
    written, and ConfigError where there is no such language or file.
    """
    rehearsal = Rehearsal(flows)
    rehearsal.stage.need(ENTRY_FLOW, locale)
    folder = CONVERSATIONS / locale
    own = _OwnWords(folder / OWN_WORDS, locale)
    found: dict[Path, str] = {}
    for transcript in read(sources):
        if isinstance(transcript, FlowError):
            raise transcript
        translated = _Translated(rehearsal, transcript, locale, own).lines()
        source = Path(transcript.file)
        found[folder / source.name] = _comment(source) + translated
    own.write()
    if own.missing:
        return Written((), len(own.missing), own.file)
    for file, content in found.items():
        failure = rehearsal.run(parse(str(file), content.encode()))
        if failure is not None:
            raise _error(failure.mark, failure.what)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    return Written(tuple(found), 0, own.file)


@dataclass(slots=True)
class _OwnWords:
    """The gettext file of what people write in words of their own."""

    file: Path
    locale: str
    known: Mapping[str, str] = field(init=False)
    missing: set[str] = field(default_factory=set)
    _asked: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        catalog = read_catalog(self.file) if self.file.exists() else ()
        self.known = {str(message.id): str(message.string or "") for message in catalog if message.id}

    def say(self, text: str, note: str) -> str:
        """The line in the other language, or as it is where nobody has translated it yet."""
        self._asked.setdefault(text, []).append(note)
        if not self.known.get(text, "").strip():
            self.missing.add(text)
            return text
        return self.known[text]

    def write(self) -> None:
        """Write down every line that was asked for, and its translation."""
        about = _ABOUT.format(language=language_name(self.locale, SOURCE_LOCALE), locale=self.locale)
        began: datetime | str = datetime.now(UTC)
        if self.file.exists():
            began = read_catalog(self.file).creation_date
        catalog = Catalog(
            locale=self.locale,
            project="Vestibule",
            version="conversations",
            creation_date=began,
            revision_date=began,
            header_comment=about,
            language_team=language_name(self.locale, SOURCE_LOCALE),
            last_translator="Vestibule translators",
            fuzzy=False,
        )
        for text, notes in self._asked.items():
            catalog.add(text, self.known.get(text, ""), auto_comments=notes)
        write(self.file, catalog)


class _Translated:
    """One conversation, played in both languages at once."""

    def __init__(self, rehearsal: Rehearsal, transcript: Transcript, locale: str, own: _OwnWords) -> None:
        self._stage = rehearsal.stage
        self._lexicons = self._stage.texts.lexicons()
        self._names = self._stage.texts.languages()
        self._transcript = transcript
        self._locale = locale
        self._own = own

    def lines(self) -> str:
        """The whole of it, as it is written to a file."""
        opening, lines = self._transcript.opening, self._transcript.lines
        there = replace(opening, locale=opening.locale and self._other(opening.locale))
        begun = header(there)
        said = [f"{begun}\n"] if begun else []
        first = lines[0]
        if first.part is Part.REQUESTER and opening.flow == ENTRY_FLOW and opening.at is None:
            text = self._words(first, SOURCE_LOCALE, self._locale, ())
            opening, there, lines = replace(opening, text=first.text), replace(there, text=text), lines[1:]
            said.append(written(Part.REQUESTER, text))
        here, other = self._stage.begin(opening), self._stage.begin(there)
        for line in lines:
            said.append(written(line.part, self._line(line, here, other)))
            if here.turn.state != other.turn.state and not self._own.missing:
                at = f"'{other.turn.state}', not at '{here.turn.state}'"
                raise self._fault(line, f"in '{self._locale}', the conversation stands after this at {at}")
        return "".join(said)

    def _line(self, line: Line, here: Game, other: Game) -> str:
        """Play a line in both; its text in the other language."""
        match line.part:
            case Part.REQUESTER:
                text = self._reply(line, here, other)
                here.answer(line.text)
                other.answer(text)
                return text
            case Part.SENDS:
                here.send(line.text)
                other.send(line.text)
            case Part.WAIT:
                here.wait(line.length)
                other.wait(line.length)
            case Part.BOT:
                return self._same_places(line, here.turn.said, other.turn.said)
            case Part.HANDS_OVER:
                return self._same_places(line, here.turn.handed, other.turn.handed)
            case Part.STATE:
                pass
        return line.text

    def _reply(self, line: Line, here: Game, other: Game) -> str:
        spoken, wanted = here.turn.locale or SOURCE_LOCALE, other.turn.locale or self._locale
        if any(isinstance(effect, AskLanguage) for effect in here.turn.effects):
            for code, name in self._names.items():
                if fold(name) == fold(line.text):
                    return self._names[self._other(code)]
        state = self._stage.compiled.states.get(here.turn.state or "")
        return self._words(line, spoken, wanted, tuple(state.options.values()) if state else ())

    def _words(self, line: Line, spoken: str, wanted: str, options: Sequence[TextId]) -> str:
        """What was written, if it is a number, an answer that can be chosen, the title of a question or a command."""
        folded = fold(line.text)
        if spoken == wanted or not any(letter.isalpha() for letter in folded):
            return line.text
        before, after = self._lexicons[spoken], self._lexicons[wanted]
        chosen = self._label(folded, options, before, after)
        if chosen is not None:
            return chosen
        for word, known in before.words.items():
            if folded in map(fold, known):
                return after.words[word][0]
        asked = self._label(folded, tuple(before.labels), before, after)
        if asked is not None:
            return asked
        return self._own.say(line.text, f"{Path(self._transcript.file).name}: {self._next(line)}")

    @staticmethod
    def _label(folded: str, texts: Sequence[TextId], before: Lexicon, after: Lexicon) -> str | None:
        found = next((text for text in texts if fold(before.labels.get(text, "")) == folded), None)
        return after.labels[found] if found is not None else None

    def _next(self, line: Line) -> str:
        """What should come of a line, for whoever translates it."""
        after = self._transcript.lines[self._transcript.lines.index(line) + 1 :]
        then = next((other.text for other in after if other.part in (Part.BOT, Part.HANDS_OVER)), "")
        return " ".join(then.split())

    def _other(self, code: str) -> str:
        """The languages change places, and any other stays what it is."""
        return {SOURCE_LOCALE: self._locale, self._locale: SOURCE_LOCALE}.get(code, code)

    def _same_places(self, line: Line, said: str, there: str) -> str:
        """The lines of what is said there that stand where the expected ones stand here."""
        lines, others = _full(said), _full(there)
        if self._own.missing:
            return line.text
        if len(lines) != len(others):
            counts = f"{len(others)} lines, and in English {len(lines)}"
            what = (
                f"what is said here has in '{self._locale}' {counts}; look at the words before it, and at the catalog"
            )
            raise self._fault(line, what)
        places = places_of(line.text, lines)
        if places is None:
            raise self._fault(line, "the conversation goes another way than this; run `vestibule test` on it first")
        shown = [others[place] if place is not None else ANYTHING for place in places]
        joined = " ".join(shown)
        return joined if len(joined) <= _WIDEST else "\n".join(shown)

    def _fault(self, line: Line, what: str) -> FlowError:
        return _error(Mark(self._transcript.file, line.line, 1), what)


def _full(text: str) -> list[str]:
    return [words for line in plain(text).split("\n") if (words := " ".join(line.split()))]


def _comment(file: Path) -> str:
    """The lines above a conversation that tell what it is about."""
    lines = file.read_text(encoding="utf-8-sig").split("\n")
    count = next((number for number, line in enumerate(lines) if not line.startswith("#")), 0)
    return "".join(f"{line}\n" for line in lines[:count])


def _error(mark: Mark, what: str) -> FlowError:
    return FlowError([Problem(mark, Severity.ERROR, "other-conversation", what)])
