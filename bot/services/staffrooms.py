"""What happens in the specialists' rooms: commands, and the relay.

The room decides, nothing else (law 11): what staff write in a case's relay room reaches the requester, what they write
anywhere else does not. Only encrypted messages of listed people on signed devices count (laws 9 and 10).
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from bot.domain import (
    Arrival,
    Case,
    CaseNumber,
    CaseStatus,
    Cause,
    Conversation,
    Endangered,
    Enter,
    Invited,
    Joined,
    Left,
    Origin,
    Owner,
    Place,
    TextId,
    Unreadable,
    Wrote,
)
from bot.services import casework, sayings
from bot.services.commands import Claim, Close, Command, Help, Unknown, Vet, is_command, parse
from bot.services.work import Work


def take(work: Work, conversation: Conversation, arrival: Arrival) -> None:
    """Answer one arrival in a staff room."""
    match arrival.what:
        case Wrote(text, signed) as message:
            if conversation.place is Place.RELAY or is_command(text):
                _wrote(work, conversation, arrival, message, trusted=signed and work.kit.staff.lists(arrival.sender))
        case Joined():
            if work.kit.staff.lists(arrival.sender):
                _joined(work, conversation, arrival.sender)
        case Left():
            _left(work, conversation, arrival.sender)
        case Unreadable(cause):
            if conversation.place is Place.RELAY:
                _answer(work, conversation, sayings.NOT_READ)
            elif work.kit.staff.lists(arrival.sender):
                # unbound: from a device that their own account has not signed
                _answer(work, conversation, sayings.NOT_ALLOWED if cause is Cause.UNBOUND else sayings.NOT_READ_HERE)
        case Invited():
            work.post(conversation, Enter())
        case Endangered():
            pass  # staff rooms hold more than two; what is said there is sealed for listed devices alone (law 10)
        case _:
            assert_never(arrival.what)


def _wrote(work: Work, conversation: Conversation, arrival: Arrival, message: Wrote, *, trusted: bool) -> None:
    if not trusted:
        _answer(work, conversation, sayings.NOT_ALLOWED)
    elif is_command(message.text):
        _obey(work, conversation, arrival.sender, parse(message.text, conversation.case))
    else:
        _relay(work, conversation, arrival.event_id, message)


def _obey(work: Work, said_in: Conversation, who: str, command: Command) -> None:
    match command:
        case Help():
            _answer(work, said_in, sayings.STAFF_HELP)
        case Unknown(meant):
            _ask_back(work, said_in, meant)
        case Vet(None) | Claim(None) | Close(None):
            _answer(work, said_in, sayings.CASE_MISSING)
        case Vet(number) | Claim(number) | Close(number):
            case = _case(work, number)
            if case is None:
                _answer(work, said_in, sayings.NO_SUCH_CASE)
            else:
                _tell(work, said_in, case, who, _do(work, case, who, command))
        case _:
            assert_never(command)


def _do(work: Work, case: Case, who: str, command: Vet | Claim | Close) -> casework.Told:
    match command:
        case Vet(_, verdict, note):
            return casework.vet(work, case, verdict, note, who)
        case Claim():
            return casework.claim(work, case, who)
        case Close():
            return casework.close(work, case, who)
        case _:
            assert_never(command)


def _tell(work: Work, said_in: Conversation, case: Case, who: str, told: casework.Told) -> None:
    """Answer where the command was said; news stands in the queue room too."""
    text = work.kit.render.staff(told.text, case=case.number, who=who)
    work.say(said_in, text)
    queue = work.queue()
    if told.news and said_in.id != queue.id:
        work.say(queue, text)


def _ask_back(work: Work, said_in: Conversation, meant: str | None) -> None:
    say = work.kit.render.staff
    parts = [say(sayings.UNKNOWN_COMMAND)]
    if meant is not None:
        parts.append(say(sayings.DID_YOU_MEAN, command=meant))
    if said_in.place is Place.RELAY:
        parts.insert(0, say(sayings.COMMAND_IN_RELAY))
    work.say(said_in, "\n\n".join(parts))


def _relay(work: Work, relay: Conversation, event_id: str, message: Wrote) -> None:
    """Pass on what staff wrote, to the requester whose relay room this is and to nobody else."""
    case = _case(work, relay.case)
    requester = work.tx.conversations.get(case.requester) if case else None
    if (
        case is None
        or requester is None
        or case.status is not CaseStatus.CLAIMED
        or requester.owner is not Owner.SPECIALIST
        or requester.case != case.number
    ):
        _answer(work, relay, sayings.RELAY_CLOSED)
        return
    text = message.text
    if message.edited:  # it stands beside what was sent before, and may say the opposite
        text = work.kit.render.requester(sayings.CORRECTED, case.locale, words=text)
    work.say(requester, text, Origin(relay.id, event_id))


def _joined(work: Work, conversation: Conversation, who: str) -> None:
    """Somebody who may read came in. History is `joined`, so what they need is said again."""
    case = _case(work, conversation.case)
    if case is None:
        return
    if conversation.place is Place.NOTES:
        _answer(work, conversation, sayings.NOTES_INTRO, case)
        work.say(conversation, work.kit.render.summary(case, before_claim=work.kit.staff.before_claim))
        casework.show_kept(work, case, conversation)
    elif conversation.place is Place.RELAY:
        closed = case.status is CaseStatus.CLOSED
        _answer(work, conversation, TextId("staff.relay_closed" if closed else "staff.relay_intro"), case)
        if who == case.claimed_by:
            casework.pass_on_kept(work, case)


def _left(work: Work, conversation: Conversation, who: str) -> None:
    """With the claimer gone, nobody would read the relay room: the requester's words are kept until they are back."""
    case = _case(work, conversation.case) if conversation.place is Place.RELAY else None
    if case is not None and who == case.claimed_by:
        work.tx.cases.save(replace(case, relay_open=False))
        if case.status is CaseStatus.CLAIMED:
            work.say(work.queue(), work.kit.render.staff(sayings.CLAIMER_LEFT, case=case.number))


def _case(work: Work, number: CaseNumber | None) -> Case | None:
    return work.tx.cases.get(number) if number is not None else None


def _answer(work: Work, conversation: Conversation, text: TextId, case: Case | None = None) -> None:
    params = {"case": case.number} if case else {}
    work.say(conversation, work.kit.render.staff(text, **params))
