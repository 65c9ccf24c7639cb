"""What people do in the rooms of a case, once each as it should be, and with every relation that can be forged.

Each of these writes something, and notes what has to come of it on the other side: once, there, and nowhere else.
"""

from __future__ import annotations

from tests.services.crowd import STAFF, Crowd, Move, Said, Sides, Talk
from tests.services.world import QUEUE, STRANGER, TEXTS

BEFORE_COMMANDS = ("", "", " ", "\u200b", "\u200f\u2066", "\ufeff", "\u00ad", "\u034f", "\u3164", "\u2800", "\u00a0\n")
COMMANDS = (
    "help",
    "vet passed",
    "claim",
    "trust",
    "join",
    "assign",
    "help-me",
    "staff remove",
    "HELP",
    "clsoe",
    "zzz",
    "",
)
KNOWN = ("help", "vet", "claim", "trust", "join", "assign", "help-me", "staff")
BEFORE_WORDS = ("1", "2", "yes", "plain", "!close", "!help", "/me", "> he wrote\n\n", "> a\n> b")


# what staff do in the relay room


def speaks(crowd: Crowd, talk: Talk) -> None:
    """Words for the requester; whatever they are related to, they go there and nowhere else."""
    words = f"{crowd.mark('relay')} with words"
    event = crowd.write(talk, talk.relay, crowd.chance.choice(STAFF), words, crowd.loosely(talk.relay))
    talk.at_requester.append(("text", words))
    talk.by_staff.append(Said(event, words))


def replies(crowd: Crowd, talk: Talk) -> None:
    """A reply as older programs send it: what it quotes names its author, and may be from any room."""
    author, words = crowd.chance.choice([*STAFF, crowd.world.staff.bot]), crowd.mark("reply")
    quoted = f"> <{author}> {crowd.mark('quoted')}\n> and more\n\n{words}"
    relation = crowd.chance.choice([{"m.in_reply_to": {"event_id": crowd.elsewhere(talk.relay)}}, None])
    event = crowd.write(talk, talk.relay, crowd.chance.choice(STAFF), quoted, relation)
    talk.at_requester.append(("text", words))
    talk.by_staff.append(Said(event, words))


def corrects(crowd: Crowd, talk: Talk) -> None:
    """An edit of what the requester has read."""
    said, words = crowd.chance.choice(talk.by_staff), crowd.mark("edited")
    crowd.write(talk, talk.relay, crowd.chance.choice(STAFF), words, crowd.edit_of(said.event_id))
    talk.at_requester.append(("edit", said.words, words))
    said.words = words


def corrects_what_is_elsewhere(crowd: Crowd, talk: Talk) -> None:
    """An edit of what is not this room's: words for this requester all the same, beside what was said before."""
    words = crowd.mark("misplaced")
    target = crowd.chance.choice([crowd.elsewhere(talk.relay), crowd.elsewhere(talk.relay), None, 7, ""])
    crowd.write(talk, talk.relay, crowd.chance.choice(STAFF), words, crowd.edit_of(target))
    talk.at_requester.append(("text", TEXTS.say("bot.corrected", talk.locale, {"words": words})))


def takes_back(crowd: Crowd, talk: Talk) -> None:
    """A removal of what the requester has read."""
    said = talk.by_staff.pop(crowd.chance.randrange(len(talk.by_staff)))
    crowd.remove(talk, talk.relay, crowd.chance.choice(STAFF), said.event_id)
    talk.at_requester.append(("edit", said.words, TEXTS.say("bot.removed", talk.locale)))


def takes_back_what_is_elsewhere(crowd: Crowd, talk: Talk) -> None:
    """A removal of what is not this room's."""
    crowd.remove(talk, talk.relay, crowd.chance.choice(STAFF), crowd.elsewhere(talk.relay))


def commands(crowd: Crowd, talk: Talk) -> None:
    """A command, known or not, as keyboards and programs write it: it is not relayed, and an unknown one asks."""
    verb, mark = crowd.chance.choice(COMMANDS), crowd.chance.choice(("!", "！", "﹗"))
    body = f"{crowd.chance.choice(BEFORE_COMMANDS)}{mark}{crowd.chance.choice(('', ' '))}{verb} {crowd.mark('command')}"
    talk.commands.append(crowd.write(talk, talk.relay, crowd.chance.choice(STAFF), body, crowd.loosely(talk.relay)))
    talk.asked_back += verb.casefold().partition(" ")[0] not in KNOWN


def turns_words_into_a_command(crowd: Crowd, talk: Talk) -> None:
    """An edit that makes a command of what was relayed, or of anything else."""
    target = crowd.chance.choice([crowd.chance.choice(talk.by_staff).event_id, crowd.elsewhere(talk.relay)])
    body = f"{crowd.chance.choice(BEFORE_COMMANDS)}!clsoe {crowd.mark('command')}"
    talk.commands.append(crowd.write(talk, talk.relay, crowd.chance.choice(STAFF), body, crowd.edit_of(target)))
    talk.asked_back += 1


def turns_a_command_into_words(crowd: Crowd, talk: Talk) -> None:
    """An edit that makes words of a command: they are for the requester, as what is written there is."""
    words = crowd.mark("uncommanded")
    crowd.write(talk, talk.relay, crowd.chance.choice(STAFF), words, crowd.edit_of(crowd.chance.choice(talk.commands)))
    talk.at_requester.append(("text", TEXTS.say("bot.corrected", talk.locale, {"words": words})))


def sends_file(crowd: Crowd, talk: Talk) -> None:
    """A file for the requester."""
    name = crowd.file(talk, talk.relay, crowd.chance.choice(STAFF), "relayfile", crowd.loosely(talk.relay))
    talk.at_requester.append(("file", name))


def is_not_trusted(crowd: Crowd, talk: Talk) -> None:
    """What a stranger writes there, and what comes from a device that nobody vouches for."""
    who, signed = crowd.chance.choice([(STRANGER, True), (STRANGER, False), (talk.claimer, False), (talk.person, True)])
    own = crowd.chance.choice(talk.by_staff).event_id
    relation = crowd.chance.choice([crowd.loosely(talk.relay), crowd.edit_of(own)])
    body = f"{crowd.chance.choice(('', '!close '))}{crowd.mark('untrusted')}"
    crowd.write(talk, talk.relay, who, body, relation, signed=signed)
    crowd.file(talk, talk.relay, who, "untrusted", relation, signed=signed)
    crowd.remove(talk, talk.relay, STRANGER, own)


# what staff write to each other


def note(crowd: Crowd, talk: Talk) -> None:
    """A note, which may look like anything."""
    relation = crowd.chance.choice([crowd.loosely(talk.notes), crowd.edit_of(crowd.chance.choice(talk.events)[1])])
    who, body = crowd.chance.choice(STAFF), f"Dear requester, {crowd.mark('note')}"
    crowd.write(talk, talk.notes, who, body, relation)


def note_of_the_same_name(crowd: Crowd, talk: Talk) -> None:
    """A note to which the server gave the name of an event in the relay room, and one that replaces that."""
    event = crowd.chance.choice(talk.by_staff).event_id
    crowd.write(talk, talk.notes, talk.claimer, crowd.mark("note"), event_id=event)
    crowd.write(talk, talk.notes, talk.claimer, crowd.mark("note"), crowd.edit_of(event))


def note_as_file(crowd: Crowd, talk: Talk) -> None:
    """A file among staff."""
    relation = crowd.chance.choice([crowd.loosely(talk.notes), crowd.edit_of(crowd.chance.choice(talk.events)[1])])
    crowd.file(talk, talk.notes, crowd.chance.choice(STAFF), "notefile", relation)


def removes_from_the_notes(crowd: Crowd, talk: Talk) -> None:
    """A removal that is said in the notes room, of what stands in the relay room or at the requester's."""
    for said in (*talk.by_staff[-2:], *talk.by_requester[-2:]):
        crowd.remove(talk, talk.notes, crowd.chance.choice(STAFF), said.event_id)


def chats_in_the_queue(crowd: Crowd, talk: Talk) -> None:
    """Words, a file and a removal in the queue room."""
    who, relation = crowd.chance.choice(STAFF), crowd.edit_of(crowd.chance.choice(talk.events)[1])
    crowd.write(talk, QUEUE, who, f"{talk.number} {crowd.mark('queue')}", crowd.chance.choice([relation, None]))
    crowd.file(talk, QUEUE, who, "queuefile", relation)
    crowd.remove(talk, QUEUE, who, crowd.chance.choice(talk.events)[1])


# what the requester does


def requester_writes(crowd: Crowd, talk: Talk) -> None:
    """Words of theirs, which may look like a choice, a command or a quotation."""
    words = f"{crowd.chance.choice(BEFORE_WORDS)} {crowd.mark('words')}"
    event = crowd.write(talk, talk.home, talk.person, words, crowd.loosely(talk.home), signed=False)
    talk.at_staff.append(("text", words))
    talk.by_requester.append(Said(event, words))


def requester_replies(crowd: Crowd, talk: Talk) -> None:
    """A reply as older programs send it; what it quotes stands above it."""
    said, words = crowd.mark("theirquote"), crowd.mark("reply")
    relation = crowd.chance.choice([{"m.in_reply_to": {"event_id": crowd.elsewhere(talk.home)}}, None])
    body = f"> <{crowd.world.staff.bot}> {said}\n\n{words}"
    event = crowd.write(talk, talk.home, talk.person, body, relation, signed=False)
    talk.at_staff.append(("text", f"> {said}\n\n{words}"))
    talk.by_requester.append(Said(event, f"> {said}\n\n{words}"))


def requester_corrects(crowd: Crowd, talk: Talk) -> None:
    """An edit of what staff have read."""
    said, words = crowd.chance.choice(talk.by_requester), f"!close {crowd.mark('changed')}"
    crowd.write(talk, talk.home, talk.person, words, crowd.edit_of(said.event_id), signed=False)
    talk.at_staff.append(("edit", said.words, words))
    said.words = words


def requester_corrects_what_is_elsewhere(crowd: Crowd, talk: Talk) -> None:
    """An edit of what is not this conversation's: words of theirs all the same."""
    words = crowd.mark("moved")
    earlier = [said.event_id for said in talk.before.by_requester] if talk.before else []
    target = crowd.chance.choice([crowd.elsewhere(talk.home), *earlier, None, 7, ""])
    crowd.write(talk, talk.home, talk.person, words, crowd.edit_of(target), signed=False)
    talk.at_staff.append(("text", TEXTS.say("staff.requester_changed", "en", {"words": words})))


def requester_takes_back(crowd: Crowd, talk: Talk) -> None:
    """A removal of what staff have read."""
    said = talk.by_requester.pop(crowd.chance.randrange(len(talk.by_requester)))
    crowd.remove(talk, talk.home, talk.person, said.event_id)
    talk.at_staff.append(("edit", said.words, TEXTS.say("staff.removed", "en")))


def requester_takes_back_what_is_elsewhere(crowd: Crowd, talk: Talk) -> None:
    """A removal of what is not this conversation's."""
    crowd.remove(talk, talk.home, talk.person, crowd.elsewhere(talk.home))


def requester_sends_file(crowd: Crowd, talk: Talk) -> None:
    """A file for the helpline, which comes with a line that warns of it."""
    name = crowd.file(talk, talk.home, talk.person, "homefile", crowd.loosely(talk.home), signed=False)
    talk.at_staff += [("text", TEXTS.say("staff.file_follows", "en", {"file": name})), ("file", name)]


MEANWHILE: tuple[Move, ...] = (requester_writes, note)
"""What is written before anybody has the case."""

FIRST: Sides = ((speaks, speaks), (note,), (requester_writes, requester_writes))
"""What there must be before anything can be said of it."""

MIDDLE: Sides = (
    (
        *(speaks, replies, replies, corrects, corrects, corrects_what_is_elsewhere, takes_back),
        *(takes_back_what_is_elsewhere, commands, commands, turns_words_into_a_command),
        *(sends_file, is_not_trusted),
    ),
    (note, note, note, note_of_the_same_name, note_as_file, removes_from_the_notes, chats_in_the_queue),
    (
        *(requester_writes, requester_replies, requester_replies, requester_corrects, requester_corrects),
        *(requester_corrects_what_is_elsewhere, requester_takes_back, requester_takes_back_what_is_elsewhere),
        requester_sends_file,
    ),
)
LAST: Sides = ((turns_a_command_into_words, speaks), (note,), (requester_writes,))
