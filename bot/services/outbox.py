"""The outbox: what was decided is done, strictly in order, one lane a conversation.

Only this module calls `Channel.perform`. A lane that waits for its server holds up no other. A crash between the deed
and the erasing of its row means that it is done again under the same id, which the channel makes harmless (law 2).
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from bot.deeds import (
    Accept,
    Card,
    Discard,
    EditText,
    Enter,
    Follow,
    Identify,
    MakeRoom,
    OutgoingMessage,
    Restore,
    SendFile,
    SendText,
    Tick,
)
from bot.domain import Attachment, CaseNumber, Conversation, ConversationId, Owner, Place
from bot.errors import VestibuleError
from bot.logs import describe
from bot.ports import Channel, Done, Entered, Failure, SendError, Store, Tx
from bot.services import (
    cards,
    identity,
    keeping,
    moving,
    promise,
    queues,
    reception,
    relay,
    roster,
    undone,
)
from bot.services.crew import Crew
from bot.services.work import Kit, Work

LONGEST_WAIT = 60.0  # seconds between two attempts: a helpline is back soon after its server is
UNACCEPTED_WAIT = 600.0  # seconds until a new identity is tried again: somebody may have accepted it elsewhere
LONGEST_LIMIT = 3600.0  # seconds; a server that asks for a longer pause is asked again all the same
MAX_SURPRISES = 8  # attempts that end in an error nobody named, before the deed counts as impossible
MAX_ERRANDS = 8  # attempts at what is less than a word to staff, before it holds up the queue room no longer
LONG_SHUT = 4  # attempts, some seconds, until a room of the staff that will not have us counts as shut
LONG_AWAY = 10  # some minutes: servers are restarted
ROOMLESS = (MakeRoom, Discard)  # what can be done before there is a room, or after
MANY_DEVICES = ""  # no device is called this, so the channel always looks in the room before it sends

Head = tuple[Conversation, OutgoingMessage | None]

_log = logging.getLogger(__name__)


def next_attempt(failure: Failure, attempts: int, now: datetime, retry_after: float | None) -> datetime | None:
    """When to try again after so many attempts; None to give up. A server that is away is waited for without end."""
    match failure:
        case Failure.AWAY:
            return now + timedelta(seconds=min(2.0 ** min(attempts, 16) / 2, LONGEST_WAIT))
        case Failure.LIMITED:
            asked = retry_after if retry_after is not None and retry_after >= 0 else 1.0
            return now + timedelta(seconds=min(max(asked, 0.1), LONGEST_LIMIT))
        case Failure.CHANGED:
            return now + timedelta(seconds=UNACCEPTED_WAIT)
        case Failure.GONE | Failure.REFUSED | Failure.UNSAFE:
            return None


class _Files:
    """`ports.Files`: what was attached to messages is asked of the channel that brought it."""

    def __init__(self, channels: Mapping[str, Channel]) -> None:
        self._channels = channels

    def open(self, attachment: Attachment) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The file's own bytes. Raises SendError."""
        channel = self._channels.get(attachment.channel)
        if channel is None:
            raise SendError(Failure.REFUSED)  # it was taken out of the config
        return channel.open(attachment)


class Outbox:
    """The lanes. `committed` is told of every stored result, which may have given other lanes something to do."""

    def __init__(
        self, store: Store, channels: Mapping[str, Channel], kit: Kit, committed: Callable[[Work], None]
    ) -> None:
        self._store = store
        self._channels = channels
        self._files = _Files(channels)
        self._kit = kit
        self._committed = committed
        self._crew: Crew[ConversationId] = Crew(self._run)
        self._doors: dict[ConversationId, OutgoingMessage] = {}
        self.unreached: set[ConversationId] = set()  # the rooms of the staff in which nothing can be said at present

    async def start(self, rooms: Sequence[Conversation]) -> None:
        """Go on with what was not sent before the last stop; enter the queue rooms first: the bot may be out."""
        self._doors = {room.id: _door(room.id) for room in rooms}
        for lane in await self._store.transact(lambda tx: tx.outbox.lanes()):
            self.wake(lane)
        for room in rooms:
            self.wake(room.id)

    async def stop(self, patience: float) -> None:
        """Finish the deeds in hand."""
        await self._crew.stop(patience)

    def wake(self, lane: ConversationId) -> None:
        """This conversation has something to send."""
        self._crew.wake(lane)

    def look_again(self) -> None:
        """Let lanes that wait look at the clock."""
        self._crew.wake_all()

    async def _run(self, lane: ConversationId) -> float | None:
        conversation, message = await self._store.transact(partial(_head, lane))
        while not self._crew.stopping:
            door = self._doors.get(lane)
            message = door or message
            if message is None or (conversation.room is None and not isinstance(message.deed, ROOMLESS)):
                return None  # nothing to do, or no room yet to do it in
            wait = (message.due - self._kit.clock.now()).total_seconds() if message.due else 0.0
            if wait > 0:
                return wait
            if door is not None:
                await self._knock(conversation, door)
                conversation, message = await self._store.transact(partial(_head, lane))
            else:
                conversation, message = await self._attempt(conversation, message)
        return None

    async def _attempt(self, conversation: Conversation, message: OutgoingMessage) -> Head:
        device = self._kit.device(conversation.channel)
        if message.tried_from not in (None, MANY_DEVICES, device):
            message = replace(message, tried_from=MANY_DEVICES)
            await self._store.transact(lambda tx: tx.outbox.save(message))
        settle: Callable[[Tx], tuple[Work, Head]]
        try:
            done = await self._perform(conversation, message)
        except SendError as error:
            _log.warning("%s failed: %s, try %d", type(message.deed).__name__, error.failure, message.attempts + 1)
            settle = partial(self._failed, message, error)
            gone = error.failure not in (Failure.AWAY, Failure.LIMITED)
            if conversation.place is Place.QUEUE and _must_be_done(conversation, message):
                if gone:
                    self._doors[conversation.id] = _door(conversation.id)
                await self._shut(conversation, error.failure, message.attempts + 1)
        else:
            settle = partial(self._done, message, done)
            if conversation.place is Place.QUEUE:
                self._opened(conversation)
        work, head = await self._store.transact(settle)
        self._committed(work)
        return head

    async def _knock(self, conversation: Conversation, door: OutgoingMessage) -> None:
        """Enter the queue room. The bot may have been put out, or not be asked in yet: it tries without end."""
        try:
            await self._perform(conversation, door)
        except SendError as error:
            _log.warning("the queue room cannot be entered: %s, try %d", error.failure, door.attempts + 1)
            due = next_attempt(Failure.AWAY, door.attempts, self._kit.clock.now(), error.retry_after)
            self._doors[conversation.id] = replace(door, attempts=door.attempts + 1, due=due)
            if error.failure in (Failure.GONE, Failure.REFUSED, Failure.UNSAFE):
                await self._settle(queues.shut, conversation)
                if conversation.name is not None:  # its cases are shown in the default one: nobody waits in it
                    self.unreached.discard(conversation.id)
                    return
            await self._shut(conversation, error.failure, door.attempts + 1)
        else:
            del self._doors[conversation.id]
            await self._settle(queues.opened, conversation)
            if await self._store.transact(lambda tx: tx.outbox.head(conversation.id)) is None:
                self._opened(conversation)

    async def _settle(self, change: Callable[[Work, ConversationId], None], queue: Conversation) -> None:
        def step(tx: Tx) -> Work:
            work = Work(tx, self._kit)
            change(work, queue.id)
            return work

        self._committed(await self._store.transact(step))

    async def _shut(self, queue: Conversation, failure: Failure, attempts: int) -> None:
        """What waits in a room of the staff failed once more: soon nobody is to believe that it is read."""
        away = failure in (Failure.AWAY, Failure.LIMITED)
        if attempts < (LONG_AWAY if away else LONG_SHUT):
            return
        if queue.id not in self.unreached:
            self.unreached.add(queue.id)
            _log.error("a room of the staff cannot be reached: %s. New cases are shown to nobody", failure)

        def tell(tx: Tx) -> Work:
            work = Work(tx, self._kit)
            promise.unreached(work, queue, away=away)
            return work

        self._committed(await self._store.transact(tell))

    def _opened(self, queue: Conversation) -> None:
        if queue.id in self.unreached:
            self.unreached.discard(queue.id)
            _log.warning("a room of the staff that could not be reached can be reached again")

    async def _perform(self, conversation: Conversation, message: OutgoingMessage) -> Done:
        name = message.deed.attachment.channel if isinstance(message.deed, Discard) else conversation.channel
        channel = self._channels.get(name)
        if channel is None:
            raise SendError(Failure.REFUSED)  # it was taken out of the config
        try:
            return await channel.perform(conversation, message, self._files)
        except SendError:
            raise
        except Exception as error:
            _log.error("%s failed unexpectedly: %s", type(message.deed).__name__, describe(error))
            raise SendError(Failure.AWAY if message.attempts < MAX_SURPRISES else Failure.REFUSED) from None

    def _done(self, message: OutgoingMessage, done: Done, tx: Tx) -> tuple[Work, Head]:
        work = Work(tx, self._kit)
        conversation, head = _head(message.conversation, tx)
        if head is None or head.id != message.id:  # taken back while it was on its way
            relay.taken_back(work, conversation, message, done.event_id)
            return work, (conversation, head)
        tx.outbox.empty(message.id)
        match message.deed:
            case MakeRoom():
                conversation = replace(conversation, room=done.room)
                tx.conversations.save(conversation)
            case Enter() if conversation.place is Place.REQUESTER and (
                queue := moving.to_be_queue(work, conversation.room)
            ):
                moving.step_aside(work, conversation)
                hurry(work, queue)
            case Enter() | Follow() if done.entered is Entered.UNSAFE:
                if conversation.place is Place.REQUESTER:
                    reception.turn_away(work, conversation)
                    conversation = tx.conversations.get(conversation.id)
            case Follow(room):
                conversation = moving.move(work, conversation, done.room or room)
                if conversation.place is Place.QUEUE:
                    queues.moved(work, conversation)
            case _:
                pass
        work.let_go_of(conversation, message)
        with _done_without():
            _learn(work, conversation, message, done)
        following = tx.outbox.head(conversation.id)
        if following is None or following.origin != message.origin:
            with _done_without():
                _tick(work, message)
        return work, _head(conversation.id, tx)

    def _failed(self, message: OutgoingMessage, error: SendError, tx: Tx) -> tuple[Work, Head]:
        work = Work(tx, self._kit)
        conversation, head = _head(message.conversation, tx)
        if head is None or head.id != message.id:
            return work, (conversation, head)
        failure = error.failure
        if _must_be_done(conversation, message):
            failure = Failure.LIMITED if failure is Failure.LIMITED else Failure.AWAY
        elif conversation.place is Place.QUEUE and message.attempts >= MAX_ERRANDS:
            failure = Failure.REFUSED
        due = next_attempt(failure, message.attempts, work.now, error.retry_after)
        if due is not None:
            tx.outbox.save(replace(message, attempts=message.attempts + 1, due=due))
            if failure is Failure.CHANGED and conversation.place is Place.REQUESTER:
                identity.changed(work, conversation)
        else:
            tx.outbox.empty(message.id)
            with _done_without():
                undone.given_up(work, conversation, message, failure)
        return work, _head(message.conversation, tx)


def _door(queue: ConversationId) -> OutgoingMessage:
    """Stands before the first row of the queue's lane, and is stored nowhere: entering again is harmless."""
    return OutgoingMessage(f"enter-{queue}", queue, Enter())


@contextmanager
def _done_without() -> Iterator[None]:
    """A broken record of another room must not have this room's message sent for ever: what was to be told is not."""
    try:
        yield
    except VestibuleError as error:
        _log.error("what became of a message could not be told: %s", describe(error))


def _head(lane: ConversationId, tx: Tx) -> Head:
    """The room, and the first of what is to be done in it. A card that stands there is edited; what is older than what
    it is to say now need not be said any more."""
    while (message := tx.outbox.head(lane)) is not None and message.card is not None:
        card = _card(tx, message.card, lane)
        if card is None or card.event_id is None or not isinstance(message.deed, SendText):
            break
        if card.text == message.deed.text:
            message = replace(message, deed=EditText(card.event_id, card.text))
            break
        tx.outbox.empty(message.id)
    return tx.conversations.get(lane), message


def _card(tx: Tx, case: CaseNumber, lane: ConversationId) -> Card | None:
    return next((card for card in tx.cards.of(case) if card.conversation == lane), None)


def _must_be_done(conversation: Conversation, message: OutgoingMessage) -> bool:
    """The only road to people: nothing that is said on it is given up. What is shut is none."""
    errand = isinstance(message.deed, Follow | Restore | Identify | Discard)
    road = conversation.place is Place.QUEUE and conversation.owner is not Owner.NOBODY
    return isinstance(message.deed, MakeRoom) or (road and not errand)


def _learn(work: Work, conversation: Conversation, message: OutgoingMessage, done: Done) -> None:
    """Keep what the deed brought to light."""
    if isinstance(message.deed, Accept):
        identity.accepted(work, conversation, done.identity)
    elif conversation.place is Place.REQUESTER:
        identity.note(work, conversation, done.identity)
    if isinstance(message.deed, Identify):
        roster.identified(work, message.deed, done.identity)
    if message.card is not None and isinstance(message.deed, SendText):
        cards.stands(work, message.card, conversation, done.event_id)
    keeping.posted(work, conversation, message, done.event_id)


def hurry(work: Work, lane: Conversation) -> None:
    """What the lane waited for has come."""
    head = work.tx.outbox.head(lane.id)
    if head is not None:
        work.tx.outbox.save(replace(head, due=None))
        work.lanes.add(lane.id)


def _tick(work: Work, message: OutgoingMessage) -> None:
    """Mark a relay message whose last part the requester's server accepted."""
    if message.origin is None or not isinstance(message.deed, SendText | SendFile | EditText):
        return
    written_in = work.tx.conversations.get(message.origin.conversation)
    if written_in.place not in (Place.RELAY, Place.NOTES):
        return
    if not isinstance(message.deed, EditText):
        work.post(written_in, Tick(message.origin.event_id))
    keeping.passed_on(work, message)
