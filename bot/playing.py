"""`vestibule play`: a flow in the terminal, with the engine and the texts of the real thing and nothing else.

Nothing is stored and no timer runs. Every address stands as the name of its setting, so that no paragraph is left out.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

from bot import catalogs, library
from bot.checking import CATALOGS, STAND_INS, found_locales
from bot.config import ConfigError, texts_params
from bot.domain import Answer, Case, CaseNumber, CaseStatus, ConversationId
from bot.flow.checks import check
from bot.flow.engine import Engine
from bot.flow.events import Effect, OpenCase, Replied, Started
from bot.flow.machine import Compiled, compile_flows
from bot.flow.model import ENTRY_FLOW, YES, CallStep, ConsentStep, FlowError, Library, Severity
from bot.flow.moves import Moves
from bot.flow.questions import finder
from bot.flow.session import Passed, Session
from bot.flow.walk import Step, Walk
from bot.i18n import Catalogs, Texts
from bot.services.render import Renderer

FINGERPRINT = "<fingerprint>"
CASE = CaseNumber("7F3K")  # the number of every case that is only played


@dataclass(frozen=True, slots=True)
class Turn:
    """What one answer led to. `state` is None once the conversation is over; `summary`: what specialists would read."""

    said: str
    state: str | None
    locale: str | None
    effects: tuple[Effect, ...]
    summary: str = ""


class Game:
    """One conversation. `turn` is the last thing that happened in it."""

    def __init__(self, engine: Engine, renderer: Renderer, begun: Step, locale: str | None) -> None:
        self._engine = engine
        self._renderer = renderer
        self._session = begun.session
        self.turn = self._turn(begun, locale)

    def answer(self, words: str) -> Turn:
        """The person writes."""
        step = self._engine.step(self._session, Replied(words))
        self._session = step.session
        self.turn = self._turn(step, self.turn.locale)
        return self.turn

    def _turn(self, step: Step, locale: str | None) -> Turn:
        if step.session is not None:
            locale = step.session.locale
        return Turn(
            said=self._renderer.effects(step.effects, locale, CASE, FINGERPRINT),
            state=step.session.state if step.session else None,
            locale=locale,
            effects=step.effects,
            summary="\n\n".join(
                self._summary(effect, locale) for effect in step.effects if isinstance(effect, OpenCase)
            ),
        )

    def _summary(self, opened: OpenCase, locale: str | None) -> str:
        case = Case(
            number=CASE,
            status=CaseStatus.ARRIVED,
            requester=ConversationId("played"),
            opened_at=datetime.now(UTC),
            locale=locale or self._renderer.first_locale,
            answers=opened.answers,
            topic=opened.topic,
            urgency=opened.urgency,
        )
        return self._renderer.summary(case, before_claim=True)


def begin(folder: Path, flow: str, locale: str | None) -> Game:
    """Begin at a flow. Raises FlowError for flows that could not go live, ConfigError for what there is not.

    A flow other than the entry begins where the entry flow calls it, and goes on from there; if it needs consent and
    does not ask for it, as if it had been given.
    """
    flows = library.read(folder)
    locales = found_locales(folder.parent / CATALOGS)
    if flow not in flows.flows:
        raise ConfigError(f"there is no flow '{flow}' in {folder}; there are {', '.join(flows.flows)}")
    if locale is not None and locale not in locales:
        raise ConfigError(f"there is no language '{locale}'; there are {', '.join(locales)}")
    compiled = compile_flows(flows, locales)
    errors = [problem for problem in check(flows, compiled) if problem.severity is Severity.ERROR]
    if errors:
        raise FlowError(errors)
    if flow != ENTRY_FLOW and _first_state(compiled, flow) is None:
        compiled = compile_flows(_calling(flows, flow), locales)
    texts = Texts(flows, Catalogs.read(folder.parent / CATALOGS), lambda code: texts_params(STAND_INS, code), locales)
    lexicons = texts.lexicons()
    engine = Engine(compiled, lexicons, texts.languages(), finder(flows, lexicons))
    if flow == ENTRY_FLOW:
        begun = engine.step(None, Started(locale=locale))
    else:
        locale = locale or catalogs.SOURCE_LOCALE
        begun = _inside(compiled, flow, locale)
    return Game(engine, Renderer(texts, texts.languages()), begun, locale)


def in_terminal(game: Game, source: TextIO, out: TextIO) -> None:
    """Say and listen, until the conversation is over or nobody answers."""
    out.write(f"{game.turn.said}\n")
    while game.turn.state is not None:
        out.write("\n> ")
        out.flush()
        line = source.readline()
        if not line:
            out.write("\n")
            return
        out.write(f"\n{game.answer(line.strip()).said}\n")
    if game.turn.summary:
        out.write(f"\n--- what the specialists read ---\n\n{game.turn.summary}\n")
    out.write("\n--- the conversation is over ---\n")


def in_lines(game: Game, source: TextIO, out: TextIO) -> None:
    """Read one answer a line and write one step a line, as JSON."""
    out.write(_line(game.turn))
    out.flush()
    while game.turn.state is not None and (line := source.readline()):
        out.write(_line(game.answer(line.strip())))
        out.flush()


def _line(turn: Turn) -> str:
    step: dict[str, Any] = {
        "said": turn.said,
        "state": turn.state,
        "locale": turn.locale,
        "over": turn.state is None,
        "effects": [{"effect": type(effect).__name__, **asdict(effect)} for effect in turn.effects],
    }
    return json.dumps(step, ensure_ascii=False, default=timedelta.total_seconds) + "\n"


def _calling(flows: Library, flow: str) -> Library:
    """The library with a call of a flow that nothing calls yet, at the end of the entry flow."""
    entry = flows.flows[ENTRY_FLOW]
    called = replace(entry, steps=(*entry.steps, CallStep(flow, flows.flows[flow].mark)))
    return replace(flows, flows={**flows.flows, ENTRY_FLOW: called})


def _first_state(compiled: Compiled, flow: str) -> str | None:
    return next((name for name in compiled.states if f"/{flow}/" in f"/{name}"), None)


def _inside(compiled: Compiled, flow: str, locale: str) -> Step:
    """Stand at the first step of a flow, beside the consents that it needs and does not ask for itself."""
    first = _first_state(compiled, flow) or compiled.initial
    prefix = f"{f'/{first}'.partition(f'/{flow}/')[0]}/{flow}/".removeprefix("/")
    given: list[Passed] = []
    for state in compiled.states.values():
        if isinstance(state.step, ConsentStep):
            label, version = state.options[YES], state.step.version
            given.append(Passed(state.name, Answer(state.id, state.question, YES, label, version=version)))
    if any(passed.state.startswith(prefix) for passed in given):
        given = []
    walk = Walk(Session(first, locale, tuple(given)))
    Moves(compiled).arrive(walk)
    return walk.finish()
