"""What the command line asks of a bot that runs, by verb; what is passed on to it in `control` is made plain here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from bot.admin.control import Handler, Params, flag, text
from bot.domain import Listed
from bot.services.roster import Member, Outcome
from bot.services.stats import Figure

CHALLENGE, COUNTS = "signal.challenge", "signal.counts"
STATS = "stats"
ROOMS = "rooms"
STAFF_LIST, STAFF_ADD, STAFF_REMOVE = "staff.list", "staff.add", "staff.remove"


class Roster(Protocol):
    """Whoever can list staff and change the list."""

    async def staff(self) -> Sequence[Member]: ...

    async def add_staff(self, user: str, identity: str, *, lead: bool) -> Outcome: ...

    async def remove_staff(self, user: str) -> Outcome: ...


class Challenged(Protocol):
    """A channel that a server lets send no more until a person has solved a puzzle."""

    @property
    def name(self) -> str: ...

    async def answer_puzzle(self, token: str, answer: str) -> None:
        """Hand in what a person found out. Raises WorldError where it is not taken."""


class Counting(Protocol):
    """A channel that counts what an administrator may want to know of."""

    def counts(self) -> Mapping[str, int]: ...


class Reaching(Protocol):
    """Whoever knows in how many rooms of the staff nothing can be said."""

    @property
    def unreached(self) -> int: ...


def of_rooms(desk: Reaching) -> Mapping[str, Handler]:
    """Whether staff can be reached."""

    async def tell(_params: Params) -> object:
        return {"unreached": desk.unreached}

    return {ROOMS: tell}


def of_counts(channel: Counting) -> Mapping[str, Handler]:
    """What a channel counted, by the names that it has for it."""

    async def tell(_params: Params) -> object:
        return dict(channel.counts())

    return {COUNTS: tell}


def of_stats(figures: Callable[[], Awaitable[Sequence[Figure]]]) -> Mapping[str, Handler]:
    """What was counted, with nobody in it."""

    async def tell(_params: Params) -> object:
        return [asdict(figure) for figure in await figures()]

    return {STATS: tell}


def of_challenges(channel: Challenged, try_again: Callable[[str], Awaitable[None]]) -> Mapping[str, Handler]:
    """Puzzles that a person solves. `try_again`: has all sent that waits, on the channel named."""

    async def solve(params: Params) -> object:
        await channel.answer_puzzle(text(params, "token"), text(params, "answer"))
        await try_again(channel.name)
        return None

    return {CHALLENGE: solve}


def of_staff(roster: Roster) -> Mapping[str, Handler]:
    """Who may read cases."""

    async def list_all(_params: Params) -> object:
        return [_plain(member) for member in await roster.staff()]

    async def add(params: Params) -> object:
        return await roster.add_staff(text(params, "user"), text(params, "identity"), lead=flag(params, "lead"))

    async def remove(params: Params) -> object:
        return await roster.remove_staff(text(params, "user"))

    return {STAFF_LIST: list_all, STAFF_ADD: add, STAFF_REMOVE: remove}


def member(plain: Mapping[str, Any]) -> Member:
    """One of the staff, as `staff.list` writes them."""
    listed = Listed(plain["user"], plain["identity"], plain["lead"], plain["added_by"])
    return Member(listed, plain["in_config"])


def _plain(member: Member) -> Mapping[str, object]:
    listed = member.listed
    return {
        "user": listed.user,
        "identity": listed.identity,
        "lead": listed.lead,
        "in_config": member.in_config,
        "added_by": listed.added_by,
    }
