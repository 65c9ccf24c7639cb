"""`vestibule staff`: who may read cases, listed and changed by an administrator, whether or not the bot runs.

Nobody is added by their name alone: the administrator compares the master key that the homeserver lists with what its
owner says (law 10).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from bot import forms, store
from bot.admin import control, either, verbs
from bot.admin.guide import Ask
from bot.admin.setup import identity_record
from bot.app import SystemClock, staff_of
from bot.channels.matrix.channel import MatrixChannel
from bot.channels.matrix.homeserver import Homeserver, HomeserverError
from bot.channels.matrix.identity import IdentityError, Own, read_own
from bot.channels.matrix.selfcheck import masters
from bot.config import Config
from bot.domain import Listed
from bot.errors import VestibuleError
from bot.forms import grouped
from bot.ports import Tx
from bot.publishing import publisher as publishing
from bot.services import roster
from bot.services.roster import Member, Outcome
from bot.services.work import Kit, Work

T = TypeVar("T")

REFUSALS = {
    Outcome.NO_NAME: f"expected {forms.STAFF.what}",
    Outcome.NO_IDENTITY: f"KEY: expected {forms.MASTER_KEY.what}; groups of four are well, too",
    Outcome.IN_CONFIG: "the config lists them, and only there that can be changed: [specialists] members and leads",
    Outcome.IS_BOT: "this is the bot's own account, which is never one of the staff",
    Outcome.NOT_LISTED: "they are not listed; `vestibule staff list` shows who is",
}
LATER = "The bot does not run: it counts from its next start, and the queue room is told then."
NOW = "It counts from now on, and the queue room is told."


class StaffError(VestibuleError):
    """The list of staff cannot be changed as asked; the message says why."""


Masters = Mapping[str, str | None]
"""People's master keys on the homeserver, None where they have none; who could not be asked for is not in it."""


class Resting:
    """The list of staff in the store of a bot that does not run: `verbs.Roster`."""

    def __init__(self, kept: store.SqlStore, kit: Kit) -> None:
        self._store = kept
        self._kit = kit

    async def staff(self) -> Sequence[Member]:
        """Everybody who may read cases."""
        return await self._do(roster.members)

    async def add_staff(self, user: str, identity: str, *, lead: bool) -> Outcome:
        """Let somebody read cases."""
        return await self._do(lambda work: roster.add(work, Listed(user, identity, lead)))

    async def remove_staff(self, user: str) -> Outcome:
        """Let somebody who was added read cases no more."""
        return await self._do(lambda work: roster.remove(work, user))

    async def _do(self, change: Callable[[Work], T]) -> T:
        def step(tx: Tx) -> T:
            return change(Work(tx, self._kit))

        return await self._store.transact(step)


def members(config: Config, own: Own) -> tuple[Sequence[Member], bool]:
    """Everybody who may read cases, and whether it is a running bot that says so."""
    listed, runs = _perform(config, own, verbs.STAFF_LIST, {})
    return [verbs.member(plain) for plain in listed], runs


def list_all(config: Config, tell: Callable[[str], None]) -> bool:
    """Tell who is listed, by what, and whether the homeserver lists the same master key. False where it does not."""
    own = need_own(config)
    listed, _ = members(config, own)
    found = asyncio.run(_masters(config, own, [member.listed.user for member in listed]))
    for member in listed:
        tell(f"{member.listed.user}: {'lead' if member.listed.lead else 'member'}, {_by_what(member)}")
        tell(f"    {grouped(member.listed.identity)}")
        tell(f"    {compared(member, found)}")
    return all(is_pinned(member, found) is not False for member in listed)


def add(config: Config, user: str, key: str, *, lead: bool, ask: Ask | None, tell: Callable[[str], None]) -> bool:
    """List somebody with their master key, after a person has compared it. False where they say that it is another.

    Without `key`, the homeserver's is shown. Without `ask` nothing is asked, and `key` must be what was compared.
    Raises StaffError.
    """
    key = "".join(key.split())
    if key and not forms.MASTER_KEY.good(key):
        _need(user, Outcome.NO_IDENTITY)
    if not forms.STAFF.good(user):
        _need(user, Outcome.NO_NAME)
    if not key and ask is None:
        raise StaffError(f"{user}: --yes needs the KEY that you have compared with what they say")
    own = need_own(config)
    found = asyncio.run(_masters(config, own, [user]))
    theirs = found.get(user)
    if not key:
        key = _of_homeserver(user, found)
    elif user in found and theirs != key:
        which = "another" if theirs else "no"
        tell(f"The homeserver lists {which} master key for {user}. While it does, they read nothing.")
    if ask is not None:
        tell(f"{user} must have this master key:")
        tell(f"    {grouped(key)}")
        tell("Have them read it to you from their own client, over another way than Matrix.")
        if ask("Is it the same to the last letter? (yes/no)").strip().lower() != "yes":
            tell("Nothing was changed.")
            return False
    runs = _change(config, own, user, verbs.STAFF_ADD, {"user": user, "identity": key, "lead": lead})
    tell(f"{user} is listed{' as a lead' if lead else ''}. {NOW if runs else LATER}")
    return True


def remove(config: Config, user: str, tell: Callable[[str], None]) -> None:
    """List somebody no more. Raises StaffError."""
    runs = _change(config, need_own(config), user, verbs.STAFF_REMOVE, {"user": user})
    tell(f"{user} is not listed any more. {NOW if runs else LATER}")


def need_own(config: Config) -> Own:
    """The bot's identity, as setup left it. Raises ConfigError, IdentityError."""
    own = read_own(identity_record(config, store.MasterKey.read(config.store.key_file)))
    if own is None or not own.complete:
        raise IdentityError("this installation has no complete Matrix identity yet; run `vestibule setup`")
    return own


def is_pinned(member: Member, found: Masters) -> bool | None:
    """Whether the homeserver lists the pinned master key; None where it could not be asked."""
    user = member.listed.user
    return found[user] == member.listed.identity if user in found else None


def compared(member: Member, found: Masters) -> str:
    """The same in words."""
    match is_pinned(member, found):
        case None:
            return "the homeserver could not be asked"
        case True:
            return "the homeserver lists the same master key"
    if found[member.listed.user] is None:
        return "the homeserver lists no master key: they read nothing until their client has set up cross-signing"
    return "the homeserver lists another master key: they read nothing; ask them why before you list the new one"


def _of_homeserver(user: str, found: Masters) -> str:
    if user not in found:
        raise StaffError(
            f"{user}: their homeserver could not be asked for their master key; try again, or give the KEY"
        )
    theirs = found[user]
    if theirs is None:
        raise StaffError(
            f"{user}: the homeserver lists no master key for them; have them set up cross-signing in their client, or "
            "correct the name"
        )
    return theirs


def _by_what(member: Member) -> str:
    if member.in_config:
        return "listed by the config"
    return f"listed by {member.listed.added_by or 'the administrator'}"


def _need(user: str, outcome: Outcome) -> None:
    """Raises StaffError where this is a refusal."""
    if outcome in REFUSALS:
        raise StaffError(f"{user}: {REFUSALS[outcome]}")


def _change(config: Config, own: Own, user: str, verb: str, params: control.Params) -> bool:
    """Whether a running bot did it. Raises StaffError."""
    outcome, runs = _perform(config, own, verb, params)
    _need(user, Outcome(outcome))
    return runs


def _perform(config: Config, own: Own, verb: str, params: control.Params) -> tuple[Any, bool]:
    return either.perform(config, verb, params, lambda: _at_rest(config, own, verb, params))


async def _at_rest(config: Config, own: Own, verb: str, params: control.Params) -> object:
    kept = store.open(config.store.data_dir, config.store.url, store.MasterKey.read(config.store.key_file))
    try:
        kit = Kit(
            await publishing.as_it_stands(config, kept),
            staff_of(config, {}),
            SystemClock(),
            secrets.token_bytes,
            lambda _channel: own.device_id,
            lambda _conversation: grouped(own.master or ""),
            lambda _channel: MatrixChannel.longest,
        )
        return await verbs.of_staff(Resting(kept, kit))[verb](params)
    finally:
        await kept.close()


async def _masters(config: Config, own: Own, users: Sequence[str]) -> Masters:
    homeserver = Homeserver(config.matrix.homeserver, own.token)
    try:
        return await masters(homeserver, users)
    except HomeserverError:
        return {}
    finally:
        await homeserver.close()
