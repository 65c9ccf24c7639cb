"""Who is writing at this moment, shown across the relay of a claimed case. Stored nowhere, and lost without harm."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial

from bot.domain import Conversation, ConversationId, Owner, Place
from bot.happenings import Typing
from bot.logs import describe
from bot.ports import Channel, Store, Tx
from bot.services import casework, relay
from bot.services.work import Kit, Work

MAX_KNOWN = 1000  # conversations of which it is remembered what they show; beyond, the oldest is shown anew

_log = logging.getLogger(__name__)


class Presence:
    """Shows in one room that somebody writes in the other; only when that changes."""

    def __init__(self, store: Store, channels: Mapping[str, Channel], kit: Kit) -> None:
        self._store = store
        self._channels = channels
        self._kit = kit
        self._shown: dict[ConversationId, bool] = {}

    async def show(self, typing: Typing) -> None:
        """Never raises: nobody counts on it."""
        try:
            across = await self._store.transact(partial(self._across, typing))
            if across is not None:
                await self._show(*across)
        except Exception as error:
            _log.warning("who is writing could not be shown: %s", describe(error))

    async def _show(self, conversation: Conversation, on: bool) -> None:
        if self._shown.pop(conversation.id, False) != on and conversation.channel in self._channels:
            await self._channels[conversation.channel].show_typing(conversation, on=on)
        if on:
            self._shown[conversation.id] = True
        while len(self._shown) > MAX_KNOWN:
            del self._shown[next(iter(self._shown))]

    def _across(self, typing: Typing, tx: Tx) -> tuple[Conversation, bool] | None:
        """Where to show it, and whether somebody who counts is writing."""
        work = Work(tx, self._kit)
        conversation = tx.conversations.find(typing.channel, typing.room)
        if conversation is None:
            return None
        if conversation.place is Place.RELAY:
            spoken_with = relay.partner(work, conversation)
            if spoken_with is None or not spoken_with[1].relay_open:
                return None
            return spoken_with[0], any(work.lists(who) for who in typing.people)
        if conversation.place is not Place.REQUESTER or conversation.owner is not Owner.SPECIALIST:
            return None
        case = casework.human_case(work, conversation)
        if case is None or case.relay is None or not case.relay_open:
            return None
        return tx.conversations.get(case.relay), conversation.contact in typing.people
