"""What the stand-in hands over is what the real daemon was recorded to hand over, as parsed JSON.

Made equal before comparing: the timestamps of now, in attachments the upload's, and the number of the account's own
other device (the recording made it 1, which is the daemon's own). The recording took its envelopes from the event
stream; on the socket the same object stands in `params`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from tests.signald import envelopes
from tests.signald.client import Client
from tests.signald.handle import ACCOUNT, SECOND, Signald
from tests.signald.person import Person
from tests.signald.test_recorded import GROUP, OLD, RECORDED, WRITER, alike
from tests.signald.world import Group

Json = dict[str, Any]
Deed = Callable[[Signald, Person], Awaitable[Any]]
NUMBER = "+15550100001"
ADA = envelopes.address(WRITER, NUMBER, "Ada")
CALL = 18446744073709551614
PICTURE = envelopes.attachment("wPm8nTzHh6K4LzGzqk3x.jpg", "image/jpeg", "foto.jpg", 12345, 0, (640, 480))
VOICE = envelopes.attachment("0a1B2c3D.aac", "audio/aac", None, 12345, 0, None)
ONCE = envelopes.attachment("viewonce1.jpg", "image/jpeg", None, 12345, 0, (640, 480))
STORY = envelopes.attachment("story1.jpg", "image/jpeg", None, 12345, 0, (640, 480))
GIVEN = {"nickname": None, "given": "Grace", "family": "Hopper", "prefix": None, "suffix": None, "middle": None}
PHONE = {"value": "+15550100099", "type": "MOBILE", "label": None}
CARD = {"name": GIVEN, "phone": [PHONE], "organization": None}
MENTION = {"name": WRITER, "number": None, "uuid": WRITER, "start": 0, "length": 1}
LINK = {"url": "https://example.org", "title": "Example", "description": "desc", "image": None}


def head(body: Json) -> Json:
    """A notification about somebody of whom only the envelope's head is known."""
    source = envelopes.address(WRITER, None, "Ada")
    return {**body, "envelope": envelopes.envelope(source, 5, 1, {}, received=5, delivered=5), "account": ACCOUNT[0]}


async def in_new_phone(ada: Person) -> None:
    await ada.changes_key()
    await ada.writes("cannot be read")


QUOTED = envelopes.quote(OLD, ADA, "original", [{"contentType": "image/jpeg", "filename": "foto.jpg"}])
BOLD = {"style": "BOLD", "start": 5, "length": 4}
UNREADABLE = {"message": "invalid PreKey message: decryption failed", "type": "Exception"}
READ = {"sender": NUMBER, "senderNumber": NUMBER, "senderUuid": WRITER, "timestamp": OLD}

DEEDS: dict[str, Deed] = {
    "text hello": lambda s, ada: ada.writes("hello"),
    "textnum with number and expiry": lambda s, ada: ada.writes("with number and expiry", expires=604800),
    "nl": lambda s, ada: ada.writes("line1\nline2\r\nline3 \u2028 😀 é"),
    "att": lambda s, ada: ada.writes(None, attachments=[PICTURE, VOICE]),
    "viewonce": lambda s, ada: ada.writes(None, viewOnce=True, attachments=[ONCE]),
    "reaction add": lambda s, ada: ada.reacts(OLD),
    "reaction remove": lambda s, ada: ada.reacts(OLD, remove=True),
    "quote": lambda s, ada: ada.writes("my answer", quote=QUOTED),
    "mention": lambda s, ada: ada.writes("\ufffc hi bold", mentions=[MENTION], textStyles=[BOLD], group=GROUP),
    "grouptext in group": lambda s, ada: ada.writes("in group", group=GROUP),
    "groupupdate": lambda s, ada: ada.changes_group(GROUP),
    "expire": lambda s, ada: ada.sets_timer(3600),
    "remotedelete": lambda s, ada: ada.deletes(OLD),
    "sticker": lambda s, ada: ada.sticker(),
    "contact": lambda s, ada: ada.writes(None, contacts=[CARD]),
    "preview": lambda s, ada: ada.writes("see https://example.org", previews=[LINK]),
    "edit": lambda s, ada: ada.edits(OLD, "edited text"),
    "receipt delivery": lambda s, ada: ada.reads(OLD, OLD + 1, kind="delivery"),
    "receipt read": lambda s, ada: ada.reads(OLD, OLD + 1),
    "receipt viewed": lambda s, ada: ada.reads(OLD, OLD + 1, kind="viewed"),
    "typing started": lambda s, ada: ada.typing(),
    "typing stopped": lambda s, ada: ada.typing(started=False),
    "call": lambda s, ada: ada.sends(envelopes.call(CALL)),
    "hangup": lambda s, ada: ada.sends(envelopes.hangup(CALL)),
    "story": lambda s, ada: ada.sends({"storyMessage": {"allowsReplies": True, "fileAttachment": STORY}}),
    "syncsent": lambda s, ada: s.writes_elsewhere("from another device", ada),
    "notetoself": lambda s, ada: s.writes_elsewhere("note to self"),
    "syncread": lambda s, ada: s.syncs({"syncMessage": {"readMessages": [READ]}}),
    "syncmrr": lambda s, ada: s.syncs({"syncMessage": {}}),
    "empty": lambda s, ada: ada.sends({}),
    "untrusted": lambda s, ada: in_new_phone(ada),
    "decryptfail": lambda s, ada: s.pushes(head({"exception": UNREADABLE})),
    "text to the other account": lambda s, ada: ada.writes("to the other account", account=SECOND[0]),
}
"""What happens, by the name that the recording gives it."""
SHARING = {"textnum", "mention", "receipt", "syncsent", "untrusted"}  # those with the writer's number


def recorded() -> Iterator[tuple[str, Json]]:
    """The envelopes of the recorded event stream, in its order: name, and object."""
    for row in RECORDED:
        if row["group"] == "sse-event":
            words = [word for word in row["note"].split(" ") if not word.startswith("+")]
            data = row["raw"].partition("data:")[2].partition("\n\n")[0]
            yield " ".join(words), json.loads(data)


async def test_envelopes_are_as_recorded(tmp_path: Path) -> None:
    different = []
    async with Signald(tmp_path, multi=True, accounts=(ACCOUNT, SECOND)) as signald, Client(signald.socket) as client:
        ada = await signald.person("Ada", uuid=WRITER, number=NUMBER)
        await client.call("subscribeReceive")
        signald.world.accounts[ACCOUNT[0]].name = "Ada"  # the recording's only name
        signald.world.groups[GROUP] = Group(GROUP, "Test group", [WRITER], {ACCOUNT[0]}, 3)
        for name, wanted in recorded():
            ada.human.number_shared = name.split()[0] in SHARING
            await DEEDS[name](signald, ada)
            ada.human.timer = 0
            (said,) = await client.bodies()
            if name.startswith(("sync", "note")):
                wanted["envelope"]["sourceDevice"] = 2
            if alike(said) != alike(wanted):
                different.append((name, said, wanted))
    assert different == []


def test_every_recorded_envelope_is_compared() -> None:
    assert [name for name, _ in recorded()] == list(DEEDS)
