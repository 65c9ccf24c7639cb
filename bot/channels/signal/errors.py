"""From what the daemon answers to what became of a send, in our own words. Pure; any JSON at all may come."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from bot.channels.signal.rpc import Refused
from bot.ports import Failure

PATIENCE = 8  # attempts at what fails in a way that nobody named, before it counts as impossible

NO_ACCOUNT = -32602
INTERNAL = -32603
USER, IO, UNTRUSTED, LIMITED = -1, -3, -4, -5

OUR_FAULTS = ("ClassCast", "NullPointer", "IllegalArgument", "IllegalState", "NumberFormat", "AttachmentInvalid")
GONE = re.compile(r"is not registered|Group not found|not a member in group|Invalid group id")
KINDS = {
    "IDENTITY_FAILURE": Failure.CHANGED,
    "RATE_LIMIT_FAILURE": Failure.LIMITED,
    "UNREGISTERED_FAILURE": Failure.GONE,
    "NETWORK_FAILURE": Failure.AWAY,
    "INVALID_PRE_KEY_FAILURE": Failure.AWAY,
}
MOST_SECONDS = 30 * 86_400  # that a limit may last; more is no number to wait for


class Fate(Enum):
    """Whether what was refused may have been sent all the same."""

    NOT_SENT = "not sent"
    HARDLY = "hardly"
    MAYBE = "maybe"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a send: `timestamp` where it was sent, or else why not.

    `challenge` is the token of a puzzle that a person must solve first. `account_gone`: the daemon does not know our
    account. `ours`: the daemon takes it for a fault of the program that asked, which is us.
    """

    failure: Failure | None = None
    timestamp: int | None = None
    retry_after: float | None = None
    challenge: str | None = field(default=None, repr=False)
    fate: Fate = Fate.NOT_SENT
    account_gone: bool = False
    ours: bool = False


def read_result(result: object) -> Outcome:
    """A result: who of the recipients got it. With several, one is enough."""
    if not isinstance(result, dict):
        return Outcome(Failure.AWAY, fate=Fate.MAYBE)
    stamp = _moment(result.get("timestamp"))
    kinds = _kinds(result)
    if kinds and "SUCCESS" not in [kind for kind, _ in kinds]:
        return _failed(kinds)
    if stamp is None:
        return Outcome(Failure.AWAY, fate=Fate.MAYBE)
    return Outcome(timestamp=stamp)


def read_error(error: Refused, attempts: int) -> Outcome:
    """An error. `attempts` were made before."""
    response = error.data.get("response") if isinstance(error.data, dict) else None
    kinds = _kinds(response) if isinstance(response, dict) else []
    if kinds:
        return _failed(kinds)
    match error.code:
        case 0 | -32600 | -32601 | -32700:
            return Outcome(Failure.REFUSED, ours=True)
        case code if code == NO_ACCOUNT:
            return Outcome(Failure.AWAY, account_gone=True)
        case code if code == UNTRUSTED:
            return Outcome(Failure.CHANGED)
        case code if code == LIMITED:
            return Outcome(Failure.LIMITED)
        case code if code == IO:
            return Outcome(Failure.AWAY)
        case code if code == USER and GONE.search(error.message):
            return Outcome(Failure.GONE)
        case code if code == USER or any(fault in error.message for fault in OUR_FAULTS):
            return Outcome(Failure.REFUSED, ours=True)
        case code if code == INTERNAL and "IOException" in error.message:
            return Outcome(Failure.AWAY, fate=Fate.MAYBE)  # the server may have it, and only its answer was lost
        case _:
            surely_not = attempts >= PATIENCE
            return Outcome(Failure.REFUSED if surely_not else Failure.AWAY, fate=Fate.MAYBE, ours=surely_not)


def _failed(kinds: list[tuple[str, Mapping[str, Any]]]) -> Outcome:
    """Nobody got it. Of several reasons, one that waiting mends counts first."""
    failures = [(KINDS.get(kind, Failure.AWAY), more) for kind, more in kinds]
    order = (Failure.LIMITED, Failure.AWAY, Failure.CHANGED, Failure.GONE)
    failure, more = min(failures, key=lambda found: order.index(found[0]))
    if failure is Failure.AWAY:
        return Outcome(failure, fate=Fate.HARDLY)
    if failure is not Failure.LIMITED:
        return Outcome(failure)
    token = more.get("token")
    return Outcome(
        failure,
        retry_after=_seconds(more.get("retryAfterSeconds")),
        challenge=token if isinstance(token, str) and token else None,
    )


def _kinds(response: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    results = response.get("results")
    found = [each for each in results if isinstance(each, dict)] if isinstance(results, list) else []
    return [(each["type"], each) for each in found if isinstance(each.get("type"), str)]


def _moment(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**53 else None


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_SECONDS:
        return None
    return float(value)
