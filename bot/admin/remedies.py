"""What `vestibule doctor` says of each finding, and how to mend what is wrong: an administrator's sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.channels.matrix.selfcheck import MOST_SKEW, Finding

RECOVER = "run `vestibule setup --recover` with the recovery key"
FOREIGN = (
    "if nobody of yours did that, take the account for taken over: change its password, tell the people who write to it"
)


@dataclass(frozen=True, slots=True)
class Says:
    """How a finding reads when it is well, and when it is not: then with what to do."""

    well: str
    wrong: str = ""


SENTENCES: Mapping[str, Says] = {
    "config": Says("{file} can be used"),
    "key-file": Says("{file} is there, closed to others, and outside of data_dir", "{why}"),
    "data-dir": Says(
        "{folder} is there, and closed to others",
        "{folder} cannot be looked into: {why}; run `vestibule setup` where it was never run, or be the user that the "
        "bot runs as",
    ),
    "data-dir-open": Says("", "{folder} is open to others on this machine; run: chmod 700 {folder}"),
    "runs": Says("a bot runs here, or starts"),
    "rests": Says("no bot runs here; `vestibule run` starts it"),
    "database": Says(
        "{file} is there",
        "{file} is not there; run `vestibule setup` where it was never run, otherwise restore the backup",
    ),
    "identity": Says(
        "the bot has its device and its cross-signing identity",
        "the bot's identity is not complete; run `vestibule setup`, which goes on where it was interrupted",
    ),
    "identity-record": Says(
        "",
        "what data_dir keeps of the bot's identity does not open: it was sealed with another key file, or the disk is "
        "damaged; put the right key file back, or restore the backup",
    ),
    "account": Says(
        "data_dir belongs to [matrix] user_id",
        "data_dir belongs to another account than [matrix] user_id; correct one of the two in the config",
    ),
    "key-store": Says(
        "the encryption keys of the bot's device are there",
        f"the encryption keys of the bot's device are gone; {RECOVER}",
    ),
    "fingerprint": Says("{fingerprint} - compare it with what is published"),
    "recovery-key": Says(
        "no recovery key lies here",
        "a recovery key lies in {files}; write it down where the bot does not run, then delete it here (shred -u)",
    ),
    "recovery-key-record": Says(
        "",
        "the recovery key still lies in data_dir, because setup was not finished; run `vestibule setup` once more",
    ),
    "staff-list": Says("{count} people may read cases; `vestibule staff list` says who", "{why}"),
    "homeserver": Says(
        "{address} answers",
        "{address}: {why}; start it, or correct [matrix] homeserver. What needs it could not be looked at",
    ),
    "token": Says(
        "the homeserver takes the bot's access token",
        "the homeserver takes the bot's access token no more: its device was logged out; run `vestibule setup`, or "
        "`vestibule setup --recover` where that does not help",
    ),
    "master-key": Says(
        "the homeserver lists the master key that setup made",
        f"the homeserver lists another master key than the one that setup made, or none: it was replaced; {FOREIGN}. "
        f"Then {RECOVER}, or `vestibule setup --reset-identity`",
    ),
    "self-signing-key": Says(
        "the master key signs the self-signing key",
        f"the account has no self-signing key that its master key signed: it was replaced; {RECOVER}",
    ),
    "device": Says(
        "the self-signing key signs the bot's device",
        f"the bot's device is not signed, so that strict clients send it no keys; run `vestibule setup`, or {RECOVER}",
    ),
    "other-devices": Says(
        "the account has no unsigned device",
        "the account has {unsigned} unsigned devices beside the bot's; log them out. If nobody of yours made "
        "them, change the account's password",
    ),
    "one-time-keys": Says(
        "{left} one-time keys wait on the homeserver",
        "no one-time keys wait on the homeserver; start the bot, which uploads new ones",
    ),
    "fallback-key": Says(
        "an unused fallback key waits on the homeserver",
        "no unused fallback key waits on the homeserver; start the bot, which uploads one",
    ),
    "secret-storage": Says(
        "the account's secret storage is there, for the recovery key to open",
        "the account has no secret storage: the recovery key opens nothing, and a lost data_dir is a lost identity; "
        "back up data_dir and the key file now, and find out who removed it",
    ),
    "clock": Says(
        f"within {MOST_SKEW:.0f} seconds of the homeserver's",
        "this machine's clock and the homeserver's are {seconds} seconds apart; have both set by NTP",
    ),
    "queue-room": Says(
        "the homeserver knows [specialists] room",
        "the homeserver does not know the alias in [specialists] room; make the room, or name it by its id",
    ),
    "queue-joined": Says(
        "the bot is in the queue room",
        "the bot is not in the queue room, and no case is shown to anybody; invite the bot to it, and let it run",
    ),
    "staff-reached": Says(
        "the bot reaches the specialists in their rooms",
        "the bot can say nothing in {rooms} of the specialists' rooms: new cases are shown to nobody there, and "
        "requesters are told so; invite it, or let it write there. Its log says why",
    ),
    "queue-encrypted": Says(
        "the queue room is encrypted",
        "the queue room is not encrypted, and the bot says nothing in it; turn encryption on in its settings",
    ),
    "other-queue-rooms": Says(
        "the bot is in all {rooms} other rooms for cases, and they are encrypted",
        "of the {rooms} rooms in [specialists] rooms and [vetting], the homeserver does not know {unknown}, the bot is "
        "not in {outside}, and {clear} are not encrypted; cases of what it cannot enter are shown in [specialists] "
        "room. Mend the names, invite the bot, and turn encryption on in the rooms' settings; after making a room or "
        "mending a name, start the bot again before you invite it",
    ),
    "room-topics": Says("cases can have the topics that rooms are for", "{why}"),
    "clear-rooms": Says(
        "all {rooms} rooms that the bot is in are encrypted",
        "{clear} of the {rooms} rooms that the bot is in are not encrypted; it says nothing in them. Remove the bot "
        "from those that are yours; those of strangers it leaves by itself while it runs",
    ),
    "signal-daemon": Says(
        "the Signal daemon answers at {socket}",
        "{why}; start it, or correct [signal] socket. `vestibule setup signal` walks through making one",
    ),
    "signal-version": Says("", "{why}"),
    "signal-one-account": Says(
        "the Signal daemon is for this account alone",
        "the Signal daemon serves several accounts, and would go on in silence if this one were lost; start it with -a "
        "and the number",
    ),
    "signal-files": Says(
        "the bot can take files out of {folder}",
        "the files that people send stay in {folder} in clear: {why}; have the daemon and the bot run as one user",
    ),
    "signal-files-unnamed": Says(
        "",
        "the files that people send stay in the Signal daemon's folder, in clear and for ever; name that folder as "
        "[signal] attachments",
    ),
    "signal-files-left": Says(
        "",
        "{count} files lie in {folder} in clear; while the bot runs it seals and deletes what belongs to messages. "
        "Nobody needs what is older: delete it",
    ),
    "signal-sent-again": Says(
        "since its database was made the bot sent {count} messages again on Signal whose first sending nobody could "
        "tell of; some of them may stand there twice"
    ),
    "signal-not-understood": Says(
        "{count} things that came by Signal could not be taken by a fault of the bot; whoever sent them was told. The "
        "log says where: please report it"
    ),
    "signal-unreadable": Says(
        "{count} messages came by Signal that could not be read, from nobody knows whom; nobody could be told"
    ),
    "signal-says-nothing": Says("{count} lines of the Signal daemon said nothing, and were passed over"),
    "staff-keys": Says(
        "the homeserver lists the pinned master keys of staff ({unasked} could not be asked for)",
        "the homeserver lists another master key than the pinned one, or none, for {who}: they read nothing. Ask them "
        "why, and compare the new key with them before you list it; `vestibule staff list` shows what is pinned",
    ),
}


def line(finding: Finding) -> str:
    """One finding in one line."""
    says = SENTENCES[finding.code]
    sentence = says.well if finding.good else says.wrong
    words = sentence.format_map({**finding.params, "who": ", ".join(finding.who)})
    return f"{'ok   ' if finding.good else 'wrong'}  {finding.code}: {'; '.join(words.splitlines())}"
