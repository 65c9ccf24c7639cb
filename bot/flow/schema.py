"""The JSON Schema of flow files, for editors that complete and underline: from the tables that the loader uses.

It knows the form of a file. What names must exist, and what breaks a law, only `vestibule check` knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.domain import Keep
from bot.flow.asking import LOCALE, PHRASINGS, TOPICS
from bot.flow.canned import CANNED, DECLINE
from bot.flow.fields import NAME
from bot.flow.keys import CARD, CLAUSE, KEYS, NEEDED, UNITS
from bot.flow.kinds import LONGEST_ANSWER, MOST_TRIES
from bot.flow.loader import BOT_PHRASES, ENTRY, ENTRY_FLOW_KEYS, FAQ, FLOW, PHRASE, PHRASES
from bot.flow.model import END, ENTRY_FLOW, NO, UNANSWERED, YES
from bot.flow.phrases import WORDS
from bot.flow.sorts import Entry, Kind
from bot.flow.summing import SECTION

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_FILLED = r"\S"  # a text that is not empty
_WORD: Schema = {"type": ["string", "number", "boolean"]}  # editors read `no` and `1` as more than text; we do not
_NAMED: Schema = {"type": "string", "pattern": f"^{NAME.pattern}$"}
_ASKED: Schema = {"type": "string", "pattern": rf"^({NAME.pattern}\.)?{NAME.pattern}$"}  # a step, of whatever flow
_CALLED: Schema = {**_NAMED, "not": {"const": ENTRY_FLOW}}
_CODE: Schema = {"type": "string", "pattern": f"^{LOCALE.pattern}$"}
_TEXT: Schema = {
    "anyOf": [
        {"type": "string", "pattern": _FILLED},
        {"type": ["number", "boolean"]},
        {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/sentence"}},
    ]
}
_GO: Schema = {"anyOf": [_NAMED, {"type": "object", "additionalProperties": _NAMED}]}
_CONDITION: Schema = {"anyOf": [_WORD, {"type": "array", "minItems": 1, "items": _WORD}]}
_LENGTH: Schema = {"type": "string", "pattern": f"^[0-9]{{1,5}} ({'|'.join(f'{unit[:-1]}s?' for unit in UNITS)})$"}


def _number(most: int | None = None) -> Schema:
    bounds = {"minimum": 1} if most is None else {"minimum": 1, "maximum": most}
    return {"anyOf": [{"type": "integer", **bounds}, {"type": "string", "pattern": "^[1-9][0-9]*$"}]}


def _one_of(*words: str) -> Schema:
    """Editors read yes and no as true and false."""
    values: list[str | bool] = [*words]
    values += [word == YES for word in words if word in (YES, NO)]
    return {"enum": values}


_FORMS: Mapping[str, Schema] = {
    "text": {"$ref": "#/$defs/text"},
    "label": {"$ref": "#/$defs/text"},
    "covers": {"$ref": "#/$defs/text"},
    "error": {"$ref": "#/$defs/text"},
    "remind": {"$ref": "#/$defs/text"},
    "title": {"$ref": "#/$defs/text"},
    "answer": {"$ref": "#/$defs/text"},
    "note": _WORD,
    "about": _WORD,
    "go": _GO,
    "was": {"anyOf": [_NAMED, {"type": "array", "minItems": 1, "items": _NAMED}]},
    "otherwise": _NAMED,
    "faq": _NAMED,
    "menu": _NAMED,
    "person": _NAMED,
    "options": {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {**_NAMED, "not": {"enum": list(UNANSWERED)}},
        "additionalProperties": {"$ref": "#/$defs/text"},
    },
    "version": _number(),
    "tries": _number(MOST_TRIES),
    "longest": _number(LONGEST_ANSWER),
    "least": _number(),
    "most": _number(),
    "remind_after": _LENGTH,
    "expire_after": _LENGTH,
    "skip": _one_of(YES, NO),
    "kind": {"enum": list(Kind)},
    "keep": {"enum": list(Keep)},
    "entry": {"enum": list(Entry)},
    "alone": _CONDITION,
    "personal": _one_of(YES, NO),
    "compare": _NAMED,
    "summary": {"type": "object", "propertyNames": _NAMED, "additionalProperties": {"$ref": "#/$defs/section"}},
    "require": {"anyOf": [_ASKED, {"type": "array", "minItems": 1, "items": _ASKED}]},
    "card": {"type": "object", "properties": dict.fromkeys(CARD, _NAMED), "additionalProperties": False},
    "when": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/clause"}},
    "if": {"type": "object", "minProperties": 1, "additionalProperties": _CONDITION},
}


def schema() -> Schema:
    """The schema of every kind of file that lies in a folder of flows."""
    return {
        "$schema": DIALECT,
        "title": "Vestibule flow files",
        "description": "Written by `vestibule check --schema`.",
        "type": "object",
        "oneOf": [
            _mapping(("flow",), FLOW, {"flow": _CALLED, "steps": _steps()}, ("steps",)),
            _mapping(("flow",), ENTRY_FLOW_KEYS, {"flow": {"const": ENTRY_FLOW}, "steps": _steps()}, ("steps",)),
            _mapping(("faq",), FAQ, {"questions": _each(_NAMED, {"$ref": "#/$defs/entry"})}, ("questions",)),
            _mapping(("phrasings",), PHRASINGS, _phrasings(), ("questions",)),
            _mapping(("topics",), TOPICS, _topics(), ("words",)),
            _mapping(("phrases",), BOT_PHRASES, {"words": _words()} | _phrases("bot"), ("texts",)),
            _mapping(("phrases",), PHRASES, _phrases("staff"), ("texts",)),
            _mapping(("canned",), CANNED, _canned(), ("replies",)),
        ],
        "$defs": {
            "sentence": {"anyOf": [{"type": "string", "pattern": _FILLED}, {"type": ["number", "boolean"]}]},
            "text": _TEXT,
            "phrase": {"anyOf": [{"$ref": "#/$defs/text"}, _mapping((), PHRASE, {}, ("text",))]},
            "entry": _mapping((), ENTRY, {}, ("title", "answer")),
            "section": _mapping((), SECTION, {"steps": _FORMS["require"]}, ("title", "steps")),
            "clause": _mapping((), CLAUSE, {"go": _NAMED}, CLAUSE),
            "step": {"oneOf": [_step(kind, keys) for kind, keys in KEYS.items()]},
        },
    }


def _step(kind: str, keys: tuple[str, ...]) -> Schema:
    name: Schema = {**_NAMED, "not": {"const": END}}
    step = _mapping((kind,), (kind, *keys), {kind: name}, NEEDED.get(kind, ()))
    return {**step, "oneOf": [{"required": ["text"]}, {"required": ["faq"]}]} if kind == "say" else step


def _steps() -> Schema:
    return {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/step"}}


def _phrasings() -> Schema:
    asked: Schema = {"anyOf": [_WORD, {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/sentence"}}]}
    return {"phrasings": _CODE, "questions": _each(_NAMED, asked), "none": asked, "incidents": asked}


def _topics() -> Schema:
    return {"topics": _CODE, "also": _WORD, "prefixes": _WORD, "words": _each({"type": "string"}, _WORD)}


def _phrases(whose: str) -> Schema:
    return {"phrases": {"const": whose}, "texts": _each(_NAMED, {"$ref": "#/$defs/phrase"})}


def _canned() -> Schema:
    phrase: Schema = {"$ref": "#/$defs/phrase"}
    entry = _mapping(("faq",), DECLINE, {"text": False, "note": {"type": "string"}}, ())
    return {"canned": _NAMED, "replies": _each(_NAMED, phrase), "declines": _each(_NAMED, {"anyOf": [phrase, entry]})}


def _words() -> Schema:
    return _each({"enum": list(WORDS)}, {"$ref": "#/$defs/phrase"})


def _each(names: Schema, value: Schema) -> Schema:
    return {"type": "object", "propertyNames": names, "additionalProperties": value}


def _mapping(first: tuple[str, ...], keys: tuple[str, ...], forms: Schema, needed: tuple[str, ...]) -> Schema:
    """A mapping of these keys. `first`: the key by which it is known."""
    return {
        "type": "object",
        "properties": {key: forms.get(key, _FORMS.get(key, _NAMED)) for key in keys},
        "required": list(dict.fromkeys((*first, *needed))),
        "additionalProperties": False,
    }
