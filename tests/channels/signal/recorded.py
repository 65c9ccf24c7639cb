"""What the real daemon was recorded to say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PATH = Path(__file__).parents[2] / "data" / "signal" / "recorded.jsonl"
SUBSCRIBED = '{{"jsonrpc":"2.0","method":"receive","params":{{"subscription":0,"result":{}}}}}'


def pairs() -> Iterator[dict[str, Any]]:
    """Everything that was recorded, in order."""
    return map(json.loads, PATH.read_bytes().strip().split(b"\n"))  # U+2028 ends no line


def received() -> dict[str, bytes]:
    """What was received, by what happened (its first words), each as a line of a subscription."""
    found = {}
    for pair in pairs():
        if pair["group"] == "sse-event":
            name = pair["note"].replace(" +15550100000", "")
            body = pair["raw"].partition("data:")[2].partition("\n\n")[0].strip()
            found[name] = SUBSCRIBED.format(body).encode()
    return found


def answers(group: str) -> dict[str, dict[str, Any]]:
    """What was answered to requests of a group: by the note beside it, or else by the request."""
    found = {}
    for pair in pairs():
        if pair["group"] == group and "request" in pair:
            asked, answered = (
                side["body"] if isinstance(side, dict) else side for side in (pair["request"], pair["response"])
            )
            found[pair["note"] or asked] = json.loads(answered)
    return found
