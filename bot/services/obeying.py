"""What staff write with a `!` in front is done, refused, or asked back, where it was written."""

from __future__ import annotations

from typing import assert_never

from bot.domain import Case, CaseNumber, Conversation, Place, TextId
from bot.services import (
    canned,
    casework,
    followup,
    history,
    identity,
    joining,
    naming,
    overview,
    ownership,
    roster,
    sayings,
    signing,
)
from bot.services.casework import Told
from bot.services.commands import (
    AddStaff,
    Ask,
    Assign,
    CallForHelp,
    Canned,
    Claim,
    Close,
    Command,
    Decides,
    Decline,
    ForStaff,
    Help,
    Join,
    ListMine,
    ListQueue,
    ListStaff,
    LookBack,
    Release,
    RemoveStaff,
    ShowCase,
    Sign,
    Trust,
    Unknown,
    Vet,
)
from bot.services.work import Work


def obey(work: Work, said_in: Conversation, who: str, command: Command, event_id: str) -> None:
    """Do what one of the staff asks for. `event_id`: by which they said it."""
    match command:
        case Help():
            _answer(work, said_in, sayings.STAFF_HELP)
        case Unknown(meant):
            _ask_back(work, said_in, meant)
        case ListStaff() | AddStaff() | RemoveStaff():
            _change_staff(work, said_in, who, command)
        case ListQueue():
            work.say(said_in, overview.queue(work, said_in))
        case ListMine():
            work.say(said_in, overview.mine(work, who))
        case Canned(_, name) if not name or said_in.place is Place.QUEUE:
            canned.show_all(work, said_in)  # a reply can quote what the requester said: that is for the case's rooms
        case Canned():
            case = find(work, command.case)
            if case is None:
                _answer(work, said_in, sayings.CASE_MISSING if command.case is None else sayings.NO_SUCH_CASE)
            else:
                canned.use(work, said_in, case, who, command.name, send=command.send, event_id=event_id)
        case (
            Vet()
            | LookBack()
            | Claim()
            | Release()
            | Assign()
            | CallForHelp()
            | Close()
            | Decline()
            | Sign()
            | Ask()
            | Trust()
            | Join()
            | ShowCase()
        ):
            case = find(work, command.case)
            if command.case is None:
                _answer(work, said_in, sayings.CASE_MISSING)
            elif case is None:
                _answer(work, said_in, sayings.NO_SUCH_CASE)
            elif isinstance(command, ShowCase):
                work.say(said_in, overview.whole(work, case, who))
            elif isinstance(command, LookBack):
                history.tell(work, said_in, case, who)
            else:
                _tell(work, said_in, case.number, who, _do(work, case, who, command))
        case _:
            assert_never(command)


def find(work: Work, number: CaseNumber | None) -> Case | None:
    """The case of this number; None where there is none."""
    return work.tx.cases.get(number) if number is not None else None


def _do(work: Work, case: Case, who: str, command: Decides) -> Told:
    match command:
        case Vet(_, verdict, note):
            return casework.vet(work, case, verdict, note, who)
        case Claim(_, emergency):
            return ownership.claim(work, case, who, emergency=emergency)
        case Release():
            return ownership.give_back(work, case, who)
        case Assign(_, named):
            to = _named(work, named)
            return ownership.assign(work, case, to, who) if isinstance(to, str) else to
        case CallForHelp(_, ""):
            return ownership.call_for_help(work, case, None, who)
        case CallForHelp(_, named):
            helper = _named(work, named)
            return ownership.call_for_help(work, case, helper, who) if isinstance(helper, str) else helper
        case Close():
            return casework.close(work, case, who)
        case Decline(_, reason):
            return canned.decline(work, case, who, reason)
        case Sign(_, name):
            return signing.sign(work, case, who, name)
        case Ask(_, flow):
            return followup.ask(work, case, flow, who)
        case Trust():
            return identity.accept(work, case)
        case Join(_, other):
            second = find(work, other)
            return Told(sayings.NO_SUCH_CASE) if second is None else joining.join(work, case, second, who)
        case _:
            assert_never(command)


def _named(work: Work, written: str) -> str | Told:
    """The whole name of one of the staff, or what is asked back: nobody is let into a case by a guess."""
    names = [member.listed.user for member in roster.members(work)]
    match naming.meant(names, written):
        case [name]:
            return name
        case several:
            could_be = several or naming.alike(names, written)
            return Told(sayings.NAME_UNCLEAR, other=", ".join(could_be)) if could_be else Told(sayings.NAME_UNKNOWN)


def _change_staff(work: Work, said_in: Conversation, who: str, command: ForStaff) -> None:
    if said_in.id != work.queue().id:
        _answer(work, said_in, sayings.ROSTER_ELSEWHERE)
    elif not work.is_lead(who):
        _answer(work, said_in, sayings.ROSTER_FOR_LEADS)
    else:
        roster.obey(work, command, who)


def _tell(work: Work, said_in: Conversation, number: CaseNumber, who: str, told: Told) -> None:
    """Answer where the command was said; news stand in the queue room too, and where those stand whom it concerns."""
    text = work.kit.render.staff(told.text, case=number, who=who, other=told.other, command=told.command)
    rooms, case = [said_in], find(work, number)
    if case is not None and told.news:
        rooms.append(work.queue_of(case))  # where the case is now
    if case is not None and told.in_relay and case.relay is not None:
        rooms.append(work.tx.conversations.get(case.relay))
    if case is not None and told.in_notes and case.notes is not None:
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
