"""Rooms beside the default queue room: what `check` and `doctor` say of them, and what the bot makes of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bot.admin import doctor, remedies
from bot.app import staff_of
from bot.checking import check_config
from bot.config import Config
from bot.flow.model import Severity
from bot.services.routing import DEFAULT, Rooms, Route
from tests.test_config import WHOLE

ROOT = Path(__file__).resolve().parents[1]
CASES = "!cases:example.org"
TOPICS = '{ room = "#a:example.org", topics = ["account", "acount"] }'


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with the flows as they ship, in English alone."""
    shutil.copytree(ROOT / "flows", tmp_path / "flows")
    (tmp_path / "password").write_text("correct horse\n")
    return tmp_path


def config(here: Path, *rooms: str, vetting: str = "") -> Path:
    listed = f"[specialists]\nrooms = [{', '.join(rooms)}]\n"
    text = WHOLE.replace("[specialists]\n", listed) + '\n[helpline]\nlocales = ["en"]\n'
    file = here / "config.toml"
    file.write_text(f'{text}\n[vetting]\nroom = "{vetting}"\n' if vetting else text)
    return file


def test_a_topic_that_no_case_can_have_is_told_with_those_that_there_are(here: Path) -> None:
    file = config(here, TOPICS)
    found = [problem for problem in check_config(file, {}) if problem.severity is Severity.ERROR]
    (problem,) = found
    assert (problem.code, problem.mark.file, problem.mark.line) == ("unknown-topic", str(file), 8)
    assert "names the topic 'acount', which no case can have; there are " in problem.message
    assert "account" in problem.message.partition("there are ")[2].split(", ")


def test_topics_that_there_are_need_no_word(here: Path) -> None:
    file = config(here, TOPICS.replace(', "acount"', ""))
    assert [problem for problem in check_config(file, {}) if problem.severity is Severity.ERROR] == []
    assert next(finding for finding in doctor.examine(Config.read(file, {})) if finding.code == "room-topics").good


def test_the_doctor_says_so_too(here: Path) -> None:
    found = doctor.examine(Config.read(config(here, TOPICS), {}))
    line = next(remedies.line(finding) for finding in found if finding.code == "room-topics")
    assert line.startswith("wrong  room-topics: [specialists] rooms names the topic 'acount'")


def test_a_room_goes_by_its_name_and_one_with_two_names_by_the_first(here: Path) -> None:
    rooms = ('{ room = "#a:example.org", languages = ["en"] }', '{ room = "!a:example.org", topics = ["account"] }')
    read = Config.read(config(here, *rooms, vetting="#v:example.org"), {})
    ids = {CASES: CASES, "#a:example.org": "!a:example.org", "!a:example.org": "!a:example.org", "#v:example.org": None}
    staff = staff_of(read, ids)
    assert staff.room == CASES
    assert staff.rooms == Rooms(
        {"#v:example.org": None, "#a:example.org": "!a:example.org"},
        (Route("#a:example.org", ("en",)), Route("#a:example.org", topics=("account",))),
        "#v:example.org",
    )


def test_another_name_of_the_default_room_is_the_default_room(here: Path) -> None:
    read = Config.read(config(here, '{ room = "#all:example.org", languages = ["en"] }', vetting=CASES), {})
    staff = staff_of(read, {CASES: CASES, "#all:example.org": CASES})
    assert staff.rooms == Rooms({}, (Route(DEFAULT, ("en",)),), DEFAULT)
