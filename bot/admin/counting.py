"""`vestibule stats`: how much came about, by month, with nobody in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import groupby

from bot import store
from bot.admin import either, verbs
from bot.config import Config
from bot.services import stats
from bot.services.stats import Figure

CALLED = {
    stats.LANGUAGE: "cases by language",
    stats.TOPIC: "cases by topic",
    stats.OUTCOME: "how cases ended",
    stats.DECLINED: "why cases were declined",
    stats.FIRST_ANSWER: "minutes to the first answer, at most",
}
FEW = f"fewer than {stats.FEWEST}, or hidden beside such a number"


def tell_all(config: Config, tell: Callable[[str], None], *, as_json: bool) -> None:
    """Tell all that was counted, whether or not the bot runs."""

    async def at_rest() -> object:
        kept = store.open(config.store.data_dir, config.store.url, store.MasterKey.read(config.store.key_file))
        try:
            figures = await kept.transact(lambda tx: stats.figures(tx.counts.all()))
        finally:
            await kept.close()

        async def found() -> Sequence[Figure]:
            return figures

        return await verbs.of_stats(found)[verbs.STATS]({})

    found, _ = either.perform(config, verbs.STATS, {}, at_rest)
    figures = [Figure(**figure) for figure in found]
    if as_json:
        tell(json.dumps(found))
    elif not figures:
        tell("nothing was counted yet")
    else:
        _print(figures, tell)


def _print(figures: Sequence[Figure], tell: Callable[[str], None]) -> None:
    for month, of_month in groupby(figures, key=lambda figure: figure.month):
        tell(month)
        for what, values in groupby(of_month, key=lambda figure: figure.what):
            tell(f"  {CALLED.get(what, what)}")
            for figure in values:
                tell(f"    {figure.value}: {FEW if figure.number is None else figure.number}")
