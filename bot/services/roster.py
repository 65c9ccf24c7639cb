"""Who is one of the staff: those of the config, and those whom a lead or the administrator added since (law 10).

Nobody is added by their name alone: a person compares the identity that the homeserver lists with what its owner says.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from bot.deeds import Identify
from bot.domain import Listed, TextId
from bot.errors import VestibuleError
from bot.forms import MASTER_KEY, STAFF, grouped
from bot.logs import describe
from bot.services import ownership, sayings
from bot.services.commands import AddStaff, ForStaff, ListStaff, RemoveStaff
from bot.services.work import Work

_log = logging.getLogger(__name__)


class Outcome(StrEnum):
    """What became of a change of the list of staff."""

    ADDED = "added"
    REMOVED = "removed"
    NO_NAME = "no_name"  # what was given cannot be anybody's name
    NO_IDENTITY = "no_identity"  # what was given cannot be an identity
    IN_CONFIG = "in_config"  # the config names them, and only there it can be changed
    IS_BOT = "is_bot"
    NOT_LISTED = "not_listed"


REFUSED = {
    Outcome.NO_NAME: sayings.ROSTER_NO_NAME,
    Outcome.NO_IDENTITY: sayings.ROSTER_NO_IDENTITY,
    Outcome.IN_CONFIG: sayings.ROSTER_IN_CONFIG,
    Outcome.IS_BOT: sayings.ROSTER_IS_BOT,
    Outcome.NOT_LISTED: sayings.ROSTER_NOT_LISTED,
}


@dataclass(frozen=True, slots=True)
class Member:
    """One of the staff, and whether it is the config that names them."""

    listed: Listed
    in_config: bool


def members(work: Work) -> Sequence[Member]:
    """All staff, those of the config first. Of whoever stands in both, the config's word counts."""
    staff = work.kit.staff
    named = [Member(Listed(user, pin, user in staff.leads), in_config=True) for user, pin in staff.members.items()]
    added = [listed for listed in work.tx.roster.listed() if listed.user not in staff.members]
    return [*named, *(Member(listed, in_config=False) for listed in added)]


def pins(work: Work) -> Mapping[str, str]:
    """All staff, each with their pinned identity: what a channel must know."""
    return {member.listed.user: member.listed.identity for member in members(work)}


def obey(work: Work, command: ForStaff, who: str) -> None:
    """Do what a lead asks for in the queue room."""
    match command:
        case ListStaff():
            work.say(work.queue(), "\n\n".join(_line(work, member) for member in members(work)))
            return
        case AddStaff(user, "", lead):
            outcome = ask(work, user, lead=lead)
        case AddStaff(user, identity, lead):
            outcome = add(work, Listed(user, identity, lead, added_by=who))
        case RemoveStaff(user):
            outcome = remove(work, user)
        case _:
            assert_never(command)
    if outcome in REFUSED:
        _tell(work, REFUSED[outcome], who=who if outcome is Outcome.NO_NAME else command.user)


def ask(work: Work, user: str, *, lead: bool) -> Outcome | None:
    """Have the homeserver asked for somebody's identity: `identified` then says it. Otherwise, why not."""
    refused = _refused(work, user)
    if refused is None:
        work.post(work.queue(), Identify(user, lead))
    return refused


def identified(work: Work, deed: Identify, identity: str | None) -> None:
    """The homeserver has answered: say what is to be compared, and the command that confirms it."""
    if not identity:
        _tell(work, sayings.IDENTITY_UNKNOWN, who=deed.contact)
        return
    command = " ".join(["!staff add", deed.contact, identity, *(["lead"] if deed.lead else [])])
    _tell(work, sayings.IDENTITY_FOUND, who=deed.contact, fingerprint=grouped(identity), command=command)


def add(work: Work, listed: Listed) -> Outcome:
    """List somebody, or list them anew. They count from the commit on."""
    refused = _refused(work, listed.user)
    if refused is not None:
        return refused
    if not MASTER_KEY.good(listed.identity):
        return Outcome.NO_IDENTITY
    work.tx.roster.add(listed)
    work.pins = pins(work)
    _tell(work, sayings.ROSTER_ADDED_LEAD if listed.lead else sayings.ROSTER_ADDED, who=listed.user)
    return Outcome.ADDED


def remove(work: Work, user: str) -> Outcome:
    """List somebody no more. What they have claimed waits for another claimer."""
    refused = _refused(work, user)
    if refused is not None:
        return refused
    if not work.tx.roster.remove(user):
        return Outcome.NOT_LISTED
    work.pins = pins(work)
    _tell(work, sayings.ROSTER_REMOVED, who=user)
    release_of_the_removed(work)
    return Outcome.REMOVED


def release_of_the_removed(work: Work) -> None:
    """Nobody answers in a case whose claimer is not listed any more: somebody else can claim it."""
    with _whatever_is_broken():
        for case in work.tx.cases.open():
            if case.is_claimed and not work.lists(case.claimed_by or ""):
                with _whatever_is_broken():
                    ownership.release(work, case, "", sayings.CLAIMER_REMOVED)


@contextmanager
def _whatever_is_broken() -> Iterator[None]:
    """Nobody must stay listed, and no start fail, because one of all the cases cannot be read."""
    try:
        yield
    except VestibuleError as error:
        _log.error("a case whose claimer was removed could not be released: %s", describe(error))


def _refused(work: Work, user: str) -> Outcome | None:
    """Why nobody can change whether this person is listed."""
    if not STAFF.good(user):
        return Outcome.NO_NAME
    if user == work.kit.staff.bot:
        return Outcome.IS_BOT
    return Outcome.IN_CONFIG if user in work.kit.staff.members else None


def _line(work: Work, member: Member) -> str:
    say, listed = work.kit.render.staff, member.listed
    since = say(sayings.ROSTER_BY_ADMINISTRATOR)
    if member.in_config:
        since = say(sayings.ROSTER_BY_CONFIG)
    elif listed.added_by:
        since = say(sayings.ROSTER_BY_LEAD, who=listed.added_by)
    line = sayings.ROSTER_LINE_LEAD if listed.lead else sayings.ROSTER_LINE
    return say(line, who=listed.user, note=since, fingerprint=grouped(listed.identity))


def _tell(work: Work, text: TextId, **params: str) -> None:
    work.say(work.queue(), work.kit.render.staff(text, **params))
