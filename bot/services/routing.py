"""Which queue room a case concerns: by its language, its topic, and whether it waits for vetting. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from bot.domain import Case, Vetting

DEFAULT = ""  # the name of the room for whatever has none of its own


@dataclass(frozen=True, slots=True)
class Route:
    """A room for the cases of some languages and some topics; where none are named, for those of all."""

    room: str = field(repr=False)
    languages: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()

    def fits(self, locale: str, topic: str | None) -> bool:
        """`topic` is the routing key of the answer that gave the case its topic."""
        return (not self.languages or locale in self.languages) and (not self.topics or topic in self.topics)


@dataclass(frozen=True, slots=True)
class Rooms:
    """The queue rooms beside the default one, each by what the config calls it.

    `ids`: None for an alias that leads nowhere. `vetting`: where what waits for vetting is shown, if it has a room of
    its own.
    """

    ids: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    routes: tuple[Route, ...] = ()
    vetting: str | None = field(default=None, repr=False)


def name_of(case: Case, rooms: Rooms, shown_in: Collection[str], *, before_claim: bool) -> str:
    """The name of the room that a case concerns.

    `shown_in` has the rooms in which it was shown: with the time of its topic over, it stays with the one that it had.
    """
    if rooms.vetting is not None and before_claim and _waits_for_vetting(case):
        return rooms.vetting
    topic = next((answer.outcome for answer in case.answers if answer.label and answer.label == case.topic), None)
    if topic is None:
        stays = next((route.room for route in rooms.routes if route.topics and route.room in shown_in), None)
        if stays is not None:
            return stays
    return next((route.room for route in rooms.routes if route.fits(case.locale, topic)), DEFAULT)


def _waits_for_vetting(case: Case) -> bool:
    return case.bare is None and case.claimed_by is None and case.vetting is not Vetting.PASSED
