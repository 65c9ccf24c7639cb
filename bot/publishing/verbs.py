"""What can be asked about the flows that are live, of a bot that runs or of the store of one that does not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from bot import store
from bot.admin import control
from bot.admin.lock import InUse, only_one
from bot.config import Config
from bot.domain import FIRST_RELEASE, Release
from bot.flow.model import FlowError
from bot.ports import Clock, Store
from bot.publishing.forecast import forecast, when
from bot.publishing.publisher import Published, Publisher, digest, open_releases, read_files
from bot.services.releases import Releases
from bot.store.engine import database_file

PUBLISH, DIFF, LOG = "flows.publish", "flows.diff", "flows.log"

NEVER = "Nothing is published yet: the first `vestibule run` publishes what lies in the flows folder."


@dataclass(frozen=True, slots=True)
class Told:
    """What was found, line by line; `wrong`: the files may not go live."""

    lines: Sequence[str]
    wrong: bool = False


def of_flows(config: Config, kept: Store, clock: Clock, live: Releases | None) -> Mapping[str, control.Handler]:
    """Publish, and say what that would do and what was published. `live` is what runs."""
    publisher = Publisher(config, kept, clock, live)

    async def publish(params: control.Params) -> object:
        by, move, seen = control.text(params, "by"), control.flag(params, "move"), control.text(params, "digest")
        return await _told(lambda: _publish(publisher, by, seen, move=move))

    async def diff(_params: control.Params) -> object:
        return await _told(lambda: _diff(config, kept, live))

    async def log(_params: control.Params) -> object:
        return await _told(lambda: _log(publisher))

    return {PUBLISH: publish, DIFF: diff, LOG: log}


def ask(config: Config, verb: str, clock: Clock, params: control.Params | None = None) -> Told:
    """What the running bot answers; without one, what its store says. Raises as `control.ask`, and InUse."""
    try:
        answer = control.ask(config.store.data_dir, verb, params)
    except control.NoBotRuns:
        if verb != PUBLISH and not database_file(config.store.data_dir, config.store.url).exists():
            return Told([NEVER])
        try:
            with only_one(config.store.data_dir):
                answer = asyncio.run(_at_rest(config, verb, clock, params or {}))
        except InUse:
            raise InUse(
                f"{config.store.data_dir}: a bot starts or stops, or is set up; try again in a moment"
            ) from None
    return Told(answer["lines"], wrong=answer["wrong"])


def publishing(config: Config, by: str, *, move: bool) -> control.Params:
    """The parameters of `flows.publish`, with the digest of the files as they are seen from here. Raises FlowError."""
    return {"by": by, "move": move, "digest": digest(read_files(config))}


async def _at_rest(config: Config, verb: str, clock: Clock, params: control.Params) -> dict[str, object]:
    master = store.MasterKey.read(config.store.key_file)
    kept = store.open(config.store.data_dir, config.store.url, master)
    try:
        found: object = await of_flows(config, kept, clock, None)[verb](params)
    finally:
        await kept.close()
    return found if isinstance(found, dict) else {}


async def _told(asked: Callable[[], Awaitable[Told]]) -> dict[str, object]:
    try:
        return asdict(await asked())
    except FlowError as error:
        return asdict(Told([str(problem) for problem in error.problems], wrong=True))


async def _publish(publisher: Publisher, by: str, seen: str, *, move: bool) -> Told:
    try:
        published = await publisher.publish(by, move=move, seen=seen)
    except FlowError as error:
        known = await publisher.log()
        stays = f"release {known[-1].number} stays live" if known else "nothing is live yet"
        problems = [str(problem) for problem in error.problems]
        return Told([*problems, f"Not published; {stays}."], wrong=True)
    unready = f"Not offered: {', '.join(published.unready)}. `vestibule check` says what is missing there."
    return Told([_outcome(published), *([unready] if published.unready else [])])


def _outcome(published: Published) -> str:
    release = published.release
    if published.again:
        return f"Release {release.number} says the same already; nothing was published."
    if release.number == FIRST_RELEASE:
        return f"Release {release.number} is live, published by {release.by}."
    inside = "go over to it with their next message" if release.moves else "finish with what they began with"
    return f"Release {release.number} is live, published by {release.by}. Those who were inside {inside}."


async def _diff(config: Config, kept: Store, live: Releases | None) -> Told:
    releases = live or await open_releases(config, kept)
    return Told([NEVER] if releases is None else await forecast(config, kept, releases))


async def _log(publisher: Publisher) -> Told:
    known = await publisher.log()
    return Told([_line(release) for release in reversed(known)] or [NEVER])


def _line(release: Release) -> str:
    moved = ", those inside were moved" if release.moves else ""
    return f"release {release.number}: {when(release)}, by {release.by}, {release.digest[:12]}{moved}"
