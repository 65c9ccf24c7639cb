"""`vestibule flows diff`: what publishing would change, and for how many of those who are inside. Counts, never who."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.catalogs import SOURCE_LOCALE
from bot.config import Config
from bot.domain import Release, TextId
from bot.flow.compare import compare, quoted
from bot.flow.model import Library
from bot.flow.moving import Fate, Ground, Moved
from bot.flow.renames import Chain, Renames
from bot.flow.session import Session
from bot.flow.sorts import Entry
from bot.i18n import Catalogs, language_name
from bot.ports import Store, Tx
from bot.publishing.publisher import catalogs_of, digest, read_checked
from bot.services.releases import Content, Edition, Releases

_FATES = {
    Fate.STAYS: ("stays at the question where they are", "stay at the question where they are"),
    Fate.CONSENT: (
        "is asked for consent again before anything else, since its text has another version, and then goes on",
        "are asked for consent again before anything else, since its text has another version, and then go on",
    ),
    Fate.ELSEWHERE: (
        "is asked another question first (theirs is gone, or the way to it leads through a new one), and then goes on",
        "are asked another question first (theirs is gone, or the way to it leads through a new one), and then go on",
    ),
    Fate.MENU: ("goes back to the menu, and keeps their answers", "go back to the menu, and keep their answers"),
}


@dataclass(frozen=True, slots=True)
class Survey:
    """Who is inside: their sessions, and the releases that these are in with what was renamed since."""

    sessions: Sequence[Session]
    editions: Mapping[int, tuple[Edition, Chain]]


async def forecast(config: Config, kept: Store, live: Releases) -> list[str]:
    """What the folders would change, as sentences. Raises FlowError for what could not go live, PublishError."""
    files, content = await asyncio.to_thread(read_checked, config)
    known = await kept.transact(lambda tx: tx.releases.log())
    latest = known[-1]
    survey = await kept.transact(lambda tx: _survey(tx, live))
    old = live.latest.content.library
    same = digest(files) == latest.digest
    lines = [f"Release {latest.number} is live, published {when(latest)} by {latest.by}."]
    if same:
        lines.append("The flow files and the catalogs are the same.")
    else:
        lines += await asyncio.to_thread(_changes, old, content.library, catalogs_of(files), config.helpline.locales)
    return [*lines, "", *await asyncio.to_thread(_inside, survey, known, content)]


def when(release: Release) -> str:
    """The moment of publishing, to the minute."""
    return f"{release.at:%Y-%m-%d %H:%M} UTC"


def _changes(old: Library, new: Library, catalogs: Catalogs, locales: Sequence[str]) -> Iterator[str]:
    differences = compare(old, new)
    yield "The files say otherwise:"
    yield from (f"  {line}" for line in differences.lines)
    if not differences.lines:
        yield "  nothing in the flows; only notes, comments or translations"
    for locale in locales:
        missing = sum(_untranslated(new, catalogs, locale, text) for text in differences.texts)
        if locale != SOURCE_LOCALE and missing:
            named = language_name(locale, SOURCE_LOCALE)
            lacks = f"{_count(missing, 'text')} of these {'is' if missing == 1 else 'are'} not translated"
            yield f"  ! {named}: {lacks}; nobody new is offered it until then"


def _untranslated(library: Library, catalogs: Catalogs, locale: str, text: TextId) -> bool:
    source = library.sources.get(text) or library.word_sources.get(text.partition(".")[2])
    return source is not None and not all(catalogs.has(locale, text, said) for said in source.paragraphs)


def _survey(tx: Tx, live: Releases) -> Survey:
    sessions = tx.sessions.inside()
    numbers = {session.release for session in sessions}
    editions = {number: (live.of(number, tx), live.chain(tx, number, live.latest.number)) for number in numbers}
    return Survey(sessions, editions)


def _inside(survey: Survey, known: Sequence[Release], content: Content) -> Iterator[str]:
    number = len(survey.sessions)
    if not number:
        yield "Nobody is inside."
        return
    yield f"{_people(number)} inside:"
    yield from (f"  {count} at {place}" for place, count in _places(survey))
    yield ""
    yield "`vestibule flows publish`: whoever begins from then on begins with the new release."
    yield from _without_moving(survey, known)
    yield ""
    yield "`vestibule flows publish --move`: nobody is written to; with the next message that they write,"
    yield from _with_moving(survey, content)


def _places(survey: Survey) -> list[tuple[str, int]]:
    places: Counter[str] = Counter()
    for session in survey.sessions:
        library, states = _of(survey, session).library, _of(survey, session).compiled.states
        state = states.get(session.state)
        said = quoted(library, TextId(state.id)) if state else ""
        places[f"{state.id}{f': {said}' if said else ''}" if state else "a question that is gone"] += 1
    return places.most_common()


def _of(survey: Survey, session: Session) -> Content:
    return survey.editions[session.release][0].content


def _without_moving(survey: Survey, known: Sequence[Release]) -> Iterator[str]:
    moving = max((release.number for release in known if release.moves), default=0)
    late = sum(session.release < moving and session.entry is not Entry.ASKED for session in survey.sessions)
    stay = len(survey.sessions) - late
    if stay:
        yield f"  {stay} {'finishes' if stay == 1 else 'finish'} with what they began with"
    if late:
        yield f"  {late} {'goes' if late == 1 else 'go'} over to release {moving}, which was published with --move"


def _with_moving(survey: Survey, content: Content) -> Iterator[str]:
    target = Ground(content.compiled)
    renames = Renames.of(content.library)
    fates: Counter[Fate] = Counter()
    erased = 0
    asked = 0
    for session in survey.sessions:
        if session.entry is Entry.ASKED:
            asked += 1
            continue
        moved = _moved(survey, session, target, renames)
        fates[moved.fate if moved else Fate.MENU] += 1
        erased += moved.erased if moved else 0
    for fate, (one, many) in _FATES.items():
        if fates[fate]:
            yield f"  {fates[fate]} {one if fates[fate] == 1 else many}"
    if asked:
        yield f"  {asked} {'answers' if asked == 1 else 'answer'} what staff have asked, to its end as it began"
    if erased:
        yield (
            f"  {erased} of them {'loses' if erased == 1 else 'lose'} what they wrote: its question, or the consent "
            "to it, is gone. If it is only called otherwise now, say so with `was:`"
        )


def _moved(survey: Survey, session: Session, target: Ground, renames: Renames) -> Moved | None:
    """None where the session's own release cannot be used any more."""
    edition, chain = survey.editions[session.release]
    if edition.number != session.release:
        return None
    return target.move(edition.ground, session, (*chain, renames))


def _people(number: int) -> str:
    return "1 person is" if number == 1 else f"{number} people are"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
