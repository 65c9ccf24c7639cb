"""Makes a library of flow files: YAML in, values out, or every problem at once, each with its place.

The first key of a file says what it is: `flow`, `faq`, `phrasings`, `topics`, `phrases` or `canned`. Whatever the
bytes, only FlowError is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping

from bot.domain import TextId
from bot.flow import references, summing
from bot.flow.asking import PHRASINGS, TOPICS, AskingReader
from bot.flow.canned import CannedReader
from bot.flow.fields import Fields, Texts, good_name
from bot.flow.keys import WAS
from bot.flow.model import ENTRY_FLOW, FaqEntry, Flow, FlowError, FlowStep, Library, Mark, Source
from bot.flow.phrases import EVERYWHERE, IN_PHRASES, WORDS
from bot.flow.phrasings import Phrasings, Topics
from bot.flow.positions import Entries, Items, Problems, Scalar, Value, meant, read
from bot.flow.replies import Canned
from bot.flow.sorts import Entry
from bot.flow.steps import StepReader

_ANY_FLOW = ("flow", "about", "keep", "steps", WAS)
FLOW = (*_ANY_FLOW, "entry")
ENTRY_FLOW_KEYS = (*_ANY_FLOW, "menu", "person", "summary")
FAQ = ("faq", "about", "questions")
ENTRY = ("title", "answer", "note")
PHRASES = ("phrases", "about", "texts")
BOT_PHRASES = (*PHRASES, "words")
PHRASE = ("text", "note")
_PHRASES_FILES = ("bot", "staff")
_RESERVED_FLOWS = ("bot", "staff", "faq", "words", "canned", "decline")  # their names begin the ids of other texts


def load(files: Mapping[str, str | bytes]) -> Library:
    """Read flow files, given as path and content. Raises FlowError with every problem of them all."""
    loader = _Loader()
    for path, content in files.items():
        loader.read(path, content)
    return loader.library()


class _Loader:
    def __init__(self) -> None:
        self._problems = Problems()
        self._texts = Texts(self._problems)
        self._flows: dict[str, Flow] = {}
        self._names: dict[str, Mapping[str, Mark]] = {}
        self._faq: dict[str, FaqEntry] = {}
        self._phrasings: dict[str, Phrasings] = {}
        self._topics: dict[str, Topics] = {}
        self._asked_for: list[Scalar] = []  # the entries of the FAQ that phrasings are for
        self._words: dict[str, Source] = {}
        self._files: dict[str, Mark] = {}
        self._kinds: Mapping[str, Callable[[Entries], None]] = {
            "flow": self._flow,
            "faq": self._questions,
            "phrasings": self._asked,
            "topics": self._alike,
            "phrases": self._phrases,
            "canned": self._canned,
        }
        self._old_flows: list[tuple[Scalar, str]] = []
        self._replies: list[Entries] = []  # read last: they quote answers, and entries of the FAQ
        self._unread = False

    def read(self, path: str, content: str | bytes) -> None:
        before = len(self._problems.found)
        value = read(path, content, self._problems)
        if value is None and len(self._problems.found) > before:
            self._unread = True
        elif not isinstance(value, Entries) or not value.values:
            self._no_kind(value.mark if value else Mark(path, 1, 1))
        else:
            kind = next(iter(value.values))
            if kind in self._kinds:
                self._kinds[kind](value)
            else:
                self._no_kind(value.keys[kind], meant(kind, tuple(self._kinds)))

    def library(self) -> Library:
        renamed: dict[str, tuple[str, Mark]] = {}
        for old, new in self._old_flows:
            if old.text in renamed:
                message = f"'{renamed[old.text][0]}' was called '{old.text}' too; only one flow can have been it"
                self._problems.error(old.mark, "name-still-used", message)
            renamed.setdefault(old.text, (new, old.mark))
        self._still_there(renamed, self._flows, "flow")
        canned = self._read_replies()
        library = Library(
            self._flows, self._faq, self._texts.sources, self._words, self._phrasings, self._topics, canned
        )
        references.check(library, self._names, self._problems, whole=not self._unread)
        for key in self._asked_for:
            if not self._unread and key.text not in self._faq:
                near = meant(key.text, tuple(self._faq))
                self._problems.error(key.mark, "unknown-faq", f"the FAQ has no entry '{key.text}'{near}")
        if self._problems.found:
            raise FlowError(sorted(self._problems.found, key=lambda problem: _order(problem.mark)))
        return library

    def _no_kind(self, mark: Mark, near: str = "") -> None:
        self._unread = True
        message = (
            "the first line of a file says what it is: 'flow: name', 'faq: name', 'phrasings: es', 'topics: es', "
            "'phrases: bot', 'phrases: staff' or 'canned: replies'"
        )
        self._problems.error(mark, "unknown-key", message + near)

    def _taken(self, what: str, name: Scalar, reserved: tuple[str, ...] = ()) -> bool:
        """Whether a file of this kind and name was there already, or cannot be."""
        first = self._files.get(what)
        if name.text in reserved:
            message = f"a flow cannot be called '{name.text}': that name is used for other texts"
            self._problems.error(name.mark, "reserved-name", message)
        elif first:
            message = f"there is already a file with '{what}': {first.file}"
            self._problems.error(name.mark, "duplicate-name", message)
        self._files.setdefault(what, name.mark)
        return first is not None or name.text in reserved

    def _flow(self, file: Entries) -> None:
        named = file.values["flow"]
        entry = isinstance(named, Scalar) and named.text == ENTRY_FLOW
        what = "the flow 'main'" if entry else "a flow other than 'main'"
        fields = Fields(file, what, ENTRY_FLOW_KEYS if entry else FLOW, self._problems)
        name = fields.name("flow")
        if name is None:
            self._unread = True
            return
        if self._taken(f"flow: {name.text}", name, _RESERVED_FLOWS):
            return
        menu, person = (fields.target(key) if entry else None for key in ("menu", "person"))
        entered = None if entry else fields.entry()
        asked = entered is Entry.ASKED
        reader = StepReader(name.text, menu.name if menu else None, self._texts, self._problems, asked=asked)
        steps = tuple(self._steps(fields, reader))
        self._names[name.text] = reader.names
        was = fields.names(WAS)
        self._old_flows += [(old, name.text) for old in was]
        self._still_there(reader.renamed, reader.names, "step of this flow")
        self._flows[name.text] = Flow(
            name.text,
            name.mark,
            fields.plain("about"),
            steps,
            menu,
            person,
            tuple(old.text for old in was),
            {old: new for old, (new, _) in reader.renamed.items()},
            reader.requires,
            fields.keep(),
            entered,
            reader.compares,
            summing.read(name.text, fields, self._texts, self._problems) if entry else {},
        )

    def _still_there(self, renamed: Mapping[str, tuple[str, Mark]], names: Container[str], what: str) -> None:
        """What was renamed is not there any more, or else nobody knows which of the two is meant."""
        for old, (new, mark) in renamed.items():
            if old in names:
                message = f"'{new}' was called '{old}', but there is a {what} '{old}' still; take 'was: {old}' out"
                self._problems.error(mark, "name-still-used", message)

    def _steps(self, fields: Fields, reader: StepReader) -> Iterator[FlowStep]:
        listed = fields.need("steps")
        if listed is None:
            return
        if not isinstance(listed, Items) or not listed.values:
            message = "'steps' is a list of steps, each beginning with '- '"
            self._problems.error(listed.mark, "wrong-form", message)
            return
        for item in listed.values:
            step = reader.read(item)
            if step is not None:
                yield step

    def _questions(self, file: Entries) -> None:
        fields = Fields(file, "the FAQ", FAQ, self._problems)
        name = fields.name("faq")
        if name is None or self._taken("faq", name):
            return
        like = "'questions:', and below it each entry with its 'title:' and 'answer:'"
        listed = fields.entries("questions", like, needed=True)
        for key, value in listed.items() if listed else ():
            if good_name(key, self._problems):
                self._entry(key.text, key.mark, value)

    def _asked(self, file: Entries) -> None:
        """How people ask for the entries of the FAQ in one language."""
        reader = AskingReader(self._problems)
        code = reader.language(file, "phrasings", PHRASINGS)
        if code and not self._taken(f"phrasings: {code.text}", code):
            self._phrasings[code.text], asked_for = reader.phrasings(file)
            self._asked_for += asked_for

    def _alike(self, file: Entries) -> None:
        """Words of one language that mean the same."""
        reader = AskingReader(self._problems)
        code = reader.language(file, "topics", TOPICS)
        if code and not self._taken(f"topics: {code.text}", code):
            self._topics[code.text] = reader.topics(file)

    def _entry(self, key: str, mark: Mark, value: Value) -> None:
        if not isinstance(value, Entries):
            message = f"the entry '{key}' has a 'title:' and an 'answer:' below it"
            self._problems.error(value.mark, "wrong-form", message)
            return
        fields = Fields(value, "an entry of the FAQ", ENTRY, self._problems)
        title, answer = (fields.need(part, "missing-text") for part in ("title", "answer"))
        note = fields.plain("note")
        title_id, answer_id = TextId(f"faq.{key}/title"), TextId(f"faq.{key}")
        if title:
            self._texts.add(title_id, title, note)
        if answer:
            self._texts.add(answer_id, answer, note)
        self._faq[key] = FaqEntry(key, mark, title_id, answer_id)

    def _phrases(self, file: Entries) -> None:
        named = file.values["phrases"]
        of_bot = isinstance(named, Scalar) and named.text == "bot"
        fields = Fields(file, "a file of phrases", BOT_PHRASES if of_bot else PHRASES, self._problems)
        name = fields.name("phrases")
        if name is None:
            return
        if name.text not in _PHRASES_FILES:
            near = meant(name.text, _PHRASES_FILES)
            self._problems.error(name.mark, "bad-name", f"there are phrases of 'bot' and of 'staff' only{near}")
            return
        if self._taken(f"phrases: {name.text}", name):
            return
        texts = fields.entries("texts", "'texts:', and below it each phrase, 'name: its text'", needed=True)
        for key, value in texts.items() if texts else ():
            if good_name(key, self._problems):
                self._phrase(f"{name.text}.{key.text}", value)
        words = fields.entries("words", "'words:', and below it each list, 'yes: \"yes, y\"'")
        for key, value in words.items() if words else ():
            self._word(key.text, key.mark, value)

    def _canned(self, file: Entries) -> None:
        name = Fields(file, "the file of canned replies", tuple(file.values), self._problems).name("canned")
        if name is not None and not self._taken("canned", name):
            self._replies.append(file)

    def _read_replies(self) -> Canned:
        """They quote answers and entries of the FAQ: what may stand in a file that cannot be read is not missed."""
        if self._unread:
            return Canned()
        asked = {step for names in self._names.values() for step in names}
        reader = CannedReader(self._texts, self._faq, asked, self._problems)
        return next(map(reader.read, self._replies), Canned())

    def _phrase(self, text_id: str, value: Value) -> None:
        if not isinstance(value, Entries):
            self._texts.add(text_id, value, "", EVERYWHERE | IN_PHRASES)
            return
        fields = Fields(value, "a phrase", PHRASE, self._problems)
        text = fields.need("text", "missing-text")
        if text:
            self._texts.add(text_id, text, fields.plain("note"), EVERYWHERE | IN_PHRASES)

    def _word(self, word: str, mark: Mark, value: Value) -> None:
        if word not in WORDS:
            near = meant(word, WORDS) or f"; there are {', '.join(WORDS)}"
            self._problems.error(mark, "unknown-key", f"'{word}' is no word that the bot acts on{near}")
            return
        note = ""
        if isinstance(value, Entries):
            fields = Fields(value, "a list of words", PHRASE, self._problems)
            note = fields.plain("note")
            value = fields.need("text", "missing-text") or value
        if not isinstance(value, Scalar) or not value.text.strip():
            message = f"'{word}' is a list in one text, with commas: {word}: \"one, another\""
            self._problems.error(value.mark, "wrong-form", message)
            return
        self._words[word] = Source(TextId(f"words.{word}"), (value.text.strip(),), note, value.mark)


def _order(mark: Mark) -> tuple[str, int, int]:
    return mark.file, mark.line, mark.column
