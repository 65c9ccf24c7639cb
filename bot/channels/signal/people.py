"""Whose identity is which: asked of the daemon, and accepted there where it is a new one."""

from __future__ import annotations

import logging
from enum import StrEnum

from bot.channels.signal.caller import Caller
from bot.channels.signal.contacts import Contacts, Known, read_identities
from bot.channels.signal.rpc import Refused
from bot.errors import WorldError

log = logging.getLogger(__name__)


class ChangedIdentity(StrEnum):
    """What to do where a contact's identity is a new one."""

    WAIT = "wait"  # until one of the staff accepts it
    TRUST = "trust"  # accept it, and tell staff


class People:
    """The identities of contacts."""

    def __init__(self, caller: Caller, contacts: Contacts, policy: ChangedIdentity) -> None:
        self._caller = caller
        self._contacts = contacts
        self.policy = policy

    async def learn_all(self) -> None:
        """Ask for everybody's. Raises WorldError."""
        self._contacts.learn(read_identities(await self._caller.ask("listIdentities")))

    async def identity(self, contact: str) -> str | None:
        """Their public key; None where it cannot be had now."""
        known = self._contacts.known(contact)
        if known.identity is None:
            known = await self._learn(contact)
        return known.identity

    async def accept(self, contact: str) -> str | None:
        """Accept whatever identity they have now, and tell it. Raises WorldError."""
        try:
            await self._caller.ask("trust", recipient=contact, trustAllKnownKeys=True)
        except Refused as refused:
            # nothing is known of them, so there is nothing to accept
            log.warning("an identity could not be accepted: error %d", refused.code)
        self._contacts.forget_identity(contact)
        return (await self._learn(contact)).identity

    async def _learn(self, contact: str) -> Known:
        try:
            told = read_identities(await self._caller.ask("listIdentities", number=contact))
        except WorldError as error:
            log.warning("an identity could not be asked for: %s", type(error).__name__)
            return Known(None, None)
        if contact in told:
            self._contacts.learn({contact: told[contact]})
        return self._contacts.known(contact)
