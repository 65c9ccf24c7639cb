"""Small flows for tests: the phrases that every engine needs, and what a test says and hears."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bot.cldr import tables
from bot.domain import Attachment
from bot.flow.engine import Engine, Lexicon
from bot.flow.events import CancelTimer, Edited, Effect, Event, Replied, Sent, SetTimer, Started
from bot.flow.loader import load
from bot.flow.machine import Compiled, compile_flows
from bot.flow.model import Library
from bot.flow.questions import finder
from bot.flow.session import Session, from_json, to_json

LANGUAGES = {"en": "English", "es": "Español", "ar": "العربية"}
TABLES = {locale: tables(locale) for locale in LANGUAGES}

GOOD, WIDE = Path(__file__).parent / "good", Path(__file__).parent / "wide"
PHRASES = (GOOD / "bot.yaml").read_text()

WORDS = {
    "es": {
        "yes": ("sí", "claro"),
        "no": ("no",),
        "help": ("ayuda",),
        "menu": ("menú",),
        "back": ("atrás",),
        "language": ("idioma",),
        "person": ("persona",),
        "stop": ("parar",),
        "skip": ("saltar",),
    },
    "ar": {
        "yes": ("نعم", "أيوه"),
        "no": ("لا",),
        "help": ("مساعدة",),
        "menu": ("القائمة",),
        "back": ("رجوع",),
        "language": ("اللغة",),
        "person": ("شخص",),
        "stop": ("توقف",),
        "skip": ("تخطي",),
    },
}


def good() -> dict[str, str]:
    """A small helpline: one of every kind of step, in several files."""
    return {path.name: path.read_text() for path in sorted(GOOD.glob("*.yaml"))}


def wide() -> dict[str, str]:
    """The same with every kind of question, and with phrasings."""
    own = {path.name: path.read_text() for path in sorted(WIDE.glob("*.yaml"))}
    return {**{name: text for name, text in good().items() if name not in ("who.yaml", "more.yaml")}, **own}


def files(*flows: str) -> dict[str, str]:
    """These flows and the phrases as files, each called by the name of its flow."""
    return {"bot.yaml": PHRASES, **{f"{flow.split()[1]}.yaml": flow for flow in flows}}


def lexicon(library: Library, locale: str = "en") -> Lexicon:
    """The English labels, the words of the language, and what CLDR has."""
    english = {word: tuple(source.paragraphs[0].split(", ")) for word, source in library.word_sources.items()}
    labels = {text: " ".join(source.paragraphs) for text, source in library.sources.items()}
    return Lexicon(labels, WORDS.get(locale, english), TABLES[locale])


def compiled(contents: Mapping[str, str]) -> tuple[Library, Compiled]:
    library = load(contents)
    return library, compile_flows(library, tuple(LANGUAGES))


def engine(contents: Mapping[str, str]) -> Engine:
    library, machine = compiled(contents)
    lexicons = {locale: lexicon(library, locale) for locale in LANGUAGES}
    return Engine(machine, lexicons, LANGUAGES, finder(library, lexicons))


class Talk:
    """A conversation with one engine. The session goes through its stored form between any two steps."""

    def __init__(self, engine: Engine, session: Session | None = None) -> None:
        self.engine = engine
        self.session = session
        self.written = 0

    def start(self, text: str = "", locale: str | None = "en") -> list[Effect]:
        return self.step(Started(text, locale))

    def say(self, *texts: str) -> list[Effect]:
        """Write these, one after the other; what the last one brought."""
        effects: list[Effect] = []
        for text in texts:
            self.written += 1
            effects = self.step(Replied(text, f"${self.written}"))
        return effects

    def send(self, file: Attachment) -> list[Effect]:
        """Send a file."""
        self.written += 1
        return self.step(Sent(file, f"${self.written}"))

    def edit(self, ref: str | None, text: str) -> list[Effect]:
        """Put this in the place of an earlier message."""
        return self.step(Edited(text, ref or "$unknown"))

    def ref(self, state: str) -> str | None:
        """The message that gave the answer to this question."""
        assert self.session is not None
        return next(passed.ref for passed in self.session.path if passed.state == state)

    def step(self, event: Event) -> list[Effect]:
        """All effects but the timer's."""
        return [effect for effect in self.all(event) if not isinstance(effect, SetTimer | CancelTimer)]

    def all(self, event: Event) -> tuple[Effect, ...]:
        step = self.engine.step(self.session, event)
        self.session = None if step.session is None else from_json(to_json(step.session))
        assert self.session == step.session
        return step.effects

    @property
    def state(self) -> str | None:
        return self.session.state if self.session else None

    @property
    def path(self) -> list[str]:
        """The answers on the path, as `state=outcome`."""
        return [f"{passed.state}={passed.answer.outcome}" for passed in self.session.path] if self.session else []

    @property
    def kept(self) -> set[str]:
        return {f"{passed.state}={passed.answer.outcome}" for passed in self.session.kept} if self.session else set()
