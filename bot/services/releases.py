"""The releases of the flows: every conversation goes on with the one it began with, or moves between two of its steps.

A release is compiled once and kept while it is used. Whoever is moved is moved with their next message: it is read as
an answer to the question that they saw, by the flows that asked it; what is asked next comes from the release they are
moved to. So nobody is written to out of the blue, and nothing that they wrote is taken for something else or lost.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

from bot.domain import CaseNumber, Release, TextId
from bot.errors import VestibuleError
from bot.faq.finding import Understanding
from bot.flow.engine import Engine, Step
from bot.flow.events import Ask, AskLanguage, CancelTimer, Effect, Event, OpenCase, SetTimer, ShowAnswers, TimedOut
from bot.flow.loader import load
from bot.flow.machine import Compiled
from bot.flow.model import ENTRY_FLOW, FlowError, Library
from bot.flow.moving import Fate, Ground
from bot.flow.renames import Chain, Renames
from bot.flow.session import Session
from bot.flow.sorts import Entry
from bot.ports import Texts, Tx
from bot.services.render import Renderer

FLOWS, CATALOGS = "flows/", "locales/"  # what the names of a release's files begin with
MOST_KEPT = 8  # releases beside the latest that are held in memory; one more is compiled again when it is needed

_STAFF = "staff."  # what staff read is of today, whatever release a case was made in
_ASKED = (Ask, AskLanguage, ShowAnswers, SetTimer, CancelTimer)  # what goes with the question that is asked

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Content:
    """What one release says, compiled; `understanding` is what its engine asks about questions."""

    library: Library
    compiled: Compiled
    engine: Engine
    texts: Texts
    understanding: Understanding | None = None


class Edition:
    """One release at work: its engine, its texts, its place among the others."""

    def __init__(
        self, number: int, content: Content, texts: Texts, languages: Mapping[str, str], of_staff: str | None
    ) -> None:
        self.number = number
        self.content = content
        self.engine = content.engine
        self.render = Renderer(texts, languages, of_staff, content.library.flows[ENTRY_FLOW].summary)

    @cached_property
    def compares(self) -> Mapping[str, str]:
        """As what the answers to some steps (flow and step) are compared with those of other cases."""
        return {state.id: state.compare for state in self.content.compiled.states.values() if state.compare}

    @cached_property
    def ground(self) -> Ground:
        """For moving sessions: made only where one is moved."""
        return Ground(self.content.compiled)


@dataclass(frozen=True, slots=True)
class Stepped:
    """One engine step, whatever releases it took. `said` has the effects with what renders them, in order."""

    session: Session | None
    effects: tuple[Effect, ...]
    said: tuple[tuple[Renderer, tuple[Effect, ...]], ...]
    release: int

    def words(self, locale: str | None, case: CaseNumber | None, fingerprint: str | None) -> str:
        """All that the step says, as one text."""
        parts = [render.effects(effects, locale, case, fingerprint) for render, effects in self.said]
        return "\n\n".join(part for part in parts if part)


class Releases:
    """Every release that is used, compiled. Belongs to the store's thread: it is asked inside transactions.

    `make` compiles what was published under a number. It raises VestibuleError for what this program cannot use.
    `of_staff`: the language of the specialists' rooms.
    """

    def __init__(
        self,
        latest: tuple[int, Content],
        known: Sequence[Release],
        make: Callable[[int, Mapping[str, bytes]], Content],
        languages: Mapping[str, str],
        of_staff: str | None = None,
    ) -> None:
        self._make = make
        self._languages = languages
        self._of_staff = of_staff
        self._editions: OrderedDict[int, Edition] = OrderedDict()
        self._unusable: set[int] = set()
        self._chains: dict[tuple[int, int], Chain] = {}
        self._texts = latest[1].texts
        self.latest = Edition(latest[0], latest[1], self._texts, languages, of_staff)
        self._moving = max((release.number for release in known if release.moves), default=0)

    def switch(self, release: Release, content: Content) -> None:
        """A release has gone live: whoever begins from now on begins on it."""
        self.hold(self.latest.number, self.latest.content)
        self._texts = content.texts
        self.latest = Edition(release.number, content, content.texts, self._languages, self._of_staff)
        if release.moves:
            self._moving = release.number
        _log.info("release %d is live", release.number)

    def hold(self, number: int, content: Content) -> None:
        """Keep an older release ready."""
        self._put(self._edition(number, content))

    def of(self, number: int, tx: Tx) -> Edition:
        """The release of this number; the latest where that cannot be used any more, as by a newer program."""
        if number == self.latest.number:
            return self.latest
        edition = self._editions.get(number)
        if edition is not None:
            self._editions.move_to_end(number)
            return edition
        edition = None if number in self._unusable else self._load(number, tx)
        if edition is None:
            return self.latest
        self._put(edition)
        return edition

    def step(self, tx: Tx, before: Session | None, event: Event) -> Stepped:
        """One engine step on the session's own release; a new session begins on the latest."""
        edition = self.latest if before is None else self.of(before.release, tx)
        stepped = edition.engine.step(before, event)
        # what staff ask is asked to its end: nobody is led out of it, or asked anything else where people are
        if before is not None and before.entry is not Entry.ASKED and edition.number < self._moving:
            target = self.of(self._moving, tx)
            # a timer moves nobody, but neither may it hand over under a consent that is not asked for any more
            if target.number > edition.number and (_opened(stepped) or not isinstance(event, TimedOut)):
                return self._across(tx, edition, target, before, stepped)
        return _on(edition, stepped.session, stepped.effects)

    def chain(self, tx: Tx, older: int, newer: int) -> Chain:
        """What was renamed between two releases."""
        known = self._chains.get((older, newer))
        if known is None:
            known = tuple(chain_of(tx, range(older + 1, newer + 1)))
            self._chains[older, newer] = known
        return known

    def _across(self, tx: Tx, old: Edition, new: Edition, before: Session, step: Step) -> Stepped:
        """A step of the old release, and from there on into the new one."""
        chain = self.chain(tx, old.number, new.number)
        if step.session is None:
            opened = _opened(step)
            if not opened:
                return _on(old, None, step.effects)
            moved = new.ground.move(old.ground, before, chain)
            agreed = all(new.ground.has_consents_of(effect.answers, chain) for effect in opened)
            if agreed and moved.fate is Fate.STAYS:
                return _on(old, None, step.effects)
            return _on(new, moved.step.session, moved.step.effects)  # law 3, law 12: not before what is asked now
        if step.session.aside is not None:
            return _on(old, step.session, step.effects)
        moved = new.ground.move(old.ground, step.session, chain)
        answered = tuple(effect for effect in step.effects if not isinstance(effect, _ASKED))
        return Stepped(
            _stamped(moved.step.session, new.number),
            (*answered, *moved.step.effects),
            ((old.render, answered), (new.render, moved.step.effects)),
            new.number,
        )

    def _load(self, number: int, tx: Tx) -> Edition | None:
        try:
            content = self._make(number, tx.releases.files(number))
        except (VestibuleError, LookupError):
            _log.error("release %d cannot be used any more: what began with it goes on with the latest", number)
            self._unusable.add(number)
            return None
        return self._edition(number, content)

    def _put(self, edition: Edition) -> None:
        self._editions[edition.number] = edition
        while len(self._editions) > MOST_KEPT:
            self._editions.popitem(last=False)

    def _edition(self, number: int, content: Content) -> Edition:
        texts = _Layered(content.texts, lambda: self._texts)
        return Edition(number, content, texts, self._languages, self._of_staff)


def flow_files(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """Those of a release that are flow files."""
    return {name: content for name, content in files.items() if name.startswith(FLOWS)}


def chain_of(tx: Tx, numbers: Iterable[int]) -> Iterator[Renames]:
    """What was renamed in each of these releases."""
    for number in numbers:
        with suppress(FlowError, LookupError):  # one that a newer program cannot read renamed nothing
            yield Renames.of(load(flow_files(tx.releases.files(number))))


class _Layered:
    """The texts of an older release; what it has no words for is said in those of the latest."""

    def __init__(self, own: Texts, latest: Callable[[], Texts]) -> None:
        self._own = own
        self._latest = latest

    @property
    def locales(self) -> Sequence[str]:
        return self._own.locales  # numbered as its engine numbers them

    def say(self, text: TextId, locale: str, params: Mapping[str, str] | None = None) -> str:
        if not text.startswith(_STAFF):
            try:
                return self._own.say(text, locale, params)
            except LookupError:  # a phrase that a newer program says, or fills in otherwise
                pass
        return self._latest().say(text, locale, params)


def _opened(step: Step) -> list[OpenCase]:
    return [effect for effect in step.effects if isinstance(effect, OpenCase)]


def _on(edition: Edition, session: Session | None, effects: tuple[Effect, ...]) -> Stepped:
    return Stepped(_stamped(session, edition.number), effects, ((edition.render, effects),), edition.number)


def _stamped(session: Session | None, release: int) -> Session | None:
    return session if session is None or session.release == release else replace(session, release=release)
