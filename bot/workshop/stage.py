"""Where flows are tried before they go live: the engine and the texts of the real thing, and nothing else.

Nothing is stored, and time passes only when it is told to. Every address stands as the name of its setting, so that no
paragraph is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot import catalogs, library
from bot.checking import CATALOGS, STAND_INS, found_locales
from bot.config import ConfigError, texts_params
from bot.domain import Attachment, Case, CaseNumber, CaseStatus, ConversationId, Kind
from bot.faq.finding import Understanding
from bot.flow.checks import check
from bot.flow.engine import Engine
from bot.flow.events import (
    Answered,
    BeginAnew,
    Begun,
    CancelTimer,
    Effect,
    Event,
    OpenCase,
    Reopen,
    Replied,
    Sent,
    SetTimer,
    ShowAnswers,
    Started,
    TimedOut,
)
from bot.flow.machine import Compiled, compile_flows
from bot.flow.model import ENTRY_FLOW, CallStep, FlowError, Library, Severity
from bot.flow.session import CONSENTED, Session
from bot.flow.walk import Step
from bot.i18n import Catalogs, Texts
from bot.services.render import Renderer
from bot.workshop.seeding import first_state, seeded
from bot.workshop.transcripts import Opening

FINGERPRINT = "<fingerprint>"
CASE = CaseNumber("7F3K")  # the number of every case that is only played
CHANNEL = "console"  # where it is played
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # of the time that passes in a game


@dataclass(frozen=True, slots=True)
class Turn:
    """What one event led to. `state` is None once the conversation is over.

    Where it was handed over, `handed` is the card's first line with the answers below it, and `summary` all that
    specialists would read; of what they had asked, and of a case that is open again, it is the answers alone.
    """

    said: str
    state: str | None
    locale: str | None
    effects: tuple[Effect, ...]
    handed: str = ""
    summary: str = ""


class Game:
    """One conversation. `turn` is what happened last, `before` the answers that it began beside: step and outcome."""

    def __init__(self, engine: Engine, renderer: Renderer, begun: Step, locale: str | None) -> None:
        self._engine = engine
        self._renderer = renderer
        self._now = BEGINNING
        self._timers: dict[str, datetime] = {}
        self._session: Session | None = None
        path = begun.session.path if begun.session else ()
        self.before = tuple((each.answer.step, each.answer.outcome) for each in path if each != CONSENTED)
        self.turn = self._take(begun, locale)

    def answer(self, words: str) -> Turn:
        """The person writes."""
        return self.happen(Replied(words))

    def send(self, name: str) -> Turn:
        """The person sends a file of this name."""
        return self.happen(
            Sent(Attachment(Kind.FILE, name, "application/octet-stream", 1, "played", "played", channel="played"))
        )

    def happen(self, event: Event) -> Turn:
        """Anything else that can happen."""
        self.turn = self._take(self._engine.step(self._session, event), self.turn.locale)
        return self.turn

    def wait(self, length: timedelta) -> Turn:
        """Nobody writes for so long: what is due in the meantime happens."""
        until = self._now + length
        locale, effects = self.turn.locale, list[Effect]()
        while self._timers and (due := min((due, kind) for kind, due in self._timers.items()))[0] <= until:
            self._now, kind = due
            del self._timers[kind]
            turn = self.happen(TimedOut(kind))
            effects += turn.effects
        self._now = until
        self.turn = self._shown(Step(self._session, tuple(effects)), locale)
        return self.turn

    def _take(self, step: Step, locale: str | None) -> Turn:
        if any(isinstance(effect, BeginAnew) for effect in step.effects):
            anew = self._engine.step(None, Started("", locale))
            step = Step(anew.session, (*step.effects, *anew.effects))
        self._session = step.session
        for effect in step.effects:
            if isinstance(effect, SetTimer):
                self._timers[effect.kind] = self._now + effect.after
            elif isinstance(effect, CancelTimer):
                self._timers.pop(effect.kind, None)
        if step.session is None:
            self._timers.clear()
        return self._shown(step, locale)

    def _shown(self, step: Step, locale: str | None) -> Turn:
        if step.session is not None:
            locale = step.session.locale
        opened = next((effect for effect in step.effects if isinstance(effect, OpenCase)), None)
        later = next((effect for effect in step.effects if isinstance(effect, Answered | Reopen)), None)
        return Turn(
            said=self._renderer.effects(step.effects, locale, CASE, FINGERPRINT),
            state=step.session.state if step.session else None,
            locale=locale,
            effects=step.effects,
            handed=self._handed(opened, locale) if opened else self._later(later, locale) if later else "",
            summary=self._summary(opened, locale) if opened else self._later(later, locale) if later else "",
        )

    def _later(self, later: Answered | Reopen, locale: str | None) -> str:
        case = self._case(OpenCase(later.answers, None, None), locale)
        return "\n\n".join(part.text for part in self._renderer.later(case, later.answers))

    def _summary(self, opened: OpenCase, locale: str | None) -> str:
        parts = self._renderer.summary(self._case(opened, locale), CHANNEL, before_claim=True)
        return "\n\n".join(part.text for part in parts)

    def _handed(self, opened: OpenCase, locale: str | None) -> str:
        card = self._renderer.card(self._case(opened, locale), before_claim=True).split("\n", 1)[0]
        shown = (
            self._renderer.effects((ShowAnswers((answer,)),), self._renderer.first_locale, CASE).removeprefix("1. ")
            for answer in opened.answers
        )
        return "\n".join([card, *shown])

    def _case(self, opened: OpenCase, locale: str | None) -> Case:
        return Case(
            number=CASE,
            status=CaseStatus.ARRIVED,
            requester=ConversationId("played"),
            opened_at=datetime.now(UTC),
            locale=locale or self._renderer.first_locale,
            answers=opened.answers,
            topic=opened.topic,
            urgency=opened.urgency,
        )


class Stage:
    """A folder of flows, made ready once for any number of conversations.

    `observed` may put something in the place of the machine, to see what becomes of it.
    """

    def __init__(self, folder: Path, observed: Callable[[Compiled], Compiled] = lambda compiled: compiled) -> None:
        """Raises FlowError for flows that could not go live."""
        self.library = library.read(folder)
        self.locales = found_locales(folder.parent / CATALOGS)
        self.compiled = compile_flows(self.library, self.locales)
        errors = [problem for problem in check(self.library, self.compiled) if problem.severity is Severity.ERROR]
        if errors:
            raise FlowError(errors)
        self._folder = folder
        self._observed = observed
        translations = Catalogs.read(folder.parent / CATALOGS)
        self.texts = Texts(self.library, translations, lambda code: texts_params(STAND_INS, code), self.locales)
        self._lexicons = self.texts.lexicons()
        self.understanding = Understanding(self.library, self._lexicons)
        self._renderer = Renderer(self.texts, self.texts.languages())
        self._engines: dict[str, tuple[Compiled, Engine]] = {}

    def begin(self, opening: Opening) -> Game:
        """Begin a conversation. Raises ConfigError for what there is not.

        A flow other than the entry begins where the entry flow calls it, and goes on from there; one that is entered
        otherwise begins by itself. Where nobody can stand without having agreed, it is as if they had.
        """
        flow, locale = opening.flow, opening.locale
        self.need(flow, locale)
        compiled, engine = self._engine(flow)
        if flow == ENTRY_FLOW and opening.at is None and not opening.answers:
            begun = engine.step(None, Started(opening.text, locale))
            return Game(engine, self._renderer, begun, locale)
        locale = locale or catalogs.SOURCE_LOCALE
        if flow in compiled.entrances and opening.at is None and not opening.answers:
            return Game(engine, self._renderer, engine.step(None, Begun(flow, locale)), locale)
        return Game(engine, self._renderer, seeded(compiled, flow, locale, opening.at, opening.answers), locale)

    def need(self, flow: str, locale: str | None) -> None:
        """Raises ConfigError where there is no such flow, or no such language."""
        if flow not in self.library.flows:
            raise ConfigError(f"there is no flow '{flow}' in {self._folder}; there are {', '.join(self.library.flows)}")
        if locale is not None and locale not in self.locales:
            raise ConfigError(f"there is no language '{locale}'; there are {', '.join(self.locales)}")

    def running(self, flow: str) -> Compiled:
        """The machine in which this flow runs; one that nothing calls yet is called at the end of the entry flow."""
        if flow == ENTRY_FLOW or first_state(self.compiled, flow) is not None:
            return self.compiled
        return compile_flows(_calling(self.library, flow), self.locales)

    def _engine(self, flow: str) -> tuple[Compiled, Engine]:
        compiled = self.running(flow)
        called = ENTRY_FLOW if compiled is self.compiled else flow
        if called not in self._engines:
            observed, found = self._observed(compiled), self.understanding
            engine = Engine(observed, self._lexicons, self.texts.languages(), found, found.guess)
            self._engines[called] = (observed, engine)
        return self._engines[called]


def _calling(flows: Library, flow: str) -> Library:
    """The library with a call of a flow that nothing calls yet, at the end of the entry flow."""
    entry = flows.flows[ENTRY_FLOW]
    called = replace(entry, steps=(*entry.steps, CallStep(flow, flows.flows[flow].mark)))
    return replace(flows, flows={**flows.flows, ENTRY_FLOW: called})
