"""The daemon's methods, by name, done in the world."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import Callable
from typing import Any

from tests.signald.rpc import CAPTCHA, IO, LIMITED, NO_ACCOUNT, NO_METHOD, UNEXPECTED, USER, Params, Refused
from tests.signald.sending import BROKEN, Sending, verdict
from tests.signald.world import TRUSTED, UNTRUSTED, VERIFIED, Account, Group, World

Json = dict[str, Any]
FREE = ("version", "subscribeReceive", "unsubscribeReceive")
MULTI = ("listAccounts", "startLink", "finishLink", "register")
NO_TRUST = (
    "Failed to set the trust for this number, make sure the number and the fingerprint/safety number are correct."
)
NO_CAPTCHA = "Captcha rejected, it may be outdated, already used or solved from a different IP address."
NO_NUMBER = "You need to specify the fingerprint/safety number you have verified with -v SAFETY_NUMBER"


class Methods:
    """Answers calls; `call` raises `Refused` with the daemon's own error."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sending = Sending(world)
        self.trusted: Callable[[Account], None] = world.retry
        self._of_account: dict[str, Callable[[Account, Params], Any]] = {
            "send": self._sending.send,
            "sendTyping": self._sending.typing,
            "sendReceipt": self._sending.receipt,
            "sendReaction": self._sending.reaction,
            "remoteDelete": self._sending.delete,
            "trust": self._trust,
            "listIdentities": self._identities,
            "updateContact": self._update_contact,
            "getUserStatus": self._status,
            "getAttachment": self._attachment,
            "updateProfile": self._profile,
            "updateAccount": lambda account, params: {},
            "block": lambda account, params: self._block(account, params, block=True),
            "unblock": lambda account, params: self._block(account, params, block=False),
            "sendMessageRequestResponse": self._message_request,
            "updateGroup": self._update_group,
            "quitGroup": self._quit_group,
            "listGroups": self._groups,
            "listContacts": lambda account, params: [],
            "listDevices": lambda account, params: [],
            "submitRateLimitChallenge": self._challenge,
            "receive": lambda account, params: {},  # the program collects them itself
        }

    def call(self, method: str, values: Json) -> Any:
        """What the daemon answers."""
        params = Params(values)
        if method == "version":
            return {"version": self._world.version}
        if method in FREE:
            return {"accounts": [account.number for account in self._accounts(params)]}
        if method in MULTI and self._world.multi:
            return self._multi(method, params)
        if method not in self._of_account:
            raise Refused(NO_METHOD, "Method not implemented")
        return self._of_account[method](self.account(params), params)

    def account(self, params: Params) -> Account:
        """The account that a call is about; raises `Refused`."""
        accounts = list(self._world.accounts.values())
        if not self._world.multi:
            return accounts[0]
        name = params.text("account")
        if name is None and len(accounts) == 1:
            return accounts[0]
        if name is None:
            raise Refused(NO_ACCOUNT, "Method requires valid account parameter")
        for account in accounts:
            if name in (account.number, account.uuid):
                return account
        raise Refused(NO_ACCOUNT, "Specified account does not exist")

    def _accounts(self, params: Params) -> list[Account]:
        if self._world.multi and params.text("account") is None:
            return list(self._world.accounts.values())
        return [self.account(params)]

    def _multi(self, method: str, params: Params) -> Any:
        if method == "listAccounts":
            return [{"number": number} for number in self._world.accounts]
        if method == "register":
            if params.text("account") is None:
                raise Refused(NO_ACCOUNT, "Method requires account parameter")
            raise Refused(NO_ACCOUNT, "Failed to load the given account")
        raise Refused(IO, "Link request error: no network")

    # ---- identities

    def _trust(self, account: Account, params: Params) -> Json:
        human = self._sending.human(params.needed("recipient"))
        known = account.identities.get(human.uuid)
        number = params.text("verifiedSafetyNumber")
        if params.flag("trustAllKnownKeys"):
            if known is None:
                raise Refused(USER, "Failed to set the trust for this number, make sure the number is correct.")
            known.level = TRUSTED
        elif number is None:
            raise Refused(USER, NO_NUMBER)
        elif known is None or number.replace(" ", "") != self._number(account, known.key):
            raise Refused(USER, NO_TRUST)
        else:
            known.level = VERIFIED
        self.trusted(account)
        return {}

    def _number(self, account: Account, key: bytes) -> str:
        return self._world.safety_number(account, key).replace(" ", "")

    def _identities(self, account: Account, params: Params) -> list[Json]:
        wanted = params.text("number")
        only = self._sending.human(wanted).uuid if wanted else None
        found = []
        for uuid, identity in account.identities.items():
            if only in (None, uuid):
                number = self._world.safety_number(account, identity.key)
                scan = base64.b64encode(hashlib.sha256(number.encode()).digest()).decode()
                entry = {
                    "number": self._world.people[uuid].number,
                    "uuid": uuid,
                    "fingerprint": f"05 {identity.key.hex(' ')}",
                    "safetyNumber": number,
                    "scannableSafetyNumber": None if identity.level == UNTRUSTED else scan,
                    "trustLevel": identity.level,
                    "addedTimestamp": identity.added,
                }
                found.append(entry)
        return found

    # ---- contacts and profile

    def _update_contact(self, account: Account, params: Params) -> Json:
        human = self._sending.human(params.needed("recipient"))
        seconds = params.number("expiration")
        if seconds is not None:
            self._sending.timer(account, human, seconds)
        return {}

    def _status(self, account: Account, params: Params) -> list[Json]:
        found: list[Json] = []
        for name in map(str, params.many("recipient")):
            human = self._world.find(name)
            if human and human.failing == "io":
                raise Refused(IO, f"Unable to check if users are registered: {BROKEN} (IOException)")
            if human and human.limit:
                until = human.limit.until
                when = dt.datetime.fromtimestamp(until / 1000, dt.UTC)
                iso = when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
                raise Refused(LIMITED, f"Rate limit reached\nNext attempt may be tried at {until} ({iso})")
            there = human if human and human.failing != "unregistered" else None
            number = name if name.startswith("+") else None
            uuid = there.uuid if there else None
            found.append({"recipient": name, "number": number, "uuid": uuid, "isRegistered": there is not None})
        for name in map(str, params.many("username")):
            human = self._world.find(f"u:{name}")
            uuid = human.uuid if human else None
            found.append({"recipient": name, "username": name, "uuid": uuid, "isRegistered": human is not None})
        return found

    def _profile(self, account: Account, params: Params) -> Json:
        for key in ("givenName", "familyName", "about", "aboutEmoji", "avatar"):
            value = params.text(key)
            if value is not None:
                account.profile[key] = value
        return {}

    def _block(self, account: Account, params: Params, *, block: bool) -> Json:
        uuids = {self._sending.human(str(name)).uuid for name in params.many("recipient")}
        account.blocked = account.blocked | uuids if block else account.blocked - uuids
        return {}

    def _message_request(self, account: Account, params: Params) -> Json:
        kind = params.needed("type").upper()
        if kind not in ("ACCEPT", "DELETE"):
            known = "org.asamk.signal.commands.MessageRequestResponseType"
            raise Refused(UNEXPECTED, f"No enum constant {known}.{kind} (IllegalArgumentException)")
        return {}

    def _attachment(self, account: Account, params: Params) -> Json:
        name = params.text("id")
        if name is None:
            raise Refused(USER, "Missing attachment id parameter")
        path = self._world.folder / "attachments" / name
        if not path.is_file():
            raise Refused(USER, f"Could not find attachment with ID: {name}")
        return {"data": base64.b64encode(path.read_bytes()).decode()}

    # ---- groups

    def _update_group(self, account: Account, params: Params) -> Json:
        link = params.text("link")
        if link not in (None, "enabled", "enabled-with-approval", "disabled"):
            raise Refused(USER, f"Invalid group link state: {link}")
        group_id, name = params.text("groupId"), params.text("name")
        if group_id is None:
            members = [self._sending.human(str(member)).uuid for member in params.many("member")]
            seed = hashlib.sha256(f"{account.number} {self._world.now()}".encode()).digest()
            group = Group(base64.b64encode(seed).decode(), name or "", members, {account.number})
            self._world.groups[group.id] = group
        else:
            group = self._sending.group(group_id)
            group.name = name or group.name
            group.revision += 1
        done = verdict(self._world.now(), self._sending.group_changed(account, group))
        return {**done, "groupId": group.id} if group_id is None else done

    def _quit_group(self, account: Account, params: Params) -> Json:
        group_id = params.text("groupId")
        if group_id is None or group_id not in self._world.groups:
            raise Refused(USER, f"Failed to send to group: Group not found: {group_id}")
        group = self._world.groups[group_id]
        if account.number not in group.accounts:
            return {}
        group.accounts.discard(account.number)
        group.revision += 1
        self._world.changed()
        return verdict(self._world.now(), self._sending.group_changed(account, group))

    def _groups(self, account: Account, params: Params) -> list[Json]:
        return [self._described(account, group) for group in self._world.groups.values()]

    def _described(self, account: Account, group: Group) -> Json:
        members = [self._world.people[uuid].recipient for uuid in group.members]
        here = account.number in group.accounts
        own = [{"uuid": account.uuid, "number": account.number, "username": None}] if here else []
        head = {"id": group.id, "name": group.name, "description": None, "isMember": here, "isBlocked": False}
        lists = {name: [] for name in ("pendingMembers", "requestingMembers", "admins", "banned")}
        rights = ("permissionAddMember", "permissionEditDetails", "permissionSendMessage")
        allowed = {**dict.fromkeys(rights, "EVERY_MEMBER"), "groupInviteLink": None}
        return {**head, "messageExpirationTime": 0, "members": [*own, *members], **lists, **allowed}

    # ---- limits

    def _challenge(self, account: Account, params: Params) -> Json:
        token, captcha = params.needed("challenge"), params.needed("captcha")
        if captcha == "io":
            raise Refused(IO, "Submit challenge error: [400] Bad response: 400")
        if not captcha.startswith("signalcaptcha://") or captcha in self._world.captchas:
            raise Refused(CAPTCHA, NO_CAPTCHA)
        self._world.captchas.add(captcha)
        for holder in (account, *self._world.people.values()):
            if holder.limit is not None and holder.limit.token == token:
                holder.limit = None
        self._world.changed()
        return {}
