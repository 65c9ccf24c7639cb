"""What the daemon hands over for each thing that can happen on Signal: plain dictionaries, shaped as it prints them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Json = dict[str, Any]


def envelope(source: Json, timestamp: int, device: int, body: Json, *, received: int, delivered: int) -> Json:
    """The frame around every body; `source` is what `address` made."""
    head = {**source, "sourceDevice": device, "timestamp": timestamp}
    return {**head, "serverReceivedTimestamp": received, "serverDeliveredTimestamp": delivered, **body}


def address(uuid: str, number: str | None, name: str) -> Json:
    """Who wrote; a number only where they share it."""
    return {"source": number or uuid, "sourceNumber": number, "sourceUuid": uuid, "sourceName": name}


def data(timestamp: int, message: str | None, expires: int = 0, **more: Any) -> Json:
    """A message; `more` holds `attachments`, `quote`, `reaction`, `groupInfo` and the like, in the daemon's words."""
    fixed = {"timestamp": timestamp, "message": message, "expiresInSeconds": expires}
    flags = {"isExpirationUpdate": False, "viewOnce": False}
    return {**fixed, **flags, **more}


def attachment(
    file_id: str, content_type: str, filename: str | None, size: int, uploaded: int, picture: tuple[int, int] | None
) -> Json:
    """One file of a message, as it lies under `attachments/` by its id."""
    width, height = picture or (None, None)
    named = {"contentType": content_type, "filename": filename, "id": file_id, "size": size}
    return {**named, "width": width, "height": height, "caption": None, "uploadTimestamp": uploaded}


def reaction(emoji: str, author: Json, timestamp: int, *, remove: bool) -> Json:
    """A reaction to a message of `author`."""
    target = {
        "targetAuthor": author["source"],
        "targetAuthorNumber": author["sourceNumber"],
        "targetAuthorUuid": author["sourceUuid"],
    }
    return {"emoji": emoji, **target, "targetSentTimestamp": timestamp, "isRemove": remove}


def quote(timestamp: int, author: Json, text: str, attachments: Iterable[Json] = ()) -> Json:
    """The message that one answers."""
    who = {
        "author": author["source"],
        "authorNumber": author["sourceNumber"],
        "authorUuid": author["sourceUuid"],
    }
    return {"id": timestamp, **who, "text": text, "attachments": list(attachments)}


def group(group_id: str, name: str, revision: int, *, update: bool = False) -> Json:
    """The group that a message was written in, or that was changed."""
    about = {"groupId": group_id, "groupName": name, "revision": revision}
    return {**about, "type": "UPDATE" if update else "DELIVER"}


def receipt(when: int, kind: str, timestamps: Iterable[int]) -> Json:
    """A receipt of the kind `delivery`, `read` or `viewed`."""
    kinds = {"isDelivery": kind == "delivery", "isRead": kind == "read", "isViewed": kind == "viewed"}
    return {"receiptMessage": {"when": when, **kinds, "timestamps": list(timestamps)}}


def typing(timestamp: int, *, started: bool, group_id: str | None = None) -> Json:
    """Somebody types, or stopped."""
    where = {"groupId": group_id} if group_id else {}
    return {"typingMessage": {"action": "STARTED" if started else "STOPPED", "timestamp": timestamp, **where}}


def call(call_id: int) -> Json:
    """Somebody calls."""
    return {"callMessage": {"offerMessage": {"id": call_id, "type": "AUDIO_CALL", "opaque": "AQI="}}}


def hangup(call_id: int) -> Json:
    """Somebody gives up calling."""
    return {"callMessage": {"hangupMessage": {"id": call_id, "type": "NORMAL", "deviceId": 0}}}


def sent_elsewhere(to: Json, message: Mapping[str, Any]) -> Json:
    """What another device of the account's own wrote; to itself, it is a note to self."""
    where = {
        "destination": to["source"],
        "destinationNumber": to["sourceNumber"],
        "destinationUuid": to["sourceUuid"],
    }
    return {"syncMessage": {"sentMessage": {**where, **message}}}
