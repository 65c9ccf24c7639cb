"""What the daemon was recorded to answer to a send, and what it means to us."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.signal.errors import PATIENCE, Fate, Outcome, read_error, read_result
from bot.channels.signal.rpc import Refused
from bot.ports import Failure
from tests.channels.signal.recorded import answers

SENDS = answers("send")
TOKEN = "91e3a1ce-4d1f-4a52-8d0b-0f58c1f54be3"
OURS = Outcome(Failure.REFUSED, ours=True)
TABLE = {
    "IDENTITY_FAILURE (safety number changed)": Outcome(Failure.CHANGED),
    "rate limit 413 with Retry-After 37": Outcome(Failure.LIMITED, retry_after=37.0),
    "proof required (captcha)": Outcome(Failure.LIMITED, retry_after=86400.0, challenge=TOKEN),
    "unregistered": Outcome(Failure.GONE),
    "UnregisteredRecipientException": Outcome(Failure.GONE),
    "unknown group": Outcome(Failure.GONE),
    "network failure": Outcome(Failure.AWAY, fate=Fate.HARDLY),
    "invalid prekey": Outcome(Failure.AWAY, fate=Fate.HARDLY),
    "IOException from the service": Outcome(Failure.AWAY, fate=Fate.MAYBE),
    "mixed failures": Outcome(Failure.LIMITED, retry_after=37.0),
    "timestamp as string": OURS,
    "int (fits in 32 bits)": OURS,
}


def outcome(answer: dict[str, Any], attempts: int = 0) -> Outcome:
    """Of an answer as it was recorded."""
    error = answer.get("error")
    if error is None:
        return read_result(answer["result"])
    return read_error(Refused(error["code"], error["message"], error["data"]), attempts)


@pytest.mark.parametrize("name", TABLE)
def test_what_was_recorded_is_named(name: str) -> None:
    assert outcome(SENDS[name]) == TABLE[name]


def test_whatever_else_was_recorded_was_sent_or_is_a_fault_of_ours() -> None:
    for name, answer in SENDS.items():
        if name in TABLE:
            continue
        found = outcome(answer)
        if "error" in answer:
            gone = "group id" in answer["error"]["message"]
            assert found == (Outcome(Failure.GONE) if gone else OURS), name
        else:
            assert found == Outcome(timestamp=answer["result"]["timestamp"]), name


def test_one_recipient_who_got_it_is_enough() -> None:
    partial = SENDS["partial success: result, not error"]
    assert outcome(partial).failure is None


def test_an_account_that_is_gone_is_known_by_its_code() -> None:
    gone = read_error(Refused(-32602, "Specified account does not exist", None), 0)
    assert gone == Outcome(Failure.AWAY, account_gone=True)


@pytest.mark.parametrize("code", [-32700, -32600, -32601, 0])
def test_what_it_does_not_understand_is_a_fault_of_ours(code: int) -> None:
    assert read_error(Refused(code, "", None), 0) == OURS


def test_what_nobody_named_is_tried_for_a_while_and_then_given_up() -> None:
    odd = Refused(-32603, "Something else (RuntimeException) (UnexpectedErrorException)", None)
    assert read_error(odd, 0).failure is Failure.AWAY
    assert read_error(odd, PATIENCE).failure is Failure.REFUSED


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["results", "type", "response", "timestamp", "token", "x"]), inner, max_size=4
        )
    ),
)


@given(ANY, st.integers(-40_000, 10), st.text(max_size=20))
def test_any_answer_becomes_an_outcome(value: object, code: int, message: str) -> None:
    for found in (read_result(value), read_error(Refused(code, message, value), 0)):
        assert (found.timestamp is None) is (found.failure is not None)
        assert found.retry_after is None or 0 <= found.retry_after < 10**7


def test_an_error_shows_none_of_the_daemons_words() -> None:
    refused = Refused(-1, "The user +15550100008 is not registered.", {"uuid": "x"})
    assert "+1555" not in f"{refused} {refused!r}"
