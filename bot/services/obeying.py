"""What staff write with a `!` in front is done, refused, or asked back, where it was written."""

from __future__ import annotations

from typing import assert_never

from bot.domain import Case, CaseNumber, Conversation, Place, TextId
from bot.services import casework, history, identity, joining, roster, sayings
from bot.services.casework import Told
from bot.services.commands import (
    AddStaff,
    Claim,
    Close,
    Command,
    ForStaff,
    Help,
    Join,
    ListStaff,
    LookBack,
    RemoveStaff,
    Trust,
    Unknown,
    Vet,
)
from bot.services.work import Work


def obey(work: Work, said_in: Conversation, who: str, command: Command) -> None:
    """Do what one of the staff asks for."""
    match command:
        case Help():
            _answer(work, said_in, sayings.STAFF_HELP)
        case Unknown(meant):
            _ask_back(work, said_in, meant)
        case ListStaff() | AddStaff() | RemoveStaff():
            _change_staff(work, said_in, who, command)
        case Vet() | LookBack() | Claim() | Close() | Trust() | Join():
            case = find(work, command.case)
            if command.case is None:
                _answer(work, said_in, sayings.CASE_MISSING)
            elif case is None:
                _answer(work, said_in, sayings.NO_SUCH_CASE)
            elif isinstance(command, LookBack):
                history.tell(work, said_in, case, who)
            else:
                _tell(work, said_in, case, who, _do(work, case, who, command))
        case _:
            assert_never(command)


def find(work: Work, number: CaseNumber | None) -> Case | None:
    """The case of this number; None where there is none."""
    return work.tx.cases.get(number) if number is not None else None


def _do(work: Work, case: Case, who: str, command: Vet | Claim | Close | Trust | Join) -> Told:
    match command:
        case Vet(_, verdict, note):
            return casework.vet(work, case, verdict, note, who)
        case Claim(_, emergency):
            return casework.claim(work, case, who, emergency=emergency)
        case Close():
            return casework.close(work, case, who)
        case Trust():
            return identity.accept(work, case)
        case Join(_, other):
            second = find(work, other)
            return Told(sayings.NO_SUCH_CASE) if second is None else joining.join(work, case, second, who)
        case _:
            assert_never(command)


def _change_staff(work: Work, said_in: Conversation, who: str, command: ForStaff) -> None:
    if said_in.place is not Place.QUEUE:
        _answer(work, said_in, sayings.ROSTER_ELSEWHERE)
    elif not work.is_lead(who):
        _answer(work, said_in, sayings.ROSTER_FOR_LEADS)
    else:
        roster.obey(work, command, who)


def _tell(work: Work, said_in: Conversation, case: Case, who: str, told: Told) -> None:
    """Answer where the command was said; news stands in the queue room too, and where those stand whom it concerns."""
    text = work.kit.render.staff(told.text, case=case.number, who=who, other=told.other)
    rooms = [said_in, *([work.queue_of(case)] if told.news else [])]
    if told.in_notes and case.notes is not None:
        rooms.append(work.tx.conversations.get(case.notes))
    for room in {room.id: room for room in rooms}.values():
        work.say(room, text)


def _ask_back(work: Work, said_in: Conversation, meant: str | None) -> None:
    say = work.kit.render.staff
    parts = [say(sayings.UNKNOWN_COMMAND)]
    if meant is not None:
        parts.append(say(sayings.DID_YOU_MEAN, command=meant))
    if said_in.place is Place.RELAY:
        parts.insert(0, say(sayings.COMMAND_IN_RELAY))
    work.say(said_in, "\n\n".join(parts))


def _answer(work: Work, said_in: Conversation, text: TextId) -> None:
    work.say(said_in, work.kit.render.staff(text))
