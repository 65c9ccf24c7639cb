"""Values with every field filled, each with a word of its own that can be searched for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.deeds import (
    Accept,
    Copy,
    Decline,
    Deed,
    Discard,
    EditText,
    Enter,
    Erase,
    Follow,
    Hold,
    Identify,
    Invite,
    Leave,
    MakeRoom,
    Origin,
    OutgoingMessage,
    Restore,
    SendFile,
    SendText,
    Tick,
)
from bot.domain import (
    Answer,
    Attachment,
    Case,
    CaseNumber,
    CaseStatus,
    Change,
    Conversation,
    ConversationId,
    Keep,
    Kind,
    Listed,
    Look,
    Owner,
    Place,
    Release,
    Style,
    TextId,
    Timer,
    Vetting,
)
from bot.flow.session import Held, Passed, Session
from bot.flow.sorts import Entry
from bot.happenings import (
    Alarm,
    Alarmed,
    Arrival,
    AsksToVerify,
    Attached,
    Cause,
    Danger,
    Endangered,
    Happening,
    Invited,
    Joined,
    Left,
    Moved,
    Removed,
    Setting,
    SettingsChanged,
    TimerSet,
    Unreadable,
    Wrote,
)
from bot.ports import Kept, Store, Tx

NOW = datetime(2026, 1, 5, 9, 30, 15, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)

REQUESTER = Conversation(
    id=ConversationId("c-requester"),
    channel="matrix",
    place=Place.REQUESTER,
    key=ConversationId("c-requester"),
    room="!planted-room:example.org",
    contact="@planted-contact:example.org",
    owner=Owner.QUEUE,
    case=CaseNumber("7F3K"),
    identity="planted identity of a contact",
    expires=4 * HOUR,
)
SECOND = Conversation(
    id=ConversationId("c-second"),
    channel="matrix",
    place=Place.REQUESTER,
    key=ConversationId("c-second"),
    room="!planted-second-room:example.org",
)
RELAY = Conversation(
    id=ConversationId("c-relay"), channel="matrix", place=Place.RELAY, key=REQUESTER.id, case=CaseNumber("7F3K")
)
NOTES = Conversation(
    id=ConversationId("c-notes"), channel="matrix", place=Place.NOTES, key=REQUESTER.id, case=CaseNumber("7F3K")
)
QUEUE = Conversation(
    id=ConversationId("c-queue"),
    channel="matrix",
    place=Place.QUEUE,
    key=ConversationId("c-queue"),
    room="!planted-queue-room:example.org",
)

FILE = Attachment(
    kind=Kind.VOICE,
    name="planted name.ogg",
    mime="audio/ogg",
    size=4711,
    place="mxc://example.org/planted-place",
    secret='{"key": "planted secret"}',
    caption="planted caption",
    channel="planted channel",
)
HAPPENINGS: tuple[Happening, ...] = (
    Wrote(
        "*planted* words of an arrival",
        signed=True,
        edits="$planted-edited",
        identity="planted identity",
        expires=HOUR,
        quotes="planted quote",
        plain="planted words without a mark",
        styles=(Style(Look.ITALIC, 0, 7), Style(Look.BOLD, 8, 4)),
    ),
    Wrote("planted style", styles=(Style(Look.STRIKE, 0, 7),)),
    Wrote("half a pair \ud83d, a nul \x00, an end \u2029, and سلام"),
    Wrote("planted words of an edit", edits="", identity=""),
    Wrote("planted words that disappear", expires=timedelta(hours=1)),
    Attached(FILE, signed=True, identity="planted identity of a sender"),
    Attached(FILE, expires=timedelta(days=7)),
    TimerSet(timedelta(weeks=1)),
    TimerSet(None),
    Removed("$planted-removed"),
    Moved("!planted-newer-room:example.org"),
    AsksToVerify(),
    *(SettingsChanged(setting) for setting in Setting),
    *(Alarmed(alarm, "@planted-alarmed:example.org", "planted device") for alarm in Alarm),
    Alarmed(Alarm.NEW_DEVICE),
    Alarmed(Alarm.CHANNEL_CHALLENGE, channel="signal", detail="planted token", link="planted link"),
    Invited(),
    Joined(),
    Left(),
    *(Unreadable(cause) for cause in Cause),
    *(Endangered(danger) for danger in Danger),
)
DEEDS: tuple[Deed, ...] = (
    SendText("planted words of a deed, half a pair \udc00", tuple(Style(look, 0, 7) for look in Look)),
    Tick("$planted-ticked-event"),
    Enter(),
    Decline("planted notice"),
    MakeRoom("planted-alias", "planted room name"),
    Invite("@planted-invited:example.org"),
    Leave("planted reason"),
    EditText("$planted-event-of-ours", "planted words of a change"),
    *(SendFile(replace(FILE, kind=kind)) for kind in Kind),
    Discard(FILE),
    Erase("$planted-erased-event"),
    Follow("!planted-room-to-follow:example.org"),
    Restore(),
    Identify("@planted-identified:example.org", lead=True),
    Accept(),
)
ORIGIN = Origin(ConversationId("c-relay"), "$planted-origin-event")

WORDS = Answer(
    step="planted_step.words",
    question=TextId("planted.question"),
    outcome="planted_outcome",
    label=TextId("planted.label"),
    words="planted words of an answer",
    version=3,
    keep=Keep.VETTING,
    expires=HOUR,
    due=NOW + HOUR,
)
SEVERAL = Answer(
    step="planted_step.several",
    question=TextId("planted.several"),
    outcome="chosen",
    chosen=(("planted_option", TextId("planted.option")), ("planted_other", TextId("planted.other"))),
)
SENT = Answer("planted_step.sent", TextId("planted.sent"), "attached", words="planted name of a file", file=FILE)
CHOICE = Answer(step="role", question=TextId("eligibility.role"), outcome="activist")
SESSION = Session(
    state="planted_state",
    locale="planted_locale",
    path=(Passed("planted_passed_state", WORDS, "$planted-path-ref"), Passed("role", CHOICE)),
    kept=(
        Passed("planted_kept_state", WORDS),
        Passed("planted_several_state", SEVERAL, "$planted-several-ref"),
        Passed("planted_sent_state", SENT),
    ),
    aside="planted_aside",
    tries=2,
    hinted=True,
    unread=True,
    missed="$planted-missed",
    offered=Passed("planted_offered_state", WORDS, "$planted-ref"),
    unverified=True,
    reminded=True,
    unanswered=True,
    choices=("planted_choice", "planted_other_choice"),
    entry=Entry.RETURNING,
    held=(Held("planted held words", "$planted-held", timedelta(days=1)), Held(FILE)),
    release=3,
)
CASE = Case(
    number=CaseNumber("7F3K"),
    status=CaseStatus.CLAIMED,
    requester=REQUESTER.id,
    opened_at=NOW,
    locale="planted_case_locale",
    answers=(WORDS, CHOICE, SEVERAL, SENT),
    topic=TextId("planted.topic"),
    urgency=TextId("planted.urgency"),
    relay=RELAY.id,
    notes=NOTES.id,
    vetted_by="@planted-vetter:example.org",
    claimed_by="@planted-claimer:example.org",
    relay_open=True,
    note="planted note of a sign-off",
    told=(TextId("planted.told"),),
    writes_from=SECOND.id,
    joined_to=CaseNumber("9Q2B"),
    vetting=Vetting.PASSED,
    release=2,
)
CHANGES = (
    Change(NOW, "open", "", None, CaseStatus.ARRIVED),
    Change(
        NOW, "claim", "@planted-taker:example.org", CaseStatus.WAITING, CaseStatus.CLAIMED, "@planted-next:example.org"
    ),
    Change(NOW + HOUR, "release", "@planted-taker:example.org", CaseStatus.CLAIMED, CaseStatus.WAITING),
)
KEPT = (
    Kept("planted words kept for a case"),
    Kept(FILE, Keep.VETTING, 2 * HOUR, NOW + HOUR),
    Kept("planted words kept later, half a pair \ud83d", expires=timedelta(seconds=30)),
    Kept("\x00 a nul before it"),
    Kept(""),
)
COPY = Copy(RELAY.id, "$planted-copy", CASE.number, Keep.VETTING, NOW + HOUR)
LISTED = Listed("@planted-listed:example.org", "planted pinned key", True, "@planted-lead:example.org")

RELEASE = Release(2, "ab" * 32, NOW, "planted publisher", moves=True)
FILES = {
    "flows/main.yaml": "flow: main\n# planted words of a flow, سلام\n".encode(),
    "locales/es/LC_MESSAGES/messages.po": b"planted words of a catalog, and what is no text: \xff\xed\xa0\xbd\x00",
    "flows/empty.yaml": b"",
}


def arrival(event_id: str, what: Happening | None = None, *, room: str | None = None) -> Arrival:
    return Arrival(
        channel="matrix",
        room=room or REQUESTER.room or "",
        event_id=event_id,
        sender="@planted-sender:example.org",
        at=NOW,
        what=what or HAPPENINGS[0],
    )


def message(message_id: str, deed: Deed | None = None, *, to: Conversation = REQUESTER) -> OutgoingMessage:
    return OutgoingMessage(id=message_id, conversation=to.id, deed=deed or DEEDS[0])


FULL_MESSAGE = OutgoingMessage(
    id="m-full",
    conversation=REQUESTER.id,
    deed=DEEDS[0],
    origin=ORIGIN,
    attempts=4,
    due=NOW + HOUR,
    tried_at=NOW,
    tried_from="DEVICE1",
    hold=Hold(CASE.number, Keep.VETTING, 2 * HOUR, NOW + HOUR, 7),
)
TIMER = Timer(REQUESTER.id, "idle", NOW + HOUR)


def introduce(tx: Tx) -> None:
    """Make the conversations known."""
    for conversation in (REQUESTER, SECOND, RELAY, NOTES, QUEUE):
        tx.conversations.add(conversation)


async def refused(store: Store, error: type[Exception], work: Callable[[Tx], object]) -> None:
    """This work is refused, with this error."""
    with pytest.raises(error):
        await store.transact(work)
