"""`vestibule ask`: what the FAQ would answer, for people and for scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot import cli
from bot.config import ConfigError
from bot.workshop.asking import Asking, in_lines

FLOWS = Path(__file__).parent.parent / "flows"


@pytest.fixture(scope="module")
def asking() -> Asking:
    return Asking(FLOWS)


def ask(asking: Asking, *objects: object) -> list[dict[str, object]]:
    return [json.loads(line) for line in in_lines(asking, [json.dumps(each) for each in objects], None)]


def test_every_line_comes_back_with_what_would_be_answered(asking: Asking) -> None:
    free, hacked = ask(
        asking,
        {"lang": "en", "text": "how much do you charge??", "id": 7},
        {"lang": "en", "text": "my instagram got hacked help"},
    )
    assert free["id"] == 7
    assert (free["predicted"], free["outcome"]) == ("free_of_charge", "answer")
    assert (hacked["predicted"], hacked["outcome"]) == (None, "none")
    for found in (free, hacked):
        ranked = found["ranked"]
        assert isinstance(ranked, list)
        assert len(set(ranked)) == 3
    assert isinstance(free["ranked"], list)
    assert free["ranked"][0] == "free_of_charge"


@pytest.mark.parametrize(
    "given", [{"text": ""}, {"text": "\ud800"}, {"text": "x" * 10_000, "lang": "es"}, {"text": "?"}]
)
def test_whatever_is_asked_three_are_ranked(asking: Asking, given: dict[str, str]) -> None:
    (found,) = ask(asking, given)
    assert found["predicted"] is None
    assert isinstance(found["ranked"], list)
    assert len(set(found["ranked"])) == 3


@pytest.mark.parametrize("lang", ["pt_BR", "pt-BR", None, "xx", 5])
def test_a_language_that_is_not_known_by_that_code_is_found(asking: Asking, lang: object) -> None:
    (found,) = ask(asking, {"lang": lang, "text": "quanto custa o serviço de vocês?"})
    assert found["predicted"] == "free_of_charge"


@pytest.mark.parametrize("line", ["{", "[]", "5", '{"lang": "en"}', '{"text": 5}'])
def test_a_line_that_asks_nothing_is_told(asking: Asking, line: str) -> None:
    with pytest.raises(ConfigError, match=r"line 2: expected an object"):
        list(in_lines(asking, ["", line], None))


def test_a_question_is_shown_with_its_answer() -> None:
    done = CliRunner().invoke(cli.app, ["ask", "is it free?", "--locale", "en", "--flows", str(FLOWS)])
    assert done.exit_code == 0
    assert done.stdout.startswith("[answers free_of_charge]\nYes.")


def test_one_message_can_be_asked_for_a_script() -> None:
    done = CliRunner().invoke(cli.app, ["ask", "is it free?", "--locale", "en", "--json", "--flows", str(FLOWS)])
    assert json.loads(done.stdout)["predicted"] == "free_of_charge"


def test_a_language_without_phrasings_is_told() -> None:
    done = CliRunner().invoke(cli.app, ["ask", "hello", "--locale", "xx", "--flows", str(FLOWS)])
    assert isinstance(done.exception, ConfigError)
    assert str(done.exception).startswith("there is no language 'xx'; there are ar, de, en")
