"""The stand-in says what the real daemon was recorded to say: `tests/data/signal/recorded.jsonl`, as parsed JSON.

Made equal before comparing, because it differs from one run of the recorded program to the next:

- timestamps of now (`timestamp`, `when`, `server…Timestamp`, `addedTimestamp`, `uploadTimestamp` and the moment in the
  sentence of a rate limit), ids of subscriptions, the order of `results` and of the members of a batch;
- what the recording's network layer made up: the keys and uuids of `listIdentities` (and that it gave two, whoever
  was asked for), that there were no groups to list, the own address of a note to self, the members and the id of a
  group that was made, the uuid of a username.

Not compared: what is of HTTP alone (verbs, paths, status codes, event streams), which the stand-in does not offer. What
was asked over HTTP and is the same over the socket is asked over the socket.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.signald.client import Client
from tests.signald.handle import ACCOUNT, SECOND, Signald
from tests.signald.world import Group, Identity, Limit

Json = dict[str, Any]
# the recording holds a raw U+2028, at which splitlines() would part a line
RECORDED = [json.loads(line) for line in Path("tests/data/signal/recorded.jsonl").read_text().split("\n") if line]
WRITER = "0b7c8b34-1111-4c1d-8c1a-2f6a8a7b0001"
GROUP = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
TOKEN = "91e3a1ce-4d1f-4a52-8d0b-0f58c1f54be3"
OLD = 1751000000123
NOW = {"timestamp", "when", "serverReceivedTimestamp", "serverDeliveredTimestamp", "addedTimestamp", "uploadTimestamp"}
MADE_UP = {"fingerprint", "safetyNumber", "scannableSafetyNumber"}


def alike(value: Any) -> Any:
    """The same with what differs between runs made equal."""
    if isinstance(value, list):
        done = [alike(one) for one in value]
        return sorted(done, key=json.dumps) if any(isinstance(one, dict) for one in done) else done
    if isinstance(value, str):
        return re.sub(r"may be tried at \d+ \([^)]*\)", "may be tried at #", value)
    if not isinstance(value, dict):
        return value
    kept = {key: alike(one) for key, one in value.items()}
    return {key: "#" if key in NOW and isinstance(one, int) and one != OLD else one for key, one in kept.items()}


@dataclass(frozen=True, slots=True)
class Row:
    """A request that was recorded over HTTP, and its answer; empty where nothing was answered."""

    note: str
    body: str
    recorded: str


def asked_over_http(group: str) -> list[Row]:
    """What was asked over HTTP and is the same over the socket, in the recorded order."""
    found = []
    for row in RECORDED:
        request = row.get("request")
        if row["group"] != group or row.get("transport") != "http" or request["method"] != "POST":
            continue
        of_http = row["response"]["status"] in (405, 415, 421) or not request["body"]
        if of_http or row["note"] in ("not available over HTTP", "poll: one queued"):
            continue
        found.append(Row(row["note"] or "", request["body"], row["response"]["body"]))
    return found


@pytest.fixture
async def place(group: str, tmp_path: Path) -> AsyncIterator[Signald]:
    """The world of the recording: people by their number, of whom some fail in a way of their own."""
    accounts = () if group == "no-accounts" else (ACCOUNT, SECOND)
    async with Signald(tmp_path, multi=group != "stall", version="unknown", accounts=accounts) as signald:
        for digit in range(1, 10):
            await signald.person("Ada", number=f"+1555010000{digit}")
        await signald.person("Ada", uuid=WRITER)
        await signald.person("Ada", username="ada.01", uuid="9b8cb98a-d3dc-3518-bdee-ec2601a7e2de")
        for person in signald.people:
            await person.goes_offline()  # no phone answered in the recording
        for place, how in ((5, "unregistered"), (6, "network"), (9, "prekey"), (7, "io"), (8, "exception")):
            await signald.people[place - 1].fails(how)
        if accounts:
            await signald.act(lambda: prepare(signald))
        yield signald


def prepare(signald: Signald) -> None:
    """The group, the identity that changed, the limits and the files of the recording."""
    people, account = signald.people, signald.world.accounts[signald.account]
    signald.world.groups[GROUP] = Group(GROUP, "Test group", [people[0].uuid], {signald.account}, 3)
    account.identities[people[1].uuid] = Identity(people[1].human.key, "UNTRUSTED", 0)
    account.identities[WRITER] = Identity(people[9].human.key, "TRUSTED_UNVERIFIED", 0)
    people[2].human.limit = Limit(signald.world.clock() + 37_000)
    people[3].human.limit = Limit(signald.world.clock() + 86_400_000, TOKEN)
    (signald.data / "attachments" / "wPm8nTzHh6K4LzGzqk3x.jpg").write_bytes(b"hello")
    (signald.data / "a.jpg").write_bytes(b"x")


def without_inventions(body: str, answer: Json) -> Json:
    """An answer without what the recording's network layer made up."""
    result = answer.get("result")
    if "listGroups" in body:
        return {**answer, "result": isinstance(result, list)}
    if "noteToSelf" in body:
        result["results"][0]["recipientAddress"] = "#"
    if "updateGroup" in body and isinstance(result, dict):
        result["results"] = [{**one, "groupId": "#"} for one in result["results"][:1]]
        result.update({"groupId": len(result["groupId"])} if "groupId" in result else {})
    for entry in result if isinstance(result, list) else []:
        entry.update({key: "#" for key in MADE_UP if key in entry})
        entry.update({"uuid": "#"} if entry.get("username") or "listIdentities" in body else {})
    if "listIdentities" in body:
        # the recording's layer knew these two from the start and nobody else, and gave both whoever was asked for
        known = ("+15550100002",) if "number" in body else ("+15550100002", None)
        answer["result"] = [entry for entry in result if entry["number"] in known]
    return answer


@pytest.mark.parametrize("group", ["no-accounts", "multi-2-accounts", "send", "other", "stall"])
async def test_answers_are_as_recorded(group: str, place: Signald) -> None:
    rows = asked_over_http(group)
    different = []
    async with Client(place.socket) as client:
        for row in rows:
            body = row.body.replace("/var/lib/vestibule/a.jpg", str(place.data / "a.jpg"))
            await client.write(body.encode() + b"\n")
            if not row.recorded:
                await client.ask("version", "next")
                said: Any = await client.read()
                recorded: Any = {"jsonrpc": "2.0", "result": {"version": "unknown"}, "id": "next"}
            else:
                said, recorded = await client.read(), json.loads(row.recorded)
            if isinstance(said, dict):
                said, recorded = without_inventions(row.body, said), without_inventions(row.body, recorded)
            if alike(said) != alike(recorded):
                different.append((row.note, row.body, said, recorded))
    assert rows
    assert different == []


async def test_no_recorded_request_is_passed_over_unnoticed() -> None:
    groups = ("no-accounts", "multi-2-accounts", "send", "other", "stall")
    assert sum(len(asked_over_http(group)) for group in groups) == 117
