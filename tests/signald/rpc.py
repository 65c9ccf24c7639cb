"""The daemon's JSON-RPC: how it reads a line, a request and parameters, and how it words what is wrong with them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PARSE, INVALID, NO_METHOD, NO_ACCOUNT, UNEXPECTED = -32700, -32600, -32601, -32602, -32603
USER, IO, UNTRUSTED, LIMITED, CAPTCHA = -1, -3, -4, -5, -6
FIELDS = ("method", "id", "jsonrpc", "params")
HIDDEN = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"
NOWHERE = "[Source: UNKNOWN; byte offset: #UNKNOWN]"
REQUEST = "org.asamk.signal.jsonrpc.JsonRpcRequest"
NODE = "com.fasterxml.jackson.databind.node"
TEXT_TYPES = {dict: "OBJECT", list: "ARRAY", str: "STRING", int: "NUMBER", float: "NUMBER", bool: "BOOLEAN"}
BOOTSTRAP = "(java.lang.{0} and java.lang.Long are in module java.base of loader 'bootstrap')"


class Refused(Exception):
    """The daemon answers with an error."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message, "data": data}


@dataclass(frozen=True, slots=True)
class Request:
    """One call; without an id nobody waits for the answer."""

    method: str
    params: dict[str, Any]
    id: Any
    answered: bool


def answer(request_id: Any, *, result: Any = None, error: Any = None) -> dict[str, Any]:
    """The object that answers a request."""
    said = {"error": error} if error is not None else {"result": result}
    return {"jsonrpc": "2.0", **said, "id": request_id}


def parse(line: bytes) -> Any:
    """The value of a line; raises `Refused` in the words of the daemon's parser."""
    text = line.decode("utf-8", "replace").strip()
    if not text:
        raise Refused(PARSE, "Empty input line")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise Refused(PARSE, _why(text, error.pos)) from None


def _why(text: str, position: int) -> str:
    word = re.match(r"[A-Za-z_]\w*", text)
    if position == 0 and word:
        expected = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
        return f"Unrecognized token '{word[0]}': was expecting {expected}\n at [Source: {HIDDEN}; line: 1, column: 1]"
    if position >= len(text):
        column = len(text) + 1
        return (
            f"Unexpected end-of-input within/between Object entries\n at [Source: {HIDDEN}; line: 1, column: {column}]"
        )
    found = text[position]
    expected = "was expecting double-quote to start field name"
    where = f"[Source: {HIDDEN}; line: 1, column: {position + 1}]"
    return f"Unexpected character ('{found}' (code {ord(found)})): {expected}\n at {where}"


def request_of(value: Any, *, batched: bool = False) -> Request | None:
    """The call that an object makes, None where it is an answer; raises `Refused`."""
    if batched and isinstance(value, str):
        raise Refused(
            INVALID,
            f"Cannot construct instance of `{REQUEST}` (although at least one Creator exists): no String-argument "
            f"constructor/factory method to deserialize from String value ('{value}')\n at {NOWHERE}",
        )
    if not isinstance(value, dict):
        raise Refused(INVALID, f"unexpected type: {TEXT_TYPES.get(type(value), 'NULL')}")
    if "method" not in value and ("result" in value or "error" in value):
        return None
    for name in value:
        if name not in FIELDS:
            known = ", ".join(f'"{field}"' for field in FIELDS)
            raise Refused(
                INVALID,
                f'Unrecognized field "{name}" (class {REQUEST}), not marked as ignorable '
                f"(4 known properties: {known})\n at {NOWHERE} (through reference chain: "
                f'{REQUEST}["{name}"])',
            )
    if not isinstance(value.get("method"), str):
        raise Refused(INVALID, "method field must be set")
    if value.get("jsonrpc") != "2.0":
        raise Refused(INVALID, "only jsonrpc version 2.0 is supported")
    return Request(value["method"], _params(value.get("params")), value.get("id"), "id" in value)


def _params(params: Any) -> dict[str, Any]:
    if params is None:
        return {}
    if isinstance(params, dict):
        return params
    if isinstance(params, list):
        wanted = "java.util.LinkedHashMap<java.lang.String,java.lang.Object>"
        token = "Array value (token `JsonToken.START_ARRAY`)"
        raise Refused(INVALID, f"Cannot deserialize value of type `{wanted}` from {token}\n at {NOWHERE}")
    kind = {str: "TextNode", int: "IntNode", bool: "BooleanNode", float: "DoubleNode"}[type(params)]
    raise Refused(
        INVALID,
        f"Problem deserializing property 'params' (expected type: [simple type, class {NODE}.ContainerNode"
        f"<java.lang.Object>]; actual type: `{NODE}.{kind}`), problem: Can not set {NODE}.ContainerNode field "
        f'{REQUEST}.params to {NODE}.{kind}\n at {NOWHERE} (through reference chain: {REQUEST}["params"])',
    )


class Params:
    """The parameters of a call, read as leniently and as strictly as the daemon does: unknown ones are ignored."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def many(self, name: str) -> list[Any]:
        """A list, in the singular or plural, or one value for a list of one."""
        for key in (name, f"{name}s"):
            value = self._values.get(key)
            if value is not None:
                return list(value) if isinstance(value, list) else [value]
        return []

    def text(self, name: str) -> str | None:
        """Text; whatever it is, it is made into text."""
        value = self._values.get(name)
        return None if value is None else str(value)

    def needed(self, name: str) -> str:
        """Text that must be there: the daemon falls over where it is not."""
        value = self.text(name)
        if value is None:
            raise Refused(
                UNEXPECTED,
                'Cannot invoke "String.startsWith(String)" because "<parameter1>" is null (NullPointerException)',
            )
        return value

    def flag(self, name: str) -> bool:
        """Yes or no."""
        return self._values.get(name) is True

    def moment(self, name: str) -> int | None:
        """A timestamp; the daemon falls over text and over numbers that are too small to be one."""
        value = self._values.get(name)
        return None if value is None else self._moment(value)

    def needed_moment(self, name: str) -> int:
        """A timestamp that must be there."""
        value = self.moment(name)
        if value is None:
            raise Refused(
                UNEXPECTED,
                'Cannot invoke "java.lang.Long.longValue()" because the return value of '
                '"net.sourceforge.argparse4j.inf.Namespace.getLong(String)" is null (NullPointerException)',
            )
        return value

    def moments(self, name: str) -> list[int]:
        """Timestamps."""
        return [self._moment(value) for value in self.many(name)]

    def number(self, name: str, default: int | None = None) -> int | None:
        """A whole number."""
        value = self._values.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else default

    @staticmethod
    def _moment(value: Any) -> int:
        if isinstance(value, int) and not -(2**31) <= value < 2**31:
            return value
        kind = "Integer" if isinstance(value, int) else "String"
        module = BOOTSTRAP.format(kind)
        raise Refused(
            UNEXPECTED,
            f"class java.lang.{kind} cannot be cast to class java.lang.Long {module} (ClassCastException)",
        )
