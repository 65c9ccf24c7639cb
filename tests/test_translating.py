"""`vestibule test --into`: conversations put into another language, and what of them only a person can put there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bot.config import Helpline
from bot.workshop.places import places_of
from tests.shell import vestibule

ROOT = Path(__file__).parents[1]
CONVERSATIONS = ROOT / "tests" / "conversations"

ENGLISH = """\
# Somebody asks what it costs, and goes back.
language: en
at: role

requester: Is the helpline free of charge?
bot: Yes. You pay nothing for ... Which of these describes you best? ...
requester: a jurnalist or bloger
bot: Did you mean ...
requester: yes please
bot: Are you writing for yourself? ...
requester: 3
wait: 1 hour
requester: forget me
bot: ... This cannot be undone. 1. Yes 2. No
state: eligibility/problem
"""

SPANISH = """\
# Somebody asks what it costs, and goes back.
language: es
at: role

requester: ¿La línea de ayuda es gratis?
bot:
  Sí. Usted no paga nada por nuestro apoyo y ayuda técnica.
  Primero, unas preguntas breves. ¿Cuál de estas respuestas le describe mejor? Si escribe por otra persona, elija la \
que describe a esa persona.
  ...
requester: soy periodsta o escribo un blog
bot: ¿Quiso decir «Soy periodista o escribo un blog»? ...
requester: sí
bot: ¿Escribe por usted? ...
requester: 3
wait: 1 hour
requester: olvidar
bot:
  ...
  ¿Quiere que olvide esta conversación? Entonces borraré todo lo que guardo de ella. Esto no se puede deshacer.
  1. Sí
  2. No
state: eligibility/problem
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the shipped flows and catalogs and one conversation, to stand in."""
    shutil.copytree(ROOT / "flows", tmp_path / "flows")
    shutil.copytree(ROOT / "locales", tmp_path / "locales")
    english = tmp_path / "tests" / "conversations" / "en"
    english.mkdir(parents=True)
    (english / "one.txt").write_text(ENGLISH)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "tests" / "conversations"


def translate(here: Path, english: str, spanish: str) -> None:
    file = here / "es" / "words.po"
    begin = f'msgid "{english}"\nmsgstr "'
    text = file.read_text()
    assert begin in text
    before, _, after = text.partition(begin)
    file.write_text(before + begin + spanish + after[after.index('"') :])


def test_only_words_of_ones_own_wait_for_a_person(here: Path) -> None:
    code, out, err = vestibule("test", "--into", "es")
    assert (code, out, err) == (1, "tests/conversations/es/words.po: 1 line to translate; then run this again\n", "")
    assert "#. one.txt: Did you mean ...\n" in (here / "es" / "words.po").read_text()
    assert not (here / "es" / "one.txt").exists()
    translate(here, "a jurnalist or bloger", "soy periodsta o escribo un blog")
    code, out, err = vestibule("test", "--into", "es")
    assert (code, out, err) == (0, "tests/conversations/es/one.txt: written\n", "")
    assert (here / "es" / "one.txt").read_text() == SPANISH
    assert vestibule("test", "tests/conversations/es").code == 0


def test_a_second_time_nothing_is_asked_again_and_the_same_is_written(here: Path) -> None:
    vestibule("test", "--into", "es")
    translate(here, "a jurnalist or bloger", "soy periodsta o escribo un blog")
    vestibule("test", "--into", "es")
    before = {file.name: file.read_bytes() for file in (here / "es").iterdir()}
    assert vestibule("test", "--into", "es").code == 0
    assert {file.name: file.read_bytes() for file in (here / "es").iterdir()} == before


def test_words_that_are_understood_otherwise_are_told_with_their_place(here: Path) -> None:
    vestibule("test", "--into", "es")
    translate(here, "a jurnalist or bloger", "Soy activista o defiendo los derechos humanos")
    code, out, err = vestibule("test", "--into", "es")
    assert code == 1
    assert "tests/conversations/en/one.txt:" in out + err
    assert not (here / "es" / "one.txt").exists()


def test_a_conversation_that_goes_another_way_in_english_is_not_put_into_another_language(here: Path) -> None:
    (here / "en" / "one.txt").write_text("language: en\nat: role\n\nrequester: 1\nbot: What is it about? ...\n")
    code, out, err = vestibule("test", "--into", "es")
    assert code == 1
    assert "one.txt:5:1: error[other-conversation]: the conversation goes another way than this" in out + err
    assert not (here / "es" / "one.txt").exists()


def test_a_language_that_there_is_not_is_one_line(here: Path) -> None:
    code, out, err = vestibule("test", "--into", "xx")
    assert (code, out) == (2, "")
    assert err.startswith("there is no language 'xx'; there are en, ")


LINES = ["Hello there.", "How are you today?", "1. Well", "2. Not so well"]


@pytest.mark.parametrize(
    ("expected", "places"),
    [
        ("Hello there. How are you today? 1. Well 2. Not so well", [0, 1, 2, 3]),
        ("...", [None]),
        ("", None),
        ("Hello there. ...", [0, None]),
        ("Hello ...", [0, None]),
        ("... How are ... today? ...", [None, 1, None]),
        ("... are you ... so well", [None, 1, None, 3]),
        ("... there. ... How ... 1. Well 2. Not ...", [None, 0, 1, 2, 3, None]),
        ("How ...", None),
        ("... Hello there.", None),
        ("... today? ... there. ...", None),
    ],
)
def test_parts_of_what_is_said_stand_in_whole_lines(expected: str, places: list[int | None] | None) -> None:
    assert places_of(expected, LINES) == places


@pytest.mark.parametrize("locale", [locale for locale in Helpline().locales if locale != "en"])
def test_every_conversation_is_there_in_every_language(locale: str) -> None:
    english = {file.name for file in (CONVERSATIONS / "en").glob("*.txt")}
    assert english <= {file.name for file in (CONVERSATIONS / locale).glob("*.txt")}
