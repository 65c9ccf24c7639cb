"""What keeps flows from going live beyond what a flow file says of itself, and what is offered all the same."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bot.checking import check_flows, judge
from bot.config import Config, Helpline
from bot.flow.events import AskLanguage, Replied
from bot.flow.model import FlowError, Severity
from bot.library import read
from bot.publishing.publisher import read_checked, unready
from tests.test_config import WHOLE

ROOT = Path(__file__).resolve().parents[1]
SPANISH = Path("locales/es/LC_MESSAGES/messages.po")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with the flows and catalogs as they ship."""
    for name in ("flows", "locales"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def config(here: Path, *locales: str) -> Config:
    (here / "password").write_text("correct horse\n")
    (here / "config.toml").write_text(WHOLE)
    whole = Config.read(here / "config.toml", {})
    return replace(whole, helpline=replace(whole.helpline, locales=locales))


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_a_text_of_the_services_that_was_deleted_is_missed_before_anybody_needs_it(here: Path) -> None:
    staff = here / "flows" / "staff.yaml"
    staff.write_text("".join(line for line in staff.read_text().splitlines(True) if "  not_delivered:" not in line))
    problems = [str(problem) for problem in check_flows(here / "flows", ["en"]) if problem.severity is Severity.ERROR]
    expected = "error[missing-text]: the bot says 'not_delivered', which is missing in the 'texts' of 'phrases: staff'"
    assert any(problem == f"{staff}:1:1: {expected}" for problem in problems)


def test_every_language_that_is_ready_is_offered(here: Path) -> None:
    content = read_checked(config(here, "en", "ar", "es"))[1]
    assert list(content.texts.languages()) == ["en", "ar", "es"]


def test_a_language_that_is_not_ready_is_not_offered(here: Path) -> None:
    edit(here / SPANISH, 'msgctxt "main.welcome"', '#, fuzzy\nmsgctxt "main.welcome"')
    settings = config(here, "en", "es", "ar")
    content = read_checked(settings)[1]
    assert list(content.texts.languages()) == ["en", "ar"]
    assert unready(settings, content) == ("es",)
    asked = content.engine.step(None, Replied("hello"))
    assert any(isinstance(effect, AskLanguage) for effect in asked.effects)
    chosen = content.engine.step(asked.session, Replied("2")).session
    assert chosen is not None
    assert chosen.locale == "ar"  # nobody can choose Spanish


def test_a_catalog_that_cannot_be_read_takes_only_its_language_away(here: Path) -> None:
    (here / SPANISH).write_bytes(b"\xff\xfe")
    assert list(read_checked(config(here, "en", "es", "ar"))[1].texts.languages()) == ["en", "ar"]


def test_answers_that_read_alike_in_one_language_take_only_that_away(here: Path) -> None:
    edit(here / SPANISH, 'msgstr "Sí"', 'msgstr "No"')
    assert list(read_checked(config(here, "en", "es", "ar"))[1].texts.languages()) == ["en", "ar"]


def test_without_any_language_that_is_ready_nothing_goes_live(here: Path) -> None:
    (here / SPANISH).write_bytes(b"\xff\xfe")
    with pytest.raises(FlowError) as refused:
        read_checked(config(here, "es"))[1]
    assert [problem.code for problem in refused.value.problems] == ["no-language"]


def test_answers_that_read_alike_in_the_language_of_the_flows_do_not_go_live(here: Path) -> None:
    edit(here / "flows" / "eligibility.yaml", "A researcher", "A journalist or blogger")
    with pytest.raises(FlowError) as refused:
        read_checked(config(here, "en", "es"))[1]
    assert {problem.code for problem in refused.value.problems} == {"same-answer"}


def test_problems_come_in_the_order_of_the_files_and_each_once(here: Path) -> None:
    edit(here / SPANISH, 'msgstr "Sí"', 'msgstr ""')
    edit(here / "flows" / "eligibility.yaml", "A researcher", "A journalist or blogger")
    found = check_flows(here / "flows")
    places = [(problem.mark.file, problem.mark.line, problem.mark.column) for problem in found]
    assert places == sorted(places)
    assert len(set(found)) == len(found) > 2


def test_the_shipped_flows_are_ready_in_every_language_that_ships() -> None:
    verdict = judge(read(ROOT / "flows"), ROOT / "locales")
    assert verdict.problems() == []
    assert set(verdict.ready) == set(Helpline().locales)
