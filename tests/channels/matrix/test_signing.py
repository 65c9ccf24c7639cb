"""Who signed what: vectors of the specification, PyNaCl and libolm as second opinions, and everything malformed."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from typing import Any

import nacl.signing
import olm
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.channels.matrix.signing import (
    MAX_DEVICES,
    SigningKey,
    canonical,
    holds,
    is_key,
    lists_master,
    read_identity,
    signing_document,
)
from tests.channels.matrix.fuzz import mutations
from tests.channels.matrix.peer import JSON, Identity, Peer

ANA = "@ana:localhost"
# https://spec.matrix.org/v1.16/appendices/#cryptographic-test-vectors
SEED = "YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1"


def unpadded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({}, "{}"),
        ({"one": 1, "two": "Two"}, '{"one":1,"two":"Two"}'),
        ({"b": "2", "a": "1"}, '{"a":"1","b":"2"}'),
        ({"a": "日本語"}, '{"a":"日本語"}'),
        ({"本": 2, "日": 1}, '{"日":1,"本":2}'),
        ({"a": None, "b": True, "c": [1, {}]}, '{"a":null,"b":true,"c":[1,{}]}'),
        ({"a": 'tab\t quote" back\\ \x7f'}, '{"a":"tab\\t quote\\" back\\\\ \x7f"}'),
        ({"a": 1, "signatures": {"x": {}}, "unsigned": {"age": 1}}, '{"a":1}'),
        ({"b": {"signatures": 1}}, '{"b":{"signatures":1}}'),
    ],
)
def test_canonical_json_is_that_of_the_specification(document: JSON, text: str) -> None:
    assert canonical(document) == text.encode()


@pytest.mark.parametrize(
    ("document", "signature"),
    [
        ({}, "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ"),
        (
            {"one": 1, "two": "Two"},
            "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw",
        ),
    ],
)
def test_signatures_are_those_of_the_specification(document: JSON, signature: str) -> None:
    key = SigningKey(unpadded(SEED))
    signed = key.sign("domain", document)
    assert signed == {**document, "signatures": {"domain": {f"ed25519:{key.public}": signature}}}


def test_a_signature_is_added_to_those_that_are_there_and_leaves_the_document_as_it_was() -> None:
    one, two = SigningKey(bytes(32)), SigningKey(bytes([1]) * 32)
    document = one.sign(ANA, {"a": 1, "unsigned": {"b": 2}})
    before = copy.deepcopy(document)
    both = two.sign(ANA, document)
    assert document == before
    assert all(holds(both, ANA, f"ed25519:{key.public}", key.public) for key in (one, two))


@given(st.binary(min_size=32, max_size=32), st.dictionaries(st.text(), st.integers(-(2**53), 2**53) | st.text()))
@settings(max_examples=50, deadline=None)
def test_another_library_agrees_about_every_signature(seed: bytes, document: JSON) -> None:
    key = SigningKey(seed)
    other = nacl.signing.SigningKey(seed)
    bare = {k: v for k, v in document.items() if k not in ("signatures", "unsigned")}
    text = json.dumps(bare, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    document.pop("signatures", None)
    signature = key.sign(ANA, document)["signatures"][ANA][f"ed25519:{key.public}"]
    assert unpadded(key.public) == bytes(other.verify_key)
    other.verify_key.verify(text.encode(), unpadded(signature))
    olm.ed25519_verify(key.public, text, signature)


def test_a_changed_document_or_another_key_does_not_hold() -> None:
    key = SigningKey(bytes(32))
    signed = key.sign(ANA, {"a": 1})
    key_id = f"ed25519:{key.public}"
    assert holds(signed, ANA, key_id, key.public)
    assert not holds({**signed, "a": 2}, ANA, key_id, key.public)
    assert not holds(signed, "@ben:localhost", key_id, key.public)
    assert not holds(signed, ANA, key_id, SigningKey(bytes([1]) * 32).public)


DEEP: Any = json.loads("[" * 900 + "]" * 900)


@pytest.mark.parametrize(
    "signatures",
    [
        *(None, 5, "x", [], {}),
        *({ANA: of_person} for of_person in (5, [], "x")),
        *({ANA: {"k": signature}} for signature in (5, None, [], "", "ü", "A", "A" * 86, "\ud800")),
    ],
)
def test_a_malformed_signature_does_not_hold(signatures: Any) -> None:
    assert not holds({"signatures": signatures}, ANA, "k", SigningKey(bytes(32)).public)


@pytest.mark.parametrize("part", [DEEP, "\ud800", {"\ud800": 1}, float("inf")])
def test_a_document_that_cannot_be_written_does_not_hold(part: Any) -> None:
    document = {"a": part, "signatures": {ANA: {"k": "A" * 86}}}
    assert not holds(document, ANA, "k", SigningKey(bytes(32)).public)


@pytest.mark.parametrize("public", ["", "A", "ü" * 43, "A" * 44, "!" * 43])
def test_a_malformed_key_signs_nothing(public: str) -> None:
    signed = SigningKey(bytes(32)).sign(ANA, {})
    assert not holds({"signatures": {ANA: {"k": next(iter(signed["signatures"][ANA].values()))}}}, ANA, "k", public)


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        (SigningKey(bytes(32)).public, True),
        ("A" * 43, True),
        ("A" * 42 + "B", False),  # the last letter holds two bits that nothing reads: two spellings of one key
        ("A" * 42, False),
        ("A" * 43 + "=", False),
        ("-" * 43, False),
        ("ü" * 43, False),
        ("\ud800" * 43, False),
        (b"A" * 43, False),
        (None, False),
        (5, False),
        (["A"] * 43, False),
    ],
)
def test_a_key_has_one_spelling(value: object, is_one: bool) -> None:
    assert is_key(value) is is_one


def test_a_device_is_signed_through_the_chain_and_not_otherwise() -> None:
    identity, other = Identity(ANA), Identity(ANA, 7)
    ours, theirs, none = (Peer(ANA, name).device_keys() for name in ("OURS", "THEIRS", "NONE"))
    found = read_identity(ANA, identity.listed(identity.sign(ours), other.sign(theirs), none))
    assert (found.master, found.self_signing) == (identity.master.public, identity.self_signing.public)
    assert {device.device_id: device.signed for device in found.devices} == {
        "OURS": True,
        "THEIRS": False,
        "NONE": False,
    }


Change = Callable[[JSON], Any]
CHAIN_BREAKS: dict[str, Change] = {
    "no master key": lambda a: a["master_keys"].clear(),
    "no self-signing key": lambda a: a["self_signing_keys"].clear(),
    "self-signing key not signed": lambda a: a["self_signing_keys"][ANA].pop("signatures"),
    "self-signing key of another usage": lambda a: a["self_signing_keys"][ANA].update(usage=["user_signing"]),
    "master key of another usage": lambda a: a["master_keys"][ANA].update(usage=["self_signing"]),
    "master key of another person": lambda a: a["master_keys"][ANA].update(user_id="@ben:localhost"),
    "two keys in one": lambda a: a["master_keys"][ANA]["keys"].update({"ed25519:x": "x"}),
    "key under another name": lambda a: a["master_keys"][ANA].update(keys={"ed25519:x": "A" * 43}),
    "a foreign master key": lambda a: a["master_keys"].update(
        {ANA: signing_document(ANA, "master", SigningKey(bytes([9]) * 32).public)}
    ),
    "usages are text": lambda a: a["master_keys"][ANA].update(usage="master"),
    "keys are a list": lambda a: a["self_signing_keys"][ANA].update(keys=[]),
}


@pytest.mark.parametrize("break_it", CHAIN_BREAKS.values(), ids=CHAIN_BREAKS.keys())
def test_a_broken_chain_signs_nothing(break_it: Change) -> None:
    identity = Identity(ANA)
    answer = identity.listed(identity.sign(Peer(ANA).device_keys()))
    assert read_identity(ANA, answer).devices[0].signed
    break_it(answer)
    assert not read_identity(ANA, answer).devices[0].signed


DEVICE_BREAKS: dict[str, Change] = {
    "of another person": lambda d: d.update(user_id="@ben:localhost"),
    "under another name": lambda d: d.update(device_id="OTHER"),
    "without megolm": lambda d: d.update(algorithms=["m.olm.v1.curve25519-aes-sha2"]),
    "algorithms are text": lambda d: d.update(algorithms="m.olm.v1.curve25519-aes-sha2"),
    "algorithms are lists": lambda d: d.update(algorithms=[["m.olm.v1.curve25519-aes-sha2"]]),
    "no keys": lambda d: d.update(keys={}),
    "keys are a list": lambda d: d.update(keys=[1]),
    "a key is a number": lambda d: d["keys"].update({"curve25519:PEER": 5}),
    "a key is short": lambda d: d["keys"].update({"ed25519:PEER": "AAAA"}),
    "another key than signed": lambda d: d["keys"].update({"curve25519:PEER": "A" * 43}),
    "signature is a number": lambda d: d.update(signatures={ANA: {"ed25519:PEER": 5}}),
    "signatures are a list": lambda d: d.update(signatures=[1]),
    "an addition": lambda d: d.update(more=1),
    "too deep": lambda d: d.update(more=DEEP),
}


@pytest.mark.parametrize("break_it", DEVICE_BREAKS.values(), ids=DEVICE_BREAKS.keys())
def test_a_malformed_device_is_left_out_and_the_others_stay(break_it: Change) -> None:
    identity = Identity(ANA)
    devices = [identity.sign(Peer(ANA, name).device_keys()) for name in ("FIRST", "PEER", "LAST")]
    break_it(devices[1])
    answer = identity.listed(*devices)
    answer["device_keys"][ANA] = dict(zip(("FIRST", "PEER", "LAST"), devices, strict=True))
    assert [device.device_id for device in read_identity(ANA, answer).devices] == ["FIRST", "LAST"]


def test_nobody_has_devices_without_end() -> None:
    device = Peer(ANA).device_keys()
    crowd = {f"X{n}": device for n in range(MAX_DEVICES)} | {"PEER": device}
    assert read_identity(ANA, {"device_keys": {ANA: crowd}}).devices == ()


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
def test_no_answer_about_devices_raises_anything(data: st.DataObject) -> None:
    identity = Identity(ANA)
    answer = data.draw(mutations(identity.listed(identity.sign(Peer(ANA).device_keys()))))
    if isinstance(answer, dict):
        read_identity(ANA, answer)
        lists_master(ANA, answer)


@pytest.mark.parametrize(
    ("answer", "lists"),
    [
        ({}, False),
        ({"master_keys": {}}, False),
        ({"master_keys": {ANA: {}}}, False),
        ({"master_keys": 5}, False),
        ({"master_keys": {ANA: {"keys": 5}}}, True),
        ({"master_keys": {ANA: "x"}}, True),
    ],
)
def test_a_malformed_master_key_is_still_one(answer: JSON, lists: bool) -> None:
    assert lists_master(ANA, answer) is lists
