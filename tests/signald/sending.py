"""What a send of any kind does in the world: whom it reaches, how it fails, and how the daemon words both."""

from __future__ import annotations

import base64
import mimetypes
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.signald.rpc import LIMITED, UNEXPECTED, UNTRUSTED, USER, Params, Refused
from tests.signald.world import (
    TRUSTED,
    Account,
    File,
    Group,
    Heard,
    Human,
    Identity,
    Limit,
    Reaction,
    World,
    edited,
    erased,
    with_text,
)
from tests.signald.world import UNTRUSTED as UNTRUSTED_LEVEL

Json = dict[str, Any]
Change = Callable[[Human], None]
UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
STYLES = {"BOLD", "ITALIC", "SPOILER", "STRIKETHROUGH", "MONOSPACE"}
EMPTY = "Sending empty message is not allowed, either a message, attachment or sticker must be given."
BROKEN = "Connection closed!"
FAILURES = {"network": "NETWORK_FAILURE", "unregistered": "UNREGISTERED_FAILURE", "prekey": "INVALID_PRE_KEY_FAILURE"}
DATA_URI = re.compile(r"data:(?P<type>[^;,]*)(?:;filename=(?P<name>[^;,]*))?;base64,(?P<data>.*)", re.DOTALL)


class Sending:
    """Sends of an account, done one after the other in the order in which they come."""

    def __init__(self, world: World) -> None:
        self._world = world

    def send(self, account: Account, params: Params) -> Json:
        """A message, or a new text for an earlier one."""
        humans, group, to_self = self._recipients(account, params)
        text = params.text("message") or ""
        paths = params.many("attachment")
        quote = params.moment("quoteTimestamp")
        if quote is not None and params.text("quoteAuthor") is None:
            raise Refused(USER, "Quote author parameter is missing")
        for style in params.many("textStyle"):
            if str(style).rpartition(":")[2] not in STYLES:
                raise Refused(USER, f"Invalid style: {str(style).rpartition(':')[2]}")
        if not text and not paths and params.text("sticker") is None and quote is None:
            raise Refused(USER, EMPTY)
        edit = params.moment("editTimestamp")
        files = tuple(self._file(str(path)) for path in paths)
        timestamp = self._world.now()
        group_id = group.id if group else None

        def change(human: Human) -> None:
            if edit is not None:
                if not edited(human.heard, edit, with_text(text)):
                    human.ignored.append(f"edit of {edit}")
                return
            expires = 0 if group else account.timers.get(human.uuid, 0)
            message = Heard(timestamp, text, files, expires, group_id, quote, account=account.number)
            human.heard.append(message)

        return self._done(account, timestamp, humans, group, change, to_self=to_self)

    def typing(self, account: Account, params: Params) -> Json:
        """Typing, or no longer."""
        humans, group, _ = self._recipients(account, params)
        started = not params.flag("stop")

        def change(human: Human) -> None:
            human.typing = started

        return self._done(account, self._world.now(), humans, group, change, told=False)

    def receipt(self, account: Account, params: Params) -> Json:
        """Read, or viewed."""
        humans, group, _ = self._recipients(account, params)
        kind = params.text("type") or "read"
        stamps = params.moments("targetTimestamp")
        if kind not in ("read", "viewed"):
            raise Refused(USER, f"Unknown receipt type: {kind}")

        def change(human: Human) -> None:
            (human.read if kind == "read" else human.viewed).update(stamps)

        return self._done(account, self._world.now(), humans, group, change, told=False)

    def reaction(self, account: Account, params: Params) -> Json:
        """A reaction to a message."""
        humans, group, _ = self._recipients(account, params)
        stamp = params.needed_moment("targetTimestamp")
        reaction = Reaction(params.needed("emoji"), stamp, params.flag("remove"))
        return self._done(account, self._world.now(), humans, group, lambda human: human.reactions.append(reaction))

    def delete(self, account: Account, params: Params) -> Json:
        """Delete for everyone."""
        humans, group, _ = self._recipients(account, params)
        stamp = params.needed_moment("targetTimestamp")

        def change(human: Human) -> None:
            if not edited(human.heard, stamp, erased):
                human.ignored.append(f"deletion of {stamp}")

        return self._done(account, self._world.now(), humans, group, change)

    def timer(self, account: Account, human: Human, seconds: int) -> None:
        """Tell somebody that messages between the two disappear after so long."""
        account.timers[human.uuid] = seconds

        def change(human: Human) -> None:
            human.timer = seconds

        timestamp = self._world.now()
        if self._outcome(account, human)["type"] == "SUCCESS":
            self._world.arrives(account, human, timestamp, change)

    def group_changed(self, account: Account, group: Group) -> list[Json]:
        """Tell the members of a group that it changed."""
        return [self._outcome(account, self._world.people[uuid]) for uuid in group.members]

    # ---- whom it goes to

    def human(self, name: str) -> Human:
        """The person of a recipient; raises `Refused` as the daemon does for what is none."""
        if not (name.startswith(("+", "u:", "PNI:")) or UUID.fullmatch(name)):
            raise Refused(USER, f"Invalid phone number '{name}': No valid characters found.")
        human = self._world.find(name)
        if human is None:
            raise Refused(USER, f"The user {name} is not registered.")
        return human

    def group(self, group_id: str) -> Group:
        """The group of an id; raises `Refused` for what is none or is not known."""
        odd = re.search(r"[^A-Za-z0-9+/=]", group_id)
        if odd:
            why = f'Failed to decode groupId (must be base64) "{group_id}"'
            raise Refused(USER, f"Invalid group id: {why}: Illegal base64 character {ord(odd[0]):x}")
        if group_id not in self._world.groups:
            raise Refused(USER, f"Group not found: {group_id}")
        return self._world.groups[group_id]

    def _recipients(self, account: Account, params: Params) -> tuple[list[Human], Group | None, bool]:
        names = [str(name) for name in params.many("recipient")]
        names += [f"u:{name}" for name in params.many("username")]
        groups = [self.group(str(group_id)) for group_id in params.many("groupId")]
        if params.flag("noteToSelf") or names in ([account.number], [account.uuid]):
            return [], None, True
        if not names and not groups:
            raise Refused(USER, "No recipients given")
        if groups:
            if account.number not in groups[0].accounts:
                raise Refused(USER, f"User is not a member in group: {groups[0].name} ({groups[0].id})")
            return [self._world.people[uuid] for uuid in groups[0].members], groups[0], False
        return [self.human(name) for name in names], None, False

    # ---- what becomes of it

    def _done(
        self,
        account: Account,
        timestamp: int,
        humans: list[Human],
        group: Group | None,
        change: Change,
        *,
        to_self: bool = False,
        told: bool = True,
    ) -> Json:
        for human in humans:
            if human.failing == "exception":
                raise Refused(USER, f"The user {human.number or human.uuid} is not registered.")
            if human.failing == "io":
                raise Refused(UNEXPECTED, f"Failed to send message: {BROKEN} (IOException) (UnexpectedErrorException)")
        results = [self._outcome(account, human) for human in humans]
        for human, result in zip(humans, results, strict=True):
            if result["type"] == "SUCCESS":
                account.contacts.add(human.uuid)
                self._world.arrives(account, human, timestamp, change, told=told)
        if group:
            results = [{**result, "groupId": group.id} for result in results]
        if to_self:
            own = {"uuid": account.uuid, "number": account.number, "username": None}
            results = [{"recipientAddress": own, "type": "SUCCESS"}]
        return verdict(timestamp, results)

    def _outcome(self, account: Account, human: Human) -> Json:
        result: Json = {"recipientAddress": human.recipient, "type": "SUCCESS"}
        limit = self._limit(account, human)
        if human.failing in FAILURES:
            return {**result, "type": FAILURES[human.failing]}
        if limit is not None:
            token = {"token": limit.token} if limit.token else {}
            left = max(1, -(-(limit.until - self._world.clock()) // 1000))
            return {**result, "type": "RATE_LIMIT_FAILURE", **token, "retryAfterSeconds": left}
        if not self._trusted(account, human):
            return {**result, "type": "IDENTITY_FAILURE"}
        return result

    def _limit(self, account: Account, human: Human) -> Limit | None:
        for limit in (account.limit, human.limit):
            if limit is not None and limit.until > self._world.clock():
                return limit
        return None

    def _trusted(self, account: Account, human: Human) -> bool:
        known = account.identities.get(human.uuid)
        if known is None:
            account.identities[human.uuid] = Identity(human.key, TRUSTED, self._world.clock())
            return True
        if known.key != human.key:
            account.identities[human.uuid] = Identity(human.key, UNTRUSTED_LEVEL, self._world.clock())
            return False
        return known.level != UNTRUSTED_LEVEL

    def _file(self, path: str) -> File:
        inline = DATA_URI.fullmatch(path)
        if inline:
            return File(inline["name"], inline["type"], base64.b64decode(inline["data"]))
        try:
            content = Path(path).read_bytes()
        except OSError:
            why = f"{path}: (No such file or directory) (AttachmentInvalidException)"
            raise Refused(UNEXPECTED, f"Failed to send message: {why} (UnexpectedErrorException)") from None
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        return File(Path(path).name, kind, content)


def verdict(timestamp: int, results: list[Json]) -> Json:
    """A result where anybody got it, and an error where nobody did."""
    body = {"timestamp": timestamp, "results": results}
    kinds = {result["type"] for result in results}
    if not results or "SUCCESS" in kinds:
        return body
    data = {"response": body}
    if kinds == {"IDENTITY_FAILURE"}:
        raise Refused(UNTRUSTED, "Failed to send message due to untrusted identities", data)
    if kinds == {"RATE_LIMIT_FAILURE"}:
        raise Refused(LIMITED, "Failed to send message due to rate limiting", data)
    raise Refused(USER, "Failed to send message", data)
