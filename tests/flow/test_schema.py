"""The schema for editors: it lies beside the flows, takes every good file, and refuses what the loader refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bot.flow.keys import KEYS, NEEDED
from bot.flow.positions import Entries, Items, Problems, Scalar, Value, read
from bot.flow.schema import schema
from tests.flow.small import GOOD, WIDE
from tests.flow.test_bad_files import BAD

SHIPPED = Path(__file__).parents[2] / "flows"
VALIDATOR = Draft202012Validator(schema())

FORMS = ("wrong-form", "unknown-key", "missing-text", "missing-key", "empty-options", "bad-name", "unknown-step-kind")
BEYOND = {  # what the form of one file does not show
    "missing-key-person",  # an entry flow may be written before its flow to a person
    "missing-text-phrases",
}


def plain(value: Value) -> Any:
    """The file as an editor sees it, but for the types that it guesses."""
    match value:
        case Scalar(text=text):
            return text
        case Items(values=values):
            return [plain(each) for each in values]
        case Entries(values=values):
            return {key: plain(each) for key, each in values.items()}


def content(path: Path) -> Any:
    value = read(path.name, path.read_bytes(), Problems())
    assert value is not None
    return plain(value)


def bad_forms() -> list[Path]:
    named = [path for path in BAD if path.stem.startswith((*FORMS, "version-missing", "reserved-name-option"))]
    return [path for path in named if path.stem not in BEYOND]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())


def test_the_schema_beside_the_flows_is_up_to_date() -> None:
    lies_there = (SHIPPED / "flow.schema.json").read_text()
    assert lies_there == json.dumps(schema(), indent=2) + "\n", (
        "run `vestibule check --schema > flows/flow.schema.json`"
    )


@pytest.mark.parametrize(
    "path", [*SHIPPED.glob("*.yaml"), *GOOD.glob("*.yaml"), *WIDE.glob("*.yaml")], ids=lambda path: path.stem
)
def test_a_good_file_is_valid(path: Path) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(content(path))] == []


@pytest.mark.parametrize("path", bad_forms(), ids=lambda path: path.stem)
def test_a_bad_form_is_not(path: Path) -> None:
    assert not VALIDATOR.is_valid(content(path))


@pytest.mark.parametrize("kind", KEYS)
def test_a_step_without_what_it_needs_is_not(kind: str) -> None:
    step = {kind: "name"}
    assert VALIDATOR.is_valid({"flow": "one", "steps": [step]}) == (not NEEDED.get(kind) and kind != "say")


def test_what_editors_read_as_numbers_and_truths_is_valid() -> None:
    step = {"ask": "name", "text": "Who?", "skip": False, "longest": 20, "tries": 2}
    assert VALIDATOR.is_valid({"flow": "one", "steps": [step]})
    assert not VALIDATOR.is_valid({"flow": "one", "steps": [{**step, "tries": 0}]})
